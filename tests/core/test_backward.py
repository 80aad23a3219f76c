from __future__ import annotations

import numpy as np
import pytest

from emstudio.core.backward import backward_sample
from emstudio.core.smoothing import ImpossibleSeries, smooth
from tests.core.chains import every_path, random_chain


@pytest.mark.parametrize("m", [4, 20_000], ids=["one by one", "side by side"])
def test_paths_come_with_their_posterior_probability(m: int) -> None:
    scores, start, transitions = random_chain("sparse", 3, 4, 1.0, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    draws = np.concatenate([backward_sample(scores, start, transitions, [0, 4], m, rng) for _ in range(20_000 // m)], 1)
    paths, level = every_path(scores, start, transitions)
    expected = np.exp(level - np.logaddexp.reduce(level))
    found = np.bincount(3 ** np.arange(3, -1, -1) @ draws.astype(int), minlength=81) / draws.shape[1]
    error = np.sqrt(expected * (1 - expected) / draws.shape[1])
    assert (np.abs(found - expected) <= 5 * error + 1e-12).all()
    assert not found[expected == 0].any()
    assert len(paths) == 81


@pytest.mark.parametrize("m", [5, 400])
def test_several_series_with_their_transitions(m: int) -> None:
    scores, start, transitions = random_chain("dense", 3, 600, 1.0, np.random.default_rng(2))
    offsets = [0, 250, 251, 251, 600]
    draws = backward_sample(scores, start, transitions, offsets, m, np.random.default_rng(3))
    assert draws.shape == (600, m)
    assert draws.dtype == np.int8
    exact = smooth(scores, start, transitions, offsets)
    inside = np.ones(599, bool)
    inside[[249, 250]] = False
    each = np.array(
        [[((draws[:-1] == i) & (draws[1:] == j))[inside].sum(0) for j in range(3)] for i in range(3)]
    )  # (3, 3, m)
    error = np.maximum(each.std(2, ddof=1), 1.0) / np.sqrt(m)
    assert (np.abs(each.mean(2) - exact.pairs) < 6 * error).all()
    visits = np.stack([(draws == j).sum(0) for j in range(3)])
    assert (np.abs(visits.mean(1) - exact.gamma.sum(1)) < 6 * visits.std(1, ddof=1) / np.sqrt(m)).all()


@pytest.mark.parametrize("m", [1, 100])
def test_the_same_seed_the_same_paths(m: int) -> None:
    chain = random_chain("dense", 2, 300, 1.0, np.random.default_rng(4))
    one, other = (backward_sample(*chain, [0, 300], m, np.random.default_rng(7)) for _ in range(2))
    assert (one == other).all()
    assert (one != backward_sample(*chain, [0, 300], m, np.random.default_rng(8))).any()


def test_a_path_below_what_numbers_hold_is_drawn_when_it_alone_explains_the_end() -> None:
    scores = np.zeros((2, 600))
    scores[1, :400] = -5.0  # 1e-868 of the other state's probability
    scores[0, 599] = -np.inf
    draws = backward_sample(scores, np.full(2, 0.5), np.eye(2), [0, 600], 50, np.random.default_rng(0))
    assert (draws == 1).all()


def test_no_rows_one_state_and_an_impossible_row() -> None:
    rng = np.random.default_rng(0)
    assert backward_sample(np.empty((2, 0)), np.full(2, 0.5), np.eye(2), [0], 3, rng).shape == (0, 3)
    assert not backward_sample(np.zeros((1, 5)), np.ones(1), np.ones((1, 1)), [0, 5], 3, rng).any()
    scores = np.zeros((2, 5))
    scores[:, 3] = -np.inf
    with pytest.raises(ImpossibleSeries) as lost:
        backward_sample(scores, np.full(2, 0.5), np.eye(2), [0, 5], 3, rng)
    assert lost.value.row == 3
