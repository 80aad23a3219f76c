"""Orthogonal axes common to several scatter matrices, found by turning planes.

W_k = R_k' R_k, and the axes d_j act on the roots: y_jk = R_k d_j, |y_jk|^2 the scatter of component k along axis j. Planes
without a common axis are turned at once. Turning (p, q) by t gives (a + c)/2 + (a - c)/2 cos 2t + b sin 2t along p, where a
and c are the scatters along p and q, and b = y_p . y_q.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

Strength = Callable[[np.ndarray], np.ndarray]  # (K, d) scatter along the axes -> (K,)

_GAIN = 1e-23  # of the objective, relative: angles are then settled to some 1e-12
_SETTLED = 1e-9  # an angle whose square is round-off: what is left after such a turn is its square
_TURNS = 120  # rounds of turns after which a search that still moves goes on in the next M-step
_JOINT_SWEEPS = 30


def common_axes(r: np.ndarray, strength: Strength, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(D (d, d), scatter (K, d) along its columns) that minimise sum_k f_k(log |y_1k|^2, ..., log |y_dk|^2), from `start`.

    `strength` gives the derivative s_k of the objective by log |y_jk|^2, the same for all axes j of component k. A tangent
    majorises the logarithm, so sum_k s_k |y_jk|^2 / (its present value) majorises the objective, and each turn is the exact
    minimum of that over the planes' angles: the objective never rises.
    Sources: Browne and McNicholas 2014 (majorisation over the orthogonal group); Flury and Gautschi 1986, SIAM Journal on
    Scientific and Statistical Computing 7 (turning planes).
    """
    d = len(start)
    axes, y = start.T.copy(), _seen(r, start)
    w = _squares(y)
    for _ in range(min(100, 5 + _TURNS // d)):
        gain = 0.0
        for p, q in rounds(d):
            a, c, s = w[p], w[q], strength(w.T)
            lean = s / s.sum() * (1.0 / a - 1.0 / c)
            first, second = y[p], y[q]
            flat, steep = 0.5 * (lean * (c - a)).sum(1), (lean * _dot(first, second)).sum(1)
            if not (np.isfinite(flat).all() and np.isfinite(steep).all()):
                return _found(r, axes)
            gain += float((steep**2 / np.maximum(flat + np.hypot(flat, steep), np.finfo(float).tiny)).sum())
            angle = 0.5 * np.arctan2(-steep, flat)
            y[p], y[q] = first, second = turned(first, second, angle)
            w[p], w[q] = _squares(first), _squares(second)
            axes[p], axes[q] = turned(axes[p], axes[q], angle)
        if gain < _GAIN:
            break
    return _found(r, axes)


def joint_axes(r: np.ndarray) -> np.ndarray:
    """(d, d) whose columns come near to diagonalising every R_k' R_k, and do so to round-off where that is possible.

    Each turn is the best one for the planes' products b, each over its own a + c.
    Source: Cardoso and Souloumiac 1996, SIAM Journal on Matrix Analysis 17.
    """
    size = np.sqrt((r**2).sum((1, 2)))
    r = r / np.where(size > 0, size, 1.0)[:, None, None]
    start = np.linalg.svd(r.reshape(-1, r.shape[2]), full_matrices=False)[2].T
    axes, y = start.T.copy(), _seen(r, start)
    for _ in range(_JOINT_SWEEPS):
        largest = 0.0
        for p, q in rounds(len(axes)):
            first, second = y[p], y[q]
            a, c = _squares(first), _squares(second)
            whole = np.where(a + c > 0, a + c, 1.0)
            across, along = (a - c) / whole, 2.0 * _dot(first, second) / whole
            angle = 0.25 * np.arctan2(2.0 * (across * along).sum(1), (across**2 - along**2).sum(1))
            largest = max(largest, float((np.abs(angle) * np.sqrt((across**2 + along**2).sum(1))).max()))
            y[p], y[q] = turned(first, second, angle)
            axes[p], axes[q] = turned(axes[p], axes[q], angle)
        if largest < _SETTLED:
            break
    return _orthonormal(axes)


def turned(first: np.ndarray, second: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The arrays (m, ...) turned towards each other, each pair of rows by its own `angle` (m,)."""
    shape = (-1,) + (1,) * (first.ndim - 1)
    cos, sin = np.cos(angle).reshape(shape), np.sin(angle).reshape(shape)
    return cos * first + sin * second, cos * second - sin * first


@lru_cache(maxsize=64)
def rounds(d: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """All pairs of d axes, in rounds of pairs without a common axis (as in a tournament)."""
    players = list(range(d + d % 2))
    half = len(players) // 2
    made = []
    for _ in range(len(players) - 1):
        pairs = [(a, b) for a, b in zip(players[:half], players[: half - 1 : -1]) if max(a, b) < d]
        made.append((np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])))
        players = [players[0], players[-1], *players[1:-1]]
    return tuple(made) if d > 1 else ()


def _seen(r: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """(d, K, d) y_jk = R_k d_j, the axes d_j in the columns of `axes`."""
    return np.ascontiguousarray((r @ axes).transpose(2, 0, 1))


def _dot(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.einsum("mkd,mkd->mk", x, y)


def _squares(y: np.ndarray) -> np.ndarray:
    return _dot(y, y)


def _orthonormal(axes: np.ndarray) -> np.ndarray:
    """The rows as columns, without the round-off of many turns."""
    return np.linalg.qr(axes.T)[0]


def _found(r: np.ndarray, axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    d = _orthonormal(axes)
    return d, ((r @ d) ** 2).sum(1)
