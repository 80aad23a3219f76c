"""The plot's axes as the picture has them: round numbers in grey, no lines, and a quiet grid at the same places."""

from __future__ import annotations

import math
from html import escape

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from emstudio.core.format import number
from emstudio.gui import theme
from emstudio.gui.layers import Frame, Layer

ACROSS, UP = 58.0, 46.0  # pixels between two ticks, at least


def spacing(low: float, high: float, length: float, least: float) -> float:
    """The smallest of 1, 2, 5 x 10^n whose ticks are at least `least` pixels apart on `length` pixels."""
    raw = (high - low) * least / max(length, 1.0)
    if not (raw > 0 and math.isfinite(raw)):
        return 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    return next((m * power for m in (1, 2, 5) if m * power >= raw * (1 - 1e-9)), 10 * power)


def ticks(low: float, high: float, step: float) -> np.ndarray:
    """The multiples of `step` from `low` to `high`."""
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if not (math.isfinite(first) and math.isfinite(last)) or last - first > 1000:
        return np.empty(0)
    return np.arange(first, last + 1) * step


def tick_texts(values: np.ndarray, step: float) -> list[str]:
    """The ticks as texts with as many decimals as the step needs."""
    if not len(values):
        return []
    power = math.floor(math.log10(step) + 1e-9)
    largest = float(np.max(np.abs(values)))
    if largest < 1e7 and power >= -5:
        return [number(v, decimals=max(0, -power), trim=True) for v in values]
    digits = math.floor(math.log10(largest)) - power + 1 if largest else 1
    return ["0" if v == 0 else number(v, digits) for v in values]


class Axis(pg.AxisItem):
    """Tick texts and a title; `least` keeps ticks below a value away (an axis of counts starts at 0)."""

    def __init__(self, orientation: str):
        self._title, self._shown = "", None  # the title, and what of it fits
        super().__init__(orientation)
        self.least = -math.inf
        self.whole = False  # of counts and categories: there is nothing between two whole numbers
        self._room = 0.0
        upright = orientation == "left"
        self._apart = UP if upright else ACROSS
        self.setStyle(tickLength=0, tickTextOffset=8, autoReduceTextSpace=False, hideOverlappingLabels=True)
        self.enableAutoSIPrefix(False)
        self.restyle()

    def step(self, low: float, high: float, length: float) -> float:
        """From one tick to the next."""
        step = spacing(low, high, length, self._apart)
        return max(step, 1.0) if self.whole else step

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, np.ndarray]]:
        step = self.step(minVal, maxVal, size)
        return [(step, self.kept(ticks(minVal, maxVal, step)))]

    def kept(self, values: np.ndarray) -> np.ndarray:
        return values[values >= self.least]

    def tickStrings(self, values: np.ndarray, scale: float, step: float) -> list[str]:
        return tick_texts(np.asarray(values, float), step)

    def make_room(self, low: float, high: float, size: float, shrink: bool = False) -> None:
        """Give an upright axis the width its texts need, in steps of eight pixels: the picture shall not tremble."""
        step = self.step(low, high, size)
        metrics = QFontMetricsF(theme.font(12))
        texts = tick_texts(self.kept(ticks(low, high, step)), step)
        longest = max((metrics.horizontalAdvance(t) for t in texts), default=0.0)
        needed = 8.0 * math.ceil((longest + 8 + (22 if self._title else 0)) / 8)
        if needed > self._room or (shrink and needed != self._room):
            self._room = needed
            self.setWidth(needed)

    def generateDrawSpecs(self, p: QPainter) -> tuple | None:
        specs = super().generateDrawSpecs(p)
        if specs is None:
            return None
        axis, _, texts = specs
        return axis, [], texts  # a tick of no length would still leave a dot

    def set_title(self, text: str) -> None:
        if text != self._title:
            self._title = text
            self.restyle()

    def restyle(self) -> None:
        """Take fonts and colours of the theme in force."""
        tokens = theme.current()
        self.setPen(pg.mkPen(None))
        self.setTickPen(pg.mkPen(None))
        self.setTextPen(tokens.text2)
        self.setStyle(tickFont=theme.font(12))
        self.label.setFont(theme.font(12))
        self._shown = None
        self.showLabel(bool(self._title))
        self.resizeEvent()

    def resizeEvent(self, ev: object = None) -> None:
        """The title without what does not fit, in the middle of the axis (pyqtgraph centres it only here)."""
        if self.label is None:  # the plot is being closed
            return
        room = self.size().height() if self.orientation == "left" else self.size().width()
        shown = QFontMetricsF(theme.font(12)).elidedText(self._title, Qt.TextElideMode.ElideMiddle, max(room - 8, 80))
        if shown != self._shown:
            self._shown = shown
            self.setLabel(escape(shown), color=theme.current().text2)  # read as HTML
        super().resizeEvent(ev)


class Grid(Layer):
    """Hairlines at the axes' ticks; with a `floor` (a count of 0) that line is the axis."""

    def __init__(self, box: pg.ViewBox, bottom: Axis, left: Axis):
        super().__init__(box, -100)
        self._bottom, self._left = bottom, left
        self.upright = True  # lines at the ticks of the horizontal axis, too

    def show_on(self, painter: QPainter, frame: Frame) -> None:
        tokens = theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(theme.colour("grid"), 1))
        if self.upright:
            step = self._bottom.step(frame.left, frame.right, frame.width)
            at = ticks(frame.left, frame.right, step)
            for x in frame.pixels(np.stack([at, np.full(len(at), frame.top)], 1))[:, 0]:
                painter.drawLine(QPointF(round(x), 0), QPointF(round(x), frame.height))
        step = self._left.step(frame.bottom, frame.top, frame.height)
        at = self._left.kept(ticks(frame.bottom, frame.top, step))
        for value, y in zip(at, frame.pixels(np.stack([np.full(len(at), frame.left), at], 1))[:, 1], strict=True):
            floor = value == self._left.least
            painter.setPen(QPen(pg.mkColor(tokens.axis if floor else tokens.grid), 1))
            painter.drawLine(QPointF(0, round(y)), QPointF(frame.width, round(y)))
