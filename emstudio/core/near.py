"""The route of the Gaussian engine for many columns and components that lie apart: most pairs of a row and a component need
no density, as a bound says that the row's responsibility is nothing.

Whatever the projection P, the squared distance of P z from P mu in the metric of P Sigma P' is at most that of z from mu in
that of Sigma. With P the directions in which the means lie farthest apart for their spread (Fisher's discriminants), a
matrix product of few columns bounds all scores from above; what stays within `MARGIN` of a row's best score is computed from
residuals, the rest keeps its bound, whose responsibility is below e^-60 and would change no digit of a sum.
"""

from __future__ import annotations

from copy import copy

import numpy as np

from emstudio.core.family import Evaluator
from emstudio.core.frame import Frame
from emstudio.core.gaussian_types import LOG_2PI, Normal, Scatter, factors
from emstudio.core.natural import Products, kappa
from emstudio.core.residuals import Residuals, jumped

MARGIN = 60.0  # nats below a row's best score from which a component has no part in the row
_SLACK = 1.0  # nats by which the bound may be off for rounding
_DIRECTIONS = 10  # of the projection, at most
_LEAST = 4000  # products of columns times components from which the bound costs little beside them
_SAMPLE = 512  # rows at which it is tried out
_SPARSE = 0.45  # the share of pairs that may be left for the route to pay
_TRUSTED = 1e12  # the largest kappa of a projected component: its bound is then right within the slack
_RARE = 1e-9  # of all rows: what a component with fewer is left with may all lie beyond the margin
_BLOCK = 4096


