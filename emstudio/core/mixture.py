"""Mixtures: weights over the components of a family; the E-step is a softmax of the scores, a block of rows at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from emstudio.core import parallel
from emstudio.core.data import Dataset
from emstudio.core.errors import UserError
from emstudio.core.family import IMPOSSIBLE, NEVER, Evaluator, Family, Theta
from emstudio.core.how import EStep
from emstudio.core.model import Model, Params
from emstudio.core.posterior import Posterior

_SHORT = 256  # rows of a block from which it pays to try without a row's maximum
_LONG, _SAMPLED = 4000, 61  # of blocks with more rows every so manieth is looked at
_TURNED = 8192  # rows whose scores are turned at once
_LOWEST = -600.0
_LEAST = np.exp(np.full(64, _LOWEST))[0]  # as a whole row of them comes out
_PIECES = 32  # at most, into which a pass is cut: few enough that their sums take no memory


def blocks(n: int, size: int, start: int = 0) -> Iterator[slice]:
    """The rows from `start` to `n`, `size` at a time."""
    for i in range(start, n, size):
        yield slice(i, min(i + size, n))


def log_weights(weights: np.ndarray) -> np.ndarray:
    if np.minimum.reduce(weights) > 0:
        return np.log(weights)
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
        family = self.family()
        evaluator = (family.evaluator if how.kind == "annealed" else family.sharing)(data, theta)
        kept = np.empty((data.n, len(weights))) if resp else None
        go = _pass if how.kind == "soft" else Variant(how, data.n, rng)
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


def _pass(evaluator: Evaluator, data: Dataset, log_w: np.ndarray, kept: np.ndarray | None) -> tuple[float, float]:
    """One pass over the data -> (log-likelihood, entropy); responsibilities go into `kept`, moments into the evaluator.

    Blocks are summed up in pieces of some blocks each, and the pieces in their order, however many threads share them.
    """
    added = None if evaluator.weigh(log_w) else log_w[:, None]
    if not data.n:
        return 0.0, 0.0
    if data.n <= evaluator.block:
        (log_likelihood,), apart = _Share(evaluator, data, added, kept).block(slice(0, data.n))
        return log_likelihood, max(0.0, apart[0] if apart else log_likelihood - evaluator.scored())
    if not evaluator.totals:
        parts = [_Share(evaluator, data, added, kept)(slice(0, data.n))]
    else:
        most = parallel.threads() if evaluator.wide else 1
        batch = evaluator.batch if most > 1 else 1

        def worker() -> Callable[[slice], tuple[list, list, list[np.ndarray]]]:
            share = _Share(evaluator.fork(batch), data, added, kept, batch)
            return lambda piece: (*share(piece), share.taken())

        parts = parallel.shared(_pieces(data.n, evaluator), worker, most)
        for _, _, sums in parts:
            for total, part in zip(evaluator.totals, sums):
                total += part
    log_likelihood = math.fsum(value for part in parts for value in part[0])
    if added is None:
        entropy = log_likelihood - evaluator.scored()
    else:
        entropy = math.fsum(value for part in parts for value in part[1])
    return log_likelihood, max(0.0, entropy)


def _pieces(n: int, evaluator: Evaluator) -> list[slice]:
    """Rows in pieces of whole batches, at most _PIECES and as many for each of some threads."""
    count = -(-n // evaluator.block)
    batches = min(_PIECES, -(-count // (evaluator.batch * parallel.MOST)) * parallel.MOST)
    return list(blocks(n, evaluator.block * -(-count // batches)))


class _Share:
    """One thread's share of a pass: its evaluator, taking `batch` blocks at once."""

    def __init__(
        self,
        evaluator: Evaluator,
        data: Dataset,
        log_w: np.ndarray | None,
        kept: np.ndarray | None,
        batch: int = 1,
    ):
        self._evaluator, self._data, self._log_w, self._kept, self._batch = evaluator, data, log_w, kept, batch

    def __call__(self, piece: slice) -> tuple[list[float], list[float]]:
        """(log-likelihoods, entropies) of the piece's blocks; no entropies where the evaluator can tell their sum."""
        likelihoods: list[float] = []
        entropies: list[float] = []
        for rows in self._batches(piece):
            some, apart = self.block(rows)
            likelihoods += some
            entropies += apart
        return likelihoods, entropies

    def block(self, rows: slice) -> tuple[list[float], list[float]]:
        """The same of one block, or of some whole ones at once."""
        data = self._data
        top, sums, r, s = self._softmax(rows)
        r *= np.reciprocal(sums)[..., None, :]
        if self._kept is not None:
            self._kept[rows] = np.swapaxes(r, -1, -2).reshape(-1, r.shape[-2])
        w = None if data.weights is None else data.weights[rows].reshape(sums.shape)
        if w is not None:
            r *= w[..., None, :]
        entropies = [] if s is None else [float(_likelihood(None, sums, w)) - _dot(r, s)]
        total = _likelihood(top, sums, w)
        self._evaluator.add(rows, r)
        return [float(total)] if sums.ndim == 1 else total.tolist(), entropies

    def _batches(self, piece: slice) -> Iterator[slice]:
        """Whole blocks, as many as go at once, and what is left of the last one."""
        block = self._evaluator.block
        for rows in blocks(piece.stop, block * self._batch, piece.start):
            whole = rows.start + (rows.stop - rows.start) // block * block
            yield from (part for part in (slice(rows.start, whole), slice(whole, rows.stop)) if part.start < part.stop)

    def _softmax(self, rows: slice) -> tuple[np.ndarray | None, np.ndarray, np.ndarray, np.ndarray | None]:
        """As `_softmax`, and scores less the maximum where the entropy needs them; without, they are overwritten."""
        s = self._evaluator.scores(rows)
        if self._log_w is not None:
            s += self._log_w
            return (*_softmax(s, np.empty_like(s), self._data, rows), s)
        if s.shape[-1] > _SHORT:
            if (sums := _unshifted(s)) is not None:
                return None, sums, s, None
            s = self._evaluator.scores(rows)
        return (*_shifted(s, s, self._data, rows), None)

    def taken(self) -> list[np.ndarray]:
        """The evaluator's sums, which begin anew."""
        taken = [total.copy() for total in self._evaluator.totals]
        for total in self._evaluator.totals:
            total[...] = 0.0
        return taken


