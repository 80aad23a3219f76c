"""A widget whose x axis is the timeline: a moment is a cell. Objective plot and scrubber are two of them.

Press or drag goes to the moment under the pointer, the wheel zooms, Shift and the wheel (or a sideways wheel) scrolls;
with the focus Left and Right go by half-steps, Page Up and Page Down by ten, Home and End to the ends, Up and Down to
another future kept at this moment.
"""

from __future__ import annotations

import html
import math

from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QToolTip, QWidget

from emstudio.core.em import Moment
from emstudio.core.history import Node
from emstudio.gui import theme
from emstudio.gui.refresh import Refresher
from emstudio.gui.track import Track
from emstudio.session import Session

LEFT, RIGHT = 64, 16  # px beside the cells: the objective's labels stand left


class Cells(QWidget):
    """Maps cells to pixels and turns mouse, wheel and keys into moments to show."""

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self._session = session
        self.track = Track.of(session)
        self._held = False
        self._edge = QTimer(self)
        self._edge.setInterval(40)
        self._edge.timeout.connect(self._creep)
        self._beyond = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        refresher.draw.connect(self._draw)
        self.track.moved.connect(self.update)
        theme.notifier.changed.connect(self.update)
        self.track.sync()

    def _draw(self, moment: Moment) -> None:
        self.track.sync()
        self.update()

    # -- cells and pixels ----------------------------------------------------------------------------------------------
    @property
    def cell_width(self) -> float:
        return (self.width() - LEFT - RIGHT) / self.track.span

    def x_of(self, cell: float) -> float:
        """The pixel of a place in cells; a cell's centre is at its number + 0.5."""
        return LEFT + (cell - self.track.first) * self.cell_width

    def place_at(self, x: float) -> float:
        """The place in cells at a pixel."""
        return self.track.first + (x - LEFT) / self.cell_width

    def cell_at(self, x: float) -> int | None:
        """The cell at a pixel, or None where there is none."""
        place = math.floor(self.place_at(x))
        return place if LEFT <= x <= self.width() - RIGHT and 0 <= place < self.track.count else None

    def cell_rect_x(self, cell: int) -> tuple[float, float]:
        return self.x_of(cell), self.x_of(cell + 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.track.set_width(self.width() - LEFT - RIGHT)
        super().resizeEvent(event)

    # -- going there ---------------------------------------------------------------------------------------------------
    def show_cell(self, cell: int) -> None:
        """Show the moment of a cell, the nearest one there is."""
        node = self.track.cells[min(max(cell, 0), self.track.count - 1)]
        if node is not self._session.history.current:
            self._session.go_to(node)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.track.count:
            self._held = True
            self._scrub(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held:
            self._scrub(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._held = False
        self._edge.stop()

    def _scrub(self, position: QPointF) -> None:
        """Show the moment under the pointer; beyond an end of the window it goes on by itself."""
        x = position.x()
        self._beyond = -1 if x < LEFT else 1 if x > self.width() - RIGHT else 0
        if self._beyond and not self.track.whole:
            self._edge.start()
            self._creep()
        else:
            self._edge.stop()
            self.show_cell(math.floor(self.place_at(x)))

    def _creep(self) -> None:
        self.track.sync()
        self.show_cell(self.track.current + self._beyond * max(1, round(self.track.span / 40)))

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn, sideways = event.angleDelta().y(), event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or abs(sideways) > abs(turn):
            self.track.scroll_to(self.track.first - (sideways or turn) / 120 * self.track.span / 8)
        elif turn:
            self.track.zoom(0.8 ** (turn / 120), self.place_at(event.position().x()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = {
            Qt.Key.Key_Left: self._session.back,
            Qt.Key.Key_Right: self._session.step,
            Qt.Key.Key_Home: self._session.first,
            Qt.Key.Key_End: self._session.last,
            Qt.Key.Key_PageUp: lambda: self.show_cell(self.track.current - 10),
            Qt.Key.Key_PageDown: lambda: self.show_cell(self.track.current + 10),
            Qt.Key.Key_Up: lambda: self._other_future(-1),
            Qt.Key.Key_Down: lambda: self._other_future(1),
        }
        command = keys.get(Qt.Key(event.key()))
        if command is None or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
            return
        self.track.sync()
        command()

    def _other_future(self, way: int) -> None:
        """Show the first moment of another future that was kept at the fork here, or else at the last one before."""
        current = self._session.history.current
        assert current is not None
        here = self.track.branches(self.track.current)
        node: Node | None = self._session.history.forward() if here else current
        while node is not None and node.parent is not None and node.moment.snapshot.phase not in ("start", "data"):
            siblings = sorted(
                (c for c in node.parent.children if c.moment.snapshot.phase != "data"), key=lambda n: n.index
            )
            if len(siblings) > 1:
                self._session.go_to(siblings[(siblings.index(node) + way) % len(siblings)])
                return
            node = node.parent

    # -- words ---------------------------------------------------------------------------------------------------------
    def event(self, event) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QHelpEvent.Type.ToolTip:
            cell = self.cell_at(event.pos().x())
            text = self.toolTip() if cell is None else self.describe(cell)
            QToolTip.showText(event.globalPos(), f"<qt>{html.escape(text)}</qt>", self)
            return True
        return super().event(event)

    def describe(self, cell: int) -> str:
        """What a tooltip says of a cell, as plain text."""
        raise NotImplementedError
