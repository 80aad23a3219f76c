"""Rows of coin tosses as they are painted: where each part of a row stands, and what it looks like. No widget.

A trial is a row of tokens (heads filled, tails hollow) in the mixture of the coins' colours, a bar of responsibilities,
and the heads and tails that each coin is expected to have made of it. Where the tokens do not fit, a bar of heads and
tails stands for them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap

from emstudio.core.format import count, number
from emstudio.gui import theme, vector
from emstudio.gui.items import faded
from emstudio.gui.widgets import paint_disc

PITCH = 28.0  # px from row to row
TOKEN = 22.0
APART = 25.0  # px from token to token
SMALLEST = 15.0  # px: smaller tokens than this cannot be read
MARGIN, NUMBERS = 16.0, 32.0
BAR_HEIGHT = 18.0
_BAR_LEAST, _BAR_MOST, _COUNTS_LEAST, _COUNTS_MOST = 76.0, 320.0, 96.0, 190.0
_TOKENS_LEAST, _GAP = 190.0, 20.0


@dataclass(frozen=True)
class Columns:
    """Where the parts of a row stand, in pixels. `token` is the diameter of a token, 0 where a bar stands for them."""

    tokens: float
    tokens_width: float
    token: float
    apart: float
    bar: float
    bar_width: float
    counts: float  # left edge of the first coin's counts
    counts_width: float  # of one coin
    coins: int

    @property
    def width(self) -> float:
        return self.counts + self.coins * self.counts_width + MARGIN

    def toss_at(self, x: float, tosses: int) -> int | None:
        """Which toss of a row is at `x`, or None."""
        if not self.token:
            return None
        i = int((x - self.tokens) // self.apart)
        inside = (x - self.tokens) - i * self.apart <= self.token + 1
        return i if 0 <= i < tosses and inside else None


def columns(width: float, longest: int, coins: int, outcomes: bool) -> Columns:
    """The columns for a widget of `width` pixels, rows of up to `longest` tosses and so many coins.

    Tokens come first: what is left is shared by bar and counts. Nothing is narrower than it can be read, so that the
    whole may be wider than the widget.
    """
    start = MARGIN + NUMBERS
    free = width - start - 2 * _GAP - MARGIN
    least = _BAR_LEAST + coins * _COUNTS_LEAST
    apart = min(APART, (free - least) / max(longest, 1))
    token = min(TOKEN, apart - 3.0)
    tokens = outcomes and token >= SMALLEST
    if not tokens:
        token = apart = 0.0
    room = max(longest * apart, _TOKENS_LEAST) if tokens else max(_TOKENS_LEAST, min(free - least, 320.0) * 0.7)
    left = max(free - room - least, 0.0)
    counts = min(_COUNTS_LEAST + 0.75 * left / max(coins, 1), _COUNTS_MOST)
    bar = min(_BAR_LEAST + max(left - coins * (counts - _COUNTS_LEAST), 0.0), _BAR_MOST)
    bar_at = start + room + _GAP
    return Columns(start, room, token, apart, bar_at, bar, bar_at + bar + _GAP - 8, counts, coins)


def tint(resp: np.ndarray | None, text: bool = False) -> QColor:
    """The mixture of the coins' colours by responsibilities (K,), grey where there are none; `text`: dark enough to read."""
    if resp is None or np.isnan(resp).any():
        return theme.colour("text2" if text else "axis")
    table = theme.component_text if text else theme.component_colour
    mixed = np.asarray(resp) @ np.array([table(k).getRgbF()[:3] for k in range(len(resp))])
    return QColor.fromRgbF(*(float(c) for c in np.clip(mixed, 0.0, 1.0)))


def paint_token(painter: QPainter, centre: QPointF, diameter: float, heads: bool, resp: np.ndarray | None) -> None:
    """H on a filled disc, T in a hollow one."""
    fill = tint(resp)
    painter.setFont(theme.font(diameter * 0.5, 600))
    if heads:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawEllipse(centre, diameter / 2, diameter / 2)
        painter.setPen(theme.ink_on(fill))
    else:
        painter.setPen(QPen(fill, 1.5))
        painter.setBrush(faded(fill, 0.08))
        painter.drawEllipse(centre, diameter / 2 - 0.75, diameter / 2 - 0.75)
        painter.setPen(tint(resp, text=True))
    square = QRectF(0, 0, diameter, diameter)
    square.moveCenter(centre)
    painter.drawText(square, Qt.AlignmentFlag.AlignCenter, "H" if heads else "T")


