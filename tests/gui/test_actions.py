"""Everything a person can do is an action: its name, key and place, when it is off, and what it does."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QMenu, QSpinBox, QWidget

from emstudio.gui import theme
from emstudio.gui.main_window import MainWindow
from emstudio.session import FASTEST, Session

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture(scope="module", autouse=True)
def look(qapp):
    theme.apply(qapp, "light")
    yield
    theme.apply(qapp, "light")


@pytest.fixture
def settings(tmp_path):
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


def make(qtbot, settings=None):
    window = MainWindow(Session(), settings)
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    return window


@pytest.fixture
def window(qtbot):
    window = make(qtbot)
    open_source(qtbot, window, "dataset:old-faithful")
    return window


def settle(qtbot, window):
    session = window.session
    qtbot.waitUntil(lambda: not session.busy and not session.running and not window.refresher.waiting)


def open_source(qtbot, window, source):
    window.open_source(source)
    settle(qtbot, window)


def press(window, key, modifier=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(window.canvas, key, modifier)


def test_every_action_has_name_tooltip_and_place(window):
    in_menus = set()

    def collect(menu):
        for action in menu.actions():
            if action.menu() is not None:
                collect(action.menu())
            in_menus.add(action.objectName())

    for top in window.menuBar().actions():
        collect(top.menu())
    for action in window.acts:
        name = action.objectName()
        assert action.text(), name
        assert action.toolTip(), name
        assert action.whatsThis(), name
        assert name in in_menus, f"{name} has no place in a menu"


def test_a_tooltip_tells_the_key(window):
    assert "Space" in window.acts["run"].toolTip()
    assert "Ctrl+O" in window.acts["open"].toolTip()


def test_every_button_and_field_has_an_accessible_name(window):
    for kind in (QAbstractButton, QComboBox, QLineEdit):
        for widget in window.findChildren(kind):
            inner = widget.objectName().startswith("qt_") or widget.parent() is None
            if inner or not widget.isVisible():
                continue
            assert widget.accessibleName(), f"{widget.objectName()} {widget.metaObject().className()}"


def test_no_key_is_given_twice(window):
    keys = {}
    for action in window.acts:
        for key in action.shortcuts():
            assert key.toString() not in keys, f"{key.toString()}: {action.objectName()} and {keys.get(key.toString())}"
            keys[key.toString()] = action.objectName()


def test_the_keys_of_the_interface_step_and_run(window, qtbot):
    session = window.session
    press(window, Qt.Key.Key_Right)
    settle(qtbot, window)
    assert session.moment.label == "E1"
    press(window, Qt.Key.Key_Right, SHIFT)
    settle(qtbot, window)
    assert session.moment.label == "M1"
    press(window, Qt.Key.Key_Left)
    settle(qtbot, window)
    assert session.moment.label == "E1"
    press(window, Qt.Key.Key_End)
    settle(qtbot, window)
    assert session.moment.label == "M1"
    press(window, Qt.Key.Key_Home)
    settle(qtbot, window)
    assert session.moment.label == "start"
    press(window, Qt.Key.Key_Space)
    assert session.running
    press(window, Qt.Key.Key_Space)
    assert not session.running


def test_single_keys_belong_to_the_canvas_and_keys_with_control_to_everybody(window, qtbot):
    session, line = window.session, window.model_panel.tolerance
    line.setFocus()
    line.selectAll()
    QTest.keyClicks(line, "r z a")
    assert session.model.k == 2 and line.text() == "r z a"
    QTest.keyClick(line, Qt.Key.Key_Right, CONTROL | SHIFT)  # in a field this selects words
    line.setText("1e-8")
    window.data_panel.preview.setFocus()
    QTest.keyClick(window.data_panel.preview, Qt.Key.Key_Return, CONTROL)
    assert session.running
    QTest.keyClick(window.data_panel.preview, Qt.Key.Key_Return, CONTROL)
    settle(qtbot, window)
    label = session.moment.label
    QTest.keyClick(window.data_panel.preview, Qt.Key.Key_Right, CONTROL)
    settle(qtbot, window)
    assert session.moment.label != label


def test_a_and_z_change_the_number_of_components(window, qtbot):
    press(window, Qt.Key.Key_A)
    assert window.session.model.k == 3
    settle(qtbot, window)
    press(window, Qt.Key.Key_Z)
    press(window, Qt.Key.Key_Z)
    settle(qtbot, window)
    assert window.session.model.k == 1
    assert not window.acts["remove_component"].isEnabled()
    press(window, Qt.Key.Key_Z)
    assert window.session.model.k == 1


def test_r_restarts_and_shift_r_draws_another_start(window, qtbot):
    session = window.session
    press(window, Qt.Key.Key_Right)
    settle(qtbot, window)
    first = session.moment.snapshot.params.means
    press(window, Qt.Key.Key_R)
    settle(qtbot, window)
    assert session.moment.label == "start"
    assert np.array_equal(session.moment.snapshot.params.means, first)
    press(window, Qt.Key.Key_R, SHIFT)
    settle(qtbot, window)
    assert session.number == 1
    assert "2" in window.toolbar.seed.suffix()


def test_undo_names_what_it_would_take_back(window, qtbot):
    window.session.erase(np.arange(3))
    settle(qtbot, window)
    assert window.acts["undo"].text() == "&Undo: Erase points"
    QTest.keyClick(window, Qt.Key.Key_Z, CONTROL)
    settle(qtbot, window)
    assert window.session.data.n == 272
    assert window.acts["redo"].text() == "&Redo: Erase points"
    QTest.keyClick(window, Qt.Key.Key_Z, CONTROL | SHIFT)
    settle(qtbot, window)
    assert window.session.data.n == 269


def test_actions_are_off_while_they_cannot_apply(window, qtbot):
    QTest.keyClick(window, Qt.Key.Key_N, CONTROL)
    settle(qtbot, window)
    for name in ("step", "run", "converge", "export_labels", "export_model", "copy", "clear_points", "delete_points"):
        assert not window.acts[name].isEnabled(), name
    assert not window.toolbar.primary.isEnabled()
    assert window.acts["undo"].isEnabled()


def test_the_big_button_is_the_next_half_step(window, qtbot):
    primary = window.toolbar.primary
    assert primary.text() == "E-step"
    QTest.mouseClick(primary, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert window.session.moment.label == "E1" and primary.text() == "M-step"
    QTest.mouseClick(primary, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert window.session.moment.label == "M1" and primary.text() == "E-step"


def test_speed_is_a_slider_from_slow_to_as_fast_as_it_goes(window):
    slider = window.toolbar.speed
    slider.setFocus()
    QTest.keyClick(slider, Qt.Key.Key_Home)
    assert window.session.speed == 0.5 and window.toolbar.speed_label.text() == "0.5 / s"
    QTest.keyClick(slider, Qt.Key.Key_End)
    assert window.session.speed == FASTEST and window.toolbar.speed_label.text() == "max"


def test_a_typed_seed_gives_its_start(window, qtbot):
    seed = window.toolbar.seed
    seed.setFocus()
    seed.selectAll()
    QTest.keyClicks(seed, "7")
    QTest.keyClick(seed, Qt.Key.Key_Return)
    assert window.session.seed == 7
    settle(qtbot, window)
    assert window.session.moment.seed == 7


def test_menus_that_change_are_filled_when_they_open(window, qtbot):
    model_menu = window.menuBar().findChild(QMenu, "menu_model")
    model_menu.aboutToShow.emit()
    reseed = model_menu.findChild(QMenu, "menu_reseed")
    assert [a.text().replace("&", "") for a in reseed.actions()] == ["Component A", "Component B"]
    before = window.session.moment.snapshot.params.means.copy()
    reseed.actions()[1].trigger()
    settle(qtbot, window)
    after = window.session.moment.snapshot.params.means
    assert np.array_equal(before[0], after[0]) and not np.array_equal(before[1], after[1])


def test_the_ways_along_the_timeline_are_off_where_they_lead_nowhere(window, qtbot):
    ways = lambda: [window.acts[n].isEnabled() for n in ("first", "back", "last")]  # noqa: E731
    assert ways() == [False, False, False]
    press(window, Qt.Key.Key_Right)
    settle(qtbot, window)
    assert ways() == [True, True, False]
    press(window, Qt.Key.Key_Left)
    settle(qtbot, window)
    assert ways() == [False, False, True]
    press(window, Qt.Key.Key_End)
    press(window, Qt.Key.Key_A)  # another run follows
    settle(qtbot, window)
    QTest.keyClick(window, Qt.Key.Key_Z, CONTROL)
    settle(qtbot, window)
    assert window.session.moment.label == "E1" and ways() == [True, True, False]


@pytest.mark.parametrize("field", ["seed", "stop_tolerance", "stop_iterations", "field_k"])
def test_a_half_step_can_be_made_from_within_a_field(window, qtbot, field):
    box = window.findChild(QWidget, field)
    box = box.findChild(QSpinBox) or box
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Right, CONTROL)
    settle(qtbot, window)
    assert window.session.moment.label == "E1"
    QTest.keyClick(box, Qt.Key.Key_Left, CONTROL)
    settle(qtbot, window)
    assert window.session.moment.label == "start" and box.hasFocus()


def test_a_number_given_hands_the_keys_back_to_the_canvas(window, qtbot):
    seed = window.toolbar.seed
    seed.setFocus()
    seed.selectAll()
    QTest.keyClicks(seed, "7")
    QTest.keyClick(seed, Qt.Key.Key_Return)
    qtbot.waitUntil(window.canvas.hasFocus)
    settle(qtbot, window)
    assert window.session.seed == 7
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_Z, CONTROL)
    settle(qtbot, window)
    assert window.session.seed == 0
    tolerance = window.findChild(QLineEdit, "stop_tolerance")
    tolerance.setFocus()
    tolerance.selectAll()
    QTest.keyClicks(tolerance, "nothing")
    QTest.keyClick(tolerance, Qt.Key.Key_Return)
    settle(qtbot, window)
    QApplication.processEvents()
    assert tolerance.hasFocus(), "what is wrong is to be corrected"


def test_tab_goes_through_the_whole_window_and_comes_back(window, qtbot):
    window.trouble.show_trouble("Choose how to go on:", [("Re-seed B", lambda: None)])
    way = []
    while window.canvas not in way:
        QTest.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        assert window.focusWidget() not in way, "Tab goes in circles"
        way.append(window.focusWidget())
    form = window.model_panel.form.fields
    wanted = [window.toolbar.primary, window.toolbar.run_button, window.parameters.view, window.data_panel.preview]
    assert {*wanted, window.trouble.remedies()[0], window.centre.timeline} <= set(way)
    k = form["k"].findChild(QSpinBox)
    panel = window.model_panel
    boxes = [panel.model_box, k, form["covariance"], panel.start_box, panel.measure_box, panel.tolerance]
    assert [w for w in way if w in boxes] == boxes
