"""The accurate route of the Gaussian engine: densities from residuals, moments about a nearby reference.

Residuals U (z - mu), with U the inverse Cholesky factor, keep the digits that the natural parameters lose as
eps (distance / sd)^2.
"""

from __future__ import annotations

import numpy as np

from emstudio.core.family import Evaluator
from emstudio.core.frame import Frame
from emstudio.core.gaussian_types import LOG_2PI, Normal, Scatter, diagonal_matrices, factors

_ELEMENTS = 49152  # of a block's residuals (K d b): what stays in the second-level cache
_FAR = 1e3  # squared jump of a mean over its variance beyond which the moments are taken again


class Residuals(Evaluator):
    """Densities from residuals U (z - mu), moments about the old mean (or, in a second pass, about the new one)."""

    def __init__(self, frame: Frame, theta: Normal, diagonal: bool, reference: np.ndarray | None = None):
        self._frame, self._theta, self._diagonal = frame, theta, diagonal
        z_covariances = frame.covariances(theta.covariances)
        self._inverse, log_det = factors(z_covariances)
        k, d = theta.means.shape
        self._means = frame.points(theta.means)
        self._reference = self._means if reference is None else reference
        self._second = reference is not None
        self._constant = -0.5 * (log_det + d * LOG_2PI) + frame.log_jacobian
        off = self._inverse - diagonal_matrices(np.diagonal(self._inverse, axis1=1, axis2=2))
        self._axes = np.diagonal(self._inverse, axis1=1, axis2=2)[:, :, None].copy() if not off.any() else None
        self.block = int(max(512, min(16384, _ELEMENTS // max(1, k * d))))
        self._d = np.empty((k, d, self.block))
        self._y = np.empty((k, d, self.block))
        self._n, self._s = np.zeros(k), np.zeros((k, d))
        self._w = np.zeros((k, d) if diagonal else (k, d, d))

    def _residuals(self, rows: slice, about: np.ndarray) -> np.ndarray:
        z = self._frame.z[:, rows]
        return np.subtract(z[None], about[:, :, None], out=self._d[:, :, : z.shape[1]])

    def scores(self, rows: slice) -> np.ndarray:
        d = self._residuals(rows, self._means)
        y = self._y[:, :, : d.shape[2]]
        if self._axes is not None:
            np.multiply(d, self._axes, out=y)
        else:
            np.matmul(self._inverse, d, out=y)
        np.multiply(y, y, out=y)
        square = y[:, 0] if y.shape[1] == 1 else y.sum(1)
        return self._constant[:, None] - 0.5 * square

    def add(self, rows: slice, r: np.ndarray) -> None:
        d = self._residuals(rows, self._reference) if self._second else self._d[:, :, : r.shape[1]]
        y = self._y[:, :, : r.shape[1]]
        self._n += r.sum(1)
        np.multiply(d, r[:, None, :], out=y)
        self._s += y.sum(2)
        if self._diagonal:
            self._w += np.einsum("kdb,kdb->kd", y, d)
        else:
            self._w += y @ d.transpose(0, 2, 1)

    def moments(self) -> Scatter:
        with np.errstate(invalid="ignore", divide="ignore"):
            shift = self._s / self._n[:, None]
        if self._diagonal:
            scatter = self._w - self._n[:, None] * shift**2
        else:
            scatter = self._w - self._n[:, None, None] * shift[:, :, None] * shift[:, None, :]
        return Scatter(self._frame, self._n, self._reference + shift, scatter)

    def again(self) -> Residuals | None:
        if self._second:
            return None
        m = self.moments()
        variance = m.scatter if self._diagonal else np.diagonal(m.scatter, axis1=1, axis2=2)
        jump = self._n[:, None] * (m.means - self._reference) ** 2
        if np.isfinite(m.means).all() and (jump > _FAR * np.maximum(variance, 0.0)).any():
            return Residuals(self._frame, self._theta, self._diagonal, m.means)
        return None
