"""Missing cells in the Gaussian E-step: densities of the known cells, moments of the missing ones given the known.

For a row with known cells o and missing cells m: E[x_m | x_o] = mu_m + B (x_o - mu_o) with B = Sigma_mo Sigma_oo^-1, and
Cov[x_m | x_o] = Sigma_mm - B Sigma_om is added to the scatter.
Source: Ghahramani and Jordan 1994, Advances in Neural Information Processing Systems 6.
"""

from __future__ import annotations

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.family import Evaluator
from emstudio.core.frame import Frame, frame_of
from emstudio.core.gaussian_types import LOG_2PI, Normal, Scatter, factors

_FAR = 1e3  # squared jump of a mean over its variance beyond which the moments are taken again


def patterns(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """((p, d) the different patterns of missing cells, (n,) which of them each row has)."""

    def make() -> tuple[np.ndarray, np.ndarray]:
        assert data.mask is not None
        found, which = np.unique(data.mask, axis=0, return_inverse=True)
        return found, which.reshape(-1)

    return data.memo("patterns of missing cells", make)


class Marginal(Evaluator):
    """One pass over rows of which cells are missing; what a pattern needs is worked out when it is first met."""

    block = 4096

    def __init__(self, data: Dataset, theta: Normal, diagonal: bool, reference: np.ndarray | None = None):
        self._data, self._theta, self._diagonal = data, theta, diagonal
        self._frame: Frame = frame_of(data)
        self._patterns, self._which = patterns(data)
        self._means, self._covariances = self._frame.points(theta.means), self._frame.covariances(theta.covariances)
        self._reference = self._means if reference is None else reference
        k, d = self._means.shape
        self._known: dict[int, tuple[np.ndarray, ...]] = {}
        self._n, self._s, self._w = np.zeros(k), np.zeros((k, d)), np.zeros((k, d, d))

    def _of(self, pattern: int) -> tuple[np.ndarray, ...]:
        """(known columns, inverse factors U (K, o, o), constants (K,), maps A (K, d, o), covariances (K, d, d)).

        A U (x_o - mu_o) fills a residual; the covariances are those of the cells that are missing.
        """
        if pattern not in self._known:
            missing = self._patterns[pattern]
            at = np.flatnonzero(~missing)
            k, d = self._means.shape
            if not at.size:
                nothing = np.zeros((k, 0, 0))
                self._known[pattern] = (at, nothing, np.zeros(k), np.zeros((k, d, 0)), self._covariances)
            else:
                inverse, log_det = factors(self._covariances[:, at[:, None], at])
                jacobian = np.log(2.0) * float((self._frame.up - self._frame.down)[at].sum())
                constant = -0.5 * (log_det + at.size * LOG_2PI) + jacobian
                fill = self._covariances[:, :, at] @ inverse.transpose(0, 2, 1)
                rest = self._covariances - fill @ fill.transpose(0, 2, 1)
                rest[:, ~missing] = 0.0
                rest[:, :, ~missing] = 0.0
                self._known[pattern] = (at, inverse, constant, fill, rest)
        return self._known[pattern]

    def scores(self, rows: slice) -> np.ndarray:
        which = self._which[rows]
        z = self._frame.z[:, rows]
        out = np.empty((len(self._n), len(which)))
        for pattern in np.unique(which):
            here = np.flatnonzero(which == pattern)
            at, inverse, constant, _, _ = self._of(int(pattern))
            y = inverse @ (z[np.ix_(at, here)][None] - self._means[:, at, None])
            out[:, here] = constant[:, None] - 0.5 * (y**2).sum(1)
        return out

    def add(self, rows: slice, r: np.ndarray) -> None:
        which = self._which[rows]
        z = self._frame.z[:, rows]
        shift = (self._means - self._reference)[:, :, None]
        for pattern in np.unique(which):
            here = np.flatnonzero(which == pattern)
            at, inverse, _, fill, rest = self._of(int(pattern))
            share = r[:, here]
            own = z[np.ix_(at, here)][None]
            d = fill @ (inverse @ (own - self._means[:, at, None])) + shift
            d[:, at] = own - self._reference[:, at, None]
            weighted = d * share[:, None, :]
            counts = share.sum(1)
            self._n += counts
            self._s += weighted.sum(2)
            self._w += weighted @ d.transpose(0, 2, 1) + counts[:, None, None] * rest

    def moments(self) -> Scatter:
        with np.errstate(invalid="ignore", divide="ignore"):
            shift = self._s / self._n[:, None]
        scatter = self._w - self._n[:, None, None] * shift[:, :, None] * shift[:, None, :]
        scatter = np.diagonal(scatter, axis1=1, axis2=2).copy() if self._diagonal else scatter
        return Scatter(self._frame, self._n, self._reference + shift, scatter)

    def again(self) -> Marginal | None:
        if self._reference is not self._means:
            return None
        m = self.moments()
        variance = m.scatter if self._diagonal else np.diagonal(m.scatter, axis1=1, axis2=2)
        jump = self._n[:, None] * (m.means - self._reference) ** 2
        if np.isfinite(m.means).all() and (jump > _FAR * np.maximum(variance, 0.0)).any():
            return Marginal(self._data, self._theta, self._diagonal, m.means)
        return None
