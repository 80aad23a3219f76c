"""Exponential families, their arrays stacked over the K components of a model.

A density is written p(x | theta_k) = h(x) exp(eta_k . T(x) - A_k). Hence the E-step of any mixture is a matrix product and
a softmax, and its M-step needs only the sums of r T(x). A family that has a better route overrides `evaluator`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from emstudio.core.data import Dataset

Theta = Any  # a NamedTuple of arrays stacked over K

NEVER = -1e30  # the log of a probability of 0: finite, so that 0 x log 0 is 0
IMPOSSIBLE = -1e29  # a sum of logarithms below has a NEVER in it: the density is 0


@dataclass(frozen=True, eq=False)
class Moments:
    """The sufficient statistics of a posterior: `counts` (K,) = sum of r, `sums` (K, p) = sum of r T, and per component
    `carrier` (K,) = sum of r log h."""

    counts: np.ndarray
    sums: np.ndarray
    carrier: np.ndarray


class Family:
    """What a family must say of itself: five short methods; the rest follows.

    One that is no exponential family says `log_density`, `evaluator`, `estimate` and `sample` instead.
    """

    exponential: ClassVar[bool] = True

    def stats(self, x: np.ndarray) -> np.ndarray:
        """T(x): (n, d) -> (n, p)."""
        raise NotImplementedError

    def natural(self, theta: Theta) -> np.ndarray:
        """eta: (K, p)."""
        raise NotImplementedError

    def log_partition(self, theta: Theta) -> np.ndarray:
        """A: (K,)."""
        raise NotImplementedError

    def carrier(self, x: np.ndarray) -> np.ndarray:
        """log h(x): (n,)."""
        raise NotImplementedError

    def mle(self, counts: np.ndarray, sums: np.ndarray, previous: Theta | None) -> Theta:
        """The maximum likelihood theta from counts (K,) and sums (K, p); `previous` starts iterative shapes."""
        raise NotImplementedError

    # -- what follows --------------------------------------------------------------------------------------------------
    def log_density(self, x: np.ndarray, theta: Theta) -> np.ndarray:
        """log p(x | theta_k): (n, K)."""
        return self.stats(x) @ self.natural(theta).T - self.log_partition(theta) + self.carrier(x)[:, None]

    def evaluator(self, data: Dataset, theta: Theta) -> Evaluator:
        """Densities and moments at `theta`, a block of rows at a time."""
        return Evaluator(self, data, theta)

    def sharing(self, data: Dataset, theta: Theta) -> Evaluator:
        """An `evaluator` for responsibilities that follow from its scores by Bayes' rule, and for these alone: a score may
        be another one as low where a component has no part in a row, and what is added there may count for nothing."""
        return self.evaluator(data, theta)

    def estimate(self, moments: Any, previous: Theta | None) -> Theta:
        """The M-step for the family's own parameters."""
        return self.mle(moments.counts, moments.sums, previous)

    def expected(self, moments: Any, theta: Theta) -> np.ndarray:
        """(K,) the sums of r log p(x | theta_k)."""
        eta = self.natural(theta)
        return (moments.sums * eta).sum(1) - moments.counts * self.log_partition(theta) + moments.carrier

    def log_prior(self, moments: Any, theta: Theta) -> float:
        """log p(theta) under the family's prior, but for a constant; the moments of all rows say what the data are like."""
        return 0.0

    def coordinates(self, data: Dataset, theta: Theta) -> np.ndarray | None:
        """Unconstrained coordinates (an array of any shape) in which steps of EM can be stretched, or None."""
        return None

    def at_coordinates(self, data: Dataset, coordinates: np.ndarray, like: Theta) -> Theta:
        """The theta at flat `coordinates`; `like` has its shapes."""
        raise NotImplementedError

    def sample(self, theta: Theta, component: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(n, d) one row for each entry of `component` (n,)."""
        raise NotImplementedError


class Evaluator:
    """One pass over the data at fixed theta: `scores` gives a block's log-densities, `add` takes its responsibilities."""

    block = 8192
    batch = 1  # whole blocks that threads should take at once; their scores are (blocks, K, block)
    wide = False  # whether a batch lasts long enough for threads to pay
    totals: tuple[np.ndarray, ...] = ()  # of one that can be forked: the sums that `add` collects

    def __init__(self, family: Family, data: Dataset, theta: Theta):
        self._stats = data.memo(f"{family!r} stats", lambda: family.stats(data.x))
        self._carrier = data.memo(f"{family!r} carrier", lambda: family.carrier(data.x))
        self._eta = family.natural(theta)
        self._partition = family.log_partition(theta)
        k, p = self._eta.shape
        self._counts, self._sums, self._h = np.zeros(k), np.zeros((k, p)), np.zeros(k)

    def scores(self, rows: slice) -> np.ndarray:
        """(K, b) log p(x | theta_k) of the block."""
        return self._eta @ self._stats[rows].T - self._partition[:, None] + self._carrier[rows]

    def weigh(self, log_w: np.ndarray) -> bool:
        """Whether `scores` includes these log-weights (K,) from now on: where constants are at hand they cost no pass.

        `scored` can then be asked for.
        """
        return False

    def scored(self) -> float:
        """The sum of r times scores, log-weights included, over all rows added."""
        raise NotImplementedError

    def fork(self, batch: int) -> Evaluator:
        """Another one at the same theta, with `totals` of its own and buffers for `batch` blocks, for another thread."""
        raise NotImplementedError

    def add(self, rows: slice, r: np.ndarray) -> None:
        """`r` (K, b): responsibilities times row weights."""
        self._counts += r.sum(1)
        self._sums += r @ self._stats[rows]
        self._h += r @ self._carrier[rows]

    def moments(self) -> Moments:
        """The sums of all rows added."""
        return Moments(self._counts, self._sums, self._h)

    def again(self) -> Evaluator | None:
        """An evaluator for a second pass where the first one's moments would be inaccurate, else None."""
        return None
