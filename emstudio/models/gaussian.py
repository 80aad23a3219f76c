"""Gaussian mixture: weights, means and covariances; the covariances share what the chosen family says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np

from emstudio.core import hierarchical, initial, rowwise
from emstudio.core.data import Dataset
from emstudio.core.errors import Notice, UserError
from emstudio.core.format import NOISE
from emstudio.core.frame import frame_of
from emstudio.core.gaussian import Gaussian, Normal, Scatter
from emstudio.core.how import EStep
from emstudio.core.model import Start, register
from emstudio.core.noise import Noisy, NoisyMoments, WithNoise, box_of, log_uniform
from emstudio.core.parameter import param
from emstudio.core.posterior import Posterior
from emstudio.core.responsibilities import log_weights, one_hot
from emstudio.models import gaussian_checks, priors
from emstudio.models.elliptical import Elliptical, covariance_param, floor_param
from emstudio.models.normal_updates import Weighing
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
class GaussianMixture(Elliptical):
    """p(x) = sum_k pi_k N(x | mu_k, Sigma_k), with `noise` + pi_0 / volume of the box."""

    name: ClassVar[str] = "gaussian"
    title: ClassVar[str] = "Gaussian mixture"
    marginal: ClassVar[bool] = True

    k: int = param(2, "Components", low=1, high=20, help="How many Gaussians are mixed.")
    covariance: str = covariance_param("Covariance", "What the components' covariances have in common.")
    floor: float = floor_param("covariance")
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
    def parts(self) -> tuple[int, ...]:
        return (*range(self.k), *[NOISE] * self.noise)

    def family(self) -> Gaussian | WithNoise:
        return self._family

    @cached_property
    def _family(self) -> Gaussian | WithNoise:
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

    def bound(self, data: Dataset, params: GaussianParams, posterior: Posterior) -> float | None:
        if data.mask is None:
            found = super().bound(data, params, posterior)
        else:
            found = rowwise.bound(self, data, params, posterior)
        return None if found is None else found + self.penalty(params, posterior)

    def own(self, posterior: Posterior) -> Scatter:
        moments = posterior.moments
        return moments.own if isinstance(moments, NoisyMoments) else moments

    def weighing(self, data: Dataset, posterior: Posterior) -> Weighing:
        counts = self.own(posterior).counts
        return Weighing(counts, counts, cells="x" if data.mask is None else "x̂")

    # -- what is refused -----------------------------------------------------------------------------------------------
    def accepts(self, data: Dataset) -> str | None:
        return gaussian_checks.obstacle(data, self.k, self.shape, self.floor, self.noise)

    def check(self, data: Dataset, params: GaussianParams | NoisyParams) -> None:
        gaussian_checks.check_params(params, self.k, data.d, self.noise)

    def notices(self, data: Dataset, params: GaussianParams, posterior: Posterior) -> list[Notice]:
        return gaussian_checks.notices(data, params, self.own(posterior).counts, self.shape)

    # -- starts --------------------------------------------------------------------------------------------------------
    def init(self, data: Dataset, start: Start, rng: np.random.Generator) -> GaussianParams | NoisyParams:
        if start.method == "params":
            self.check(data, start.params)
            unknown = isinstance(start.params, NoisyParams) and not np.isfinite(start.params.box).all()
            return self.adapted(data, start.params) if unknown else start.params
        self.require(data)
        if self.noise:
            own = replace(self, noise=False).init(data, start, rng)
            weights = np.append(own.weights * (1.0 - _FIRST_NOISE), _FIRST_NOISE)
            return NoisyParams(weights, own.means, own.covariances, box_of(data))
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
        """The component starts anew on a row that the others explain badly, with everybody's covariance."""
        scores = self.scores(data, params)
        scores[:, component] = -np.inf
        means, covariances = params.means.copy(), params.covariances.copy()
        means[component] = data.x[initial.badly_explained(scores.max(1), data.weights, rng)]
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
