"""Ellipses and densities pulled by their grips, with real mouse and key events: each gesture is one edit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from emstudio.core.data import painted
from emstudio.core.marks import Ellipse, Handle
from emstudio.gui import theme
from emstudio.gui.canvas import Canvas
from emstudio.gui.grips import LEAST, NEAREST, Pull, grips_of
from emstudio.gui.layers import Frame
from emstudio.session import FASTEST

LEFT, NO_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
NONE = Qt.KeyboardModifier.NoModifier
SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier


@pytest.fixture(autouse=True)
def light(qapp):
    theme.apply(qapp, "light")


@pytest.fixture
def canvas(studio):
    return studio.show(Canvas, 900, 700)


def fitted(studio, data: str = "old-faithful", **parameters):
    studio.session.open(f"dataset:{data}")
    studio.settle()
    studio.do(lambda: studio.session.set_parameter(**parameters))
    studio.steps(2)
    return studio.session


def place(canvas, k: int, index: int) -> QPoint:
    grip = canvas.pulling.grip(k, index)
    origin = canvas.picture.origin()
    return QPoint(round(origin.x() + grip.place[0]), round(origin.y() + grip.place[1]))


def point(canvas, at: QPoint):
    QTest.mouseMove(canvas.viewport(), at)


def drag(canvas, k: int, index: int, *steps: QPoint, held=NONE) -> QPoint:
    """Point at the component, take its grip, move by the steps; where the grip's centre was let go."""
    view = canvas.viewport()
    canvas.pick_component(k)
    at = place(canvas, k, index)
    QTest.mousePress(view, LEFT, held, at)
    for step in steps:
        spot = QPointF(at + step)
        event = QMouseEvent(QEvent.Type.MouseMove, spot, view.mapToGlobal(spot), NO_BUTTON, LEFT, held)
        QApplication.sendEvent(view, event)
    QTest.mouseRelease(view, LEFT, held, at + steps[-1])
    return at + steps[-1]


def seen(canvas, k: int, columns=(0, 1)) -> np.ndarray:
    """The covariance (2, 2) of the newest parameters in pixels."""
    scale = canvas.picture.frame.scale
    c = canvas.session.moment.snapshot.params.covariances[k]
    return c[np.ix_(columns, columns)] * np.outer(scale, scale)


def sigmas(canvas, k: int, at: QPoint, columns=(0, 1)) -> float:
    """How many standard deviations a place of the screen is from the mean, in its direction."""
    origin, frame = canvas.picture.origin(), canvas.picture.frame
    mean = canvas.session.moment.snapshot.params.means[k, list(columns)]
    hand = np.array([at.x() - origin.x(), at.y() - origin.y()]) - frame.pixels(mean[None])[0]
    return math.sqrt(hand @ np.linalg.solve(seen(canvas, k, columns), hand))


def half_axes(c: np.ndarray) -> np.ndarray:
    return np.sqrt(np.linalg.eigvalsh(c))


# -- which grips are shown ---------------------------------------------------------------------------------------------
def test_grips_appear_with_the_hand_and_go_with_it(canvas, studio, qtbot):
    session = fitted(studio)
    assert canvas.pulling.shown() == []
    mean = session.moment.snapshot.params.means[1]
    point(canvas, canvas.where(*mean))
    qtbot.waitUntil(lambda: canvas.pulling.hovered == 1)
    assert {g.component for g in canvas.pulling.shown()} == {1} and len(canvas.pulling.shown()) == 4
    point(canvas, place(canvas, 1, 0))  # along the axis: the grips stay while the hand is on its way
    qtbot.waitUntil(lambda: canvas.viewport().cursor().shape() == Qt.CursorShape.OpenHandCursor)
    point(canvas, canvas.where(*session.moment.snapshot.params.means[0]))
    qtbot.waitUntil(lambda: canvas.pulling.hovered == 0)
    point(canvas, QPoint(canvas.viewport().width() - 30, canvas.viewport().height() - 60))
    qtbot.waitUntil(lambda: not canvas.pulling.shown())


