"""The points of a picture: one layer, four verbs - set_positions, set_colours, pick, select.

The picture of the points is planned once per view and size (`raster.plan`) and coloured once per half-step
(`raster.paint`). While the view moves and a plan is slow, the old picture is shown shifted and stretched; the plan is
made when the hand rests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSizeF, QTimer
from PySide6.QtGui import QImage, QPainter

from emstudio.gui import raster, theme, vector
from emstudio.gui.layers import Frame, Layer
from emstudio.gui.raster import Plan, Style

RUG_HEIGHT = 34.0  # pixels under the axis that a rug takes
_RUG_STYLE = Style(9.0, 1.0, 0.92)
_RUG_MIDDLE, _RUG_SPREAD = 14.0, 4.0  # pixels below the axis
AT_ONCE = 3_000  # so many points are planned anew in every frame of a pan or zoom
REST = 60  # ms
_RING = 6.0  # pixels more in the diameter of a selected point's ring


@dataclass(frozen=True, eq=False)
class _Picture:
    """A plan with the view it was made for, and its image; `memory` is what the image points to."""

    frame: Frame
    scale: float
    shift: tuple[float, float]  # device pixels from the layer's corner to the image's first pixel
    plan: Plan
    memory: np.ndarray
    image: QImage


class PointLayer(Layer):
    """`set_positions((n, 2))` or `set_positions((n,), rug=True)`, `set_colours((n, 3))`, `pick(x, y)`, `select(rows)`."""

    def __init__(self, box: pg.ViewBox):
        super().__init__(box, 0)
        self._xy = np.empty((0, 2))
        self._rug = False
        self._colours = np.empty((0, 3), np.float32)
        self._sizes: np.ndarray | None = None
        self._selected = np.empty(0, np.int64)
        self._picture: _Picture | None = None
        self._ring: _Picture | None = None
        self._stale = True  # positions changed since the picture was planned
        self._dirty = True  # colours changed since the picture was painted
        self.patient = True  # show the old picture while the view moves; an export does not
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST)
        self._rest.timeout.connect(self._on_rest)
        self._rested = False

    # -- the four verbs ------------------------------------------------------------------------------------------------
    def set_positions(self, xy: np.ndarray, rug: bool = False, sizes: np.ndarray | None = None) -> None:
        """Place the points: (n, 2) data positions, or (n,) values in a strip under the axis.

        `sizes` (n,): a point's diameter is so many times the usual one.
        """
        xy = np.asarray(xy, float)
        if rug:
            xy = np.stack([xy.ravel(), _jitter(xy.size)], axis=1)
        kept = len(xy) == len(self._colours)
        self._xy, self._rug, self._sizes, self._stale = xy, rug, sizes, True
        if not kept:
            self._colours = np.tile(neutral(), (len(xy), 1))
        self._selected = self._selected[self._selected < len(xy)]
        self.update()

    def set_colours(self, colours: np.ndarray) -> None:
        """Colour the points: (n, 3) floats 0..1."""
        if len(colours) != len(self._xy):
            raise ValueError("one colour is needed for each point")
        self._colours = np.ascontiguousarray(colours, np.float32)
        self._dirty = True
        self.update()

    def pick(self, x: float, y: float, reach: float = 7.0) -> np.ndarray:
        """The rows seen at pixel (x, y): the nearest one within reach, or all that share its cell; empty for none."""
        frame, picture = self.frame(), self._picture
        if picture is None or self._stale or picture.frame != frame:
            return self._nearest(frame, x, y, reach)
        s = picture.scale
        return raster.seen_rows(picture.plan, x * s - picture.shift[0], y * s - picture.shift[1], reach * s)

    def select(self, rows: np.ndarray) -> None:
        """Show these rows as selected."""
        self._selected = np.unique(np.asarray(rows, np.int64))
        self._ring = None
        self.update()

    # -- questions about places ----------------------------------------------------------------------------------------
    @property
    def count(self) -> int:
        return len(self._xy)

    @property
    def selected(self) -> np.ndarray:
        return self._selected

    @property
    def settled(self) -> bool:
        """Whether the picture is planned for the view shown, not stretched from an earlier one."""
        return self._picture is not None and self._picture.frame == self.frame() and not self._stale

    @property
    def style(self) -> Style:
        return _RUG_STYLE if self._rug and len(self._xy) <= 1000 else raster.style_for(len(self._xy))

    def places(self, frame: Frame, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """(m, 2) pixels of the points."""
        xy = self._xy[rows]
        if not self._rug:
            return frame.pixels(xy)
        at = frame.pixels(np.stack([xy[:, 0], np.zeros(len(xy))], axis=1))
        at[:, 1] += _RUG_MIDDLE + xy[:, 1] * _RUG_SPREAD
        return at

    def corners(self) -> list[np.ndarray]:
        """The lower left and the upper right corner of all points, data units; nothing where there are none."""
        known = self._xy[np.isfinite(self._xy).all(1)]
        return [known.min(axis=0), known.max(axis=0)] if len(known) else []

    def within(self, x: float, y: float, radius: float) -> np.ndarray:
        """The rows whose points lie in a circle of pixels; of a rug, those above or below each other count as one."""
        at = self.places(self.frame())
        dx, dy = at[:, 0] - x, at[:, 1] - y
        return np.flatnonzero(dx * dx + dy * dy <= radius * radius)

    def inside(self, box: QRectF) -> np.ndarray:
        """The rows whose points lie in a rectangle of pixels."""
        at = self.places(self.frame())
        hit = (
            (at[:, 0] >= box.left()) & (at[:, 0] <= box.right()) & (at[:, 1] >= box.top()) & (at[:, 1] <= box.bottom())
        )
        return np.flatnonzero(hit)

    def _nearest(self, frame: Frame, x: float, y: float, reach: float) -> np.ndarray:
        if not len(self._xy):
            return np.empty(0, np.int64)
        at = self.places(frame)
        distance = np.hypot(at[:, 0] - x, at[:, 1] - y)
        best = int(np.argmin(distance))
        radius = self.style.diameter / 2 * (1.0 if self._sizes is None else float(self._sizes[best]))
        return np.array([best], np.int64) if distance[best] <= reach + radius else np.empty(0, np.int64)

    # -- painting ------------------------------------------------------------------------------------------------------
    def recolour(self) -> None:
        """The theme changed: edges and rings take their colours anew."""
        self._dirty = True
        self._ring = None
        self.update()

    def show_on(self, painter: QPainter, frame: Frame) -> None:
        if not len(self._xy):
            return
        if vector.on_paper(painter):
            self._print(painter, frame)
            return
        device = painter.deviceTransform()
        scale = float(device.m11())
        if scale <= 0:
            return
        # The picture's pixels are the screen's: its corner lies on one, or Qt would blend neighbours.
        corner = device.map(QPointF(0, 0))
        shift = (float(np.floor(corner.x() + 1e-6) - corner.x()), float(np.floor(corner.y() + 1e-6) - corner.y()))
        if self._must_plan(frame, scale, shift):
            self._picture = self._planned(frame, scale, shift, None, self.style)
            self._ring, self._stale, self._dirty = None, False, True
        picture = self._picture
        assert picture is not None
        if self._dirty:
            raster.paint(picture.plan, self._colours, rgb("canvas"), picture.memory)
            self._dirty = False
        moved = picture.frame != frame
        if len(self._selected) and not moved:
            self._show_selection(painter, frame, scale, shift)
        self._lay(painter, picture, frame)

    def _print(self, painter: QPainter, frame: Frame) -> None:
        """The points on paper: circles, or where they are many a sharp image."""
        at, style = self.places(frame), self.style
        for rows, of, ink in self._layers(style):
            if self.count <= vector.MOST:
                vector.paint_points(painter, at if rows is None else at[rows], ink, of, self._sizes_of(rows))
                continue
            made = self._planned(frame, vector.GRAIN, (0.0, 0.0), rows, of)
            raster.paint(made.plan, ink, rgb("canvas"), made.memory)
            size = QSizeF(made.image.width(), made.image.height()) / vector.GRAIN
            vector.paint_image(painter, QRectF(QPointF(0, 0), size), made.image)

    def _layers(self, style: Style) -> list[tuple[np.ndarray | None, Style, np.ndarray]]:
        """(rows, style, colours) of the rings about selected points, then of all points."""
        layers: list[tuple[np.ndarray | None, Style, np.ndarray]] = [(None, style, self._colours)]
        if len(self._selected):
            rings = np.tile(rgb("text"), (len(self._selected), 1))
            layers.insert(0, (self._selected, Style(style.diameter + _RING, 1.0, 1.0), rings))
        return layers

    def _must_plan(self, frame: Frame, scale: float, shift: tuple[float, float]) -> bool:
        picture = self._picture
        if picture is None or self._stale or picture.scale != scale or not self.patient:
            return (
                picture is None or self._stale or (picture.frame, picture.scale, picture.shift) != (frame, scale, shift)
            )
        if picture.frame == frame and picture.shift == shift:
            return False
        resized = (picture.frame.width, picture.frame.height) != (frame.width, frame.height)
        if len(self._xy) <= AT_ONCE or self._rested or (resized and len(self._xy) <= raster.SEPARATE):
            self._rested = False
            return True
        self._rest.start()
        return False

    def _on_rest(self) -> None:
        self._rested = True
        self.update()

    def _planned(
        self, frame: Frame, scale: float, shift: tuple[float, float], rows: np.ndarray | None, style: Style
    ) -> _Picture:
        at = self.places(frame, slice(None) if rows is None else rows) * scale
        width, height = int(np.ceil(frame.width * scale)) + 1, int(np.ceil(frame.height * scale)) + 1
        sizes = self._sizes_of(rows)
        plan = raster.plan(at[:, 0] - shift[0], at[:, 1] - shift[1], width, height, style, scale, sizes)
        memory = np.zeros((height, width), np.uint32)
        kind = QImage.Format.Format_ARGB32_Premultiplied if plan.premultiplied else QImage.Format.Format_ARGB32
        image = QImage(memory.data, width, height, 4 * width, kind)
        image.setDevicePixelRatio(scale)
        return _Picture(frame, scale, shift, plan, memory, image)

    def _sizes_of(self, rows: np.ndarray | None) -> np.ndarray | None:
        """The sizes of all points, or those of the rings about `rows`, which are all as wide."""
        if rows is None or self._sizes is None:
            return self._sizes
        d = self.style.diameter
        return (d * self._sizes[rows] + _RING) / (d + _RING)

    def _lay(self, painter: QPainter, picture: _Picture, frame: Frame) -> None:
        """Draw the picture: pixel on pixel, or shifted and stretched to where it belongs while the view moves."""
        s = picture.scale
        if picture.frame == frame:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            painter.drawImage(QPointF(picture.shift[0] / s, picture.shift[1] / s), picture.image)
            return
        old = picture.frame
        corners = frame.pixels(np.array([[old.left, old.top], [old.right, old.bottom]]))
        if self._rug:
            corners[1, 1] = corners[0, 1] + old.height
        target = QRectF(QPointF(*corners[0]), QPointF(*corners[1]))
        if np.isfinite(corners).all() and target.width() < 1e6 and target.height() < 1e6:
            painter.drawImage(target, picture.image, QRectF(0, 0, old.width * s, old.height * s))

    def _show_selection(self, painter: QPainter, frame: Frame, scale: float, shift: tuple[float, float]) -> None:
        """Rings about the selected points: larger discs in text colour on a canvas-coloured rim, beneath the points."""
        if self._ring is None or self._ring.frame != frame or self._ring.scale != scale or self._ring.shift != shift:
            style = Style(self.style.diameter + _RING, 1.0, 1.0)
            self._ring = self._planned(frame, scale, shift, self._selected, style)
            colours = np.tile(rgb("text"), (len(self._selected), 1))
            raster.paint(self._ring.plan, colours, rgb("canvas"), self._ring.memory)
        self._lay(painter, self._ring, frame)


def rgb(role: str) -> np.ndarray:
    """A token of the theme as (3,) floats 0..1."""
    return np.array(theme.colour(role).getRgbF()[:3], np.float32)


def neutral() -> np.ndarray:
    """The colour of a point that has no responsibilities yet."""
    return rgb("text3")


def _jitter(n: int) -> np.ndarray:
    """Heights -1..1 for a rug: the same for the same row, spread evenly (multiples of the golden ratio)."""
    return (np.arange(n) * 0.6180339887498949 % 1.0) * 2.0 - 1.0


__all__ = ["RUG_HEIGHT", "PointLayer", "neutral", "rgb"]
