"""The landscape as it is painted: map, contours, ridge, oval, the way with its start, and names where there is room."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QWidget

from emstudio.core.format import number
from emstudio.gui import theme, vector
from emstudio.gui.heat import contours, heat_image
from emstudio.gui.items import faded
from emstudio.models.coin_landscape import Area, Landscape

HEAD, FOOT, LEFT, RIGHT = 30.0, 44.0, 66.0, 24.0
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  # from tick to tick
APART, APART_FINE = 26.0, 34.0  # px between two ticks at least: of one decimal, of two


class LandscapeMap(QWidget):
    """Shows `answer` with the way of `pair` to the place `at`; `hint` instead, where there is nothing to show.

    `way` (t, 2) are the places before, `started` says whether the first is a start, `oval` is an outline on the map and
    `room` what the title must leave free at its right, in pixels.
    """

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.pair = (0, 1)
        self.answer: Landscape | None = None
        self.at: tuple[float, float] | None = None
        self.way = np.empty((0, 2))
        self.started = True
        self.oval: list[np.ndarray] = []
        self.hint = ""
        self.room = 0
        self._contours: list[np.ndarray] = []
        self._image: QImage | None = None
        self._map: QPixmap | None = None
        self._map_of: tuple[QRectF, float] | None = None  # place and sharpness that it was painted for

    def show_answer(self, found: Landscape | None) -> None:
        """Show another map."""
        self.answer = found
        self._contours = [] if found is None else contours(found.heat.x, found.heat.y, found.heat.values)
        self.recolour()

    def recolour(self) -> None:
        """Take the colours of the theme in force."""
        self._image = None if self.answer is None else heat_image(self.answer.heat.values)
        self._map = None
        self.update()

    # -- pixels --------------------------------------------------------------------------------------------------------
    @property
    def plot(self) -> QRectF:
        """The square of the map."""
        width, height = self.width() - LEFT - RIGHT, self.height() - HEAD - FOOT
        side = max(min(width, height), 10.0)
        left = LEFT + (width - side) / 2
        return QRectF(round(left), HEAD, round(side), round(side))

    @property
    def area(self) -> Area:
        """The part of both axes in view."""
        if self.answer is None:
            return 0.0, 1.0
        x = self.answer.heat.x
        return float(x[0]), float(x[-1])

    def place(self, x: float, y: float) -> QPointF:
        """Where a pair of biases is on the widget."""
        plot, (low, high) = self.plot, self.area
        span = max(high - low, 1e-9)
        return QPointF(plot.left() + (x - low) / span * plot.width(), plot.bottom() - (y - low) / span * plot.height())

    def biases_at(self, place: QPointF) -> tuple[float, float]:
        """The pair of biases at a place of the widget."""
        plot, (low, high) = self.plot, self.area
        return (
            low + (place.x() - plot.left()) / plot.width() * (high - low),
            low + (plot.bottom() - place.y()) / plot.height() * (high - low),
        )

    def _polygon(self, points: np.ndarray) -> QPolygonF:
        """Pairs of biases (m, 2) on the widget, all at once: contours have thousands of points."""
        plot, (low, high) = self.plot, self.area
        scale = np.array([plot.width(), -plot.height()]) / max(high - low, 1e-9)
        at = (np.asarray(points, float).reshape(-1, 2) - low) * scale + (plot.left(), plot.bottom())
        return QPolygonF([QPointF(x, y) for x, y in at.tolist()])

    # -- painting ------------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        self.paint_on(QPainter(self))

    def paint_on(self, painter: QPainter) -> None:
        """Paint the landscape from the painter's origin."""
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), theme.colour("canvas"))
        painter.setFont(theme.font(12, 600))
        painter.setPen(theme.colour("text"))
        room = self.width() - 32 - self.room
        painter.drawText(QRectF(16, 0, room, 28), Qt.AlignmentFlag.AlignVCenter, "Log-likelihood landscape")
        if self.hint:
            painter.setFont(theme.font(12))
            painter.setPen(theme.colour("text3"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(24, HEAD, self.width() - 48, self.height() - HEAD - 24), flags, self.hint)
            return
        self._paint_axes(painter)
        with vector.clipped(painter, self.plot):
            self._show_map(painter)
            self._paint_oval(painter)
        self._paint_way(painter)

    def _paint_axes(self, painter: QPainter) -> None:
        plot, (low, high) = self.plot, self.area
        wide = plot.width() / (high - low)  # px of the whole of [0, 1]
        step = next((s for s in STEPS if s * wide >= (APART if s >= 0.1 else APART_FINE)), STEPS[-1])
        painter.setFont(theme.font(11))
        painter.setPen(theme.colour("text2"))
        decimals = 1 if step >= 0.1 else 2
        for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
            at = self.place(i * step, i * step)
            words = number(i * step, decimals=decimals)
            painter.drawText(QRectF(at.x() - 20, plot.bottom() + 4, 40, 16), Qt.AlignmentFlag.AlignCenter, words)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(plot.left() - 46, at.y() - 8, 40, 16), right, words)
        painter.setFont(theme.font(12))
        a, b = (theme.letter(k) for k in self.pair)
        below = QRectF(plot.left() - 20, plot.bottom() + 20, plot.width() + 40, 18)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, f"\u03b8 of coin {a}")
        painter.save()
        painter.translate(plot.left() - 50, plot.center().y())
        painter.rotate(-90)
        painter.drawText(QRectF(-60, -9, 120, 18), Qt.AlignmentFlag.AlignCenter, f"\u03b8 of coin {b}")
        painter.restore()

    def _show_map(self, painter: QPainter) -> None:
        """The map from its pixmap: its contours take ten milliseconds to paint and stay as they are from step to step."""
        plot, sharp = self.plot, painter.device().devicePixelRatioF()
        if self.answer is None:
            painter.fillRect(plot, theme.colour("chip"))
            return
        if vector.on_paper(painter):
            self._paint_map(painter, self.answer)
            return
        if self._map is None or self._map_of != (plot, sharp):
            self._map_of = (plot, sharp)
            self._map = QPixmap((plot.size() * sharp).toSize())
            self._map.setDevicePixelRatio(sharp)
            self._map.fill(theme.colour("canvas"))
            inner = QPainter(self._map)
            inner.setRenderHints(painter.renderHints())
            inner.translate(-plot.topLeft())
            self._paint_map(inner, self.answer)
            inner.end()
        painter.drawPixmap(plot.topLeft(), self._map)

    def _paint_map(self, painter: QPainter, found: Landscape) -> None:
        plot = self.plot
        assert self._image is not None
        vector.paint_image(painter, plot, self._image)
        painter.setPen(QPen(faded(theme.colour("text2"), 0.45), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for points in self._contours:
            painter.drawPolyline(self._polygon(points))
        if found.swapped:
            pen = QPen(faded(theme.colour("text2"), 0.7), 1)
            pen.setDashPattern([1, 3])
            painter.setPen(pen)
            painter.drawLine(plot.bottomLeft(), plot.topRight())
        pen = QPen(theme.colour("text2"), 1.5)
        pen.setDashPattern([1.5, 3])
        painter.setPen(pen)
        for other in found.others:
            painter.drawPolyline(self._polygon(other))
        if found.heat.ridge is not None:
            painter.setPen(QPen(faded(theme.colour("canvas"), 0.8), 6))
            painter.drawPolyline(self._polygon(found.heat.ridge))
            painter.setPen(QPen(theme.colour("text2"), 2))
            painter.drawPolyline(self._polygon(found.heat.ridge))

    def _paint_oval(self, painter: QPainter) -> None:
        pen = QPen(theme.colour("text2"), 1.5)
        pen.setDashPattern([3.4, 2.0])
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for points in self.oval:
            painter.drawPolyline(self._polygon(points))

    def _paint_way(self, painter: QPainter) -> None:
        """Tops and named spots, the way with its start, and the point shown on top of all."""
        taken: list[QRectF] = []
        ink, at = theme.colour("ink"), self.at
        assert at is not None
        here = self.place(*at)
        way = [*self._polygon(self.way).toList(), here]
        taken.append(QRectF(here.x() - 9, here.y() - 9, 18, 18))
        taken += [QRectF(p.x() - 5, p.y() - 5, 10, 10) for p in way]
        crosses = self.crosses()
        for place, _ in crosses:
            self._paint_cross(painter, place)
            taken.append(QRectF(place.x() - 6, place.y() - 6, 12, 12))
        for width, colour in ((5.0, faded(theme.colour("canvas"), 0.75)), (2.0, ink)):
            pen = QPen(colour, width)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.setPen(pen)
            painter.drawPolyline(QPolygonF(way))
        painter.setPen(QPen(ink, 1.5))
        painter.setBrush(theme.colour("canvas"))
        for i, place in list(enumerate(way[:-1]))[::-1]:
            if i == 0 and self.started:
                painter.drawRect(QRectF(place.x() - 3.5, place.y() - 3.5, 7, 7))
            elif math.hypot(place.x() - here.x(), place.y() - here.y()) > 4:
                painter.drawEllipse(place, 3.0, 3.0)
        painter.setPen(QPen(theme.colour("canvas"), 2))
        painter.setBrush(ink)
        painter.drawEllipse(here, 7, 7)
        for place, words in [*self._start(way), *crosses, *self._ridge()]:
            self._paint_name(painter, place, words, taken)

    def crosses(self) -> list[tuple[QPointF, str]]:
        """Tops and spots on the map with their names. Of two tops alike the one that is climbed has the numbers."""
        found, at = self.answer, self.at
        if found is None or at is None:
            return []
        made: list[tuple[QPointF, str]] = []
        if found.top is not None:
            x, y = found.top
            if found.swapped and math.hypot(at[0] - y, at[1] - x) < math.hypot(at[0] - x, at[1] - y):
                x, y = y, x
            made.append((self.place(x, y), f"{number(x, decimals=3)}, {number(y, decimals=3)}"))
            if found.swapped and abs(x - y) > 0.02:
                made.append((self.place(y, x), "the same, swapped"))
        made += [(self.place(x, y), words) for x, y, words in found.heat.spots]
        return [(p, words) for p, words in made if self.plot.adjusted(-1, -1, 1, 1).contains(p)]

    def _start(self, way: list[QPointF]) -> list[tuple[QPointF, str]]:
        """The start's name, where the way has left it."""
        first, last = way[0], way[-1]
        if not self.started or math.hypot(first.x() - last.x(), first.y() - last.y()) <= 4:
            return []
        x, y = (float(v) for v in self.way[0])
        return [(first, f"start {_short(x)}, {_short(y)}")]

    def _ridge(self) -> list[tuple[QPointF, str]]:
        """The name of the ridge, towards its lower end."""
        if self.answer is None or self.answer.heat.ridge is None:
            return []
        a, b = self.answer.heat.ridge
        x, y = a + 0.82 * (b - a)
        return [(self.place(float(x), float(y)), "equally likely")]

    def _paint_cross(self, painter: QPainter, place: QPointF) -> None:
        for width, colour in ((4.5, faded(theme.colour("canvas"), 0.75)), (1.75, theme.colour("text"))):
            painter.setPen(QPen(colour, width))
            for side in (1, -1):
                painter.drawLine(place + QPointF(-4.5, -4.5 * side), place + QPointF(4.5, 4.5 * side))

    def _paint_name(self, painter: QPainter, place: QPointF, words: str, taken: list[QRectF]) -> None:
        """A name beside its place: right, left, below or above, where nothing else is; left out where nothing is free."""
        painter.setFont(theme.font(11, 500))
        width = painter.fontMetrics().horizontalAdvance(words) + 8.0
        x, y = place.x(), place.y()
        spots = [
            QRectF(x + 10, y - 8, width, 16),
            QRectF(x - 10 - width, y - 8, width, 16),
            QRectF(x - width / 2, y + 10, width, 16),
            QRectF(x - width / 2, y - 26, width, 16),
            QRectF(x + 4, y + 10, width, 16),
            QRectF(x - 4 - width, y + 10, width, 16),
            QRectF(x - 4 - width, y - 26, width, 16),
            QRectF(x + 4, y - 26, width, 16),
        ]
        left = self.plot.left() + 1
        paper = QRectF(left, HEAD - 2, self.width() - 2 - left, self.plot.bottom() - HEAD + 4)
        free = [b for b in spots if paper.contains(b) and not any(b.intersects(t) for t in taken)]
        if not free:
            return
        taken.append(free[0])
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(faded(theme.colour("canvas"), 0.85))
        painter.drawRoundedRect(free[0], 3, 3)
        painter.setPen(theme.colour("text"))
        painter.drawText(free[0], Qt.AlignmentFlag.AlignCenter, words)


def _short(x: float) -> str:
    """A bias in few figures: .6, .55."""
    words = f"{x:.2f}".rstrip("0").rstrip(".") if round(x, 2) == round(x, 6) else f"{x:.3f}"
    return words[1:] if words.startswith("0.") else words
