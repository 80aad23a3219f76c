"""The objective plot: true numbers, a picture that says which are past, and a way to go to each of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QHelpEvent, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip

from emstudio.core.em import advance
from emstudio.core.how import EStep
from emstudio.gui import theme
from emstudio.gui.objective import Objective
from tests.gui.chains import open_switch


@pytest.fixture
def plot(faithful):
    theme.apply(QApplication.instance(), "light")
    return faithful.show(Objective, 680, 180)


def at(plot: Objective, cell: int, value: float) -> QPoint:
    return QPoint(round(plot.x_of(cell + 0.5)), round(plot.y_of(value)))


def picture(plot: Objective) -> QImage:
    return plot.grab().toImage()


def darkest(image: QImage, point: QPoint, radius: int = 2) -> int:
    """The least lightness around a point."""
    around = range(-radius, radius + 1)
    return min(image.pixelColor(point + QPoint(dx, dy)).lightness() for dx in around for dy in around)


def test_both_objectives_are_those_of_the_parameters_shown(faithful, plot):
    faithful.steps(7)
    track, model = plot.track, faithful.session.model
    for node, fact in zip(track.cells, track.facts):
        m = node.moment
        scores = model.scores(m.data, m.snapshot.params)
        top = scores.max(1, keepdims=True)
        log_likelihood = (top[:, 0] + np.log(np.exp(scores - top).sum(1))).sum()
        assert fact["likelihood"] == pytest.approx(log_likelihood, rel=1e-12)
        r = m.snapshot.resp
        if r is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                free = np.where(r > 0, r * (scores - np.log(r)), 0.0).sum()
            assert fact["bound"] == pytest.approx(free, rel=1e-10)


def test_the_curve_is_where_its_values_are(faithful, plot):
    faithful.steps(9)
    faithful.session.go_to(plot.track.cells[0])
    faithful.settle()
    image = picture(plot)
    for cell in range(3, 9):
        value = float(plot.track.likelihood[cell])
        assert darkest(image, at(plot, cell, value)) < 215, f"no line at cell {cell}"
        above = at(plot, cell, value) - QPoint(0, 9)
        assert darkest(image, above, 1) > 215, f"something above the line at cell {cell}"


def test_the_past_is_solid_and_the_future_pale(faithful, plot):
    faithful.steps(10)
    faithful.session.go_to(plot.track.cells[5])
    faithful.settle()
    image = picture(plot)
    past = darkest(image, at(plot, 3, float(plot.track.likelihood[3])))
    future = darkest(image, at(plot, 8, float(plot.track.likelihood[8])))
    assert past < 60 < 120 < future


def test_a_far_start_is_clipped(faithful, plot):
    faithful.steps(8)
    picture(plot)
    low, high = plot.range()
    assert plot.track.likelihood[0] < low and plot.track.likelihood[3] > low
    assert high > plot.track.likelihood.max()


def test_the_gap_is_filled_after_an_m_step(faithful, plot):
    faithful.do(faithful.session.run_to_convergence)
    track = plot.track
    cell = int(np.nanargmax(track.likelihood - track.bound))
    track.zoom(0.3, cell + 0.5)
    faithful.session.go_to(track.cells[cell + 2])
    faithful.settle()
    image = picture(plot)
    middle = float(track.likelihood[cell] + track.bound[cell]) / 2
    fill = image.pixelColor(at(plot, cell, middle))
    assert fill.red() > fill.green() + 10, fill.name()


def test_objectives_of_different_data_are_not_joined(faithful, plot):
    faithful.steps(6)
    faithful.do(lambda: faithful.session.add_points((0, 1), np.array([[3.0, 60.0]] * 40)))
    faithful.steps(1)
    edit = next(i for i, n in enumerate(plot.track.cells) if n.moment.snapshot.phase == "edit")
    image = picture(plot)
    x = round(plot.x_of(edit))
    ys = range(round(plot.plot.top()) + 18, round(plot.plot.bottom()) - 1)
    dark = [y for y in ys if min(image.pixelColor(x + dx, y).lightness() for dx in (-1, 0, 1)) < 100]
    # The old and the new level end here, each with the thickness of its line; nothing runs from one to the other.
    assert len(dark) <= 8
    assert plot.track.likelihood[edit] < plot.track.likelihood[edit - 1] - 100
    assert "Add points" in plot.describe(edit)


def test_a_click_goes_to_the_moment(faithful, plot):
    faithful.steps(6)
    QTest.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(round(plot.x_of(2.5)), 80))
    assert faithful.session.history.current is plot.track.cells[2]


def test_the_wheel_zooms(faithful, plot):
    faithful.steps(30)
    before = plot.track.span
    place = QPointF(plot.x_of(10), 80)
    wheel = QWheelEvent(
        place,
        plot.mapToGlobal(place),
        QPoint(),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(plot, wheel)
    assert plot.track.span < before
    assert plot.place_at(place.x()) == pytest.approx(10.0)


def test_the_tooltip_names_both_numbers(faithful, plot):
    faithful.steps(3)
    spot = QPoint(round(plot.x_of(2.5)), 80)
    QApplication.sendEvent(plot, QHelpEvent(QEvent.Type.ToolTip, spot, plot.mapToGlobal(spot)))
    words = QToolTip.text()
    assert words.startswith("<qt>M1, log-likelihood") and "bound F" in words and "gap" in words


def test_a_fall_that_cannot_be_is_marked_red(faithful, plot):
    session = faithful.session
    faithful.steps(8)
    bad = QColor(theme.LIGHT.bad)

    def red() -> int:
        image = picture(plot)
        pixels = ((x, y) for x in range(image.width()) for y in range(image.height()))
        return sum(image.pixelColor(x, y) == bad for x, y in pixels)

    assert red() == 0
    after = advance(session.moment)
    lower = session.history.nodes[-1].moment.snapshot.log_likelihood - 1.0
    session.history.add(replace(after, snapshot=replace(after.snapshot, log_likelihood=lower), ahead=None), "step")
    faithful.refresher.now()
    assert red() > 10
    assert "fell" in plot.describe(plot.track.current)


def test_it_says_what_will_be_there_when_nothing_is(studio, qtbot):
    plot = studio.show(Objective, 600, 160)
    assert darkest(picture(plot), QPoint(330, 90), 60) < 200


def test_it_follows_the_theme(faithful, plot):
    faithful.steps(2)
    light = picture(plot).pixelColor(5, 100)
    theme.apply(QApplication.instance(), "dark")
    dark = picture(plot).pixelColor(5, 100)
    theme.apply(QApplication.instance(), "light")
    assert (light.name().upper(), dark.name().upper()) == (theme.LIGHT.canvas, theme.DARK.canvas)


def test_the_name_of_an_edit_hides_no_curve(faithful, plot):
    faithful.steps(5)
    faithful.do(lambda: faithful.session.set_how(EStep("annealed", temperature=3.0)))
    faithful.steps(8)
    named = 0
    for current in range(plot.track.count):
        faithful.session.go_to(plot.track.cells[current])
        faithful.settle()
        low, high = plot.track.visible()
        for box, title in plot.names(low, high, []):
            assert title == "E-step: annealed" and plot.plot.contains(box)
            for cell in range(low, high):
                left, right = plot.cell_rect_x(cell)
                for value in (plot.track.likelihood[cell], plot.track.bound[cell]):
                    if left < box.right() and right > box.left() and np.isfinite(value):
                        y = min(max(plot.y_of(float(value)), plot.plot.top()), plot.plot.bottom())
                        assert not box.top() < y < box.bottom()
            named += 1
    assert named > plot.track.count // 2
    box, _ = plot.names(*plot.track.visible(), [])[0]
    assert all(not other.intersects(box) for other, _ in plot.names(*plot.track.visible(), [box]))


def test_a_fall_that_draws_explain_is_no_alarm(studio, qapp):
    theme.apply(qapp, "light")
    open_switch(studio)
    studio.do(lambda: studio.session.set_how(EStep("gibbs", draws=20, sweeps=10)))
    plot = studio.show(Objective, 680, 180)
    studio.steps(40)
    falls = np.flatnonzero(np.diff(plot.track.likelihood[: plot.track.count]) < -1e-6) + 1
    assert len(falls) > 3  # 20 draws are few: the noise carries it up and down near the optimum
    assert not any("fell here" in plot.describe(int(cell)) for cell in falls)
    assert "estimated from draws" in plot.describe(int(falls[-1]))
    image, bad = picture(plot), theme.colour("bad").name()
    seen = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
    assert bad not in seen


@pytest.mark.parametrize("height", [80, 96, 112, 150, 300])
def test_the_values_of_the_axis_have_room_however_low_the_plot_is(studio, height):
    plot = studio.show(Objective, 680, height)
    studio.session.open("dataset:ten-flips")
    studio.settle()
    for _ in range(3):
        studio.steps(1)
        picture(plot)
        pixels = [plot.y_of(float(v)) for v in plot.marked()]
        assert len(pixels) >= 1
        assert len(pixels) <= 2 or np.abs(np.diff(pixels)).min() >= 15
