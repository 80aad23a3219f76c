"""The data panel in the real window: sources, axes, columns, rows left out, truth, preview, tools."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QListWidget, QPushButton

from emstudio.core.model import find
from emstudio.gui import theme
from emstudio.gui.main_window import MainWindow
from emstudio.gui.popups import ColumnsPopup, LeftOutPopup
from emstudio.gui.preview import decimals
from emstudio.session import Session


@pytest.fixture(scope="module", autouse=True)
def look(qapp):
    theme.apply(qapp, "light")


@pytest.fixture
def window(qtbot):
    window = MainWindow(Session())
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    return window


def open_source(qtbot, window, source):
    window.session.open(source)
    qtbot.waitUntil(lambda: not window.session.busy and not window.refresher.waiting)


def choose(combo, text):
    """Choose an item with the keyboard, as a person would."""
    combo.setFocus()
    at = combo.findText(text)
    assert at >= 0, [combo.itemText(i) for i in range(combo.count())]
    for _ in range(combo.count()):
        if combo.currentIndex() == at:
            return
        QTest.keyClick(combo, Qt.Key.Key_Down if combo.currentIndex() < at else Qt.Key.Key_Up)
    assert combo.currentIndex() == at


def test_a_bundled_data_set_is_opened_from_the_list(qtbot, window):
    panel = window.data_panel
    open_source(qtbot, window, "dataset:old-faithful")
    assert panel.source_box.currentText() == "Old Faithful"
    assert panel.count.text() == "272 rows, 2 columns, none missing"
    panel.source_box.setFocus()
    at = panel.source_box.findData("dataset:iris")
    step = Qt.Key.Key_Down if at > panel.source_box.currentIndex() else Qt.Key.Key_Up
    while panel.source_box.currentIndex() != at:
        QTest.keyClick(panel.source_box, step)
    qtbot.waitUntil(lambda: not window.session.busy)
    assert panel.count.text() == "150 rows, 4 columns, none missing"
    assert panel.source_box.currentData() == "dataset:iris"


def test_axes_of_four_columns_are_chosen(qtbot, window):
    open_source(qtbot, window, "dataset:iris")
    panel = window.data_panel
    titles = [panel.x_box.itemText(i) for i in range(panel.x_box.count())]
    assert len(titles) == 4 and window.views.view.columns == (0, 1)
    choose(panel.y_box, titles[3])
    choose(panel.x_box, titles[2])
    assert window.views.view.columns == (2, 3)
    assert window.canvas.view.columns == (2, 3)


def test_the_same_column_on_both_axes_swaps_them(qtbot, window):
    open_source(qtbot, window, "dataset:old-faithful")
    panel = window.data_panel
    choose(panel.x_box, panel.y_box.currentText())
    assert window.views.view.columns == (1, 0)
    assert (panel.x_box.currentIndex(), panel.y_box.currentIndex()) == (1, 0)


def test_one_column_has_one_axis(qtbot, window):
    open_source(qtbot, window, "dataset:galaxies")
    assert not window.data_panel.y_box.isVisible()
    assert window.views.view.kind == "density"


def test_columns_are_chosen_in_a_list(qtbot, window):
    open_source(qtbot, window, "dataset:iris")
    window.acts["columns"].trigger()
    popup = window.findChild(ColumnsPopup)
    assert popup.isVisible()
    texts = {popup.list.item(i).text(): popup.list.item(i) for i in range(popup.list.count())}
    species = next(item for text, item in texts.items() if "(text)" in text)
    assert not species.flags() & Qt.ItemFlag.ItemIsEnabled  # text is never fitted
    for row in (0, 1):
        popup.list.setCurrentRow(row)
        QTest.keyClick(popup.list, Qt.Key.Key_Space)
    QTest.mouseClick(popup.findChild(QPushButton, "columns_apply"), Qt.MouseButton.LeftButton)
    assert window.session.data.d == 2
    qtbot.waitUntil(lambda: window.session.moment.snapshot.phase == "start")
    with qtbot.waitActive(window):
        window.activateWindow()
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.session.data.d == 4


def test_no_column_cannot_be_chosen(qtbot, window):
    open_source(qtbot, window, "dataset:galaxies")
    window.acts["columns"].trigger()
    popup = window.findChild(ColumnsPopup)
    first = next(i for i in range(popup.list.count()) if popup.list.item(i).flags() & Qt.ItemFlag.ItemIsEnabled)
    popup.list.setCurrentRow(first)
    while popup.names():
        QTest.keyClick(popup.list, Qt.Key.Key_Space)
        popup.list.setCurrentRow(popup.list.currentRow() + 1)
    assert not popup.button.isEnabled()
    QTest.keyClick(popup, Qt.Key.Key_Escape)


def test_missing_cells_can_be_integrated_out(qtbot, window, tmp_path):
    path = tmp_path / "holes.csv"
    rows = [f"{i % 7 + (i % 2) * 20},{i % 5 + (i % 2) * 9}" for i in range(40)]
    rows[3], rows[8] = "3,", ",4"
    path.write_text("a,b\n" + "\n".join(rows) + "\n")
    open_source(qtbot, window, str(path))
    panel, session = window.data_panel, window.session
    assert panel.missing_box.isVisible() and panel.missing_box.currentText() == "leave rows out"
    assert session.data.n == 38
    choose(panel.missing_box, "integrate out")
    qtbot.waitUntil(lambda: session.data.mask is not None and not session.busy)
    assert session.data.n == 40 and panel.count.text() == "40 rows, 2 columns, 2 cells missing"
    assert panel.missing_box.currentText() == "integrate out" and not panel.left_out_button.isVisible()
    assert session.moment.snapshot.phase == "start" and np.isfinite(session.moment.snapshot.log_likelihood)
    session.set_parameter(k=3)  # other settings leave it as it is
    qtbot.waitUntil(lambda: session.moment.model.k == 3 and not session.busy)
    assert session.data.n == 40 and session.data.mask is not None
    session.undo()
    session.undo()
    qtbot.waitUntil(lambda: not window.refresher.waiting)
    assert session.data.n == 38 and panel.missing_box.currentText() == "leave rows out"
    choose(panel.missing_box, "integrate out")
    qtbot.waitUntil(lambda: session.data.mask is not None and not session.busy)
    session.set_model(find("student-t").make())  # it cannot: the rows are left out again, and there is no choice
    qtbot.waitUntil(lambda: session.moment.model.name == "student-t" and not session.busy)
    assert session.data.n == 38 and not panel.missing_box.isVisible()
    open_source(qtbot, window, "dataset:old-faithful")
    assert not panel.missing_box.isVisible()


def test_rows_with_missing_cells_are_counted_and_listed(qtbot, window, tmp_path):
    path = tmp_path / "gaps.csv"
    path.write_text("a,b\n" + "".join(f"{i},{i * i % 7}\n" for i in range(20)) + "20,\n,3\n")
    open_source(qtbot, window, str(path))
    panel = window.data_panel
    assert panel.count.text() == "20 rows, 2 columns"
    assert panel.left_out_button.text() == "2 left out"
    QTest.mouseClick(panel.left_out_button, Qt.MouseButton.LeftButton)
    popup = window.findChild(LeftOutPopup)
    listed = popup.findChild(QListWidget)
    assert [listed.item(i).text() for i in range(listed.count())] == ["row 21: b", "row 22: a"]
    QTest.keyClick(popup, Qt.Key.Key_Escape)
    assert panel.preview.table.rowCount() == 22  # those left out are seen, too
    assert panel.preview.table.colour(20) is None


def test_text_columns_are_offered_as_the_truth(qtbot, window):
    open_source(qtbot, window, "dataset:iris")
    panel = window.data_panel
    assert "species" in [panel.truth_box.itemText(i).lower() for i in range(panel.truth_box.count())]
    choose(panel.truth_box, "none")
    assert window.session.data.truth is None
    assert not window.acts["by_truth"].isEnabled()
    choose(panel.truth_box, panel.truth_box.itemText(1))
    assert window.session.data.truth is not None
    assert window.acts["by_truth"].isEnabled()
    open_source(qtbot, window, "dataset:old-faithful")
    assert not panel.truth_box.isVisible()


def test_the_preview_has_every_row_and_its_points_colour(qtbot, window):
    open_source(qtbot, window, "dataset:old-faithful")
    preview = window.data_panel.preview
    assert preview.table.rowCount() == 272
    assert preview.table.data(preview.table.index(0, 1)) == "3.600"
    assert preview.table.data(preview.table.index(0, 2)) == "79"
    QTest.mouseClick(window.toolbar.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.session.moment.label == "E1" and not window.refresher.waiting)
    resp = window.session.moment.snapshot.resp
    for row in (0, 1, 100):
        expected = resp[row] @ theme.component_rgb(2)
        assert np.allclose(preview.table.colour(row).getRgbF()[:3], expected, atol=1e-3)


def test_a_row_picked_in_the_preview_is_ringed_on_the_canvas(qtbot, window):
    open_source(qtbot, window, "dataset:old-faithful")
    preview = window.data_panel.preview
    place = preview.visualRect(preview.table.index(1, 1)).center()
    QTest.mouseClick(preview.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.canvas.picked_row == 1
    QTest.keyClick(preview, Qt.Key.Key_Down)
    assert window.canvas.picked_row == 2


def test_a_point_clicked_on_the_canvas_is_selected_in_the_preview(qtbot, window):
    open_source(qtbot, window, "dataset:old-faithful")
    row = int(np.argmin(window.session.data.x[:, 0]))
    QTest.mouseClick(window.canvas.viewport(), Qt.MouseButton.LeftButton, pos=window.canvas.where_row(row))
    picked = window.canvas.picked_row
    assert picked is not None
    assert window.data_panel.preview.currentIndex().row() == picked


def test_tools_are_chosen_by_click_and_by_key(qtbot, window):
    panel = window.data_panel
    QTest.mouseClick(panel.tools.buttons()[1], Qt.MouseButton.LeftButton)
    assert window.canvas.tool == "paint"
    window.canvas.setFocus()
    QTest.keyClick(window.canvas, Qt.Key.Key_E)
    assert window.canvas.tool == "erase"
    assert window.acts["tool_erase"].isChecked()


def test_the_brush_is_the_canvas_brush(qtbot, window):
    window.data_panel.brush.setFocus()
    QTest.keyClick(window.data_panel.brush, Qt.Key.Key_Up)
    assert window.canvas.brush == 13


@pytest.mark.parametrize(
    ("values", "places"),
    [([1.0, 2.0], 0), ([3.6, 1.8, 3.333], 3), ([0.1, np.nan], 1), ([1 / 3], None), ([1e9], None), ([], 0)],
)
def test_columns_show_as_many_decimals_as_they_need(values, places):
    assert decimals(np.array(values)) == places
