"""The launch without a display: EM on the first data set, a line for each iteration, and a picture of the window."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from emstudio.core.em import Moment
from emstudio.core.errors import UserError
from emstudio.core.format import number, signed
from emstudio.gui import theme
from emstudio.gui.app import FIRST, application, open_window
from emstudio.gui.main_window import MainWindow

PICTURE = "emstudio-window.png"
_SIZE = (1280, 800)


def prove(files: Sequence[str] = ()) -> int:
    """Run the window's main job offscreen, print it, write `emstudio-window.png` in the current folder; 0 when done."""
    app = application()
    theme.apply(app, "light")
    window = open_window(None)
    window.resize(*_SIZE)
    window.show()
    report = Report(window)
    QTimer.singleShot(0, window, lambda: report.begin(files[0] if files else FIRST))
    app.exec()
    window.close()
    if report.error:
        raise UserError(report.error)
    return 0


def say(line: str) -> None:
    """Print one line at once; where nobody reads any more, the proof goes on."""
    with contextlib.suppress(BrokenPipeError):
        print(line, flush=True)


class Report:
    """Listens to the session and prints; ends the event loop when the run is over and the picture is written."""

    def __init__(self, window: MainWindow):
        self._window, self._session = window, window.session
        self._before: float | None = None
        self.error = ""
        self._session.failed.connect(self._fail)
        self._session.trouble.connect(lambda notice: self._finish(notice.text))
        self._session.news.connect(self._finish)

    def begin(self, source: str) -> None:
        """Open the data; the run starts when its start is there."""
        say("There is no display: EM Studio proves itself offscreen instead.")
        self._session.opened.connect(self._on_opened)
        self._session.open(source)

    def _on_opened(self, source: str) -> None:
        if self._session.obstacle is not None:
            self._fail(self._session.obstacle)
            return
        moment = self._session.moment
        data = moment.data
        size = f"{data.n} row{'s' * (data.n != 1)}, {data.d} column{'s' * (data.d != 1)}"
        say(f"{data.table.name}: {size}; {moment.model.title}, K = {moment.model.k}")
        say(f"{'iteration':>9}  {'log-likelihood':>14}  {'change':>12}")
        self._line(moment)  # of a session; of a table nothing is fitted yet
        self._session.changed.connect(self._line)
        self._session.run_to_convergence()

    def _line(self, moment: Moment) -> None:
        s = moment.snapshot
        if s.phase in ("start", "M") and s.log_likelihood is not None:
            change = "" if self._before is None else signed(s.log_likelihood - self._before, 4)
            say(f"{s.t:>9}  {number(s.log_likelihood, decimals=5):>14}  {change:>12}".rstrip())
            self._before = s.log_likelihood

    def _fail(self, sentence: str) -> None:
        self.error = sentence
        QApplication.exit(0)

    def _finish(self, sentence: str) -> None:
        say(sentence)
        # The window draws the last moment before it is grabbed.
        QTimer.singleShot(0, self._window, self._grab)

    def _grab(self) -> None:
        self._window.refresher.now()
        path = Path.cwd() / PICTURE
        if self._window.grab().save(str(path)):
            say(f"A picture of the window: {path}")
        else:
            self.error = f"{path}: the picture could not be written; run it in a folder that can be written to"
        QApplication.exit(0)
