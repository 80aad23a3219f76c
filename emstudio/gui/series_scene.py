"""What the laboratory shows of one moment, as plain arrays: series, posterior of the states, paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emstudio.gui.series_paint import Level
from emstudio.gui.series_span import Times

STEPS = Times(None, "time t")


@dataclass(frozen=True, eq=False)
class Drawn:
    """Paths drawn from the posterior: `states` (n, M), and `mean` (n, K) the share of the draws in each state.

    `used`: the M-step goes by these draws; else they only show what the exact posterior means. `flipped` (n, M) marks the
    sites that the last sweep changed, and `sweep` is (its number, how many there are), while they are being drawn.
    """

    states: np.ndarray
    mean: np.ndarray
    used: bool = True
    flipped: np.ndarray | None = None
    sweep: tuple[int, int] | None = None

    @property
    def chains(self) -> int:
        return self.states.shape[1]


@dataclass(frozen=True, eq=False)
class Scene:
    """Series `values` (n, d), NaN where nothing was observed, of `k` states; series s is rows offsets[s]:offsets[s + 1].

    `kind` is numbers, counts or symbols (codes into `symbols`); `titles` (d) name the columns. `levels` of each column,
    or `probabilities` (K, symbols), say what the states emit. `resp` (n, K) colours the points; `exact` (n, K) is the
    posterior by forward-backward. `viterbi` and `truth` (n,) are paths, -1 where the truth is not known.
    """

    values: np.ndarray
    offsets: np.ndarray
    k: int
    kind: str = "numbers"
    titles: tuple[str, ...] = ("x",)
    symbols: tuple[str, ...] = ()
    times: Times = STEPS
    levels: tuple[tuple[Level, ...], ...] = ()
    probabilities: np.ndarray | None = None
    resp: np.ndarray | None = None
    exact: np.ndarray | None = None
    viterbi: np.ndarray | None = None
    truth: np.ndarray | None = None
    drawn: Drawn | None = None
    pending: bool = False  # paths are being computed

    @property
    def n(self) -> int:
        return len(self.values)


def shares_of(states: np.ndarray, k: int) -> np.ndarray:
    """(n, K) the share of the paths `states` (n, M) that are in each state."""
    return np.stack([(states == j).mean(axis=1) for j in range(k)], axis=1)


EMPTY = Scene(np.empty((0, 1)), np.array([0, 0]), 2)
