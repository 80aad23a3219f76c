"""Biases under the hand: letters dragged and nudged are edits from which the run goes on; letters never hide each other."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from emstudio.core.model import Start
from emstudio.gui import theme
from emstudio.gui.biases_view import Biases, apart
from emstudio.models.coins import CoinParams

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
ALT = Qt.KeyboardModifier.AltModifier


@pytest.fixture(autouse=True)
def light(qapp):
    theme.apply(qapp, "light")


def start_at(studio, a: float, b: float) -> None:
    given = Start("params", params=CoinParams(np.array([0.5, 0.5]), np.array([a, b])))
    studio.do(lambda: studio.session.set_start(given))


@pytest.fixture
def biases(studio):
    session = studio.session
    session.open("dataset:coin-flips")
    studio.settle()
    studio.do(lambda: session.set_parameter(mixing="fixed"))
    start_at(studio, 0.6, 0.5)
    return studio.show(Biases, 420, 280)


def drag(widget, start: QPoint, end: QPoint) -> None:
    QTest.mousePress(widget, LEFT, NONE, start)
    for t in (0.3, 0.6, 1.0):
        QTest.mouseMove(widget, start + (end - start) * t)
    QTest.mouseRelease(widget, LEFT, NONE, end)


def test_a_dragged_letter_is_one_edit_from_which_the_run_goes_on(studio, biases):
    studio.steps(2)
    start, before = biases.where(0), biases.bias(0)
    drag(biases, start, start + QPoint(-100, 12))
    studio.settle()
    assert biases.bias(0) == pytest.approx(before - 100 / biases.plot.width(), abs=0.004)
    assert biases.where(0).x() == pytest.approx(start.x() - 100, abs=2)
    assert studio.session.moment.snapshot.phase == "edit"
    assert studio.session.moment.next == "E"
    studio.do(studio.session.undo)
    assert biases.bias(0) == before


def test_a_letter_stays_inside_the_line(studio, biases):
    drag(biases, biases.where(1), QPoint(4000, biases.where(1).y()))
    studio.settle()
    assert 0.99 < biases.bias(1) < 1.0
    assert studio.session.moment.snapshot.log_likelihood > -1e6


def test_dragging_while_the_run_is_on_loses_nothing(studio, biases, qtbot):
    session = studio.session
    session.set_speed(500.0)
    session.run()
    qtbot.waitUntil(lambda: len(session.history.nodes) > 5)
    QTest.mousePress(biases, LEFT, NONE, biases.where(0))
    target = QPoint(biases.where(0).x() - 120, biases.where(0).y())
    for x in (-60, -120):
        QTest.mouseMove(biases, QPoint(target.x() + 120 + x, target.y()))
    QTest.mouseRelease(biases, LEFT, NONE, target)
    qtbot.waitUntil(lambda: any(n.title == "Move bias" for n in session.history.nodes), timeout=5000)
    session.pause()
    studio.settle()


def test_keys_pick_and_nudge(studio, biases):
    biases.setFocus()
    QTest.keyClick(biases, Qt.Key.Key_2)
    assert biases.picked_component == 1
    QTest.keyClick(biases, Qt.Key.Key_Right, ALT)
    studio.settle()
    assert biases.bias(1) == pytest.approx(0.501)
    QTest.keyClick(biases, Qt.Key.Key_Left, ALT | Qt.KeyboardModifier.ShiftModifier)
    studio.settle()
    assert biases.bias(1) == pytest.approx(0.491)
    QTest.keyClick(biases, Qt.Key.Key_Escape)
    assert biases.picked_component is None


def test_letters_of_equal_biases_stand_side_by_side_and_each_can_be_taken(studio, biases):
    start_at(studio, 0.5, 0.5)
    a, b = biases.where(0), biases.where(1)
    assert abs(a.x() - b.x()) >= 17
    drag(biases, b, b + QPoint(80, 0))
    studio.settle()
    assert biases.bias(0) == 0.5
    assert biases.bias(1) > 0.6


def test_the_description_names_every_bias(biases):
    assert biases.accessibleDescription() == "coin A 0.6000, coin B 0.5000"


@given(st.lists(st.floats(0, 400), min_size=1, max_size=12).map(sorted))
def test_places_moved_apart_keep_their_order_and_distance(places):
    moved = apart(places, 18.0, -8.0, 408.0)
    assert all(b - a >= 18.0 - 1e-6 for a, b in pairwise(moved))
    assert moved[0] >= -8 - 1e-6
    assert moved[-1] <= 408 + 1e-6
    if all(b - a >= 18 for a, b in pairwise(places)):
        np.testing.assert_allclose(moved, places, atol=1e-6)


def test_under_a_curve_that_is_highest_at_the_edge_nothing_else_is_filled(biases, studio):
    studio.do(lambda: studio.session.open("dataset:single-flips"), lambda: studio.session.set_start(Start("kmeans++")))
    studio.steps(1)
    np.testing.assert_allclose(np.sort(studio.session.moment.snapshot.params.biases), [0, 1])
    picture, plot = biases.grab().toImage(), biases.plot
    for across in (0.17, 0.33, 0.47, 0.67, 0.83):
        place = QPoint(round(plot.left() + across * plot.width()), round(plot.bottom() - 0.1 * plot.height()))
        assert picture.pixelColor(place) == theme.colour("canvas"), across
