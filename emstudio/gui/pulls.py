"""What the pictures of coins have in common: something on them can be pulled, and its edits are one gesture.

class Picture(Pulls, QWidget):
    pull_cursor = Qt.CursorShape.SizeAllCursor
    def thing_at(self, place): ...      what a press takes hold of, None where there is nothing
    def centre_of(self, thing): ...     where it is, so that it does not jump under the pointer
    def carry(self, thing, place): ...  pull it to a place, by `self.stroke`
    def tip(self, place): ...           what the tool tip says there; an empty text for none
    def recolour(self): ...             take the colours of the theme in force
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from emstudio.gui import theme
from emstudio.gui.refresh import Refresher
from emstudio.gui.tools import SLACK, Stroke
from emstudio.session import Session


class Pulls:
    """Mixed into a widget that shows moments by `show_moment`; `start_pulls` belongs into its constructor."""

    pull_cursor = Qt.CursorShape.SizeAllCursor

    def start_pulls(self: Any, name: str, title: str, session: Session) -> None:
        """Make the widget one that takes keys and the mouse, called `name`, and `title` by a screen reader."""
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(200, 150)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self._session = session
        self.moment = session.moment
        self.stroke = Stroke(session, self)
        self._held: tuple[object, QPointF, QPointF] | None = None  # what, where the press was, from there to its centre
        self._dragging = False

    def follow(self: Any, refresher: Refresher) -> None:
        """Show this moment and all that come."""
        refresher.draw.connect(self.show_moment)
        theme.notifier.changed.connect(self.recolour)
        self.show_moment(self._session.moment)

    def pressed_on(self, thing: object) -> None:
        """A press was on a thing, or on nothing."""

    def once(self: Any, pull: Callable[[], None]) -> None:
        """Pull by a key: one gesture."""
        self.stroke.begin()
        pull()
        self.stroke.end()

    def mousePressEvent(self: Any, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        thing = self.thing_at(event.position())
        self.pressed_on(thing)
        if thing is not None:
            self._held = (thing, event.position(), self.centre_of(thing) - event.position())
            self._dragging = False

    def mouseMoveEvent(self: Any, event: QMouseEvent) -> None:
        at = event.position()
        if self._held is None:
            free = self.thing_at(at) is None
            self.setCursor(Qt.CursorShape.ArrowCursor if free else self.pull_cursor)
            return
        thing, pressed, grip = self._held
        if not self._dragging:
            if math.hypot(at.x() - pressed.x(), at.y() - pressed.y()) < SLACK:
                return
            self._dragging = True
            self.stroke.begin()
        self.carry(thing, at + grip)

    def mouseReleaseEvent(self: Any, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._held is not None:
            self.mouseMoveEvent(event)
            self._held = None
            self.stroke.end()

    def event(self: Any, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            words = self.tip(QPointF(event.pos()))  # type: ignore[attr-defined]
            QToolTip.showText(event.globalPos(), words, self) if words else QToolTip.hideText()  # type: ignore[attr-defined]
            return True
        return QWidget.event(self, event)
