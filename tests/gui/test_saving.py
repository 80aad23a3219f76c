"""Save, Save as, Open and the question before something is lost: real keys, real dialogs."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QSettings, Qt, QUrl
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QMessageBox

from emstudio.gui import theme
from emstudio.gui.export import export
from emstudio.gui.main_window import MainWindow
from emstudio.session import Session
from tests.gui.test_main_window import CONTROL, SHIFT, drop, make, open_source, press, settle

Button = QMessageBox.StandardButton


@pytest.fixture(scope="module", autouse=True)
def look(qapp):
    theme.apply(qapp, "light")


@pytest.fixture
def settings(tmp_path):
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def windows(qtbot, settings):
    """Makes windows on Old Faithful that ask; at the end they go without a question."""
    made: list[MainWindow] = []

    def one(source: str = "dataset:old-faithful") -> MainWindow:
        window = make(qtbot, settings)
        made.append(window)
        open_source(qtbot, window, source)
        return window

    yield one
    for window in made:
        window._leave()


@pytest.fixture
def window(windows):
    return windows()


def dialog(window, name: str, kind=QFileDialog):
    (found,) = [d for d in window.findChildren(kind, name) if d.isVisible()]
    return found


def focus(qtbot, window) -> None:
    """A dialog is gone or another window was in front: keys reach only the window that is active."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.canvas.setFocus()


def choose(found: QFileDialog, path) -> None:
    """Accept a file dialog with this file."""
    found.setDirectory(str(path.parent))
    found.selectFile(str(path))
    found.accept()


def save_as(qtbot, window, path) -> None:
    QTest.keyClick(window, Qt.Key.Key_S, CONTROL | SHIFT)
    choose(dialog(window, "save_dialog"), path)
    assert window.session.path == str(path)
    focus(qtbot, window)


def answer(window, button) -> None:
    QTest.mouseClick(dialog(window, "unsaved", QMessageBox).button(button), Qt.MouseButton.LeftButton)


def paint(qtbot, window) -> None:
    press(window, Qt.Key.Key_P)
    QTest.mouseClick(window.canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(200, 120))
    settle(qtbot, window)


def test_ctrl_s_asks_once_for_a_file_and_then_writes_it(qtbot, window, tmp_path):
    QTest.keyClick(window, Qt.Key.Key_S, CONTROL)
    found = dialog(window, "save_dialog")
    assert found.selectedFiles()[0].endswith("old-faithful.ems") and found.defaultSuffix() == "ems"
    choose(found, tmp_path / "mine.ems")
    focus(qtbot, window)
    assert (tmp_path / "mine.ems").is_file()
    assert window.windowTitle().startswith("mine.ems[*]") and not window.isWindowModified()
    first = (tmp_path / "mine.ems").read_bytes()
    press(window, Qt.Key.Key_Right)
    settle(qtbot, window)
    assert window.isWindowModified()
    QTest.keyClick(window, Qt.Key.Key_S, CONTROL)
    assert not window.isWindowModified() and (tmp_path / "mine.ems").read_bytes() != first
    assert window.recent() == [str(tmp_path / "mine.ems")]
    assert "Saved" in window.statusBar().currentMessage()


def test_a_saved_session_is_opened_by_ctrl_o_and_by_dropping_it(qtbot, windows, tmp_path):
    first = windows()
    for _ in range(3):
        press(first, Qt.Key.Key_Right)
        settle(qtbot, first)
    save_as(qtbot, first, tmp_path / "a.ems")
    second = windows("dataset:iris")
    QTest.keyClick(second, Qt.Key.Key_O, CONTROL)
    choose(dialog(second, "open_dialog"), tmp_path / "a.ems")
    settle(qtbot, second)
    third = windows("dataset:galaxies")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.ems"))])
    assert drop(third, mime)
    settle(qtbot, third)
    for window in (second, third):
        assert window.session.moment.label == "E2"
        assert np.array_equal(window.session.moment.snapshot.resp, first.session.moment.snapshot.resp)
        assert window.windowTitle().startswith("a.ems[*]") and not window.isWindowModified()
        focus(qtbot, window)
        press(window, Qt.Key.Key_Home)
        settle(qtbot, window)
        assert window.session.moment.label == "start"
        press(window, Qt.Key.Key_End)
        settle(qtbot, window)
        assert window.session.moment.label == "E2" and len(window.session.history.nodes) == 5


def test_the_timeline_and_the_objective_are_those_of_the_file(qtbot, windows, tmp_path):
    window = windows()
    window.session.run_to_convergence()
    settle(qtbot, window)
    save_as(qtbot, window, tmp_path / "a.ems")
    likelihood = window.centre.objective.track.likelihood.copy()
    other = windows("dataset:galaxies")
    press(other, Qt.Key.Key_Right)
    settle(qtbot, other)
    open_source(qtbot, other, str(tmp_path / "a.ems"))
    track = other.centre.objective.track
    assert np.array_equal(track.likelihood, likelihood, equal_nan=True)
    assert track.cells == other.session.history.line()


