"""The pictures of a Gaussian mixture: scatter with projected ellipses, density over a histogram, the parameters table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from emstudio.core.covariance import Covariance
from emstudio.core.covariance_pull import pulled
from emstudio.core.data import Dataset
from emstudio.core.format import number, tally
from emstudio.core.marks import Bars, Curve, Disc, Drawing, Ellipse, Handle, Points, Spread, View
from emstudio.core.student import log_constant

_CORRELATIONS = 6  # up to so many columns the table lists the correlations


def views(data: Dataset) -> tuple[View, ...]:
    """The scatter where there are two columns or more, and the density of one."""
    density = View("density", (0,), title="Density")
    if data.d == 1:
        return (density,)
    return (View("scatter", (0, 1), title="Scatter"), density)


def label(data: Dataset, column: int) -> str:
    """The axis label of a fitted column: its name and unit."""
    c = data.table.column(data.names[column])
    return f"{c.title}, {c.unit}" if c.unit else c.title


def draw(data: Dataset, params: Any | None, view: View, shape: Covariance | None = None) -> Drawing:
    """Of covariances of the family `shape`, that can be pulled; without a shape they cannot."""
    return (_density if view.kind == "density" else _scatter)(data, params, view, shape)


def anchors(params: Any, view: View) -> np.ndarray:
    """(K, 2) the means in the view; in a density view the second coordinate is 0 (a letter stands on its curve)."""
    at = params.means[:, list(view.columns)]
    return at if at.shape[1] == 2 else np.column_stack([at[:, 0], np.zeros(len(at))])


def move(params: Any, shape: Covariance, handle: Handle, view: View, position: tuple[float, ...]) -> Any:
    """Parameters with the handle's component at `position`; a mean's coordinate that is no number is left as it was."""
    k = handle.component
    if handle.kind in ("covariance", "variance"):
        weights = params.weights[: len(params.means)]
        new = pulled(shape, weights, params.means, params.covariances, k, view.columns, position)
        return params._replace(covariances=new)
    means = params.means.copy()
    for column, value in zip(view.columns, position, strict=False):
        if np.isfinite(value):
            means[k, column] = value
    return params._replace(means=means)


def freedom(shape: Covariance) -> str:
    """How a hand can pull an ellipse of this family."""
    return "round" if shape.round else "axes" if shape.diagonal else "free"


def _scatter(data: Dataset, params: Any | None, view: View, shape: Covariance | None) -> Drawing:
    pair = list(view.columns)
    marks: list[object] = [Points(view.columns)]
    if params is not None:
        for k in range(len(params.means)):
            mean, covariance = params.means[k, pair], params.covariances[k][np.ix_(pair, pair)]
            dof = float(params.dof[k]) if hasattr(params, "dof") else None
            pull, ways = (None, "free") if shape is None else (Handle("covariance", k), freedom(shape))
            marks.append(Ellipse(k, mean, covariance, handle=Handle("mean", k), dof=dof, pull=pull, freedom=ways))
        marks.extend(Disc(k, params.means[k, pair], Handle("mean", k)) for k in range(len(params.means)))
    columns = [data.table.column(data.names[j]) for j in pair]
    like = bool(columns[0].unit) and columns[0].unit == columns[1].unit and comparable(data, pair)
    drawn = data.table.info.get("painted", False)
    return Drawing(tuple(marks), label(data, pair[0]), label(data, pair[1]), like or drawn)


def comparable(data: Dataset, pair: list[int]) -> bool:
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


def _density(data: Dataset, params: Any | None, view: View, shape: Covariance | None) -> Drawing:
    """Heights are rows per bin, for the histogram and the densities alike."""
    j = view.columns[0]
    column = data.table.column(data.names[j])
    x, weights = _known(data, j)
    edges = data.memo(f"edges {j}", lambda: bin_edges(x))
    heights = data.memo(f"heights {j}", lambda: np.histogram(x, edges, weights=weights)[0])
    width = edges[1] - edges[0]
    marks: list[object] = [Bars(edges, heights.astype(float)), Points((j,), rug=True)]
    unit = f" {column.unit}" if column.unit else ""
    rows = data.table.info.get("rows_are", "rows")
    legend = [("bars", tally(len(x), rows, len(x) if weights is None else float(weights.sum())))]
    if params is not None:
        marks.extend(
            _curves(params, j, edges, float(len(x) if weights is None else weights.sum()) * width, shape is not None)
        )
        legend += [("components", "components, stacked"), ("total", "total density")]
    return Drawing(tuple(marks), label(data, j), f"{rows} per {number(width, 3)}{unit}", legend=tuple(legend))


def _known(data: Dataset, j: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The known values of column j and the weights of their rows."""
    if data.mask is None:
        return data.x[:, j], data.weights
    known = ~data.mask[:, j]
    return data.x[known, j], None if data.weights is None else data.weights[known]


