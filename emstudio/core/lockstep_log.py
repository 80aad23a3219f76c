"""Forward and backward through hidden Markov chains in logarithms: slow, and right where nothing else is.

All series go step by step together, forward in blocks where there are not too many states. Nothing can underflow here,
so this answers where the scaled route (`core/lockstep.py`) cannot be sure that a path it lost was not needed later.
Recursions: Rabiner, Proc. IEEE 77, 1989.
"""

from __future__ import annotations

import numpy as np

from emstudio.core.lockstep_plan import Packing, Plan

WORTH = 2500  # numbers a row that blocks may take, beside so many calls of numpy as a row alone does


def forward(scores: np.ndarray, start: np.ndarray, transitions: np.ndarray, plan: Plan):
    """(log P(z_t | x_1..t) (K, n), log p(x_t | x_1..t-1) (n,)) in the order of rows.

    From the first row on that no path can explain both are -inf.
    """
    alpha, pace = np.empty(scores.shape), np.empty(scores.shape[1])
    scores, top = relative(scores)
    moves = _Moves(transitions)
    packing = plan.blocks if len(start) * moves.logs.size <= WORTH else plan.series
    carry = _carries(scores, np.log(start), moves, packing)
    for step, width in enumerate(packing.widths):
        rows = packing.begins[:width] + step
        here = carry[:, :width] + scores[:, rows]
        pace[rows] = p = _sum_of_exp(here, 0)
        here -= _finite(p)
        alpha[:, rows] = here
        carry = moves(here)
    return alpha, pace + top


def _carries(scores: np.ndarray, log_start: np.ndarray, moves: _Moves, packing: Packing) -> np.ndarray:
    """(K, C) log P(state at the column's first row | all rows before it in its series).

    All blocks go at once from every state just before them; what that comes to is handed on from block to block.
    """
    k, head = len(log_start), packing.before < 0
    carry = np.empty((k, packing.columns))
    carry[:, head] = log_start[:, None]
    if head.all():
        return carry
    between = np.empty((packing.columns, k, k))  # [column, state before it, its last state]; of heads, from the start
    here = moves(np.where(np.eye(k, dtype=bool), 0.0, -np.inf)[:, :, None].repeat(packing.columns, 2))
    here[:, :, head] = log_start[:, None]
    for step, later in enumerate(packing.onward):
        width = packing.widths[step]
        here = (moves(here[:, :, :width]) if step else here) + scores[:, packing.begins[:width] + step]
        here -= _finite(here.max((0, 1)))
        between[later:width] = here[:, :, later:].transpose(2, 0, 1)
    ends = between[:, 0].copy()
    for wave in packing.waves[1:]:
        entering = ends[packing.before[wave]]
        entering -= _finite(_sum_of_exp(entering, 1))[:, None]
        carry[:, wave] = moves(entering.T)
        ends[wave] = _sum_of_exp(entering[:, :, None] + between[wave], 1)
    return carry


class _Moves:
    """The transitions that are not zero: called with logarithms (..., K, C) of states, gives those of the next ones.

    `sources` (P, K): from where the P or fewer that lead to each state come; `logs` (P, K): -inf where they are fewer.
    """

    def __init__(self, transitions: np.ndarray):
        most = max(1, int((transitions > 0).sum(0).max()))
        self.sources = np.argsort(transitions <= 0, axis=0, kind="stable")[:most]
        self.logs = np.log(np.take_along_axis(transitions, self.sources, 0))

    def __call__(self, here: np.ndarray) -> np.ndarray:
        parts = here[..., self.sources, :]
        parts += self.logs[:, :, None]
        return _sum_of_exp(parts, -3)


def backward(scores, transitions, alpha, pace, packing: Packing) -> tuple[np.ndarray, np.ndarray]:
    """(posterior of the states (K, n), expected transitions (K, K)) from what `forward` gave."""
    gamma = np.empty(scores.shape)
    scores, top = relative(scores)
    pace = pace - top
    pairs = np.zeros(transitions.shape)
    log_a = np.log(transitions)[:, :, None]
    beta = np.zeros((len(scores), packing.columns))
    for step in range(packing.steps - 1, -1, -1):
        width = packing.widths[step]
        rows = packing.begins[:width] + step
        here = np.exp(alpha[:, rows] + beta[:, :width])
        total = here.sum(0)  # 1 but for the rounding of what came later
        gamma[:, rows] = here / total
        if step:
            through = log_a + (scores[:, rows] + beta[:, :width] - pace[rows])
            pairs += (np.exp(alpha[:, None, rows - 1] + through) / total).sum(2)
            beta[:, :width] = _sum_of_exp(through, 1)
    return gamma, pairs


def relative(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(scores less the largest of their row, that largest (n,), 0 where all are -inf)."""
    top = _finite(scores.max(0))
    return scores - top, top


def _sum_of_exp(x: np.ndarray, axis: int) -> np.ndarray:
    """log of the sum of exp along `axis`; -inf where all are -inf."""
    top = _finite(x.max(axis, keepdims=True))
    return np.log(np.exp(x - top).sum(axis)) + top.squeeze(axis)


def _finite(top: np.ndarray) -> np.ndarray:
    """What may be subtracted: `top`, and 0 where it is -inf."""
    return np.where(np.isneginf(top), 0.0, top)
