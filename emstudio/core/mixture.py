"""Mixtures: weights over the components of a family; the E-step is a softmax of the scores, a block of rows at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.errors import UserError
from emstudio.core.family import Evaluator, Family, Theta
from emstudio.core.how import EStep
from emstudio.core.model import Model, Params, Posterior

NEVER = -1e30  # the log of a zero weight: finite, so that 0 x log 0 is 0
_IMPOSSIBLE = -1e29


def blocks(n: int, size: int) -> Iterator[slice]:
    for i in range(0, n, size):
        yield slice(i, min(i + size, n))


def log_weights(weights: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(weights), NEVER)


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
        evaluator = self.family().evaluator(data, theta)
        kept = np.empty((data.n, len(weights))) if resp else None
        go = _pass if how.kind == "soft" else Variant(how, data.n, rng)
        log_w = log_weights(weights)
        log_likelihood, entropy = go(evaluator, data, log_w, kept)
        second = evaluator.again()
        if second is not None:
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
        return counts / counts.sum()

    def guard_counts(self, data: Dataset, params: Params, posterior: Posterior) -> None:
        """Degenerate where a component has no rows left."""

    def guard(self, data: Dataset, params: Params, posterior: Posterior, new: Params) -> None:
        """Degenerate where `new` has lost a component."""

    def bound(self, data: Dataset, params: Params, posterior: Posterior) -> float:
        """F = sum_k (n_k log pi_k + sum_i r_ik log p(x_i | theta_k)) + T H(r), T the posterior's temperature."""
        weights, theta = self.split(params)
        counts = posterior.moments.counts
        expected = self.family().expected(posterior.moments, theta)
        return float(counts @ log_weights(weights) + expected.sum() + posterior.temperature * posterior.entropy)

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
            for rows in blocks(data.n, evaluator.block):
                evaluator.scores(rows)
                r = resp[rows].T.copy()
                evaluator.add(rows, r if data.weights is None else r * data.weights[rows])
            second = evaluator.again()
            if second is None:
                break
            evaluator = second
        with np.errstate(divide="ignore", invalid="ignore"):
            h = -np.where(resp > 0, resp * np.log(resp), 0.0).sum(1)
        entropy = float(h.sum() if data.weights is None else data.weights @ h)
        return Posterior(resp, entropy, None, evaluator.moments())

    def sample(self, params: Params, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        weights, theta = self.split(params)
        component = rng.choice(len(weights), size=n, p=weights / weights.sum())
        return self.family().sample(theta, component, rng), component


def _pass(evaluator: Evaluator, data: Dataset, log_w: np.ndarray, kept: np.ndarray | None) -> tuple[float, float]:
    """One pass over the data -> (log-likelihood, entropy); responsibilities go into `kept`, moments into the evaluator."""
    likelihoods, entropies = [], []
    column = None if evaluator.weigh(log_w) else log_w[:, None]
    r = np.empty((len(log_w), min(evaluator.block, max(data.n, 1))))
    for rows in blocks(data.n, evaluator.block):
        s = evaluator.scores(rows)
        if column is not None:
            s += column
        top, sums, r = _softmax(s, r, data, rows)
        if column is None:
            r *= np.reciprocal(sums)
        else:
            r /= sums
        lse = np.log(sums, out=sums)
        if kept is not None:
            kept[rows] = r.T
        if data.weights is None:
            entropies.append(float(lse.sum()) - _dot(r, s))
            likelihoods.append(float(lse.sum() + np.sum(top)))
        else:
            w = data.weights[rows]
            r *= w
            entropies.append(float(w @ lse) - _dot(r, s))
            likelihoods.append(float(w @ (lse + top)))
        evaluator.add(rows, r)
    return math.fsum(likelihoods), max(0.0, math.fsum(entropies))


def _softmax(s: np.ndarray, buffer: np.ndarray, data: Dataset, rows: slice) -> tuple[Any, np.ndarray, np.ndarray]:
    """(subtracted maximum (b,) or 0, sums (b,) of r, r = exp(s - maximum) (K, b)); `s` (K, b) becomes s - maximum.

    The maximum is subtracted only where a row would over- or underflow without it.
    """
    r = buffer if buffer.shape[1] == s.shape[1] else np.empty_like(s)
    if s.shape[1] > 1024:
        with np.errstate(over="ignore", invalid="ignore"):
            np.exp(s, out=r)
            sums = r.sum(0)
        if sums.min() > 1e-200 and sums.max() < 1e200:
            return 0.0, sums, r
    top = s.max(0)
    if not top.min() > _IMPOSSIBLE:
        row = rows.start + int(np.argmin(np.where(np.isnan(top), -np.inf, top)))
        raise UserError(
            "no component can have made this row: its density is zero under all of them",
            "start from other parameters, or take the row away",
            file=data.table.source or None,
            row=data.table.row_label(int(data.rows[row])),
        )
    s -= top
    np.exp(s, out=r)
    return top, r.sum(0), r


class Variant:
    """A pass in which the responsibilities are not those of Bayes' rule; the log-likelihood is that of the data all the same.

    A second pass, for the moments alone, keeps the assignments of the first.
    """

    def __init__(self, how: EStep, n: int, rng: np.random.Generator):
        self._how, self._rng = how, rng
        self._labels = np.empty(n, np.int32) if how.kind != "annealed" else None
        self._assigned = False

    def __call__(
        self, evaluator: Evaluator, data: Dataset, log_w: np.ndarray, kept: np.ndarray | None
    ) -> tuple[float, float]:
        likelihoods, entropies = [], []
        for rows in blocks(data.n, evaluator.block):
            s = evaluator.scores(rows) + log_w[:, None]
            top, sums, r = _softmax(s, np.empty((len(log_w), 0)), data, rows)
            density = np.log(sums) + top
            r, entropy = self._responsibilities(rows, s, r / sums)
            if kept is not None:
                kept[rows] = r.T
            w = None if data.weights is None else data.weights[rows]
            likelihoods.append(float(density.sum() if w is None else w @ density))
            entropies.append(float(entropy.sum() if w is None else w @ entropy))
            evaluator.add(rows, r if w is None else r * w)
        self._assigned = True
        return math.fsum(likelihoods), max(0.0, math.fsum(entropies))

    def _responsibilities(self, rows: slice, s: np.ndarray, soft: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """((K, b) responsibilities, (b,) their entropies) from scores up to a constant and the exact ones."""
        if self._labels is None:
            tempered = (s - s.max(0)) / self._how.temperature
            r = np.exp(tempered)
            sums = r.sum(0)
            r /= sums
            return r, np.log(sums) - np.einsum("kb,kb->b", r, np.maximum(tempered, NEVER))
        labels = self._labels[rows]
        if not self._assigned and self._how.kind == "hard":
            labels[:] = s.argmax(0)
        elif not self._assigned:
            cumulative = np.cumsum(soft, axis=0)
            labels[:] = (cumulative[:-1] <= self._rng.random(soft.shape[1]) * cumulative[-1]).sum(0)
        return (np.arange(len(s))[:, None] == labels).astype(float), np.zeros(len(labels))


def _temperature(how: EStep) -> float:
    return how.temperature if how.kind == "annealed" else 1.0


def _dot(r: np.ndarray, s: np.ndarray) -> float:
    """The sum of r s, 0 x -inf being 0."""
    total = float(np.einsum("kb,kb->", r, s))
    return total if math.isfinite(total) else float(np.einsum("kb,kb->", r, np.maximum(s, NEVER)))


def one_hot(labels: np.ndarray, k: int) -> np.ndarray:
    """(n,) ints -> (n, k) responsibilities."""
    r = np.zeros((len(labels), k))
    r[np.arange(len(labels)), labels] = 1.0
    return r


def softmax(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(responsibilities (n, K), log-density (n,)) of scores (n, K)."""
    top = scores.max(1, keepdims=True)
    e = np.exp(scores - top)
    sums = e.sum(1, keepdims=True)
    return e / sums, (top + np.log(sums))[:, 0]


__all__ = ["Any", "Mixture", "blocks", "log_weights", "one_hot", "softmax"]
