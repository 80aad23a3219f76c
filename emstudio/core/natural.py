"""The fast route of the Gaussian engine: a component's log-density is a row of natural parameters times shared products.

With Phi = [1, z, z z'] of a block of rows, the scores of all components are one matrix product, and R Phi' is all that an
M-step needs. It loses digits as eps times `kappa`, so components that are tight for their distance from the centre go by
residuals instead.
"""

from __future__ import annotations

import numpy as np

from emstudio.core.family import Evaluator
from emstudio.core.frame import Frame
from emstudio.core.gaussian_types import LOG_2PI, Normal, Scatter, factors
from emstudio.core.residuals import Residuals

LOOSE = 1e4  # the largest kappa that goes by natural parameters: parameters keep some 11 digits, likelihoods 14
_BYTES = 800_000  # of a block's products: what stays in the second-level cache


def kappa(means: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    """(K,) (|mu| + sd)' |Lambda| (|mu| + sd), in units in which the data spread to about 1 around 0.

    The natural route's relative error of a parameter is about 1e-16 times this.
    """
    size = np.abs(means) + np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    precision = np.abs(np.linalg.inv(covariances))
    return np.einsum("ki,kij,kj->k", size, precision, size)


class Products:
    """Phi of a block, written into one buffer: rows 1, z_i, then z_i z_j for i <= j (or z_i^2 alone)."""

    def __init__(self, d: int, squares_only: bool, block: int):
        self.d, self.squares_only = d, squares_only
        self.rows = 1 + 2 * d if squares_only else 1 + d + d * (d + 1) // 2
        self._buffer = np.empty((self.rows, block))
        self._buffer[0] = 1.0

    def of(self, z: np.ndarray) -> np.ndarray:
        """(p, b) for z (d, b)."""
        phi = self._buffer[:, : z.shape[1]]
        d = self.d
        phi[1 : 1 + d] = z
        if self.squares_only:
            np.multiply(z, z, out=phi[1 + d :])
            return phi
        at = 1 + d
        for i in range(d):
            np.multiply(z[i:], z[i], out=phi[at : at + d - i])
            at += d - i
        return phi

    def coefficients(self, means: np.ndarray, inverse: np.ndarray, constant: np.ndarray) -> np.ndarray:
        """(K, p) rows whose product with Phi is constant - |U (z - mu)|^2 / 2, U = `inverse` (K, d, d)."""
        precision = inverse.transpose(0, 2, 1) @ inverse
        linear = (precision @ means[:, :, None])[:, :, 0]
        first = constant - 0.5 * (linear * means).sum(1)
        if self.squares_only:
            second = -0.5 * np.diagonal(precision, axis1=1, axis2=2)
        else:
            i, j = np.triu_indices(self.d)
            second = -precision[:, i, j] * np.where(i == j, 0.5, 1.0)
        return np.concatenate([first[:, None], linear, second], axis=1)

    def scatter(self, sums: np.ndarray, diagonal: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(counts, means, scatter) from R Phi' (K, p)."""
        d, k = self.d, len(sums)
        n = sums[:, 0]
        with np.errstate(invalid="ignore", divide="ignore"):
            means = sums[:, 1 : 1 + d] / n[:, None]
        if self.squares_only:
            return n, means, sums[:, 1 + d :] - n[:, None] * means**2
        i, j = np.triu_indices(d)
        second = np.empty((k, d, d))
        second[:, i, j] = sums[:, 1 + d :]
        second[:, j, i] = sums[:, 1 + d :]
        scatter = second - n[:, None, None] * means[:, :, None] * means[:, None, :]
        return n, means, np.diagonal(scatter, axis1=1, axis2=2) if diagonal else scatter


class Hybrid(Evaluator):
    """Natural parameters where they are accurate, residuals where not; moments are checked, and taken again if need be."""

    def __init__(self, frame: Frame, theta: Normal, diagonal: bool):
        self._frame, self._theta, self._diagonal = frame, theta, diagonal
        means, covariances = frame.points(theta.means), frame.covariances(theta.covariances)
        inverse, log_det = factors(covariances)
        self._k, d = means.shape
        with np.errstate(over="ignore", invalid="ignore"):
            loose = kappa(means, covariances) < LOOSE
        self._loose, self._tight = np.flatnonzero(loose), np.flatnonzero(~loose)
        axes = diagonal and not (inverse - inverse * np.eye(d)).any()
        rows = 1 + 2 * d if axes else 1 + d + d * (d + 1) // 2
        self.block = int(max(512, min(16384, _BYTES // (8 * (rows + 2 * self._k)))))
        self._residuals = None
        if self._tight.size:
            tight = Normal(theta.means[self._tight], theta.covariances[self._tight])
            self._residuals = Residuals(frame, tight, diagonal)
            self.block = min(self.block, self._residuals.block)
        self._products = Products(d, axes, self.block)
        constant = -0.5 * (log_det + d * LOG_2PI) + frame.log_jacobian
        at = self._loose
        self._w = self._products.coefficients(means[at], inverse[at], constant[at])
        self._sums = np.zeros((at.size, self._products.rows))
        self._scores = np.empty((self._k, self.block))
        self._phi: np.ndarray | None = None

    def weigh(self, log_w: np.ndarray) -> bool:
        if self._residuals is not None:
            return False
        self._w[:, 0] += log_w
        return True

    def scores(self, rows: slice) -> np.ndarray:
        z = self._frame.z[:, rows]
        out = self._scores[:, : z.shape[1]]
        self._phi = self._products.of(z)
        if self._residuals is None:
            np.matmul(self._w, self._phi, out=out)
        else:
            out[self._loose] = self._w @ self._phi
            out[self._tight] = self._residuals.scores(rows)
        return out

    def add(self, rows: slice, r: np.ndarray) -> None:
        assert self._phi is not None
        if self._residuals is None:
            self._sums += r @ self._phi.T
        else:
            self._sums += r[self._loose] @ self._phi.T
            self._residuals.add(rows, r[self._tight])

    def moments(self) -> Scatter:
        n, means, scatter = self._products.scatter(self._sums, self._diagonal)
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
