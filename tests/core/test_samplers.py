"""The samplers against brute force: every one-sweep transition probability, and where many sweeps lead."""

from __future__ import annotations

import math
from itertools import pairwise, product

import numpy as np
import pytest
from scipy.stats import chi2

from emstudio.core.how import EStep
from emstudio.core.samplers import reaches, sweeps
from emstudio.core.samplers_flip import flip
from emstudio.core.samplers_tally import effective_size, occupancy, stays, tally
from emstudio.core.smoothing import ImpossibleSeries

RULES = ("metropolis", "scan-metropolis", "scan-metropolis in turn", "gibbs", "gibbs in turn")
CHANCE = 1e-6  # of a right sampler to fail one of these tests; the seeds are fixed


def how(rule: str, draws: int, sweeps: int) -> EStep:
    return EStep(rule.removesuffix(" in turn"), draws=draws, sweeps=sweeps, alternate=rule.endswith("in turn"))


def case(name: str):
    """(scores, start, transitions, offsets) of a tiny chain."""
    rng = np.random.default_rng(3)
    k = 3 if name in ("three", "three series", "left-right", "ring") else 2
    lengths = {"series": (3, 1, 2), "three series": (1, 2), "pair": (2,), "single": (1,)}.get(
        name, (4,) if k == 2 else (3,)
    )
    n = sum(lengths)
    scores = rng.normal(0, 1, (k, n))
    start = rng.dirichlet(np.full(k, 4.0))
    transitions = rng.dirichlet(np.full(k, 2.0), k)
    if name == "switch":
        scores, start, transitions = (
            -2.0 * (np.array([0.25, -0.3, 0.8, 1.1]) - np.arange(2)[:, None]) ** 2,
            [0.5, 0.5],
            [
                [0.8, 0.2],
                [0.2, 0.8],
            ],
        )
    elif name == "restless":
        transitions = [[0.1, 0.9], [0.7, 0.3]]
    elif name == "even":
        transitions = [[0.5, 0.5], [0.5, 0.5]]
    elif name == "gap":
        scores[:, 1:3] = 0.0
    elif name == "one way":
        start, transitions = [1.0, 0.0], [[0.6, 0.4], [0.0, 1.0]]
    elif name == "no rest":
        transitions = [[0.0, 1.0], [0.5, 0.5]]
    elif name == "one state first":
        transitions = [[0.0, 1.0], [0.0, 1.0]]
    elif name == "impossible sight":
        scores[0, 2] = -np.inf
    elif name == "left-right":
        start, transitions = [1.0, 0.0, 0.0], [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]]
    elif name == "ring":
        transitions = [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5]]
    elif name == "tempered":
        transitions, start = np.array(transitions) ** 0.3, start**0.3
    return scores, np.array(start), np.array(transitions), np.concatenate([[0], np.cumsum(lengths)])


CASES = ("switch", "restless", "even", "gap", "series", "pair", "single", "one way", "no rest", "one state first")
CASES += ("impossible sight", "three", "three series", "left-right", "ring", "tempered")


def density(scores, start, transitions, offsets, path) -> float:
    """p(path, x), factor by factor."""
    value = math.prod(math.exp(scores[z, t]) for t, z in enumerate(path))
    for lo, hi in pairwise(offsets):
        value *= start[path[lo]] * math.prod(transitions[path[t], path[t + 1]] for t in range(lo, hi - 1))
    return value


def posterior(chain) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """(all paths, their probabilities)."""
    k, n = chain[0].shape
    paths = list(product(range(k), repeat=n))
    weights = np.array([density(*chain, path) for path in paths])
    return paths, weights / weights.sum()


