"""Gaussian mixture: weights, means and covariances; the covariances share what the chosen family says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np

from emstudio.core import initial
from emstudio.core.covariance import ALIASES, COVARIANCES, Covariance
from emstudio.core.data import Dataset
from emstudio.core.errors import Degenerate, Notice, UserError
from emstudio.core.frame import frame_of
from emstudio.core.gaussian import Gaussian, Normal, Scatter
from emstudio.core.marks import Drawing, Handle, View
from emstudio.core.mixture import Mixture, log_weights, one_hot, softmax
from emstudio.core.model import Posterior, Start, param, register
from emstudio.models import gaussian_checks, gaussian_views


class GaussianParams(NamedTuple):
    """weights (K,), means (K, d), covariances (K, d, d)."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


@register
@dataclass(frozen=True)
class GaussianMixture(Mixture):
    """p(x) = sum_k pi_k N(x | mu_k, Sigma_k)."""

    name: ClassVar[str] = "gaussian"
    title: ClassVar[str] = "Gaussian mixture"
    accepted: ClassVar[str] = "columns of numbers"

    k: int = param(2, "Components", low=1, high=20, help="How many Gaussians are mixed.")
    covariance: str = param(
        "VVV",
        "Covariance",
        choices=tuple((c.name, c.title) for c in COVARIANCES.values()),
        aliases=tuple(ALIASES.items()),
        help="What the components' covariances have in common.",
    )
    floor: float = param(
        0.0,
        "Variance floor",
        low=0.0,
        option="--floor",
        more=True,
        help="Added to the diagonal of every covariance in every M-step, in data units squared.",
    )

    @property
    def shape(self) -> Covariance:
        return COVARIANCES[self.covariance]

    def family(self) -> Gaussian:
        return Gaussian(self.shape, self.floor)

    def split(self, params: GaussianParams) -> tuple[np.ndarray, Normal]:
        return params.weights, Normal(params.means, params.covariances)

    def join(self, weights: np.ndarray, theta: Normal) -> GaussianParams:
        return GaussianParams(weights, theta.means, theta.covariances)

    def free_parameters(self, data_dimension: int) -> int:
        return self.k - 1 + self.k * data_dimension + self.shape.free(self.k, data_dimension)

    # -- what is refused -----------------------------------------------------------------------------------------------
    def accepts(self, data: Dataset) -> str | None:
        return gaussian_checks.obstacle(data, self.k, self.shape, self.floor)

    def check(self, data: Dataset, params: GaussianParams) -> None:
        gaussian_checks.check_params(params, self.k, data.d)

    def guard_counts(self, data: Dataset, params: GaussianParams, posterior: Posterior) -> None:
        gaussian_checks.guard_counts(posterior.moments.counts)

    def guard(self, data: Dataset, params: GaussianParams, posterior: Posterior, new: GaussianParams) -> None:
        lost = gaussian_checks.lost(frame_of(data), new.covariances)
        if lost.size:
            resp = posterior.resp
            if resp is None:
                resp = softmax(self.scores(data, params))[0]
            raise Degenerate(gaussian_checks.collapse(data, lost, resp, self.shape))

    def notices(self, data: Dataset, params: GaussianParams, posterior: Posterior) -> list[Notice]:
        return gaussian_checks.notices(data, params, posterior.moments.counts, self.shape)

    def penalty(self, params: GaussianParams, posterior: Posterior) -> float:
        """A floor F acts as if each row were smeared by a Gaussian of variance F: -F/2 tr(Sigma_k^-1) for each row."""
        if not self.floor:
            return 0.0
        variances = np.diagonal(params.covariances, axis1=1, axis2=2)
        sd = np.sqrt(variances)
        inverse = np.linalg.inv(params.covariances / (sd[:, :, None] * sd[:, None, :]))  # columns may differ in size
        traces = (np.diagonal(inverse, axis1=1, axis2=2) / variances).sum(1)
        return float(-0.5 * self.floor * (posterior.moments.counts @ traces))

    def bound(self, data: Dataset, params: GaussianParams, posterior: Posterior) -> float:
        return super().bound(data, params, posterior) + self.penalty(params, posterior)

    # -- starts --------------------------------------------------------------------------------------------------------
    def init(self, data: Dataset, start: Start, rng: np.random.Generator) -> GaussianParams:
        if start.method == "params":
            self.check(data, start.params)
            return start.params
        problem = self.accepts(data)
        if problem:
            raise UserError(problem, file=data.table.source or None)
        if start.method == "points":
            means = data.x[initial.distinct_rows(data, self.k, rng)]
            frame = frame_of(data)
            pooled = self.family().members(frame, frame.covariances_back(np.repeat(frame.total[None], self.k, axis=0)))
            if gaussian_checks.singular(frame, pooled).any():  # accepted because of a floor
                pooled = self.family().members(frame, self._whole(data))
            return GaussianParams(np.full(self.k, 1.0 / self.k), means, pooled)
        if start.method == "responsibilities":
            return self._from(data, rng.dirichlet(np.ones(self.k), size=data.n), strict=True)
        if start.method == "labels":
            return self._from(data, one_hot(start.labels, self.k), strict=True)
        if start.method == "kmeans++":
            labels = initial.nearest(data, initial.seeds(data, self.k, rng))
            return self._from(data, one_hot(labels, self.k), strict=False)
        raise UserError(f"there is no start {start.method!r}", f"choose from: {', '.join(self.starts)}")

    def _from(self, data: Dataset, resp: np.ndarray, strict: bool) -> GaussianParams:
        """The M-step of given responsibilities; unless `strict`, a singular component gets the pooled covariance."""
        frame = frame_of(data)
        rough = Normal(np.repeat(frame.points_back(np.zeros((1, data.d))), self.k, 0), self._whole(data))
        posterior = self.posterior_of(data, resp, rough)
        start = self.join(np.full(self.k, 1.0 / self.k), rough)
        if strict:
            return self.m_step(data, start, posterior)
        moments: Scatter = posterior.moments
        theta = self.family().estimate(moments, None)
        singular = gaussian_checks.singular(frame, theta.covariances)
        if singular.any():
            theta = theta._replace(covariances=self._pooled(data, moments, singular))
        return self.join(moments.counts / moments.counts.sum(), theta)

    def _pooled(self, data: Dataset, moments: Scatter, singular: np.ndarray) -> np.ndarray:
        """(K, d, d) with everybody's scatter in place of that of the singular components (K,), or the data's covariance."""
        frame, counts = moments.frame, moments.counts
        everybody = moments.scatter.sum(0) / counts.sum()
        scatter = moments.scatter.copy()
        scatter[singular] = np.multiply.outer(counts[singular], everybody)
        covariances = self.family().estimate(replace(moments, scatter=scatter), None).covariances
        if gaussian_checks.singular(frame, covariances).any():
            return self.family().members(frame, self._whole(data))
        return covariances

    def _whole(self, data: Dataset) -> np.ndarray:
        """(K, d, d) the covariance of all rows, its diagonal alone where columns are collinear or constant."""
        frame = frame_of(data)
        total = frame.total
        if frame.collinear:
            diagonal = np.diagonal(total)
            total = np.diag(np.where(diagonal > 0, diagonal, 1.0))
        return frame.covariances_back(np.repeat(total[None], self.k, axis=0)) + self.floor * np.eye(data.d)

    def reseed(self, data: Dataset, params: GaussianParams, component: int, rng: np.random.Generator) -> GaussianParams:
        """The component starts anew on one of the rows that the others explain worst, with everybody's covariance."""
        scores = self.scores(data, params)
        scores[:, component] = -np.inf
        density = scores.max(1)
        worst = np.argsort(density, kind="stable")[: max(1, data.n // 20)]
        means, covariances = params.means.copy(), params.covariances.copy()
        means[component] = data.x[rng.choice(worst)]
        whole = self.family().members(frame_of(data), self._whole(data))
        if self.shape.shared:
            covariances[:] = whole
        else:
            covariances[component] = whole[component]
            covariances = self.family().members(frame_of(data), covariances)
        weights = params.weights.copy()
        weights[component] = 0.0
        weights *= (1.0 - 1.0 / self.k) / max(weights.sum(), np.finfo(float).tiny)
        weights[component] = 1.0 / self.k
        return GaussianParams(weights / weights.sum(), means, covariances)

    # -- new rows ------------------------------------------------------------------------------------------------------
    def scores_at(self, params: GaussianParams, x: np.ndarray) -> np.ndarray:
        x = np.atleast_2d(np.asarray(x, float))
        out = np.empty((len(x), self.k))
        known = ~np.isnan(x)
        for pattern in np.unique(known, axis=0):
            rows = (known == pattern).all(1)
            columns = np.flatnonzero(pattern)
            scores = np.tile(log_weights(params.weights), (int(rows.sum()), 1))
            if columns.size:
                theta = Normal(params.means[:, columns], params.covariances[:, columns[:, None], columns])
                scores = scores + self.family().log_density(x[rows][:, columns], theta)
            out[rows] = scores
        return out

    # -- documents -----------------------------------------------------------------------------------------------------
    def from_dict(self, document: dict) -> GaussianParams:
        return GaussianParams(*gaussian_checks.arrays(document))

    @classmethod
    def components_in(cls, document: dict) -> int:
        return len(gaussian_checks.arrays(document)[0])

    # -- pictures ------------------------------------------------------------------------------------------------------
    def views(self, data: Dataset) -> tuple[View, ...]:
        return gaussian_views.views(data)

    def draw(self, data: Dataset, params: GaussianParams | None, view: View) -> Drawing:
        return gaussian_views.draw(data, params, view)

    def anchors(self, params: GaussianParams, view: View) -> np.ndarray:
        return gaussian_views.anchors(params, view)

    def move(self, params: GaussianParams, handle: Handle, view: View, position: tuple[float, float]) -> GaussianParams:
        means = params.means.copy()
        for column, value in zip(view.columns, position, strict=False):
            if np.isfinite(value):
                means[handle.component, column] = value
        return params._replace(means=means)

    def table(self, data: Dataset, params: GaussianParams) -> list[tuple[str, np.ndarray]]:
        return gaussian_views.table(data, params)
