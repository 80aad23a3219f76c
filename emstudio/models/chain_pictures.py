"""The pictures of hidden Markov models that are drawn with marks: a column against time, and what the states expect there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emstudio.core.data import Dataset, frozen
from emstudio.core.format import number
from emstudio.core.marks import Curve, Disc, Drawing, Handle, Points, View
from emstudio.models import gaussian_views
from emstudio.models.gaussian import GaussianParams
from emstudio.models.gaussian_views import label

LABORATORY, SERIES = "laboratory", "series"


def views(data: Dataset) -> tuple[View, ...]:
    """The laboratory first, then a column against time."""
    return (View(LABORATORY, (0,), title="Laboratory"), View(SERIES, (0,), title="Series"))


def times(data: Dataset) -> np.ndarray:
    """(n,) where each step stands on the axis of time: the time column of a single series, else the number of the row."""
    if data.time is not None and len(data.offsets) == 2:
        return data.table.column(data.time).values[data.rows]
    return np.arange(1.0, data.n + 1.0)


def time_label(data: Dataset) -> str:
    """The label of the axis of time: its column's name, else what the numbers count."""
    if data.time is not None and len(data.offsets) == 2:
        column = data.table.column(data.time)
        return f"{column.title}, {column.unit}" if column.unit else column.title
    return "step" if len(data.offsets) == 2 else "row"


def levels(heights: np.ndarray) -> np.ndarray:
    """(K, 2) the states' heights in a picture along time, where they are at no time more than at another."""
    return np.column_stack([np.zeros(len(heights)), heights])


def series(
    data: Dataset,
    view: View,
    means: np.ndarray | None,
    handle: str | None,
    notes: Sequence[str] = (),
) -> Drawing:
    """The view's column against time, a line at each state's mean (K,); its letter at the right end can be dragged."""
    j = view.columns[0]
    at = data.memo(f"series {j}", lambda: frozen(np.column_stack([times(data), data.observed[:, j]])))
    marks: list[object] = [Points((j,), at=at)]
    if means is not None and data.n:
        left, right = float(at[0, 0]), float(at[-1, 0])
        for k, mean in enumerate(means):
            marks.append(Curve(np.array([left, right]), np.array([mean, mean]), k, dashed=True))
        for k, mean in enumerate(means):
            note = notes[k] if notes else number(mean)
            marks.append(Disc(k, np.array([right, mean]), None if handle is None else Handle(handle, k), note))
    return Drawing(tuple(marks), time_label(data), label(data, j))


def switch_density(data: Dataset, variance: float | None, view: View) -> Drawing:
    """The histogram of the observations and the two states' densities, each with the weight 1/2."""
    params = None
    if variance is not None:
        params = GaussianParams(np.full(2, 0.5), np.array([[0.0], [1.0]]), np.full((2, 1, 1), variance))
    drawn = gaussian_views.draw(data, params, view)
    fixed = tuple(Disc(m.component, m.position, None, m.note) if isinstance(m, Disc) else m for m in drawn.marks)
    return Drawing(fixed, drawn.x_label, drawn.y_label, drawn.same_scale, drawn.legend)
