"""The emissions of a switch seen through noise: Gaussians at 0 and 1 with one variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.family import Evaluator, Family

LEVELS = np.array([0.0, 1.0])  # the means of the two states


class Spread(NamedTuple):
    """variances (2,): both are the same."""

    variances: np.ndarray


@dataclass(frozen=True, eq=False)
class Misfit:
    """counts (2,): expected observed steps in each state; squares (2,): the expected sums of (x - k)^2 there."""

    counts: np.ndarray
    squares: np.ndarray


class Switch(Family):
    """N(x | k, variance) for the states k = 0 and 1."""

    exponential: ClassVar[bool] = False

    def log_density(self, x: np.ndarray, theta: Spread) -> np.ndarray:
        return -0.5 * ((x - LEVELS) ** 2 / theta.variances + np.log(2.0 * np.pi * theta.variances))

    def evaluator(self, data: Dataset, theta: Spread) -> Evaluator:
        return _Pass(data, theta)

    def estimate(self, moments: Misfit, previous: Spread | None) -> Spread:
        """variance = c / n, c the expected squared misfit."""
        return Spread(np.full(2, moments.squares.sum() / moments.counts.sum()))

    def expected(self, moments: Misfit, theta: Spread) -> np.ndarray:
        v = theta.variances
        return -0.5 * (moments.squares / v + moments.counts * np.log(2.0 * np.pi * v))

    def sample(self, theta: Spread, component: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        noise = rng.standard_normal(len(component)) * np.sqrt(theta.variances[component])
        return (LEVELS[component] + noise)[:, None]


class _Pass(Evaluator):
    block = 1 << 62  # all rows at once

    def __init__(self, data: Dataset, theta: Spread):
        self._squares = data.memo("squared misfits", lambda: (data.x[:, 0] - LEVELS[:, None]) ** 2)
        self._v = theta.variances[:, None]
        self._found: Misfit | None = None

    def scores(self, rows: slice) -> np.ndarray:
        return -0.5 * (self._squares[:, rows] / self._v + np.log(2.0 * np.pi * self._v))

    def add(self, rows: slice, r: np.ndarray) -> None:
        self._found = Misfit(r.sum(1), np.einsum("kn,kn->k", r, self._squares[:, rows]))

    def moments(self) -> Misfit:  # type: ignore[override]
        assert self._found is not None
        return self._found


def path_misfits(x: np.ndarray) -> tuple[float, np.ndarray]:
    """(the squared misfit of the path of zeros, what each step adds to it where the state is 1)."""
    gain = 1.0 - 2.0 * x
    small = np.abs(gain).max(initial=0.0) < 1e12
    return float((x**2).sum()), gain.astype(np.float32) if small else gain
