"""What both chains must hold for any series: every path counted, the names of the states, time turned round, draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emstudio.core.data import Dataset
from emstudio.core.em import Moment, advance
from emstudio.core.how import SAMPLERS, EStep
from emstudio.models.hmm import HiddenMarkov
from emstudio.models.hmm_params import GaussianChain
from emstudio.models.noisy_switch import NoisySwitch, SwitchParams
from tests.models.chains import at, every_path, log_sum, series, tiny
from tests.models.properties import close

KINDS = [kind for kind, _, _ in SAMPLERS]


@st.composite
def switches(draw) -> tuple[Dataset, SwitchParams]:
    """Up to three short series of a switch, of any lengths from 1 on, some steps not observed, and parameters."""
    value = st.one_of(st.floats(-3.0, 4.0), st.just(float("nan")))
    parts = draw(st.lists(st.lists(value, min_size=1, max_size=5), min_size=1, max_size=3))
    parts[0][0] = 0.25  # of nothing but gaps there is nothing to fit
    q, variance = draw(st.floats(0.05, 0.95)), draw(st.floats(0.05, 4.0))
    return series(NoisySwitch(), *parts), SwitchParams(q, variance)


def expected(model, data: Dataset, params) -> tuple[float, np.ndarray, float, float]:
    """(log-likelihood, P(z = 1) (n,), expected stays, expected squares over the observed steps) by every path."""
    level, ones, stays, squares = 0.0, np.zeros(data.n), 0.0, 0.0
    x = data.observed[:, 0]
    for s, (paths, levels) in enumerate(every_path(model, data, params)):
        rows = slice(int(data.offsets[s]), int(data.offsets[s + 1]))
        p = np.exp(levels - log_sum(levels))
        level += log_sum(levels)
        ones[rows] = p @ paths
        stays += p @ (paths[:, 1:] == paths[:, :-1]).sum(1)
        squares += p @ np.nansum((x[rows] - paths) ** 2, axis=1)
    return level, ones, float(stays), float(squares)


@settings(max_examples=40, deadline=None)
@given(switches())
def test_a_switch_s_half_steps_are_those_of_every_path(case) -> None:
    data, params = case
    model = NoisySwitch()
    level, ones, stays, squares = expected(model, data, params)
    m = advance(at(model, data, params))
    close(m.snapshot.log_likelihood, level, 1e-11)
    close(m.snapshot.resp[:, 1], ones, 1e-11)
    steps = data.n - (len(data.offsets) - 1)
    seen = np.isfinite(data.observed[:, 0]).sum()
    if steps and squares / seen > 1e-6:
        after = advance(m).snapshot
        close(after.params.q, stays / steps, 1e-11)
        close(after.params.variance, squares / seen, 1e-10)
        assert after.log_likelihood >= level - 1e-10 * max(1.0, abs(level))


@settings(max_examples=25, deadline=None)
@given(switches())
def test_the_states_of_a_switch_are_named_by_their_levels_alone(case) -> None:
    """0 and 1 change places where x becomes 1 - x; q and the variance know nothing of it."""
    data, params = case
    model = NoisySwitch()
    parts = [data.observed[a:b, 0] for a, b in zip(data.offsets[:-1], data.offsets[1:], strict=True)]
    mirrored = series(model, *[1.0 - p for p in parts])
    for a, b in zip(run(model, data, params), run(model, mirrored, params), strict=True):
        close(a.snapshot.log_likelihood, b.snapshot.log_likelihood, 1e-10)
        close(a.snapshot.resp, b.snapshot.resp[:, ::-1], 1e-9)


def run(model, data: Dataset, params, steps: int = 5) -> list[Moment]:
    """Half-steps from the parameters, as far as nothing collapses."""
    made = [advance(at(model, data, params))]
    least = 1e-3
    while len(made) < steps and made[-1].snapshot.params.variance > least and data.n > len(data.offsets):
        made.append(advance(made[-1]))
    return made


# -- time --------------------------------------------------------------------------------------------------------------
def test_a_reversible_chain_of_three_states_fits_the_same_backward() -> None:
    """With flows that balance and the start in equilibrium, time turned round changes nothing but the order of pairs."""
    flows = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.8], [0.5, 0.8, 2.0]])
    transitions = flows / flows.sum(1, keepdims=True)
    start = flows.sum(1) / flows.sum()
    params = GaussianChain(start, transitions, np.array([[0.0], [2.0], [4.0]]), np.full((3, 1, 1), 0.7))
    rng = np.random.default_rng(4)
    parts = [rng.normal(2, 2, n) for n in (30, 1, 12)]
    parts[0][7] = np.nan
    model = HiddenMarkov(k=3)
    forth = advance(at(model, series(model, *parts), params)).snapshot
    back = advance(at(model, series(model, *[p[::-1] for p in parts]), params)).snapshot
    close(forth.log_likelihood, back.log_likelihood, 1e-13)
    ends = np.cumsum([len(p) for p in parts])
    for a, b in zip(ends - [len(p) for p in parts], ends, strict=True):
        close(forth.resp[a:b], back.resp[a:b][::-1], 1e-11)
    close(forth.posterior.pairs, back.posterior.pairs.T, 1e-11)


# -- draws -------------------------------------------------------------------------------------------------------------
# Single sites do not reach every path through the zeros of the second; the window says so.
@pytest.mark.parametrize(("which", "kind"), [*((i, kind) for i in (0, 2) for kind in KINDS), (1, "ffbs")])
def test_draws_of_any_chain_agree_with_every_path(which: int, kind: str) -> None:
    """Series of several lengths, gaps, zeros: within five standard errors of the exact posterior, site by site."""
    model, data, params = tiny()[which]
    draws = 2000
    q = advance(at(model, data, params, EStep(kind, draws=draws, sweeps=60), seed=2)).snapshot.posterior
    exact = q.exact
    error = np.sqrt(np.maximum(exact.gamma.T * (1 - exact.gamma.T), 1e-4) / draws)
    assert (np.abs(q.resp - exact.gamma.T) < 5 * error).all()
    close(q.pairs.sum(), exact.pairs.sum(), 1e-12)  # as many steps, and none over the seam of two series
    assert (np.abs(q.pairs - exact.pairs) < 5 * np.sqrt((exact.pairs + 0.05) * data.n / draws)).all()
    assert ((params.transitions > 0) | (q.pairs == 0)).all()
    level = sum(log_sum(levels) for _, levels in every_path(model, data, params))
    close(q.log_likelihood, level, 1e-11)  # the log-likelihood stays exact whatever is drawn
