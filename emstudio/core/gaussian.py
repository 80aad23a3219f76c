"""The Gaussian family: residuals through the Cholesky factor, moments about a nearby reference, a block at a time.

log N(x | mu, Sigma) = -(d log 2 pi + log det Sigma + |U (x - mu)|^2) / 2 with U the inverse Cholesky factor. Working with
residuals keeps the digits that the natural parameters lose as eps (distance / sd)^2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emstudio.core.covariance import Covariance
from emstudio.core.data import Dataset
from emstudio.core.family import Evaluator, Family
from emstudio.core.frame import Frame, frame_of

LOG_2PI = float(np.log(2.0 * np.pi))
_ELEMENTS = 49152  # of a block's residuals (K d b): what stays in the second-level cache
_FAR = 1e3  # squared jump of a mean over its variance beyond which the moments are taken again


class Normal(NamedTuple):
    """means (K, d) and covariances (K, d, d), in the data's own units."""

    means: np.ndarray
    covariances: np.ndarray


class Singular(Exception):
    """The covariance of `component` has no Cholesky factor."""

    def __init__(self, component: int):
        self.component = component
        super().__init__(f"the covariance of component {component} is not positive definite")


@dataclass(frozen=True, eq=False)
class Scatter:
    """Moments in z units: `counts` (K,), `means` (K, d), `scatter` (K, d, d), or (K, d) where only diagonals are needed."""

    frame: Frame
    counts: np.ndarray
    means: np.ndarray
    scatter: np.ndarray


def factors(covariances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(inverse Cholesky factors (K, d, d), log-determinants (K,)); Singular names the first component without."""
    try:
        chol = np.linalg.cholesky(covariances)
    except np.linalg.LinAlgError:
        chol = np.stack([_cholesky(c, k) for k, c in enumerate(covariances)])
    diagonal = np.diagonal(chol, axis1=1, axis2=2)
    bad = ~(np.isfinite(diagonal) & (diagonal > 0)).all(1)
    if bad.any():
        raise Singular(int(np.argmax(bad)))
    return np.linalg.inv(chol), 2.0 * np.log(diagonal).sum(1)


def _cholesky(matrix: np.ndarray, component: int) -> np.ndarray:
    try:
        return np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        raise Singular(component) from None


@dataclass(frozen=True, eq=False)
class Gaussian(Family):
    """Multivariate normal components whose covariances share what `covariance` says; `floor` is added to the diagonals."""

    covariance: Covariance
    floor: float = 0.0

    # -- the exponential family, for the generic route -----------------------------------------------------------------
    def stats(self, x: np.ndarray) -> np.ndarray:
        n, d = x.shape
        return np.concatenate([x, (x[:, :, None] * x[:, None, :]).reshape(n, d * d)], axis=1)

    def natural(self, theta: Normal) -> np.ndarray:
        precision = np.linalg.inv(theta.covariances)
        linear = (precision @ theta.means[:, :, None])[:, :, 0]
        return np.concatenate([linear, -0.5 * precision.reshape(len(linear), -1)], axis=1)

    def log_partition(self, theta: Normal) -> np.ndarray:
        inverse, log_det = factors(theta.covariances)
        y = (inverse @ theta.means[:, :, None])[:, :, 0]
        return 0.5 * ((y**2).sum(1) + log_det + theta.means.shape[1] * LOG_2PI)

    def carrier(self, x: np.ndarray) -> np.ndarray:
        return np.zeros(len(x))

    def mle(self, counts: np.ndarray, sums: np.ndarray, previous: Normal | None) -> Normal:
        k = len(counts)
        d = int((np.sqrt(4 * sums.shape[1] + 1) - 1) / 2)
        means = sums[:, :d] / counts[:, None]
        scatter = sums[:, d:].reshape(k, d, d) - counts[:, None, None] * means[:, :, None] * means[:, None, :]
        return Normal(means, self._shaped(scatter, counts, previous))

    # -- the accurate route --------------------------------------------------------------------------------------------
    def log_density(self, x: np.ndarray, theta: Normal) -> np.ndarray:
        inverse, log_det = factors(theta.covariances)
        y = (x[None] - theta.means[:, None, :]) @ inverse.transpose(0, 2, 1)
        return (-0.5 * ((y**2).sum(2) + log_det[:, None] + x.shape[1] * LOG_2PI)).T

    def evaluator(self, data: Dataset, theta: Normal) -> Residuals:
        return Residuals(frame_of(data), theta, self.covariance.diagonal)

    def estimate(self, moments: Scatter, previous: Normal | None) -> Normal:
        frame = moments.frame
        # A round or equally turned shape is one in the data's own units: one power of two for all columns keeps it so.
        own = frame.down - frame.up
        common = int(own.max(initial=0))
        e = own - common
        diagonal = moments.scatter.ndim == 2
        scatter = np.ldexp(moments.scatter, 2 * e if diagonal else e[:, None] + e[None, :])
        with np.errstate(invalid="ignore", divide="ignore"):
            covariances = _full(self.covariance.shape(scatter, moments.counts, None))
        covariances = np.ldexp(0.5 * (covariances + covariances.transpose(0, 2, 1)), 2 * common)
        if self.floor:
            covariances = covariances + self.floor * np.eye(covariances.shape[1])
        return Normal(frame.points_back(moments.means), covariances)

    def expected(self, moments: Scatter, theta: Normal) -> np.ndarray:
        frame, n = moments.frame, moments.counts
        inverse, log_det = factors(frame.covariances(theta.covariances))
        shift = (inverse @ (moments.means - frame.points(theta.means))[:, :, None])[:, :, 0]
        if moments.scatter.ndim == 2:
            trace = ((inverse**2).sum(1) * moments.scatter).sum(1)
        else:
            trace = (inverse @ moments.scatter * inverse).sum((1, 2))
        constant = log_det + len(frame.centre) * LOG_2PI - 2.0 * frame.log_jacobian
        return -0.5 * (n * constant + trace + n * (shift**2).sum(1))

    def sample(self, theta: Normal, component: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        chol = np.linalg.cholesky(theta.covariances)
        noise = rng.standard_normal((len(component), theta.means.shape[1]))
        return theta.means[component] + (chol[component] @ noise[:, :, None])[:, :, 0]

    def _shaped(self, scatter: np.ndarray, counts: np.ndarray, previous: Normal | None) -> np.ndarray:
        w = np.diagonal(scatter, axis1=1, axis2=2) if self.covariance.diagonal else scatter
        before = None if previous is None else previous.covariances
        covariances = _full(self.covariance.shape(w, counts, before))
        return covariances + self.floor * np.eye(covariances.shape[1])


def _full(shaped: np.ndarray) -> np.ndarray:
    """(K, d) diagonals or (K, d, d) matrices -> (K, d, d)."""
    return shaped[:, :, None] * np.eye(shaped.shape[1]) if shaped.ndim == 2 else shaped


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
        off = self._inverse - _full(np.diagonal(self._inverse, axis1=1, axis2=2))
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
