"""The style sheet of one theme: Qt's own controls in the shapes of EM Studio.

`stylesheet(theme)` is rebuilt for each theme, because a style sheet does not follow the palette. Sizes are logical
pixels on an 8 px grid; font sizes are points (0.75 pt = 1 px at 96 dpi), the family comes from `theme.font`. A widget
asks for a variant by a dynamic property:

    label.setProperty("role", "label" | "unit" | "value" | "title" | "fault" | "chip")
    button.setFlat(True)                        a push button without border
    line.setProperty("hairline", True)          a 1 px line
    button.setProperty("boxed", True)           a tool button with field and border
    panel.setProperty("surface", "panel" | "canvas" | "window" | "chip" | "card")
"""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emstudio.gui.theme import Theme

_SURFACES = """
QMainWindow, QDialog, QMessageBox, QStatusBar, QToolBar, QMenuBar { background: $window; }
QWidget[surface="window"] { background: $window; }
QWidget[surface="panel"], QDockWidget > QWidget[surface="panel"] { background: $panel; }
QWidget[surface="canvas"] { background: $canvas; }
QWidget[surface="chip"] { background: $chip; border-radius: 8px; }
QWidget[surface="card"] { background: $field; border: 1px solid $border; border-radius: 6px; }
QFrame[hairline="true"] { background: $hairline; border: none; }
QDockWidget { background: $panel; border: none; }
QScrollArea { background: transparent; border: none; }
QMainWindow::separator { background: $hairline; width: 1px; height: 1px; }
QMainWindow::separator:hover { background: $border; }
QSplitter::handle { background: $hairline; }
QSplitter::handle:hover { background: $border; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
QMessageBox QLabel#qt_msgbox_label { min-width: 320px; }
QMessageBox { messagebox-warning-icon: url(themes:$name/warning.svg);
    messagebox-critical-icon: url(themes:$name/critical.svg);
    messagebox-information-icon: url(themes:$name/information.svg);
    messagebox-question-icon: url(themes:$name/question.svg); }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QToolTip { background: $field; color: $text; border: 1px solid $border; padding: 5px 7px; font-size: 9pt; }
"""

_TEXT = """
QLabel { background: transparent; }
QLabel[role="label"] { color: $text2; }
QLabel[role="unit"] { color: $text3; }
QLabel[role="fault"] { color: $bad; }
QLabel[role="chip"] { color: $text2; background: $chip; border-radius: 4px; padding: 2px 8px; }
QLabel:disabled { color: $text3; }
"""

_BARS = """
QMenuBar { padding: 1px 2px; }
QMenuBar::item { background: transparent; padding: 5px 8px; border-radius: 4px; }
QMenuBar::item:selected { background: $hover; }
QMenuBar::item:pressed { background: $pressed; }
QMenu { background: $field; border: 1px solid $border; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 8px; border: 1px solid transparent; border-radius: 4px; }
QMenu::item:selected { background: $selection; }
QMenu::item:disabled { color: $text3; }
QMenu::separator { height: 1px; background: $hairline; margin: 4px 8px; }
QMenu::icon { padding-left: 8px; }
QMenu::indicator { width: 16px; height: 16px; margin-left: 5px; }
QMenu::indicator:checked { image: url(themes:$name/tick.svg); }
QMenu::indicator:unchecked { image: none; }
QMenu::right-arrow { image: url(themes:$name/chevron-right.svg); width: 12px; height: 12px; margin-right: 6px; }
QToolBar { border: none; border-bottom: 1px solid $hairline; padding: 8px; spacing: 4px; }
QToolBar::separator { border: none; border-left: 1px solid $hairline; width: 1px; margin: 6px 7px 6px 8px; }
QToolBar::handle { image: none; width: 0; }
QStatusBar { border-top: 1px solid $hairline; min-height: 27px; max-height: 27px; font-size: 9pt; }
QStatusBar::item { border: none; }
QTabWidget::tab-bar { left: 12px; }
QTabWidget::pane { border: none; border-top: 1px solid $hairline; background: transparent; }
QTabBar { background: transparent; qproperty-drawBase: 0; font-size: 9.75pt; font-weight: 500; }
QTabBar::tab { background: transparent; color: $text2; border: none; border-bottom: 2px solid transparent;
    padding: 0 4px; margin: 0 8px 0 0; height: 38px; }
QTabBar::tab:hover { color: $text; }
QTabBar::tab:selected { color: $text; border-bottom: 2px solid $ink; }
QTabBar::tab:focus { border: 2px solid $ink; border-radius: 4px; padding: 0 2px; height: 36px; }
QTabBar::tab:disabled { color: $text3; }
"""

