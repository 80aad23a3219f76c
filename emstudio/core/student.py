"""The multivariate Student t family: a Gaussian whose precision is scaled by a hidden Gamma variable of each row.

log p(x) = log Gamma((nu + d) / 2) - log Gamma(nu / 2) - (d log(nu pi) + log det Sigma + (nu + d) log(1 + delta / nu)) / 2,
delta = |U (x - mu)|^2, U the inverse Cholesky factor of the scale matrix Sigma. Given x, the hidden scale has the mean
u = (nu + d) / (nu + delta): it is what makes far rows count less.
Source: Peel and McLachlan 2000, Statistics and Computing 10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from emstudio.core.covariance import Covariance
from emstudio.core.data import Dataset
from emstudio.core.family import Evaluator, Family
from emstudio.core.frame import Frame, frame_of
from emstudio.core.gaussian import Gaussian
from emstudio.core.gaussian_types import LOG_2PI, Normal, Scatter, factors
from emstudio.core.prior import NormalPrior

_ELEMENTS = 49152  # of a block's residuals (K d b): what stays in the second-level cache
_FAR = 1e3  # squared jump of a location over its variance beyond which the moments are taken again
MOST_DOF = 1000.0  # free degrees of freedom end here: rows that are normal would raise them for ever
_LEAST_DOF = 0.01
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
    the rows weighted by r u; `dof` (K,) that u was made with.
    """

    frame: Frame
    counts: np.ndarray
    scaled: np.ndarray
    means: np.ndarray
    scatter: np.ndarray
    dof: np.ndarray


@dataclass(frozen=True, eq=False)
class StudentFamily(Family):
    """t components whose scale matrices share what `covariance` says; `dof` None is estimated, for each component."""

    covariance: Covariance
    dof: float | None = None
    floor: float = 0.0
    prior: NormalPrior = NormalPrior()
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
        """One EM step of the hidden scales: it raises the likelihood of the rows, and is no maximum of it.

        Free degrees of freedom stay what they were: `climbed` raises them afterwards.
        """
        before = None if previous is None else Normal(previous.means, previous.covariances)
        scatter = Scatter(moments.frame, moments.counts, moments.means, moments.scatter)
        if not self.prior.flat:
            scatter = self.prior.added(scatter, moments.scaled)
        new = self._normal().estimate(scatter, before)
        return Student(new.means, new.covariances, moments.dof)

    def climbed(self, data: Dataset, theta: Student, resp: np.ndarray) -> Student:
        """`theta` with the degrees of freedom that fit the rows best, weighted by resp (n, K), at its means and scales."""
        delta = np.empty((len(theta.dof), data.n))
        evaluator = StudentPass(frame_of(data), theta, self.covariance.diagonal)
        for i in range(0, data.n, evaluator.block):
            evaluator.scores(slice(i, min(i + evaluator.block, data.n)))
            delta[:, i : i + evaluator.block] = evaluator.delta
        r = resp.T if data.weights is None else resp.T * data.weights
        found = [degrees(delta[k], r[k], float(theta.dof[k]), data.d) for k in range(len(delta))]
        return theta._replace(dof=np.array(found))

    def log_prior(self, moments: StudentMoments, theta: Student) -> float:
        return self.prior.log_density(moments.frame, theta.means, theta.covariances)

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
            dof = np.minimum(dof, np.maximum(MOST_DOF, like.dof))
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
        self._n, self._u, self._s = np.zeros(k), np.zeros(k), np.zeros((k, d))
        self._w = np.zeros((k, d) if diagonal else (k, d, d))

    @property
    def delta(self) -> np.ndarray:
        """(K, b) squared distances of the last block, in scale matrices."""
        return self._delta

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
        return StudentMoments(self._frame, self._n, self._u, means, scatter, self._theta.dof)

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


def degrees(delta: np.ndarray, r: np.ndarray, dof: float, d: int) -> float:
    """The nu up the slope from `dof` at which sum r log t is stationary, or `MOST_DOF`; `delta` (n,) squared distances.

    With u = (nu + d) / (nu + delta) and L(x) = log x - digamma(x) the derivative is half of
    sum r (L(nu / 2) - L((nu + d) / 2) + log u - u + 1). Its sign is followed from `dof` in steps that double, and then the
    root is found in log nu (Brent). Source: Liu and Rubin 1995, Statistica Sinica 5 (ECME).
    """
    from scipy.optimize import brentq

    n = float(r.sum())
    if not (n > 0 and np.isfinite(delta).all()):
        return dof

    def slope(s: float) -> float:
        nu = math.exp(s)
        u = (nu + d) / (nu + delta)
        excess = (d - delta) / (nu + delta)  # u - 1
        far = math.log(nu + d) - np.log(nu + delta)  # there u - 1 rounds to -1, and u to 0
        log_u = np.where(u < 0.5, far, np.log1p(np.maximum(excess, -0.5)))
        ends = log_less_digamma(np.array([0.5 * nu, 0.5 * (nu + d)]))
        return float(ends[0] - ends[1]) + float(r @ (log_u - excess)) / n

    low, high = math.log(_LEAST_DOF), math.log(max(MOST_DOF, dof))
    at = min(max(math.log(dof), low), high)
    here = slope(at)
    step, end = (1.0, high) if here > 0 else (-1.0, low)
    while here and at != end:
        beyond = min(max(at + step, low), high)
        there = slope(beyond)
        if there * here <= 0:
            return math.exp(brentq(slope, at, beyond, xtol=1e-13, rtol=1e-13))
        at, step = beyond, 2.0 * step
    return math.exp(at) if at != math.log(dof) else dof
