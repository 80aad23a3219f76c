"""What is counted of sampled paths, and how many independent draws correlated ones are worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emstudio.core.chain_paths import within

_MOST = 255  # ones that a byte can count


@dataclass(frozen=True, eq=False)
class Drawn:
    """Counts of each of M paths, for all series together.

    `first` (M, K): series that begin in each state. `pairs` (M, K, K): steps from state j to state k.
    """

    first: np.ndarray
    pairs: np.ndarray


def tally(states: np.ndarray, offsets: np.ndarray, k: int) -> Drawn:
    """The counts of paths `states` (n, M); a step from the end of a series to the beginning of the next is none."""
    first = np.stack([ones(states[offsets[:-1]] == j) for j in range(k)], axis=1).astype(float)
    pairs = np.empty((states.shape[1], k, k))
    inside = within(offsets)
    before, after = states[:-1][inside], states[1:][inside]
    leaves = [before == j for j in range(k - 1)]
    enters = [after == j for j in range(k - 1)]
    for i in range(k - 1):
        for j in range(k - 1):
            pairs[:, i, j] = ones(leaves[i] & enters[j])
    for j in range(k - 1):  # what goes to or comes from the last state is what is left
        pairs[:, j, -1] = ones(leaves[j]) - pairs[:, j, : k - 1].sum(1)
        pairs[:, -1, j] = ones(enters[j]) - pairs[:, : k - 1, j].sum(1)
    pairs[:, -1, -1] = 0.0
    pairs[:, -1, -1] = len(before) - pairs.sum((1, 2))
    return Drawn(first, pairs)


def stays(states: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """(M,) in each of the paths (n, M), how many steps lead to the state that they come from."""
    return ones((states[:-1] == states[1:])[within(offsets)])


def occupancy(states: np.ndarray, k: int) -> np.ndarray:
    """(M, K) how many steps each of the paths (n, M) spends in each state."""
    counts = [ones(states == j) for j in range(1, k)]
    return np.stack([len(states) - sum(counts, np.zeros(states.shape[1], int)), *counts], axis=1)


def ones(flags: np.ndarray) -> np.ndarray:
    """(M,) the True cells of each column of `flags` (n, M), counted in bytes as long as these can hold the sum."""
    cells = flags.view(np.uint8)
    total = np.zeros(flags.shape[1], np.int64)
    for lo in range(0, len(cells), _MOST):
        total += np.add.reduce(cells[lo : lo + _MOST], axis=0, dtype=np.uint8)
    return total


def effective_size(trace: np.ndarray) -> float:
    """How many independent draws the mean over `trace` (T, M) is worth: a scalar after each of T sweeps in M chains.

    T M / tau with tau = 1 + 2 sum of rho_t, the autocorrelations estimated from all chains together,
    rho_t = 1 - (W - mean autocovariance at lag t) / V, where W is the mean variance within the chains and V = W (T - 1) / T
    plus the variance of their means. The sum ends where a pair rho_2t + rho_2t+1 is no longer positive, and pairs are not
    let rise (Geyer 1992, Statistical Science 7; Vehtari, Gelman, Simpson, Carpenter and Buerkner 2021, Bayesian
    Analysis 16, equations 3 and 10 to 13). At most T M log10(T M), as there, for anticorrelated draws. One sweep of
    chains is M draws; a scalar that never changes is known from all of them.
    """
    trace = np.asarray(trace, float)
    t, m = trace.shape
    if t == 1 or not np.ptp(trace):
        return float(t * m)
    centred = trace - trace.mean(0)
    size = 1 << (2 * t - 1).bit_length()
    power = np.abs(np.fft.rfft(centred, size, axis=0)) ** 2
    covariance = np.fft.irfft(power, size, axis=0)[:t].mean(1) / t  # biased, as for rho_t it should be
    inside = covariance[0] * t / (t - 1)
    overall = covariance[0] + (trace.mean(0).var(ddof=1) if m > 1 else 0.0)
    rho = 1.0 - (inside - covariance * t / (t - 1)) / overall
    rho[0] = 1.0
    pairs = rho[: t - t % 2].reshape(-1, 2).sum(1)
    ended = np.flatnonzero(pairs <= 0)
    pairs = np.minimum.accumulate(pairs[: ended[0] if len(ended) else None])
    tau = max(2.0 * pairs.sum() - 1.0, 1.0 / np.log10(max(t * m, 10)))
    return float(t * m / tau)