_BUTTONS = """
QToolButton { background: transparent; color: $text2; border: 1px solid transparent; border-radius: 6px; padding: 5px; }
QToolButton:hover { background: $hover; }
QToolButton:pressed { background: $pressed; }
QToolButton:checked { background: $field; border: 1px solid $border; color: $text; }
QToolButton:disabled { color: $border; }
QToolButton:focus { border: 2px solid $ink; padding: 4px; }
QToolButton[boxed="true"] { background: $field; border: 1px solid $border; padding: 0; }
QToolButton[boxed="true"]:hover { background: $hover; }
QToolButton[boxed="true"]:pressed { background: $pressed; }
QToolButton[boxed="true"]:disabled { background: $chip; border-color: $hairline; }
QToolBar QToolButton { padding: 0; min-width: 30px; max-width: 30px; min-height: 30px; max-height: 30px; }
QToolBar QToolButton:focus { min-width: 28px; max-width: 28px; min-height: 28px; max-height: 28px; }
QToolButton::menu-indicator { image: none; }
QPushButton { background: $field; color: $text; border: 1px solid $border; border-radius: 6px;
    padding: 0 14px; min-height: 28px; }
QPushButton:hover { background: $hover; }
QPushButton:pressed, QPushButton:checked { background: $pressed; }
QPushButton:disabled { color: $text3; background: $chip; border-color: $hairline; }
QPushButton:focus { border: 2px solid $ink; padding: 0 13px; min-height: 26px; }
QPushButton:default { background: $ink; color: $on_ink; border-color: $ink; }
QPushButton:default:hover, QPushButton:default:pressed { background: $text2; border-color: $text2; }
QPushButton:default:disabled { background: $chip; color: $text3; border-color: $hairline; }
QPushButton[flat="true"] { background: transparent; border-color: transparent; }
QPushButton[flat="true"]:hover { background: $hover; }
QPushButton[flat="true"]:focus { border: 2px solid $ink; }
QCheckBox, QRadioButton { background: transparent; color: $text; spacing: 8px; padding: 3px 0; }
QCheckBox:disabled, QRadioButton:disabled { color: $text3; }
QCheckBox::indicator { width: 14px; height: 14px; border: 1px solid $border; border-radius: 4px; background: $field; }
QCheckBox::indicator:hover { border-color: $text3; }
QCheckBox::indicator:checked { background: $ink; border-color: $ink; image: url(themes:$name/check.svg); }
QCheckBox::indicator:indeterminate { background: $ink; border-color: $ink; image: url(themes:$name/dash.svg); }
QCheckBox::indicator:focus { width: 12px; height: 12px; border: 2px solid $ink; background: $field; }
QCheckBox::indicator:checked:focus { image: url(themes:$name/check-ink.svg); }
QCheckBox::indicator:indeterminate:focus { image: url(themes:$name/dash-ink.svg); }
QCheckBox::indicator:disabled { background: $chip; border-color: $hairline; }
QCheckBox::indicator:checked:disabled { background: $border; border-color: $border; }
QRadioButton::indicator { width: 14px; height: 14px; border: 1px solid $border; border-radius: 8px;
    background: $field; }
QRadioButton::indicator:hover { border-color: $text3; }
QRadioButton::indicator:checked { background: $ink; border-color: $ink; image: url(themes:$name/dot.svg); }
QRadioButton::indicator:focus { width: 12px; height: 12px; border: 2px solid $ink; background: $field; }
QRadioButton::indicator:checked:focus { image: url(themes:$name/dot-ink.svg); }
QRadioButton::indicator:disabled { background: $chip; border-color: $hairline; }
QRadioButton::indicator:checked:disabled { background: $border; border-color: $border; }
"""

