"""A session as the document and the arrays of its file; what many moments share is written once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from emstudio.core.accelerate import Acceleration
from emstudio.core.data import Column, Dataset, Table
from emstudio.core.history import Node
from emstudio.core.how import EStep
from emstudio.core.model import Model, Params, Start
from emstudio.storage import session_format as form

CARRIED = 64 << 20  # bytes of colours carried over from before an edit; those of the node shown are kept first
T = TypeVar("T")


class Shared:
    """A list in which a thing stands once, found by what it is."""

    def __init__(self, make: Callable[[Any], Any]):
        self._make = make
        self._places: dict[object, int] = {}
        self._alive: list[object] = []  # what is known by its id must not make room for another
        self.entries: list[Any] = []

    def place(self, thing: object, key: object = None) -> int:
        """Where `thing` stands; two with one `key` (their identity, where none is given) are the same."""
        key = id(thing) if key is None else key
        if key not in self._places:
            entry = self._make(thing)
            self._places[key] = len(self.entries)
            self.entries.append(entry)
            self._alive.append(thing)
        return self._places[key]


class Writer:
    """Collects what the nodes of a history hold."""

    def __init__(self) -> None:
        self.arrays = Shared(lambda array: array)
        self.tables = Shared(self._table)
        self.data = Shared(self._data)
        self.models = Shared(_model)
        self.hows = Shared(how_entry)
        self.starts = Shared(self._start)
        self.params = Shared(lambda pair: form.ParamsEntry(self._model(pair[0]), values_of(*pair)))
        self._pairs: dict[int, tuple[Model, Params]] = {}
        self._carried = CARRIED

    def nodes(self, nodes: Sequence[Node], current: Node) -> list[form.NodeEntry]:
        """An entry for every node; the colours of `current` come first in what is kept of them."""
        kept = {n.index for n in (current, *(n for n in reversed(nodes) if n is not current)) if self._keeps(n)}
        return [self._node(n, n.index in kept) for n in nodes]

    def _keeps(self, node: Node) -> bool:
        carried = node.moment.snapshot.carried
        if carried is None or carried.nbytes > self._carried or len(carried) != node.moment.data.n:
            return False
        self._carried -= carried.nbytes
        return True

    def _node(self, node: Node, coloured: bool) -> form.NodeEntry:
        m, s = node.moment, node.moment.snapshot
        return form.NodeEntry(
            data=self.data.place(m.data),
            model=self._model(m.model),
            start=self.start(m.model, m.start),
            parent=None if node.parent is None else node.parent.index,
            cause=node.cause,  # type: ignore[arg-type]
            title=node.title,
            gesture=node.gesture,
            how=self.hows.place(m.how, m.how),
            seed=m.seed,
            number=m.number,
            t=s.t,
            phase=s.phase,  # type: ignore[arg-type]
            params=None if s.params is None else self._params(m.model, s.params),
            log_likelihood=_finite(s.log_likelihood),
            bound=_finite(s.bound),
            cost=_finite(s.cost),
            posterior=s.posterior is not None,
            carried=self.array(s.carried) if coloured else None,
            cast=list(m.cast),
            acceleration=_acceleration(m.acceleration),
            children=[c.index for c in node.children] if len(node.children) > 1 else [],
        )

    def start(self, model: Model, start: Start) -> int:
        """The place of a start, whose parameters, where it gives some, are those of `model`."""
        self._pairs[id(start)] = (model, start.params)
        return self.starts.place(start)

    def array(self, values: np.ndarray | None) -> int | None:
        """The number of an array."""
        return None if values is None else self.arrays.place(values)

    # -- inside ----------------------------------------------------------------------------------------------------------
    def _model(self, model: Model) -> int:
        return self.models.place(model, (type(model), model))

    def _params(self, model: Model, params: Params) -> int:
        return self.params.place((model, params), self._key(model, params))

    def _key(self, model: Model, params: Params) -> object:
        """Parameters are the same by identity, and as those of one model."""
        self._pairs[id(params)] = (model, params)  # keeps them alive, so that their id stays theirs
        return id(params), self._model(model)

    def _start(self, start: Start) -> form.StartEntry:
        model, params = self._pairs[id(start)]
        labels = None if start.labels is None else self.array(np.asarray(start.labels, np.int64))
        return form.StartEntry(start.method, labels, None if params is None else self._params(model, params))

    def _table(self, table: Table) -> form.TableEntry:
        return form.TableEntry(
            table.name,
            [self._column(c) for c in table.columns],
            table.source,
            table.sha256,
            plain(table.info),
            list(table.notices),
            None if table.lines is None else self.array(np.asarray(table.lines, np.int64)),
        )

    def _column(self, column: Column) -> form.ColumnEntry:
        values = self.arrays.place(column.values)
        levels = list(column.levels)
        return form.ColumnEntry(column.name, column.kind, values, column.unit, levels, column.fit, column.label)

    def _data(self, data: Dataset) -> form.DataEntry:
        every = np.array_equal(data.rows, np.arange(data.table.rows))
        left = np.setdiff1d(np.arange(data.table.rows), data.rows, assume_unique=True)
        return form.DataEntry(
            table=self.tables.place(data.table),
            names=list(data.names),
            x=None if _as_in_table(data) else self.array(data.x),
            rows=None if every else self.array(np.asarray(data.rows, np.int64)),
            dropped=None if np.array_equal(left, data.dropped) else self.array(np.asarray(data.dropped, np.int64)),
            weights=self.array(data.weights),
            truth=data.truth,
            origin=list(data.origin),
            mask=self.array(data.mask),
            series=None if data.series is None else self.array(np.asarray(data.series, np.int64)),
            sequence=data.sequence,
            time=data.time,
            weighing=data.weighing,
        )


def _as_in_table(data: Dataset) -> bool:
    """Whether `x` is nothing but the columns of its names."""
    if data.mask is not None or not set(data.names) <= set(data.table.names):
        return False
    columns = data.columns
    return all(c.numeric for c in columns) and all(
        np.array_equal(c.values[data.rows], data.x[:, j]) for j, c in enumerate(columns)
    )


def _model(model: Model) -> form.ModelEntry:
    values = {p.name: plain(getattr(model, p.name)) for p in model.parameters()}
    return form.ModelEntry(model.name, values, {name: plain(getattr(model, name)) for name in model.learns})


def values_of(model: Model, params: Params) -> dict[str, Any]:
    """Parameters as in a model file; what only the data will decide (not a number so far) is left out."""
    found = model.to_dict(params)
    return {key: value for key, value in found.items() if not _undecided(value)}


def _undecided(value: Any) -> bool:
    if isinstance(value, dict):
        return False
    numbers = np.asarray(value, float)
    return numbers.size > 0 and bool(np.isnan(numbers).all())


def how_entry(how: EStep) -> form.HowEntry:
    return form.HowEntry(how.kind, how.temperature, how.draws, how.sweeps, how.burn_in, how.alternate)


def _acceleration(state: Acceleration | None) -> form.AccelerationEntry | None:
    if state is None:
        return None
    estimates = [_finite(e) for e in state.estimates]
    return form.AccelerationEntry(state.cap, list(state.lengths), list(state.levels), estimates)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def plain(value: Any) -> Any:
    """`value` with lists for tuples and arrays, and Python's own numbers."""
    if isinstance(value, dict):
        return {str(key): plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return value
