"""The route of the Gaussian engine for few columns whose covariances are diagonal: all scores are one matrix product.

Log-densities are rows of natural parameters times [1, z, z^2], which are made once for the data and kept, so an iteration is
little more than two thin matrix products and a softmax. Like all natural parameters these lose digits as eps times the
squared distance from the centre over the variance; components too tight for that go by residuals.
"""

from __future__ import annotations

from copy import copy

import numpy as np

from emstudio.core.family import Evaluator
from emstudio.core.frame import BLOCK, Frame
from emstudio.core.gaussian_types import LOG_2PI, Normal, Scatter
from emstudio.core.residuals import Residuals

LOOSE = 1e3  # the largest mu^2 / variance: parameters keep some 12 digits, likelihoods 15


class Axes(Evaluator):
    """Scores W [1, z, z^2], moments R [1, z, z^2]'. Made by `axes` alone."""

    block = BLOCK

    def __init__(self, frame: Frame, theta: Normal, w: np.ndarray, diagonal: bool):
        self._frame, self._theta, self._w, self._diagonal = frame, theta, w, diagonal
        self._phi = frame.squares
        self._begin()

    def _begin(self) -> None:
        self._sums = np.zeros(self._w.shape)
        self._scores = np.empty((len(self._w), self._phi[0].shape[1]))
        self.totals = (self._sums,)
        self._moments: Scatter | None = None

    def fork(self, batch: int) -> Axes:
        other = copy(self)
        other._begin()
        return other

    def weigh(self, log_w: np.ndarray) -> bool:
        self._w[:, 0] += log_w
        return True

    def scored(self) -> float:
        return float(np.vdot(self._w, self._sums))

    def scores(self, rows: slice) -> np.ndarray:
        phi = self._phi[rows.start // BLOCK]
        return np.matmul(self._w, phi, out=self._scores[:, : phi.shape[1]])

    def add(self, rows: slice, r: np.ndarray) -> None:
        self._sums += r @ self._phi[rows.start // BLOCK].T
        self._moments = None

    def moments(self) -> Scatter:
        if self._moments is None:
            self._moments = self._made()
        return self._moments

    def _made(self) -> Scatter:
        d = self._w.shape[1] // 2
        n, sums, second = self._sums[:, 0], self._sums[:, 1 : 1 + d], self._sums[:, 1 + d :]
        column = n[:, None]
        if np.minimum.reduce(n) > 0:
            means = sums / column
        else:
            with np.errstate(invalid="ignore", divide="ignore"):
                means = sums / column
        scatter = second - sums * means
        return Scatter(self._frame, n, means, scatter if self._diagonal else scatter[:, :, None])

    def again(self) -> Residuals | None:
        m = self.moments()
        if loose(m.means, m.scatter.reshape(m.means.shape), m.counts[:, None] / 10):
            return None
        sound = np.isfinite(m.means).all() and (m.counts > 0).all()
        return Residuals(self._frame, self._theta, self._diagonal, m.means if sound else None)


def loose(means: np.ndarray, variances: np.ndarray, times: np.ndarray | float = 1.0) -> bool:
    """Whether all squared means are below `LOOSE` variances over `times`, in z units: (K, d) both, no variance 0."""
    return bool(np.logical_and.reduce(times * (means * means) < LOOSE * variances, axis=None))


def axes(frame: Frame, theta: Normal, diagonal: bool) -> Axes | None:
    """The route, where covariances are diagonal, components loose and the products small enough to be kept."""
    k, d = theta.means.shape
    if not ((diagonal or d == 1) and frame.keeps(1 + 2 * d)):
        return None
    own = frame.diagonal(theta.covariances)
    if own is None:
        return None
    means = frame.points(theta.means)
    if not loose(means, own.variances):
        return None
    w = np.empty((k, 1 + 2 * d))
    linear = own.precisions * means
    w[:, 0] = -0.5 * (own.log_det + np.add.reduce(linear * means, axis=1) + (d * LOG_2PI - 2.0 * frame.log_jacobian))
    w[:, 1 : 1 + d] = linear
    w[:, 1 + d :] = -0.5 * own.precisions
    return Axes(frame, theta, w, diagonal)
