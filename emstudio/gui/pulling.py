"""The layer of grips: whose dots are shown, which one is under the hand, in it, or chosen by the keyboard.

    pulling = Pulling(picture)
    pulling.point(x, y)                # the hand is at this pixel: the grip there, or None
    pulling.take(x, y)                 # it presses: whether it has a grip now,
    pulling.to(x, y, shift)            # and moves: the (handle, position) that is asked for
    pulling.let_go()
    pulling.choose_next(), pulling.nudged(marks, dx, dy)    # the same by keys

Dots belong to the component under the hand and to the picked one. The hand finds a component at its letter or on its
contour of one sigma, and keeps it inside of that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from emstudio.core.format import number
from emstudio.core.marks import Ellipse, Handle, Spread
from emstudio.gui import theme
from emstudio.gui.grips import Grip, Pull, distance, grip_at, grips_of
from emstudio.gui.items import faded
from emstudio.gui.layers import Frame, Layer
from emstudio.gui.letters import DISC, Text, paint_text, text_size

if TYPE_CHECKING:
    from emstudio.gui.picture import Picture

RADIUS = 4.5
_CONTOUR = 6.0  # pixels from the contour of one sigma at which it is pointed at
_LEFT = 14.0  # pixels beyond it at which the hand has left

Pulled = Ellipse | Spread


class Pulling(Layer):
    """Painted above the letters, below the hand's own marks."""

    def __init__(self, picture: Picture):
        super().__init__(picture.box, 25)
        self._picture = picture
        self._on = True
        self._hovered: int | None = None
        self._pull: Pull | None = None
        self._hand: tuple[float, float] | None = None  # where it is, while it points or pulls
        self._chosen: tuple[int, tuple[float, float]] | None = None  # component, and where from its mean in pixels

    # -- what is shown -------------------------------------------------------------------------------------------------
    def set_on(self, on: bool) -> None:
        """Whether grips are shown at all: a brush takes none."""
        self._on = on
        self.leave()

    @property
    def hovered(self) -> int | None:
        """The component that the hand points at."""
        return self._hovered

    @property
    def held(self) -> bool:
        """Whether a grip is in the hand."""
        return self._pull is not None

    def shown(self) -> list[Grip]:
        """The grips that can be seen."""
        if not self._on:
            return []
        mine = {self._hovered, self._picture.letters.picked} if self._pull is None else {self._pull.grip.component}
        frame = self.frame()
        return [g for m in self._marks() if m.component in mine for g in grips_of(m, frame)]

    def grip(self, component: int, index: int) -> Grip | None:
        """One grip of a component, shown or not."""
        found = (g for m in self._marks() if m.component == component for g in grips_of(m, self.frame()))
        return next((g for g in found if g.index == index), None)

    def _marks(self, marks: Iterable[object] | None = None) -> list[Pulled]:
        marks = self._picture.drawing.marks if marks is None else marks
        return [m for m in marks if isinstance(m, Ellipse | Spread) and m.pull is not None]

    # -- the hand ------------------------------------------------------------------------------------------------------
    def point(self, x: float, y: float) -> Grip | None:
        """The hand is at this pixel, nothing is pressed."""
        before = self._hovered, self.under()
        self._hand = (x, y)
        grip = self.under()
        self._hovered = self._component_at(x, y) if grip is None else grip.component
        now = self._hovered, self.under()
        if now != before:
            self.update()
        return now[1]

    def under(self) -> Grip | None:
        """The grip in the hand, or under it."""
        if self._hand is None:
            return None
        x, y = self._hand
        if self._pull is None:
            return grip_at(self.shown(), x, y)
        return min(self.shown(), key=lambda g: math.hypot(g.place[0] - x, g.place[1] - y), default=None)

    def leave(self) -> None:
        """The hand is elsewhere."""
        self._hovered = None
        if self._pull is None:
            self._hand = None
        self.update()

    def take(self, x: float, y: float) -> bool:
        """The hand presses: whether there is a grip in it now."""
        grip = grip_at(self.shown(), x, y)
        mark = None if grip is None else self._mark_of(grip.component)
        if grip is None or mark is None:
            return False
        self._pull = Pull(grip, mark, self.frame(), x, y)
        self._hand = (x, y)
        self.update()
        return True

    @property
    def component(self) -> int | None:
        """Whose grip is in the hand."""
        return None if self._pull is None else self._pull.grip.component

    def to(self, x: float, y: float, kept: bool = False) -> tuple[Handle, tuple[float, ...]] | None:
        """The hand moved: what is to be dragged, and to what."""
        mark = None if self._pull is None else self._mark_of(self._pull.grip.component)
        if self._pull is None or mark is None:
            return None
        self._hand = (x, y)
        return self._pull.to(mark, self.frame(), x, y, kept)

    def let_go(self) -> None:
        self._pull = None
        self.update()

    def cursor(self, grip: Grip, kept: bool = False) -> Qt.CursorShape:
        """What the hand can do there: turn and pull, or pull along a line."""
        if grip.free and not kept:
            return Qt.CursorShape.OpenHandCursor if self._pull is None else Qt.CursorShape.ClosedHandCursor
        shapes = (
            Qt.CursorShape.SizeHorCursor,
            Qt.CursorShape.SizeFDiagCursor,
            Qt.CursorShape.SizeVerCursor,
            Qt.CursorShape.SizeBDiagCursor,
        )
        return shapes[round(math.atan2(grip.away[1], grip.away[0]) / (math.pi / 4)) % 4]

    def _mark_of(self, component: int, marks: Iterable[object] | None = None) -> Pulled | None:
        return next((m for m in self._marks(marks) if m.component == component), None)

    def _component_at(self, x: float, y: float) -> int | None:
        """Whose letter or contour is there; the one pointed at before, as long as the hand is inside."""
        disc = self._picture.letters.disc_at(x, y)
        if not self._on or disc is not None:
            return disc.component if disc is not None and self._on else None
        frame, best, nearest = self.frame(), None, _CONTOUR
        for mark in self._marks():
            grips = grips_of(mark, frame)
            if not grips:
                continue
            away = math.hypot(x - grips[0].centre[0], y - grips[0].centre[1])
            sigmas = distance(mark, frame, x, y)
            beyond = away * (1.0 - 1.0 / sigmas) if sigmas > 0 else -math.inf
            if isinstance(mark, Ellipse) and abs(beyond) <= nearest:
                best, nearest = mark.component, abs(beyond)
            reach = max(math.hypot(*g.away) for g in grips)
            inside = beyond <= _LEFT or away <= min(reach, DISC) + _LEFT
            if mark.component == self._hovered and best is None and inside:
                best = mark.component
        return best

    # -- the keyboard --------------------------------------------------------------------------------------------------
    def choose_next(self) -> Grip | None:
        """The next grip of the picked component, for keys; None when all were gone through."""
        k = self._picture.letters.picked
        mark = None if k is None else self._mark_of(k)
        grips = [] if mark is None else grips_of(mark, self.frame())
        last = self.chosen()
        following = 0 if last is None else last.index + 1
        self._chosen = None
        self.update()
        if following >= len(grips):
            return None
        self._chosen = (grips[following].component, grips[following].away)
        return grips[following]

    def forget(self) -> None:
        """No grip is chosen: keys mean the letter."""
        self._chosen = None
        self.update()

    def chosen(self, marks: Iterable[object] | None = None) -> Grip | None:
        """The picked component's grip that keys nudge."""
        if self._chosen is None or self._chosen[0] != self._picture.letters.picked:
            return None
        mark = self._mark_of(self._chosen[0], marks)
        x, y = self._chosen[1]
        grips = [] if mark is None else grips_of(mark, self.frame())
        return min(grips, key=lambda g: math.hypot(g.away[0] - x, g.away[1] - y), default=None)

    def nudged(self, marks: Iterable[object], dx: float, dy: float) -> tuple[Handle, tuple[float, ...]] | None:
        """What to drag for the chosen grip to move by so many pixels; None where none is chosen. `marks` are the newest."""
        marks = tuple(marks)
        grip = self.chosen(marks)
        mark = None if grip is None else self._mark_of(grip.component, marks)
        if grip is None or mark is None:
            return None
        frame = self.frame()
        self._chosen = (grip.component, (grip.away[0] + dx, grip.away[1] + dy))
        return Pull(grip, mark, frame, *grip.place).to(mark, frame, grip.place[0] + dx, grip.place[1] + dy)

    # -- painting ------------------------------------------------------------------------------------------------------
    def show_on(self, painter: QPainter, frame: Frame) -> None:
        grips = self.shown()
        chosen = self.chosen()
        active = self.under()
        for grip in grips:
            paint_axis(painter, grip)
        for grip in grips:
            paint_grip(painter, grip, grip == active, grip == chosen)
        if active is not None:
            paint_words(painter, frame, active, self.words(active))

    def words(self, grip: Grip) -> str:
        """Beside the grip: what can be done, and while it is done what comes of it."""
        mark = self._mark_of(grip.component)
        if isinstance(mark, Ellipse) and self._pull is not None:
            sds = np.sqrt(np.diagonal(mark.covariance))
            words = f"σ {number(sds[0])} and {number(sds[1])}"
            return f"{words}, ρ {number(mark.covariance[0, 1] / sds.prod(), decimals=2)}" if grip.free else words
        if self._pull is not None or mark is None:
            return ""
        if grip.free:
            return "Pull and turn; Shift keeps the direction"
        return "Pull; Shift keeps the shape" if isinstance(mark, Ellipse) and mark.freedom == "axes" else "Pull"


