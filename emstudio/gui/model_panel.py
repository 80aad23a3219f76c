"""The model panel: which model, its declared parameters as a form, where it starts, when a run stops."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QSizePolicy, QSpinBox, QVBoxLayout, QWidget

from emstudio.core.errors import UserError
from emstudio.core.model import REGISTRY, START_METHODS, Start
from emstudio.core.stopping import MEASURES
from emstudio.gui import theme
from emstudio.gui.e_step import EStepControls
from emstudio.gui.families import Families
from emstudio.gui.form import SHORT, Form, Made, combo
from emstudio.gui.widgets import LabeledRow, hline, text
from emstudio.session import Session

_MOST_ITERATIONS = 1_000_000


class ModelPanel(QWidget):
    """Shows the session's settings; every change is a command of the session."""

    def __init__(self, session: Session, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("model_panel")
        self._session = session
        self._form: Form | None = None
        self._form_of: type | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(16, 2, 16, 8)
        self._column.setSpacing(8)
        self.model_box = self._model_box()
        self._column.addWidget(LabeledRow("Model", self.model_box))
        self._place = self._column.count()
        self.start_box = combo("start_method")
        self.start_box.activated.connect(self._choose_start)
        self._column.addWidget(LabeledRow("Start", self.start_box))
        self.e_step = EStepControls(session)
        self._column.addWidget(self.e_step)
        self._column.addSpacing(4)
        self._column.addWidget(hline())
        self._column.addWidget(text("Stop when", "title"))
        self._stopping()
        self._column.addStretch(1)
        session.settings_changed.connect(self._refresh)
        session.data_changed.connect(self._refresh)
        self._refresh()

    @property
    def form(self) -> Form:
        assert self._form is not None
        return self._form

    # -- making --------------------------------------------------------------------------------------------------------
    def _model_box(self) -> QComboBox:
        box = combo("model")
        for name, cls in REGISTRY.items():
            box.addItem(cls.title, name)
            short = cls.title.removeprefix("Mixture of ").removesuffix(" model")
            box.setItemData(box.count() - 1, short[:1].upper() + short[1:], SHORT)
        box.activated.connect(lambda i: self._choose_model(box.itemData(i)))
        return box

    def _stopping(self) -> None:
        self.measure_box = combo("stop_measure")
        self.measure_box.setAccessibleName("Stop when this measure is below the tolerance")
        self.measure_box.setToolTip("A run has converged when this measure is below the tolerance")
        for value, title, sentence in MEASURES:
            self.measure_box.addItem(title, value)
            self.measure_box.setItemData(self.measure_box.count() - 1, sentence, 3)
        self.measure_box.activated.connect(lambda i: self._set_stopping(measure=self.measure_box.itemData(i)))
        self.tolerance = QLineEdit()
        self.tolerance.setObjectName("stop_tolerance")
        self.tolerance.setAccessibleName("Tolerance")
        self.tolerance.setAcceptDrops(False)
        self.tolerance.setToolTip("A run stops when the measure is below this; 0 never stops before the last iteration")
        self.tolerance.setFixedWidth(76)
        self.tolerance.editingFinished.connect(self._typed_tolerance)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.measure_box)
        row.addWidget(self.tolerance)
        self._column.addLayout(row)
        self.iterations = QSpinBox()
        self.iterations.setObjectName("stop_iterations")
        self.iterations.setRange(1, _MOST_ITERATIONS)
        self.iterations.setKeyboardTracking(False)
        self.iterations.setToolTip("A run stops after so many iterations at the latest")
        self.iterations.lineEdit().setTextMargins(6, 0, 0, 0)
        self.iterations.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.iterations.valueChanged.connect(lambda n: self._set_stopping(max_iter=n))
        self._column.addWidget(LabeledRow("Iterations", self.iterations))
        self.explanation = text(role="unit", wrap=True)
        self.explanation.setObjectName("stop_explanation")
        self._column.addWidget(self.explanation)
        self.wrong = text(role="fault", wrap=True)
        self.wrong.setObjectName("error_tolerance")
        self.wrong.hide()
        self._column.addWidget(self.wrong)

    # -- showing -------------------------------------------------------------------------------------------------------
    def _refresh(self, *_: object) -> None:
        session = self._session
        self.model_box.setCurrentIndex(self.model_box.findData(session.model.name))
        if self._form_of is not type(session.model):
            self._make_form()
        self.form.show_values(dataclasses.asdict(session.model))  # type: ignore[call-overload]
        for name, field in self.form.fields.items():
            field.setEnabled(name not in session.model.unused)
        self._show_starts()
        stopping = session.stopping
        self.measure_box.setCurrentIndex(self.measure_box.findData(stopping.measure))
        self._show_tolerance()
        self.iterations.blockSignals(True)
        self.iterations.setValue(stopping.max_iter)
        self.iterations.blockSignals(False)
        sentence = next(s for m, _, s in MEASURES if m == stopping.measure).rstrip(".")
        cost = session.model.cost
        unit = "" if stopping.measure == "parameters" else ", per row" if cost else ", in nats per row"
        if cost:
            sentence = sentence.replace("to gain", "to lose").replace("log-likelihood", cost)
        self.explanation.setText(f"{sentence}{unit}.".replace("'", "\u2019"))

    def _make_form(self) -> None:
        model = self._session.model
        if self._form is not None:
            self._column.removeWidget(self._form)
            self._form.deleteLater()
        self._form = Form(model.parameters(), {"families": self._families} if model.name == "product" else None)
        self._form.edited.connect(self._set_parameter)
        more = self._form.more
        if more is not None:
            more.toggled.connect(self.e_step.unfold)
            more.setToolTip(f"{more.toolTip()}, E-step, acceleration")
        self.e_step.unfold(more is None or more.isChecked())
        self._form_of = type(model)
        self._column.insertWidget(self._place, self._form)
        # Tab follows the eye, although the form is made last. The parts of a field follow the field by themselves.
        before: QWidget = self.model_box
        for field in self._form.findChildren(QWidget):
            takes = bool(field.focusPolicy() & Qt.FocusPolicy.TabFocus) or field.focusProxy() is not None
            if takes and field.window() is self.window() and not before.isAncestorOf(field):
                QWidget.setTabOrder(before, field)
                before = field
        for field in (self.start_box, self.measure_box, self.tolerance, self.iterations):
            QWidget.setTabOrder(before, field)
            before = field

    def _families(self, give: Callable[[Any], None]) -> Made:
        """The families of a product mixture: a choice for each column."""
        field = Families(self._session)
        field.changed.connect(give)
        return field, field.show_text

    def _show_starts(self) -> None:
        session, box = self._session, self.start_box
        titles = {m: (title, sentence) for m, title, sentence in START_METHODS}
        box.clear()
        for method in session.model.starts:
            if method in titles:
                box.addItem(titles[method][0], method)
                box.setItemData(box.count() - 1, titles[method][1], 3)
        if session.start.given:
            box.addItem("Given", session.start.method)
        box.setCurrentIndex(box.findData(session.start.method))
        sentence = titles.get(session.start.method, ("", "The start that was given."))[1]
        box.setToolTip(f"{sentence} A new start is drawn from the seed.")

    def _show_tolerance(self) -> None:
        self.tolerance.setText(theme.number(self._session.stopping.tol, 3, trim=True))
        self._tell_tolerance("")

    # -- commands ------------------------------------------------------------------------------------------------------
    def _choose_model(self, name: str) -> None:
        if name == self._session.model.name:
            return
        try:
            self._session.set_model(REGISTRY[name].sized(self._session.model.k))
        except UserError as error:
            self._session.failed.emit(str(error))
            self._refresh()

    def _set_parameter(self, name: str, value: object) -> None:
        try:
            self._session.set_parameter(**{name: value})
        except UserError as error:
            self.form.show_error(name, str(error))

    def _choose_start(self, index: int) -> None:
        method = self.start_box.itemData(index)
        if method != self._session.start.method:
            self._session.set_start(Start(method))

    def _typed_tolerance(self) -> None:
        if not self.tolerance.isModified():
            return
        self.tolerance.setModified(False)
        typed = self.tolerance.text().strip().replace("\u2212", "-").replace("\u202f", "")
        try:
            value = float(typed)
        except ValueError:
            value = -1.0
        if 0.0 <= value < float("inf"):
            self._set_stopping(tol=value)
        else:
            self._tell_tolerance("Give a number of 0 or more, such as 1e-8.")

    def _set_stopping(self, **values: object) -> None:
        self._session.set_stopping(replace(self._session.stopping, **values))  # type: ignore[arg-type]

    def _tell_tolerance(self, sentence: str) -> None:
        self.wrong.setText(sentence)
        self.wrong.setVisible(bool(sentence))
        self.tolerance.setProperty("fault", bool(sentence))
        self.tolerance.style().unpolish(self.tolerance)
        self.tolerance.style().polish(self.tolerance)
