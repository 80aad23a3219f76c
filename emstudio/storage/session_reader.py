"""The moments of a session file: everything is checked before anything is shown, and every fault is one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np

import emstudio.models  # noqa: F401  (fills the registry)
from emstudio.core.accelerate import Acceleration
from emstudio.core.data import Column, Dataset, Table, frozen
from emstudio.core.em import Moment, Snapshot
from emstudio.core.errors import UserError
from emstudio.core.history import History
from emstudio.core.how import EStep
from emstudio.core.model import REGISTRY, Model, Params, Start
from emstudio.storage import session_format as form
from emstudio.storage.archive import DAMAGED, REMEDY, Unpacked

T = TypeVar("T")
_STARTS = ("labels", "params")


class Builder:
    """Makes the parts of a session in the order in which they need each other."""

    def __init__(self, entry: form.SessionEntry, unpacked: Unpacked):
        self._entry, self._unpacked = entry, unpacked
        self.tables = [self._table(t, f"tables[{i}]") for i, t in enumerate(entry.tables)]
        self.data = [self._data(d, f"data[{i}]") for i, d in enumerate(entry.data)]
        self.models = [_model(m, f"models[{i}]") for i, m in enumerate(entry.models)]
        self.hows = [how_of(h) for h in entry.hows]
        self.params = [self._params(p, f"params[{i}]") for i, p in enumerate(entry.params)]
        self.starts = [self._start(s, f"starts[{i}]") for i, s in enumerate(entry.starts)]

    def history(self) -> History:
        """The tree with its current node; responsibilities are not made yet."""
        history = History()
        for i, n in enumerate(self._entry.nodes):
            place = f"nodes[{i}]"
            if n.parent is not None and n.parent >= i:
                raise fault(f"{place}.parent is {n.parent}", "a node follows its parent")
            if n.parent is None and n.cause == "step":
                raise fault(f"{place} is a step", "but it follows no other node")
            history.current = None if n.parent is None else history.nodes[n.parent]
            history.add(self._moment(n, place), n.cause, n.title, n.gesture)
        for i, n in enumerate(self._entry.nodes):
            if n.children:
                node = history.nodes[i]
                if sorted(n.children) != [c.index for c in node.children]:
                    raise fault(f"nodes[{i}].children are not the nodes that follow it", "")
                node.children[:] = [history.nodes[c] for c in n.children]
        history.current = at(history.nodes, self._entry.current, "current")
        return history

    # -- moments ---------------------------------------------------------------------------------------------------------
    def _moment(self, n: form.NodeEntry, place: str) -> Moment:
        data = at(self.data, n.data, f"{place}.data")
        model = at(self.models, n.model, f"{place}.model")
        params = self._own(n, model, data, place)
        if (params is None) != (n.phase == "data") or (n.posterior and n.phase not in ("E", "M", "edit")):
            raise fault(f"{place} has the phase {n.phase!r}", "which its parameters contradict")
        if len(set(n.cast)) != len(n.cast) or (n.cast and len(n.cast) != model.k):
            raise fault(f"{place}.cast does not name each component once", "")
        snapshot = Snapshot(
            n.t, n.phase, params, None, n.bound, n.log_likelihood, self._carried(n, model, data, place), n.cost
        )
        how = at(self.hows, n.how, f"{place}.how")
        if how.kind not in model.e_steps:
            raise fault(f"{place}.how is {how.kind!r}", f"no E-step of {model.title}")
        if n.acceleration is not None and not model.accelerates:
            raise fault(f"{place} is accelerated", f"which {model.title} cannot be")
        start = at(self.starts, n.start, f"{place}.start")
        acceleration = _acceleration(n.acceleration)
        return Moment(data, model, start, n.seed, snapshot, n.number, how, None, acceleration, tuple(n.cast))

    def _own(self, n: form.NodeEntry, model: Model, data: Dataset, place: str) -> Params | None:
        """The node's parameters, which must be those of its model and its data."""
        if n.params is None:
            return None
        params = at(self.params, n.params, f"{place}.params")
        if self.models[self._entry.params[n.params].model] != model:
            raise fault(f"{place}.params are those of another model", "")
        _alike(model, data, params, f"{place}.params")
        return params

    def _carried(self, n: form.NodeEntry, model: Model, data: Dataset, place: str) -> np.ndarray | None:
        carried = self._array(n.carried, f"{place}.carried", "f", 2)
        if carried is not None and (len(carried) != data.n or n.phase != "edit"):
            raise fault(f"{place}.carried has {len(carried)} rows for {data.n} of data", "")
        return carried

    # -- what moments share ----------------------------------------------------------------------------------------------
    def _params(self, entry: form.ParamsEntry, place: str) -> Params:
        model = at(self.models, entry.model, f"{place}.model")
        try:
            return model.from_dict(entry.values)
        except UserError as error:
            raise fault(f"{place}: {error.what}", "") from None

    def _start(self, entry: form.StartEntry, place: str) -> Start:
        if entry.method in _STARTS:
            given = entry.labels if entry.method == "labels" else entry.params
            if given is None:
                raise fault(f"{place} gives no {entry.method}", "")
        elif entry.method not in {m for model in self.models for m in model.starts}:
            raise fault(f"{place}.method is {entry.method!r}", "which no model starts by")
        labels = self._array(entry.labels, f"{place}.labels", "i", 1)
        params = None if entry.params is None else at(self.params, entry.params, f"{place}.params")
        return Start(entry.method, labels, params)

    def _table(self, entry: form.TableEntry, place: str) -> Table:
        columns = [self._column(c, f"{place}.columns[{j}]") for j, c in enumerate(entry.columns)]
        if len({len(c.values) for c in columns}) > 1:
            raise fault(f"{place} has columns of several lengths", "")
        if len({c.name for c in columns}) < len(columns):
            raise fault(f"{place} has two columns of one name", "")
        lines = self._array(entry.lines, f"{place}.lines", "i", 1)
        if lines is not None and (not columns or len(lines) != len(columns[0].values)):
            raise fault(f"{place}.lines are not as many as its rows", "")
        try:
            msgspec.convert(entry.info, form.Facts)
        except msgspec.ValidationError:
            raise fault(f"{place}.info is not what a reader of tables finds out", "") from None
        notices = tuple(entry.notices)
        return Table(entry.name, tuple(columns), entry.source, entry.sha256, entry.info, notices, lines)

    def _column(self, entry: form.ColumnEntry, place: str) -> Column:
        numeric = entry.kind in ("number", "count")
        values = self._array(entry.values, place, "f" if numeric else "i", 1)
        assert values is not None
        if numeric and np.isinf(values).any():
            raise fault(f"{place} holds an infinite number", "")
        if not numeric and values.size and not (values.min() >= -1 and values.max() < len(entry.levels)):
            raise fault(f"{place} holds a text that is not among its levels", "")
        levels = tuple(entry.levels)
        return Column(entry.name, entry.kind, values, entry.unit, levels, entry.fit, entry.label)

    def _data(self, entry: form.DataEntry, place: str) -> Dataset:
        table = at(self.tables, entry.table, f"{place}.table")
        rows = self._rows(entry.rows, table, f"{place}.rows")
        if rows is None:
            rows = frozen(np.arange(table.rows))
        dropped = self._rows(entry.dropped, table, f"{place}.dropped")
        if dropped is None:
            dropped = frozen(np.setdiff1d(np.arange(table.rows), rows, assume_unique=True))
        x = self._array(entry.x, f"{place}.x", "f", 2)
        if x is None:
            x = _columns_of(table, entry.names, rows, place)
        weights = self._array(entry.weights, f"{place}.weights", "f", 1)
        mask = self._array(entry.mask, f"{place}.mask", "b", 2)
        series = self._array(entry.series, f"{place}.series", "i", 1)
        if x.shape != (len(rows), len(entry.names)) or not np.isfinite(x).all():
            raise fault(f"{place}.x is not a table of {len(rows)} rows and {len(entry.names)} columns of numbers", "")
        if mask is not None and mask.shape != x.shape:
            raise fault(f"{place}.mask is not of the shape of x", "")
        if weights is not None and not (len(weights) == len(rows) and (weights >= 0).all() and weights.sum() < np.inf):
            raise fault(f"{place}.weights are not as many numbers of 0 or more as there are rows", "")
        if series is not None and not _offsets(series, len(rows)):
            raise fault(f"{place}.series are not where series begin", "")
        for name in (entry.truth, entry.sequence, entry.time, entry.weighing, *entry.origin):
            if name is not None and name not in table.names:
                raise fault(f"{place} names the column {name!r}", "which its table does not have")
        if (entry.weighing is None) != (weights is None) or entry.weighing in (*entry.names, *entry.origin):
            raise fault(f"{place}.weighing is {entry.weighing!r}", "which its weights contradict")
        return Dataset(
            table,
            tuple(entry.names),
            x,
            rows,
            dropped,
            weights,
            entry.truth,
            tuple(entry.origin),
            mask,
            series,
            entry.sequence,
            entry.time,
            entry.weighing,
        )

    def _rows(self, number: int | None, table: Table, place: str) -> np.ndarray | None:
        rows = self._array(number, place, "i", 1)
        if rows is not None and rows.size and not (rows.min() >= 0 and rows.max() < table.rows):
            raise fault(f"{place} names a row that the table does not have", "")
        if rows is not None and len(np.unique(rows)) < len(rows):
            raise fault(f"{place} names a row twice", "")
        return rows

    def _array(self, number: int | None, place: str, kind: str, ndim: int) -> np.ndarray | None:
        if number is None:
            return None
        found = self._unpacked.array(number)
        if found.dtype.kind != kind or found.ndim != ndim:
            raise fault(f"the array {number} is not what {place} needs", "")
        return found