class Near(Evaluator):
    """Densities of the pairs that matter from residuals U (z - mu), moments about the old means."""

    wide = True
    block = _BLOCK

    def __init__(self, frame: Frame, theta: Normal):
        self._frame, self._theta = frame, theta
        covariances = frame.covariances(theta.covariances)
        inverse, log_det = factors(covariances)
        self._k, self._d = theta.means.shape
        self._means = frame.points(theta.means)
        self._root = np.ascontiguousarray(inverse.transpose(0, 2, 1) * np.sqrt(0.5))
        self._constant = -0.5 * (log_det + self._d * LOG_2PI) + frame.log_jacobian
        self._project = discriminants(self._means, covariances)
        self._bounds = Products(len(self._project), False, self._k)
        means = self._means @ self._project.T
        spread = self._project @ covariances @ self._project.T
        precisions = np.linalg.inv(spread)
        with np.errstate(over="ignore", invalid="ignore"):
            self.trusted = bool((kappa(means, spread, precisions) < _TRUSTED).all())
        self._w = self._bounds.coefficients(means, precisions, self._constant)
        self._cut = self._bounds.cut(self._w)
        self._begin()

    def _begin(self) -> None:
        k, d = self._k, self._d
        self._bounds.reserve(1)
        self._n, self._s, self._q = np.zeros(k), np.zeros((k, d)), np.zeros(1)
        self._scatter = np.zeros((k, d, d))
        self.totals = self._n, self._s, self._scatter, self._q
        self._pairs: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]] = []

    def fork(self, batch: int) -> Near:
        other = copy(self)
        other._bounds = copy(self._bounds)
        other._begin()
        return other

    def weigh(self, log_w: np.ndarray) -> bool:
        self._constant = self._constant + log_w
        self._w[:, 0] += log_w
        self._cut = self._bounds.cut(self._w)
        return True

    def scored(self) -> float:
        return float(self._q[0])

    @property
    def pairs(self) -> int:
        """How many densities the last block needed."""
        return sum(len(rows) for _, rows, _, _ in self._pairs)

    def scores(self, rows: slice) -> np.ndarray:
        return self.scores_of(self._frame.z[:, rows])

    def scores_of(self, z: np.ndarray) -> np.ndarray:
        """(K, b) of z (d, b): scores, or upper bounds of those that are `MARGIN` below the best of their row."""
        self._pairs = []
        out = self._bound(z)
        top = out.max(0)
        label = np.zeros(len(top), np.int16)
        for k in range(1, self._k):
            label[out[k] == top] = k
        by_row = z.T.copy()
        order = np.argsort(label, kind="stable")
        ends = np.searchsorted(label[order], np.arange(self._k + 1))
        own = by_row.take(order, axis=0)
        best = np.empty(len(top))
        for k in range(self._k):
            rows = order[ends[k] : ends[k + 1]]
            if rows.size:
                out[k, rows] = best[rows] = self._pair(k, rows, own[ends[k] : ends[k + 1]])
        close = out > best - (MARGIN + _SLACK)
        close[label, np.arange(len(top))] = False
        for k in np.flatnonzero(close.any(1)):
            rows = np.flatnonzero(close[k])
            out[k, rows] = self._pair(int(k), rows, by_row.take(rows, axis=0))
        return out

    def _bound(self, z: np.ndarray) -> np.ndarray:
        """(K, b) upper bounds of all scores."""
        t = self._project @ z
        out = np.empty((self._k, z.shape[1]))
        for first in range(0, z.shape[1], self._bounds.block):
            part = slice(first, min(first + self._bounds.block, z.shape[1]))
            out[:, part] = self._bounds.scores(self._cut, self._bounds.of(t[:, part]))
        return out

    def _pair(self, k: int, rows: np.ndarray, z: np.ndarray) -> np.ndarray:
        """(m,) the scores of component k at the `rows` of the block, z (m, d); z becomes the distances from the mean."""
        z -= self._means[k]
        y = z @ self._root[k]
        score = self._constant[k] - np.einsum("bd,bd->b", y, y)
        self._pairs.append((k, rows, z, score))
        return score

    def add(self, rows: slice, r: np.ndarray) -> None:
        for k, some, z, score in self._pairs:
            own = r[k].take(some)
            weighted = z * own[:, None]
            self._n[k] += own.sum()
            self._s[k] += weighted.sum(0)
            self._scatter[k] += weighted.T @ z
            self._q[0] += own @ score

    def moments(self) -> Scatter:
        n = self._n
        with np.errstate(invalid="ignore", divide="ignore"):
            shift = self._s / n[:, None]
        scatter = self._scatter - n[:, None, None] * shift[:, :, None] * shift[:, None, :]
        return Scatter(self._frame, n, self._means + shift, scatter)

    def again(self) -> Residuals | None:
        m = self.moments()
        if not (m.counts > _RARE * m.counts.sum()).all():
            return Residuals(self._frame, self._theta, False)
        return Residuals(self._frame, self._theta, False, m.means) if jumped(m, self._means) else None


def near(frame: Frame, theta: Normal) -> Near | None:
    """The route, where it pays: many columns and components, and few pairs that matter among a sample of the rows."""
    k, d = theta.means.shape
    n = frame.z.shape[1]
    if k < 3 or d * (d + 1) // 2 * k < _LEAST or n < 2 * _SAMPLE:
        return None
    try:
        made = Near(frame, theta)
    except np.linalg.LinAlgError:
        return None
    if not made.trusted:
        return None
    made.scores_of(frame.z[:, :: n // _SAMPLE])
    return made if made.pairs <= _SPARSE * k * len(frame.z[0, :: n // _SAMPLE]) else None


def discriminants(means: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    """(m, d) directions in which the means (K, d) lie farthest apart, in units of the average of the covariances (K, d, d).

    These are Fisher's, of components of equal weight; m is below K and at most `_DIRECTIONS`.
    """
    k, d = means.shape
    root = np.linalg.inv(np.linalg.cholesky(covariances.mean(0)))
    apart = (means - means.mean(0)) @ root.T
    return np.linalg.svd(apart, full_matrices=False)[2][: min(k - 1, d, _DIRECTIONS)] @ root
