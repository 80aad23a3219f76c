"""Time of one sampled E-step of the lecture text's chain, and what its draws are worth.

python tests/benchmarks/bench_samplers.py [--json OUT] [--sizes 100,1000,10000] [--draws 100] [--sweeps 75]

`ms` is one E-step: the sweeps with what is followed after each of them (stays, switches, squares), the exact posterior
that stands beside it, and the statistics of the M-step. `sweeps ms` is the sampling alone. `worth a second`: effective
draws of the number of stays, the mean over the whole trace after half of the sweeps, for q = .8, variance .25 (easy) and
q = .98, variance 1 (hard). `z`: how far the last paths are from the exact expectation, in their standard errors.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from report import report

import emstudio.models  # noqa: F401
from emstudio.core.data import painted
from emstudio.core.how import EStep
from emstudio.core.model import find
from emstudio.core.samplers import sweeps
from emstudio.core.samplers_tally import effective_size
from emstudio.models.noisy_switch import SwitchParams

RULES = (
    ("Metropolis, random site", "metropolis", False),
    ("Metropolis, site after site", "scan-metropolis", False),
    ("heat bath, site after site", "gibbs", False),
    ("Metropolis, even sites then odd", "scan-metropolis", True),
    ("heat bath, even then odd", "gibbs", True),
    ("forward filter, backward sample", "ffbs", False),
)
EASY, HARD = SwitchParams(0.8, 0.25), SwitchParams(0.98, 1.0)


def series(params: SwitchParams, n: int):
    """Rows drawn from the chain."""
    model = find("noisy-switch").make()
    x, _ = model.sample(params, n, np.random.default_rng(n))
    return model, model.dataset(painted(x, ["x"]))


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        before = time.perf_counter()
        work()
        times.append(time.perf_counter() - before)
    return 1e3 * statistics.median(times)


def measured(params: SwitchParams, n: int, how: EStep, repeats: int) -> tuple[float, float, float, float]:
    """(ms of an E-step, ms of its sweeps, effective draws a second, z)."""
    model, data = series(params, n)
    start, transitions, _ = model.split(params)
    scores = model.emissions(data, params)
    rng = np.random.default_rng(0)
    whole = milliseconds(lambda: model.e_step(data, params, how, rng), repeats)
    alone = milliseconds(lambda: [None for _ in sweeps(scores, start, transitions, data.offsets, how, rng)], repeats)
    posterior = model.e_step(data, params, how, np.random.default_rng(1))
    stays = np.asarray(posterior.trace[:, :, model.traced.index("a")], float)
    worth = effective_size(stays[len(stays) // 2 :]) / (whole / 1e3)
    found = model.statistics(data, params, posterior)
    exact = dict(zip(model.traced, model.expected_trace(data, params, posterior.exact)))
    return whole, alone, worth, (found["a"] - exact["a"]) / found["standard_errors"]["a"]


def exact(n: int) -> float:
    """ms of an exact E-step."""
    model, data = series(EASY, n)
    return milliseconds(lambda: model.e_step(data, EASY, EStep(), np.random.default_rng(0)), 7)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json")
    parser.add_argument("--sizes", default="100,1000")
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--sweeps", type=int, default=75)
    given = parser.parse_args()
    rows = []
    for n in map(int, given.sizes.split(",")):
        for title, kind, alternate in RULES:
            how = EStep(kind, draws=given.draws, sweeps=given.sweeps, alternate=alternate)
            repeats = 7 if n <= 100 else 3
            ms, alone, worth, z = measured(EASY, n, how, repeats)
            _, _, hard_worth, hard_z = measured(HARD, n, how, 1)
            row = {"n": n, "sampler": title, "ms": ms, "sweeps ms": alone}
            rows.append(row | {"worth a second": worth, "z": z, "worth, hard": hard_worth, "z, hard": hard_z})
        rows.append({"n": n, "sampler": "exact", "ms": exact(n)} | dict.fromkeys(list(rows[0])[3:], ""))
    report(f"One sampled E-step, {given.draws} chains x {given.sweeps} sweeps", rows, given.json)


if __name__ == "__main__":
    main()