class Tokens:
    """The tokens of one trial: all heads look alike and so do all tails, so each is painted once and copied."""

    def __init__(self, diameter: float, resp: np.ndarray | None, sharp: float):
        self._diameter, self._resp, self._sharp = diameter, resp, sharp
        self._made: dict[bool, QPixmap] = {}

    def paint(self, painter: QPainter, centre: QPointF, heads: bool) -> None:
        """A token with its middle at `centre`, to the nearest pixel of the screen."""
        if vector.on_paper(painter):
            paint_token(painter, centre, self._diameter, heads, self._resp)
            return
        if heads not in self._made:
            self._made[heads] = self._painted(heads)
        made, sharp = self._made[heads], self._sharp
        half = made.width() / sharp / 2
        corner = QPointF(round((centre.x() - half) * sharp) / sharp, round((centre.y() - half) * sharp) / sharp)
        painter.drawPixmap(corner, made)

    def _painted(self, heads: bool) -> QPixmap:
        side = math.ceil(self._diameter * self._sharp) + 2
        made = QPixmap(side, side)
        made.setDevicePixelRatio(self._sharp)
        made.fill(Qt.GlobalColor.transparent)
        inner = QPainter(made)
        inner.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = side / self._sharp / 2
        paint_token(inner, QPointF(middle, middle), self._diameter, heads, self._resp)
        inner.end()
        return made


def paint_tosses_bar(painter: QPainter, box: QRectF, heads: int, tosses: int, resp: np.ndarray | None) -> None:
    """Heads of tosses as one bar: filled for heads, hollow for tails, with the counts in words."""
    fill = tint(resp)
    path = QPainterPath()
    path.addRoundedRect(box, 4, 4)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.fillPath(path, faded(fill, 0.08))
    full = QRectF(box)
    full.setWidth(box.width() * heads / max(tosses, 1))
    painter.save()
    painter.setClipPath(path)
    painter.fillRect(full, fill)
    painter.restore()
    painter.setPen(QPen(fill, 1.5))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box.adjusted(0.75, 0.75, -0.75, -0.75), 4, 4)
    painter.setFont(theme.font(11, 600))
    words, rest = f"{count(heads)} H", f"{count(tosses - heads)} T"
    metrics = painter.fontMetrics()
    inner = box.adjusted(8, 0, -8, 0)
    if metrics.horizontalAdvance(words) + 12 <= full.width():
        painter.setPen(theme.ink_on(fill))
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
    elif metrics.horizontalAdvance(words) + metrics.horizontalAdvance(rest) + 32 <= box.width() - full.width():
        inner.setLeft(full.right() + 8)
        painter.setPen(tint(resp, text=True))
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
    if metrics.horizontalAdvance(rest) + 12 <= box.width() - full.width():
        painter.setPen(tint(resp, text=True))
        painter.drawText(box.adjusted(8, 0, -8, 0), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, rest)


def paint_shares(painter: QPainter, box: QRectF, resp: np.ndarray | None, known: bool = False) -> None:
    """The bar of responsibilities; each share's number where it fits, the coin's letter where the coin is known."""
    path = QPainterPath()
    path.addRoundedRect(box, 4, 4)
    painter.save()
    painter.setClipPath(path)
    if resp is None or np.isnan(resp).any():
        painter.fillRect(box, theme.colour("chip"))
        painter.restore()
        return
    left = box.left()
    face = theme.font(11, 600)
    painter.setFont(face)
    metrics = painter.fontMetrics()
    for k, share in enumerate(np.asarray(resp, float).tolist()):
        width = box.width() * share
        part = QRectF(
            left, box.top(), max(width - (1.5 if left + width < box.right() - 0.5 else 0.0), 0.0), box.height()
        )
        left += width
        painter.fillRect(part, theme.component_colour(k))
        words = theme.letter(k) if known else number(share, decimals=2)
        if metrics.horizontalAdvance(words) + 10 <= part.width():
            painter.setPen(theme.ink_on(theme.component_colour(k)))
            painter.drawText(part, Qt.AlignmentFlag.AlignCenter, words)
    painter.restore()


def counts_text(value: float, whole: bool = False) -> str:
    """An expected count: two decimals, fewer where it is large; `whole`: as many as a count needs."""
    if whole:
        return number(value, 6, trim=True)
    size = abs(value)
    return number(value, decimals=2 if size < 100 else 1 if size < 10_000 else 0)


def paint_counts(
    painter: QPainter, box: QRectF, heads: float, tails: float, *, strong: bool = False, whole: bool = False
) -> None:
    """`1.09 H  1.09 T` in a coin's column; `strong` for the sums, `whole` for counts instead of expectations."""
    half = box.width() / 2
    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    painter.setFont(theme.font(12, 600 if strong else 500))
    painter.setPen(theme.colour("text"))
    painter.drawText(QRectF(box.left(), box.top(), half, box.height()), right, f"{counts_text(heads, whole)} H")
    painter.setFont(theme.font(12, 600 if strong else 400))
    painter.setPen(theme.colour("text" if strong else "text2"))
    painter.drawText(
        QRectF(box.left() + half, box.top(), half - 4, box.height()), right, f"{counts_text(tails, whole)} T"
    )


def paint_coin_head(painter: QPainter, box: QRectF, k: int, words: str) -> None:
    """A coin's letter and what its column holds, above the counts."""
    painter.setFont(theme.font(12))
    width = painter.fontMetrics().horizontalAdvance(words)
    left = box.left() + max((box.width() - width - 22) / 2, 8)
    paint_disc(painter, QPointF(left + 9, box.center().y()), 18, k)
    painter.setPen(theme.colour("text2"))
    painter.drawText(QRectF(left + 22, box.top(), width + 4, box.height()), Qt.AlignmentFlag.AlignVCenter, words)
