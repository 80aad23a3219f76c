"""Families of counts: outcomes of tosses and dice by their complete counts, and Poisson counts.

Tosses use the counts of every outcome (heads *and* tails) with eta = log p and A = 0, so rows may differ in their number of
tosses. At p = 0 eta is a huge negative finite number, never -inf: 0 x eta is then 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.family import NEVER, Family
from emstudio.core.prior import log_dirichlet, log_gamma

_MANY = 200  # counts in a row from which factorials are no longer taken one by one
_HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))
_LEAST = 1e-300  # probabilities below count as this in coordinates


class Probabilities(NamedTuple):
    """probabilities (K, c), rows sum to 1."""

    probabilities: np.ndarray


class Biases(NamedTuple):
    """biases (K,): the probability of heads."""

    biases: np.ndarray


class Rates(NamedTuple):
    """rates (K, d)."""

    rates: np.ndarray


def log0(p: np.ndarray) -> np.ndarray:
    """log p, `NEVER` where p is 0."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(p), NEVER)


def log_factorial(x: np.ndarray) -> np.ndarray:
    """log x! of counts, any shape."""
    from scipy.special import gammaln

    return gammaln(np.asarray(x, float) + 1.0)


def log_arrangements(x: np.ndarray) -> np.ndarray:
    """(n,) log (sum x)! / prod x_j! of rows of counts `x` (n, c).

    Many counts go by Stirling's series with its large terms paired, x_j log(x_j / n): the logarithms of the factorials
    themselves lose the digits in which they differ.
    """
    x = np.asarray(x, float)
    n = x.sum(1)
    made = log_factorial(n) - log_factorial(x).sum(1)
    many = n > _MANY
    if many.any():
        x, n = x[many], n[many, None]
        some = x > 0
        safe = np.where(some, x, 1.0)
        with np.errstate(divide="ignore"):
            share = np.where(safe > 0.5 * n, np.log1p(-(n - safe) / n), np.log(safe / n))
        paired = -x * share - np.where(some, 0.5 * np.log(safe) + _HALF_LOG_2PI + _stirling_rest(safe), 0.0)
        whole = 0.5 * np.log(n) + _HALF_LOG_2PI + _stirling_rest(n)
        made[many] = whole[:, 0] + np.where(some, paired, 0.0).sum(1)
    return made


def _stirling_rest(x: np.ndarray) -> np.ndarray:
    """log x! - ((x + 1/2) log x - x + log(2 pi) / 2) for x >= 1."""
    far = np.maximum(x, 16.0)
    series = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / far**2) / far**2) / far**2) / far
    near = np.minimum(x, 16.0)
    direct = log_factorial(near) - ((near + 0.5) * np.log(near) - near + _HALF_LOG_2PI)
    return np.where(x < 16.0, direct, series)


def shares(sums: np.ndarray, previous: np.ndarray | None, prior: float = 1.0) -> np.ndarray:
    """(K, c) rows of `sums` over their totals; a row without any count keeps its `previous` (K, c), or is uniform.

    A Dirichlet `prior` of parameter a adds a - 1 to each count.
    """
    sums = sums + (prior - 1.0)
    totals = sums.sum(1, keepdims=True)
    other = np.full_like(sums, 1.0 / sums.shape[1]) if previous is None else previous
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(totals > 0, sums / totals, other)


