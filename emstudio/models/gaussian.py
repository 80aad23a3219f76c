"""Gaussian mixture: weights, means and covariances; the covariances share what the chosen family says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np

from emstudio.core import hierarchical, initial, rowwise, updates
from emstudio.core.covariance import ALIASES, COVARIANCES, Covariance
from emstudio.core.data import Dataset
from emstudio.core.errors import Degenerate, Notice, UserError
from emstudio.core.format import NOISE
from emstudio.core.frame import frame_of
from emstudio.core.gaussian import Gaussian, Normal, Scatter
from emstudio.core.how import EStep
from emstudio.core.marks import Drawing, Handle, View
from emstudio.core.mixture import Mixture, log_weights, one_hot, softmax
from emstudio.core.model import START_METHODS, Posterior, Promises, Start, param, register
from emstudio.core.noise import Noisy, NoisyMoments, WithNoise, box_of, log_uniform
from emstudio.core.prior import NormalPrior, floor_penalty, log_dirichlet
from emstudio.core.updates import Update
from emstudio.models import gaussian_checks, gaussian_views, priors
from emstudio.models.normal_updates import Weighing, normal_updates
from emstudio.models.reading import array

_FIRST_NOISE = 0.05  # the weight that the noise starts with


class GaussianParams(NamedTuple):
    """weights (K,), means (K, d), covariances (K, d, d)."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


