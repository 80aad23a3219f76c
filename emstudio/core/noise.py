"""A uniform component beside those of a family: rows that belong nowhere are noise, spread evenly over a box.

Source: Banfield and Raftery 1993, Biometrics 49.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.errors import UserError
from emstudio.core.family import NEVER, Evaluator, Family, Theta


class Noisy(NamedTuple):
    """The family's own theta, and box (2, d): the lowest and the highest corner of the noise."""

    own: Theta
    box: np.ndarray


@dataclass(frozen=True, eq=False)
class NoisyMoments:
    """The family's own moments, and of the noise the sum of r and that of r log p(x | noise)."""

    own: Any
    noise: float
    noise_density: float

    @property
    def counts(self) -> np.ndarray:
        """(K + 1,) the noise last."""
        return np.append(self.own.counts, self.noise)


@dataclass(frozen=True, eq=False)
class WithNoise(Family):
    """The components of `own`, and the noise last."""

    own: Family

    def log_density(self, x: np.ndarray, theta: Noisy) -> np.ndarray:
        return np.concatenate([self.own.log_density(x, theta.own), log_uniform(x, theta.box)[:, None]], axis=1)

    def evaluator(self, data: Dataset, theta: Noisy) -> Evaluator:
        """A box that nobody gave is that of the data."""
        box = theta.box if np.isfinite(theta.box).all() else box_of(data)
        density = data.memo(f"uniform {box.tobytes().hex()}", lambda: log_uniform(data.observed, box))
        return NoisyPass(self.own.evaluator(data, theta.own), density)

    def estimate(self, moments: NoisyMoments, previous: Noisy | None) -> Noisy:
        assert previous is not None  # the box does not follow from moments
        return Noisy(self.own.estimate(moments.own, previous.own), previous.box)

    def expected(self, moments: NoisyMoments, theta: Noisy) -> np.ndarray:
        return np.append(self.own.expected(moments.own, theta.own), moments.noise_density)

    def coordinates(self, data: Dataset, theta: Noisy) -> np.ndarray | None:
        return self.own.coordinates(data, theta.own)

    def at_coordinates(self, data: Dataset, coordinates: np.ndarray, like: Noisy) -> Noisy:
        return Noisy(self.own.at_coordinates(data, coordinates, like.own), like.box)

    def sample(self, theta: Noisy, component: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if not np.isfinite(theta.box).all():
            raise UserError("params has no 'box' to draw noise from", "give its lowest and its highest corner")
        low, high = theta.box
        x = low + (high - low) * rng.random((len(component), len(low)))
        own = component < len(theta.own.means)
        x[own] = self.own.sample(theta.own, component[own], rng)
        return x


class NoisyPass(Evaluator):
    """The family's own pass with one more row of scores."""

    def __init__(self, own: Evaluator, density: np.ndarray):
        self._own, self._density = own, density
        self.block = own.block
        self._scores = np.empty((0, 0))
        self._noise = self._sum = 0.0

    def scores(self, rows: slice) -> np.ndarray:
        own = self._own.scores(rows)
        out = self._scores[:, : own.shape[1]] if self._scores.size else self._made(own)
        out[:-1], out[-1] = own, self._density[rows]
        return out

    def _made(self, own: np.ndarray) -> np.ndarray:
        """The buffer for scores, as large as the first block."""
        self._scores = np.empty((len(own) + 1, own.shape[1]))
        return self._scores

    def add(self, rows: slice, r: np.ndarray) -> None:
        self._own.add(rows, np.ascontiguousarray(r[:-1]))
        self._noise += float(r[-1].sum())
        self._sum += float(r[-1] @ self._density[rows])

    def moments(self) -> NoisyMoments:
        return NoisyMoments(self._own.moments(), self._noise, self._sum)

    def again(self) -> NoisyPass | None:
        own = self._own.again()
        return None if own is None else NoisyPass(own, self._density)


def box_of(data: Dataset) -> np.ndarray:
    """(2, d) the bounding box of the data."""
    x = data.observed
    return np.stack([np.nanmin(x, axis=0), np.nanmax(x, axis=0)])


def log_uniform(x: np.ndarray, box: np.ndarray) -> np.ndarray:
    """(n,) the log-density of rows (n, d) in the box, over the columns that are known (not NaN)."""
    low, high = box
    known = ~np.isnan(x)
    with np.errstate(divide="ignore"):
        size = np.log(high - low)
    inside = (~known | ((x >= low) & (x <= high))).all(1)
    return np.where(inside, -(known @ size), NEVER)
