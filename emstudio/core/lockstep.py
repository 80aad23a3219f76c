"""Forward and backward through hidden Markov chains in scaled numbers, all blocks of all series in lockstep.

A block in the middle of a series starts from a guess (forward: all states alike; backward: no news from later). What is
known about the past wears off, so a second sweep, from the true end of the block before, meets the first after some
steps; only so far is it followed. Non-negative maps do not expand Hilbert's metric, so what has met stays met. Where the
past does not wear off (a chain that seldom leaves a state and says little about it, left-right chains, permutations),
the block ends come from products of K x K matrices instead (`core/lockstep_transfer.py`), and the sweeps run again
from them. The result depends on the arguments alone, never on what was tried before.

Between rescalings, every `period` steps, alpha is left to shrink. Wherever a block stands, sum(alpha * beta) = 1.
"""

from __future__ import annotations

import numpy as np

from emstudio.core.lockstep_mend import CHECK, Pick, as_range, columns, followed, settled
from emstudio.core.lockstep_plan import Packing
from emstudio.core.lockstep_transfer import Transfer

AGREE = 1e-13  # relative; at 3e-15 round-off would never let some blocks meet
NOTHING = 1e-200  # a part of alpha below it may be the rest of something that has underflowed
LEAST = 1e-90  # the least sum of alpha after which parts above NOTHING are still whole


class Underflow(Exception):
    """Scaled numbers cannot be trusted here: something was lost that may be needed."""


