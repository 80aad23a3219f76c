"""Chains that do not forget, or underflow: the routes beside the usual one, each against the plain loop."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from emstudio.core import lockstep, lockstep_log
from emstudio.core.smoothing import ImpossibleSeries, filtered, log_filtered, smooth, viterbi
from tests.core.chains import KINDS, check, near, plain_loop, random_chain


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    """Whatever underflows on the way is the routes' own business."""
    with np.errstate(all="raise", under="ignore"):
        yield


@pytest.mark.parametrize("strength", [0.05, 1.0, 20.0])
@pytest.mark.parametrize("kind", KINDS)
def test_blocks_and_the_plain_loop_agree(kind: str, strength: float) -> None:
    for seed, k in ((1, 2), (2, 3), (3, 5)):
        chain = random_chain(kind, k, 400, strength, np.random.default_rng(seed))
        check(*chain, [0, 400], tolerance=1e-12 if strength < 10 else 1e-11)


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which routes were taken beside the usual one."""
    taken: list[str] = []

    def spy(module, name: str, word: str) -> None:
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a: taken.append(word) or real(*a))

    spy(lockstep, "Transfer", "products")
    spy(lockstep_log, "forward", "logs")
    return taken


def test_a_chain_that_forgets_needs_neither_products_nor_logarithms(routes: list[str]) -> None:
    chain = random_chain("dense", 4, 3000, 1.0, np.random.default_rng(0))
    smooth(*chain, [0, 3000])
    assert routes == []


@pytest.mark.parametrize("kind", ["sticky", "left-right"])
def test_a_chain_that_does_not_forget_goes_by_products(kind: str, routes: list[str]) -> None:
    chain = random_chain(kind, 3, 3000, 0.01, np.random.default_rng(0))
    check(*chain, [0, 3000])
    assert "products" in routes
    assert "logs" not in routes


def test_a_path_that_underflows_and_is_needed_later_is_not_lost(routes: list[str]) -> None:
    """Two states that are never left: the second looks hopeless for long, and alone explains the end."""
    n = 600
    scores = np.zeros((2, n))
    scores[1, : n // 2] = -5.0
    scores[0, n // 2 :] = -5.0
    scores[0, -1] -= 3.0
    found = smooth(scores, np.array([0.5, 0.5]), np.eye(2), [0, n])
    assert "logs" in routes
    assert np.allclose(found.gamma[1], 1 / (1 + np.exp(-3.0)), rtol=1e-12)
    assert found.log_likelihood[0] == pytest.approx(-5.0 * n / 2 + np.log(0.5 * (1 + np.exp(-3.0))), rel=1e-14)


def test_a_path_lost_without_a_sign_is_missed(routes: list[str]) -> None:
    """The second state falls behind, and is lost between two rescalings just before the rows that make up for all of it:
    nothing overflows on the way back. A third, left at once for a hopeless fourth, claims the scale of every row."""
    scores = np.full((4, 96), -25.0)
    scores[2:] = np.array([[0.0], [-600.0]])
    scores[1, :40] -= 13.0
    scores[1, 47] -= 30.0
    scores[1, 48:] += 550.0 / 48
    transitions = np.eye(4)
    transitions[2] = transitions[3]
    found = check(scores, np.full(4, 0.25), transitions, [0, 96])
    assert "logs" in routes
    assert found.gamma[1, -1] == pytest.approx(0.5, abs=1e-9)


def test_a_row_that_only_an_unlikely_state_explains() -> None:
    scores, start, transitions = random_chain("dense", 3, 500, 1.0, np.random.default_rng(5))
    scores[:, 250] = -np.inf
    scores[2, 250] = -700.0
    found = check(scores, start, transitions, [0, 500])
    assert found.gamma[2, 250] == pytest.approx(1.0, abs=1e-14)
    assert viterbi(scores, start, transitions, [0, 500])[0][250] == 2


@pytest.mark.parametrize("kind", ["dense", "sticky", "left-right"])
def test_outliers_of_which_every_density_underflows(kind: str) -> None:
    scores, start, transitions = random_chain(kind, 3, 400, 1.0, np.random.default_rng(4))
    scores[:, [0, 100, 101, 399]] -= np.array([1e5, 3e5, 1e4, 2e3])
    scores[0, 200] = -2000.0
    check(scores, start, transitions, [0, 400])


def test_a_gap_is_an_unobserved_step() -> None:
    scores, start, transitions = random_chain("dense", 3, 300, 1.0, np.random.default_rng(6))
    scores[:, 40:60] = 0.0
    found = check(scores, start, transitions, [0, 300])
    alone = np.delete(scores, range(40, 60), axis=1)
    power = np.linalg.matrix_power(transitions, 21)
    joint = np.exp(plain_loop(scores[:, :40], start, transitions, [0, 40])[4][:, -1].astype(float))
    assert joint.shape == (3,)
    ahead = filtered(scores, start, transitions, [0, 300])[0]
    assert np.allclose(ahead[:, 59] @ transitions, ahead[:, 39] @ power, rtol=0, atol=1e-13)
    assert abs(found.log_likelihood - smooth(alone, start, transitions, [0, 280]).log_likelihood) > 1e-3


@pytest.mark.parametrize(("kind", "k"), [("left-right", 2), ("left-right", 7), ("identity", 4)])
def test_what_is_known_so_far_goes_by_blocks_of_logarithms(kind: str, k: int, routes: list[str]) -> None:
    scores, start, transitions = random_chain(kind, k, 4000, 2.0, np.random.default_rng(3))
    offsets = [0, 2500, 2501, 2501, 4000]
    kept, pace = plain_loop(scores, start, transitions, offsets)[4:]
    past, density = filtered(scores, start, transitions, offsets)
    assert "logs" in routes
    assert near(past, kept, 1e-11)
    assert near(density, pace, 1e-11)


@pytest.mark.parametrize("k", [3, 25])
def test_blocks_of_logarithms_or_one_row_after_another(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many the states, where a state's probability is too small for a number too."""
    chain = random_chain("left-right", k, 3000, 2.0, np.random.default_rng(4))
    found = []
    for worth in (0, 10 * k**3):
        monkeypatch.setattr(lockstep_log, "WORTH", worth)
        found.append(log_filtered(*chain, [0, 3000]))
    one, other = found
    possible = np.isfinite(one)
    assert (possible == np.isfinite(other)).all()
    assert (one[possible] < -800).any()
    assert np.allclose(one[possible], other[possible], rtol=1e-12, atol=1e-11)


def test_the_first_row_that_no_path_explains_in_blocks_of_logarithms() -> None:
    scores, start, transitions = random_chain("left-right", 3, 3000, 2.0, np.random.default_rng(5))
    scores[:, 1777] = scores[:, 2500] = -np.inf
    with pytest.raises(ImpossibleSeries) as lost:
        filtered(scores, start, transitions, [0, 600, 3000])
    assert lost.value.row == 1777
