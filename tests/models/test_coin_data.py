"""Coin tosses in all the forms that a table can hold them, and what is wrong with a table that does not."""

from __future__ import annotations

import numpy as np
import pytest

from emstudio import tables
from emstudio.core.errors import UserError
from emstudio.models.coins import Coins

FORMS = {
    "tosses": "heads,tosses\n5,10\n9,10\n1,2\n",
    "other order and case": "Flips,HEADS\n10,5\n10,9\n2,1\n",
    "trials": "trials,heads\n10,5\n10,9\n2,1\n",
    "tails": "tails,heads\n5,5\n1,9\n1,1\n",
    "text": "tossed\nHTTTHHTHTH\nhhhhthhhhh\nH T\n",
    "text in two columns": "first,second\nHTTTH,HTHTH\nHHHHT,HHHHH\nH,T\n",
    "text beside others": "day,who,tossed\n3,ann,HTTTHHTHTH\n4,bob,HHHHTHHHHH\n9,eve,HT\n",
    "counts and text": "heads,tosses,tossed\n5,10,HTTTHHTHTH\n9,10,HHHHTHHHHH\n1,2,TH\n",
}


def read(text: str, **more):
    return Coins().dataset(tables.parse(text), missing="error", **more)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_trials(form: str):
    data = read(FORMS[form])
    assert data.x.tolist() == [[5, 5], [9, 1], [1, 1]]
    assert [c.values.tolist() for c in data.columns] == data.x.T.tolist()  # names are columns of the table


def test_columns_of_zero_and_one_are_flips():
    data = read("set,t1,t2,t3,coin\n7,1,0,1,1\n8,0,0,0,0\n9,1,1,1,1\n")
    assert data.x.tolist() == [[2, 1], [0, 3], [3, 0]]
    assert data.origin == ("t1", "t2", "t3")  # set is no flip, and coin says which coin it was
    assert read("flip\n1\n0\n1\n").x.tolist() == [[1, 0], [0, 1], [1, 0]]


def test_a_column_of_zero_and_one_with_another_meaning_does_not_disagree():
    assert read("heads,tosses,lucky\n5,10,1\n9,10,0\n").x.tolist() == [[5, 5], [9, 1]]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("heads,tosses\n5,10\n11,10\n", "row 3, column heads", "more heads than tosses, 11 of 10"),
        ("heads,tosses\n5,10\n2.5,10\n", "row 3, column heads", "2.5 is no count"),
        ("heads,tosses\n5,10\n-2,10\n", "row 3, column heads", "-2 is no count"),
        ("heads,tosses,tails\n5,10,5\n4,10,5\n", "row 3, column tosses", "4 heads and 5 tails are not 10 tosses"),
        ("heads,tosses,tossed\n1,2,HT\n2,2,HT\n", "row 3, column heads", "two forms of the tosses disagree"),
        ("heads,tosses,a,b\n1,2,1,0\n2,2,0,1\n", "row 3, column heads", "two forms of the tosses disagree"),
        ("tossed,a,b\nHT,0,1\nTT,0,1\n", "row 3, column tossed", "two forms of the tosses disagree"),
        ("a,b\n1,0\n1,1\n0,2\n", "row 4, column b", "2 is neither 0 nor 1"),
        ("tossed\nHTH\nHXH\nTTH\n", "row 3, column tossed", "'HXH' is no row of tosses"),
        ("heads,tosses\n5,10\n,10\n", "row 3, column heads", "the cell is missing"),
        ("heads,day\n5,2\n7,3\n", "column heads", "alone does not tell heads and tosses"),
        ("weight,height\n71.5,1.8\n60.2,1.7\n", "", "there are no coin tosses"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, where: str, what: str):
    with pytest.raises(UserError) as error:
        read(text)
    line = str(error.value)
    assert what in line and (f"{where}: " in line if where else line.startswith(what))


def test_chosen_columns_alone_count():
    text = "heads,tosses,a,b\n1,2,0,0\n2,2,0,1\n"
    assert read(text, names=["heads", "tosses"]).x.tolist() == [[1, 1], [2, 0]]
    assert read(text, names=["a", "b"]).x.tolist() == [[0, 2], [1, 1]]
    with pytest.raises(UserError, match="row 4, column a: 5 is neither 0 nor 1"):
        read("a,b\n1,0\n1,3\n5,3\n", names=["a", "b"])


def test_rows_with_a_missing_cell_are_left_out_when_asked():
    data = Coins().dataset(tables.parse("tossed\nHT\nNA\nTTT\n"), missing="drop")
    assert data.x.tolist() == [[1, 1], [0, 3]] and data.rows.tolist() == [0, 2] and data.dropped.tolist() == [1]


def test_known_identities_are_sorted_numbers_by_size():
    table = tables.parse("true_coin,heads,tosses\n10,5,10\n9,9,10\n10,1,2\n")
    model = Coins(identities="known")
    data = model.dataset(table, missing="error")
    model = model.for_data(data)
    assert (model.k, model.coins) == (2, ("9", "10")) and model.scores(data, _even(model)).argmax(1).tolist() == [
        1,
        0,
        1,
    ]
    with pytest.raises(UserError, match="no column 'coin'"):
        Coins(identities="known").dataset(tables.parse("heads,tosses\n5,10\n"))
    with pytest.raises(UserError, match="row 3, column coin: the cell is missing"):
        model.dataset(tables.parse("coin,heads,tosses\nA,5,10\n,9,10\nB,1,2\n"), missing="error")
    # once the coins are known, trials without a name can be explained by them
    assert model.dataset(tables.parse("heads,tosses\n5,10\n")).x.tolist() == [[5, 5]]


def _even(model: Coins):
    from emstudio.models.coins import CoinParams

    return CoinParams(np.full(model.k, 1 / model.k), np.full(model.k, 0.5))


def test_weights_are_rows_repeated_and_no_toss():
    data = read("heads,tosses,w\n5,10,2\n9,10,0\n", weights="w")
    assert data.x.tolist() == [[5, 5], [9, 1]] and data.weights.tolist() == [2, 0]
    assert read("a,b,w\n1,0,1\n0,1,1\n", weights="w").origin == ("a", "b")


@pytest.mark.parametrize("form", ["tosses", "other order and case", "tails", "text"])
def test_what_is_drawn_has_the_form_of_the_data(form: str):
    data = read(FORMS[form])
    model = Coins().for_data(data)
    x = np.array([[3, 7], [10, 0]])
    names, cells = model.cells(x, data.origin or data.names, np.random.default_rng(0))
    lines = [",".join(names), *(",".join(map(str, row)) for row in cells)]
    assert read("\n".join(lines)).x.tolist() == x.tolist()
    assert sorted(names) == sorted(data.origin or data.names)
