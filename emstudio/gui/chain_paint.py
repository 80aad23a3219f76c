"""Arrows and cells of the transitions, painted."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from emstudio.core.format import number
from emstudio.gui import theme
from emstudio.gui.chain_arrows import Arrow
from emstudio.gui.items import faded


def paint_arrow(painter: QPainter, arrow: Arrow, weight: float) -> None:
    """An arrow as wide as it is probable; a way that the model does not have is a faint dotted line."""
    colour = theme.component_colour(arrow.origin)
    line = arrow.line
    if weight <= 0:
        pen = QPen(faded(colour, 0.45), 1.0)
        pen.setDashPattern([2, 4])
        painter.setPen(pen)
        painter.drawPolyline(_polygon(line))
        return
    width = 1.25 + 2.25 * weight
    head = 6.5 + 1.3 * width
    pen = QPen(colour, width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(_polygon(line[arrow.length <= arrow.length[-1] - 0.8 * head]))
    tip = line[-1]
    way = tip - np.array(arrow.at(1 - 0.9 * head / arrow.length[-1]))
    way /= max(float(np.hypot(*way)), 1e-9)
    side = np.array([-way[1], way[0]]) * head * 0.5
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPolygon(_polygon(np.array([tip, tip - way * head + side, tip - way * head - side])))


def paint_cell(painter: QPainter, cell: QRectF, origin: int, weight: float, ring: float) -> None:
    """A cell of the matrix in its row's colour, the deeper the more probable; `ring` px wide where it is chosen."""
    box = cell.adjusted(0.75, 0.75, -0.75, -0.75)
    none = weight <= 0
    share = 0.0 if none else 0.06 + 0.94 * weight
    fill = _between(theme.colour("canvas"), theme.component_colour(origin), share)
    painter.setPen(QPen(theme.colour("grid"), 1) if none else Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    painter.drawRoundedRect(box, 2, 2)
    if cell.width() >= 24:
        words = "0" if none else number(weight, decimals=2)
        painter.setFont(theme.font(11 if cell.width() >= 30 else 9, 500))
        painter.setPen(theme.colour("text3") if none else _reads_on(fill))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words if none or weight >= 0.995 else words[1:])
    if ring:
        painter.setPen(QPen(theme.colour("text"), ring))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box, 2, 2)


def _polygon(points: np.ndarray) -> QPolygonF:
    return QPolygonF([QPointF(x, y) for x, y in points.tolist()])


def _between(one: QColor, other: QColor, share: float) -> QColor:
    """The colour this share of the way from one to the other."""
    a, b = np.array(one.getRgbF()[:3]), np.array(other.getRgbF()[:3])
    return QColor.fromRgbF(*(a + share * (b - a)).tolist())


def _reads_on(fill: QColor) -> QColor:
    text = theme.colour("text")
    return text if theme.contrast(text, fill) >= 4.5 else theme.ink_on(fill)
