"""The most probable path of a hidden Markov chain (Viterbi, IEEE Trans. Inf. Theory 13, 1967), all blocks in lockstep.

As in `core/lockstep.py`, blocks in the middle of a series begin with a guess that is mended afterwards: `best`, the log
probability of the best path to each state, up to a constant of the block. Once the best paths to all states pass
through one state the guess no longer matters. Where they do not within a block, the best paths from every state at its
beginning decide. The way back begins at each block's end from a guess too, and is followed again where it was wrong.
"""

from __future__ import annotations

import numpy as np

from emstudio.core.lockstep_mend import Pick, columns, followed, settled
from emstudio.core.lockstep_plan import Packing, Plan
from emstudio.core.lockstep_plan import plan as plan_of

AGREE = 1e-13  # relative to the logarithms compared, as the next
TIE = 1e-12  # what differs by less differs by rounding: an unobserved stretch makes many ties


def viterbi(scores, start, transitions, offsets, plan: Plan | None = None) -> tuple[np.ndarray, np.ndarray]:
    """((n,) the most probable path, (S,) log p(path, x) of each series); ties go to the lower state.

    Scores (K, n) and the rest as in `core/smoothing.py`. A series that no path explains has -inf, and any path.
    """
    made = plan_of(offsets, len(start)) if plan is None else plan
    scores = np.asarray(scores, np.float64)
    if not made.blocks.n:
        return np.empty(0, np.intp), np.zeros(len(made.offsets) - 1)
    with np.errstate(all="ignore"):
        log_start, log_a = np.log(start), np.log(transitions)
        flats = made.borrow(scores.size), made.borrow(scores.size)
        search = _Search(scores, log_start, log_a, made.blocks, flats)
        search.forward()
        path = search.back()
        made.give_back(*flats)
        return path, _log_probability(path, scores, log_start, log_a, made)


def _log_probability(path, scores, log_start, log_a, made: Plan) -> np.ndarray:
    n, k = len(path), len(log_a)
    terms = scores.ravel().take(path * n + np.arange(n)) if scores.flags.c_contiguous else scores[path, np.arange(n)]
    first = made.series.begins
    steps = log_a.ravel().take(path[:-1] * k + path[1:])
    steps[first[first > 0] - 1] = 0.0
    terms[1:] += steps
    terms[first] += log_start[path[first]]
    return made.totals(terms)


