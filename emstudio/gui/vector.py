"""Painting on paper (SVG, PDF): points as circles, images sharp enough for print, and clips that SVG keeps.

Widgets and layers paint on a screen and on paper alike. Where paper needs something else they ask `on_paper(painter)`:
what a screen keeps as an image of its own pixels is then painted anew, as shapes.

Qt's SVG generator writes no clips that hold under a transformation. So `clipped` puts a mark into the drawing, which
`Leaves.finish` replaces by a group of SVG with that clip; circles go the same way, in a few bytes each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPaintEngine, QPainter, QPen

from emstudio.gui import raster, theme
from emstudio.gui.raster import Style

MOST = 5_000  # points that are circles on paper; more are an image
GRAIN = 3.2  # pixels of such an image to a logical one: 307 dots per inch at 96 logical ones
_PAPER = (QPaintEngine.Type.SVG, QPaintEngine.Type.Pdf, QPaintEngine.Type.Picture)
_MARK = "EMSTUDIOLEAF"
_MARKED = re.compile(rf"<g [^>]*>\s*<text [^>]*>{_MARK}(\d+)</text>\s*</g>")


_printing = 0  # drawings for a file that are being painted


@contextmanager
def printing() -> Iterator[None]:
    """Within, what is painted is for a file, not for a window."""
    global _printing
    _printing += 1
    try:
        yield
    finally:
        _printing -= 1


def printed() -> bool:
    """Whether what is painted is for a file: what tells a hand what it can do is then left out."""
    return _printing > 0


def on_paper(painter: QPainter) -> bool:
    """Whether the painter draws shapes for print, not pixels of a screen."""
    return painter.paintEngine().type() in _PAPER


def sharpness(painter: QPainter) -> float:
    """Pixels to a logical one for an image that is painted with this painter."""
    return GRAIN if on_paper(painter) else painter.device().devicePixelRatioF()


class Leaves:
    """Pieces of SVG that are put into a drawing at the places where they were laid."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._clips = 0

    def lay(self, painter: QPainter, piece: str) -> None:
        """Put a piece, in the coordinates of the whole drawing, on top of what is painted so far."""
        painter.save()
        painter.setPen(QColor(1, 2, 3))  # a state of its own: the mark stands in a group of its own
        painter.setFont(theme.font(12))
        painter.drawText(QPointF(0, 0), f"{_MARK}{len(self._pieces)}")
        painter.restore()
        self._pieces.append(piece)

    def clip(self, box: QRectF) -> str:
        """The beginning of a group that shows nothing outside of `box`."""
        self._clips += 1
        name = f"clip{self._clips}"
        size = f'width="{box.width():.6g}" height="{box.height():.6g}"'
        shape = f'<rect x="{box.x():.6g}" y="{box.y():.6g}" {size} fill="none" stroke="none"/>'  # some paint it
        return f'<clipPath id="{name}">{shape}</clipPath>\n<g clip-path="url(#{name})">'

    def finish(self, drawing: str) -> str:
        """The drawing with the pieces in their places."""
        return _MARKED.sub(lambda found: self._pieces[int(found[1])], drawing)


_leaves: list[Leaves] = []  # of the SVG that is being written


@contextmanager
def writing() -> Iterator[Leaves]:
    """Within, what is painted is an SVG that takes leaves."""
    _leaves.append(Leaves())
    try:
        yield _leaves[-1]
    finally:
        _leaves.pop()


def _leaves_of(painter: QPainter) -> Leaves | None:
    return _leaves[-1] if _leaves and painter.paintEngine().type() == QPaintEngine.Type.SVG else None


@contextmanager
def clipped(painter: QPainter, box: QRectF) -> Iterator[None]:
    """Within, nothing is painted outside of `box`, on a screen and on paper."""
    leaves = _leaves_of(painter)
    painter.save()
    painter.setClipRect(box, Qt.ClipOperation.IntersectClip)
    try:
        if leaves is not None:
            leaves.lay(painter, leaves.clip(painter.deviceTransform().mapRect(box)))
        yield
    finally:
        if leaves is not None:
            leaves.lay(painter, "</g>")
        painter.restore()


