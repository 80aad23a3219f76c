"""Where blocks of a hidden Markov chain begin and end, from products of transfer matrices: no guess is needed.

The transfer matrix of a block, entry (k, i): the probability of its observations and of leaving it in state k, having
entered it from state i. Each start state has a scale of its own, so that a start that cannot explain the block at all
does not spoil the others.
"""

from __future__ import annotations

import numpy as np

from emstudio.core.lockstep_plan import Packing


class Transfer:
    """The transfer matrices of all blocks, and the vectors that they carry from block to block.

    `carries` (K, C), after `forward`: P(state before the block's first row | all before); of first blocks it is unused.
    """

    def __init__(self, b: list[np.ndarray], at: np.ndarray, packing: Packing, period: int):
        k = len(at)
        self.packing = packing
        width = packing.widths[0]
        v = at[:, :, None] * b[0][:, None, :]
        logs = np.zeros((k, width))
        self.matrices = np.empty((packing.columns, k, k))
        self.logs = np.empty((packing.columns, k))
        for step, later in enumerate(packing.onward):
            if step:
                v = np.matmul(at, v.reshape(k, -1)).reshape(k, k, -1)
                v *= b[step][:, None, :]
            if (step + 1) % period == 0:
                self._rescale(v, logs)
            if later < v.shape[2]:
                self._rescale(v, logs)
                self.matrices[later : v.shape[2]] = v[:, :, later:].transpose(2, 0, 1)
                self.logs[later : v.shape[2]] = logs[:, later:].T
                v, logs = np.ascontiguousarray(v[:, :, :later]), logs[:, :later].copy()

    @staticmethod
    def _rescale(v: np.ndarray, logs: np.ndarray) -> None:
        scale = v.sum(0)
        logs += np.log(scale)
        scale[scale == 0] = 1.0
        v /= scale

    def forward(self, tails: np.ndarray) -> None:
        """From the ends of the first blocks of the series, (K, S)."""
        k, packing = len(self.matrices[0]), self.packing
        self.carries = np.full((k, packing.columns), 1.0 / k)
        top = self.logs.max(1, keepdims=True)
        top[np.isneginf(top)] = 0.0
        self.weights = np.exp(self.logs - top)
        ends = np.empty((packing.columns, k))
        ends[packing.waves[0]] = tails.T
        for wave in packing.waves[1:]:
            entering = ends[packing.before[wave]]
            self.carries[:, wave] = entering.T
            ends[wave] = self._through(entering, wave)

    def _through(self, here: np.ndarray, columns: np.ndarray) -> np.ndarray:
        parts = here * self.weights[columns]
        sums = parts.sum(1, keepdims=True)
        if not sums.min() > 1e-90:
            logs = np.log(here) + self.logs[columns]
            parts = np.exp(logs - logs.max(1, keepdims=True))
        out = np.matmul(self.matrices[columns], parts[:, :, None])[:, :, 0]
        return out / out.sum(1, keepdims=True)

    def backward(self, tails: np.ndarray) -> np.ndarray:
        """(K, C) the betas at the last row of each block, where sum(tails * beta) = 1."""
        packing = self.packing
        ends = np.ones((len(tails), packing.columns))
        for wave in packing.waves[:0:-1]:
            beta = self.weights[wave] * np.matmul(ends[:, wave].T[:, None, :], self.matrices[wave])[:, 0, :]
            before = packing.before[wave]
            ends[:, before] = (beta / (beta * tails[:, before].T).sum(1, keepdims=True)).T
        return ends
