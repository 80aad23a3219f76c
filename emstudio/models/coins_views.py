"""The picture of coins on one axis: how many trials have which share of heads, and what the coins expect."""

from __future__ import annotations

from typing import Any

import numpy as np

from emstudio.core.data import Dataset, frozen
from emstudio.core.format import number, tally
from emstudio.core.marks import Bars, Curve, Disc, Drawing, Handle, Points, View

_INSIDE = 1e-4  # a bias dragged to 0 or 1 would make rows impossible
_SINGLE = 40  # tosses up to which every number of heads has a bar of its own
_GROUPS = 100  # different numbers of tosses that are told apart


def views(data: Dataset) -> tuple[View, ...]:
    """The one view on the axis of shares of heads."""
    return (View("shares", (0,), title="Heads"),)


def shares(data: Dataset) -> np.ndarray:
    """(n, 1) each trial's share of heads; 1/2 where nothing was tossed."""

    def make() -> np.ndarray:
        tosses = data.x.sum(1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return frozen(np.where(tosses > 0, data.x[:, 0] / tosses, 0.5)[:, None])

    return data.memo("shares of heads", make)


def edges_of(data: Dataset) -> np.ndarray:
    """Edges of the histogram of shares: one bar for each number of heads where all trials have the same few tosses."""
    tosses = np.unique(data.x.sum(1))
    if len(tosses) == 1 and 1 <= tosses[0] <= _SINGLE:
        return (np.arange(tosses[0] + 2.0) - 0.5) / tosses[0]
    return np.linspace(0.0, 1.0, 21)


def draw(data: Dataset, params: Any | None, view: View) -> Drawing:
    """The histogram of shares and, with `params`, what each coin expects."""
    weights = np.ones(data.n) if data.weights is None else data.weights
    edges = data.memo("share edges", lambda: edges_of(data))
    heights = data.memo("share heights", lambda: np.histogram(shares(data), edges, weights=weights[:, None])[0])
    marks: list[object] = [Bars(edges, heights.astype(float)), Points((0,), rug=True, at=shares(data))]
    legend = [("bars", tally(data.n, "trial" if data.n == 1 else "trials", data.total))]
    if params is not None and data.n:
        middle = 0.5 * (edges[1:] + edges[:-1])
        parts = params.weights[:, None] * expected(data, params.biases, edges)
        total = parts.sum(0)
        if len(parts) > 1:
            marks.extend(Curve(middle, part, k, base=0.0, dashed=True) for k, part in enumerate(parts))
        marks.append(Curve(middle, total))
        for k, bias in enumerate(params.biases):
            place = np.array([bias, np.interp(bias, middle, total)])
            marks.append(Disc(k, place, Handle("bias", k), f"θ = {number(bias)}"))
        legend += [("components", "each coin"), ("total", "together")]
    return Drawing(tuple(marks), "share of heads", "trials", legend=tuple(legend))


def expected(data: Dataset, biases: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(K, bars) how many of the trials would lie in each bar if all were made with coin k."""
    from scipy.special import bdtr

    def make() -> tuple[np.ndarray, np.ndarray]:
        weights = np.ones(data.n) if data.weights is None else data.weights
        tosses, at = np.unique(data.x.sum(1), return_inverse=True)
        sizes = np.bincount(at, weights, minlength=len(tosses))
        if len(tosses) > _GROUPS:
            group = np.arange(len(tosses)) * _GROUPS // len(tosses)
            middle = np.searchsorted(group, np.arange(_GROUPS), side="left")
            tosses, sizes = tosses[middle], np.bincount(group, sizes)
        return tosses, sizes

    tosses, sizes = data.memo("numbers of tosses", make)
    total = np.zeros((len(biases), len(edges) - 1))
    for m, size in zip(tosses, sizes):
        below = np.ceil(m * edges - 1e-9) - 1.0  # heads strictly below each edge; the last edge belongs to its bar
        below[-1] = m
        reached = np.where(below >= 0, bdtr(np.clip(below, 0, m), int(m), biases[:, None]), 0.0)
        total += size * np.diff(reached, axis=1)
    return total


def anchors(params: Any, view: View) -> np.ndarray:
    """(K, 2) the biases; a letter stands on its curve."""
    return np.column_stack([params.biases, np.zeros(len(params.biases))])


def move(params: Any, handle: Handle, view: View, position: tuple[float, float]) -> Any:
    """The bias at the handle's place, never quite 0 or 1."""
    biases = params.biases.copy()
    if np.isfinite(position[0]) and position[0] != biases[handle.component]:
        biases[handle.component] = np.clip(position[0], _INSIDE, 1.0 - _INSIDE)
    return params._replace(biases=biases)
