"""Blocks that began with a guess, followed again from the true end of the block before them until that changes nothing.

What the sum over paths (`core/lockstep.py`) and the best path (`core/viterbi.py`) have in common.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from emstudio.core.lockstep_plan import Packing

CHECK = 8  # steps between two looks at what has met
CHANCES = 4  # sweeps for blocks that have not met before something else decides

Pick = slice | np.ndarray  # columns, ascending


def settled(todo: np.ndarray, again: Callable[[np.ndarray], np.ndarray | None], neighbours: np.ndarray) -> bool:
    """Whether all blocks have met after some sweeps: `again` follows the columns `todo`, then the `neighbours` (C,) of
    those that it says have changed, or gives up with None."""
    for _ in range(CHANCES):
        changed = again(todo)
        if changed is None:
            return False
        todo = neighbours[changed]
        todo = np.sort(todo[todo >= 0])
        if not todo.size:
            return True
    return False


def followed(
    packing: Packing,
    todo: np.ndarray,
    here: np.ndarray,
    known: list[np.ndarray],
    advance: Callable[[int, np.ndarray, Pick], np.ndarray],
    apart: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray | None:
    """The columns of `todo` whose end has changed, or None as soon as that will be too many.

    `here` (K, len(todo)) stands just before them; `advance(step, here, columns)` is what then stands at a step. It replaces
    what `known` (a (K, width) matrix for each step) holds, until `apart(new, old)` says that a column has met it.
    """
    enough = max(4, np.count_nonzero(packing.before >= 0) // 3)
    changed = [todo[:0]]
    pick = as_range(todo)
    for step, width in enumerate(packing.widths):
        if todo[-1] >= width:
            go_on = np.searchsorted(todo, width)
            changed.append(todo[go_on:])
            todo, here = todo[:go_on], np.ascontiguousarray(here[:, :go_on])
            pick = as_range(todo)
            if not todo.size:
                break
        here = advance(step, here, pick)
        if step % CHECK < CHECK - 1:
            known[step][:, pick] = here
            continue
        different = apart(here, columns(known[step], pick))
        known[step][:, pick] = here
        left = np.count_nonzero(different)
        if not left:
            return np.concatenate(changed)
        if 4 * step > 3 * packing.steps and left > enough:
            return None
        if left < 0.8 * len(todo):
            todo, here = todo[different], here.compress(different, 1)
            pick = as_range(todo)
    return np.concatenate([*changed, todo])


def as_range(columns: np.ndarray) -> Pick:
    """`columns` (ascending) as a slice where they follow one another."""
    if columns.size and columns[-1] - columns[0] == len(columns) - 1:
        return slice(int(columns[0]), int(columns[-1]) + 1)
    return columns


def columns(x: np.ndarray, pick: Pick) -> np.ndarray:
    """The columns `pick` of `x` (K, C)."""
    return x[:, pick] if isinstance(pick, slice) else x.take(pick, 1)
