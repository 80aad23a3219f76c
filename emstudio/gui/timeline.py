"""The scrubber under the objective plot: a track with a dot for each E-step and a square for each M-step, and a knob.

It shares the plot's x axis. Where the history is longer than fits, a bar at the bottom shows which part is in view.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from emstudio.core.em import Moment
from emstudio.core.format import count
from emstudio.gui import theme
from emstudio.gui.cells import LEFT, RIGHT, Cells
from emstudio.gui.refresh import Refresher
from emstudio.gui.track import PHASES
from emstudio.session import Session

RAIL, LABELS, OVERVIEW = 12, 30, 42  # px from the top: the track's middle, the labels' middle, the bar's middle
DOTS_FROM = 12.0  # px: in narrower cells the dots would touch


class Timeline(Cells):
    """Press or drag to go to a moment; the track behind it is dark, what was computed ahead of it is light."""

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(session, refresher, parent)
        self.setObjectName("timeline")
        self.setAccessibleName("Timeline")
        self.setToolTip("Drag to go through the half-steps (Left, Right, Home, End); turn the wheel to zoom")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(48)
        self._panning = False
        self._describe_to_reader()

    def sizeHint(self) -> QSize:
        return QSize(640, 48)

    def describe(self, cell: int) -> str:
        node = self.track.cells[cell]
        words = f"{node.moment.label}, moment {count(cell + 1)} of {count(self.track.count)}"
        if node.title:
            words += f": {node.title}"
        futures = len(self.track.branches(cell))
        if futures:
            words += f"; {count(futures)} other future{'s' if futures > 1 else ''} kept here (Up, Down)"
        return words

    def _draw(self, moment: Moment) -> None:
        super()._draw(moment)
        self._describe_to_reader()

    def _describe_to_reader(self) -> None:
        words = self.describe(self.track.current) if self.track.count else ""
        if words != self.accessibleDescription():
            self.setAccessibleDescription(words)

    # -- the bar of what is in view ------------------------------------------------------------------------------------
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and not self.track.whole and event.position().y() > OVERVIEW - 5:
            self._panning = True
            self._pan(event.position().x())
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._panning:
            self._pan(event.position().x())
        else:
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._panning = False
        super().mouseReleaseEvent(event)

    def _pan(self, x: float) -> None:
        share = (x - LEFT) / max(self.width() - LEFT - RIGHT, 1)
        self.track.scroll_to(share * self.track.count - self.track.span / 2)

    # -- painting ------------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.colour("canvas"))
        if not self.track.count:
            return
        low, high = self.track.visible()
        self._paint_rail(painter, low, high)
        if self.cell_width >= DOTS_FROM:
            self._paint_dots(painter, low, high)
        self._paint_forks(painter, low, high)
        self._paint_labels(painter, low, high)
        self._paint_knob(painter)
        if not self.track.whole:
            self._paint_overview(painter)

    def _paint_rail(self, painter: QPainter, low: int, high: int) -> None:
        ends = (LEFT, self.width() - RIGHT)
        first = max(self.x_of(low + 0.5), ends[0])
        last = min(self.x_of(high - 0.5), ends[1])
        now = min(max(self.x_of(self.track.current + 0.5), first), last)
        for a, b, role in ((now, last, "border"), (first, now, "text")):
            if b > a:
                pen = QPen(theme.colour(role), 4)
                pen.setCapStyle(Qt.PenCapStyle.FlatCap)
                painter.setPen(pen)
                painter.drawLine(QPointF(a, RAIL), QPointF(b, RAIL))

    def _paint_dots(self, painter: QPainter, low: int, high: int) -> None:
        edge = QPen(theme.colour("canvas"), 2)
        for i in range(low, high):
            phase = self.track.cells[i].moment.snapshot.phase
            centre = QPointF(self.x_of(i + 0.5), RAIL)
            painter.setPen(edge)
            painter.setBrush(theme.colour("text" if i <= self.track.current else "axis"))
            if phase == "M":
                painter.drawRect(QRectF(centre.x() - 4, RAIL - 4, 8, 8))
            elif phase in ("edit", "data"):
                self._paint_diamond(painter, centre)
            else:
                painter.drawEllipse(centre, 4.25, 4.25)

    @staticmethod
    def _paint_diamond(painter: QPainter, c: QPointF) -> None:
        painter.drawPolygon([c + QPointF(0, -5.5), c + QPointF(5.5, 0), c + QPointF(0, 5.5), c + QPointF(-5.5, 0)])

    def _paint_forks(self, painter: QPainter, low: int, high: int) -> None:
        """A twig at each moment from which another future was kept."""
        pen = QPen(theme.colour("text3"), 1.5)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        for i in (low + np.flatnonzero(self.track.facts["forks"][low:high])).tolist():
            x = self.x_of(i + 0.5)
            painter.drawPolyline([QPointF(x, RAIL - 5), QPointF(x + 5, RAIL - 10), QPointF(x + 12, RAIL - 10)])

    def _paint_labels(self, painter: QPainter, low: int, high: int) -> None:
        """The moments' names, as many as fit: all, or every so many iterations; the current one always, in bold."""
        plain, bold = theme.font(11), theme.font(11, 600)
        metrics, here = QFontMetricsF(plain), self.track.current
        taken: list[tuple[float, float]] = []
        if low <= here < high:
            taken.append(self._paint_label(painter, here, bold, "text", []))
        every = self._cadence(metrics)
        for i in (low + np.flatnonzero(self._labelled(low, high, every))).tolist():
            if i != here:
                taken.append(self._paint_label(painter, i, plain, "text2", taken))

    def _cadence(self, metrics: QFontMetricsF) -> int:
        """0: every half-step is named; n: every n-th M-step."""
        low, high = self.track.visible()
        last = int(self.track.facts["iteration"][low:high].max())
        widest = metrics.horizontalAdvance(f"M{last}") + 8
        if self.cell_width >= min(widest, 32):
            return 0
        need = widest / (2 * self.cell_width)
        power = 1
        while True:
            for m in (1, 2, 5):
                if m * power >= need:
                    return m * power
            power *= 10

    def _labelled(self, low: int, high: int, every: int) -> np.ndarray:
        """Which cells in view get a name."""
        facts = self.track.facts[low:high]
        if every == 0:
            return np.ones(high - low, bool)
        is_m = facts["phase"] == PHASES.index("M")
        return np.where(is_m, facts["iteration"] % every == 0, facts["phase"] != PHASES.index("E"))

    def _paint_label(
        self, painter: QPainter, cell: int, font, role: str, taken: list[tuple[float, float]]
    ) -> tuple[float, float]:
        """Write a cell's name unless it would touch what is `taken`; the stretch that it takes."""
        words = self.track.cells[cell].moment.label
        half = QFontMetricsF(font).horizontalAdvance(words) / 2 + 3
        x = min(max(self.x_of(cell + 0.5), half), self.width() - half)
        if any(x - half < b and x + half > a for a, b in taken):
            return x, x
        painter.setFont(font)
        painter.setPen(theme.colour(role))
        painter.drawText(QRectF(x - half, LABELS - 9, 2 * half, 18), Qt.AlignmentFlag.AlignCenter, words)
        return x - half, x + half

    def _paint_knob(self, painter: QPainter) -> None:
        x = self.x_of(self.track.current + 0.5)
        if not LEFT - 1 <= x <= self.width() - RIGHT + 1:
            return
        centre = QPointF(x, RAIL)
        halo = theme.colour("text")
        halo.setAlphaF(0.16)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(halo)
        painter.drawEllipse(centre, 11, 11)
        if self.hasFocus():
            painter.setPen(QPen(theme.colour("ink"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(centre, 11, 11)
        painter.setPen(QPen(theme.colour("canvas"), 2))
        painter.setBrush(theme.colour("text"))
        painter.drawEllipse(centre, 7.5, 7.5)

    def _paint_overview(self, painter: QPainter) -> None:
        width = self.width() - LEFT - RIGHT
        scale = width / self.track.count
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("hairline"))
        painter.drawRoundedRect(QRectF(LEFT, OVERVIEW - 1.5, width, 3), 1.5, 1.5)
        painter.setBrush(theme.colour("axis"))
        part = max(self.track.span * scale, 12.0)
        left = min(LEFT + self.track.first * scale, LEFT + width - part)
        painter.drawRoundedRect(QRectF(left, OVERVIEW - 1.5, part, 3), 1.5, 1.5)
        painter.setBrush(theme.colour("text"))
        painter.drawEllipse(QPointF(LEFT + (self.track.current + 0.5) * scale, OVERVIEW), 2.5, 2.5)
