"""The main window: data from outside, trouble, taking away, layout, theme, closing."""

from __future__ import annotations

import sys
import threading
from html import unescape

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from emstudio import tables
from emstudio.core.errors import Notice
from emstudio.core.model import find
from emstudio.core.stopping import Stopping
from emstudio.gui import app, export, faults, theme
from emstudio.gui.main_window import MainWindow
from emstudio.session import FASTEST, Session

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture(scope="module", autouse=True)
def look(qapp):
    theme.apply(qapp, "light")
    yield
    theme.apply(qapp, "light")


@pytest.fixture
def settings(tmp_path):
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


def make(qtbot, settings=None):
    window = MainWindow(Session(), settings)
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    return window


@pytest.fixture
def window(qtbot):
    window = make(qtbot)
    open_source(qtbot, window, "dataset:old-faithful")
    return window


def settle(qtbot, window):
    session = window.session
    qtbot.waitUntil(lambda: not session.busy and not session.running and not window.refresher.waiting)


def open_source(qtbot, window, source):
    window.open_source(source)
    settle(qtbot, window)


def press(window, key, modifier=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(window.canvas, key, modifier)


def drop(window, mime, on=None):
    """Drop `mime` on the middle of a widget, as a file manager would."""
    target = on or window.canvas.viewport()
    place = target.rect().center()
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(place, Qt.DropAction.CopyAction, mime, buttons, keys)
    QApplication.sendEvent(target, enter)
    event = QDropEvent(QPointF(place), Qt.DropAction.CopyAction, mime, buttons, keys)
    QApplication.sendEvent(target, event)
    return event.isAccepted()


# -- data from outside -------------------------------------------------------------------------------------------------
def test_a_dropped_file_is_opened(window, qtbot, tmp_path):
    path = tmp_path / "a b.csv"
    path.write_text("u,v\n" + "".join(f"{i},{(i * 37) % 11}\n" for i in range(30)))
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    assert drop(window, mime)
    settle(qtbot, window)
    assert window.session.data.names == ("u", "v")
    assert "a b" in window.windowTitle()


@pytest.mark.parametrize("place", ["data_panel", "model_panel", "toolbar", "explain"])
def test_a_file_may_be_dropped_anywhere(window, qtbot, tmp_path, place):
    path = tmp_path / "t.csv"
    path.write_text("u,v\n1,2\n2,3\n4,1\n5,9\n6,2\n")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    assert drop(window, mime, getattr(window, place))
    settle(qtbot, window)
    assert window.session.data.n == 5


def test_a_bad_file_is_one_sentence_and_the_data_stay(window, qtbot, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("u,v\n1,2\n2,3\n4,zwei\n5,6\n7,8\n")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    with qtbot.waitSignal(window.session.failed):
        drop(window, mime)
    assert window.session.data.table.source == "dataset:old-faithful"
    assert window.trouble.isVisible()
    said = window.trouble.sentence.text()
    assert "bad.csv" in said and "row 4" in said and "column v" in said
    QTest.mouseClick(window.trouble.findChild(QAbstractButton, "trouble_dismiss"), Qt.MouseButton.LeftButton)
    assert not window.trouble.isVisible()


def test_cells_of_a_spreadsheet_are_pasted(window, qtbot):
    QGuiApplication.clipboard().setText("p\tq\n1\t2\n2\t4\n3\t3\n5\t1\n8\t7\n")
    QTest.keyClick(window, Qt.Key.Key_V, CONTROL)
    settle(qtbot, window)
    assert window.session.data.names == ("p", "q") and window.session.data.n == 5


def test_an_empty_clipboard_is_told(window):
    QGuiApplication.clipboard().clear()
    QTest.keyClick(window, Qt.Key.Key_V, CONTROL)
    assert "clipboard holds no table" in window.trouble.sentence.text()
    assert window.session.data.n == 272


def test_opened_files_are_recent(qtbot, settings, tmp_path):
    window = make(qtbot, settings)
    paths = []
    for name in ("one.csv", "two.csv"):
        paths.append(tmp_path / name)
        paths[-1].write_text("u,v\n1,2\n2,3\n4,1\n5,9\n")
        open_source(qtbot, window, str(paths[-1]))
    assert window.recent() == [str(paths[1]), str(paths[0])]
    paths[0].unlink()
    assert window.recent() == [str(paths[1])]
    assert window.data_panel.source_box.findData(str(paths[1])) >= 0


# -- trouble -----------------------------------------------------------------------------------------------------------
def test_a_collapse_offers_to_reseed_its_component(window, qtbot):
    press(window, Qt.Key.Key_Right)
    settle(qtbot, window)
    means = window.session.moment.snapshot.params.means
    window.session.trouble.emit(Notice("collapse", "Component B collapses onto row 3.", component=1))
    assert "Component B collapses onto row 3." in window.centre.caption.accessibleName()
    buttons = window.trouble.remedies()
    assert [b.text() for b in buttons] == ["Re-seed B", "Remove B", "Set floor", "Step back"]
    reseed = buttons[0]
    QTest.mouseClick(reseed, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert not window.trouble.isVisible()
    assert not np.array_equal(window.session.moment.snapshot.params.means[1], means[1])


def test_a_collapse_can_be_answered_by_removing_or_by_a_floor(window, qtbot):
    press(window, Qt.Key.Key_Right)
    settle(qtbot, window)
    session = window.session
    kept = session.moment.snapshot.params.means[0].copy()
    session.trouble.emit(Notice("collapse", "Component B collapses onto row 3.", component=1))
    QTest.mouseClick(window.trouble.remedies()[1], Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert session.model.k == session.moment.model.k == 1
    assert np.array_equal(session.moment.snapshot.params.means, [kept])
    assert window.model_panel.form.fields["k"].value() == 1
    session.undo()
    settle(qtbot, window)
    assert session.model.k == 2
    session.trouble.emit(Notice("collapse", "Component B collapses onto row 3.", component=1))
    QTest.mouseClick(window.trouble.remedies()[2], Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert session.model.floor > 0
    window.canvas.setFocus()
    press(window, Qt.Key.Key_Right)
    settle(qtbot, window)
    press(window, Qt.Key.Key_Right)
    settle(qtbot, window)
    assert session.moment.model.floor == session.model.floor and session.moment.snapshot.phase == "M"


def test_a_real_collapse_pauses_and_names_the_component(qtbot, tmp_path):
    path = tmp_path / "spike.csv"
    path.write_text("x\n" + "0\n" * 6 + "".join(f"{50 + i * 1.7}\n" for i in range(12)))
    window = make(qtbot)
    window.open_source(str(path))
    settle(qtbot, window)
    with qtbot.waitSignal(window.session.trouble):
        window.session.run_to_convergence()
    assert window.trouble.isVisible()
    assert window.trouble.remedies()[0].text().startswith("Re-seed ")
    assert np.isfinite(window.session.moment.snapshot.log_likelihood)


def test_data_that_cannot_be_fitted_say_why_until_they_can(window, qtbot):
    QGuiApplication.clipboard().setText("p\tq\n1\t2\n")
    QTest.keyClick(window, Qt.Key.Key_V, CONTROL)
    settle(qtbot, window)
    assert "only 1 row" in window.centre.caption.sentences().what and not window.toolbar.primary.isEnabled()
    assert not window.trouble.isVisible(), "one sentence is enough"
    window.session.add_points([0, 1], np.random.default_rng(0).normal(size=(30, 2)))
    settle(qtbot, window)
    assert "row" not in window.centre.caption.sentences().what and window.toolbar.primary.isEnabled()


def test_the_first_points_of_an_empty_canvas_are_one_for_each_click(window, qtbot):
    QTest.keyClick(window, Qt.Key.Key_N, CONTROL)
    settle(qtbot, window)
    port = window.canvas.viewport()
    for i, place in enumerate((QPoint(200, 100), QPoint(320, 180), QPoint(260, 140)), start=1):
        on_screen = port.mapToGlobal(place)
        QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=place)
        settle(qtbot, window)
        QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=port.mapFromGlobal(on_screen))
        assert window.session.data.n == i


def test_a_canvas_that_moves_under_the_hand_makes_no_gesture(window, qtbot):
    QTest.keyClick(window, Qt.Key.Key_N, CONTROL)
    settle(qtbot, window)
    port = window.canvas.viewport()
    on_screen = port.mapToGlobal(QPoint(200, 150))
    QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=QPoint(200, 150))
    window.tell("Something is told above the canvas.")
    qtbot.waitUntil(lambda: port.mapFromGlobal(on_screen) != QPoint(200, 150))
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=port.mapFromGlobal(on_screen))
    assert window.session.data.n == 1


def test_a_bad_file_at_the_launch_opens_the_first_data_set_with_the_reason(qtbot, tmp_path):
    window = make(qtbot)
    path = tmp_path / "bad.csv"
    path.write_text("u,v\n1,2\n2,3\n4,zwei\n5,6\n7,8\n")
    app._load(window, [str(path)])
    qtbot.waitUntil(lambda: window.session.data.n == 272 and window.trouble.isVisible())
    assert "bad.csv" in window.trouble.sentence.text()
    QTest.keyClick(window, Qt.Key.Key_N, CONTROL)
    with qtbot.waitSignal(window.session.failed):
        window.open_source(str(path))
    assert not window.session.busy and window.session.data.n == 0, "later a bad file changes nothing"


def test_the_window_is_gone_at_once_when_it_is_closed_while_a_file_is_read(window, qtbot, tmp_path, monkeypatch):
    seen, real = [], tables.read
    may = threading.Event()
    monkeypatch.setattr(tables, "read", lambda source: may.wait(20) and real(source))
    end = window.session.close
    monkeypatch.setattr(window.session, "close", lambda: (seen.append(window.isVisible()), may.set(), end()))
    window.open_source(str(tmp_path / "slow.csv"))
    window.close()
    assert seen == [False]


def test_a_reading_that_takes_its_time_is_told_and_can_be_cancelled(window, qtbot, tmp_path, monkeypatch):
    may, real = threading.Event(), tables.read
    monkeypatch.setattr(tables, "read", lambda source: may.wait(20) and real(source))
    path = tmp_path / "slow.csv"
    path.write_text("u,v\n1,2\n2,3\n4,1\n5,9\n6,2\n")
    try:
        window.open_source(str(path))
        qtbot.waitUntil(window.trouble.isVisible)
        assert "slow.csv" in window.trouble.sentence.text()
        press(window, Qt.Key.Key_Right)
        qtbot.waitUntil(lambda: window.session.moment.label == "E1")
        press(window, Qt.Key.Key_P)
        QTest.mouseClick(window.canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(150, 120))
        assert window.session.data.n == 273 and window.trouble.isVisible()
        QTest.mouseClick(window.trouble.remedies()[0], Qt.MouseButton.LeftButton)
        assert not window.trouble.isVisible() and not window.session.reading
    finally:
        may.set()
    settle(qtbot, window)
    assert window.session.data.n == 273
    window.open_source(str(path))
    qtbot.waitUntil(lambda: window.session.data.n == 5)
    settle(qtbot, window)
    assert not window.trouble.isVisible()


def test_an_unforeseen_fault_is_told_and_logged(window, monkeypatch, capsys):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    faults.install(window.tell, window.close)
    try:
        raise ValueError("broken <b>thing</b>")
    except ValueError:
        sys.excepthook(*sys.exc_info())
    assert window.isVisible()
    assert "ValueError: broken <b>thing</b>" in unescape(window.trouble.sentence.text())
    assert "Traceback" in faults.log_file().read_text("utf-8")
    assert "Traceback" not in capsys.readouterr().err


# -- taking away -------------------------------------------------------------------------------------------------------
def test_labels_model_and_picture_are_written(window, qtbot, tmp_path):
    window.session.run_to_convergence()
    settle(qtbot, window)
    for what, start in (("labels", b"label,p0,p1,uncertainty,log_density\n"), ("model", b"{"), ("picture", b"\x89PNG")):
        path = tmp_path / ("out.png" if what == "picture" else f"out.{what}")
        assert export.export(window, what, str(path))
        assert path.read_bytes().startswith(start)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # what the picture was made with goes quietly
    assert window.isVisible()
    assert len((tmp_path / "out.labels").read_text().splitlines()) == 273
    from emstudio import storage

    model = storage.read_model(str(tmp_path / "out.model"))
    assert np.array_equal(model.params.means, window.session.moment.snapshot.params.means)


def test_a_folder_that_is_not_there_is_told(window, tmp_path):
    assert not export.export(window, "labels", str(tmp_path / "nowhere" / "out.csv"))
    assert "folder" in window.trouble.sentence.text()


def test_the_parameters_are_copied_for_a_spreadsheet(window):
    QTest.keyClick(window, Qt.Key.Key_C, CONTROL)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t")[1:] == ["A", "B"]
    assert float(lines[1].split("\t")[1]) == window.session.moment.snapshot.params.weights[0]


# -- layout, theme, closing --------------------------------------------------------------------------------------------
def test_panels_are_restored_on_the_next_launch(qtbot, settings):
    window = make(qtbot, settings)
    window.docks["parameters"].close()
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, window.docks["model"])
    window.acts["reduce_motion"].trigger()
    window.close()
    again = make(qtbot, settings)
    assert not again.docks["parameters"].isVisible()
    assert again.dockWidgetArea(again.docks["model"]) == Qt.DockWidgetArea.RightDockWidgetArea
    assert again.acts["reduce_motion"].isChecked() and not again.canvas.motion
    again.acts["reset_layout"].trigger()
    assert again.docks["parameters"].isVisible()
    assert again.dockWidgetArea(again.docks["model"]) == Qt.DockWidgetArea.LeftDockWidgetArea