class _Search:
    """One search; `flats` is memory for the packed scores and for `best`, (K n,) each."""

    def __init__(
        self,
        scores: np.ndarray,
        log_start: np.ndarray,
        log_a: np.ndarray,
        packing: Packing,
        flats: tuple[np.ndarray, np.ndarray],
    ):
        self.k = len(log_a)
        self.log_start = log_start[:, None] - log_start.max()
        self.log_a = log_a - log_a.max()  # so that no logarithm is above 0
        self.through = self.log_a[:, :, None]
        self.packing = packing
        flat = packing.pack(scores, flats[0])
        for first, behind in packing.chunks(self.k):
            part = packing.block(flat, self.k, first, behind)
            top = part.max(1, keepdims=True)
            top[np.isneginf(top)] = 0.0
            part -= top
        self.scores = packing.views(flat, self.k)
        self.best = packing.views(flats[1], self.k)

    # ---- forward ----------------------------------------------------------------------------------------------

    def forward(self) -> None:
        """Fills `best` (K, width) of each step and `tails` (K, C), at the last rows and 0 for the best state."""
        self._from(np.zeros((self.k, self.packing.columns)))
        inner = np.flatnonzero(self.packing.before >= 0)
        if inner.size and not settled(inner, self._mend, self.packing.after):
            self._from(self._carries())

    def _from(self, carry: np.ndarray) -> None:
        packing, best = self.packing, self.best
        parts, here = np.empty((self.k, *carry.shape)), best[0]
        np.add(carry[:, None, :], self.through, out=parts)
        np.maximum.reduce(parts, 0, out=here)
        here[:, packing.before < 0] = self.log_start
        here += self.scores[0]
        for step in range(1, packing.steps):
            before, here = here, best[step]
            if here.shape != before.shape:
                before = before[:, : here.shape[1]]
                parts = np.empty((self.k, *here.shape))
            np.add(before[:, None, :], self.through, out=parts)
            np.maximum.reduce(parts, 0, out=here)
            here += self.scores[step]
        self._note_tails()

    def _note_tails(self) -> None:
        self.tails = self.packing.ends(self.best)
        self.tails -= self.tails.max(0)

    def _mend(self, todo: np.ndarray) -> np.ndarray | None:
        """The columns of `todo` whose end is no longer the same up to a constant, or None if too many."""
        before = self.tails.take(self.packing.before[todo], 1)
        changed = followed(self.packing, todo, before, self.best, self._advance, _apart)
        if changed is not None:
            self._note_tails()
        return changed

    def _advance(self, step: int, v: np.ndarray, pick: Pick) -> np.ndarray:
        v = (v[:, None, :] + self.through).max(0)
        v += columns(self.scores[step], pick)
        return v

    def _carries(self) -> np.ndarray:
        """(K, C) `best` just before each block, from the best paths between all pairs of its first and last states."""
        packing, k = self.packing, self.k
        between = np.empty((packing.columns, k, k))  # [column, state before it, its last state]
        v = self.through + self.scores[0]
        for step, later in enumerate(packing.onward):
            if step:
                v = (v[:, :, None, :] + self.through).max(1) + self.scores[step]
            if later < v.shape[2]:
                between[later : v.shape[2]] = v[:, :, later:].transpose(2, 0, 1)
                v = np.ascontiguousarray(v[:, :, :later])
        out = np.zeros((k, packing.columns))
        ends = self.tails.T.copy()
        for wave in packing.waves[1:]:
            entering = ends[packing.before[wave]]
            out[:, wave] = entering.T
            through = (entering[:, :, None] + between[wave]).max(1)
            ends[wave] = through - through.max(1, keepdims=True)
        return out

    # ---- back -------------------------------------------------------------------------------------------------

    def back(self) -> np.ndarray:
        """(n,) the path, in the order of rows."""
        packing = self.packing
        flat = np.empty(packing.n, np.intp)
        path = [x[0] for x in packing.views(flat, 1)]
        ends = _lowest(self.tails)
        state = ends[:0]
        for step in range(packing.steps - 1, -1, -1):
            here, later = path[step], len(state)
            if later:
                here[:later] = self._came(step, state, slice(0, later))
            if later < len(here):
                here[later:] = ends[later : len(here)]
            state = here
        todo = np.flatnonzero(packing.after >= 0)
        while todo.size:
            following = path[0][packing.after[todo]]
            arrived = _lowest(self.tails.take(todo, 1) + self.log_a.take(following, 1))
            wrong = arrived != ends[todo]
            ends[todo] = arrived
            todo = packing.before[self._again(todo[wrong], ends, path)]
            todo = np.sort(todo[todo >= 0])
        return packing.unpack(flat, 1)[0]

    def _came(self, step: int, state: np.ndarray, pick: Pick) -> np.ndarray:
        """From which states, at `step`, the best paths to `state` at the step after came."""
        parts = self.log_a.take(state, 1)
        parts += columns(self.best[step], pick)
        return _lowest(parts)

    def _again(self, todo: np.ndarray, ends: np.ndarray, path: list[np.ndarray]) -> np.ndarray:
        """Follows the columns `todo` back from their new `ends`; those whose first state has changed."""
        lengths = self.packing.lengths[todo]
        going, state = todo[:0], ends[:0]
        joined = 0
        for step in range(self.packing.steps - 1, -1, -1):
            if going.size:
                state = self._came(step, state, going)
                other = state != path[step][going]
                if not other.all():
                    going, state = going[other], state[other]
                path[step][going] = state
            now = int(np.count_nonzero(lengths > step))  # the longest come first
            if now > joined:
                joins = todo[joined:now]
                path[step][joins] = ends[joins]
                going, state, joined = np.concatenate([going, joins]), np.concatenate([state, ends[joins]]), now
            if not going.size and joined == len(todo):
                break
        return going


def _lowest(parts: np.ndarray) -> np.ndarray:
    """The first row, of `parts` (K, width), none above 0, that holds the largest of its column."""
    top = np.maximum.reduce(parts, 0)
    top *= 1.0 + TIE
    top -= TIE
    return np.greater_equal(parts, top).argmax(0)


def _apart(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """Which columns differ by more than a constant; impossible states must be the same ones."""
    gap = new - old
    spread = np.fmax.reduce(gap, 0) - np.fmin.reduce(gap, 0)
    return ~(spread <= AGREE * (1.0 + np.abs(new.max(0))))
