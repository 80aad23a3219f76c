"""The series against time: points in the colours of their state's posterior, and what each state emits as a band.

    series = SeriesView(session, span)
    series.show_scene(scene)
    series.where_row(17)            the middle of a point on the widget, for tests and scripts
    series.where_level(1)           the middle of state B's letter at the right edge

A click picks a step, a drag of a point moves it up or down, a drag of a letter moves what that state emits, a drag on
empty paper and the wheel go along time. With the tools Paint, Spray and Erase the series itself is drawn
(`series_editor.py`). With the focus: Up and Down pick the step before and after, Page Up and Page Down ten steps off,
1-9 pick a state, Alt with Up and Down nudges the picked state or else the picked step, + and - zoom, F shows all.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QWheelEvent
from PySide6.QtWidgets import QWidget

from emstudio.gui.series_editor import Editor
from emstudio.gui.series_picture import COLOURS, SeriesPicture
from emstudio.gui.series_span import Span, wheel
from emstudio.session import Session


class SeriesView(SeriesPicture):
    """The picture of one column of the series, under the hand."""

    picked = Signal(object)
    hovered = Signal(object)
    component_picked = Signal(object)

    def __init__(self, session: Session, span: Span, parent: QWidget | None = None):
        super().__init__(session, span, parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.catch_up: Callable[[], object] = lambda: None  # shows the session's newest moment at once
        self.editor = Editor(self)

    def paint_hand(self, painter: QPainter) -> None:
        self.editor.paint(painter)

    # -- picking -------------------------------------------------------------------------------------------------------
    @property
    def picked_component(self) -> int | None:
        return self._component

    def pick_row(self, row: int | None) -> None:
        """Pick a step; `picked` follows."""
        if row is not None and not 0 <= row < self.scene.n:
            return
        if row != self.span.picked:
            self.span.pick(row)
            if row is not None:
                self.span.reveal(row)
            self._describe()
            self.picked.emit(row)

    def pick_component(self, k: int | None) -> None:
        """Ring a state's letter; keys nudge it."""
        if k is not None and k >= self.scene.k:
            return
        if k != self._component:
            self._component = k
            self.component_picked.emit(k)
            self.update()

    def point_to(self, row: int | None, card: bool) -> None:
        """The hand is at a step: `hovered` follows, with its card where it is at the point itself."""
        shown = row if card else None
        if shown != self._card_row:
            self._card_row = shown
            self.update()
        if row != self.span.hovered:
            self.span.hover(row)
            self.hovered.emit(row)

    # -- mouse ---------------------------------------------------------------------------------------------------------
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.editor.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.editor.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.editor.release(event)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.editor.leave()
        self.point_to(None, False)

    def wheelEvent(self, event: QWheelEvent) -> None:
        wheel(self.span, event, self.plot)

    # -- keyboard ------------------------------------------------------------------------------------------------------
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.editor.press_key(event):
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._ringed = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._ringed = False
        self.update()


__all__ = ["COLOURS", "SeriesView"]
