"""Pictures of counts: bars of a column of counts with the components' expected numbers, a letter at each mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.format import number, tally
from emstudio.core.marks import Bars, Curve, Disc, Drawing, Handle, Points
from emstudio.models.gaussian_views import bin_edges, label

_SINGLE = 60  # counts up to which every one has a bar of its own


def count_edges(values: np.ndarray) -> np.ndarray:
    """Edges of bars centred on whole numbers where these are few, else a histogram's."""
    if not values.size:
        return np.array([-0.5, 0.5])
    low, high = np.floor(values.min()), np.ceil(values.max())
    if high - low <= _SINGLE:
        return np.arange(low, high + 2.0) - 0.5
    edges = bin_edges(values)
    width = max(1.0, np.rint(edges[1] - edges[0]))
    return np.arange(np.floor(low / width) * width, high + width + 1.0, width) - 0.5


def upright(
    data: Dataset,
    column: int,
    density: Callable[[np.ndarray], np.ndarray] | None,
    means: np.ndarray | None,
    handle: str,
    notes: list[str],
) -> Drawing:
    """Bars of one column of counts; `density(x)` (K, m) gives weight times probability at whole numbers `x`.

    `means` (K,) is where the letters stand.
    """
    values = data.x[:, column]
    edges = data.memo(f"count edges {column}", lambda: count_edges(values))
    heights = data.memo(f"count heights {column}", lambda: np.histogram(values, edges, weights=data.weights)[0])
    width = float(edges[1] - edges[0])
    marks: list[object] = [Bars(edges, heights.astype(float)), Points((column,), rug=True)]
    rows = data.table.info.get("rows_are", "rows")
    legend = [("bars", tally(data.n, rows, data.total))]
    if density is not None and means is not None:
        x = np.arange(max(0.0, edges[0] + 0.5), edges[-1] + 0.5)
        if len(x) > 2000:
            x = np.unique(np.rint(np.linspace(x[0], x[-1], 2000)))
        parts = data.total * width * density(x)
        total = parts.sum(0)
        if len(parts) > 1:
            marks.extend(Curve(x, parts[k], k, base=0.0, dashed=True) for k in range(len(parts)))
        marks.append(Curve(x, total))
        tops = np.interp(means, x, total)
        marks.extend(Disc(k, np.array([means[k], tops[k]]), Handle(handle, k), notes[k]) for k in range(len(means)))
        legend += [("components", "components"), ("total", "together")]
    unit = f"{rows} per {number(width, 3)}" if width > 1 else rows
    return Drawing(tuple(marks), label(data, column), unit, legend=tuple(legend))