def test_the_canvas_keeps_half_of_the_window(window, qtbot):
    for size in ((1280, 800), (1000, 700), (1600, 900)):
        window.resize(*size)
        qtbot.waitUntil(lambda: window.canvas.width() >= window.width() // 2 - 4)
        for dock in window.docks.values():
            window.resizeDocks([dock], [2000], Qt.Orientation.Horizontal)
        assert window.centre.width() >= window.width() // 2


def test_the_theme_is_kept(qtbot, settings):
    window = make(qtbot, settings)
    window.acts["theme_dark"].trigger()
    assert theme.current().dark and settings.value("theme") == "dark"
    window.acts["theme_light"].trigger()
    assert not theme.current().dark


def test_nothing_is_cut_off_in_the_tool_bar_at_1280(window):
    window.resize(1280, 800)
    for child in window.toolbar.findChildren(QWidget):
        if child.parent() is window.toolbar and child.isVisible():
            assert child.geometry().right() <= 1280


def test_closing_while_running_is_clean(window, qtbot):
    window.session.set_stopping(Stopping(tol=0.0, max_iter=10**6))
    window.session.set_speed(FASTEST)
    press(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.session.moment.snapshot.t > 20)
    window.close()
    assert not window.session.running
    assert not window.isVisible()


def test_help_shows_every_key(window):
    QTest.keyClick(window, Qt.Key.Key_F1)
    dialog = window.findChild(QWidget, "keys_dialog")
    assert dialog.isVisible() and not dialog.isModal()
    shown = {dialog.table.item(i, 0).text() for i in range(dialog.table.rowCount())}
    assert {"Restart", "Undo", "Full iteration"} <= shown
    dialog.close()


def test_points_in_the_window_are_where_the_pointer_is(window, qtbot):
    before = window.session.data.n
    press(window, Qt.Key.Key_P)
    QTest.mouseClick(window.canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(200, 150))
    settle(qtbot, window)
    assert window.session.data.n == before + 1
    press(window, Qt.Key.Key_V)


def test_a_high_window_shows_what_depends_on_what(qtbot, window):
    window.resize(1280, 700)
    window.arrangement.size_docks()
    assert not window.plate.isVisible()
    window.resize(1920, 1080)
    window.arrangement.size_docks()
    qtbot.waitUntil(lambda: window.plate.isVisible())
    area = window.side.areas["Explain"].verticalScrollBar()
    qtbot.waitUntil(lambda: area.maximum() == 0)


def test_what_is_explained_gets_more_room_when_it_grows(qtbot, window):
    """A chain is explained in more words after its first M-step than when it was opened."""
    window.resize(1920, 1080)
    open_source(qtbot, window, "dataset:earthquakes")
    for _ in range(4):
        window.session.step()
        settle(qtbot, window)
    area = window.side.areas["Explain"].verticalScrollBar()
    qtbot.waitUntil(lambda: area.maximum() == 0)


@pytest.mark.parametrize("name", ["coins", "multinomial"])
def test_data_that_a_model_refuses_are_told_once_by_the_caption(qtbot, window, name):
    open_source(qtbot, window, "dataset:galaxies")
    window.session.step()
    settle(qtbot, window)
    window.session.set_model(find(name).make())
    settle(qtbot, window)
    why = window.session.obstacle
    assert why and why in window.centre.caption.sentences().what
    assert not window.trouble.isVisible() and window.views.view in window.session.model.views(window.session.data)


def test_an_answer_to_trouble_leaves_the_keyboard_to_the_picture(window):
    window.session.trouble.emit(Notice("collapse", "Component B collapses onto row 3.", component=1))
    answer = next(b for b in window.trouble.remedies() if b.text() == "Re-seed B")
    answer.setFocus()
    QTest.mouseClick(answer, Qt.MouseButton.LeftButton)
    assert window.stage.page.hasFocus()


def test_at_1280_all_of_three_components_is_in_sight(qtbot, window):
    window.resize(1280, 800)
    open_source(qtbot, window, "dataset:iris")
    window.session.set_parameter(k=3)
    settle(qtbot, window)
    view = window.parameters.view
    assert view.table.columnCount() == 6 and view.horizontalScrollBar().maximum() == 0


@pytest.mark.parametrize("name", ["rock-paper-scissors", "two-gaussians", "coin-flips"])
def test_at_1280_a_table_of_few_columns_need_not_be_scrolled_sideways(qtbot, window, name):
    window.resize(1280, 800)
    open_source(qtbot, window, f"dataset:{name}")
    preview = window.data_panel.preview
    assert preview.table.columnCount() > 3 and preview.horizontalScrollBar().maximum() == 0
