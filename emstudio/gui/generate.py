"""Generate a series: a card where a chain's parameters are chosen, and the table that is drawn from them.

    table = generated(model, params, names, n, seed)        the true path is kept as the truth
    card = GeneratePopup(session, parent); card.open_below(anchor)

A noisy switch is drawn from q and the variance that are typed, a hidden Markov model from the parameters shown.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from emstudio.core.data import Column, Table, frozen
from emstudio.core.errors import UserError
from emstudio.core.format import number
from emstudio.core.model import Model, Params, find
from emstudio.core.parameter import Parameter
from emstudio.gui.chain_numbers import is_chain
from emstudio.gui.widgets import LabeledRow, text
from emstudio.session import Session

STATE = "state"
_STEPS = Parameter("n", "int", 100, "Steps n", "How many steps the series has", low=2, high=200_000)
_SEED = Parameter("seed", "int", 0, "Seed", "The same seed draws the same series", low=0, high=2**31 - 1)
_STAY = Parameter("q", "float", 0.8, "Stay q", "How likely the switch stays where it is", low=0, high=1)
_NOISE = Parameter("variance", "float", 0.25, "Variance \u03c3\u00b2", "Of the noise about 0 and 1", low=1e-6, high=1e6)


def generated(model: Model, params: Params, names: Sequence[str] | None, n: int, seed: int) -> Table:
    """A series of n steps of a chain, its columns called `names` and the path it took `state`. Raises UserError."""
    rng = np.random.default_rng(seed)
    x, states = model.sample(params, n, rng)
    names, cells = model.cells(x, names, rng)
    columns = [_column(name, list(values)) for name, values in zip(names, zip(*cells, strict=True), strict=True)]
    truth = STATE
    while truth in names:
        truth += "_"
    levels = tuple(str(j) for j in range(model.k))
    columns.append(Column(truth, "category", frozen(states.astype(np.int64)), levels=levels, fit=False))
    info: dict = {"fit": tuple(names), "truth": truth}
    if model.name == "noisy-switch":
        info["model"] = {"name": model.name}
        title = f"Noisy switch, q {number(params.q, trim=True)}, \u03c3\u00b2 {number(params.variance, trim=True)}"
    else:
        title = f"A series of {model.k} states"
    return Table(f"{title}, seed {seed}", tuple(columns), info=info)


def _column(name: str, values: list) -> Column:
    """A drawn column: numbers, counts, or texts in the order of their code points."""
    if any(isinstance(v, str) for v in values):
        levels = tuple(sorted(set(values)))
        codes = {level: i for i, level in enumerate(levels)}
        return Column(name, "category", frozen(np.array([codes[v] for v in values], np.int64)), levels=levels)
    kind = "count" if all(isinstance(v, (int, np.integer)) for v in values) else "number"
    return Column(name, kind, frozen(np.array(values, np.float64)))  # type: ignore[arg-type]


class GeneratePopup(QFrame):
    """q, variance, steps and seed of a noisy switch; of a fitted hidden Markov model, steps and seed alone."""

    def __init__(self, session: Session, parent: QWidget):
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("generate_popup")
        self.setProperty("surface", "card")
        self.setAccessibleName("Generate a series")
        self.setMinimumWidth(248)
        self._session = session
        self.fields: dict[str, QLineEdit] = {}
        self.errors: dict[str, QLabel] = {}
        self._rows: dict[str, LabeledRow] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        column.addWidget(text("Generate a series", "title"))
        self.lead = text("", "unit", wrap=True)
        column.addWidget(self.lead)
        for p in (_STAY, _NOISE, _STEPS, _SEED):
            self._add(column, p)
        self.fault = text("", "fault", wrap=True)
        self.fault.hide()
        column.addWidget(self.fault)
        self.button = QPushButton("Generate")
        self.button.setObjectName("generate_apply")
        self.button.setDefault(True)
        self.button.setToolTip("Draw the series and open it; Undo brings the data back that are shown now")
        self.button.clicked.connect(self.apply)
        column.addWidget(self.button)

    def _add(self, column: QVBoxLayout, p: Parameter) -> None:
        field = QLineEdit(f"{p.default:g}")
        field.setObjectName(f"generate_{p.name}")
        field.setAccessibleName(p.label)
        field.setToolTip(p.help)
        field.setAcceptDrops(False)
        field.returnPressed.connect(self.apply)
        wrong = text("", "fault", wrap=True)
        wrong.hide()
        self._rows[p.name] = LabeledRow(p.label, field)
        column.addWidget(self._rows[p.name])
        column.addWidget(wrong)
        self.fields[p.name], self.errors[p.name] = field, wrong

    @property
    def own(self) -> bool:
        """Whether the series is drawn from the fit that is shown, and not from a noisy switch."""
        session = self._session
        return is_chain(session.model) and session.model.name == "hmm" and session.moment.snapshot.params is not None

    def open_below(self, anchor: QWidget) -> None:
        """Show it under `anchor`, inside the screen."""
        own = self.own
        self.lead.setText(
            "Drawn from the parameters shown; the path is kept as the truth."
            if own
            else "A noisy switch: the hidden state is 0 or 1 and mostly stays; x is the state plus noise. "
            "The path is kept as the truth."
        )
        for name in ("q", "variance"):
            self._rows[name].setVisible(not own)
            self.errors[name].hide()
        self.fault.hide()
        self._fit()
        place = anchor.mapToGlobal(QPoint(0, anchor.height() + 4))
        screen = anchor.screen().availableGeometry()
        place.setX(max(screen.left(), min(place.x(), screen.right() - self.width())))
        place.setY(max(screen.top(), min(place.y(), screen.bottom() - self.height())))
        self.move(place)
        self.show()
        first = self.fields["n" if own else "q"]
        first.setFocus()
        first.selectAll()

    def _fit(self) -> None:
        """Be as high as what is shown."""
        self.layout().activate()  # type: ignore[union-attr]
        self.resize(272, self.layout().totalHeightForWidth(272))  # type: ignore[union-attr]

    def apply(self) -> None:
        """Draw the series and show it; what cannot be used is said under its field."""
        values = {}
        for p in (_STEPS, _SEED) if self.own else (_STAY, _NOISE, _STEPS, _SEED):
            try:
                values[p.name] = p.parse(self.fields[p.name].text().strip().replace("\u2212", "-"))
                self._say(self.errors[p.name], "")
            except UserError as error:
                self._say(self.errors[p.name], f"{p.label}: {error.remedy}.")
        if any(not label.isHidden() for label in self.errors.values()):
            self._fit()
            return
        try:
            self._session.open_table(self._drawn(values))
        except UserError as error:
            words = str(error)
            self._say(self.fault, f"{words[:1].upper()}{words[1:]}.")
            self._fit()
            return
        self.close()

    @staticmethod
    def _say(label: QLabel, sentence: str) -> None:
        label.setText(sentence)
        label.setVisible(bool(sentence))

    def _drawn(self, values: dict) -> Table:
        moment = self._session.moment
        if self.own:
            return generated(moment.model, moment.snapshot.params, moment.data.names, values["n"], values["seed"])
        model = find("noisy-switch").make()
        params = model.from_dict({"q": values["q"], "variance": values["variance"]})
        return generated(model, params, ("x",), values["n"], values["seed"])


__all__ = ["STATE", "GeneratePopup", "generated"]
