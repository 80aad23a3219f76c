"""Left-right chains: what is 0 in start and transitions stays 0, whatever is done with the fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emstudio.core import series_edits
from emstudio.core.em import advance, begin, blank, edited
from emstudio.core.how import SOFT, EStep
from emstudio.core.marks import Handle, View
from emstudio.core.model import Start
from emstudio.core.runs import run
from emstudio.core.stopping import Stopping
from emstudio.models.hmm import HiddenMarkov
from emstudio.models.hmm_params import GaussianChain

from .chains import series

MODEL = HiddenMarkov(k=3)
START = np.array([1.0, 0.0, 0.0])
TRANSITIONS = np.array([[0.8, 0.2, 0.0], [0.0, 0.7, 0.3], [0.0, 0.0, 1.0]])
CLOSED = TRANSITIONS == 0
KINDS = ["soft", "hard", "stochastic", "annealed", "metropolis", "scan-metropolis", "gibbs", "ffbs"]


def left_right():
    """Three series that rise in two steps, one of them with a gap."""
    rng = np.random.default_rng(4)
    rise = [np.repeat([0.0, 3.0, 6.0], lengths) for lengths in ([6, 9, 7], [9, 4, 5], [3, 8, 6])]
    parts = [level + 0.8 * rng.standard_normal(len(level)) for level in rise]
    parts[1][5] = np.nan
    params = GaussianChain(START, TRANSITIONS, np.array([[0.5], [2.0], [5.0]]), np.full((3, 1, 1), 2.0))
    return series(MODEL, *parts), params


def closed(params) -> bool:
    whole = np.allclose(params.transitions.sum(1), 1) and params.start.sum() == pytest.approx(1)
    return whole and bool((params.transitions[CLOSED] == 0).all()) and params.start[1:].tolist() == [0.0, 0.0]


def begun(how: EStep = SOFT, accelerate: bool = False):
    data, params = left_right()
    return begin(blank(data, MODEL, Start("params", params=params), 0, how=how, accelerate=accelerate))


@pytest.mark.parametrize("kind", KINDS)
def test_iterations_keep_the_ways_that_are_closed(kind: str) -> None:
    moment = begun(EStep(kind, draws=20, sweeps=5))
    for _ in range(12):
        moment = advance(moment)
        assert closed(moment.snapshot.params)
    moved = moment.snapshot.params.transitions[~CLOSED]
    assert not np.allclose(moved[:-1], TRANSITIONS[~CLOSED][:-1])  # the open ones did learn


def test_squarem_keeps_them_and_reaches_the_same_optimum() -> None:
    plain, fast = (run(begun(accelerate=on), Stopping(tol=1e-12)) for on in (False, True))
    assert closed(plain.params) and closed(fast.params)
    assert fast.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-6)
    assert fast.iterations <= plain.iterations


def test_edits_and_new_rows_keep_them() -> None:
    moment = advance(advance(begun()))
    moment = series_edits.append(moment, 0, 0, np.array([6.5, 6.1]))
    moment = advance(advance(series_edits.erase(moment, np.array([4]))))
    assert moment.data.n == 59 and closed(moment.snapshot.params)
    params = moment.snapshot.params
    for handle, place in [
        (Handle("transition", 0, 0), (0.4, 0.0)),
        (Handle("transition", 1, 2), (0.9, 0.0)),
        (Handle("mean", 1), (0.0, 2.5)),
        (Handle("variance", 2), (3.0, 0.0)),
    ]:
        params = MODEL.move(params, handle, View("series", (0,)), place)
        assert closed(params)
    moment = advance(advance(edited(moment, params=params)))
    assert closed(moment.snapshot.params)


def test_a_state_seeded_anew_keeps_them() -> None:
    data, params = left_right()
    fresh = MODEL.reseed(data, params, 1, np.random.default_rng(0))
    assert closed(fresh)
    assert fresh.transitions[1].tolist() == [0.0, 0.5, 0.5] and fresh.transitions[0, 1] == pytest.approx(1 / 3)


def test_a_state_that_no_way_leads_to_is_opened_when_it_is_seeded_anew() -> None:
    data, params = left_right()
    lost = np.array([[0.8, 0.0, 0.2], [0.0, 0.7, 0.3], [0.0, 0.0, 1.0]])
    fresh = MODEL.reseed(data, params._replace(transitions=lost), 1, np.random.default_rng(0))
    assert fresh.transitions[0, 1] == pytest.approx(1 / 3) and fresh.start[1] == pytest.approx(1 / 3)
    assert np.allclose(fresh.transitions.sum(1), 1)


def test_an_opened_way_is_used_again() -> None:
    moment = begun()
    rows = moment.snapshot.params.transitions.copy()
    rows[2] = [0.2, 0.0, 0.8]
    moment = edited(moment, params=moment.snapshot.params._replace(transitions=rows))
    assert advance(advance(moment)).snapshot.params.transitions[2, 0] > 0


@pytest.mark.parametrize("shape", ["VVV", "VII", "EEE", "EII", "VVI"])
def test_a_dragged_spread_keeps_what_the_states_share(shape: str) -> None:
    model = replace(MODEL, covariance=shape)
    each = (
        np.tile([[2.0, 0.6], [0.6, 1.0]], (3, 1, 1)) if shape in ("VVV", "EEE") else np.tile(np.eye(2) * 2.0, (3, 1, 1))
    )
    params = GaussianChain(START, TRANSITIONS, np.zeros((3, 2)), each)
    wider = model.move(params, Handle("variance", 1), View("series", (0,)), (8.0, 0.0)).covariances
    assert wider[1, 0, 0] == pytest.approx(8.0)
    assert wider[1, 1, 1] == pytest.approx(4 * each[1, 1, 1] if shape.endswith("II") else each[1, 1, 1])
    assert wider[1, 0, 1] == pytest.approx(2 * each[1, 0, 1])
    assert np.array_equal(wider[0], wider[1] if shape.startswith("E") else each[0])
