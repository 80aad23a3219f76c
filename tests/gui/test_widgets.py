"""The small widgets of the chrome, driven by real keys and clicks and read as a person or a screen reader reads them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QColor, QFontMetricsF, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QDockWidget, QLabel, QLineEdit, QMainWindow, QSpinBox, QTableWidget, QWidget

from emstudio.gui import icons, theme, widgets

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def host(qtbot, qapp):
    """An empty window to put widgets in, in the light theme, active so that focus is real."""
    theme.apply(qapp, "light")
    window = QWidget()
    window.resize(600, 400)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    yield window
    theme.apply(qapp, "light")


def put(host: QWidget, widget: QWidget, width: int | None = None) -> QWidget:
    widget.setParent(host)
    size = widget.sizeHint()
    widget.setGeometry(20, 20, width or size.width(), size.height())
    widget.show()
    return widget


def focus(widget: QWidget) -> QWidget:
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    assert widget.hasFocus()
    return widget


def near(one: QColor, other: QColor | str, tolerance: int = 3) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one.getRgb()[:3], QColor(other).getRgb()[:3], strict=True))


def picture(widget: QWidget) -> QImage:
    return widget.grab().toImage()


def share_of(image: QImage, colour: QColor | str) -> float:
    """The part of the pixels that are `colour`."""
    hits = sum(near(image.pixelColor(x, y), colour) for x in range(image.width()) for y in range(image.height()))
    return hits / (image.width() * image.height())


# -- primary and run --------------------------------------------------------------------------------------------------


def test_primary_button_names_the_next_half_step(host, qtbot):
    button = put(host, widgets.PrimaryButton("e-step", "E-step"))
    assert (button.width(), button.height()) == (148, 36)
    assert button.accessibleName() == "Next half-step: E-step"
    button.show_step("m-step", "M-step")
    assert button.text() == "M-step" and button.icon_name() == "m-step"
    assert button.accessibleName() == "Next half-step: M-step"
    assert "M-step" in button.toolTip() and "Right" in button.toolTip()


def test_primary_button_answers_mouse_and_keyboard(host, qtbot):
    button = put(host, widgets.PrimaryButton())
    with qtbot.waitSignal(button.clicked):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(button.clicked):
        QTest.keyClick(focus(button), Qt.Key.Key_Space)
    button.setEnabled(False)
    with qtbot.assertNotEmitted(button.clicked):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_primary_button_is_ink_and_follows_the_theme(host, qapp):
    button = put(host, widgets.PrimaryButton())
    for tokens in (theme.LIGHT, theme.DARK):
        theme.apply(qapp, tokens.name)
        assert near(picture(button).pixelColor(6, 18), tokens.ink)
        assert 0.6 < share_of(picture(button), tokens.ink) < 0.95
    button.setEnabled(False)
    assert share_of(picture(button), theme.DARK.ink) == 0


def test_a_long_name_widens_the_primary_button_instead_of_being_cut(host):
    button = put(host, widgets.PrimaryButton("e-step", "Stochastic E-step", "Ctrl+Right"))
    assert button.sizeHint().width() > 148 + 40


@pytest.mark.parametrize("make", [widgets.PrimaryButton, widgets.RunButton, lambda: widgets.IconButton("fit", "Fit")])
def test_focus_is_seen(host, make):
    button = put(host, make())
    before = picture(button)
    focus(button)
    assert picture(button) != before
    QTest.mouseClick(host, Qt.MouseButton.LeftButton)
    host.setFocus()
    assert picture(button) == before, "the border goes with the focus"


def test_a_click_leaves_no_focus_border(host):
    button = put(host, widgets.PrimaryButton())
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not button.hasFocus()


def test_run_button_says_what_a_click_does_and_keeps_its_width(host, qtbot):
    button = put(host, widgets.RunButton())
    assert (button.text(), button.accessibleName(), button.is_running()) == ("Run", "Run", False)
    width, idle = button.sizeHint().width(), picture(button)
    button.set_running(True)
    assert (button.text(), button.accessibleName(), button.is_running()) == ("Pause", "Pause", True)
    assert button.sizeHint().width() == width and button.sizeHint().height() == 32
    assert picture(button) != idle
    with qtbot.waitSignal(button.clicked):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)


# -- icon buttons and tools -------------------------------------------------------------------------------------------


def test_icon_button_has_name_and_tip(host, qtbot):
    button = put(host, widgets.IconButton("layers", "Layers", checkable=True))
    assert (button.width(), button.height()) == (32, 32)
    assert button.accessibleName() == button.toolTip() == "Layers"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert button.isChecked()
    QTest.keyClick(focus(button), Qt.Key.Key_Space)
    assert not button.isChecked()


def test_icon_button_shares_the_state_of_its_action(host, qtbot):
    action = QAction(icons.icon("undo"), "&Undo", host)
    action.setShortcut("Ctrl+Z")
    button = put(host, widgets.IconButton(action=action))
    assert button.accessibleName() == "Undo" and button.toolTip() == "Undo (Ctrl+Z)"
    action.setEnabled(False)
    assert not button.isEnabled()
    action.setEnabled(True)
    action.setText("&Undo the drag")
    assert button.accessibleName() == "Undo the drag" and button.toolTip() == "Undo the drag (Ctrl+Z)"
    with qtbot.waitSignal(action.triggered):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def tools(host: QWidget) -> widgets.SegmentedTools:
    names = ("Select", "Paint", "Spray", "Erase")
    actions = [QAction(icons.icon(name.lower()), name, host) for name in names]
    return put(host, widgets.SegmentedTools(actions, "Tools"))


def test_exactly_one_tool_is_on(host, qtbot):
    group = tools(host)
    buttons = group.buttons()
    assert group.accessibleName() == "Tools" and group.current().text() == "Select"
    with qtbot.waitSignal(group.chosen, check_params_cb=lambda action: action.text() == "Spray"):
        QTest.mouseClick(buttons[2], Qt.MouseButton.LeftButton)
    assert [b.isChecked() for b in buttons] == [False, False, True, False]
    with qtbot.assertNotEmitted(group.chosen):
        QTest.mouseClick(buttons[2], Qt.MouseButton.LeftButton)
    assert group.current().text() == "Spray"


def test_tools_follow_the_menu_and_the_arrow_keys(host, qtbot):
    group = tools(host)
    buttons = group.buttons()
    chosen = []
    group.chosen.connect(lambda action: chosen.append(action.text()))
    buttons[3].defaultAction().trigger()
    assert buttons[3].isChecked()
    QTest.keyClick(focus(buttons[3]), Qt.Key.Key_Right)
    assert buttons[0].isChecked() and buttons[0].hasFocus()
    QTest.keyClick(buttons[0], Qt.Key.Key_Left)
    assert chosen == ["Erase", "Select", "Erase"]


# -- stepper ----------------------------------------------------------------------------------------------------------


def test_stepper_by_mouse_keys_and_typing(host, qtbot):
    stepper = put(host, widgets.Stepper(1, 20, 2, "Components"))
    assert stepper.field.accessibleName() == "Components"
    assert stepper.less.accessibleName() == "Components: one less"
    seen = []
    stepper.valueChanged.connect(seen.append)
    QTest.mouseClick(stepper.more, Qt.MouseButton.LeftButton)
    QTest.mouseClick(stepper.less, Qt.MouseButton.LeftButton)
    QTest.keyClick(focus(stepper.field), Qt.Key.Key_Up)
    stepper.field.selectAll()
    QTest.keyClicks(stepper.field, "12")
    assert seen == [3, 2, 3], "a number half typed is not announced"
    QTest.keyClick(stepper.field, Qt.Key.Key_Return)
    assert seen == [3, 2, 3, 12] and stepper.value() == 12


def test_stepper_stops_at_its_ends(host, qtbot):
    stepper = put(host, widgets.Stepper(1, 3, 2, "Components"))
    stepper.setValue(99)
    assert stepper.value() == 3 and not stepper.more.isEnabled() and stepper.less.isEnabled()
    with qtbot.assertNotEmitted(stepper.valueChanged):
        QTest.mouseClick(stepper.more, Qt.MouseButton.LeftButton)
    stepper.setValue(1)
    assert not stepper.less.isEnabled() and stepper.more.isEnabled()
    stepper.setRange(0, 5)
    assert stepper.less.isEnabled()


def test_the_numbers_of_stepper_and_spin_boxes_can_be_seen(host):
    stepper = put(host, widgets.Stepper(1, 20, 20, "Components"))
    box = put(host, widgets.tidy_spin(QSpinBox()))
    box.setRange(0, 10**9)
    for field in (stepper.field, box):
        assert field.height() == 30
        line = field.lineEdit()
        needed = QFontMetricsF(line.font()).horizontalAdvance(field.text()) + line.textMargins().left()
        assert line.width() >= needed


# -- text and rows ----------------------------------------------------------------------------------------------------


def test_labels_show_html_and_do_not_obey_it(host):
    for label in (widgets.text("<b>a</b> & co", "label"), widgets.Chip("<i>row</i>")):
        assert label.textFormat() == Qt.TextFormat.PlainText
        assert label.text() in ("<b>a</b> & co", "<i>row</i>")


def test_only_double_stars_make_bold():
    html = widgets.strong("the **M-step** of <b>x</b> & y * z")
    assert "M-step</span>" in html and "&lt;b&gt;x&lt;/b&gt; &amp; y * z" in html
    assert html.count("<span") == 1


def test_roles_have_colours_that_follow_the_theme(host, qapp):
    label = put(host, widgets.text("rows", "label"))
    fault = put(host, widgets.text("wrong", "fault"))
    for tokens in (theme.DARK, theme.LIGHT):
        theme.apply(qapp, tokens.name)
        assert label.palette().windowText().color() == QColor(tokens.text2)
        assert fault.palette().windowText().color() == QColor(tokens.bad)


def test_labeled_row_binds_label_and_field(host):
    field, named = QComboBox(), QLineEdit()
    named.setAccessibleName("Seed of the start")
    row = put(host, widgets.LabeledRow("Covariance", field), 260)
    widgets.LabeledRow("Seed", named, unit="ms").setParent(host)
    assert row.label.buddy() is field and field.accessibleName() == "Covariance"
    assert named.accessibleName() == "Seed of the start"
    assert field.mapTo(row, QPoint(0, 0)).x() == 84
    long = put(host, widgets.LabeledRow("A label longer than the room for labels", QLineEdit()), 500)
    assert long.label.width() >= long.label.sizeHint().width(), "not cut"


def test_hairline_is_one_pixel(host):
    line = widgets.hline(host)
    line.setGeometry(0, 50, 100, line.height())
    line.show()
    assert line.height() == 1
    assert near(picture(line).pixelColor(50, 0), theme.LIGHT.hairline)


# -- dock title -------------------------------------------------------------------------------------------------------


@pytest.fixture
def dock(qtbot, qapp):
    theme.apply(qapp, "light")
    window = QMainWindow()
    qtbot.addWidget(window)
    dock = QDockWidget("Data", window)
    dock.setTitleBarWidget(widgets.DockTitle(dock, [QAction("Open a table", window)]))
    dock.setWidget(QLabel("content"))
    window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
    yield dock


def test_dock_title_states_its_height(dock):
    title = dock.titleBarWidget()
    assert title.sizeHint().height() == title.minimumSizeHint().height() == 40
    assert title.accessibleName() == "Data" and "Data" in title.menu_button.accessibleName()
    dock.setWindowTitle("Model")
    assert title.accessibleName() == "Model" and title.findChild(QLabel).text() == "Model"


@pytest.mark.qt_log_ignore("^This plugin does not support", extend=True)  # offscreen windows cannot be raised
def test_dock_menu_floats_docks_and_closes(dock):
    menu = dock.titleBarWidget().menu_button.menu()
    named = {action.text(): action for action in menu.actions() if not action.isSeparator()}
    assert list(named) == ["Open a table", "Move out of the window", "Close this panel"]
    float_action = named["Move out of the window"]
    float_action.trigger()
    assert dock.isFloating() and float_action.text() == "Move into the window"
    float_action.trigger()
    assert not dock.isFloating() and float_action.text() == "Move out of the window"
    named["Close this panel"].trigger()
    assert dock.isHidden()


# -- caption ----------------------------------------------------------------------------------------------------------


def test_caption_says_both_lines(host):
    caption = put(host, widgets.Caption(), 560)
    caption.say("e-step", "E-step 3.", "30 of 272 are <undecided>.", "Next, the **M-step** moves them.")
    assert caption.accessibleName() == "E-step 3. 30 of 272 are <undecided>. Next, the M-step moves them."
    assert "&lt;undecided&gt;" in caption.happened.text()
    assert caption.heightForWidth(560) <= 52 and caption.minimumHeight() == 52
    caption.say("info", "", "Ready.")
    assert caption.accessibleName() == "Ready." and caption.next.isHidden()


def test_a_long_caption_wraps_and_is_never_cut(host):
    caption = put(host, widgets.Caption(), 560)
    caption.say("m-step", "M-step 12.", "The ellipses moved to their weighted points. " * 4, "Next, the E-step. " * 6)
    assert caption.heightForWidth(360) > caption.heightForWidth(560) > 52
    caption.resize(360, caption.heightForWidth(360))
    for line in (caption.happened, caption.next):
        assert line.height() >= line.heightForWidth(line.width())
        assert line.geometry().bottom() <= caption.height()


# -- component marks --------------------------------------------------------------------------------------------------


def test_responsibility_bar_is_to_scale(host, qapp):
    bar = put(host, widgets.ResponsibilityBar(8), 400)
    bar.show_values([0.25, 0.75])
    for tokens in (theme.LIGHT, theme.DARK):
        theme.apply(qapp, tokens.name)
        image = picture(bar)
        assert near(image.pixelColor(50, 4), tokens.components[0])
        assert near(image.pixelColor(96, 4), tokens.components[0])
        assert near(image.pixelColor(103, 4), tokens.components[1])
        assert near(image.pixelColor(350, 4), tokens.components[1])


def test_responsibility_bar_tells_every_number(host):
    bar = put(host, widgets.ResponsibilityBar(), 300)
    bar.show_values([0.9, 0.0004, 0.0996])
    assert bar.accessibleName() == "Responsibilities"
    assert bar.accessibleDescription() == bar.toolTip() == "A 0.900, B 0.000, C 0.100"
    assert share_of(picture(bar), "white") > 0, "letter and number on A"
    bar.show_values([0.05] * 20)
    bar.resize(60, bar.height())
    assert share_of(picture(bar), "#14161A") == 0, "no room for words in any part"
    assert bar.toolTip().endswith("T 0.050")
    bar.show_values([])
    assert bar.toolTip() == "" and near(picture(bar).pixelColor(20, 12), theme.LIGHT.chip)


@pytest.mark.parametrize("k", [0, 1, 7, 19, 30])
def test_letter_disc_is_the_component(host, k):
    disc = put(host, widgets.LetterDisc(k))
    disc.resize(20, 20)
    assert disc.accessibleName() == f"component {theme.letter(k)}"
    image = picture(disc)
    assert near(image.pixelColor(10, 2), theme.component_colour(k))
    assert any(
        near(image.pixelColor(x, y), theme.ink_on(theme.component_colour(k)), 60) for x in range(20) for y in range(20)
    )
    disc.set_component(3)
    assert disc.accessibleName() == "component D" and near(picture(disc).pixelColor(10, 2), theme.component_colour(3))


def test_swatches_show_colour_and_dash(host):
    square = put(host, widgets.Swatch("gap"), 12)
    assert near(picture(square).pixelColor(6, 6), theme.LIGHT.gap)
    solid, dashed = widgets.Swatch.of_component(0), widgets.Swatch.of_component(1)
    for sample in (solid, dashed):
        put(host, sample, 20)
        sample.resize(20, 12)
    assert all(near(picture(solid).pixelColor(x, 6), theme.LIGHT.components[0]) for x in range(1, 19))
    along = [near(picture(dashed).pixelColor(x, 6), theme.LIGHT.components[1]) for x in range(20)]
    assert any(along) and not all(along)


def test_plain_table(host):
    table = widgets.plain_table(QTableWidget(3, 2, host))
    assert table.rowHeight(0) == 24 and not table.showGrid() and table.verticalHeader().isHidden()


# -- twice the size ---------------------------------------------------------------------------------------------------

TWICE = """
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication
app = QApplication([])
from emstudio.gui import theme, widgets
theme.apply(app, "dark")
made = [widgets.PrimaryButton("m-step", "M-step"), widgets.RunButton(), widgets.Stepper(1, 20, 20, "Components")]
made += [widgets.LetterDisc(1), widgets.ResponsibilityBar()]
for widget in made:
    widget.resize(widget.sizeHint())
    picture = widget.grab()
    assert picture.devicePixelRatio() == 2 and picture.size() == widget.size() * 2
image = made[0].grab().toImage()
rows = [y for y in range(image.height()) if image.pixelColor(20, y).lightness() > 200]
assert rows == list(range(0, 72)), "the button's left edge is filled from top to bottom, in device pixels"
print("sharp")
"""


def test_at_two_hundred_per_cent():
    done = subprocess.run(
        [sys.executable, "-c", TWICE],
        cwd=ROOT,
        env={**os.environ, "QT_SCALE_FACTOR": "2", "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "sharp", done.stderr
