"""One EM iteration of a Gaussian mixture by several programs, from the same start on the same rows."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from emstudio.core.em import Moment, advance


class Contender(Protocol):
    """`sample()` gives the seconds of one iteration; `climbed(t)` the log-likelihood after t iterations from the start.

    `best` is what to make of several samples: the least, or the median where they are differences of two runs.
    """

    name: str
    best: Callable[[list[float]], float]

    def sample(self) -> float: ...

    def climbed(self, t: int) -> float: ...


_SETTLED = 0.1  # seconds: the threads of BLAS that the one before left spinning are asleep by then


def settled(iterate: Callable[[], None], count: int) -> float:
    """Seconds of one of `count` iterations, after some that are not timed."""
    begun = time.perf_counter()
    while time.perf_counter() - begun < _SETTLED:
        iterate()
    before = time.perf_counter()
    for _ in range(count):
        iterate()
    return (time.perf_counter() - before) / count


class Ours:
    best = staticmethod(min)

    """`resp`: with responsibilities kept for display, as the window steps."""

    def __init__(self, start: Moment, count: int, resp: bool = False):
        self.name = "with responsibilities" if resp else "EM Studio"
        self._start, self._count, self._resp = start, count, resp
        self._now = self._next(start)

    def _next(self, moment: Moment) -> Moment:
        return advance(advance(moment, self._resp), self._resp)

    def _iterate(self) -> None:
        self._now = self._next(self._now)

    def sample(self) -> float:
        return settled(self._iterate, self._count)

    def climbed(self, t: int) -> float:
        moment = self._start
        for _ in range(t):
            moment = self._next(moment)
        assert moment.snapshot.log_likelihood is not None
        return moment.snapshot.log_likelihood


class ScikitLearn:
    name = "scikit-learn"
    best = staticmethod(min)

    def __init__(self, start: Moment, covariance: str, count: int):
        self._start, self._covariance, self._count = start, covariance, count
        self._now = self._made()

    def _made(self):
        from sklearn.mixture import GaussianMixture

        p, x = self._start.snapshot.params, self._start.data.x
        precisions = np.linalg.inv(p.covariances)
        if self._covariance == "diag":
            precisions = np.diagonal(precisions, axis1=1, axis2=2)
        made = GaussianMixture(
            len(p.weights),
            covariance_type=self._covariance,
            reg_covar=0.0,
            weights_init=p.weights,
            means_init=p.means,
            precisions_init=precisions,
        )
        made._initialize_parameters(x, np.random.RandomState(0))
        made._initialize(x, None)
        return made

    def _iterate(self, mixture) -> None:
        x = self._start.data.x
        mixture._m_step(x, mixture._e_step(x)[1])

    def sample(self) -> float:
        return settled(lambda: self._iterate(self._now), self._count)

    def climbed(self, t: int) -> float:
        mixture = self._made()
        for _ in range(t):
            self._iterate(mixture)
        return float(mixture._e_step(self._start.data.x)[0]) * self._start.data.n


class OneDal:
    """oneDAL's EM for Gaussian mixtures, by scikit-learn-intelex. It reads the data anew in each call, so an iteration is
    the difference of a long and a short run."""

    name = "oneDAL"
    best = staticmethod(statistics.median)

    def __init__(self, start: Moment, covariance: str, more: int):
        self._start, self._diagonal, self._more = start, covariance == "diag", more

    def _run(self, iterations: int) -> tuple[float, float]:
        import daal4py

        p, x = self._start.snapshot.params, self._start.data.x
        storage = {"covarianceStorage": "diagonal"} if self._diagonal else {}
        algorithm = daal4py.em_gmm(
            nComponents=len(p.weights),
            maxIterations=iterations,
            accuracyThreshold=0.0,
            regularizationFactor=0.0,
            **storage,
        )
        covariances = [np.diagonal(c)[None].copy() if self._diagonal else c.copy() for c in p.covariances]
        before = time.perf_counter()
        result = algorithm.compute(x, p.weights[None], p.means, covariances)
        return time.perf_counter() - before, float(result.goalFunction[0, 0])

    def sample(self) -> float:
        short, long = self._run(1)[0], self._run(1 + self._more)[0]
        return max(1e-9, (long - short) / self._more)

    def climbed(self, t: int) -> float:
        return self._run(t + 1)[1]  # it tells the one before its last M-step


class Mclust:
    """R's mclust, in a process of its own that answers when asked; an iteration is the difference of two runs."""

    name = "mclust"
    best = staticmethod(statistics.median)

    def __init__(self, start: Moment, covariance: str, more: int):
        p, x = start.snapshot.params, start.data.x
        self._more = more
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        for name, array in (("x", x), ("w", p.weights), ("m", p.means), ("s", p.covariances)):
            (folder / name).write_bytes(np.ascontiguousarray(array, float).tobytes())
        model = {"full": "VVV", "diag": "VVI"}[covariance]
        program = _MCLUST.format(folder=folder, n=x.shape[0], d=x.shape[1], k=len(p.weights), model=model)
        (folder / "run.R").write_text(program, encoding="utf-8")
        self._r = subprocess.Popen(
            ["Rscript", str(folder / "run.R")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def _run(self, iterations: int) -> tuple[float, float]:
        assert self._r.stdin and self._r.stdout
        self._r.stdin.write(f"{iterations}\n")
        self._r.stdin.flush()
        seconds, log_likelihood = self._r.stdout.readline().split()
        return float(seconds), float(log_likelihood)

    def sample(self) -> float:
        short, long = self._run(1)[0], self._run(1 + self._more)[0]
        return max(1e-9, (long - short) / self._more)

    def climbed(self, t: int) -> float:
        return self._run(t)[1]

    def close(self) -> None:
        assert self._r.stdin
        self._r.stdin.close()
        self._r.wait()
        self._folder.cleanup()

    @staticmethod
    def installed() -> bool:
        if shutil.which("Rscript") is None:
            return False
        done = subprocess.run(["Rscript", "-e", "library(mclust)"], capture_output=True, check=False)
        return done.returncode == 0


_MCLUST = """
suppressMessages(library(mclust))
numbers <- function(name, count) readBin(file.path("{folder}", name), "double", count)
n <- {n}; d <- {d}; k <- {k}; model <- "{model}"
x <- matrix(numbers("x", n * d), n, d, byrow = TRUE)
s <- aperm(array(numbers("s", d * d * k), c(d, d, k)), c(2, 1, 3))
if (model == "VVV") {{
  variance <- list(modelName = model, d = d, G = k, sigma = s, cholsigma = array(apply(s, 3, chol), c(d, d, k)))
}} else {{
  v <- apply(s, 3, diag)
  scale <- exp(colMeans(log(v)))
  variance <- list(modelName = model, d = d, G = k, sigma = s, scale = scale, shape = sweep(v, 2, scale, "/"))
}}
start <- list(pro = numbers("w", k), mean = t(matrix(numbers("m", k * d), k, d, byrow = TRUE)), variance = variance)
asked <- file("stdin", "r")
while (length(line <- readLines(asked, 1)) > 0) {{
  control <- emControl(eps = 0, tol = c(0, 0), itmax = rep(as.integer(line), 2))
  before <- Sys.time()
  fit <- em(data = x, modelName = model, parameters = start, control = control, warn = FALSE)
  cat(sprintf("%.9f %.12e\\n", as.numeric(difftime(Sys.time(), before, units = "secs")), fit$loglik))
  flush(stdout())
}}
"""
