"""Models of counts on the canvas: rows that stand by their shares, and letters that are dragged to other probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from emstudio.core.model import find
from emstudio.gui.canvas import Canvas
from emstudio.gui.inspector import Inspector


@pytest.fixture
def triangle(studio):
    canvas = studio.show(Canvas, 700, 600)
    studio.session.open("dataset:rock-paper-scissors")
    studio.settle()
    canvas.set_view(studio.session.model.views(studio.session.data)[0])
    return canvas


def corners(canvas: Canvas) -> np.ndarray:
    return canvas.picture.frame.pixels(np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]]))


def test_a_data_set_opens_with_the_model_that_is_made_for_it(studio):
    for name, model in (("rock-paper-scissors", "multinomial"), ("earthquakes", "hmm"), ("cafe-guests", "product")):
        studio.do(lambda n=name: studio.session.open(f"dataset:{n}"))
        assert studio.session.model.name == model and studio.session.moment.snapshot.phase == "start"
    studio.do(lambda: studio.session.open("dataset:old-faithful"))
    assert studio.session.obstacle is None


def test_the_whole_triangle_is_in_view_and_rows_stand_by_their_shares(triangle, studio):
    places = corners(triangle)
    assert (places > 0).all() and (places < [triangle.picture.frame.width, triangle.picture.frame.height]).all()
    x = studio.session.data.x
    wanted = (x / x.sum(1, keepdims=True)) @ places
    got = triangle.picture.points.places(triangle.picture.frame, np.arange(len(x)))
    assert np.abs(got - wanted).max() < 1.0


def test_nothing_is_painted_where_a_place_is_no_row(triangle, studio):
    said = []
    studio.session.failed.connect(said.append)
    triangle.set_tool("paint")
    before = studio.session.data
    QTest.mouseClick(triangle.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(300, 250))
    studio.settle()
    assert studio.session.data is before
    assert len(said) == 1 and "cannot be painted in this view" in said[0]


def test_a_dragged_letter_takes_the_probabilities_of_its_place(triangle, studio):
    triangle.set_tool("select")
    params = studio.session.moment.snapshot.params
    frame = triangle.picture.frame
    start = triangle.where(*studio.session.model.anchors(params, triangle.view)[0])
    end = triangle.where(0.5, np.sqrt(0.75) / 3)  # the middle: all three alike
    no = Qt.KeyboardModifier.NoModifier
    QTest.mousePress(triangle.viewport(), Qt.MouseButton.LeftButton, no, start)
    for share in (0.3, 0.7, 1.0):
        QTest.mouseMove(triangle.viewport(), start + (end - start) * share)
    QTest.mouseRelease(triangle.viewport(), Qt.MouseButton.LeftButton, no, end)
    studio.settle()
    moved = studio.session.moment.snapshot.params.probabilities
    assert np.abs(moved[0] - 1 / 3).max() < 3 / abs(frame.scale[0])  # a pixel or two
    assert np.array_equal(moved[1:], params.probabilities[1:])
    assert studio.session.moment.snapshot.log_likelihood is not None
    studio.session.undo()
    assert np.array_equal(studio.session.moment.snapshot.params.probabilities, params.probabilities)


def counted(studio) -> Canvas:
    """The earthquakes as counts without an order, which they do not open as."""
    canvas = studio.show(Canvas, 700, 600)
    studio.do(lambda: studio.session.open("dataset:earthquakes"))
    studio.do(lambda: studio.session.set_model(find("poisson").make(k=3)))
    canvas.set_view(studio.session.model.views(studio.session.data)[0])
    canvas.fit()
    return canvas


def test_painted_counts_are_whole_numbers(studio):
    canvas = counted(studio)
    canvas.set_tool("paint")
    n = studio.session.data.n
    QTest.mouseClick(
        canvas.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, canvas.where(20.4, 2)
    )
    studio.settle()
    assert studio.session.data.n == n + 1 and studio.session.data.x[-1].tolist() == [20.0]
    assert studio.session.model.accepts(studio.session.data) is None


def test_counts_are_dragged_by_whole_numbers(studio):
    canvas = counted(studio)
    canvas.set_tool("select")
    row = int(np.argmax(studio.session.data.x[:, 0]))
    start = canvas.where_row(row)
    pixels = abs(canvas.picture.frame.scale[0])
    no = Qt.KeyboardModifier.NoModifier
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, no, start)
    assert canvas.selected.tolist() == [row]
    QTest.mousePress(canvas.viewport(), Qt.MouseButton.LeftButton, no, start)
    for share in np.linspace(0, 1, 40):  # in steps of less than one
        QTest.mouseMove(canvas.viewport(), start - QPoint(round(3.2 * pixels * share), 0))
    QTest.mouseRelease(canvas.viewport(), Qt.MouseButton.LeftButton, no, start - QPoint(round(3.2 * pixels), 0))
    studio.settle()
    assert studio.session.data.x[row, 0] == 41 - 3
    assert studio.session.model.accepts(studio.session.data) is None


def test_between_two_counts_there_is_no_tick(studio):
    canvas = studio.show(Canvas, 700, 600)
    studio.do(lambda: studio.session.open("dataset:cafe-guests"))
    canvas.set_view(studio.session.model.views(studio.session.data)[0])  # minutes and refills, 0 to 5
    frame, picture = canvas.picture.frame, canvas.picture
    assert picture._left.step(frame.bottom, frame.top, 5000.0) == 1.0
    assert picture._bottom.step(frame.left, frame.right, 50_000.0) < 1.0, "minutes have fractions"


def test_what_cannot_be_is_a_zero_and_a_category_has_its_name(studio):
    inspector = studio.show(Inspector, 330, 300)
    studio.do(lambda: studio.session.open("dataset:cafe-guests"), lambda: studio.session.set_parameter(k=3))
    studio.do(*[studio.session.step] * 2)
    probabilities = studio.session.moment.snapshot.params.probabilities
    levels = dict(studio.session.model.categories)["first_order"]
    k, level = (int(i) for i in np.argwhere(probabilities == 0)[0])  # a start of few rows leaves one out
    row = int(np.flatnonzero(studio.session.data.x[:, 2] == level)[0])
    studio.do(studio.session.step, lambda: inspector.show_row(row))
    line = inspector.table.lines()[k]
    assert line[2] == line[3] == "0"
    assert f">{levels[level]}<" in inspector.values.text()
