"""The fast route of the Gaussian engine: a component's log-density is a row of natural parameters times shared products.

With Phi = [1, z, z z'] of a block of rows, the scores of all components are one matrix product, and R Phi' is all that an
M-step needs. It loses digits as eps times `kappa`, so components that are tight for their distance from the centre go by
residuals instead.
"""

from __future__ import annotations

import math
from copy import copy
from functools import lru_cache

import numpy as np

from emstudio.core.family import Evaluator
from emstudio.core.frame import BLOCK, Frame
from emstudio.core.gaussian_types import LOG_2PI, Normal, Scatter, factors, is_diagonal
from emstudio.core.residuals import Residuals

LOOSE = 1e4  # the largest kappa that goes by natural parameters: parameters keep some 11 digits, likelihoods 14
_BYTES = 800_000  # of a block's products: what stays in the second-level cache
_BATCH = 11_000_000  # bytes of the products of a batch of blocks
_WIDE = 40  # products times components from which a batch of blocks lasts long enough for threads
_WIDE_ALONE = 5000  # from which a block does
_FEW = 4  # columns of which all products may be kept
_SMALL = 1_000_000  # multiplications up to which BLAS libraries take a matrix product without packing it first


def kappa(means: np.ndarray, covariances: np.ndarray, precisions: np.ndarray | None = None) -> np.ndarray:
    """(K,) (|mu| + sd)' |Lambda| (|mu| + sd), in units in which the data spread to about 1 around 0.

    The natural route's relative error of a parameter is about 1e-16 times this.
    """
    size = np.abs(means) + np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    precisions = np.linalg.inv(covariances) if precisions is None else precisions
    return (size * (np.abs(precisions) @ size[:, :, None])[:, :, 0]).sum(1)


