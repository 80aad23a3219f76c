"""What mixtures of Gaussians and of t distributions have in common: means, and covariances of one of the fourteen families."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from emstudio.core import updates
from emstudio.core.covariance import ALIASES, COVARIANCES, Covariance
from emstudio.core.data import Dataset
from emstudio.core.errors import Degenerate
from emstudio.core.frame import frame_of
from emstudio.core.marks import Drawing, Handle, View
from emstudio.core.mixture import Mixture
from emstudio.core.model import START_METHODS
from emstudio.core.parameter import param
from emstudio.core.plate import Plate
from emstudio.core.posterior import Posterior
from emstudio.core.prior import NormalPrior, floor_penalty, log_dirichlet
from emstudio.core.promises import Promises
from emstudio.core.responsibilities import softmax
from emstudio.core.updates import Update
from emstudio.models import gaussian_checks, gaussian_views
from emstudio.models.normal_updates import Weighing, normal_updates


def covariance_param(label: str, help: str) -> Any:
    """A field that chooses a covariance family."""
    choices = tuple((c.name, c.title) for c in COVARIANCES.values())
    return param("VVV", label, choices=choices, aliases=tuple(ALIASES.items()), help=help)


def floor_param(matrix: str, note: str = "") -> Any:
    """A field for what is added to the diagonal of every `matrix` (covariance, scale matrix)."""
    text = f"Added to the diagonal of every {matrix} in every M-step, in data units squared{note}."
    return param(0.0, "Variance floor", low=0.0, option="--floor", more=True, help=text)


class Elliptical(Mixture):
    """The params are a NamedTuple with `weights`, `means` (K, d) and `covariances` (K, d, d); models declare the fields."""

    accepted: ClassVar[str] = "columns of numbers"
    starts: ClassVar[tuple[str, ...]] = tuple(m for m, _, _ in START_METHODS)
    accelerates: ClassVar[bool] = True

    covariance: str
    floor: float
    prior_weights: float
    prior_means: float
    prior_covariances: float

    @property
    def shape(self) -> Covariance:
        """The covariance family."""
        return COVARIANCES[self.covariance]

    @property
    def promised(self) -> Promises:
        return gaussian_checks.promised(self.promises, self.floor)

    @property
    def prior(self) -> NormalPrior:
        """The declared prior on means and covariances."""
        return NormalPrior(self.prior_means, self.prior_covariances)

    def own(self, posterior: Posterior) -> Any:
        """The moments of the components alone, without those of a noise."""
        return posterior.moments

    def plate(self, data: Dataset) -> Plate:
        return Plate("N", ("μ", "Σ" if data.d > 1 else "σ²"))

    def weighing(self, data: Dataset, posterior: Posterior) -> Weighing:
        """What the rows are weighted by in the M-step of means and covariances."""
        raise NotImplementedError

    # -- EM ------------------------------------------------------------------------------------------------------------
    def shares(self, counts: np.ndarray) -> np.ndarray:
        return super().shares(counts if self.prior_weights == 1.0 else counts + (self.prior_weights - 1.0))

    def penalty(self, params: Any, posterior: Posterior) -> float:
        """What a floor takes off and log p(params) under the priors adds, but for a constant."""
        if not (self.floor or self.prior_means or self.prior_covariances or self.prior_weights != 1.0):
            return 0.0
        own = self.own(posterior)
        prior = self.prior.log_density(own.frame, params.means, params.covariances)
        smeared = floor_penalty(self.floor, params.covariances, own.counts + self.prior.counts)
        return prior + smeared + log_dirichlet(params.weights, self.prior_weights)

    def guard_counts(self, data: Dataset, params: Any, posterior: Posterior) -> None:
        gaussian_checks.guard_counts(self.own(posterior).counts)

    def guard(self, data: Dataset, params: Any, posterior: Posterior, new: Any) -> None:
        lost = gaussian_checks.lost(frame_of(data), new.covariances)
        if lost.size:
            resp = posterior.resp if posterior.resp is not None else softmax(self.scores(data, params))[0]
            raise Degenerate(gaussian_checks.collapse(data, lost, resp, self.shape))

    @classmethod
    def components_in(cls, document: dict) -> int:
        return gaussian_checks.components_in(document)

    # -- pictures ------------------------------------------------------------------------------------------------------
    def views(self, data: Dataset) -> tuple[View, ...]:
        return gaussian_views.views(data)

    def draw(self, data: Dataset, params: Any | None, view: View) -> Drawing:
        return gaussian_views.draw(data, params, view, self.shape)

    def anchors(self, params: Any, view: View) -> np.ndarray:
        return gaussian_views.anchors(params, view)

    def move(self, params: Any, handle: Handle, view: View, position: tuple[float, ...]) -> Any:
        return gaussian_views.move(params, self.shape, handle, view, position)

    def updates(self, data: Dataset, params: Any, posterior: Posterior) -> list[Update]:
        names = [c.title for c in data.columns]
        variances = np.diagonal(params.covariances, axis1=1, axis2=2)
        weighing = self.weighing(data, posterior)
        made = normal_updates(self.shape, self.prior, self.floor, params.means, variances, weighing, names)
        return [*made, updates.weights(params.weights, posterior.moments.counts, self.prior_weights)]

    def table(self, data: Dataset, params: Any) -> list[tuple[str, np.ndarray]]:
        return gaussian_views.table(data, params)
