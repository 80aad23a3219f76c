"""Pictures of a product mixture: two columns against each other, or one column with what the components expect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emstudio.core.covariance import COVARIANCES
from emstudio.core.covariance_pull import pulled
from emstudio.core.data import Dataset
from emstudio.core.discrete import Poisson, Rates
from emstudio.core.format import number, tally
from emstudio.core.marks import Bars, Curve, Disc, Drawing, Ellipse, Handle, Points, Spread, View
from emstudio.models.counts_views import upright
from emstudio.models.gaussian_views import bin_edges, freedom, label
from emstudio.models.product_documents import by_column

if TYPE_CHECKING:
    from emstudio.models.product import ProductMixture

_SHAPE = COVARIANCES["VVI"]
_LEAST = 1e-4  # a rate dragged to 0 would make rows impossible


def views(data: Dataset) -> tuple[View, ...]:
    """Two columns against each other, where there are two, and one column."""
    column = View("column", (0,), title="Column")
    return (column,) if data.d == 1 else (View("scatter", (0, 1), title="Scatter"), column)


def centres(model: ProductMixture, params: Any) -> np.ndarray:
    """(K, d) the expected value in each column; of categories that of their codes."""
    made = np.empty((len(params.weights), len(model.plan)))
    for group, values in (("gaussian", params.means), ("poisson", params.rates)):
        made[:, list(model.places(group))] = values
    for j, block in zip(model.places("categorical"), model.blocks(params.probabilities)):
        made[:, j] = block @ np.arange(block.shape[1])
    return made


def title(model: ProductMixture, data: Dataset, j: int) -> str:
    """The axis label; a column of few categories spells its codes out."""
    name = label(data, j)
    levels = dict(model.categories).get(data.names[j])
    if levels is None:
        return name
    spelled = ", ".join(f"{i} {level}" for i, level in enumerate(levels[:6]))
    return f"{name} ({spelled}{', ...' if len(levels) > 6 else ''})"


def _handle(model: ProductMixture, view: View, k: int) -> Handle | None:
    """Letters can be dragged where at least one axis is no category."""
    free = [j for j in view.columns if model.plan[j][1] != "categorical"]
    return Handle("mean", k) if free else None


def draw(model: ProductMixture, data: Dataset, params: Any | None, view: View) -> Drawing:
    """The marks of `params` (None: the data alone) in `view`."""
    planned = len(model.plan) == data.d
    if view.kind == "column":
        return _column(model, data, params if planned else None, view.columns[0])
    pair = list(view.columns)
    marks: list[object] = [Points(view.columns)]
    if params is not None and planned:
        at = centres(model, params)[:, pair]
        if all(model.plan[j][1] == "gaussian" for j in pair):
            g = [model.places("gaussian").index(j) for j in pair]
            spread = [np.diag(v) for v in params.variances[:, g]]
            marks += [
                Ellipse(
                    k, at[k], spread[k], handle=Handle("mean", k), pull=Handle("covariance", k), freedom=freedom(_SHAPE)
                )
                for k in range(len(at))
            ]
        marks += [Disc(k, at[k], _handle(model, view, k)) for k in range(len(at))]
    return Drawing(tuple(marks), *(title(model, data, j) for j in pair))


def _column(model: ProductMixture, data: Dataset, params: Any | None, j: int) -> Drawing:
    family = model.plan[j][1] if len(model.plan) == data.d else "gaussian"
    k = 0 if params is None else len(params.weights)
    if family == "poisson":
        if params is None:
            return upright(data, j, None, None, "mean", [])
        rates = params.rates[:, model.places("poisson").index(j)]

        def counts(x: np.ndarray) -> np.ndarray:
            return params.weights[:, None] * np.exp(Poisson().log_density(x[:, None], Rates(rates[:, None]))).T

        return upright(data, j, counts, rates, "mean", [f"λ = {number(r)}" for r in rates])
    if family == "categorical":
        edges = np.arange(len(dict(model.categories)[data.names[j]]) + 1) - 0.5
    else:
        edges = data.memo(f"edges {j}", lambda: bin_edges(data.x[:, j]))
    heights = np.histogram(data.x[:, j], edges, weights=data.weights)[0].astype(float)
    width = float(edges[1] - edges[0])
    marks: list[object] = [Bars(edges, heights), Points((j,), rug=True)]
    rows = data.table.info.get("rows_are", "rows")
    legend = [("bars", tally(data.n, rows, data.total))]
    if params is not None:
        if family == "categorical":
            x = np.arange(len(edges) - 1.0)
            block = model.blocks(params.probabilities)[model.places("categorical").index(j)]
            parts, notes = params.weights[:, None] * block, [""] * k
        else:
            g = model.places("gaussian").index(j)
            mean, sd = params.means[:, g, None], np.sqrt(params.variances[:, g, None])
            wide = np.linspace(min(edges[0], (mean - 3.5 * sd).min()), max(edges[-1], (mean + 3.5 * sd).max()), 241)
            x = np.unique(np.concatenate([wide, (mean + sd * np.linspace(-4, 4, 65)).ravel()]))
            parts = params.weights[:, None] * np.exp(-0.5 * ((x - mean) / sd) ** 2) / (np.sqrt(2 * np.pi) * sd)
            notes = [f"{number(m, 5)} ± {number(s, 4)}" for m, s in zip(mean[:, 0], sd[:, 0])]
        parts = data.total * (width if family == "gaussian" else 1.0) * parts
        marks += [Curve(x, part, c, base=0.0, dashed=True) for c, part in enumerate(parts)] if k > 1 else []
        marks.append(Curve(x, parts.sum(0)))
        at = centres(model, params)[:, j]
        handle = _handle(model, View("column", (j,)), 0)
        for c in range(k):
            place = np.array([at[c], np.interp(at[c], x, parts.sum(0))])
            marks.append(Disc(c, place, None if handle is None else Handle("mean", c), notes[c]))
        if family == "gaussian":
            for c, (m, s) in enumerate(zip(mean[:, 0], sd[:, 0])):
                marks.append(Spread(c, m, s, np.interp(m + s, x, parts[c]), Handle("variance", c)))
        legend += [("components", "components"), ("total", "together")]
    return Drawing(tuple(marks), title(model, data, j), rows, legend=tuple(legend))


def move(model: ProductMixture, params: Any, handle: Handle, view: View, position: tuple[float, ...]) -> Any:
    """The params with the handle at `position`: counts and numbers follow it, categories cannot."""
    if handle.kind in ("covariance", "variance"):
        at = tuple(model.places("gaussian").index(j) for j in view.columns)
        each = params.variances[:, :, None] * np.eye(params.variances.shape[1])
        new = pulled(_SHAPE, params.weights, params.means, each, handle.component, at, position)
        return params._replace(variances=np.diagonal(new, axis1=1, axis2=2).copy())
    means, rates = params.means.copy(), params.rates.copy()
    for column, value in zip(view.columns, position, strict=False):
        family = model.plan[column][1]
        if not np.isfinite(value) or family == "categorical":
            continue
        at = (handle.component, model.places(family).index(column))
        if family == "gaussian":
            means[at] = value
        elif value != rates[at]:
            rates[at] = max(value, _LEAST)
    return params._replace(means=means, rates=rates)


def table(model: ProductMixture, data: Dataset, params: Any) -> list[tuple[str, np.ndarray]]:
    """The parameters column by column: (row's name, (K,) values)."""
    rows = [("weight π", params.weights)]
    levels = dict(model.categories)
    named = [level for own in levels.values() for level in own]
    titles = {c.name: c.title for c in data.columns}
    for column, family, own in by_column(model, params):
        name = titles.get(column, column)
        if family == "gaussian":
            rows += [(f"μ {name}", own["means"]), (f"σ {name}", np.sqrt(own["variances"]))]
        elif family == "poisson":
            rows.append((f"λ {name}", own["rates"]))
        else:
            rows += [
                (f"p {level}" if named.count(level) == 1 else f"p {name} = {level}", own["probabilities"][:, c])
                for c, level in enumerate(levels[column])
            ]
    return rows
