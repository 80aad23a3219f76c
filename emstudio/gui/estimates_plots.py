"""How the estimates are drawn: of each scalar the mean of the draws so far with its band and the exact line, or a bar."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from emstudio.core.em import Moment
from emstudio.core.format import count, number
from emstudio.gui import theme, vector
from emstudio.gui.chain_numbers import Running, Scalar, observed, over_draws, over_sweeps, worth
from emstudio.gui.items import faded
from emstudio.gui.staircase import places, ticks

LEFT, RIGHT = 34.0, 12.0  # px beside the plots, left at least
LABEL = 20.0  # px above each plot
AXIS = 32.0  # px below the last
LEAST = 62  # px that one scalar gets at least
BAR = 40  # px that one scalar gets as a bar
MOST = 400  # points of a line
WALKS = 3  # chains drawn one by one
AGAINST = ("draws", "sweeps")


class Plots(QWidget):
    """The painted part: a plot, or a bar, for each scalar."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Estimates of the scalars")
        self.scalars: tuple[Scalar, ...] = ()
        self._left = LEFT
        self.moment: Moment | None = None
        self.against = AGAINST[0]
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def refresh(self) -> None:
        """Other scalars, or another axis."""
        self.setMinimumHeight(round(len(self.scalars) * (LEAST if self.drawn else BAR) + (AXIS if self.drawn else 0)))
        self.setAccessibleDescription("; ".join(self.words(s) for s in self.scalars))
        self.update()

    @property
    def drawn(self) -> bool:
        """Whether there are draws to follow."""
        return any(s.draws is not None and len(s.draws) > 1 for s in self.scalars)

    def words(self, s: Scalar) -> str:
        """A scalar in words, with its error."""
        named = f"{s.key} {s.word}".strip()
        error = "" if s.error is None else f" \u00b1 {number(s.error, 2)}"
        exact = f", exact {number(s.exact, 4)}" if s.draws is not None else ""
        return f"{named} {number(s.used, 4)}{error}{exact}"

    def curve(self, s: Scalar) -> Running | None:
        """The mean that is drawn of a scalar."""
        if s.draws is None or len(s.draws) < 2:
            return None
        if self.against == "sweeps":
            return None if s.trace is None else over_sweeps(s.trace)
        return over_draws(s.draws)

    def box(self, i: int) -> QRectF:
        """Where scalar `i` is plotted."""
        each = (self.height() - AXIS) / max(len(self.scalars), 1)
        return QRectF(
            self._left, i * each + LABEL, max(self.width() - self._left - RIGHT, 10), max(each - LABEL - 6, 10)
        )

    # -- painting ------------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.scalars:
            painter.setFont(theme.font(12))
            painter.setPen(theme.colour("text3"))
            room = QRectF(self.rect()).adjusted(8, 0, -8, 0)
            words = "The next E-step fills this in."
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, words)
        elif not self.drawn:
            for i, s in enumerate(self.scalars):
                self._paint_bar(painter, i, s)
        else:
            self._left = max([LEFT, *(self._room(i, s) for i, s in enumerate(self.scalars))])
            for i, s in enumerate(self.scalars):
                self._paint_plot(painter, i, s)
            self._paint_axis(painter)

    def _paint_name(self, painter: QPainter, s: Scalar, top: float, words: str, exact: str = "") -> None:
        """The scalar's letter and word, at the right its value and, quieter, the exact one where it is another."""
        bold, plain = theme.font(12, 600), theme.font(12)
        row = QRectF(8, top, self.width() - 8 - RIGHT, LABEL)
        painter.setFont(bold)
        painter.setPen(theme.colour("text"))
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        room = QFontMetricsF(plain).horizontalAdvance(exact) + 8 if exact else 0.0
        painter.drawText(row.adjusted(0, 0, -room, 0), right, words)
        painter.drawText(row, Qt.AlignmentFlag.AlignVCenter, s.key)
        shift = QFontMetricsF(bold).horizontalAdvance(s.key) + 5 if s.key else 0.0
        painter.setFont(plain)
        painter.setPen(theme.colour("text2"))
        painter.drawText(row.adjusted(shift, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, s.word)
        if exact:
            painter.drawText(row, right, exact)

    def _paint_bar(self, painter: QPainter, i: int, s: Scalar) -> None:
        top = i * BAR + 2.0
        self._paint_name(painter, s, top, _value(s.used))
        room = QRectF(8, top + LABEL + 1, self.width() - 8 - RIGHT, 6)
        if s.out_of:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("chip"))
            painter.drawRoundedRect(room, 3, 3)
            painter.setBrush(theme.colour("bound"))
            share = min(max(s.used / s.out_of, 0.0), 1.0)
            painter.drawRoundedRect(QRectF(room.left(), room.top(), room.width() * share, 6), 3, 3)
        if s.out_of is not None:
            return
        painter.setFont(theme.font(11))
        painter.setPen(theme.colour("text3"))
        shown = f"over {count(self._observed())} steps: {number(s.used / max(self._observed(), 1), 4)} each"
        painter.drawText(room.adjusted(0, -5, 0, 7), Qt.AlignmentFlag.AlignVCenter, shown)

    def _observed(self) -> int:
        return int(observed(self.moment).sum()) if self.moment is not None else 0

    def _walks(self, s: Scalar) -> np.ndarray | None:
        """Some chains one by one, (T + 1, few)."""
        return s.trace[:, :WALKS] if self.against == "sweeps" and s.trace is not None else None

    def _room(self, i: int, s: Scalar) -> float:
        """Pixels that the values beside a plot need."""
        curve = self.curve(s)
        if curve is None:
            return 0.0
        metrics = QFontMetricsF(theme.font(11))
        words = _marks(*_range(curve, s.exact, self._walks(s)), self.box(i).height())
        return 7.0 + max((metrics.horizontalAdvance(word) for _, word in words), default=0.0)

    def _paint_plot(self, painter: QPainter, i: int, s: Scalar) -> None:
        curve, box = self.curve(s), self.box(i)
        self._paint_name(
            painter, s, box.top() - LABEL, _value(s.used), "" if s.used == s.exact else f"exact {_value(s.exact)}"
        )
        if curve is None:
            return
        walks = self._walks(s)
        low, high = _range(curve, s.exact, walks)
        self._paint_grid(painter, box, low, high)
        x = self._x(curve.x, box)

        def y(values: np.ndarray | float) -> np.ndarray:
            return box.bottom() - (np.asarray(values) - low) / (high - low) * box.height()

        with vector.clipped(painter, box.adjusted(-1, -2, 2, 2)):
            if np.isfinite(curve.half).any():
                upper, lower = (list(_points(x, y(curve.mean + sign * curve.half))) for sign in (1, -1))
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(faded(theme.colour("bound"), 0.38))
                painter.drawPolygon(QPolygonF(upper + lower[::-1]))
            if walks is not None:
                painter.setPen(QPen(faded(theme.colour("text3"), 0.45), 1))
                for walk in walks.T:
                    painter.drawPolyline(_points(x, y(walk)))
            pen = QPen(theme.colour("text2"), 1.5)
            pen.setDashPattern([4, 2.5])
            painter.setPen(pen)
            level = float(y(s.exact))
            painter.drawLine(QPointF(box.left(), level), QPointF(box.right(), level))
            painter.setPen(QPen(theme.colour("text"), 1.75))
            painter.drawPolyline(_points(x, y(curve.mean)))

    def _paint_grid(self, painter: QPainter, box: QRectF, low: float, high: float) -> None:
        painter.setFont(theme.font(11))
        for value, words in _marks(low, high, box.height()):
            at = round(box.bottom() - (value - low) / (high - low) * box.height()) + 0.5
            painter.setPen(QPen(theme.colour("grid"), 1))
            painter.drawLine(QPointF(box.left(), at), QPointF(box.right(), at))
            painter.setPen(theme.colour("text2"))
            room = QRectF(0, at - 8, box.left() - 5, 16)
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words)

    def _paint_axis(self, painter: QPainter) -> None:
        curve = next((c for c in (self.curve(s) for s in self.scalars) if c is not None), None)
        if curve is None:
            return
        box = self.box(len(self.scalars) - 1)
        low, high = float(curve.x[0]), float(curve.x[-1])
        painter.setFont(theme.font(11))
        painter.setPen(theme.colour("text2"))
        name = self.against
        named = painter.fontMetrics().horizontalAdvance(name)
        marks = [v for v in ticks(low, high, 5).tolist() if v > low and v == round(v)]
        for value in (low, *marks):
            x = float(self._x(np.array([value]), box)[0])
            words = count(round(value))
            half = painter.fontMetrics().horizontalAdvance(words) / 2
            x = min(x, self.width() - half - 6)
            painter.drawText(QRectF(x - 24, box.bottom() + 6, 48, 14), Qt.AlignmentFlag.AlignCenter, words)
        painter.setPen(theme.colour("text3"))
        row = QRectF(box.right() - named - 2, box.bottom() + 18, named + 4, 14)
        painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, name)

    def _x(self, values: np.ndarray, box: QRectF) -> np.ndarray:
        curve = next(c for c in (self.curve(s) for s in self.scalars) if c is not None)
        low, high = float(curve.x[0]), float(curve.x[-1])
        return box.left() + (values - low) / max(high - low, 1e-9) * box.width()

    def tip(self, s: Scalar) -> str:
        """What a scalar means, its error, and what the sweeps are worth."""
        lines = [f"{self.words(s)}: {s.meaning}"]
        made = worth(s, 0 if self.moment is None else self.moment.how.burn_in)
        if made is not None:
            lines.append(f"The {count(made[0])} states of the sweeps are worth {number(made[1], 3)} independent draws")
        return "\n".join(lines)

    def event(self, event) -> bool:  # type: ignore[no-untyped-def]
        if event.type() == event.Type.ToolTip and self.scalars:
            from PySide6.QtWidgets import QToolTip

            each = (self.height() - AXIS) / len(self.scalars) if self.drawn else BAR
            i = int(event.pos().y() // max(each, 1))
            if 0 <= i < len(self.scalars):
                QToolTip.showText(event.globalPos(), self.tip(self.scalars[i]), self)
            return True
        return super().event(event)


def _value(value: float) -> str:
    return number(value, decimals=2) if abs(value) < 1000 else number(value, 5)


def _marks(low: float, high: float, height: float) -> list[tuple[float, str]]:
    """The values with grid lines in a plot of so many pixels, and their words."""
    marks = ticks(low, high, max(3, int(height // 20)))
    gap = float(marks[1] - marks[0]) if len(marks) > 1 else 1.0
    return [(value, number(value, decimals=places(gap))) for value in marks.tolist()]


def _points(x: np.ndarray, y: np.ndarray) -> QPolygonF:
    if len(x) > MOST:
        some = np.unique(np.linspace(0, len(x) - 1, MOST).astype(int))
        x, y = x[some], y[some]
    return QPolygonF([QPointF(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True) if np.isfinite(b)])


def _range(curve: Running, exact: float, walks: np.ndarray | None) -> tuple[float, float]:
    """What of the values is seen: the band from a tenth of the way on, the mean but for its first steps, the exact line."""
    part = max(1, len(curve.mean) // 12)
    half = np.nan_to_num(curve.half)
    seen = [curve.mean[part - 1 :] + half[part - 1 :], curve.mean[part - 1 :] - half[part - 1 :], [exact]]
    if walks is not None:
        seen.append(walks[part:].ravel())
    values = np.concatenate([np.asarray(v, float).ravel() for v in seen])
    low, high = float(values.min()), float(values.max())
    room = max(high - low, 1e-6 * max(abs(high), 1.0))
    return low - 0.08 * room, high + 0.08 * room


__all__ = ["AGAINST", "Plots"]
