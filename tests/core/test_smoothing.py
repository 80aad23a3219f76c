from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln
from scipy.stats import multivariate_normal

from emstudio.core.smoothing import (
    ImpossibleSeries,
    filtered,
    log_filtered,
    log_likelihood,
    plan,
    smooth,
    viterbi,
)
from tests.core.chains import check, every_path, path_level, plain_loop, random_chain

REFERENCES = Path(__file__).resolve().parents[1] / "references" / "hmm"


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    """Whatever underflows on the way is the routes' own business."""
    with np.errstate(all="raise", under="ignore"):
        yield


# ---- brute force ------------------------------------------------------------------------------------------------------


@st.composite
def tiny_chains(draw: st.DrawFn):
    k, n = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scores = 3.0 * rng.standard_normal((k, n))
    start, transitions = rng.dirichlet(np.ones(k)), rng.dirichlet(np.ones(k), k)
    if draw(st.booleans()):
        transitions[rng.random((k, k)) < 0.4] = 0.0
        start[rng.random(k) < 0.4] = 0.0
    if draw(st.booleans()):
        scores[:, rng.integers(n)] = 0.0  # an unobserved step
    if draw(st.booleans()):
        scores[rng.random((k, n)) < 0.3] = -np.inf
    return scores, start, transitions


@settings(deadline=None, max_examples=300)
@given(tiny_chains())
def test_every_path_of_a_tiny_chain(chain) -> None:
    scores, start, transitions = chain
    k, n = scores.shape
    paths, levels = every_path(scores, start, transitions)
    weights = np.exp(levels)
    if not weights.sum():
        with pytest.raises(ImpossibleSeries) as lost:
            smooth(scores, start, transitions, [0, n])
        possible_until = [np.exp(every_path(scores[:, :t], start, transitions)[1]).sum() > 0 for t in range(1, n + 1)]
        assert lost.value.row == possible_until.index(False)
        return
    weights /= weights.sum()
    found = smooth(scores, start, transitions, [0, n])
    one_hot = paths[:, :, None] == np.arange(k)
    assert np.allclose(found.gamma, np.einsum("p,ptk->kt", weights, one_hot), rtol=0, atol=1e-14)
    moves = np.einsum("p,ptj,ptk->jk", weights, one_hot[:, :-1], one_hot[:, 1:])
    assert np.allclose(found.pairs, moves, rtol=0, atol=1e-13)
    assert np.allclose(found.log_likelihood, np.logaddexp.reduce(levels), rtol=1e-13, atol=1e-13)
    path, level = viterbi(scores, start, transitions, [0, n])
    assert level[0] == pytest.approx(levels.max(), rel=1e-14, abs=1e-13)
    assert path_level(path, scores, start, transitions) == pytest.approx(levels.max(), rel=1e-14, abs=1e-13)


@pytest.mark.parametrize("case", range(3))
def test_the_sixteen_paths_of_the_text(case: int) -> None:
    reference = json.loads((REFERENCES / "enumeration.json").read_text())
    x, case = np.array(reference["x"]), reference["cases"][case]
    q, variance = case["q_stay"], case["sigma2"]
    scores = -0.5 * (x - np.array([[0.0], [1.0]])) ** 2 / variance - 0.5 * np.log(2 * np.pi * variance)
    start, transitions = np.full(2, 0.5), np.array([[q, 1 - q], [1 - q, q]])
    found = smooth(scores, start, transitions, [0, 4])
    assert found.log_likelihood[0] == pytest.approx(case["loglik"], rel=1e-14)
    assert np.allclose(found.gamma[1], case["marginals_P_Z1"], rtol=0, atol=1e-14)
    assert np.trace(found.pairs) == pytest.approx(case["a"], rel=1e-13)
    assert found.pairs.sum() - np.trace(found.pairs) == pytest.approx(case["b"], rel=1e-13)
    best = max(case["path_posterior"], key=case["path_posterior"].get)
    path, level = viterbi(scores, start, transitions, [0, 4])
    assert "".join(map(str, path)) == best
    assert np.exp(level[0] - found.log_likelihood[0]) == pytest.approx(case["path_posterior"][best], rel=1e-13)


# ---- references -------------------------------------------------------------------------------------------------------


def reference_scores(case: dict) -> np.ndarray:
    if "emission" in case:
        return np.log(np.array(case["emission"]))[:, np.concatenate(case["sequences"])]
    x = np.concatenate([np.array(s, float) for s in case["sequences"]])
    if "rates" in case:
        return np.stack([(x * np.log(r) - r - gammaln(x + 1)).sum(1) for r in np.array(case["rates"])])
    return np.stack([multivariate_normal(m, c).logpdf(x) for m, c in zip(case["means"], case["covariances"])])


