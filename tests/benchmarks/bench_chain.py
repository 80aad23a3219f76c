"""Time of one EM iteration of a hidden Markov model, and of Viterbi's path, beside hmmlearn's: same start, same run.

python tests/benchmarks/bench_chain.py [--json OUT] [--quick]

hmmlearn (C++) has two implementations of the E-step; "log" is its default. Ours and theirs take turns, so that what else
the machine does befalls all; the times are medians. The last columns are what one iteration's forward-backward takes
alone, and the share of the iteration that is spent outside of it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from report import report

import emstudio.models  # noqa: F401
from emstudio.core.chain_posterior import plan_of
from emstudio.core.data import Column, Dataset, Table, frozen
from emstudio.core.em import Moment, advance, begin, blank
from emstudio.core.model import Model, Params, Start, find
from emstudio.core.smoothing import smooth

SHAPES = ((10_000, 4, 1, 41), (100_000, 4, 1, 15), (1_000_000, 4, 1, 5), (100_000, 4, 1000, 11))
STAY = 0.9


def series(n: int, k: int, count: int) -> Table:
    """`count` series of n rows in all: states 0 to K - 1 that change one time in ten, observed at 2 z with unit noise."""
    rng = np.random.default_rng(0)
    jumps = np.where(rng.random(n) < STAY, 0, rng.integers(1, k, n))
    states = np.cumsum(jumps) % k
    which = np.repeat(np.arange(count), n // count)
    columns = [Column("x", "number", frozen(2.0 * states + rng.standard_normal(n)))]
    if count > 1:
        columns.append(Column("series", "count", frozen(which.astype(float))))
    return Table("Series", tuple(columns))


def started(n: int, k: int, count: int) -> Moment:
    """The run at parameters near the truth, where the transitions matter."""
    model: Model = find("hmm").make(k=k)
    data: Dataset = model.dataset(series(n, k, count), ["x"], sequence="series" if count > 1 else None)
    params: Params = model.init(data, Start("points"), np.random.default_rng(0))
    transitions = np.full((k, k), 0.2 / (k - 1))
    np.fill_diagonal(transitions, 0.8)
    params = params._replace(
        start=np.full(k, 1.0 / k),
        transitions=transitions,
        means=2.2 * np.arange(k, dtype=float)[:, None] - 0.3,
        covariances=np.full((k, 1, 1), 1.3),
    )
    return begin(blank(data, model, Start("params", params=params), 0), resp=False)


def theirs(moment: Moment, implementation: str):
    """hmmlearn's model at the same parameters, pure maximum likelihood."""
    from hmmlearn.hmm import GaussianHMM

    p = moment.snapshot.params
    hmm = GaussianHMM(len(p.start), "diag", 0.0, covars_prior=0.0, covars_weight=0.0, implementation=implementation)
    hmm.n_features = 1
    hmm.startprob_, hmm.transmat_, hmm.means_, hmm.covars_ = p.start, p.transitions, p.means, p.covariances[:, 0]
    return hmm


def in_turns(works: list[Callable[[], object]], repeats: int) -> list[float]:
    """The median seconds of each."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for work, taken in zip(works, times):
            before = time.perf_counter()
            work()
            taken.append(time.perf_counter() - before)
    return [statistics.median(t[1:] or t) for t in times]


def iterations(n: int, k: int, count: int, repeats: int) -> dict:
    moment = started(n, k, count)
    state = [advance(moment, resp=False)]
    x, offsets = moment.data.x, moment.data.offsets
    lengths = np.diff(offsets).tolist()
    others = [theirs(moment, kind) for kind in ("log", "scaling")]
    found = [0.0, 0.0]

    def ours() -> None:
        state[0] = advance(advance(state[0], resp=False), resp=False)

    def other(i: int) -> None:
        stats, found[i] = others[i]._do_estep(x, lengths)
        others[i]._do_mstep(stats)

    p = moment.snapshot.params
    scores = moment.model.emissions(moment.data, p)
    known = plan_of(moment.data, k)
    alone = lambda: smooth(scores, p.start, p.transitions, offsets, known)  # noqa: E731
    for i in range(2):
        other(i)
        if abs(found[i] - moment.snapshot.log_likelihood) > 1e-9 * abs(found[i]):
            raise SystemExit(f"the log-likelihoods differ: {moment.snapshot.log_likelihood!r} and {found[i]!r}")
    times = in_turns([ours, alone, lambda: other(0), lambda: other(1)], repeats)
    mine, smoothing, log, scaling = times
    return {
        "": "EM iteration",
        "rows": n,
        "K": k,
        "series": count,
        "ms": 1e3 * mine,
        "hmmlearn log ms": 1e3 * log,
        "times faster": log / mine,
        "hmmlearn scaling ms": 1e3 * scaling,
        "times faster than scaling": scaling / mine,
        "forward-backward ms": 1e3 * smoothing,
        "outside": 1 - smoothing / mine,
    }


def paths(n: int, k: int, count: int, repeats: int) -> dict:
    moment = started(n, k, count)
    other = theirs(moment, "log")
    data, p = moment.data, moment.snapshot.params
    lengths = np.diff(data.offsets).tolist()
    path, level = moment.model.decoded(data, p)
    its_level, its = other.decode(data.x, lengths)
    if (path != its).any() or abs(level.sum() - its_level) > 1e-9 * abs(its_level):
        raise SystemExit(f"the paths differ in {(path != its).sum()} rows")
    works = [lambda: moment.model.decoded(data, p), lambda: other.decode(data.x, lengths)]
    mine, theirs_ = in_turns(works, repeats)
    return {
        "": "Viterbi",
        "rows": n,
        "K": k,
        "series": count,
        "ms": 1e3 * mine,
        "hmmlearn log ms": 1e3 * theirs_,
        "times faster": theirs_ / mine,
        "hmmlearn scaling ms": "",
        "times faster than scaling": "",
        "forward-backward ms": "",
        "outside": "",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json")
    parser.add_argument("--quick", action="store_true", help="without the million rows")
    options = parser.parse_args()
    shapes = [s for s in SHAPES if not (options.quick and s[0] > 100_000)]
    rows = [iterations(*shape) for shape in shapes] + [paths(100_000, 4, 1, 15)]
    report("One EM iteration and one Viterbi path, Gaussian, one column", rows, options.json)


if __name__ == "__main__":
    main()