def update(rule: str, paths, weights, site: int, k: int) -> np.ndarray:
    """(P, P) the transition matrix of one update at `site`, for possible paths; others stay."""
    index = {path: i for i, path in enumerate(paths)}
    matrix = np.zeros((len(paths), len(paths)))
    for i, path in enumerate(paths):
        if not weights[i]:
            matrix[i, i] = 1.0
            continue
        others = [index[(*path[:site], z, *path[site + 1 :])] for z in range(k)]
        if rule.startswith("gibbs"):
            matrix[i, others] = weights[others] / weights[others].sum()
        else:
            for j in others:
                if j != i:
                    matrix[i, j] = min(1.0, weights[j] / weights[i]) / (k - 1)
            matrix[i, i] = 1.0 - matrix[i].sum()
    return matrix


def kernel(rule: str, chain, paths, weights) -> np.ndarray:
    """(P, P) the transition matrix of one sweep; the updates of different series do not touch each other."""
    k, offsets = len(chain[1]), chain[3]
    whole = np.eye(len(paths))
    for lo, hi in pairwise(offsets):
        singles = [update(rule, paths, weights, site, k) for site in range(lo, hi)]
        if rule == "metropolis":
            steps = [sum(singles) / len(singles)] * len(singles)
        else:
            steps = singles[::2] + singles[1::2] if rule.endswith("in turn") else singles
        for step in steps:
            whole = whole @ step
    return whole


def numbers(states: np.ndarray, k: int) -> np.ndarray:
    """(M,) which of all paths each column is, in the order of `product`."""
    return np.ravel_multi_index(tuple(states.astype(int)), (k,) * len(states))


def misfit(counts: np.ndarray, expected: np.ndarray) -> tuple[float, int]:
    """(chi-square, degrees of freedom); rare outcomes are put together."""
    assert not counts[expected == 0].any(), "something impossible was drawn"
    rare = expected < 10
    seen = np.append(counts[~rare], counts[rare].sum())
    meant = np.append(expected[~rare], expected[rare].sum())
    if meant[-1] < 10:
        seen, meant = seen[:-1], meant[:-1]
    return float(((seen - meant) ** 2 / meant).sum()), max(len(meant) - 1, 0)


def fits(counts: np.ndarray, probabilities: np.ndarray) -> bool:
    value, free = misfit(counts, probabilities * counts.sum())
    return free == 0 or bool(chi2.sf(value, free) > CHANCE)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("rule", RULES)
def test_one_sweep_has_the_transition_probabilities_that_it_should(rule, name):
    chain = case(name)
    paths, weights = posterior(chain)
    exact = kernel(rule, chain, paths, weights)
    np.testing.assert_allclose(weights @ exact, weights, atol=1e-12)
    drawn = sweeps(*chain, how(rule, 60_000, 1), np.random.default_rng(11))
    before, after = (numbers(states, len(chain[1])) for states in drawn)
    value = free = 0
    for i in np.unique(before):
        assert weights[i] > 0, "a chain starts on an impossible path"
        found = misfit(np.bincount(after[before == i], minlength=len(paths)), exact[i] * np.count_nonzero(before == i))
        value, free = value + found[0], free + found[1]
    assert free == 0 or chi2.sf(value, free) > CHANCE


# In the ring, forty sweeps are not enough: its paths hang together by improbable ones.
@pytest.mark.parametrize("name", [name for name in CASES if name != "ring"])
@pytest.mark.parametrize("rule", (*RULES, "ffbs"))
def test_many_sweeps_lead_to_the_posterior(rule, name):
    chain = case(name)
    paths, weights = posterior(chain)
    *_, last = sweeps(*chain, how(rule, 20_000, 40), np.random.default_rng(5))
    assert fits(np.bincount(numbers(last, len(chain[1])), minlength=len(paths)), weights)


