"""The private units in which the Gaussian engine works: centred and scaled by powers of two, so that nothing is lost.

Subtracting a centre next to the data is exact or harmless, and powers of two are exact: sizes of 1e150 or offsets of 1e9
cost no digits. Parameters and log-likelihoods are converted back to the data's own units on the way out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from emstudio.core.data import Dataset, frozen

LARGEST, SMALLEST = 1e150, 1e-150  # beyond these a variance would overflow or lose digits

BLOCK = 16384  # rows of a block of few products, which stays in the second-level cache
_KEPT = 16 << 20  # bytes of the products that may be kept beside the data
COLLINEAR = 1e-13  # smallest eigenvalue of the columns' correlation matrix, per column


def correlation(covariance: np.ndarray) -> np.ndarray:
    """The correlation matrix of a covariance (d, d) with a positive diagonal."""
    sd = np.sqrt(np.diagonal(covariance))
    return covariance / np.outer(sd, sd)


class Diagonal(NamedTuple):
    """Variances (K, d), their inverses and the logarithms of the determinants (K,) of diagonal covariances, in z units."""

    variances: np.ndarray
    precisions: np.ndarray
    log_det: np.ndarray


@dataclass(frozen=True, eq=False)
class Frame:
    """z = (x 2^-down - centre) 2^up per column; `z` is (d, n), contiguous, feature-major."""

    down: np.ndarray
    centre: np.ndarray
    up: np.ndarray
    z: np.ndarray
    total: np.ndarray  # (d, d) the covariance of z, weighted, divided by the sum of weights
    _last: tuple[np.ndarray, Diagonal | None] | None = field(default=None, init=False, repr=False)
    _points: tuple[np.ndarray, np.ndarray] | None = field(default=None, init=False, repr=False)

    @cached_property
    def log_jacobian(self) -> float:
        """log p(x) = log p(z) + this."""
        return float((self.up - self.down).sum() * np.log(2.0))

    def diagonal(self, covariances: np.ndarray) -> Diagonal | None:
        """Covariances (K, d, d) of the data's units that are diagonal, in z units; None of others.

        One half-step asks several times for those of one array, so the last one is remembered.
        """
        known = self._last
        if known is None or known[0] is not covariances:
            known = covariances, _diagonal(self.covariances(covariances))
            object.__setattr__(self, "_last", known)  # whole or not at all, whichever thread asks
        return known[1]

    def keeps(self, products: int) -> bool:
        """Whether so many products of each row take little enough memory to be kept beside the data."""
        return products * self.z.shape[1] * 8 <= _KEPT

    @cached_property
    def squares(self) -> tuple[np.ndarray, ...]:
        """(1 + 2 d, b) rows of ones, z and z^2, for each `BLOCK` rows of the data."""
        return tuple(frozen(np.concatenate([np.ones((1, z.shape[1])), z, z * z])) for z in self._blocks())

    @cached_property
    def products(self) -> tuple[np.ndarray, ...]:
        """(1 + d + d (d + 1) / 2, b) rows of ones, z and z_i z_j, i <= j, for each `BLOCK` rows of the data."""
        i, j = np.triu_indices(len(self.z))
        return tuple(frozen(np.concatenate([np.ones((1, z.shape[1])), z, z[i] * z[j]])) for z in self._blocks())

    def _blocks(self) -> Iterator[np.ndarray]:
        return (self.z[:, first : first + BLOCK] for first in range(0, max(self.z.shape[1], 1), BLOCK))

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
        known = self._points
        if known is None or known[0] is not x:
            known = x, frozen(np.ldexp(np.ldexp(np.asarray(x, float), -self.down) - self.centre, self.up))
            object.__setattr__(self, "_points", known)
        return known[1]

    def points_back(self, z: np.ndarray) -> np.ndarray:
        """(m, d) z units -> the data's units."""
        return np.ldexp(np.ldexp(z, -self.up) + self.centre, self.down)

    def covariances(self, c: np.ndarray) -> np.ndarray:
        """(K, d, d) of the data's units -> z units."""
        return np.ldexp(np.asarray(c, float), self._exponents)

    def covariances_back(self, c: np.ndarray) -> np.ndarray:
        """(K, d, d) z units -> the data's units."""
        return np.ldexp(c, -self._exponents)

    @cached_property
    def _exponents(self) -> np.ndarray:
        e = self.up - self.down
        return e[:, None] + e[None, :]


def _diagonal(z: np.ndarray) -> Diagonal | None:
    k, d = z.shape[:2]
    variances = z.reshape(k, d * d)[:, :: d + 1]
    if np.count_nonzero(z) > k * d or not np.minimum.reduce(variances, axis=None) > 0:
        return None
    return Diagonal(variances, 1.0 / variances, np.add.reduce(np.log(variances), axis=1))


def frame_of(data: Dataset) -> Frame:
    """The frame of a data set, made once."""
    return data.memo("frame", lambda: make_frame(data.x, data.weights))


def make_frame(x: np.ndarray, weights: np.ndarray | None) -> Frame:
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