def test_the_contour_of_one_sigma_shows_the_grips_of_its_component(canvas, studio, qtbot):
    session = fitted(studio)
    params = session.moment.snapshot.params
    direction = np.linalg.cholesky(params.covariances[0]) @ np.array([0.8, 0.6])  # a place on the contour
    inside = canvas.where(*(params.means[0] + 0.5 * direction))
    moved = canvas.where(*params.means[0]) - inside
    assert math.hypot(moved.x(), moved.y()) > 16  # outside of the letter
    point(canvas, inside)
    qtbot.waitUntil(lambda: canvas._input.mouse is not None)
    assert canvas.pulling.hovered is None
    point(canvas, canvas.where(*(params.means[0] + direction)))
    qtbot.waitUntil(lambda: canvas.pulling.hovered == 0)


def test_a_picked_component_keeps_its_grips_and_a_brush_has_none(canvas, studio):
    fitted(studio)
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_2)
    assert {g.component for g in canvas.pulling.shown()} == {1}
    canvas.set_tool("paint")
    assert canvas.pulling.shown() == []
    canvas.set_tool("select")
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.pulling.shown() == []


def test_grips_stand_on_the_contour_at_right_angles_on_the_screen(canvas, studio):
    fitted(studio)  # minutes by minutes, but with unlike scales
    sx, sy = canvas.picture.frame.scale
    assert abs(sx / sy) > 3 or abs(sy / sx) > 3
    grips = [canvas.pulling.grip(0, i) for i in range(4)]
    assert np.dot(grips[0].away, grips[1].away) == pytest.approx(0, abs=1e-6)
    for grip in grips:
        hand = np.array(grip.away)
        assert hand @ np.linalg.solve(seen(canvas, 0), hand) == pytest.approx(1.0)


def test_a_dot_is_seen_where_it_is_taken(canvas, studio):
    fitted(studio)
    canvas.pick_component(1)
    at = place(canvas, 1, 1)
    image = canvas.viewport().grab().toImage()

    def colour(shift):
        return np.array(image.pixelColor(at + shift).getRgbF()[:3])

    assert np.allclose(colour(QPoint(0, 0)), 1.0, atol=0.05)  # hollow
    assert np.allclose(colour(QPoint(4, 0)), theme.component_rgb(2)[1], atol=0.35)


# -- pulling -----------------------------------------------------------------------------------------------------------
def test_an_end_follows_the_hand_and_that_is_one_edit(canvas, studio):
    session = fitted(studio)
    before = session.moment.snapshot.params
    axes = half_axes(seen(canvas, 0))
    end = drag(canvas, 0, 0, QPoint(-10, 5), QPoint(-40, 30), QPoint(-30, 60))
    after = session.moment.snapshot.params
    assert sigmas(canvas, 0, end) == pytest.approx(1.0, abs=0.02)  # a press is at whole pixels
    assert half_axes(seen(canvas, 0))[0] == pytest.approx(axes[0], rel=1e-9)  # the other half axis is as it was
    assert np.array_equal(after.means, before.means) and np.array_equal(after.covariances[1], before.covariances[1])
    assert session.moment.snapshot.phase == "edit" and canvas.picked_component == 0
    studio.settle()
    session.undo()
    assert np.array_equal(session.moment.snapshot.params.covariances, before.covariances)
    session.redo()
    assert np.array_equal(session.moment.snapshot.params.covariances, after.covariances)


def test_the_axes_change_places_when_the_short_one_is_pulled_out(canvas, studio):
    fitted(studio)
    long = half_axes(seen(canvas, 0))[1]
    grip = canvas.pulling.grip(0, 1)
    away = np.array(grip.away) / math.hypot(*grip.away)
    steps = [QPoint(*(round(v) for v in away * s)) for s in np.arange(10, 2.5 * long, 10)]
    end = drag(canvas, 0, 1, *steps)
    axes = half_axes(seen(canvas, 0))
    assert axes[0] == pytest.approx(long, rel=1e-9)
    assert axes[1] > 2 * long
    assert sigmas(canvas, 0, end) == pytest.approx(1.0, abs=0.02)


