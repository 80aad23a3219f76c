"""The part of time that the laboratory shows: series beside each other, which rows lie at which place, what is pointed at.

    span = Span()
    span.set_series(offsets, times)         # as in Dataset.offsets, and what the steps are called
    span.position(rows), span.rows_at(p)    # a step is one unit wide, its middle at a whole number
    span.zoom(0.8, at=120.0); span.pan(-5)  # always inside of what there is

Between two series there is a gap of some steps, so that nothing is ever joined across it. Series and strips share one
span; so they show the same steps, and a step that is picked or pointed at is so in both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QRectF, Qt, Signal
from PySide6.QtGui import QWheelEvent

from emstudio.core.data import Dataset
from emstudio.core.format import number
from emstudio.gui.axes import spacing, tick_texts, ticks

EMPTY = 100  # steps of an empty sheet
LEAST = 4.0  # steps that are seen at least
GUTTER, MARGIN = 92.0, 36.0  # pixels left and right of everything that is drawn along time
_APART = 46.0  # pixels between two ticks, at least


class Span(QObject):
    """`moved`: other steps are shown than before; `pointed`: another step is picked or pointed at."""

    moved = Signal()
    pointed = Signal()

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self.offsets = np.array([0, 0])
        self.gap = 0
        self.chosen: int | None = None  # the one series shown; None: all
        self.room = 0  # empty steps behind the last one, to paint on
        self.left, self.right = -0.5, EMPTY - 0.5
        self.picked: int | None = None
        self.hovered: int | None = None
        self._whole = False  # all was shown when a hand began its work
        self._times: Times = Times(None, "time t")

    # -- which steps there are -----------------------------------------------------------------------------------------
    @property
    def n(self) -> int:
        return int(self.offsets[-1])

    @property
    def count(self) -> int:
        """How many series."""
        return len(self.offsets) - 1

    def set_series(self, offsets: np.ndarray, times: Times, hold: bool = False) -> None:
        """Other series; what is shown stays as far as it goes on existing, all of it where all was shown.

        `hold`: a hand is at work, and nothing shall move under it until `settle`.
        """
        offsets = np.asarray(offsets, np.int64)
        whole = (self.left, self.right) == self.limits() or len(offsets) != len(self.offsets)
        self._whole = self._whole or (hold and whole)
        self.offsets, self._times = offsets, times
        lengths = np.diff(offsets)
        if not hold:
            self.gap = max(2, round(float(lengths.mean()) / 16)) if self.count > 1 else 0
        if self.chosen is not None and self.chosen >= self.count:
            self.chosen = None
        if self.picked is not None and self.picked >= self.n:
            self.pick(None)
        if self.hovered is not None and self.hovered >= self.n:
            self.hover(None)
        if hold:
            self.moved.emit()
        else:
            self._show(*(self.limits() if whole else (self.left, self.right)))

    def settle(self) -> None:
        """The hand is lifted: where all was shown before, all is shown."""
        if self._whole:
            self._whole = False
            self.fit()

    def choose(self, series: int | None) -> None:
        """Show one series, or all."""
        self.chosen = series if series is not None and series < self.count else None
        self._show(*self.limits())

    def set_room(self, steps: int) -> None:
        """Room for so many steps behind the last."""
        if steps != self.room:
            whole = (self.left, self.right) == self.limits()
            self.room = steps
            self._show(*(self.limits() if whole else (self.left, self.right)))

    def limits(self) -> tuple[float, float]:
        """All that can be shown."""
        if not self.n:
            return -0.5, EMPTY - 0.5
        first, last = (0, self.count - 1) if self.chosen is None else (self.chosen, self.chosen)
        low = self.offsets[first] + first * self.gap - 0.5
        high = self.offsets[last + 1] + last * self.gap - 0.5 + self.room
        return float(low), float(max(high, low + LEAST))

    # -- places --------------------------------------------------------------------------------------------------------
    def series_of(self, rows: np.ndarray | int) -> np.ndarray:
        """Which series each row belongs to."""
        return np.clip(np.searchsorted(self.offsets, rows, side="right") - 1, 0, max(self.count - 1, 0))

    def position(self, rows: np.ndarray | int) -> np.ndarray:
        """Where rows stand."""
        rows = np.asarray(rows)
        return rows + self.gap * self.series_of(rows)

    def _begins(self) -> np.ndarray:
        """(S,) where each series' first step stands."""
        return self.offsets[:-1] + self.gap * np.arange(self.count)

    def rows_at(self, positions: np.ndarray | Sequence[float] | float) -> np.ndarray:
        """The rows whose steps these places are in; -1 between and beyond the series."""
        positions = np.asarray(positions, float)
        if not self.n:
            return np.full(positions.shape, -1)
        series = np.clip(np.searchsorted(self._begins() - 0.5, positions, side="right") - 1, 0, self.count - 1)
        rows = np.floor(positions + 0.5).astype(np.int64) - self.gap * series
        inside = (rows >= self.offsets[series]) & (rows < self.offsets[series + 1])
        if self.chosen is not None:
            inside &= series == self.chosen
        return np.where(inside, rows, -1)

    def first_from(self, positions: np.ndarray) -> np.ndarray:
        """The first row that stands at each of these places or behind; n behind the last."""
        if not self.n:
            return np.zeros(np.shape(positions), np.int64)
        series = np.clip(np.searchsorted(self._begins(), positions, side="right") - 1, 0, self.count - 1)
        rows = np.ceil(np.asarray(positions, float)).astype(np.int64) - self.gap * series
        return np.clip(rows, self.offsets[series], self.offsets[series + 1])

    def seen(self) -> tuple[int, int]:
        """The rows shown: first and behind the last."""
        first, last = self.first_from(np.array([self.left - 0.5, self.right + 0.5])).tolist()
        if self.chosen is not None:
            low, high = self.offsets[self.chosen : self.chosen + 2].tolist()
            return max(first, low), max(min(last, high), max(first, low))
        return first, last

    def pixels(self, positions: np.ndarray | float, width: float) -> np.ndarray:
        """Places in pixels of a rectangle of `width`."""
        return (np.asarray(positions, float) - self.left) * (width / (self.right - self.left))

    def place(self, x: Any, width: float) -> Any:
        """The place of a pixel, or of many."""
        return self.left + x * (self.right - self.left) / max(width, 1.0)

    # -- what is shown -------------------------------------------------------------------------------------------------
    def zoom(self, factor: float, at: float) -> None:
        """Show `factor` times as many steps; the place `at` stays where it is."""
        low, high = self.limits()
        size = min(max((self.right - self.left) * factor, min(LEAST, high - low)), high - low)
        left = at - (at - self.left) * size / (self.right - self.left)
        self._show(left, left + size)

    def pan(self, steps: float) -> None:
        """Show later steps (earlier ones, where negative)."""
        self._show(self.left + steps, self.right + steps)

    def fit(self) -> None:
        """Show all."""
        self._show(*self.limits())

    def reveal(self, row: int) -> None:
        """Have a row in sight."""
        if self.chosen is not None and int(self.series_of(row)) != self.chosen:
            self.choose(None)
        place, size = float(self.position(row)), self.right - self.left
        if not self.left <= place <= self.right:
            self._show(place - size / 2, place + size / 2)

    def _show(self, left: float, right: float) -> None:
        low, high = self.limits()
        size = min(right - left, high - low)
        left = min(max(left, low), high - size)
        self.left, self.right = left, left + size
        self.moved.emit()

    # -- what is pointed at --------------------------------------------------------------------------------------------
    def pick(self, row: int | None) -> None:
        if row != self.picked:
            self.picked = row
            self.pointed.emit()

    def hover(self, row: int | None) -> None:
        if row != self.hovered:
            self.hovered = row
            self.pointed.emit()

    # -- words ---------------------------------------------------------------------------------------------------------
    def step_of(self, row: int) -> int:
        """The step of a row in its series, from 1."""
        return row - int(self.offsets[int(self.series_of(row))]) + 1

    def name(self, row: int) -> str:
        """`t = 17`, or `year 1916`, or `series 2, t = 17`."""
        series = int(self.series_of(row))
        words = self._times.name(series, self.step_of(row))
        return f"series {series + 1}, {words}" if self.count > 1 else words

    def ticks(self, width: float) -> list[tuple[float, str]]:
        """(place, text) of the ticks: of each series its own time, or its name where there is no room."""
        if not self.n:
            return [(v - 1, t) for v, t in Times(None, "").ticks(0, 1, EMPTY, width)]
        low, high = self.series_of(np.array([max(self.seen()[0], 0), max(self.seen()[1] - 1, 0)])).tolist()
        found: list[tuple[float, str]] = []
        named = self._by_name(width)
        for s in range(low, high + 1):
            found += self._named(s, found, width) if named else self._timed(s, width)
        free, kept = -math.inf, []
        for place, words in found:  # the last tick of a series may lie beside the first of the next
            x = float(self.pixels(place, width))
            if x - free >= 3.5 * len(words) + 4:
                kept.append((place, words))
                free = x + 3.5 * len(words) + 4
        return kept

    def _by_name(self, width: float) -> bool:
        """Whether the series are so narrow that the axis names them instead of telling their times."""
        shortest = int(np.diff(self.offsets).min()) if self.chosen is None else self.n
        return self.count > 1 and shortest * width / (self.right - self.left) < 1.6 * _APART

    def _timed(self, s: int, width: float) -> list[tuple[float, str]]:
        begin = int(self.offsets[s]) + self.gap * s
        length = int(self.offsets[s + 1] - self.offsets[s]) + (self.room if s == self.count - 1 else 0)
        first = max(1, math.ceil(self.left - begin) + 1)
        last = min(length, math.floor(self.right - begin) + 1)
        if last < first:
            return []
        wide = (last - first + 1) * width / (self.right - self.left)
        return [(begin + t - 1, text) for t, text in self._times.ticks(s, first, last, wide)]

    def _named(self, s: int, before: list[tuple[float, str]], width: float) -> list[tuple[float, str]]:
        """The number of a series below its middle, where it has room."""
        middle = self.gap * s + float(self.offsets[s] + self.offsets[s + 1] - 1) / 2
        text = str(s + 1)
        free = (middle - before[-1][0]) * width / (self.right - self.left) if before else math.inf
        return [(middle, text)] if self.left <= middle <= self.right and free >= 8 * len(text) + 10 else []

    def label(self, width: float) -> str:
        """What the ticks of an axis of `width` pixels tell."""
        return "series" if self._by_name(width) else self._times.title


