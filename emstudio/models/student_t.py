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

from emstudio.core import rowwise
from emstudio.core.data import Dataset
from emstudio.core.errors import Notice, UserError
from emstudio.core.how import EStep
from emstudio.core.model import Start, register
from emstudio.core.parameter import param
from emstudio.core.plate import Plate
from emstudio.core.posterior import Posterior
from emstudio.core.promises import Promises
from emstudio.core.responsibilities import log_weights
from emstudio.core.student import Student, StudentFamily
from emstudio.core.updates import Update
from emstudio.models import gaussian_checks, priors
from emstudio.models.elliptical import Elliptical, covariance_param, floor_param
from emstudio.models.gaussian import GaussianMixture, GaussianParams
from emstudio.models.normal_updates import Weighing
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
class StudentMixture(Elliptical):
    """p(x) = sum_k pi_k t(x | mu_k, Sigma_k, nu_k)."""

    name: ClassVar[str] = "student-t"
    title: ClassVar[str] = "Student-t mixture"
    promises: ClassVar[Promises] = Promises(maximal=False)

    k: int = param(2, "Components", low=1, high=20, help="How many t distributions are mixed.")
    covariance: str = covariance_param("Scales", "What the components' scale matrices have in common.")
    dof: float | str = param(
        FREE,
        "Freedom ν",
        low=0.01,
        words=(FREE,),
        help="How heavy the tails are: a number for all components, or free to estimate one for each, up to 1,000.",
    )
    floor: float = floor_param("scale matrix")
    prior_weights: float = priors.on_weights()
    prior_means: float = priors.on_means()
    prior_covariances: float = priors.on_covariances()

    def family(self) -> StudentFamily:
        return StudentFamily(self.shape, None if self.dof == FREE else float(self.dof), self.floor, self.prior)

    def split(self, params: StudentParams) -> tuple[np.ndarray, Student]:
        return params.weights, Student(params.means, params.covariances, params.dof)

    def join(self, weights: np.ndarray, theta: Student) -> StudentParams:
        return StudentParams(weights, theta.means, theta.covariances, theta.dof)

    def free_parameters(self, data_dimension: int) -> int:
        return self._gaussian().free_parameters(data_dimension) + (self.k if self.dof == FREE else 0)

    def plate(self, data: Dataset) -> Plate:
        return Plate("t", ("μ", "Σ" if data.d > 1 else "σ²", "ν"))

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

    def weighing(self, data: Dataset, posterior: Posterior) -> Weighing:
        return Weighing(posterior.moments.counts, posterior.moments.scaled, "r u")

    # -- what is refused -----------------------------------------------------------------------------------------------
    def accepts(self, data: Dataset) -> str | None:
        return self._gaussian().accepts(data)

    def check(self, data: Dataset, params: StudentParams) -> None:
        self._gaussian().check(data, _normal(params))
        if len(params.dof) != self.k or not (params.dof > 0).all():
            raise UserError("params.dof holds a value that is not positive", f"give {self.k} numbers above 0")

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

    # -- pictures ------------------------------------------------------------------------------------------------------
    def updates(self, data: Dataset, params: StudentParams, posterior: Posterior) -> list[Update]:
        made = super().updates(data, params, posterior)
        if self.dof == FREE:
            made.insert(-1, Update("ν", "where F is highest along ν", "", params.dof))
        return made

    def table(self, data: Dataset, params: StudentParams) -> list[tuple[str, np.ndarray]]:
        return [*super().table(data, params), ("freedom ν", params.dof)]


def _normal(params: StudentParams) -> GaussianParams:
    return GaussianParams(params.weights, params.means, params.covariances)
