"""The parameters of a hidden Markov model by its emissions, and its probabilities checked, dragged and put in coordinates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emstudio.core.discrete import Probabilities, Rates
from emstudio.core.errors import UserError
from emstudio.core.gaussian import Normal

LEAST = 1e-300  # probabilities below count as this in coordinates
INSIDE = 1e-4  # how near a dragged probability comes to 0 or 1


class GaussianChain(NamedTuple):
    """start (K,), transitions (K, K), means (K, d), covariances (K, d, d)."""

    start: np.ndarray
    transitions: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


class PoissonChain(NamedTuple):
    """start (K,), transitions (K, K), rates (K, d)."""

    start: np.ndarray
    transitions: np.ndarray
    rates: np.ndarray


class CategoricalChain(NamedTuple):
    """start (K,), transitions (K, K), probabilities (K, c)."""

    start: np.ndarray
    transitions: np.ndarray
    probabilities: np.ndarray


EMISSIONS = (("gaussian", "Gaussian"), ("poisson", "Poisson"), ("categorical", "Categorical"))
PARAMS = {"gaussian": GaussianChain, "poisson": PoissonChain, "categorical": CategoricalChain}
THETA = {"gaussian": Normal, "poisson": Rates, "categorical": Probabilities}


def check_shares(p: np.ndarray, name: str) -> None:
    """UserError where `p` (K,) are no probabilities that sum to 1; `name` says what they are."""
    if (p < 0).any() or abs(p.sum() - 1.0) > 1e-9:
        raise UserError(f"{name} sum to {float(p.sum())!r}", "give numbers of 0 or more that sum to 1")


def softmax(logs: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Rows of probabilities from their logarithms; what is 0 in `like` is 0, and nothing else becomes so."""
    e = np.maximum(np.exp(logs - logs.max(1, keepdims=True)), LEAST)
    e[like == 0] = 0.0
    return e / e.sum(1, keepdims=True)


def put(p: np.ndarray, at: int, value: float) -> np.ndarray:
    """Probabilities (K,) with `value` at one place; the others keep their proportions, and those that are 0 stay 0.

    Exactly 0 closes a way for good. The only way there is keeps its 1 until another is raised.
    """
    others = np.arange(len(p)) != at
    rest = float(p[others].sum())
    if not np.isfinite(value) or value == p[at] or not rest > 0:
        return p
    new = p.copy()
    value = 0.0 if value == 0 else min(max(value, INSIDE), 1.0 - INSIDE)
    new[others] = p[others] / rest * (1.0 - value)
    new[at] = value
    return new
