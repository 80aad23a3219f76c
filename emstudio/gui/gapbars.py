"""log L = F + KL as stacked bars, for the half-steps around the current one.

The E-step closes the gap, the M-step lifts both. The bars break their baseline: it is not zero.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from emstudio.core.em import Moment
from emstudio.core.format import MINUS, number, signed
from emstudio.gui import theme
from emstudio.gui.chain_numbers import bound_error
from emstudio.gui.refresh import Refresher
from emstudio.gui.staircase import y_range
from emstudio.gui.track import Track
from emstudio.gui.widgets import Steady, Swatch, text
from emstudio.session import Session

UNIT = "nats, higher is better"
MOST, WIDEST = 8, 40.0
TALLEST = 300  # pixels of the section


class GapBars(QWidget):
    """Title, bars, legend, and F = Q + H in numbers."""

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("gapbars")
        self._session = session
        self._put_away = False
        self.bars = Bars(Track.of(session))
        self.sum = text("", "value", kind=Steady)
        self.sum.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.sum.setAccessibleName("F = Q + H")
        self.sum.setToolTip(
            "F, the bound, is Q (expected log-likelihood of points and components together) plus H (entropy of the "
            "responsibilities), in nats"
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 4)
        self.setMaximumHeight(TALLEST)
        column.setSpacing(6)
        self.title, self.gap, self.parts = text("", "title"), text("", "label"), text("", "label")
        self.unit = text(UNIT, "unit")
        column.addLayout(_ends(self.title, self.unit))
        column.addWidget(self.bars, 1)
        column.addLayout(_legend(self.gap))
        column.addLayout(_ends(self.parts, self.sum))
        refresher.draw.connect(self._draw)
        theme.notifier.changed.connect(self.bars.update)
        self._draw(session.moment)

    def _draw(self, moment: Moment) -> None:
        self.bars.track.sync()
        self.bars.setAccessibleDescription(self.bars.words())
        self.bars.update()
        against = self.bars.against()
        self.unit.setText(f"nats from {against}" if against else UNIT)
        self.sum.setText(sum_of(moment))
        title, gap, parts = names_of(moment)
        self.title.setText(title)
        self.gap.setText(gap)
        self.parts.setText(parts)
        if moment.model.cost is not None:
            self._put_away = True
            self.hide()
        elif self._put_away:  # to show what has no parent yet would open a window
            self._put_away = False
            self.show()


def names_of(moment: Moment) -> tuple[str, str, str]:
    """(title, the gap's name, the sum): what F is depends on the kind of E-step."""
    if moment.how.kind == "annealed":
        return "log L and F", "what F lacks; a line is log L below F", "F = Q + T H"
    if moment.how.sampled:
        return "log L and F from draws", "gap, as estimated", "F = Q + H"
    closed = "KL gap, closed by E" if moment.how.kind == "soft" else "KL gap, left open by E"
    return "log L = F + KL", closed, "F = Q + H"


def sum_of(moment: Moment) -> str:
    """F = Q + H in numbers; a dash before the first E-step."""
    bound, posterior = moment.bound, moment.snapshot.posterior
    if bound is None or posterior is None:
        return "\u2014"
    entropy = posterior.temperature * posterior.entropy
    parts = (bound, bound - entropy, entropy)
    f, q, h = (number(v, decimals=_decimals(bound)) for v in parts)
    error = bound_error(moment)
    spread = "" if not error else f" \u00b1 {number(error, 2)}"
    return f"{f} = {q} + {h}".replace(f"+ {MINUS}", f"{MINUS} ") + spread


def _decimals(value: float) -> int:
    return 1 if abs(value) >= 100 else 3


def _ends(left: QWidget, right: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(left)
    row.addStretch(1)
    row.addWidget(right)
    return row


def _legend(gap: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(6)
    for role, words in (("bound", text("bound F", "label")), ("gap", gap)):
        row.addWidget(Swatch(role))
        row.addWidget(words)
        row.addSpacing(10)
    row.addStretch(1)
    return row


class Bars(QWidget):
    """The bars of the cells around the current one, as many as fit."""

    def __init__(self, track: Track):
        super().__init__()
        self.track = track
        self.setAccessibleName("Log-likelihood as bound plus gap")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(66)

    def sizeHint(self) -> QSize:
        return QSize(296, 70)  # what is wished for; they take what is left

    def shown(self) -> tuple[int, int]:
        """First and one past the last cell shown: of this run, the current one with up to two of the future behind it."""
        count, here, joined = self.track.count, self.track.current, self.track.facts["joined"]
        room = min(max(int(self.width() // 48), 3), MOST)
        low = high = here
        while high + 1 < count and joined[high + 1] and high - here < room - 1:
            high += 1
        while low > 0 and joined[low] and here - low < room - 1:
            low -= 1
        high = min(high, max(here + 2, low + room - 1))
        return max(low, high - room + 1), high + 1

    def words(self) -> str:
        """The current bar in words, for who cannot see it."""
        if not self.track.count:
            return ""
        now = self.track.facts[self.track.current]
        likelihood, bound = float(now["likelihood"]), float(now["bound"])
        if np.isnan(likelihood) or np.isnan(bound):
            return ""
        gap = max(likelihood - bound, 0.0)
        gap = gap if gap > 1e-12 * abs(likelihood) else 0.0  # round-off is no gap
        return f"log-likelihood {number(likelihood, 6)}, bound {number(bound, 6)}, gap {number(gap, 3)}"

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        low, high = self.shown()
        facts = self.track.facts[low:high]
        likelihood, bound = facts["likelihood"], facts["bound"]
        limits = y_range(likelihood, bound, facts["early"], least=1e-4) if high > low else None
        base = self.height() - 20.0
        painter.setPen(QPen(theme.colour("border"), 1))
        painter.drawLine(QPointF(0, base + 0.5), QPointF(self.width(), base + 0.5))
        if limits is None:
            self._hint(painter, base)
            return
        room = max(6, high - low)
        pitch = self.width() / room
        figures = self.figures()
        for j, i in enumerate(range(low, high)):
            centre = (j + 0.5) * pitch
            self._bar(painter, i, centre, min(WIDEST, pitch * 0.78), pitch, base, limits, figures[j])

    def figures(self) -> list[str]:
        """What stands above each bar shown: its value, or how much it is more than the current one, see `against`."""
        low, high = self.shown()
        values = self.track.facts[low:high]["likelihood"]
        now = float(values[self.track.current - low])
        return [
            signed(v - now, 1) if self.against() and low + j != self.track.current else words
            for j, (v, words) in enumerate(zip(values.tolist(), self._values(values), strict=True))
        ]

    def against(self) -> str:
        """The half-step that the others are told as differences from: where their values would read alike and are not."""
        low, high = self.shown()
        values = self.track.facts[low:high]["likelihood"]
        here = self.track.current - low
        if not len(values) or not np.isfinite(values[here]):
            return ""
        words = self._values(values)
        apart = np.abs(values - values[here]) > 1e-12 * abs(values[here])  # and no round-off
        alike = any(apart[j] and words[j] == words[here] for j in range(len(words)))
        return self.track.cells[self.track.current].moment.label if alike else ""

    def _values(self, values: np.ndarray) -> list[str]:
        decimals = self._decimals(values[np.isfinite(values)], self.width() / max(6, len(values)))
        return [number(v, decimals=decimals) for v in values.tolist()]

    @staticmethod
    def _decimals(values: np.ndarray, pitch: float) -> int:
        """How many decimals all values have room for, each over its bar."""
        metrics = QFontMetricsF(theme.font(11, 600))
        for decimals in (2, 1):
            widest = max(
                (metrics.horizontalAdvance(number(v, decimals=decimals)) for v in values.tolist()), default=0.0
            )
            if widest <= pitch - 3:
                return decimals
        return 0

    def _hint(self, painter: QPainter, base: float) -> None:
        painter.setFont(theme.font(12))
        painter.setPen(theme.colour("text3"))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(QRectF(0, 0, self.width(), base), flags, "One bar for each half-step, from the start on.")

    def _bar(
        self,
        painter: QPainter,
        i: int,
        centre: float,
        width: float,
        pitch: float,
        base: float,
        limits: tuple,
        words: str,
    ) -> None:
        now = self.track.facts[i]
        here = i == self.track.current
        likelihood, bound = float(now["likelihood"]), float(now["bound"])
        label = self.track.cells[i].moment.label
        painter.setOpacity(1.0 if i <= self.track.current else 0.5)
        if np.isfinite(likelihood):
            top = self._height(likelihood, base, limits)
            low = self._height(bound, base, limits) if np.isfinite(bound) else None
            self._stack(painter, centre, width, base, top, low)
            role = "text" if here else "text2"
            self._text(
                painter,
                words,
                QRectF(centre - pitch / 2, min(top, top if low is None else low) - 17, pitch, 14),
                here,
                role,
            )
        self._text(painter, label, QRectF(centre - pitch / 2, base + 4, pitch, 15), here, "text" if here else "text2")
        painter.setOpacity(1.0)
        if here:
            painter.fillRect(QRectF(centre - width / 2 - 1, base - 0.5, width + 2, 2), theme.colour("ink"))

    @staticmethod
    def _height(value: float, base: float, limits: tuple[float, float]) -> float:
        """The y pixel of a value: what is below the break's height stands for everything down to zero."""
        low, high = limits
        lowest, highest = base - 20.0, 18.0
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return lowest + (highest - lowest) * share

    def _stack(
        self, painter: QPainter, centre: float, width: float, base: float, top: float, low: float | None
    ) -> None:
        """F from the baseline, the gap on it. Before the first E-step there is no F: an outline."""
        left = centre - width / 2
        painter.setPen(Qt.PenStyle.NoPen)
        if low is None:
            painter.setPen(QPen(theme.colour("bound"), 1.5, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(left + 0.75, top, width - 1.5, base - top))
        else:
            painter.fillRect(QRectF(left, low, width, base - low), theme.colour("bound"))
            if low - top >= 0.3:
                seam = 1.0 if low - top > 2.5 else 0.0
                painter.fillRect(QRectF(left, top, width, low - top - seam), theme.colour("gap"))
            elif top - low >= 2.0:  # a tempered F is no bound, and can lie above
                painter.fillRect(QRectF(left, top - 1, width, 2), theme.colour("ink"))
        self._break(painter, left, width, base - 9)

    def _break(self, painter: QPainter, left: float, width: float, y: float) -> None:
        path = QPainterPath(QPointF(left - 1, y))
        path.lineTo(left + width / 2, y - 5)
        path.lineTo(left + width + 1, y)
        painter.setPen(QPen(QColor(theme.current().panel), 2.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)

    @staticmethod
    def _text(painter: QPainter, words: str, box: QRectF, strong: bool, role: str) -> None:
        face = theme.font(11, 600 if strong else 400)
        width = QFontMetricsF(face).horizontalAdvance(words)
        if width > box.width() + 2:
            face = theme.font(max(9.0, 11 * box.width() / width), 600 if strong else 400)
        painter.setFont(face)
        painter.setPen(theme.colour(role))
        painter.drawText(box.adjusted(-6, 0, 6, 0), Qt.AlignmentFlag.AlignCenter, words)
