"""The hand on the series: what a press, a move and a release mean with each of the canvas's tools, and the keys.

Select picks a step, moves a point or a letter up and down, and goes along time on empty paper. Paint writes the series
along the hand's way and adds steps behind its end; Spray does so with chance; Erase takes steps at the end away and
makes others unobserved. From press to release is one gesture, and one gesture is one edit for Undo.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPen

from emstudio.core.marks import Handle, View
from emstudio.gui import theme
from emstudio.gui.items import faded
from emstudio.gui.tools import SLACK, Stroke

if TYPE_CHECKING:
    from emstudio.gui.series_view import SeriesView

LEFT = Qt.MouseButton.LeftButton
_ROOM = 12  # steps behind the end that can be painted at once, at least
_STEPS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -10, Qt.Key.Key_PageDown: 10}
_CURSORS = {
    "paint": Qt.CursorShape.CrossCursor,
    "spray": Qt.CursorShape.CrossCursor,
    "erase": Qt.CursorShape.CrossCursor,
}


class Editor(QObject):
    """Belongs to one view of the series; `tool` is select, paint, spray or erase."""

    def __init__(self, view: SeriesView):
        super().__init__(view)
        self._view, self._session = view, view.session
        self.tool = "select"
        self.brush = 12
        self._stroke = Stroke(view.session, self)
        self._rng = np.random.default_rng()
        self._at: QPointF | None = None  # where the press was
        self._last = QPointF()
        self._what = ""  # level, point or paper
        self._moved = False
        self._row: int | None = None
        self._handle: Handle | None = None
        self._about = 0.0  # the level whose band is held
        self._grip = 0.0  # pixels from the hand to what it holds
        self._wanted = 0.0
        self._way: list[tuple[float, float]] = []  # (place, value) still to be written
        self._hand: QPointF | None = None

    # -- tools ---------------------------------------------------------------------------------------------------------
    def set_tool(self, name: str) -> None:
        """Take another tool in the hand."""
        if name == self.tool:
            return
        self._stroke.end()
        self._at = None
        self.tool = name
        self._view.setCursor(_CURSORS.get(name, Qt.CursorShape.ArrowCursor))
        self.make_room()
        self._view.update()

    def make_room(self) -> None:
        """Behind the end there is room for the brush."""
        n = self._view.scene.n
        self._view.span.set_room(max(_ROOM, n // 12) if self.tool in ("paint", "spray") and n else 0)

    def press(self, event: QMouseEvent) -> None:
        if event.button() != LEFT:
            return
        view, place = self._view, event.position()
        view.setFocus(Qt.FocusReason.MouseFocusReason)
        self._at = self._last = place
        self._moved = False
        if self.tool != "select":
            self._stroke.begin()
            self._touch(place)
            return
        self._what, self._row = "paper", None
        edge, k = _nearest(view.edges(), place, 9), _nearest(view.letters(), place, 13)
        if edge is not None:
            level = next(level for level in view.levels if level.component == edge)
            self._what, self._handle, self._about = "edge", level.edge, level.value
            self._grip = view.y_of(level.value + level.spread) + view.plot.top() - place.y()
        elif k is not None:
            view.pick_component(k)
            level = next(level for level in view.levels if level.component == k)
            self._what, self._handle = "level", level.handle
            self._grip = view.y_of(level.value) + view.plot.top() - place.y()
        elif (row := view.point_at(place)) is not None and not view.span_crowded():
            self._what, self._row = "point", row
            self._grip = view.where_row(row).y() - place.y()

    def move(self, event: QMouseEvent) -> None:
        place = self._hand = event.position()
        view = self._view
        if self._at is None:
            self._point(place)
            return
        if self.tool != "select":
            self._touch(place)
            self._last = place
            return
        if not self._moved:
            if math.hypot(place.x() - self._at.x(), place.y() - self._at.y()) < SLACK:
                return
            self._moved = True
            if self._what in ("level", "edge", "point"):
                self._stroke.begin()
                view.point_to(self._row, False)
        if self._what == "level" and self._handle is not None:
            self._drag_level(self._handle, view.value_at(place.y() + self._grip))
        elif self._what == "edge" and self._handle is not None:
            self._drag_edge(self._handle, view.value_at(place.y() + self._grip) - self._about)
        elif self._what == "point":
            self._wanted = view.value_at(place.y() + self._grip)
            self._stroke.edit("point", self._move_point)
        elif self._what == "paper":
            span = view.span
            span.pan((self._last.x() - place.x()) * (span.right - span.left) / view.plot.width())
        self._last = place

    def release(self, event: QMouseEvent) -> None:
        if event.button() != LEFT or self._at is None:
            return
        view = self._view
        if self._moved or self.tool != "select":
            self.move(event)
        elif self._what not in ("level", "edge"):
            row = self._row if self._row is not None else view.row_at(event.position().x())
            view.pick_row(None if row == view.span.picked else row)
            view.pick_component(None)
        self._at = None
        self._stroke.end()
        if not self._session.in_gesture:
            self.make_room()
            view.span.settle()

    def leave(self) -> None:
        self._hand = None
        self._view.update()

    def _point(self, place: QPointF) -> None:
        """The hand is here and presses nothing."""
        view = self._view
        row = view.row_at(place.x())
        if self.tool != "select":
            view.point_to(row, False)
            view.update()
            return
        edge = _nearest(view.edges(), place, 9) is not None
        near = edge or _nearest(view.letters(), place, 13) is not None
        point = None if near else view.point_at(place)
        view.point_to(point if point is not None else row, point is not None)
        grip = point is not None and not view.span_crowded()
        held = edge or (near and any(level.handle is not None for level in view.levels))
        view.setCursor(Qt.CursorShape.SizeVerCursor if held or grip else Qt.CursorShape.ArrowCursor)

    # -- edits ---------------------------------------------------------------------------------------------------------
    def _drag_level(self, handle: Handle, value: float) -> None:
        self._drag(handle, (0.0, value))

    def _drag_edge(self, handle: Handle, spread: float) -> None:
        """The band's upper edge lies one standard deviation above its level."""
        self._drag(handle, (max(spread, 0.0) ** 2, 0.0))

    def _drag(self, handle: Handle, place: tuple[float, float]) -> None:
        view = self._view

        def drag() -> bool:
            if self._session.moment.snapshot.params is None:
                return False
            self._session.drag(handle, View("series", (view.column,)), place)
            return True

        self._stroke.edit("drag", drag)

    def _move_point(self) -> bool:
        """Bring the held point to where the hand is."""
        view, row, data = self._view, self._row, self._session.data
        if row is None or row >= data.n or view.column >= data.d:
            return False
        value = self._value(self._wanted)
        if float(data.observed[row, view.column]) == value:
            return False
        self._session.write_steps(np.array([row]), view.column, np.array([value]))
        return True

    def _value(self, value: float) -> float:
        """The nearest value that these data can hold."""
        scene = self._view.scene
        if scene.kind == "symbols":
            return float(min(max(round(value), 0), len(scene.symbols) - 1))
        return float(max(round(value), 0)) if scene.kind == "counts" else value

    def _touch(self, place: QPointF) -> None:
        """Paint, spray or erase from where the hand was to here."""
        view = self._view
        plot, span = view.plot, view.span
        steps = max(1, math.ceil(abs(place.x() - self._last.x()) * (span.right - span.left) / plot.width()) * 2)
        for i in range(1, steps + 1):
            x = self._last.x() + (place.x() - self._last.x()) * i / steps
            y = self._last.y() + (place.y() - self._last.y()) * i / steps
            self._way.append((float(span.place(x - plot.left(), plot.width())), view.value_at(y)))
        self._stroke.edit(self.tool, self._erase if self.tool == "erase" else self._write)

    def _write(self) -> bool:
        """Write what the hand passed over: steps that there are, and steps behind the end of a series."""
        way, self._way = self._way, []
        view, data = self._view, self._session.data
        span = view.span
        if view.column >= data.d:
            return False
        view.catch_up()  # the picture may be of an older moment than the session's
        if self.tool == "spray":
            spread = self.brush * (view.high - view.low) / max(view.plot.height(), 1.0)
            way = [(p, v + spread * z) for (p, v), z in zip(way, self._rng.normal(size=len(way)).tolist(), strict=True)]
        offsets = data.offsets
        known = {int(r): self._value(v) for (p, v), r in zip(way, span.rows_at([p for p, _ in way]).tolist()) if r >= 0}
        if known:
            rows = np.array(sorted(known))
            self._session.write_steps(rows, view.column, np.array([known[r] for r in rows.tolist()]))
        series = max(span.count - 1, 0) if span.chosen is None else span.chosen
        end = data.n and int(offsets[series + 1])
        behind = end + span.gap * series - 0.5  # where the first new step begins
        new = {math.floor(p - behind): self._value(v) for p, v in way if p >= behind}
        if new:
            last = max(new)
            at = sorted(new)
            values = np.interp(np.arange(last + 1), at, [new[i] for i in at])
            self._session.add_steps(series, view.column, np.array([self._value(v) for v in values.tolist()]))
        return bool(known or new)

    def _erase(self) -> bool:
        way, self._way = self._way, []
        self._view.catch_up()
        span, data = self._view.span, self._session.data
        reach = self.brush / 2 * (span.right - span.left) / max(self._view.plot.width(), 1.0)
        rows = span.rows_at(np.array([[p - reach, p, p + reach] for p, _ in way]).ravel())
        rows = np.unique(rows[rows >= 0])
        hidden = np.isnan(data.observed[rows]).all(axis=1) & ~np.isin(rows, data.offsets[1:] - 1)
        if hidden.all():
            return False
        self._session.erase_steps(rows)
        return True

    # -- single steps --------------------------------------------------------------------------------------------------
    def add_step(self) -> None:
        """One step more, at the value of the last, ready to be dragged."""
        view, data = self._view, self._session.data
        series = max(view.span.count - 1, 0) if view.span.chosen is None else view.span.chosen
        last = int(data.offsets[series + 1]) - 1 if data.n else -1
        value = float(data.x[last, view.column]) if last >= 0 else 0.0
        self._session.add_steps(series, view.column, np.array([value]))

    def remove_step(self) -> None:
        """The last step of the series shown, away."""
        view, data = self._view, self._session.data
        series = max(view.span.count - 1, 0) if view.span.chosen is None else view.span.chosen
        if data.n and data.offsets[series + 1] > data.offsets[series]:
            self._session.erase_steps(np.array([data.offsets[series + 1] - 1]))

    def delete(self) -> None:
        """The picked step: at the end it is taken away, elsewhere it becomes one that was not observed."""
        row = self._view.span.picked
        if row is not None and row < self._session.data.n:
            self._session.erase_steps(np.array([row]))

    # -- keys ----------------------------------------------------------------------------------------------------------
    def press_key(self, event: QKeyEvent) -> bool:
        view, key, held = self._view, event.key(), event.modifiers()
        alone = not held & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier)
        if held & Qt.KeyboardModifier.AltModifier and key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            far = 10 if held & Qt.KeyboardModifier.ShiftModifier else 1
            self.nudge(far if key == Qt.Key.Key_Down else -far)
        elif not alone:
            return False
        elif key in _STEPS:
            row, n = view.span.picked, view.scene.n
            if n:
                view.pick_row(0 if row is None else min(max(row + _STEPS[Qt.Key(key)], 0), n - 1))
        elif Qt.Key.Key_1 <= key <= Qt.Key.Key_9:
            view.pick_component(key - Qt.Key.Key_1)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            middle = view.span.picked
            span = view.span
            at = (span.left + span.right) / 2 if middle is None else float(span.position(middle))
            span.zoom(1.25 if key == Qt.Key.Key_Minus else 0.8, at)
        elif key == Qt.Key.Key_F:
            view.fit()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete()
        elif key == Qt.Key.Key_Escape:
            view.pick_row(None)
            view.pick_component(None)
        else:
            return False
        return True

    def nudge(self, pixels: float) -> None:
        """Move the picked state's level, or else the picked step, down by so many pixels."""
        view, row = self._view, self._view.span.picked
        level = next((lv for lv in view.levels if lv.component == view.picked_component), None)
        unit = (view.high - view.low) / view.plot.height()
        if level is not None and level.handle is not None:
            self._stroke.begin()
            self._drag_level(level.handle, level.value - pixels * unit)
            self._stroke.end()
        elif row is not None and row < view.scene.n:
            if view.scene.kind != "numbers":
                pixels, unit = math.copysign(1, pixels), -1.0 if view.scene.kind == "symbols" else 1.0
            known = float(view.scene.values[row, view.column])
            self._row, self._wanted = row, (0.0 if math.isnan(known) else known) - pixels * unit
            self._stroke.begin()
            self._stroke.edit("point", self._move_point)
            self._stroke.end()

    # -- the brush -----------------------------------------------------------------------------------------------------
    def paint(self, painter: QPainter) -> None:
        """The brush under the hand."""
        if self.tool == "select" or self._hand is None:
            return
        radius = {"paint": 4.0, "spray": float(self.brush), "erase": self.brush / 2}[self.tool]
        painter.setBrush(faded(theme.colour("ink"), 0.05))
        painter.setPen(QPen(theme.colour("text2"), 1.25))
        plot = self._view.plot
        if self.tool == "erase":
            painter.drawRect(QRectF(self._hand.x() - radius, plot.top(), 2 * radius, plot.height()))
        else:
            painter.drawEllipse(self._hand, radius, radius)


def _nearest(places: dict[int, QPointF], at: QPointF, reach: float) -> int | None:
    """Whose place is the nearest within `reach` pixels."""
    found = min(((math.hypot(c.x() - at.x(), c.y() - at.y()), k) for k, c in places.items()), default=None)
    return found[1] if found is not None and found[0] <= reach else None
