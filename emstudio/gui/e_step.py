"""How a step is made: the kind of E-step, the temperature of an annealed one, acceleration. Each change is an edit."""

from __future__ import annotations

import math

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QSlider, QVBoxLayout, QWidget

from emstudio.core.errors import UserError
from emstudio.core.how import E_STEPS, EStep
from emstudio.gui import theme
from emstudio.gui.form import combo
from emstudio.gui.widgets import LabeledRow, text
from emstudio.session import Session

FIRST_TEMPERATURE = 2.0  # of somebody who chooses annealed
STEPS = 20  # of the slider for a factor of ten
_WRONG = "Give a number above 0, such as 2."


class EStepControls(QWidget):
    """Only what means something to the model is shown."""

    def __init__(self, session: Session, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("e_step_controls")
        self._session = session
        self._unfolded = True
        self.box = combo("e_step")
        self.box.activated.connect(self._choose)
        self._row = LabeledRow("E-step", self.box)
        self._make_temperature()
        self.accelerate = QCheckBox("Accelerate (SQUAREM)")
        self.accelerate.setObjectName("accelerate")
        self.accelerate.setAccessibleName("Accelerate (SQUAREM)")
        self.accelerate.setToolTip(
            "An M-step is then three EM steps, the third from far along the way of the first two"
        )
        self.accelerate.toggled.connect(session.set_accelerated)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for part in (self._row, self._heat, self.wrong, self.accelerate):
            column.addWidget(part)
        session.settings_changed.connect(self._refresh)
        self._refresh()

    def _make_temperature(self) -> None:
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName("temperature_slider")
        self.slider.setAccessibleName("Temperature of the E-step")
        self.slider.setRange(-STEPS, STEPS)
        self.slider.setToolTip("From a tenth, nearly hard, to ten, nearly even; 1 is the soft E-step")
        self.slider.sliderPressed.connect(self._session.begin_gesture)
        self.slider.sliderReleased.connect(self._session.end_gesture)
        self.slider.valueChanged.connect(lambda at: self._heated(10 ** (at / STEPS)))
        self.temperature = QLineEdit()
        self.temperature.setObjectName("temperature")
        self.temperature.setAccessibleName("Temperature")
        self.temperature.setAcceptDrops(False)
        self.temperature.setFixedWidth(60)
        self.temperature.setToolTip("Scores are divided by it before they are normalised")
        self.temperature.editingFinished.connect(self._typed)
        field = QWidget()
        row = QHBoxLayout(field)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.slider, 1)
        row.addWidget(self.temperature)
        self._heat = LabeledRow("Temperature", field)
        self.wrong = text(role="fault", wrap=True)
        self.wrong.setObjectName("error_temperature")
        self.wrong.hide()

    # -- showing -------------------------------------------------------------------------------------------------------
    def unfold(self, on: bool) -> None:
        """Show everything, or only what is not as usual."""
        self._unfolded = on
        self._refresh()

    def _refresh(self) -> None:
        session = self._session
        known, how = session.model.e_steps, session.how
        if [self.box.itemData(i) for i in range(self.box.count())] != list(known):
            self.box.clear()
            for kind, title, sentence in E_STEPS:
                if kind in known:
                    self.box.addItem(title, kind)
                    self.box.setItemData(self.box.count() - 1, sentence, Qt.ItemDataRole.ToolTipRole)
        kind = how.kind if how.kind in known else known[0]
        self._row.setVisible(len(known) > 1 and (self._unfolded or kind != known[0]))
        self.box.setCurrentIndex(self.box.findData(kind))
        self.box.setToolTip(next(sentence for k, _, sentence in E_STEPS if k == kind))
        self._heat.setVisible(kind == "annealed")
        self.wrong.hide()
        with QSignalBlocker(self.slider):
            if not self.slider.isSliderDown():
                self.slider.setValue(round(STEPS * math.log10(how.temperature)))
        self.temperature.setText(theme.number(how.temperature, 3, trim=True))
        self.accelerate.setVisible(session.model.accelerates and (self._unfolded or session.accelerated))
        self.accelerate.setEnabled(kind == "soft")
        with QSignalBlocker(self.accelerate):
            self.accelerate.setChecked(session.accelerated and kind == "soft")

    # -- commands ------------------------------------------------------------------------------------------------------
    def _choose(self, index: int) -> None:
        kind = self.box.itemData(index)
        if kind != self._session.how.kind:
            self._session.set_how(EStep(kind, FIRST_TEMPERATURE if kind == "annealed" else 1.0))

    def _heated(self, temperature: float) -> None:
        self._session.set_how(EStep("annealed", float(f"{temperature:.3g}")))

    def _typed(self) -> None:
        if not self.temperature.isModified():
            return
        self.temperature.setModified(False)
        try:
            how = EStep("annealed", float(self.temperature.text().strip().replace("\u202f", "")))
        except (ValueError, UserError):
            self.wrong.setText(_WRONG)
            self.wrong.show()
            return
        self.wrong.hide()
        self._session.set_how(how)
