"""The accurate route of the Gaussian engine: densities from residuals, moments about a nearby reference.

Residuals U (z - mu), with U the inverse Cholesky factor, keep the digits that the natural parameters lose as
eps (distance / sd)^2.
"""

from __future__ import annotations

from copy import copy

import numpy as np

from emstudio.core.family import Evaluator
from emstudio.core.frame import Frame
from emstudio.core.gaussian_types import LOG_2PI, Normal, Scatter, factors, is_diagonal

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
        plain = is_diagonal(self._inverse)
        self._axes = np.diagonal(self._inverse, axis1=1, axis2=2)[:, :, None].copy() if plain else None
        self.block = int(min(max(512, min(16384, _ELEMENTS // max(1, k * d))), max(1, frame.z.shape[1])))
        self._root = self._inverse * np.sqrt(0.5) if self._axes is None else self._axes * np.sqrt(0.5)
        self._begin()

    def _begin(self) -> None:
        k, d = self._means.shape
        self._d = np.empty((k, d, self.block))
        self._y = np.empty((k, d, self.block))
        self._n, self._s = np.zeros(k), np.zeros((k, d))
        self._w = np.zeros((k, d) if self._diagonal else (k, d, d))
        self.totals = self._n, self._s, self._w
        self._moments: Scatter | None = None

    def fork(self, batch: int) -> Residuals:
        other = copy(self)
        other._begin()
        return other

    def _residuals(self, rows: slice, about: np.ndarray) -> np.ndarray:
        z = self._frame.z[:, rows]
        return np.subtract(z[None], about[:, :, None], out=self._d[:, :, : z.shape[1]])

    def scores(self, rows: slice) -> np.ndarray:
        d = self._residuals(rows, self._means)
        y = self._y[:, :, : d.shape[2]]
        if self._axes is not None:
            np.multiply(d, self._root, out=y)
        else:
            np.matmul(self._root, d, out=y)
        np.multiply(y, y, out=y)
        half = y[:, 0] if y.shape[1] == 1 else np.add.reduce(y, axis=1)
        return self._constant[:, None] - half

    def add(self, rows: slice, r: np.ndarray) -> None:
        d = self._residuals(rows, self._reference) if self._second else self._d[:, :, : r.shape[1]]
        y = self._y[:, :, : r.shape[1]]
        self._moments = None
        self._n += np.add.reduce(r, axis=1)
        np.multiply(d, r[:, None, :], out=y)
        self._s += np.add.reduce(y, axis=2)
        if self._diagonal:
            self._w += np.einsum("kdb,kdb->kd", y, d)
        else:
            self._w += y @ d.transpose(0, 2, 1)

    def moments(self) -> Scatter:
        if self._moments is None:
            self._moments = self._made()
        return self._moments

    def _made(self) -> Scatter:
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
        return Residuals(self._frame, self._theta, self._diagonal, m.means) if jumped(m, self._reference) else None


def jumped(m: Scatter, reference: np.ndarray) -> bool:
    """Whether a mean lies so far from its `reference` (K, d), beside its spread, that sums about the latter lost digits."""
    variance = m.scatter if m.scatter.ndim == 2 else np.diagonal(m.scatter, axis1=1, axis2=2)
    jump = m.counts[:, None] * (m.means - reference) ** 2
    return bool(np.isfinite(m.means).all() and (jump > _FAR * np.maximum(variance, 0.0)).any())
