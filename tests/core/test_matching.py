"""Which component is which: optimal assignment, names that stay, and the order in which a new fit is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

import emstudio.models  # noqa: F401
from emstudio.core.data import dataset, painted
from emstudio.core.em import Moment, advance, begin, blank
from emstudio.core.format import cast_as, letter, name_of, set_cast
from emstudio.core.matching import assigned, fit_of, matched, named, recast
from emstudio.core.model import Start, find

PLACES = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0], [8.0, 8.0]])


@pytest.fixture(scope="module")
def four():
    rng = np.random.default_rng(4)
    return dataset(painted(np.repeat(PLACES, 25, axis=0) + rng.normal(size=(100, 2))))


def fitted(data, places, noise=False, seed=0) -> Moment:
    """A few iterations from means at `places`, each of which keeps its place."""
    model = find("gaussian").make(k=len(places), noise=noise)
    labels = np.argmin(((data.x[:, None] - np.asarray(places)) ** 2).sum(2), axis=1)
    moment = begin(blank(data, model, Start("labels", labels=labels), seed))
    for _ in range(4):
        moment = advance(moment)
    return replace(moment, start=Start("points"))


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 3), (3, 5), (5, 3), (8, 8), (0, 3), (3, 0)])
def test_an_assignment_is_the_best_of_all(shape):
    for seed in range(30):
        gain = np.random.default_rng(seed).random(shape) + 2.0 * (seed % 3 == 0) * np.eye(*shape)[:, ::-1]
        order = assigned(gain)
        pairs = [(i, j) for i, j in enumerate(order) if j >= 0]
        assert len({j for _, j in pairs}) == len(pairs) == min(shape)
        rows, columns = linear_sum_assignment(gain, maximize=True)
        assert sum(gain[i, j] for i, j in pairs) == pytest.approx(gain[rows, columns].sum(), abs=1e-12)


def test_all_pairs_together_are_nearest_not_one_after_the_other():
    # The nearest pair alone (0.4 with 0.5) would leave the farthest two to each other.
    assert matched([np.array([0.0, 0.4])], [np.array([0.5, 1.5])]).tolist() == [0, 1]
    assert matched([np.array([0.0, 0.4])], [np.array([0.5, -1.5])]).tolist() == [1, 0]


def test_who_finds_no_partner_is_told_so():
    gain = np.array([[0.9, 0.0], [0.8, 0.1], [0.0, 0.7]])
    assert assigned(gain).tolist() == [0, -1, 1]


@pytest.mark.parametrize(
    ("partners", "cast", "names"),
    [
        ([1, 0], (0, 1), [1, 0]),  # another start
        ([0, 2], (0, 1, 2), [0, 2]),  # B went: A and C keep their names
        ([-1, 0, 1], (0, 2), [1, 0, 2]),  # one more takes the first free name
        ([0, 1, -1], (0, 1), [0, 1, 2]),
        ([7, 1], tuple(range(8)), [0, 1]),  # six went at once: the names close up, and B stays B
        ([-1, -1, 0], (0,), [1, 2, 0]),
    ],
)
def test_names_stay_with_their_partners(partners, cast, names):
    assert named(np.array(partners), cast) == names


@pytest.mark.parametrize("noise", [False, True])
def test_a_relabelled_fit_is_shown_in_the_order_of_the_one_before(four, noise):
    before = fitted(four, PLACES, noise)
    other = fitted(four, PLACES[[2, 0, 3, 1]], noise)
    shown = recast(other, fit_of(before))
    assert shown.cast == ()
    assert np.allclose(shown.snapshot.params.means, before.snapshot.params.means, atol=0.5)
    assert np.isclose(shown.snapshot.log_likelihood, other.snapshot.log_likelihood, rtol=1e-13)
    again = recast(other, fit_of(before))
    assert all(np.array_equal(a, b) for a, b in zip(shown.snapshot.params, again.snapshot.params))


def test_one_more_component_takes_the_next_name_and_one_fewer_leaves_the_others_theirs(four):
    before = fitted(four, PLACES[:3])
    more = recast(fitted(four, PLACES[[3, 1, 0, 2]]), fit_of(before))
    assert more.cast == ()
    assert np.allclose(more.snapshot.params.means, PLACES, atol=1.0)
    fewer = recast(fitted(four, PLACES[[3, 0, 2]]), fit_of(more))
    assert fewer.cast == (0, 2, 3)
    assert np.allclose(fewer.snapshot.params.means, PLACES[[0, 2, 3]], atol=3.0)
    back = recast(fitted(four, PLACES[[1, 3, 2, 0]]), fit_of(fewer))
    assert back.cast == () and np.allclose(back.snapshot.params.means, PLACES, atol=1.0)


def test_a_given_start_and_other_rows_keep_their_order(four):
    before = fitted(four, PLACES)
    other = fitted(four, PLACES[[2, 0, 3, 1]])
    given = replace(other, start=Start("params", params=other.snapshot.params))
    assert recast(given, fit_of(before)) is given
    assert recast(other, None) is other
    elsewhere = replace(fit_of(before), rows=np.arange(1000, 1100))
    assert recast(other, elsewhere) is other


def test_letters_follow_the_cast_within_its_reach_only():
    with cast_as((0, 2)):
        assert [letter(k) for k in range(4)] == ["A", "C", "B", "D"]
        assert name_of(-1) == -1 and letter(-1) == "noise"
    assert [letter(k) for k in range(3)] == ["A", "B", "C"]
    assert set_cast((1,)) and not set_cast((1,)) and letter(0) == "B"
    assert set_cast(()) and letter(0) == "A"