def paint_points(
    painter: QPainter, at: np.ndarray, colours: np.ndarray, style: Style, sizes: np.ndarray | None = None
) -> None:
    """Circles at pixels `at` (n, 2) in `colours` (n, 3) of 0..1, the later ones in front; NaN is left out.

    `sizes` (n,): a circle's diameter is so many times that of the style.
    """
    seen = np.isfinite(at).all(axis=1)
    at, bytes_of = at[seen], np.rint(np.clip(colours[seen], 0.0, 1.0) * 255.0).astype(int)
    radii = (style.diameter * (np.ones(len(at)) if sizes is None else sizes[seen]) - style.edge) / 2
    edge = theme.colour("canvas").name()
    leaves = _leaves_of(painter)
    if leaves is None:
        painter.setPen(QPen(QColor(edge), style.edge) if style.edge else Qt.PenStyle.NoPen)
        alpha = round(255 * style.alpha)
        for (x, y), (r, g, b), radius in zip(at.tolist(), bytes_of.tolist(), radii.tolist(), strict=True):
            painter.setBrush(QColor(r, g, b, alpha))
            painter.drawEllipse(QPointF(x, y), radius, radius)
        return
    device = painter.deviceTransform()
    at = at * (device.m11(), device.m22()) + (device.dx(), device.dy())
    radii *= device.m11()
    stroke = f'stroke="{edge}" stroke-width="{style.edge * device.m11():.4g}"' if style.edge else 'stroke="none"'
    circles = "\n".join(
        f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{radius:.4g}" fill="#{r:02x}{g:02x}{b:02x}"/>'
        for (x, y), (r, g, b), radius in zip(at.tolist(), bytes_of.tolist(), radii.tolist(), strict=True)
    )
    leaves.lay(painter, f'<g class="points" {stroke} fill-opacity="{style.alpha:.4g}">\n{circles}\n</g>')


def paint_runs(painter: QPainter, box: QRectF, pixels: np.ndarray) -> None:
    """A row of pixels (w,) ARGB stretched over `box`, as one rectangle for each run of the same colour."""
    ends = np.append(np.flatnonzero(np.diff(pixels)) + 1, len(pixels))
    left, unit = 0, box.width() / len(pixels)
    for end in ends.tolist():
        colour = QColor.fromRgba(int(pixels[left]))
        if colour.alpha():
            painter.fillRect(QRectF(box.left() + left * unit, box.top(), (end - left) * unit, box.height()), colour)
        left = end


def paint_image(painter: QPainter, box: QRectF, image: QImage) -> None:
    """An image over `box`; on paper nothing of it is lost to compression."""
    painter.setRenderHint(QPainter.RenderHint.LosslessImageRendering, on_paper(painter))
    painter.drawImage(box, image)


def paint_cloud(
    painter: QPainter,
    at: np.ndarray,
    colours: np.ndarray,
    style: Style,
    width: float,
    height: float,
    sizes: np.ndarray | None = None,
) -> None:
    """Points at pixels `at` (n, 2) of a rectangle: circles on paper as long as they are few, else an image.

    `sizes` as in `paint_points`.
    """
    if on_paper(painter) and len(at) <= MOST:
        paint_points(painter, at, colours, style, sizes)
        return
    scale = sharpness(painter)
    wide, high = max(round(width * scale), 1), max(round(height * scale), 1)
    plan = raster.plan(at[:, 0] * scale, at[:, 1] * scale, wide, high, style, scale, sizes)
    memory = np.zeros((high, wide), np.uint32)
    canvas = np.array(theme.colour("canvas").getRgbF()[:3], np.float32)
    raster.paint(plan, np.ascontiguousarray(colours, np.float32), canvas, memory)
    kind = QImage.Format.Format_ARGB32_Premultiplied if plan.premultiplied else QImage.Format.Format_ARGB32
    paint_image(painter, QRectF(0, 0, width, height), QImage(memory.data, wide, high, 4 * wide, kind))


@contextmanager
def framed(painter: QPainter, box: QRectF) -> Iterator[None]:
    """Within, the origin is the corner of `box`, and nothing is painted outside of it."""
    with clipped(painter, box):
        painter.translate(box.topLeft())
        yield