def _curves(params: Any, j: int, edges: np.ndarray, scale: float, pulls: bool) -> list[object]:
    means = params.means[:, j]
    weights = params.weights[: len(means)]
    sds = np.sqrt(params.covariances[:, j, j])
    density = _density_of(params)
    wide = np.linspace(min(edges[0], (means - 3.5 * sds).min()), max(edges[-1], (means + 3.5 * sds).max()), 241)
    close = (means[:, None] + sds[:, None] * np.linspace(-4, 4, 65)).ravel()
    x = np.unique(np.concatenate([wide, close]))
    parts = scale * weights[:, None] * density(x, means[:, None], sds[:, None], np.arange(len(means))[:, None])
    stacked = np.cumsum(parts, axis=0)
    marks: list[object] = []
    for k in range(len(means)):
        base = stacked[k] - parts[k]
        marks.append(Curve(x, stacked[k], k, base=base, line=False))
    if len(means) > 1:
        marks.extend(Curve(x, parts[k], k, dashed=True) for k in range(len(means)))
    noise = _noise(params, j, scale)
    marks.append(Curve(x, stacked[-1] + noise(x)))
    each = np.arange(len(means))[None]
    top = scale * (weights[None] * density(means[:, None], means[None], sds[None], each)).sum(1) + noise(means)
    for k in range(len(means)):
        note = f"{number(means[k], 5)} ± {number(sds[k], 4)}"
        marks.append(Disc(k, np.array([means[k], top[k]]), Handle("mean", k), note))
    if pulls:
        sides = scale * weights * density(means + sds, means, sds, np.arange(len(means)))
        marks += [Spread(k, means[k], sds[k], sides[k], Handle("variance", k)) for k in range(len(means))]
    return marks


def _density_of(params: Any) -> Callable[..., np.ndarray]:
    """(x, centre, scale, component) -> the density of one column: Gaussian, or t where there are degrees of freedom."""
    if not hasattr(params, "dof"):
        return lambda x, mean, sd, k: _normal(x, mean, sd)
    constants = log_constant(params.dof, 1)

    def student(x: np.ndarray, mean: np.ndarray, sd: np.ndarray, k: np.ndarray) -> np.ndarray:
        dof = params.dof[k]
        return np.exp(constants[k] - 0.5 * (dof + 1) * np.log1p(((x - mean) / sd) ** 2 / dof)) / sd

    return student


def _noise(params: Any, j: int, scale: float) -> Callable[[np.ndarray], np.ndarray]:
    """x -> what the noise adds to the total density in column j; 0 without noise."""
    if not hasattr(params, "box"):
        return np.zeros_like
    low, high = params.box[:, j]
    height = scale * params.weights[-1] / (high - low)
    return lambda x: np.where((x >= low) & (x <= high), height, 0.0)


def _normal(x: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * ((x - mean) / sd) ** 2) / (np.sqrt(2 * np.pi) * sd)


def table(data: Dataset, params: Any) -> list[tuple[str, np.ndarray]]:
    """Weights, means, standard deviations and, of few columns, correlations: (row's name, (K,) values)."""
    rows = [("weight π", params.weights[: len(params.means)])]
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