def settings_start(builder: Builder, number: int) -> Start:
    """The start that the settings name."""
    return at(builder.starts, number, "settings.start")


def how_of(entry: form.HowEntry) -> EStep:
    """The kind of E-step. UserError where there is no such."""
    try:
        return EStep(entry.kind, entry.temperature, entry.draws, entry.sweeps, entry.burn_in, entry.alternate)
    except UserError as error:
        raise fault(error.what, "") from None


def at(things: Sequence[T], number: int, place: str) -> T:
    """The thing at a place; UserError where there is none."""
    if number >= len(things):
        raise fault(f"{place} is {number}", f"and there are {len(things)}")
    return things[number]


def fault(what: str, why: str) -> UserError:
    """A contradiction inside the file."""
    return UserError(f"{DAMAGED}: {what}" + (f", {why}" if why else ""), REMEDY)


def _model(entry: form.ModelEntry, place: str) -> Model:
    cls = REGISTRY.get(entry.name)
    if cls is None:
        raise UserError(f"the session holds the model {entry.name!r}, which is not known", "use a newer EM Studio")
    wrong = [n for n in entry.learned if n not in cls.learns] + [n for n in entry.parameters if n in cls.learns]
    if wrong or any(isinstance(v, str) for v in entry.learned.values()):
        raise fault(f"{place} holds what {cls.title} does not learn", "")
    try:
        return cls.make(**entry.parameters, **entry.learned)
    except UserError as error:
        raise fault(f"{place}: {error.what}", "") from None


