"""The pace of the window: every view draws the newest moment, at most once per refresh of the display.

    refresher = Refresher(session)
    refresher.draw.connect(view.show_moment)    # slot(Moment)

The session may change thousands of times a second. The first change after a rest is drawn at once; those that follow
within a refresh are drawn together at its end, with the moment that is the newest then. A last change is never lost.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from emstudio.gui import theme

if TYPE_CHECKING:
    from emstudio.session import Session

REFRESH = 0.016  # seconds between two pictures
LONGEST_REST = 0.03  # seconds


class Refresher(QObject):
    """`draw(Moment)` whenever the window shall show another moment."""

    draw = Signal(object)

    def __init__(self, session: Session, parent: QObject | None = None):
        super().__init__(parent)
        self._session = session
        self._began = self._not_before = 0.0
        self._painting = False  # drawn, but what that changed is not painted yet
        self._late = False  # something changed meanwhile
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.now)
        self._painted = QTimer(self)
        self._painted.setSingleShot(True)
        self._painted.timeout.connect(self._on_painted)
        session.changed.connect(self._on_changed)

    @property
    def waiting(self) -> bool:
        """Whether a change is still to be drawn."""
        return self._timer.isActive() or self._late

    def now(self) -> None:
        """Draw the newest moment without waiting."""
        self._timer.stop()
        self._late = False
        self._began = time.perf_counter()
        theme.wear_names(self._session.moment.cast)
        self.draw.emit(self._session.moment)
        self._painting = True
        self._painted.start(0)  # timers come after the paint events that drawing has posted

    def _on_painted(self) -> None:
        """Where drawing and painting are slow, a run's replies and the person's hand get as much time as they took."""
        self._painting = False
        ended = time.perf_counter()
        crowded = self._session.running or self._session.in_gesture
        rest = min(ended - self._began, LONGEST_REST) if crowded else 0.0
        self._not_before = max(self._began + REFRESH, ended + rest)
        if self._late:
            self._late = False
            self._on_changed()

    def _on_changed(self) -> None:
        if self._timer.isActive():
            return
        if self._painting:
            self._late = True
            return
        left = self._not_before - time.perf_counter()
        if left <= 0:
            self.now()
        else:
            self._timer.start(max(1, round(left * 1000)))
