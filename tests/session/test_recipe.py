"""The script of a session ends at the very moment shown, whatever was done on the way: run as a program and compared."""

from __future__ import annotations

import runpy
from collections.abc import Callable

import numpy as np
import pytest

from emstudio import cli
from emstudio.core.errors import UserError
from emstudio.core.how import EStep
from emstudio.core.marks import Handle, View
from emstudio.core.model import Start, find
from emstudio.core.stopping import Stopping
from emstudio.session import Session
from emstudio.session.recipe import recipe
from emstudio.storage import OneRun, Several, Steps, python_script

DATASETS = {
    "coins": "coin-flips",
    "gaussian": "old-faithful",
    "hmm": "geyser-azzalini-bowman",
    "kmeans": "iris",
    "multinomial": "loaded-dice",
    "noisy-switch": "hidden-switch",
    "poisson": "earthquakes",
    "product": "cafe-guests",
    "student-t": "diabetes-reaven-miller",
}


class Desk:
    """A session, and what its script does."""

    def __init__(self, qtbot, folder) -> None:
        self.qtbot, self.folder = qtbot, folder
        self.session = Session()
        self.said: list[str] = []
        self.session.failed.connect(self.said.append)

    def do(self, *commands: Callable[..., object]) -> None:
        for command in commands:
            command()
            s = self.session
            self.qtbot.waitUntil(lambda s=s: not (s.busy or s.running or s.searching), timeout=20_000)
            assert not self.said

    def open(self, name: str, model: str = "", **values) -> None:
        self.do(lambda: self.session.open(f"dataset:{name}"))
        if model or values:
            self.do(lambda: self.session.set_model(find(model or "gaussian").make(**values)))

    def steps(self, n: int) -> None:
        self.do(*[self.session.step] * n)

    def script(self, capsys) -> str:
        """The text of the script, which was run: it ended where the session is, bit for bit."""
        path = self.folder / "script.py"
        path.write_bytes(python_script(recipe(self.session), str(path)))
        found = runpy.run_path(str(path), run_name="__main__")
        ended, shown = found["moment"].snapshot, self.session.moment.snapshot
        assert found["found"] == shown.figure and ended.t == shown.t
        for a, b in zip(ended.params, shown.params, strict=True):
            assert np.array_equal(a, b)
        assert "difference: 0\n" in capsys.readouterr().out
        return path.read_text("utf-8")


@pytest.fixture
def desk(qtbot, tmp_path):
    made = Desk(qtbot, tmp_path)
    yield made
    made.session.close()


@pytest.mark.parametrize("name", DATASETS)
def test_half_steps_and_a_whole_run_of_every_model(name, desk, capsys) -> None:
    desk.open(DATASETS[name], name)
    desk.session.set_stopping(Stopping(max_iter=12))
    desk.steps(3)
    assert isinstance(recipe(desk.session).course, Steps)
    assert "while moment.label != " in desk.script(capsys)
    desk.do(desk.session.run_to_convergence)
    assert isinstance(recipe(desk.session).course, Several | OneRun)
    desk.script(capsys)


def test_without_a_fit_there_is_nothing_to_repeat(desk) -> None:
    with pytest.raises(UserError, match="nothing is fitted yet"):
        recipe(desk.session)


def test_a_run_from_the_first_start_is_the_command_lines_script(desk, capsys) -> None:
    desk.open("old-faithful")
    desk.do(desk.session.run_to_convergence)
    text = desk.script(capsys)
    assert "moment = fit(\n" in text and "    starts=1,\n    seed=0,\n    stopping=Stopping(" in text
    assert 'DATA = "dataset:old-faithful"' in text


def test_the_order_of_the_window_is_kept(desk, capsys) -> None:
    """A later start is shown with its components in the order of the fit before."""
    desk.open("old-faithful", k=3)
    orders = set()
    for _ in range(4):
        desk.do(desk.session.new_start)
        text = desk.script(capsys)
        orders.add("reordered(" in text)
        desk.do(desk.session.run_to_convergence)
        assert ("reordered(" in desk.script(capsys)) is ("reordered(" in text)
    assert orders == {True, False}


