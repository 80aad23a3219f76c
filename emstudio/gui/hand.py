"""The layer under the person's hand: brush, rubber band, ring and card of the point pointed at, and the first hint."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPen

from emstudio.core.format import number
from emstudio.gui import theme
from emstudio.gui.items import faded
from emstudio.gui.layers import Frame, Layer

RING = 8.0
_WIDTH, _PAD, _APART = 168.0, 10.0, 14.0
_MOST_LETTERS = 3


@dataclass(frozen=True, eq=False)
class Card:
    """What is said about a place: a name, responsibilities (K,) or None, and a line of values."""

    name: str
    shares: np.ndarray | None
    values: str
    pixel: tuple[float, float]
    ring: bool = True
    parts: tuple[int, ...] | None = None  # what the shares are of; None: components 0..

    def main_shares(self) -> list[tuple[int, float]]:
        """The largest responsibilities, in the components' order."""
        if self.shares is None:
            return []
        best = sorted(range(len(self.shares)), key=lambda k: -self.shares[k])[:_MOST_LETTERS]
        parts = range(len(self.shares)) if self.parts is None else self.parts
        return [(parts[k], float(self.shares[k])) for k in sorted(best)]

    def spoken(self) -> str:
        """The card as one line, for screen readers."""
        shares = ", ".join(f"{theme.letter(k)} {number(r, decimals=2)}" for k, r in self.main_shares())
        return ": ".join(part for part in (self.name, "; ".join(p for p in (shares, self.values) if p)) if part)


class Hand(Layer):
    """Painted on top of everything, in pixels."""

    def __init__(self, box: pg.ViewBox):
        super().__init__(box, 30)
        self.hint = ""
        self._card: Card | None = None
        self._picked: tuple[float, float] | None = None
        self._brush: tuple[float, float, float] | None = None
        self._band: QRectF | None = None

    @property
    def card(self) -> Card | None:
        return self._card

    @property
    def brush(self) -> tuple[float, float, float] | None:
        """(x, y, radius) of the brush's circle in pixels, or None."""
        return self._brush

    @property
    def band(self) -> QRectF | None:
        return self._band

    def show_hint(self, words: str) -> None:
        if words != self.hint:
            self.hint = words
            self.update()

    def show_card(self, card: Card | None) -> None:
        if card is not None or self._card is not None:
            self._card = card
            self.update()

    def show_picked(self, pixel: tuple[float, float] | None) -> None:
        """A ring about the point that was clicked."""
        if pixel != self._picked:
            self._picked = pixel
            self.update()

    def show_brush(self, x: float, y: float, radius: float) -> None:
        self._brush = (x, y, radius)
        self.update()

    def hide_brush(self) -> None:
        if self._brush is not None:
            self._brush = None
            self.update()

    def show_band(self, band: QRectF | None) -> None:
        self._band = band
        self.update()

    def show_on(self, painter: QPainter, frame: Frame) -> None:
        if self.hint:
            painter.setFont(theme.font(13))
            painter.setPen(theme.colour("text3"))
            area = QRectF(24, 0, frame.width - 48, frame.height)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.hint)
        if self._picked is not None:
            paint_ring(painter, self._picked)
        if self._band is not None:
            painter.setBrush(faded(theme.colour("ink"), 0.06))
            painter.setPen(QPen(theme.colour("ink"), 1, Qt.PenStyle.DashLine))
            painter.drawRect(self._band)
        if self._brush is not None:
            x, y, radius = self._brush
            painter.setBrush(faded(theme.colour("ink"), 0.05))
            painter.setPen(QPen(faded(theme.colour("text2"), 0.9), 1.25))
            painter.drawEllipse(QPointF(x, y), radius, radius)
        if self._card is not None:
            if self._card.ring and self._card.pixel != self._picked:
                paint_ring(painter, self._card.pixel)
            paint_card(painter, frame, self._card)


def paint_ring(painter: QPainter, at: tuple[float, float]) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in (("canvas", 4.5), ("text", 2.0)):
        painter.setPen(QPen(theme.colour(colour), width))
        painter.drawEllipse(QPointF(*at), RING, RING)


