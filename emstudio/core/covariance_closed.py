"""The covariance families whose M-step has a closed form, and what all families are made of.

Each takes scatter `w` (K, d, d), or its diagonals (K, d), and counts `n` (K,). Source: Celeux and Govaert 1995.
"""

from __future__ import annotations

import numpy as np


def repeated(one: np.ndarray, k: int) -> np.ndarray:
    """(K, d, d) of one matrix (d, d)."""
    return np.repeat(one[None], k, axis=0)


def geometric_mean(values: np.ndarray) -> np.ndarray:
    """(...,) over the last axis; 0 where a value is 0 or (by round-off) below."""
    return np.exp(np.log(np.maximum(values, 0.0)).mean(-1))


def roots(w: np.ndarray) -> np.ndarray:
    """(K, d, d) R_k with R_k' R_k = W_k.

    What is computed from a root keeps eps sqrt(condition) where the matrix itself keeps eps times the condition.
    """
    try:
        return np.linalg.cholesky(w).transpose(0, 2, 1)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(w)
        return np.sqrt(np.maximum(values, 0.0))[:, :, None] * vectors.transpose(0, 2, 1)


def eigen(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(eigenvalues (K, d), the largest first; eigenvectors (K, d, d) in columns) of symmetric matrices without negative
    eigenvalues."""
    _, s, v = np.linalg.svd(roots(w))
    return s**2, v.transpose(0, 2, 1)


def composed(vectors: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(K, d, d) D_k diag(values_k) D_k' of orientations (K, d, d), or one for all (d, d), and values (K, d)."""
    return (vectors * values[:, None, :]) @ np.swapaxes(vectors, -1, -2)


# -- diagonal ----------------------------------------------------------------------------------------------------------
def eii(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    """Sigma_k = lambda I: lambda = sum_k tr W_k / (n d)."""
    return np.full(w.shape, w.mean(1).sum() / n.sum())


def vii(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    """Sigma_k = lambda_k I: lambda_k = tr W_k / (n_k d)."""
    return np.repeat((w.mean(1) / n)[:, None], w.shape[1], axis=1)


def eei(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    """Sigma_k = lambda A = sum_k diag W_k / n."""
    return repeated(w.sum(0) / n.sum(), len(n))


def evi(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    """Sigma_k = lambda A_k: A_k = diag W_k / |diag W_k|^(1/d), lambda = sum_k |diag W_k|^(1/d) / n."""
    volumes = geometric_mean(w)
    return w / volumes[:, None] * (volumes.sum() / n.sum())


def vvi(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    """Sigma_k = lambda_k A_k = diag W_k / n_k."""
    return w / n[:, None]


# -- full --------------------------------------------------------------------------------------------------------------
def eee(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    """Sigma_k = Sigma = sum_k W_k / n."""
    return repeated(w.sum(0) / n.sum(), len(n))


def eev(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    """Sigma_k = lambda D_k A D_k': D_k the eigenvectors of W_k, lambda A = the sum of their eigenvalues / n."""
    values, vectors = eigen(w)
    return composed(vectors, eei(values, n, None))


def evv(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    """Sigma_k = lambda C_k: C_k = W_k / |W_k|^(1/d), lambda = sum_k |W_k|^(1/d) / n."""
    volumes = geometric_mean(eigen(w)[0])
    return w / volumes[:, None, None] * (volumes.sum() / n.sum())


def vvv(w: np.ndarray, n: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    """Sigma_k = W_k / n_k."""
    return w / n[:, None, None]
