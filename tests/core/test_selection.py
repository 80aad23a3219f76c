"""Information criteria and the adjusted Rand index against their definitions and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from emstudio.core import selection

groupings = st.integers(2, 40).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 4), min_size=n, max_size=n) for _ in range(2)])
)


def test_criteria_by_hand():
    assert selection.bic(-100.0, 5, 50.0) == 200.0 + 5 * math.log(50)
    assert selection.aic(-100.0, 5) == 210.0
    resp = np.array([[0.25, 0.75], [1.0, 0.0]])
    assert selection.icl(10.0, selection.certainty(resp)) == pytest.approx(10 - 2 * math.log(0.75))
    assert selection.icl(10.0, selection.certainty(resp, np.array([3.0, 1.0]))) == pytest.approx(
        10 - 6 * math.log(0.75)
    )


@given(groupings)
def test_adjusted_rand_agrees_with_scikit_learn(pair):
    a, b = map(np.array, pair)
    assert selection.adjusted_rand(a, b) == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)


def test_adjusted_rand_leaves_out_what_is_not_known():
    a, b = np.array([0, 0, 1, 1, -1]), np.array([1, 1, 0, 0, 0])
    assert selection.adjusted_rand(a, b) == 1.0
    assert selection.adjusted_rand(a[:1], b[:1]) is None


def test_levels_of_the_truth_take_the_component_that_shares_most_with_them():
    codes = np.array([0, 0, 1, 1, 1, 2, -1])
    resp = np.array([[0.1, 0.9], [0.2, 0.8], [0.7, 0.3], [0.9, 0.1], [1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    assert selection.levels_matched(codes, 3, resp).tolist() == [1, 0, 2]
    assert selection.levels_matched(codes, 3, None).tolist() == [0, 1, 2]
    unseen = np.full((7, 2), np.nan)
    assert sorted(selection.levels_matched(codes, 2, unseen).tolist()) == [0, 1]