@dataclass(frozen=True)
class Multinomial(Family):
    """p(x | p_k) = (sum x)! / prod x_j! prod_j p_kj^x_j, `x` (n, c) the count of each outcome; `prior`: a of a Dirichlet."""

    prior: float = 1.0

    def stats(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(x, float)

    def natural(self, theta: Probabilities) -> np.ndarray:
        return log0(theta.probabilities)

    def log_partition(self, theta: Probabilities) -> np.ndarray:
        return np.zeros(len(theta.probabilities))

    def carrier(self, x: np.ndarray) -> np.ndarray:
        return log_arrangements(x)

    def mle(self, counts: np.ndarray, sums: np.ndarray, previous: Probabilities | None) -> Probabilities:
        return Probabilities(shares(sums, None if previous is None else previous.probabilities, self.prior))

    def log_prior(self, moments: Any, theta: Probabilities) -> float:
        return log_dirichlet(theta.probabilities, self.prior)

    def coordinates(self, data: Dataset, theta: Probabilities) -> np.ndarray:
        """(K, c) log p; only their differences within a row matter."""
        return np.log(np.maximum(theta.probabilities, _LEAST))

    def at_coordinates(self, data: Dataset, coordinates: np.ndarray, like: Probabilities) -> Probabilities:
        return Probabilities(_softmax(coordinates.reshape(like.probabilities.shape)))

    def overspread(self, x: np.ndarray, r: np.ndarray, theta: Probabilities, k: int) -> float:
        p = theta.probabilities[k]
        return _overspread(x - np.outer(x.sum(1), p), r, (r @ x.sum(1)) * (np.diag(p) - np.outer(p, p)))

    def sample(
        self, theta: Probabilities, component: np.ndarray, rng: np.random.Generator, size: int = 1
    ) -> np.ndarray:
        """(n, c) counts of `size` throws each."""
        return rng.multinomial(size, theta.probabilities[component]).astype(float)


@dataclass(frozen=True)
class Binomial(Family):
    """p(h, t | theta_k) = (h + t)! / (h! t!) theta_k^h (1 - theta_k)^t, `x` (n, 2) = heads h, tails t.

    `prior`: a of Beta(a, a).
    """

    prior: float = 1.0

    def stats(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(x, float)

    def natural(self, theta: Biases) -> np.ndarray:
        return log0(_both(theta.biases))

    def log_partition(self, theta: Biases) -> np.ndarray:
        return np.zeros(len(theta.biases))

    def carrier(self, x: np.ndarray) -> np.ndarray:
        return log_arrangements(x)

    def mle(self, counts: np.ndarray, sums: np.ndarray, previous: Biases | None) -> Biases:
        before = None if previous is None else _both(previous.biases)
        return Biases(np.ascontiguousarray(shares(sums, before, self.prior)[:, 0]))

    def expected(self, moments: Any, theta: Biases) -> np.ndarray:
        """As every family's; a share of tosses below round-off, which leaves a bias of exactly 0 or 1, counts as none."""
        negligible = moments.sums < 1e-15 * moments.sums.sum(1, keepdims=True)
        sums = np.where(negligible & (self.natural(theta) <= NEVER), 0.0, moments.sums)
        return super().expected(replace(moments, sums=sums), theta)

    def log_prior(self, moments: Any, theta: Biases) -> float:
        return log_dirichlet(_both(theta.biases), self.prior)

    def coordinates(self, data: Dataset, theta: Biases) -> np.ndarray:
        """(K, 2) log theta, log(1 - theta); only their difference matters."""
        return np.log(np.maximum(_both(theta.biases), _LEAST))

    def at_coordinates(self, data: Dataset, coordinates: np.ndarray, like: Biases) -> Biases:
        return Biases(np.ascontiguousarray(_softmax(coordinates.reshape(-1, 2))[:, 0]))

    def overspread(self, x: np.ndarray, r: np.ndarray, theta: Biases, k: int) -> float:
        p, tosses = float(theta.biases[k]), x.sum(1)
        return _overspread((x[:, 0] - tosses * p)[:, None], r, np.array([[(r @ tosses) * p * (1.0 - p)]]))

    def sample(self, theta: Biases, component: np.ndarray, rng: np.random.Generator, size: int = 10) -> np.ndarray:
        """(n, 2) heads and tails of trials of `size` tosses each."""
        heads = rng.binomial(size, theta.biases[component]).astype(float)
        return np.stack([heads, size - heads], axis=1)


@dataclass(frozen=True)
class Categorical(Family):
    """p(x = j | p_k) = p_kj, `x` (n, 1) codes 0 .. c - 1; `prior`: a of a Dirichlet."""

    categories: int
    prior: float = 1.0

    def stats(self, x: np.ndarray) -> np.ndarray:
        """(n, c): 1 for the row's own category."""
        return (x == np.arange(self.categories)).astype(float)

    def natural(self, theta: Probabilities) -> np.ndarray:
        return log0(theta.probabilities)

    def log_partition(self, theta: Probabilities) -> np.ndarray:
        return np.zeros(len(theta.probabilities))

    def carrier(self, x: np.ndarray) -> np.ndarray:
        return np.zeros(len(x))

    def mle(self, counts: np.ndarray, sums: np.ndarray, previous: Probabilities | None) -> Probabilities:
        return Probabilities(shares(sums, None if previous is None else previous.probabilities, self.prior))

    def log_prior(self, moments: Any, theta: Probabilities) -> float:
        return log_dirichlet(theta.probabilities, self.prior)

    coordinates = Multinomial.coordinates
    at_coordinates = Multinomial.at_coordinates

    def sample(self, theta: Probabilities, component: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(n, 1) codes."""
        reached = np.cumsum(theta.probabilities, axis=1)[component]
        u = rng.random(len(component)) * reached[:, -1]
        return (reached[:, :-1] <= u[:, None]).sum(1, keepdims=True).astype(float)


@dataclass(frozen=True)
class Poisson(Family):
    """p(x | lambda_k) = prod_j exp(-lambda_kj) lambda_kj^x_j / x_j!, columns independent within a component.

    `prior`: so many pseudo-rows at the mean of all rows, a Gamma prior on every rate.
    """

    prior: float = 0.0

    def stats(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(x, float)

    def natural(self, theta: Rates) -> np.ndarray:
        return log0(theta.rates)

    def log_partition(self, theta: Rates) -> np.ndarray:
        return theta.rates.sum(1)

    def carrier(self, x: np.ndarray) -> np.ndarray:
        return -log_factorial(x).sum(1)

    def mle(self, counts: np.ndarray, sums: np.ndarray, previous: Rates | None) -> Rates:
        if not self.prior:
            return Rates(sums / counts[:, None])
        return Rates((sums + self.prior * _mean(counts, sums)) / (counts[:, None] + self.prior))

    def log_prior(self, moments: Any, theta: Rates) -> float:
        return log_gamma(theta.rates, self.prior, _mean(moments.counts, moments.sums))

    def coordinates(self, data: Dataset, theta: Rates) -> np.ndarray:
        """(K, d) log lambda."""
        return np.log(np.maximum(theta.rates, _LEAST))

    def at_coordinates(self, data: Dataset, coordinates: np.ndarray, like: Rates) -> Rates:
        with np.errstate(over="ignore"):
            return Rates(np.exp(coordinates.reshape(like.rates.shape)))

    def overspread(self, x: np.ndarray, r: np.ndarray, theta: Rates, k: int) -> float:
        return _overspread(x - theta.rates[k], r, r.sum() * np.diag(theta.rates[k]))

    def sample(self, theta: Rates, component: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return rng.poisson(theta.rates[component]).astype(float)


def _mean(counts: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """(d,) the mean of all rows, as responsibilities sum to 1 over the components."""
    return sums.sum(0) / counts.sum()


def _both(biases: np.ndarray) -> np.ndarray:
    """(K, 2) the probabilities of heads and tails."""
    return np.stack([biases, 1.0 - biases], axis=1)


def _overspread(deviations: np.ndarray, r: np.ndarray, expected: np.ndarray) -> float:
    """The largest eigenvalue of (what the rows `deviations` (n, p) spread, weighted by r) - `expected` (p, p), relative.

    It is the curvature of the log-likelihood as two identical components part: above 0 the likelihood rises by parting.
    """
    scale = np.trace(expected)
    if not scale > 0:
        return 0.0
    return float(np.linalg.eigvalsh((deviations * r[:, None]).T @ deviations - expected)[-1] / scale)


def _softmax(logs: np.ndarray) -> np.ndarray:
    e = np.exp(logs - logs.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)
