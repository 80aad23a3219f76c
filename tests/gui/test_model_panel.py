"""The model panel: settings of the session, changed by real clicks and keys."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from emstudio.gui.model_panel import ModelPanel
from emstudio.session import Session


@pytest.fixture
def session(qapp):
    session = Session()
    yield session
    session.close()


@pytest.fixture
def panel(session, qtbot):
    panel = ModelPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    session.open("dataset:old-faithful")
    qtbot.waitUntil(lambda: session.moment.snapshot.phase == "start")
    return panel


def test_one_component_more_starts_anew(session, panel, qtbot):
    QTest.mouseClick(panel.form.fields["k"].more, Qt.MouseButton.LeftButton)
    assert session.model.k == 3
    qtbot.waitUntil(lambda: session.moment.snapshot.phase == "start")
    assert session.moment.snapshot.params.means.shape == (3, 2)


def test_the_covariance_is_chosen_with_the_keyboard(session, panel):
    box = panel.form.fields["covariance"]
    before = session.model.covariance
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Down)
    assert session.model.covariance == box.currentData() != before


def test_undo_is_shown_in_the_form(session, panel, qtbot):
    QTest.mouseClick(panel.form.fields["k"].more, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.moment.snapshot.phase == "start")
    session.undo()
    assert session.model.k == 2
    assert panel.form.fields["k"].value() == 2


def test_the_start_method_is_chosen(session, panel, qtbot):
    panel.start_box.setFocus()
    QTest.keyClick(panel.start_box, Qt.Key.Key_Down)
    assert session.start.method == "points"
    qtbot.waitUntil(lambda: session.moment.snapshot.phase == "start")
    assert panel.start_box.currentText() == "Random points"


def type_into(line, text):
    line.selectAll()
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Return)


def test_the_tolerance_is_typed(session, panel):
    type_into(panel.tolerance, "1e-5")
    assert session.stopping.tol == 1e-5
    type_into(panel.tolerance, "0")
    assert session.stopping.tol == 0.0


@pytest.mark.parametrize("text", ["-1", "small", "nan", "inf"])
def test_a_wrong_tolerance_is_told_in_place(session, panel, text):
    type_into(panel.tolerance, text)
    assert session.stopping.tol == 1e-8
    assert panel.wrong.isVisibleTo(panel)
    assert "number of 0 or more" in panel.wrong.text()


def test_the_shown_tolerance_can_be_typed_again_as_it_stands(session, panel):
    shown = panel.tolerance.text()
    type_into(panel.tolerance, "1")
    panel.tolerance.selectAll()
    panel.tolerance.insert(shown)  # with its true minus sign, as a paste would bring it
    QTest.keyClick(panel.tolerance, Qt.Key.Key_Return)
    assert session.stopping.tol == 1e-8


def test_the_stopping_rule_is_explained(session, panel):
    box = panel.measure_box
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Down)
    assert session.stopping.measure == "likelihood"
    assert "change of the mean log-likelihood" in panel.explanation.text()
    QTest.keyClick(box, Qt.Key.Key_Down)
    assert session.stopping.measure == "parameters"
    assert "relative change of a parameter" in panel.explanation.text()


def test_the_iteration_limit_is_typed(session, panel):
    type_into(panel.iterations, "7")
    assert session.stopping.max_iter == 7
