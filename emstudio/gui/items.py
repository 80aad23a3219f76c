"""The shapes of a model on the canvas: ellipses, density curves with their fills, histogram bars."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF, QTransform

from emstudio.core.marks import Bars, Borders, Curve, Ellipse, Simplex
from emstudio.gui import theme, vector
from emstudio.gui.layers import Frame, Layer

LINES = (2.0, 1.5, 1.25)  # pixels, of the first, second and third contour
LINE_ALPHAS = (1.0, 0.8, 0.6)
FILL_ALPHAS = (0.09, 0.055, 0.035)
STACK_ALPHA = 0.27
LEGEND = 24.0  # pixels at the top of a picture with curves that belong to the legend
_TOO_LONG = 20_000.0  # pixels: dashes of a longer outline would take seconds to lay
_CIRCLE = QPainterPath()
_CIRCLE.addEllipse(QPointF(0, 0), 1, 1)


def faded(colour: QColor, alpha: float) -> QColor:
    """The colour with this opacity."""
    result = QColor(colour)
    result.setAlphaF(alpha)
    return result


def line_pen(colour: QColor, width: float, k: int = 0) -> QPen:
    """A pen of `width` pixels with the dashes of component `k`."""
    pen = QPen(colour, width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    pattern = theme.dash(k)
    if pattern:
        pen.setDashPattern(pattern)
    return pen


def axes_of(covariance: np.ndarray) -> np.ndarray:
    """(2, 2) the factor L, L L' = covariance, that turns the unit circle into the contour of one sigma."""
    values, vectors = np.linalg.eigh(covariance)
    # The symmetric root changes little when the covariance does: dashes and labels do not jump.
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def contour(mark: Ellipse, radius: float, angles: np.ndarray) -> np.ndarray:
    """(m, 2) points of a contour in data units."""
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.asarray(mark.mean) + radius * circle @ axes_of(mark.covariance).T


class Shapes(Layer):
    """Ellipses, curves and bars of the drawing shown. With many points the ellipses lie above them on a halo."""

    BELOW, ABOVE = -10.0, 10.0

    def __init__(self, box: pg.ViewBox):
        super().__init__(box, self.BELOW)
        self._marks: tuple[object, ...] = ()
        self._many = False

    def show_marks(self, marks: Iterable[object], many: bool) -> None:
        self._marks = tuple(m for m in marks if isinstance(m, Ellipse | Curve | Bars | Borders | Simplex))
        self._many = many
        self.setZValue(self.ABOVE if many and any(isinstance(m, Ellipse) for m in self._marks) else self.BELOW)
        self.update()

    def show_on(self, painter: QPainter, frame: Frame) -> None:
        for mark in self._marks:
            if isinstance(mark, Bars):
                paint_bars(painter, frame, mark)
        for mark in self._marks:
            if isinstance(mark, Borders):
                paint_borders(painter, frame, mark)
            elif isinstance(mark, Simplex):
                paint_simplex(painter, frame, mark)
        curves = [m for m in self._marks if isinstance(m, Curve)]
        if curves:  # what rises out of the picture does not run through the legend
            with vector.clipped(painter, QRectF(0, LEGEND, frame.width, frame.height - LEGEND)):
                for mark in curves:
                    paint_fill(painter, frame, mark)
                for mark in sorted(curves, key=lambda c: c.component is None):
                    if mark.line:
                        paint_line(painter, frame, mark)
        paint_ellipses(painter, frame, [m for m in self._marks if isinstance(m, Ellipse)], self._many)


def paint_ellipses(painter: QPainter, frame: Frame, ellipses: list[Ellipse], many: bool) -> None:
    """All fills, then all outlines: no fill covers another component's line."""
    shapes = [(m, [_outline(frame, m, r) for r in m.radii]) for m in ellipses]
    screen = QRectF(0, 0, frame.width, frame.height)
    if not many:
        painter.setPen(Qt.PenStyle.NoPen)
        for mark, outlines in shapes:
            for i, path in enumerate(outlines):
                if path.boundingRect().intersects(screen):
                    painter.setBrush(faded(theme.component_colour(mark.component), FILL_ALPHAS[min(i, 2)]))
                    painter.drawPath(path)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for mark, outlines in shapes:
        colour = theme.component_colour(mark.component)
        for i, path in reversed(list(enumerate(outlines))):
            box = path.boundingRect()
            if not box.intersects(screen):
                continue
            width = LINES[min(i, 2)]
            if many:
                painter.setPen(QPen(faded(theme.colour("canvas"), 0.75), width + 3))
                painter.drawPath(path)
            dashes = mark.component if max(box.width(), box.height()) < _TOO_LONG else 0
            painter.setPen(line_pen(faded(colour, 1.0 if many else LINE_ALPHAS[min(i, 2)]), width, dashes))
            painter.drawPath(path)


