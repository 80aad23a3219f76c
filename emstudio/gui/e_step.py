"""How a step is made: the kind of E-step, the temperature of an annealed one, acceleration. Each change is an edit."""

from __future__ import annotations

import math
from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QSlider, QVBoxLayout, QWidget

from emstudio.core.errors import UserError
from emstudio.core.how import E_STEPS, SAMPLERS, EStep
from emstudio.core.model import Model
from emstudio.gui import theme
from emstudio.gui.form import SHORT, combo
from emstudio.gui.sweeps import SamplerControls, affordable, is_chain
from emstudio.gui.widgets import LabeledRow, text
from emstudio.session import Session

FIRST_TEMPERATURE = 2.0  # of somebody who chooses annealed
STEPS = 20  # of the slider for a factor of ten
_WRONG = "Give a number above 0, such as 2."
_SHORT = {"metropolis": "Metropolis", "scan-metropolis": "Metropolis scan", "gibbs": "Gibbs", "ffbs": "Whole paths"}
_SHORT |= {"soft": "Exact", "hard": "Viterbi (hard)", "stochastic": "One path"}
_OF_CHAINS = (  # kind, title, sentence
    ("soft", "Exact (forward-backward)", "The exact posterior of every state, given the whole series."),
    *SAMPLERS,
    ("hard", "Viterbi path (hard)", "The most probable path alone; ties to the lower state."),
    ("stochastic", "One path (stochastic)", "One path, drawn from the posterior."),
    ("annealed", "Annealed", "The densities of paths to the power 1 / temperature: above 1 softer, below 1 harder."),
)


def choices(model: Model) -> list[tuple[str, str, str]]:
    """(kind, title, sentence) of the E-steps that `model` knows, in the order in which they are offered."""
    return [c for c in (_OF_CHAINS if is_chain(model) else E_STEPS) if c[0] in model.e_steps]


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
        self.sampler = SamplerControls(session)
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
        for part in (self._row, self._heat, self.wrong, self.sampler, self.accelerate):
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
        offered = choices(session.model)
        if [self.box.itemText(i) for i in range(self.box.count())] != [title for _, title, _ in offered]:
            self.box.clear()
            for at, (kind, title, sentence) in enumerate(offered):
                self.box.addItem(title, kind)
                self.box.setItemData(at, sentence, Qt.ItemDataRole.ToolTipRole)
                self.box.setItemData(at, _SHORT.get(kind) if is_chain(session.model) else None, SHORT)
        kind = how.kind if how.kind in known else known[0]
        usual = kind == known[0] and not is_chain(session.model)
        self._row.setVisible(len(known) > 1 and (self._unfolded or not usual))
        self.box.setCurrentIndex(self.box.findData(kind))
        self.box.setToolTip(next(sentence for k, _, sentence in offered if k == kind))
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
            session = self._session
            warm = FIRST_TEMPERATURE if kind == "annealed" else 1.0
            session.set_how(affordable(replace(session.how, kind=kind, temperature=warm), session.data.n))

    def _heated(self, temperature: float) -> None:
        self._session.set_how(self._at(float(f"{temperature:.3g}")))

    def _at(self, temperature: float) -> EStep:
        return replace(self._session.how, kind="annealed", temperature=temperature)

    def _typed(self) -> None:
        if not self.temperature.isModified():
            return
        self.temperature.setModified(False)
        try:
            how = self._at(float(self.temperature.text().strip().replace("\u202f", "")))
        except (ValueError, UserError):
            self.wrong.setText(_WRONG)
            self.wrong.show()
            return
        self.wrong.hide()
        self._session.set_how(how)
