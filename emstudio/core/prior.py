"""Conjugate priors as pseudo-rows, and what they (and a variance floor) add to the objective.

With kappa pseudo-rows at the data's mean and m pseudo-rows with the covariance S0 in each component, the maximum of the
bound plus log p(theta) is the M-step of larger counts and scatter, in every covariance family.
Source: Fraley and Raftery 2007, Journal of Classification 24, who choose S0 = covariance of the data / K^(2/d).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emstudio.core.frame import Frame
from emstudio.core.gaussian_types import Scatter, factors

_LEAST = float(
    np.finfo(float).tiny
)  # a probability of 0 counts as this: a prior that forbids it takes off much, not all


@dataclass(frozen=True)
class NormalPrior:
    """mu_k | Sigma_k ~ N(m0, Sigma_k / means) and Sigma_k ~ inverse Wishart(scatter `covariances` S0); 0 is no prior.

    m0 is the mean of the data. The log-density below leaves out what does not depend on the parameters.
    """

    means: float = 0.0
    covariances: float = 0.0

    @property
    def flat(self) -> bool:
        """Whether there is no prior."""
        return not (self.means or self.covariances)

    @property
    def counts(self) -> float:
        """How many halves of log det Sigma_k it takes off."""
        return self.covariances + (1.0 if self.means else 0.0)

    def pseudo_scatter(self, frame: Frame, k: int) -> np.ndarray:
        """(d, d) the scatter added to each of k components, in z units."""
        d = len(frame.centre)
        return self.covariances * frame.total / k ** (2.0 / d)

    def added(self, moments: Scatter, rows: np.ndarray | None = None) -> Scatter:
        """The moments with the pseudo-rows; `rows` (K,) is what the means and scatter are made of, where that is not counts."""
        n, k = moments.counts if rows is None else rows, len(moments.counts)
        total = n + self.means
        extra = self.pseudo_scatter(moments.frame, k)
        pull = self.means * n / np.where(total > 0, total, 1.0)
        if moments.scatter.ndim == 2:
            scatter = moments.scatter + np.diagonal(extra) + pull[:, None] * moments.means**2
        else:
            outer = moments.means[:, :, None] * moments.means[:, None, :]
            scatter = moments.scatter + extra + pull[:, None, None] * outer
        means = moments.means * (n / np.where(total > 0, total, 1.0))[:, None]
        return Scatter(moments.frame, moments.counts + self.counts, means, scatter)

    def log_density(self, frame: Frame, means: np.ndarray, covariances: np.ndarray) -> float:
        """log p(means, covariances) but for a constant; means (K, d) and covariances (K, d, d) in the data's units."""
        if self.flat:
            return 0.0
        inverse, log_det = factors(frame.covariances(covariances))
        extra = self.pseudo_scatter(frame, len(means))
        trace = (inverse @ extra * inverse).sum((1, 2))
        shift = (inverse @ frame.points(means)[:, :, None])[:, :, 0]
        log_det = log_det - 2.0 * frame.log_jacobian
        return float(-0.5 * (self.counts * log_det + trace + self.means * (shift**2).sum(1)).sum())


def log_dirichlet(p: np.ndarray, a: float) -> float:
    """(a - 1) sum log p: the log-density of weights (K,), or of rows of probabilities (K, c) together, each under a
    symmetric Dirichlet prior, but for a constant."""
    return 0.0 if a == 1.0 else float((a - 1.0) * np.log(np.maximum(p, _LEAST)).sum())


def log_gamma(rates: np.ndarray, rows: float, mean: np.ndarray) -> float:
    """The log-density of rates (K, d), each Gamma with the shape 1 + rows mean_j and the rate `rows`, but for a constant:
    as if `rows` rows of the counts `mean` (d,) were seen of each."""
    return float(rows * (np.log(np.maximum(rates, _LEAST)) @ mean - rates.sum(1)).sum()) if rows else 0.0


def floor_penalty(floor: float, covariances: np.ndarray, counts: np.ndarray) -> float:
    """A floor F acts as if each row were smeared by a Gaussian of variance F: -F/2 tr(Sigma_k^-1) for each row."""
    if not floor:
        return 0.0
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    sd = np.sqrt(variances)
    inverse = np.linalg.inv(covariances / (sd[:, :, None] * sd[:, None, :]))  # columns may differ in size
    traces = (np.diagonal(inverse, axis1=1, axis2=2) / variances).sum(1)
    return float(-0.5 * floor * (counts @ traces))
