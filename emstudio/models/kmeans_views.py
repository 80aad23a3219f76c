"""The pictures of k-means: scatter with the centres and the borders between their cells, or a histogram with them."""

from __future__ import annotations

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.format import number, tally
from emstudio.core.marks import Bars, Borders, Disc, Drawing, Handle, Points, View
from emstudio.models.gaussian_views import bin_edges, comparable, label

_ROOM = 0.6  # of the data's spread, that borders reach beyond the data


def views(data: Dataset) -> tuple[View, ...]:
    """Two columns against each other, where there are two, and the histogram of one."""
    if data.d == 1:
        return (View("density", (0,), title="Histogram"),)
    return (View("scatter", (0, 1), title="Scatter"), View("density", (0,), title="Histogram"))


def draw(data: Dataset, centers: np.ndarray | None, view: View) -> Drawing:
    """The rows and, with `centers` (K, d), the centres and the borders between their regions."""
    return _histogram(data, centers, view) if view.kind == "density" else _scatter(data, centers, view)


def _scatter(data: Dataset, centers: np.ndarray | None, view: View) -> Drawing:
    pair = list(view.columns)
    marks: list[object] = [Points(view.columns)]
    if centers is not None:
        if data.d == 2:
            marks.append(Borders(borders(centers[:, pair], data.x[:, pair])))
        marks += [Disc(k, centers[k, pair], Handle("center", k)) for k in range(len(centers))]
    columns = [data.table.column(data.names[j]) for j in pair]
    like = bool(columns[0].unit) and columns[0].unit == columns[1].unit and comparable(data, pair)
    return Drawing(
        tuple(marks), label(data, pair[0]), label(data, pair[1]), like or data.table.info.get("painted", False)
    )


def borders(centers: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(m, 2, 2) the edges of the centres' Voronoi cells within the data's box and a margin.

    Of the line halfway between two centres that part is an edge at which no third centre is nearer.
    """
    both = np.concatenate([centers, x])
    low, high = both.min(0), both.max(0)
    margin = _ROOM * np.where(high > low, high - low, 1.0)
    box = (low - margin, high + margin)
    found = []
    for a in range(len(centers)):
        for b in range(a + 1, len(centers)):
            way = centers[b] - centers[a]
            if not (way @ way) > 0:
                continue
            middle, along = (centers[a] + centers[b]) / 2, np.array([-way[1], way[0]])
            first, last = -np.inf, np.inf
            # n . (middle + t along) <= c for every third centre and every side of the box
            sides = [(np.array([s, 0.0]), s * edge[0]) for s, edge in ((1.0, box[1]), (-1.0, box[0]))]
            sides += [(np.array([0.0, s]), s * edge[1]) for s, edge in ((1.0, box[1]), (-1.0, box[0]))]
            for c in np.delete(centers, (a, b), axis=0):
                n = c - centers[a]
                sides.append((n, n @ (c + centers[a]) / 2))
            for n, limit in sides:
                slope, room = n @ along, limit - n @ middle
                if slope > 0:
                    last = min(last, room / slope)
                elif slope < 0:
                    first = max(first, room / slope)
                elif room < 0:
                    last = -np.inf
            if last > first:
                ends = middle + np.array([first, last])[:, None] * along
                found.append(ends)
    return np.array(found).reshape(-1, 2, 2)


def _histogram(data: Dataset, centers: np.ndarray | None, view: View) -> Drawing:
    j = view.columns[0]
    column = data.table.column(data.names[j])
    edges = data.memo(f"edges {j}", lambda: bin_edges(data.x[:, j]))
    heights = data.memo(f"heights {j}", lambda: np.histogram(data.x[:, j], edges, weights=data.weights)[0])
    top = float(heights.max(initial=0)) or 1.0
    marks: list[object] = [Bars(edges, heights.astype(float)), Points((j,), rug=True)]
    if centers is not None:
        at = centers[:, j]
        if data.d == 1:
            ordered = np.unique(at)
            lines = np.zeros((len(ordered) - 1, 2, 2))
            lines[:, :, 0] = ((ordered[1:] + ordered[:-1]) / 2)[:, None]
            lines[:, 1, 1] = 1.05 * top
            marks.append(Borders(lines))
        for k, value in enumerate(at):
            marks.append(Disc(k, np.array([value, 0.9 * top]), Handle("center", k), number(float(value), 5)))
    unit = f" {column.unit}" if column.unit else ""
    rows = data.table.info.get("rows_are", "rows")
    axis = f"{rows} per {number(edges[1] - edges[0], 3)}{unit}"
    return Drawing(tuple(marks), label(data, j), axis, legend=(("bars", tally(data.n, rows, data.total)),))