def _outline(frame: Frame, mark: Ellipse, radius: float) -> QPainterPath:
    """The contour as a path in pixels: the unit circle under a transform."""
    sx, sy = frame.scale
    factor = axes_of(mark.covariance) * radius
    centre = frame.pixels(np.asarray(mark.mean)[None])[0]
    numbers = (factor[0, 0] * sx, factor[1, 0] * sy, factor[0, 1] * sx, factor[1, 1] * sy, centre[0], centre[1])
    if not all(math.isfinite(v) for v in numbers):
        return QPainterPath()
    return QTransform(*(float(v) for v in numbers)).map(_CIRCLE)


def paint_bars(painter: QPainter, frame: Frame, mark: Bars) -> None:
    """The histogram: quiet bars with an outline."""
    edges = frame.pixels(np.stack([mark.edges, np.zeros(len(mark.edges))], axis=1))
    tops = frame.pixels(np.stack([mark.edges[:-1], mark.heights], axis=1))[:, 1]
    floor = edges[0, 1]
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(QPen(faded(theme.colour("axis"), 0.75), 1))
    painter.setBrush(faded(theme.colour("bound"), 0.24))
    for left, right, top, height in zip(edges[:-1, 0], edges[1:, 0], tops, mark.heights, strict=True):
        if height > 0 and right > 0 and left < frame.width:
            left, right = max(left, -2.0), min(right, frame.width + 2.0)
            painter.drawRect(QRectF(QPointF(round(left), round(top)), QPointF(round(right), round(floor))))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)


def paint_borders(painter: QPainter, frame: Frame, mark: Borders) -> None:
    """Where one component's region ends and another's begins: quiet dashes."""
    pen = QPen(theme.colour("text3"), 1.25)
    pen.setDashPattern([5, 4])
    painter.setPen(pen)
    for first, last in zip(frame.pixels(mark.lines[:, 0]).tolist(), frame.pixels(mark.lines[:, 1]).tolist()):
        painter.drawLine(QPointF(*first), QPointF(*last))


def paint_simplex(painter: QPainter, frame: Frame, mark: Simplex) -> None:
    """The triangle with hairlines at each tenth of each outcome, its corners named."""
    corners = np.asarray(mark.corners, float)
    painter.setPen(QPen(theme.colour("grid"), 1))
    for share in np.arange(1, 10) / 10:
        for i in range(3):  # where outcome i has this share
            ends = [share * corners[i] + (1 - share) * corners[j] for j in range(3) if j != i]
            first, last = frame.pixels(np.array(ends)).tolist()
            painter.drawLine(QPointF(*first), QPointF(*last))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.colour("axis"), 1.5))
    at = frame.pixels(corners)
    painter.drawPolygon(polygon(at))
    painter.setFont(theme.font(12, 600))
    painter.setPen(theme.colour("text2"))
    middle = corners.mean(0)
    for (x, y), name, corner in zip(at.tolist(), mark.names, corners, strict=True):
        above = corner[1] > middle[1]
        box = QRectF(x - 120, y - 28 if above else y + 8, 240, 20)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)


def polyline(frame: Frame, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(m, 2) pixels of a curve; what lies far outside is brought to the edge, so that no line is endlessly long."""
    line = frame.pixels(np.stack([np.asarray(x, float), np.broadcast_to(np.asarray(y, float), np.shape(x))], axis=1))
    line[:, 1] = np.clip(line[:, 1], -50.0, frame.height + 50.0)
    return line[np.isfinite(line).all(axis=1)]


def polygon(points: np.ndarray) -> QPolygonF:
    return QPolygonF([QPointF(x, y) for x, y in points.tolist()])


def paint_fill(painter: QPainter, frame: Frame, mark: Curve) -> None:
    if mark.base is None or mark.component is None:
        return
    above, below = polyline(frame, mark.x, mark.y), polyline(frame, mark.x, mark.base)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(faded(theme.component_colour(mark.component), STACK_ALPHA))
    painter.drawPolygon(polygon(np.concatenate([above, below[::-1]])))


def paint_line(painter: QPainter, frame: Frame, mark: Curve) -> None:
    """A component's line in its colour and dash; the total in text colour on a halo."""
    line = polyline(frame, mark.x, mark.y)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if mark.component is None:
        painter.setPen(QPen(faded(theme.colour("canvas"), 0.9), 5))
        painter.drawPolyline(polygon(line))
        painter.setPen(QPen(theme.colour("text"), 2))
        painter.drawPolyline(polygon(line))
        return
    floor = polyline(frame, np.asarray(mark.x)[:1], np.zeros(1))
    # Along the axis a line says nothing and hides the axis.
    risen = line[:, 1] < (floor[0, 1] if len(floor) else math.inf) - 0.75
    keep = risen | np.roll(risen, 1) | np.roll(risen, -1)
    line = line[keep]
    if len(line) > 1:
        painter.setPen(line_pen(theme.component_colour(mark.component), 2, mark.component if mark.dashed else 0))
        painter.drawPolyline(polygon(line))
