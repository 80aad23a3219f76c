"""Mixture of multinomials: rows of counts of c outcomes (throws of a die, words of a text)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.discrete import Multinomial, Probabilities
from emstudio.core.errors import Notice, UserError
from emstudio.core.marks import Drawing, Handle, View
from emstudio.core.model import register
from emstudio.core.parameter import param
from emstudio.core.plate import Plate
from emstudio.core.posterior import Posterior
from emstudio.core.updates import Update, columns
from emstudio.models import multinomial_views, priors, reading
from emstudio.models.discrete import LARGEST, MIXING, MIXING_HELP, DiscreteMixture


class MultinomialParams(NamedTuple):
    """weights (K,), probabilities (K, c)."""

    weights: np.ndarray
    probabilities: np.ndarray


@register
@dataclass(frozen=True)
class MultinomialMixture(DiscreteMixture):
    """p(x) = sum_k pi_k (sum x)! / prod x_j! prod_j p_kj^x_j, one column of counts for each outcome."""

    name: ClassVar[str] = "multinomial"
    title: ClassVar[str] = "Mixture of multinomials"
    accepted: ClassVar[str] = "columns of counts, one for each outcome"
    learns: ClassVar[tuple[str, ...]] = ("total",)

    k: int = param(3, "Components", low=1, high=20, help="How many multinomials are mixed.")
    mixing: str = param("free", "Mixing", choices=MIXING, help=MIXING_HELP)
    prior_weights: float = priors.on_weights(" where they are free")
    prior_probabilities: float = priors.on_probabilities()
    total: int = 1  # of a row that is drawn from the model

    def family(self) -> Multinomial:
        return Multinomial(self.prior_probabilities)

    def split(self, params: MultinomialParams) -> tuple[np.ndarray, Probabilities]:
        return params.weights, Probabilities(params.probabilities)

    def join(self, weights: np.ndarray, theta: Probabilities) -> MultinomialParams:
        return MultinomialParams(weights, theta.probabilities)

    def free_parameters(self, data_dimension: int) -> int:
        return self.k * (data_dimension - 1) + (self.k - 1 if self.free else 0)

    # -- data ----------------------------------------------------------------------------------------------------------
    def for_data(self, data: Dataset) -> MultinomialMixture:
        totals, counts = np.unique(data.x.sum(1), return_counts=True)
        found = totals[np.argmax(counts)] if len(totals) else 1.0
        return replace(self, total=int(found) if 0 <= found <= LARGEST else 1)

    def learned(self) -> dict[str, Any]:
        return {"total": self.total}

    @classmethod
    def read_learned(cls, name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
            raise UserError("model.parameters.total is no count", "give a whole number of 0 or more")
        return value

    def inspect(self, data: Dataset) -> None:
        if data.d < 2:
            raise UserError(
                "there is one column, and a multinomial needs two or more",
                "give one column of counts for each outcome",
                file=data.table.source or None,
            )
        super().inspect(data)

    # -- starts --------------------------------------------------------------------------------------------------------
    def features(self, data: Dataset) -> np.ndarray:
        """(n, c) each row's shares; those of all rows together where a row is all 0."""
        return multinomial_views.shares(data)

    def rough(self, data: Dataset) -> Probabilities:
        return Probabilities(np.full((self.k, data.d), 1.0 / data.d))

    def notices(self, data: Dataset, params: MultinomialParams, posterior: Posterior) -> list[Notice]:
        found = super().notices(data, params, posterior)
        totals = data.x.sum(1) if data.weights is None else data.x.sum(1)[data.weights > 0]
        most, needed = int(totals.max(initial=0)), 2 * self.k - 1
        if self.free and most < needed:
            text = (
                f"The components cannot be told apart: {self.k} multinomials with free mixing need a row of at least "
                f"{needed} counts, and no row has more than {most}. Other parameters explain these data just as well."
            )
            found.append(Notice("not-identifiable", text))
        return found

    def sample(self, params: MultinomialParams, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        component = rng.choice(self.k, size=n, p=params.weights / params.weights.sum())
        return self.family().sample(Probabilities(params.probabilities), component, rng, self.total), component

    # -- documents -----------------------------------------------------------------------------------------------------
    def check(self, data: Dataset, params: MultinomialParams) -> None:
        reading.check_weights(params.weights, self.k)
        c = params.probabilities.shape[1]
        if c != data.d:
            raise UserError(f"params is for {c} columns and {data.d} are fitted", "choose as many columns")
        reading.check_probabilities(params.probabilities, "probabilities")

    def from_dict(self, document: dict) -> MultinomialParams:
        weights, probabilities = reading.arrays(document, weights=1, probabilities=2)
        reading.same_length(weights=weights, probabilities=probabilities)
        return MultinomialParams(weights, probabilities)

    @classmethod
    def components_in(cls, document: dict) -> int:
        return len(reading.arrays(document, weights=1)[0])

    # -- pictures ------------------------------------------------------------------------------------------------------
    def plate(self, data: Dataset) -> Plate:
        return Plate("Multinomial", ("p",))

    def shape_name(self, data: Dataset) -> str:
        return "profile"

    def views(self, data: Dataset) -> tuple[View, ...]:
        return multinomial_views.views(data)

    def draw(self, data: Dataset, params: MultinomialParams | None, view: View) -> Drawing:
        return multinomial_views.draw(data, params, view)

    def anchors(self, params: MultinomialParams, view: View) -> np.ndarray:
        return multinomial_views.anchors(params, view)

    def move(
        self, params: MultinomialParams, handle: Handle, view: View, position: tuple[float, float]
    ) -> MultinomialParams:
        return multinomial_views.move(params, handle, view, position)

    def updates(self, data: Dataset, params: MultinomialParams, posterior: Posterior) -> list[Update]:
        added, c = self.prior_probabilities - 1.0, data.d
        over, under = ("Σ r x + a − 1", f"Σ r n + {c} (a − 1)") if added else ("Σ r x", "Σ r n")
        below = (posterior.moments.sums + added).sum(1)
        own = columns("p", over, under, params.probabilities, below, [c.title for c in data.columns])
        return own + super().updates(data, params, posterior)

    def table(self, data: Dataset, params: MultinomialParams) -> list[tuple[str, np.ndarray]]:
        named = [(f"p {c.title}", params.probabilities[:, j]) for j, c in enumerate(data.columns)]
        return [("weight π", params.weights), *named]
