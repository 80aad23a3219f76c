"""Pictures of rows of counts by their shares: a triangle for three outcomes, bars of stacked shares for more, and the shares
of any two outcomes."""

from __future__ import annotations

from typing import Any

import numpy as np

from emstudio.core.data import Dataset, frozen
from emstudio.core.marks import Disc, Drawing, Handle, Points, Simplex, Stacks, View
from emstudio.models.gaussian_views import label

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])  # of the triangle: outcomes 1, 2, 3
_INSIDE = 1e-4  # a probability dragged to 0 would make rows impossible


def views(data: Dataset) -> tuple[View, ...]:
    """The triangle of three outcomes, the stacked proportions, and two shares against each other; the best first."""
    pair = View("shares", (0, min(1, data.d - 1)), title="Shares")  # one column is refused, and can be seen
    stacks = View("proportions", (), title="Proportions")
    if data.d == 3:
        return View("ternary", (0, 1), title="Triangle", axes=False), stacks, pair
    return (stacks, pair) if data.d > 3 else (pair, stacks)


def shares(data: Dataset) -> np.ndarray:
    """(n, c) each row's shares; those of all rows together where a row is all 0."""

    def make() -> np.ndarray:
        totals = data.x.sum(1, keepdims=True)
        everybody = data.x.sum(0) / max(data.x.sum(), 1.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return frozen(np.where(totals > 0, data.x / totals, everybody))

    return data.memo("shares of outcomes", make)


def places(p: np.ndarray, view: View) -> np.ndarray:
    """(m, 2) where shares or probabilities `p` (m, c) stand in the view; among stacked shares that is the first border."""
    if view.kind == "proportions":
        return np.stack([p[:, 0], np.arange(len(p), dtype=float)], axis=1)
    return p @ CORNERS if view.kind == "ternary" else p[:, list(view.columns)]


def draw(data: Dataset, params: Any | None, view: View) -> Drawing:
    """The rows' shares and, with `params`, those that the components expect."""
    if view.kind == "proportions":
        return _stacks(data, params)
    key = f"places {view.kind} {view.columns}"
    at = data.memo(key, lambda: frozen(np.ascontiguousarray(places(shares(data), view))))
    marks: list[object] = [Points(view.columns, at=at)]
    if view.kind == "ternary":
        left, right, top = (label(data, j) for j in range(3))
        marks.append(Simplex(CORNERS, (left, right, top)))
    if params is not None:
        marks += [Disc(k, p, Handle("probabilities", k)) for k, p in enumerate(places(params.probabilities, view))]
    if view.kind == "ternary":
        return Drawing(tuple(marks), same_scale=True)
    x, y = (f"share of {label(data, j)}" for j in view.columns)
    return Drawing(tuple(marks), x, y, same_scale=True)


def _stacks(data: Dataset, params: Any | None) -> Drawing:
    names = tuple(c.title for c in data.columns)
    if params is None:
        return Drawing((Stacks(shares(data), names),))
    k, c = params.probabilities.shape
    handles = tuple(tuple(Handle("border", i, j) for j in range(c - 1)) for i in range(k))
    return Drawing((Stacks(shares(data), names, params.probabilities, handles),))


def anchors(params: Any, view: View) -> np.ndarray:
    """(K, 2) where each component's letter stands."""
    return places(params.probabilities, view)


def move(params: Any, handle: Handle, view: View, position: tuple[float, float]) -> Any:
    """The component's probabilities at `position`; the outcomes that are not on the axes keep their proportions."""
    if not np.isfinite(position).all():
        return params
    if handle.kind == "border":
        return _border_moved(params, handle, position[0])
    p = params.probabilities.copy()
    old = p[handle.component]
    if np.array_equal(places(old[None], view)[0], position):
        return params
    if view.kind == "ternary":
        system = np.vstack([CORNERS.T, np.ones(3)])
        new = np.linalg.solve(system, [*position, 1.0])
    else:
        pair = list(view.columns)
        new = old.copy()
        new[pair] = np.maximum(position, 0.0)
        rest = np.setdiff1d(np.arange(len(old)), pair)
        left = 1.0 - new[pair].sum()
        if rest.size and left > 0:
            share = old[rest] / old[rest].sum() if old[rest].sum() > 0 else np.full(rest.size, 1.0 / rest.size)
            new[rest] = left * share
        else:
            new[rest] = 0.0
    new = np.maximum(new, _INSIDE)
    p[handle.component] = new / new.sum()
    return params._replace(probabilities=p)


def _border_moved(params: Any, handle: Handle, place: float) -> Any:
    """The border between two stacked outcomes at `place` in [0, 1]: what one loses the other gains, all else stays."""
    p = params.probabilities.copy()
    row, j = p[handle.component], handle.index
    below, both = row[:j].sum(), row[j] + row[j + 1]
    inside = min(_INSIDE, both / 2)
    first = min(max(place - below, inside), both - inside)
    if place - below == row[j]:
        return params
    row[j], row[j + 1] = first, both - first
    return params._replace(probabilities=p)
