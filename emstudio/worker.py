"""The engine's thread: a stateless worker gets a frozen request and answers with one signal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, QThread, Signal, SignalInstance, Slot


@dataclass(frozen=True, eq=False)
class Request:
    """`work` is a pure function of `argument`, both frozen; `serial` tells a wanted reply from a stale one."""

    serial: int
    kind: str
    work: Callable[[object], object]
    argument: object


class Worker(QObject):
    """Lives on its own thread; keeps nothing between requests but the time the last one took."""

    produced = Signal(object, object)  # request, reply
    failed = Signal(object, object)  # request, exception

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    @Slot(object)
    def serve(self, request: Request) -> None:
        began = time.perf_counter()
        try:
            reply = request.work(request.argument)
        except Exception as error:  # a slot's exception would only be printed, and the session would wait for ever
            self.failed.emit(request, error)
        else:
            self.seconds = time.perf_counter() - began
            self.produced.emit(request, reply)


class Engine(QObject):
    """A worker on a thread, seen from the window's thread."""

    _ask = Signal(object)
    produced = Signal(object, object)
    failed = Signal(object, object)

    def __init__(self, parent: QObject | None = None, name: str = "engine"):
        super().__init__(parent)
        self._thread = QThread(self)
        self._thread.setObjectName(name)
        self._worker = Worker()
        self._worker.moveToThread(self._thread)
        self._ask.connect(self._worker.serve)
        self._worker.produced.connect(self.produced)
        self._worker.failed.connect(self.failed)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """How long the last request that was answered took the worker: neither the queue nor the window's drawing counts."""
        return self._worker.seconds

    def ask(self, request: Request) -> None:
        self._ask.emit(request)

    def close(self) -> None:
        """Ask for nothing more, let the half-step in flight end, and join the thread."""
        self._thread.quit()
        self._thread.wait()


class Reader(QObject):
    """Reads what a person opens, each source on a thread of its own: the half-steps of the run shown need not wait.

    `done(name, result)`, `failed(name, exception)` tell of the newest source only; `changed(name)` what is being read, ""
    when nothing is. To ask for another source is to give up the one before.
    """

    done = Signal(str, object)
    failed = Signal(str, object)
    changed = Signal(str)

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self.name = ""
        self._serial = 0
        self._wanted: Request | None = None
        self._engines: dict[Request, Engine] = {}

    def ask(self, name: str, work: Callable, argument: object) -> None:
        """Do `work(argument)`, which is shown as `name`."""
        self._serial += 1
        request = self._wanted = Request(self._serial, "read", work, argument)
        engine = self._engines[request] = Engine(self, "reader")
        engine.produced.connect(self._on_produced)
        engine.failed.connect(self._on_failed)
        self._show(name)
        engine.ask(request)

    def cancel(self) -> None:
        """Give up what is being read."""
        self._wanted = None
        self._show("")

    def close(self) -> None:
        """Give up what is being read, and join its thread."""
        self._wanted = None
        for request in list(self._engines):
            self._release(request)

    def _show(self, name: str) -> None:
        if name != self.name:
            self.name = name
            self.changed.emit(name)

    def _on_produced(self, request: Request, result: object) -> None:
        self._finish(request, self.done, result)

    def _on_failed(self, request: Request, error: Exception) -> None:
        self._finish(request, self.failed, error)

    def _finish(self, request: Request, tell: SignalInstance, answer: object) -> None:
        self._release(request)
        if request is self._wanted:
            name = self.name
            self.cancel()
            tell.emit(name, answer)

    def _release(self, request: Request) -> None:
        engine = self._engines.pop(request, None)
        if engine is not None:
            engine.close()
            engine.deleteLater()
