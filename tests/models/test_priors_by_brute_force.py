"""Priors of tiny cases, written down once more by their textbook densities: EM ends where a general optimiser does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize
from scipy.special import logsumexp

import emstudio.models  # noqa: F401
from emstudio.core.data import dataset, painted
from emstudio.core.em import begin, blank
from emstudio.core.model import Start, find
from emstudio.core.runs import run
from emstudio.core.stopping import Stopping

HEADS, TOSSES = np.array([9, 8, 7, 2, 3, 1, 9, 4]), np.array([10, 10, 9, 10, 8, 10, 12, 9])
COUNTS = np.array([0, 1, 2, 9, 11, 1, 8, 3, 12, 0])
FACES = np.array([[5, 1, 1], [4, 2, 0], [0, 1, 6], [1, 1, 5], [6, 0, 1], [0, 3, 4]])
NUMBERS = np.array([-1.9, -1.2, -0.4, -1.5, 2.2, 3.4, 2.7, 4.1, 3.0, 0.3])


def weights(free: np.ndarray) -> np.ndarray:
    return np.exp(free - logsumexp(free))


def mixture(free: np.ndarray, log_density: np.ndarray) -> float:
    """The log-likelihood of two components whose log-weights are `free`, log_density (n, 2)."""
    return float(logsumexp(log_density + np.log(weights(free)), axis=1).sum())


def coins(v: np.ndarray) -> float:
    """Dirichlet(2) on the weights, Beta(3.5, 3.5) on each bias."""
    p = 1 / (1 + np.exp(-v[2:]))
    prior = np.log(weights(v[:2])).sum() + stats.beta.logpdf(p, 3.5, 3.5).sum()
    return mixture(v[:2], stats.binom.logpmf(HEADS[:, None], TOSSES[:, None], p)) + prior


def poisson(v: np.ndarray) -> float:
    """Gamma with the shape 1 + 2 m and the rate 2 on each rate, m the mean of the counts."""
    rates = np.exp(v[2:])
    prior = stats.gamma.logpdf(rates, 1 + 2 * COUNTS.mean(), scale=1 / 2).sum()
    return mixture(v[:2], stats.poisson.logpmf(COUNTS[:, None], rates)) + prior


def multinomial(v: np.ndarray) -> float:
    """Dirichlet(1.7) on the weights, Dirichlet(2.5) on each die."""
    log_p = v[2:].reshape(2, 3) - logsumexp(v[2:].reshape(2, 3), axis=1, keepdims=True)
    each = np.stack([stats.multinomial.logpmf(FACES, FACES.sum(1), np.exp(row)) for row in log_p], axis=1)
    return mixture(v[:2], each) + 0.7 * np.log(weights(v[:2])).sum() + 1.5 * log_p.sum()


def gaussian(v: np.ndarray) -> float:
    """mu | s2 ~ N(m, s2 / 1.5), and s2 as if two rows of the variance S / K^2 had been seen, S that of the data."""
    means, s2 = v[2:4], np.exp(v[4:])
    pooled = NUMBERS.var() / 2**2
    prior = stats.norm.logpdf(means, NUMBERS.mean(), np.sqrt(s2 / 1.5)) - 0.5 * 2 * (np.log(s2) + pooled / s2)
    return mixture(v[:2], stats.norm.logpdf(NUMBERS[:, None], means, np.sqrt(s2))) + prior.sum()


CASES = {
    "coins": (
        coins,
        find("coins").make(k=2, prior_weights=2, prior_biases=3.5),
        dataset(painted(np.stack([HEADS, TOSSES - HEADS], axis=1).astype(float), ["heads", "tails"])),
        lambda p: np.concatenate([np.log(p.weights), np.log(p.biases / (1 - p.biases))]),
    ),
    "poisson": (
        poisson,
        find("poisson").make(k=2, prior_rates=2),
        dataset(painted(COUNTS[:, None].astype(float), ["count"])),
        lambda p: np.concatenate([np.log(p.weights), np.log(p.rates[:, 0])]),
    ),
    "multinomial": (
        multinomial,
        find("multinomial").make(k=2, prior_weights=1.7, prior_probabilities=2.5),
        dataset(painted(FACES.astype(float), ["one", "two", "three"])),
        lambda p: np.concatenate([np.log(p.weights), np.log(p.probabilities).ravel()]),
    ),
    "gaussian": (
        gaussian,
        find("gaussian").make(k=2, prior_means=1.5, prior_covariances=2),
        dataset(painted(NUMBERS[:, None], ["x"])),
        lambda p: np.concatenate([np.log(p.weights), p.means[:, 0], np.log(p.covariances[:, 0, 0])]),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_em_with_priors_ends_at_the_maximum_of_the_penalised_likelihood(name: str) -> None:
    objective, model, data, coordinates = CASES[name]
    ends = [run(blank(data, model, Start("points"), 0, i), Stopping(tol=1e-15)) for i in range(5)]
    end = max(ends, key=lambda r: r.moment.objective)
    at = coordinates(end.params)
    slope = [(objective(at + h) - objective(at - h)) / 2e-5 for h in 1e-5 * np.eye(len(at))]
    assert np.abs(slope).max() < 1e-4
    rng = np.random.default_rng(0)
    found = [
        minimize(lambda v: -objective(v), at + rng.normal(0, 1, len(at)), method="BFGS", options={"gtol": 1e-8})
        for _ in range(5)
    ]
    best = min(found, key=lambda f: f.fun)
    assert -best.fun == pytest.approx(objective(at), abs=1e-8)
    begun = begin(blank(data, model, Start("points"), 0))
    climbed = objective(at) - objective(coordinates(begun.snapshot.params))
    assert end.moment.objective - begun.objective == pytest.approx(climbed, abs=1e-9)
