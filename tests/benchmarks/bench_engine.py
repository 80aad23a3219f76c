"""Time of one EM iteration beside scikit-learn's, same start, same machine, same run.

python tests/benchmarks/bench_engine.py [--json OUT] [--cases full,diag] [--large]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from report import report

import emstudio.models  # noqa: F401
from emstudio.core.data import Dataset, dataset, painted
from emstudio.core.em import Moment, advance, begin, blank
from emstudio.core.model import Start, find

SHAPES = ((1_000, 2, 3), (100_000, 2, 3), (1_000_000, 2, 8))
LARGE = ((1_000_000, 10, 8), (100_000, 50, 16))


def blobs(n: int, d: int, k: int) -> Dataset:
    rng = np.random.default_rng(0)
    centres = 4.0 * rng.standard_normal((k, d))
    x = centres[rng.integers(k, size=n)] + rng.standard_normal((n, d))
    return dataset(painted(x, [f"x{j + 1}" for j in range(d)]))


def median_seconds(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        before = time.perf_counter()
        work()
        times.append(time.perf_counter() - before)
    return statistics.median(times)


def ours(moment: Moment, repeats: int) -> tuple[float, float]:
    """(seconds an iteration, log-likelihood after them)."""
    state = [advance(moment, resp=False)]

    def iteration() -> None:
        state[0] = advance(advance(state[0], resp=False), resp=False)

    return median_seconds(iteration, repeats), state[0].snapshot.log_likelihood


def scikit_learn(moment: Moment, covariance: str, repeats: int) -> tuple[float, float]:
    from sklearn.mixture import GaussianMixture

    p, x = moment.snapshot.params, moment.data.x
    precisions = np.linalg.inv(p.covariances)
    if covariance == "diag":
        precisions = np.diagonal(precisions, axis1=1, axis2=2)
    mixture = GaussianMixture(
        moment.model.k,
        covariance_type=covariance,
        reg_covar=0.0,
        weights_init=p.weights,
        means_init=p.means,
        precisions_init=precisions,
    )
    mixture._initialize_parameters(x, np.random.RandomState(0))
    mixture._initialize(x, None)

    def iteration() -> None:
        _, log_resp = mixture._e_step(x)
        mixture._m_step(x, log_resp)

    seconds = median_seconds(iteration, repeats)
    return seconds, mixture._e_step(x)[0] * len(x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json")
    parser.add_argument("--cases", default="full,diag")
    parser.add_argument("--large", action="store_true", help="also the shapes that need gigabytes and minutes")
    options = parser.parse_args()
    rows = []
    for covariance in options.cases.split(","):
        for n, d, k in SHAPES + (LARGE if options.large else ()):
            model = find("gaussian").make(k=k, covariance=covariance)
            moment = begin(blank(blobs(n, d, k), model, Start("points"), 0), resp=False)
            repeats = 30 if n <= 1000 else 7 if n <= 100_000 else 3
            a, la = ours(moment, repeats)
            b, lb = scikit_learn(moment, covariance, repeats)
            if abs(la - lb) > 1e-9 * abs(lb):
                raise SystemExit(f"the log-likelihoods differ: {la!r} and {lb!r}")
            rows.append(
                {
                    "rows": n,
                    "columns": d,
                    "K": k,
                    "covariance": covariance,
                    "ms": 1e3 * a,
                    "scikit-learn ms": 1e3 * b,
                    "times faster": b / a,
                }
            )
    report("One EM iteration", rows, options.json)


if __name__ == "__main__":
    main()
