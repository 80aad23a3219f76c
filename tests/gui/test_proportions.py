"""Stacked shares of multinomials in the real window: colours, borders dragged and nudged, rows picked; and the triangle."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from emstudio.gui import theme
from emstudio.gui.main_window import MainWindow
from emstudio.gui.proportions import Proportions
from emstudio.gui.stacked import shades
from emstudio.session import Session

NO, LEFT = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton


@pytest.fixture(scope="module", autouse=True)
def look(qapp):
    theme.apply(qapp, "light")


@pytest.fixture
def window(qtbot):
    window = MainWindow(Session())
    qtbot.addWidget(window)
    window.resize(1280, 800)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    return window


def do(qtbot, window, go):
    go()
    qtbot.waitUntil(lambda: not window.session.busy and not window.refresher.waiting)


@pytest.fixture
def dice(qtbot, window):
    do(qtbot, window, lambda: window.session.open("dataset:loaded-dice"))
    assert isinstance(window.stage.page, Proportions)
    return window.stage.page


def drag(widget, start: QPoint, end: QPoint) -> None:
    QTest.mousePress(widget, LEFT, NO, start)
    for share in (0.3, 0.7, 1.0):
        QTest.mouseMove(widget, start + (end - start) * share)
    QTest.mouseRelease(widget, LEFT, NO, end)


def test_more_than_three_outcomes_open_as_stacked_shares(qtbot, window, dice):
    assert [window.centre.view_bar.tabs.tabText(i) for i in range(2)] == ["Proportions", "Shares"]
    assert not window.data_panel.x_box.isVisible() and not window.data_panel.y_box.isVisible()
    data, params = window.session.data, window.session.moment.snapshot.params
    np.testing.assert_allclose(dice.stacks.shares, data.x / data.x.sum(1, keepdims=True))
    np.testing.assert_array_equal(dice.profiles.shares, params.probabilities)
    assert "ones 0." in dice.accessibleDescription() and "80 rows" in dice.accessibleDescription()


def test_a_row_has_the_colour_of_its_responsibilities_lighter_for_later_outcomes(qtbot, window, dice):
    do(qtbot, window, window.session.step)  # E
    resp = window.session.moment.snapshot.resp
    row = int(resp[:40].max(1).argmax())
    k = int(resp[row].argmax())
    dice.rows.verticalScrollBar().setValue(0)
    image = dice.rows.viewport().grab().toImage()
    box, share = dice.rows._box(row), dice.stacks.shares[row]
    colour = np.array(theme.component_rgb(3)[k])
    seen = []
    for j in (0, len(share) - 1):
        x = box.left() + box.width() * (share[:j].sum() + share[j] / 2)
        pixel = image.pixelColor(round(x), round(box.center().y()))
        wanted = shades(6)[j] * colour + (1 - shades(6)[j])
        assert np.abs(np.array(pixel.getRgbF()[:3]) - wanted).max() < 0.03
        seen.append(pixel.lightness())
    assert seen[0] < seen[1]


def test_a_dragged_border_gives_what_one_outcome_loses_to_the_next(qtbot, window, dice):
    session = window.session
    before = session.moment.snapshot.params.probabilities.copy()
    start = dice.where_border(1, 2)
    wide = dice.profiles.bar(1).width()
    do(qtbot, window, lambda: drag(dice.profiles, start, start - QPoint(round(0.05 * wide), 0)))
    after = session.moment.snapshot.params.probabilities
    moved = after[1] - before[1]
    assert moved[2] == pytest.approx(-0.05, abs=2.0 / wide) and moved[3] == pytest.approx(-moved[2])
    assert np.array_equal(np.delete(after[1], [2, 3]), np.delete(before[1], [2, 3]))
    assert np.array_equal(after[[0, 2]], before[[0, 2]]) and after.sum(1) == pytest.approx(1.0)
    assert session.moment.snapshot.phase == "edit" and dice.profiles.picked == 1
    do(qtbot, window, session.undo)
    assert np.array_equal(session.moment.snapshot.params.probabilities, before)


def test_a_border_stops_at_its_neighbours(qtbot, window, dice):
    start = dice.where_border(0, 1)
    do(qtbot, window, lambda: drag(dice.profiles, start, QPoint(2, start.y())))
    p = window.session.moment.snapshot.params.probabilities[0]
    assert 0 < p[1] < 1e-3 and (p > 0).all() and p.sum() == pytest.approx(1.0)


def test_borders_move_by_keys(qtbot, window, dice):
    dice.profiles.setFocus()
    QTest.keyClick(dice.profiles, Qt.Key.Key_2)
    assert dice.profiles.picked == 1 and window.parameters.view.components() == [1]
    before = window.session.moment.snapshot.params.probabilities.copy()
    QTest.keyClick(dice.profiles, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    do(qtbot, window, lambda: QTest.keyClick(dice.profiles, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier))
    moved = window.session.moment.snapshot.params.probabilities - before
    assert moved[1, 1] == pytest.approx(0.005) and moved[1, 2] == pytest.approx(-0.005)
    QTest.keyClick(dice.profiles, Qt.Key.Key_Escape)
    assert dice.profiles.picked is None


def test_rows_are_picked_explained_and_deleted(qtbot, window, dice):
    do(qtbot, window, window.session.step)
    QTest.mouseClick(dice.rows.viewport(), LEFT, NO, dice.rows.where(4).toPoint())
    assert dice.rows.row == 4 and window.explain.inspector.chip.text() == "row 5"
    assert window.acts["delete_points"].isEnabled()
    QTest.keyClick(dice.rows, Qt.Key.Key_Down)
    assert window.explain.inspector.chip.text() == "row 6"
    n = window.session.data.n
    do(qtbot, window, lambda: QTest.keyClick(dice.rows, Qt.Key.Key_Delete))
    assert window.session.data.n == n - 1 and dice.rows.row is None


def test_any_row_can_be_brought_into_sight(qtbot, window, dice):
    dice.pick_row(79)
    at = dice.rows.where(79)
    assert 0 < at.y() < dice.rows.viewport().height()


def test_a_triangle_takes_the_place_of_the_axes(qtbot, window):
    do(qtbot, window, lambda: window.session.open("dataset:rock-paper-scissors"))
    picture, panel = window.canvas.picture, window.data_panel
    assert window.stage.page is window.canvas and picture.bare
    item = picture.getPlotItem()
    assert not item.getAxis("bottom").isVisible() and not item.getAxis("left").isVisible()
    assert not picture.grid.isVisible() and not panel.x_box.isVisible() and not panel.y_box.isVisible()
    window.views.set_columns(1, 2)  # there are no axes to put columns on
    assert window.views.view.columns == (0, 1)
    do(qtbot, window, lambda: window.centre.view_bar.tabs.setCurrentIndex(2))  # shares of two outcomes
    assert item.getAxis("bottom").isVisible() and picture.grid.isVisible() and panel.x_box.isVisible()
    do(qtbot, window, lambda: window.session.open("dataset:old-faithful"))
    assert item.getAxis("left").isVisible() and panel.y_box.isVisible()