def test_a_rule_that_would_have_stopped_sooner_is_no_description_of_the_run(desk, capsys) -> None:
    desk.open("old-faithful")
    desk.do(desk.session.run_to_convergence)
    desk.session.set_stopping(Stopping("likelihood", tol=1e-3))
    assert isinstance(recipe(desk.session).course, Steps)
    desk.script(capsys)


def test_after_dragging_a_mean(desk, capsys) -> None:
    desk.open("old-faithful")
    desk.steps(2)
    handle, view = Handle("mean", 1), View("scatter", (0, 1))
    desk.do(lambda: desk.session.drag(handle, view, (2.5, 70.0)))
    text = desk.script(capsys)
    assert "# The parameters after: Move mean\n" in text and "advance" not in text
    desk.steps(3)
    text = desk.script(capsys)
    assert (
        "# The parameters after: Move mean, and the half-steps from there\n" in text and 'moment.label != "E3"' in text
    )
    assert "TABLE" not in text


def test_after_painting_the_rows_stand_in_the_script(desk, capsys) -> None:
    desk.open("old-faithful")
    desk.steps(2)
    desk.do(lambda: desk.session.add_points([0, 1], np.array([[3.0, 60.25], [3.5, 62.0]])))
    assert "# Data: written below, 274 rows of eruptions, waiting.\n" in desk.script(capsys)
    desk.do(lambda: desk.session.erase(np.arange(5)), desk.session.iterate)
    text = desk.script(capsys)
    assert "269 rows" in text and "60.25" in text and "DATA" not in text
    desk.do(desk.session.new_start, desk.session.run_to_convergence)
    assert "PARAMS" not in desk.script(capsys)  # a new start on these rows needs no parameters


def test_after_rows_were_erased_no_file_holds_the_rest(desk, capsys) -> None:
    desk.open("old-faithful")
    desk.do(lambda: desk.session.erase(np.arange(5)), desk.session.iterate)
    assert "# Data: written below, 267 rows" in desk.script(capsys)


def test_after_every_other_edit(desk, capsys) -> None:
    s = desk.session
    desk.open("old-faithful", k=3)
    desk.steps(2)
    for edit in (
        lambda: s.set_how(EStep("stochastic")),
        lambda: s.set_how(EStep("annealed", 3.0)),
        lambda: s.set_how(EStep()),
        lambda: s.set_accelerated(True),
        lambda: s.reseed(1),
        lambda: s.remove_component(0),
        lambda: s.set_floor(0.1),
        lambda: s.move_points(np.array([3]), [0, 1], [0.5, 2.0]),
        lambda: s.set_parameter(noise=True),
        lambda: s.set_start(Start("labels", labels=np.arange(272) % 2)),
        lambda: s.set_start(Start("params", params=s.moment.snapshot.params)),
    ):
        desk.do(edit)
        desk.script(capsys)
        desk.steps(3)
        desk.script(capsys)


def test_an_accelerated_run_is_repeated_whole(desk, capsys) -> None:
    desk.open("old-faithful", k=3)
    desk.do(lambda: desk.session.set_accelerated(True), desk.session.restart, desk.session.run_to_convergence)
    assert "accelerate=True" in desk.script(capsys)


def test_an_optimum_that_is_shown(desk, capsys) -> None:
    desk.open("galaxies", k=3)
    desk.do(lambda: desk.session.try_starts(4))
    desk.do(lambda: desk.session.show_end(desk.session.search.table[-1].end))
    desk.script(capsys)
    desk.steps(2)
    assert "Show an optimum, and the half-steps from there" in desk.script(capsys)


def test_tosses_that_were_typed(desk, capsys) -> None:
    s = desk.session
    desk.open("coin-flips")
    desk.do(lambda: s.flip_toss(1, 2), lambda: s.add_trial("HHTHT"), s.iterate)
    assert "written below, 6 rows" in desk.script(capsys)
    desk.do(
        s.new,
        lambda: s.set_model(find("coins").make()),
        lambda: s.add_trial("HTTTHHTHTH"),
        lambda: s.add_trial("HHHHTHHHHH"),
        s.iterate,
    )
    assert "HTTTHHTHTH" in desk.script(capsys)


