"""Columns in pairs on one sheet: each pair as a scatter, each column alone on the diagonal, the parameters beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from emstudio.core.data import Dataset
from emstudio.core.em import Moment
from emstudio.core.format import count, number
from emstudio.core.marks import Bars, Borders, Curve, Disc, Drawing, Ellipse, View
from emstudio.gui import items, raster, theme, vector
from emstudio.gui.axes import spacing, tick_texts, ticks
from emstudio.gui.layers import Frame, widened
from emstudio.gui.point_layer import neutral
from emstudio.gui.samples import paint_disc
from emstudio.gui.sheet import MARGIN, WIDTH, Body

MOST = 5  # columns
_LEFT, _BOTTOM, _GAP = 64, 44, 10  # pixels beside and below the cells, and between them
_RATIO = 0.8  # height to width of a cell
_AIR = 0.08
_ACROSS, _UP = 44.0, 30.0  # pixels between two ticks, at least
_TITLE = 24.0  # pixels of a diagonal cell that its column's name takes
_MANY = 1_000  # points from which ellipses lie above them
_DISC = 16.0
_CELL = 74.0  # pixels of a number
_PITCH = 22.0  # pixels from line to line of the parameters
_SIGMAS = 2.0


def pairs(moment: Moment) -> Body:
    """Up to five columns against each other: where there are more, those in which the components differ most."""
    data = moment.data
    columns = chosen(moment)
    m = len(columns)
    width = (WIDTH - _LEFT - round(MARGIN) + _GAP) // m - _GAP
    height = round(width * _RATIO)
    note = ""
    if m < data.d:
        note = f"{m} of {count(data.d)} columns, in which the components differ most"

    def cell(row: int, column: int) -> QRectF:
        return QRectF(_LEFT + column * (width + _GAP), 8 + row * (height + _GAP), width, height)

    def paint(painter: QPainter) -> None:
        for i, y in enumerate(columns):
            for j, x in enumerate(columns[:i]):
                _Cell(moment, cell(i, j)).paint_pair(painter, x, y, left=j == 0, bottom=i == m - 1)
            _Cell(moment, cell(i, i)).paint_alone(painter, y, bottom=i == m - 1)
        _paint_parameters(painter, moment, columns, [cell(i, i) for i in range(m)])

    return Body(WIDTH, 8 + m * (height + _GAP) - _GAP + _BOTTOM, paint, note)


def chosen(moment: Moment) -> list[int]:
    """The columns that are shown, in their order."""
    data, resp = moment.data, moment.snapshot.resp
    if data.d <= MOST or resp is None or np.isnan(resp).any():
        return list(range(min(data.d, MOST)))
    return sorted(np.argsort(-separation(data, resp), kind="stable")[:MOST].tolist())


def separation(data: Dataset, resp: np.ndarray) -> np.ndarray:
    """(d,) the share of each column's variance that lies between the components' means; responsibilities (n, K)."""
    weights = np.ones(data.n) if data.weights is None else data.weights
    known = np.isfinite(data.observed)
    x = np.where(known, data.observed, 0.0)
    middle = (weights @ x) / np.maximum(weights @ known, 1e-300)
    x = np.where(known, x - middle, 0.0)
    each = (resp * weights[:, None]).T
    counts, sums = each @ known, each @ x
    between = (sums**2 / np.maximum(counts, 1e-300)).sum(0)
    return between / np.maximum(weights @ x**2, 1e-300)


class _Cell:
    """One cell of the matrix, `box` on the sheet."""

    def __init__(self, moment: Moment, box: QRectF):
        self._moment, self._box = moment, box

    def _range(self, column: int) -> tuple[float, float]:
        data = self._moment.data
        low, high = data.memo("extent", lambda: (np.nanmin(data.x, axis=0), np.nanmax(data.x, axis=0)))
        return widened(low[column], high[column], _AIR)

    def _draw(self, view: View) -> Drawing:
        return self._moment.model.draw(self._moment.data, self._moment.snapshot.params, view)

    def paint_pair(self, painter: QPainter, x: int, y: int, left: bool, bottom: bool) -> None:
        """Column `y` against `x`: the points, two sigma of every component, its letter."""
        moment, box = self._moment, self._box
        (x0, x1), (y0, y1) = self._range(x), self._range(y)
        frame = Frame(x0, y0, x1, y1, box.width(), box.height())
        self._paint_frame(painter, frame, left, bottom, grid=True)
        marks = self._draw(View("scatter", (x, y), frame.rectangle, (int(frame.width), int(frame.height)))).marks
        many = moment.data.n > _MANY
        with self._inside(painter):
            ellipses = [replace(m, radii=(_SIGMAS,)) for m in marks if isinstance(m, Ellipse)]
            if not many:
                items.paint_ellipses(painter, frame, ellipses, False)
            self._paint_points(painter, frame, x, y)
            for mark in marks:
                if isinstance(mark, Borders):
                    items.paint_borders(painter, frame, mark)
            if many:
                items.paint_ellipses(painter, frame, ellipses, True)
            for mark in marks:
                if isinstance(mark, Disc):
                    at = frame.pixels(np.asarray(mark.position, float)[None])[0]
                    paint_disc(painter, QPointF(*at.tolist()), _DISC, mark.component, theme.colour("canvas"))

    def paint_alone(self, painter: QPainter, column: int, bottom: bool) -> None:
        """One column by itself: its histogram and what the components expect, below its name."""
        box = self._box
        view = next(v for v in self._moment.model.views(self._moment.data) if len(v.columns) == 1)
        low, high = self._range(column)
        size = int(box.width()), int(box.height())
        drawing = self._draw(replace(view, columns=(column,), rectangle=(low, 0.0, high, 1.0), pixels=size))
        tall = max((float(np.max(m.heights, initial=0.0)) for m in drawing.marks if isinstance(m, Bars)), default=1.0)
        top = (tall or 1.0) * box.height() / (box.height() - _TITLE - 6)
        frame = Frame(low, 0.0, high, top, box.width(), box.height())
        self._paint_frame(painter, frame, False, bottom, grid=False)
        with self._inside(painter):
            for mark in drawing.marks:
                if isinstance(mark, Bars):
                    items.paint_bars(painter, frame, mark)
            for mark in _hills(drawing):
                items.paint_fill(painter, frame, mark)
                if mark.line:
                    items.paint_line(painter, frame, mark)
            veil = theme.colour("canvas")
            veil.setAlphaF(0.85)
            painter.fillRect(QRectF(0, 0, box.width(), _TITLE), veil)
        painter.setFont(theme.font(12, 600))
        painter.setPen(theme.colour("text"))
        room = QRectF(box.left() + 8, box.top() + 3, box.width() - 16, _TITLE - 3)
        words = QFontMetricsF(painter.font()).elidedText(drawing.x_label, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, words)

    def _inside(self, painter: QPainter):  # type: ignore[no-untyped-def]
        """Painting within the cell, from its corner."""
        return vector.framed(painter, self._box)

    def _paint_points(self, painter: QPainter, frame: Frame, x: int, y: int) -> None:
        moment = self._moment
        data, style = moment.data, _style(moment.data.n)
        colours = raster.mix(moment.snapshot.resp, theme.component_rgb(moment.model.parts), neutral(), data.n)
        at = frame.pixels(data.observed[:, [x, y]])
        vector.paint_cloud(painter, at, colours, style, frame.width, frame.height, raster.sizes_of(data.weights))

    def _paint_frame(self, painter: QPainter, frame: Frame, left: bool, bottom: bool, grid: bool) -> None:
        """The cell's outline with a quiet grid, and the numbers of the axes at the edge of the whole."""
        box = self._box
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        across = _ticks(frame.left, frame.right, box.width(), _ACROSS)
        up = _ticks(frame.bottom, frame.top, box.height(), _UP)
        places = [(x, "across", w) for x, w in across] + [(y, "up", w) for y, w in (up if grid else [])]
        for value, way, _ in places:
            painter.setPen(QPen(theme.colour("grid"), 1))
            if way == "across":
                x = round(box.left() + (value - frame.left) * frame.scale[0])
                painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
            else:
                y = round(box.top() + (value - frame.top) * frame.scale[1])
                painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
        painter.setPen(QPen(theme.colour("hairline"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(11))
        painter.setPen(theme.colour("text2"))
        for value, words in across if bottom else ():
            x = box.left() + (value - frame.left) * frame.scale[0]
            painter.drawText(QRectF(x - 40, box.bottom() + 4, 80, 18), Qt.AlignmentFlag.AlignCenter, words)
        for value, words in up if left and grid else ():
            y = box.top() + (value - frame.top) * frame.scale[1]
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, y - 9, box.left() - 6, 18), flags, words)


