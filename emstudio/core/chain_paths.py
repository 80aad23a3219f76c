"""Paths of a chain and its transitions: counted, weighed, drawn, and what becomes of them in the long run."""

from __future__ import annotations

import bisect

import numpy as np

from emstudio.core.discrete import log0


def within(offsets: np.ndarray) -> np.ndarray | slice:
    """Which of the n - 1 steps stay inside of a series: (n - 1,) bool, or a slice where all do."""
    if len(offsets) == 2:
        return slice(None)
    inside = np.ones(int(offsets[-1]) - 1, bool)
    inside[offsets[1:-1] - 1] = False
    return inside


def count_path(path: np.ndarray, offsets: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """((K,) states at the first steps, (K, K) transitions) of one path (n,) through all series."""
    first = np.bincount(path[offsets[:-1]], minlength=k).astype(float)
    inside = within(offsets)
    codes = path[:-1][inside].astype(np.intp) * k + path[1:][inside]
    return first, np.bincount(codes, minlength=k * k).reshape(k, k).astype(float)


def moved(pairs: np.ndarray, before: np.ndarray) -> np.ndarray:
    """(K, K) transitions from expected ones; a state that is never left keeps its row."""
    sums = pairs.sum(1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(sums > 0, pairs / sums, before)


def vanished(before: np.ndarray, after: np.ndarray) -> list[tuple[int, int]]:
    """The transitions (from, to) that were possible and have become 0, which EM never raises again."""
    return [(int(j), int(k)) for j, k in np.argwhere((before > 0) & (after == 0))]


def shared(p: np.ndarray) -> np.ndarray:
    """`p` made to sum to 1; uniform where nothing is left."""
    return p / p.sum() if p.sum() > 0 else np.full(len(p), 1.0 / len(p))


def levels_of(
    scores: np.ndarray, start: np.ndarray, transitions: np.ndarray, offsets: np.ndarray, paths: np.ndarray
) -> np.ndarray:
    """(M,) log p(path, x) of each of the `paths` (n, M), from finite `scores` (K, n)."""
    k = len(start)
    found = np.zeros(paths.shape[1])
    for j in range(k):
        found += scores[j] @ (paths == j)
    found += log0(start)[paths[offsets[:-1]]].sum(0)
    log_a = log0(transitions).ravel()
    inside = within(offsets)
    codes = paths[:-1][inside].astype(np.intp) * k + paths[1:][inside]
    return found + log_a[codes].sum(0)


def stationary(transitions: np.ndarray) -> np.ndarray:
    """(K,) a distribution that the transitions leave as it is: of several the mean reached from a uniform start."""
    k = len(transitions)
    power = 0.5 * (np.eye(k) + transitions)  # lazy, so that no period is left; the same distributions stay
    for _ in range(60):
        before, power = power, power @ power
        power /= power.sum(1, keepdims=True)
        if np.abs(power - before).max() < 1e-16:
            break
    return power.mean(0)


def visits(start: np.ndarray, transitions: np.ndarray, steps: int) -> np.ndarray:
    """(K,) the expected share of the first `steps` steps that a chain spends in each state: the mean of start A^t."""
    total, power = np.zeros_like(transitions), np.eye(len(start))
    block, length = (
        np.eye(len(start)),
        transitions,
    )  # sum of A^t over as many steps as a binary digit stands for, A^them
    left = max(steps, 1)
    while left:
        if left & 1:
            total += power @ block
            power = power @ length
        left >>= 1
        block, length = block + length @ block, length @ length
    share = start @ total
    return share / share.sum()


def sampled_path(start: np.ndarray, transitions: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) states of a chain of n steps."""
    u = rng.random(n)
    first, rows = (np.cumsum(p, axis=-1) for p in (start, transitions))
    table = rows.tolist()
    states = np.empty(n, np.int64)
    last = len(start) - 1
    at = min(int(np.searchsorted(first, u[0] * first[-1], side="right")), last) if n else 0
    for t, v in enumerate(u.tolist()):
        if t:
            row = table[at]
            at = min(bisect.bisect_right(row, v * row[-1]), last)
        states[t] = at
    return states
