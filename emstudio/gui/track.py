"""The timeline as cells and arrays, kept up to date in the time of what changed, and the part of it in view.

    track = Track.of(session)       one for all views of a session
    track.sync()                    cheap when nothing happened; each view calls it before it draws
    track.cells[i]                  the history's node in cell i; `track.likelihood[i]`, `track.bound[i]` its objectives
    track.facts                     (count,) all that is drawn of the cells, as a structured array
    track.first, track.span         the cells in view, shared by the objective plot and the scrubber under it

A history of ten thousand half-steps is walked once, not at every refresh of the display.
"""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QObject, Signal

from emstudio.core.history import History, Node, same_run
from emstudio.gui.chain_numbers import bound_error
from emstudio.session import Session

SMALLEST_CELL = 9.0  # px: narrower cells are not shown unless a person zooms out
FEWEST_CELLS = 19  # a short history leaves room for what comes

PHASES = ("data", "start", "E", "M", "edit")
_FACTS = np.dtype(
    [
        ("likelihood", "f8"),
        ("bound", "f8"),
        ("error", "f8"),  # the bound's standard error, NaN where it is exact
        ("iteration", "i4"),
        ("group", "i4"),  # counts the data sets so far: only cells of one group can be compared
        ("phase", "i1"),  # index into PHASES
        ("joined", "?"),  # to the cell before: the same data, the same model
        ("early", "?"),  # the objective of a start or an edit (an E-step after one does not change it)
        ("notable", "?"),  # something else than a half-step made it
        ("forks", "i2"),  # other futures kept here
    ]
)