def test_shift_keeps_the_direction(canvas, studio):
    fitted(studio)
    before = np.linalg.eigh(seen(canvas, 0))
    away = np.array(canvas.pulling.grip(0, 0).away)
    unit = away / math.hypot(*away)
    step = 30 * unit + 25 * np.array([-unit[1], unit[0]])
    drag(canvas, 0, 0, QPoint(*(round(v) for v in step)), held=SHIFT)
    after = np.linalg.eigh(seen(canvas, 0))
    assert np.allclose(abs(before.eigenvectors.T @ after.eigenvectors), np.eye(2), atol=1e-6)
    assert np.sqrt(after.eigenvalues[1]) - np.sqrt(before.eigenvalues[1]) == pytest.approx(30, abs=1.0)
    assert after.eigenvalues[0] == pytest.approx(before.eigenvalues[0], rel=1e-6)


def test_a_diagonal_ellipse_stays_along_the_columns(canvas, studio):
    session = fitted(studio, covariance="VVI")
    before = session.moment.snapshot.params.covariances
    sds = np.sqrt(np.diagonal(seen(canvas, 1)))
    drag(canvas, 1, 0, QPoint(10, 4), QPoint(35, -20))
    after = session.moment.snapshot.params.covariances
    assert np.sqrt(np.diagonal(seen(canvas, 1))) == pytest.approx([sds[0] + 35, sds[1]], abs=0.6)
    assert after[1, 1, 1] == pytest.approx(before[1, 1, 1], rel=1e-12) and after[1, 0, 1] == 0
    assert np.array_equal(after[0], before[0])


def test_shift_keeps_the_shape_of_a_diagonal_ellipse(canvas, studio):
    session = fitted(studio, covariance="VVI")
    before = session.moment.snapshot.params.covariances[1]
    drag(canvas, 1, 1, QPoint(0, 10), QPoint(12, 24), held=SHIFT)
    after = session.moment.snapshot.params.covariances[1]
    assert after[0, 0] / before[0, 0] == pytest.approx(after[1, 1] / before[1, 1])
    assert after[0, 0] > 1.2 * before[0, 0]


@pytest.mark.parametrize("family", ["VII", "EII"])
def test_a_round_one_runs_through_the_hand_and_stays_round(canvas, studio, family):
    session = fitted(studio, covariance=family)
    before = session.moment.snapshot.params.covariances
    end = drag(canvas, 0, 1, QPoint(0, 8), QPoint(6, 25))
    after = session.moment.snapshot.params.covariances
    assert np.array_equal(after[0], after[0, 0, 0] * np.eye(2))
    assert sigmas(canvas, 0, end) == pytest.approx(1.0, abs=0.03)
    assert np.array_equal(after[1], after[0] if family == "EII" else before[1])


def test_a_tied_one_pulls_all(canvas, studio):
    session = fitted(studio, covariance="EEE")
    drag(canvas, 1, 0, QPoint(5, 5), QPoint(30, -30))
    after = session.moment.snapshot.params.covariances
    assert np.array_equal(after[0], after[1])


def test_in_a_pair_of_many_columns_the_others_keep_their_own(canvas, studio):
    session = fitted(studio, "iris", k=3)
    view = type(canvas.view)("scatter", (2, 0), title=canvas.view.title)
    canvas.set_view(view)
    before = session.moment.snapshot.params.covariances[2]
    end = drag(canvas, 2, 0, QPoint(5, 5), QPoint(25, 40))
    after = session.moment.snapshot.params.covariances[2]
    assert sigmas(canvas, 2, end, (2, 0)) == pytest.approx(1.0, abs=0.03)
    kept = np.ix_([1, 3], [1, 3])
    assert np.array_equal(after[kept], before[kept])
    assert np.linalg.eigvalsh(after)[0] > 0
    assert after[2, 1] != before[2, 1]


