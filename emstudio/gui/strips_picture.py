"""The strips as a widget: which there are and where, what is pointed at, and the axis of time below them."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget

from emstudio.core.format import count, number
from emstudio.gui import strips_image, theme, vector
from emstudio.gui.series_paint import paint_cross
from emstudio.gui.series_scene import EMPTY, Drawn, Scene
from emstudio.gui.series_span import GUTTER, MARGIN, Span
from emstudio.gui.strips_bands import StripPainter, below
from emstudio.gui.strips_image import Sums
from emstudio.gui.strips_layout import TEN, Band, bands

FOOT = 36.0  # px of the time axis
_INSET = 7  # px between the text of a flat button and its edge

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

    def paint_on(self, painter: QPainter) -> None:
        """Paint the strips from the painter's origin, as sharp as its paper or its image."""
        grain, self.grain = self.grain, vector.sharpness(painter)
        self._paint_all(painter, self.grain)
        self.grain = grain

    def _paint_all(self, painter: QPainter, scale: float) -> None:
        """Everything but what is pointed at, at `scale` device pixels to a logical one."""
        painter.fillRect(self.rect(), theme.colour("canvas"))
        plot = self.plot
        at = strips_image.columns(self.span, max(round(plot.width() * scale), 1))
        strips = StripPainter(self.scene, self.span, self.shown, self.all, self._marked, scale, self._sums)
        for band in self.layout_bands():
            box = QRectF(plot.left(), band.top, plot.width(), band.height)
            strips.paint(painter, band.kind, box, at)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_axis(painter)

    def _anew(self, *_: object) -> None:
        """What is drawn is no longer what is to be seen."""
        self._still = None
        self.update()

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
        top = band.top + 8 + 15 * (1 + max(len(below(drawn)), 1))
        self.more.setGeometry(round(GUTTER - 10 + _INSET - width), round(top), width, 20)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_more()

    def sizeHint(self) -> QSize:
        return QSize(480, 250)
