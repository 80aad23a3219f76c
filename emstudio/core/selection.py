"""Figures to choose between fits by: information criteria (lower is better) and agreement with a known grouping."""

from __future__ import annotations

import math

import numpy as np


def bic(log_likelihood: float, free: int, n: float) -> float:
    """-2 log L + df ln n, with n the sum of the row weights. Schwarz 1978, Annals of Statistics 6."""
    return -2.0 * log_likelihood + free * math.log(n)


def aic(log_likelihood: float, free: int) -> float:
    """-2 log L + 2 df. Akaike 1974, IEEE Transactions on Automatic Control 19."""
    return -2.0 * log_likelihood + 2.0 * free


def certainty(resp: np.ndarray, weights: np.ndarray | None = None) -> float:
    """log P(the most probable assignment of all rows | x): the sum of w log(largest responsibility), `resp` (n, K)."""
    certain = np.log(resp.max(axis=1))
    return float(certain.sum() if weights is None else certain @ weights)


def icl(bic: float, certainty: float) -> float:
    """BIC - 2 log P(the most probable assignment of all rows | x), the logarithm being `certainty`.

    Of a mixture every row is counted for its most probable component, of a chain its most probable path.
    Biernacki, Celeux and Govaert 2000, IEEE Transactions on Pattern Analysis and Machine Intelligence 22.
    """
    return float(bic - 2.0 * certainty)


def adjusted_rand(a: np.ndarray, b: np.ndarray) -> float | None:
    """Agreement of two groupings of the same rows, 0 at chance and 1 when alike; None for fewer than two rows.

    `a` and `b` (n,) hold any integers; rows where either is negative are left out.
    Hubert and Arabie 1985, Journal of Classification 2.
    """
    known = (a >= 0) & (b >= 0)
    a, b = a[known], b[known]
    n = a.size
    if n < 2:
        return None
    i, j = np.unique(a, return_inverse=True)[1], np.unique(b, return_inverse=True)[1]
    table = np.bincount(i * (j.max() + 1) + j, minlength=(i.max() + 1) * (j.max() + 1)).reshape(i.max() + 1, -1)

    def pairs(counts: np.ndarray) -> float:
        counts = counts.astype(float)
        return float((counts * (counts - 1)).sum() / 2)

    together, in_a, in_b = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    expected = in_a * in_b / (n * (n - 1) / 2)
    most = (in_a + in_b) / 2
    # both groupings in one group, or every row alone in both: alike, and the formula is 0 / 0
    return 1.0 if most == expected else (together - expected) / (most - expected)


def levels_matched(codes: np.ndarray, levels: int, resp: np.ndarray | None) -> np.ndarray:
    """(levels,) the component whose colour each level of the truth takes: the assignment that shares most responsibility.

    `codes` (n,) are levels from 0, -1 where missing; `resp` (n, K). Levels that no component is left for get K, K + 1 ...
    """
    from scipy.optimize import linear_sum_assignment

    if resp is None:
        return np.arange(levels)
    known = (codes >= 0) & np.isfinite(resp).all(axis=1)
    shared = np.zeros((levels, resp.shape[1]))
    np.add.at(shared, codes[known], resp[known])
    rows, columns = linear_sum_assignment(-shared)
    order = np.full(levels, -1)
    order[rows] = columns
    left = order < 0
    order[left] = resp.shape[1] + np.arange(left.sum())
    return order
