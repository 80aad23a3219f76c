"""Edits of a series: steps written anew, added at its end, taken away. Pure functions from a moment to the one after.

A step inside of a series is never taken out, which would splice its two ends: it becomes one that was not observed.
Rows are those of the dataset, which holds every row of its table.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from emstudio.core.data import ASIDE, Column, Table, frozen
from emstudio.core.em import Moment, blank, edited
from emstudio.core.errors import UserError


def write(moment: Moment, rows: np.ndarray, column: int, values: np.ndarray) -> Moment:
    """The fitted column `column` of `rows` set to `values`; what was not observed is so from now on."""
    data = moment.data
    cells = data.x[rows].copy()
    cells[:, column] = values
    cells = moment.model.admissible(cells)
    name = data.names[column]
    return _with(moment, _set(data.table, name, rows, _written(moment, name, cells[:, column])), moment.snapshot.resp)


def append(moment: Moment, series: int, column: int | list[int], values: np.ndarray) -> Moment:
    """Steps with `values` in the fitted column `column` (m,), or in several (m, c), behind the last of a series.

    The rest is as in that last.
    """
    data, m = moment.data, len(values)
    if not m:
        return moment
    end = int(data.offsets[series + 1])
    last = end - 1 if end > int(data.offsets[series]) else None
    cells = np.zeros((m, data.d)) if last is None else np.repeat(data.x[last][None], m, axis=0)
    cells[:, column] = values
    if not np.isfinite(cells).all():
        raise UserError("a point would lie beyond all numbers", "place it inside the picture")
    cells = moment.model.admissible(cells)
    new = {name: _written(moment, name, cells[:, j]) for j, name in enumerate(data.names)}
    if data.table.info.get(ASIDE) in data.table.names:
        new[data.table.info[ASIDE]] = np.ones(m)
    if data.sequence is not None:
        kept = 0 if last is None else data.table.column(data.sequence).values[last]
        new[data.sequence] = np.full(m, kept)
    if data.time is not None:
        new[data.time] = _later(data.table.column(data.time).values[int(data.offsets[series]) : end], m)
    n = data.table.rows
    order = np.concatenate([np.arange(end), np.arange(n, n + m), np.arange(end, n)])
    resp = moment.snapshot.resp
    if resp is not None:
        resp = np.concatenate([resp, np.full((m, resp.shape[1]), np.nan, resp.dtype)])[order]
    return _with(moment, data.table.append(new).take(order), resp)


def erase(moment: Moment, rows: np.ndarray) -> Moment:
    """Steps at the end of their series taken away; others become steps that were not observed."""
    data = moment.data
    gone = np.zeros(data.n, bool)
    gone[rows] = True
    tail = np.zeros(data.n, bool)
    for first, end in zip(data.offsets[:-1].tolist(), data.offsets[1:].tolist(), strict=True):
        kept = np.flatnonzero(~gone[first:end])
        tail[(first + int(kept[-1]) + 1 if len(kept) else first) : end] = True
    hidden = np.flatnonzero(gone & ~tail)
    table = data.table
    for name in data.names:
        table = _set(table, name, hidden, np.full(len(hidden), np.nan if table.column(name).numeric else -1.0))
    resp = moment.snapshot.resp
    return _with(moment, table.take(np.flatnonzero(~tail)), None if resp is None else resp[~tail])


def _written(moment: Moment, name: str, x: np.ndarray) -> np.ndarray:
    """Cells as the table holds them: what the model reads as the number of a category is a level of a column of texts."""
    column = moment.data.table.column(name)
    if column.numeric:
        return x
    levels = [column.levels.index(c) if c in column.levels else -1 for c in moment.model.categories]  # type: ignore[attr-defined]
    return np.array(levels)[x.astype(int)]


def _set(table: Table, name: str, rows: np.ndarray, cells: np.ndarray) -> Table:
    """The table with these cells of a column of numbers."""
    if not len(rows):
        return table
    made: list[Column] = []
    for c in table.columns:
        if c.name == name:
            values = c.values.copy()
            values[rows] = cells
            c = replace(c, values=frozen(values))
        made.append(c)
    return replace(table, columns=tuple(made), sha256="")


def _later(times: np.ndarray, m: int) -> np.ndarray:
    """The times of `m` more steps, as far apart as the last two."""
    step = float(times[-1] - times[-2]) if len(times) > 1 else 1.0
    return (float(times[-1]) if len(times) else 0.0) + step * np.arange(1, m + 1)


def _with(moment: Moment, table: Table, carried: np.ndarray | None) -> Moment:
    """The moment on an edited table; `carried` (n, K) responsibilities to colour by, NaN for new rows."""
    old = moment.data
    roles = {name: getattr(old, name) for name in ("sequence", "time") if getattr(old, name) is not None}
    new = moment.model.dataset(table, old.origin or old.names, missing="marginal", truth=old.truth, **roles)
    if new.n == 0 or moment.snapshot.params is None:
        accelerate = moment.acceleration is not None
        return blank(new, moment.model, moment.start, moment.seed, moment.number, moment.how, accelerate)
    return edited(moment, data=new, carried=carried)
