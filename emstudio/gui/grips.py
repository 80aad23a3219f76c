"""The grips of a component: dots at one standard deviation that a hand pulls, to stretch and turn its ellipse.

    grips = grips_of(mark, frame)            # of an Ellipse or a Spread, in pixels
    pull = Pull(grips[0], mark, frame, x, y)     # the hand takes one at pixel (x, y),
    pull.to(mark, frame, x, y, shift)        # and asks for (handle, position): what `session.drag` takes

The axes are those of the ellipse as it is seen, in pixels: they stand at right angles, whatever the units of the columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from emstudio.core.marks import Ellipse, Handle, Spread
from emstudio.gui.layers import Frame

REACH = 9.0  # pixels about a grip in which it is taken
NEAREST = 25.0  # pixels from the mean: a grip of a smaller ellipse stands outside of the letter,
BESIDE = 7.0  # and on the curve of a density outside of the line below it
LEAST = 2.0  # pixels that are left of a standard deviation that was longer


@dataclass(frozen=True)
class Grip:
    """A dot at `place`, pixels from the mean at `centre`; `reach` pixels of that are the standard deviation itself.

    `index` 0 to 3 goes round: the ends 0 and 2 are of one axis. `free`: whether the hand may turn it; `lined`: whether a
    line leads to it, as from an ellipse's middle.
    """

    component: int
    index: int
    centre: tuple[float, float]
    place: tuple[float, float]
    reach: float
    free: bool = False
    lined: bool = True

    @property
    def away(self) -> tuple[float, float]:
        return self.place[0] - self.centre[0], self.place[1] - self.centre[1]


def grips_of(mark: Ellipse | Spread, frame: Frame) -> list[Grip]:
    """The ends of the axes (of an ellipse four, of a density two), none where it cannot be pulled or seen."""
    if mark.pull is None:
        return []
    scale = np.asarray(frame.scale)
    if isinstance(mark, Spread):
        centre = frame.pixels(np.array([[mark.mean, mark.height]]))[0]
        axes = np.array([[mark.sd * scale[0], 0.0]])
        nearest, free, lined = BESIDE, False, False
    else:
        centre = frame.pixels(np.asarray(mark.mean, float)[None])[0]
        axes = axes_of(mark, scale)
        nearest, free, lined = NEAREST, mark.freedom == "free", True
    found = []
    for i in range(2 * len(axes)):
        axis = axes[i % len(axes)] * (1 if i < len(axes) else -1)
        length = math.hypot(*axis)
        if not (math.isfinite(length) and np.isfinite(centre).all() and length > 0):
            return []
        place = centre + axis * max(1.0, nearest / length)
        found.append(Grip(mark.component, i, _pair(centre), _pair(place), length, free, lined))
    return found


def axes_of(mark: Ellipse, scale: np.ndarray) -> np.ndarray:
    """(2, 2) the half axes of one sigma in pixels, a row each; along the columns where the ellipse cannot turn."""
    seen = np.asarray(mark.covariance, float) * np.outer(scale, scale)
    if mark.freedom != "free":
        return np.diag(np.sqrt(np.diagonal(seen)))
    values, vectors = np.linalg.eigh(seen)
    return (vectors * np.sqrt(np.maximum(values, 0.0))).T[::-1]


class Pull:
    """A grip in the hand, with what the mark was when it was taken."""

    def __init__(self, grip: Grip, mark: Ellipse | Spread, frame: Frame, x: float, y: float):
        self.grip = grip
        self._scale = np.asarray(frame.scale)
        self._offset = (grip.place[0] - x, grip.place[1] - y)  # a hand may take the dot beside its centre
        self._outside = math.hypot(*grip.away) - grip.reach
        self._least = min(LEAST, grip.reach)
        if isinstance(mark, Ellipse):
            axes = axes_of(mark, self._scale)
            self._along, self._across = axes[grip.index % 2], axes[1 - grip.index % 2]

    def to(
        self, mark: Ellipse | Spread, frame: Frame, x: float, y: float, kept: bool = False
    ) -> tuple[Handle, tuple[float, ...]] | None:
        """What to drag for the hand at pixel (x, y); `mark` is the component as it is now.

        An ellipse that is free follows the hand, or with `kept` keeps its direction; one along the columns keeps its
        other axis, or with `kept` its shape; a round one runs through the hand.
        """
        if mark.pull is None:
            return None
        scale = np.asarray(frame.scale)
        if isinstance(mark, Spread):
            centre = frame.pixels(np.array([[mark.mean, mark.height]]))[0]
            length = max(abs(x + self._offset[0] - centre[0]) - self._outside, self._least)
            return mark.pull, (float((length / scale[0]) ** 2),)
        centre = frame.pixels(np.asarray(mark.mean, float)[None])[0]
        zoom = scale / self._scale  # the picture may have been zoomed meanwhile
        hand = np.array([x + self._offset[0], y + self._offset[1]]) - centre
        block = self._block(mark.freedom, hand, self._along * zoom, self._across * zoom, kept, scale)
        data = block / np.outer(scale, scale)
        return mark.pull, (float(data[0, 0]), float(data[0, 1]), float(data[1, 1]))

    def _block(
        self, freedom: str, hand: np.ndarray, along: np.ndarray, across: np.ndarray, kept: bool, scale: np.ndarray
    ) -> np.ndarray:
        """(2, 2) the covariance in pixels squared."""
        length = math.hypot(*along)
        away = math.hypot(*hand)
        toward = hand / away if away > 0 else along / length
        if freedom == "round":
            away = max(away - self._outside, self._least)
            radius = math.hypot(*(toward * away / scale))
            return np.diag((radius * scale) ** 2)
        if freedom == "axes" or kept:
            away = max(abs(hand @ along) / length - self._outside, self._least)
            toward = along / length
            if freedom == "axes" and kept:
                across = across * (away / length)
            return _outer(toward * away) + _outer(across)
        end = toward * max(away - self._outside, self._least)
        other = np.array([-toward[1], toward[0]]) * math.hypot(*across)
        return _outer(end) + _outer(other)


def grip_at(grips: list[Grip], x: float, y: float) -> Grip | None:
    """The nearest grip within reach of pixel (x, y)."""
    near = min(grips, key=lambda g: math.hypot(g.place[0] - x, g.place[1] - y), default=None)
    return near if near is not None and math.hypot(near.place[0] - x, near.place[1] - y) <= REACH else None


def distance(mark: Ellipse | Spread, frame: Frame, x: float, y: float) -> float:
    """How far pixel (x, y) is from the mean: in standard deviations seen, of a density along the axis only."""
    scale = np.asarray(frame.scale)
    if isinstance(mark, Spread):
        centre = frame.pixels(np.array([[mark.mean, mark.height]]))[0]
        return abs(x - centre[0]) / (mark.sd * scale[0])
    hand = np.array([x, y]) - frame.pixels(np.asarray(mark.mean, float)[None])[0]
    try:
        return float(math.sqrt(max(hand @ np.linalg.solve(mark.covariance * np.outer(scale, scale), hand), 0.0)))
    except np.linalg.LinAlgError:
        return math.inf


def _outer(v: np.ndarray) -> np.ndarray:
    return np.outer(v, v)


def _pair(v: np.ndarray) -> tuple[float, float]:
    return float(v[0]), float(v[1])
