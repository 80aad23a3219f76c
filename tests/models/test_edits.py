"""Edits of data whose rows have weights, or are written in several forms: every row stays one row, in all of them."""

from __future__ import annotations

import numpy as np
import pytest

from emstudio import tables
from emstudio.core import edits
from emstudio.core.em import Moment, advance, blank
from emstudio.core.errors import UserError
from emstudio.core.model import Model, Start, find
from emstudio.core.trials import parse
from emstudio.models import coin_edits


def started(model: Model, text: str, names=None, weights=None, steps: int = 2) -> Moment:
    """A moment after `steps` half-steps on the table that `text` holds."""
    data = model.dataset(tables.parse(text), names, weights=weights)
    moment = blank(data, model.for_data(data), Start(model.starts[0]), 1)
    for _ in range(steps):
        moment = advance(moment)
    return moment


TEXTS = {
    "text": "tosses\n" + "HTTTHHTHTH\nHHHHTHHHHH\nHTHHHHHTHH\nHTHTTTHHTT\nTHHHTHHHTH\n" * 4,
    "counts": "heads,tosses\n" + "5,10\n9,10\n8,10\n4,10\n7,10\n" * 4,
    "heads and tails": "heads,tails\n" + "5,5\n9,1\n8,2\n4,6\n7,3\n" * 4,
    "flips": "a,b,c\n" + "1,0,1\n0,0,0\n1,1,1\n0,1,0\n" * 5,
}


@pytest.mark.parametrize("form", TEXTS)
def test_trials_painted_moved_and_erased_stand_in_the_form_of_the_table(form) -> None:
    moment = started(find("coins").make(k=2), TEXTS[form])
    new = np.array([[2.0, 1.0], [3.0, 0.0]])
    added = edits.add(moment, (0, 1), new)
    assert added.data.n == 22 == len(added.snapshot.carried) and added.data.names == moment.data.names
    assert (added.data.x[20:] == new).all() and (added.data.x[:20] == moment.data.x).all()
    fewer = edits.erase(advance(added), np.array([1, 21]))
    assert fewer.data.n == 20 == len(fewer.snapshot.carried)
    assert (fewer.data.x[-1] == new[0]).all()
    turned = edits.move(fewer, np.array([19]), (0, 1), (-1.0, 1.0))
    assert turned.data.names == moment.data.names and turned.data.x[19].tolist() == [1.0, 2.0]
    assert np.isfinite(advance(turned).snapshot.resp).all()


def test_a_trial_of_another_length_than_the_columns_of_flips_is_refused() -> None:
    moment = started(find("coins").make(k=2), TEXTS["flips"])
    with pytest.raises(UserError, match="this table holds 3 tosses in each trial, not 5"):
        edits.add(moment, (0, 1), np.array([[2.0, 3.0]]))


def test_a_trial_without_a_coin_is_refused_where_the_coins_are_known() -> None:
    text = "tosses,coin\n" + "HTTTH,A\nHHHHT,B\n" * 3
    moment = started(find("coins").make(k=2, identities="known"), text, steps=1)
    with pytest.raises(UserError, match="which coin was tossed"):
        edits.add(moment, (0, 1), np.array([[2.0, 3.0]]))


# -- row weights -------------------------------------------------------------------------------------------------------
POINTS = "x,y,w\n" + "".join(f"{i * 7 % 11},{i * 5 % 13},{i % 4}\n" for i in range(24))


def test_weights_go_with_their_rows_and_new_rows_count_once() -> None:
    moment = started(find("gaussian").make(k=2), POINTS, weights="w")
    assert moment.data.weighing == "w" and moment.data.names == ("x", "y") and moment.data.total == 36
    more = edits.add(moment, (0,), np.array([[3.0], [4.0]]))
    assert more.data.weighing == "w" and more.data.weights[24:].tolist() == [1.0, 1.0] and more.data.total == 38
    fewer = edits.erase(more, np.array([2, 3, 24]))
    assert fewer.data.total == 38 - 2 - 3 - 1 and fewer.data.n == 23
    assert (fewer.data.weights == fewer.data.table.column("w").values).all()
    shifted = edits.move(fewer, np.array([0, 5]), (0, 1), (1.0, 1.0))
    assert (shifted.data.weights == fewer.data.weights).all()
    nothing = edits.clear(shifted)
    assert nothing.data.n == 0 and nothing.data.weighing == "w"
    assert edits.add(nothing, (0, 1), np.array([[1.0, 2.0]])).data.weights.tolist() == [1.0]


def test_to_erase_the_last_row_that_counts_is_refused() -> None:
    moment = started(
        find("gaussian").make(k=1, covariance="spherical"), "x,y,w\n0,1,2\n3,5,0\n4,4,0\n5,7,0\n", weights="w", steps=0
    )
    with pytest.raises(UserError, match="all weights are zero"):
        edits.erase(moment, np.array([0]))


def test_a_typed_trial_counts_once_and_a_changed_one_as_before() -> None:
    text = "tosses,w\n" + "HTTTH,3\nHHHHT,2\n" * 3
    moment = started(find("coins").make(k=2), text, weights="w")
    more = coin_edits.add(moment, parse("HHT"))
    assert more.data.weights.tolist() == [3, 2, 3, 2, 3, 2, 1] and more.data.x[-1].tolist() == [2, 1]
    other = coin_edits.rewrite(more, 0, parse("TTTTT"))
    assert other.data.weights.tolist() == [3, 2, 3, 2, 3, 2, 1] and other.data.x[0].tolist() == [0, 5]


@pytest.mark.parametrize("name", ["gaussian", "product", "coins"])
def test_a_column_of_text_or_one_that_is_fitted_cannot_weigh(name) -> None:
    table = tables.parse("heads,tosses,w,g\n3,5,1,a\n4,5,2,b\n")
    model = find(name).make(k=1)
    with pytest.raises(UserError, match="the column holds text and cannot weigh rows"):
        model.dataset(table, ("heads", "tosses"), weights="g")
    with pytest.raises(UserError, match="the column is chosen to be fitted and to weigh rows"):
        model.dataset(table, ("heads", "tosses"), weights="tosses")
    assert model.dataset(table, ("heads", "tosses"), weights="w").weights.tolist() == [1.0, 2.0]
