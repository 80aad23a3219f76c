"""Half-steps one by one or in a run, the timeline, and edits made while a half-step is in flight."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Qt, QTimer

from emstudio.core.em import Moment, advance, begin, edited, evaluate
from emstudio.core.errors import Degenerate, UserError
from emstudio.core.format import cast_as, typeset
from emstudio.core.history import Node, restore, same_run
from emstudio.core.marks import Handle, View
from emstudio.core.matching import fit_of, recast
from emstudio.session.state import State
from emstudio.worker import Engine, Request

_AHEAD = 3  # half-steps or iterations that may be asked for while one is being made
_PULLED = {"covariance": "Pull ellipse", "variance": "Pull spread"}  # what a drag is called that is not just a move


class Running(State):
    """Pull: the next half-step is asked for when the last one is shown; a reply that nobody wants any more is dropped."""

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self._running = False
        self._goal: Callable[[Moment], bool] | None = None
        self._pending: Request | None = None
        self._serial = 0
        self._more = 0  # half-steps asked for while one was being made
        self._until = 0  # the iteration that `iterate` goes to
        self._queue: list[tuple[Callable[[Moment], Moment], str]] = []
        self._drag: tuple[Handle, View, tuple[float, ...]] | None = None
        self._engine = Engine(self)
        self._engine.produced.connect(self._on_produced)
        self._engine.failed.connect(self._on_failed)
        self._clock = QTimer(self)
        self._clock.setSingleShot(True)
        self._clock.setTimerType(Qt.TimerType.PreciseTimer)
        self._clock.timeout.connect(self._tick)

    @property
    def running(self) -> bool:
        return self._running

    # -- half-steps ------------------------------------------------------------------------------------------------------
    def step(self) -> None:
        """The next half-step: the one already known on this branch, or a new one.

        Asked for while one is being made, it follows it: a key that is held goes on at the engine's pace.
        """
        if self._stepping:
            self._more = min(self._more + 1, _AHEAD)
            return
        self.pause()
        self._onward()

    def iterate(self) -> None:
        """Half-steps up to and including the next M-step; asked for meanwhile, another iteration follows."""
        now = self.moment.snapshot.t
        if self._running and self._goal == self._iterated:
            self._until = min(self._until + 1, now + _AHEAD)
            return
        self.pause()
        self._until = now + 1
        self._run_until(self._iterated)

    def _iterated(self, moment: Moment) -> bool:
        return moment.snapshot.phase == "M" and moment.snapshot.t >= self._until

    @property
    def _stepping(self) -> bool:
        """Whether a single half-step is in flight."""
        return not self._running and self._pending is not None and self._pending.kind == "advance"

    def run(self) -> None:
        """Half-steps at the chosen speed until the stopping rule says so."""
        if not self._running and self._ready():
            self._set_running(True, None)
            self._onward()

    def run_to_convergence(self) -> None:
        """Half-steps as fast as they come until the stopping rule says so."""
        self.pause()
        self._run_until(lambda m: False)

    def pause(self) -> None:
        """At once: a reply in flight is dropped, edits that waited for it are applied."""
        self._more = 0
        self._clock.stop()
        if self._pending is not None and self._pending.kind == "advance":
            self._pending = None
            self._apply_waiting()
        self._set_running(False, None)

    def toggle(self) -> None:
        self.pause() if self._running else self.run()

    # -- the timeline ----------------------------------------------------------------------------------------------------
    def back(self) -> None:
        """To the half-step before, within this run."""
        self.pause()
        line = self.history.line()
        at = line.index(self.history.current)  # type: ignore[arg-type]
        if at > 0:
            self._show(line[at - 1])

    def first(self) -> None:
        """The start of this run."""
        self.pause()
        self._show(self.history.line()[0])

    def last(self) -> None:
        """The last half-step known on this branch."""
        self.pause()
        self._show(self.history.line()[-1])

    def go_to(self, node: Node) -> None:
        """Show an earlier or later moment; going on from there keeps the old future as a branch."""
        self.pause()
        self._show(node)

    def undo(self) -> None:
        """To before the last edit on this branch."""
        self.pause()
        target = self.history.undo_target()
        if target is not None:
            self._show(target)

    def redo(self) -> None:
        self.pause()
        target = self.history.redo_target()
        if target is not None:
            self._show(target)

    def _show(self, node: Node, complete: Callable[[Moment], Moment] = evaluate) -> None:
        before = self.moment
        self._cancel()
        self.history.go_to(node)
        m = node.moment
        way = (m.how, m.acceleration is not None)
        other = way != self._way(m.model)
        if other:
            self.how, self.accelerated = way
        shown = (m.model, m.seed, m.number)
        if other or m.start is not self.start or shown != (self._model, self.seed, self.number):
            self._model, self.seed, self.number = shown
            self.start = m.start
            self.settings_changed.emit()
        if m.data is not before.data:
            before.data.forget()
            self.data_changed.emit(m.data)
        self.changed.emit(m)
        self._complete(complete)

    def _complete(self, complete: Callable[[Moment], Moment] = evaluate) -> None:
        """Ask for what is not known about the moment shown: its log-likelihood, or responsibilities that were let go."""
        node = self.history.current
        assert node is not None
        m = node.moment
        if m.snapshot.params is None or self._pending is not None:
            return
        if self.history.forgotten(node):
            self._ask("complete", restore, node.path())
        elif not m.snapshot.evaluated:
            self._ask("complete", complete, m)

    # -- inside: edits and the half-step in flight -----------------------------------------------------------------------
    def _edit(self, change: Callable[[Moment], Moment], title: str) -> None:
        """Apply an edit: at once, or to the moment that a run is about to bring."""
        if self._running and self._pending is not None and self._pending.kind == "advance":
            self._queue.append((change, title))
            return
        self._cancel()
        if self._guarded(lambda: self._adopt(change(self.moment), "edit", title)):
            self._go_on()

    def _apply_waiting(self) -> None:
        queue, self._queue = self._queue, []
        for change, title in queue:
            self._guarded(lambda c=change, t=title: self._adopt(c(self.moment), "edit", t))
        if self._drag is not None:
            self._apply_drag()

    def _apply_drag(self) -> None:
        assert self._drag is not None
        handle, view, position = self._drag
        m = self.moment
        if m.snapshot.params is None:
            return
        new = edited(m, params=m.model.move(m.snapshot.params, handle, view, position), carried=m.snapshot.carried)
        if self._pending is not None and self._pending.kind == "complete":
            self._pending = None
        self._adopt(new, "edit", _PULLED.get(handle.kind, f"Move {handle.kind}"))
        if self._gesture is None:
            self._drag = None  # a single move, such as a key's: nothing follows
        self._go_on()

    def _go_on(self) -> None:
        if self._running:
            self._schedule()
        else:
            self._complete()

    # -- inside: the engine ----------------------------------------------------------------------------------------------
    def _ask(self, kind: str, work: Callable, argument: object) -> None:
        self._serial += 1
        self._pending = Request(self._serial, kind, work, argument)
        self._engine.ask(self._pending)

    def _cancel(self) -> None:
        self._more = 0
        self._clock.stop()
        self._pending = None

    def _ready(self) -> bool:
        """Whether a half-step can be made; says why not."""
        why = None
        if self.moment.next == "start":
            why = "There is no point to fit yet; add points or open a file." if not self.data.n else self.obstacle
        if why:
            self.failed.emit(why)
        return why is None

    def _run_until(self, goal: Callable[[Moment], bool]) -> None:
        if self._ready():
            self._set_running(True, goal)
            self._onward()

    def _set_running(self, on: bool, goal: Callable[[Moment], bool] | None) -> None:
        self._goal = goal
        if on != self._running:
            self._running = on
            self.running_changed.emit(on)

    def _onward(self) -> None:
        """The next half-step: show it when it is known, else ask the engine."""
        known = self.history.known_step()
        if known is not None and not self.history.forgotten(known):
            self.history.go_to(known)
            self.changed.emit(known.moment)
            self._after_step()
        elif known is not None:
            self._ask("advance", restore, known.path())
        elif self._ready():
            self._pending = None
            node = self.history.current
            assert node is not None
            if self.moment.next == "start":
                self._ask("advance", _begin, (self.moment, namesake(node)))
            else:
                self._ask("advance", _advance, node.path())
        else:
            self.pause()

    def _on_produced(self, request: Request, reply: object) -> None:
        if request is not self._pending:
            return
        self._pending = None
        assert isinstance(reply, Moment)
        if request.kind == "complete":
            node = self.history.current
            assert node is not None
            self.history.replace(node, reply)
            self.changed.emit(reply)
            return
        self.last_seconds = self._engine.seconds
        known = self.history.known_step()
        if known is not None and self.history.forgotten(known):
            self.history.go_to(known)
            self.history.replace(known, reply)
            self.changed.emit(reply)
        else:
            self._adopt(reply, "step")
        if reply.snapshot.phase == "M":
            for notice in reply.model.kept(reply.snapshot.posterior):
                self.news.emit(notice.text)
        waiting = bool(self._queue) or self._drag is not None
        self._apply_waiting()
        if waiting and self._running:
            self._schedule()
        elif not waiting:
            self._after_step()

    def _after_step(self) -> None:
        """Go on with a run, or end it where its goal or the stopping rule says so."""
        if not self._running:
            if self._more:
                self._more -= 1
                self._onward()
            return
        m = self.moment
        if self._goal is not None and self._goal(m):
            self.pause()
            return
        if m.snapshot.phase == "M" and self._drag is None:
            verdict = self.verdict()
            if verdict.stop:
                self.pause()
                self.news.emit(("Converged: " if verdict.converged else "Paused: ") + typeset(verdict.reason) + ".")
                return
        self._schedule()

    def _schedule(self) -> None:
        pause = 0.0 if self._goal is not None or math.isinf(self.speed) else 1000.0 / self.speed
        self._clock.start(round(pause))

    def _tick(self) -> None:
        if self._running and self._pending is None:
            self._onward()

    def _on_failed(self, request: Request, error: Exception) -> None:
        if request is not self._pending:
            return
        self._pending, self._more = None, 0
        self._set_running(False, None)
        self._apply_waiting()
        if isinstance(error, Degenerate):
            self.trouble.emit(error.notice)
        elif isinstance(error, UserError):
            self.failed.emit(str(error))
        else:
            self.failed.emit(
                f"The engine could not do this ({type(error).__name__}: {error}); the moment shown is still sound."
            )


def namesake(node: Node) -> Moment | None:
    """The fit by which the components of a start after `node` are named: the one shown before on the same table.

    The same start again takes the names that it had: it replays as it was.
    """
    new, at = node.moment, node
    while at.moment.snapshot.params is None:
        if at.parent is None or at.cause == "load" or at.parent.moment.data.table is not new.data.table:
            return None
        at = at.parent
    first = at
    while first.parent is not None and first.joined:
        first = first.parent
    m = first.moment
    again = m.snapshot.phase == "start" and m.start is new.start and same_run(m, new)
    return m if again else at.moment


def _begin(asked: tuple[Moment, Moment | None]) -> Moment:
    """The start, its components in the order and with the names of the fit before."""
    moment, before = asked
    start = begin(moment)
    return start if before is None else recast(start, fit_of(before))


def _advance(path: Sequence[Moment]) -> Moment:
    """The half-step after the last moment of `path`, whose responsibilities may have been let go."""
    with cast_as(path[-1].cast):  # what goes wrong is told with the letters that are shown
        return advance(restore(path))
