"""Components in the chrome: letter discs, legend samples and the responsibility bar. Use them through `widgets`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from emstudio.core.format import number
from emstudio.gui import theme


def paint_disc(painter: QPainter, centre: QPointF, diameter: float, k: int, edge: QColor | None = None) -> None:
    """Draw component `k`'s disc with its letter; `edge` adds a border of 2 px, as on the canvas."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    fill = theme.component_colour(k)
    painter.setBrush(fill)
    painter.setPen(QPen(edge, 2) if edge is not None else Qt.PenStyle.NoPen)
    radius = diameter / 2 - (1 if edge is not None else 0)
    painter.drawEllipse(centre, radius, radius)
    name = "\u00b7" if k == theme.NOISE else theme.letter(k)
    painter.setFont(theme.font(diameter * (0.55 if len(name) == 1 else 0.45), 600))
    painter.setPen(theme.ink_on(fill))
    square = QRectF(0, 0, diameter, diameter)
    square.moveCenter(centre)
    painter.drawText(square, Qt.AlignmentFlag.AlignCenter, name)
    painter.restore()


class LetterDisc(QWidget):
    """The disc that stands for component `k` wherever it is spoken of."""

    def __init__(self, k: int, diameter: int = 20, parent: QWidget | None = None):
        super().__init__(parent)
        self.setFixedSize(diameter, diameter)
        self.set_component(k)

    def set_component(self, k: int) -> None:
        """Stand for component `k` (from 0)."""
        self._k = k
        self.setAccessibleName(f"component {theme.letter(k)}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_disc(QPainter(self), QRectF(self.rect()).center(), self.width(), self._k)


class Swatch(QWidget):
    """A legend's sample: a square, or a line dashed in line widths, in a token's or a component's colour."""

    def __init__(
        self, role: str = "ink", kind: str = "square", dash: Sequence[float] = (), parent: QWidget | None = None
    ):
        super().__init__(parent)
        self._role, self._kind, self._dash, self._k = role, kind, list(dash), None
        self.setFixedSize(*((12, 12) if kind == "square" else (20, 12)))

    @classmethod
    def of_component(cls, k: int, kind: str = "line") -> Swatch:
        """The sample of component `k`: its colour and its dashes."""
        sample = cls(kind=kind, dash=theme.dash(k))
        sample._k = k
        return sample

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill = theme.colour(self._role) if self._k is None else theme.component_colour(self._k)
        if self._kind == "square":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(fill)
            painter.drawRoundedRect(QRectF(1, 1, 10, 10), 2, 2)
            return
        pen = QPen(fill, 2)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        if self._dash:
            pen.setDashPattern(self._dash)
        painter.setPen(pen)
        painter.drawLine(QPointF(0, 6), QPointF(20, 6))


class ResponsibilityBar(QWidget):
    """The responsibilities of one point as one bar: each component's share to scale, with letter and number.

    What does not fit inside its part is left out of the picture, never out of tooltip and accessible name.
    A bar lower than 16 px shows colours only.
    """

    GAP = 1.5

    def __init__(self, height: int = 24, parent: QWidget | None = None):
        super().__init__(parent)
        self._shares: list[float] = []
        self._parts: tuple[int, ...] = ()
        self.setFixedHeight(height)
        self.setMinimumWidth(60)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Responsibilities")

    def sizeHint(self) -> QSize:
        return QSize(200, self.height())

    def show_values(self, shares: Sequence[float], parts: Sequence[int] | None = None) -> None:
        """Show responsibilities (K numbers that sum to 1) of components 0.. or of `parts`; none clear the bar."""
        before = (self._shares, self._parts)
        self._shares = [float(r) for r in shares]
        self._parts = tuple(range(len(self._shares)) if parts is None else parts)
        if (self._shares, self._parts) == before:
            return
        words = ", ".join(f"{theme.letter(k)} {number(r, decimals=3)}" for k, r in zip(self._parts, self._shares))
        self.setAccessibleDescription(words)
        self.setToolTip(words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect())
        path = QPainterPath()
        radius = min(4.0, frame.height() / 2)
        path.addRoundedRect(frame, radius, radius)
        painter.setClipPath(path)
        total = sum(r for r in self._shares if math.isfinite(r))
        if total <= 0:
            painter.fillRect(frame, theme.colour("chip"))
            return
        left = 0.0
        for k, share in zip(self._parts, self._shares):
            width = frame.width() * share / total
            if width > 0:
                gap = self.GAP if left + width < frame.width() - 0.5 else 0.0
                part = QRectF(left, 0, max(width - gap, min(width, 0.5)), frame.height())
                painter.fillRect(part, theme.component_colour(k))
                self._paint_words(painter, part, k, share)
            left += width

    def _paint_words(self, painter: QPainter, part: QRectF, k: int, share: float) -> None:
        if part.height() < 16:
            return
        face = theme.font(11, 600)
        name = theme.letter(k)
        for words in (f"{name}  {number(share, decimals=3)}", name):
            if QFontMetricsF(face).horizontalAdvance(words) + 8 <= part.width():
                painter.setFont(face)
                painter.setPen(theme.ink_on(theme.component_colour(k)))
                painter.drawText(part, Qt.AlignmentFlag.AlignCenter, words)
                return
