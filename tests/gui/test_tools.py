"""The tools of the canvas, by real mouse and key events: each gesture is one edit, also while a run is on."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from emstudio.core.data import painted
from emstudio.gui.canvas import Canvas
from emstudio.session import FASTEST

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier


@pytest.fixture
def canvas(studio):
    return studio.show(Canvas, 800, 600)


def drag(canvas, *places: QPoint, held=NONE):
    """Press at the first place, move over the others, release at the last."""
    view = canvas.viewport()
    QTest.mousePress(view, LEFT, held, places[0])
    for place in places[1:]:
        QTest.mouseMove(view, place)
    QTest.mouseRelease(view, LEFT, held, places[-1])


def click(canvas, place, held=NONE):
    QTest.mouseClick(canvas.viewport(), LEFT, held, place)


def load(studio, points, name="Some points"):
    studio.session.open_table(painted(points, name=name))
    studio.settle()


GRID = [(x, y) for x in range(1, 9) for y in range(1, 7)]


def test_a_click_on_the_empty_canvas_adds_a_point_there(canvas, studio):
    assert canvas.tool == "select"
    click(canvas, canvas.where(3, 4))
    assert studio.session.data.n == 1
    assert canvas.tool == "paint"
    one_pixel = 1 / np.abs(canvas.picture.frame.scale)
    assert np.all(np.abs(studio.session.data.x[0] - (3, 4)) <= one_pixel)
    frame = canvas.picture.frame
    click(canvas, canvas.where(8, 8))
    assert studio.session.data.n == 2
    assert canvas.picture.frame == frame  # the view stays under the hand


def test_a_drag_paints_along_the_way_and_is_one_edit(canvas, studio):
    canvas.set_tool("paint")
    canvas.set_brush(20)
    start = canvas.where(2, 2)
    drag(canvas, start, start + QPoint(50, 0), start + QPoint(101, 0))
    x = studio.session.data.x
    assert len(x) == 6
    steps = np.diff(canvas.picture.frame.pixels(x), axis=0)
    assert np.allclose(steps, [[20, 0]] * 5, atol=0.5)
    studio.session.undo()
    assert studio.session.data.n == 0
    studio.session.redo()
    assert studio.session.data.n == 6


def test_spray_goes_on_while_it_presses(canvas, studio, qtbot):
    canvas.set_tool("spray")
    canvas.set_brush(10)
    place = canvas.where(5, 5)
    QTest.mousePress(canvas.viewport(), LEFT, NONE, place)
    first = studio.session.data.n
    assert first > 0
    qtbot.waitUntil(lambda: studio.session.data.n >= 40)
    QTest.mouseRelease(canvas.viewport(), LEFT, NONE, place)
    n = studio.session.data.n
    spread = np.hypot(*(canvas.picture.frame.pixels(studio.session.data.x) - canvas.picture.frame.pixels([[5, 5]])).T)
    assert 5 < spread.mean() < 60
    studio.session.undo()
    assert (n, studio.session.data.n) == (n, 0)


def test_erase_takes_what_the_circle_passes_over(canvas, studio):
    load(studio, GRID)
    canvas.set_tool("erase")
    canvas.set_brush(10)
    drag(canvas, canvas.where(0.6, 3), canvas.where(4, 3), canvas.where(8.4, 3))
    left = studio.session.data.x
    assert len(left) == len(GRID) - 8
    assert not (left[:, 1] == 3).any()
    studio.session.undo()
    assert studio.session.data.n == len(GRID)


def test_the_brush_shows_its_circle(canvas, studio):
    load(studio, GRID)
    canvas.set_tool("erase")
    canvas.set_brush(30)
    QTest.mouseMove(canvas.viewport(), canvas.where(4.5, 3.5))
    studio._qtbot.waitUntil(lambda: canvas.hand.brush is not None)
    assert canvas.hand.brush[2] == 30
    canvas.set_tool("select")
    assert canvas.hand.brush is None


@pytest.mark.parametrize("speed", [20.0, FASTEST])
def test_points_painted_during_a_run_all_arrive_and_the_run_goes_on(canvas, studio, qtbot, speed):
    session = studio.session
    load(studio, GRID)
    session.set_stopping(type(session.stopping)(tol=0.0, max_iter=10**6))
    session.set_speed(speed)
    session.run()
    qtbot.waitUntil(lambda: session.moment.snapshot.t >= 1)
    canvas.set_tool("paint")
    canvas.set_brush(8)
    for y in (2.5, 4.5):
        drag(canvas, *(canvas.where(x, y) for x in (1.5, 3, 5, 7)))
    expected = session.data.n
    qtbot.waitUntil(lambda: not canvas.stroke.open)
    painted_points = session.data.x[len(GRID) :]
    assert session.data.n >= expected
    for y in (2.5, 4.5):
        row = painted_points[np.abs(painted_points[:, 1] - y) < 0.2]
        assert row[:, 0].min() < 1.7
        assert row[:, 0].max() > 6.7
    t = session.moment.snapshot.t
    assert session.running
    qtbot.waitUntil(lambda: session.moment.snapshot.t > t)
    session.pause()


def test_erasing_during_a_run_takes_the_points_that_were_seen(canvas, studio, qtbot):
    session = studio.session
    load(studio, GRID)
    session.set_stopping(type(session.stopping)(tol=0.0, max_iter=10**6))
    session.set_speed(FASTEST)
    session.run()
    qtbot.waitUntil(lambda: session.moment.snapshot.t >= 1)
    canvas.set_tool("erase")
    canvas.set_brush(10)
    drag(canvas, *(canvas.where(x, 3) for x in (0.6, 2, 3.5, 5, 6.5, 8.4)))
    qtbot.waitUntil(lambda: not canvas.stroke.open)
    session.pause()
    assert {tuple(p) for p in session.data.x} == {p for p in GRID if p[1] != 3}


def mean_of(canvas, k):
    return canvas.session.model.anchors(canvas.session.moment.snapshot.params, canvas.view)[k]


def test_a_mean_is_dragged_and_that_is_one_edit(canvas, faithful, qtbot):
    session = faithful.session
    faithful.steps(3)
    before = mean_of(canvas, 0)
    start = canvas.where(*before)
    with qtbot.waitSignal(canvas.component_picked):
        drag(canvas, start, start + QPoint(-20, 10), start + QPoint(-60, 30), start + QPoint(-90, 45))
    sx, sy = canvas.picture.frame.scale
    assert np.allclose(mean_of(canvas, 0) - before, (-90 / sx, 45 / sy))
    assert canvas.picked_component == 0
    assert session.moment.snapshot.phase == "edit"
    faithful.settle()
    session.undo()
    assert np.allclose(mean_of(canvas, 0), before)


def test_a_mean_dragged_during_a_run_ends_where_it_was_dropped(canvas, faithful, qtbot):
    session = faithful.session
    session.set_speed(FASTEST)
    session.set_stopping(type(session.stopping)(tol=0.0, max_iter=10**6))
    session.run()
    qtbot.waitUntil(lambda: session.moment.snapshot.t >= 2)
    seen = []
    session.changed.connect(lambda m: seen.append(m) if m.snapshot.phase == "edit" else None)
    canvas.catch_up()
    start = canvas.where(*mean_of(canvas, 1))
    frame, view = canvas.picture.frame, canvas.view
    end = start + QPoint(70, 60)
    drag(canvas, start, start + QPoint(30, 20), end)
    qtbot.waitUntil(lambda: not canvas.stroke.open)
    t = session.moment.snapshot.t
    qtbot.waitUntil(lambda: session.moment.snapshot.t > t)
    session.pause()
    origin = canvas.picture.origin()
    dropped = frame.data(end.x() - origin.x(), end.y() - origin.y())
    place = session.model.anchors(seen[-1].snapshot.params, view)[1]
    assert np.all(np.abs(place - dropped) * np.abs(frame.scale) < 14)  # within the disc that was gripped


def test_a_click_picks_a_point_and_escape_lets_go(canvas, studio, qtbot):
    load(studio, GRID)
    with qtbot.waitSignal(canvas.picked) as told:
        click(canvas, canvas.where(4, 3))
    row = GRID.index((4, 3))
    assert told.args == [row]
    assert (canvas.picked_row, canvas.selected.tolist()) == (row, [row])
    with qtbot.waitSignal(canvas.picked) as told:
        QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert told.args == [None]
    assert len(canvas.selected) == 0


def test_shift_draws_a_band_and_delete_erases_what_is_in_it(canvas, studio):
    load(studio, GRID)
    drag(canvas, canvas.where(1.5, 1.5), canvas.where(3, 3), canvas.where(4.5, 4.5), held=SHIFT)
    inside = [i for i, (x, y) in enumerate(GRID) if 1.5 < x < 4.5 and 1.5 < y < 4.5]
    assert canvas.selected.tolist() == inside
    QTest.keyClick(canvas, Qt.Key.Key_Delete)
    assert studio.session.data.n == len(GRID) - len(inside)
    studio.session.undo()
    assert studio.session.data.n == len(GRID)


def test_selected_points_are_moved_together_and_others_never(canvas, studio):
    load(studio, GRID)
    rows = [GRID.index((2, 2)), GRID.index((3, 2))]
    click(canvas, canvas.where(2, 2))
    click(canvas, canvas.where(3, 2), SHIFT)
    assert canvas.selected.tolist() == rows
    before = studio.session.data.x
    start = canvas.where(3, 2)
    drag(canvas, start, start + QPoint(10, 0), start + QPoint(30, -20))
    shift = (studio.session.data.x - before) * canvas.picture.frame.scale
    assert np.allclose(shift[rows], [[30, -20]] * 2)
    assert not np.delete(shift, rows, axis=0).any()
    studio.session.undo()
    assert np.array_equal(studio.session.data.x, before)


def test_a_drag_on_a_point_that_is_not_selected_pans(canvas, studio):
    load(studio, GRID)
    before, frame = studio.session.data.x, canvas.picture.frame
    start = canvas.where(5, 5)
    drag(canvas, start, start + QPoint(20, 0), start + QPoint(60, 30))
    assert studio.session.data.x is before
    after = canvas.picture.frame
    assert after.left < frame.left
    assert after.right - after.left == pytest.approx(frame.right - frame.left)
    assert canvas.where(5, 5) == start + QPoint(60, 30)


def test_keys_pick_components_and_nudge_them(canvas, faithful):
    session = faithful.session
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_2)
    assert canvas.picked_component == 1
    before, frame = mean_of(canvas, 1), canvas.picture.frame
    QTest.keyClick(canvas, Qt.Key.Key_Right, ALT)
    faithful.settle()
    QTest.keyClick(canvas, Qt.Key.Key_Up, ALT | SHIFT)
    faithful.settle()
    assert np.allclose((mean_of(canvas, 1) - before) * frame.scale, (1, -10))
    session.undo()
    assert np.allclose((mean_of(canvas, 1) - before) * frame.scale, (1, 0))
    QTest.keyClick(canvas, Qt.Key.Key_9)
    assert canvas.picked_component == 1  # there is no ninth


def test_tab_goes_through_the_components(canvas, faithful):
    faithful.do(lambda: faithful.session.set_parameter(k=3))
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_1)
    QTest.keyClick(canvas, Qt.Key.Key_Tab)
    QTest.keyClick(canvas, Qt.Key.Key_Tab)
    assert canvas.picked_component == 2
    QTest.keyClick(canvas, Qt.Key.Key_Backtab)
    assert canvas.picked_component == 1


@pytest.mark.parametrize(("key", "tool"), [("P", "paint"), ("S", "spray"), ("E", "erase"), ("V", "select")])
def test_each_tool_has_its_key(canvas, qtbot, key, tool):
    canvas.set_tool("erase" if tool == "select" else "select")
    canvas.setFocus()
    if tool != canvas.tool:
        with qtbot.waitSignal(canvas.tool_changed) as told:
            QTest.keyClick(canvas, getattr(Qt.Key, f"Key_{key}"))
        assert told.args == [tool]


def test_points_are_painted_erased_and_picked_on_the_axis_of_one_column(canvas, studio):
    session = studio.session
    session.open("dataset:galaxies")
    studio.settle()
    n = session.data.n
    canvas.set_tool("paint")
    click(canvas, canvas.where(28_000, 3))
    assert session.data.n == n + 1
    assert session.data.x[-1, 0] == pytest.approx(28_000, abs=100)
    canvas.set_tool("select")
    click(canvas, canvas.where_row(n))
    assert canvas.picked_row == n
    canvas.set_tool("erase")
    click(canvas, canvas.where_row(n))
    assert session.data.n == n


def test_painting_in_a_pair_of_many_columns_gives_the_others_their_mean(canvas, studio):
    session = studio.session
    session.open("dataset:iris")
    studio.settle()
    mean = session.data.x.mean(axis=0)
    canvas.set_tool("paint")
    click(canvas, canvas.where(6, 3))
    columns = list(canvas.columns)
    others = [j for j in range(4) if j not in columns]
    assert session.data.n == 151
    assert np.allclose(session.data.x[-1, columns], (6, 3), atol=0.05)
    assert np.allclose(session.data.x[-1, others], mean[others])


def test_putting_a_tool_away_in_the_middle_of_a_gesture_ends_it(canvas, studio):
    canvas.set_tool("paint")
    QTest.mousePress(canvas.viewport(), LEFT, NONE, canvas.where(3, 3))
    canvas.set_tool("erase")
    assert not canvas.stroke.open
    QTest.mouseRelease(canvas.viewport(), LEFT, NONE, canvas.where(3, 3))
    assert studio.session.data.n == 1