def paint_axis(painter: QPainter, grip: Grip) -> None:
    """From the letter's edge to the dot, where there is room."""
    length = math.hypot(*grip.away)
    if not grip.lined or length <= DISC / 2 + 4 + RADIUS:
        return
    first = QPointF(*(c + a / length * (DISC / 2 + 2) for c, a in zip(grip.centre, grip.away)))
    painter.setPen(QPen(faded(theme.component_colour(grip.component), 0.55), 1.25))
    painter.drawLine(first, QPointF(*grip.place))


def paint_grip(painter: QPainter, grip: Grip, active: bool, chosen: bool) -> None:
    """A hollow dot; full under the hand; with a ring where keys move it."""
    at = QPointF(*grip.place)
    if chosen:
        painter.setPen(QPen(theme.colour("text"), 2))
        painter.setBrush(theme.colour("canvas"))
        painter.drawEllipse(at, RADIUS + 3.5, RADIUS + 3.5)
    colour = theme.component_colour(grip.component)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour("canvas"))
    painter.drawEllipse(at, RADIUS + 2, RADIUS + 2)
    painter.setPen(QPen(colour, 2))
    painter.setBrush(colour if active else theme.colour("canvas"))
    painter.drawEllipse(at, RADIUS, RADIUS)


def paint_words(painter: QPainter, frame: Frame, grip: Grip, words: str) -> None:
    """Beyond the dot, seen from the mean, inside of the picture."""
    if not words:
        return
    face = theme.font(11, 500)
    width, height = text_size(words, face)
    length = math.hypot(*grip.away) or 1.0
    across, up = grip.away[0] / length, grip.away[1] / length
    x = grip.place[0] + across * (width / 2 + 12)
    y = grip.place[1] + up * (height / 2 + 12)
    x = min(max(x, width / 2 + 2), frame.width - width / 2 - 2)
    y = min(max(y, height / 2 + 2), frame.height - height / 2 - 2)
    box = QRectF(x - width / 2, y - height / 2, width, height)
    paint_text(painter, Text(words, box, theme.colour("text2"), face))
