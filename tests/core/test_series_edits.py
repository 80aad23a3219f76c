"""A series under the hand: steps written, added behind the end of their own series, and never spliced."""

from __future__ import annotations

import numpy as np
import pytest

import emstudio.models  # noqa: F401  (fills the registry)
from emstudio.core import edits, series_edits
from emstudio.core.data import Column, Table, frozen
from emstudio.core.em import advance, begin, blank
from emstudio.core.errors import UserError
from emstudio.core.model import Start, find


def table(values, groups=None, years=None, info=None) -> Table:
    columns = [Column("x", "number", frozen(np.array(values, float)))]
    if groups is not None:
        columns.append(Column("group", "text", frozen(np.array(groups)), levels=("a", "b")))
    if years is not None:
        columns.append(Column("year", "number", frozen(np.array(years, float))))
    return Table("series", tuple(columns), info=info or {})


def started(made: Table, name="noisy-switch", **parameters):
    model = find(name).make(**parameters)
    data = model.dataset(made)
    return advance(begin(blank(data, model.for_data(data), Start("kmeans++"), 0)))


@pytest.fixture
def two():
    """Two series of three and two steps, told apart by a column, with years."""
    made = table([0.1, 0.9, 1.1, -0.2, 0.3], [0, 0, 0, 1, 1], [1990, 1992, 1994, 2000, 2001], None)
    return started(Table(made.name, made.columns, info={"sequence": "group", "time": "year"}))


def test_a_step_is_added_behind_its_own_series_with_its_name_and_time(two):
    after = series_edits.append(two, 0, 0, np.array([7.0, 8.0]))
    assert after.data.offsets.tolist() == [0, 5, 7]
    assert after.data.x[:, 0].tolist() == [0.1, 0.9, 1.1, 7.0, 8.0, -0.2, 0.3]
    assert after.data.table.column("year").values.tolist() == [1990, 1992, 1994, 1996, 1998, 2000, 2001]
    assert [after.data.table.column("group").text(i) for i in range(7)] == ["a"] * 5 + ["b"] * 2
    assert np.isnan(after.snapshot.resp[3:5]).all()
    assert np.array_equal(after.snapshot.resp[[0, 1, 2, 5, 6]], two.snapshot.resp)
    assert advance(after).label == "E1"


def test_a_step_inside_becomes_unobserved_and_a_last_one_goes(two):
    inside = series_edits.erase(two, np.array([1]))
    assert inside.data.offsets.tolist() == [0, 3, 5]
    assert np.isnan(inside.data.observed[1, 0])
    last = series_edits.erase(two, np.array([2, 4]))
    assert last.data.offsets.tolist() == [0, 2, 3]
    assert last.data.x[:, 0].tolist() == [0.1, 0.9, -0.2]
    whole = series_edits.erase(two, np.array([1, 2]))
    assert whole.data.offsets.tolist() == [0, 1, 3]


def test_writing_over_a_gap_observes_the_step_again(two):
    gap = series_edits.erase(two, np.array([1]))
    after = series_edits.write(gap, np.array([1, 3]), 0, np.array([5.0, 6.0]))
    assert after.data.observed[:, 0].tolist() == [0.1, 5.0, 1.1, 6.0, 0.3]
    assert two.data.x[1, 0] == 0.9


def test_counts_stay_counts():
    moment = started(table([3, 4, 12, 14, 2, 3]), "hmm", emission="poisson")
    after = series_edits.write(moment, np.array([0]), 0, np.array([7.4]))
    assert after.data.x[0, 0] == 7.0


def test_symbols_are_written_as_the_texts_of_the_file():
    column = Column("sign", "text", frozen(np.array([2, 0, 1, 2])), levels=("sun", "rain", "cloud"))
    moment = started(Table("signs", (column,)), "hmm", emission="categorical")
    code = moment.model.categories.index("rain")
    after = series_edits.append(series_edits.write(moment, np.array([0]), 0, np.array([code])), 0, 0, np.array([code]))
    assert [after.data.table.column("sign").text(i) for i in range(5)] == ["rain", "sun", "rain", "cloud", "rain"]
    gap = series_edits.erase(after, np.array([1]))
    assert gap.data.mask[1].all()


def test_what_is_beyond_all_numbers_is_refused(two):
    with pytest.raises(UserError, match="beyond all numbers"):
        series_edits.append(two, 0, 0, np.array([np.inf]))


def test_the_last_step_of_all_can_go():
    moment = started(table([0.5]))
    after = series_edits.erase(moment, np.array([0]))
    assert after.data.n == 0 and after.snapshot.phase == "data"
    again = series_edits.append(after, 0, 0, np.array([0.25, 1.0]))
    assert again.data.x[:, 0].tolist() == [0.25, 1.0]


# -- the edits of the canvas -------------------------------------------------------------------------------------------
EDITS = {
    "add": lambda m: edits.add(m, (0,), np.array([[0.5], [0.7]])),
    "erase inside": lambda m: edits.erase(m, np.array([1])),
    "erase a whole series": lambda m: edits.erase(m, np.array([0, 1, 2])),
    "erase an end": lambda m: edits.erase(m, np.array([2])),
    "move": lambda m: edits.move(m, np.array([1, 4]), (0,), (2.0,)),
}


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("edit", EDITS)
def test_series_stay_series_under_any_edit(edit, told):
    made = table([0.1, 0.9, 1.1, -0.2, 0.3], [0, 0, 0, 1, 1], [1990, 1992, 1994, 2000, 2001])
    roles = {"sequence": "group", "time": "year"}
    model = find("noisy-switch").make()
    # Which column tells the series is said by the table, or by whoever made the data set alone.
    data = model.dataset(Table(made.name, made.columns, info=roles)) if told else model.dataset(made, ["x"], **roles)
    before = advance(begin(blank(data, model, Start("kmeans++"), 0)))
    after = EDITS[edit](before).data
    assert (after.sequence, after.time) == ("group", "year")
    groups = after.table.column("group")
    names = [groups.text(i) for i in range(after.n)]
    starts = [i for i in range(after.n) if i == 0 or names[i] != names[i - 1]]
    assert after.offsets.tolist() == [*starts, after.n]
    years = after.table.column("year").values
    for first, end in zip(after.offsets[:-1], after.offsets[1:], strict=True):
        steps = np.diff(years[first:end])
        assert (steps > 0).all() and len(set(steps.tolist())) <= 1  # no step was taken out of the middle
    assert advance(EDITS[edit](before)).label == "E1"


def test_moving_leaves_what_was_not_observed(two):
    hidden = edits.erase(two, np.array([1]))
    moved = edits.move(hidden, np.array([0, 1]), (0,), (1.0,))
    assert moved.data.observed[:3, 0].tolist() == pytest.approx([1.1, np.nan, 1.1], nan_ok=True)
