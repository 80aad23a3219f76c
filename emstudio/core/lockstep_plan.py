"""How series are cut and packed so that numpy steps through all of their pieces at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

CHUNK = 1 << 15  # numbers handled at a time, so that they stay in the cache
KEPT = 1 << 22  # numbers of an array that is kept for the next call


@dataclass(frozen=True, eq=False)
class Packing:
    """Pieces of series side by side, time-major and without padding.

    Column c is the `lengths[c]` rows from `begins[c]` on, a piece of series `owner[c]`; columns are sorted by length, the
    longest first, so that those that still go on at step l are the first `widths[l]`. `before` and `after` (C,) are the
    columns of the piece of the same series just before and after, or -1.

    A packed quantity of K values a row is a flat array (K n,): step after step, each a contiguous (K, width) matrix.
    """

    begins: np.ndarray
    lengths: np.ndarray
    owner: np.ndarray
    before: np.ndarray
    after: np.ndarray

    @property
    def columns(self) -> int:
        return len(self.begins)

    @cached_property
    def steps(self) -> int:
        """The length of the longest column."""
        return int(self.lengths[0]) if self.columns else 0

    @cached_property
    def n(self) -> int:
        """The rows of all columns."""
        return int(self.lengths.sum())

    @cached_property
    def widths(self) -> list[int]:
        """(L,) how many columns have a step l."""
        return np.searchsorted(-self.lengths, -np.arange(self.steps), side="left").tolist()

    @cached_property
    def onward(self) -> list[int]:
        """(L,) how many columns go on after a step l; the others end there."""
        return [*self.widths[1:], 0][: self.steps]

    @cached_property
    def heads(self) -> list[int]:
        """(L + 1,) how many rows stand before each step, and n."""
        return [0, *np.cumsum(self.widths, dtype=np.intp).tolist()]

    @cached_property
    def rows(self) -> np.ndarray:
        """(n,) the rows, step after step."""
        out = np.empty(self.n, np.intp)
        for step, width in enumerate(self.widths):
            np.add(self.begins[:width], step, out=out[self.heads[step] : self.heads[step + 1]])
        return out

    @cached_property
    def runs(self) -> list[tuple[int, int]]:
        """(first step, step after the last) of the steps of equal width."""
        edges = [0, *(np.flatnonzero(np.diff(self.widths)) + 1).tolist(), self.steps]
        return [(a, b) for a, b in pairwise(edges) if b > a]

    @cached_property
    def rectangles(self) -> list[tuple[int, int]] | None:
        """(first, behind the last) of columns of equal length whose rows follow one another; None where copying by
        rectangles does not pay. Only for columns whose lengths differ by at most one."""
        if not self.columns or self.lengths[-1] < self.steps - 1:
            return None
        seams = np.flatnonzero((np.diff(self.lengths) != 0) | (np.diff(self.begins) != self.lengths[:-1])) + 1
        if len(seams) > 8 + self.n // CHUNK:
            return None
        edges = [0, *seams.tolist(), self.columns]
        return list(pairwise(edges))

    @cached_property
    def waves(self) -> list[np.ndarray]:
        """The columns that are first pieces of their series, then the second pieces, and so on."""
        out = []
        wave = np.flatnonzero(self.before < 0)
        while wave.size:
            out.append(wave)
            wave = self.after[wave]
            wave = wave[wave >= 0]
        return out

    def views(self, flat: np.ndarray, k: int) -> list[np.ndarray]:
        """The (K, width) matrix of each step of a packed quantity."""
        return [flat[k * a : k * (a + w)].reshape(k, w) for a, w in zip(self.heads, self.widths)]

    def block(self, flat: np.ndarray, k: int, first: int, behind: int) -> np.ndarray:
        """(steps, K, width) of the steps `first` to `behind` - 1 of a packed quantity; they must have one width."""
        return flat[k * self.heads[first] : k * self.heads[behind]].reshape(behind - first, k, -1)

    def ends(self, views: list[np.ndarray]) -> np.ndarray:
        """(K, C) what stands at the last row of each column; `views` as `views` makes them."""
        out = np.empty((len(views[0]), self.columns))
        for step in {first - 1 for first, _ in self.runs[1:]} | {self.steps - 1}:
            later = self.onward[step]
            out[:, later : self.widths[step]] = views[step][:, later:]
        return out

    def pieces(self):
        """(rows, first column, behind the last, length) of pieces of rectangles that stay in the cache."""
        for first, behind in self.rectangles:
            length = int(self.lengths[first])
            stride = max(1, CHUNK // length)
            for a in range(first, behind, stride):
                b = min(a + stride, behind)
                row = int(self.begins[a])
                yield slice(row, row + (b - a) * length), a, b, length

    def pack(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """(K n,) `x` (K, n), packed; in the memory of `out` where given."""
        k = len(x)
        flat = np.empty(k * self.n) if out is None else out
        if self.rectangles is None:
            for step, view in enumerate(self.views(flat, k)):
                np.take(x, self.rows[self.heads[step] : self.heads[step + 1]], axis=1, out=view, mode="clip")
            return flat
        common = int(self.lengths[-1])
        body = self.block(flat, k, 0, common)
        for rows, a, b, length in self.pieces():
            piece = x[:, rows].reshape(k, b - a, length)
            body[:, :, a:b] = piece[:, :, :common].transpose(2, 0, 1)
            if length > common:
                self.block(flat, k, common, length)[0][:, a:b] = piece[:, :, common]
        return flat

    def unpack(self, flat: np.ndarray, k: int, out: np.ndarray | None = None) -> np.ndarray:
        """(K, n) the packed quantity in the order of rows; in the memory of `out` (K n,) where given."""
        x = (np.empty(k * self.n, flat.dtype) if out is None else out).reshape(k, self.n)
        if self.rectangles is None:
            for step, view in enumerate(self.views(flat, k)):
                x[:, self.rows[self.heads[step] : self.heads[step + 1]]] = view
            return x
        common = int(self.lengths[-1])
        body = self.block(flat, k, 0, common)
        for rows, a, b, length in self.pieces():
            piece = x[:, rows].reshape(k, b - a, length)
            piece[:, :, :common] = body[:, :, a:b].transpose(1, 2, 0)
            if length > common:
                piece[:, :, common] = self.block(flat, k, common, length)[0][:, a:b]
        return x

    def chunks(self, k: int):
        """(first step, behind the last) of steps of one width that together stay in the cache, in order."""
        for first, behind in self.runs:
            stride = max(1, 2 * CHUNK // (self.widths[first] * k))
            for a in range(first, behind, stride):
                yield a, min(a + stride, behind)

    def emissions(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(packed exp(scores - top) (K n,), packed top (n,)), top the largest score of a row, 0 where all are -inf."""
        k = len(scores)
        flat, top = self.pack(scores), np.empty(self.n)
        for first, behind in self.chunks(k):
            part = self.block(flat, k, first, behind)
            best = self.block(top, 1, first, behind)
            np.maximum.reduce(part, 1, out=best, keepdims=True)
            if np.isneginf(best.min()):
                best[np.isneginf(best)] = 0.0
            part -= best
            np.exp(part, out=part)
        return flat, top

    def sums(self, x: np.ndarray) -> np.ndarray:
        """(C,) the sum of the packed `x` (n,) over each column."""
        out = np.zeros(self.columns)
        for first, behind in self.chunks(1):
            out[: self.widths[first]] += self.block(x, 1, first, behind).sum((0, 1))
        return out


