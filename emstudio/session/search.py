"""Several starts in the background, and the optima they ended in, which can be shown and gone on from."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal

from emstudio.core.em import Moment, evaluate
from emstudio.core.errors import UserError, printable
from emstudio.core.history import Node
from emstudio.core.matching import fit_of
from emstudio.core.search import End, Question, Search, asked, pull, shown
from emstudio.session.reading import Reading

STARTS = 10  # where nobody says how many
MOST = 1000
_KEPT = 8  # answers to questions about other data or models: Undo may come back to them
_REST = 20  # ms between two pulls while a run is shown: Python's threads take turns
_JOB = "search"


class Searching(Reading):
    """One search at a time, a pull at a time: half-steps and the run go on beside it.

    `search_changed()`: another search is under way or ended, or more is known of it.
    """

    search_changed = Signal()

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self._search: Search | None = None  # under way
        self._searches: list[Search] = []  # that ended or were given up, the newest last
        self._compared: tuple[Search | None, dict[int, Node], Node | None] = (None, {}, None)
        self._search_rest = QTimer(self, interval=_REST, singleShot=True)
        self._search_rest.timeout.connect(self._pull_starts)
        self.jobs.done.connect(self._on_pulled)
        self.jobs.failed.connect(self._on_unpulled)
        self.changed.connect(self._on_other)

    # -- asking ----------------------------------------------------------------------------------------------------------
    @property
    def searching(self) -> bool:
        """Whether starts are being tried."""
        return self._search is not None

    @property
    def search(self) -> Search | None:
        """What is known of several starts of the model shown on the data shown, or None where nobody asked."""
        if self._search is not None:
            return self._search
        return next((s for s in reversed(self._searches) if s.question.fits(self.moment)), None)

    @property
    def unsearchable(self) -> str | None:
        """One sentence that says why several starts cannot be tried, or None."""
        if not self.data.n:
            return "There is no point to fit yet; add points or open a file."
        if self.obstacle is not None:
            return self.obstacle
        if self.model.settled:
            return "Nothing is hidden in these data, so there is only one start."
        if self.start.given and self.how.settles:
            return "This start is given, so every try would be the same; choose a start that is drawn."
        return None

    def try_starts(self, starts: int = STARTS) -> None:
        """Try so many starts of this seed in the background; a search under way is given up for it."""
        why = self.unsearchable
        if why is not None:
            self.failed.emit(why)
            return
        self.cancel_search()
        m = self._blank(self.data)
        like = None if self.moment.snapshot.params is None else fit_of(self.moment)
        fast = m.acceleration is not None
        self._search = asked(
            Question(
                m.data, m.model, m.start, m.seed, int(starts), self.stopping, how=m.how, accelerate=fast, like=like
            )
        )
        self._pull_starts()
        self.search_changed.emit()

    def cancel_search(self) -> None:
        """Try no more starts, at once; the optima found so far stay."""
        if self._search is not None:
            self._conclude(self._search)

    # -- what was found --------------------------------------------------------------------------------------------------
    def shows(self, end: End) -> bool:
        """Whether this end is the moment shown."""
        return self.moment.snapshot.params is end.params

    def show_end(self, end: End, title: str = "Show an optimum") -> None:
        """Show where a start ended: an edit, from which Undo comes back to what was shown before the first of them."""
        search = self.search
        if search is None or self.shows(end):
            return
        self.pause()
        node = self._compare(search, end)
        if node is None:
            moment = replace(shown(search.question, end), data=self.data)
            node = self.history.add(moment, "edit", title)
            self._compared[1][end.number] = node
        self._show(node, coloured)

    def go_on_from(self, end: End, title: str = "Show an optimum") -> None:
        """Show where a start ended, and run from there."""
        self.show_end(end, title)
        self.run()

    def _compare(self, search: Search, end: End) -> Node | None:
        """Go back to where looking at this search's optima began; the node that shows `end` from there, if there is one."""
        current = self.history.current
        assert current is not None
        of, nodes, origin = self._compared
        if of is None or of.question is not search.question or origin is None or current not in nodes.values():
            self._compared = (search, {}, current)
            return None
        if end.number in nodes:
            return nodes[end.number]
        self.history.go_to(origin)
        return None

    # -- inside ----------------------------------------------------------------------------------------------------------
    def _on_pulled(self, key: str, argument: object, answer: object) -> None:
        if key != _JOB or argument is not self._search:
            return
        assert isinstance(answer, Search)
        self._search = answer
        if answer.done:
            self._conclude(answer)
            return
        if self._running or self.in_gesture:
            self._search_rest.start()  # half-steps and the hand come first
        else:
            self._pull_starts()
        self.search_changed.emit()

    def _pull_starts(self) -> None:
        if self._search is not None:
            self.jobs.ask(_JOB, pull, self._search)

    def _on_unpulled(self, key: str, argument: object, error: Exception) -> None:
        if key != _JOB or argument is not self._search or self._search is None:
            return
        known = isinstance(error, UserError)
        self._conclude(self._search)
        self.failed.emit(f"{error}." if known else f"The starts could not be tried ({printable(error)}).")

    def _on_other(self, moment: Moment) -> None:
        """Other data or another model: starts of the former say nothing of it."""
        if self._search is not None and not self._search.question.fits(moment):
            self._search = None
            self._search_rest.stop()
            self.news.emit("No more starts are tried: they were of other data or another model.")
            self.search_changed.emit()

    def _conclude(self, search: Search) -> None:
        self._search = None
        self._search_rest.stop()
        if search.number:
            others = [s for s in self._searches if not s.question.fits(self.moment)]
            self._searches = [*others, search][-_KEPT:]
        self.search_changed.emit()

    def _forget_searches(self) -> None:
        """Another document is shown: what was asked about this one is over."""
        self._search, self._searches, self._compared = None, [], (None, {}, None)
        self._search_rest.stop()
        self.search_changed.emit()


def coloured(moment: Moment) -> Moment:
    """The moment evaluated, with the responsibilities that its parameters give to the points."""
    known = evaluate(moment)
    resp = known.ahead.resp if known.ahead is not None else None
    return replace(known, snapshot=replace(known.snapshot, carried=resp))