def _hills(drawing: Drawing) -> list[Curve]:
    """Each component's curve, filled down to the axis; the fill of the only one has no line of its own."""
    curves = [m for m in drawing.marks if isinstance(m, Curve) and m.component is not None]
    lines = [replace(m, base=0.0) for m in curves if m.line]
    return lines or curves


def _style(n: int) -> raster.Style:
    """Points smaller than in a picture that has the whole room."""
    style = raster.style_for(n)
    return replace(style, diameter=max(style.diameter * 0.6, 2.0), edge=style.edge * 0.5)


def _ticks(low: float, high: float, length: float, apart: float) -> list[tuple[float, str]]:
    """The values of an axis with their texts; none so near to an end that its text would leave the cell."""
    step = spacing(low, high, length, apart)
    at = ticks(low, high, step)
    near = 10.0 / max(length, 1.0) * (high - low)
    found = zip(at.tolist(), tick_texts(at, step), strict=True)
    return [(value, words) for value, words in found if low + near <= value <= high - near]


def _paint_parameters(painter: QPainter, moment: Moment, columns: list[int], diagonal: list[QRectF]) -> None:
    """The parameters of all components in the corner above the diagonal, kind by kind as long as there is room."""
    if moment.snapshot.params is None:
        return
    lines = _lines(moment, columns)
    k = len(moment.model.stacked(moment.snapshot.params)[0])
    names = QFontMetricsF(theme.font(12))
    name_width = min(max(names.horizontalAdvance(name) for name, _ in lines) + 16, 190.0)
    right, top = diagonal[-1].right(), diagonal[0].top()
    start = right - name_width - k * _CELL
    if start < diagonal[1].left():
        return
    most = int((next(box.top() for box in diagonal if box.right() > start - _GAP) - top - 38) // _PITCH)
    for c in range(k):
        paint_disc(painter, QPointF(start + name_width + (c + 1) * _CELL - 18, top + 14), 18, c)
    flags = Qt.AlignmentFlag.AlignVCenter
    for i, (name, values) in enumerate(_whole(lines, most)):
        y = top + 30 + i * _PITCH
        painter.setFont(theme.font(12))
        painter.setPen(theme.colour("text2"))
        words = names.elidedText(name, Qt.TextElideMode.ElideMiddle, name_width - 10)
        painter.drawText(QRectF(start, y, name_width, _PITCH), flags | Qt.AlignmentFlag.AlignLeft, words)
        painter.setPen(theme.colour("text"))
        painter.setFont(theme.font(12, 500))
        for c in range(k):
            box = QRectF(start + name_width + c * _CELL, y, _CELL - 8, _PITCH)
            painter.drawText(box, flags | Qt.AlignmentFlag.AlignRight, number(float(values[c])))


def _whole(lines: list[tuple[str, np.ndarray]], most: int) -> list[tuple[str, np.ndarray]]:
    """At most so many lines, without a kind of parameter (μ, σ ...) of which some would be missing."""
    if len(lines) <= most:
        return lines
    cut = lines[max(most, 0)][0].split()[0]
    return [line for line in lines[: max(most, 0)] if line[0].split()[0] != cut]


def _lines(moment: Moment, columns: list[int]) -> list[tuple[str, np.ndarray]]:
    """The model's table, without what it says of columns that are not shown."""
    data = moment.data
    hidden = {title for j in set(range(data.d)) - set(columns) for title in (data.columns[j].title, data.names[j])}
    table = moment.model.table(data, moment.snapshot.params)
    return [
        (name, values)
        for name, values in table
        if not any(part in hidden for part in name.partition(" ")[2].split(", "))
    ]
