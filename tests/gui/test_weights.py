"""Row weights in the real window: chosen in the data panel, fitted, painted into, erased, undone, saved and opened."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from emstudio.core.model import find
from emstudio.gui import raster, theme
from emstudio.gui.main_window import MainWindow
from emstudio.gui.popups import ColumnsPopup, LeftOutPopup
from emstudio.session import Session

LEFT, CTRL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier


@pytest.fixture(scope="module", autouse=True)
def look(qapp):
    theme.apply(qapp, "light")


@pytest.fixture
def window(qtbot, tmp_path):
    window = MainWindow(Session())
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.resize(1280, 800)
        window.show()
        window.activateWindow()
    rows = [f"{i * 7 % 11 + (i % 2) * 20},{i * 5 % 13 + (i % 2) * 9},{i % 4},{'uv'[i % 2]}" for i in range(40)]
    path = tmp_path / "t.csv"
    path.write_text("a,b,times,side\n" + "\n".join(rows) + "\n")
    window.session.open(str(path))
    settle(qtbot, window)
    return window


def settle(qtbot, window):
    s = window.session
    qtbot.waitUntil(lambda: not (s.busy or s.running or window.refresher.waiting), timeout=10_000)


def choose(qtbot, window, name):
    """Choose a column in the box of weights with the keyboard."""
    box = window.data_panel.weights_box
    box.setFocus()
    at = box.findText(name)
    assert at >= 0, [box.itemText(i) for i in range(box.count())]
    for _ in range(box.count()):
        if box.currentIndex() != at:
            QTest.keyClick(box, Qt.Key.Key_Down if box.currentIndex() < at else Qt.Key.Key_Up)
            settle(qtbot, window)
    assert box.currentText() == name


def undo(qtbot, window):
    window.canvas.setFocus()
    QTest.keyClick(window.canvas, Qt.Key.Key_Z, CTRL)
    settle(qtbot, window)


def test_chosen_fitted_painted_erased_and_undone(qtbot, window):
    panel, session, canvas = window.data_panel, window.session, window.canvas
    assert panel.weights_box.isVisible() and panel.weights_box.currentText() == "none"
    assert panel.count.text() == "40 rows, 3 columns, none missing"
    box = panel.weights_box
    box.setFocus()
    for _ in range(box.findText("times")):  # on the way to it other columns have their turn
        QTest.keyClick(box, Qt.Key.Key_Down)
        settle(qtbot, window)
    assert session.data.weighing == "times" and box.currentText() == "times"
    assert session.data.names == ("a", "b")
    assert panel.count.text() == "40 rows, sum of weights 60, 2 columns, none missing"
    undo(qtbot, window)
    assert session.data.weighing == "b" and session.data.names == ("a", "times") and box.currentText() == "b"
    undo(qtbot, window)
    undo(qtbot, window)
    assert session.data.weighing is None and box.currentText() == "none" and session.data.d == 3
    choose(qtbot, window, "times")
    for _ in range(4):
        QTest.mouseClick(window.toolbar.primary, LEFT)
        settle(qtbot, window)
    assert session.moment.label == "M2"
    canvas.set_tool("paint")
    place = canvas.where(15.0, 20.0)
    QTest.mouseClick(canvas.viewport(), LEFT, pos=place)
    settle(qtbot, window)
    assert session.data.n == 41 and session.data.weights[40] == 1.0 and session.data.weighing == "times"
    assert "41 points now, sum of weights 61, and a likelihood of its own" in window.centre.caption.happened.text()
    canvas.set_tool("erase")
    canvas.set_brush(8)
    QTest.mouseClick(canvas.viewport(), LEFT, pos=place)
    settle(qtbot, window)
    assert session.data.n == 40 and session.data.total == 60
    heavy = int(np.flatnonzero(session.data.weights == 3.0)[0])
    QTest.mouseClick(canvas.viewport(), LEFT, pos=canvas.where_row(heavy))
    settle(qtbot, window)
    assert session.data.total == 60 - 3 and panel.count.text().startswith("39 rows, sum of weights 57, ")
    undo(qtbot, window)
    assert session.data.total == 60


def test_what_is_offered(qtbot, window):
    panel, session = window.data_panel, window.session
    offered = [panel.weights_box.itemText(i) for i in range(panel.weights_box.count())]
    assert offered == ["none", "a", "b", "times"]  # no text
    session.set_model(find("hmm").make(k=2))
    settle(qtbot, window)
    assert not panel.weights_box.isVisible()
    session.open("dataset:old-faithful")
    settle(qtbot, window)
    assert not panel.weights_box.isVisible()
    session.new()
    session.add_points((0, 1), np.array([[1.0, 2.0], [3.0, 5.0]]))
    settle(qtbot, window)
    assert not panel.weights_box.isVisible()


def test_what_is_refused_is_not_chosen(qtbot, window, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("a,b,w\n" + "".join(f"{i * 7 % 11},{i * 5 % 13},{-1 if i == 9 else 2}\n" for i in range(30)))
    session, box = window.session, window.data_panel.weights_box
    session.open(str(path))
    settle(qtbot, window)
    box.setFocus()
    with qtbot.waitSignal(session.failed) as said:
        for _ in range(3):
            QTest.keyClick(box, Qt.Key.Key_Down)
    assert said.args[0] == f"{path}, row 11, column w: the weight -1 is not a finite number of 0 or more; correct it"
    settle(qtbot, window)
    assert session.data.weighing == "b" and box.currentText() == "b"


def test_the_lists_know_the_column_that_weighs(qtbot, window, tmp_path):
    path = tmp_path / "gap.csv"
    path.write_text("a,b,w\n" + "".join(f"{i * 7 % 11},{i * 5 % 13},{'' if i == 4 else 2}\n" for i in range(30)))
    session = window.session
    session.open(str(path))
    settle(qtbot, window)
    session.set_weights("w")
    settle(qtbot, window)
    window.acts["columns"].trigger()
    listed = window.findChild(ColumnsPopup)
    item = next(listed.list.item(i) for i in range(3) if listed.list.item(i).text() == "w  (weights)")
    assert not item.flags() & Qt.ItemFlag.ItemIsEnabled
    QTest.keyClick(listed, Qt.Key.Key_Escape)
    QTest.mouseClick(window.data_panel.left_out_button, LEFT)
    popup = window.findChild(LeftOutPopup)
    assert [popup.list.item(i).text() for i in range(popup.list.count())] == ["row 5: w"]
    QTest.keyClick(popup, Qt.Key.Key_Escape)


def test_a_saved_session_keeps_its_weights(qtbot, window, tmp_path):
    session = window.session
    session.set_weights("times")
    settle(qtbot, window)
    assert session.save(str(tmp_path / "a.ems"))
    session.open("dataset:old-faithful")
    settle(qtbot, window)
    session.open(str(tmp_path / "a.ems"))
    settle(qtbot, window)
    assert session.data.weighing == "times" and window.data_panel.weights_box.currentText() == "times"
    session.add_points((0, 1), np.array([[1.0, 2.0]]))
    settle(qtbot, window)
    assert session.data.weights[-1] == 1.0 and session.data.total == 61


def test_heavier_points_are_larger(qtbot, window):
    """A row's dot in the picture covers as much as it weighs; without weights all are alike."""
    session, canvas = window.session, window.canvas

    def touched(row):
        """How far a point reaches to its left: pixels that belong to it."""
        canvas.grab()
        points, reach = canvas.picture.points, 0
        x, y = points.places(canvas.picture.frame)[row]
        while reach < 30 and row in points.pick(x - reach, y, 0.8):
            reach += 1
        return reach

    session.choose(("a", "b"))
    settle(qtbot, window)
    usual = [touched(row) for row in (8, 1, 3)]
    assert min(usual) >= 5 and np.ptp(usual) <= 1  # a point may lie between two pixels
    session.set_weights("times")
    settle(qtbot, window)
    assert session.data.weights[[8, 1, 3]].tolist() == [0.0, 1.0, 3.0]
    light, middling, heavy = (touched(row) for row in (8, 1, 3))
    assert 0 < light < middling <= usual[1] and heavy > usual[2] and heavy >= middling + 2


def test_the_area_of_a_point_is_its_weight():
    assert raster.sizes_of(None) is None and raster.sizes_of(np.zeros(3)) is None
    sizes = raster.sizes_of(np.array([0.0, 1.0, 2.0, 2.0, 3.0, 4.0]))
    assert sizes[0] == 0.4 and np.allclose(sizes[1:] ** 2, [0.5, 1.0, 1.0, 1.5, 2.0])
    assert raster.sizes_of(np.array([1.0] * 99 + [1000.0])).max() == 2.0  # one row does not cover the picture
