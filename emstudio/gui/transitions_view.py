"""The transition diagram: states as discs, arrows as wide as they are probable, each weight under a dot on its arrow.

    transitions = TransitionsView(session, refresher)
    transitions.where(0, 1)         the middle of the dot of A's arrow to B, for tests and scripts
    transitions.weight(0, 1)        the probability shown there

A dot lies as far along its arrow as its weight is from 0 to 1, and is dragged along it; the other weights of the row keep
their proportions. Tab goes from dot to dot, arrow keys nudge it (Shift: ten times as far). A weight of 0 is a part of the
model's structure: EM and the other weights' rescaling leave it at 0, dragging its own dot raises it, and Del sets one to 0.
Many states, or little room, are a matrix instead: a cell is dragged up and down.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from emstudio.core.em import Moment
from emstudio.core.format import letter, number
from emstudio.core.marks import Handle, View
from emstudio.gui import theme, vector
from emstudio.gui.chain_arrows import Arrow, Diagram, diagram, number_places
from emstudio.gui.chain_numbers import is_chain
from emstudio.gui.chain_paint import paint_arrow, paint_cell
from emstudio.gui.items import faded
from emstudio.gui.refresh import Refresher
from emstudio.gui.samples import paint_disc
from emstudio.gui.tools import SLACK, Stroke
from emstudio.session import Session

VIEW = View("laboratory", (), title="Laboratory")
HEAD = 30.0  # px above the diagram, for the title
LEAST = 1e-3  # a dragged weight does not become 0 by accident, nor does it leave the others nothing
DOT = 4.5  # px
_REACH = 12.0  # px from a dot at which the hand takes it
_STEP = 0.01  # of a key
_FULL = 140.0  # px that a cell is dragged from 0 to 1
_NARROW, _LOW = 300, 150  # px: with less room, four states are a matrix, and so are three
_KEYS = {
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Up: 1,
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Down: -1,
}
Edge = tuple[int, int]


class TransitionsView(QWidget):
    """The transitions of the newest moment of a chain. `picked_changed` when another arrow is chosen."""

    picked_changed = Signal(object)  # (from, to) | None

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("transitions")
        self.setAccessibleName("Transitions")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(200, 140)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self._session = session
        self._stroke = Stroke(session, self)
        self._picked: Edge | None = None
        self._hovered: Edge | None = None
        self._held: tuple[Edge, QPointF, float] | None = None  # arrow, place of the press, its weight less the hand's
        self._dragging = self._ringed = False
        self.matrix = np.empty((0, 0))
        refresher.draw.connect(self.show_moment)
        theme.notifier.changed.connect(self.update)
        self.show_moment(session.moment)

    # -- what is shown -------------------------------------------------------------------------------------------------
    def show_moment(self, moment: Moment) -> None:
        """Show the transitions of a moment."""
        params = moment.snapshot.params
        if not is_chain(moment.model) or params is None:
            matrix = np.empty((0, 0))
        else:
            matrix = np.asarray(moment.model.split(params)[1], float)  # type: ignore[attr-defined]
        if np.array_equal(matrix, self.matrix) and matrix.shape == self.matrix.shape:
            return
        if matrix.shape != self.matrix.shape:
            self._picked = self._hovered = self._held = None
            self.setMinimumHeight(140 if len(matrix) <= 2 else 190)
        self.matrix = matrix
        self.setAccessibleDescription(", ".join(self.words(j, k) for j, k in self.edges()))
        self.update()

    def weight(self, origin: int, goal: int) -> float:
        """The probability shown at an arrow."""
        return float(self.matrix[origin, goal])

    def words(self, origin: int, goal: int) -> str:
        """An arrow in words: `A to B 0.286`."""
        return f"{letter(origin)} to {letter(goal)} {number(self.weight(origin, goal), 4)}"

    @property
    def k(self) -> int:
        return len(self.matrix)

    def numbers(self) -> dict[Edge, str]:
        """What stands beside the arrows. A weight that would read as 0 has no number unless it is pointed at."""
        decimals = 4 if self.k <= 2 else 2
        found = {}
        for edge in self.edges():
            weight = self.weight(*edge)
            if weight >= 0.5 * 10.0**-decimals:
                found[edge] = number(weight, decimals=decimals)
            elif edge in (self._picked, self._hovered):
                found[edge] = number(weight, 2)
        return found

    def edges(self) -> list[Edge]:
        """All arrows, row by row."""
        return [(j, k) for j in range(self.k) for k in range(self.k)]

    @property
    def tabular(self) -> bool:
        """Whether the weights are a matrix: arrows among many states, or in little room, hide each other."""
        room = min(self.width(), self.height() - HEAD)
        return self.k > 4 or room < {3: _LOW, 4: _NARROW}.get(self.k, 0)

    @property
    def picked(self) -> Edge | None:
        """The arrow that keys nudge."""
        return self._picked

    def pick(self, edge: Edge | None) -> None:
        """Choose an arrow, or none."""
        if edge != self._picked:
            self._picked = edge
            self.picked_changed.emit(edge)
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(232, 184)

    # -- pixels --------------------------------------------------------------------------------------------------------
    def _diagram(self) -> Diagram:
        return diagram(self.k, 8.0, HEAD, self.width() - 16.0, self.height() - HEAD - 8.0)

    def _cell(self, origin: int, goal: int) -> QRectF:
        """The cell of the matrix; the letters stand before and above."""
        size = max(min((self.width() - 44.0) / self.k, (self.height() - HEAD - 34.0) / self.k, 44.0), 6.0)
        left = (self.width() - 24.0 - size * self.k) / 2 + 24.0
        return QRectF(left + goal * size, HEAD + 24.0 + origin * size, size, size)

    def where(self, origin: int, goal: int) -> QPoint:
        """The middle of an arrow's dot, or of its cell."""
        if self.tabular:
            return self._cell(origin, goal).center().toPoint()
        x, y = self._diagram().arrow(origin, goal).at(self.weight(origin, goal))
        return QPoint(round(x), round(y))

    def _at(self, place: QPointF) -> Edge | None:
        """The arrow whose dot, or else whose line, is under the hand."""
        if not self.k:
            return None
        if self.tabular:
            return next((e for e in self.edges() if self._cell(*e).contains(place)), None)
        shape, found = self._diagram(), []
        for edge in self.edges():
            arrow = shape.arrow(*edge)
            dot = QPointF(*arrow.at(self.weight(*edge))) - place
            away = (dot.x() ** 2 + dot.y() ** 2) ** 0.5
            if away <= _REACH:
                found.append((away, edge != self._picked, edge))
        return min(found)[2] if found else None

    # -- painting ------------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.colour("canvas"))
        self._paint_title(painter)
        if not self.k:
            painter.setPen(theme.colour("text3"))
            words = "The transitions appear with the start."
            painter.drawText(QRectF(self.rect()), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, words)
        elif self.tabular:
            self._paint_matrix(painter)
        else:
            self._paint_arrows(painter)
        if self._ringed and self._picked is None:
            painter.setPen(QPen(theme.colour("ink"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    def _paint_title(self, painter: QPainter) -> None:
        painter.setFont(theme.font(12, 600))
        painter.setPen(theme.colour("text"))
        painter.drawText(QRectF(8, 0, 120, HEAD), Qt.AlignmentFlag.AlignVCenter, "Transitions")
        after = 16 + painter.fontMetrics().horizontalAdvance("Transitions")
        painter.setFont(theme.font(12))
        painter.setPen(theme.colour("text3"))
        hint = "" if self.k < 2 or vector.printed() else "row to column: drag a cell" if self.tabular else "drag a dot"
        painter.drawText(QRectF(after, 0, self.width() - after, HEAD), Qt.AlignmentFlag.AlignVCenter, hint)

    def _paint_arrows(self, painter: QPainter) -> None:
        shape = self._diagram()
        for edge in self.edges():
            paint_arrow(painter, shape.arrow(*edge), self.weight(*edge))
        for j in range(self.k):
            paint_disc(painter, QPointF(*shape.centres[j]), 2 * shape.radius, j)
        for edge in sorted(self.edges(), key=lambda e: e == self._picked):
            self._paint_dot(painter, shape.arrow(*edge), edge)
        told = self.numbers()
        dots = np.array([shape.arrow(*e).at(self.weight(*e)) for e in self.edges()])
        for edge, place in zip(told, number_places([shape.arrow(*e) for e in told], dots), strict=True):
            self._paint_number(painter, place, edge, told[edge])

    def _paint_dot(self, painter: QPainter, arrow: Arrow, edge: Edge) -> None:
        if self.k < 2:
            return
        x, y = arrow.at(self.weight(*edge))
        chosen = edge in (self._picked, self._hovered)
        if edge == self._picked:
            painter.setPen(QPen(theme.colour("text"), 2))
            painter.setBrush(theme.colour("canvas"))
            painter.drawEllipse(QPointF(x, y), DOT + 4, DOT + 4)
        painter.setPen(QPen(theme.component_colour(edge[0]), 2))
        painter.setBrush(theme.colour("canvas"))
        painter.drawEllipse(QPointF(x, y), DOT + chosen, DOT + chosen)

    def _paint_number(self, painter: QPainter, place: np.ndarray, edge: Edge, words: str) -> None:
        face = theme.font(13 if self.k <= 2 else 11, 600)
        painter.setFont(face)
        metrics = painter.fontMetrics()
        box = QRectF(0, 0, metrics.horizontalAdvance(words) + 4, metrics.height() - 2)
        box.moveCenter(QPointF(*place))
        box.moveLeft(min(max(box.left(), 6.0), self.width() - box.width() - 6.0))
        painter.fillRect(box, faded(theme.colour("canvas"), 0.8))
        # Among many arrows a number's colour says from which state its arrow comes.
        painter.setPen(theme.colour("text") if self.k <= 2 else theme.component_text(edge[0]))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_matrix(self, painter: QPainter) -> None:
        for j in range(self.k):
            before, above = self._cell(j, 0), self._cell(0, j)
            disc = min(18.0, before.width() - 2)
            paint_disc(painter, QPointF(before.left() - 12, before.center().y()), disc, j)
            paint_disc(painter, QPointF(above.center().x(), above.top() - 12), disc, j)
        for edge in self.edges():
            ring = 2.0 if edge == self._picked else 1.0 if edge == self._hovered else 0.0
            paint_cell(painter, self._cell(*edge), edge[0], self.weight(*edge), ring)

    # -- mouse ---------------------------------------------------------------------------------------------------------
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        place = event.position()
        edge = self._at(place)
        self.pick(edge)
        if edge is not None and self.k > 1:
            self._held = (edge, place, self.weight(*edge) - self._weight_at(edge, place))
            self._dragging = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = event.position()
        if self._held is None:
            self._hover(self._at(place) if self.k > 1 else None)
            return
        edge, pressed, grip = self._held
        if not self._dragging:
            if (place - pressed).manhattanLength() < SLACK:
                return
            self._dragging = True
            self._stroke.begin()
        self._set(edge, self._weight_at(edge, place) + grip)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._held is not None:
            self.mouseMoveEvent(event)
            self._held, moved = None, self._dragging
            self._dragging = False
            if moved:
                self._stroke.end()
                self.pick(None)  # the arrow keys step again

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)
        super().leaveEvent(event)

    def _hover(self, edge: Edge | None) -> None:
        cursor = Qt.CursorShape.SizeVerCursor if self.tabular else Qt.CursorShape.PointingHandCursor
        self.setCursor(Qt.CursorShape.ArrowCursor if edge is None else cursor)
        if edge != self._hovered:
            self._hovered = edge
            self.update()

    def _weight_at(self, edge: Edge, place: QPointF) -> float:
        """The weight that the hand's place means, up to the grip."""
        if self.tabular:
            return -place.y() / _FULL
        return self._diagram().arrow(*edge).nearest(place.x(), place.y())[0]

    def _set(self, edge: Edge, weight: float) -> None:
        self._move(edge, min(max(weight, LEAST), 1.0 - LEAST))

    def _move(self, edge: Edge, weight: float) -> None:
        """Ask the session for this weight, exactly."""

        def move() -> bool:
            if not is_chain(self._session.moment.model) or self._session.moment.snapshot.params is None:
                return False
            self._session.drag(Handle("transition", *edge), VIEW, (weight, 0.0))
            return True

        self._stroke.edit("drag", move)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            edge = self._at(QPointF(event.pos()))  # type: ignore[attr-defined]
            if edge is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), self.tip(edge), self)  # type: ignore[attr-defined]
            return True
        # The window steps with Left and Right: while an arrow is chosen, the keys are the arrow's.
        if event.type() == QEvent.Type.ShortcutOverride and self._picked is not None:
            key = event.key()  # type: ignore[attr-defined]
            if key in _KEYS or key in (Qt.Key.Key_Delete, Qt.Key.Key_Escape):
                event.accept()
                return True
        return super().event(event)

    def tip(self, edge: Edge) -> str:
        """What a weight is, and what the hand can do with it."""
        how = "Drag it up or down" if self.tabular else "Drag it along the arrow"
        zero = "\n0 is structure: EM keeps it; drag it up to open this way" if self.weight(*edge) <= 0 else ""
        return f"{self.words(*edge)}\n{how}, or nudge it with the arrow keys (Shift: ten times as far){zero}"

    # -- keyboard ------------------------------------------------------------------------------------------------------
    def focusNextPrevChild(self, onward: bool) -> bool:
        """Tab goes from arrow to arrow before it leaves."""
        edges = self.edges() if self.k > 1 else []
        at = edges.index(self._picked) if self._picked in edges else (-1 if onward else len(edges))
        following = at + (1 if onward else -1)
        if self.hasFocus() and 0 <= following < len(edges):
            self.pick(edges[following])
            return True
        self.pick(None)
        return super().focusNextPrevChild(onward)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        key = event.key()
        if self._picked is not None and key in _KEYS and held in (_PLAIN, _SHIFT):
            self.nudge(_KEYS[key] * _STEP * (10 if held == _SHIFT else 1))
        elif self._picked is not None and key == Qt.Key.Key_Delete:
            self.close_way()
        elif self._picked is not None and key == Qt.Key.Key_Escape:
            self.pick(None)
        else:
            super().keyPressEvent(event)

    def nudge(self, by: float) -> None:
        """Change the chosen arrow's weight."""
        if self._picked is not None:
            self._stroke.begin()
            self._set(self._picked, self.weight(*self._picked) + by)
            self._stroke.end()

    def close_way(self) -> None:
        """Set the chosen arrow's weight to 0 for good: EM keeps zeros. The last way out of a state stays."""
        edge = self._picked
        if edge is None or self._session.moment.model.name != "hmm":
            return
        if np.count_nonzero(self.matrix[edge[0]]) > 1 and self.weight(*edge) > 0:
            self._stroke.begin()
            self._move(edge, 0.0)
            self._stroke.end()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._ringed = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        if self._ringed and self._picked is None and self.k > 1:
            edges = self.edges()
            self.pick(edges[0] if event.reason() == Qt.FocusReason.TabFocusReason else edges[-1])
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._ringed = False
        self.update()


_PLAIN, _SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier


__all__ = ["LEAST", "VIEW", "TransitionsView"]
