"""Short formulas painted from text and fractions: `q = a / (a + b) = 72.89 / (72.89 + 26.11) = 0.7362` on one line.

line = Line([Words("q", italic=True), Words("="), Fraction(["a"], ["a + b"]), ...])
line.paint(painter, left, middle)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from emstudio.gui import theme

GAP = 5.0  # px between two parts
TALL = 38.0  # px of a line with a fraction
LOW = 22.0
SUB = 0.75  # size of a subscript


@dataclass(frozen=True)
class Words:
    """A run of text; `k` colours it as a component's, `strong` sets a result, `sub` hangs below its end."""

    words: str
    k: int | None = None
    strong: bool = False
    quiet: bool = False
    sub: str = ""

    def font(self, px: float) -> QFont:
        return theme.font(px, 600 if self.strong else 400)

    def colour(self) -> QColor:
        if self.k is not None:
            return theme.component_text(self.k)
        return theme.colour("text2" if self.quiet else "text")

    def width(self, px: float) -> float:
        width = QFontMetricsF(self.font(px)).horizontalAdvance(self.words)
        return width + QFontMetricsF(self.font(px * SUB)).horizontalAdvance(self.sub) if self.sub else width

    def paint(self, painter: QPainter, left: float, middle: float, px: float) -> None:
        painter.setFont(self.font(px))
        painter.setPen(self.colour())
        box = QRectF(left, middle - 10, self.width(px) + 2, 20)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.words)
        if self.sub:
            left += QFontMetricsF(self.font(px)).horizontalAdvance(self.words)
            painter.setFont(self.font(px * SUB))
            box = QRectF(left, middle - 10 + px * 0.32, self.width(px), 20)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.sub)

    def spoken(self) -> str:
        """The text as it is read aloud."""
        return f"{self.words} {self.sub}" if self.sub else self.words


@dataclass(frozen=True)
class Fraction:
    """One part over another."""

    over: Words
    under: Words

    def width(self, px: float) -> float:
        return max(self.over.width(px), self.under.width(px)) + 6.0

    def paint(self, painter: QPainter, left: float, middle: float, px: float) -> None:
        width = self.width(px)
        for part, y in ((self.over, middle - 9.5), (self.under, middle + 9.5)):
            part.paint(painter, left + (width - part.width(px)) / 2, y, px)
        painter.setPen(QPen(theme.colour("text2"), 1))
        painter.drawLine(QPointF(left, middle + 0.5), QPointF(left + width, middle + 0.5))


Part = Words | Fraction


class Formulas(QWidget):
    """Lines of formulas one below another; a line too wide for the panel gets smaller letters."""

    def __init__(self, name: str, parent: QWidget | None = None, low: float = LOW):
        super().__init__(parent)
        self._low = low
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.lines: tuple[tuple[Part, ...], ...] = ()

    def show_lines(self, lines: Sequence[Sequence[Part]]) -> None:
        """Show these lines."""
        made = tuple(tuple(line) for line in lines)
        if made == self.lines:
            return
        height = self.sizeHint().height()
        self.lines = made
        self.setAccessibleDescription("; ".join(spoken(line) for line in made))
        if self.sizeHint().height() != height:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, round(self.tall(self.lines)))

    def tall(self, lines: Sequence[Sequence[Part]]) -> float:
        """The height that these lines would need."""
        return sum(self._height(line) for line in lines)

    def _height(self, line: Sequence[Part]) -> float:
        return TALL if any(isinstance(part, Fraction) for part in line) else self._low

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top = 0.0
        for line in self.lines:
            middle = top + self._height(line) / 2
            px = 13.0
            while px > 9.0 and wide(line, px) > self.width():
                px -= 0.5
            left = 0.0
            for i, part in enumerate(line):
                left += _gap(part) if i else 0.0
                part.paint(painter, left, middle, px)
                left += part.width(px)
            top += self._height(line)


def spoken(line: Sequence[Part]) -> str:
    """A line in plain text, for who cannot see it."""
    words = []
    for part in line:
        if isinstance(part, Fraction):
            words.append(f"({part.over.spoken()}) / ({part.under.spoken()})")
        else:
            words.append(part.spoken())
    return " ".join(words)


def wide(line: Sequence[Part], px: float) -> float:
    """The width of a line in letters of `px`."""
    return sum(part.width(px) + (_gap(part) if i else 0.0) for i, part in enumerate(line))


def _gap(part: Part) -> float:
    """The room before a part; a comma and a closing bracket stand at what they end."""
    return 0.0 if isinstance(part, Words) and part.words[:1] in (",", ")") else GAP