def test_an_exploration_closes_without_a_question(qtbot, window):
    press(window, Qt.Key.Key_Right)
    settle(qtbot, window)
    assert not window.isWindowModified() and window.close()


@pytest.mark.parametrize("button", [Button.Save, Button.Discard, Button.Cancel])
def test_closing_a_saved_session_with_more_in_it_asks(qtbot, window, tmp_path, button):
    save_as(qtbot, window, tmp_path / "a.ems")
    before = (tmp_path / "a.ems").read_bytes()
    press(window, Qt.Key.Key_Right)
    settle(qtbot, window)
    assert not window.close() and window.isVisible()
    answer(window, button)
    assert window.isVisible() == (button == Button.Cancel)
    assert ((tmp_path / "a.ems").read_bytes() != before) == (button == Button.Save)
    if button == Button.Cancel:
        focus(qtbot, window)
        press(window, Qt.Key.Key_Right)
        settle(qtbot, window)
        assert window.session.moment.label == "M1", "everything goes on"


def test_escape_keeps_the_window(qtbot, window, tmp_path):
    save_as(qtbot, window, tmp_path / "a.ems")
    press(window, Qt.Key.Key_Right)
    settle(qtbot, window)
    window.close()
    QTest.keyClick(dialog(window, "unsaved", QMessageBox), Qt.Key.Key_Escape)
    assert window.isVisible() and window.isWindowModified()


def test_points_painted_by_hand_are_not_lost_without_a_question(qtbot, window, tmp_path):
    paint(qtbot, window)
    assert window.isWindowModified()
    assert not window.close()
    answer(window, Button.Save)
    assert window.isVisible()
    choose(dialog(window, "save_dialog"), tmp_path / "painted.ems")
    assert not window.isVisible()
    session = Session()
    try:
        session.open(str(tmp_path / "painted.ems"))
        qtbot.waitUntil(lambda: not session.busy)
        assert session.data.n == 273
    finally:
        session.close()


def test_who_closes_again_while_being_asked_means_it(qtbot, window):
    paint(qtbot, window)
    assert not window.close()
    assert window.close()


def test_another_session_does_not_push_out_what_is_not_saved(qtbot, windows, tmp_path):
    window = windows()
    save_as(qtbot, window, tmp_path / "a.ems")
    paint(qtbot, window)
    open_source(qtbot, window, str(tmp_path / "a.ems"))
    assert window.session.data.n == 273
    answer(window, Button.Cancel)
    assert window.session.data.n == 273
    open_source(qtbot, window, str(tmp_path / "a.ems"))
    answer(window, Button.Discard)
    qtbot.waitUntil(lambda: window.session.data.n == 272)
    settle(qtbot, window)
    assert not window.isWindowModified()
    paint(qtbot, window)
    open_source(qtbot, window, "dataset:iris")
    assert window.session.data.n == 150, "a table is one more node: Undo comes back to what was painted"


def test_a_file_that_cannot_be_written_is_told_and_nothing_closes(qtbot, window, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    save_as(qtbot, window, folder / "a.ems")
    press(window, Qt.Key.Key_Right)
    settle(qtbot, window)
    (folder / "a.ems").unlink()
    folder.rmdir()
    window.close()
    answer(window, Button.Save)
    assert window.isVisible() and window.isWindowModified()
    assert window.trouble.isVisible() and "folder" in window.trouble.sentence.text()
    focus(qtbot, window)
    save_as(qtbot, window, tmp_path / "b.ems")
    assert not window.trouble.isVisible() and not window.isWindowModified()


@pytest.mark.parametrize("what", ["session", "labels", "model", "script"])
def test_the_file_of_the_data_is_not_written_over(qtbot, windows, tmp_path, what):
    data = tmp_path / "t.csv"
    data.write_text("u,v\n" + "".join(f"{i},{(i * 37) % 11}\n" for i in range(30)))
    before, window = data.read_bytes(), windows(str(data))
    settle(qtbot, window)
    if what == "session":
        assert not window.session.save(str(data)) and window.session.path == ""
    else:
        assert not export(window, what, str(data))
    assert data.read_bytes() == before and list(tmp_path.glob("*.csv")) == [data]
    assert "the data were read from this file; choose another name" in window.trouble.sentence.text()
    assert export(window, "data", str(data)), "the data themselves go back into their file"


def test_a_broken_session_is_one_sentence_and_the_data_stay(qtbot, window, tmp_path):
    bad = tmp_path / "bad.ems"
    bad.write_bytes(b"PK\x03\x04 nothing")
    with qtbot.waitSignal(window.session.failed):
        window.open_source(str(bad))
    assert "bad.ems" in window.trouble.sentence.text() and window.session.data.n == 272
