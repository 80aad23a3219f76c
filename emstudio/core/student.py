"""The multivariate Student t family: a Gaussian whose precision is scaled by a hidden Gamma variable of each row.

log p(x) = log Gamma((nu + d) / 2) - log Gamma(nu / 2) - (d log(nu pi) + log det Sigma + (nu + d) log(1 + delta / nu)) / 2,
delta = |U (x - mu)|^2, U the inverse Cholesky factor of the scale matrix Sigma. Given x, the hidden scale has the mean
u = (nu + d) / (nu + delta): it is what makes far rows count less.
Source: Peel and McLachlan 2000, Statistics and Computing 10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from emstudio.core.covariance import Covariance
from emstudio.core.data import Dataset
from emstudio.core.family import Evaluator, Family
from emstudio.core.frame import Frame, frame_of
from emstudio.core.gaussian import Gaussian
from emstudio.core.gaussian_types import LOG_2PI, Normal, Scatter, factors

_ELEMENTS = 49152  # of a block's residuals (K d b): what stays in the second-level cache
_FAR = 1e3  # squared jump of a location over its variance beyond which the moments are taken again
_LARGE = 20.0  # arguments from which the series of log Gamma and digamma have all digits of a double


class Student(NamedTuple):
    """means (K, d), covariances (K, d, d), which are the scale matrices, and dof (K,): the degrees of freedom."""

    means: np.ndarray
    covariances: np.ndarray
    dof: np.ndarray


@dataclass(frozen=True, eq=False)
class StudentMoments:
    """Sums of an E-step in z units, besides responsibilities r weighted by the expected scales u.

    `counts` (K,) = sum of r; `scaled` (K,) = sum of r u; `means` (K, d) and `scatter` (K, d, d), or (K, d), are those of
    the rows weighted by r u; `misfit` (K,) = sum of r (log u - u + 1), never positive; `dof` (K,) that u was made with.
    """

    frame: Frame
    counts: np.ndarray
    scaled: np.ndarray
    means: np.ndarray
    scatter: np.ndarray
    misfit: np.ndarray
    dof: np.ndarray


@dataclass(frozen=True, eq=False)
class StudentFamily(Family):
    """t components whose scale matrices share what `covariance` says; `dof` None is estimated, for each component."""

    covariance: Covariance
    dof: float | None = None
    floor: float = 0.0
    exponential: ClassVar[bool] = False

    def _normal(self) -> Gaussian:
        return Gaussian(self.covariance, self.floor)

    def log_density(self, x: np.ndarray, theta: Student) -> np.ndarray:
        inverse, log_det = factors(theta.covariances)
        y = (x[None] - theta.means[:, None, :]) @ inverse.transpose(0, 2, 1)
        d = x.shape[1]
        constant = log_constant(theta.dof, d) - 0.5 * log_det
        half = 0.5 * (theta.dof + d)
        return (constant[:, None] - half[:, None] * np.log1p((y**2).sum(2) / theta.dof[:, None])).T

    def evaluator(self, data: Dataset, theta: Student) -> Evaluator:
        return StudentPass(frame_of(data), theta, self.covariance.diagonal)

    def estimate(self, moments: StudentMoments, previous: Student | None) -> Student:
        """One EM step of the hidden scales: it raises the likelihood of the rows, and is no maximum of it."""
        before = None if previous is None else Normal(previous.means, previous.covariances)
        scatter = Scatter(moments.frame, moments.counts, moments.means, moments.scatter)
        new = self._normal().estimate(scatter, before)
        return Student(new.means, new.covariances, self._degrees(moments))

    def _degrees(self, m: StudentMoments) -> np.ndarray:
        if self.dof is not None:
            return m.dof  # as the start has them, given ones too
        d = m.means.shape[1]
        return degrees(log_less_digamma(0.5 * (m.dof + d)) - m.misfit / m.counts)

    def coordinates(self, data: Dataset, theta: Student) -> np.ndarray:
        """The Gaussian's, and the logarithm of the degrees of freedom where they are free."""
        own = self._normal().coordinates(data, Normal(theta.means, theta.covariances))
        return own if self.dof is not None else np.concatenate([own, np.log(theta.dof)[:, None]], axis=1)

    def at_coordinates(self, data: Dataset, coordinates: np.ndarray, like: Student) -> Student:
        table = coordinates.reshape(len(like.dof), -1)
        dof = like.dof
        if self.dof is None:
            with np.errstate(over="ignore"):
                dof, table = np.exp(table[:, -1]), table[:, :-1]
        own = self._normal().at_coordinates(data, table.ravel(), Normal(like.means, like.covariances))
        return Student(own.means, own.covariances, dof)

    def sample(self, theta: Student, component: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        chol = np.linalg.cholesky(theta.covariances)
        noise = rng.standard_normal((len(component), theta.means.shape[1]))
        half = 0.5 * theta.dof[component]
        scale = rng.standard_gamma(half) / half
        y = (chol[component] @ noise[:, :, None])[:, :, 0]
        return theta.means[component] + y / np.sqrt(scale)[:, None]


class StudentPass(Evaluator):
    """Densities from residuals U (z - mu); moments about the old location or, in a second pass, about the new one."""

    def __init__(self, frame: Frame, theta: Student, diagonal: bool, reference: np.ndarray | None = None):
        self._frame, self._theta, self._diagonal = frame, theta, diagonal
        self._inverse, log_det = factors(frame.covariances(theta.covariances))
        k, d = theta.means.shape
        self._means = frame.points(theta.means)
        self._reference = self._means if reference is None else reference
        self._second = reference is not None
        self._dof = theta.dof[:, None]
        self._half = 0.5 * (self._dof + d)
        self._constant = (log_constant(theta.dof, d) - 0.5 * log_det + frame.log_jacobian)[:, None]
        self.block = int(max(512, min(16384, _ELEMENTS // max(1, k * d))))
        self._d = np.empty((k, d, 0))
        self._delta = np.empty((k, 0))
        self._n, self._u, self._misfit, self._s = np.zeros(k), np.zeros(k), np.zeros(k), np.zeros((k, d))
        self._w = np.zeros((k, d) if diagonal else (k, d, d))

    def scores(self, rows: slice) -> np.ndarray:
        z = self._frame.z[:, rows]
        self._d = z[None] - self._means[:, :, None]
        self._delta = ((self._inverse @ self._d) ** 2).sum(1)
        return self._constant - self._half * np.log1p(self._delta / self._dof)

    def add(self, rows: slice, r: np.ndarray) -> None:
        d = self._d if not self._second else self._frame.z[:, rows][None] - self._reference[:, :, None]
        p = d.shape[1]
        excess = (p - self._delta) / (self._dof + self._delta)  # u - 1
        ru = r * (1.0 + excess)
        self._n += r.sum(1)
        self._u += ru.sum(1)
        self._misfit += np.einsum("kb,kb->k", r, np.log1p(excess) - excess)
        weighted = d * ru[:, None, :]
        self._s += weighted.sum(2)
        if self._diagonal:
            self._w += np.einsum("kdb,kdb->kd", weighted, d)
        else:
            self._w += weighted @ d.transpose(0, 2, 1)

    def moments(self) -> StudentMoments:
        with np.errstate(invalid="ignore", divide="ignore"):
            shift = self._s / self._u[:, None]
        if self._diagonal:
            scatter = self._w - self._u[:, None] * shift**2
        else:
            scatter = self._w - self._u[:, None, None] * shift[:, :, None] * shift[:, None, :]
        means = self._reference + shift
        return StudentMoments(self._frame, self._n, self._u, means, scatter, self._misfit, self._theta.dof)

    def again(self) -> StudentPass | None:
        if self._second:
            return None
        m = self.moments()
        variance = m.scatter if self._diagonal else np.diagonal(m.scatter, axis1=1, axis2=2)
        jump = self._u[:, None] * (m.means - self._reference) ** 2
        if np.isfinite(m.means).all() and (jump > _FAR * np.maximum(variance, 0.0)).any():
            return StudentPass(self._frame, self._theta, self._diagonal, m.means)
        return None


# -- the Gamma function ------------------------------------------------------------------------------------------------
def log_constant(dof: np.ndarray, d: int) -> np.ndarray:
    """(K,) log Gamma((nu + d) / 2) - log Gamma(nu / 2) - d log(nu pi) / 2, without cancellation for large nu."""
    from scipy.special import gammaln

    a, h = 0.5 * np.asarray(dof, float), 0.5 * d
    small = np.minimum(a, _LARGE)
    direct = gammaln(small + h) - gammaln(small) - h * np.log(small)
    large = np.maximum(a, _LARGE)
    series = (large + h - 0.5) * np.log1p(h / large) - h + _stirling(large + h) - _stirling(large)
    return np.where(a < _LARGE, direct, series) - h * LOG_2PI


def _stirling(x: np.ndarray) -> np.ndarray:
    """log Gamma(x) less (x - 1/2) log x - x + log(2 pi) / 2."""
    y = 1.0 / (x * x)
    return (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y / 1188)))) / x


def log_less_digamma(x: np.ndarray) -> np.ndarray:
    """log x - digamma(x), between 1 / (2 x) and 1 / x, for x > 0."""
    from scipy.special import digamma

    small, large = np.minimum(x, _LARGE), np.maximum(x, _LARGE)
    y = 1.0 / (large * large)
    series = 0.5 / large + y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132))))
    return np.where(x < _LARGE, np.log(small) - digamma(small), series)


