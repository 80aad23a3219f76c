"""Strips and their time axis on plain arrays: which step is where, in which colour, and what the hand tells of it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from emstudio.gui import strips_image, theme
from emstudio.gui.series_scene import Drawn, Scene, shares_of
from emstudio.gui.series_span import Span, Times
from emstudio.gui.strips import Strips
from emstudio.gui.strips_layout import bands

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
PLAIN = Times(None, "time t")


@pytest.fixture(autouse=True)
def light(qapp):
    theme.apply(qapp, "light")


def scene_of(n: int = 40, chains: int = 30, offsets=None, **values) -> Scene:
    rng = np.random.default_rng(5)
    states = (rng.random((n, chains)) < np.linspace(0.1, 0.9, n)[:, None]).astype(np.int8)
    exact = np.stack([1 - np.linspace(0.1, 0.9, n), np.linspace(0.1, 0.9, n)], axis=1)
    given = {
        "exact": exact,
        "viterbi": (np.arange(n) >= n // 2).astype(np.int64),
        "truth": (np.arange(n) >= n // 4).astype(np.int64),
        "drawn": Drawn(states, shares_of(states, 2)),
    } | values
    return Scene(rng.normal(size=(n, 1)), np.array([0, n]) if offsets is None else np.array(offsets), 2, **given)


@pytest.fixture
def strips(qtbot):
    span = Span()
    widget = Strips(span)
    qtbot.addWidget(widget)
    widget.resize(600, 320)
    scene = scene_of()
    span.set_series(scene.offsets, PLAIN)
    widget.show_scene(scene)
    widget.show()
    return widget


def colour_at(widget, place: QPoint):
    return widget.grab().toImage().pixelColor(place)


def near(colour, rgb) -> bool:
    return np.abs(np.array(colour.getRgbF()[:3]) - rgb).max() < 0.02


# -- the span ----------------------------------------------------------------------------------------------------------
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    cut=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    width=st.integers(20, 400),
)
def test_every_pixel_shows_a_step_that_stands_there_or_none(lengths, cut, width):
    span = Span()
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    span.set_series(offsets, PLAIN)
    low, high = span.limits()
    span.zoom(max(abs(cut[0] - cut[1]), 0.05), low + cut[0] * (high - low))
    at = strips_image.columns(span, width)
    seen = at.row >= 0
    middles = span.place(np.arange(width) + 0.5, width)
    pixel = (span.right - span.left) / width
    assert np.all(np.abs(span.position(at.row[seen]) - middles[seen]) <= max(0.5, pixel / 2) + 1e-9)
    places = span.position(np.arange(span.n))
    for p in middles[~seen]:
        assert np.abs(places - p).min() > 0.5 - 1e-9
    first, last = span.seen()
    assert set(at.row[seen].tolist()) <= set(range(first, last))


def test_series_have_a_gap_and_their_own_times():
    span = Span()
    span.set_series(np.array([0, 10, 30]), Times(np.array([1900.0, 1950.0]), "year", 1.0, "year"))
    assert span.position(10) - span.position(9) > 1
    assert span.name(10) == "series 2, year 1950"
    assert span.rows_at(float(span.position(9)) + 1.2) == -1
    span.choose(1)
    assert span.seen() == (10, 30)
    assert all(1950 <= float(text) <= 1970 for _, text in span.ticks(400))
    span.choose(None)
    assert span.label(40) == "series" and span.label(2000) == "year"


@given(moves=st.lists(st.tuples(st.sampled_from(["zoom", "pan"]), st.floats(-3, 3)), max_size=12))
def test_what_is_shown_stays_inside_of_what_there_is(moves):
    span = Span()
    span.set_series(np.array([0, 200]), PLAIN)
    for what, value in moves:
        if what == "zoom":
            span.zoom(2.0**value, at=span.left)
        else:
            span.pan(value * 100)
        low, high = span.limits()
        assert low - 1e-6 <= span.left < span.right <= high + 1e-6
        assert span.right - span.left >= 3.9


# -- pictures ----------------------------------------------------------------------------------------------------------
def test_probabilities_of_many_steps_in_a_pixel_are_their_mean():
    span = Span()
    n = 5000
    span.set_series(np.array([0, n]), PLAIN)
    table = np.random.default_rng(1).dirichlet([1.0, 1.0, 1.0], n)
    at = strips_image.columns(span, 100)
    shown = strips_image.shares(table, at, strips_image.Sums())
    assert np.allclose(shown, table.reshape(100, 50, 3).mean(axis=1))


def test_stacked_areas_have_the_height_of_the_probability():
    table = np.array([[0.75, 0.25], [0.0, 1.0], [np.nan, np.nan]])
    colours = np.array([[1.0, 0, 0], [0, 0, 1.0]])
    picture = strips_image.shares_picture(table, 100, colours)
    assert [(picture[:, i] == 0xFFFF0000).sum() for i in range(3)] == [75, 0, 0]
    assert [(picture[:, i] == 0xFF0000FF).sum() for i in range(3)] == [25, 100, 0]


@pytest.mark.parametrize("height", [150, 264, 700])
@pytest.mark.parametrize("truth", [True, False])
def test_strips_lie_below_each_other_inside_the_widget(height, truth):
    made = bands(height, truth, 100)
    assert [b.kind for b in made] == (["truth"] if truth else []) + ["viterbi", "draws", "shares"]
    for above, below in pairwise(made):
        assert above.top + above.height <= below.top
    assert made[-1].top + made[-1].height <= height


def test_paths_are_painted_in_the_states_colours(strips):
    scene = strips.scene
    calm = strips_image.palette(2, 0.6)
    band = strips.band("viterbi")
    for row in (3, 35):
        place = QPoint(strips.where_cell(0, row).x(), round(band.top + band.height / 2))
        assert near(colour_at(strips, place), calm[scene.viterbi[row]])
    pale = strips_image.palette(2, 0.46)
    for chain, row in ((0, 0), (9, 39), (4, 20)):
        assert near(colour_at(strips, strips.where_cell(chain, row)), pale[scene.drawn.states[row, chain]])


def test_sites_that_flipped_are_vivid_until_they_have_been_seen(strips):
    flipped = np.zeros((40, 30), bool)
    flipped[12, 3] = True
    states = strips.scene.drawn.states
    drawn = Drawn(states, strips.scene.drawn.mean, True, flipped, (7, 75))
    strips.show_scene(scene_of(drawn=drawn))
    vivid = theme.component_rgb(2)[states[12, 3]]
    assert near(colour_at(strips, strips.where_cell(3, 12)), vivid)
    assert not near(colour_at(strips, strips.where_cell(4, 12)), theme.component_rgb(2)[states[12, 4]])
    strips.unmark()
    assert not near(colour_at(strips, strips.where_cell(3, 12)), vivid)
    assert "sweep 7 of 75" in strips.accessibleDescription()


def test_all_draws_are_one_picture(strips):
    assert strips.shown == 10
    QTest.mouseClick(strips.more, LEFT)
    assert strips.shown == 30 and strips.more.text() == "show ten"
    pale = strips_image.palette(2, 0.46)
    assert near(colour_at(strips, strips.where_cell(27, 5)), pale[strips.scene.drawn.states[5, 27]])


def test_nothing_is_known_before_the_first_step(strips):
    strips.show_scene(scene_of(exact=None, viterbi=None, truth=None, drawn=None))
    band = strips.band("viterbi")
    place = QPoint(300, round(band.top + band.height / 2))
    assert near(colour_at(strips, place), theme.colour("chip").getRgbF()[:3])
    assert strips.cell_at(QPointF(300, 150)) is None and not strips.more.isVisible()


def test_words_tell_how_far_viterbi_is_right(strips):
    assert "as the true path at 30 of 40 steps" in strips.words()
    strips.span.pick(7)
    assert "t = 8" in strips.words() and "exact A" in strips.words()


# -- the hand ----------------------------------------------------------------------------------------------------------
def test_pointing_and_clicking_a_cell(qtbot, strips):
    pointed, picked = [], []
    strips.cell_pointed.connect(pointed.append)
    strips.picked.connect(picked.append)
    QTest.mouseMove(strips, strips.where_cell(2, 17))
    assert pointed[-1] == (2, 17) and strips.span.hovered == 17
    QTest.mouseClick(strips, LEFT, NONE, strips.where_cell(2, 17))
    assert strips.pinned == (2, 17) and picked == [17]
    QTest.keyClick(strips, Qt.Key.Key_Escape)
    assert strips.pinned is None


def test_a_drag_and_the_wheel_go_along_time(strips):
    span = strips.span
    place = strips.where_cell(2, 10)
    event = QWheelEvent(
        QPointF(place), strips.mapToGlobal(QPointF(place)), QPoint(), QPoint(0, 480), Qt.MouseButton.NoButton, NONE,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(strips, event)
    assert span.right - span.left < 25 and strips.where_cell(2, 10).x() == pytest.approx(place.x(), abs=1)
    left = span.left
    QTest.mousePress(strips, LEFT, NONE, QPoint(300, 100))
    QTest.mouseMove(strips, QPoint(260, 100))
    QTest.mouseRelease(strips, LEFT, NONE, QPoint(260, 100))
    assert span.left == pytest.approx(left + 40 * (span.right - span.left) / strips.plot.width(), abs=0.01)
    assert strips.pinned is None and span.picked is None
