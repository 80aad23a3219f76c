"""Time and memory of one EM iteration of a Gaussian mixture beside other programs', in one run on the same machine.

Same rows, same start, and the same log-likelihood after some iterations, or it stops. What is not installed is left out:
scikit-learn, oneDAL (scikit-learn-intelex), mclust (R). Programs take turns; times are those of each one's best turn, as
other work on the machine can only add (of oneDAL and mclust, whose iterations are differences of runs, the median), ratios
those of these; in brackets the quartiles of the turns' own ratios.

python tests/benchmarks/bench_engine.py [--json OUT] [--covariances full,diag] [--shapes 1e5x2x3,...] [--repeats N] [--apart S]
"""

from __future__ import annotations

import argparse
import importlib.util
import tracemalloc

import numpy as np
from contenders import Contender, Mclust, OneDal, Ours, ScikitLearn
from report import report

import emstudio.models  # noqa: F401
from emstudio.core.data import Dataset, dataset, painted
from emstudio.core.em import Moment, advance, begin, blank
from emstudio.core.model import Start, find

SHAPES = "1e3x2x3,1e5x2x3,1e6x2x8,1e6x10x8,1e5x50x16"
_SAME = 1e-9  # relative difference of log-likelihoods
_CHECKED = 3  # iterations after which they are compared


def blobs(n: int, d: int, k: int, apart: float = 4.0) -> Dataset:
    """Unit spheres whose centres spread with the standard deviation `apart`."""
    rng = np.random.default_rng(0)
    centres = apart * rng.standard_normal((k, d))
    x = centres[rng.integers(k, size=n)] + rng.standard_normal((n, d))
    return dataset(painted(x, [f"x{j + 1}" for j in range(d)]))


def contenders(start: Moment, covariance: str, mclust: bool) -> list[Contender]:
    """Ours first, and what is installed of the others."""
    size = start.data.n * start.data.d * start.model.k
    count = 200 if size < 1e5 else 20 if size < 1e6 else 4
    found: list[Contender] = [Ours(start, count), Ours(start, count, resp=True)]
    if importlib.util.find_spec("sklearn"):
        found.append(ScikitLearn(start, covariance, max(1, count // 4)))
    if importlib.util.find_spec("daal4py"):
        found.append(OneDal(start, covariance, count))
    if mclust:
        found.append(Mclust(start, covariance, max(1, count // 4)))
    return found


def agree(found: list[Contender]) -> None:
    truth = found[0].climbed(_CHECKED)
    for other in found[1:]:
        value = other.climbed(_CHECKED)
        if abs(value - truth) > _SAME * abs(truth):
            raise SystemExit(f"{other.name} has another log-likelihood: {value!r} and not {truth!r}")


def megabytes(start: Moment) -> float:
    """The most memory that an iteration needs at once beside the data, without responsibilities."""
    moment = advance(start, resp=False)
    tracemalloc.start()
    advance(advance(moment, resp=False), resp=False)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 1e6


def row(n: int, d: int, k: int, covariance: str, repeats: int, mclust: bool, apart: float) -> dict:
    model = find("gaussian").make(k=k, covariance=covariance)
    start = begin(blank(blobs(n, d, k, apart), model, Start("points"), 0), resp=False)
    found = contenders(start, covariance, mclust)
    agree(found)
    seconds: dict[str, list[float]] = {one.name: [] for one in found}
    for _ in range(repeats):
        for one in found:
            seconds[one.name].append(one.sample())
    for one in found:
        if isinstance(one, Mclust):
            one.close()
    ours = np.array(seconds[found[0].name])
    made: dict = {"rows": n, "columns": d, "K": k, "covariance": covariance}
    best = {one.name: one.best(seconds[one.name]) for one in found}
    made |= {f"{name} ms": 1e3 * best[name] for name in best}
    for one in found[2:]:
        low, high = np.percentile(np.array(seconds[one.name]) / ours, (25, 75))
        made[f"x {one.name}"] = f"{best[one.name] / best[found[0].name]:.3g} ({low:.3g}-{high:.3g})"
    return made | {"MB": megabytes(start)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json")
    parser.add_argument("--covariances", default="full,diag")
    parser.add_argument("--shapes", default=SHAPES, help="rows x columns x K, separated by commas")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--apart", type=float, default=4.0, help="how far the clusters lie from each other (4)")
    parser.add_argument("--no-mclust", action="store_true", help="the slowest of them, though it is installed")
    options = parser.parse_args()
    mclust = not options.no_mclust and Mclust.installed()
    rows = []
    for covariance in options.covariances.split(","):
        for shape in options.shapes.split(","):
            n, d, k = (int(float(number)) for number in shape.split("x"))
            rows.append(row(n, d, k, covariance, options.repeats, mclust, options.apart))
    report("One EM iteration", rows, options.json)


if __name__ == "__main__":
    main()
