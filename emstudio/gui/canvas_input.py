"""Mouse and keys on the canvas: which event asks the canvas for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent

from emstudio.core.marks import Disc
from emstudio.gui.tools import Spot

if TYPE_CHECKING:
    from emstudio.gui.canvas import Canvas

_NUDGES = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
_TOOL_KEYS = {Qt.Key.Key_V: "select", Qt.Key.Key_P: "paint", Qt.Key.Key_S: "spray", Qt.Key.Key_E: "erase"}
_PRESSES = (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick)


class CanvasInput(QObject):
    """Takes every mouse event of the picture's viewport: the plot itself handles none."""

    def __init__(self, canvas: Canvas):
        super().__init__(canvas)
        self._canvas = canvas
        self._panning: tuple[float, float] | None = None
        self.pressed = False
        self.mouse: Spot | None = None  # where the hand is, None when it is elsewhere
        self._hand = QPointF()  # on the screen, where the pressing hand was last,
        self._spot_then = Spot(0.0, 0.0)  # and on the canvas then: that may move under a hand that rests
        viewport = canvas.viewport()
        viewport.setMouseTracking(True)
        viewport.setAcceptDrops(False)  # what is dropped belongs to the window
        viewport.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent):
            if event.type() in _PRESSES:
                self._press(event)
            elif event.type() == QEvent.Type.MouseMove:
                self._move(event)
            elif event.type() == QEvent.Type.MouseButtonRelease:
                self._release(event)
            event.accept()
            return True
        if isinstance(event, QWheelEvent):
            delta = event.angleDelta().y() or event.angleDelta().x()
            at, origin = event.position(), self._canvas.picture.origin()
            self._canvas.zoom(1.0015**-delta, at.x() - origin.x(), at.y() - origin.y())
            event.accept()
            return True
        if event.type() == QEvent.Type.Leave:
            self.mouse = None
            self._canvas.leave()
        return super().eventFilter(watched, event)

    def _spot_pressed(self, event: QMouseEvent) -> Spot:
        """The spot of a pressing hand: the one before as long as the hand rests."""
        if event.globalPosition() != self._hand:
            self._hand, self._spot_then = event.globalPosition(), self._spot(event)
        return self._spot_then

    def _spot(self, event: QMouseEvent) -> Spot:
        at, origin = event.position(), self._canvas.picture.origin()
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        return Spot(at.x() - origin.x(), at.y() - origin.y(), shift)

    def _press(self, event: QMouseEvent) -> None:
        canvas, spot = self._canvas, self._spot(event)
        canvas.setFocus(Qt.FocusReason.MouseFocusReason)
        if event.button() == Qt.MouseButton.MiddleButton:
            self._panning = (spot.x, spot.y)
        elif event.button() == Qt.MouseButton.LeftButton:
            self.pressed = True
            self._hand, self._spot_then = event.globalPosition(), spot
            canvas.press(spot)

    def _move(self, event: QMouseEvent) -> None:
        spot = self.mouse = self._spot(event)
        if self._panning is not None:
            self._canvas.pan(spot.x - self._panning[0], spot.y - self._panning[1])
            self._panning = (spot.x, spot.y)
        elif self.pressed:
            self._canvas.move(self._spot_pressed(event))
        else:
            self._canvas.point_at(spot)

    def _release(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.MiddleButton:
            self._panning = None
        elif event.button() == Qt.MouseButton.LeftButton and self.pressed:
            self.pressed = False
            self._canvas.release(self._spot_pressed(event))


def press_key(canvas: Canvas, event: QKeyEvent) -> bool:
    """Do what a key means on the canvas; False where it means nothing there."""
    key, held = event.key(), event.modifiers()
    alone = not held & ~Qt.KeyboardModifier.KeypadModifier
    if held & Qt.KeyboardModifier.AltModifier and key in _NUDGES:
        far = 10 if held & Qt.KeyboardModifier.ShiftModifier else 1
        dx, dy = _NUDGES[Qt.Key(key)]
        nudge(canvas, dx * far, dy * far)
    elif not alone:
        return False
    elif Qt.Key.Key_1 <= key <= Qt.Key.Key_9:
        canvas.pick_component(key - Qt.Key.Key_1)
    elif key in _TOOL_KEYS:
        canvas.set_tool(_TOOL_KEYS[Qt.Key(key)])
    elif key == Qt.Key.Key_F:
        canvas.fit()
    elif key == Qt.Key.Key_H:
        choose_grip(canvas)
    elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
        canvas.delete_selected()
    elif key == Qt.Key.Key_Escape:
        canvas.deselect()
    else:
        return False
    return True


def nudge(canvas: Canvas, dx: float, dy: float) -> None:
    """Move the picked mean, or the grip chosen of its component, by so many pixels."""
    k, moment, picture = canvas.picked_component, canvas.session.moment, canvas.picture
    if k is None or moment.snapshot.params is None:
        return
    marks = picture.asked(moment).marks
    wanted = canvas.pulling.nudged(marks, dx, dy)
    disc = next((m for m in marks if isinstance(m, Disc) and m.component == k), None)
    if wanted is None and disc is not None and disc.handle is not None:
        at = picture.frame.pixels(np.asarray(disc.position, float)[None])[0]
        wanted = (disc.handle, picture.frame.data(at[0] + dx, at[1] + dy))
    if wanted is not None:
        canvas.stroke.begin()
        canvas.drag_handle(*wanted)
        canvas.stroke.end()


def choose_grip(canvas: Canvas) -> None:
    """The next grip of the picked component (the first one where none is picked), for keys; after the last its letter."""
    if canvas.picked_component is None:
        canvas.pick_component(0)
    canvas.pulling.choose_next()
