"""The parameters table: the model's numbers, their changes, and a copy that a spreadsheet reads."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetricsF, QGuiApplication
from PySide6.QtTest import QTest

from emstudio.core.marks import Handle, View
from emstudio.core.model import Start
from emstudio.gui import theme
from emstudio.gui.parameter_rows import delta, level
from emstudio.gui.parameters import Parameters


@pytest.fixture
def panel(faithful):
    return faithful.show(Parameters, 328, 240)


def shown(panel: Parameters, row: int, column: int) -> str:
    table = panel.view.table
    return table.data(table.index(row, column))


def read(text: str) -> tuple[list[str], list[str], np.ndarray]:
    lines = [line.split("\t") for line in text.rstrip("\n").split("\n")]
    return lines[0], [line[0] for line in lines[1:]], np.array([line[1:] for line in lines[1:]], float)


def test_rows_and_columns_are_the_models(faithful, panel):
    session, table = faithful.session, panel.view.table
    named = session.model.table(session.data, session.moment.snapshot.params)
    assert table.rowCount() == len(named) and table.columnCount() == 4
    names = [table.headerData(i, Qt.Orientation.Vertical) for i in range(table.rowCount())]
    assert names == [name for name, _ in named]
    assert [table.headerData(i, Qt.Orientation.Horizontal) for i in range(4)] == ["A", "\u0394", "B", "\u0394"]
    assert shown(panel, 0, 0) == "0.5000"


def test_changes_are_those_since_the_iteration_before(faithful, panel):
    faithful.steps(4)
    before = faithful.session.history.current.parent.moment.snapshot.params.means
    after = faithful.session.moment.snapshot.params.means
    change = panel.view.table.rows.changes[1:3].T
    np.testing.assert_allclose(change, after - before, rtol=1e-12)
    assert np.abs(change).max() > 0
    assert panel.view.corner.text() == "\u0394 since M1"


def test_an_e_step_changes_nothing_in_the_table(faithful, panel):
    faithful.steps(2)
    values, changes = panel.view.table.rows.values, panel.view.table.rows.changes
    faithful.steps(1)
    np.testing.assert_array_equal(panel.view.table.rows.values, values)
    np.testing.assert_array_equal(panel.view.table.rows.changes, changes)


def test_a_start_has_no_changes(faithful, panel):
    assert panel.view.table.rows.changes is None
    assert shown(panel, 0, 1) == "" and panel.view.corner.text() == ""


def test_going_back_shows_the_older_numbers(faithful, panel):
    faithful.steps(2)
    older = panel.view.table.rows.values
    faithful.steps(2)
    faithful.do(faithful.session.back, faithful.session.back)
    np.testing.assert_array_equal(panel.view.table.rows.values, older)


def test_copy_gives_every_digit_and_the_headers(faithful, panel, qtbot):
    faithful.steps(2)
    panel.view.setFocus()
    QTest.keyClick(panel.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    head, names, values = read(QGuiApplication.clipboard().text())
    session = faithful.session
    named = session.model.table(session.data, session.moment.snapshot.params)
    assert head == ["parameter", "A", "B"] and names == [n for n, _ in named]
    np.testing.assert_array_equal(values, np.array([v for _, v in named]))


def test_a_click_chooses_a_component_and_copies_it_alone(faithful, panel, qtbot):
    with qtbot.waitSignal(panel.chosen) as caught:
        x = panel.view.columnViewportPosition(2) + 10
        QTest.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(x, 30))
    assert caught.args == [1]
    assert panel.view.components() == [1]
    assert {i.column() for i in panel.view.selectedIndexes()} == {2, 3}
    head, _, values = read(panel.text())
    assert head == ["parameter", "B"] and values.shape[1] == 1
    with qtbot.waitSignal(panel.chosen) as caught:
        QTest.keyClick(panel.view, Qt.Key.Key_Escape)
    assert caught.args == [None]


def test_a_component_chosen_elsewhere_is_highlighted(faithful, panel):
    panel.choose(0)
    assert panel.view.components() == [0]
    panel.choose(None)
    assert panel.view.components() == []
    panel.choose(7)
    assert panel.view.components() == []


def test_the_choice_stays_while_the_numbers_change(faithful, panel):
    panel.choose(1)
    faithful.steps(2)
    assert panel.view.components() == [1]


def test_twenty_components_scroll(faithful, panel):
    faithful.do(lambda: faithful.session.set_parameter(k=20))
    assert panel.view.table.columnCount() == 40
    assert panel.view.horizontalScrollBar().maximum() > 0
    panel.choose(19)
    assert panel.view.horizontalScrollBar().value() == panel.view.horizontalScrollBar().maximum()


def test_nothing_fitted_says_so(studio):
    panel = studio.show(Parameters, 328, 240)
    assert panel.hint.isVisible() and not panel.view.isVisible()
    panel.copy()
    assert panel.text() == "parameter\n"


def test_names_of_columns_are_not_obeyed_as_html(faithful, panel):
    assert panel.view.table.headerData(1, Qt.Orientation.Vertical, Qt.ItemDataRole.ToolTipRole)
    rows = panel.view.table.rows
    panel.view.table.rows = type(rows)(("<b>x</b>", *rows.names[1:]), rows.values)
    tip = panel.view.table.headerData(0, Qt.Orientation.Vertical, Qt.ItemDataRole.ToolTipRole)
    assert "<b>" not in tip


@pytest.mark.parametrize(
    ("change", "value", "text"),
    [
        (0.00512, 0.4189, "+0.005"),
        (-2.0, 58.98, "\u22122.00"),
        (1.594, 79.49, "+1.59"),
        (-0.1263, 0.8273, "\u22120.126"),
        (3.2e-5, 0.4, "+3e\u22125"),
        (-4e-4, 70.0, "\u22124e\u22124"),
        (0.0, 1.0, "0"),
        (-0.2, 9709.0, "\u22120.2"),
        (0.004, 3.5, "+0.004"),
        (-812.4, 20032.0, "\u2212812"),
        (1e-300, 0.0, "+1e\u2212300"),
    ],
)
def test_changes_are_short(change, value, text):
    assert delta(change, value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.41893, "0.4189"), (9.473e-18, "9.5e\u221218"), (-1206.6, "\u22121\u202f207"), (20032.4, "20\u202f032")],
)
def test_values_fit_their_column(value, text):
    assert level(value) == text


def test_a_drag_is_followed(faithful, panel):
    """Within one gesture the node stays and gets other parameters."""
    session = faithful.session
    session.begin_gesture()
    for x in (3.0, 3.5, 4.0):
        faithful.do(lambda x=x: session.drag(Handle("mean", 0), View("scatter", (0, 1)), (x, 60.0)))
        assert shown(panel, 1, 0) == f"{x:.3f}"
    session.end_gesture()


def widths(panel: Parameters) -> list[tuple[str, int, int]]:
    """(text, its width, the width of its column) of every cell that is seen."""
    view, found = panel.view, []
    for column in range(view.table.columnCount()):
        if not view.isColumnHidden(column):
            metrics = QFontMetricsF(theme.font(11) if column % 2 else theme.font(12, 500))
            for row in range(view.table.rowCount()):
                words = shown(panel, row, column)
                found.append((words, metrics.horizontalAdvance(words), view.columnWidth(column)))
    return found


def test_names_and_changes_stand_beside_the_values_of_two_components(faithful, panel):
    faithful.steps(4)
    names = panel.view.verticalHeader()
    assert not panel.view.isColumnHidden(1)
    for row, name in enumerate(panel.view.table.rows.names):
        assert names.sectionSizeFromContents(row).width() <= names.width(), name
    assert all(width <= room for _, width, room in widths(panel))
    assert panel.view.header.length() + names.width() <= panel.view.width()


def test_a_number_that_becomes_longer_gets_its_room(faithful, panel):
    faithful.steps(2)
    session = faithful.session
    params = session.moment.snapshot.params
    small = params._replace(means=np.array([[-0.001234, -0.004321], [4.0, 80.0]]))
    faithful.do(lambda: session.set_start(Start("params", params=small)))
    assert any(words.startswith("\u22120.00") for words, _, _ in widths(panel))
    assert all(width <= room for _, width, room in widths(panel))


def test_the_first_changes_are_those_since_the_start(faithful, panel):
    faithful.steps(2)
    assert panel.view.corner.text() == "\u0394 since start"