class Lockstep:
    """One pass over packed blocks: `forward`, then what is asked of it, or `backward` and then that.

    `flats`: the packed emissions relative to the largest of their row (`Packing.emissions`), (K n,), and as much memory for
    alpha and for beta. Every `period` steps alpha is rescaled. Raises Underflow. To be called with numpy's warnings off:
    what has no meaning is looked for at the end.
    """

    def __init__(
        self,
        start: np.ndarray,
        transitions: np.ndarray,
        packing: Packing,
        flats: tuple[np.ndarray, np.ndarray, np.ndarray],
        period: int,
    ):
        b, alpha, beta = flats
        self.k = len(start)
        self.start = start
        self.a = np.ascontiguousarray(transitions)
        self.at = np.ascontiguousarray(transitions.T)
        self.packing = packing
        self.period = period
        self.b = packing.views(b, self.k)
        self.flat = b
        self.flat_alpha, self.flat_beta = alpha, beta
        self.alpha = packing.views(self.flat_alpha, self.k)
        self.scale = {step: np.empty(packing.widths[step]) for step in range(period - 1, packing.steps, period)}
        self.inner = np.flatnonzero(packing.before >= 0)
        self.transfer: Transfer | None = None

    # ---- forward ----------------------------------------------------------------------------------------------

    def forward(self) -> None:
        """Fills `alpha` (K, width) of each step, `scale` of each `period`-th, and `tails`, `last` of each column."""
        guess = np.full((self.k, self.packing.columns), 1.0 / self.k)
        self._forward_from(guess)
        if self.inner.size and not self._mend_forward():
            self._forward_from(self._products().carries)
        least = min([self.last.min(initial=1.0)] + [s.min() for s in self.scale.values()])
        if not least >= LEAST:
            raise Underflow

    def _forward_from(self, carry: np.ndarray) -> None:
        """All blocks, those in the middle of a series from the state before their first row, `carry` (K, C)."""
        first = self.packing.before < 0
        here = self.alpha[0]
        np.matmul(self.at, carry, out=here)
        here[:, first] = self.start[:, None]
        here *= self.b[0]
        scale, views, b, at, widths = self.scale, self.alpha, self.b, self.at, self.packing.widths
        if 0 in scale:
            self._rescale(here, scale[0])
        for step in range(1, self.packing.steps):
            before, here = here, views[step]
            if widths[step] < before.shape[1]:
                before = before[:, : widths[step]]
            np.matmul(at, before, out=here)
            here *= b[step]
            if step in scale:
                self._rescale(here, scale[step])
        self._note_tails()

    @staticmethod
    def _rescale(here: np.ndarray, scale: np.ndarray) -> None:
        np.add.reduce(here, 0, out=scale)
        here /= scale

    def _note_tails(self) -> None:
        self.tails = self.packing.ends(self.alpha)
        self.last = np.add.reduce(self.tails, 0)
        self.tails /= self.last

    def _mend_forward(self) -> bool:
        """Blocks again from the true end of the one before until they meet; False if too many never do."""

        def again(todo: np.ndarray) -> np.ndarray | None:
            before = self.tails.take(self.packing.before[todo], 1)
            changed = followed(self.packing, todo, before, self.alpha, self._advance, _apart)
            if changed is not None:
                self._note_tails()
            return changed

        return settled(self.inner, again, self.packing.after)

    def _advance(self, step: int, v: np.ndarray, pick: Pick) -> np.ndarray:
        """Alpha of the columns `pick` at `step`, which is noted in `scale`, from `v` just before."""
        v = np.matmul(self.at, v)
        v *= columns(self.b[step], pick)
        if step in self.scale:
            scale = np.add.reduce(v, 0)
            v /= scale
            self.scale[step][pick] = scale
        return v

    def _products(self) -> Transfer:
        if self.transfer is None:
            self.transfer = Transfer(self.b, self.at, self.packing, self.period)
            self.transfer.forward(self.tails[:, self.packing.before < 0])
        return self.transfer

    def logs(self) -> np.ndarray:
        """(C,) the logarithms of all scales of each column, summed."""
        out = np.log(self.last)
        for scale in self.scale.values():
            out[: len(scale)] += np.log(scale)
        return out

    def lost_on_the_way(self) -> bool:
        """Whether anything has underflowed that, at some later row, may be the only explanation of the rows so far."""
        alpha = self.flat_alpha
        return bool((self.flat < NOTHING).any() or ((alpha < NOTHING) & (alpha > 0)).any())

    # ---- backward ---------------------------------------------------------------------------------------------

    def backward(self) -> None:
        """Fills `beta` (K, width) of each step, and `into` (K, C): what beta of the row before each column is, times
        the inverse of A."""
        self.beta = self.packing.views(self.flat_beta, self.k)
        if self.transfer is None:
            self._backward_from(np.ones((self.k, self.packing.columns)))
            if not self.inner.size or self._mend_backward():
                return
        self._backward_from(self._products().backward(self.tails))

    def _backward_from(self, ends: np.ndarray) -> None:
        """All blocks, from `ends` (K, C) at their last rows, where sum(tails * ends) = 1."""
        a, b, beta, widths = self.a, self.b, self.beta, self.packing.widths
        ends = ends / self.last
        later = 0
        for step in range(self.packing.steps - 1, -1, -1):
            here = beta[step]
            if later:
                product = np.multiply(b[step + 1], beta[step + 1])
                if step + 1 in self.scale:
                    product /= self.scale[step + 1]
                np.matmul(a, product, out=here[:, :later] if later < widths[step] else here)
            if later < widths[step]:
                here[:, later:] = ends[:, later : widths[step]]
                later = widths[step]
        self._note_into()

    def _note_into(self) -> None:
        self.into = self.b[0] * self.beta[0]
        if 0 in self.scale:
            self.into /= self.scale[0]

    def _mend_backward(self) -> bool:
        """Blocks again from the true beginning of the one after, as `_mend_forward`."""

        def again(todo: np.ndarray) -> np.ndarray | None:
            changed = self._mend_backward_once(todo)
            if changed is not None:
                self._note_into()
            return changed

        return settled(np.flatnonzero(self.packing.after >= 0), again, self.packing.before)

    def _mend_backward_once(self, todo: np.ndarray) -> np.ndarray | None:
        """The columns of `todo` whose first row has changed, or None as soon as that will be too many."""
        steps, widths, enough = self.packing.steps, self.packing.widths, max(4, len(self.inner) // 3)
        ends = np.matmul(self.a, self.into.take(self.packing.after[todo], 1)) / self.last[todo]
        waiting = todo  # columns are longest first: those of the earliest ends join first
        todo, v = todo[:0], ends[:, :0]
        pick = as_range(todo)
        joined = 0
        for step in range(steps - 1, -1, -1):
            if todo.size:
                v = columns(self.b[step + 1], pick) * v
                if step + 1 in self.scale:
                    v /= self.scale[step + 1][pick]
                v = np.matmul(self.a, v)
            now = int(np.searchsorted(waiting, widths[step])) if joined < len(waiting) else joined
            if now > joined:
                todo = np.concatenate([todo, waiting[joined:now]])
                v = np.concatenate([v, ends[:, joined:now]], 1)
                pick, joined = as_range(todo), now
            if not todo.size:
                if joined == len(waiting):
                    return todo
                continue
            if step % CHECK or not step:
                self.beta[step][:, pick] = v
                continue
            apart = _apart(v, columns(self.beta[step], pick))
            self.beta[step][:, pick] = v
            left = np.count_nonzero(apart)
            if 4 * step < steps and left > enough:
                return None
            if left < 0.8 * len(todo):
                todo, v = todo[apart], v.compress(apart, 1)
                pick = as_range(todo)
        return todo

    # ---- what comes of it -------------------------------------------------------------------------------------

    def finish(self, careful: bool) -> tuple[np.ndarray, np.ndarray]:
        """(posterior of the states, packed, (K n,); expected transitions (K, K)); uses alpha and beta up.

        With `careful` (transitions that are zero or nearly so) raises Underflow where a path that has underflowed may
        have been needed later.
        """
        k, packing = self.k, self.packing
        pairs = self.tails[:, packing.before[self.inner]] @ self.into[:, self.inner].T
        lost = 0.0
        earlier = None
        for first, behind in packing.chunks(k):
            alpha, beta = (packing.block(x, k, first, behind) for x in (self.flat_alpha, self.flat_beta))
            into = np.multiply(packing.block(self.flat, k, first, behind), beta)
            for step in range(-(first + 1) % self.period, behind - first, self.period):
                into[step] /= self.scale[first + step]
            if earlier is not None:
                pairs += earlier[:, : into.shape[2]] @ into[0].T
            if len(into) > 1:
                pairs += np.matmul(alpha[:-1], into[1:].transpose(0, 2, 1)).sum(0)
            earlier = alpha[-1].copy()
            if careful:
                lost += np.where(alpha < NOTHING, beta, 0.0).sum()
            alpha *= beta
        if not NOTHING * lost <= 1e-14 or not np.isfinite(pairs).all():
            raise Underflow
        return self.flat_alpha, pairs * self.a


def _apart(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """Which columns have not met. Parts that are as good as nothing need not agree."""
    return ~(np.abs(new - old) <= AGREE * old + NOTHING).all(0)