def test_columns_that_a_model_made_of_others_stand_in_the_script(desk, capsys) -> None:
    """The coins counted heads and tails of each flip; no file holds them."""
    desk.open("single-flips", "product", k=2)
    desk.do(desk.session.iterate)
    assert desk.session.data.names == ("flip", "heads", "tails")
    assert "TABLE" in desk.script(capsys)


def test_pasted_cells_some_of_them_missing(desk, capsys) -> None:
    s = desk.session
    desk.do(lambda: s.paste("a,b,who\n1,2,x\n2,1,y\n5,6,\n6,5,x\n5.5,,y\n1.25,3,x"))
    desk.do(lambda: s.set_model(find("gaussian").make(k=1)), lambda: s.set_missing("marginal"), s.iterate)
    text = desk.script(capsys)
    assert "from math import nan\n" in text and 'missing="marginal"' in text and "who" not in text


def test_an_order_of_the_rows_that_was_taken_away(desk, capsys) -> None:
    desk.open("lynx", "hmm", k=2)
    desk.do(lambda: desk.session.set_order(None, None), desk.session.iterate)
    assert "with_order(table, None, None)" in desk.script(capsys)


def test_too_many_rows_of_no_file_are_said_to_be(desk) -> None:
    rng = np.random.default_rng(0)
    desk.do(lambda: desk.session.paste("a,b\n" + "".join(f"{x},{y}\n" for x, y in rng.normal(size=(5001, 2)))))
    with pytest.raises(UserError, match="5001 rows that no file holds are too many"):
        python_script(recipe(desk.session))


def test_a_file_that_is_gone_is_written_into_the_script(desk, capsys, tmp_path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("x\n" + "".join(f"{i * 37 % 11 / 7}\n" for i in range(40)))
    desk.do(lambda: desk.session.open(str(table)), desk.session.iterate)
    assert 'DATA = "t.csv"' in desk.script(capsys)
    table.unlink()
    assert "TABLE" in desk.script(capsys)


def test_weights_that_were_chosen_and_rows_painted_beside_them(desk, capsys, tmp_path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("x,y,w\n" + "".join(f"{i * 37 % 11 / 7},{i * i % 13 / 3},{i % 4}\n" for i in range(60)))
    desk.do(lambda: desk.session.open(str(table)), lambda: desk.session.set_weights("w"), desk.session.iterate)
    text = desk.script(capsys)
    assert 'weights="w"' in text and "TABLE" not in text
    desk.do(lambda: desk.session.add_points((0, 1), np.array([[0.5, 1.5], [1.0, 2.0]])))
    desk.steps(3)
    text = desk.script(capsys)
    assert 'weights="w"' in text and "TABLE" in text


@pytest.mark.parametrize("options", [["--weights", "w"], ["--scale", "standardise"]])
def test_a_session_that_the_command_line_made(options, desk, capsys, tmp_path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("x,y,w\n" + "".join(f"{i * 37 % 11 / 7},{i * i % 13 / 3},{i % 4}\n" for i in range(60)))
    made = ["--model", "gaussian", "--columns", "x,y", "--session", str(tmp_path / "a.ems")]
    assert cli.main(["fit", str(table), *made, *options]) == 0
    desk.do(lambda: desk.session.open(str(tmp_path / "a.ems")))
    text = desk.script(capsys)
    assert 'weights="w"' in text if options[0] == "--weights" else "TABLE" in text
    desk.steps(2)
    desk.script(capsys)


def test_a_session_that_was_saved_and_opened_again(desk, qtbot, capsys, tmp_path) -> None:
    desk.open("old-faithful", k=3)
    desk.steps(4)
    desk.do(lambda: desk.session.drag(Handle("mean", 1), View("scatter", (0, 1)), (2.5, 70.0)))
    desk.steps(3)
    before = desk.script(capsys)
    desk.do(lambda: desk.session.save(str(tmp_path / "a.ems")))
    desk.do(desk.session.new, lambda: desk.session.open(str(tmp_path / "a.ems")))
    assert desk.script(capsys) == before