def _acceleration(entry: form.AccelerationEntry | None) -> Acceleration | None:
    if entry is None:
        return None
    estimates = tuple(math.inf if e is None else e for e in entry.estimates)
    return Acceleration(entry.cap, tuple(entry.lengths), tuple(entry.levels), estimates)


def _columns_of(table: Table, names: Sequence[str], rows: np.ndarray, place: str) -> np.ndarray:
    """(n, d) the columns of a table, as data that are nothing else."""
    columns = [table.column(name) for name in names]
    if not columns or not all(c.numeric for c in columns):
        raise fault(f"{place} has no columns of numbers", "")
    return frozen(np.ascontiguousarray(np.stack([c.values[rows] for c in columns], axis=1)))


def _offsets(series: np.ndarray, n: int) -> bool:
    return len(series) > 0 and series[0] == 0 and series[-1] == n and bool((np.diff(series) >= 0).all())


def _alike(model: Model, data: Dataset, params: Params, place: str) -> None:
    """UserError where parameters cannot be those of the model on these data."""
    if getattr(model, "k", None) is not None and len(model.stacked(params)[0]) != model.k:
        raise fault(f"{place} are those of another number of components", "")
    try:
        model.check(data, params)
    except UserError as error:
        raise fault(f"{place}: {error.what}", "") from None


def decoded(entry: Any) -> form.SessionEntry:
    """The document checked against its types. UserError naming the first place that is not as it should be."""
    found, version = entry.get("format"), entry.get("version")
    if found != form.FORMAT:
        raise UserError("this is not a session of EM Studio", "choose a file that its Save session wrote")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise fault("its version is not a number", "")
    if version > form.VERSION:
        raise UserError(f"the session is of version {version}, and {form.VERSION} is known", "use a newer EM Studio")
    try:
        return msgspec.convert(entry, form.SessionEntry)
    except (msgspec.ValidationError, RecursionError) as error:
        said = str(error)
        raise fault(said[:1].lower() + said[1:], "") from None
