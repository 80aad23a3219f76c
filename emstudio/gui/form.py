"""A form made from declared parameters: whole number -> stepper, choice -> combo, number -> line, bool -> check box.

form = Form(Model.parameters())
form.show_values({"k": 2, ...})           quietly
form.edited.connect(slot)                  (name, value), parsed; wrong input is told in place and not emitted
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from emstudio.core.errors import UserError
from emstudio.core.model import Parameter
from emstudio.gui.widgets import LabeledRow, Stepper, text


def combo(name: str) -> QComboBox:
    """A combo box that takes the width it gets, however long its items are."""
    box = QComboBox()
    box.setObjectName(name)
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return box


class Form(QWidget):
    """One row per parameter. `edited(name, value)`: the person chose an allowed value."""

    edited = Signal(str, object)

    def __init__(self, parameters: Sequence[Parameter], parent: QWidget | None = None):
        super().__init__(parent)
        self.parameters = tuple(parameters)
        self.fields: dict[str, QWidget] = {}
        self._errors: dict[str, QLabel] = {}
        self._show: dict[str, Callable[[Any], None]] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for parameter in self.parameters:
            self._add(column, parameter)

    def show_values(self, values: Mapping[str, Any]) -> None:
        """Show these values without telling anybody; what was wrong is forgotten."""
        for name, value in values.items():
            if name in self._show:
                self._show[name](value)
                self.show_error(name, "")

    def show_error(self, name: str, sentence: str) -> None:
        """Say under the field what is wrong; an empty sentence takes it back."""
        label, field = self._errors[name], self.fields[name]
        label.setText(sentence)
        label.setVisible(bool(sentence))
        field.setProperty("fault", bool(sentence))
        field.style().unpolish(field)
        field.style().polish(field)

    def error(self, name: str) -> str:
        """What is said to be wrong with `name`, empty when nothing is."""
        return self._errors[name].text()

    # -- inside --------------------------------------------------------------------------------------------------------
    def _add(self, column: QVBoxLayout, p: Parameter) -> None:
        make = {"int": self._stepper, "choice": self._combo, "bool": self._check}.get(p.type, self._line)
        field, show = make(p)
        field.setObjectName(f"field_{p.name}")
        field.setAccessibleName(p.label)
        field.setAccessibleDescription(p.help)
        field.setToolTip(p.help)
        wrong = text(role="fault", wrap=True)
        wrong.setObjectName(f"error_{p.name}")
        wrong.hide()
        column.addWidget(LabeledRow(p.label, field))
        column.addWidget(wrong)
        self.fields[p.name], self._show[p.name], self._errors[p.name] = field, show, wrong

    def _stepper(self, p: Parameter) -> tuple[QWidget, Callable[[Any], None]]:
        low = int(p.low) if p.low is not None else -(2**31) + 1
        high = int(p.high) if p.high is not None else 2**31 - 1
        field = Stepper(low, high, int(p.default), p.label)
        field.valueChanged.connect(partial(self._give, p))
        return field, quietly(field, lambda value: field.setValue(int(value)))

    def _combo(self, p: Parameter) -> tuple[QWidget, Callable[[Any], None]]:
        field = combo("")
        for value, title in p.choices:
            field.addItem(title, value)
        field.activated.connect(lambda i: self._give(p, field.itemData(i)))
        return field, lambda value: field.setCurrentIndex(field.findData(value))

    def _check(self, p: Parameter) -> tuple[QWidget, Callable[[Any], None]]:
        field = QCheckBox()
        field.toggled.connect(lambda on: self._give(p, on))
        return field, quietly(field, lambda value: field.setChecked(bool(value)))

    def _line(self, p: Parameter) -> tuple[QWidget, Callable[[Any], None]]:
        field = QLineEdit()
        field.setAcceptDrops(False)
        field.editingFinished.connect(lambda: self._typed(p, field))
        return field, lambda value: field.setText(_plain(value))

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
