"""The open document: data, model, history. Everything a person can do is a command here; it knows no widget."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer, Signal

import emstudio.models  # noqa: F401  (fills the registry)
from emstudio.core import edits, remedies
from emstudio.core.data import Dataset, Table, dataset, painted
from emstudio.core.em import Moment, advance, begin, blank, edited, evaluate
from emstudio.core.errors import Degenerate, Notice, UserError, printable
from emstudio.core.history import History, Node, restore
from emstudio.core.how import SOFT, EStep
from emstudio.core.marks import Handle, View
from emstudio.core.model import Model, Start, find
from emstudio.core.stopping import Stopping, Verdict
from emstudio.core.trials import Trial, parse
from emstudio.jobs import Jobs
from emstudio.models import coin_edits
from emstudio.worker import Engine, Reader, Request

_AHEAD = 3  # half-steps or iterations that may be asked for while one is being made
FASTEST = math.inf  # half-steps a second: as fast as it goes


class Session(QObject):
    """Owns the history. `moment` is what is shown; commands change it, at once or when the engine answers.

    Signals
    - `changed(Moment)`: another moment is shown, or more is known about it. The window draws the newest at its own pace.
    - `data_changed(Dataset)`: other data than before (always followed by `changed`).
    - `reading_changed(str)`: the name of what is being read, "" when nothing is; `opened(str)`: this source is shown now.
    - `running_changed(bool)`, `settings_changed()`: speed, seed, stopping rule, start method, kind of E-step.
    - `trouble(Notice)`: the run paused because a component would collapse; `reseed` is the remedy.
    - `failed(str)`: one sentence about something that could not be done.
    - `news(str)`: one sentence worth showing for a while, such as why the run stopped.
    """

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
        self.how: EStep = SOFT
        self.accelerated = False
        self.seed = 0
        self.number = 0
        self.last_seconds = 0.0  # the engine's time for the last half-step that needed it
        self._running = False
        self._goal: Callable[[Moment], bool] | None = None
        self._pending: Request | None = None
        self._serial = 0
        self._more = 0  # half-steps asked for while one was being made
        self._until = 0  # the iteration that `iterate` goes to
        self._queue: list[tuple[Callable[[Moment], Moment], str]] = []
        self._gesture: int | None = None
        self._gestures = 0
        self._drag: tuple[Handle, View, tuple[float, float]] | None = None
        self._engine = Engine(self)
        self._engine.produced.connect(self._on_produced)
        self._engine.failed.connect(self._on_failed)
        self._reader = Reader(self)
        self._reader.changed.connect(self.reading_changed)
        self._reader.done.connect(self._on_read)
        self._reader.failed.connect(self._on_unread)
        self.jobs = Jobs(self)
        self._clock = QTimer(self)
        self._clock.setSingleShot(True)
        self._clock.setTimerType(Qt.TimerType.PreciseTimer)
        self._clock.timeout.connect(self._tick)
        self._model: Model = find("gaussian").make(k=2)
        self._adopt(self._blank(dataset(_paper())), "load", "New")

    # -- what is shown -------------------------------------------------------------------------------------------------
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
    def running(self) -> bool:
        return self._running

    @property
    def in_gesture(self) -> bool:
        """Whether a hand is moving something: `end_gesture` follows."""
        return self._gesture is not None

    @property
    def busy(self) -> bool:
        """Whether an answer of the engine or of the reader is awaited."""
        return self._pending is not None or bool(self._reader.name)

    @property
    def reading(self) -> str:
        """The name of what is being read, "" when nothing is."""
        return self._reader.name

    @property
    def obstacle(self) -> str | None:
        """One sentence that says why the model cannot be fitted to these data, or None."""
        return self._model.accepts(self.data)

    def verdict(self) -> Verdict:
        """What the stopping rule says of the moment shown."""
        ends = [n.moment for n in self.history.ends_of_iterations(3)]
        params = [m.snapshot.params for m in ends[-2:]]
        m = self.moment
        verdict = Verdict(None, "")
        if m.how.settles:
            verdict = self.stopping.verdict([e.objective for e in ends], self.data.total, params, m.left)
        return verdict if verdict.stop else self.stopping.exhausted(m.snapshot.t, m.how.settles) or verdict

    # -- data ----------------------------------------------------------------------------------------------------------
    def open(self, source: str) -> None:
        """Open a file or `dataset:NAME`; on a bad one a sentence follows (`failed`), and the previous data stay.

        It is read on a thread of its own: `opened` follows, and meanwhile everything can be done with the data shown.
        """
        self._read(source, "", source.removeprefix("dataset:") if source.startswith("dataset:") else Path(source).name)

    def paste(self, text: str) -> None:
        """Open a table from the clipboard's text."""
        self._read("", text, "the clipboard")

    def cancel_reading(self) -> None:
        """Give up what is being read; the data shown stay."""
        self._reader.cancel()

    def open_table(self, table: Table) -> None:
        """Show `table` and, where the model accepts it, start on it. Raises UserError."""
        self._reader.cancel()
        self._show_table(*_suited(self._model, table))

    def new(self) -> None:
        """An empty canvas to paint on."""
        self._reader.cancel()
        model = self._model if "scatter" in _kinds(self._model, _paper()) else find("gaussian").make(k=2)
        self._open(dataset(_paper()), "load", "New", autostart=False, model=model)

    def choose(self, names: Sequence[str]) -> bool:
        """Fit these columns of the table."""

        def go() -> None:
            data = self._model.dataset(self.data.table, names, truth=self.data.truth)
            self._open(data, "edit", "Choose columns", model=self._model)

        return self._guarded(go)

    def set_truth(self, name: str | None) -> None:
        """The column to colour and judge by; the fit is not touched."""
        new = replace(self.data, truth=name)
        for node in self.history.nodes:
            if (
                node.moment.data is not new
                and node.moment.data.table is new.table
                and node.moment.data.names == new.names
            ):
                self.history.replace(node, replace(node.moment, data=new))
        self.data_changed.emit(new)
        self.changed.emit(self.moment)

    def add_points(self, columns: Sequence[int], values: np.ndarray, title: str = "Add points") -> None:
        """Add rows: `values` (m, len(columns)) in the fitted columns `columns`; other fitted columns get their mean."""
        self._edit(lambda m: edits.add(m, columns, np.asarray(values, float)), title)

    def erase(self, rows: np.ndarray, title: str = "Erase points") -> None:
        """Take rows (of the dataset) away."""
        tables_rows = self.data.rows[np.asarray(rows, int)]
        if len(tables_rows):
            self._edit(lambda m: edits.erase(m, tables_rows), title)

    def move_points(self, rows: np.ndarray, columns: Sequence[int], shift: Sequence[float]) -> None:
        """Move rows of the dataset by `shift` in the fitted columns `columns`."""
        tables_rows = self.data.rows[np.asarray(rows, int)]
        if len(tables_rows):
            self._edit(lambda m: edits.move(m, tables_rows, columns, shift), "Move points")

    def flip_toss(self, row: int, toss: int) -> None:
        """Turn one toss of a trial over: rows of the dataset and tosses from 0."""
        self._edit(lambda m: coin_edits.flip(m, row, toss), "Flip a toss")

    def replace_trial(self, row: int, words: str) -> bool:
        """A trial typed anew, such as HTTHH or `3 of 5`; one sentence (`failed`) where it is none."""
        return self._guarded(lambda: self._rewrite(parse(words), row))

    def add_trial(self, words: str) -> bool:
        """A trial more, typed as in `replace_trial`."""
        return self._guarded(lambda: self._rewrite(parse(words), None))

    def _rewrite(self, trial: Trial, row: int | None) -> None:
        if row is None:
            coin_edits.add(self.moment, trial)  # raises here what the person must hear at once
            self._edit(lambda m: coin_edits.add(m, trial), "Add a trial")
        else:
            coin_edits.rewrite(self.moment, row, trial)
            self._edit(lambda m: coin_edits.rewrite(m, row, trial), "Change a trial")

    def clear_points(self) -> None:
        """Take all rows away; the columns stay."""
        self.pause()
        self._edit(lambda m: edits.clear(m), "Clear points")

    def begin_gesture(self) -> None:
        """What follows until `end_gesture` is one edit for Undo."""
        self._gestures += 1
        self._gesture = self._gestures

    def end_gesture(self) -> None:
        self._gesture = None
        self._drag = None

    # -- model ---------------------------------------------------------------------------------------------------------
    def set_model(self, model: Model) -> None:
        """Another model or other hyper-parameters: a new start on the same data."""
        data = self._data_for(model)
        model = model.for_data(data)
        if model == self._model:
            return
        changed = [
            p.label.lower()
            for p in (model.parameters() if type(model) is type(self._model) else ())
            if getattr(model, p.name) != getattr(self._model, p.name)
        ]
        self._model = model
        self.settings_changed.emit()
        self._start_over("edit", f"Change {' and '.join(changed) or 'the model'}", data)

    def set_parameter(self, **values: object) -> None:
        """Change hyper-parameters of the model; raises UserError."""
        self.set_model(self._model.with_(**values))

    def set_start(self, start: Start) -> None:
        if start is not self.start:
            self.start = start
            self.settings_changed.emit()
            self._start_over("edit", "Change the start")

    def set_seed(self, seed: int) -> None:
        """Another seed, and the start that it gives."""
        if seed != self.seed or self.number:
            self.seed, self.number = int(seed), 0
            self.settings_changed.emit()
            self._start_over("edit", "Change the seed")

    def set_how(self, how: EStep) -> None:
        """Another kind of E-step from this moment on; the run goes on. Inside a gesture this is one edit."""
        if how.kind not in self._model.e_steps:
            self.failed.emit(f"There is no {how.title.lower()} E-step for {self._model.title}.")
        elif how != self.how:
            self.how = how
            self._go_about(f"E-step: {how.title.lower()}")

    def set_accelerated(self, on: bool) -> None:
        """Whether from this moment on an M-step is a whole cycle of SQUAREM; it needs the soft E-step."""
        if on and not (self._model.accelerates and self.how.kind == "soft"):
            self.failed.emit("Only a soft E-step can be accelerated, and only of a model with coordinates for it.")
        elif on != self.accelerated:
            self.accelerated = on
            self._go_about("Accelerate" if on else "Do not accelerate")

    def set_stopping(self, stopping: Stopping) -> None:
        self.stopping = stopping
        self.settings_changed.emit()
        self.changed.emit(self.moment)

    def set_speed(self, speed: float) -> None:
        """Half-steps a second while running; `FASTEST` for no pause."""
        self.speed = speed
        self.settings_changed.emit()
        if self._running and self._clock.isActive():
            self._clock.start(0)

    def drag(self, handle: Handle, view: View, position: tuple[float, float]) -> None:
        """Move a handle; newest position wins. Inside a gesture this is one edit, also while the run is on."""
        if self.moment.snapshot.params is None:
            return
        self._drag = (handle, view, position)
        if self._running and self._pending is not None and self._pending.kind == "advance":
            return  # applied to the moment that the engine is about to bring
        self._apply_drag()

    def remove_component(self, component: int) -> None:
        """Go on with one component less; the others stay as they are."""
        self._edit(lambda m: remedies.removed(m, component), "Remove a component")

    def set_floor(self, floor: float | None = None) -> None:
        """Go on with a variance floor: this one, or one that is small beside the data (larger than one before)."""
        self._edit(lambda m: remedies.floored(m, floor), "Set a variance floor")

    def reseed(self, component: int) -> None:
        """Start one component anew where the others explain the data badly."""

        def anew(m: Moment) -> Moment:
            rng = np.random.default_rng([self.seed, self.number, m.snapshot.t, len(self.history.nodes)])
            return edited(m, params=m.model.reseed(m.data, m.snapshot.params, component, rng))

        self._edit(anew, "Re-seed a component")

    # -- running -------------------------------------------------------------------------------------------------------
    def restart(self) -> None:
        """Again from the same start."""
        self.pause()
        self._start_over("edit", "Restart")

    def new_start(self) -> None:
        """From the next random start: start i draws from [seed, i]."""
        self.pause()
        self.number += 1
        self.settings_changed.emit()
        self._start_over("edit", "New start")

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

    def close(self) -> None:
        """Stop and join the engine's thread; the session is of no use afterwards."""
        self._clock.stop()
        self._pending = None
        self._running = False
        self._reader.close()
        self._engine.close()
        self.jobs.close()

    # -- inside: showing -----------------------------------------------------------------------------------------------
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

    def _show(self, node: Node) -> None:
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
        self._complete()

    def _complete(self) -> None:
        """Ask for what is not known about the moment shown: its log-likelihood, or responsibilities that were let go."""
        node = self.history.current
        assert node is not None
        m = node.moment
        if m.snapshot.params is None or self._pending is not None:
            return
        if self.history.forgotten(node):
            self._ask("complete", restore, node.path())
        elif not m.snapshot.evaluated:
            self._ask("complete", evaluate, m)

    # -- inside: edits -------------------------------------------------------------------------------------------------
    def _open(self, data: Dataset, cause: str, title: str, autostart: bool = True, *, model: Model) -> None:
        self.pause()
        self._cancel()
        model = model.for_data(data)
        if model != self._model:
            self._model = model
            self.settings_changed.emit()
        if len(self.history.nodes) == 1 and not self.data.n:
            self.history = History()  # nothing was done on the first empty canvas: nothing to come back to
        self._adopt(self._blank(data), cause, title)
        if autostart and data.n and self.obstacle is None:
            self._onward()

    def _read(self, source: str, text: str, name: str) -> None:
        self._reader.ask(printable(name), _table_read, (source, text, self._model))

    def _on_read(self, name: str, found: tuple[Model, Dataset]) -> None:
        self._show_table(*found)
        self.opened.emit(found[1].table.source)

    def _on_unread(self, name: str, error: Exception) -> None:
        sentence = str(error) if isinstance(error, UserError) else f"{name} cannot be read ({printable(error)})"
        self.failed.emit(sentence)

    def _show_table(self, model: Model, data: Dataset) -> None:
        self._open(data, "load", f"Open {data.table.name}", model=model)

    def _start_over(self, cause: str, title: str, data: Dataset | None = None) -> None:
        running = self._running
        self._cancel()
        data = data or self.data
        self._adopt(self._blank(data), cause, title)
        if data.n and self.obstacle is None:
            self._onward()
        elif running:
            self.pause()

    def _data_for(self, model: Model) -> Dataset:
        """What of the table `model` is fitted to; the data shown where they are that, or where it cannot be read so."""
        data = self.data
        same = type(model) is type(self._model)
        try:
            new = model.dataset(data.table, (data.origin or data.names) if same else None, truth=data.truth)
        except UserError:
            return data  # `obstacle` says why these cannot be fitted
        alike = (new.names, new.origin) == (data.names, data.origin) and np.array_equal(new.rows, data.rows)
        return data if alike and np.array_equal(new.x, data.x, equal_nan=True) else new

    def _blank(self, data: Dataset) -> Moment:
        """Nothing started yet, with the settings as far as they mean something to the model."""
        how, accelerate = self._way(self._model)
        return blank(data, self._model, self._start_for(data), self.seed, self.number, how, accelerate)

    def _way(self, model: Model) -> tuple[EStep, bool]:
        """(the E-step, whether accelerated) for `model`: what it does not know is kept for others that do."""
        how = self.how if self.how.kind in model.e_steps else EStep(model.e_steps[0])
        return how, self.accelerated and model.accelerates and how.kind == "soft"

    def _go_about(self, title: str) -> None:
        """Go on in the way that the settings now say, from the moment shown or from the one that a run is about to bring."""
        self.settings_changed.emit()
        how, accelerate = self._way(self._model)
        if self.moment.snapshot.params is None:
            self._start_over("edit", title)
            return
        node = self.history.current
        assert node is not None
        waits = self._running and self._pending is not None and self._pending.kind == "advance"
        if not waits and node.gesture is not None and node.gesture == self._gesture and not node.children:
            self._cancel()
            self.history.replace(node, edited(node.moment, how=how, accelerate=accelerate))
            self.changed.emit(node.moment)
            self._go_on()
        else:
            self._edit(lambda m: edited(m, how=how, accelerate=accelerate), title)

    def _start_for(self, data: Dataset) -> Start:
        """A start given for other data does not fit these."""
        if self.start.given and self.history.current is not None and data is not self.moment.data:
            self.start = Start("kmeans++")
            self.settings_changed.emit()
        return self.start

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
        new = edited(m, params=m.model.move(m.snapshot.params, handle, view, position))
        if self._pending is not None and self._pending.kind == "complete":
            self._pending = None
        self._adopt(new, "edit", f"Move {handle.kind}")
        if self._gesture is None:
            self._drag = None  # a single move, such as a key's: nothing follows
        self._go_on()

    def _go_on(self) -> None:
        if self._running:
            self._schedule()
        else:
            self._complete()

    # -- inside: the engine --------------------------------------------------------------------------------------------
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
        elif self._ready():
            self._pending = None
            work, argument = (
                (begin, self.moment) if self.moment.next == "start" else (_advance, self.history.current.path())
            )
            self._ask("advance", work, argument)
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
                self.news.emit(("Converged: " if verdict.converged else "Paused: ") + verdict.reason + ".")
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

    def _guarded(self, go: Callable[[], object]) -> bool:
        """Run a command; a person's error becomes `failed`, and everything stays as it was."""
        try:
            go()
        except UserError as error:
            self.failed.emit(str(error))
            return False
        return True