_FIELDS = """
QLineEdit, QComboBox, QAbstractSpinBox { background: $field; color: $text; border: 1px solid $border;
    border-radius: 6px; min-height: 28px; selection-background-color: $selection; selection-color: $text; }
QPlainTextEdit, QTextEdit { background: $field; color: $text; border: 1px solid $border; border-radius: 6px;
    padding: 6px; selection-background-color: $selection; selection-color: $text; }
QLineEdit { padding: 0 8px; }
QLineEdit:hover, QComboBox:hover, QAbstractSpinBox:hover { border-color: $axis; }
QLineEdit:focus { border: 2px solid $ink; padding: 0 7px; min-height: 26px; }
QPlainTextEdit:focus, QTextEdit:focus { border: 2px solid $ink; padding: 5px; }
QLineEdit:disabled, QComboBox:disabled, QAbstractSpinBox:disabled { color: $text3; background: $chip;
    border-color: $hairline; }
QLineEdit[fault="true"], QAbstractSpinBox[fault="true"] { border: 2px solid $bad; }
QComboBox { padding: 0 0 0 8px; combobox-popup: 0; }
QComboBox:focus, QComboBox:on { border: 2px solid $ink; padding: 0 0 0 7px; min-height: 26px; }
QComboBox::drop-down { border: none; width: 26px; subcontrol-origin: padding; subcontrol-position: center right; }
QComboBox::down-arrow { image: url(themes:$name/chevron-down.svg); width: 12px; height: 12px; }
QComboBox::down-arrow:disabled { image: url(themes:$name/chevron-down-off.svg); }
QComboBox QLineEdit, QComboBox QLineEdit:focus { border: none; padding: 0; min-height: 0; background: transparent; }
QComboBox QAbstractItemView { background: $field; border: 1px solid $border; padding: 4px; outline: 0;
    border-radius: 0; font-size: 9.75pt; selection-background-color: $selection; selection-color: $text; }
QComboBox QAbstractItemView:focus { border: 1px solid $border; border-radius: 0; }
QComboBox QAbstractItemView::item { min-height: 26px; padding: 0 6px; border-radius: 4px; }
QComboBox QAbstractItemView::item:selected { background: $selection; color: $text; }
QAbstractSpinBox { padding: 0 24px 0 2px; max-height: 28px; }
QAbstractSpinBox:focus { border: 2px solid $ink; padding: 0 23px 0 1px; min-height: 26px; max-height: 26px; }
QAbstractSpinBox QLineEdit, QAbstractSpinBox QLineEdit:focus, QAbstractSpinBox QLineEdit:disabled {
    border: none; background: transparent; padding: 0 4px; min-height: 0; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { background: transparent; border: none;
    border-radius: 4px; subcontrol-origin: border; width: 18px; height: 13px; margin: 2px 3px 2px 0; }
QAbstractSpinBox::up-button { subcontrol-position: top right; }
QAbstractSpinBox::down-button { subcontrol-position: bottom right; }
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover { background: $hover; }
QAbstractSpinBox::up-button:pressed, QAbstractSpinBox::down-button:pressed { background: $pressed; }
QAbstractSpinBox::up-arrow { image: url(themes:$name/chevron-up.svg); width: 10px; height: 10px; }
QAbstractSpinBox::down-arrow { image: url(themes:$name/chevron-down.svg); width: 10px; height: 10px; }
QAbstractSpinBox::up-arrow:disabled, QAbstractSpinBox::up-arrow:off { image: url(themes:$name/chevron-up-off.svg); }
QAbstractSpinBox::down-arrow:disabled, QAbstractSpinBox::down-arrow:off {
    image: url(themes:$name/chevron-down-off.svg); }
QAbstractSpinBox[plain="true"], QAbstractSpinBox[plain="true"]:focus { padding: 0; }
QAbstractSpinBox[plain="true"]::up-button, QAbstractSpinBox[plain="true"]::down-button { width: 0; height: 0;
    margin: 0; }
QAbstractSpinBox[plain="true"]::up-arrow, QAbstractSpinBox[plain="true"]::down-arrow { image: none; width: 0; }
QSlider { background: transparent; min-height: 22px; border: 2px solid transparent; border-radius: 6px; }
QSlider:focus { border-color: $ink; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: $border; }
QSlider::sub-page:horizontal { height: 4px; border-radius: 2px; background: $ink; }
QSlider::handle:horizontal { width: 12px; height: 12px; margin: -6px 0; border: 2px solid $ink; border-radius: 8px;
    background: $field; }
QSlider::handle:horizontal:hover { background: $hover; }
QSlider::groove:horizontal:disabled, QSlider::sub-page:horizontal:disabled { background: $hairline; }
QSlider::handle:horizontal:disabled { border-color: $border; }
QProgressBar { background: $hairline; border: none; border-radius: 2px; min-height: 4px; max-height: 4px; }
QProgressBar::chunk { background: $ink; border-radius: 2px; }
"""

_LISTS = """
QAbstractItemView { background: transparent; alternate-background-color: $chip; border: none; outline: 0;
    font-size: 9pt;
    gridline-color: transparent; selection-background-color: $selection; selection-color: $text; }
QListView::item, QTreeView::item { min-height: 24px; }
QAbstractItemView::item:hover { background: $hover; }
QAbstractItemView::indicator { width: 14px; height: 14px; border: 1px solid $border; border-radius: 4px;
    background: $field; }
QAbstractItemView::indicator:checked { background: $ink; border-color: $ink; image: url(themes:$name/check.svg); }
QAbstractItemView::item:selected { background: $selection; color: $text; }
QTableView:focus, QTreeView:focus, QListView:focus { border: 2px solid $ink; border-radius: 6px; }
QTableView, QTreeView, QListView { border: 2px solid transparent; }
QTableCornerButton::section { background: transparent; border: none; }
QHeaderView { background: transparent; border: none; font-size: 9pt; }
QHeaderView::section { background: transparent; color: $text2; border: none; border-bottom: 1px solid $hairline;
    padding: 0 6px; min-height: 23px; }
QHeaderView::section:vertical { border: none; }
#preview QHeaderView::section { padding: 0 3px; }
QScrollBar { background: transparent; border: none; margin: 0; }
QScrollBar:vertical { width: 8px; }
QScrollBar:horizontal { height: 8px; }
QScrollBar::handle { background: $border; border-radius: 3px; margin: 1px; }
QScrollBar::handle:hover, QScrollBar::handle:pressed { background: $axis; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; border: none; background: none; }
QScrollBar::add-page, QScrollBar::sub-page { background: none; }
QAbstractScrollArea::corner { background: transparent; border: none; }
"""

_SHEET = Template(_SURFACES + _TEXT + _BARS + _BUTTONS + _FIELDS + _LISTS)


def stylesheet(theme: Theme) -> str:
    """The whole style sheet with the colours of `theme`."""
    return _SHEET.substitute({name: value for name, value in vars(theme).items() if isinstance(value, str)})
