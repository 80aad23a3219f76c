"""Row weights in a session: chosen, kept through every edit, the same as rows that are repeated."""

from __future__ import annotations

import numpy as np
import pytest

from emstudio import tables
from emstudio.core.data import Column, Table, frozen
from emstudio.core.model import Start, find
from emstudio.session import Session


@pytest.fixture
def session(qtbot):
    made = Session()
    made.said = []
    made.failed.connect(made.said.append)
    made.news.connect(made.said.append)
    yield made
    made.close()


def settle(qtbot, session: Session) -> None:
    qtbot.waitUntil(lambda: not session.busy and not session.running, timeout=10_000)


def do(qtbot, session, *commands) -> None:
    for command in commands:
        command()
        settle(qtbot, session)


def points(repeated: bool = False, bad: str = "") -> Table:
    """Counts in two blobs, each row 0 to 3 times: with a column that says so, or row by row."""
    rng = np.random.default_rng(3)
    x = rng.poisson(np.repeat([[2.0, 9.0, 4.0], [12.0, 3.0, 6.0]], 30, axis=0)).astype(float)
    times = np.arange(60) % 4
    if repeated:
        x = np.repeat(x, times, axis=0)
    cells = [",".join(f"{v:g}" for v in row) for row in x]
    if not repeated:
        words = [str(t) for t in times]
        if bad:
            words[5] = bad
        cells = [f"{c},{w}" for c, w in zip(cells, words, strict=True)]
    return tables.parse("a,b,c" + ("" if repeated else ",w") + "\n" + "\n".join(cells))


MODELS = {
    "gaussian": {},
    "student-t": {},
    "poisson": {},
    "multinomial": {},
    "product": {"families": "a:poisson,b:gaussian,c:poisson"},
    "kmeans": {},
}


@pytest.mark.parametrize("name", MODELS)
def test_whole_weights_are_repeated_rows(qtbot, session, name) -> None:
    model = find(name).make(k=2, **MODELS[name])
    ends = []
    for repeated in (False, True):
        session.open_table(points(repeated))
        settle(qtbot, session)
        do(qtbot, session, lambda: session.choose(("a", "b", "c")))
        do(qtbot, session, lambda: session.set_model(find("gaussian").make(k=1)), lambda: session.set_model(model))
        if not repeated:
            do(qtbot, session, lambda: session.set_weights("w"))
            begun = session.moment.snapshot.params
        given = Start("params", params=begun)
        do(qtbot, session, lambda given=given: session.set_start(given), *[session.step] * 9)
        assert session.moment.label == "E5" and session.data.total == 90
        ends.append(session.moment)
    one, two = (m.model.stacked(m.snapshot.params) for m in ends)
    for a, b in zip(one, two, strict=True):
        assert np.allclose(a, b, rtol=1e-9, atol=1e-12)
    assert ends[0].objective == pytest.approx(ends[1].objective, rel=1e-9)
    assert not session.said


def test_the_column_that_weighs_is_not_fitted_nor_the_truth_and_undo_takes_it_back(qtbot, session) -> None:
    session.open_table(points())
    settle(qtbot, session)
    session.set_truth("c")
    assert session.data.names == ("a", "b", "c", "w")
    assert session.set_weights("c")
    settle(qtbot, session)
    assert session.data.names == ("a", "b", "w") and session.data.truth is None
    do(qtbot, session, lambda: session.set_weights("w"), session.iterate)
    assert session.data.names == ("a", "b", "c") and session.data.total == 90  # c was fitted before it weighed
    session.set_truth("w")
    assert session.said.pop() == "w weighs the rows, and cannot be the truth as well." and session.data.truth is None
    assert not session.choose(("a", "w"))
    assert "the column is chosen to be fitted and to weigh rows" in session.said.pop()
    do(qtbot, session, lambda: session.choose(("a", "c")))
    assert session.data.names == ("a", "c") and session.data.weighing == "w"
    do(qtbot, session, lambda: session.set_weights(None))
    assert session.data.names == ("a", "c", "w") and session.data.weights is None
    for weighing in ("w", "w", "c", None):
        session.undo()
        assert session.data.weighing == weighing
    assert session.data.names == ("a", "b", "c", "w") and session.data.truth == "c" and not session.said


def test_another_truth_leaves_every_moment_its_own_weights(qtbot, session) -> None:
    table = points()
    group = Column("g", "category", frozen(np.arange(60) % 2), levels=("u", "v"), fit=False)
    session.open_table(Table("t", (*table.columns, group)))
    settle(qtbot, session)
    do(qtbot, session, lambda: session.choose(("a", "b")), lambda: session.set_weights("w"))
    session.set_truth("g")
    assert session.data.truth == "g" and session.data.weighing == "w" and session.data.total == 90
    session.undo()
    assert session.data.truth == "g" and session.data.weights is None and session.data.total == 60


def test_a_negative_weight_is_one_sentence(qtbot, session) -> None:
    session.open_table(points(bad="-2"))
    settle(qtbot, session)
    before = session.moment
    assert not session.set_weights("w")
    assert session.said == ["row 7, column w: the weight -2 is not a finite number of 0 or more; correct it"]
    assert session.moment is before


def test_rows_without_a_weight_are_left_out_and_it_is_said(qtbot, session) -> None:
    table = points()
    values = table.column("w").values.copy()
    values[[4, 9]] = np.nan
    session.open_table(Table("t", (*table.columns[:3], Column("w", "count", frozen(values)))))
    settle(qtbot, session)
    do(qtbot, session, lambda: session.choose(("a", "b")))
    assert session.data.n == 60
    do(qtbot, session, lambda: session.set_weights("w"))
    assert session.data.n == 58 and session.data.dropped.tolist() == [4, 9]
    assert session.said == ["2 rows are left out: no weight is known."]


def test_zeros_and_the_only_column_are_refused(qtbot, session) -> None:
    session.open_table(tables.parse("a,z\n" + "".join(f"{i * 7 % 5},0\n" for i in range(20))))
    settle(qtbot, session)
    before = session.moment
    assert not session.set_weights("z") and "all weights are zero" in session.said.pop()
    do(qtbot, session, lambda: session.choose(("a",)))
    assert not session.set_weights("a") and "no other column would be left to fit" in session.said.pop()
    assert session.moment.data.table is before.data.table and session.data.names == ("a",)


def test_a_series_knows_no_weights_and_another_model_gets_them_back(qtbot, session) -> None:
    session.open_table(points())
    settle(qtbot, session)
    do(qtbot, session, lambda: session.set_weights("w"))
    do(qtbot, session, lambda: session.set_model(find("hmm").make(k=2)))
    assert session.data.names == ("a", "b", "c") and session.data.weights is None
    assert len(session.said) == 1 and "A series knows no weights" in session.said.pop()
    assert not session.set_weights("w") and "row weights mean nothing to a series" in session.said.pop()
    do(qtbot, session, lambda: session.add_points((0, 1, 2), np.array([[3.0, 4.0, 5.0]])))
    do(qtbot, session, lambda: session.set_model(find("gaussian").make(k=2)))
    assert session.data.names == ("a", "b", "c") and session.data.weighing == "w"
    assert session.data.n == 61 and session.data.weights[60] == 1.0 and session.data.total == 91
    do(qtbot, session, lambda: session.set_weights(None), lambda: session.set_model(find("hmm").make(k=2)))
    do(qtbot, session, lambda: session.set_model(find("kmeans").make(k=2)))
    assert session.data.weights is None and not session.said
