"""A fit in one call, and the pieces that a script is made of: the command line and exported scripts go this one way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from emstudio.core.data import Column, Dataset, Kind, Table, frozen
from emstudio.core.em import Moment, Snapshot, blank, evaluate
from emstudio.core.errors import UserError
from emstudio.core.how import EStep
from emstudio.core.model import Model, Start
from emstudio.core.runs import Tally, multi_start
from emstudio.core.stopping import Stopping


def fit(
    data: Dataset,
    model: Model,
    start: Start | str = "kmeans++",
    *,
    starts: int = 1,
    seed: int = 0,
    stopping: Stopping | None = None,
    how: EStep | None = None,
    accelerate: bool = False,
    on_collapse: str = "stop",
    keep_params: bool = False,
    watch: Callable[[Moment], bool] | None = None,
) -> Tally:
    """Fits `model` to `data` from `starts` starts, start i drawing from [seed, i]; `best` of the answer is the best run.

    `start` is a method such as `points`, or a start that is given (`from_params`, `from_labels`); `how` defaults to the
    model's own E-step; `keep_params`, `watch` and `on_collapse` are those of `runs.run`. Raises UserError where the model
    cannot be fitted to the data, or no start could be made.
    """
    stopping = stopping or Stopping()
    model = model.for_data(data)
    start = start if isinstance(start, Start) else Start(start)
    model.inspect(data)
    if stopping.max_iter > 0 or start.method != "params":  # given parameters can be evaluated on too few rows to fit
        problem = model.accepts(data)
        if problem:
            raise UserError(problem.rstrip("."), file=data.table.source or None)
    return multi_start(
        data,
        model,
        start,
        seed,
        starts,
        stopping,
        on_collapse,
        how=how or EStep(model.e_steps[0]),
        accelerate=accelerate,
        keep_params=keep_params,
        watch=watch,
    )


# -- given starts ------------------------------------------------------------------------------------------------------
def from_params(data: Dataset, model: Model, values: Mapping[str, Any]) -> Start:
    """The start with the parameters `values`, named as in the JSON of a fit. UserError where they fit neither."""
    model = model.for_data(data)
    params = model.from_dict(dict(values))
    model.check(data, params)
    return Start("params", params=params)


def from_labels(labels: Sequence[int] | np.ndarray) -> Start:
    """The start with row i of the dataset in component `labels[i]`, from 0; an M-step follows."""
    return Start("labels", labels=np.asarray(labels, np.int64))


# -- half-steps --------------------------------------------------------------------------------------------------------
def moment_at(
    data: Dataset,
    model: Model,
    values: Mapping[str, Any],
    *,
    t: int = 0,
    seed: int = 0,
    number: int = 0,
    how: EStep | None = None,
    accelerate: bool = False,
) -> Moment:
    """The moment with the parameters `values` after `t` iterations of start `number`; `advance` goes on from it.

    Parameters are taken as they are, as a hand may have left them.
    """
    start = Start("params", params=model.from_dict(dict(values)))
    before = blank(data, model, start, seed, number, how or EStep(model.e_steps[0]), accelerate)
    return evaluate(_with(before, Snapshot(t, "edit", start.params)))


def reordered(moment: Moment, order: Sequence[int]) -> Moment:
    """The moment with its components in another order: component i is what `order[i]` was."""
    s = moment.snapshot
    params = moment.model.permute(s.params, np.asarray(order, np.int64))
    return evaluate(_with(moment, Snapshot(s.t, s.phase, params)))


def _with(moment: Moment, snapshot: Snapshot) -> Moment:
    return replace(moment, snapshot=snapshot, ahead=None)


# -- tables ------------------------------------------------------------------------------------------------------------
def tabulated(
    columns: Mapping[str, Sequence[float | str | None]],
    name: str = "Table",
    kinds: Mapping[str, Kind] | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
) -> Table:
    """The table with these columns of equal length: numbers (NaN: missing) or texts (None: missing).

    `kinds` names what is not `number` or, of texts, `category`; `levels` the categories that are not all there or not in
    the order of their code points.
    """
    kinds, levels = kinds or {}, levels or {}
    made = []
    for key, cells in columns.items():
        kind: Kind = kinds.get(key) or ("category" if key in levels or _texts(cells) else "number")
        if kind in ("number", "count"):
            made.append(Column(key, kind, frozen(np.array(cells, np.float64))))
            continue
        known = tuple(levels.get(key) or sorted({c for c in cells if isinstance(c, str)}))
        codes = {level: i for i, level in enumerate(known)}
        values = np.array([-1 if c is None else codes[str(c)] for c in cells], np.int64)
        made.append(Column(key, kind, frozen(values), levels=known))
    return Table(name, tuple(made))


def _texts(cells: Sequence[float | str | None]) -> bool:
    return any(isinstance(c, str) for c in cells)
