"""A form made from declared parameters: whole number -> stepper, choice -> combo, number -> line, bool -> check box.

form = Form(Model.parameters())            a second argument gives parameters a field of their own, by name
form.show_values({"k": 2, ...})           quietly
form.edited.connect(slot)                  (name, value), parsed; wrong input is told in place and not emitted
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from emstudio.core.errors import UserError
from emstudio.core.parameter import Parameter
from emstudio.gui import icons
from emstudio.gui.widgets import LabeledRow, Stepper, text

Made = tuple[QWidget, Callable[[Any], None]]  # a field, and how it is shown a value
SHORT = Qt.ItemDataRole.UserRole + 1  # of a combo's item: what the closed box shows where its text has no room


class Combo(QComboBox):
    """A long text loses its middle (a style sheet would have it cut off); the list is as wide as its items need.

    An item with a `SHORT` text shows that instead where there is no room for the whole.
    """

    def showPopup(self) -> None:
        view = self.view()
        needed = view.sizeHintForColumn(0) + view.verticalScrollBar().sizeHint().width() + 12
        view.setMinimumWidth(min(max(self.width(), needed), 480))
        super().showPopup()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        part = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, self).width()
        short = self.currentData(SHORT)
        if short and self.fontMetrics().horizontalAdvance(option.currentText) > room - 4:
            option.currentText = short
        option.currentText = self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideMiddle, room - 4)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


def combo(name: str) -> Combo:
    """A combo box that takes the width it gets, however long its items are."""
    box = Combo()
    box.setObjectName(name)
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return box


class Form(QWidget):
    """One row per parameter. `edited(name, value)`: the person chose an allowed value.

    Parameters that are seldom needed appear when `more` is checked; one with a value of its own, or a fault, always.
    """

    edited = Signal(str, object)

    def __init__(
        self,
        parameters: Sequence[Parameter],
        own: Mapping[str, Callable[[Callable[[Any], None]], Made]] | None = None,
        parent: QWidget | None = None,
    ):
        """`own[name](give)` makes the field of a parameter, which takes the whole width and calls `give` with its value."""
        super().__init__(parent)
        self.parameters = tuple(parameters)
        self._own = dict(own or {})
        self.fields: dict[str, QWidget] = {}
        self._errors: dict[str, QLabel] = {}
        self._show: dict[str, Callable[[Any], None]] = {}
        self._rows: dict[str, QWidget] = {}
        self._values: dict[str, Any] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for parameter in sorted(self.parameters, key=lambda p: p.more):
            self._add(column, parameter)
        self.more = self._more_button()
        self._fold()

    def show_values(self, values: Mapping[str, Any]) -> None:
        """Show these values without telling anybody; what was wrong is forgotten."""
        for name, value in values.items():
            if name in self._show:
                self._values[name] = value
                self._show[name](value)
                self.show_error(name, "")
        self._fold()

    def show_error(self, name: str, sentence: str) -> None:
        """Say under the field what is wrong; an empty sentence takes it back."""
        label, field = self._errors[name], self.fields[name]
        label.setText(sentence)
        label.setVisible(bool(sentence))
        field.setProperty("fault", bool(sentence))
        field.style().unpolish(field)
        field.style().polish(field)
        self._fold()

    def error(self, name: str) -> str:
        """What is said to be wrong with `name`, empty when nothing is."""
        return self._errors[name].text()

    # -- inside --------------------------------------------------------------------------------------------------------
    def _add(self, column: QVBoxLayout, p: Parameter) -> None:
        own = self._own.get(p.name)
        make = {"int": self._stepper, "choice": self._combo, "bool": self._check}.get(p.type, self._line)
        field, show = make(p) if own is None else own(partial(self._give, p))
        field.setObjectName(f"field_{p.name}")
        field.setAccessibleName(p.label)
        field.setAccessibleDescription(p.help)
        if own is None:
            field.setToolTip(p.help)
        wrong = text(role="fault", wrap=True)
        wrong.setObjectName(f"error_{p.name}")
        wrong.hide()
        self._rows[p.name] = LabeledRow(p.label, field) if own is None else field
        column.addWidget(self._rows[p.name])
        column.addWidget(wrong)
        self.fields[p.name], self._show[p.name], self._errors[p.name] = field, show, wrong

    def _more_button(self) -> QToolButton | None:
        """The switch for what is seldom needed, at the end of the last line that is always shown."""
        hidden = [p.label for p in self.parameters if p.more]
        shown = [p.name for p in self.parameters if not p.more and p.name not in self._own]
        if not hidden or not shown:
            return None
        button = QToolButton()
        button.setObjectName("more_settings")
        button.setCheckable(True)
        button.setIcon(icons.icon("more"))
        button.setIconSize(QSize(16, 16))
        button.setFixedSize(28, 30)
        button.setAccessibleName("More settings")
        button.setToolTip(f"More settings: {', '.join(hidden)}")
        button.toggled.connect(self._fold)
        row = self._rows[shown[-1]].layout()
        row.addSpacing(4)  # type: ignore[union-attr]
        row.addWidget(button)  # type: ignore[union-attr]
        return button

    def _fold(self, *_: object) -> None:
        for p in self.parameters:
            if p.more and p.name in self._rows:
                own = self._values.get(p.name, p.default) != p.default or bool(self.error(p.name))
                opened = self.more is None or self.more.isChecked()
                self._rows[p.name].setVisible(own or opened)

    def _stepper(self, p: Parameter) -> Made:
        low = int(p.low) if p.low is not None else -(2**31) + 1
        high = int(p.high) if p.high is not None else 2**31 - 1
        field = Stepper(low, high, int(p.default), p.label)
        field.valueChanged.connect(partial(self._give, p))
        return field, quietly(field, lambda value: field.setValue(int(value)))

    def _combo(self, p: Parameter) -> Made:
        field = combo("")
        for value, title in p.choices:
            field.addItem(title, value)
        field.activated.connect(lambda i: self._give(p, field.itemData(i)))
        return field, lambda value: field.setCurrentIndex(field.findData(value))

    def _check(self, p: Parameter) -> Made:
        field = QCheckBox()
        field.toggled.connect(lambda on: self._give(p, on))
        return field, quietly(field, lambda value: field.setChecked(bool(value)))

    def _line(self, p: Parameter) -> Made:
        field = QLineEdit()
        field.setAcceptDrops(False)
        field.editingFinished.connect(lambda: self._typed(p, field))

        def show(value: Any) -> None:
            field.setText(_plain(value))
            if not field.hasFocus():
                field.setCursorPosition(0)  # what is longer than the field is read from its beginning

        return field, show

    def _typed(self, p: Parameter, field: QLineEdit) -> None:
        if field.isModified():
            field.setModified(False)
            self._give(p, field.text().strip().replace("\u2212", "-"))

    def _give(self, p: Parameter, given: Any) -> None:
        try:
            value = p.parse(given)
        except UserError as error:
            self.show_error(p.name, f"{p.label}: {error.remedy}.")
            return
        self.show_error(p.name, "")
        self.edited.emit(p.name, value)


def quietly(field: QWidget, show: Callable[[Any], None]) -> Callable[[Any], None]:
    """`show`, without the field's telling anybody."""

    def shown(value: Any) -> None:
        with QSignalBlocker(field):
            show(value)

    return shown


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