class Products:
    """Phi of a block, written into one buffer: rows 1, z_i, then z_i z_j as `_upper` has them (or z_i^2 alone).

    Many products are cut into m pieces of c, so that each matrix product stays small; m c - p rows of zeros fill them. Up to
    `batch` whole blocks are made at once, side by side: what threads do between two looks at the interpreter's lock.
    """

    def __init__(self, d: int, squares_only: bool, k: int, kept: tuple[np.ndarray, ...] | None = None):
        self.d, self.k, self.squares_only = d, k, squares_only
        self.rows = p = 1 + 2 * d if squares_only else 1 + d + len(_upper(d)[0])
        fits = min(16384, _BYTES // (8 * (p + 2 * k)), _SMALL // max(1, p * k))
        self.kept = kept
        self.block = max(512, fits // 8 * 8) if kept is None else BLOCK
        m = max(1, -(-p * k * self.block // _SMALL)) if kept is None else 1
        self.pieces = m, -(-p // m)
        self.batch = min(16, max(1, _BATCH // (8 * (p + k) * self.block))) if p * k >= _WIDE and kept is None else 1

    def reserve(self, batch: int) -> None:
        """Makes the buffers."""
        m, c = self.pieces
        if self.kept is None:
            self._phi = aligned(batch, m * c, self.block)
            self._phi[:, 0], self._phi[:, self.rows :] = 1.0, 0.0
        self._scores = aligned(batch, self.k, self.block)
        self._parts = aligned(batch, m, self.k, self.block) if m > 1 else None

    def of(self, z: np.ndarray) -> np.ndarray:
        """(p', b) for z (d, b), p' >= p; of several whole blocks (blocks, p', block)."""
        d, n = z.shape
        if n <= self.block:
            phi = self._phi[0, :, :n]
        else:
            phi = self._phi[: n // self.block]
            z = z.reshape(d, len(phi), self.block).transpose(1, 0, 2)
        own = phi[..., 1 : 1 + d, :]
        own[...] = z
        if self.squares_only:
            np.multiply(own, own, out=phi[..., 1 + d : self.rows, :])
            return phi
        at, g = 1 + d, _together(d)
        for i in range(0, d, g):
            first, second = own[..., i : i + g, None, :], own[..., None, i:, :]
            size = first.shape[-3] * (d - i)
            out = phi[..., at : at + size, :].reshape(*phi.shape[:-2], -1, d - i, phi.shape[-1])
            np.multiply(first, second, out=out)
            at += size
        return phi

    def scores(self, w: np.ndarray, phi: np.ndarray) -> np.ndarray:
        """W Phi for W cut as `cut` does: (K, b) or (blocks, K, block)."""
        alone = phi.ndim == 2
        n = phi.shape[-1]
        out = self._scores[0, :, :n] if alone else self._scores[: len(phi)]
        if self._parts is None:
            return np.matmul(w[0], phi, out=out)
        parts = self._parts[0, :, :, :n] if alone else self._parts[: len(phi)]
        return np.add.reduce(np.matmul(w, self._cut(phi), out=parts), axis=-3, out=out)

    def add(self, total: np.ndarray, r: np.ndarray, phi: np.ndarray) -> None:
        """Adds R Phi' to `total`, block after block, each product in the order in which it is had soonest: (K, p) or
        (m, c, K)."""
        if self._parts is None:
            sums = r @ np.swapaxes(phi, -1, -2)
        else:
            sums = self._cut(phi) @ np.ascontiguousarray(np.swapaxes(r, -1, -2))[..., None, :, :]
        for one in sums.reshape(-1, *total.shape):
            total += one

    def nothing(self) -> np.ndarray:
        """The `total` that `add` begins with."""
        m, c = self.pieces
        return np.zeros((self.k, self.rows) if m == 1 else (m, c, self.k))

    def joined(self, total: np.ndarray) -> np.ndarray:
        """The `total` as (K, p)."""
        return total if total.ndim == 2 else total.reshape(-1, self.k)[: self.rows].T

    def cut(self, w: np.ndarray) -> np.ndarray:
        """(K, p) coefficients -> (m, K, c)."""
        m, c = self.pieces
        padded = np.zeros((len(w), m * c))
        padded[:, : self.rows] = w
        return padded.reshape(len(w), m, c).transpose(1, 0, 2).copy()

    def _cut(self, phi: np.ndarray) -> np.ndarray:
        return phi.reshape(*phi.shape[:-2], *self.pieces, phi.shape[-1])

    def coefficients(self, means: np.ndarray, precision: np.ndarray, constant: np.ndarray) -> np.ndarray:
        """(K, p) rows whose product with Phi is constant - (z - mu)' Lambda (z - mu) / 2, Lambda = `precision` (K, d, d)."""
        linear = (precision @ means[:, :, None])[:, :, 0]
        first = constant - 0.5 * (linear * means).sum(1)
        if self.squares_only:
            second = -0.5 * np.diagonal(precision, axis1=1, axis2=2)
        else:
            i, j, halves = _upper(self.d)
            second = precision[:, i, j] * halves
        return np.concatenate([first[:, None], linear, second], axis=1)

    def scatter(self, sums: np.ndarray, diagonal: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(counts, means, scatter) from R Phi' (K, p)."""
        d, k = self.d, len(sums)
        n = sums[:, 0]
        with np.errstate(invalid="ignore", divide="ignore"):
            means = sums[:, 1 : 1 + d] / n[:, None]
        if self.squares_only:
            return n, means, sums[:, 1 + d :] - n[:, None] * means**2
        i, j, _ = _upper(d)
        second = np.empty((k, d, d))
        second[:, i, j] = sums[:, 1 + d :]
        second[:, j, i] = sums[:, 1 + d :]
        scatter = second - n[:, None, None] * means[:, :, None] * means[:, None, :]
        return n, means, np.diagonal(scatter, axis1=1, axis2=2) if diagonal else scatter


@lru_cache(maxsize=8)
def _upper(d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(i, j) of the products z_i z_j, and what they count for in -z' Lambda z / 2: the upper triangle, made of as many rows
    at once as `_together` says, so that some few products come twice; the second ones count for nothing."""
    g = _together(d)
    pairs = [(i, j) for first in range(0, d, g) for i in range(first, min(first + g, d)) for j in range(first, d)]
    i, j = np.array(pairs).T
    return i, j, np.select([i < j, i == j], [-1.0, -0.5], 0.0)


def _together(d: int) -> int:
    return max(1, d // 10)


def aligned(*shape: int) -> np.ndarray:
    """An empty array that starts where a cache line does: numpy's loops are a quarter faster there."""
    size = math.prod(shape)
    memory = np.empty(size + 8)
    first = -memory.ctypes.data // 8 % 8
    return memory[first : first + size].reshape(shape)


class Hybrid(Evaluator):
    """Natural parameters where they are accurate, residuals where not; moments are checked, and taken again if need be."""

    def __init__(self, frame: Frame, theta: Normal, diagonal: bool):
        self._frame, self._theta, self._diagonal = frame, theta, diagonal
        means, covariances = frame.points(theta.means), frame.covariances(theta.covariances)
        inverse, log_det = factors(covariances)
        self._k, d = means.shape
        with np.errstate(over="ignore", invalid="ignore"):
            precisions = inverse.transpose(0, 2, 1) @ inverse
            loose = kappa(means, covariances, precisions) < LOOSE
        self._loose, self._tight = np.flatnonzero(loose), np.flatnonzero(~loose)
        axes = diagonal and is_diagonal(inverse)
        few = d <= _FEW and not axes and not self._tight.size and frame.keeps(1 + d + d * (d + 1) // 2)
        self._products = Products(d, axes, self._loose.size, frame.products if few else None)
        self.block, self.batch = self._products.block, self._products.batch
        self._residuals = None
        if self._tight.size:
            tight = Normal(theta.means[self._tight], theta.covariances[self._tight])
            self._residuals = Residuals(frame, tight, diagonal)
            self.block, self.batch = min(self.block, self._residuals.block), 1
        work = self._products.rows * self._k * self.batch
        self.wide = work >= (_WIDE if self._residuals is None else _WIDE_ALONE)
        constant = -0.5 * (log_det + d * LOG_2PI) + frame.log_jacobian
        at = self._loose
        self._w = self._products.coefficients(means[at], precisions[at], constant[at])
        self._cut = self._products.cut(self._w)
        self._begin(1)

    def _begin(self, batch: int) -> None:
        self._products.reserve(batch)
        self._sums = self._products.nothing()
        self.totals = (self._sums,) if self._residuals is None else (self._sums, *self._residuals.totals)
        self._phi: np.ndarray | None = None
        self._moments: Scatter | None = None

    def fork(self, batch: int) -> Hybrid:
        other = copy(self)
        other._products = copy(self._products)
        other._residuals = None if self._residuals is None else self._residuals.fork(batch)
        other._begin(batch)
        return other

    def weigh(self, log_w: np.ndarray) -> bool:
        if self._residuals is not None:
            return False
        self._w[:, 0] += log_w
        self._cut = self._products.cut(self._w)
        return True

    def scored(self) -> float:
        return float(np.vdot(self._w, self._products.joined(self._sums)))

    def scores(self, rows: slice) -> np.ndarray:
        if self._residuals is not None and not self._loose.size:
            return self._residuals.scores(rows)
        kept = self._products.kept
        self._phi = self._products.of(self._frame.z[:, rows]) if kept is None else kept[rows.start // BLOCK]
        own = self._products.scores(self._cut, self._phi)
        if self._residuals is None:
            return own
        out = np.empty((self._k, rows.stop - rows.start))
        out[self._loose], out[self._tight] = own, self._residuals.scores(rows)
        return out

    def add(self, rows: slice, r: np.ndarray) -> None:
        self._moments = None
        if self._phi is not None:
            self._products.add(self._sums, r if self._residuals is None else r[self._loose], self._phi)
        if self._residuals is not None:
            self._residuals.add(rows, r[self._tight])

    def moments(self) -> Scatter:
        if self._moments is None:
            self._moments = self._made()
        return self._moments

    def _made(self) -> Scatter:
        n, means, scatter = self._products.scatter(self._products.joined(self._sums), self._diagonal)
        if self._residuals is None:
            return Scatter(self._frame, n, means, scatter)
        tight = self._residuals.moments()
        order = np.argsort(np.concatenate([self._loose, self._tight]))
        parts = ((n, tight.counts), (means, tight.means), (scatter, tight.scatter))
        return Scatter(self._frame, *(np.concatenate(p)[order] for p in parts))

    def again(self) -> Evaluator | None:
        m = self.moments()
        if not (np.isfinite(m.means).all() and (m.counts > 0).all()):
            return self._all_residuals(None)
        variances = m.scatter if m.scatter.ndim == 2 else np.diagonal(m.scatter, axis1=1, axis2=2)
        at = self._loose
        if at.size and not self._accurate(m, variances, at):
            return self._all_residuals(m.means)
        if self._residuals is not None and self._residuals.again() is not None:
            return self._all_residuals(m.means)
        return None

    def _accurate(self, m: Scatter, variances: np.ndarray, at: np.ndarray) -> bool:
        """Whether the new components that were summed by products are still loose, with a margin of ten."""
        if not (variances[at] > 0).all():
            return False
        n = m.counts[at]
        if m.scatter.ndim == 2:
            size = np.abs(m.means[at]) + np.sqrt(variances[at] / n[:, None])
            return bool(((size**2 * n[:, None] / variances[at]).sum(1) < 10 * LOOSE).all())
        with np.errstate(all="ignore"):
            try:
                worst = kappa(m.means[at], m.scatter[at] / n[:, None, None])
            except np.linalg.LinAlgError:
                return False
        return bool((worst < 10 * LOOSE).all())

    def _all_residuals(self, reference: np.ndarray | None) -> Residuals:
        return Residuals(self._frame, self._theta, self._diagonal, reference)
