"""The bundled data sets: measurements with their sources, declared in `resources/datasets/index.json`.

index()                 what there is
load("old-faithful")    the Table, with units, the columns that are fitted and the one that holds the truth
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from emstudio.core.data import Column, Table, frozen
from emstudio.core.errors import UserError
from emstudio.resource import resource


@dataclass(frozen=True)
class ColumnInfo:
    """A declared column. `kind` is "" where the values decide; `about` says in a few words what was measured.

    `label` is its name on axes and in tables, "" where the name without underscores will do.
    """

    name: str
    unit: str = ""
    kind: str = ""
    fit: bool = True
    about: str = ""
    label: str = ""


@dataclass(frozen=True)
class DatasetInfo:
    """A bundled data set: `name` is that of `dataset:NAME`, `short` the title where there is little room,
    `kind` is measurements, series, coins, counts or mixed.

    `truth` names the column with the known labels, "" without one; `rows_are` says what a row is; `model` is the one to
    open it with, {"name": ...} and its parameters, where the one in use will not do, and `start` what to start with: a
    method, or the parameters of that model.
    Of series, `sequence` names the column that tells them apart and `time` the one that orders their rows, "" without one.
    """

    name: str
    file: str
    title: str
    kind: str
    description: str
    source: str
    columns: tuple[ColumnInfo, ...]
    truth: str = ""
    rows_are: str = "rows"
    model: dict = field(default_factory=dict)
    start: str | dict = ""
    short: str = ""
    sequence: str = ""
    time: str = ""


@cache
def index() -> tuple[DatasetInfo, ...]:
    """All bundled data sets, the best known first."""
    entries = json.loads(resource("datasets/index.json").read_text(encoding="utf-8"))
    return tuple(info(e) for e in entries)


def info(entry: dict) -> DatasetInfo:
    """The DatasetInfo of an entry of the index; its name is the file's with hyphens."""
    columns = tuple(ColumnInfo(**c) for c in entry["columns"])
    name = entry["file"].removesuffix(".csv").replace("_", "-")
    return DatasetInfo(**(entry | {"name": name, "columns": columns}))


def find(name: str) -> DatasetInfo:
    """The data set `name`. UserError where there is none."""
    found = next((i for i in index() if i.name == name.lower().replace("_", "-")), None)
    if found is None:
        have = ", ".join(i.name for i in index())
        raise UserError(f"there is no bundled data set {name!r}", f"choose from: {have}")
    return found


def load(name: str) -> Table:
    """The table of the data set `name` (`old-faithful`). UserError where there is none."""
    from emstudio import tables

    entry = find(name)
    table = tables.read(str(resource(f"datasets/{entry.file}")))
    columns = tuple(declared(c, about) for c, about in zip(table.columns, entry.columns, strict=True))
    more = {
        "title": entry.title,
        "description": entry.description,
        "citation": entry.source,
        "truth": entry.truth or None,
        "rows_are": entry.rows_are,
        "model": entry.model or None,
        "start": entry.start or None,
        "sequence": entry.sequence or None,
        "time": entry.time or None,
    }
    return replace(
        table, name=entry.title, source=f"dataset:{entry.name}", columns=columns, info=table.info | more, notices=()
    )


def declared(column: Column, about: ColumnInfo) -> Column:
    """The column with its declared unit, kind, use and label."""
    if column.name != about.name:
        raise ValueError(f"the index declares {about.name!r} where the file has {column.name!r}")
    if about.kind == "category" and column.numeric:
        column = as_category(column)
    label = about.label or column.name.replace("_", " ")
    return replace(column, unit=about.unit, fit=about.fit, kind=about.kind or column.kind, label=label)


def as_category(column: Column) -> Column:
    """A column of numbers that are names, as a category."""
    present = ~column.missing
    numbers, codes = np.unique(column.values[present], return_inverse=True)
    values = np.full(len(column.values), -1, np.int64)
    values[present] = codes
    return Column(column.name, "category", frozen(values), levels=tuple(f"{v:.17g}" for v in numbers))
