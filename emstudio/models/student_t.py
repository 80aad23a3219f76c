"""Mixture of multivariate t distributions: clusters with heavy tails, in which far rows count less.

An M-step here has no closed form: weights, means and scales take one EM step of each row's hidden scale, which raises the
bound, and then free degrees of freedom climb the bound itself to its top, by root finding (at most to 1,000, where a t
distribution is a normal one to the eye). Sources: Peel and McLachlan 2000, Statistics and Computing 10; Liu and Rubin 1995,
Statistica Sinica 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from emstudio.core import rowwise, updates
from emstudio.core.covariance import ALIASES, COVARIANCES, Covariance
from emstudio.core.data import Dataset
from emstudio.core.errors import Degenerate, Notice, UserError
from emstudio.core.frame import frame_of
from emstudio.core.how import EStep
from emstudio.core.marks import Drawing, Handle, View
from emstudio.core.mixture import Mixture, log_weights, softmax
from emstudio.core.model import START_METHODS, Posterior, Promises, Start, param, register
from emstudio.core.prior import NormalPrior, floor_penalty, log_dirichlet
from emstudio.core.student import Student, StudentFamily
from emstudio.core.updates import Update
from emstudio.models import gaussian_checks, gaussian_views, priors
from emstudio.models.gaussian import GaussianMixture, GaussianParams
from emstudio.models.normal_updates import Weighing, normal_updates
from emstudio.models.reading import array

FREE = "free"
_FIRST_DOF = 10.0  # where the degrees of freedom start when they are free


class StudentParams(NamedTuple):
    """weights (K,), means (K, d), covariances (K, d, d), which are the scale matrices, dof (K,)."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    dof: np.ndarray


