"""Bars of shares stacked to 1: how they are painted, and the list of them, of which only those in sight are painted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from emstudio.core.format import count, number
from emstudio.gui import raster, theme
from emstudio.gui.point_layer import neutral

LEFT, RIGHT = 56.0, 24.0  # px beside a bar
HIGHEST, LOWEST = 22.0, 8.0  # px from one row to the next
_GAP = 1.5
_FAINT = 0.28  # opacity of the last outcome


def shades(c: int) -> np.ndarray:
    """(c,) the opacity that stands for each of c outcomes, from full to faint."""
    return np.linspace(1.0, _FAINT, c) if c > 1 else np.ones(c)


def borders(shares: np.ndarray) -> np.ndarray:
    """(c - 1,) where one outcome ends and the next begins, of shares (c,)."""
    return np.cumsum(shares)[:-1]


def shaded(colour: QColor, opacity: float) -> QColor:
    """`colour` on the canvas at an opacity, as an opaque colour."""
    ground = theme.colour("canvas")
    parts = (
        round(opacity * c + (1 - opacity) * g)
        for c, g in zip(colour.getRgb()[:3], ground.getRgb()[:3], strict=True)  # type: ignore[index]
    )
    return QColor(*parts)


def paint_stack(painter: QPainter, box: QRectF, shares: np.ndarray, colour: QColor, figures: bool = False) -> None:
    """One bar; with `figures` the shares stand in their segments where there is room."""
    c = len(shares)
    ends = box.left() + box.width() * np.concatenate([[0.0], np.cumsum(shares)])
    painter.setPen(Qt.PenStyle.NoPen)
    if figures:
        painter.setFont(theme.font(11, 500))
    for j, opacity in enumerate(shades(c)):
        left, right = float(ends[j]), float(ends[j + 1])
        if right - left <= 0:
            continue
        gap = min(_GAP, (right - left) / 2) if j < c - 1 else 0.0
        segment = QRectF(left, box.top(), right - left - gap, box.height())
        fill = shaded(colour, float(opacity))
        painter.fillRect(segment, fill)
        if figures and right - left > 40:
            painter.setPen(theme.ink_on(fill))
            painter.drawText(segment, Qt.AlignmentFlag.AlignCenter, number(float(shares[j]), 2))
            painter.setPen(Qt.PenStyle.NoPen)


def paint_legend(painter: QPainter, room: QRectF, names: Sequence[str]) -> float:
    """What the shades mean, in the order of the segments; names without room are shortened. Returns where it ends."""
    if not names:
        return room.left()
    painter.setFont(theme.font(11))
    metrics = QFontMetricsF(theme.font(11))
    wanted = [metrics.horizontalAdvance(n) + 30 for n in names]
    share = min(1.0, room.width() / sum(wanted))
    left = room.left()
    for name, width, opacity in zip(names, wanted, shades(len(names)), strict=True):
        chip = QRectF(left, room.center().y() - 5, 10, 10)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.fillRect(chip, shaded(theme.colour("text2"), float(opacity)))
        painter.setPen(theme.colour("text2"))
        words = QRectF(left + 15, room.top(), max(width * share - 20, 8), room.height())
        shown = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, words.width())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, shown)
        left += width * share
    return left


class StackedRows(QAbstractScrollArea):
    """The rows of the data, one bar each."""

    hovered = Signal(object)
    picked = Signal(object)

    def __init__(self, parent: QWidget):
        super().__init__(parent)
        self.setObjectName("stacked_rows")
        self.setAccessibleName("Rows of shares")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(60)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self._shares = np.empty((0, 0))
        self._colours = np.empty((0, 3), np.float32)
        self.row: int | None = None
        self._under: int | None = None

    def show_rows(self, shares: np.ndarray, resp: np.ndarray | None, parts: tuple[int, ...]) -> None:
        """Show the rows (n, c) in the colours of their responsibilities (n, K)."""
        n = len(shares)
        if n != len(self._shares):
            self.row = self._under = None
        self._shares = shares
        self._colours = raster.mix(resp, theme.component_rgb(parts), neutral(), n)
        self._measure()
        self.viewport().update()

    @property
    def pitch(self) -> float:
        """px from one row to the next: as much as there is room for."""
        room = self.viewport().height() - 12
        return float(min(max(room / max(len(self._shares), 1), LOWEST), HIGHEST))

    def forget(self) -> None:
        """Rows are other rows now."""
        if self.row is not None:
            self.pick(None)
        self._under = None

    def pick(self, row: int | None) -> None:
        """Put the ring on a row; `picked` follows."""
        if row is not None and not 0 <= row < len(self._shares):
            row = None
        if row != self.row:
            self.row = row
            if row is not None:
                top, bar = 6 + row * self.pitch, self.verticalScrollBar()
                if not bar.value() <= top <= bar.value() + self.viewport().height() - self.pitch:
                    bar.setValue(round(top - self.viewport().height() / 2))
            self.viewport().update()
            self.picked.emit(row)

    def where(self, row: int) -> QPointF:
        """The middle of a row's bar on the viewport."""
        box = self._box(row)
        return box.center()

    def _box(self, row: int) -> QRectF:
        pitch = self.pitch
        gap = 4.0 if pitch > 12 else 2.0 if pitch > 7 else 1.0
        top = 6 + row * pitch - self.verticalScrollBar().value()
        return QRectF(LEFT, top, max(self.width() - LEFT - RIGHT, 1.0), pitch - gap)

    def _measure(self) -> None:
        tall = round(12 + len(self._shares) * self.pitch)
        bar = self.verticalScrollBar()
        bar.setRange(0, max(tall - self.viewport().height(), 0))
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(round(3 * self.pitch))

    def sizeHint(self) -> QSize:
        return QSize(400, 260)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._measure()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        pitch, offset = self.pitch, self.verticalScrollBar().value()
        first = max(int((offset - 6) // pitch), 0)
        last = min(int((offset + self.viewport().height()) // pitch) + 1, len(self._shares))
        numbered = pitch >= 14
        painter.setFont(theme.font(11))
        for row in range(first, last):
            box = self._box(row)
            if numbered or row == self.row:
                painter.setFont(theme.font(11))
                painter.setPen(theme.colour("text" if row == self.row else "text3"))
                words = QRectF(0, box.center().y() - 8, LEFT - 10, 16)
                painter.drawText(words, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, count(row + 1))
            paint_stack(painter, box, self._shares[row], QColor.fromRgbF(*self._colours[row].tolist()))
            if row in (self.row, self._under):
                painter.setPen(QPen(theme.colour("ink" if row == self.row else "axis"), 2 if row == self.row else 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(box.adjusted(-2, -1.5, 2, 1.5))

    def _row_at(self, place: QPointF) -> int | None:
        row = int((place.y() + self.verticalScrollBar().value() - 6) // self.pitch)
        inside = 0 <= row < len(self._shares) and LEFT - 8 <= place.x() <= self.viewport().width() - RIGHT + 8
        return row if inside else None

    def _point_at(self, row: int | None) -> None:
        if row != self._under:
            self._under = row
            self.viewport().update()
            self.hovered.emit(row)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point_at(self._row_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.pick(self._row_at(event.position()))

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._point_at(None)
        return super().viewportEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        key = Qt.Key(event.key())
        if key in steps and not event.modifiers() and len(self._shares):
            at = -1 if self.row is None and steps[key] > 0 else len(self._shares) if self.row is None else self.row
            self.pick(min(max(at + steps[key], 0), len(self._shares) - 1))
        elif key == Qt.Key.Key_Escape and self.row is not None:
            self.pick(None)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self.row is not None:
            self.parent().delete_selected()  # type: ignore[attr-defined]
        else:
            super().keyPressEvent(event)
