"""Strips as pixels: which rows a column of pixels shows, and pictures of states and of probabilities along time.

Where a step is wider than a pixel each pixel shows its step. Where many steps share a pixel, probabilities are their
mean, and of drawn paths one step is shown for all: a draw stays a draw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtGui import QImage

from emstudio.gui import theme
from emstudio.gui.series_span import Span

_LIFT = 0.15  # of the text's colour in a state's, in a dark theme: orange that is only darkened turns brown


@dataclass(frozen=True, eq=False)
class Columns:
    """The rows of `width` device pixels: pixel i shows `row[i]` (-1: none), and is the mean of first[i] to last[i] - 1."""

    row: np.ndarray
    first: np.ndarray
    last: np.ndarray

    @property
    def dense(self) -> bool:
        """Whether pixels have several rows."""
        return bool(len(self.first)) and int((self.last - self.first).max()) > 1


def columns(span: Span, width: int) -> Columns:
    """The rows of a picture of `width` device pixels."""
    edges = span.place(np.arange(width + 1), width)
    rows = span.rows_at((edges[:-1] + edges[1:]) / 2)
    # Half steps aside: a pixel has the rows whose middles it covers.
    low, high = span.first_from(edges[:-1]), span.first_from(edges[1:])
    rows = np.where((rows < 0) & (high > low), low, rows)  # a gap narrower than a pixel is not seen
    none = rows < 0
    return Columns(rows, np.where(none, 0, low), np.where(none, 0, high))


class Sums:
    """The running sums of probabilities (n, K), kept for the few tables that are shown: their mean over any rows is cheap."""

    _MOST = 4

    def __init__(self) -> None:
        self._kept: list[tuple[np.ndarray, np.ndarray]] = []

    def of(self, table: np.ndarray) -> np.ndarray:
        """(K, n + 1) sums of the first 0, 1 ... n rows."""
        for known, sums in self._kept:
            if known is table:
                return sums
        sums = np.zeros((table.shape[1], len(table) + 1))
        np.cumsum(table.T, axis=1, out=sums[:, 1:])
        self._kept = [*self._kept[1 - self._MOST :], (table, sums)]
        return sums


def shares(table: np.ndarray, at: Columns, sums: Sums) -> np.ndarray:
    """(width, K) probabilities (n, K) along the pixels; NaN where there is no row or none is known."""
    out = np.full((len(at.row), table.shape[1]), np.nan)
    some = at.row >= 0
    out[some] = table[at.row[some]]
    if at.dense:
        many = some & (at.last - at.first > 1)
        total = sums.of(table)
        size = (at.last - at.first)[many]
        out[many] = ((total[:, at.last[many]] - total[:, at.first[many]]) / size).T
    return out


def palette(k: int, strength: float) -> np.ndarray:
    """(K + 1, 3) the states' colours, mixed with the canvas down to `strength`; the last one is of what is not known."""
    canvas = np.array(theme.colour("canvas").getRgbF()[:3])
    chip = np.array(theme.colour("chip").getRgbF()[:3])
    states = theme.component_rgb(k)
    if theme.current().dark:
        states = states + _LIFT * (np.array(theme.colour("text").getRgbF()[:3]) - states)
    return np.concatenate([canvas + strength * (states - canvas), chip[None]])


def packed(rgb: np.ndarray) -> np.ndarray:
    """uint32 ARGB of colours (m, 3) 0..1."""
    byte = (np.clip(rgb, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint32)
    return np.uint32(255 << 24) | (byte[..., 0] << 16) | (byte[..., 1] << 8) | byte[..., 2]


def states_picture(states: np.ndarray, at: Columns, colours: np.ndarray) -> np.ndarray:
    """(m, width) uint32: m paths `states` (n, m), -1 where a state is not known; nothing where there is no row."""
    if not len(states):
        return np.zeros((states.shape[1], len(at.row)), np.uint32)
    shown = states[np.maximum(at.row, 0)].T
    return np.where(at.row >= 0, packed(colours)[shown], np.uint32(0))


def shares_picture(table: np.ndarray, height: int, colours: np.ndarray) -> np.ndarray:
    """(height, width) uint32: probabilities (width, K) stacked, the first state on top; nothing where they are NaN."""
    known = ~np.isnan(table[:, 0])
    upto = np.cumsum(np.where(known[:, None], table, 0.0), axis=1)[:, :-1]
    level = (np.arange(height) + 0.5) / height
    state = np.zeros((height, len(table)), np.intp)
    for border in upto.T:
        state += level[:, None] > border
    return np.where(known, packed(colours)[state], np.uint32(0))


def image(pixels: np.ndarray) -> QImage:
    """The picture as an image of its own memory."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape
    return QImage(pixels.data, width, height, width * 4, QImage.Format.Format_ARGB32_Premultiplied).copy()
