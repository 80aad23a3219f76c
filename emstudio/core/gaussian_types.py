"""What the routes of the Gaussian engine share: parameters, moments, Cholesky factors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from emstudio.core.data import frozen
from emstudio.core.errors import UserError
from emstudio.core.frame import Frame

LOG_2PI = float(np.log(2.0 * np.pi))


class Normal(NamedTuple):
    """means (K, d) and covariances (K, d, d), in the data's own units."""

    means: np.ndarray
    covariances: np.ndarray


class Singular(UserError):
    """The covariance of `component` has no Cholesky factor in the units of these data."""

    def __init__(self, component: int):
        self.component = component
        what = f"the covariance of component {component} is not positive definite beside these data"
        super().__init__(what, "give the parameters and the data the same units")


@dataclass(frozen=True, eq=False)
class Scatter:
    """Moments in z units: `counts` (K,), `means` (K, d), `scatter` (K, d, d), or (K, d) where only diagonals are needed."""

    frame: Frame
    counts: np.ndarray
    means: np.ndarray
    scatter: np.ndarray


def factors(covariances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(inverse Cholesky factors (K, d, d), log-determinants (K,)), read-only; Singular names the first component without.

    One half-step asks for the same ones several times, so the last few are remembered.
    """
    return _factors(covariances.tobytes(), covariances.shape)


@lru_cache(maxsize=8)
def _factors(memory: bytes, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    covariances = np.frombuffer(memory).reshape(shape)
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    if is_diagonal(covariances) and (variances > 0).all() and np.isfinite(variances).all():
        return frozen(diagonal_matrices(1.0 / np.sqrt(variances))), frozen(np.log(variances).sum(1))
    try:
        chol = np.linalg.cholesky(covariances)
    except np.linalg.LinAlgError:
        chol = np.stack([_cholesky(c, k) for k, c in enumerate(covariances)])
    diagonal = np.diagonal(chol, axis1=1, axis2=2)
    bad = ~(np.isfinite(diagonal) & (diagonal > 0)).all(1)
    if bad.any():
        raise Singular(int(np.argmax(bad)))
    return frozen(np.linalg.inv(chol)), frozen(2.0 * np.log(diagonal).sum(1))


def _cholesky(matrix: np.ndarray, component: int) -> np.ndarray:
    try:
        return np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        raise Singular(component) from None


def is_diagonal(matrices: np.ndarray) -> bool:
    """Whether all off-diagonal entries of (K, d, d) are exactly 0."""
    k, d = matrices.shape[:2]
    return np.count_nonzero(matrices) == np.count_nonzero(matrices.reshape(k, d * d)[:, :: d + 1])


def diagonal_matrices(shaped: np.ndarray) -> np.ndarray:
    """(K, d) diagonals or (K, d, d) matrices -> (K, d, d)."""
    if shaped.ndim == 3:
        return shaped
    k, d = shaped.shape
    out = np.zeros((k, d * d))
    out[:, :: d + 1] = shaped
    return out.reshape(k, d, d)
