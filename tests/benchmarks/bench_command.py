"""A whole command, `emstudio fit FILE --model gaussian ...`, beside a small program that does the same with scikit-learn.

Each is a process of its own that starts, reads the file, does the same iterations of full covariances from the same start and
writes what it found; the log-likelihoods must agree, or it stops. scikit-learn's program reads with polars or numpy, is given
the start (so that it makes none) and one pass less over the data at the end. They take turns; times are those of each one's
best turn. "alone" is without what the same process needs for no iteration at all: start, reading, writing.

python tests/benchmarks/bench_command.py [--json OUT] [--shapes 1e5x2x3,...] [--formats csv,npy,parquet] [--repeats N]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from report import report

ROOT = Path(__file__).resolve().parents[2]
SHAPES = "1e5x2x3,1e6x2x8,1e6x10x8"
ITERATIONS = 20
_TOLD = 0.1  # of a process' time: a difference of two that is smaller is mostly noise
_SAME = 1e-9  # relative difference of log-likelihoods

_SCIKIT_LEARN = """
import json, sys, warnings
import numpy as np
file, start, iterations = sys.argv[1], json.load(open(sys.argv[2]))["params"], int(sys.argv[3])
if file.endswith(".npy"):
    x = np.load(file)
else:
    import polars
    x = (polars.read_csv if file.endswith(".csv") else polars.read_parquet)(file).to_numpy()
warnings.simplefilter("ignore")
from sklearn.mixture import GaussianMixture
if iterations:
    means = np.array(start["means"])
    mixture = GaussianMixture(
        len(means), tol=0.0, reg_covar=0.0, max_iter=iterations, init_params="random_from_data", random_state=0,
        weights_init=start["weights"], means_init=means, precisions_init=np.linalg.inv(start["covariances"]),
    ).fit(x)
    print(float(mixture.lower_bound_) * len(x))
"""


class Took(NamedTuple):
    wall: float
    cpu: float


def write(folder: Path, n: int, d: int, k: int, formats: list[str]) -> tuple[dict[str, Path], Path]:
    """The files of the same rows by format, and the start."""
    import polars

    rng = np.random.default_rng(0)
    centres = 4.0 * rng.standard_normal((k, d))
    x = centres[rng.integers(k, size=n)] + rng.standard_normal((n, d))
    files = {f: folder / f"x.{f}" for f in formats}
    frame = polars.DataFrame(x, schema=[f"x{j + 1}" for j in range(d)])
    for name, file in files.items():
        if name == "npy":
            np.save(file, x)
        else:
            (frame.write_csv if name == "csv" else frame.write_parquet)(file)
    covariance = np.cov(x.T).reshape(d, d)
    params = {
        "weights": [1.0 / k] * k,
        "means": x[rng.choice(n, k, replace=False)].tolist(),
        "covariances": [covariance.tolist()] * k,
    }
    start = folder / "start.json"
    start.write_text(json.dumps({"params": params}))
    return files, start


def timed(command: list[str]) -> tuple[Took, str]:
    """(what the process took, its standard output)."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    before = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - before
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command[:4]} ended with {process.returncode}")
    return Took(wall, used.ru_utime + used.ru_stime), out


def ours(file: Path, start: Path, k: int, iterations: int) -> tuple[Took, float | None]:
    """What a fit took, and the log-likelihood before its last M-step, as scikit-learn tells it."""
    out = file.parent / "fit.json"
    options = f"--model gaussian -k {k} --covariance full --tol 0 --max-iter {iterations}".split()
    command = [sys.executable, "-m", "emstudio", "fit", str(file), *options]
    took, _ = timed([*command, "--start", f"params:{start}", "--json", str(out)])
    trace = json.loads(out.read_text())["trace"]
    return took, trace[-2]["log_likelihood"] if iterations else None


def theirs(file: Path, start: Path, k: int, iterations: int) -> tuple[Took, float | None]:
    took, out = timed([sys.executable, "-c", _SCIKIT_LEARN, str(file), str(start), str(iterations)])
    return took, float(out) if iterations else None


def row(file: Path, start: Path, shape: tuple[int, int, int], repeats: int) -> dict:
    n, d, k = shape
    turns: dict[tuple[str, int], list[Took]] = {}
    for _ in range(repeats):
        for name, run in (("ours", ours), ("theirs", theirs)):
            for iterations in (0, ITERATIONS):
                took, level = run(file, start, k, iterations)
                turns.setdefault((name, iterations), []).append(took)
                if iterations and name == "ours":
                    expected = level
                elif iterations and abs(level - expected) > _SAME * abs(expected):
                    raise SystemExit(f"the log-likelihoods differ: {expected!r} and {level!r}")
    least = {key: Took(min(t.wall for t in found), min(t.cpu for t in found)) for key, found in turns.items()}
    whole, other = least["ours", ITERATIONS], least["theirs", ITERATIONS]
    alone = Took(*np.subtract(whole, least["ours", 0]))
    other_alone = Took(*np.subtract(other, least["theirs", 0]))
    return {
        "rows": n,
        "columns": d,
        "K": k,
        "file": file.suffix[1:],
        "s": whole.wall,
        "scikit-learn s": other.wall,
        "x wall": other.wall / whole.wall,
        "x CPU": other.cpu / whole.cpu,
        "none s": least["ours", 0].wall,
        "scikit-learn none s": least["theirs", 0].wall,
        "x wall alone": other_alone.wall / alone.wall if alone.wall > _TOLD * whole.wall else "-",
        "x CPU alone": other_alone.cpu / alone.cpu if alone.cpu > _TOLD * whole.cpu else "-",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json")
    parser.add_argument("--shapes", default=SHAPES, help="rows x columns x K, separated by commas")
    parser.add_argument("--formats", default="csv,npy,parquet")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    rows = []
    for shape in options.shapes.split(","):
        n, d, k = (int(float(number)) for number in shape.split("x"))
        with tempfile.TemporaryDirectory() as name:
            files, start = write(Path(name), n, d, k, options.formats.split(","))
            rows += [row(file, start, (n, d, k), options.repeats) for file in files.values()]
    report(f"A whole command, {ITERATIONS} iterations", rows, options.json)


if __name__ == "__main__":
    main()