def card_box(frame: Frame, pixel: tuple[float, float], size: tuple[float, float]) -> QRectF:
    """The card's box inside the picture, above its point where there is room, else below or beside; never on it."""
    (x, y), (w, h) = pixel, size
    gap = RING + _APART / 2
    places = [(x - w / 2, y - gap - h), (x - w / 2, y + gap), (x + gap, y - h / 2), (x - gap - w, y - h / 2)]
    for i, (left, top) in enumerate(places):
        if i < 2:
            left = min(max(left, 2.0), max(frame.width - w - 2, 2.0))
        else:
            top = min(max(top, 2.0), max(frame.height - h - 2, 2.0))
        box = QRectF(left, top, w, h)
        if QRectF(0, 0, frame.width, frame.height).contains(box):
            return box
    return QRectF(min(max(x - w / 2, 2.0), max(frame.width - w - 2, 2.0)), y - gap - h, w, h)


def paint_card(painter: QPainter, frame: Frame, card: Card) -> None:
    """Name and largest responsibilities, the bar of all, the values."""
    head, face, small = theme.font(11, 400), theme.font(11, 500), theme.font(11, 400)
    shares = [(f"{theme.letter(k)} {number(r, decimals=2)}", k) for k, r in card.main_shares()]
    words = [w for w, _ in shares] or ["no responsibilities yet"]
    metrics = QFontMetricsF(face)
    inner = QFontMetricsF(head).horizontalAdvance(card.name) + 16 + sum(metrics.horizontalAdvance(w) + 8 for w in words)
    inner = max(_WIDTH - 2 * _PAD, inner, min(QFontMetricsF(small).horizontalAdvance(card.values), 320.0))
    bar = card.shares is not None
    height = 2 * _PAD + 14 + (14 if bar else 0) + (18 if card.values else 0) - 2
    box = card_box(frame, card.pixel, (inner + 2 * _PAD, height))
    painter.setBrush(theme.colour("panel" if theme.current().dark else "field"))
    painter.setPen(QPen(theme.colour("border"), 1))
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
    line = QRectF(box.left() + _PAD, box.top() + _PAD - 2, inner, 16)
    painter.setFont(head)
    painter.setPen(theme.colour("text2"))
    painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, card.name)
    right = line.right()
    painter.setFont(face)
    painter.setPen(theme.colour("text" if bar else "text3"))
    for text in reversed(words):
        width = metrics.horizontalAdvance(text)
        painter.drawText(QRectF(right - width, line.top(), width + 1, 16), Qt.AlignmentFlag.AlignVCenter, text)
        right -= width + 8
    below = line.bottom() + 5
    if card.shares is not None:
        paint_bar(painter, QRectF(line.left(), below, inner, 7), card.shares, card.parts)
        below += 12
    if card.values:
        painter.setFont(small)
        painter.setPen(theme.colour("text3"))
        values = QFontMetricsF(small).elidedText(card.values, Qt.TextElideMode.ElideRight, inner)
        painter.drawText(QRectF(line.left(), below, inner, 16), Qt.AlignmentFlag.AlignVCenter, values)


def paint_bar(painter: QPainter, box: QRectF, shares: np.ndarray, parts: tuple[int, ...] | None = None) -> None:
    """All responsibilities to scale, side by side."""
    total = float(np.nansum(shares))
    painter.save()
    path = QPainterPath()
    path.addRoundedRect(box, 3.5, 3.5)
    painter.setClipPath(path)
    painter.fillRect(box, theme.colour("chip"))
    left = box.left()
    for k, share in zip(range(len(shares)) if parts is None else parts, shares):
        width = box.width() * float(share) / total if total > 0 and math.isfinite(share) else 0.0
        if width > 0:
            gap = 1.0 if left + width < box.right() - 0.5 and width > 2 else 0.0
            painter.fillRect(QRectF(left, box.top(), width - gap, box.height()), theme.component_colour(k))
        left += width
    painter.restore()
