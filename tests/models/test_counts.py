"""Mixtures of coins, multinomials and Poisson counts against numbers computed outside of the program, and brute force."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from decimal import Decimal, getcontext
from math import comb, exp, factorial, fsum, log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emstudio.core.data import Column, Table, dataset, frozen, painted
from emstudio.core.discrete import log_arrangements
from emstudio.core.em import Moment, advance, begin, blank
from emstudio.core.errors import Degenerate, UserError
from emstudio.core.how import EStep
from emstudio.core.model import Start
from emstudio.core.runs import run
from emstudio.core.stopping import Stopping
from emstudio.models.coins import CoinParams, Coins
from emstudio.models.multinomial import MultinomialMixture, MultinomialParams
from emstudio.models.poisson import PoissonMixture, PoissonParams

REFERENCES = Path(__file__).resolve().parents[1] / "references"


def reference(name: str) -> dict:
    return json.loads((REFERENCES / f"{name}.json").read_text())


def coins(heads, tosses):
    heads, tosses = np.asarray(heads, float), np.asarray(tosses, float)
    return dataset(painted(np.stack([heads, tosses - heads], axis=1), ["heads", "tails"]))


def counts(x):
    x = np.asarray(x, float)
    x = x[:, None] if x.ndim == 1 else x
    return dataset(painted(x, [f"c{j}" for j in range(x.shape[1])]))


def at(model, data, params, how: EStep | None = None) -> Moment:
    return begin(blank(data, model, Start("params", params=params), 0, how=how or EStep()))


def iterate(moment: Moment, times: int = 1) -> Moment:
    for _ in range(2 * times):
        moment = advance(moment)
    return moment


def difference(got, wanted) -> float:
    a, b = np.asarray(got, float), np.asarray(wanted, float)
    assert a.shape == b.shape
    return float(np.abs(a - b).max() / np.abs(b).max())


def twelve(name: str):
    """(model, data, params, the reference) of one reference run."""
    found = reference(name)
    start = found["trajectory"][0]
    if name.startswith("coins"):
        data = coins(**found["data"])
        return Coins(k=2, mixing=found["mixing"]), data, CoinParams(*map(np.array, list(start.values())[:2])), found
    if name.startswith("multinomial"):
        params = MultinomialParams(np.array(start["weights"]), np.array(start["probabilities"]))
        return MultinomialMixture(k=3), counts(found["data"]["counts"]), params, found
    params = PoissonParams(np.array(start["weights"]), np.array(start["rates"]))
    return PoissonMixture(k=3), counts(found["data"]["counts"]), params, found


RUNS = (
    "coins/fixed_mixing",
    "coins/free_mixing",
    "coins/hard",
    "coins/symmetric_start",
    "multinomial/dice5_K3",
    "poisson/poisson_K3",
)


@pytest.mark.parametrize("name", RUNS)
def test_every_iteration_agrees_with_the_reference(name: str):
    model, data, params, found = twelve(name)
    m = at(model, data, params, EStep("hard") if name == "coins/hard" else None)
    for state in found["trajectory"]:
        for key, wanted in state.items():
            if key != "loglik":
                assert difference(getattr(m.snapshot.params, key), wanted) < 1e-9, (m.label, key)
        assert m.snapshot.log_likelihood == pytest.approx(state["loglik"], rel=1e-11)
        m = iterate(m)
    if found["resp_start"]:
        assert np.abs(advance(at(model, data, params)).snapshot.resp - found["resp_start"]).max() < 1e-12


# -- coins -------------------------------------------------------------------------------------------------------------
HEADS, TOSSES = [5, 9, 8, 4, 7], [10] * 5


@pytest.mark.parametrize(
    ("mixing", "biases", "weight"), [("fixed", (0.796789, 0.519583), 0.5), ("free", (0.793368, 0.513917), 0.522751)]
)
def test_both_mixings_converge_to_their_published_limits(mixing, biases, weight):
    model, data = Coins(k=2, mixing=mixing), coins(HEADS, TOSSES)
    start = CoinParams(np.array([0.5, 0.5]), np.array([0.6, 0.5]))
    ended = run(at(model, data, start), Stopping(tol=1e-15, max_iter=5000))
    assert np.abs(ended.params.biases - biases).max() < 1e-6
    assert ended.params.weights[0] == pytest.approx(weight, abs=1e-6)


def test_unequal_tosses_against_brute_force():
    heads, tosses = [0, 3, 7, 1], [2, 3, 11, 0 + 4]
    p, w = [0.3, 0.8], [0.35, 0.65]
    m = at(Coins(k=2), coins(heads, tosses), CoinParams(np.array(w), np.array(p)))
    joint = [[wk * comb(n, h) * pk**h * (1 - pk) ** (n - h) for wk, pk in zip(w, p)] for h, n in zip(heads, tosses)]
    assert m.snapshot.log_likelihood == pytest.approx(fsum(log(sum(row)) for row in joint), rel=1e-13)
    r = np.array([[j / sum(row) for j in row] for row in joint])
    m = iterate(m)
    assert m.snapshot.params.weights == pytest.approx(r.mean(0), rel=1e-13)
    assert m.snapshot.params.biases == pytest.approx((r.T @ heads) / (r.T @ tosses), rel=1e-13)


def test_single_flips_reach_the_ridge_in_one_step_and_stay():
    found = reference("coins/single_flips")
    data = coins([1] * found["heads"] + [0] * (found["flips"] - found["heads"]), [1] * found["flips"])
    for start in found["runs"]:
        m = at(Coins(k=2), data, CoinParams(np.array(start["weights"]), np.array(start["biases"])))
        assert m.snapshot.log_likelihood == pytest.approx(start["loglik"], rel=1e-12)
        m = iterate(m)
        assert difference(m.snapshot.params.biases, start["after"]["biases"]) < 1e-12
        assert m.snapshot.params.weights @ m.snapshot.params.biases == pytest.approx(0.53, abs=1e-14)
        assert m.snapshot.log_likelihood == pytest.approx(found["max_loglik"], rel=1e-13)
        assert difference(iterate(m).snapshot.params.biases, m.snapshot.params.biases) < 1e-13


def notices(model, data, params, times: int = 3) -> list[str]:
    m = iterate(at(model, data, params), times)
    return [n.code for n in model.notices(data, m.snapshot.params, m.ahead)]


SAME = CoinParams(np.array([0.5, 0.5]), np.array([0.5, 0.5]))
APART = CoinParams(np.array([0.5, 0.5]), np.array([0.6, 0.5]))


def test_a_symmetric_start_is_a_saddle_only_where_parting_pays():
    assert notices(Coins(k=2), coins(HEADS, TOSSES), SAME) == ["saddle"]
    assert notices(Coins(k=2), coins(HEADS, TOSSES), APART) == []
    # Trials more alike than one coin would make them: one coin is the maximum.
    assert notices(Coins(k=2), coins([5, 5, 5, 5], [10] * 4), SAME) == []


def test_the_likelihood_rises_from_a_saddle_and_only_there():
    """What `saddle` claims, tried: a small step apart raises the likelihood of the one data set and not of the other."""
    for heads, rises in (HEADS, True), ([5, 5, 5, 5], False):
        data = coins(heads, [10] * len(heads))
        m = iterate(at(Coins(k=2), data, SAME), 3)
        parted = m.snapshot.params._replace(biases=m.snapshot.params.biases + np.array([0.01, -0.01]))
        gain = at(Coins(k=2), data, parted).snapshot.log_likelihood - m.snapshot.log_likelihood
        assert (gain > 0) == rises


@pytest.mark.parametrize(
    ("tosses", "k", "mixing", "told"),
    [(1, 2, "free", True), (2, 2, "free", True), (3, 2, "free", False), (1, 2, "fixed", False), (4, 3, "free", True)],
)
def test_too_few_tosses_are_said_not_to_identify(tosses, k, mixing, told):
    rng = np.random.default_rng(0)
    data = coins(rng.binomial(tosses, 0.5, 40), [tosses] * 40)
    start = CoinParams(np.full(k, 1 / k), np.linspace(0.3, 0.7, k))
    assert ("not-identifiable" in notices(Coins(k=k, mixing=mixing), data, start)) == told


def test_a_bias_of_one_stays_finite_and_harms_no_other_row():
    data = coins([4, 4, 1, 2], [4, 4, 4, 4])
    m = at(Coins(k=2), data, CoinParams(np.array([0.5, 0.5]), np.array([1.0, 0.4])))
    last = m.snapshot.log_likelihood
    for _ in range(40):
        m = advance(m)
        assert np.isfinite(m.snapshot.log_likelihood) and m.snapshot.log_likelihood >= last - 1e-12
        assert m.snapshot.bound is None or -1e3 < m.snapshot.bound <= m.snapshot.log_likelihood + 1e-11
        last = m.snapshot.log_likelihood
    assert m.snapshot.params.biases[0] == 1.0
    resp = m.snapshot.resp
    assert resp[2, 0] == resp[3, 0] == 0.0


def test_a_row_that_no_coin_can_have_made_is_named():
    with pytest.raises(UserError, match=r"row 2 \(counted from 0\).*no component can have made this row"):
        at(Coins(k=2), coins([4, 4, 1], [4, 4, 4]), CoinParams(np.array([0.5, 0.5]), np.array([1.0, 1.0])))


def test_a_coin_without_responsibilities_is_empty():
    m = at(Coins(k=2), coins([2, 3], [4, 4]), CoinParams(np.array([0.5, 0.5]), np.array([1.0, 0.5])))
    with pytest.raises(Degenerate) as news:
        advance(advance(m))
    assert (news.value.notice.code, news.value.notice.component) == ("empty", 0)


def known(heads, tosses, names, **more) -> tuple[Coins, object]:
    levels = tuple(sorted(set(names)))
    column = Column("coin", "category", frozen(np.array([levels.index(n) for n in names])), levels=levels)
    table = painted(np.array([heads, tosses], float).T, ["heads", "tosses"])
    table = Table(table.name, (*table.columns, column), source="coins.csv")
    model = Coins(identities="known", **more)
    data = model.dataset(table, missing="error")
    return model.for_data(data), data


def test_known_identities_are_counting():
    model, data = known(HEADS, TOSSES, "BAABA")
    assert model.coins == ("A", "B") and model.k == 2
    m = begin(blank(data, model, Start("none"), 0))
    assert m.snapshot.params.biases.tolist() == [24 / 30, 9 / 20]
    assert m.snapshot.params.weights.tolist() == [3 / 5, 2 / 5]
    own = {"A": 0.8, "B": 0.45}
    each = [log(comb(10, h)) + h * log(own[c]) + (10 - h) * log(1 - own[c]) for h, c in zip(HEADS, "BAABA")]
    assert m.snapshot.log_likelihood == pytest.approx(fsum(each), rel=1e-14)
    ended = run(blank(data, model, Start("none"), 0), Stopping())
    assert ended.iterations == 1 and ended.converged and model.free_parameters(2) == 2
    assert advance(m).snapshot.bound == pytest.approx(m.snapshot.log_likelihood, rel=1e-14)
    assert advance(m).snapshot.resp.tolist() == [[0, 1], [1, 0], [1, 0], [0, 1], [1, 0]]


# -- starts ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["points", "responsibilities"])
@pytest.mark.parametrize(
    ("model", "data"),
    [
        (Coins(k=3), coins([0, 1, 2, 10, 9, 5], [10] * 6)),
        (Coins(k=4), coins([1, 0, 1, 0, 1, 1], [1] * 6)),  # but two different rows
        (MultinomialMixture(k=2), counts([[3, 0, 0], [0, 3, 0], [0, 0, 3], [1, 1, 1]])),
        (PoissonMixture(k=2), counts([0, 0, 0, 9, 12])),
    ],
)
def test_no_drawn_start_is_in_a_corner_that_it_could_not_leave(method, model, data):
    for seed in range(5):
        params = begin(blank(data, model, Start(method), seed)).snapshot.params
        for name, values in params._asdict().items():
            assert (values > 0).all() and (name != "biases" or (values < 1).all())
        theta = next(np.asarray(v) for key, v in params._asdict().items() if key != "weights")
        assert len(np.unique(np.round(theta.reshape(model.k, -1), 12), axis=0)) == model.k


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (Coins(k=3), coins([0, 1, 2, 10, 9, 5], [10] * 6)),
        (MultinomialMixture(k=2), counts([[3, 0, 0], [0, 3, 0], [0, 0, 3], [1, 1, 1]])),
        (PoissonMixture(k=2), counts([0, 0, 0, 9, 12])),
    ],
)
def test_seeds_start_with_the_m_step_of_their_parts_and_a_probability_of_0_is_legal(model, data):
    """Each start is that of one of all partitions, strictly; and EM goes on from its zeros with finite numbers."""
    possible = []
    for labels in itertools.product(range(model.k), repeat=data.n):
        if len(set(labels)) == model.k:
            start = Start("labels", labels=np.array(labels))
            possible.append(begin(blank(data, model, start, 0)).snapshot.params)
    at_zero = 0
    for seed in range(8):
        m = begin(blank(data, model, Start("kmeans++"), seed))
        theta = next(np.asarray(v) for key, v in m.snapshot.params._asdict().items() if key != "weights")
        assert any(all(np.array_equal(a, b) for a, b in zip(m.snapshot.params, p)) for p in possible), seed
        at_zero += (theta == 0).any()
        for _ in range(10):
            before, m = m.snapshot.log_likelihood, advance(m)
            assert np.isfinite(m.snapshot.log_likelihood) and m.snapshot.log_likelihood >= before - 1e-12
            assert np.isfinite(m.snapshot.bound) and np.isfinite(m.snapshot.resp if m.next == "M" else 0.0).all()
    assert at_zero


def test_labels_start_with_their_own_m_step():
    data = coins(HEADS, TOSSES)
    start = Start("labels", labels=np.array([1, 0, 0, 1, 0]))
    free = begin(blank(data, Coins(k=2), start, 0)).snapshot.params
    assert free.biases.tolist() == [0.8, 0.45] and free.weights.tolist() == [0.6, 0.4]
    held = begin(blank(data, Coins(k=2, mixing="fixed"), start, 0)).snapshot.params
    assert held.biases.tolist() == [0.8, 0.45] and held.weights.tolist() == [0.5, 0.5]


def test_fixed_mixing_keeps_the_weights_that_were_given():
    start = CoinParams(np.array([0.3, 0.7]), np.array([0.6, 0.5]))
    for accelerate in (False, True):
        m = begin(
            blank(
                coins(HEADS, TOSSES),
                Coins(k=2, mixing="fixed"),
                Start("params", params=start),
                0,
                accelerate=accelerate,
            )
        )
        for _ in range(20):
            m = advance(m)
        assert m.snapshot.params.weights.tolist() == [0.3, 0.7]


# -- brute force -------------------------------------------------------------------------------------------------------
def test_multinomial_and_poisson_probabilities_sum_to_one():
    n, c = 5, 3
    rows = np.array([x for x in itertools.product(range(n + 1), repeat=c) if sum(x) == n], float)
    p = np.array([[0.2, 0.5, 0.3], [0.0, 0.4, 0.6]])
    model = MultinomialMixture(k=2)
    density = np.exp(model.scores_at(MultinomialParams(np.array([0.3, 0.7]), p), rows)).sum(1)
    assert fsum(density) == pytest.approx(1.0, abs=1e-13)
    x = np.arange(80.0)[:, None]
    rates = PoissonParams(np.array([0.4, 0.6]), np.array([[0.0], [6.5]]))
    density = np.exp(PoissonMixture(k=2).scores_at(rates, x)).sum(1)
    assert fsum(density) == pytest.approx(1.0, abs=1e-13)
    assert density[3] == pytest.approx(0.6 * exp(-6.5) * 6.5**3 / factorial(3), rel=1e-13)


@pytest.mark.parametrize("tosses", [10, 150, 201, 5000, 100_000])
def test_the_number_of_arrangements_keeps_its_digits(tosses: int):
    rng = np.random.default_rng(tosses)
    heads = [0, 1, 7, tosses // 3, tosses // 2, tosses - 1, tosses, *rng.integers(0, tosses, 5).tolist()]
    got = log_arrangements(np.array([[h, tosses - h] for h in heads]))
    getcontext().prec = 40
    for h, value in zip(heads, got):
        assert value == pytest.approx(float(Decimal(comb(tosses, h)).ln()), rel=1e-13, abs=1e-14)
    three = float((Decimal(factorial(600)) / (factorial(400) * factorial(199))).ln())
    assert log_arrangements(np.array([[400.0, 1.0, 199.0]]))[0] == pytest.approx(three, rel=1e-13)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=3, max_size=12),
    st.lists(st.floats(0.0, 1.0), min_size=2, max_size=3),
)
def test_em_on_any_trials_never_falls_and_never_breaks(trials, biases):
    heads = np.array([h for h, _ in trials])
    data = coins(heads, heads + np.array([t for _, t in trials]))
    params = CoinParams(np.full(len(biases), 1 / len(biases)), np.array(biases))
    model = Coins(k=len(biases))
    try:
        m = at(model, data, params)
        last = m.snapshot.log_likelihood
        for _ in range(12):
            m = advance(m)
            assert np.isfinite(m.snapshot.bound)
            assert m.snapshot.log_likelihood >= last - 1e-12 * max(1.0, abs(last))
            assert ((m.snapshot.params.biases >= 0) & (m.snapshot.params.biases <= 1)).all()
            last = m.snapshot.log_likelihood
    except UserError as error:
        assert "no component can have made this row" in str(error)
    except Degenerate as news:
        assert news.notice.code == "empty"


def test_what_is_no_count_is_named():
    table = painted(np.array([[1.0, 2.0], [3.0, 2.5]]), ["a", "b"])
    for model in (PoissonMixture(k=1), MultinomialMixture(k=1)):
        with pytest.raises(UserError) as error:
            model.inspect(dataset(table))
        assert error.value.column == "b" and "2.5 is no count" in str(error.value)
        assert model.accepts(dataset(table)).startswith("Row 1 (counted from 0), column b: 2.5 is no count")
    assert "two or more" in MultinomialMixture(k=1).accepts(counts([1, 2, 3]))
    assert "only 2 rows for 3 components" in PoissonMixture(k=3).accepts(counts([1, 2]))


def test_a_row_of_weight_0_counts_for_nothing_even_where_no_component_can_have_made_it():
    rows = coins([10, 0, 5], [10, 10, 10])
    weightless = replace(rows, weights=frozen(np.array([1.0, 1.0, 0.0])))
    without = coins([10, 0], [10, 10])
    params = CoinParams(np.array([0.5, 0.5]), np.array([1.0, 0.0]))
    with_it, alone = (iterate(at(Coins(k=2), data, params), 2) for data in (weightless, without))
    assert with_it.snapshot.log_likelihood == alone.snapshot.log_likelihood == pytest.approx(2 * log(0.5))
    assert with_it.snapshot.params.biases.tolist() == alone.snapshot.params.biases.tolist() == [1.0, 0.0]
    with pytest.raises(UserError, match="no component can have made this row"):
        at(Coins(k=2), rows, params)
