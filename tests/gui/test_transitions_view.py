"""Transitions under the hand: dots dragged and nudged are edits; a row keeps its sum and its zeros."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from emstudio.gui import theme
from emstudio.gui.chain_arrows import diagram, number_places
from emstudio.gui.transitions_view import LEAST, TransitionsView
from tests.gui.chains import open_chain, open_switch

LEFT, NONE, SHIFT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture(autouse=True)
def light(qapp):
    theme.apply(qapp, "light")


@pytest.fixture
def switch(studio):
    open_switch(studio)
    return studio.show(TransitionsView, 232, 200)


def drag(widget, start: QPoint, end: QPoint) -> None:
    QTest.mousePress(widget, LEFT, NONE, start)
    for t in (0.25, 0.5, 0.75, 1.0):
        QTest.mouseMove(widget, start + (end - start) * t)
    QTest.mouseRelease(widget, LEFT, NONE, end)


def place(view: TransitionsView, origin: int, goal: int, share: float) -> QPoint:
    x, y = view._diagram().arrow(origin, goal).at(share)
    return QPoint(round(x), round(y))


def test_a_dot_dragged_along_its_arrow_changes_q_in_one_edit(studio, switch):
    studio.steps(2)
    before = switch.weight(0, 1)
    drag(switch, switch.where(0, 1), place(switch, 0, 1, 0.15))
    studio.settle()
    assert switch.weight(0, 1) == pytest.approx(0.15, abs=0.02)
    assert switch.weight(1, 0) == switch.weight(0, 1)
    assert studio.session.moment.snapshot.params.q == pytest.approx(1 - switch.weight(0, 1))
    assert studio.session.moment.snapshot.phase == "edit"
    studio.do(studio.session.undo)
    assert switch.weight(0, 1) == before


def test_the_dot_stays_under_the_hand(studio, switch):
    target = place(switch, 1, 0, 0.8)
    drag(switch, switch.where(1, 0), target)
    studio.settle()
    assert (switch.where(1, 0) - target).manhattanLength() <= 3
    assert switch.picked is None  # so that the arrow keys step again


def test_a_weight_cannot_be_dragged_to_nothing(studio, switch):
    drag(switch, switch.where(0, 1), QPoint(-500, 60))
    studio.settle()
    assert switch.weight(0, 1) == pytest.approx(LEAST, rel=1e-9)
    assert np.isfinite(studio.session.moment.snapshot.log_likelihood)


def test_a_press_without_a_move_is_no_edit(studio, switch):
    moment = studio.session.moment
    QTest.mouseClick(switch, LEFT, NONE, switch.where(0, 1))
    assert studio.session.moment is moment
    assert switch.picked == (0, 1)


def test_tab_goes_from_dot_to_dot_and_then_on(studio, qtbot):
    open_switch(studio)
    whole, before, after = QWidget(), QLineEdit(), QLineEdit()
    switch = TransitionsView(studio.session, studio.refresher)
    qtbot.addWidget(whole)
    column = QVBoxLayout(whole)
    for part in (before, switch, after):
        column.addWidget(part)
    whole.show()
    whole.activateWindow()
    before.setFocus()
    qtbot.waitUntil(before.hasFocus)
    seen = []
    for at in (before, switch, switch, switch):
        QTest.keyClick(at, Qt.Key.Key_Tab)
        seen.append(switch.picked)
    assert switch.hasFocus()
    assert seen == [(0, 0), (0, 1), (1, 0), (1, 1)]
    QTest.keyClick(switch, Qt.Key.Key_Tab, SHIFT)
    assert switch.picked == (1, 0)
    for _ in range(2):
        QTest.keyClick(switch, Qt.Key.Key_Tab)
    assert after.hasFocus() and switch.picked is None


def test_arrow_keys_nudge_the_chosen_dot(studio, switch):
    switch.pick((0, 0))
    QTest.keyClick(switch, Qt.Key.Key_Up)
    studio.settle()
    assert studio.session.moment.snapshot.params.q == pytest.approx(0.51)
    QTest.keyClick(switch, Qt.Key.Key_Left, SHIFT)
    studio.settle()
    assert studio.session.moment.snapshot.params.q == pytest.approx(0.41)
    QTest.keyClick(switch, Qt.Key.Key_Escape)
    assert switch.picked is None


def test_dragging_while_the_run_is_on_loses_nothing(studio, switch, qtbot):
    session = studio.session
    session.set_speed(500.0)
    session.run()
    qtbot.waitUntil(lambda: len(session.history.nodes) > 5)
    target = place(switch, 0, 1, 0.7)
    drag(switch, switch.where(0, 1), target)
    qtbot.waitUntil(lambda: any(n.moment.snapshot.phase == "edit" for n in session.history.nodes))
    assert session.running
    session.pause()
    studio.settle()
    edits = [n.moment.snapshot.params.q for n in session.history.nodes if n.moment.snapshot.phase == "edit"]
    assert edits[-1] == pytest.approx(0.3, abs=0.05)


LEFT_RIGHT = np.array([[0.7, 0.3, 0.0], [0.0, 0.6, 0.4], [0.0, 0.0, 1.0]])


def test_zeros_stay_zero_when_the_others_are_dragged(studio):
    open_chain(studio, 3, LEFT_RIGHT)
    view = studio.show(TransitionsView, 280, 260)
    drag(view, view.where(0, 1), place(view, 0, 1, 0.55))
    studio.settle()
    assert view.weight(0, 1) == pytest.approx(0.55, abs=0.03)
    assert view.weight(0, 2) == 0.0
    assert view.matrix.sum(1) == pytest.approx(np.ones(3))
    assert view.matrix[1:].tolist() == LEFT_RIGHT[1:].tolist()


def test_the_only_way_out_of_a_state_stays_until_another_is_raised(studio):
    open_chain(studio, 3, LEFT_RIGHT)
    view = studio.show(TransitionsView, 280, 260)
    view.pick((2, 2))
    QTest.keyClick(view, Qt.Key.Key_Down, SHIFT)
    studio.settle()
    assert view.matrix[2].tolist() == [0.0, 0.0, 1.0]
    view.pick((2, 0))
    QTest.keyClick(view, Qt.Key.Key_Up, SHIFT)
    studio.settle()
    assert view.matrix[2] == pytest.approx([0.1, 0.0, 0.9])


def test_a_deleted_way_stays_deleted_through_em(studio):
    open_chain(studio, 3)
    view = studio.show(TransitionsView, 280, 260)
    view.pick((0, 2))
    QTest.keyClick(view, Qt.Key.Key_Delete)
    studio.settle()
    assert view.weight(0, 2) == 0.0
    assert view.matrix[0] == pytest.approx([8 / 9, 1 / 9, 0.0])
    studio.steps(4)
    assert view.weight(0, 2) == 0.0
    assert "0 is structure" in view.tip((0, 2))


def test_many_states_are_a_matrix_whose_cells_are_dragged(studio):
    open_chain(studio, 7)
    view = studio.show(TransitionsView, 280, 280)
    assert view.tabular
    start = view.where(2, 3)
    drag(view, start, start - QPoint(0, 42))
    studio.settle()
    assert view.weight(2, 3) == pytest.approx(0.2 / 6 + 42 / 140, abs=0.02)
    assert view.matrix.sum(1) == pytest.approx(np.ones(7))


@pytest.mark.parametrize("k", [2, 3, 4])
def test_dots_and_numbers_of_a_diagram_lie_inside_and_apart(k):
    shape = diagram(k, 8, 30, 330 if k > 3 else 230, 310 if k > 3 else 190)
    spots = np.array([arrow.at(1 / k) for arrow in shape.arrows])
    right, bottom = (338, 340) if k > 3 else (238, 220)
    numbers = np.array(number_places(shape.arrows, spots))
    for points in (spots, numbers):
        assert (points > (8, 22)).all() and (points < (right, bottom)).all()
    away = np.hypot(*(spots[:, None] - spots[None]).transpose(2, 0, 1)) + 99 * np.eye(len(spots))
    assert away.min() > 9
    for i, number in enumerate(numbers):
        others = np.abs(np.delete(numbers, i, 0) - number)
        assert ((others[:, 0] > 26) | (others[:, 1] > 11)).all()  # no number on another


@pytest.mark.parametrize("seed", range(12))
def test_numbers_do_not_lie_on_each_other_whatever_the_weights(seed):
    shape = diagram(3, 8, 30, 216, 152)  # as in the smallest window
    weights = np.random.default_rng(seed).dirichlet([0.5] * 3, 3)
    spots = np.array([arrow.at(float(w)) for arrow, w in zip(shape.arrows, weights.ravel(), strict=True)])
    numbers = np.array(number_places(shape.arrows, spots))
    for i, number in enumerate(numbers):
        others = np.abs(np.delete(numbers, i, 0) - number)
        assert ((others[:, 0] > 24) | (others[:, 1] > 10)).all()


def test_the_weights_can_be_heard(studio, switch):
    assert switch.accessibleDescription() == "A to A 0.5000, A to B 0.5000, B to A 0.5000, B to B 0.5000"


def test_another_model_shows_no_transitions(studio, switch):
    studio.session.open("dataset:old-faithful")
    studio.settle()
    if studio.session.model.name == "noisy-switch":  # two columns are no switch
        pytest.fail("the model was not changed")
    assert switch.k == 0


def test_in_the_window_keys_of_a_chosen_dot_do_not_step(qtbot):
    from emstudio.gui.generate import generated
    from emstudio.gui.main_window import MainWindow
    from emstudio.models.noisy_switch import NoisySwitch, SwitchParams
    from emstudio.session import Session

    session = Session()
    window = MainWindow(session)
    qtbot.addWidget(window)
    window.show()
    session.open_table(generated(NoisySwitch(), SwitchParams(0.8, 0.25), ("x",), 60, 1))
    qtbot.waitUntil(lambda: session.moment.label == "start" and not session.busy)
    view = window.findChild(TransitionsView)
    qtbot.waitUntil(lambda: view.isVisible() and view.k == 2)
    before = view.weight(0, 1)
    QTest.mouseClick(view, LEFT, NONE, view.where(0, 1))
    assert view.hasFocus()
    QTest.keyClick(view, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: not session.busy)
    assert session.moment.snapshot.phase == "edit"
    assert view.weight(0, 1) == pytest.approx(before + 0.01)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    QTest.keyClick(view, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: session.moment.snapshot.phase == "E")


def test_a_way_that_is_hardly_taken_has_no_number_that_reads_zero(studio):
    """0.00 beside an arrow would say that the way is closed; pointed at, the weight is written out."""
    open_chain(studio, transitions=np.array([[0.6, 0.399, 0.001], [0.3, 0.4, 0.3], [0.2, 0.3, 0.5]]))
    view = studio.show(TransitionsView, 300, 260)
    assert (0, 2) not in view.numbers() and view.numbers()[0, 1] == "0.40" and len(view.numbers()) == 8
    QTest.mouseMove(view, view.where(0, 2))
    assert float(view.numbers()[0, 2]) == 0.001
