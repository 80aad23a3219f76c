from __future__ import annotations

import itertools

import numpy as np
import pytest

from emstudio.core import viterbi as module
from emstudio.core.smoothing import plan, viterbi
from tests.core.chains import KINDS, path_level, plain_viterbi, random_chain


def levels(path, scores, start, transitions, offsets) -> list[float]:
    return [path_level(path[a:b], scores[:, a:b], start, transitions) for a, b in itertools.pairwise(offsets)]


@pytest.mark.parametrize("strength", [0.02, 1.0, 30.0])
@pytest.mark.parametrize("kind", KINDS)
def test_blocks_and_the_table_agree(kind: str, strength: float) -> None:
    for seed, k in ((1, 2), (2, 3), (3, 5)):
        scores, start, transitions = random_chain(kind, k, 900, strength, np.random.default_rng(seed))
        scores[:, 500:520] = 0.0
        offsets = [0, 640, 641, 900]
        path, level = viterbi(scores, start, transitions, offsets)
        expected = plain_viterbi(scores, start, transitions, offsets)
        best = levels(expected, scores, start, transitions, offsets)
        assert np.allclose(levels(path, scores, start, transitions, offsets), best, rtol=1e-12, atol=1e-10)
        assert np.allclose(level, best, rtol=1e-12, atol=1e-10)
        assert (path == expected).all()


def test_a_chain_whose_best_paths_never_meet_goes_by_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = module._Search._carries
    monkeypatch.setattr(module._Search, "_carries", lambda self: asked.append(1) or real(self))
    scores, start, transitions = random_chain("identity", 3, 2000, 0.1, np.random.default_rng(0))
    path, level = viterbi(scores, start, transitions, [0, 2000])
    assert asked
    alone = np.log(start) + scores.sum(1)
    assert (path == alone.argmax()).all()
    assert level[0] == pytest.approx(alone.max(), rel=1e-13)


def test_ties_go_to_the_lower_state() -> None:
    for n in (1, 2, 7, 500):
        half = np.full(2, 0.5)
        path, level = viterbi(np.zeros((2, n)), half, np.full((2, 2), 0.5), [0, n])
        assert not path.any()
        assert level[0] == pytest.approx(n * np.log(0.5), rel=1e-14)
    path, _ = viterbi(np.zeros((3, 400)), np.full(3, 1 / 3), np.array([[0, 0.5, 0.5]] * 3), [0, 400])
    assert path[-1] == 1  # the last state first, then back
    assert (path[1:] == 1).all()
    assert path[0] == 0


def test_a_series_that_no_path_explains_has_no_probability() -> None:
    scores, start, transitions = random_chain("dense", 2, 600, 1.0, np.random.default_rng(1))
    scores[:, 250] = -np.inf
    path, level = viterbi(scores, start, transitions, [0, 200, 300, 600])
    assert level[1] == -np.inf
    assert np.isfinite(level[[0, 2]]).all()
    alone, its = viterbi(scores[:, 300:], start, transitions, [0, 300])
    assert (path[300:] == alone).all()
    assert level[2] == its[0]


def test_offsets_of_a_row_change_nothing_but_the_probability() -> None:
    scores, start, transitions = random_chain("dense", 4, 1500, 1.0, np.random.default_rng(2))
    shift = np.where(np.arange(1500) % 100 == 0, -1e5, 0.0)
    path, level = viterbi(scores, start, transitions, [0, 1500])
    other, its = viterbi(scores + shift, start, transitions, [0, 1500])
    assert (path == other).all()
    assert its[0] - shift.sum() == pytest.approx(level[0], abs=1e-8)


def test_a_known_plan_gives_the_same_bits() -> None:
    scores, start, transitions = random_chain("sticky", 3, 3000, 1.0, np.random.default_rng(3))
    known = plan([0, 1000, 3000], 3)
    path, level = viterbi(scores, start, transitions, [0, 1000, 3000])
    again, its = viterbi(scores, start, transitions, [0, 1000, 3000], known)
    assert (path == again).all()
    assert (level == its).all()


def test_a_long_series() -> None:
    """State 1 pays where its run is long enough: each stretch of a thousand rows is decided on its own."""
    n, stay = 200_000, 0.99
    transitions = np.array([[stay, 1 - stay], [1 - stay, stay]])
    gain = np.where(np.arange(n) % 1000 < 20, 1.0, -0.5)  # 20 nats in favour, two switches cost 9.2
    path, level = viterbi(np.stack([np.zeros(n), gain]), np.array([1.0, 0.0]), transitions, [0, n])
    expected = (np.arange(n) % 1000 < 20).astype(int)
    expected[0] = 0
    assert (path == expected).all()
    switches = 2 * (n // 1000)
    stays = n - 1 - switches
    assert level[0] == pytest.approx(gain[path == 1].sum() + switches * np.log(0.01) + stays * np.log(0.99), rel=1e-13)
