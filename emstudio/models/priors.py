"""The declared priors, named after the parameters that they are on: each model declares those that it can take.

A prior acts as rows that were never seen. On weights, biases and probabilities it is a symmetric Dirichlet (Beta) of
parameter a, and the M-step adds a - 1 to every count; on means, covariances, variances and rates it is a number of
pseudo-rows that are like all the data. All are off as declared.
"""

from __future__ import annotations

from typing import Any

from emstudio.core.parameter import param


def _prior(default: float, name: str, symbol: str, text: str) -> Any:
    off = f"{default:g} is none."
    return param(default, f"Prior of {symbol}", low=default, option=f"--prior {name}", more=True, help=f"{text} {off}")


def on_weights(where: str = "") -> Any:
    """On the weights; `where` says in words where it holds, if not everywhere."""
    text = f"a of a Dirichlet prior on the weights{where}: the M-step adds a - 1 to every count;"
    return _prior(1.0, "weights", "π", text)


def on_biases() -> Any:
    """On the coins' biases."""
    return _prior(
        1.0, "biases", "θ", "a of a Beta(a, a) prior on every bias: the M-step adds a - 1 heads and a - 1 tails;"
    )


def on_probabilities() -> Any:
    """On the probabilities of outcomes or categories."""
    text = "a of a Dirichlet prior on every component's probabilities: the M-step adds a - 1 to every count;"
    return _prior(1.0, "probabilities", "p", text)


def on_rates() -> Any:
    """On Poisson rates."""
    return _prior(0.0, "rates", "λ", "So many pseudo-rows at the data's mean hold every rate (a Gamma prior);")


def on_means() -> Any:
    """On means."""
    return _prior(0.0, "means", "μ", "So many pseudo-rows at the data's mean hold every mean;")


def on_covariances(name: str = "covariances", symbol: str = "Σ", said: str = "covariance / K^(2/d)") -> Any:
    """On covariances or what stands for them: `name` in the plural, its symbol and what the pseudo-rows have."""
    text = f"So many pseudo-rows with the data's {said} keep every {name[:-1]} from collapsing;"
    return _prior(0.0, name, symbol, text)
