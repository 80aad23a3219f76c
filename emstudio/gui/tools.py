"""The tools of the canvas: what a press, a move and a release of the mouse mean.

A tool is told where the hand is, in pixels of the data's rectangle, and asks the canvas and the session for what the
person means by it. From press to release is one gesture, and one gesture is one edit for Undo.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PySide6.QtCore import QObject, QRectF, Qt, QTimer

from emstudio.core.marks import Disc

if TYPE_CHECKING:
    from emstudio.core.em import Moment
    from emstudio.gui.canvas import Canvas
    from emstudio.session import Session

SLACK = 3.0  # pixels that a click may tremble


class Spot(NamedTuple):
    """Where the hand is, in pixels, and whether Shift is held."""

    x: float
    y: float
    shift: bool = False


class Stroke(QObject):
    """The edits of one gesture, one after the other: the next is made when the one before has reached the data.

    While a run is on the session applies an edit to the half-step in flight. Rows seen on the canvas would be other rows
    by then, so a further edit waits for it, and so does the gesture's end.
    """

    def __init__(self, session: Session, parent: QObject | None = None):
        super().__init__(parent)
        self._session = session
        self._open = self._waiting = self._ending = False
        self._next: dict[str, Callable[[], bool]] = {}
        session.changed.connect(self._on_changed)
        session.failed.connect(self._landed)

    @property
    def open(self) -> bool:
        return self._open

    def begin(self) -> None:
        """The hand is put down. Where the last gesture still waits for the run, this one goes on with it."""
        self._ending = False
        if not self._open:
            self._open = True
            self._session.begin_gesture()

    def edit(self, name: str, make: Callable[[], bool]) -> None:
        """Make an edit now, or when the one in flight has landed; of several of one name that wait, the newest.

        `make` answers whether there was anything to do.
        """
        self._next[name] = make
        if not self._waiting:
            self._make()

    def end(self) -> None:
        """The hand is lifted; what waits is still done."""
        if self._waiting:
            self._ending = True
        elif self._open:
            self._finish()

    def _make(self) -> None:
        while self._next and not self._waiting:
            make = self._next.pop(next(iter(self._next)))
            before, flying = self._session.moment, self._session.busy and self._session.running
            self._waiting = make() and flying and self._session.moment is before and self._session.busy

    def _on_changed(self, moment: Moment) -> None:
        if self._waiting and moment.snapshot.phase in ("edit", "data"):
            self._landed()

    def _landed(self, *_: object) -> None:
        if self._waiting:
            # Not from inside the session's own signal: it is still applying what waited.
            QTimer.singleShot(0, self, self._proceed)

    def _proceed(self) -> None:
        self._waiting = False
        self._make()
        if self._ending and not self._waiting:
            self._finish()

    def _finish(self) -> None:
        self._open = self._ending = False
        self._session.end_gesture()


class Tool:
    """A tool in the hand. `brush`: whether it shows a circle, of `radius` pixels."""

    name = ""
    cursor = Qt.CursorShape.CrossCursor
    brush = True

    def __init__(self, canvas: Canvas):
        self.canvas = canvas

    @property
    def radius(self) -> float:
        return self.canvas.brush

    def press(self, spot: Spot) -> None: ...

    def move(self, spot: Spot) -> None: ...

    def release(self, spot: Spot) -> None: ...

    def lifted(self) -> None:
        """The tool is put away, or the press was taken from it."""


class Select(Tool):
    """Drag a mean or a grip; click a point; drag selected points; Shift-drag selects a rectangle; else the canvas pans."""

    name = "select"
    cursor = Qt.CursorShape.ArrowCursor
    brush = False

    def __init__(self, canvas: Canvas):
        super().__init__(canvas)
        self._at: Spot | None = None
        self._what = ""  # grip, mean, points, band or paper, once the hand has moved
        self._disc: Disc | None = None
        self._grip = (0.0, 0.0)
        self._last = (0.0, 0.0)
        self._moved = False
        self._carried = (0.0, 0.0)  # data units that selected points have been moved so far
        self._wanted = (0.0, 0.0)

    def press(self, spot: Spot) -> None:
        canvas = self.canvas
        self._at, self._last, self._moved = spot, (spot.x, spot.y), False
        self._disc = None if spot.shift else canvas.picture.letters.disc_at(spot.x, spot.y)
        rows = canvas.picture.points.pick(spot.x, spot.y)
        if canvas.pulling.take(spot.x, spot.y):
            self._what = "grip"
            canvas.pick_component(canvas.pulling.component)
        elif self._disc is not None:
            self._what = "mean"
            canvas.pick_component(self._disc.component)
            place = canvas.picture.frame.pixels(np.asarray(self._disc.position, float)[None])[0]
            self._grip = (place[0] - spot.x, place[1] - spot.y)
        elif spot.shift:
            self._what = "band"
        elif len(rows) and np.isin(rows, canvas.selected).any():
            self._what = "points"
            self._carried = self._wanted = (0.0, 0.0)
        else:
            self._what = "paper"

    def move(self, spot: Spot) -> None:
        if self._at is None:
            return
        if not self._moved:
            if math.hypot(spot.x - self._at.x, spot.y - self._at.y) < SLACK:
                return
            self._moved = True
            if self._what in ("grip", "mean", "points"):
                self.canvas.stroke.begin()
        getattr(self, "_move_" + self._what)(spot)
        self._last = (spot.x, spot.y)

    def release(self, spot: Spot) -> None:
        if self._at is None:
            return
        if self._moved:
            self.move(spot)
        if self._moved and self._what == "band":
            self.canvas.select_rows(self.canvas.picture.points.inside(self._band(spot)))
        elif not self._moved and self._what not in ("grip", "mean"):
            self.canvas.click(spot.x, spot.y, add=spot.shift)
        self.lifted()

    def lifted(self) -> None:
        self._at = None
        self.canvas.hand.show_band(None)
        self.canvas.pulling.let_go()
        self.canvas.stroke.end()

    def _move_grip(self, spot: Spot) -> None:
        wanted = self.canvas.pulling.to(spot.x, spot.y, spot.shift)
        if wanted is not None:
            self.canvas.drag_handle(*wanted)

    def _move_mean(self, spot: Spot) -> None:
        canvas, disc = self.canvas, self._disc
        assert disc is not None
        if disc.handle is None:
            return
        place = canvas.picture.frame.data(spot.x + self._grip[0], spot.y + self._grip[1])
        canvas.drag_handle(disc.handle, place)

    def _move_points(self, spot: Spot) -> None:
        assert self._at is not None
        sx, sy = self.canvas.picture.frame.scale
        self._wanted = ((spot.x - self._at.x) / sx, (spot.y - self._at.y) / sy)
        self.canvas.stroke.edit("carry", self._carry)

    def _carry(self) -> bool:
        """Move the selected points by what the hand has moved since they were last moved."""
        canvas = self.canvas
        columns = canvas.columns
        if canvas.picture.derived:
            return False
        step = [w - c for w, c in zip(self._wanted, self._carried, strict=True)][: len(columns)]
        if not len(canvas.selected):
            return False
        step = canvas.session.model.stride(columns, step)
        if not any(step):
            return False
        moved = [c + s for c, s in zip(self._carried, step)]
        self._carried = (moved[0], *moved[1:], *self._wanted[len(moved) :])
        canvas.session.move_points(canvas.selected, columns, step)
        return True

    def _move_band(self, spot: Spot) -> None:
        self.canvas.hand.show_band(self._band(spot))

    def _move_paper(self, spot: Spot) -> None:
        self.canvas.picture.shift(spot.x - self._last[0], spot.y - self._last[1])

    def _band(self, spot: Spot) -> QRectF:
        assert self._at is not None
        left, right = sorted((self._at.x, spot.x))
        top, bottom = sorted((self._at.y, spot.y))
        return QRectF(left, top, right - left, bottom - top)


DERIVED = (
    "Points cannot be painted in this view, where rows stand by their shares; choose another view or another model."
)


class Brush(Tool):
    """A tool that leaves something along its way."""

    def __init__(self, canvas: Canvas):
        super().__init__(canvas)
        self._down = False
        self._last = (0.0, 0.0)
        self._waiting: list[tuple[float, float]] = []  # data positions that are still to be added

    def press(self, spot: Spot) -> None:
        self._down, self._last = True, (spot.x, spot.y)
        self.canvas.stroke.begin()
        self.touch([(spot.x, spot.y)])

    def move(self, spot: Spot) -> None:
        if self._down:
            way = along(self._last, (spot.x, spot.y), self.stride)
            if way:
                self._last = way[-1]
                self.touch(way)

    def release(self, spot: Spot) -> None:
        if self._down:
            self.move(spot)
            self.lifted()

    def lifted(self) -> None:
        if self._down:
            self._down = False
            self.canvas.stroke.end()

    @property
    def stride(self) -> float:
        """Pixels between two places of the way."""
        return max(self.canvas.brush, 3.0)

    def touch(self, way: list[tuple[float, float]]) -> None:
        """Leave something at these pixels."""
        raise NotImplementedError

    def add(self, pixels: list[tuple[float, float]], title: str) -> None:
        """Add points at these pixels."""
        frame = self.canvas.picture.frame
        self._waiting += [frame.data(x, y) for x, y in pixels]
        self.canvas.stroke.edit(self.name, lambda: self._flush(title))

    def _flush(self, title: str) -> bool:
        points, self._waiting = self._waiting, []
        columns = self.canvas.columns
        if self.canvas.picture.derived:
            self.canvas.session.failed.emit(DERIVED)
            return False
        if points:
            self.canvas.session.add_points(columns, np.array(points)[:, : len(columns)], title)
        return bool(points)


class Paint(Brush):
    """A click adds a point; a drag adds points along the way, a brush's width apart."""

    name = "paint"

    def touch(self, way: list[tuple[float, float]]) -> None:
        self.add(way, "Paint points")


