"""Several starts in the background, the optima they end in, and components that keep their names."""

from __future__ import annotations

import json

import numpy as np
import pytest

from emstudio.cli.fit import fit
from emstudio.core.data import painted
from emstudio.core.format import letter
from emstudio.core.model import Start, find
from emstudio.core.stopping import Stopping
from emstudio.session import Session


@pytest.fixture
def session(qtbot):
    made = Session()
    made.said = []
    made.failed.connect(made.said.append)
    made.news.connect(made.said.append)
    yield made
    made.close()


def settle(qtbot, session) -> None:
    qtbot.waitUntil(lambda: not (session.busy or session.running or session.searching), timeout=30_000)


def opened(qtbot, session, name, k, start="points"):
    session.open(f"dataset:{name}")
    settle(qtbot, session)
    session.set_parameter(k=k)
    settle(qtbot, session)
    session.set_start(Start(start))
    settle(qtbot, session)
    return session


def test_the_optima_are_those_of_the_command_line(qtbot, session, tmp_path):
    opened(qtbot, session, "galaxies", 3)
    session.try_starts(12)
    settle(qtbot, session)
    out = tmp_path / "fit.json"
    options = ["--model", "gaussian", "-k", "3", "--start", "points", "--starts", "12", "--json", str(out)]
    assert fit(["dataset:galaxies", *options]) in (0, 3)
    told = [(o["log_likelihood"], o["starts"]) for o in json.loads(out.read_text())["optima"]]
    assert [(f.figure, f.starts) for f in session.search.table] == told


def test_half_steps_go_on_beside_it_and_cancel_works_at_once(qtbot, session):
    opened(qtbot, session, "old-faithful", 3)
    heard = []
    session.search_changed.connect(lambda: heard.append(session.search.number))
    session.try_starts(1000)
    assert session.searching and session.search.number == 0
    session.iterate()
    qtbot.waitUntil(lambda: session.moment.label == "M1" and session.search.number >= 2, timeout=30_000)
    assert session.searching
    session.cancel_search()
    assert not session.searching
    found = session.search
    assert 2 <= found.number < 1000 and found.table and heard == sorted(heard)
    session.try_starts(1)  # what was under way is not taken for an answer to this
    settle(qtbot, session)
    assert session.search.number == 1 and session.search.question.starts == 1


def test_an_optimum_is_an_edit_and_undo_comes_back(qtbot, session):
    opened(qtbot, session, "galaxies", 3)
    session.step()
    settle(qtbot, session)
    before = session.history.current
    session.try_starts(20)
    settle(qtbot, session)
    assert session.history.current is before
    first, second = session.search.table[:2]
    session.show_end(first.end, "Show optimum 1")
    settle(qtbot, session)
    m = session.moment
    assert session.shows(first.end) and session.history.undo_title() == "Show optimum 1"
    assert m.snapshot.log_likelihood == pytest.approx(first.figure, rel=1e-12)
    assert (session.number, m.snapshot.t) == (first.end.number, first.end.iterations)
    assert m.snapshot.resp is not None and np.allclose(m.snapshot.resp.sum(1), 1, atol=1e-6)
    shown = session.history.current
    session.show_end(second.end)
    settle(qtbot, session)
    assert session.shows(second.end)
    session.show_end(first.end)
    assert session.history.current is shown, "an optimum looked at again is the same moment"
    session.undo()
    assert session.history.current is before, "looking through the optima is one step of Undo"
    session.redo()
    settle(qtbot, session)
    assert session.history.current is shown


def test_a_run_goes_on_from_an_optimum(qtbot, session):
    opened(qtbot, session, "galaxies", 3)
    session.set_stopping(Stopping(max_iter=5))
    session.try_starts(3)
    settle(qtbot, session)
    best = session.search.table[0]
    assert not best.end.converged
    session.set_stopping(Stopping(max_iter=8))
    session.set_speed(float("inf"))
    session.go_on_from(best.end)
    settle(qtbot, session)
    assert session.moment.label == "M8"
    assert session.moment.snapshot.log_likelihood > best.figure


def test_other_data_or_another_model_end_the_search(qtbot, session):
    opened(qtbot, session, "old-faithful", 2)
    session.try_starts(5)
    settle(qtbot, session)
    done = session.search
    session.try_starts(1000)
    session.set_parameter(k=3)
    assert not session.searching and session.search is None
    assert any("No more starts" in words for words in session.said)
    settle(qtbot, session)
    session.try_starts(1000)
    session.add_points((0, 1), np.array([[3.0, 60.0]]))
    assert not session.searching and session.search is None
    settle(qtbot, session)
    session.undo()
    session.undo()
    settle(qtbot, session)
    assert session.search is done, "the answer to a question is there when the question is asked again"


def test_colouring_by_the_truth_is_no_other_data(qtbot, session):
    opened(qtbot, session, "iris", 2)
    session.try_starts(4)
    session.set_truth(None)
    assert session.searching
    settle(qtbot, session)
    session.set_truth("species")
    session.show_end(session.search.table[0].end)
    settle(qtbot, session)
    assert session.data.truth == "species" and session.moment.data is session.data


