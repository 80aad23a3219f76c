"""Mixtures: weights over the components of a family; the E-step is a softmax of the scores, a block of rows at a time."""

from __future__ import annotations

import math

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.family import Family, Theta
from emstudio.core.how import EStep
from emstudio.core.model import Model, Params
from emstudio.core.passes import Variant, one_pass
from emstudio.core.posterior import Posterior
from emstudio.core.responsibilities import blocks, log_weights, softmax


class Mixture(Model):
    """A mixture is its family and its weights; `split` and `join` say how the params hold them."""

    def family(self) -> Family:
        raise NotImplementedError

    def split(self, params: Params) -> tuple[np.ndarray, Theta]:
        """(weights (K,), the family's theta)."""
        raise NotImplementedError

    def join(self, weights: np.ndarray, theta: Theta) -> Params:
        raise NotImplementedError

    # -- EM ------------------------------------------------------------------------------------------------------------
    def e_step(
        self, data: Dataset, params: Params, how: EStep, rng: np.random.Generator, resp: bool = True
    ) -> Posterior:
        """r_ik = exp(score_ik) / sum_l exp(score_il), score_ik = log pi_k + log p(x_i | theta_k); or as `how` says."""
        weights, theta = self.split(params)
        family = self.family()
        evaluator = (family.evaluator if how.kind == "annealed" else family.sharing)(data, theta)
        kept = np.empty((data.n, len(weights))) if resp else None
        go = one_pass if how.kind == "soft" else Variant(how, data.n, rng)
        log_w = log_weights(weights)
        log_likelihood, entropy = go(evaluator, data, log_w, kept)
        while (second := evaluator.again()) is not None:
            go(second, data, log_w, None)
            evaluator = second
        return Posterior(kept, entropy, log_likelihood, evaluator.moments(), _temperature(how))

    def m_step(self, data: Dataset, params: Params, posterior: Posterior) -> Params:
        moments = posterior.moments
        self.guard_counts(data, params, posterior)
        _, theta = self.split(params)
        new = self.join(self.shares(moments.counts), self.family().estimate(moments, theta))
        self.guard(data, params, posterior, new)
        return new

    def shares(self, counts: np.ndarray) -> np.ndarray:
        """The weights that the M-step makes of counts (K,)."""
        return counts / np.add.reduce(counts)

    def guard_counts(self, data: Dataset, params: Params, posterior: Posterior) -> None:
        """Degenerate where a component has no rows left."""

    def guard(self, data: Dataset, params: Params, posterior: Posterior, new: Params) -> None:
        """Degenerate where `new` has lost a component."""

    def bound(self, data: Dataset, params: Params, posterior: Posterior) -> float:
        """F = sum_k (n_k log pi_k + sum_i r_ik log p(x_i | theta_k)) + T H(r), T the posterior's temperature."""
        weights, theta = self.split(params)
        counts = posterior.moments.counts
        expected = self.family().expected(posterior.moments, theta)
        return float(
            counts @ log_weights(weights) + np.add.reduce(expected) + posterior.temperature * posterior.entropy
        )

    def scores(self, data: Dataset, params: Params) -> np.ndarray:
        if data.mask is not None and not self.marginal:
            return self.scores_at(params, data.observed)
        weights, theta = self.split(params)
        evaluator = self.family().evaluator(data, theta)
        out = np.empty((data.n, len(weights)))
        log_w = log_weights(weights)[:, None]
        for rows in blocks(data.n, evaluator.block):
            out[rows] = (evaluator.scores(rows) + log_w).T
        return out

    def assigned(self, data: Dataset, params: Params) -> tuple[np.ndarray, np.ndarray | None]:
        return softmax(self.scores(data, params))

    def responsibilities_at(self, params: Params, x: np.ndarray) -> np.ndarray:
        return softmax(self.scores_at(params, x))[0]

    def coordinates(self, data: Dataset, params: Params) -> np.ndarray | None:
        """The logarithms of the weights, then the family's own."""
        weights, theta = self.split(params)
        own = self.family().coordinates(data, theta)
        return None if own is None else np.concatenate([log_weights(weights), own.ravel()])

    def at_coordinates(self, data: Dataset, coordinates: np.ndarray, like: Params) -> Params:
        weights, theta = self.split(like)
        k = len(weights)
        return self.join(
            softmax(coordinates[None, :k])[0][0], self.family().at_coordinates(data, coordinates[k:], theta)
        )

    def posterior_of(self, data: Dataset, resp: np.ndarray, theta: Theta) -> Posterior:
        """The posterior that given responsibilities `resp` (n, K) are; moments are taken about `theta`."""
        evaluator = self.family().evaluator(data, theta)
        while True:
            entropies = []
            for rows in blocks(data.n, evaluator.block):
                evaluator.scores(rows)
                r = resp[rows].T.copy()
                w = 1.0 if data.weights is None else data.weights[rows]
                logs = np.log(r, out=np.zeros_like(r), where=r > 0)
                r *= w
                entropies.append(-float(np.vdot(r, logs)))
                evaluator.add(rows, r)
            second = evaluator.again()
            if second is None:
                break
            evaluator = second
        return Posterior(resp, math.fsum(entropies), None, evaluator.moments())

    def sample(self, params: Params, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        weights, theta = self.split(params)
        component = rng.choice(len(weights), size=n, p=weights / weights.sum())
        return self.family().sample(theta, component, rng), component


def _temperature(how: EStep) -> float:
    return how.temperature if how.kind == "annealed" else 1.0
