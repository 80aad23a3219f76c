"""The status bar: where the fit stands, in numbers, and how fast it goes."""

from __future__ import annotations

import time
from collections import deque

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStatusBar, QWidget

from emstudio.core.em import Moment
from emstudio.core.format import count, number, signed, typeset
from emstudio.core.history import Node
from emstudio.gui import theme
from emstudio.gui.refresh import Refresher
from emstudio.gui.track import Track
from emstudio.gui.widgets import Steady, text
from emstudio.session import Session

_LIKELIHOOD = "Of the parameters shown, in nats; higher is better"
_PHASES = {"data": "none", "start": "start", "E": "E", "M": "M", "edit": "edit"}


class StatusBar(QStatusBar):
    """Iteration, phase, log-likelihood, change, moment; the verdict; on the right time per iteration and frames/s."""

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("status")
        self.setAccessibleName("Status")
        self.setSizeGripEnabled(False)
        self._session = session
        self._track = Track.of(session)
        self._frames: deque[float] = deque(maxlen=61)
        self._seconds: dict[str, float] = {}
        self._values: list[Steady] = []
        self._labels: dict[str, QLabel] = {}
        self._row = QHBoxLayout()
        self._row.setContentsMargins(16, 0, 0, 0)
        self._row.setSpacing(6)
        self.iteration = self._pair("iteration", "Finished iterations: an E-step and an M-step each")
        self.phase = self._pair("phase", "The half-step just done")
        self.likelihood = self._pair("log-likelihood", _LIKELIHOOD)
        self._likelihood_name = self._labels["log-likelihood"]
        self.change = self._pair("change", "Of the objective since the iteration before")
        self.moment = self._pair("moment", "The half-step shown, of those on the timeline")
        self.verdict = _Elided()
        self.verdict.setAccessibleName("Whether the run has stopped, and why")
        self._row.addWidget(self.verdict, 1)
        holder = QWidget()
        holder.setLayout(self._row)
        self.addWidget(holder, 1)
        self.pace = text("", "label", kind=Steady)
        self.pace.setToolTip("The engine\u2019s time for the last E-step and M-step")
        self.rate = text("", "label", kind=Steady)
        self.rate.setToolTip("Pictures drawn in the last second of the run")
        for label, name in ((self.pace, "Time per iteration"), (self.rate, "Frames per second")):
            label.setAccessibleName(name)
            label.setContentsMargins(0, 0, 10, 0)
            self.addPermanentWidget(label)
        session.changed.connect(self._on_changed)
        session.running_changed.connect(self._on_running)
        session.settings_changed.connect(lambda: self._draw(session.moment))
        refresher.draw.connect(self._draw)
        self._draw(session.moment)

    def _pair(self, name: str, tip: str) -> Steady:
        label, value = text(name, "unit"), text("", "value", kind=Steady)
        label.setFont(self.font())
        for part in (label, value):
            part.setToolTip(tip)
        value.setAccessibleName(name)
        self._labels[name] = label
        self._row.addWidget(label)
        self._row.addWidget(value)
        self._row.addSpacing(10)
        self._values.append(value)
        return value

    # -- numbers -------------------------------------------------------------------------------------------------------
    def _on_changed(self, moment: Moment) -> None:
        self._seconds[moment.snapshot.phase] = self._session.last_seconds

    def _on_running(self, on: bool) -> None:
        self._frames.clear()
        self._draw(self._session.moment)

    def _draw(self, moment: Moment) -> None:
        self._track.sync()
        node = self._session.history.current
        assert node is not None
        snapshot = moment.snapshot
        value, cost = snapshot.figure, moment.model.cost
        for part in (self._likelihood_name, self.likelihood):
            part.setToolTip(f"Of the parameters shown; lower is better ({cost})" if cost else _LIKELIHOOD)
        self._likelihood_name.setText(cost or "log-likelihood")
        self.likelihood.setAccessibleName(cost or "log-likelihood")
        self.iteration.setText(count(snapshot.t))
        self.phase.setText(_PHASES[snapshot.phase])
        self.likelihood.setText("\u2014" if value is None else level(value))
        changed = change(node)
        self.change.setText("\u2014" if changed is None else signed(changed, 4))
        self.moment.setText(f"{count(self._track.current + 1)} of {count(self._track.count)}")
        if not self._session.running:
            for label in self._values:
                label.fit()
        self.verdict.setText(self._words(moment))
        self._draw_pace()

    def _words(self, moment: Moment) -> str:
        if self._session.running:
            return "running"
        if moment.snapshot.phase not in ("M", "E"):
            return ""
        verdict = self._session.verdict()
        if verdict.converged:
            return f"converged because {typeset(verdict.reason)}"
        return typeset(verdict.reason) if verdict.stop else ""

    def _draw_pace(self) -> None:
        started = self._session.moment.snapshot.params is not None
        known = [self._seconds[p] for p in ("E", "M") if p in self._seconds]
        self.pace.setText(f"{number(1000 * sum(known), 2)} ms per iteration" if len(known) == 2 and started else "")
        if not self._session.running:
            self.rate.setText("")
            return
        self._frames.append(time.perf_counter())
        if len(self._frames) > 2:
            span = self._frames[-1] - self._frames[0]
            self.rate.setText(f"{(len(self._frames) - 1) / span:.0f} frames/s" if span > 0 else "")


class _Elided(QLabel):
    """A line that gives way: what does not fit ends in dots and stands whole in the tooltip. It never widens the window."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "label")
        self.setFont(theme.font(12))
        self.setTextFormat(Qt.TextFormat.PlainText)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def setText(self, words: str) -> None:
        if words != self.text():
            super().setText(words)
            self.setToolTip(words)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(theme.colour("text2"))
        words = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, words)


def level(value: float) -> str:
    """A log-likelihood with two decimals, more where it is small."""
    return number(value, decimals=2 if abs(value) >= 100 else 4)


def change(node: Node) -> float | None:
    """How the objective changed with the parameters shown; None at a start and across different data."""
    moment, at = node.moment, node.parent
    if moment.snapshot.figure is None or moment.snapshot.phase in ("start", "data"):
        return None
    while at is not None and at.moment.snapshot.params is moment.snapshot.params and at.moment.data is moment.data:
        if at.moment.snapshot.phase == "start":
            return None
        at = at.parent
    if at is None or at.moment.data is not moment.data or at.moment.model != moment.model:
        return None
    before = at.moment.snapshot.figure
    return None if before is None else moment.snapshot.figure - before
