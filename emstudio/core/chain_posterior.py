"""The posterior of hidden paths, and the way to it: from a family to the scores of all rows, and back to its moments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from emstudio.core import smoothing
from emstudio.core.chain_data import Bag
from emstudio.core.data import Dataset
from emstudio.core.errors import UserError
from emstudio.core.family import IMPOSSIBLE, Evaluator
from emstudio.core.posterior import Posterior
from emstudio.core.responsibilities import blocks


@dataclass(frozen=True, eq=False)
class ChainPosterior(Posterior):
    """The posterior of the hidden paths, as far as the M-step needs it, and what the window shows of it.

    `first` (K,), `pairs` (K, K): expected visits at the first steps, and of each transition, over all series.
    `exact`: the exact posterior at the same parameters, where this one is not it. `paths` (n, M): the last state of each
    drawn chain, `levels` (M,) their log p(path, x). `trace` (T + 1, M, s): what `traced` names, of each chain after each
    sweep, the random start first.
    """

    first: np.ndarray = None  # type: ignore[assignment]
    pairs: np.ndarray = None  # type: ignore[assignment]
    exact: smoothing.Smoothed | None = None
    paths: np.ndarray | None = None
    levels: np.ndarray | None = None
    trace: np.ndarray | None = None

    heavy: ClassVar[tuple[str, ...]] = ("resp", "exact", "paths", "levels", "trace")


def emissions(evaluator: Evaluator, bag: Bag, memory: np.ndarray | None = None) -> np.ndarray:
    """(K, n) the log-densities of all rows, C-contiguous: 0 where nothing was observed, -inf where they are 0.

    `memory` (K n,): where they may stand; it is used where every row was observed.
    """
    n = bag.data.n
    out: np.ndarray | None = None
    for rows in blocks(n, evaluator.block):
        part = evaluator.scores(rows)
        if out is None:
            fits = memory is not None and memory.size == len(part) * n
            out = memory.reshape(len(part), n) if fits else np.empty((len(part), n))  # type: ignore[union-attr]
        out[:, rows] = part
    assert out is not None
    if not out.min() > IMPOSSIBLE:
        out[~(out > IMPOSSIBLE)] = -np.inf
    if bag.rows is None:
        return out
    whole = np.zeros((len(out), bag.total))
    whole[:, bag.rows] = out
    return whole


def collected(evaluator: Evaluator, bag: Bag, gamma: np.ndarray) -> Any:
    """The family's moments under the posterior `gamma` (K, n); `evaluator` has just made the scores of all rows."""
    own = gamma if bag.rows is None else np.ascontiguousarray(gamma[:, bag.rows])
    n = bag.data.n
    fresh = n <= evaluator.block  # one block: what `add` needs of its scores is still there
    while True:
        for rows in blocks(n, evaluator.block):
            if not fresh:
                evaluator.scores(rows)
            evaluator.add(rows, own[:, rows])
        second = evaluator.again()
        if second is None:
            return evaluator.moments()
        evaluator, fresh = second, False


def plan_of(data: Dataset, k: int) -> smoothing.Plan:
    """What forward-backward needs to know of the series alone, made once."""
    return data.memo(f"plan {k}", lambda: smoothing.plan(data.offsets, k))


@contextmanager
def possible(data: Dataset) -> Iterator[None]:
    """Turns a series that no path can have made into a UserError naming its row."""
    try:
        yield
    except smoothing.ImpossibleSeries as news:
        raise UserError(
            "no state can have made this row after the rows before it: its probability is zero on every path",
            "start from other parameters, or make its cells missing",
            file=data.table.source or None,
            row=data.table.row_label(int(data.rows[news.row])),
        ) from None