@dataclass(frozen=True, eq=False)
class Plan:
    """What depends on the lengths of the series alone: `series` has a column for each series that is not empty, `blocks`
    for each piece of one. `borrow` and `give_back`: memory for the rows that one call after the other uses, as new memory
    costs a third of a call; two threads may ask at once."""

    offsets: np.ndarray
    series: Packing
    blocks: Packing
    _spare: list[np.ndarray] = field(default_factory=list, repr=False)

    def borrow(self, size: int) -> np.ndarray:
        """(size,) numbers of any value."""
        try:
            kept = self._spare.pop()
        except IndexError:
            return np.empty(size)
        return kept if kept.size == size else np.empty(size)

    def give_back(self, *arrays: np.ndarray) -> None:
        """What was borrowed and nobody looks at any more."""
        self._spare.extend(a for a in arrays if a.size <= KEPT and len(self._spare) < 4)

    def totals(self, x: np.ndarray) -> np.ndarray:
        """(S,) the sum of `x` (n,) over each series."""
        out = np.zeros(len(self.offsets) - 1)
        if len(out) * 1000 > len(x):
            full = np.flatnonzero(np.diff(self.offsets))
            if full.size:
                out[full] = np.add.reduceat(x, self.offsets[full])
            return out
        for s, (a, b) in enumerate(zip(self.offsets[:-1], self.offsets[1:])):
            out[s] = x[a:b].sum()
        return out


def plan(offsets: np.ndarray, k: int) -> Plan:
    """The plan for series at `offsets` (S + 1,) under K = `k` states; to be kept with the data and given again."""
    offsets = np.asarray(offsets, np.intp)
    lengths = np.diff(offsets)
    whole = np.minimum(lengths, 1)
    target = block_length(int(lengths.sum()))
    pieces = np.where(lengths > 1.5 * target, -(-lengths // target), whole)
    series = _packing(offsets, lengths, whole)
    return Plan(offsets, series, series if (pieces == whole).all() else _packing(offsets, lengths, pieces))


def block_length(n: int) -> int:
    """Rows of a block: many enough to forget the guess it begins with, few enough that a call does much."""
    return int(np.clip(0.8 * np.sqrt(n), 64, 320))


def _packing(offsets: np.ndarray, lengths: np.ndarray, pieces: np.ndarray) -> Packing:
    """Each series cut in so many `pieces` of nearly one length, the longer first."""
    owner = np.repeat(np.arange(len(lengths)), pieces)
    ordinal = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    base, extra = np.divmod(lengths, np.maximum(pieces, 1))
    size = base[owner] + (ordinal < extra[owner])
    begins = offsets[owner] + ordinal * base[owner] + np.minimum(ordinal, extra[owner])
    order = np.argsort(-size, kind="stable")
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    before = np.where(ordinal > 0, np.append(place[-1:], place[:-1]), -1)
    after = np.where(ordinal < pieces[owner] - 1, np.append(place[1:], place[:1]), -1)
    return Packing(begins[order], size[order], owner[order], before[order], after[order])
