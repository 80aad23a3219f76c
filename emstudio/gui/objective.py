"""The objective plot: log-likelihood (solid) and bound F (dashed) as staircases over the half-steps, the gap between.

Each moment is a cell. What lies behind the current cell is solid, what was computed ahead of it pale. Objectives of
different data are never joined; an edit is a named line between two cells.
"""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from emstudio.core.format import number
from emstudio.gui import theme
from emstudio.gui.cells import LEFT, RIGHT, Cells
from emstudio.gui.chain_numbers import is_chain
from emstudio.gui.objective_curves import BAND, Curves, gap_colour, pen_of
from emstudio.gui.refresh import Refresher
from emstudio.gui.staircase import places, ticks, y_range
from emstudio.gui.track import PHASES
from emstudio.session import Session

HEADER = 30
CLOSEST = 15.0  # px from one value of the axis to the next
UNIT = "nats, higher is better"


def _unit(cost: str | None) -> str:
    return "lower is better" if cost else UNIT


class Objective(Cells):
    """Log-likelihood and bound of the timeline's cells in view."""

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(session, refresher, parent)
        self.setObjectName("objective")
        self.setAccessibleName("Objective over the half-steps")
        self.setToolTip("The objective over the half-steps; click to go to one, turn the wheel to zoom")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 80)
        self._range = (-1.0, 0.0)

    def sizeHint(self) -> QSize:
        return QSize(640, 150)

    # -- what is where -------------------------------------------------------------------------------------------------
    @property
    def plot(self) -> QRectF:
        """The part of the widget that holds the curves."""
        return QRectF(LEFT, HEADER, max(self.width() - LEFT - RIGHT, 1), max(self.height() - HEADER - 8, 1))

    def y_of(self, value: float) -> float:
        low, high = self._range
        return self.plot.bottom() - (value - low) / (high - low) * self.plot.height()

    def range(self) -> tuple[float, float]:
        """The values at the bottom and the top of the plot."""
        return self._range

    def describe(self, cell: int) -> str:
        node = self.track.cells[cell]
        snapshot = node.moment.snapshot
        parts = [f"{node.moment.label} ({node.title})" if node.title else node.moment.label]
        if snapshot.figure is not None:
            parts.append(f"{self._cost or 'log-likelihood'} {number(snapshot.figure, 7)}")
        if snapshot.bound is not None:
            error = float(self.track.facts["error"][cell])
            spread = f" \u00b1 {number(error, 2)}, estimated from draws" if error > 0 else ""
            parts.append(f"bound F {number(snapshot.bound, 7)}{spread}")
            if snapshot.log_likelihood is not None and snapshot.log_likelihood >= snapshot.bound:
                parts.append(f"gap {number(max(snapshot.log_likelihood - snapshot.bound, 0.0), 4)}")
        if cell in self._falls(cell, cell + 1):
            parts.append(
                f"the {self._cost} rose here, which a half-step cannot do"
                if self._cost
                else "the log-likelihood fell here, which an exact half-step cannot do"
            )
        return ", ".join(parts)

    @property
    def _cost(self) -> str | None:
        """What is lowered, by its name, for a model without likelihood."""
        return self.track.cells[self.track.current].moment.model.cost if self.track.count else None

    def _falls(self, low: int, high: int) -> list[int]:
        """Cells in view whose watched objective is lower than before, where the model promises that it never is."""
        low = max(low, 1)
        if low >= high:
            return []
        values = self.track.likelihood[low - 1 : high] * (-1 if self._cost else 1)
        with np.errstate(invalid="ignore"):
            down = np.diff(values) < -1e-9 * np.maximum(np.abs(values[1:]), 1.0)
        found = []
        for i in low + np.flatnonzero(down & self.track.facts["joined"][low:high]):
            node, before = self.track.cells[i], self.track.cells[i - 1]
            after, old = node.moment.objective, before.moment.objective
            exact = node.moment.promises.monotone and node.moment.snapshot.phase in ("E", "M")
            if exact and after is not None and old is not None and after < old - 1e-9 * max(abs(old), 1.0):
                found.append(int(i))
        return found

    def _climb(self, low: int, high: int) -> np.ndarray:
        """Which cells in view are the first steep part of a chain's run: they do not count where they dwarf the rest.

        A chain's run climbs far in its first iterations, and what draws do to it later would be a flat line.
        """
        here = self.track.current
        seen = self.track.facts[low:high]
        if not is_chain(self.track.cells[here].moment.model) or not len(seen):
            return np.zeros(len(seen), bool)
        return (seen["iteration"] <= int(seen["iteration"].max()) // 3) & (np.arange(low, high) < here)

    # -- painting ------------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.colour("canvas"))
        low, high = self.track.visible()
        seen = self.track.facts[low:high]
        same = seen["group"] == self.track.facts["group"][self.track.current]
        likelihood, bound = (np.where(same, seen[name], np.nan) for name in ("likelihood", "bound"))
        sign = -1 if self._cost else 1
        early = seen["early"] | self._climb(low, high)
        if np.isfinite(seen["error"]).any():
            spread = BAND * np.nan_to_num(seen["error"])
            likelihood, early = np.tile(likelihood, 2), np.tile(early, 2)
            bound = np.concatenate([bound - spread, bound + spread])
        found = y_range(sign * likelihood, sign * bound, early)
        self._range = (-1.0, 0.0) if found is None else found if sign > 0 else (-found[1], -found[0])
        unit = self._paint_grid(painter) if found else _unit(self._cost)
        self._paint_header(painter, unit)
        if found is None:
            self._paint_hint(painter)
            return
        self._paint_current_cell(painter)
        self._paint_curves(painter, low, high)
        self._paint_edits(painter, low, high)
        taken = self._paint_clipped(painter, low, high, same)
        painter.setFont(theme.font(11))
        for box, title in self.names(low, high, taken):
            self._label(painter, box, title, theme.colour("text3"))
        self._paint_dot(painter)
        self._paint_falls(painter, low, high)

    def _paint_header(self, painter: QPainter, unit: str) -> None:
        title, plain = theme.font(12, 600), theme.font(12)
        box = QRectF(16, 0, self.width() - 32, HEADER)
        painter.setFont(title)
        painter.setPen(theme.colour("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, "Objective")
        left = 16 + QFontMetricsF(title).horizontalAdvance("Objective") + 8
        metrics = QFontMetricsF(plain)
        painter.setFont(plain)
        right = self._paint_legend(painter, metrics)
        painter.setPen(theme.colour("text3"))
        room = QRectF(left, 0, max(right - left - 12, 0), HEADER)
        words = metrics.elidedText(self._with_branches(unit), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, words)

    def _with_branches(self, unit: str) -> str:
        low, high = self.track.visible()
        kept = int(self.track.facts["forks"][low:high].sum())
        if not kept:
            return unit
        return f"{unit} \u00b7 {kept} other future{'s' if kept > 1 else ''} kept"

    def _paint_legend(self, painter: QPainter, metrics: QFontMetricsF) -> float:
        """The legend at the right end of the header; its left edge. A narrow plot has none."""
        entries = [("log-likelihood", "text"), ("bound F", "text2"), ("KL gap", "gap")]
        low, high = self.track.visible()
        if np.isfinite(self.track.facts["error"][low:high]).any():
            entries[1:] = [("bound F", "text2"), ("\u00b1 2 s.e.", "bound")]
        if self.track.count and self.track.cells[self.track.current].moment.how.kind == "annealed":
            entries = [("log-likelihood", "text"), ("tempered F", "text2")]
        if self._cost:
            entries = [(self._cost, "text")]
        widths = [28 + metrics.horizontalAdvance(name) for name, _ in entries]
        x = self.width() - RIGHT - sum(widths) - 16 * (len(entries) - 1)
        if x < 16 + metrics.horizontalAdvance("Objective") * 1.2:
            return self.width() - RIGHT
        start, middle = x, HEADER / 2
        for (name, role), width in zip(entries, widths):
            if role in ("gap", "bound"):
                sample = gap_colour() if role == "gap" else theme.colour("bound")
                painter.fillRect(QRectF(x + 4, middle - 5, 16, 10), sample)
            else:
                painter.setPen(pen_of(role))
                painter.drawLine(QPointF(x, middle), QPointF(x + 20, middle))
            painter.setPen(theme.colour("text2"))
            painter.drawText(QRectF(x + 28, 0, width, HEADER), Qt.AlignmentFlag.AlignVCenter, name)
            x += width + 16
        return start

    def _paint_hint(self, painter: QPainter) -> None:
        painter.setFont(theme.font(12))
        painter.setPen(theme.colour("text3"))
        words = f"The {self._cost or 'log-likelihood'} appears here with the start; each half-step adds a cell."
        painter.drawText(self.plot, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, words)

    def marked(self) -> np.ndarray:
        """The values that the axis names: round ones, no two nearer than `CLOSEST`."""
        marks = ticks(*self._range, max(2, int(self.plot.height() // 34)))
        if len(marks) < 2:
            marks = ticks(*self._range, 4)
        while len(marks) > 2 and abs(self.y_of(float(marks[1])) - self.y_of(float(marks[0]))) < CLOSEST:
            marks = marks[::2]
        return marks

    def _paint_grid(self, painter: QPainter) -> str:
        """Grid lines with their values; what the values are. Values that would not fit are given as differences."""
        plot = self.plot
        marks = self.marked()
        gap = float(marks[1] - marks[0]) if len(marks) > 1 else 1.0
        labels = [number(v, decimals=places(gap)) for v in marks]
        unit = _unit(self._cost)
        small = theme.font(11)
        metrics = QFontMetricsF(small)
        if max((metrics.horizontalAdvance(t) for t in labels), default=0) > LEFT - 14:
            top = float(marks[-1])
            scale = 10.0 ** math.floor(math.log10(gap) + 1e-9)
            labels = [number(round((v - top) / scale), decimals=0) for v in marks]
            high = number(top, decimals=places(gap))
            unit = f"{number(scale, 1)} nats above {high}, higher is better"
            if self._cost:
                unit = f"{number(scale, 1)} above {high}, lower is better"
        painter.setFont(small)
        line = QPen(theme.colour("grid"), 1)
        for value, label in zip(marks, labels):
            y = round(self.y_of(float(value))) + 0.5
            painter.setPen(line)
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(theme.colour("text2"))
            box = QRectF(0, y - 8, LEFT - 8, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, label)
        return unit

    def _paint_current_cell(self, painter: QPainter) -> None:
        plot = self.plot
        left, right = self.cell_rect_x(self.track.current)
        middle = (left + right) / 2
        if right < plot.left() or left > plot.right():
            return
        band, line = theme.colour("text"), theme.colour("text")
        band.setAlphaF(0.10 if theme.current().dark else 0.06)
        line.setAlphaF(0.4)
        if right - left >= 4:
            painter.fillRect(QRectF(left, plot.top(), right - left, plot.height()) & plot, band)
        painter.setPen(QPen(line, 1.5))
        painter.drawLine(QPointF(middle, plot.top()), QPointF(middle, plot.bottom()))

    def _paint_curves(self, painter: QPainter, low: int, high: int) -> None:
        """Up to the current cell in full, what is ahead of it pale, and so is what belongs to other data."""
        plot = self.plot
        now = min(max(self.x_of(self.track.current + 1), plot.left()), plot.right())
        here = self.track.segment(min(max(self.track.current, low), high - 1))
        curves = Curves(self.track, plot, self._range, self.cell_width)
        first = low
        while first < high:
            first, end = self.track.segment(first)
            shapes = curves.of(first, end)
            for left, right, opacity in ((plot.left(), now, 1.0), (now, plot.right(), 0.34)):
                if right <= left or self.x_of(end) < left or self.x_of(first) > right:
                    continue
                painter.save()
                painter.setClipRect(QRectF(left, plot.top(), right - left, plot.height()))
                painter.setOpacity(opacity if (first, end) == here or opacity < 1 else 0.45)
                shapes.paint(painter)
                painter.restore()
            first = end

    def _edits(self, low: int, high: int) -> list[int]:
        """The cells at which a person changed something."""
        return [i for i in (low + np.flatnonzero(self.track.facts["notable"][low:high])).tolist() if i]

    def _paint_edits(self, painter: QPainter, low: int, high: int) -> None:
        """A dotted line where a person changed something; `names` says what."""
        pen = QPen(theme.colour("axis"), 1)
        pen.setDashPattern([2, 3])
        painter.setPen(pen)
        for i in self._edits(low, high):
            x = self.x_of(i)
            painter.drawLine(QPointF(x, self.plot.top()), QPointF(x, self.plot.bottom()))

    def names(self, low: int, high: int, taken: list[QRectF]) -> list[tuple[QRectF, str]]:
        """What a person changed, and where it stands: where no curve runs and nothing is `taken`; else it has no room."""
        metrics = QFontMetricsF(theme.font(11))
        made: list[tuple[QRectF, str]] = []
        for i in self._edits(low, high):
            title = self.track.cells[i].title
            used = [*taken, *(box for box, _ in made)]
            box = self._free_box(self.x_of(i) + 4, metrics.horizontalAdvance(title) + 4, used)
            if box is not None:
                made.append((box, title))
        return made

    def _free_box(self, left: float, width: float, taken: list[QRectF]) -> QRectF | None:
        """Room for a name in a row at the top, at the bottom or between, where it hides nothing; None where there is none."""
        plot = self.plot
        if left + width > plot.right():
            return None
        first, last = (int((x - LEFT) // self.cell_width + self.track.first) for x in (left, left + width))
        cells = slice(max(first, 0), min(last, self.track.count - 1) + 1)
        values = np.concatenate([self.track.likelihood[cells], self.track.bound[cells]])
        values = np.clip(values[np.isfinite(values)], *self._range)
        high, low = (self.y_of(float(values.max())), self.y_of(float(values.min()))) if len(values) else (0.0, 0.0)
        knob = self.x_of(self.track.current + 0.5)
        margin = 8.0 if left - 8 <= knob <= left + width + 8 else 3.0
        for top in (plot.top(), plot.bottom() - 15, plot.center().y() - 7):
            box = QRectF(left, top, width, 15)
            free = not len(values) or box.bottom() + margin <= high or box.top() - margin >= low
            if free and not any(box.adjusted(-4, 0, 4, 0).intersects(other) for other in taken):
                return box
        return None

    def _label(self, painter: QPainter, box: QRectF, words: str, ink: QColor) -> None:
        """Words on a little canvas colour, so that they read on lines and fills."""
        back = theme.colour("canvas")
        back.setAlphaF(0.85)
        painter.fillRect(box.adjusted(-2, 0, 2, 0), back)
        painter.setPen(ink)
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)

    def _paint_falls(self, painter: QPainter, low: int, high: int) -> None:
        for i in self._falls(low, high):
            value = self.track.likelihood[i]
            x = self.x_of(i + 0.5)
            y = min(max(self.y_of(float(value)), self.plot.top()), self.plot.bottom() - 17)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("bad"))
            painter.drawPolygon(QPolygonF([QPointF(x - 5, y + 9), QPointF(x + 5, y + 9), QPointF(x, y + 17)]))

    def _paint_clipped(self, painter: QPainter, low: int, high: int, same: np.ndarray) -> list[QRectF]:
        """The names of the start and of edits that lie below the plot, start -1 644 and an arrow; where they are."""
        made: list[QRectF] = []
        small = theme.font(11)
        metrics = QFontMetricsF(small)
        painter.setFont(small)
        free = self.plot.left() + 2
        decimals = places(10.0 ** math.floor(math.log10(self._range[1] - self._range[0])))
        facts = self.track.facts[low:high]
        values = facts["likelihood"]
        beyond = values > self._range[1] if self._cost else values < self._range[0]
        beyond &= same & facts["early"] & (facts["phase"] != PHASES.index("E"))
        for i in (low + np.flatnonzero(beyond)).tolist():
            value, phase = float(self.track.likelihood[i]), self.track.cells[i].moment.snapshot.phase
            arrow = "\u2191" if self._cost else "\u2193"
            words = f"{phase} {number(value, decimals=decimals)} {arrow}"
            width = metrics.horizontalAdvance(words)
            # Nothing else is drawn in the two cells of the start and its E-step: the words end with them.
            left = min(max(self.x_of(i + 2) - 8 - width, free), self.plot.right() - width)
            if left >= free:
                box = QRectF(left, self.plot.top() + 4 if self._cost else self.plot.bottom() - 20, width, 16)
                self._label(painter, box, words, theme.colour("text2"))
                made.append(box)
                free = box.right() + 8
        return made

    def _paint_dot(self, painter: QPainter) -> None:
        value = float(self.track.likelihood[self.track.current])
        x = self.x_of(self.track.current + 0.5)
        if not math.isfinite(value) or not self.plot.left() <= x <= self.plot.right():
            return
        y = min(max(self.y_of(value), self.plot.top()), self.plot.bottom())
        painter.setPen(QPen(theme.colour("canvas"), 2))
        painter.setBrush(theme.colour("text"))
        painter.drawEllipse(QPointF(x, y), 6, 6)
