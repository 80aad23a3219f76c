"""How a column of the series is drawn: levels, joining line, points, what is picked, and the card of a point."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from emstudio.core.format import number
from emstudio.gui import raster, theme, vector
from emstudio.gui.axes import spacing, tick_texts, ticks
from emstudio.gui.biases_view import apart
from emstudio.gui.hand import Card, paint_card, paint_ring
from emstudio.gui.items import faded
from emstudio.gui.layers import Frame
from emstudio.gui.point_layer import neutral
from emstudio.gui.samples import paint_disc
from emstudio.gui.series_levels import MovingLevels
from emstudio.gui.series_paint import (
    Dots,
    Level,
    paint_cross,
    paint_edges,
    paint_joins,
    paint_levels,
    paint_probabilities,
    paint_values,
    style_of,
)
from emstudio.gui.series_scene import EMPTY, Scene
from emstudio.gui.series_span import GUTTER, MARGIN, Span
from emstudio.session import Session

TOP, BOTTOM = 10.0, 8.0  # pixels above and below the plot
DISC = 20.0
_TICKS_APART = 34.0
_GAP_ALPHA = 0.7
_EDGE = 6.0  # pixels by which points may lie beyond the plot
_CROWDED = 3.0  # pixels between two steps below which no point is held
COLOURS = (
    ("posterior", "posterior"),
    ("viterbi", "Viterbi path"),
    ("truth", "true path"),
)


class SeriesPicture(QWidget):
    """One column of the series, as it is drawn; `SeriesView` adds the hand."""

    def __init__(self, session: Session | None, span: Span, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("series")
        self.setAccessibleName("Series")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(220, 90)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.session, self.span = session, span
        self.scene = EMPTY
        self.column = 0
        self.colour_by = "posterior"
        self.low, self.high = -1.0, 1.0
        self._dots = Dots()
        self._colours: tuple[tuple, np.ndarray] | None = None
        self.grain = 0.0  # device pixels to a logical one in a picture for export; 0 on the screen
        self._component: int | None = None
        self._card_row: int | None = None
        self._ringed = False
        self._moving = MovingLevels(self)
        self._moving.changed.connect(self.update)
        span.moved.connect(self.update)
        span.pointed.connect(self.update)
        theme.notifier.changed.connect(self._recolour)

    # -- what is shown -------------------------------------------------------------------------------------------------
    def show_scene(self, scene: Scene) -> None:
        """Show a scene; the vertical range stays while a hand is at work and as long as everything fits."""
        before, self.scene = self.scene, scene
        self.column = min(self.column, max(scene.values.shape[1] - 1, 0))
        if self._component is not None and self._component >= scene.k:
            self._component = None
        if scene.values is not before.values or scene.kind != before.kind:
            kept = self._held or scene.n == before.n == 0
            self._fit(kept and scene.kind == before.kind)
        else:
            self._fit(True)
        self._move_levels(before)
        self._describe()
        self.update()

    def set_column(self, column: int) -> None:
        """Show another column."""
        if column != self.column:
            self.column = column
            self._fit(False)
            self._moving.put(self._wanted())
            self._describe()
            self.update()

    def set_colour_by(self, what: str) -> None:
        """Colour the points by `posterior`, `viterbi` or `truth`."""
        self.colour_by = what
        self._colours = None
        self.update()

    def set_motion(self, on: bool) -> None:
        """Whether the states' levels are seen on their way."""
        self._moving.wanted = on
        if not on:
            self._moving.stop()

    def fit(self) -> None:
        """Show all of the time, and all values."""
        self.span.fit()
        self._fit(False)
        self.update()

    def _wanted(self) -> tuple[Level, ...]:
        levels = self.scene.levels
        return levels[self.column] if self.column < len(levels) else ()

    def _move_levels(self, before: Scene) -> None:
        """Levels walk to where they are now, unless a hand moves them."""
        calm = self.isVisible() and not self._held and not self._hurried()
        self._moving.go(self._wanted(), before.values is self.scene.values, calm)

    def _hurried(self) -> bool:
        return self.session is not None and self.session.running and self.session.speed > 1 / 0.18

    @property
    def _held(self) -> bool:
        """Whether a hand is at work."""
        return self.session is not None and self.session.in_gesture

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels as they are drawn now, perhaps on their way."""
        return self._moving.levels

    def _fit(self, keep: bool) -> None:
        """The vertical range: the values and the levels; with `keep` it only grows."""
        scene = self.scene
        if scene.kind == "symbols":
            self.low, self.high = len(scene.symbols) - 0.4, -0.6
            return
        values = scene.values[:, self.column] if scene.values.shape[1] else np.empty(0)
        ends = [level.value + s * level.spread for level in self._wanted() for s in (-1, 1)]
        known = values[np.isfinite(values)]
        if len(known):
            ends += [float(known.min()), float(known.max())]
        ends = [e for e in ends if math.isfinite(e)] or [-1.0, 2.0]
        low, high = min(ends), max(ends)
        if keep and self.high > self.low:
            if self.low <= low and high <= self.high:
                return
            low, high = min(low, self.low), max(high, self.high)
        pad = 0.06 * (high - low) or max(abs(high), 1.0) * 0.5
        self.low, self.high = low - pad, high + pad

    def colours(self) -> np.ndarray:
        """(n, 3) the colours of the points."""
        scene = self.scene
        path = {"viterbi": scene.viterbi, "truth": scene.truth}.get(self.colour_by)
        about = (scene.resp, path, scene.values)
        if self._colours is None or any(a is not b for a, b in zip(self._colours[0], about, strict=True)):
            palette = theme.component_rgb(scene.k)
            if path is not None:
                made = np.concatenate([palette, neutral()[None]])[path]
            elif self.colour_by != "posterior":
                made = np.tile(neutral(), (scene.n, 1))
            else:
                made = raster.mix(scene.resp, palette, neutral(), scene.n)
            self._colours = (about, np.asarray(made, np.float32))
        return self._colours[1]

    def _recolour(self) -> None:
        self._colours = None
        self.update()

    def _describe(self) -> None:
        self.setAccessibleDescription(self.words())

    def sizeHint(self) -> QSize:
        return QSize(480, 200)

    def words(self) -> str:
        """The picture in a few words, for who cannot see it."""
        scene, row = self.scene, self.span.picked
        words = f"{theme.count(scene.n)} step{'' if scene.n == 1 else 's'}"
        if self.span.count > 1:
            words += f" in {theme.count(self.span.count)} series"
        for level in self._wanted():
            words += f"; state {theme.letter(level.component)} at {number(level.value, 4)}"
        return words + (f"; {self.card(row).spoken()}" if row is not None and row < scene.n else "")

    # -- pixels --------------------------------------------------------------------------------------------------------
    @property
    def plot(self) -> QRectF:
        """Where the points are."""
        return QRectF(GUTTER, TOP, max(self.width() - GUTTER - MARGIN, 10), max(self.height() - TOP - BOTTOM, 10))

    def y_of(self, value: float) -> float:
        """A value's pixel, from the plot's upper edge."""
        return (self.high - value) / (self.high - self.low) * self.plot.height()

    def value_at(self, y: float) -> float:
        """The value of a pixel of the widget."""
        return self.high - (y - self.plot.top()) * (self.high - self.low) / self.plot.height()

    def row_at(self, x: float) -> int | None:
        """The step at a pixel of the widget."""
        plot = self.plot
        row = int(self.span.rows_at(self.span.place(x - plot.left(), plot.width())))
        return row if row >= 0 and plot.left() <= x <= plot.right() else None

    def where_row(self, row: int) -> QPoint:
        """The middle of a point."""
        x, y = self._pixel(row)
        return QPoint(round(x + self.plot.left()), round(y + self.plot.top()))

    def where_level(self, k: int) -> QPoint:
        """The middle of a state's letter."""
        return self.letters()[k].toPoint()

    def edges(self) -> dict[int, QPointF]:
        """Where the grips of the bands are."""
        right, top = self.plot.right(), self.plot.top()
        held = [level for level in self.levels if level.edge is not None]
        return {level.component: QPointF(right, self.y_of(level.value + level.spread) + top) for level in held}

    def letters(self) -> dict[int, QPointF]:
        """Where the letters stand: at their levels, moved apart where they would lie on each other."""
        plot = self.plot
        order = sorted(self.levels, key=lambda level: (-level.value, level.component))
        low, high = plot.top() + DISC / 2 - 8, plot.bottom() - DISC / 2 + 8
        wanted = [min(max(self.y_of(level.value) + plot.top(), low), high) for level in order]
        spread = apart(wanted, DISC - 2.0, low, high)
        x = self.width() - MARGIN / 2
        return {level.component: QPointF(x, y) for level, y in zip(order, spread, strict=True)}

    def _pixel(self, row: int) -> tuple[float, float]:
        """A point's place in the plot; one that was not observed stands in the middle."""
        x = float(self.span.pixels(self.span.position(row), self.plot.width()))
        value = float(self.scene.values[row, self.column])
        return x, self.plot.height() / 2 if math.isnan(value) else self.y_of(value)

    def point_at(self, place: QPointF) -> int | None:
        """The row whose point is under the hand."""
        plot = self.plot
        self._lay_points()
        found = self._dots.pick(place.x() - plot.left() + _EDGE, place.y() - plot.top() + _EDGE)
        return None if found is None else found + self.span.seen()[0]

    def span_crowded(self) -> bool:
        """Whether steps are too close to each other for a hand to hold one."""
        return self.plot.width() / (self.span.right - self.span.left) < _CROWDED

    # -- painting ------------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            self._paint_all(painter)
        finally:
            painter.end()  # Qt cannot go on with a painter that an error has left open

    def paint_on(self, painter: QPainter) -> None:
        """Paint the picture from the painter's origin, as sharp as its paper or its image."""
        grain, self.grain = self.grain, vector.sharpness(painter)
        self._paint_all(painter)
        self.grain = grain

    def _paint_all(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.colour("canvas"))
        plot = self.plot
        self._paint_grid(painter)
        with vector.clipped(painter, plot.adjusted(-_EDGE, -TOP, _EDGE, BOTTOM)):
            painter.translate(plot.topLeft())
            paint_levels(painter, self.levels, self.y_of, plot.width(), plot.height())
            self._paint_points(painter)
            self._paint_pointed(painter)
        self._paint_emissions(painter)
        for level in self.levels:
            centre = self.letters()[level.component]
            paint_disc(painter, centre, DISC + 2, level.component, theme.colour("canvas"))
            if level.component == self._component:
                painter.setPen(QPen(theme.colour("text"), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(centre, DISC / 2 + 2.5, DISC / 2 + 2.5)
        self.paint_hand(painter)
        self._paint_card(painter)
        if self._ringed:
            painter.setPen(QPen(theme.colour("ink"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    def _paint_emissions(self, painter: QPainter) -> None:
        """What stands at the right end of the levels: grips, or how probable each symbol is."""
        plot, table = self.plot, self.scene.probabilities
        painter.save()
        painter.translate(plot.topLeft())
        paint_edges(painter, self.levels, self.y_of, plot.width())
        if self.scene.kind == "symbols" and table is not None:
            places = [self.y_of(float(i)) for i in range(len(self.scene.symbols))]
            paint_probabilities(painter, table, places, plot.width() + 3, MARGIN - 5)
        painter.restore()

    def _paint_grid(self, painter: QPainter) -> None:
        plot = self.plot
        if self.scene.kind == "symbols":
            marks = [(float(i), name) for i, name in enumerate(self.scene.symbols)]
        else:
            step = spacing(self.low, self.high, plot.height(), _TICKS_APART)
            if self.scene.kind == "counts":
                step = max(step, 1.0)
            at = ticks(self.low, self.high, step)
            marks = list(zip(at.tolist(), tick_texts(at, step), strict=True))
        paint_values(painter, plot, [(plot.top() + self.y_of(value), words) for value, words in marks])
        painter.setPen(QPen(theme.colour("grid"), 1))
        for place, _ in self.span.ticks(plot.width()):
            x = plot.left() + round(float(self.span.pixels(place, plot.width()))) + 0.5
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))

    def _lay_points(self) -> tuple[int, int, np.ndarray, np.ndarray]:
        """Plan the points in sight: (first row, behind the last, x, y) in pixels of the plot, NaN where nothing is known."""
        scene, span, plot = self.scene, self.span, self.plot
        first, last = span.seen()
        rows = np.arange(first, last)
        x = span.pixels(span.position(rows), plot.width()) if len(rows) else np.empty(0)
        with np.errstate(invalid="ignore"):
            y = (self.high - scene.values[first:last, self.column]) / (self.high - self.low) * plot.height()
        scale = self.grain or self.devicePixelRatioF()
        key = (self.column, first, last, span.left, span.right, self.low, self.high, plot.width(), plot.height(), scale)
        size = (plot.width() + 2 * _EDGE, plot.height() + 2 * _EDGE)
        style = style_of(plot.width() / (span.right - span.left), len(rows))
        self._dots.place(scene.values, key, x + _EDGE, y + _EDGE, size, style, scale)
        return first, last, x, y

    def _paint_points(self, painter: QPainter) -> None:
        scene, span, plot = self.scene, self.span, self.plot
        first, last, x, y = self._lay_points()
        if last <= first:
            return
        unit = plot.width() / (span.right - span.left)
        if unit >= 1.0:
            shade = faded(theme.colour("chip"), _GAP_ALPHA)
            for i in np.flatnonzero(np.isnan(y)).tolist():  # where nothing was observed
                painter.fillRect(QRectF(x[i] - unit / 2, 0, unit, plot.height()), shade)
        if scene.kind != "symbols":
            paint_joins(painter, x, y, span.offsets[1:-1] - first, plot.width(), plot.height())
        colours = self.colours()
        colours = colours if last - first == scene.n else colours[first:last]
        if vector.on_paper(painter):
            style = style_of(unit, last - first)
            vector.paint_cloud(painter, np.column_stack([x, y]), colours, style, plot.width(), plot.height())
        else:
            self._dots.paint(painter, QPointF(-_EDGE, -_EDGE), colours)

    def _paint_pointed(self, painter: QPainter) -> None:
        """The lines through all strips at the steps picked and pointed at."""
        for row, strong in ((self.span.hovered, False), (self.span.picked, True)):
            if row is None or row >= self.scene.n or (not strong and row == self.span.picked):
                continue
            x, y = self._pixel(row)
            if not -1 <= x <= self.plot.width() + 1:
                continue
            paint_cross(painter, x, -TOP, self.plot.height() + BOTTOM, strong)
            if strong and not math.isnan(float(self.scene.values[row, self.column])):
                paint_ring(painter, (x, y))

    def card(self, row: int) -> Card:
        """What is said about a step."""
        scene = self.scene
        resp = scene.resp
        known = resp is not None and row < len(resp) and not np.isnan(resp[row]).any()
        return Card(self.span.name(row), resp[row] if known else None, self._values(row), self._pixel(row))  # type: ignore[index]

    def _values(self, row: int) -> str:
        scene, parts = self.scene, []
        for j, title in enumerate(scene.titles):
            value = float(scene.values[row, j])
            if math.isnan(value):
                parts.append(f"{title} not observed")
            elif scene.kind == "symbols":
                parts.append(f"{title} {scene.symbols[int(value)]}")
            else:
                parts.append(f"{title} {number(value, trim=True)}")
        for name, path in (("Viterbi", scene.viterbi), ("truth", scene.truth)):
            if path is not None and path[row] >= 0:
                parts.append(f"{name} {theme.letter(int(path[row]))}")
        return "   ".join(parts)

    def paint_hand(self, painter: QPainter) -> None:
        """What the hand holds; nothing in a picture."""

    def _paint_card(self, painter: QPainter) -> None:
        row = self._card_row
        if row is None or row >= self.scene.n:
            return
        plot, card = self.plot, self.card(row)
        painter.save()
        painter.translate(plot.topLeft())
        paint_card(painter, Frame(0, 0, 1, 1, plot.width() + MARGIN, plot.height() + BOTTOM), card)
        painter.restore()
