"""How the parts of a series are painted: levels with their bands, the line that joins a series, its points.

Everything is in logical pixels of the plot's rectangle, whose upper left corner is (0, 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from emstudio.core.marks import Handle
from emstudio.gui import raster, theme
from emstudio.gui.items import faded, line_pen
from emstudio.gui.raster import Style

SPARSE = 4_000  # points that are joined one by one; of more, a pixel's column shows from where to where they go
GRIP = 4.0
_LARGEST = 5.5  # px, the radius of a probability of 1
_BAND = 0.085
_LINE_ALPHA = 0.75


@dataclass(frozen=True, eq=False)
class Level:
    """Where a state's emissions lie on the vertical axis: `value`, and one standard deviation `spread` to both sides.

    `handle` says what a drag of the letter means, `edge` what one of the band's upper edge does: None where the model holds
    them, or has no such parameter.
    """

    component: int
    value: float
    spread: float
    handle: Handle | None = None
    edge: Handle | None = None


def style_of(apart: float, count: int) -> Style:
    """How points are drawn whose steps are `apart` pixels from each other."""
    if apart >= 2.2 and count <= 1_000:
        return Style(8.5 if apart < 6 else 9.5, 1.0, 0.95)
    if apart >= 0.7:
        return Style(6.0, 0.5, 0.92)
    return Style(3.6, 0.0, 0.6) if count <= raster.SEPARATE else Style(3.0, 0.0, 0.5)


def paint_levels(painter: QPainter, levels: Sequence[Level], y_of, width: float, height: float) -> None:
    """Bands of one standard deviation, then the lines."""
    for level in levels:
        top, bottom = (min(max(y_of(level.value + s * level.spread), -2.0), height + 2.0) for s in (1, -1))
        painter.fillRect(QRectF(0, top, width, bottom - top), faded(theme.component_colour(level.component), _BAND))
    for level in levels:
        y = y_of(level.value)
        if -4 <= y <= height + 4:
            colour = faded(theme.component_colour(level.component), _LINE_ALPHA)
            painter.setPen(line_pen(colour, 1.25, level.component))
            painter.drawLine(QPointF(0, y), QPointF(width, y))


def paint_values(painter: QPainter, plot: QRectF, marks: Sequence[tuple[float, str]]) -> None:
    """Grid lines at these pixels of the widget, their words left of the plot."""
    painter.setFont(theme.font(12))
    flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    for y, words in marks:
        painter.setPen(QPen(theme.colour("grid"), 1))
        painter.drawLine(QPointF(plot.left(), round(y) + 0.5), QPointF(plot.right(), round(y) + 0.5))
        painter.setPen(theme.colour("text2"))
        box = QRectF(4, y - 9, plot.left() - 14, 18)
        painter.drawText(box, flags, painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, 80))


def paint_edges(painter: QPainter, levels: Sequence[Level], y_of, width: float) -> None:
    """The grips of the bands that can be made wider."""
    for level in levels:
        if level.edge is not None:
            painter.setPen(QPen(theme.component_colour(level.component), 1.5))
            painter.setBrush(theme.colour("canvas"))
            painter.drawEllipse(QPointF(width, y_of(level.value + level.spread)), GRIP, GRIP)


def paint_probabilities(
    painter: QPainter, table: np.ndarray, places: Sequence[float], left: float, room: float
) -> None:
    """At each symbol's height, discs whose areas are the states' probabilities (K, symbols) to emit it."""
    apart = min(room / len(table), 2 * _LARGEST + 1)
    for k, row in enumerate(table):
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.component_colour(k))
        for p, y in zip(row.tolist(), places, strict=False):
            radius = min(_LARGEST, apart / 2) * p**0.5
            painter.drawEllipse(QPointF(left + (k + 0.5) * apart, y), radius, radius)


def paint_joins(
    painter: QPainter, x: np.ndarray, y: np.ndarray, breaks: np.ndarray, width: float, height: float
) -> None:
    """A thin line through the points (x, y) of each series; NaN in `y` and the places `breaks` interrupt it.

    `breaks` are indices into the points at which a new series begins; those beyond the points mean nothing.
    """
    if len(x) < 2:
        return
    painter.setPen(QPen(theme.colour("axis"), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    y = np.clip(y, -30.0, height + 30.0)
    if len(x) <= SPARSE:
        cut = np.zeros(len(x), bool)
        cut[breaks[(breaks >= 0) & (breaks < len(x))]] = True
        known = ~np.isnan(y)
        group = np.cumsum(cut | ~known)
        for rows in np.split(np.flatnonzero(known), np.flatnonzero(np.diff(group[known])) + 1):
            if len(rows) > 1:
                line = [QPointF(a, b) for a, b in zip(x[rows].tolist(), y[rows].tolist(), strict=True)]
                painter.drawPolyline(QPolygonF(line))
        return
    column = np.floor(x).astype(np.int64)
    known = np.flatnonzero(~np.isnan(y))
    first = np.flatnonzero(np.diff(column[known], prepend=column[known[0]] - 1)) if len(known) else known
    if not len(first):
        return
    low, high = np.minimum.reduceat(y[known], first), np.maximum.reduceat(y[known], first)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    for at, top, bottom in zip(column[known[first]].tolist(), low.tolist(), high.tolist(), strict=True):
        painter.drawLine(QPointF(at, top), QPointF(at, bottom))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)


def paint_cross(painter: QPainter, x: float, top: float, bottom: float, strong: bool) -> None:
    """The line through a step that is picked, or (fainter) pointed at; crisp on its column of pixels."""
    pen = QPen(theme.colour("text2" if strong else "axis"), 1)
    if strong:
        pen.setDashPattern([1, 2])
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(pen)
    painter.drawLine(QPointF(round(x), top), QPointF(round(x), bottom))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)


class Dots:
    """The points of a series as one image: planned where they are, coloured as often as colours change."""

    def __init__(self) -> None:
        self._key: tuple | None = None
        self._values: np.ndarray | None = None
        self._plan: raster.Plan | None = None
        self._pixels: np.ndarray | None = None
        self._image: QImage | None = None
        self._colours: np.ndarray | None = None
        self._canvas = ""
        self._scale = 1.0

    def is_of(self, values: np.ndarray, key: tuple) -> bool:
        """Whether the plan is of these values, seen in the way that `key` says."""
        return values is self._values and key == self._key

    def place(
        self,
        values: np.ndarray,
        key: tuple,
        x: np.ndarray,
        y: np.ndarray,
        size: tuple[float, float],
        style: Style,
        scale: float,
    ) -> None:
        """Plan points at (x, y), NaN where there is none; nothing is done while `values` and `key` stay what they were."""
        if self.is_of(values, key):
            return
        width, height = max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)
        x, y = np.where(np.isnan(y), -1e6, x * scale), np.where(np.isnan(y), -1e6, y * scale)
        self._plan = raster.plan(x, y, width, height, style, scale)
        self._values, self._key, self._scale, self._image = values, key, scale, None

    def paint(self, painter: QPainter, at: QPointF, colours: np.ndarray) -> None:
        """Paint the points in `colours` (points, 3)."""
        if self._plan is None:
            return
        canvas = theme.current().canvas
        if self._image is None or colours is not self._colours or canvas != self._canvas:
            self._render(colours, canvas)
        assert self._image is not None
        painter.drawImage(at, self._image)

    def _render(self, colours: np.ndarray, canvas: str) -> None:
        plan = self._plan
        assert plan is not None
        self._pixels = np.zeros((plan.height, plan.width), np.uint32)
        rgb = np.array(QColor(canvas).getRgbF()[:3], np.float32)
        raster.paint(plan, np.ascontiguousarray(colours, np.float32), rgb, self._pixels)
        kind = QImage.Format.Format_ARGB32_Premultiplied if plan.premultiplied else QImage.Format.Format_ARGB32
        # The image looks into the array's memory: both are kept.
        self._image = QImage(self._pixels.data, plan.width, plan.height, plan.width * 4, kind)
        self._image.setDevicePixelRatio(self._scale)
        self._colours, self._canvas = colours, canvas

    def pick(self, x: float, y: float, reach: float = 8.0) -> int | None:
        """The point seen nearest to a pixel."""
        if self._plan is None:
            return None
        found = raster.seen_rows(self._plan, x * self._scale, y * self._scale, reach * self._scale)
        return int(found[0]) if len(found) else None
