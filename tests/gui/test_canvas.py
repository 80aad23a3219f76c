"""The canvas as a person sees it: colours after E, shapes after M, letters, labels, cards, the view, the export."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from emstudio.core.data import painted
from emstudio.core.marks import Disc, Drawing, Ellipse
from emstudio.gui import axes, hand, labels, motion, raster, theme
from emstudio.gui.canvas import HINT, Canvas
from emstudio.gui.layers import Frame
from emstudio.gui.letters import dense
from emstudio.gui.point_layer import neutral
from emstudio.gui.refresh import REFRESH, Refresher


@pytest.fixture(autouse=True)
def light(qapp):
    theme.apply(qapp, "light")


@pytest.fixture
def canvas(faithful):
    made = faithful.show(Canvas, 800, 600)
    made.set_motion(False)
    return made


def colour_at(canvas, place: QPoint) -> np.ndarray:
    """The colour on the screen, 0..1."""
    return np.array(canvas.viewport().grab().toImage().pixelColor(place).getRgbF()[:3])


def free_rows(canvas, least=12.0):
    """Rows whose points no other point and no letter, label or trail comes near."""
    picture = canvas.picture
    at = picture.points.places(picture.frame)
    apart = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1)) + np.eye(len(at)) * 1e6
    free = apart.min(axis=1) > least
    for box in [*picture.letters.boxes(), *(QRectF(c.x() - 12, c.y() - 12, 24, 24) for c in discs(picture))]:
        near = box.adjusted(-8, -8, 8, 8)
        free &= ~np.array([near.contains(QPointF(*p)) for p in at])
    for line, _, _ in picture.letters._laid_out(picture.frame).trails:
        way = dense(line)
        free &= np.hypot(*(at[:, None] - way[None]).transpose(2, 0, 1)).min(axis=1) > 12
    return np.flatnonzero(free)


def discs(picture):
    frame = picture.frame
    marks = [m for m in picture.drawing.marks if isinstance(m, Disc)]
    return [QPointF(*frame.pixels(np.asarray(m.position)[None])[0]) for m in marks]


# -- what a half-step looks like ---------------------------------------------------------------------------------------
def test_before_the_first_e_step_points_are_grey(canvas):
    row = free_rows(canvas)[0]
    assert np.allclose(colour_at(canvas, canvas.where_row(row)), neutral(), atol=0.1)


def test_an_e_step_gives_points_the_colour_of_their_responsibilities(canvas, faithful):
    faithful.steps(3)
    resp = faithful.session.moment.snapshot.resp
    wanted = resp @ theme.component_rgb(2)
    rows = free_rows(canvas)
    assert len(rows) > 20
    for row in rows[:12]:
        assert np.allclose(colour_at(canvas, canvas.where_row(row)), wanted[row], atol=0.1)


def test_an_m_step_moves_letters_and_ellipses_and_leaves_colours(canvas, faithful):
    faithful.steps(1)
    colours = canvas.picture.points._colours
    faithful.steps(1)
    params = faithful.session.moment.snapshot.params
    drawn = {m.component: m for m in canvas.picture.drawing.marks if isinstance(m, Ellipse)}
    assert np.array_equal(drawn[1].covariance, params.covariances[1])
    letters = [c for c, _ in canvas.picture.letters._laid_out(canvas.picture.frame).discs]
    for centre, mean in zip(letters, canvas.picture.frame.pixels(params.means), strict=True):
        assert (centre.x(), centre.y()) == pytest.approx(tuple(mean))
    assert np.array_equal(canvas.picture.points._colours, colours)


def test_a_letter_is_seen_in_its_colour_at_the_mean(canvas, faithful):
    faithful.steps(2)
    mean = faithful.session.moment.snapshot.params.means[1]
    beside = canvas.where(*mean) + QPoint(-8, 0)
    assert np.allclose(colour_at(canvas, beside), theme.component_rgb(2)[1], atol=0.1)


def test_responsibilities_that_are_not_known_are_grey(canvas, faithful):
    faithful.steps(1)
    canvas.set_tool("paint")
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=canvas.where(2.6, 90))
    canvas.leave()
    assert faithful.session.data.n == 273
    assert np.allclose(colour_at(canvas, canvas.where_row(272)), neutral(), atol=0.1)


def test_many_points_have_their_ellipses_above_them(studio):
    canvas = studio.show(Canvas, 600, 400)
    rng = np.random.default_rng(2)
    studio.session.open_table(painted(rng.normal(0, 1, (2_000, 2))))
    studio.settle()
    assert canvas.picture.shapes.zValue() > canvas.picture.points.zValue()
    studio.session.open_table(painted(rng.normal(0, 1, (200, 2)), name="fewer"))
    studio.settle()
    assert canvas.picture.shapes.zValue() < canvas.picture.points.zValue()


# -- letters and labels ------------------------------------------------------------------------------------------------
def test_letters_on_one_spot_stand_side_by_side_and_each_can_be_taken(canvas, faithful):
    faithful.do(lambda: faithful.session.set_parameter(k=3))
    picture = canvas.picture
    marks = [m for m in picture.drawing.marks if isinstance(m, Disc)]
    spot = tuple(float(v) for v in marks[0].position)
    for mark in marks[1:]:
        faithful.do(lambda mark=mark: canvas.drag_handle(mark.handle, spot))
    at = picture.frame.pixels(np.array([spot]))[0]
    centres = [c for c, _ in picture.letters._laid_out(picture.frame).discs]
    assert [round(c.x() - at[0]) for c in centres] == [-15, 0, 15] and {round(c.y() - at[1]) for c in centres} == {0}
    for k, c in enumerate(centres):
        assert picture.letters.disc_at(c.x() + 5 * (k - 1), c.y()).component == k


def test_masses_are_written_apart_from_one_another_and_from_letters(canvas, faithful):
    faithful.do(lambda: faithful.session.open("dataset:old-faithful"))
    faithful.steps(9)
    canvas.fit()
    letters = canvas.picture.letters
    words = letters.texts()
    assert {"39 %", "86 %"} <= set(words)
    boxes = letters.boxes() + [QRectF(c.x() - 12, c.y() - 12, 24, 24) for c in discs(canvas.picture)]
    for i, a in enumerate(boxes):
        assert not any(a.intersects(b) for b in boxes[:i])
        assert QRectF(0, 0, canvas.picture.frame.width, canvas.picture.frame.height).contains(a)


def test_labels_stay_where_they_are_while_that_is_good(canvas, faithful):
    faithful.steps(8)
    before = dict(canvas.picture.letters._places)
    faithful.steps(2)
    canvas.picture.letters.boxes()
    after = canvas.picture.letters._places
    assert sum(before[k] == after.get(k) for k in before) >= len(before) - 1


def test_a_label_takes_the_spot_farthest_from_points():
    spots = np.array([[50.0, 50.0], [150.0, 50.0], [250.0, 50.0]])
    points = labels.PointMap.of(np.array([[50.0, 50.0], [160.0, 55.0]]), 300, 100)
    taken = np.empty((0, 4))
    scores = labels.clearance(spots, (20, 10), points, taken, 300, 100)
    assert labels.choose(scores, None) == 2
    covered = labels.clearance(spots, (20, 10), points, np.array([[240.0, 40.0, 20.0, 20.0]]), 300, 100)
    assert covered[2] < 0
    assert labels.clearance(np.array([[299.0, 50.0]]), (20, 10), points, taken, 300, 100)[0] == -np.inf


def test_the_trail_remembers_where_the_means_were(canvas, faithful):
    faithful.steps(6)  # E M E M E M
    trail = canvas.picture.trail
    moments = [n.moment for n in faithful.session.history.segment() if n.moment.snapshot.phase in ("start", "M")]
    assert trail.started
    assert np.array_equal(trail.places, np.stack([m.snapshot.params.means for m in moments[:-1]]))
    faithful.do(faithful.session.back, faithful.session.back)
    assert len(canvas.picture.trail.places) == 2
    faithful.do(faithful.session.restart)
    assert canvas.picture.trail is None


def test_a_far_start_is_named(canvas, faithful):
    faithful.do(lambda: faithful.session.run_to_convergence())
    assert any(words.startswith("start ") for words in canvas.picture.letters.texts())


# -- motion ------------------------------------------------------------------------------------------------------------
def test_an_m_step_is_seen_as_a_movement_that_ends_at_the_numbers(canvas, faithful, qtbot):
    faithful.steps(1)
    canvas.set_motion(True)
    canvas._movement.last = 0.0  # the canvas has been at rest
    before = [m.mean for m in canvas.picture.drawing.marks if isinstance(m, Ellipse)]
    seen = []
    canvas._movement.animation.valueChanged.connect(
        lambda: seen.append([m.mean for m in canvas.picture.drawing.marks if isinstance(m, Ellipse)])
    )
    faithful.do(faithful.session.step)
    means = faithful.session.moment.snapshot.params.means
    qtbot.waitUntil(lambda: canvas._movement.animation.state() == canvas._movement.animation.State.Stopped)
    drawn = [m.mean for m in canvas.picture.drawing.marks if isinstance(m, Ellipse)]
    assert np.array_equal(drawn, means)
    between = [s for s in seen if not np.allclose(s, means) and not np.allclose(s, before)]
    assert between


def test_reduced_motion_shows_the_numbers_at_once(canvas, faithful):
    faithful.steps(1)
    canvas._movement.last = 0.0
    faithful.steps(1)
    assert canvas._movement.animation.state() == canvas._movement.animation.State.Stopped
    drawn = [m.mean for m in canvas.picture.drawing.marks if isinstance(m, Ellipse)]
    assert np.array_equal(drawn, faithful.session.moment.snapshot.params.means)


def test_between_two_drawings_covariances_stay_covariances():
    a = Drawing((Ellipse(0, np.zeros(2), np.diag([1.0, 4.0])), Disc(0, np.zeros(2))))
    b = Drawing((Ellipse(0, np.ones(2), np.array([[2.0, 1.9], [1.9, 2.0]])), Disc(0, np.ones(2))))
    assert motion.alike(a, b)
    for t in (0.0, 0.3, 0.9):
        middle = motion.between(a, b, t)
        assert np.allclose(middle.marks[0].mean, t)
        assert np.linalg.eigvalsh(middle.marks[0].covariance).min() > 0
    assert motion.between(a, b, 1.0) is b
    assert not motion.alike(a, Drawing((Disc(0, np.zeros(2)),)))


# -- the view ----------------------------------------------------------------------------------------------------------
def test_all_data_and_two_sigma_are_in_view(canvas, faithful):
    QTest.keyClick(canvas, Qt.Key.Key_F)
    frame, params = canvas.picture.frame, faithful.session.moment.snapshot.params
    x = faithful.session.data.x
    sds = np.sqrt(np.diagonal(params.covariances, axis1=1, axis2=2))
    low = np.minimum(x.min(axis=0), (params.means - 2 * sds).min(axis=0))
    high = np.maximum(x.max(axis=0), (params.means + 2 * sds).max(axis=0))
    assert (frame.left, frame.bottom) < tuple(low)
    assert frame.right > high[0]
    assert frame.top > high[1]


def test_the_view_is_frozen_while_half_steps_are_made(canvas, faithful):
    frame = canvas.picture.frame
    faithful.steps(6)
    assert canvas.picture.frame == frame


def wheel(canvas, place: QPoint, delta: int) -> None:
    view = canvas.viewport()
    at = QPointF(place)
    none = Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(
        at, QPointF(view.mapToGlobal(place)), QPoint(), QPoint(0, delta), Qt.MouseButton.NoButton, none,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def test_the_wheel_zooms_about_the_hand(canvas):
    place, before = canvas.where(3, 70), canvas.picture.frame
    wheel(canvas, place, 240)
    after = canvas.picture.frame
    assert after.right - after.left < 0.8 * (before.right - before.left)
    moved = canvas.where(3, 70) - place
    assert abs(moved.x()) <= 1
    assert abs(moved.y()) <= 1
    QTest.keyClick(canvas, Qt.Key.Key_F)
    assert canvas.picture.frame.left == pytest.approx(before.left, rel=0.05)


def test_zooming_ends_before_digits_do(canvas, faithful):
    for _ in range(300):
        wheel(canvas, canvas.where(3, 70), 1200)
    near = canvas.picture.frame
    assert near.right > near.left
    canvas.viewport().grab()
    for _ in range(600):
        wheel(canvas, QPoint(300, 200), -1200)
    far = canvas.picture.frame
    assert np.isfinite(far.rectangle).all()
    assert far.right - far.left < 1e6


def test_equal_axes_make_a_circle_a_circle(canvas, faithful, qtbot):
    assert not canvas.equal
    with qtbot.waitSignal(canvas.equal_changed) as told:
        canvas.set_equal(True)
    assert told.args == [True]
    sx, sy = canvas.picture.frame.scale
    assert sx == pytest.approx(-sy)
    canvas.resize(500, 700)
    QApplication.processEvents()
    sx, sy = canvas.picture.frame.scale
    assert sx == pytest.approx(-sy)
    faithful.do(lambda: faithful.session.open("dataset:galaxies"))
    assert not canvas.equal  # other data, other units


def test_any_pair_of_columns_is_shown(canvas, faithful):
    session = faithful.session
    faithful.do(lambda: session.open("dataset:iris"))
    from dataclasses import replace

    view = replace(session.model.views(session.data)[0], columns=(2, 3))
    canvas.set_view(view)
    assert canvas.columns == (2, 3)
    x = session.data.x[:, [2, 3]]
    frame = canvas.picture.frame
    assert np.all((frame.pixels(x) > 0) & (frame.pixels(x) < (frame.width, frame.height)))
    assert "petal" in canvas.picture._bottom.labelText


# -- a density ---------------------------------------------------------------------------------------------------------
def test_one_column_is_a_density_over_a_rug(canvas, faithful):
    session = faithful.session
    faithful.do(lambda: session.open("dataset:galaxies"), lambda: session.set_parameter(k=3))
    faithful.steps(5)
    canvas.fit()
    picture = canvas.picture
    frame = picture.frame
    assert picture.upright
    floor = frame.pixels(np.array([[0.0, 0.0]]))[0, 1]
    rug = picture.points.places(frame)
    assert (rug[:, 1] > floor).all()
    assert (rug[:, 1] < frame.height).all()
    params = session.moment.snapshot.params
    notes = [t for t in picture.letters.texts() if "±" in t]
    assert len(notes) == 3
    resp, rows = session.moment.snapshot.resp, [0, 40, 81]
    wanted = resp[rows] @ theme.component_rgb(3)
    for row, colour in zip(rows, wanted, strict=True):
        seen = colour_at(canvas, canvas.where_row(row))
        assert np.allclose(seen, colour, atol=0.15) or row == 40  # 40 may lie under a neighbour
    assert params.means.shape == (3, 1)
    assert frame.bottom < 0 < frame.top


def test_the_density_stands_on_its_axis_when_the_window_changes(canvas, faithful):
    faithful.do(lambda: faithful.session.open("dataset:galaxies"))
    before = canvas.picture.frame
    canvas.resize(900, 420)
    QApplication.processEvents()
    frame = canvas.picture.frame
    assert frame.height != before.height
    depth = frame.height - frame.pixels(np.array([[0.0, 0.0]]))[0, 1]
    assert depth == pytest.approx(before.height - before.pixels(np.array([[0.0, 0.0]]))[0, 1], abs=1)


# -- pointing ----------------------------------------------------------------------------------------------------------
def test_a_card_tells_a_points_responsibilities_and_does_not_cover_it(canvas, faithful, qtbot):
    faithful.steps(3)
    row = int(free_rows(canvas)[0])
    with qtbot.waitSignal(canvas.hovered) as told:
        QTest.mouseMove(canvas.viewport(), canvas.where_row(row))
    assert told.args == [row]
    card = canvas.hand.card
    assert card.name == f"row {row + 1}"
    assert np.allclose(card.shares, faithful.session.moment.snapshot.resp[row])
    assert "eruptions" in card.values
    frame = canvas.picture.frame
    box = hand.card_box(frame, card.pixel, (180, 60))
    assert not box.adjusted(-4, -4, 4, 4).contains(QPointF(*card.pixel))
    with qtbot.waitSignal(canvas.hovered) as told:
        QTest.mouseMove(canvas.viewport(), canvas.where(2.4, 92))
    assert told.args == [None]
    assert canvas.hand.card is None


@pytest.mark.parametrize("pixel", [(5, 5), (595, 5), (5, 395), (595, 395), (300, 200), (300, 3), (300, 397)])
def test_a_card_lies_inside_the_picture_and_beside_its_point(pixel):
    frame = Frame(0, 0, 1, 1, 600, 400)
    box = hand.card_box(frame, pixel, (180, 60))
    assert QRectF(0, 0, 600, 400).contains(box)
    assert not box.contains(QPointF(*pixel))


def test_the_card_follows_the_half_steps(canvas, faithful, qtbot):
    faithful.steps(3)
    row = int(free_rows(canvas)[0])
    with qtbot.waitSignal(canvas.hovered):
        QTest.mouseMove(canvas.viewport(), canvas.where_row(row))
    faithful.steps(4)
    assert np.allclose(canvas.hand.card.shares, faithful.session.moment.snapshot.resp[row])


def test_an_empty_place_is_asked_about_when_the_hand_rests(canvas, faithful, qtbot):
    faithful.do(lambda: faithful.session.open("dataset:iris"))
    faithful.steps(3)
    frame = canvas.picture.frame
    place = canvas.where(
        frame.left + 0.03 * (frame.right - frame.left), frame.bottom + 0.03 * (frame.top - frame.bottom)
    )
    with qtbot.waitSignal(canvas.spot) as told:
        QTest.mouseMove(canvas.viewport(), place)
    values = told.args[0]
    assert np.isnan(values[[2, 3]]).all()
    assert np.isfinite(values[[0, 1]]).all()
    card, moment = canvas.hand.card, faithful.session.moment
    assert card.name == "here"
    assert np.allclose(card.shares, moment.model.responsibilities_at(moment.snapshot.params, values[None])[0])
    with qtbot.waitSignal(canvas.spot) as told:
        QTest.mouseMove(canvas.viewport(), place + QPoint(30, 0))
    assert told.args == [None]


def test_points_that_share_a_pixel_are_counted(studio, qtbot):
    canvas = studio.show(Canvas, 600, 400)
    rng = np.random.default_rng(3)
    crowd = np.concatenate([rng.normal(0, 1, (25_000, 2)), np.full((500, 2), 8.0)])
    studio.session.open_table(painted(crowd))
    studio.settle()
    canvas.viewport().grab()
    with qtbot.waitSignal(canvas.hovered):
        QTest.mouseMove(canvas.viewport(), canvas.where(8, 8))
    assert canvas.hand.card.name.startswith("500 ")


def test_the_empty_canvas_says_what_to_do(studio):
    canvas = studio.show(Canvas, 600, 400)
    assert canvas.hand.hint == HINT
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=canvas.where(5, 5))
    studio.settle()
    assert canvas.hand.hint == ""


def test_the_truth_can_be_the_colour(canvas, faithful):
    session = faithful.session
    faithful.do(lambda: session.open("dataset:iris"), lambda: session.set_truth("species"))
    canvas.set_colour_by_truth(True)
    codes, levels = session.data.truth_codes()
    palette = theme.component_rgb(len(levels))
    assert np.allclose(canvas.picture.points._colours, palette[codes], atol=1e-6)
    canvas.set_colour_by_truth(False)
    assert np.allclose(canvas.picture.points._colours, neutral(), atol=1e-6)


def test_the_truth_takes_the_colours_of_the_components_that_found_it(canvas, faithful):
    session = faithful.session
    faithful.do(lambda: session.open("dataset:iris"), lambda: session.set_parameter(k=3))
    faithful.steps(9)
    canvas.set_colour_by_truth(True)
    codes, levels = session.data.truth_codes()
    found = theme.component_rgb(3)[session.moment.snapshot.resp.argmax(1)]
    same = np.isclose(canvas.picture.points._colours, found, atol=1e-6).all(1)
    assert same[codes == levels.index("setosa")].mean() > 0.5


# -- themes, export, errors --------------------------------------------------------------------------------------------
def test_the_canvas_follows_the_theme(canvas, faithful, qapp):
    faithful.steps(1)
    corner = QPoint(4, 4)
    assert QColor.fromRgbF(*colour_at(canvas, corner)) == QColor(theme.LIGHT.canvas)
    theme.apply(qapp, "dark")
    assert QColor.fromRgbF(*colour_at(canvas, corner)) == QColor(theme.DARK.canvas)
    row = free_rows(canvas)[0]
    wanted = faithful.session.moment.snapshot.resp[row] @ theme.component_rgb(2)
    assert np.allclose(colour_at(canvas, canvas.where_row(row)), wanted, atol=0.1)


def test_an_export_has_the_asked_size_and_is_the_same_picture(canvas, faithful):
    faithful.steps(5)
    image = canvas.render(640, 480, 2.0)
    assert (image.width(), image.height()) == (1280, 960)
    colours = {image.pixelColor(x, y).rgb() for x in range(0, 1280, 3) for y in range(0, 960, 3)}
    assert theme.component_colour(0).rgb() in colours  # a letter's disc
    assert len(colours) > 50


def test_an_error_inside_a_paint_is_told_once_and_does_not_escape(canvas, qtbot, monkeypatch):
    def fail(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr(canvas.picture.shapes, "show_on", fail)
    with qtbot.captureExceptions() as caught:
        canvas.viewport().grab()
        canvas.viewport().grab()
        qtbot.waitUntil(lambda: len(caught) > 0)
    assert [str(error) for _, error, _ in caught] == ["no ink"]


# -- the refresher -----------------------------------------------------------------------------------------------------
def test_many_changes_are_drawn_at_the_displays_pace_and_the_last_one_always(faithful, qtbot):
    session = faithful.session
    refresher = Refresher(session)
    drawn = []
    refresher.draw.connect(lambda m: drawn.append((time.perf_counter(), m)))
    began = time.perf_counter()
    for _ in range(300):
        session.changed.emit(session.moment)
    assert len(drawn) == 1  # the first at once, the others wait
    qtbot.waitUntil(lambda: not refresher.waiting)
    elapsed = time.perf_counter() - began
    assert 2 <= len(drawn) <= 2 + elapsed / REFRESH
    assert drawn[-1][1] is session.moment


# -- axes --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("low", "high", "length", "step"),
    [(0, 10, 600, 1), (1.2, 5.6, 600, 0.5), (40, 100, 360, 10), (9_000, 35_000, 800, 2_000), (1e-9, 3e-9, 600, 2e-10)],
)
def test_ticks_are_round_numbers_apart(low, high, length, step):
    found = axes.spacing(low, high, length, axes.ACROSS)
    assert found == pytest.approx(step)
    at = axes.ticks(low, high, found)
    assert low <= at.min()
    assert at.max() <= high
    assert found / (high - low) * length >= axes.ACROSS * 0.999


def test_tick_texts_have_the_decimals_they_need():
    assert axes.tick_texts(np.array([1.0, 1.5, 2.0]), 0.5) == ["1", "1.5", "2"]
    assert axes.tick_texts(np.array([-10.0, 0.0, 10.0]), 10) == ["\u221210", "0", "10"]
    assert axes.tick_texts(np.array([1e9, 1e9 + 2]), 2) == ["1.000000000e9", "1.000000002e9"]
    assert axes.tick_texts(np.array([]), 1) == []


def test_sizes_follow_the_number_of_points():
    assert [raster.style_for(n).diameter for n in (1_000, 5_000, 20_000, 20_001)] == [10, 6.5, 4, 3]


def test_a_table_read_anew_is_fitted_in_and_an_edit_is_not(studio):
    canvas = studio.show(Canvas, 600, 400)
    rng = np.random.default_rng(4)
    for size in (1.0, 50.0):
        studio.do(lambda size=size: studio.session.open_table(painted(size * rng.normal(0, 1, (80, 2)))))
        frame, x = canvas.picture.frame, studio.session.data.x
        assert np.all((frame.pixels(x) > 0) & (frame.pixels(x) < (frame.width, frame.height)))
    canvas.zoom(0.5)
    canvas.grab()  # an axis takes the width of its labels when it is painted
    QApplication.processEvents()
    frame = canvas.picture.frame
    studio.do(lambda: studio.session.erase(np.array([0, 1])), studio.session.undo)
    assert canvas.picture.frame == frame


def test_a_long_trail_keeps_its_beginning_and_stays_short(faithful, monkeypatch):
    from emstudio.gui import trails

    monkeypatch.setattr(trails, "MOST", 4)
    canvas = faithful.show(Canvas, 600, 400)
    faithful.do(lambda: faithful.session.run_to_convergence())
    means = [n.moment.snapshot.params.means for n in faithful.session.history.segment()
             if n.moment.snapshot.phase in ("start", "M")]  # fmt: skip
    assert len(means) > 12
    places = canvas.picture.trail.places
    assert len(places) == 8
    assert np.array_equal(places[:4], means[:4])
    assert np.array_equal(places[-1], means[-2])
