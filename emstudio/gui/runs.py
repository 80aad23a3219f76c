"""The Runs panel: try several starts in the background, see where they end, and look at any of the optima."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QSpinBox, QVBoxLayout, QWidget

from emstudio.core.format import count
from emstudio.core.model import START_METHODS
from emstudio.core.search import Search
from emstudio.gui.optima import Line, OptimaHeader, OptimaList, StartsStrip, best_sound, figure_text, lines
from emstudio.gui.refresh import Refresher
from emstudio.gui.widgets import text, tidy_spin
from emstudio.session import Session
from emstudio.session.search import MOST, STARTS

_SLOW = 1.0  # seconds of a start from which on its iterations are told
_PACE = 80  # ms between two pictures of a search under way
_WHY = (
    "EM climbs to the nearest optimum only, so where a run starts decides where it ends. Try several starts: "
    "each optimum is listed here, with how often it was reached. Choose one to see it."
)


class Runs(QWidget):
    """Everything in it is what the session knows of several starts; it keeps only how many are asked for."""

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("runs_panel")
        self._session = session
        self.starts = QSpinBox()
        self.starts.setObjectName("starts")
        self.starts.setAccessibleName("Number of starts")
        self.starts.setRange(1, MOST)
        self.starts.setValue(STARTS)
        tidy_spin(self.starts, 84)
        self.button = QPushButton()
        self.button.setObjectName("try_starts_button")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Starts tried")
        self.status = text("", "label", wrap=True)
        self.status.setObjectName("search_status")
        self.verdict = text("", "body", wrap=True)
        self.verdict.setObjectName("search_verdict")
        self.hint = text(_WHY, "label", wrap=True)
        self.hint.setObjectName("runs_hint")
        self.strip_title = text("Where the starts ended", "title")
        self.unit = text("", "unit")
        self.strip = StartsStrip()
        self.header = OptimaHeader()
        self.optima = OptimaList()
        self.onward = QPushButton("Go on from here")
        self.onward.setObjectName("go_on")
        self._lay_out()
        self._clock = QTimer(self, interval=_PACE, singleShot=True)
        self._clock.timeout.connect(self._fill)
        self.button.clicked.connect(self.toggle)
        self.starts.valueChanged.connect(lambda _: self._name_button())
        self.optima.shown.connect(lambda line: session.show_end(line.end, self._title(line)))
        self.optima.taken.connect(self._go_on)
        self.onward.clicked.connect(lambda: self._go_on(self.optima.line()))
        session.search_changed.connect(self._on_search)
        session.settings_changed.connect(self._fill_later)
        session.data_changed.connect(lambda _: self._fill_later())
        refresher.draw.connect(lambda _: self._fill_later())
        self._seen: tuple | None = None
        self._kept: tuple = ()  # what was drawn last: while it is kept, nothing else has its identity
        self._fill()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fill()

    def toggle(self) -> None:
        """Try the starts, or give up those under way."""
        if self._session.searching:
            self._session.cancel_search()
        else:
            self.starts.interpretText()
            self._session.try_starts(self.starts.value())

    # -- filling ---------------------------------------------------------------------------------------------------------
    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 4, 16, 8)
        column.setSpacing(8)
        ask = QHBoxLayout()
        ask.setSpacing(8)
        label = text("Starts", "label")
        label.setBuddy(self.starts)
        ask.addWidget(label)
        ask.addWidget(self.starts)
        ask.addWidget(self.button, 1)
        column.addLayout(ask)
        for widget in (self.bar, self.status, self.verdict, self.hint):
            column.addWidget(widget)
        self.found = QWidget()
        below = QVBoxLayout(self.found)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(4)
        title = QHBoxLayout()
        title.addWidget(self.strip_title)
        title.addStretch(1)
        title.addWidget(self.unit)
        below.addLayout(title)
        below.addWidget(self.strip)
        below.addWidget(self.header)
        below.addWidget(self.optima, 1)
        below.addWidget(self.onward)
        column.addWidget(self.found, 1)
        column.addStretch(0)
        self.optima.setMinimumHeight(OptimaList.LEAST)

    def _on_search(self) -> None:
        """The beginning and the end at once, what is between at a pace that eyes can follow."""
        if not self._session.searching:
            self._clock.stop()
            self._fill()
        else:
            self._fill_later()

    def _fill_later(self) -> None:
        if not self._clock.isActive():
            self._clock.start()

    def _fill(self) -> None:
        search, session = self._session.search, self._session
        shown = session.moment.snapshot.params
        why = session.unsearchable
        seen = (id(search), id(shown), session.searching, why, self.starts.value())
        if seen == self._seen or not (self.isVisible() or self._seen is None):
            return
        self._seen, self._kept = seen, (search, shown)
        self._name_button()
        self.button.setEnabled(session.searching or why is None)
        self.button.setToolTip(why or "Runs from several starts, in the background (T)")
        known = search is not None and search.number > 0
        self.bar.setVisible(session.searching)
        self.status.setVisible(search is not None)
        self.hint.setVisible(search is None)
        self.hint.setText(_WHY if why is None else why)
        table = search.table if search is not None else ()
        self.verdict.setVisible(known)
        self.found.setVisible(bool(table))
        if search is None:
            return
        self.bar.setRange(0, search.question.starts)
        self.bar.setValue(search.number)
        self.status.setText(status(search, session.searching))
        self.verdict.setText(verdict(search))
        self._fill_table(search)

    def _fill_table(self, search: Search) -> None:
        model = search.question.model
        made = lines(search)
        shown = next((x for x in made if self._session.shows(x.end)), None)
        with QSignalBlocker(self.optima):
            self.optima.show_lines(made, None if shown is None else shown.end)
        self.optima.viewport().update()
        self.header.name_figure(model.cost.capitalize() if model.cost else "log L")
        self.unit.setText("lower is better" if model.cost else "nats, higher is better")
        at = None if shown is None else search.table[shown.rank - 1].figure
        self.strip.show_figures([f for f in search.figures if f is not None], at)
        self.onward.setEnabled(self.optima.line() is not None)

    def _name_button(self) -> None:
        n = self.starts.value()
        words = "Cancel" if self._session.searching else f"Try {count(n)} start{'' if n == 1 else 's'}"
        if words != self.button.text():
            self.button.setText(words)

    # -- what the person does --------------------------------------------------------------------------------------------
    def _go_on(self, line: Line | None) -> None:
        if line is not None:
            self._session.go_on_from(line.end, self._title(line))

    def _title(self, line: Line) -> str:
        return f"Show optimum {line.rank}"


def status(search: Search, under_way: bool) -> str:
    """How far a search is, or what it was."""
    q, n = search.question, search.number
    if under_way:
        left = search.left()
        rest = "" if left is None else f", {_duration(left)} left"
        if search.course is not None and (left is None or left / (q.starts - n) > _SLOW):
            rest += f"; iteration {count(search.course.moment.snapshot.t)} of the next"
        return f"{count(n)} of {count(q.starts)} starts{rest}"
    titles = {method: title for method, title, _ in START_METHODS}
    method = titles.get(q.start.method, "the start given")
    done = f"{count(n)} of {count(q.starts)} starts" if n < q.starts else f"{count(n)} start{'' if n == 1 else 's'}"
    way = [f"{done}: {method}, seed {q.seed}"]
    if q.how.kind != q.model.e_steps[0]:
        way.append(f"{q.how.title.lower()} E-step")
    return ", ".join(way) + ("; given up" if n < q.starts else "") + "."


def verdict(search: Search) -> str:
    """What the starts say: where the best ended and how often, what is spurious, how many collapsed."""
    n, lost = search.number, search.collapsed
    collapsed = "" if not lost else f" {count(lost)} collapsed and {'is' if lost == 1 else 'are'} not counted as a fit."
    best = best_sound(search.table)
    if best is None:
        cause = "" if search.trouble is None else f" {search.trouble.text}"
        return (f"All {count(n)} starts collapsed." if n > 1 else "The start collapsed.") + cause
    name = search.question.model.cost or "log-likelihood"
    reached = f"{count(best.starts)} of {count(n)} starts reached the best {name}, {figure_text(best.figure)}."
    if best.spurious:
        return f"Every optimum rests on a handful of rows; take fewer components. {reached}{collapsed}"
    rank = search.table.index(best)
    if rank:
        higher = "A higher one rests" if rank == 1 else f"{count(rank)} higher ones rest"
        reached = reached.replace("the best", "the best sound")
        return f"{reached} {higher} on a handful of rows.{collapsed}"
    return reached + collapsed


def _duration(seconds: float) -> str:
    if seconds < 1:
        return "less than 1 s"
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"
