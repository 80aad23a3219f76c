"""Hidden Markov models against references, against every path, against the mixture, and against their own draws."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from emstudio import tables
from emstudio.core.covariance import COVARIANCES
from emstudio.core.data import painted
from emstudio.core.em import advance, begin, blank
from emstudio.core.errors import Degenerate, UserError
from emstudio.core.how import EStep
from emstudio.core.marks import Handle, View
from emstudio.core.model import Start
from emstudio.core.runs import run
from emstudio.core.stopping import Stopping
from emstudio.models.gaussian import GaussianMixture, GaussianParams
from emstudio.models.hmm import HiddenMarkov
from emstudio.models.hmm_params import GaussianChain, PoissonChain
from emstudio.models.noisy_switch import NoisySwitch, SwitchParams
from tests.models.chains import REFERENCES, TRANSITIONS, at, every_path, log_sum, reference, series, tiny, without_order
from tests.models.properties import close, close_params

RNG = np.random.default_rng(12)


# -- references --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["casino_K2", "earthquakes_K2", "plane_K3"])
def test_trajectories_agree_with_the_references(name: str) -> None:
    model, data, document = reference(name)
    m = at(model, data, model.from_dict(document["trajectory"][0]))
    last = -np.inf
    for state in document["trajectory"]:
        s = m.snapshot
        close(s.log_likelihood, state["loglik"], 1e-11)
        for key, values in model.to_dict(s.params).items():
            close(values, state[key], 1e-9, key)
        assert s.log_likelihood >= last - 1e-12 * abs(last)
        last = s.log_likelihood
        m = advance(advance(m))


@pytest.mark.parametrize("name", ["casino_K2", "earthquakes_K2", "plane_K3"])
def test_most_probable_paths_agree_with_the_references(name: str) -> None:
    model, data, document = reference(name)
    path, levels = model.decoded(data, model.from_dict(document["trajectory"][0]))
    wanted = document["viterbi_start"]
    assert path.tolist() == [z for one in wanted for z in one["path"]]
    close(levels, [one["log_probability"] for one in wanted], 1e-12)


def test_the_noisy_switch_agrees_with_the_reference() -> None:
    document = json.loads((REFERENCES / "noisy_switch.json").read_text())
    model = NoisySwitch()
    data = model.dataset(tables.read("dataset:hidden-switch"), truth="state")
    m = begin(blank(data, model, Start(), 0))
    assert m.snapshot.params == SwitchParams(0.5, 1.0)
    for state in document["trajectory"]:
        s, found = m.snapshot, model.statistics(data, m.snapshot.params, m.ahead)
        close(s.log_likelihood, state["loglik"], 1e-11)
        close([s.params.q, s.params.variance], [state["q"], state["variance"]], 1e-9)
        close([found[key] for key in "abc"], [state[key] for key in "abc"], 1e-9)
        m = advance(advance(m))


def test_sixteen_paths_are_enumerated() -> None:
    model = NoisySwitch()
    data = series(model, [0.25, -0.3, 0.8, 1.1])
    for q, v in ((0.8, 0.25), (0.5, 1.0), (0.2, 0.1), (0.0, 0.5), (1.0, 0.5)):
        params = SwitchParams(q, v)
        ((paths, levels),) = every_path(model, data, params)
        assert len(paths) == 16
        found = advance(at(model, data, params)).snapshot.posterior
        p = np.exp(levels - log_sum(levels))
        stays = (paths[:, 1:] == paths[:, :-1]).sum(1)
        misfit = ((data.x[:, 0] - paths) ** 2).sum(1)
        close(found.log_likelihood, log_sum(levels), 1e-12)
        numbers = model.statistics(data, params, found)
        close([numbers["a"], numbers["b"], numbers["c"]], [p @ stays, p @ (3 - stays), p @ misfit], 1e-12)
        close(found.resp[:, 1], p @ paths, 1e-12)


# -- every path --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("model", "data", "params"), tiny(), ids=["gaussian-gaps", "poisson-left-right", "symbols"])
def test_tiny_chains_agree_with_every_path(model, data, params) -> None:
    m = advance(at(model, data, params))
    q, resp, density = m.snapshot.posterior, *model.assigned(data, params)
    path, best = model.decoded(data, params)
    first, pairs, total, entropy = np.zeros(model.k), np.zeros((model.k, model.k)), 0.0, 0.0
    for s, (paths, levels) in enumerate(every_path(model, data, params)):
        rows = slice(data.offsets[s], data.offsets[s + 1])
        level = log_sum(levels)
        p = np.exp(levels - level)
        total += level
        entropy -= (p[p > 0] * np.log(p[p > 0])).sum()
        close(density[rows].sum(), level, 1e-12)
        close(resp[rows], np.stack([p @ (paths == j) for j in range(model.k)], axis=1), 1e-12)
        close(best[s], levels.max(), 1e-12)
        assert path[rows].tolist() == paths[levels.argmax()].tolist()
        first += np.bincount(paths[:, 0], p, minlength=model.k)
        for j, k in np.ndindex(pairs.shape):
            pairs[j, k] += p @ ((paths[:, :-1] == j) & (paths[:, 1:] == k)).sum(1)
    close(q.log_likelihood, total, 1e-12)
    close(q.entropy, entropy, 1e-11)
    close(q.first, first, 1e-12)
    close(q.pairs, pairs, 1e-12)
    after = advance(m)
    close(after.snapshot.params.start, first / first.sum(), 1e-12)
    sums = pairs.sum(1, keepdims=True)
    close(
        after.snapshot.params.transitions,
        np.where(sums > 0, pairs / np.maximum(sums, 1e-300), params.transitions),
        1e-12,
    )
    assert ((after.snapshot.params.transitions == 0) == (params.transitions == 0)).all()
    # F of the new parameters, path by path, with q of the old ones
    wanted = entropy
    for (_, new), (_, old) in zip(every_path(model, data, after.snapshot.params), every_path(model, data, params)):
        p = np.exp(old - log_sum(old))
        wanted += (p[p > 0] * new[p > 0]).sum()
    close(after.snapshot.bound, wanted, 1e-11)


def test_a_chain_without_memory_is_the_mixture() -> None:
    x = np.concatenate([RNG.normal(0, 1, (60, 2)), RNG.normal(4, 1.5, (50, 2))])
    for covariance in COVARIANCES:
        model, kin = HiddenMarkov(k=2, covariance=covariance), GaussianMixture(k=2, covariance=covariance)
        data = series(model, x[:40], x[40:41], x[41:])
        weights = np.array([0.3, 0.7])
        m = advance(begin(blank(without_order(data), kin, Start(), 1)))
        theta = kin.split(m.snapshot.params)[1]
        mixture = GaussianParams(weights, *theta)
        mine = advance(at(model, data, GaussianChain(weights, np.tile(weights, (2, 1)), *theta)))
        theirs = advance(at(kin, without_order(data), mixture))
        close(mine.snapshot.log_likelihood, theirs.snapshot.log_likelihood, 1e-13)
        close(mine.snapshot.resp, theirs.snapshot.resp, 1e-12)
        close(mine.snapshot.posterior.entropy, theirs.snapshot.posterior.entropy, 1e-10)
        close(advance(mine).snapshot.params.means, advance(theirs).snapshot.params.means, 1e-12)
        close(advance(mine).snapshot.params.covariances, advance(theirs).snapshot.params.covariances, 1e-11)


def test_a_reversible_chain_is_the_same_backward() -> None:
    model = NoisySwitch()
    x = RNG.standard_normal(40) + (np.arange(40) // 7 % 2)
    forth, back = series(model, x), series(model, x[::-1])
    params = SwitchParams(0.85, 0.4)
    a, b = advance(at(model, forth, params)), advance(at(model, back, params))
    close(a.snapshot.log_likelihood, b.snapshot.log_likelihood, 1e-13)
    close(a.snapshot.resp, b.snapshot.resp[::-1], 1e-12)


# -- gaps and series ---------------------------------------------------------------------------------------------------
def test_a_gap_is_a_step_and_tells_nothing_of_the_emissions() -> None:
    model = NoisySwitch()
    gap, spliced = series(model, [0.1, np.nan, 0.9, 1.2]), series(model, [0.1, 0.9, 1.2])
    params = SwitchParams(0.8, 0.25)
    m = advance(advance(at(model, gap, params)))
    numbers = model.statistics(gap, params, m.snapshot.posterior)
    close(numbers["a"] + numbers["b"], 3.0, 1e-13)
    close(m.snapshot.params.variance, numbers["c"] / 3, 1e-13)
    assert (
        abs(at(model, gap, params).snapshot.log_likelihood - at(model, spliced, params).snapshot.log_likelihood) > 1e-3
    )
    assert model.assigned(gap, params)[1][1] == pytest.approx(0.0, abs=1e-15)


def test_partly_missing_rows_use_what_is_known() -> None:
    model = HiddenMarkov(k=2)
    x = np.concatenate([RNG.normal(0, 1, (30, 2)), RNG.normal(5, 1, (30, 2))])
    x[3, 1] = x[40, 0] = np.nan
    x[[10, 35]] = np.nan
    data = series(model, x)
    m = begin(blank(data, model, Start(), 0))
    last = -np.inf
    for _ in range(20):
        m = advance(m)
        assert m.snapshot.bound <= m.snapshot.log_likelihood + 1e-9
        assert m.snapshot.bound >= last - 1e-9
        last = m.snapshot.bound
    lone = GaussianMixture(k=2).scores_at(model.kin_params(m.snapshot.params), data.observed[[3]])
    emission = model.emissions(data, m.snapshot.params)[:, 3]
    close(np.diff(emission), np.diff(lone[0] - np.log(model.occupancy(m.snapshot.params))), 1e-9)


def test_order_matters_and_the_order_of_whole_series_does_not() -> None:
    model = HiddenMarkov(k=2)
    a, b = RNG.normal(0, 1, 20), np.concatenate([RNG.normal(3, 1, 10), RNG.normal(0, 1, 15)])
    params = GaussianChain(
        np.array([0.6, 0.4]), np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.0], [3.0]]), np.ones((2, 1, 1))
    )
    one, other = (
        advance(advance(at(model, series(model, a, b), params))),
        advance(advance(at(model, series(model, b, a), params))),
    )
    close_params(one.snapshot.params, other.snapshot.params, 1e-12)
    close(one.snapshot.log_likelihood, other.snapshot.log_likelihood, 1e-13)
    joined = at(model, series(model, np.concatenate([a, b])), params)
    assert abs(joined.snapshot.log_likelihood - at(model, series(model, a, b), params).snapshot.log_likelihood) > 1e-6


def test_series_of_length_one_leave_q_as_it_was_and_say_so() -> None:
    model = NoisySwitch()
    data = series(model, [0.2], [0.9], [1.1])
    found = run(at(model, data, SwitchParams(0.7, 1.0)), Stopping(max_iter=5))
    assert found.params.q == 0.7
    assert [n.code for n in found.notices] == ["not-identifiable"] and "length 1" in found.notices[0].text


# -- what is refused ---------------------------------------------------------------------------------------------------
def test_an_observation_that_no_path_explains_is_refused_with_its_row() -> None:
    model = HiddenMarkov(k=2, emission="poisson")
    data = series(model, [0, 0, 3, 0])
    params = PoissonChain(np.array([1.0, 0.0]), np.eye(2), np.array([[0.0], [5.0]]))
    for how in (EStep(), EStep("hard"), EStep("ffbs"), EStep("gibbs", sweeps=2)):
        with pytest.raises(UserError, match="no state can have made this row"):
            advance(at(model, data, params, how))
    with pytest.raises(UserError) as caught:
        at(model, data, params)
    assert caught.value.row == data.table.row_label(2)


def test_an_outlier_where_every_density_underflows_is_no_trouble() -> None:
    model = HiddenMarkov(k=2)
    data = series(model, [0.0, 0.2, 1e4, 3.1, 2.9])
    params = GaussianChain(np.full(2, 0.5), np.full((2, 2), 0.5), np.array([[0.0], [3.0]]), np.ones((2, 1, 1)))
    m = at(model, data, params)
    ((_, levels),) = every_path(model, data, params)
    close(m.snapshot.log_likelihood, log_sum(levels), 1e-12)
    assert np.isfinite(advance(m).snapshot.resp).all()


@pytest.mark.parametrize(
    ("rows", "options", "sentence"),
    [
        ([[0, 1, 1.0], [1, 2, 2.0], [0, 3, 3.0]], {"sequence": "which"}, "the series '0' comes back"),
        ([[0, 1, 1.0], [0, 1, 2.0], [1, 0, 3.0]], {"sequence": "which", "time": "t"}, "the time 1 is not later than 1"),
        ([[0, 1, 1.0], [0, 2, np.nan]], {"missing": "error"}, "--missing marginal"),
        ([[0, 1, 1.0], [0, 2, np.nan]], {"missing": "drop"}, "a series cannot leave a row out"),
        ([[0, 1, 1.0], [np.nan, 2, 2.0]], {"sequence": "which"}, "says which series"),
        ([[0, 1, 1.0], [0, np.nan, 2.0]], {"time": "t"}, "says when the row was"),
        ([[0, 1, 1.0], [0, 2, 2.0]], {"weights": "t"}, "row weights mean nothing to a series"),
        ([[0, 1, 1.0], [0, 2, 2.0]], {"sequence": "x"}, "to be fitted and to tell the series"),
    ],
)
def test_what_is_no_series_is_refused(rows, options, sentence) -> None:
    with pytest.raises(UserError, match=sentence):
        HiddenMarkov().dataset(painted(rows, ["which", "t", "x"]), ["x"], **options)


def test_time_may_start_again_in_the_next_series() -> None:
    table = painted([[0, 1, 1.0], [0, 2, 2.0], [1, 1, 3.0]], ["which", "t", "x"])
    data = NoisySwitch().dataset(table, ["x"], sequence="which", time="t")
    assert data.offsets.tolist() == [0, 2, 3]


def test_the_noise_of_a_switch_that_fits_exactly_collapses_with_a_sentence() -> None:
    model = NoisySwitch()
    with pytest.raises(Degenerate, match="every observed value is 0 or 1"):
        m = at(model, series(model, [0.0, 1.0, 1.0, 0.0]), SwitchParams(0.5, 1e-3))
        for _ in range(20):
            m = advance(m)


def test_poisson_rows_that_are_partly_missing_are_refused() -> None:
    model = HiddenMarkov(k=2, emission="poisson")
    data = series(model, [[1, 2], [np.nan, 3], [4, 5]])
    assert "make the whole row missing" in model.accepts(data)


def test_texts_are_symbols_by_code_point() -> None:
    table = tables.parse("weather\nsun\nrain\nsun\nRain\n")
    model = HiddenMarkov(k=2, emission="categorical")
    data = model.dataset(table)
    model = model.for_data(data)
    assert model.categories == ("Rain", "rain", "sun") and data.x[:, 0].tolist() == [2, 1, 2, 0]
    with pytest.raises(UserError, match="'snow' is none of the categories Rain, rain, sun"):
        model.dataset(tables.parse("weather\nsun\nsnow\n"))
    params = begin(blank(data, model, Start(), 0)).snapshot.params
    assert params.probabilities.shape == (2, 3) and model.count_free(1, params, Start()) == 1 + 2 + 4


# -- starts, parameters ------------------------------------------------------------------------------------------------
def test_labels_start_with_a_whole_m_step() -> None:
    model = HiddenMarkov(k=2, emission="poisson")
    data = series(model, [1, 2, 9, 8, 1], [7, 9, 8])
    params = begin(blank(data, model, Start("labels", labels=np.array([0, 0, 1, 1, 0, 1, 1, 1])), 0)).snapshot.params
    close(params.start, [0.5, 0.5])
    close(params.transitions, [[0.5, 0.5], [0.25, 0.75]])
    close(params.rates, [[4 / 3], [41 / 5]])


def test_given_zeros_are_no_free_parameters() -> None:
    model = HiddenMarkov(k=3, emission="poisson")
    rates = np.array([[1.0], [2.0], [3.0]])
    left_right = PoissonChain(np.array([1.0, 0, 0]), np.array([[0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0, 1]]), rates)
    assert model.count_free(1, left_right, Start("params", params=left_right)) == 0 + 2 + 3
    assert model.count_free(1, left_right, Start()) == 2 + 6 + 3
    assert NoisySwitch().count_free(1, SwitchParams(1.0, 1.0), Start("params", params=SwitchParams(1.0, 1.0))) == 2


def test_one_state_less_and_dragged_transitions_stay_distributions() -> None:
    model, data, params = tiny()[0]
    fewer = model.without(params, 1)
    HiddenMarkov(k=2).check(data, fewer)
    moved = model.move(params, Handle("transition", 1, 2), View("laboratory", (0,)), (0.5, 0.0))
    model.check(data, moved)
    close(moved.transitions[1], [0.5 * 0.15 / 0.95, 0.5 * 0.8 / 0.95, 0.5], 1e-12)
    anew = model.reseed(data, params, 2, np.random.default_rng(0))
    model.check(data, anew)


def test_the_picture_s_weights_are_the_expected_visits() -> None:
    model, data, params = tiny()[1]
    power, total = np.eye(3), np.zeros(3)
    length = -(-data.n // 2)
    for _ in range(length):
        total += params.start @ power
        power = power @ params.transitions
    close(model.kin_params(params, data).weights, total / length, 1e-13)
    close(model.kin_params(params).weights, [0.0, 0.0, 1.0], 1e-9)


def test_samples_have_the_chain_s_frequencies() -> None:
    model, _, params = tiny()[0]
    x, states = model.sample(params, 60_000, np.random.default_rng(1))
    pairs = np.zeros((3, 3))
    np.add.at(pairs, (states[:-1], states[1:]), 1)
    share = pairs / pairs.sum(1, keepdims=True)
    error = np.sqrt(TRANSITIONS * (1 - TRANSITIONS) / pairs.sum(1, keepdims=True))
    assert (np.abs(share - TRANSITIONS) < 5 * error).all()
    close(np.bincount(states) / len(states), model.occupancy(params), 0.05)
    assert np.abs(x[states == 1].mean(0) - params.means[1]).max() < 5 / np.sqrt((states == 1).sum())


# -- long series -------------------------------------------------------------------------------------------------------
def test_a_long_series_neither_underflows_nor_drifts() -> None:
    model = HiddenMarkov(k=2)
    params = GaussianChain(
        np.full(2, 0.5), np.array([[0.99, 0.01], [0.02, 0.98]]), np.array([[0.0], [2.0]]), np.ones((2, 1, 1))
    )
    x, _ = model.sample(params, 200_000, np.random.default_rng(0))
    data = series(model, x)
    level = at(model, data, params).snapshot.log_likelihood
    # the plain recursion, with its own scaling
    b = np.exp(-0.5 * (x - params.means.T) ** 2) / np.sqrt(2 * np.pi)
    a, total = params.start * b[0], 0.0
    for t in range(len(b)):
        if t:
            a = (a @ params.transitions) * b[t]
        scale = a.sum()
        total += np.log(scale)
        a = a / scale
    close(level, total, 1e-11)


def test_squarem_reaches_the_same_optimum() -> None:
    model, data, document = reference("earthquakes_K2")
    start = Start("params", params=model.from_dict(document["trajectory"][0]))
    fast = run(begin(blank(data, model, start, 0, accelerate=True)), Stopping(tol=1e-12))
    assert fast.log_likelihood == pytest.approx(-341.8787010117, abs=1e-8)
    zero = replace(start, params=start.params._replace(start=np.array([1.0, 0.0])))
    kept = run(begin(blank(data, model, zero, 0, accelerate=True)), Stopping(tol=1e-12))
    assert kept.params.start.tolist() == [1.0, 0.0]


def test_states_alike_in_everything_are_a_saddle_whatever_they_emit() -> None:
    symbols = np.repeat([0, 1, 2, 0, 2, 1], [9, 7, 8, 6, 9, 5]).astype(float)
    model = HiddenMarkov(k=2, emission="categorical")
    data = model.dataset(painted(symbols[:, None], ["symbol"]))
    model = model.for_data(data)
    halves, thirds = np.full(2, 0.5), np.full((2, 3), 1 / 3)
    for moves, found in ((np.full((2, 2), 0.5), ["saddle"]), (np.array([[0.9, 0.1], [0.4, 0.6]]), [])):
        params = model.from_dict({"start": halves, "transitions": moves, "probabilities": thirds})
        m = begin(blank(data, model, Start("params", params=params), 0))
        assert [n.code for n in model.notices(data, m.snapshot.params, m.ahead)] == found
