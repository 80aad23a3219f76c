"""Whole paths drawn from their exact posterior: forward filter, backward sample (Carter and Kohn, Biometrika 81, 1994)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emstudio.core.lockstep_plan import CHUNK, Packing
from emstudio.core.smoothing import log_filtered, plan

FEW = 16  # paths side by side below which following them one at a time is faster


def backward_sample(
    scores: np.ndarray,
    start: np.ndarray,
    transitions: np.ndarray,
    offsets: np.ndarray,
    m: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """(n, m) int8: m independent paths of every series given the observations; arguments as in `core/smoothing.py`.

    Given that z_t+1 = i, the state j before it is drawn in proportion to P(z_t = j | x_1..t) A[j, i].
    Raises ImpossibleSeries.
    """
    made = plan(offsets, len(start))
    alpha = log_filtered(scores, start, transitions, offsets, made)
    paths = np.zeros((alpha.shape[1], m), np.int8)
    if len(start) == 1 or not paths.size:
        return paths
    last = np.zeros(len(paths), bool)
    last[made.series.begins + made.series.lengths - 1] = True
    with np.errstate(invalid="ignore", divide="ignore"):  # a state that cannot come next is never asked for
        cuts = _cuts(alpha, np.log(transitions), last)
    if m * made.series.columns < FEW:
        _one_by_one(cuts, paths, rng)
    else:
        _side_by_side(cuts, made.series, paths, rng)
    return paths


def _cuts(alpha: np.ndarray, log_a: np.ndarray, last: np.ndarray) -> np.ndarray:
    """(n, K - 1, K): entry (t, j, i) is P(z_t <= j | z_t+1 = i, x_1..t); at a `last` row, whatever i. `alpha` in logs."""
    k, n = alpha.shape
    out = np.empty((n, k - 1, k))
    stride = max(1, CHUNK // (k * k))
    for a in range(0, n, stride):
        rows = slice(a, min(a + stride, n))
        weights = alpha[:, None, rows] + np.where(last[rows], 0.0, log_a[:, :, None])
        weights -= weights.max(0)
        sums = np.cumsum(np.exp(weights, out=weights), 0)
        out[rows] = (sums[:-1] / sums[-1]).transpose(2, 0, 1)
    return out


def _side_by_side(cuts: np.ndarray, series: Packing, paths: np.ndarray, rng: np.random.Generator) -> None:
    """All paths of all series in lockstep, from the ends."""
    k, m = cuts.shape[2], paths.shape[1]
    flat = cuts.ravel()
    levels = (np.arange(k - 1) * k)[None, :, None]
    ends = series.begins + series.lengths - 1
    state = np.zeros((series.columns, 1, m), np.intp)
    for step, width in enumerate(series.widths):
        rows = ends[:width] - step
        at = state[:width] + (rows * (k * (k - 1)))[:, None, None] + levels
        state = (rng.random((width, 1, m)) >= flat.take(at)).sum(1, keepdims=True)
        paths[rows] = state[:, 0]


def _one_by_one(cuts: np.ndarray, paths: np.ndarray, rng: np.random.Generator) -> None:
    """A row's random number makes a table from the state after it to its own; following tables needs no numpy."""
    for j in range(paths.shape[1]):
        paths[:, j] = np.fromiter(_follow(cuts, rng), np.int8, len(paths))[::-1]


def _follow(cuts: np.ndarray, rng: np.random.Generator) -> Iterator[int]:
    """The states of one path, from the last row back."""
    state = 0
    for behind in range(len(cuts), 0, -CHUNK):
        part = cuts[max(behind - CHUNK, 0) : behind][::-1]
        for table in (rng.random((len(part), 1, 1)) >= part).sum(1, dtype=np.int8).tolist():
            state = table[state]
            yield state
