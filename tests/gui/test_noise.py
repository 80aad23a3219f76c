"""Noise in the window: a check box, grey points, its own line in Bayes' rule; and other models and starts by their combos."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from emstudio.gui import theme
from emstudio.gui.canvas import Canvas
from emstudio.gui.inspector import Inspector
from emstudio.gui.model_panel import ModelPanel
from emstudio.gui.parameters import Parameters


@pytest.fixture
def panel(faithful):
    return faithful.show(lambda session, _: ModelPanel(session), 300, 700)


def choose(box, text: str) -> None:
    """Choose an item by typing how it begins, as a person does."""
    box.setFocus()
    for character in text:
        if box.currentText() == text:
            return
        QTest.keyClicks(box, character)
    assert box.currentText() == text


def test_noise_is_a_check_box_and_its_rows_are_grey(faithful, panel):
    session = faithful.session
    session.open("dataset:galaxies")
    faithful.settle()
    session.set_parameter(k=3)
    faithful.settle()
    box = panel.form.fields["noise"]
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Space)
    faithful.settle()
    assert session.model.noise and session.moment.model.noise
    faithful.steps(60)
    moment = session.moment
    assert moment.snapshot.resp.shape == (82, 4) and moment.model.parts == (0, 1, 2, theme.NOISE)
    colours = moment.snapshot.resp @ theme.component_rgb(moment.model.parts)
    grey = np.array(theme.colour("text3").getRgbF()[:3])
    loneliest = int(np.argmax(moment.snapshot.resp[:, 3]))
    assert moment.snapshot.resp[loneliest, 3] > 0.9
    np.testing.assert_allclose(colours[loneliest], grey, atol=0.1)


def test_noise_stands_in_bayes_rule_and_in_the_bar(faithful):
    session = faithful.session
    session.set_parameter(noise=True)
    faithful.settle()
    inspector = faithful.show(Inspector, 328, 300)
    faithful.steps(9)
    inspector.show_row(45)
    lines = inspector.table.lines()
    assert [line[0] for line in lines] == ["A", "B", "noise", "sum"]
    density = 1 / np.prod(np.ptp(session.data.x, axis=0))
    assert float(lines[2][2].replace("\u202f", "")) == pytest.approx(density, rel=6e-3)
    assert "noise" in inspector.bar.accessibleDescription()
    assert not inspector.grab().isNull()


@pytest.mark.parametrize("source", ["dataset:old-faithful", "dataset:galaxies", "dataset:iris"])
@pytest.mark.parametrize("title", ["Student-t mixture", "Gaussian mixture"])
def test_every_view_of_noise_and_tails_is_drawn(faithful, panel, source, title):
    session = faithful.session
    session.open(source)
    faithful.settle()
    if title == "Student-t mixture":
        choose(panel.model_box, title)
        faithful.settle()
        assert session.model.name == "student-t" and panel.form.fields["dof"].text() == "free"
    else:
        session.set_parameter(noise=True)
        faithful.settle()
    made = faithful.show(lambda s, r: Canvas(s, r), 640, 480)
    table = faithful.show(lambda s, r: Parameters(s, r), 400, 400)
    faithful.steps(7)
    assert not made.grab().isNull() and not table.grab().isNull()


def test_degrees_of_freedom_are_typed(faithful, panel):
    choose(panel.model_box, "Student-t mixture")
    faithful.settle()
    field = panel.form.fields["dof"]
    for typed, value, wrong in (("4", 4.0, False), ("0", 4.0, True), ("free", "free", False)):
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, typed)
        QTest.keyClick(field, Qt.Key.Key_Return)
        faithful.settle()
        assert faithful.session.model.dof == value
        assert bool(panel.form.error("dof")) == wrong


def test_the_hierarchical_start_is_offered_and_draws_nothing(faithful, panel):
    choose(panel.start_box, "Hierarchical")
    faithful.settle()
    session = faithful.session
    assert session.start.method == "hierarchical" and session.moment.snapshot.phase == "start"
    first = session.moment.snapshot.params.means
    faithful.do(session.new_start)
    assert np.array_equal(session.moment.snapshot.params.means, first)


def test_removing_a_component_and_setting_a_floor_can_be_undone(faithful):
    session = faithful.session
    faithful.steps(4)
    shown = session.moment
    faithful.do(lambda: session.remove_component(0))
    assert session.model.k == session.moment.model.k == 1
    faithful.steps(2)
    assert session.moment.snapshot.resp.shape[1] == 1
    faithful.do(session.undo)
    assert session.moment is shown and session.model.k == 2
    faithful.do(lambda: session.set_floor(0.5))
    assert session.model.floor == session.moment.model.floor == 0.5 and session.moment.snapshot.t == shown.snapshot.t
    told = []
    session.failed.connect(told.append)
    faithful.do(lambda: session.remove_component(0), lambda: session.remove_component(0))
    assert told == ["the last component cannot be removed; re-seed it or set a variance floor"]
