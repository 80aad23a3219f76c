"""What all layers of a picture stand on: the frame that maps data to pixels, and a layer that paints in pixels.

A picture is a stack of a few layers over a plot's rectangle (grid, shapes, points, letters, hand). Each paints in the
logical pixels of that rectangle, so that a line of two pixels is one everywhere: on any screen, in any export.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, QTimer
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGraphicsObject, QStyleOptionGraphicsItem, QWidget

from emstudio.gui import vector


@dataclass(frozen=True)
class Frame:
    """The visible rectangle in data units and its size in logical pixels; pixel (0, 0) is its upper left corner."""

    left: float
    bottom: float
    right: float
    top: float
    width: float
    height: float

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels to one data unit, to the right and downwards (negative, as data grow upwards)."""
        return self.width / (self.right - self.left), self.height / (self.bottom - self.top)

    def pixels(self, xy: np.ndarray) -> np.ndarray:
        """(n, 2) data positions -> (n, 2) pixels. The corner is taken off first: large offsets lose nothing."""
        xy = np.asarray(xy, float)
        return (xy - (self.left, self.top)) * self.scale

    def data(self, x: float, y: float) -> tuple[float, float]:
        """A pixel's position in the data's units."""
        sx, sy = self.scale
        return self.left + x / sx, self.top + y / sy

    @property
    def rectangle(self) -> tuple[float, float, float, float]:
        return self.left, self.bottom, self.right, self.top


def frame_of(box: pg.ViewBox) -> Frame:
    """The frame of a plot's rectangle as it stands."""
    (left, right), (bottom, top) = box.viewRange()
    return Frame(left, bottom, right, top, max(box.width(), 1.0), max(box.height(), 1.0))


def widened(low: float, high: float, share: float) -> tuple[float, float]:
    """The interval with air on both sides; one of no length gets some about it."""
    span = high - low
    if not span > 1e-9 * max(abs(low), abs(high)):
        span = max(abs(low), abs(high), 1.0) * 0.1
        return low - span, high + span
    return low - share * span, high + share * span


class Layer(QGraphicsObject):
    """One layer of a picture. Subclasses paint in `show_on(painter, frame)`; an error there never escapes."""

    def __init__(self, box: pg.ViewBox, z: float):
        super().__init__(box)
        self._box = box
        self._failed: set[str] = set()
        self.setZValue(z)
        # A layer never takes the mouse: the canvas hears every event itself.
        self.setAcceptedMouseButtons(pg.QtCore.Qt.MouseButton.NoButton)
        box.sigResized.connect(self._on_resized)

    def frame(self) -> Frame:
        return frame_of(self._box)

    def boundingRect(self) -> QRectF:
        return self._box.rect()

    def _on_resized(self, *_: object) -> None:
        self.prepareGeometryChange()
        self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        try:
            with vector.clipped(painter, self.boundingRect()) if vector.on_paper(painter) else nullcontext():
                self.show_on(painter, self.frame())
        except (
            Exception
        ) as error:  # an exception inside Qt's paint would leave the picture half drawn, or end the process
            self._report(error)
        finally:
            painter.restore()

    def show_on(self, painter: QPainter, frame: Frame) -> None:
        raise NotImplementedError

    def _report(self, error: Exception) -> None:
        """Hand the error to the application's hook, once, from outside of the paint."""
        name = f"{type(error).__name__}: {error}"
        if name not in self._failed:
            self._failed.add(name)
            QTimer.singleShot(0, lambda: sys.excepthook(type(error), error, error.__traceback__))
