"""The covariance families whose M-step has no closed form: two conditional maxima in turn, until nothing moves.

Each half of a round is an exact maximum given the other half, and the first round begins at the previous covariances:
the bound never falls, however early the rounds end (a generalised M-step).
Sources: Celeux and Govaert 1995; Browne and McNicholas 2014, Advances in Data Analysis and Classification 8.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from emstudio.core.covariance_closed import composed, eigen, evi, geometric_mean, roots, vvi
from emstudio.core.orientation import Strength, common_axes, joint_axes

_ROUNDS = 200
_STILL = 1e-14  # a relative change of the volumes that is round-off


# -- one shape for all: volumes and shape in turn ----------------------------------------------------------------------
def vei(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    """Sigma_k = lambda_k A: A = B / |B|^(1/d) with B = sum_k diag W_k / lambda_k; lambda_k = tr(W_k A^-1) / (n_k d)."""
    volumes = w.mean(1) / n if previous is None else geometric_mean(previous)
    for _ in range(_ROUNDS):
        shape = _weighted(w, volumes)
        shape /= geometric_mean(shape)
        volumes, before = (w / shape).mean(1) / n, volumes
        if _still(volumes, before):
            break
    return volumes[:, None] * shape


def vee(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    """Sigma_k = lambda_k C, |C| = 1: C = B / |B|^(1/d) with B = sum_k W_k / lambda_k; lambda_k = tr(W_k C^-1) / (n_k d).

    Raises LinAlgError where B is singular.
    """
    d = w.shape[1]
    volumes = np.trace(w, axis1=1, axis2=2) / (d * n) if previous is None else _volumes(previous)
    for _ in range(_ROUNDS):
        c = _weighted(w, volumes)
        c /= _volumes(c[None])
        volumes, before = (w * np.linalg.inv(c)).sum((1, 2)) / (d * n), volumes
        if _still(volumes, before):
            break
    return volumes[:, None, None] * c


def vev(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    """Sigma_k = lambda_k D_k A D_k': D_k the eigenvectors of W_k; lambda_k and A as VEI's of their eigenvalues."""
    values, vectors = eigen(w)
    return composed(vectors, vei(values, n, None if previous is None else eigen(previous)[0]))


def _volumes(covariances: np.ndarray) -> np.ndarray:
    """(K,) |Sigma_k|^(1/d)."""
    return geometric_mean(np.diagonal(np.linalg.cholesky(covariances), axis1=1, axis2=2)) ** 2


def _weighted(w: np.ndarray, volumes: np.ndarray) -> np.ndarray:
    """The sum over k of W_k / lambda_k; a component on one point (W_k = 0) has no say in the shape."""
    some = volumes > 0
    return np.tensordot(1.0 / volumes[some], w[some], axes=1)


def _still(volumes: np.ndarray, before: np.ndarray) -> bool:
    return bool((np.abs(volumes - before) <= _STILL * volumes).all())


# -- one orientation for all -------------------------------------------------------------------------------------------
def eve(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    """Sigma_k = lambda D A_k D': given D, EVI of the diagonals of D' W_k D; the axis j of component k then pulls at D
    with the strength |diag D' W_k D|^(1/d) over its own scatter."""
    axes, values = _oriented(w, geometric_mean, previous, lambda v: geometric_mean(v).sum())
    return composed(axes, evi(values, n, None))


def vve(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    """Sigma_k = lambda_k D A_k D': given D, the diagonals of D' W_k D over n_k; the axis j of component k then pulls at D
    with the strength 1 / (lambda_k A_kj), that is, n_k over its own scatter."""
    axes, values = _oriented(w, lambda _: n, previous, lambda v: n @ np.log(v).sum(1))
    return composed(axes, vvi(values, n, None))


def _oriented(
    w: np.ndarray, strength: Strength, previous: np.ndarray | None, cost: Callable[[np.ndarray], float]
) -> tuple[np.ndarray, np.ndarray]:
    """(common axes (d, d), scatter along them (K, d)) that minimise `cost` of that scatter, from the previous axes on.

    There can be several minima. Without previous axes the search begins twice, at the best two of: the axes of the pooled
    scatter, those of each component, and those that come nearest to diagonalising all scatters.
    """
    r = roots(w)
    if previous is not None:
        return common_axes(r, strength, joint_axes(roots(previous)))
    starts = [joint_axes(r), *eigen(np.concatenate([w.sum(0)[None], w]))[1]]
    starts.sort(key=lambda axes: cost(((r @ axes) ** 2).sum(1)))
    return min((common_axes(r, strength, start) for start in starts[:2]), key=lambda end: cost(end[1]))
