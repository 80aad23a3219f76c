"""Edits of the data that a person makes on the canvas: pure functions from a moment to the moment after the edit.

Series stay series: rows are added behind the last step of the last one, and a step inside is not taken out but becomes
one that was not observed (`series_edits`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emstudio.core import series_edits
from emstudio.core.chain import Chain
from emstudio.core.data import ASIDE, Column, Dataset, Missing, Table, frozen
from emstudio.core.em import Moment, blank, edited
from emstudio.core.errors import UserError
from emstudio.core.model import Model


def add(moment: Moment, columns: Sequence[int], values: np.ndarray) -> Moment:
    """Rows added with `values` (m, len(columns)) in the fitted columns `columns`; other fitted columns get their mean."""
    data = moment.data
    if not len(values):
        return moment
    _finite(values)
    if isinstance(moment.model, Chain):
        return series_edits.append(moment, max(len(data.offsets) - 2, 0), list(columns), values)
    cells = np.repeat(data.x.mean(0)[None] if data.n else np.zeros((1, data.d)), len(values), axis=0)
    cells[:, list(columns)] = values
    cells = moment.model.admissible(cells)
    new = {name: cells[:, j] for j, name in enumerate(data.names)} | counting_once(data, len(values))
    n = data.table.rows
    table = moment.model.respelled(data, data.table.append(new), np.arange(n, n + len(values)))
    resp = moment.snapshot.resp
    carried = None
    if resp is not None:
        carried = np.concatenate([resp, np.full((len(values), resp.shape[1]), np.nan, resp.dtype)])
    return with_data(moment, table, carried)


def erase(moment: Moment, rows: np.ndarray) -> Moment:
    """The rows of the table `rows` taken away."""
    data = moment.data
    if isinstance(moment.model, Chain):
        return series_edits.erase(moment, np.searchsorted(data.rows, rows))
    gone = np.zeros(data.table.rows, bool)
    gone[rows] = True
    keep = ~gone[data.rows]
    resp = moment.snapshot.resp
    return with_data(moment, data.table.take(np.flatnonzero(~gone)), None if resp is None else resp[keep])


def move(moment: Moment, rows: np.ndarray, columns: Sequence[int], shift: Sequence[float]) -> Moment:
    """The rows of the table `rows` moved by `shift` in the fitted columns `columns`; what is missing stays missing."""
    data = moment.data
    names = [data.names[j] for j in columns]
    at = np.searchsorted(data.rows, rows)
    cells = data.x[at]
    cells[:, list(columns)] += shift
    _finite(cells)
    cells = moment.model.admissible(cells)
    if data.mask is not None:
        cells[data.mask[at]] = np.nan
    made: list[Column] = []
    for c in data.table.columns:
        if c.name in names and c.numeric:
            values = c.values.copy()
            values[rows] = cells[:, columns[names.index(c.name)]]
            made.append(replace(c, kind="number", values=frozen(values)))
        else:
            made.append(c)
    table = moment.model.respelled(data, replace(data.table, columns=tuple(made), sha256=""), rows)
    return with_data(moment, table, moment.snapshot.resp)


def clear(moment: Moment) -> Moment:
    """All rows taken away; the fit goes with them."""
    return with_data(moment, moment.data.table.take(np.empty(0, int)), None)


def with_data(moment: Moment, table: Table, carried: np.ndarray | None) -> Moment:
    """The moment on an edited table; `carried` (n, K) responsibilities to colour by, NaN for new rows, or None."""
    old = moment.data
    table = replace(table, sha256="")  # no file holds these rows
    beside = roles(moment.model, old)
    missing: Missing = "marginal" if isinstance(moment.model, Chain) or old.mask is not None else "drop"
    new: Dataset = moment.model.dataset(table, old.origin or old.names, missing=missing, truth=old.truth, **beside)
    if new.n == 0 or moment.snapshot.params is None:
        accelerate = moment.acceleration is not None
        return blank(new, moment.model, moment.start, moment.seed, moment.number, moment.how, accelerate)
    return edited(moment, data=new, carried=carried)


def roles(model: Model, data: Dataset) -> dict[str, str | None]:
    """The columns that tell and order the series of `data`, or weigh its rows, as keywords of `model.dataset`.

    A chain knows no weights: the column that weighed the rows before waits in its table until another model comes.
    """
    if isinstance(model, Chain):
        return {"sequence": data.sequence, "time": data.time}
    name = data.weighing if data.series is None else data.table.info.get(ASIDE)
    return {"weights": name} if name is not None and name not in (*data.names, *data.origin) else {}


def counting_once(data: Dataset, m: int) -> dict[str, np.ndarray]:
    """The cells of `m` new rows in the column that weighs them: ones; {} where none does."""
    return {} if data.weighing is None else {data.weighing: np.ones(m)}


def _finite(values: np.ndarray) -> None:
    if not np.isfinite(values).all():
        raise UserError("a point would lie beyond all numbers", "place it inside the picture")
