"""Parameters from documents, for every model: arrays of finite numbers with the wanted number of dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from emstudio.core.errors import UserError


def arrays(document: dict, **dimensions: int) -> list[np.ndarray]:
    """The arrays of `document` named by the keywords, each with so many dimensions; UserError where one is wrong."""
    wanted = ", ".join(dimensions)
    made = []
    for key, count in dimensions.items():
        if not isinstance(document, dict) or key not in document:
            raise UserError(f"params has no {key!r}", f"give {wanted}" if len(dimensions) > 1 else "add it")
        made.append(array(document[key], f"params.{key}", count))
    return made


def array(value: Any, place: str, dimensions: int) -> np.ndarray:
    """`value` as float64 of `dimensions` dimensions; UserError naming its `place` where it is none."""
    if not _numbers(value):
        raise UserError(f"{place} holds something that is no number", "give lists of numbers")
    try:
        made = np.array(value, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{place} is not a regular array of numbers", "give lists of equal lengths") from None
    if made.ndim != dimensions or made.size == 0:
        raise UserError(f"{place} has {made.ndim} dimensions", f"give {dimensions}")
    if not np.isfinite(made).all():
        raise UserError(f"{place} holds a value that is not finite", "give finite numbers")
    return made


def _numbers(value: Any) -> bool:
    if isinstance(value, (list, tuple, np.ndarray)):
        return all(_numbers(v) for v in value)
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def check_weights(weights: np.ndarray, k: int) -> None:
    """UserError unless there are k weights of 0 or more that sum to 1."""
    if len(weights) != k:
        raise UserError(f"params has {len(weights)} components and {k} are asked for", "give the same number")
    if (weights < 0).any() or abs(weights.sum() - 1.0) > 1e-9:
        raise UserError(f"the weights sum to {float(weights.sum())!r}", "give weights of 0 or more that sum to 1")


def check_probabilities(p: np.ndarray, name: str) -> None:
    """UserError unless every row of `p` (K, c) holds probabilities that sum to 1."""
    for k, row in enumerate(p):
        if (row < 0).any() or abs(row.sum() - 1.0) > 1e-9:
            what = f"the {name} of component {k} sum to {float(row.sum())!r}"
            raise UserError(what, "give numbers of 0 or more that sum to 1")


def same_length(**named: np.ndarray) -> None:
    """UserError unless all arrays have as many entries."""
    if len({len(a) for a in named.values()}) > 1:
        found = " and ".join(f"{len(a)} {name}" for name, a in named.items())
        raise UserError(f"params has {found}", "give one of each for every component")
