"""The curves of the objective plot: staircases of log-likelihood and bound, the gap between them, bands of draws, in pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from emstudio.gui import theme
from emstudio.gui.staircase import reduced, runs, steps
from emstudio.gui.track import Track

BAND = 2.0  # standard errors to either side of a bound that draws estimate


@dataclass(frozen=True, eq=False)
class Shapes:
    """What is drawn of one run, from the back to the front, in pixels."""

    bands: list[QRectF]
    gaps: list[QPolygonF]
    lower: list[QPolygonF]
    upper: list[QPolygonF]

    def paint(self, painter: QPainter) -> None:
        _paint_bands(painter, self.bands)
        _paint_shapes(painter, self.gaps, self.lower, self.upper)


@dataclass(frozen=True, eq=False)
class Curves:
    """Cells of `track`, each `cell` px wide, in the rectangle `plot`, whose bottom and top are the values `limits`."""

    track: Track
    plot: QRectF
    limits: tuple[float, float]
    cell: float

    def of(self, first: int, end: int) -> Shapes:
        """The curves of the cells first ... end - 1, which belong to one run."""
        return Shapes(self._bands(first, end), *self._shapes(first, end))

    def _shapes(self, first: int, end: int) -> tuple[list[QPolygonF], list[QPolygonF], list[QPolygonF]]:
        """The gaps, bounds and log-likelihoods of a segment's cells in pixels, broken where something is not known."""
        likelihood, bound = self.track.likelihood[first:end], self.track.bound[first:end]
        upper, lower = (
            [self._polygon(*steps(values[a:b], first + a)) for a, b in runs(np.isfinite(values))]
            for values in (likelihood, bound)
        )
        gaps = []
        for a, b in runs(np.isfinite(likelihood) & np.isfinite(bound)):
            top = self._polygon(*steps(likelihood[a:b], first + a))
            under = np.minimum(bound[a:b], likelihood[a:b])  # an annealed bound can lie above: then there is no gap
            gaps.append(QPolygonF(list(top) + list(self._polygon(*steps(under, first + a)))[::-1]))
        return gaps, lower, upper

    def _bands(self, first: int, end: int) -> list[QRectF]:
        """Two standard errors about the bounds that are made of draws, in pixels; where cells are narrower, of one of them."""
        bound, error = self.track.bound[first:end], self.track.facts["error"][first:end]
        cells = np.flatnonzero(np.isfinite(bound) & np.isfinite(error))
        left = self.plot.left() + (first + cells - self.track.first) * self.cell
        if self.cell < 1.0:
            _, some = np.unique(left.astype(int), return_index=True)
            cells, left = cells[some], left[some]
        low, high = self.limits
        scale = self.plot.height() / (high - low)
        values = np.clip([bound[cells] + sign * BAND * error[cells] for sign in (1.0, -1.0)], low, high)
        top, bottom = self.plot.bottom() - (values - low) * scale
        width = max(self.cell, 1.0)
        return [
            QRectF(x, y, width, z - y) for x, y, z in zip(left.tolist(), top.tolist(), bottom.tolist(), strict=True)
        ]

    def _polygon(self, x: np.ndarray, y: np.ndarray) -> QPolygonF:
        """Corners in pixels, reduced to what the pixels can show; far below the plot is just below it."""
        x, y = reduced(x, y, max(int(self.plot.width()), 1))
        low, high = self.limits
        beyond = 2 * (high - low)
        y = np.clip(y, low - beyond, high + beyond)
        xs = self.plot.left() + (x - self.track.first) * self.cell
        ys = self.plot.bottom() - (y - low) / (high - low) * self.plot.height()
        return QPolygonF([QPointF(a, b) for a, b in zip(xs.tolist(), ys.tolist())])


def _paint_bands(painter: QPainter, bands: list[QRectF]) -> None:
    fill = theme.colour("bound")
    fill.setAlphaF(0.45)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    painter.drawRects(bands)


def _paint_shapes(painter: QPainter, gaps: list, lower: list, upper: list) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(gap_colour())
    for gap in gaps:
        painter.drawPolygon(gap)
    for lines, role in ((lower, "text2"), (upper, "text")):
        painter.setPen(pen_of(role))
        for line in lines:
            painter.drawPolyline(line)


def gap_colour() -> QColor:
    """The fill between log-likelihood and bound."""
    fill = theme.colour("gap")
    fill.setAlphaF(0.75 if theme.current().dark else 0.5)
    return fill


def pen_of(role: str) -> QPen:
    """The line of a curve: solid for the log-likelihood (`text`), dashed for the bound (`text2`)."""
    pen = QPen(theme.colour(role), 2.0 if role == "text" else 1.75)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    if role == "text2":
        pen.setDashPattern([3.4, 1.7])
    return pen
