from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from emstudio.core.stopping import KEPT, MEASURES, Stopping, largest_change, remaining_gain


def test_aitken_is_exact_for_a_geometric_climb() -> None:
    limit, rho = -100.0, 0.9
    climb = [limit - rho**t for t in range(40)]
    left = remaining_gain(climb[-2] - climb[-3], climb[-1] - climb[-2])
    assert left == pytest.approx(limit - climb[-1], rel=1e-9)


def test_a_climb_that_does_not_slow_down_is_never_converged() -> None:
    assert remaining_gain(1e-12, 1e-12) == math.inf
    assert remaining_gain(1e-12, 2e-12) == math.inf
    assert Stopping(tol=1e9).verdict([0.0, 1.0, 2.5], 1.0).stop is None


def test_round_off_is_its_own_size() -> None:
    assert remaining_gain(1e-13, -2e-13) == pytest.approx(2e-13)


def test_the_measure_is_per_unit_of_weight_and_strictly_below() -> None:
    rule = Stopping("likelihood", tol=0.5)
    assert rule.verdict([0.0, 1.0], 2.0).stop is None
    assert rule.verdict([0.0, 1.0], 2.01).converged


@pytest.mark.parametrize("measure", [m for m, _, _ in MEASURES])
def test_tolerance_zero_never_stops_even_at_a_fixed_point(measure: str) -> None:
    params = [(np.ones(2), np.zeros((2, 2)))] * 2
    assert Stopping(measure, tol=0.0).verdict([-5.0, -5.0, -5.0], 10.0, params).stop is None


def test_a_fixed_point_converges_under_any_positive_tolerance() -> None:
    assert Stopping(tol=1e-300).verdict([-5.0, -5.0], 10.0).converged


def test_too_early_to_tell() -> None:
    assert Stopping().verdict([-5.0], 10.0).measure is None
    assert Stopping().verdict([-5.0, -4.0], 10.0).measure is None
    assert Stopping().verdict([-5.0, None, -4.0], 10.0).measure is None


def test_the_change_of_parameters_is_relative_to_each_array() -> None:
    before = (np.array([0.5, 0.5]), np.array([[1000.0, 2000.0]]))
    after = (np.array([0.5, 0.5]), np.array([[1000.0, 2002.0]]))
    assert largest_change(before, after) == pytest.approx(2 / 2002)


def test_the_reason_says_the_numbers() -> None:
    verdict = Stopping("likelihood", tol=1e-8).verdict([0.0, 3e-9], 1.0)
    assert verdict.reason == "change 3e-9 below 1e-8"
    assert Stopping(max_iter=7).exhausted(7).reason.startswith("stopped after 7 iterations")
    assert Stopping(max_iter=7).exhausted(6) is None


def test_what_is_below_the_tolerance_reads_so() -> None:
    rule = Stopping("likelihood", tol=1e-8)
    assert rule.verdict([-1.0, -1.0 + 9.96e-9], 1.0).reason.endswith(" 9.96e-9 below 1e-8")
    assert rule.verdict([-1.0, -1.0 + 3.01e-9], 1.0).reason.endswith(" 3e-9 below 1e-8")


def climb(*modes: tuple[float, float], steps: int = 4) -> list[float]:
    """An objective below 0 by the sum of gap * rate^t over the modes."""
    return [-100.0 - sum(gap * rate**t for gap, rate in modes) for t in range(steps)]


def test_a_fast_change_that_hides_a_slow_one_is_not_the_end() -> None:
    """A gap of 5e-7 closes at the rate 0.97 beneath one that closes fast: single estimates fall far below what is left."""
    path = climb((0.5, 0.05), (2e-7, 0.97), steps=80)
    single = [remaining_gain(b - a, c - b) for a, b, c in zip(path, path[1:], path[2:])]
    left = [-100.0 - level for level in path[2:]]
    assert any(s < 0.3 * real for s, real in zip(single, left))
    rule = Stopping(tol=1e-7)
    stops = [t for t in range(2, 80) if rule.verdict(path[: t + 1], 1.0).stop]
    assert stops and all(-100.0 - path[t] < 1e-7 for t in stops)
    assert rule.verdict(path[max(0, stops[0] + 1 - KEPT) : stops[0] + 1], 1.0).converged  # so many are enough


def test_slowing_down_beside_a_saddle_is_not_the_end() -> None:
    """The gains fall, and then rise again, as what leads away from the saddle doubles with each iteration."""
    gains = [1.0 * 0.1**t + 1e-12 * 4.0**t for t in range(16)]
    path = [-100.0, *(-100.0 + np.cumsum(gains)).tolist()]
    assert min(remaining_gain(a, b) for a, b in pairwise(gains)) < 1e-6
    assert not any(Stopping(tol=1e-6).verdict(path[:t], 1.0).stop for t in range(1, len(path)))


def test_where_only_round_off_is_left_nothing_is_waited_for() -> None:
    assert Stopping().verdict([-180.0, -170.0, -170.0 + 2e-13, -170.0 + 5e-13], 10.0).converged
    assert Stopping().verdict([-180.0, -170.0, -170.0 + 2e-9, -170.0 + 3e-9], 10.0).stop is None
