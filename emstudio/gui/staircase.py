"""The shapes of the objective plot, without Qt: steps, their reduction to pixels, the range of the y axis, its ticks."""

from __future__ import annotations

import math

import numpy as np

FAR = 3.0  # a start that makes the range more than three times as large is clipped and named,
ROUND_OFF = 1e-13  # a smaller difference, as a share of the values, is none
ENOUGH = 4  # once two iterations after it are there to see


def steps(values: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Corners of a staircase: `values` (m,) stand at cells first ... first + m - 1, each one cell wide."""
    x = first + np.repeat(np.arange(len(values) + 1), 2)[1:-1]
    return x.astype(float), np.repeat(values, 2)


def reduced(x: np.ndarray, y: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """The same polyline with at most two points in each of `columns` columns, its least and its greatest value there.

    Drawn at one column to a pixel it covers the same pixels, the line from column to column included.
    """
    if len(x) <= 4 * columns:
        return x, y
    low, high = x[0], x[-1]
    column = np.minimum(((x - low) * (columns / (high - low))).astype(int), columns - 1)
    begins = np.flatnonzero(np.diff(column, prepend=-1))
    ends = np.append(begins[1:], len(x)) - 1
    least, greatest = np.minimum.reduceat(y, begins), np.maximum.reduceat(y, begins)
    falls = y[ends] < y[begins]
    ys = np.stack([np.where(falls, greatest, least), np.where(falls, least, greatest)], axis=1)
    xs = np.stack([x[begins], x[ends]], axis=1)
    return xs.ravel(), ys.ravel()


def runs(known: np.ndarray) -> list[tuple[int, int]]:
    """[begin, end) of the stretches of True in `known`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def y_range(
    likelihood: np.ndarray, bound: np.ndarray, early: np.ndarray, least: float = 2e-7
) -> tuple[float, float] | None:
    """(low, high) of what is in view, padded; None where nothing is known. Never less than the share `least` of the values.

    `early` marks the cells of a start or of an edit: they do not count where they would dwarf all the others.
    """
    both = np.concatenate([likelihood, bound])
    at_start = np.concatenate([early, early])
    finite = np.isfinite(both)
    if not finite.any():
        return None
    low, high = float(both[finite].min()), float(both[finite].max())
    later = both[finite & ~at_start]
    if np.count_nonzero(np.isfinite(likelihood) & ~early) >= ENOUGH:
        lowest = float(later.min())
        if later.max() > lowest and high - low > FAR * (high - lowest):
            low = lowest
    size = max(abs(low), abs(high), 1e-300)
    room = max(high - low, least * size) if high - low > ROUND_OFF * size else 0.05 * size
    middle = (low + high) / 2
    low, high = min(low, middle - room / 2), max(high, middle + room / 2)
    return low - 0.12 * room, high + 0.12 * room


def ticks(low: float, high: float, most: int) -> np.ndarray:
    """At most `most` round numbers (1, 2 or 5 times a power of ten apart) from `low` to `high`."""
    rough = (high - low) / max(most, 1)
    if not rough > 0 or not math.isfinite(rough):
        return np.empty(0)
    power = 10.0 ** math.floor(math.log10(rough))
    gap = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.9999999)
    first, last = math.ceil(low / gap), math.floor(high / gap)
    return np.arange(first, last + 1) * gap


def places(gap: float) -> int:
    """Decimal places that tell multiples of `gap` apart."""
    return max(0, -math.floor(math.log10(gap) + 1e-9)) if gap > 0 else 0
