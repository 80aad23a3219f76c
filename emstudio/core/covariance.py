"""Covariance families: what the K covariances share, each one small function of the scatter matrices.

Names are mclust's: volume, shape and orientation are Equal, Variable or Identity. Scatter matrices are
W_k = sum of r (x - mean_k)(x - mean_k)', n_k = sum of r.
Source of the closed forms: Celeux and Govaert 1995, Pattern Recognition 28.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Shape = Callable[[np.ndarray, np.ndarray, "np.ndarray | None"], np.ndarray]


@dataclass(frozen=True)
class Covariance:
    """`shape(W, n, previous)` maps scatter (K, d, d) - or its diagonals (K, d) where `diagonal` - and n (K,) to the same
    shape of covariances; `free(k, d)` counts the free parameters; `shared` where one matrix serves all components."""

    name: str
    alias: str
    title: str
    diagonal: bool
    shared: bool
    shape: Shape
    free: Callable[[int, int], int]


def _vvv(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    return w / n[:, None, None]


def _eee(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    return np.repeat((w.sum(0) / n.sum())[None], len(n), axis=0)


def _vvi(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    return w / n[:, None]


def _vii(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    return np.repeat((w.mean(1) / n)[:, None], w.shape[1], axis=1)


COVARIANCES = {
    c.name: c
    for c in (
        Covariance("VVV", "full", "Full (VVV)", False, False, _vvv, lambda k, d: k * d * (d + 1) // 2),
        Covariance("EEE", "tied", "Tied (EEE)", False, True, _eee, lambda k, d: d * (d + 1) // 2),
        Covariance("VVI", "diag", "Diagonal (VVI)", True, False, _vvi, lambda k, d: k * d),
        Covariance("VII", "spherical", "Spherical (VII)", True, False, _vii, lambda k, d: k),
    )
}