def _paper() -> Table:
    """An empty canvas: both axes are in the same unit, that of the hand."""
    return replace(painted(), info={"painted": True})


def _table_read(asked: tuple[str, str, Model]) -> tuple[Model, Dataset]:
    """The reader's work: a source or, without one, a pasted text, as the model to open it with and its data."""
    from emstudio import tables

    source, text, model = asked
    model, data = _suited(model, tables.read(source) if source else tables.parse(text))
    model.for_data(data).accepts(data)  # remembered with the data
    return model, data


def _kinds(model: Model, table: Table) -> list[str]:
    return [view.kind for view in model.views(dataset(table))]


def _suited(model: Model, table: Table) -> tuple[Model, Dataset]:
    """(the model to open `table` with, its data): the one in use, unless the table says that it holds coin tosses, or that
    it holds none. Raises UserError where neither can be fitted to it."""
    fit, truth = table.info.get("fit"), table.info.get("truth")
    suggested = table.info.get("model") or ({"name": "coins"} if coin_edits.tossed(table) else None)
    if suggested and suggested["name"] != model.name:
        model = find(suggested["name"]).make(**{key: v for key, v in suggested.items() if key != "name"})
        return model, model.dataset(table, fit, truth=truth)
    try:
        data = model.dataset(table, fit, truth=truth)
        if model.name == "gaussian" or model.for_data(data).accepts(data) is None:
            return model, data
        model = find("gaussian").make(k=model.k)
        return model, model.dataset(table, fit, truth=truth)
    except UserError:
        if model.name == "gaussian":
            raise
        model = find("gaussian").make(k=2)
        return model, model.dataset(table, fit, truth=truth)


def _advance(path: Sequence[Moment]) -> Moment:
    """The half-step after the last moment of `path`, whose responsibilities may have been let go."""
    return advance(restore(path))


__all__ = ["FASTEST", "Notice", "Session"]