@pytest.mark.parametrize(
    "case", json.loads((REFERENCES / "posteriors.json").read_text())["cases"], ids=lambda c: c["name"]
)
def test_reference_posteriors_and_paths(case: dict) -> None:
    offsets = np.cumsum([0] + [len(s) for s in case["sequences"]])
    scores, start, transitions = reference_scores(case), np.array(case["startprob"]), np.array(case["transmat"])
    found = smooth(scores, start, transitions, offsets)
    assert found.log_likelihood.sum() == pytest.approx(case["loglik"], rel=1e-12)
    expected = np.array(case["posterior_first_sequence"]).T
    assert np.abs(found.gamma[:, : offsets[1]] - expected).max() < 1e-11  # the scores themselves are rounded
    path, level = viterbi(scores, start, transitions, offsets)
    assert path.tolist() == [z for s in case["viterbi"] for z in s]
    assert np.allclose(level, case["viterbi_logprob"], rtol=1e-12)


# ---- many series ------------------------------------------------------------------------------------------------------

LENGTHS = {
    "ragged": [3, 1, 0, 250, 17, 17, 1, 0, 99, 98, 130, 5],
    "equal": [40] * 25,
    "long": [700, 1, 699, 150],
    "only short": [1, 2, 1, 1],
}


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS.keys())
@pytest.mark.parametrize("kind", ["dense", "sticky", "left-right"])
def test_several_series_are_each_on_its_own(kind: str, lengths: list[int]) -> None:
    offsets = np.cumsum([0, *lengths])
    scores, start, transitions = random_chain(kind, 3, int(offsets[-1]), 0.5, np.random.default_rng(7))
    found = check(scores, start, transitions, offsets)
    path, level = viterbi(scores, start, transitions, offsets)
    pairs, first = np.zeros((3, 3)), np.zeros(3)
    for s, (a, b) in enumerate(itertools.pairwise(offsets)):
        alone = smooth(scores[:, a:b], start, transitions, [0, b - a])
        assert np.allclose(found.gamma[:, a:b], alone.gamma, rtol=0, atol=1e-12)
        assert found.log_likelihood[s] == pytest.approx(alone.log_likelihood[0], rel=1e-12)
        pairs, first = pairs + alone.pairs, first + alone.first
        one, its_level = viterbi(scores[:, a:b], start, transitions, [0, b - a])
        assert (path[a:b] == one).all()
        assert level[s] == pytest.approx(its_level[0], rel=1e-13)
    assert np.allclose(found.pairs, pairs, rtol=1e-11, atol=1e-12)
    assert np.allclose(found.first, first, rtol=1e-12)


def test_no_rows_and_no_series() -> None:
    start, transitions = np.array([0.3, 0.7]), np.full((2, 2), 0.5)
    for offsets, series in (([0], 0), ([0, 0], 1), ([0, 0, 0], 2)):
        found = smooth(np.empty((2, 0)), start, transitions, offsets)
        assert found.gamma.shape == (2, 0)
        assert not found.pairs.any()
        assert not found.first.any()
        assert found.log_likelihood.tolist() == [0.0] * series
        assert log_likelihood(np.empty((2, 0)), start, transitions, offsets).tolist() == [0.0] * series
        assert filtered(np.empty((2, 0)), start, transitions, offsets)[0].shape == (2, 0)
        assert viterbi(np.empty((2, 0)), start, transitions, offsets)[1].tolist() == [0.0] * series


def test_one_state() -> None:
    scores = np.random.default_rng(0).standard_normal((1, 500))
    found = smooth(scores, np.ones(1), np.ones((1, 1)), [0, 200, 500])
    assert np.allclose(found.gamma, 1.0, rtol=0, atol=1e-14)
    assert found.pairs[0, 0] == pytest.approx(498)
    assert np.allclose(found.log_likelihood, [scores[0, :200].sum(), scores[0, 200:].sum()], rtol=1e-12)
    assert not viterbi(scores, np.ones(1), np.ones((1, 1)), [0, 200, 500])[0].any()


# ---- what is impossible -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", [smooth, filtered, log_likelihood, log_filtered])
def test_the_first_row_that_no_path_explains(ask) -> None:
    scores, start, transitions = random_chain("dense", 2, 400, 1.0, np.random.default_rng(8))
    scores[:, [310, 390]] = -np.inf
    with pytest.raises(ImpossibleSeries) as lost:
        ask(scores, start, transitions, [0, 150, 400])
    assert lost.value.row == 310


def test_a_row_that_zeros_forbid() -> None:
    scores = np.zeros((2, 300))
    scores[0, :100] = scores[0, 200:] = -np.inf  # state 1, any, state 1
    scores[1, 150] = -np.inf  # and state 0 once between
    transitions = np.array([[0.5, 0.5], [0.0, 1.0]])  # which is never entered again
    with pytest.raises(ImpossibleSeries) as lost:
        smooth(scores, np.array([0.5, 0.5]), transitions, [0, 300])
    assert lost.value.row == 150


# ---- properties -------------------------------------------------------------------------------------------------------