class Times:
    """What the steps of each series are called: 1, 2, 3 ... or the evenly spaced values of a column."""

    def __init__(self, starts: np.ndarray | None, title: str, step: float = 1.0, word: str = ""):
        self.starts, self.title, self.step, self.word = starts, title, step, word

    def value(self, series: int, t: float) -> float:
        return t if self.starts is None else float(self.starts[series]) + (t - 1) * self.step

    def name(self, series: int, t: int) -> str:
        if self.starts is None:
            return f"t = {t}"
        value = self.value(series, t)
        text = f"{value:.0f}" if value == round(value) and abs(value) < 1e6 else number(value, 6, trim=True)
        return f"{self.word} {text}"

    def ticks(self, series: int, first: int, last: int, width: float) -> list[tuple[float, str]]:
        """(step, text) of round values from step `first` to `last` on `width` pixels."""
        low, high = self.value(series, first), self.value(series, last)
        step = max(spacing(low, high, width, _APART), self.step) if high > low else self.step
        values = ticks(low, high, step)
        texts = tick_texts(values, step)
        if self.starts is not None and self.step == 1.0 and step >= 1:
            texts = [f"{v:.0f}" for v in values]  # years have no thousands
        places = values if self.starts is None else (values - self.value(series, 1)) / self.step + 1
        found = [(float(p), t) for p, t in zip(places, texts, strict=True) if p >= 1]
        if self.starts is None and first == 1 and (not found or found[0][0] > 1):
            unit = width / max(last - first + 1, 1)
            if not found or (found[0][0] - 1) * unit > 20:
                found.insert(0, (1.0, "1"))
        return found