class Spray(Brush):
    """A Gaussian blob about the hand, as long as it presses: the circle is two standard deviations."""

    name = "spray"
    EVERY = 40  # ms
    AT_ONCE = 4  # points

    def __init__(self, canvas: Canvas):
        super().__init__(canvas)
        self._rng = np.random.default_rng()
        self._clock = QTimer(canvas)
        self._clock.setInterval(self.EVERY)
        self._clock.timeout.connect(lambda: self.touch([self._last]))

    @property
    def radius(self) -> float:
        return 4.0 * self.canvas.brush

    def press(self, spot: Spot) -> None:
        super().press(spot)
        self._clock.start()

    def move(self, spot: Spot) -> None:
        self._last = (spot.x, spot.y)

    def lifted(self) -> None:
        self._clock.stop()
        super().lifted()

    def touch(self, way: list[tuple[float, float]]) -> None:
        spots = self._rng.normal(way[-1], self.radius / 2, (self.AT_ONCE, 2))
        self.add([(x, y) for x, y in spots.tolist()], "Spray points")


class Erase(Brush):
    """Takes away the points that the circle passes over."""

    name = "erase"

    def __init__(self, canvas: Canvas):
        super().__init__(canvas)
        self._way: list[tuple[float, float]] = []

    @property
    def stride(self) -> float:
        return max(self.radius / 2, 2.0)

    def touch(self, way: list[tuple[float, float]]) -> None:
        self._way += way
        self.canvas.stroke.edit(self.name, self._erase)

    def _erase(self) -> bool:
        way, self._way = self._way, []
        # The canvas may show an older moment than the session holds; rows are those of the session's data.
        self.canvas.catch_up()
        points = self.canvas.picture.points
        hit = [points.within(x, y, self.radius) for x, y in way]
        rows = np.unique(np.concatenate(hit)) if hit else np.empty(0, int)
        if len(rows):
            self.canvas.session.erase(rows)
        return len(rows) > 0


def along(start: tuple[float, float], end: tuple[float, float], stride: float) -> list[tuple[float, float]]:
    """The places every `stride` pixels on the way from `start` (left out) towards `end`."""
    distance = math.hypot(end[0] - start[0], end[1] - start[1])
    count = int(distance / stride)
    if not count:
        return []
    unit = ((end[0] - start[0]) / distance, (end[1] - start[1]) / distance)
    return [(start[0] + unit[0] * stride * i, start[1] + unit[1] * stride * i) for i in range(1, count + 1)]


TOOLS: tuple[type[Tool], ...] = (Select, Paint, Spray, Erase)
