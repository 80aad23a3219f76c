"""Where the samplers keep their sites: rows of a buffer with blocks of sites that may be updated at once.

Series lie in one buffer of rows, a chain per column. Rows that hold no site separate the series, so that every site has
a row before it and a row after it, and a separator says that nothing is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Block:
    """Rows updated at once, their neighbours before and after, as slices of one length."""

    here: slice
    before: slice
    after: slice


@dataclass(frozen=True, eq=False)
class Layout:
    """`at` (n,): the row of each site; `rows` how many there are; `separators`: those without a site; `blocks` in order."""

    at: np.ndarray
    rows: int
    separators: np.ndarray
    blocks: tuple[Block, ...]

    def spread(self, values: np.ndarray, empty: float) -> np.ndarray:
        """(rows, ...) from `values` (n, ...), with `empty` in the separators."""
        out = np.full((self.rows, *values.shape[1:]), empty, values.dtype)
        out[self.at] = values
        return out


def in_turn(offsets: np.ndarray) -> Layout:
    """All even sites of every series, then all odd ones: series after series, each beginning on an odd row."""
    at, first, row = [], 1, 1
    for length in np.diff(offsets):
        at.append(np.arange(first, first + length))
        row = first + int(length) + 1
        first = row + 1 - row % 2
    rows = row if row % 2 else row + 1
    blocks = tuple(
        Block(slice(lo, rows - 1, 2), slice(lo - 1, rows - 2, 2), slice(lo + 1, rows, 2))
        for lo in (1, 2)
        if lo < rows - 1
    )
    return _layout(np.concatenate(at), rows, blocks)


def one_by_one(offsets: np.ndarray) -> Layout:
    """Site after site, the series side by side: a block is one step of time in every series that is still going on.

    The longest series come first, so that the series which go on are the first rows of a step, and those of the step
    before are a slice too; a step holds a separator for every series that ended with the step before.
    """
    lengths = np.diff(offsets)
    order = np.argsort(-lengths, kind="stable")
    going = np.array([np.count_nonzero(lengths > t) for t in range(int(lengths.max()))])
    held = np.concatenate([going[:1], going[:1], going])  # before the first step, the first step, ... after the last
    begin = np.concatenate([[0], np.cumsum(held)])
    at = np.empty(int(offsets[-1]), np.intp)
    for rank, s in enumerate(order):
        at[offsets[s] : offsets[s + 1]] = begin[1 : lengths[s] + 1] + rank
    blocks = tuple(
        Block(*(slice(int(begin[step]), int(begin[step]) + int(width)) for step in (t + 1, t, t + 2)))
        for t, width in enumerate(going)
    )
    return _layout(at, int(begin[-1]), blocks)


def _layout(at: np.ndarray, rows: int, blocks: tuple[Block, ...]) -> Layout:
    return Layout(at, rows, np.setdiff1d(np.arange(rows), at), blocks)


def series_steps(offsets: np.ndarray) -> list[np.ndarray]:
    """For each step t the series that have more than t steps, the longest first."""
    lengths = np.diff(offsets)
    order = np.argsort(-lengths, kind="stable")
    return [order[: np.count_nonzero(lengths > t)] for t in range(int(lengths.max()))]
