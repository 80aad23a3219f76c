"""The private units in which the Gaussian engine works: centred and scaled by powers of two, so that nothing is lost.

Subtracting a centre next to the data is exact or harmless, and powers of two are exact: sizes of 1e150 or offsets of 1e9
cost no digits. Parameters and log-likelihoods are converted back to the data's own units on the way out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from emstudio.core.data import Dataset, frozen

LARGEST, SMALLEST = 1e150, 1e-150  # beyond these a variance would overflow or lose digits

COLLINEAR = 1e-13  # smallest eigenvalue of the columns' correlation matrix, per column


def correlation(covariance: np.ndarray) -> np.ndarray:
    """The correlation matrix of a covariance (d, d) with a positive diagonal."""
    sd = np.sqrt(np.diagonal(covariance))
    return covariance / np.outer(sd, sd)


@dataclass(frozen=True, eq=False)
class Frame:
    """z = (x 2^-down - centre) 2^up per column; `z` is (d, n), contiguous, feature-major."""

    down: np.ndarray
    centre: np.ndarray
    up: np.ndarray
    z: np.ndarray
    total: np.ndarray  # (d, d) the covariance of z, weighted, divided by the sum of weights

    @cached_property
    def log_jacobian(self) -> float:
        """log p(x) = log p(z) + this."""
        return float((self.up - self.down).sum() * np.log(2.0))

    @cached_property
    def collinear(self) -> bool:
        """Whether the columns depend on each other linearly (or one is constant)."""
        if not (np.diagonal(self.total) > 0).all():
            return True
        return bool(np.linalg.eigvalsh(correlation(self.total))[0] < COLLINEAR * len(self.total))

    @cached_property
    def root(self) -> np.ndarray:
        """(d, d) lower R with R R' = total; where columns are collinear that of the diagonal alone."""
        total = self.total
        if self.collinear:
            diagonal = np.diagonal(total)
            total = np.diag(np.where(diagonal > 0, diagonal, 1.0))
        return np.linalg.cholesky(total)

    def points(self, x: np.ndarray) -> np.ndarray:
        """(m, d) points or means of the data's units -> z units."""
        return np.ldexp(np.ldexp(np.asarray(x, float), -self.down) - self.centre, self.up)

    def points_back(self, z: np.ndarray) -> np.ndarray:
        return np.ldexp(np.ldexp(z, -self.up) + self.centre, self.down)

    def covariances(self, c: np.ndarray) -> np.ndarray:
        """(K, d, d) of the data's units -> z units."""
        return np.ldexp(np.asarray(c, float), self._exponents)

    def covariances_back(self, c: np.ndarray) -> np.ndarray:
        return np.ldexp(c, -self._exponents)

    @cached_property
    def _exponents(self) -> np.ndarray:
        e = self.up - self.down
        return e[:, None] + e[None, :]


def frame_of(data: Dataset) -> Frame:
    """The frame of a data set, made once."""
    return data.memo("frame", lambda: make_frame(data.x, data.weights))


def make_frame(x: np.ndarray, weights: np.ndarray | None = None) -> Frame:
    """The frame of rows `x` (n, d)."""
    n, d = x.shape
    size = np.abs(x).max(0, initial=0.0)
    down = np.where(size > 0, np.frexp(size)[1], 0)
    scaled = np.ldexp(x, -down)
    w = None if weights is None else weights / weights.sum()
    centre = (scaled.mean(0) if w is None else w @ scaled) if n else np.zeros(d)
    centred = scaled - centre
    spread = np.sqrt((centred**2).mean(0) if w is None else w @ centred**2) if n else np.zeros(d)
    up = np.where(spread > 0, -np.frexp(spread)[1], 0)
    z = np.ascontiguousarray(np.ldexp(centred, up).T)
    total = (z @ z.T / max(n, 1)) if w is None else (z * w) @ z.T
    if n:
        shift = z.mean(1) if w is None else z @ w
        total = total - np.outer(shift, shift)
    return Frame(down, centre, up, frozen(z), total)
