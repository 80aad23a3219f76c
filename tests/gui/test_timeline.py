"""The scrubber: press, drag and keys show other moments; what they show is the history's."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from emstudio.core.marks import Handle, View
from emstudio.gui.timeline import OVERVIEW, RAIL, Timeline

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def line(faithful):
    return faithful.show(Timeline, 700, 48)


def centre(line: Timeline, cell: int) -> QPoint:
    return QPoint(round(line.x_of(cell + 0.5)), RAIL)


def labels(session, nodes) -> list[str]:
    return [n.moment.label for n in nodes]


def test_a_press_shows_that_moment(faithful, line):
    faithful.steps(6)
    QTest.mousePress(line, LEFT, pos=centre(line, 2))
    assert faithful.session.moment.label == "M1"
    QTest.mouseRelease(line, LEFT, pos=centre(line, 2))
    assert faithful.session.moment.label == "M1"


def test_dragging_scrubs_live_and_both_ways(faithful, line):
    faithful.steps(6)
    seen = []
    faithful.session.changed.connect(lambda m: seen.append(m.label))
    QTest.mousePress(line, LEFT, pos=centre(line, 6))
    for cell in (5, 4, 3, 4):
        QTest.mouseMove(line, centre(line, cell))
    QTest.mouseRelease(line, LEFT, pos=centre(line, 4))
    assert list(dict.fromkeys(seen)) == ["E3", "M2", "E2"]
    assert faithful.session.moment.label == "M2"
    QTest.mouseMove(line, centre(line, 1))
    assert faithful.session.moment.label == "M2", "the drag is over"


def test_scrubbing_pauses_a_run(faithful, line):
    session = faithful.session
    session.set_speed(0.5)
    faithful.steps(3)
    session.run()
    assert session.running
    QTest.mouseClick(line, LEFT, pos=centre(line, 1))
    assert not session.running and session.moment.label == "E1"


def test_the_keys(faithful, line):
    session = faithful.session
    faithful.steps(24)
    line.setFocus()
    for key, label in (
        (Qt.Key.Key_Left, "E12"),
        (Qt.Key.Key_Right, "M12"),
        (Qt.Key.Key_PageUp, "M7"),
        (Qt.Key.Key_PageDown, "M12"),
        (Qt.Key.Key_Home, "start"),
        (Qt.Key.Key_End, "M12"),
    ):
        QTest.keyClick(line, key)
        faithful.settle()
        assert session.moment.label == label, key
    QTest.keyClick(line, Qt.Key.Key_Right)
    faithful.settle()
    assert session.moment.label == "E13", "beyond the end it makes the next half-step"


def test_another_future_is_kept_and_found_again(faithful, line):
    session = faithful.session
    faithful.steps(6)
    old = session.moment
    session.go_to(line.track.cells[2])
    faithful.do(lambda: session.drag(Handle("mean", 0), View("scatter", (0, 1)), (2.0, 55.0)))
    faithful.steps(1)
    line.track.sync()
    assert "1 other future" in line.describe(2)
    QTest.keyClick(line, Qt.Key.Key_Up)
    assert session.moment.label == "E2"
    QTest.keyClick(line, Qt.Key.Key_End)
    assert session.moment is old
    QTest.keyClick(line, Qt.Key.Key_Down)
    assert session.moment.snapshot.phase == "edit"
    QTest.keyClick(line, Qt.Key.Key_Left)
    assert session.moment.label == "M1"
    QTest.keyClick(line, Qt.Key.Key_Down)
    assert session.moment.label == "E2", "from the fork itself, too"


def test_a_press_beside_the_cells_goes_to_the_nearest(faithful, line):
    faithful.steps(4)
    QTest.mouseClick(line, LEFT, pos=QPoint(5, RAIL))
    assert faithful.session.moment.label == "start"
    QTest.mouseClick(line, LEFT, pos=QPoint(690, RAIL))
    assert faithful.session.moment.label == "M2"


def test_a_long_history_shows_a_window_and_goes_on_beyond_its_edge(faithful, line, qtbot):
    session = faithful.session
    faithful.steps(120)
    assert not line.track.whole
    low, _ = line.track.visible()
    assert low > 0
    QTest.mousePress(line, LEFT, pos=centre(line, low + 5))
    QTest.mouseMove(line, QPoint(20, RAIL))
    qtbot.waitUntil(lambda: session.moment.label == "start")  # held beyond the edge it goes on by itself
    QTest.mouseRelease(line, LEFT, pos=QPoint(20, RAIL))


def test_the_bar_below_moves_the_window_not_the_moment(faithful, line):
    faithful.steps(120)
    here = faithful.session.moment
    QTest.mouseClick(line, LEFT, pos=QPoint(70, OVERVIEW))
    assert faithful.session.moment is here
    assert line.track.first == 0


def test_a_screen_reader_hears_where_it_is(faithful, line):
    faithful.steps(3)
    assert line.accessibleDescription() == "E2, moment 4 of 4"
    faithful.do(faithful.session.back)
    assert line.accessibleDescription() == "M1, moment 3 of 4"
    faithful.do(lambda: faithful.session.add_points((0, 1), np.array([[3.0, 60.0]])))
    assert "Add points" in line.accessibleDescription()


def test_dots_and_knob_are_drawn_where_a_press_finds_them(faithful, line):
    faithful.steps(4)
    faithful.session.go_to(line.track.cells[1])
    faithful.settle()
    image = line.grab().toImage()
    knob = image.pixelColor(centre(line, 1)).lightness()
    future = image.pixelColor(centre(line, 3)).lightness()
    beyond = image.pixelColor(centre(line, 7)).lightness()
    assert knob < 60 < 120 < future < beyond
