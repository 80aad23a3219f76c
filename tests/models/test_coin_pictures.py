"""The coins laboratory without a window: typed trials, edits of every form of table, the landscape against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from emstudio import datasets, tables
from emstudio.core.data import dataset, painted
from emstudio.core.em import advance, begin, blank
from emstudio.core.errors import UserError
from emstudio.core.marks import Disc, Handle, Tokens, View
from emstudio.core.model import Start, find
from emstudio.core.trials import Trial, likelihood, parse
from emstudio.models import coin_edits, coin_landscape
from emstudio.models.coins import CoinParams, Coins

TRIALS = View("coins", ())


def coins(table, params=None, **parameters):
    """A started moment of coins on a table."""
    model = find("coins").make(**parameters)
    data = model.dataset(table)
    start = Start() if params is None else Start("params", params=CoinParams(*map(np.array, params)))
    return begin(blank(data, model.for_data(data), start, 0))


def tokens(moment):
    return next(m for m in moment.model.draw(moment.data, None, TRIALS).marks if isinstance(m, Tokens))


@pytest.mark.parametrize(
    ("words", "trial"),
    [
        ("HTTHH", Trial(3, 5, "HTTHH")),
        (" h t th ", Trial(2, 4, "HTTH")),
        ("3 of 5", Trial(3, 5)),
        ("3/5", Trial(3, 5)),
        ("3H 2T", Trial(3, 5)),
        ("B: HTT", Trial(1, 3, "HTT", "B")),
        ("old coin: 0 of 4", Trial(0, 4, None, "old coin")),
    ],
)
def test_a_typed_trial_is_read(words, trial):
    assert parse(words) == trial


@pytest.mark.parametrize("words", ["", "HTX", "6 of 5", "0 of 0", "5", "-1 of 3", "999999 of 9999999"])
def test_what_is_no_trial_is_one_sentence(words):
    with pytest.raises(UserError) as caught:
        parse(words)
    assert caught.value.remedy


@pytest.mark.parametrize(("heads", "tails"), [(3, 7), (0, 4), (5, 0), (0, 0), (900.5, 2000.25)])
def test_the_likelihood_of_a_bias_is_that_of_the_tosses_with_its_top_at_one(heads, tails):
    bias = np.linspace(0, 1, 2001)
    found = likelihood(heads, tails, bias)
    with np.errstate(divide="ignore", invalid="ignore"):
        direct = np.nan_to_num(heads * np.log(bias), nan=0.0) + np.nan_to_num(tails * np.log1p(-bias), nan=0.0)
    np.testing.assert_allclose(found, np.exp(direct - direct.max()), atol=2e-3)
    assert found.max() == pytest.approx(1.0, abs=1e-3)


FORMS = {
    "counts": "heads,tosses\n5,10\n9,10\n2,4\n",
    "counts and tails": "heads,tails\n5,5\n9,1\n2,2\n",
    "text": "throws\nHTTTHHTHTH\nHHHHTHHHHH\nHTHT\n",
    "both": "heads,tosses,throws\n5,10,HTTTHHTHTH\n9,10,HHHHTHHHHH\n2,4,HTHT\n",
    "flips": "a,b,c\n1,0,1\n1,1,1\n0,0,1\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_trial_is_rewritten_and_added_in_every_form_of_table(form):
    moment = coins(tables.parse(FORMS[form]))
    trial = parse("TTH")
    after = coin_edits.rewrite(moment, 1, trial)
    np.testing.assert_array_equal(after.data.x[1], [1, 2])
    np.testing.assert_array_equal(after.data.x[[0, 2]], moment.data.x[[0, 2]])
    longer = coin_edits.add(after, parse("HHT"))
    np.testing.assert_array_equal(longer.data.x[-1], [2, 1])
    assert longer.data.n == moment.data.n + 1
    assert longer.snapshot.params is moment.snapshot.params
    shown = tokens(longer).rows
    if form in ("text", "both", "flips"):
        assert shown is not None
        assert (shown[1], shown[-1]) == ("TTH", "HHT")
    else:
        assert shown is None
    np.testing.assert_array_equal(moment.data.x[1], coins(tables.parse(FORMS[form])).data.x[1])


@pytest.mark.parametrize("form", ["text", "both", "flips"])
def test_a_toss_is_flipped_and_flipped_back(form):
    moment = coins(tables.parse(FORMS[form]))
    before = tokens(moment).rows
    once = coin_edits.flip(moment, 0, 1)
    assert tokens(once).rows[0] == before[0][:1] + "H" + before[0][2:]
    np.testing.assert_array_equal(once.data.x[0], moment.data.x[0] + [1, -1])
    assert tokens(coin_edits.flip(once, 0, 1)).rows == before


def test_a_flip_where_only_counts_are_known_changes_nothing():
    moment = coins(tables.parse(FORMS["counts"]))
    assert coin_edits.flip(moment, 0, 0) is moment


def test_a_table_of_flips_refuses_a_longer_trial():
    moment = coins(tables.parse(FORMS["flips"]))
    with pytest.raises(UserError, match="3 tosses in each trial"):
        coin_edits.add(moment, parse("HHHHH"))


def test_the_bundled_trials_keep_flips_and_counts_true():
    moment = coins(datasets.load("coin-flips"))
    assert tokens(moment).rows[0] == "HTTTHHTHTH"
    after = coin_edits.flip(moment, 0, 0)
    table = after.data.table
    assert [table.column(n).values[0] for n in ("t1", "heads", "tosses")] == [0, 4, 10]


def test_trials_are_typed_on_an_empty_canvas_and_not_among_measurements():
    model = find("coins").make()
    empty = blank(dataset(painted()), model, Start(), 0)
    assert not model.draw(empty.data, None, TRIALS).marks
    one = coin_edits.add(empty, parse("HTH"))
    two = coin_edits.add(one, parse("2 of 4"))
    assert tokens(two).rows == ("HTH", "HHTT")
    assert begin(two).snapshot.params is not None
    measured = blank(dataset(datasets.load("old-faithful"), ["eruptions", "waiting"]), model, Start(), 0)
    with pytest.raises(UserError, match="no coin tosses"):
        coin_edits.add(measured, parse("HTH"))


def test_a_trial_of_known_coins_needs_its_coin():
    moment = coins(datasets.load("coin-flips"), identities="known")
    with pytest.raises(UserError, match="which coin"):
        coin_edits.add(moment, parse("HHHHHHHHHH"))
    after = coin_edits.add(moment, parse("A: HHHHHHHHHH"))
    assert tokens(after).known.tolist() == [1, 0, 0, 1, 0, 0]


def test_dragging_moves_one_bias_or_two_and_keeps_the_data_possible():
    moment = coins(datasets.load("coin-flips"), ([0.5, 0.5], [0.6, 0.5]))
    model, params = moment.model, moment.snapshot.params
    one = model.move(params, Handle("bias", 1), View("biases", ()), (0.25, 0.0))
    np.testing.assert_array_equal(one.biases, [0.6, 0.25])
    two = model.move(params, Handle("biases", 1, 0), View("landscape", ()), (0.9, 2.0))
    assert two.biases[1] == 0.9
    assert 0.99 < two.biases[0] < 1
    discs = [m for m in model.draw(moment.data, two, View("biases", ())).marks if isinstance(m, Disc)]
    assert [float(d.position[0]) for d in discs] == two.biases.tolist()


def brute(data, weights, biases):
    heads, tosses = data.x[:, 0], data.x.sum(1)
    mixed = sum(w * binom.pmf(heads, tosses, b) for w, b in zip(weights, biases, strict=True))
    return float(np.log(mixed).sum())


@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.8, 0.2), (0.3, 0.5, 0.2)])
def test_the_landscape_is_the_log_likelihood(weights):
    biases = np.array([0.6, 0.5, 0.3])[: len(weights)]
    moment = coins(datasets.load("coin-flips"), (weights, biases), k=len(weights))
    asked = coin_landscape.question(moment.data, moment.snapshot.params, (0, 1), (0.5, 0.6))
    found = coin_landscape.answer(asked)
    heat = found.heat
    for row, column in ((3, 7), (50, 20), (90, 88)):
        there = biases.copy()
        there[:2] = heat.x[column], heat.y[row]
        assert heat.values[row, column] == pytest.approx(brute(moment.data, weights, there), rel=1e-12)
    top = biases.copy()
    top[:2] = found.top
    assert brute(moment.data, weights, top) >= heat.values.max() - 1e-9
    assert found.swapped == (weights[0] == weights[1])
    assert heat.x[0] <= 0.5
    assert heat.x[-1] >= 0.6


def test_the_top_of_the_landscape_is_the_published_optimum():
    moment = coins(datasets.load("coin-flips"), ([0.5, 0.5], [0.6, 0.5]))
    found = coin_landscape.answer(coin_landscape.question(moment.data, moment.snapshot.params, (0, 1), (0.5, 0.6)))
    assert sorted(found.top) == pytest.approx([0.520, 0.797], abs=1e-3)


def test_single_flips_have_a_ridge_that_em_with_free_mixing_reaches_in_one_step():
    moment = coins(datasets.load("single-flips"), ([0.5, 0.5], [0.9, 0.4]), mixing="free")
    share = moment.data.x[:, 0].mean()
    found = coin_landscape.answer(coin_landscape.question(moment.data, moment.snapshot.params, (0, 1), None))
    assert found.top is None
    on_it = [0.5 * x + 0.5 * y for x, y in found.heat.ridge]
    assert on_it == pytest.approx([share, share], abs=1e-12)
    level = {brute(moment.data, (0.5, 0.5), end * 0.998 + 0.001) for end in found.heat.ridge}
    assert max(level) - min(level) < 1e-9
    assert {s[2].partition("weights ")[2] for s in found.heat.spots} == {"1, 0", "\u00bd, \u00bd"}
    alone, equal = found.heat.spots
    assert brute(moment.data, (1.0, 0.0), alone[:2]) == pytest.approx(
        brute(moment.data, (0.5, 0.5), equal[:2]), abs=1e-9
    )
    after = advance(advance(moment))
    weights, biases = after.snapshot.params
    assert float(weights @ biases) == pytest.approx(share, abs=1e-12)


def test_a_huge_table_of_trials_is_asked_by_its_distinct_trials():
    rng = np.random.default_rng(0)
    heads = rng.binomial(20, np.where(rng.random(20_000) < 0.5, 0.3, 0.7))
    text = "heads,tosses\n" + "\n".join(f"{h},20" for h in heads)
    moment = coins(tables.parse(text), ([0.5, 0.5], [0.3, 0.7]))
    asked = coin_landscape.question(moment.data, moment.snapshot.params, (0, 1), (0.3, 0.7))
    assert len(asked.heads) <= 21
    assert asked.counts.sum() == 20_000
    found = coin_landscape.answer(asked)
    assert sorted(found.top) == pytest.approx([0.3, 0.7], abs=0.02)


def test_the_landscape_of_known_coins_is_a_bowl_whose_top_is_counted():
    table = tables.parse("heads,tosses,coin\n5,10,B\n9,10,A\n8,10,A\n4,10,B\n7,10,A\n")
    model = Coins(identities="known")
    data = model.dataset(table)
    model = model.for_data(data)
    m = begin(blank(data, model, Start(), 0))
    asked = coin_landscape.question(data, m.snapshot.params, (0, 1), (0.4, 0.9), model.coins)
    found = coin_landscape.answer(asked)
    assert found.top == pytest.approx((0.8, 0.45), abs=1e-8) and not found.swapped
    at = coin_landscape.over(asked, np.array([0.8, 0.6]), np.array([0.45]))[0]
    assert at[0] == pytest.approx(m.snapshot.log_likelihood, rel=1e-12)
    moved = model.scores(data, m.snapshot.params._replace(biases=np.array([0.6, 0.45]))).max(1).sum()
    assert at[1] == pytest.approx(moved, rel=1e-12)
    hidden = coin_landscape.question(data, m.snapshot.params, (0, 1), (0.4, 0.9))
    assert not coin_landscape.same(asked, hidden) and coin_landscape.same(asked, asked)
