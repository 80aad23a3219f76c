"""The Gaussian family: log N(x | mu, Sigma) = -(d log 2 pi + log det Sigma + |U (x - mu)|^2) / 2, U the inverse Cholesky
factor of Sigma; a pass over the data goes by natural parameters or by residuals, as accuracy asks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from emstudio.core.axes import axes
from emstudio.core.covariance import Covariance
from emstudio.core.data import Dataset
from emstudio.core.family import Evaluator, Family
from emstudio.core.frame import Frame, frame_of
from emstudio.core.gaussian_types import (
    LOG_2PI,
    Normal,
    Scatter,
    Singular,
    diagonal_matrices,
    factors,
)
from emstudio.core.missing import Marginal
from emstudio.core.natural import Hybrid
from emstudio.core.near import near
from emstudio.core.prior import NormalPrior
from emstudio.core.residuals import Residuals

_FEW = 2000  # rows up to which the accurate route is as fast


@dataclass(frozen=True, eq=False)
class Gaussian(Family):
    """Multivariate normal components whose covariances share what `covariance` says.

    With a `floor` F every M-step adds F to the diagonal of every covariance that the family made. Where covariances are
    averages of scatter (VVV, EEE, EEV and the diagonal and round ones but VEI and EVI), that is the maximum of the bound
    for rows smeared by a Gaussian of variance F; elsewhere the sum may lie a little beside the family.
    """

    covariance: Covariance
    floor: float = 0.0
    prior: NormalPrior = NormalPrior()

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
        w = np.diagonal(scatter, axis1=1, axis2=2) if self.covariance.diagonal else scatter
        before = previous.covariances if previous is not None and self.covariance.iterative else None
        return Normal(means, self._shaped(w, counts, before, np.full(d, self.floor)))

    # -- the accurate route --------------------------------------------------------------------------------------------
    def log_density(self, x: np.ndarray, theta: Normal) -> np.ndarray:
        inverse, log_det = factors(theta.covariances)
        y = (x[None] - theta.means[:, None, :]) @ inverse.transpose(0, 2, 1)
        return (-0.5 * ((y**2).sum(2) + log_det[:, None] + x.shape[1] * LOG_2PI)).T

    def evaluator(self, data: Dataset, theta: Normal) -> Evaluator:
        if data.mask is not None:
            return Marginal(data, theta, self.covariance.diagonal)
        frame, diagonal = frame_of(data), self.covariance.diagonal
        lean = axes(frame, theta, diagonal)
        if lean is not None:
            return lean
        if data.n <= _FEW:
            return Residuals(frame, theta, diagonal)
        return Hybrid(frame, theta, diagonal)

    def sharing(self, data: Dataset, theta: Normal) -> Evaluator:
        apart = None
        if data.mask is None and not self.covariance.diagonal and data.n > _FEW:
            apart = near(frame_of(data), theta)
        return self.evaluator(data, theta) if apart is None else apart

    def estimate(self, moments: Scatter, previous: Normal | None) -> Normal:
        before = previous.covariances if previous is not None and self.covariance.iterative else None
        moments = moments if self.prior.flat else self.prior.added(moments)
        covariances = self._fitted(moments.frame, moments.scatter, moments.counts, before)
        return Normal(moments.frame.points_back(moments.means), covariances)

    def members(self, frame: Frame, covariances: np.ndarray) -> np.ndarray:
        """(K, d, d) of the family, from any covariances (K, d, d): each is taken as the scatter of one row."""
        z = frame.covariances(covariances)
        w = np.diagonal(z, axis1=1, axis2=2) if self.covariance.diagonal else z
        return replace(self, floor=0.0)._fitted(frame, w, np.ones(len(z)), None)

    def _fitted(self, frame: Frame, scatter: np.ndarray, counts: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
        """(K, d, d) covariances in data units, of scatter in z units."""
        if self.covariance.scale_free and not self.floor:
            before = None if previous is None else frame.covariances(previous)
            made = frame.covariances_back(self._shaped(scatter, counts, before, None))
            return made if scatter.ndim == 2 else _symmetric(made)
        units = frame.down - frame.up
        # A round or equally turned shape is one in the data's own units: one power of two for all columns keeps it so.
        common = units if self.covariance.scale_free else np.full_like(units, units.max(initial=0))
        if self.floor:
            common = np.maximum(common, np.frexp(self.floor)[1] // 2)
        w = _scaled(scatter, units - common)
        before = None if previous is None else _scaled(previous, -common)
        floor = np.ldexp(self.floor, -2 * common)
        return _symmetric(_scaled(self._shaped(w, counts, before, floor), common))

    def expected(self, moments: Scatter, theta: Normal) -> np.ndarray:
        if np.minimum.reduce(moments.counts) > 0:
            return self._expected(moments, theta)
        with np.errstate(invalid="ignore"):
            return np.where(moments.counts > 0, self._expected(moments, theta), 0.0)  # no rows: no mean, and no part

    def _expected(self, moments: Scatter, theta: Normal) -> np.ndarray:
        frame, n = moments.frame, moments.counts
        away = moments.means - frame.points(theta.means)
        own = frame.diagonal(theta.covariances) if moments.scatter.ndim == 2 else None
        if own is not None:
            squares = np.add.reduce(own.precisions * (moments.scatter + n[:, None] * (away * away)), axis=1)
            return -0.5 * (n * (own.log_det + (away.shape[1] * LOG_2PI - 2.0 * frame.log_jacobian)) + squares)
        inverse, log_det = factors(frame.covariances(theta.covariances))
        shift = (inverse @ away[:, :, None])[:, :, 0]
        if moments.scatter.ndim == 2:
            trace = np.einsum("kij,kij,kj->k", inverse, inverse, moments.scatter)
        else:
            trace = np.einsum("kij,kij->k", inverse @ moments.scatter, inverse)
        constant = log_det + (len(frame.centre) * LOG_2PI - 2.0 * frame.log_jacobian)
        return -0.5 * (n * (constant + np.einsum("ki,ki->k", shift, shift)) + trace)

    def log_prior(self, moments: Scatter, theta: Normal) -> float:
        return self.prior.log_density(moments.frame, theta.means, theta.covariances)

    def coordinates(self, data: Dataset, theta: Normal) -> np.ndarray:
        """(K, d + d (d + 1) / 2): means, logarithms of the diagonal and lower triangle of Sigma = L D L', in z units.

        Volumes that differ by a factor move in the logarithms alone, so that a shared shape stays shared.
        """
        frame = frame_of(data)
        chol = np.linalg.cholesky(frame.covariances(theta.covariances))
        diagonal = np.diagonal(chol, axis1=1, axis2=2)
        i, j = np.tril_indices(chol.shape[1], -1)
        lower = (chol / diagonal[:, None, :])[:, i, j]
        return np.concatenate([frame.points(theta.means), 2.0 * np.log(diagonal), lower], axis=1)

    def at_coordinates(self, data: Dataset, coordinates: np.ndarray, like: Normal) -> Normal:
        frame = frame_of(data)
        k, d = like.means.shape
        means, logs, entries = np.split(coordinates.reshape(k, -1), [d, 2 * d], axis=1)
        i, j = np.tril_indices(d, -1)
        lower = np.tile(np.eye(d), (k, 1, 1))
        lower[:, i, j] = entries
        with np.errstate(over="ignore", under="ignore"):
            z = (lower * np.exp(logs)[:, None, :]) @ lower.transpose(0, 2, 1)
        return Normal(frame.points_back(means), frame.covariances_back(0.5 * (z + z.transpose(0, 2, 1))))

    def sample(self, theta: Normal, component: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        chol = np.linalg.cholesky(theta.covariances)
        noise = rng.standard_normal((len(component), theta.means.shape[1]))
        return theta.means[component] + (chol[component] @ noise[:, :, None])[:, :, 0]

    def _shaped(
        self, w: np.ndarray, counts: np.ndarray, previous: np.ndarray | None, floor: np.ndarray | None
    ) -> np.ndarray:
        """(K, d, d) covariances of scatter (K, d, d) or its diagonals (K, d), `floor` (d,) added to their diagonals.

        A scatter that is singular gives zeros, infinities or NaN in the components that are lost by it. With a floor, one
        that the family cannot hold is floored itself: n_k F on its diagonal, which leaves F on that of the covariance.
        """
        if floor is None or not self.floor:
            return self._plain(w, counts, previous)
        added = np.diag(floor)
        made = self._plain(w, counts, None if previous is None else _without(previous, added))
        if np.isfinite(made).all():
            return made + added
        smeared = counts[:, None] * floor if self.covariance.diagonal else counts[:, None, None] * added
        return self._plain(w + smeared, counts, previous)

    def _plain(self, w: np.ndarray, counts: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
        """(K, d, d) what the family makes of scatter; all NaN where it cannot be told which component is lost."""
        if previous is not None and self.covariance.diagonal:
            previous = np.diagonal(previous, axis1=1, axis2=2)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            try:
                return diagonal_matrices(self.covariance.shape(w, counts, previous))
            except np.linalg.LinAlgError:
                d = w.shape[1]
                return np.full((len(counts), d, d), np.nan)


def _without(covariances: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Covariances (K, d, d) before the `floor` (d, d) was added; as they are where it was not (given or dragged ones)."""
    if not floor.any():
        return covariances
    less = covariances - floor
    sound = np.linalg.eigvalsh(less)[:, 0] > 1e-8 * np.trace(covariances, axis1=1, axis2=2)
    return less if sound.all() else covariances


def _symmetric(matrices: np.ndarray) -> np.ndarray:
    return 0.5 * (matrices + matrices.transpose(0, 2, 1))


def _scaled(matrices: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """Matrices (K, d, d), or diagonals (K, d), whose columns are in units 2^exponents (d,) of the new ones."""
    e = exponents
    return np.ldexp(matrices, 2 * e if matrices.ndim == 2 else e[:, None] + e[None, :])


__all__ = ["Gaussian", "Normal", "Scatter", "Singular"]
