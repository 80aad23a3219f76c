"""How one strip is drawn: a path as a row of colour, several of them, the probabilities of the states as areas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from emstudio.core.format import count
from emstudio.gui import strips_image, theme, vector
from emstudio.gui.series_scene import Drawn, Scene
from emstudio.gui.series_span import GUTTER, Span
from emstudio.gui.strips_image import Columns, Sums
from emstudio.gui.strips_layout import TEN
from emstudio.gui.strips_paint import paint_dots, paint_stairs

# How strong paths, drawn paths and the areas of probabilities are painted; a site that has just flipped is vivid.
CALM, DRAWN, SOFT, VIVID = (0.6, 0.92), (0.46, 0.8), (0.3, 0.66), (1.0, 1.0)  # light, dark
CLOSE = (0.6, 0.76)  # areas whose steps are too close for dots
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DOTS = 3.0  # px between two steps below which the mean of the draws is a line


@dataclass(frozen=True, eq=False)
class StripPainter:
    """Paints the strips of a scene at `scale` device pixels to a logical one.

    `shown` draws are in sight, which are `all` there are or the first of them; `marked`: what has just flipped is vivid.
    """

    scene: Scene
    span: Span
    shown: int
    all: bool
    marked: bool
    scale: float
    sums: Sums

    def paint(self, painter: QPainter, kind: str, box: QRectF, at: Columns) -> None:
        """Paint the strip `kind` (truth, viterbi, draws, shares) into its box."""
        getattr(self, f"_paint_{kind}")(painter, box, at)

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
        if vector.on_paper(painter) and len(pixels) == 1:
            vector.paint_runs(painter, box, pixels[0])
        else:
            vector.paint_image(painter, box, strips_image.image(pixels))

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
        head = QRectF(box.left(), box.top() + 2, box.width(), min(box.height(), 6.0 + 16 * (1 + len(below(drawn)))))
        self._label(painter, head, name, *below(drawn))
        colours = self._palette(DRAWN)
        picture = strips_image.states_picture(drawn.states[:, :shown], at, colours)
        if drawn.flipped is not None and self.marked:
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
        shown = strips_image.shares(table, at, self.sums)
        height = max(round(box.height() * self.scale), 2)
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


def below(drawn: Drawn) -> tuple[str, ...]:
    """The quieter lines below the name of the draws."""
    if drawn.sweep:
        return f"sweep {count(drawn.sweep[0])}", f"of {count(drawn.sweep[1])}"
    return () if drawn.used else ("shown only",)
