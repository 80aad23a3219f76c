"""Paths and probabilities under the series, on the same time: true path, Viterbi path, drawn paths, P(z = state).

    strips = Strips(session, span)
    strips.show_scene(scene)
    strips.where_cell(3, 17)        the middle of site 17 (a row) of the fourth draw, for tests and scripts
    strips.set_all(True)            all draws as one picture instead of the first ten

A click picks a step. Pointing at a cell of a draw, or clicking it, tells `cell_pointed`: the laboratory then writes out
how Metropolis weighs the change of that site. The keys are those of the series; Return chooses the cell of the first draw
at the picked step, Alt with Up and Down the cell of another draw, Escape lets it go.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QToolTip, QWidget

from emstudio.gui.series_span import Span, wheel
from emstudio.gui.strips_picture import StripsPicture

_DRAWS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}


class Strips(StripsPicture):
    """The strips of a scene under the hand."""

    picked = Signal(object)
    hovered = Signal(object)

    def __init__(self, span: Span, parent: QWidget | None = None):
        super().__init__(span, parent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.keys: Callable[[QKeyEvent], bool] = lambda event: False  # what a key means, where not here
        self._press: QPointF | None = None
        self._last = QPointF()
        self._panned = False

    # -- mouse ---------------------------------------------------------------------------------------------------------
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self._press = self._last = event.position()
            self._panned = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = event.position()
        if self._press is None:
            row = self.row_at(place.x())
            if row != self.span.hovered:
                self.span.hover(row)
                self.hovered.emit(row)
            self.point_cell(self.cell_at(place))
            return
        if not self._panned and abs(place.x() - self._press.x()) < 3:
            return
        self._panned = True
        self.span.pan((self._last.x() - place.x()) * (self.span.right - self.span.left) / self.plot.width())
        self._last = place

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._press is None:
            return
        if not self._panned:
            row, cell = self.row_at(event.position().x()), self.cell_at(event.position())
            again = cell is not None and cell == self._pinned
            self.pin(None if again else cell)
            self.picked.emit(None if (row == self.span.picked and cell is None) or again else row)
        self._press = None

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.point_cell(None)
        if self.span.hovered is not None:
            self.span.hover(None)
            self.hovered.emit(None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        wheel(self.span, event, self.plot)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            place = QPointF(event.pos())  # type: ignore[attr-defined]
            row = self.row_at(place.x())
            words = ""
            if row is not None and row < self.scene.n and self.cell_at(place) is None:
                words = f"{self.span.name(row)}\n{self._shares_words(row)}".strip()
            QToolTip.showText(event.globalPos(), words, self) if words else QToolTip.hideText()  # type: ignore[attr-defined]
            return True
        return super().event(event)

    # -- focus ---------------------------------------------------------------------------------------------------------
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, chosen = event.key(), self._pinned
        if key == Qt.Key.Key_Escape and chosen is not None:
            self.pin(None)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.shown and self.span.picked is not None:
            self.pin(None if chosen is not None else (0, self.span.picked))
        elif chosen is not None and event.modifiers() & Qt.KeyboardModifier.AltModifier and key in _DRAWS:
            self.pin((min(max(chosen[0] + _DRAWS[Qt.Key(key)], 0), self.shown - 1), chosen[1]))
        elif not self.keys(event):
            super().keyPressEvent(event)
        elif chosen is not None and self.span.picked is not None:
            self.pin((chosen[0], self.span.picked))  # the cell goes along with the step

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._ringed = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._ringed = False
        self.update()
