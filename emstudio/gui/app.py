"""Starts the window: application, theme, settings; or proves itself where there is no display."""

from __future__ import annotations

import gc
import signal
from collections.abc import Sequence

from PySide6.QtCore import QObject, QSettings, Qt, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from emstudio import __version__
from emstudio.gui import faults, theme
from emstudio.gui.main_window import MainWindow
from emstudio.resource import resource
from emstudio.session import Session

NAME = "EM Studio"
FIRST = "dataset:old-faithful"
_TIDY = 1000  # ms between two collections of garbage
_DEEP = 30  # every so many, all generations


class Collector(QObject):
    """Garbage is collected on the window's thread only: elsewhere it might delete widgets there."""

    def __init__(self, parent: QObject):
        super().__init__(parent)
        self._count = 0
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._collect)
        self._timer.start(_TIDY)

    def _collect(self) -> None:
        self._count += 1
        if self._count % _DEEP:
            gc.collect(1)
        else:
            gc.collect()
            # What is left is the document and the window: the longer the history, the longer another look would take.
            gc.freeze()


def application(arguments: Sequence[str] = ()) -> QApplication:
    """The QApplication with its names, icon and theme; the one that is there already, where there is one."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication([NAME, *arguments])
    app.setApplicationName(NAME)
    app.setOrganizationName(NAME)
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("emstudio")
    app.setWindowIcon(QIcon(str(resource("app.svg"))))
    return app


def run(files: Sequence[str] = ()) -> int:
    """Open the window on the first of `files` (default: Old Faithful) and stay until it is closed; the exit code."""
    app = application()
    settings = QSettings()
    theme.apply(app, _theme(settings))
    window = open_window(settings)
    window.show()
    # The first picture comes before the data: they follow as the first thing the event loop does.
    QTimer.singleShot(0, window, lambda: _load(window, files))
    faults.install(window.tell, window.close)
    signal.signal(signal.SIGINT, lambda *_: window.close())
    Collector(app)
    # What start-up made stays: later collections need not look through it.
    gc.freeze()
    try:
        return app.exec()
    finally:
        window.session.close()


def open_window(settings: QSettings | None) -> MainWindow:
    """A window with its own session."""
    return MainWindow(Session(), settings)


def _load(window: MainWindow, files: Sequence[str]) -> None:
    if not files:
        window.session.open(FIRST)
        return
    session = window.session

    def instead(sentence: str) -> None:
        """What was named cannot be opened: the first data set, with the reason."""
        if session.reading or session.data.n or len(session.history.nodes) > 1:
            return
        session.failed.disconnect(instead)
        session.opened.connect(lambda _: window.tell(sentence), Qt.ConnectionType.SingleShotConnection)
        session.open(FIRST)

    session.failed.connect(instead)
    window.open_source(files[0])


def _theme(settings: QSettings) -> str:
    name = str(settings.value("theme", "system"))
    return name if name in ("system", "light", "dark") else "system"
