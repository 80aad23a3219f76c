"""Poisson mixture: columns of counts, independent within a component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.discrete import Poisson, Rates, log_factorial
from emstudio.core.errors import UserError
from emstudio.core.format import number
from emstudio.core.marks import Disc, Drawing, Handle, Points, View
from emstudio.core.model import register
from emstudio.core.parameter import param
from emstudio.core.plate import Plate
from emstudio.core.posterior import Posterior
from emstudio.core.responsibilities import log_weights
from emstudio.core.updates import Update, columns
from emstudio.models import priors, reading
from emstudio.models.counts_views import upright
from emstudio.models.discrete import DiscreteMixture
from emstudio.models.gaussian_views import label

_LEAST = 1e-4  # a rate dragged to 0 would make rows impossible


class PoissonParams(NamedTuple):
    """weights (K,), rates (K, d)."""

    weights: np.ndarray
    rates: np.ndarray


@register
@dataclass(frozen=True)
class PoissonMixture(DiscreteMixture):
    """p(x) = sum_k pi_k prod_j exp(-lambda_kj) lambda_kj^x_j / x_j!."""

    name: ClassVar[str] = "poisson"
    title: ClassVar[str] = "Poisson mixture"
    accepted: ClassVar[str] = "columns of counts"

    k: int = param(3, "Components", low=1, high=20, help="How many Poisson distributions are mixed.")
    prior_weights: float = priors.on_weights()
    prior_rates: float = priors.on_rates()

    def family(self) -> Poisson:
        return Poisson(self.prior_rates)

    def split(self, params: PoissonParams) -> tuple[np.ndarray, Rates]:
        return params.weights, Rates(params.rates)

    def join(self, weights: np.ndarray, theta: Rates) -> PoissonParams:
        return PoissonParams(weights, theta.rates)

    def free_parameters(self, data_dimension: int) -> int:
        return self.k * data_dimension + self.k - 1

    def rough(self, data: Dataset) -> Rates:
        return Rates(np.tile(np.maximum(data.x.mean(0), 1.0), (self.k, 1)))

    def locations(self, params: PoissonParams) -> np.ndarray:
        return params.rates

    # -- new rows ------------------------------------------------------------------------------------------------------
    def scores_at(self, params: PoissonParams, x: np.ndarray) -> np.ndarray:
        """Columns are independent within a component, so a cell that is not known is left out."""
        x = np.atleast_2d(np.asarray(x, float))
        known = ~np.isnan(x)
        counts = np.where(known, x, 0.0)
        eta = self.family().natural(Rates(params.rates))
        scores = counts @ eta.T - known @ params.rates.T - log_factorial(counts).sum(1, keepdims=True)
        return scores + log_weights(params.weights)

    # -- documents -----------------------------------------------------------------------------------------------------
    def check(self, data: Dataset, params: PoissonParams) -> None:
        reading.check_weights(params.weights, self.k)
        if params.rates.shape[1] != data.d:
            what = f"params is for {params.rates.shape[1]} columns and {data.d} are fitted"
            raise UserError(what, "choose as many columns")
        if (params.rates < 0).any():
            k = int(np.flatnonzero((params.rates < 0).any(1))[0])
            raise UserError(f"a rate of component {k} is negative", "give numbers of 0 or more")

    def from_dict(self, document: dict) -> PoissonParams:
        weights, rates = reading.arrays(document, weights=1, rates=2)
        reading.same_length(weights=weights, rates=rates)
        return PoissonParams(weights, rates)

    @classmethod
    def components_in(cls, document: dict) -> int:
        return len(reading.arrays(document, weights=1)[0])

    # -- pictures ------------------------------------------------------------------------------------------------------
    def plate(self, data: Dataset) -> Plate:
        return Plate("Poisson", ("λ",))

    def shape_name(self, data: Dataset) -> str:
        return "rate"

    def views(self, data: Dataset) -> tuple[View, ...]:
        bars = View("counts", (0,), title="Counts")
        return (bars,) if data.d == 1 else (View("scatter", (0, 1), title="Scatter"), bars)

    def draw(self, data: Dataset, params: PoissonParams | None, view: View) -> Drawing:
        if view.kind == "scatter":
            marks: list[object] = [Points(view.columns)]
            if params is not None:
                marks += [Disc(k, r, Handle("rate", k)) for k, r in enumerate(params.rates[:, list(view.columns)])]
            return Drawing(tuple(marks), *(label(data, j) for j in view.columns))
        j = view.columns[0]
        if params is None:
            return upright(data, j, None, None, "rate", [])
        rates = params.rates[:, j]

        def density(x: np.ndarray) -> np.ndarray:
            return params.weights[:, None] * np.exp(Poisson().log_density(x[:, None], Rates(rates[:, None]))).T

        return upright(data, j, density, rates, "rate", [f"λ = {number(r)}" for r in rates])

    def anchors(self, params: PoissonParams, view: View) -> np.ndarray:
        at = params.rates[:, list(view.columns)]
        return at if at.shape[1] == 2 else np.column_stack([at[:, 0], np.zeros(len(at))])

    def move(self, params: PoissonParams, handle: Handle, view: View, position: tuple[float, float]) -> PoissonParams:
        rates = params.rates.copy()
        for column, value in zip(view.columns, position, strict=False):
            if np.isfinite(value) and value != rates[handle.component, column]:
                rates[handle.component, column] = max(value, _LEAST)
        return params._replace(rates=rates)

    def updates(self, data: Dataset, params: PoissonParams, posterior: Posterior) -> list[Update]:
        m = self.prior_rates
        over, under = ("Σ r x + m x̄", "Σ r + m") if m else ("Σ r x", "Σ r")
        own = columns("λ", over, under, params.rates, posterior.moments.counts + m, [c.title for c in data.columns])
        return own + super().updates(data, params, posterior)

    def table(self, data: Dataset, params: PoissonParams) -> list[tuple[str, np.ndarray]]:
        rates = [(f"λ {c.title}", params.rates[:, j]) for j, c in enumerate(data.columns)]
        return [("weight π", params.weights), *rates]
