"""The Runs panel with real keys and clicks: trying starts, the table of optima, looking at one and going on from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from emstudio import tables
from emstudio.core.format import set_cast
from emstudio.core.model import Start, find
from emstudio.core.search import Question, asked, pull
from emstudio.core.stopping import Stopping
from emstudio.gui import theme
from emstudio.gui.main_window import MainWindow
from emstudio.gui.optima import columns, figure_text
from emstudio.gui.runs import status
from emstudio.session import FASTEST, Session


@pytest.fixture(autouse=True)
def look(qapp):
    theme.apply(qapp, "light")
    yield
    set_cast(())
    theme.apply(qapp, "light")


@pytest.fixture
def window(qtbot):
    made = MainWindow(Session())
    qtbot.addWidget(made)
    made.resize(1280, 800)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    return made


def settle(qtbot, window):
    session = window.session
    qtbot.waitUntil(
        lambda: not (session.busy or session.running or session.searching or window.refresher.waiting), timeout=30_000
    )


def prepared(qtbot, window, name="galaxies", k=3, start="points"):
    session = window.session
    for command in (
        lambda: window.open_source(f"dataset:{name}"),
        lambda: session.set_parameter(k=k),
        lambda: session.set_start(Start(start)),
    ):
        command()
        settle(qtbot, window)
    return session


def tried(qtbot, window, starts):
    window.runs.starts.setValue(starts)
    QTest.keyClick(window.canvas, Qt.Key.Key_T)
    settle(qtbot, window)
    return window.runs.optima


def show_runs(window):
    tabs = window.docks["explain"].titleBarWidget().tabs
    QTest.mouseClick(tabs, Qt.MouseButton.LeftButton, pos=tabs.tabRect(1).center())
    return tabs


def click(optima, row, double=False):
    place = optima.visualRect(optima.optima.index(row)).center()
    QTest.mouseClick(optima.viewport(), Qt.MouseButton.LeftButton, pos=place)
    if double:
        QTest.mouseDClick(optima.viewport(), Qt.MouseButton.LeftButton, pos=place)


def drawn(qtbot, window):
    """Wait until the panel shows what the session knows."""
    runs = window.runs
    qtbot.waitUntil(lambda: not runs._clock.isActive())
    return runs


def test_the_tabs_of_the_right_dock(qtbot, window):
    tabs = show_runs(window)
    assert [tabs.tabText(i) for i in range(tabs.count())] == ["Explain", "Runs"]
    assert window.runs.isVisible() and not window.explain.isVisible()
    assert tabs.accessibleName() and tabs.focusPolicy() & Qt.FocusPolicy.TabFocus
    tabs.setFocus()
    QTest.keyClick(tabs, Qt.Key.Key_Left)
    assert window.explain.isVisible() and not window.runs.isVisible()


def test_an_empty_panel_says_what_to_do(qtbot, window):
    show_runs(window)
    runs = window.runs
    assert "add points or open a file" in runs.hint.text() and not runs.button.isEnabled()
    prepared(qtbot, window, "old-faithful", 2)
    runs = drawn(qtbot, window)
    assert "Try several starts" in runs.hint.text() and runs.hint.isVisible()
    assert runs.button.isEnabled() and runs.button.text() == "Try 10 starts" and not runs.found.isVisible()


def test_the_galaxies(qtbot, window):
    session = prepared(qtbot, window)
    optima = tried(qtbot, window, 100)
    runs = drawn(qtbot, window)
    assert runs.isVisible() and not runs.bar.isVisible()
    best = next(x for x in optima.optima.lines if x.behind == "best")
    assert best.figure.replace("\u2212", "-") == "-769.917913" and best.starts == 41
    assert all(x.note.startswith("Likely spurious") for x in optima.optima.lines[: best.rank - 1])
    assert "41 of 100 starts reached the best log-likelihood, \u2212769.917913" in runs.verdict.text()
    assert session.moment.label == "start", "looking for optima does not touch what is shown"
    words = optima.optima.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert "reached by 41 starts" in words and f"{best.iterations} iterations" in words


def test_spurious_and_collapsed_are_named(qtbot, window):
    prepared(qtbot, window, "iris", 4)
    optima = tried(qtbot, window, 40)
    runs = drawn(qtbot, window)
    noted = [x for x in optima.optima.lines if x.note]
    assert noted and all("Likely spurious: " in x.note and " rows" in x.note for x in noted)
    best = next(x for x in optima.optima.lines if x.behind == "best")
    assert not best.note
    assert window.session.search.collapsed and "collapsed and" in runs.verdict.text()
    assert sum(x.starts for x in optima.optima.lines) == 40 - window.session.search.collapsed


def test_progress_and_cancel(qtbot, window):
    session = prepared(qtbot, window, "old-faithful", 3)
    runs = window.runs
    show_runs(window)
    runs.starts.setFocus()
    QTest.keyClick(runs.starts, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(runs.starts, "1000")
    QTest.mouseClick(runs.button, Qt.MouseButton.LeftButton)
    assert session.searching and session.search.question.starts == 1000
    qtbot.waitUntil(lambda: runs.bar.value() >= 3 and runs.optima.optima.rowCount() > 0, timeout=30_000)
    assert runs.button.text() == "Cancel" and runs.bar.maximum() == 1000 and runs.bar.isVisible()
    assert "of 1\u202f000 starts" in runs.status.text() and " left" in runs.status.text()
    assert window.acts["try_starts"].text() == "S&top trying starts"
    window.canvas.setFocus()
    QTest.keyClick(window.canvas, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: session.moment.label == "E1")
    assert session.searching, "half-steps go on beside it"
    QTest.mouseClick(runs.button, Qt.MouseButton.LeftButton)
    assert not session.searching and not runs.bar.isVisible() and runs.button.text() == "Try 1\u202f000 starts"
    assert "given up" in runs.status.text() and runs.optima.optima.rowCount() > 0


def test_a_click_shows_an_optimum_and_undo_comes_back(qtbot, window):
    session = prepared(qtbot, window)
    before = session.history.current
    optima = tried(qtbot, window, 20)
    drawn(qtbot, window)
    click(optima, 1)
    settle(qtbot, window)
    line = optima.optima.lines[1]
    assert session.shows(line.end) and session.history.undo_title() == "Show optimum 2"
    assert figure_text(session.moment.snapshot.log_likelihood) == line.figure
    runs = drawn(qtbot, window)
    assert optima.line() is line or optima.line().end is line.end
    assert runs.onward.isEnabled()
    QTest.keyClick(window.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    settle(qtbot, window)
    assert session.history.current is before
    drawn(qtbot, window)
    assert optima.line() is None and not runs.onward.isEnabled()


def test_the_keyboard_goes_through_the_optima(qtbot, window):
    session = prepared(qtbot, window)
    session.set_stopping(Stopping(max_iter=10))
    optima = tried(qtbot, window, 30)
    drawn(qtbot, window)
    lines = optima.optima.lines
    assert len(lines) > 2 and "iteration limit" in lines[0].note
    optima.setFocus()
    QTest.keyClick(optima, Qt.Key.Key_Home)
    QTest.keyClick(optima, Qt.Key.Key_Down)
    settle(qtbot, window)
    assert session.shows(lines[1].end)
    QTest.keyClick(optima, Qt.Key.Key_Down)
    settle(qtbot, window)
    assert session.shows(lines[2].end)
    drawn(qtbot, window)
    session.set_stopping(Stopping(max_iter=12))
    session.set_speed(FASTEST)
    QTest.keyClick(optima, Qt.Key.Key_Return)
    settle(qtbot, window)
    assert session.moment.label == "M12"


@pytest.mark.parametrize("way", ["button", "double click"])
def test_going_on_from_an_optimum(qtbot, window, way):
    session = prepared(qtbot, window)
    session.set_stopping(Stopping(max_iter=10))
    optima = tried(qtbot, window, 5)
    runs = drawn(qtbot, window)
    session.set_stopping(Stopping(max_iter=13))
    session.set_speed(FASTEST)
    if way == "button":
        click(optima, 0)
        settle(qtbot, window)
        drawn(qtbot, window)
        QTest.mouseClick(runs.onward, Qt.MouseButton.LeftButton)
    else:
        click(optima, 0, double=True)
    settle(qtbot, window)
    assert session.moment.label == "M13"


def test_another_model_empties_the_table(qtbot, window):
    session = prepared(qtbot, window, "old-faithful", 2)
    optima = tried(qtbot, window, 5)
    runs = drawn(qtbot, window)
    assert runs.found.isVisible()
    session.set_parameter(k=3)
    settle(qtbot, window)
    drawn(qtbot, window)
    assert not runs.found.isVisible() and runs.hint.isVisible()
    session.undo()
    settle(qtbot, window)
    drawn(qtbot, window)
    assert runs.found.isVisible() and optima.optima.rowCount() > 0


def test_the_cost_of_a_model_without_likelihood(qtbot, window):
    session = prepared(qtbot, window, "old-faithful", 2)
    session.set_model(find("kmeans").make(k=4))
    settle(qtbot, window)
    optima = tried(qtbot, window, 20)
    runs = drawn(qtbot, window)
    figures = [f.figure for f in session.search.table]
    assert figures == sorted(figures) and len(figures) > 1
    assert runs.unit.text() == "lower is better" and "best inertia" in runs.verdict.text()
    assert optima.optima.lines[1].behind.startswith("+")


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_nothing_is_cut(qtbot, window, size):
    window.resize(*size)
    prepared(qtbot, window, "iris", 4)
    optima = tried(qtbot, window, 25)
    runs = drawn(qtbot, window)
    QApplication.processEvents()
    for label in (runs.status, runs.verdict):
        assert label.height() >= label.heightForWidth(label.width())
    area = window.side.areas["Runs"]
    assert not area.verticalScrollBar().isVisible()
    assert runs.onward.mapTo(area, QPoint(0, runs.onward.height())).y() <= area.height()
    width = optima.viewport().width()
    at = columns(width)
    room = {name: right - left for name, (left, right) in at.items()}
    figures, small = QFontMetricsF(theme.font(12, 500)), QFontMetricsF(theme.font(11))
    for line in optima.optima.lines:
        assert figures.horizontalAdvance(line.figure) <= room["figure"]
        assert small.horizontalAdvance(line.behind) <= room["behind"]
        assert small.horizontalAdvance(str(line.iterations)) <= room["iterations"]


def test_who_is_left_keeps_letter_and_colour(qtbot, window):
    session = prepared(qtbot, window, "iris", 3, "kmeans++")
    session.run_to_convergence()
    settle(qtbot, window)
    colours = [theme.component_colour(k).name() for k in range(3)]
    dashes = [theme.dash(k) for k in range(3)]
    session.remove_component(1)
    settle(qtbot, window)
    assert [theme.letter(k) for k in range(2)] == ["A", "C"]
    assert [theme.component_colour(k).name() for k in range(2)] == [colours[0], colours[2]]
    assert [theme.dash(k) for k in range(2)] == [dashes[0], dashes[2]]
    table = window.parameters.view.table
    assert table.headerData(2, Qt.Orientation.Horizontal) == "C"
    session.step()
    settle(qtbot, window)
    session.undo()
    settle(qtbot, window)
    assert [theme.letter(k) for k in range(3)] == ["A", "B", "C"]
    assert [theme.component_colour(k).name() for k in range(3)] == colours


def test_a_new_start_does_not_swap_the_colours(qtbot, window):
    session = prepared(qtbot, window, "old-faithful", 2, "kmeans++")
    for seed in range(6):
        session.set_seed(seed)
        settle(qtbot, window)
        session.run_to_convergence()
        settle(qtbot, window)
        means = session.moment.snapshot.params.means
        order = np.argsort(means[:, 0]).tolist()
        if seed == 0:
            first = order
        assert order == first


def test_a_long_start_shows_that_it_goes_on():
    model = find("gaussian").make(k=2)
    question = Question(model.dataset(tables.read("dataset:old-faithful")), model, Start(), 0, 3, Stopping())
    search = pull(pull(asked(question), 0.0), 0.0)
    assert status(search, True) == "0 of 3 starts; iteration 1 of the next"
    while search.number < 1:
        search = pull(search, 0.0)
    assert status(replace(search, seconds=0.5), True) == "1 of 3 starts, about 1 s left"
    assert status(replace(search, seconds=90.0), True) == "1 of 3 starts, about 3 min left"
    assert status(search, False) == "1 of 3 starts: k-means++, seed 0; given up."