def _slope(x: np.ndarray) -> np.ndarray:
    """The derivative of log x - digamma(x)."""
    from scipy.special import zeta

    small, large = np.minimum(x, _LARGE), np.maximum(x, _LARGE)
    y = 1.0 / (large * large)
    series = -y * (0.5 + (1 / 6 - y * (1 / 30 - y * (1 / 42 - y * (1 / 30 - y * 5 / 66)))) / large)
    return np.where(x < _LARGE, 1.0 / small - zeta(2.0, small), series)


def degrees(c: np.ndarray) -> np.ndarray:
    """(K,) nu with log(nu / 2) - digamma(nu / 2) = c > 0, by Newton's method on the reciprocals, within its bracket.

    1 / (log x - digamma(x)) is nearly a straight line, and x lies between 1 / (2 c) and 1 / c.
    """
    c = np.maximum(np.asarray(c, float), 1e-300)
    low, high = 0.5 / c, 1.0 / c
    x = 0.5 * (low + high)
    for _ in range(60):
        f = log_less_digamma(x)
        low, high = np.where(f > c, x, low), np.where(f > c, high, x)  # f falls with x
        with np.errstate(all="ignore"):
            step = x + (f - c) * f / (c * -_slope(x))
        new = np.where((step > low) & (step < high), step, 0.5 * (low + high))
        done = np.abs(new - x) <= 4e-16 * x
        x = new
        if done.all():
            break
    return 2.0 * x
