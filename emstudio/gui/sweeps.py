"""How paths are drawn in a sampled E-step: how many chains, how many sweeps, in which order, and watching them."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QSizePolicy, QSpinBox, QVBoxLayout, QWidget

from emstudio.core.how import EStep
from emstudio.core.model import Model
from emstudio.gui.buttons import IconButton
from emstudio.gui.widgets import LabeledRow, text
from emstudio.session import Session

MOST = 10_000  # draws or sweeps
MOST_CELLS = 50_000_000  # sites of all chains
MOST_TRACED = 5_000_000  # chains times sweeps: what is followed is kept for each
MOST_UPDATES = 10_000_000_000  # of one site in one E-step: some minutes
_STUCK = (
    "Some transitions are impossible here, so changing one site at a time does not reach every path: "
    "draws stay near where they started. Forward filter, backward sample draws whole paths."
)


class SamplerControls(QWidget):
    """Only what means something to the sampler chosen is shown; every change is an edit."""

    def __init__(self, session: Session, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("sampler_controls")
        self._session = session
        self.draws = self._number("draws", 1, "Chains started afresh in every E-step; the last path of each is a draw")
        self.sweeps = self._number("sweeps", 1, "In a sweep every site of every chain is updated once")
        self.burn_in = self._number("burn_in", 0, "Sweeps before those, to forget the random start")
        self._rows = [
            LabeledRow(*row) for row in (("Draws", self.draws), ("Sweeps", self.sweeps), ("Burn-in", self.burn_in))
        ]
        self.alternate = self._check("alternate", "Even and odd sites in turn")
        self.alternate.setToolTip(
            "All even sites at once, then all odd ones: faster, with the same posterior in the end"
        )
        self.alternate.toggled.connect(lambda on: self._give(alternate=on))
        self.watch = self._check("watch_sweeps", "Watch the sweeps")
        self.watch.setToolTip(
            "An E-step plays its sweeps, at four in the time of a half-step (Shift+W); Step ends it at once"
        )
        self.watch.toggled.connect(session.set_watching)
        self.one = IconButton("forward", "The next sweep alone (W)")
        self.one.setObjectName("next_sweep")
        self.one.clicked.connect(session.next_sweep)
        self.wrong = text(role="fault", wrap=True)
        self.wrong.setObjectName("error_sampler")
        self.stuck = text(_STUCK, role="unit", wrap=True)
        self.stuck.setObjectName("stuck_chains")
        self.progress = text(role="unit")
        self.progress.setObjectName("sweep_progress")
        self.progress.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.progress.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._compose()
        session.settings_changed.connect(self._refresh)
        session.changed.connect(self._on_moment)
        session.sweep_changed.connect(self._on_sweep)
        self._refresh()

    def _compose(self) -> None:
        watching = QHBoxLayout()
        watching.setSpacing(4)
        watching.addWidget(self.watch)
        watching.addWidget(self.progress, 1)
        watching.addWidget(self.one)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for part in (*self._rows, self.wrong, self.alternate):
            column.addWidget(part)
        column.addLayout(watching)
        column.addWidget(self.stuck)

    def _number(self, name: str, low: int, tip: str) -> QSpinBox:
        field = QSpinBox()
        field.setObjectName(name)
        field.setRange(low, MOST)
        field.setKeyboardTracking(False)
        field.setToolTip(tip)
        field.lineEdit().setTextMargins(6, 0, 0, 0)
        field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        field.valueChanged.connect(lambda value: self._give(**{name: value}))
        return field

    def _check(self, name: str, title: str) -> QCheckBox:
        box = QCheckBox(title)
        box.setObjectName(name)
        box.setAccessibleName(title)
        return box

    # -- showing -------------------------------------------------------------------------------------------------------
    def _refresh(self) -> None:
        how, session = self._session.how, self._session
        known = how.kind in session.model.e_steps
        self.setVisible(known and how.sampled)
        for row in self._rows[1:]:
            row.setVisible(how.kind != "ffbs")
        self.alternate.setVisible(how.kind in ("scan-metropolis", "gibbs"))
        for field, value in ((self.draws, how.draws), (self.sweeps, how.sweeps), (self.burn_in, how.burn_in)):
            with QSignalBlocker(field):
                field.setValue(value)
        for box, on in ((self.alternate, how.alternate), (self.watch, session.watching)):
            with QSignalBlocker(box):
                box.setChecked(on)
        self.wrong.hide()
        self._on_moment(session.moment)
        self._on_sweep(session.sweep)

    def _on_moment(self, moment: object) -> None:
        if self._session.how.sampled:
            self.one.setEnabled(self._session.unwatchable is None)
            self.stuck.setVisible(self._may_stick())

    def _may_stick(self) -> bool:
        from emstudio.core.samplers import reaches

        m = self._session.moment
        if not m.how.sampled or m.how.kind == "ffbs" or m.snapshot.params is None:
            return False
        start, transitions, _ = m.model.split(m.snapshot.params)  # type: ignore[attr-defined]
        return not reaches(start, transitions)

    def _on_sweep(self, sweep: object) -> None:
        words = "" if sweep is None else f"{sweep.index} of {sweep.of}"  # type: ignore[attr-defined]
        self.progress.setText(words)
        self.progress.setToolTip(words and f"Sweep {words}; 0 is the random start of the chains")

    # -- commands ------------------------------------------------------------------------------------------------------
    def _give(self, **values: object) -> None:
        session = self._session
        how = replace(session.how, **values)  # type: ignore[arg-type]
        why = refusal(how, session.data.n)
        if why is None:
            session.set_how(how)
            return
        self._refresh()
        self.wrong.setText(why)
        self.wrong.show()


def refusal(how: EStep, n: int) -> str | None:
    """One sentence that says why so much will not be drawn for `n` steps, or None."""
    if n * how.draws > MOST_CELLS:
        return f"That many draws of {n} steps take too much memory; use at most {max(1, MOST_CELLS // n)}."
    most = _most_sweeps(how, n)
    if how.kind != "ffbs" and how.sweeps + how.burn_in > most:
        return f"One E-step would take minutes; with {how.draws} draws use at most {most} sweeps in all."
    return None


def _most_sweeps(how: EStep, n: int) -> int:
    """How many sweeps there may be of so many draws of `n` steps."""
    return max(1, min(MOST_UPDATES // (max(n, 1) * how.draws), MOST_TRACED // how.draws))


def affordable(how: EStep, n: int) -> EStep:
    """`how` with no more draws than there may be for `n` steps."""
    if not how.sampled or not n or refusal(how, n) is None:
        return how
    in_all = how.sweeps + how.burn_in
    most = (
        MOST_CELLS // n
        if how.kind == "ffbs"
        else min(MOST_CELLS // n, MOST_UPDATES // (n * in_all), MOST_TRACED // in_all)
    )
    return replace(how, draws=max(1, min(how.draws, most)))


def is_chain(model: Model) -> bool:
    """Whether paths of the model can be drawn."""
    return "gibbs" in model.e_steps
