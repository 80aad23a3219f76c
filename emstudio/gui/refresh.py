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

if TYPE_CHECKING:
    from emstudio.session import Session

REFRESH = 0.016  # seconds between two pictures


class Refresher(QObject):
    """`draw(Moment)` whenever the window shall show another moment."""

    draw = Signal(object)

    def __init__(self, session: Session, parent: QObject | None = None):
        super().__init__(parent)
        self._session = session
        self._not_before = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.now)
        session.changed.connect(self._on_changed)

    @property
    def waiting(self) -> bool:
        """Whether a change is still to be drawn."""
        return self._timer.isActive()

    def now(self) -> None:
        """Draw the newest moment without waiting."""
        self._timer.stop()
        began = time.perf_counter()
        self.draw.emit(self._session.moment)
        ended = time.perf_counter()
        # Where drawing itself is slow, the engine's replies and the person's hand get as much time as the drawing took.
        self._not_before = max(began + REFRESH, ended + min(ended - began, 0.05))

    def _on_changed(self) -> None:
        if self._timer.isActive():
            return
        left = self._not_before - time.perf_counter()
        if left <= 0:
            self.now()
        else:
            self._timer.start(max(1, round(left * 1000)))
