"""A product mixture's parameters column by column, as documents hold them, and what is refused of those that are given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.errors import UserError
from emstudio.models import reading
from emstudio.models.product_columns import Categories

if TYPE_CHECKING:
    from emstudio.models.product import ProductMixture

_KEYS = {"gaussian": ("means", "variances"), "poisson": ("rates",), "categorical": ("probabilities",)}


class ProductParams(NamedTuple):
    """weights (K,); means and variances (K, Gaussian columns), rates (K, Poisson columns), and the probabilities of all
    categorical columns side by side (K, categories), each group in the order of the columns."""

    weights: np.ndarray
    means: np.ndarray
    variances: np.ndarray
    rates: np.ndarray
    probabilities: np.ndarray


def by_column(model: ProductMixture, params: ProductParams) -> Iterator[tuple[str, str, dict[str, np.ndarray]]]:
    """(name, family, what is known of it) of each column: means and variances (K,), rates (K,) or probabilities (K, c)."""
    own = {
        "gaussian": zip(params.means.T, params.variances.T),
        "poisson": zip(params.rates.T),
        "categorical": zip(model.blocks(params.probabilities)),
    }
    for name, family in model.plan:
        yield name, family, dict(zip(_KEYS[family], next(own[family])))


def to_dict(model: ProductMixture, params: ProductParams) -> dict:
    """The weights, and an object for each column."""
    document: dict[str, Any] = {"weights": params.weights.tolist()}
    for name, _, own in by_column(model, params):
        document[name] = {key: values.tolist() for key, values in own.items()}
    return document


def from_dict(model: ProductMixture, document: dict) -> ProductParams:
    """UserError where a column or one of its arrays is missing or misshapen."""
    (weights,) = reading.arrays(document, weights=1)
    k = len(weights)
    found: dict[str, list[np.ndarray]] = {key: [] for keys in _KEYS.values() for key in keys}
    sizes = iter(model.sizes())
    for name, family in model.plan:
        block = document.get(name)
        if not isinstance(block, dict):
            raise UserError(f"params has no {name!r}", "give an object for each column")
        for key in _KEYS[family]:
            if key not in block:
                raise UserError(f"params.{name} has no {key!r}", f"give {', '.join(_KEYS[family])}")
            dimensions = 2 if key == "probabilities" else 1
            made = reading.array(block[key], f"params.{name}.{key}", dimensions)
            columns = next(sizes) if key == "probabilities" else 1
            made = made.reshape(len(made), -1)
            if made.shape != (k, columns):
                what = f"params.{name}.{key} is of shape {made.shape}"
                raise UserError(what, f"give {k} rows of {columns}" if columns > 1 else f"give {k} numbers")
            found[key].append(made)
    nothing = np.empty((k, 0))
    return ProductParams(weights, **{key: np.concatenate([nothing, *parts], axis=1) for key, parts in found.items()})


def check(model: ProductMixture, data: Dataset, params: ProductParams) -> None:
    """UserError where `params` do not fit the columns of `data`, or hold what no family can have."""
    reading.check_weights(params.weights, model.k)
    if tuple(name for name, _ in model.plan) != data.names:
        raise UserError("params is for other columns than those that are fitted", "choose the same columns")
    if (params.variances <= 0).any():
        k, j = np.argwhere(params.variances <= 0)[0]
        name = model.plan[model.places("gaussian")[j]][0]
        raise UserError(f"the variance of {name} in component {k} is not positive", "give a number above 0")
    if (params.rates < 0).any():
        k, j = np.argwhere(params.rates < 0)[0]
        name = model.plan[model.places("poisson")[j]][0]
        raise UserError(f"the rate of {name} in component {k} is negative", "give a number of 0 or more")
    for j, block in zip(model.places("categorical"), model.blocks(params.probabilities)):
        reading.check_probabilities(block, f"probabilities of {model.plan[j][0]}")


def read_categories(value: Any) -> Categories:
    """The categories of each column from a model file, an object of lists or a list of pairs. UserError."""
    sound = isinstance(value, (dict, list, tuple))
    pairs = list(value.items() if isinstance(value, dict) else value) if sound else []
    if not sound or not all(
        isinstance(p, (list, tuple)) and len(p) == 2 and isinstance(p[1], (list, tuple)) for p in pairs
    ):
        raise UserError("model.parameters.categories is no object of lists", "give a list of texts for each column")
    if not all(isinstance(level, str) for _, levels in pairs for level in levels):
        raise UserError("model.parameters.categories holds something that is no text", "give lists of texts")
    return tuple((str(column), tuple(levels)) for column, levels in pairs)
