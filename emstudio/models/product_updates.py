"""The M-step of a product mixture by hand, column by column."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emstudio.core.covariance import COVARIANCES
from emstudio.core.data import Dataset
from emstudio.core.posterior import Posterior
from emstudio.core.prior import NormalPrior
from emstudio.core.updates import Update
from emstudio.models.normal_updates import Weighing, normal_updates

if TYPE_CHECKING:
    from emstudio.models.product import ProductMixture
    from emstudio.models.product_documents import ProductParams


def updates(model: ProductMixture, data: Dataset, params: ProductParams, posterior: Posterior) -> list[Update]:
    """Means and variances, rates, and the probabilities of each category; each column by its title."""
    counts, levels = posterior.moments.counts, dict(model.categories)
    titles = {name: data.table.column(name).title for name, _ in model.plan}

    def of(family: str) -> list[str]:
        return [name for name, own in model.plan if own == family]

    made: list[Update] = []
    if numbers := [titles[name] for name in of("gaussian")]:
        prior = NormalPrior(model.prior_means, model.prior_variances)
        weighing = Weighing(counts, counts)
        own = normal_updates(COVARIANCES["VVI"], prior, 0.0, params.means, params.variances, weighing, numbers)
        made += [replace(u, column=u.column or numbers[0]) for u in own]
    m = model.prior_rates
    over, under = ("Σ r x + m x̄", "Σ r + m") if m else ("Σ r x", "Σ r")
    for j, name in enumerate(of("poisson")):
        made.append(Update("λ", over, under, params.rates[:, j], counts + m, titles[name]))
    added = model.prior_probabilities - 1.0
    for name, block in zip(of("categorical"), model.blocks(params.probabilities)):
        c = block.shape[1]
        over, under = ("Σ r [x = j] + a − 1", f"Σ r + {c} (a − 1)") if added else ("Σ r [x = j]", "Σ r")
        for j, level in enumerate(levels[name]):
            made.append(Update("p", over, under, block[:, j], counts + added * c, f"{titles[name]} {level}"))
    return made
