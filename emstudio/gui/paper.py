"""A drawing as a file's bytes: PNG (pixels), SVG and PDF (shapes and text, for paper).

    written("pdf", 960, 720, paint, "gaussian, k = 3", "iris")

`paint(painter)` paints in logical pixels from the upper left corner. The same drawing gives the same bytes of PNG and
SVG; a PDF carries the time at which it was made.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRect, QSize, QSizeF
from PySide6.QtGui import QGuiApplication, QImage, QPageSize, QPaintDevice, QPainter, QPdfWriter

from emstudio.core.errors import UserError
from emstudio.gui import theme, vector

KINDS = ("png", "svg", "pdf")
SHARP = 2.0  # pixels of a PNG to a logical one
_POINTS = 72.0  # of a PDF to an inch
# What Qt writes, made smaller and fit for other programs: clips are no part of SVG Tiny, every line scales with the
# picture, states without a drawing say nothing, and who has no Inter takes a font much like it.
_TIDY = tuple(
    (re.compile(pattern), better)
    for pattern, better in (
        (r' version="1.2" baseProfile="tiny"', ' version="1.1"'),
        (r' vector-effect="[a-z-]+"', ""),
        (r"<g [^>]*>\s*</g>\s*", ""),
        (r'font-family="Inter,DejaVu Sans"', 'font-family="Inter,Helvetica,Arial,DejaVu Sans,sans-serif"'),
    )
)

Paint = Callable[[QPainter], None]


def written(kind: str, width: int, height: int, paint: Paint, title: str, subject: str, scale: float = SHARP) -> bytes:
    """The file's bytes: `width` x `height` logical pixels, `scale` pixels of a PNG to each. UserError where it fails."""
    made = QByteArray()
    buffer = QBuffer(made)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if kind == "svg":
        with theme.plain_figures():
            return _svg(buffer, made, width, height, paint, title, subject)
    if kind == "pdf":
        with theme.plain_figures():
            _pdf(buffer, width, height, paint, title, subject)
        return bytes(made.data())
    image = pixels(width, height, paint, scale)
    image.setText("Title", title)
    image.setText("Description", subject)
    if not image.save(buffer, "PNG"):
        raise UserError("the picture could not be encoded", "make it smaller and try again")
    return bytes(made.data())


def pixels(width: int, height: int, paint: Paint, scale: float) -> QImage:
    """The drawing as an image, `scale` pixels to a logical one."""
    size = QSize(max(round(width * scale), 1), max(round(height * scale), 1))
    image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(scale)
    image.fill(theme.colour("canvas"))
    _paint(image, paint)
    return image


def _svg(buffer: QBuffer, made: QByteArray, width: int, height: int, paint: Paint, title: str, subject: str) -> bytes:
    from PySide6.QtSvg import QSvgGenerator

    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(QSize(width, height))
    generator.setViewBox(QRect(0, 0, width, height))
    generator.setResolution(_resolution())
    generator.setTitle(title)
    generator.setDescription(subject)
    with vector.writing() as leaves:
        _paint(generator, paint)
        text = leaves.finish(bytes(made.data()).decode("utf-8"))
    for pattern, better in _TIDY:
        text = pattern.sub(better, text)
    return text.encode()


def _pdf(buffer: QBuffer, width: int, height: int, paint: Paint, title: str, subject: str) -> None:
    writer = QPdfWriter(buffer)
    resolution = _resolution()
    writer.setResolution(resolution)
    size = QSizeF(width, height) * (_POINTS / resolution)
    match = QPageSize.SizeMatchPolicy.ExactMatch
    writer.setPageSize(QPageSize(size, QPageSize.Unit.Point, title, match))
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    writer.setTitle(title)
    writer.setCreator(f"EM Studio: {subject}")
    _paint(writer, paint)


def _resolution() -> int:
    """Dots to an inch that make a logical pixel of the paper one of the screen: fonts have points, not pixels."""
    return round(QGuiApplication.primaryScreen().logicalDotsPerInch())


def _paint(device: QPaintDevice, paint: Paint) -> None:
    painter = QPainter()
    if not painter.begin(device):
        raise UserError("the picture could not be made", "make it smaller and try again")
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
    try:
        with vector.printing():
            paint(painter)
    finally:
        painter.end()