def test_the_width_of_a_density_follows_the_hand(canvas, studio):
    session = fitted(studio, "galaxies", k=3)
    variance = session.moment.snapshot.params.covariances[:, 0, 0]
    sx = canvas.picture.frame.scale[0]
    for index, step in ((0, 21), (1, -10)):
        before = math.sqrt(session.moment.snapshot.params.covariances[0, 0, 0])
        drag(canvas, 0, index, QPoint(step // 2, -9), QPoint(step, 5))
        after = math.sqrt(session.moment.snapshot.params.covariances[0, 0, 0])
        assert (after - before) * sx == pytest.approx(abs(step), abs=0.1)
        studio.settle()
    assert np.array_equal(session.moment.snapshot.params.covariances[1:, 0, 0], variance[1:])


def test_a_hand_that_only_clicks_changes_nothing(canvas, studio):
    session = fitted(studio)
    moment = session.moment
    canvas.pick_component(0)
    QTest.mouseClick(canvas.viewport(), LEFT, NONE, place(canvas, 0, 2))
    assert session.moment is moment
    assert not canvas.pulling.held and not canvas.stroke.open


def test_a_pull_into_the_letter_ends_at_the_least_width(canvas, studio):
    session = fitted(studio)
    grip = canvas.pulling.grip(0, 0)
    drag(canvas, 0, 0, QPoint(*(round(-0.5 * v) for v in grip.away)), QPoint(*(round(-v) for v in grip.away)))
    assert half_axes(seen(canvas, 0))[0] == pytest.approx(LEAST, abs=0.6)
    studio.steps(3)
    assert session.moment.snapshot.t > 1  # the run goes on from there


def test_a_pull_during_a_run_goes_on_with_it_and_the_newest_place_wins(canvas, studio, qtbot):
    session = fitted(studio)
    session.set_speed(FASTEST)
    session.set_stopping(type(session.stopping)(tol=0.0, max_iter=10**6))
    session.run()
    t = session.moment.snapshot.t
    qtbot.waitUntil(lambda: session.moment.snapshot.t >= t + 2)
    edits = []
    session.changed.connect(lambda m: edits.append(m) if m.snapshot.phase == "edit" else None)
    canvas.catch_up()
    grip, other = canvas.pulling.grip(1, 0), canvas.pulling.grip(1, 1).reach
    away = np.array(grip.away) / math.hypot(*grip.away)
    drag(canvas, 1, 0, *(QPoint(*(round(v) for v in away * far)) for far in (20, 50, 90)))
    qtbot.waitUntil(lambda: not canvas.stroke.open)
    t = session.moment.snapshot.t
    qtbot.waitUntil(lambda: session.moment.snapshot.t > t)
    assert session.running
    session.pause()
    scale = canvas.picture.frame.scale
    axes = half_axes(edits[-1].snapshot.params.covariances[1] * np.outer(scale, scale))
    assert axes[1] == pytest.approx(grip.reach + 90, abs=12)  # as far as the mean moved under the hand
    assert axes[0] == pytest.approx(other, rel=0.2)


# -- by keys -----------------------------------------------------------------------------------------------------------
def test_keys_choose_a_grip_and_pull_it(canvas, studio):
    session = fitted(studio)
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_1)
    QTest.keyClick(canvas, Qt.Key.Key_H)
    grip = canvas.pulling.chosen()
    assert (grip.component, grip.index) == (0, 0)
    before = session.moment.snapshot.params
    QTest.keyClick(canvas, Qt.Key.Key_Down, ALT | SHIFT)
    studio.settle()
    QTest.keyClick(canvas, Qt.Key.Key_Left, ALT)
    studio.settle()
    after = canvas.pulling.chosen()
    assert np.array(after.place) - grip.place == pytest.approx([-1, 10], abs=1e-6)
    assert np.array_equal(session.moment.snapshot.params.means, before.means)
    session.undo()
    session.undo()
    assert np.array_equal(session.moment.snapshot.params.covariances, before.covariances)


def test_h_goes_through_the_grips_and_back_to_the_letter(canvas, studio):
    session = fitted(studio)
    canvas.setFocus()
    for index in range(4):
        QTest.keyClick(canvas, Qt.Key.Key_H)
        assert canvas.pulling.chosen().index == index
    assert canvas.picked_component == 0
    QTest.keyClick(canvas, Qt.Key.Key_H)
    assert canvas.pulling.chosen() is None
    before = session.moment.snapshot.params
    QTest.keyClick(canvas, Qt.Key.Key_Right, ALT)
    assert session.moment.snapshot.params.means[0, 0] > before.means[0, 0]
    QTest.keyClick(canvas, Qt.Key.Key_H)
    QTest.keyClick(canvas, Qt.Key.Key_2)  # another component: keys mean its letter
    assert canvas.pulling.chosen() is None


# -- geometry ----------------------------------------------------------------------------------------------------------
FRAME = Frame(0.0, 0.0, 10.0, 1000.0, 500.0, 400.0)


def ellipse(freedom: str, sds=(0.1, 20.0), covariance=0.0) -> Ellipse:
    block = np.array([[sds[0] ** 2, covariance], [covariance, sds[1] ** 2]])
    return Ellipse(0, np.array([5.0, 500.0]), block, pull=Handle("covariance", 0), freedom=freedom)


@pytest.mark.parametrize("freedom", ["free", "axes", "round"])
@pytest.mark.parametrize("kept", [False, True])
def test_taking_a_grip_beside_its_centre_changes_nothing(freedom, kept):
    mark = ellipse(freedom, (0.3, 0.3) if freedom == "round" else (0.1, 20.0))
    for grip in grips_of(mark, FRAME):
        assert math.hypot(*grip.away) >= NEAREST - 1e-9  # outside of the letter, however small the ellipse is
        x, y = grip.place[0] + 4, grip.place[1] - 3
        handle, position = Pull(grip, mark, FRAME, x, y).to(mark, FRAME, x, y, kept)
        assert handle == mark.pull
        assert position == pytest.approx((mark.covariance[0, 0], 0.0, mark.covariance[1, 1]), rel=1e-9, abs=1e-9)


def test_a_small_ellipse_grows_by_what_the_hand_moves():
    mark = ellipse("free")
    grip = grips_of(mark, FRAME)[0]
    unit = np.array(grip.away) / math.hypot(*grip.away)
    x, y = np.array(grip.place) + 40 * unit
    _, (xx, _, yy) = Pull(grip, mark, FRAME, *grip.place).to(mark, FRAME, x, y)
    length = math.sqrt(max(xx * FRAME.scale[0] ** 2, yy * FRAME.scale[1] ** 2))
    assert length == pytest.approx(grip.reach + 40)


def test_a_line_has_no_grips():
    flat = Ellipse(0, np.zeros(2), np.array([[1.0, 1.0], [1.0, 1.0]]) * 0.0, pull=Handle("covariance", 0))
    assert grips_of(flat, FRAME) == []
    assert grips_of(Ellipse(0, np.zeros(2), np.eye(2)), FRAME) == []


def test_painted_blobs_can_be_pulled_as_round_as_they_are(canvas, studio):
    rng = np.random.default_rng(0)
    studio.session.open_table(painted(rng.normal(0, 1, (60, 2))))
    studio.settle()
    studio.do(lambda: studio.session.set_parameter(k=1, covariance="VII"))
    studio.steps(2)
    canvas.set_equal(True)
    end = drag(canvas, 0, 0, QPoint(10, 0), QPoint(40, 30))
    assert sigmas(canvas, 0, end) == pytest.approx(1.0, abs=0.02)
