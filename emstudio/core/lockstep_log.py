"""Forward and backward through hidden Markov chains in logarithms: slow, and right where nothing else is.

All series go step by step together. Nothing can underflow here, so this answers where the scaled route
(`core/lockstep.py`) cannot be sure that a path it lost was not needed later. Recursions: Rabiner, Proc. IEEE 77, 1989.
"""

from __future__ import annotations

import numpy as np

from emstudio.core.lockstep_plan import Packing


def forward(scores: np.ndarray, start: np.ndarray, transitions: np.ndarray, packing: Packing):
    """(log P(z_t | x_1..t) (K, n), log p(x_t | x_1..t-1) (n,)) in the order of rows.

    From the first row on that no path can explain both are -inf. Columns of `packing` must be whole series.
    """
    alpha, pace = np.empty(scores.shape), np.empty(scores.shape[1])
    scores, top = relative(scores)
    log_a = np.log(transitions)[:, :, None]
    carry = np.log(start)[:, None]
    for step, width in enumerate(packing.widths):
        rows = packing.begins[:width] + step
        here = carry[:, :width] + scores[:, rows]
        pace[rows] = p = _sum_of_exp(here, 0)
        here -= np.where(np.isneginf(p), 0.0, p)
        alpha[:, rows] = here
        carry = _sum_of_exp(here[:, None, :] + log_a, 0)
    return alpha, pace + top


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
    top = scores.max(0)
    top[np.isneginf(top)] = 0.0
    return scores - top, top


def _sum_of_exp(x: np.ndarray, axis: int) -> np.ndarray:
    """log of the sum of exp along `axis`; -inf where all are -inf."""
    top = x.max(axis, keepdims=True)
    top[np.isneginf(top)] = 0.0
    return np.log(np.exp(x - top).sum(axis)) + top.squeeze(axis)
