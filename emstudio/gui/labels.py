"""Where labels go: far from points, letters and other labels, and where they were, as long as that is good.

Everything here is numbers in pixels; nothing is painted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CELL = 6  # pixels of a cell of the map of points
REACH = 12  # cells: beyond this, far is far
GOOD = 7.0  # pixels of clearance that keep a label where it is
EDGE = 4.0  # pixels between a label and the edge of the picture


@dataclass(frozen=True, eq=False)
class PointMap:
    """How far from the nearest point any place of the picture is, to a cell's precision."""

    distance: np.ndarray  # (rows, columns) pixels

    @classmethod
    def of(cls, points: np.ndarray, width: float, height: float) -> PointMap:
        """The map of `points` (n, 2) on a picture of this size."""
        columns, rows = int(width // CELL) + 1, int(height // CELL) + 1
        taken = np.zeros((rows, columns), bool)
        with np.errstate(invalid="ignore"):
            c, r = np.floor(points[:, 0] / CELL), np.floor(points[:, 1] / CELL)
            inside = (c >= 0) & (c < columns) & (r >= 0) & (r < rows)
        taken[r[inside].astype(int), c[inside].astype(int)] = True
        distance = np.where(taken, 0.0, float(REACH * CELL))
        for ring in range(1, REACH):
            grown = taken.copy()
            # Alternating four and eight neighbours grows an octagon: nearly a circle.
            grown[1:] |= taken[:-1]
            grown[:-1] |= taken[1:]
            grown[:, 1:] |= taken[:, :-1]
            grown[:, :-1] |= taken[:, 1:]
            if ring % 2:
                grown[1:, 1:] |= taken[:-1, :-1]
                grown[:-1, :-1] |= taken[1:, 1:]
                grown[1:, :-1] |= taken[:-1, 1:]
                grown[:-1, 1:] |= taken[1:, :-1]
            distance[grown & ~taken] = ring * CELL
            taken = grown
        return cls(distance)

    def at(self, places: np.ndarray) -> np.ndarray:
        """Distances (...) at places (..., 2)."""
        rows, columns = self.distance.shape
        c = np.clip((places[..., 0] // CELL).astype(int), 0, columns - 1)
        r = np.clip((places[..., 1] // CELL).astype(int), 0, rows - 1)
        return self.distance[r, c]


def clearance(
    centres: np.ndarray, size: tuple[float, float], points: PointMap, taken: np.ndarray, width: float, height: float
) -> np.ndarray:
    """(m,) how far a label of `size` at each centre would be from points and from the boxes `taken` (q, 4: x, y, w, h).

    Minus infinity where the label would not lie inside the picture, negative where it would cover another one.
    """
    w, h = size
    half = np.array([w / 2, h / 2])
    low, high = centres - half, centres + half
    inside = (low >= EDGE).all(1) & (high[:, 0] <= width - EDGE) & (high[:, 1] <= height - EDGE)
    spots = np.array([(x, y) for x in (-1, -0.5, 0, 0.5, 1) for y in (-1, 0, 1)]) * half
    score = points.at(np.clip(centres[:, None] + spots, -1e6, 1e6)).min(axis=1)
    if len(taken):
        start, end = taken[:, :2], taken[:, :2] + taken[:, 2:]
        gap = np.maximum(start[None] - high[:, None], low[:, None] - end[None])  # (m, q, 2), negative: overlap
        apart = np.where(
            (gap < 0).all(axis=2), gap.max(axis=2) - 100.0, np.hypot(*np.maximum(gap, 0).transpose(2, 0, 1))
        )
        score = np.minimum(score, apart.min(axis=1))
    return np.where(inside, score, -np.inf)


def choose(scores: np.ndarray, before: int | None) -> int | None:
    """The candidate to take: the one before while it is good, else the best; None where all would cover something."""
    best = int(np.argmax(scores))
    if scores[best] <= -50.0:
        return None
    if before is not None and before < len(scores) and scores[before] >= min(GOOD, scores[best]):
        return before
    return best
