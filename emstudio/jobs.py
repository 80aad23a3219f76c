"""Work beside the half-steps, on a thread of its own: pictures that take long, searches. It starts when first needed."""

from __future__ import annotations

import sys
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from emstudio.worker import Engine, Request

_TURN = 0.001  # seconds


class Jobs(QObject):
    """One slot for each key: what is asked while an answer is under way waits, and only the newest of it is done.

    `done(key, argument, answer)` and `failed(key, argument, error)` tell what came of it.
    """

    done = Signal(str, object, object)
    failed = Signal(str, object, object)

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self._engine: Engine | None = None
        self._running: Request | None = None
        self._waiting: dict[str, tuple[Callable, object]] = {}
        self._serial = 0

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return self._running is not None or bool(self._waiting)

    def ask(self, key: str, work: Callable, argument: object) -> None:
        """Have `work(argument)`, a pure function of a frozen argument, done; it replaces what waits under `key`."""
        self._waiting[key] = (work, argument)
        self._next()

    def close(self) -> None:
        """Ask for nothing more and join the thread."""
        self._waiting.clear()
        self._running = None
        if self._engine is not None:
            self._engine.close()

    def _next(self) -> None:
        if self._running is not None or not self._waiting:
            return
        if self._engine is None:
            self._engine = Engine(self)
            # Two threads compute from now on: the window's shall not wait 5 ms for its turn at each of its calls.
            sys.setswitchinterval(min(sys.getswitchinterval(), _TURN))
            self._engine.produced.connect(self._on_produced)
            self._engine.failed.connect(self._on_failed)
        key = next(iter(self._waiting))
        work, argument = self._waiting.pop(key)
        self._serial += 1
        self._running = Request(self._serial, key, work, argument)
        self._engine.ask(self._running)

    def _on_produced(self, request: Request, reply: object) -> None:
        if request is self._running:
            self._running = None
            self.done.emit(request.kind, request.argument, reply)
            self._next()

    def _on_failed(self, request: Request, error: Exception) -> None:
        if request is self._running:
            self._running = None
            self.failed.emit(request.kind, request.argument, error)
            self._next()