def test_draws_from_a_chain_slightly_off_are_found_out():
    chain = case("switch")
    paths, weights = posterior(chain)
    off = (chain[0], chain[1], np.array([[0.77, 0.23], [0.23, 0.77]]), chain[3])
    for rule in (*RULES, "ffbs"):
        *_, last = sweeps(*off, how(rule, 20_000, 40), np.random.default_rng(5))
        assert not fits(np.bincount(numbers(last, 2), minlength=len(paths)), weights)


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("rule", (*RULES, "ffbs"))
def test_long_series_agree_with_the_exact_posterior(rule, k):
    from emstudio.core.smoothing import smooth

    rng = np.random.default_rng(8)
    offsets = np.array([0, 700, 701, 2000])
    scores = rng.normal(0, 2, (k, 2000))
    scores[:, 300:340] = 0.0
    transitions = rng.dirichlet(np.full(k, 3.0), k)
    start = np.full(k, 1 / k)
    exact = smooth(scores, start, transitions, offsets)
    *_, last = sweeps(scores, start, transitions, offsets, how(rule, 150, 40), rng)
    counts = tally(last, offsets, k)
    for drawn, known in (
        (occupancy(last, k), exact.gamma.sum(1)),
        (counts.first, exact.first),
        (counts.pairs, exact.pairs),
    ):
        error = drawn.std(0, ddof=1) / math.sqrt(150)
        assert (np.abs(drawn.mean(0) - known) < 5 * error + 1e-9).all()


