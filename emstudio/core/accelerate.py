"""SQUAREM: three EM steps in one, the third from a point far along the direction of the first two; it never falls behind.

With theta_1 = M(theta_0), theta_2 = M(theta_1), r = theta_1 - theta_0, v = (theta_2 - theta_1) - r and the step length
a = |r| / |v|, the third step starts at theta_0 + 2 a r + a^2 v, all in unconstrained coordinates; a = 1 is theta_2 itself.
Source: Varadhan and Roland 2008, Scandinavian Journal of Statistics 35 (scheme S3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.errors import Degenerate, UserError
from emstudio.core.how import SOFT
from emstudio.core.model import Model, Params
from emstudio.core.posterior import Posterior
from emstudio.core.stopping import remaining_gain

_GROWTH = 4.0  # of the cap on the step length, where it is hit; its inverse where a jump was no good
_REMEMBERED = 32  # step lengths, and twice as many objectives, from which the rate of convergence is judged
_JUDGED = 4  # estimates of what is left, the largest of which counts
_ROUND_OFF = 1e-15
_FARTHEST = 1e6  # coordinates beyond this (the log of a weight that is dying out) are not extrapolated
_NO_DRAWS = np.random.default_rng(0)  # the soft E-step draws nothing


@dataclass(frozen=True)
class Acceleration:
    """What a cycle leaves to the next: the cap on the step length, the last step lengths, the objective after the last
    cycles, and what each of these had still to gain as far as could be told."""

    cap: float = 1.0
    lengths: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    estimates: tuple[float, ...] = ()

    @property
    def left(self) -> float | None:
        """What the objective has still to gain: the largest of the last estimates, as cycles gain by fits and starts."""
        return max(self.estimates, default=None)


def _estimate(gain: float, lengths: tuple[float, ...], levels: tuple[float, ...]) -> float:
    """The larger of two estimates of what is left; infinite before two cycles.

    The gain of one EM step times half the largest recent step length: 1 / (1 - rate of EM) is as long as the longest step
    that pays. On a long ridge only one cycle in ten or twenty takes it, the others straighten what the jump stirred up;
    so many cycles are remembered. Aitken's estimate is taken as well, of the later and the earlier half of them.
    """
    half = (len(levels) - 1) // 2
    if half < 1:
        return math.inf
    now, middle, first = (levels[i] for i in (-1, -1 - half, -1 - 2 * half))
    still = abs(now - middle) <= _ROUND_OFF * abs(now)
    ahead = abs(now - middle) if still else remaining_gain(middle - first, now - middle)
    return max(abs(gain) * max(lengths) / 2, ahead)


def cycle(
    model: Model, data: Dataset, params: Params, posterior: Posterior, before: Acceleration, resp: bool
) -> tuple[Params, Posterior, Acceleration]:
    """(params after a cycle, the E-step's posterior at them, what the next cycle needs), from `params` and their posterior.

    The objective is never below that of two plain EM steps. Degenerate where the first M-step would lose a component.
    """

    def e_step(at: Params, shares: bool = False) -> Posterior:
        return model.e_step(data, at, SOFT, _NO_DRAWS, shares)

    def objective(at: Params, q: Posterior) -> float:
        assert q.log_likelihood is not None
        return q.log_likelihood + model.penalty(at, q)

    def known(
        at: Params, q: Posterior, lengths: tuple[float, ...], cap: float = before.cap
    ) -> tuple[Params, Posterior, Acceleration]:
        levels = (*(before.levels or (level,)), objective(at, q))[-2 * _REMEMBERED - 1 :]
        estimates = (*before.estimates, _estimate(gain, lengths, levels))[-_JUDGED:]
        return at, q, Acceleration(cap, lengths, levels, estimates)

    level = objective(params, posterior)
    one = model.m_step(data, params, posterior)
    q_one = e_step(one)
    gain = objective(one, q_one) - level
    try:
        two = model.m_step(data, one, q_one)
        q_two = e_step(two)
    except (Degenerate, UserError):  # the next cycle meets it in its first step and says so
        return known(one, q_one, before.lengths or (2.0,))
    length, jump = _jump(model, data, params, one, two, before.cap)
    lengths = (*before.lengths, length)[-_REMEMBERED:]
    try:
        three = model.m_step(data, *((two, q_two) if jump is None else (jump, e_step(jump))))
        q_three = e_step(three, resp)
        sound = objective(three, q_three) >= objective(two, q_two)
    except (Degenerate, UserError, np.linalg.LinAlgError, FloatingPointError):
        sound = False
    if not sound:
        return known(two, q_two, lengths, max(1.0, before.cap / _GROWTH))
    cap = before.cap * _GROWTH if length >= before.cap else before.cap
    return known(three, q_three, lengths, cap)


def _jump(
    model: Model, data: Dataset, zero: Params, one: Params, two: Params, cap: float
) -> tuple[float, Params | None]:
    """(the step length that the two steps suggest, where the third step starts or None for where the second ended)."""
    found = [model.coordinates(data, p) for p in (zero, one, two)]
    c = np.array(found, float)
    if not (np.abs(c) < _FARTHEST).all():
        return 1.0, None
    r = c[1] - c[0]
    v = c[2] - c[1] - r
    size = float(np.linalg.norm(v))
    length = max(1.0, float(np.linalg.norm(r)) / size) if size > 0 else 1.0
    a = min(length, cap)
    if a == 1.0 or not math.isfinite(a):
        return length, None
    try:
        return length, model.at_coordinates(data, c[0] + 2 * a * r + a * a * v, two)
    except (UserError, np.linalg.LinAlgError):
        return length, None