@register
@dataclass(frozen=True)
class StudentMixture(Mixture):
    """p(x) = sum_k pi_k t(x | mu_k, Sigma_k, nu_k)."""

    name: ClassVar[str] = "student-t"
    title: ClassVar[str] = "Student-t mixture"
    accepted: ClassVar[str] = "columns of numbers"
    promises: ClassVar[Promises] = Promises(maximal=False)
    starts: ClassVar[tuple[str, ...]] = tuple(m for m, _, _ in START_METHODS)
    accelerates: ClassVar[bool] = True

    k: int = param(2, "Components", low=1, high=20, help="How many t distributions are mixed.")
    covariance: str = param(
        "VVV",
        "Scales",
        choices=tuple((c.name, c.title) for c in COVARIANCES.values()),
        aliases=tuple(ALIASES.items()),
        help="What the components' scale matrices have in common.",
    )
    dof: float | str = param(
        FREE,
        "Freedom ν",
        low=0.01,
        words=(FREE,),
        help="How heavy the tails are: a number for all components, or free to estimate one for each, up to 1,000.",
    )
    floor: float = param(
        0.0,
        "Variance floor",
        low=0.0,
        option="--floor",
        more=True,
        help="Added to the diagonal of every scale matrix in every M-step, in data units squared.",
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

    def family(self) -> StudentFamily:
        return StudentFamily(self.shape, None if self.dof == FREE else float(self.dof), self.floor, self.prior)

    def split(self, params: StudentParams) -> tuple[np.ndarray, Student]:
        return params.weights, Student(params.means, params.covariances, params.dof)

    def join(self, weights: np.ndarray, theta: Student) -> StudentParams:
        return StudentParams(weights, theta.means, theta.covariances, theta.dof)

    def free_parameters(self, data_dimension: int) -> int:
        return self._gaussian().free_parameters(data_dimension) + (self.k if self.dof == FREE else 0)

    def _gaussian(self) -> GaussianMixture:
        """The mixture that this one becomes with ever more degrees of freedom."""
        given = ("k", "covariance", "floor", "prior_weights", "prior_means", "prior_covariances")
        return GaussianMixture(**{name: getattr(self, name) for name in given})

    # -- EM ------------------------------------------------------------------------------------------------------------
    def e_step(
        self, data: Dataset, params: StudentParams, how: EStep, rng: np.random.Generator, resp: bool = True
    ) -> Posterior:
        return super().e_step(data, params, how, rng, True)  # the bound needs the responsibilities

    def m_step(self, data: Dataset, params: StudentParams, posterior: Posterior) -> StudentParams:
        new = super().m_step(data, params, posterior)
        if self.dof != FREE:
            return new
        assert posterior.resp is not None  # `e_step` always keeps them
        weights, theta = self.split(new)
        return self.join(weights, self.family().climbed(data, theta, posterior.resp))

    def bound(self, data: Dataset, params: StudentParams, posterior: Posterior) -> float | None:
        found = rowwise.bound(self, data, params, posterior)
        return None if found is None else found + self.penalty(params, posterior)

    def penalty(self, params: StudentParams, posterior: Posterior) -> float:
        smeared = floor_penalty(self.floor, params.covariances, posterior.moments.counts + self.prior.counts)
        own = self.family().log_prior(posterior.moments, self.split(params)[1])
        return smeared + own + log_dirichlet(params.weights, self.prior_weights)

    def shares(self, counts: np.ndarray) -> np.ndarray:
        return super().shares(counts + (self.prior_weights - 1.0))

    # -- what is refused -----------------------------------------------------------------------------------------------
    def accepts(self, data: Dataset) -> str | None:
        return self._gaussian().accepts(data)

    def check(self, data: Dataset, params: StudentParams) -> None:
        self._gaussian().check(data, _normal(params))
        if len(params.dof) != self.k or not (params.dof > 0).all():
            raise UserError("params.dof holds a value that is not positive", f"give {self.k} numbers above 0")

    def guard_counts(self, data: Dataset, params: StudentParams, posterior: Posterior) -> None:
        gaussian_checks.guard_counts(posterior.moments.counts)

    def guard(self, data: Dataset, params: StudentParams, posterior: Posterior, new: StudentParams) -> None:
        lost = gaussian_checks.lost(frame_of(data), new.covariances)
        if lost.size:
            resp = posterior.resp if posterior.resp is not None else softmax(self.scores(data, params))[0]
            raise Degenerate(gaussian_checks.collapse(data, lost, resp, self.shape))

    def notices(self, data: Dataset, params: StudentParams, posterior: Posterior) -> list[Notice]:
        return self._gaussian().notices(data, _normal(params), posterior)

    # -- starts --------------------------------------------------------------------------------------------------------
    def init(self, data: Dataset, start: Start, rng: np.random.Generator) -> StudentParams:
        if start.method == "params":
            self.check(data, start.params)
            return start.params
        return self._tailed(self._gaussian().init(data, start, rng))

    def reseed(self, data: Dataset, params: StudentParams, component: int, rng: np.random.Generator) -> StudentParams:
        """As the Gaussian's, and the component starts with fresh degrees of freedom."""
        new = self._tailed(self._gaussian().reseed(data, _normal(params), component, rng))
        dof = params.dof.copy()
        dof[component] = new.dof[component]
        return new._replace(dof=dof)

    def _tailed(self, params: GaussianParams) -> StudentParams:
        first = _FIRST_DOF if self.dof == FREE else float(self.dof)
        return StudentParams(*params, np.full(self.k, first))

    # -- new rows ------------------------------------------------------------------------------------------------------
    def scores_at(self, params: StudentParams, x: np.ndarray) -> np.ndarray:
        def density(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
            scales = params.covariances[:, columns[:, None], columns]
            return self.family().log_density(rows, Student(params.means[:, columns], scales, params.dof))

        return log_weights(params.weights) + gaussian_checks.known_columns(x, self.k, density)

    # -- documents -----------------------------------------------------------------------------------------------------
    def from_dict(self, document: dict) -> StudentParams:
        weights, means, covariances = gaussian_checks.arrays(document)
        if "dof" not in document:
            raise UserError("params has no 'dof'", "give the degrees of freedom of each component")
        dof = array(document["dof"], "params.dof", 1)
        if len(dof) != len(weights):
            raise UserError(f"params has {len(weights)} weights and {len(dof)} dof", "give one of each for a component")
        return StudentParams(weights, means, covariances, dof)

    @classmethod
    def components_in(cls, document: dict) -> int:
        return gaussian_checks.components_in(document)

    # -- pictures ------------------------------------------------------------------------------------------------------
    def views(self, data: Dataset) -> tuple[View, ...]:
        return gaussian_views.views(data)

    def draw(self, data: Dataset, params: StudentParams | None, view: View) -> Drawing:
        return gaussian_views.draw(data, params, view, self.shape)

    def anchors(self, params: StudentParams, view: View) -> np.ndarray:
        return gaussian_views.anchors(params, view)

    def move(self, params: StudentParams, handle: Handle, view: View, position: tuple[float, ...]) -> StudentParams:
        return gaussian_views.move(params, self.shape, handle, view, position)

    def updates(self, data: Dataset, params: StudentParams, posterior: Posterior) -> list[Update]:
        moments = posterior.moments
        names = [c.title for c in data.columns]
        variances = np.diagonal(params.covariances, axis1=1, axis2=2)
        weighing = Weighing(moments.counts, moments.scaled, "r u")
        own = normal_updates(self.shape, self.prior, self.floor, params.means, variances, weighing, names)
        freedom = [Update("ν", "where F is highest along ν", "", params.dof)] if self.dof == FREE else []
        return [*own, *freedom, updates.weights(params.weights, moments.counts, self.prior_weights)]

    def table(self, data: Dataset, params: StudentParams) -> list[tuple[str, np.ndarray]]:
        return [*gaussian_views.table(data, params), ("freedom ν", params.dof)]


def _normal(params: StudentParams) -> GaussianParams:
    return GaussianParams(params.weights, params.means, params.covariances)