def _softmax(
    s: np.ndarray, out: np.ndarray, data: Dataset, rows: slice
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """(subtracted maximum (b,) or None, sums (b,) of r, r = exp(s - maximum) (K, b)); `s` becomes s - maximum.

    The maximum is subtracted only where a row would over- or underflow without it. Several blocks have the shapes
    (blocks, b) and (blocks, K, b).
    """
    if s.shape[-1] > _SHORT:
        np.copyto(out, s)
        if (sums := _unshifted(out)) is not None:
            return None, sums, out
    return _shifted(s, out, data, rows)


def _unshifted(s: np.ndarray) -> np.ndarray | None:
    """`s` becomes exp(s): its sums, or None where a row over- or underflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        _exp(s, s)
        sums = np.add.reduce(s, axis=-2)
    least, most = np.minimum.reduce(sums, axis=None), np.maximum.reduce(sums, axis=None)
    return sums if least > 1e-200 and most < 1e200 else None


def _shifted(s: np.ndarray, out: np.ndarray, data: Dataset, rows: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    top = np.maximum.reduce(s, axis=-2)
    if not np.minimum.reduce(top, axis=None) > IMPOSSIBLE:
        _refuse(top, data, rows)
    s -= top[..., None, :]
    _exp(s, out)
    return top, np.add.reduce(out, axis=-2), out


def _refuse(top: np.ndarray, data: Dataset, rows: slice) -> None:
    """UserError naming the row that no component can have made, unless it has no weight: it then counts for nothing."""
    bad = ~(top > IMPOSSIBLE)
    if data.weights is not None:
        bad &= (data.weights[rows].reshape(top.shape) > 0) | ~np.isfinite(top)
    if bad.any():
        row = rows.start + int(np.argmin(np.where(bad, np.where(np.isnan(top), -np.inf, top), np.inf)))
        raise UserError(
            "no component can have made this row: its density is zero under all of them",
            "start from other parameters, or take the row away",
            file=data.table.source or None,
            row=data.table.row_label(int(data.rows[row])),
        )


def _exp(s: np.ndarray, out: np.ndarray) -> None:
    """exp(s); 0 below e^-600, as numbers next to 0 make products a hundred times slower.

    Of long blocks a sample of the rows is looked at: what is overlooked there is rare, and right all the same.
    """
    some = s[..., ::_SAMPLED] if s.shape[-1] > _LONG else s
    if np.minimum.reduce(some, axis=None, initial=0.0) > _LOWEST:
        np.exp(s, out=out)
    else:
        np.exp(np.maximum(s, _LOWEST, out=out), out=out)
        out -= _LEAST


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
        weighed = evaluator.weigh(log_w)
        for rows in blocks(data.n, evaluator.block):
            s = evaluator.scores(rows)
            if not weighed:
                s = s + log_w[:, None]
            top, sums, r = _softmax(s, np.empty_like(s), data, rows)
            r, entropy = self._responsibilities(rows, s, r / sums)
            if kept is not None:
                kept[rows] = r.T
            w = None if data.weights is None else data.weights[rows]
            likelihoods.append(float(_likelihood(top, sums, w)))
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


def _likelihood(top: np.ndarray | None, sums: np.ndarray, weights: np.ndarray | None) -> Any:
    """The log-likelihood of each block's rows, from the sums (..., b) of what is left over the maximum `top`."""
    total = _log_total(sums) if weights is None else np.add.reduce(weights * np.log(sums), axis=-1)
    if top is None:
        return total
    return total + np.add.reduce(top if weights is None else weights * top, axis=-1)


def _log_total(values: np.ndarray) -> Any:
    """The sum of the logarithms of each block's positive values (..., b): those of products of eight, of which there are
    fewer, unless these over- or underflow."""
    b = values.shape[-1]
    whole = b // 8 * 8
    if b >= _LONG:
        eights = values[..., :whole].reshape(*values.shape[:-1], 8, whole // 8)
        with np.errstate(over="ignore", under="ignore"):
            products = np.multiply.reduce(eights, axis=-2)
        if np.minimum.reduce(products, axis=None) > 1e-300 and np.maximum.reduce(products, axis=None) < 1e300:
            return np.add.reduce(np.log(products), axis=-1) + np.add.reduce(np.log(values[..., whole:]), axis=-1)
    return np.add.reduce(np.log(values), axis=-1)


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
    resp, density = np.empty(scores.shape), np.empty(len(scores))
    for rows in blocks(len(scores), _TURNED):
        r = scores[rows].T.copy()  # along the components numpy takes three times as long when rows lie close
        top = r.max(0)
        r -= top
        np.exp(r, out=r)
        sums = r.sum(0)
        r /= sums
        resp[rows], density[rows] = r.T, top + np.log(sums)
    return resp, density


__all__ = ["Mixture", "blocks", "log_weights", "one_hot", "softmax"]
