"""The Gaussian family: log N(x | mu, Sigma) = -(d log 2 pi + log det Sigma + |U (x - mu)|^2) / 2, U the inverse Cholesky
factor of Sigma; a pass over the data goes by natural parameters or by residuals, as accuracy asks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emstudio.core.covariance import Covariance
from emstudio.core.data import Dataset
from emstudio.core.family import Evaluator, Family
from emstudio.core.frame import frame_of
from emstudio.core.gaussian_types import LOG_2PI, Normal, Scatter, Singular, diagonal_matrices, factors
from emstudio.core.natural import Hybrid
from emstudio.core.residuals import Residuals

_FEW = 2000  # rows up to which the accurate route is as fast


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

    def evaluator(self, data: Dataset, theta: Normal) -> Evaluator:
        route = Residuals if data.n <= _FEW else Hybrid
        return route(frame_of(data), theta, self.covariance.diagonal)

    def estimate(self, moments: Scatter, previous: Normal | None) -> Normal:
        frame = moments.frame
        # A round or equally turned shape is one in the data's own units: one power of two for all columns keeps it so.
        own = frame.down - frame.up
        common = int(own.max(initial=0))
        e = own - common
        diagonal = moments.scatter.ndim == 2
        scatter = np.ldexp(moments.scatter, 2 * e if diagonal else e[:, None] + e[None, :])
        with np.errstate(invalid="ignore", divide="ignore"):
            covariances = diagonal_matrices(self.covariance.shape(scatter, moments.counts, None))
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
        covariances = diagonal_matrices(self.covariance.shape(w, counts, before))
        return covariances + self.floor * np.eye(covariances.shape[1])


__all__ = ["Gaussian", "Normal", "Scatter", "Singular"]
