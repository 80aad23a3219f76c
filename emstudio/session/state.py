"""What a session holds: the history, the settings, and who is told when they change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

import emstudio.models  # noqa: F401  (fills the registry)
from emstudio.core.data import Dataset, Table, dataset, painted
from emstudio.core.em import Moment, blank
from emstudio.core.errors import UserError
from emstudio.core.history import History, Node
from emstudio.core.how import SOFT, EStep
from emstudio.core.model import Model, Start, find
from emstudio.core.stopping import KEPT, Stopping, Verdict
from emstudio.jobs import Jobs


class State(QObject):
    """The document and its settings; `Session` says what its signals mean."""

    changed = Signal(object)
    data_changed = Signal(object)
    reading_changed = Signal(str)
    opened = Signal(str)
    running_changed = Signal(bool)
    settings_changed = Signal()
    trouble = Signal(object)
    failed = Signal(str)
    news = Signal(str)

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self.history = History()
        self.speed: float = 4.0
        self.stopping = Stopping()
        self.start = Start("kmeans++")
        self._brought: Start | None = None  # the start that the table shown came with
        self.how: EStep = SOFT
        self.accelerated = False
        self.seed = 0
        self.number = 0
        self.last_seconds = 0.0  # the engine's time for the last half-step that needed it
        self._gesture: int | None = None
        self._gestures = 0
        self.jobs = Jobs(self)
        self._model: Model = find("gaussian").make(k=2)
        self._adopt(self._blank(dataset(paper())), "load", "New")

    @property
    def moment(self) -> Moment:
        assert self.history.current is not None
        return self.history.current.moment

    @property
    def data(self) -> Dataset:
        return self.moment.data

    @property
    def model(self) -> Model:
        return self._model

    @property
    def in_gesture(self) -> bool:
        """Whether a hand is moving something: `end_gesture` follows."""
        return self._gesture is not None

    @property
    def obstacle(self) -> str | None:
        """One sentence that says why the model cannot be fitted to these data, or None."""
        return self._model.accepts(self.data)

    def verdict(self) -> Verdict:
        """What the stopping rule says of the moment shown."""
        ends = [n.moment for n in self.history.ends_of_iterations(KEPT)]
        params = [m.snapshot.params for m in ends[-2:]]
        m = self.moment
        verdict = Verdict(None, "")
        if m.how.settles:
            verdict = self.stopping.verdict([e.objective for e in ends], self.data.total, params, m.left)
        return verdict if verdict.stop else self.stopping.exhausted(m.snapshot.t, m.how.settles) or verdict

    def _adopt(self, moment: Moment, cause: str, title: str = "") -> Node:
        gesture = self._gesture if cause == "edit" else None
        before = self.history.current
        shown = None if before is None else before.moment.data
        if cause == "edit" and moment.model != self._model:
            self._model = moment.model
            self.settings_changed.emit()
        if before is not None and gesture is not None and before.gesture == gesture and not before.children:
            node = before  # a stroke's points are one edit: nobody comes back to the half of it
            self.history.replace(node, moment)
        else:
            node = self.history.add(moment, cause, title, gesture)
        if shown is not moment.data:
            if shown is not None:
                shown.forget()
            self.data_changed.emit(moment.data)
        self.changed.emit(moment)
        return node

    def _blank(self, data: Dataset) -> Moment:
        """Nothing started yet, with the settings as far as they mean something to the model."""
        how, accelerate = self._way(self._model)
        return blank(data, self._model, self._start_for(data), self.seed, self.number, how, accelerate)

    def _way(self, model: Model) -> tuple[EStep, bool]:
        """(the E-step, whether accelerated) for `model`: what it does not know is kept for others that do."""
        how = self.how if self.how.kind in model.e_steps else EStep(model.e_steps[0])
        return how, self.accelerated and model.accelerates and how.kind == "soft"

    def _start_for(self, data: Dataset) -> Start:
        """A start given for other data does not fit these, unless it came with their table."""
        foreign = self.history.current is not None and data is not self.moment.data
        if self.start.given and foreign and self.start is not self._brought:
            self.start = Start("kmeans++")
            self.settings_changed.emit()
        return self.start

    def _guarded(self, go: Callable[[], object]) -> bool:
        """Run a command; a person's error becomes `failed`, and everything stays as it was."""
        try:
            go()
        except UserError as error:
            self.failed.emit(str(error))
            return False
        return True


def paper(names: tuple[str, ...] = ("x", "y")) -> Table:
    """An empty canvas: both axes are in the same unit, that of the hand."""
    return replace(painted(names=names), info={"painted": True})
