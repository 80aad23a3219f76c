"""Probabilities along time as lines: stairs of the exact ones, a dot at each step for the share of the draws."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter, QPen

from emstudio.gui import theme
from emstudio.gui.series_span import Span


def paint_stairs(painter: QPainter, box: QRectF, shown: np.ndarray) -> None:
    """The borders between the states' stacked probabilities (width, K), in the pen set; nothing across a gap."""
    x = box.left() + (np.arange(len(shown)) + 0.5) * box.width() / len(shown)
    upto = np.cumsum(shown, axis=1)[:, :-1]
    known = np.flatnonzero(~np.isnan(shown[:, 0]))
    runs = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1)
    for border in upto.T:
        y = box.top() + border * box.height()
        for run in runs:
            # Corners only where the level changes.
            keep = run[np.flatnonzero(np.diff(y[run], prepend=np.nan, append=np.nan)[:-1] != 0)]
            ends = np.append(keep[1:] - 1, run[-1]) if len(keep) else keep
            corners = [QPointF(a, y[i]) for i, e in zip(keep, ends, strict=True) for a in (x[i], x[e])]
            painter.drawPolyline(corners)


def paint_dots(painter: QPainter, box: QRectF, span: Span, mean: np.ndarray) -> None:
    """A dot at each step for every border between the stacked shares (n, K) of the draws."""
    first, last = span.seen()
    x = box.left() + span.pixels(span.position(np.arange(first, last)), box.width())
    painter.setPen(QPen(theme.colour("canvas"), 0.75))
    painter.setBrush(theme.colour("text"))
    radius = min(max(box.width() / (span.right - span.left) / 3, 1.6), 2.6)
    painter.setClipRect(box.adjusted(-1, -3, 1, 3))
    for border in np.cumsum(mean[first:last], axis=1)[:, :-1].T:
        for a, b in zip(x.tolist(), (box.top() + border * box.height()).tolist(), strict=True):
            painter.drawEllipse(QPointF(a, b), radius, radius)
    painter.setClipping(False)
