"""The pictures of a Gaussian mixture: scatter with projected ellipses, density over a histogram, the parameters table."""

from __future__ import annotations

from typing import Any

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.format import count, number
from emstudio.core.marks import Bars, Curve, Disc, Drawing, Ellipse, Handle, Points, View

_CORRELATIONS = 6  # up to so many columns the table lists the correlations


def views(data: Dataset) -> tuple[View, ...]:
    density = View("density", (0,), title="Density")
    if data.d == 1:
        return (density,)
    return (View("scatter", (0, 1), title="Scatter"), density)


def label(data: Dataset, column: int) -> str:
    """The axis label of a fitted column: its name and unit."""
    c = data.table.column(data.names[column])
    return f"{c.title}, {c.unit}" if c.unit else c.title


def draw(data: Dataset, params: Any | None, view: View) -> Drawing:
    return _density(data, params, view) if view.kind == "density" else _scatter(data, params, view)


def anchors(params: Any, view: View) -> np.ndarray:
    """(K, 2) the means in the view; in a density view the second coordinate is 0 (a letter stands on its curve)."""
    at = params.means[:, list(view.columns)]
    return at if at.shape[1] == 2 else np.column_stack([at[:, 0], np.zeros(len(at))])


def _scatter(data: Dataset, params: Any | None, view: View) -> Drawing:
    pair = list(view.columns)
    marks: list[object] = [Points(view.columns)]
    if params is not None:
        for k in range(len(params.weights)):
            mean, covariance = params.means[k, pair], params.covariances[k][np.ix_(pair, pair)]
            marks.append(Ellipse(k, mean, covariance, handle=Handle("mean", k)))
        marks.extend(Disc(k, params.means[k, pair], Handle("mean", k)) for k in range(len(params.weights)))
    columns = [data.table.column(data.names[j]) for j in pair]
    like = bool(columns[0].unit) and columns[0].unit == columns[1].unit and _comparable(data, pair)
    drawn = data.table.info.get("painted", False)
    return Drawing(tuple(marks), label(data, pair[0]), label(data, pair[1]), like or drawn)


def _comparable(data: Dataset, pair: list[int]) -> bool:
    """Whether one scale can serve both columns: like units are of no use where one spreads ten times as far."""
    if data.n < 2:
        return True
    spread = np.ptp(data.x[:, pair], axis=0)
    return bool(spread.max() <= 10 * max(spread.min(), np.finfo(float).tiny))


def bin_edges(x: np.ndarray) -> np.ndarray:
    """Edges of a histogram whose width is 1, 2 or 5 times a power of ten, at most that of Freedman and Diaconis' rule."""
    if not x.size:
        return np.array([0.0, 1.0])
    low, high = float(x.min()), float(x.max())
    if high == low:
        return low + max(abs(low), 1.0) * np.array([-0.05, 0.05])
    quartiles = np.percentile(x, [25, 75])
    width = 2.0 * (quartiles[1] - quartiles[0]) / len(x) ** (1 / 3)
    width = min(max(width, (high - low) / 100), (high - low) / 5)
    power = 10.0 ** np.floor(np.log10(width))
    width = power * max(m for m in (1, 2, 5) if m * power <= width * 1.0001)
    first = np.floor(low / width)
    last = np.floor(high / width) + 1
    return width * np.arange(first, last + 1)


def _density(data: Dataset, params: Any | None, view: View) -> Drawing:
    """Heights are rows per bin, for the histogram and the densities alike."""
    j = view.columns[0]
    column = data.table.column(data.names[j])
    edges = data.memo(f"edges {j}", lambda: bin_edges(data.x[:, j]))
    heights = data.memo(f"heights {j}", lambda: np.histogram(data.x[:, j], edges, weights=data.weights)[0])
    width = edges[1] - edges[0]
    marks: list[object] = [Bars(edges, heights.astype(float)), Points((j,), rug=True)]
    unit = f" {column.unit}" if column.unit else ""
    rows = data.table.info.get("rows_are", "rows")
    legend = [("bars", f"{count(data.n)} {rows}")]
    if params is not None:
        marks.extend(_curves(data, params, j, edges, data.total * width))
        legend += [("components", "components, stacked"), ("total", "total density")]
    return Drawing(tuple(marks), label(data, j), f"{rows} per {number(width, 3)}{unit}", legend=tuple(legend))


def _curves(data: Dataset, params: Any, j: int, edges: np.ndarray, scale: float) -> list[object]:
    weights, means = params.weights, params.means[:, j]
    sds = np.sqrt(params.covariances[:, j, j])
    wide = np.linspace(min(edges[0], (means - 3.5 * sds).min()), max(edges[-1], (means + 3.5 * sds).max()), 241)
    close = (means[:, None] + sds[:, None] * np.linspace(-4, 4, 65)).ravel()
    x = np.unique(np.concatenate([wide, close]))
    parts = scale * weights[:, None] * _normal(x, means[:, None], sds[:, None])
    stacked = np.cumsum(parts, axis=0)
    marks: list[object] = []
    for k in range(len(weights)):
        base = stacked[k] - parts[k]
        marks.append(Curve(x, stacked[k], k, base=base, line=False))
    if len(weights) > 1:
        marks.extend(Curve(x, parts[k], k, dashed=True) for k in range(len(weights)))
    marks.append(Curve(x, stacked[-1]))
    top = scale * (weights[None] * _normal(means[:, None], means[None], sds[None])).sum(1)
    for k in range(len(weights)):
        note = f"{number(means[k], 5)} ± {number(sds[k], 4)}"
        marks.append(Disc(k, np.array([means[k], top[k]]), Handle("mean", k), note))
    return marks


def _normal(x: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * ((x - mean) / sd) ** 2) / (np.sqrt(2 * np.pi) * sd)


def table(data: Dataset, params: Any) -> list[tuple[str, np.ndarray]]:
    rows = [("weight π", params.weights)]
    names = [c.title for c in data.columns]
    rows += [(f"μ {name}", params.means[:, j]) for j, name in enumerate(names)]
    sds = np.sqrt(np.diagonal(params.covariances, axis1=1, axis2=2))
    rows += [(f"σ {name}", sds[:, j]) for j, name in enumerate(names)]
    if 2 <= data.d <= _CORRELATIONS:
        for i in range(data.d):
            for j in range(i + 1, data.d):
                name = "correlation" if data.d == 2 else f"ρ {names[i]}, {names[j]}"
                rows.append((name, params.covariances[:, i, j] / (sds[:, i] * sds[:, j])))
    return rows