class Track(QObject):
    """Cells of `session.history.line()` with their objectives, and the window of cells in view.

    `moved` is emitted when the window changed for another reason than a new moment.
    """

    moved = Signal()

    def __init__(self, session: Session):
        super().__init__(session)
        self._session = session
        self._history = session.history
        self._path: list[Node] = []  # the line with what an edit superseded
        self._place: dict[int, int] = {}  # node index -> place in the path
        self._cell: dict[int, int] = {}  # node index -> cell
        self._unknown: set[int] = set()  # cells whose objective may still come
        self._seen: tuple[object, ...] = ()
        self._shown: Node | None = None
        self._facts = np.zeros(256, _FACTS)
        self.cells: list[Node] = []
        self.current = 0
        self.first = 0.0
        self.span = float(FEWEST_CELLS)
        self._known = 0  # nodes of the history that were looked at
        self._stirred = True  # somebody may have gone elsewhere and come back, or learned a log-likelihood there
        session.changed.connect(self._stir)
        self._chosen: float | None = None  # the number of cells that a person zoomed to
        self._width = 600.0

    @staticmethod
    def of(session: Session) -> Track:
        """The session's track; made when first asked for."""
        found = next((c for c in session.children() if isinstance(c, Track)), None)
        return found or Track(session)

    # -- cells ---------------------------------------------------------------------------------------------------------
    @property
    def count(self) -> int:
        return len(self.cells)

    @property
    def facts(self) -> np.ndarray:
        """(count,) the structured array of what is drawn; see `_FACTS`. NaN where an objective is not known."""
        return self._facts[: len(self.cells)]

    @property
    def likelihood(self) -> np.ndarray:
        """(count,) log-likelihood in nats, or the cost of a model without one."""
        return self.facts["likelihood"]

    @property
    def bound(self) -> np.ndarray:
        """(count,) bound F in nats."""
        return self.facts["bound"]

    def sync(self) -> None:
        """Take in what happened since the last call."""
        history = self._session.history
        current = history.current
        seen = (current, len(history.nodes), None if current is None else current.moment)
        if current is None or (seen == self._seen and not self._stirred):
            return
        self._seen, self._stirred = seen, False
        if history is not self._history:
            self._forget(history)
        changed = self._follow(current)
        for node in (self._shown, current):
            if node is not None and node.cause != "step" and node.index in self._place:
                changed = min(changed, self._place[node.index])
        self._shown = current
        self._refill(changed, current)
        parents = [n.parent.index for n in history.nodes[self._known :] if n.parent is not None]  # they may fork now
        self._known = len(history.nodes)
        for i in {*self._unknown, *(self._cell[p] for p in parents if p in self._cell), self._cell[current.index]}:
            self._fill(i)
        self.current = self._cell[current.index]
        self._keep_in_view()

    def _forget(self, history: History) -> None:
        """Another document: its nodes have the same numbers and are others."""
        self._history, self._shown, self._known = history, None, 0
        self.cells.clear()
        for known in (self._path, self._place, self._cell, self._unknown):
            known.clear()

    def _stir(self) -> None:
        self._stirred = True

    def _follow(self, current: Node) -> int:
        """Bring the path up to date; the first place that changed."""
        fresh: list[Node] = []
        node: Node | None = current
        while node is not None and node.index not in self._place:
            fresh.append(node)
            node = None if _begins(node) else node.parent
        keep = 0 if node is None else self._place[node.index] + 1
        if not fresh:  # the current node is known: is the way forward still the same?
            while keep < len(self._path) and _forward(self._path[keep - 1]) is self._path[keep]:
                keep += 1
        for gone in self._path[keep:]:
            del self._place[gone.index]
        del self._path[keep:]
        self._path += reversed(fresh)
        following = _forward(self._path[-1])
        while following is not None:
            self._path.append(following)
            following = _forward(following)
        for i in range(keep, len(self._path)):
            self._place[self._path[i].index] = i
        return keep

    def _refill(self, changed: int, current: Node) -> None:
        """Choose the cells anew from the path's place `changed` on (and the one before it, which may now be superseded)."""
        start = max(changed - 1, 0)
        if changed >= len(self._path) and self.cells and self.cells[-1].index in self._place:
            return
        while self.cells and self._place.get(self.cells[-1].index, start) >= start:
            gone = self.cells.pop()
            del self._cell[gone.index]
            self._unknown.discard(len(self.cells))
        for i in range(start, len(self._path)):
            node = self._path[i]
            following = self._path[i + 1] if i + 1 < len(self._path) else None
            if node is current or following is None or not _superseded(node, following):
                self._cell[node.index] = len(self.cells)
                self.cells.append(node)
                self._grow()
                self._fill(len(self.cells) - 1)

    def _grow(self) -> None:
        if len(self.cells) > self._facts.size:
            self._facts = np.concatenate([self._facts, np.zeros_like(self._facts)])

    def _fill(self, i: int) -> None:
        node = self.cells[i]
        s = node.moment.snapshot
        known = [np.nan if v is None else v for v in (s.figure, node.moment.bound, bound_error(node.moment))]
        before = self.cells[i - 1] if i else None
        joined = early = False
        group = 0
        if before is not None:
            same = before.moment.data is node.moment.data
            group = int(self._facts["group"][i - 1]) + (not same)
            joined = same_run(before.moment, node.moment) and s.phase not in ("start", "data")
            early = s.phase == "E" and before.moment.snapshot.phase in ("start", "edit")
        early = early or s.phase in ("start", "edit")
        forks = len(self.branches(i))
        self._facts[i] = (*known, s.t, group, PHASES.index(s.phase), joined, early, node.cause != "step", forks)
        if s.params is not None and not s.evaluated:
            self._unknown.add(i)
        else:
            self._unknown.discard(i)

    def segment(self, i: int) -> tuple[int, int]:
        """First and one past the last of the cells in view whose objectives are joined to cell `i`'s."""
        low, high = self.visible()
        joined = self.facts["joined"]
        breaks = np.flatnonzero(~joined[low:high]) + low  # cells that begin a segment
        first = breaks[breaks <= i]
        end = breaks[breaks > i]
        return int(first[-1]) if first.size else low, int(end[0]) if end.size else high

    def branches(self, i: int) -> list[Node]:
        """The futures of this run that were kept at cell `i` beside the one on the line."""
        node = self.cells[i]
        return [c for c in node.children if c is not _forward(node) and not _begins(c)]

    # -- the window of cells -------------------------------------------------------------------------------------------
    @property
    def whole(self) -> bool:
        """Whether every cell is in view."""
        return self.first <= 0 and self.first + self.span >= self.count

    def visible(self) -> tuple[int, int]:
        """First and one past the last cell that is at least partly in view."""
        return max(math.floor(self.first), 0), min(math.ceil(self.first + self.span), self.count)

    def set_width(self, pixels: float) -> None:
        """Tell how wide the plot is."""
        if pixels > 0 and pixels != self._width:
            self._width = pixels
            self._keep_in_view()

    def zoom(self, factor: float, around: float) -> None:
        """Show `factor` times as many cells; the place `around` (in cells) stays where it is."""
        widest = float(max(self.count, FEWEST_CELLS))
        span = min(max(self.span * factor, min(8.0, widest)), widest)
        first = around - (around - self.first) * span / self.span
        fits = widest * SMALLEST_CELL <= self._width
        self._chosen = span if span < widest else None if fits else math.inf
        self.span = span
        self.first = min(max(first, 0.0), max(self.count - span, 0.0))
        self.moved.emit()

    def scroll_to(self, first: float) -> None:
        """Show the cells from `first` on, whatever moment is current."""
        first = min(max(first, 0.0), max(self.count - self.span, 0.0))
        if first != self.first:
            self.first = first
            self.moved.emit()

    def _keep_in_view(self) -> None:
        widest = float(max(self.count, FEWEST_CELLS))
        fitting = max(float(FEWEST_CELLS), math.floor(self._width / SMALLEST_CELL))
        span = min(widest, self._chosen or fitting)
        self.span = span
        margin = min(3.0, span / 4)
        low = min(max(self.first, self.current + 1 + margin - span), self.current - margin)
        self.first = min(max(low, 0.0), max(self.count - span, 0.0))


def _begins(node: Node) -> bool:
    """Whether a run begins here: the timeline shows one run."""
    return node.moment.snapshot.phase in ("start", "data")


def _forward(node: Node) -> Node | None:
    """The next node of the same run, on the way that was visited last."""
    following = node.children[-1] if node.children else None
    return None if following is None or _begins(following) else following


def _superseded(node: Node, following: Node) -> bool:
    """Whether an edit that follows at once takes an edit's place; while it is shown it has a cell all the same."""
    return node.cause != "step" and following.cause != "step"
