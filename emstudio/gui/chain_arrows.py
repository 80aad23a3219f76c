"""Where the states and arrows of a transition diagram lie: numbers in pixels, nothing is painted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_POINTS = 49  # of an arrow's line
_LABEL = 11.0  # px from an arrow's line to the middle of its number above or below
_CLEAR, _APART = (18.0, 10.0), (30.0, 13.0)  # px, across and down, between a number and a dot, and between numbers
_WIDE = 7.0  # px more where the number stands beside the line, so that it clears the dot


@dataclass(frozen=True, eq=False)
class Arrow:
    """From state `origin` to state `goal`: `line` (m, 2) from edge to edge.

    `places` (p, 2) are where the middle of its number may stand, the best first.
    """

    origin: int
    goal: int
    line: np.ndarray
    places: np.ndarray

    @property
    def length(self) -> np.ndarray:
        """(m,) pixels walked from the tail."""
        return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(self.line, axis=0).T))])

    def at(self, share: float) -> tuple[float, float]:
        """The place after this share of the way."""
        walked = self.length
        reached = share * walked[-1]
        return tuple(float(np.interp(reached, walked, self.line[:, i])) for i in (0, 1))  # type: ignore[return-value]

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """(share of the way, distance in pixels) of the place on the line that is nearest to (x, y)."""
        start, end = self.line[:-1], self.line[1:]
        along = end - start
        size = np.maximum((along**2).sum(1), 1e-12)
        part = np.clip(((np.array([x, y]) - start) * along).sum(1) / size, 0.0, 1.0)
        away = np.hypot(*(start + part[:, None] * along - (x, y)).T)
        i = int(away.argmin())
        walked = self.length
        return float((walked[i] + part[i] * (walked[i + 1] - walked[i])) / walked[-1]), float(away[i])


@dataclass(frozen=True, eq=False)
class Diagram:
    """The middles (K, 2) of the states, their radius, and the K x K arrows, row by row."""

    centres: np.ndarray
    radius: float
    arrows: tuple[Arrow, ...]

    def arrow(self, origin: int, goal: int) -> Arrow:
        return self.arrows[origin * len(self.centres) + goal]


def diagram(k: int, left: float, top: float, width: float, height: float) -> Diagram:
    """States on a circle, two of them side by side, inside a rectangle."""
    middle = np.array([left + width / 2, top + height / 2])
    if k <= 2:
        radius = min(18.0, height / 7)
        loop = radius * 0.95
        reach = min(width / 2 - radius - 2 * loop + 2, 110.0) if k == 2 else 0.0
        centres = np.array([middle + np.array([x, 0.0]) for x in ((0.0,) if k == 1 else (-reach, reach))])
        outward = np.array([[-1.0, 0.0], [1.0, 0.0]][:k])
        bend = min(height / 2 - 30.0, 46.0)
    else:
        radius = min(16.0, min(width, height) / 12)
        loop = radius * 0.9
        angles = 2 * math.pi * np.arange(k) / k - math.pi / 2
        outward = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        edge = radius + 1.3 * loop + 10.0
        low, high = outward.min(0), outward.max(0)
        room = np.maximum(np.array([width, height]) - 2 * edge, 40.0)
        centres = np.array([left, top]) + edge + (outward - low) / (high - low) * room
        bend = 0.0
    arrows = []
    for j in range(k):
        for goal in range(k):
            if j == goal:
                arrows.append(_loop(j, centres[j], outward[j], radius, loop))
            else:
                arrows.append(_arc(j, goal, centres, radius, bend))
    return Diagram(centres, radius, tuple(arrows))


def _arc(origin: int, goal: int, centres: np.ndarray, radius: float, bend: float) -> Arrow:
    """A bow to the left of the way, so that there and back lie apart."""
    a, b = centres[origin], centres[goal]
    way = b - a
    length = float(np.hypot(*way))
    side = np.array([way[1], -way[0]]) / length
    inward = not bend and ((a + b) / 2 - centres.mean(0)) @ side < 0
    bend = bend * 1.6 if bend else (0.16 if inward else 0.24) * length
    t = np.linspace(0.0, 1.0, 201)[:, None]
    control = (a + b) / 2 + side * bend
    line = (1 - t) ** 2 * a + 2 * t * (1 - t) * control + t**2 * b
    outside = (np.hypot(*(line - a).T) > radius + 3) & (np.hypot(*(line - b).T) > radius + 4)
    line = _even(line[outside])
    # Numbers in the middle of a circle would meet.
    spots = line[[round(share * _POINTS) for share in ((0.25, 0.4, 0.55, 0.7) if inward else (0.5, 0.35, 0.65))]]
    away = side * (_LABEL + _WIDE * side[0] ** 2)
    return Arrow(origin, goal, line, np.concatenate([spots + away, spots - away]))


def _loop(k: int, centre: np.ndarray, outward: np.ndarray, radius: float, loop: float) -> Arrow:
    """A circle beside the state, open where the state lies on it."""
    hub = centre + outward * (radius + loop * 0.62)
    angle = math.atan2(outward[1], outward[0])
    turn = np.linspace(-math.pi, math.pi, 201)
    line = hub + loop * np.stack([np.cos(angle + turn), np.sin(angle + turn)], axis=1)
    outside = np.hypot(*(line - centre).T) > radius + 3
    below = np.array([0.0, loop + _LABEL])
    if outward[1] < -0.5:
        below = np.array([loop + 17.0, -2.0])
    elif outward[1] > 0.6:
        below = np.array([math.copysign(loop + 17.0, outward[0]), 2.0])
    return Arrow(k, k, _even(line[outside]), (hub + below)[None])


def number_places(arrows: Sequence[Arrow], taken: np.ndarray) -> list[np.ndarray]:
    """Where the middle (2,) of each arrow's number stands: clear of the places `taken` (m, 2), dots and states, and each other.

    The first place that is clear, or else the one that is least in the way.
    """
    chosen: list[np.ndarray] = []
    for arrow in arrows:
        blocks = np.concatenate([taken, np.array(chosen).reshape(-1, 2)])
        reach = np.concatenate([np.tile(_CLEAR, (len(taken), 1)), np.tile(_APART, (len(chosen), 1))])
        away = [np.abs((place - blocks) / reach).max(1) for place in arrow.places]
        # Where nothing is clear, a number on a dot is a lesser evil than one on another number.
        room = [float(np.minimum(a, 1.0).min()) + float(np.minimum(a[len(taken) :], 1.0).sum()) for a in away]
        chosen.append(arrow.places[int(np.argmax(room))])
    return chosen


def _even(line: np.ndarray) -> np.ndarray:
    """The same line with points at equal distances."""
    walked = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.linspace(0.0, walked[-1], _POINTS)
    return np.stack([np.interp(at, walked, line[:, i]) for i in (0, 1)], axis=1)
