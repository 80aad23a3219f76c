"""The engine's thread: a stateless worker gets a frozen request and answers with one signal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, QThread, Signal, Slot


@dataclass(frozen=True, eq=False)
class Request:
    """`work` is a pure function of `argument`, both frozen; `serial` tells a wanted reply from a stale one."""

    serial: int
    kind: str
    work: Callable[[object], object]
    argument: object


class Worker(QObject):
    """Lives on its own thread; keeps nothing between requests."""

    produced = Signal(object, object)  # request, reply
    failed = Signal(object, object)  # request, exception

    @Slot(object)
    def serve(self, request: Request) -> None:
        try:
            reply = request.work(request.argument)
        except Exception as error:  # a slot's exception would only be printed, and the session would wait for ever
            self.failed.emit(request, error)
        else:
            self.produced.emit(request, reply)


class Engine(QObject):
    """A worker on a thread, seen from the window's thread."""

    _ask = Signal(object)
    produced = Signal(object, object)
    failed = Signal(object, object)

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self._thread = QThread(self)
        self._thread.setObjectName("engine")
        self._worker = Worker()
        self._worker.moveToThread(self._thread)
        self._ask.connect(self._worker.serve)
        self._worker.produced.connect(self.produced)
        self._worker.failed.connect(self.failed)
        self._thread.start()

    def ask(self, request: Request) -> None:
        self._ask.emit(request)

    def close(self) -> None:
        """Ask for nothing more, let the half-step in flight end, and join the thread."""
        self._thread.quit()
        self._thread.wait()
