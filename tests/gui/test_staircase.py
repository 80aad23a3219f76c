"""The shapes of the objective plot: staircases, their reduction to pixels, ranges and ticks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emstudio.gui.staircase import places, reduced, runs, steps, ticks, y_range


def test_each_cell_is_a_step():
    x, y = steps(np.array([1.0, 2.0, 5.0]), first=4)
    assert x.tolist() == [4, 5, 5, 6, 6, 7]
    assert y.tolist() == [1, 1, 2, 2, 5, 5]


@given(st.lists(st.floats(-1e6, 1e6), min_size=60, max_size=400), st.integers(5, 13))
def test_reduction_keeps_every_columns_extremes(values, columns):
    x, y = steps(np.array(values), 0)
    few_x, few_y = reduced(x, y, columns)
    assert len(few_x) <= 2 * columns
    assert (np.diff(few_x) >= 0).all()
    per_cell = columns / x[-1]
    for c in range(columns):
        inside = np.minimum((x * per_cell).astype(int), columns - 1) == c
        kept = np.minimum((few_x * per_cell).astype(int), columns - 1) == c
        assert few_y[kept].min() == y[inside].min() and few_y[kept].max() == y[inside].max()


def test_a_short_line_is_not_reduced():
    x, y = steps(np.arange(5.0), 0)
    assert reduced(x, y, 100)[0] is x


def test_runs_of_known_values():
    assert runs(np.array([True, False, True, True, False])) == [(0, 1), (2, 4)]
    assert runs(np.zeros(3, bool)) == []


def test_a_far_start_does_not_dwarf_the_rest():
    likelihood = np.array([-1644.0, -1644.0, -1256.0, -1207.0, -1169.0, -1130.0])
    early = np.array([True, True, False, False, False, False])
    low, high = y_range(likelihood, np.full(6, np.nan), early)
    assert -1300 < low < -1256 and -1130 < high < -1100


def test_the_first_leap_is_shown_until_there_is_more():
    likelihood, unknown = np.array([-1644.0, -1644.0, -1256.0, -1256.0]), np.full(4, np.nan)
    low, high = y_range(likelihood, unknown, np.array([True, True, False, False]))
    assert low < -1644 and high > -1256


def test_a_near_start_is_shown():
    likelihood = np.array([-1300.0, -1300.0, -1256.0, -1130.0])
    low, high = y_range(likelihood, likelihood, np.array([True, True, False, False]))
    assert low < -1300 and high > -1130


def test_bounds_below_the_log_likelihood_are_in_the_range():
    low, _ = y_range(np.array([-10.0, -9.0]), np.array([-10.0, -14.0]), np.array([True, False]))
    assert low < -14


def test_nothing_known_has_no_range():
    assert y_range(np.full(2, np.nan), np.full(2, np.nan), np.zeros(2, bool)) is None
    assert y_range(np.empty(0), np.empty(0), np.empty(0, bool)) is None


@pytest.mark.parametrize("value", [-1130.26, 0.0, 3e-9, -4.2e150])
def test_a_single_value_has_room_around_it(value):
    low, high = y_range(np.array([value]), np.array([np.nan]), np.array([True]))
    assert low < value < high


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 8))
def test_ticks_are_round_few_and_inside(low, size, most):
    high = low + size
    marks = ticks(low, high, most)
    assert len(marks) <= most + 1
    assert ((marks >= low - 1e-9 * abs(low) - 1e-12) & (marks <= high + 1e-9 * abs(high) + 1e-12)).all()
    if len(marks) > 1:
        gap = (marks[-1] - marks[0]) / (len(marks) - 1)
        mantissa = gap / 10 ** np.floor(np.log10(gap) + 1e-6)
        assert min(abs(mantissa - m) for m in (1, 2, 5, 10)) < 1e-3


@pytest.mark.parametrize(("gap", "decimals"), [(50.0, 0), (1.0, 0), (0.5, 1), (0.1, 1), (0.02, 2), (0.001, 3)])
def test_places_tell_ticks_apart(gap, decimals):
    assert places(gap) == decimals


def test_what_differs_by_round_off_is_one_value():
    same = np.array([-212.80610434642992, -212.80610434642992 * (1 + 2e-16)])
    low, high = y_range(same, same, np.array([True, False]))
    assert high - low > 1.0
