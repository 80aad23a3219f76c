"""How the strips are drawn: paths as rows of colour, the probabilities of the states as areas, the axis of time."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget

from emstudio.core.format import count, number
from emstudio.gui import strips_image, theme
from emstudio.gui.series_paint import paint_cross
from emstudio.gui.series_scene import EMPTY, Drawn, Scene
from emstudio.gui.series_span import GUTTER, MARGIN, Span
from emstudio.gui.strips_image import Columns, Sums
from emstudio.gui.strips_layout import TEN, Band, bands
from emstudio.gui.strips_paint import paint_dots, paint_stairs

FOOT = 36.0  # px of the time axis
# How strong paths, drawn paths and the areas of probabilities are painted; a site that has just flipped is vivid.
CALM, DRAWN, SOFT, VIVID = (0.6, 0.92), (0.46, 0.8), (0.3, 0.66), (1.0, 1.0)  # light, dark
CLOSE = (0.6, 0.76)  # areas whose steps are too close for dots
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_INSET = 7  # px between the text of a flat button and its edge
_DOTS = 3.0  # px between two steps below which the mean of the draws is a line

_SHOWN = ("values", "exact", "viterbi", "truth", "drawn")


class StripsPicture(QWidget):
    """The strips of a scene, and the axis of time below them, as they are drawn; `Strips` adds the hand."""

    cell_pointed = Signal(object)  # (draw, row) | None
    cell_picked = Signal(object)

    def __init__(self, span: Span, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("strips")
        self.setAccessibleName("Paths and probabilities of the states")
        self.setMinimumSize(220, 150)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.span = span
        self.scene = EMPTY
        self.all = False
        self._marked = True
        self.grain = 0.0  # device pixels to a logical one in a picture for export; 0 on the screen
        self._still: QPixmap | None = None
        self._sums = Sums()
        self._cell: tuple[int, int] | None = None
        self._pinned: tuple[int, int] | None = None
        self._ringed = False
        self.more = QToolButton(self)
        self.more.setObjectName("all_draws")
        self.more.setAutoRaise(True)
        self.more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.more.clicked.connect(lambda: self.set_all(not self.all))
        span.moved.connect(self._anew)
        span.pointed.connect(self.update)
        theme.notifier.changed.connect(self._restyle)
        self._restyle()

    # -- what is shown -------------------------------------------------------------------------------------------------
    def show_scene(self, scene: Scene) -> None:
        """Show the paths of a scene."""
        before, self.scene = self.scene, scene
        drawn = scene.drawn
        if self._pinned is not None and (
            drawn is None or self._pinned[0] >= drawn.chains or self._pinned[1] >= scene.n
        ):
            self.pin(None)
        if self._cell is not None and drawn is None:
            self.point_cell(None)
        if any(getattr(before, name) is not getattr(scene, name) for name in _SHOWN) or before.k != scene.k:
            self._marked = True
            self._place_more()
            self.setAccessibleDescription(self.words())
            self._anew()

    def unmark(self) -> None:
        """The sites that flipped in the last sweep look like the others from now on."""
        self._marked = False
        self._anew()

    def set_all(self, on: bool) -> None:
        """All draws as one picture, or the first ten."""
        self.all = on
        self._place_more()
        self._anew()

    @property
    def shown(self) -> int:
        """How many draws are in sight."""
        drawn = self.scene.drawn
        return 0 if drawn is None else drawn.chains if self.all else min(drawn.chains, TEN)

    @property
    def cell(self) -> tuple[int, int] | None:
        """The cell under the hand: (draw, row)."""
        return self._cell

    @property
    def pinned(self) -> tuple[int, int] | None:
        """The cell that was clicked: (draw, row)."""
        return self._pinned

    def pin(self, cell: tuple[int, int] | None) -> None:
        """Choose a cell of a draw; `cell_picked` follows."""
        if cell != self._pinned:
            self._pinned = cell
            self.cell_picked.emit(cell)
            self.update()

    def point_cell(self, cell: tuple[int, int] | None) -> None:
        """The hand is at a cell of a draw; `cell_pointed` follows."""
        if cell != self._cell:
            self._cell = cell
            self.cell_pointed.emit(cell)
            self.update()

    def words(self) -> str:
        """The strips in a few words, for who cannot see them."""
        scene, found = self.scene, []
        if scene.truth is not None and scene.viterbi is not None:
            known = scene.truth >= 0
            right = int((scene.truth == scene.viterbi)[known].sum())
            found.append(f"Viterbi path as the true path at {count(right)} of {count(int(known.sum()))} steps")
        if scene.drawn is not None:
            found.append(self._draws_words(scene.drawn))
        row = self.span.picked
        if row is not None and row < scene.n and scene.exact is not None:
            found.append(f"{self.span.name(row)}: {self._shares_words(row)}")
        return "; ".join(found)

    def _draws_words(self, drawn: Drawn) -> str:
        words = f"{count(drawn.chains)} draw{'' if drawn.chains == 1 else 's'}"
        return words + (f", sweep {drawn.sweep[0]} of {drawn.sweep[1]}" if drawn.sweep is not None else "")

    def _shares_words(self, row: int) -> str:
        scene, parts = self.scene, []
        for name, table in (("exact", scene.exact), ("draws", None if scene.drawn is None else scene.drawn.mean)):
            if table is not None:
                each = ", ".join(f"{theme.letter(k)} {number(p, decimals=3)}" for k, p in enumerate(table[row]))
                parts.append(f"{name} {each}")
        return "; ".join(parts)

    # -- pixels --------------------------------------------------------------------------------------------------------
    @property
    def plot(self) -> QRectF:
        """Where the strips are."""
        return QRectF(GUTTER, 0, max(self.width() - GUTTER - MARGIN, 10), max(self.height() - FOOT, 10))

    def layout_bands(self) -> list[Band]:
        drawn = self.scene.drawn
        return bands(self.plot.height(), self.scene.truth is not None, TEN if drawn is None else drawn.chains)

    def band(self, kind: str) -> Band | None:
        return next((b for b in self.layout_bands() if b.kind == kind), None)

    def row_at(self, x: float) -> int | None:
        plot = self.plot
        if not plot.left() <= x <= plot.right():
            return None
        row = int(self.span.rows_at(self.span.place(x - plot.left(), plot.width())))
        return row if row >= 0 else None

    def cell_at(self, place: QPointF) -> tuple[int, int] | None:
        """(draw, row) of the cell under the hand."""
        band, row = self.band("draws"), self.row_at(place.x())
        if band is None or row is None or not self.shown or row >= self.scene.n:
            return None
        chain = int((place.y() - band.top) / band.height * self.shown) if place.y() >= band.top else -1
        return (chain, row) if 0 <= chain < self.shown else None

    def cell_box(self, chain: int, row: int) -> QRectF:
        """Where a cell is."""
        band, plot = self.band("draws"), self.plot
        assert band is not None
        unit = plot.width() / (self.span.right - self.span.left)
        x = plot.left() + float(self.span.pixels(self.span.position(row), plot.width()))
        pitch = band.height / max(self.shown, 1)
        return QRectF(x - unit / 2, band.top + chain * pitch, unit, pitch)

    def where_cell(self, chain: int, row: int) -> QPoint:
        """The middle of a cell of a draw."""
        return self.cell_box(chain, row).center().toPoint()

    # -- painting ------------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            if self.grain:
                self._paint_all(painter, self.grain)
            else:  # pointing at something else does not make the strips anew
                painter.drawPixmap(0, 0, self._kept())
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_pointed(painter)
            if self._ringed:
                painter.setPen(QPen(theme.colour("ink"), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        finally:
            painter.end()  # Qt cannot go on with a painter that an error has left open

    def _kept(self) -> QPixmap:
        """Everything but what is pointed at, as long as it is the same."""
        scale = self.devicePixelRatioF()
        if self._still is None or self._still.size() != self.size() * scale:
            self._still = QPixmap(self.size() * scale)
            self._still.setDevicePixelRatio(scale)
            painter = QPainter(self._still)
            try:
                self._paint_all(painter, scale)
            finally:
                painter.end()
        return self._still

    def _paint_all(self, painter: QPainter, scale: float) -> None:
        """Everything but what is pointed at, at `scale` device pixels to a logical one."""
        painter.fillRect(self.rect(), theme.colour("canvas"))
        plot = self.plot
        at = strips_image.columns(self.span, max(round(plot.width() * scale), 1))
        for band in self.layout_bands():
            box = QRectF(plot.left(), band.top, plot.width(), band.height)
            getattr(self, f"_paint_{band.kind}")(painter, box, at)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_axis(painter)

    def _anew(self, *_: object) -> None:
        """What is drawn is no longer what is to be seen."""
        self._still = None
        self.update()

    def _label(self, painter: QPainter, box: QRectF, words: str, *below: str) -> None:
        """A strip's name left of it, and quieter lines below."""
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font(12))
        painter.setPen(theme.colour("text2"))
        middle = box.center().y() - 8 * len(below)
        painter.drawText(QRectF(0, middle - 9, GUTTER - 10, 18), flags, words)
        painter.setFont(theme.font(11))
        painter.setPen(theme.colour("text3"))
        for i, line in enumerate(below):
            painter.drawText(QRectF(0, middle + 7 + 15 * i, GUTTER - 10, 18), flags, line)

    def _blank(self, painter: QPainter, box: QRectF, at: Columns) -> None:
        """A strip of which nothing is known yet."""
        states = np.full((max(self.span.n, 1), 1), -1)
        self._lay(painter, box, strips_image.states_picture(states, at, strips_image.palette(1, 0.0)))

    def _palette(self, strength: tuple[float, float]) -> np.ndarray:
        """The states' colours, as strong as is asked for in a light and in a dark theme."""
        return strips_image.palette(self.scene.k, strength[theme.current().dark])

    def _lay(self, painter: QPainter, box: QRectF, pixels: np.ndarray) -> None:
        painter.drawImage(box, strips_image.image(pixels))

    def _paint_path(self, painter: QPainter, box: QRectF, at: Columns, path: np.ndarray | None, words: str) -> None:
        self._label(painter, box, words)
        if path is None:
            self._blank(painter, box, at)
            return
        colours = self._palette(CALM)
        self._lay(painter, box, strips_image.states_picture(path[:, None], at, colours))

    def _paint_truth(self, painter: QPainter, box: QRectF, at: Columns) -> None:
        self._paint_path(painter, box, at, self.scene.truth, "true path")

    def _paint_viterbi(self, painter: QPainter, box: QRectF, at: Columns) -> None:
        scene = self.scene
        self._paint_path(painter, box, at, scene.viterbi, "Viterbi")
        if scene.truth is None or scene.viterbi is None:
            return
        wrong = (scene.truth >= 0) & (scene.truth != scene.viterbi)
        seen = (at.row >= 0) & wrong[np.maximum(at.row, 0)]
        if at.dense:
            upto = np.concatenate([[0], np.cumsum(wrong)])
            seen |= (at.row >= 0) & (upto[at.last] > upto[at.first])
        marks = np.where(seen, np.uint32(theme.colour("text").rgba()), np.uint32(0))[None]
        self._lay(painter, QRectF(box.left(), box.top() - 3.0, box.width(), 2.0), marks)

    def _paint_draws(self, painter: QPainter, box: QRectF, at: Columns) -> None:
        drawn = self.scene.drawn
        if drawn is None:
            self._label(painter, box, "draws")
            pitch = box.height() / TEN
            for i in range(TEN):
                self._blank(painter, QRectF(box.left(), box.top() + i * pitch, box.width(), pitch - 2), at)
            return
        shown = self.shown
        name = "all draws" if self.all else "the draw" if shown == 1 else f"{_WORDS[shown]} draws"
        head = QRectF(box.left(), box.top() + 2, box.width(), min(box.height(), 6.0 + 16 * (1 + len(self._below))))
        self._label(painter, head, name, *self._below)
        colours = self._palette(DRAWN)
        picture = strips_image.states_picture(drawn.states[:, :shown], at, colours)
        if drawn.flipped is not None and self._marked:
            vivid = strips_image.states_picture(drawn.states[:, :shown], at, self._palette(VIVID))
            hit = drawn.flipped[np.maximum(at.row, 0), :shown].T & (at.row >= 0)
            picture = np.where(hit, vivid, picture)
        pitch = box.height() / shown
        gap = 2.0 if pitch >= 7 else 1.0 if pitch >= 5 else 0.0
        if not gap:
            self._lay(painter, box, picture)
            return
        for i in range(shown):
            self._lay(painter, QRectF(box.left(), box.top() + i * pitch, box.width(), pitch - gap), picture[i : i + 1])

    @property
    def _below(self) -> tuple[str, ...]:
        """The quieter lines below the name of the draws."""
        drawn = self.scene.drawn
        assert drawn is not None
        if drawn.sweep:
            return f"sweep {count(drawn.sweep[0])}", f"of {count(drawn.sweep[1])}"
        return () if drawn.used else ("shown only",)

    def _paint_shares(self, painter: QPainter, box: QRectF, at: Columns) -> None:
        """The exact probabilities as areas with the draws' shares as dots; below each other where steps are close."""
        scene = self.scene
        name = f"P(z = {theme.letter(1)})" if scene.k == 2 else "P(z = k)"
        mean = scene.drawn.mean if scene.drawn is not None else None
        self._label(painter, QRectF(box.left(), box.top(), box.width(), 18), name)
        if scene.exact is None and mean is None:
            self._blank(painter, box, at)
            return
        words = "" if scene.drawn is None else "the draw" if scene.drawn.chains == 1 else "draws"
        close = box.width() < _DOTS * (self.span.right - self.span.left)
        if close or scene.exact is None:
            self._paint_areas(painter, box, at, scene.exact, mean)
            if mean is not None:
                flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                painter.setFont(theme.font(11))
                painter.setPen(theme.colour("text3"))
                painter.drawText(QRectF(0, box.bottom() - 17, GUTTER - 10, 18), flags, words)
        else:
            shown = self._paint_area(painter, box, at, scene.exact, SOFT)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.colour("text"), 1.25))
            paint_stairs(painter, box, shown)
            self._legend(painter, box, 24.0, "exact", False)
            if mean is not None:
                paint_dots(painter, box, self.span, mean)
                self._legend(painter, box, 39.0, words, True)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setFont(theme.font(11))
        painter.setPen(theme.colour("text3"))
        for words, y in (("1", box.top() + 6), ("0", box.bottom() - 6)):
            painter.drawText(QRectF(box.right() + 6, y - 8, 24, 16), Qt.AlignmentFlag.AlignVCenter, words)

    def _paint_areas(
        self, painter: QPainter, box: QRectF, at: Columns, exact: np.ndarray | None, mean: np.ndarray | None
    ) -> None:
        """Exact probabilities above, the draws' shares below them."""
        tables = [table for table in (exact, mean) if table is not None]
        each = (box.height() - 3.0 * (len(tables) - 1)) / len(tables)
        for i, table in enumerate(tables):
            part = QRectF(box.left(), box.top() + i * (each + 3.0), box.width(), each)
            self._paint_area(painter, part, at, table, CLOSE)

    def _paint_area(
        self, painter: QPainter, box: QRectF, at: Columns, table: np.ndarray, strength: tuple[float, float]
    ) -> np.ndarray:
        """Stacked areas of a table (n, K); what it is along the pixels, (width, K)."""
        shown = strips_image.shares(table, at, self._sums)
        height = max(round(box.height() * (self.grain or self.devicePixelRatioF())), 2)
        self._lay(painter, box, strips_image.shares_picture(shown, height, self._palette(strength)[:-1]))
        return shown

    def _legend(self, painter: QPainter, box: QRectF, y: float, words: str, dot: bool) -> None:
        if y > box.height() + 8:
            return
        painter.setFont(theme.font(11))
        painter.setPen(theme.colour("text3"))
        right = GUTTER - 10
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, box.top() + y - 8, right, 16), flags, words)
        left = right - painter.fontMetrics().horizontalAdvance(words) - 6
        if dot:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("text"))
            painter.drawEllipse(QPointF(left - 2, box.top() + y), 2.2, 2.2)
        elif left > 10:
            painter.setPen(QPen(theme.colour("text"), 1.25))
            painter.drawLine(QPointF(left - 10, box.top() + y), QPointF(left, box.top() + y))

    def _paint_axis(self, painter: QPainter) -> None:
        plot = self.plot
        painter.setFont(theme.font(12))
        painter.setPen(theme.colour("text2"))
        for place, words in self.span.ticks(plot.width()):
            x = plot.left() + float(self.span.pixels(place, plot.width()))
            painter.drawText(QRectF(x - 40, plot.bottom(), 80, 18), Qt.AlignmentFlag.AlignCenter, words)
        painter.setPen(theme.colour("text3"))
        box = QRectF(plot.left(), plot.bottom() + 16, plot.width(), 18)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self.span.label(plot.width()))

    def _paint_pointed(self, painter: QPainter) -> None:
        plot = self.plot
        for row, strong in ((self.span.hovered, False), (self.span.picked, True)):
            if row is None or row >= self.span.n or (not strong and row == self.span.picked):
                continue
            x = plot.left() + float(self.span.pixels(self.span.position(row), plot.width()))
            if plot.left() - 1 <= x <= plot.right() + 1:
                paint_cross(painter, x, 0, plot.bottom(), strong)
        for cell, role in ((self._cell, "text2"), (self._pinned, "text")):
            if cell is not None and cell[0] < self.shown and cell[1] < self.scene.n:
                box = self.cell_box(*cell)
                if box.width() < 6:
                    box.adjust(-3 + box.width() / 2, 0, 3 - box.width() / 2, 0)
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(theme.colour("canvas"), 3.5))
                painter.drawRect(box.adjusted(-1, -1.5, 1, -0.5))
                painter.setPen(QPen(theme.colour(role), 1.5))
                painter.drawRect(box.adjusted(-1, -1.5, 1, -0.5))

    def _restyle(self) -> None:
        self.more.setFont(theme.font(11))
        self._place_more()
        self._anew()

    def _place_more(self) -> None:
        drawn, band = self.scene.drawn, self.band("draws")
        more = drawn is not None and drawn.chains > TEN
        self.more.setVisible(more)
        if not more or band is None:
            return
        assert drawn is not None
        self.more.setText("show ten" if self.all else f"show all {count(drawn.chains)}")
        self.more.setToolTip("All draws as one picture" if not self.all else "The first ten draws")
        self.more.setAccessibleName(self.more.text())
        self.more.adjustSize()
        width = self.more.sizeHint().width()
        top = band.top + 8 + 15 * (1 + max(len(self._below), 1))
        self.more.setGeometry(round(GUTTER - 10 + _INSET - width), round(top), width, 20)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_more()

    def sizeHint(self) -> QSize:
        return QSize(480, 250)
