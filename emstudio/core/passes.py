"""One pass over the data: the E-step's responsibilities and the M-step's moments, a block of rows at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from emstudio.core import parallel
from emstudio.core.data import Dataset
from emstudio.core.family import NEVER, Evaluator
from emstudio.core.how import EStep
from emstudio.core.responsibilities import (
    SHORT,
    blocks,
    dot,
    exponentials,
    log_likelihood_of,
    shifted,
    unshifted,
)

_ALONE = 8  # blocks of a piece where one thread does all of them
_PIECES = 32  # at most, into which a pass is cut: few enough that their sums take no memory


def one_pass(evaluator: Evaluator, data: Dataset, log_w: np.ndarray, kept: np.ndarray | None) -> tuple[float, float]:
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
    """Rows in pieces of whole batches, at most _PIECES: for threads as many for each of some, for one thread long ones."""
    count = -(-n // evaluator.block)
    least = _ALONE if not evaluator.wide else evaluator.batch * parallel.MOST
    batches = min(_PIECES, -(-count // least) * (parallel.MOST if evaluator.wide else 1))
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
        entropies = [] if s is None else [float(log_likelihood_of(None, sums, w)) - dot(r, s)]
        total = log_likelihood_of(top, sums, w)
        self._evaluator.add(rows, r)
        return [float(total)] if sums.ndim == 1 else total.tolist(), entropies

    def _batches(self, piece: slice) -> Iterator[slice]:
        """Whole blocks, as many as go at once, and what is left of the last one."""
        block = self._evaluator.block
        for rows in blocks(piece.stop, block * self._batch, piece.start):
            whole = rows.start + (rows.stop - rows.start) // block * block
            yield from (part for part in (slice(rows.start, whole), slice(whole, rows.stop)) if part.start < part.stop)

    def _softmax(self, rows: slice) -> tuple[np.ndarray | None, np.ndarray, np.ndarray, np.ndarray | None]:
        """As `exponentials`, and scores less the maximum where the entropy needs them; without, they are overwritten."""
        s = self._evaluator.scores(rows)
        if self._log_w is not None:
            s += self._log_w
            return (*exponentials(s, np.empty_like(s), self._data, rows), s)
        if s.shape[-1] > SHORT:
            if (sums := unshifted(s)) is not None:
                return None, sums, s, None
            s = self._evaluator.scores(rows)
        return (*shifted(s, s, self._data, rows), None)

    def taken(self) -> list[np.ndarray]:
        """The evaluator's sums, which begin anew."""
        taken = [total.copy() for total in self._evaluator.totals]
        for total in self._evaluator.totals:
            total[...] = 0.0
        return taken


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
            top, sums, r = exponentials(s, np.empty_like(s), data, rows)
            r, entropy = self._responsibilities(rows, s, r / sums)
            if kept is not None:
                kept[rows] = r.T
            w = None if data.weights is None else data.weights[rows]
            likelihoods.append(float(log_likelihood_of(top, sums, w)))
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