@pytest.mark.parametrize("rule", (*RULES, "ffbs"))
@pytest.mark.parametrize("name", ["series", "three series"])
def test_the_generator_alone_decides(rule, name):
    chain = case(name)
    made = how(rule, 30, 4)
    first, again, other = (list(sweeps(*chain, made, np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert len(first) == (1 if made.kind == "ffbs" else 1 + made.burn_in + made.sweeps)
    assert all(states.dtype == np.int8 and states.shape == (chain[0].shape[1], 30) for states in first)
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other))


def test_what_was_yielded_stays_as_it_was():
    drawn = sweeps(*case("switch"), how("gibbs", 50, 3), np.random.default_rng(0))
    first = next(drawn)
    kept = first.copy()
    list(drawn)
    assert np.array_equal(first, kept)


def test_burn_in_is_sweeps_more():
    chain = case("three")
    short = list(sweeps(*chain, EStep("gibbs", draws=9, sweeps=5), np.random.default_rng(0)))
    long = list(sweeps(*chain, EStep("gibbs", draws=9, sweeps=3, burn_in=2), np.random.default_rng(0)))
    assert len(short) == len(long) and all(map(np.array_equal, short, long))


def test_one_state_needs_no_draws():
    chain = np.zeros((1, 5)), np.ones(1), np.ones((1, 1)), np.array([0, 5])
    drawn = list(sweeps(*chain, how("gibbs", 3, 2), np.random.default_rng(0)))
    assert len(drawn) == 3 and not any(states.any() for states in drawn)


def test_a_series_that_nothing_explains_is_refused():
    scores, start, transitions, offsets = case("switch")
    scores = scores.copy()
    scores[:, 2] = -np.inf
    with pytest.raises(ImpossibleSeries):
        next(sweeps(scores, start, transitions, offsets, how("gibbs", 5, 5), np.random.default_rng(0)))


@pytest.mark.parametrize(
    ("start", "transitions", "free"),
    [
        ([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], True),
        ([1, 0, 0], [[0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0, 1]], True),
        ([0.5, 0.5], [[0, 1], [1, 0]], False),
        ([0.5, 0.5], [[1, 0], [0, 1]], False),
        ([1, 0], [[0, 1], [1, 0]], True),
        ([1 / 3] * 3, [[0, 1, 0], [0, 0, 1], [1, 0, 0]], False),
    ],
)
def test_whether_single_sites_reach_every_path(start, transitions, free):
    assert reaches(np.array(start, float), np.array(transitions, float)) is free


# -- what is counted ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("offsets", [(0, 700), (0, 1, 300, 301, 700)])
def test_counts_are_those_of_a_loop(k, offsets):
    offsets = np.array(offsets)
    states = np.random.default_rng(k).integers(0, k, (700, 3), dtype=np.int8)
    first, pairs = np.zeros((3, k)), np.zeros((3, k, k))
    for m in range(3):
        for lo, hi in pairwise(offsets):
            first[m, states[lo, m]] += 1
            for t in range(lo, hi - 1):
                pairs[m, states[t, m], states[t + 1, m]] += 1
    counted = tally(states, offsets, k)
    assert np.array_equal(counted.first, first) and np.array_equal(counted.pairs, pairs)
    assert np.array_equal(stays(states, offsets), np.trace(pairs, axis1=1, axis2=2))
    assert np.array_equal(occupancy(states, k), [np.bincount(states[:, m], minlength=k) for m in range(3)])


@pytest.mark.parametrize("correlation", [-0.4, 0.0, 0.5, 0.9])
def test_correlated_draws_are_worth_fewer(correlation):
    """A first-order autoregression has tau = (1 + rho) / (1 - rho)."""
    rng = np.random.default_rng(4)
    noise = rng.standard_normal((3000, 20))
    trace = np.empty_like(noise)
    trace[0] = noise[0]
    for t in range(1, len(noise)):
        trace[t] = correlation * trace[t - 1] + math.sqrt(1 - correlation**2) * noise[t]
    assert effective_size(trace) == pytest.approx(trace.size * (1 - correlation) / (1 + correlation), rel=0.1)


def test_the_effective_size_of_few_or_stuck_draws():
    rng = np.random.default_rng(4)
    assert effective_size(rng.standard_normal((1, 50))) == 50
    assert effective_size(np.ones((7, 5))) == 35
    stuck = np.repeat(rng.standard_normal((1, 10)), 200, axis=0)
    assert 4 < effective_size(stuck) < 11, "chains that never move are one draw each, about"
    assert 0 < effective_size(rng.standard_normal((2, 3))) < 100
    apart = rng.standard_normal((200, 4)) + np.array([0, 0, 0, 50.0])
    assert effective_size(apart) < 10, "chains that do not agree have not mixed"


# -- one flip ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("q", [0.5, 0.8, 0.97])
def test_the_exercise_of_the_lecture_text(q):
    x, variance = np.array([0.25, -0.3, 0.8, 1.1]), 0.25
    scores = -((x - np.arange(2)[:, None]) ** 2) / (2 * variance)
    transitions = np.array([[q, 1 - q], [1 - q, q]])
    found = flip(scores, np.full(2, 0.5), transitions, np.array([0, 4]), np.array([0, 0, 1, 1]), 1, 1)
    assert found.log_ratio == pytest.approx(-0.8 / variance, rel=1e-12)
    assert round(found.ratio, 4) == 0.0408 and (found.old, found.new) == (0, 1)
    before, after, sight = found.factors
    assert (before.kind, after.kind, sight.kind) == ("before", "after", "observation")
    assert math.exp(before.log_ratio) == pytest.approx((1 - q) / q) and before.steps == ((0, 1), (0, 0))
    assert math.exp(after.log_ratio) == pytest.approx(q / (1 - q)) and after.steps == ((1, 1), (0, 1))


@pytest.mark.parametrize("name", ["series", "three", "left-right", "single"])
def test_the_ratio_is_that_of_the_densities(name):
    chain = case(name)
    paths, weights = posterior(chain)
    k, n = chain[0].shape
    for path, weight in zip(paths, weights):
        if not weight:
            continue
        for site, to in product(range(n), range(k)):
            other = (*path[:site], to, *path[site + 1 :])
            ratio = density(*chain, other) / density(*chain, path)
            found = flip(*chain, np.array(path), site, to)
            assert found.ratio == pytest.approx(ratio, rel=1e-9)
            if ratio:
                assert sum(f.log_ratio for f in found.factors) == pytest.approx(found.log_ratio, abs=1e-9)