class NoisyParams(NamedTuple):
    """The same with weights (K + 1,), the noise last, and box (2, d): its lowest and highest corner."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    box: np.ndarray


@register
@dataclass(frozen=True)
class GaussianMixture(Mixture):
    """p(x) = sum_k pi_k N(x | mu_k, Sigma_k), with `noise` + pi_0 / volume of the box."""

    name: ClassVar[str] = "gaussian"
    title: ClassVar[str] = "Gaussian mixture"
    accepted: ClassVar[str] = "columns of numbers"
    starts: ClassVar[tuple[str, ...]] = tuple(m for m, _, _ in START_METHODS)
    accelerates: ClassVar[bool] = True
    marginal: ClassVar[bool] = True

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
    noise: bool = param(
        False,
        "Uniform noise",
        option="--noise",
        more=True,
        help="One more component, spread evenly over the data's bounding box, takes the rows that belong nowhere.",
    )
    prior_weights: float = priors.on_weights()
    prior_means: float = priors.on_means()
    prior_covariances: float = priors.on_covariances()

    @property
    def shape(self) -> Covariance:
        return COVARIANCES[self.covariance]

    @property
    def promised(self) -> Promises:
        return gaussian_checks.promised(self.promises, self.floor)

    @property
    def prior(self) -> NormalPrior:
        return NormalPrior(self.prior_means, self.prior_covariances)

    @property
    def parts(self) -> tuple[int, ...]:
        return (*range(self.k), *[NOISE] * self.noise)

    def family(self) -> Gaussian | WithNoise:
        own = Gaussian(self.shape, self.floor, self.prior)
        return WithNoise(own) if self.noise else own

    def split(self, params: GaussianParams | NoisyParams) -> tuple[np.ndarray, Normal | Noisy]:
        theta = Normal(params.means, params.covariances)
        return params.weights, Noisy(theta, params.box) if isinstance(params, NoisyParams) else theta

    def join(self, weights: np.ndarray, theta: Normal | Noisy) -> GaussianParams | NoisyParams:
        if isinstance(theta, Noisy):
            return NoisyParams(weights, *theta.own, theta.box)
        return GaussianParams(weights, theta.means, theta.covariances)

    def free_parameters(self, data_dimension: int) -> int:
        """The noise counts for two: its weight and its volume."""
        own = self.k - 1 + self.k * data_dimension + self.shape.free(self.k, data_dimension)
        return own + 2 * self.noise

    def stacked(self, params: GaussianParams | NoisyParams) -> tuple[np.ndarray, ...]:
        return params.weights[: self.k], params.means, params.covariances

    def permute(self, params: GaussianParams | NoisyParams, order: np.ndarray) -> GaussianParams | NoisyParams:
        weights = np.concatenate([params.weights[order], params.weights[self.k :]])
        return params._replace(weights=weights, means=params.means[order], covariances=params.covariances[order])

    def without(self, params: GaussianParams | NoisyParams, component: int) -> GaussianParams | NoisyParams:
        if not isinstance(params, NoisyParams):
            return super().without(params, component)
        left = super().without(params._replace(box=np.zeros((self.k, 1))), component)
        return left._replace(box=params.box)

    def adapted(self, data: Dataset, params: GaussianParams | NoisyParams) -> GaussianParams | NoisyParams:
        return params._replace(box=box_of(data)) if isinstance(params, NoisyParams) and data.n else params

    # -- EM ------------------------------------------------------------------------------------------------------------
    def e_step(
        self, data: Dataset, params: GaussianParams, how: EStep, rng: np.random.Generator, resp: bool = True
    ) -> Posterior:
        return super().e_step(data, params, how, rng, resp or data.mask is not None)  # then the bound needs them

    def shares(self, counts: np.ndarray) -> np.ndarray:
        return super().shares(counts + (self.prior_weights - 1.0))

    def bound(self, data: Dataset, params: GaussianParams, posterior: Posterior) -> float | None:
        if data.mask is None:
            found = super().bound(data, params, posterior)
        else:
            found = rowwise.bound(self, data, params, posterior)
        return None if found is None else found + self.penalty(params, posterior)

    def penalty(self, params: GaussianParams, posterior: Posterior) -> float:
        """What a floor takes off and log p(params) under the priors adds, but for a constant."""
        if not (self.floor or self.prior_means or self.prior_covariances or self.prior_weights != 1.0):
            return 0.0
        own = _own(posterior)
        prior = self.prior.log_density(own.frame, params.means, params.covariances)
        smeared = floor_penalty(self.floor, params.covariances, own.counts + self.prior.counts)
        return prior + smeared + log_dirichlet(params.weights, self.prior_weights)

    # -- what is refused -----------------------------------------------------------------------------------------------
    def accepts(self, data: Dataset) -> str | None:
        return gaussian_checks.obstacle(data, self.k, self.shape, self.floor, self.noise)

    def check(self, data: Dataset, params: GaussianParams | NoisyParams) -> None:
        gaussian_checks.check_params(params, self.k, data.d, self.noise)

    def guard_counts(self, data: Dataset, params: GaussianParams, posterior: Posterior) -> None:
        gaussian_checks.guard_counts(_own(posterior).counts)

    def guard(self, data: Dataset, params: GaussianParams, posterior: Posterior, new: GaussianParams) -> None:
        lost = gaussian_checks.lost(frame_of(data), new.covariances)
        if lost.size:
            resp = posterior.resp
            if resp is None:
                resp = softmax(self.scores(data, params))[0]
            raise Degenerate(gaussian_checks.collapse(data, lost, resp, self.shape))

    def notices(self, data: Dataset, params: GaussianParams, posterior: Posterior) -> list[Notice]:
        return gaussian_checks.notices(data, params, _own(posterior).counts, self.shape)

    # -- starts --------------------------------------------------------------------------------------------------------
    def init(self, data: Dataset, start: Start, rng: np.random.Generator) -> GaussianParams | NoisyParams:
        if start.method == "params":
            self.check(data, start.params)
            unknown = isinstance(start.params, NoisyParams) and not np.isfinite(start.params.box).all()
            return self.adapted(data, start.params) if unknown else start.params
        if self.noise:
            problem = self.accepts(data)
            if problem:
                raise UserError(problem, file=data.table.source or None)
            own = replace(self, noise=False).init(data, start, rng)
            weights = np.append(own.weights * (1.0 - _FIRST_NOISE), _FIRST_NOISE)
            return NoisyParams(weights, own.means, own.covariances, box_of(data))
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
        if start.method == "hierarchical":
            return self._from(data, hierarchical.groups(data, self.k), strict=False)
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
        return params._replace(weights=weights / weights.sum(), means=means, covariances=covariances)

    # -- new rows ------------------------------------------------------------------------------------------------------
    def scores_at(self, params: GaussianParams, x: np.ndarray) -> np.ndarray:
        own = Gaussian(self.shape)

        def density(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
            theta = Normal(params.means[:, columns], params.covariances[:, columns[:, None], columns])
            return own.log_density(rows, theta)

        x = np.atleast_2d(np.asarray(x, float))
        scores = gaussian_checks.known_columns(x, self.k, density)
        if isinstance(params, NoisyParams):
            scores = np.concatenate([scores, log_uniform(x, params.box)[:, None]], axis=1)
        return scores + log_weights(params.weights)

    # -- documents -----------------------------------------------------------------------------------------------------
    def from_dict(self, document: dict) -> GaussianParams | NoisyParams:
        """With noise, a document without a box leaves it to the data that are fitted."""
        weights, means, covariances = gaussian_checks.arrays(document, self.noise)
        if not self.noise:
            return GaussianParams(weights, means, covariances)
        d = means.shape[1]
        box = array(document["box"], "params.box", 2) if "box" in document else np.full((2, d), np.nan)
        if box.shape != (2, d):
            raise UserError(f"params.box has the shape {box.shape}", f"give two corners of {d} numbers")
        return NoisyParams(weights, means, covariances, box)

    @classmethod
    def components_in(cls, document: dict) -> int:
        return gaussian_checks.components_in(document)

    # -- pictures ------------------------------------------------------------------------------------------------------
    def views(self, data: Dataset) -> tuple[View, ...]:
        return gaussian_views.views(data)

    def draw(self, data: Dataset, params: GaussianParams | None, view: View) -> Drawing:
        return gaussian_views.draw(data, params, view, self.shape)

    def anchors(self, params: GaussianParams, view: View) -> np.ndarray:
        return gaussian_views.anchors(params, view)

    def move(self, params: GaussianParams, handle: Handle, view: View, position: tuple[float, ...]) -> GaussianParams:
        return gaussian_views.move(params, self.shape, handle, view, position)

    def updates(self, data: Dataset, params: GaussianParams, posterior: Posterior) -> list[Update]:
        counts = _own(posterior).counts
        names = [c.title for c in data.columns]
        variances = np.diagonal(params.covariances, axis1=1, axis2=2)
        weighing = Weighing(counts, counts, cells="x" if data.mask is None else "x̂")
        own = normal_updates(self.shape, self.prior, self.floor, params.means, variances, weighing, names)
        return [*own, updates.weights(params.weights, posterior.moments.counts, self.prior_weights)]

    def table(self, data: Dataset, params: GaussianParams) -> list[tuple[str, np.ndarray]]:
        return gaussian_views.table(data, params)


def _own(posterior: Posterior) -> Scatter:
    """The moments of the Gaussian components."""
    moments = posterior.moments
    return moments.own if isinstance(moments, NoisyMoments) else moments