def times_of(data: Dataset) -> Times:
    """The time column's values where they are evenly spaced numbers, else steps from 1."""
    plain = Times(None, "time t")
    if data.time is None or not data.n:
        return plain
    column = data.table.column(data.time)
    if not column.numeric:
        return plain
    values = column.values[data.rows]
    inner = np.ones(data.n - 1, bool)
    inner[data.offsets[1:-1] - 1] = False
    steps = np.diff(values)[inner]
    if not len(steps) or not np.isfinite(values).all() or steps[0] <= 0:
        return plain
    if np.ptp(steps) > 1e-6 * abs(steps[0]):
        return plain
    if steps[0] == 1.0 and (values[data.offsets[:-1]] == 1.0).all():
        return plain  # the column counts the steps
    unit = f", {column.unit}" if column.unit else ""
    return Times(values[data.offsets[:-1]], column.title + unit, float(steps[0]), column.title)


def wheel(span: Span, event: QWheelEvent, plot: QRectF) -> None:
    """The wheel goes along time: up and down zoom about the hand, sideways (or with Shift) pans."""
    delta = event.angleDelta()
    across = delta.x() or (delta.y() if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 0)
    if across:
        span.pan(-across / 1200 * (span.right - span.left))
    elif delta.y():
        span.zoom(1.0015 ** -delta.y(), float(span.place(event.position().x() - plot.left(), plot.width())))
    event.accept()