def test_a_reversible_chain_backwards() -> None:
    rng = np.random.default_rng(9)
    flow = rng.random((4, 4))
    flow += flow.T
    start = flow.sum(1) / flow.sum()
    transitions = flow / flow.sum(1, keepdims=True)
    scores = rng.standard_normal((4, 2000))
    one, other = (smooth(s, start, transitions, [0, 2000]) for s in (scores, scores[:, ::-1]))
    assert np.allclose(one.gamma, other.gamma[:, ::-1], rtol=0, atol=1e-12)
    assert np.allclose(one.pairs, other.pairs.T, rtol=1e-11)
    assert one.log_likelihood[0] == pytest.approx(other.log_likelihood[0], rel=1e-13)


def test_the_names_of_the_states_do_not_matter() -> None:
    scores, start, transitions = random_chain("sparse", 4, 700, 1.0, np.random.default_rng(10))
    order = np.array([2, 0, 3, 1])
    one = smooth(scores, start, transitions, [0, 300, 700])
    other = smooth(scores[order], start[order], transitions[np.ix_(order, order)], [0, 300, 700])
    assert np.allclose(one.gamma[order], other.gamma, rtol=0, atol=1e-13)
    assert np.allclose(one.pairs[np.ix_(order, order)], other.pairs, rtol=1e-11, atol=1e-12)


def test_the_sums_belong_together() -> None:
    scores, start, transitions = random_chain("sticky", 3, 5000, 0.3, np.random.default_rng(11))
    offsets = [0, 1200, 1201, 5000]
    found = smooth(scores, start, transitions, offsets)
    inner = np.ones(5000, bool)
    inner[[1199, 1200, 4999]] = False
    assert np.allclose(found.gamma.sum(0), 1.0, rtol=0, atol=1e-12)
    assert np.allclose(found.pairs.sum(1), found.gamma[:, inner].sum(1), rtol=1e-12)
    assert found.first == pytest.approx(found.gamma[:, [0, 1200, 1201]].sum(1), rel=1e-12)


def test_rows_that_forget_are_a_mixture() -> None:
    rng = np.random.default_rng(12)
    weights, scores = rng.dirichlet(np.ones(3)), rng.standard_normal((3, 800))
    found = smooth(scores, weights, np.tile(weights, (3, 1)), [0, 800])
    joint = weights[:, None] * np.exp(scores)
    assert np.allclose(found.gamma, joint / joint.sum(0), rtol=0, atol=1e-14)
    assert found.log_likelihood[0] == pytest.approx(np.log(joint.sum(0)).sum(), rel=1e-13)


def test_the_same_bits_whatever_was_asked_before() -> None:
    """A run that goes on from a document must give what the uninterrupted one gives."""
    easy = random_chain("dense", 3, 2000, 1.0, np.random.default_rng(0))
    hard = random_chain("sticky", 3, 2000, 0.01, np.random.default_rng(0))
    known = plan([0, 2000], 3)
    before = smooth(*easy, [0, 2000], plan([0, 2000], 3))
    smooth(*hard, [0, 2000], known)
    after = smooth(*easy, [0, 2000], known)
    assert (before.gamma == after.gamma).all()
    assert (before.pairs == after.pairs).all()
    assert (before.log_likelihood == after.log_likelihood).all()


def test_the_arguments_stay_as_they_were() -> None:
    scores, start, transitions = random_chain("dense", 3, 300, 1.0, np.random.default_rng(0))
    copies = scores.copy(), start.copy(), transitions.copy()
    for array in (scores, start, transitions):
        array.flags.writeable = False
    smooth(scores, start, transitions, [0, 300])
    viterbi(scores, start, transitions, [0, 300])
    assert all((a == b).all() for a, b in zip((scores, start, transitions), copies))


@pytest.mark.parametrize("n", [200_000, 1_000_000])
def test_long_series_neither_underflow_nor_drift(n: int) -> None:
    """A pattern repeated: after the first rows every period adds the same to the log-likelihood."""
    period = 1000
    rng = np.random.default_rng(13)
    pattern = -50.0 * rng.random((2, period))
    start, transitions = np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.2, 0.8]])
    found = smooth(np.tile(pattern, n // period), start, transitions, [0, n])
    gamma, pairs, _, likelihood, *_ = plain_loop(np.tile(pattern, 3), start, transitions, [0, 3 * period])
    twice = plain_loop(np.tile(pattern, 2), start, transitions, [0, 2 * period])
    more = n // period - 3
    expected = likelihood[0] + more * (likelihood[0] - twice[3][0])
    assert found.log_likelihood[0] == pytest.approx(float(expected), rel=1e-12)
    assert np.abs(found.gamma[:, :2000] - gamma[:, :2000]).max() < 1e-12
    assert np.abs(found.gamma[:, -1000:] - gamma[:, -1000:]).max() < 1e-12
    assert np.allclose(found.pairs, (pairs + more * (pairs - twice[1])).astype(float), rtol=1e-11)