def test_what_cannot_be_searched_is_said(qtbot, session):
    session.try_starts(3)
    assert not session.searching and "no point" in session.said[-1]
    session.open_table(painted(np.arange(20.0).reshape(10, 2) ** 1.1))
    settle(qtbot, session)
    session.set_start(Start("labels", labels=np.arange(10) % 2))
    settle(qtbot, session)
    session.try_starts(3)
    assert not session.searching and "given" in session.said[-1]


def test_closing_in_the_middle_of_a_search(qtbot):
    made = Session()
    opened(qtbot, made, "old-faithful", 3)
    made.try_starts(1000)
    made.close()
    assert not made.jobs.busy


# -- names that stay ---------------------------------------------------------------------------------------------------
def sure(session) -> np.ndarray:
    """(n,) the name of each row's most probable component."""
    m = session.moment
    resp = m.model.responsibilities_at(m.snapshot.params, m.data.x)[:, : m.model.k]
    return np.array(m.cast or range(m.model.k))[resp.argmax(1)]


def test_another_start_keeps_the_names(qtbot, session):
    opened(qtbot, session, "iris", 3, "kmeans++")
    session.run_to_convergence()
    settle(qtbot, session)
    kept = []
    for _ in range(6):
        before = sure(session)
        session.new_start()
        settle(qtbot, session)
        start = sure(session)
        moved = [np.mean(np.array(o)[start] == before) for o in ((1, 0, 2), (2, 1, 0), (0, 2, 1), (1, 2, 0), (2, 0, 1))]
        kept.append(np.mean(start == before) >= max(moved) - 0.05)
        session.run_to_convergence()
        settle(qtbot, session)
    assert all(kept)


def test_the_same_start_again_is_the_same(qtbot, session):
    opened(qtbot, session, "iris", 3)
    for command in (session.new_start, session.run_to_convergence):
        command()
        settle(qtbot, session)
    first = session.history.line()[0].moment.snapshot.params
    session.restart()
    settle(qtbot, session)
    again = session.moment.snapshot.params
    assert again is not first and all(np.array_equal(a, b) for a, b in zip(first, again))


def test_who_is_left_keeps_the_name(qtbot, session):
    opened(qtbot, session, "iris", 3, "kmeans++")
    session.run_to_convergence()
    settle(qtbot, session)
    means = session.moment.snapshot.params.means
    session.remove_component(1)
    settle(qtbot, session)
    m = session.moment
    assert m.cast == (0, 2) and np.array_equal(m.snapshot.params.means, means[[0, 2]])
    session.iterate()
    settle(qtbot, session)
    assert session.moment.cast == (0, 2)
    session.new_start()
    settle(qtbot, session)
    assert session.moment.cast == (0, 2), "another start of as many components has the same names"
    session.set_parameter(k=3)
    settle(qtbot, session)
    assert session.moment.cast == (), "the one that is new takes the first free name"
    session.undo()
    session.undo()
    session.undo()
    assert session.moment.cast == () and session.model.k == 3


def test_a_given_start_is_shown_as_it_is_given(qtbot, session):
    opened(qtbot, session, "old-faithful", 2, "kmeans++")
    session.run_to_convergence()
    settle(qtbot, session)
    params = session.model.permute(session.moment.snapshot.params, np.array([1, 0]))
    session.set_start(Start("params", params=params))
    settle(qtbot, session)
    assert np.array_equal(session.moment.snapshot.params.means, params.means)


def test_another_model_of_the_same_data_keeps_the_names(qtbot, session):
    opened(qtbot, session, "old-faithful", 2, "kmeans++")
    session.run_to_convergence()
    settle(qtbot, session)
    before = sure(session)
    for seed in range(3):
        session.seed = seed
        session.set_model(find("kmeans").make(k=2))
        settle(qtbot, session)
        assert np.mean(sure(session) == before) > 0.9
        session.undo()


def test_other_data_begin_with_a(qtbot, session):
    opened(qtbot, session, "iris", 3, "kmeans++")
    session.remove_component(0)
    settle(qtbot, session)
    assert session.moment.cast == (1, 2)
    session.open("dataset:old-faithful")
    settle(qtbot, session)
    assert session.moment.cast == ()


def test_trouble_is_told_with_the_letters_that_are_shown(qtbot, session):
    rng = np.random.default_rng(1)
    blobs = [rng.normal(c, 1, (30, 2)) for c in ((0, 0), (12, 0))]
    x = np.concatenate([*blobs, np.full((4, 2), [30.0, 30.0])])
    session.open_table(painted(x))
    settle(qtbot, session)
    session.set_parameter(k=3)
    settle(qtbot, session)
    labels = np.repeat([0, 1, 2], [30, 30, 4])
    caught = []
    session.trouble.connect(caught.append)
    means = np.array([[0.0, 0.0], [12.0, 0.0], [30.0, 30.0]])
    model = session.model
    params = (
        find("gaussian")
        .make(k=3)
        .init(session.data, Start("points"), np.random.default_rng(0))
        ._replace(means=means, covariances=np.tile(np.eye(2), (3, 1, 1)), weights=np.bincount(labels) / 64)
    )
    session.set_start(Start("params", params=params))
    settle(qtbot, session)
    session.remove_component(1)
    session.run_to_convergence()
    settle(qtbot, session)
    assert model.k == 3 and session.model.k == 2 and session.moment.cast == (0, 2)
    assert caught and caught[0].component == 1 and f"Component {letter(2)}" in caught[0].text
