"""Reads what a person hands over beside a table: model files, start parameters, start labels.

Every fault is a UserError that names the file and the place in it: `params.means[0][1]`, or row and column of broken JSON.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from emstudio import tables
from emstudio.core.data import Column, Table
from emstudio.core.errors import UserError
from emstudio.core.model import Model, Params, find
from emstudio.core.scaling import Scale
from emstudio.storage.documents import FORMAT, VERSION
from emstudio.tables.files import refusal

LARGEST = 1 << 30  # bytes of a document
_SHOWN = 40  # characters of a wrong value in a message


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A fitted model as read back; `columns`, `scale` and `sequence` are None where the file does not say."""

    path: str
    model: Model
    params: Params
    columns: tuple[str, ...] | None
    scale: Scale | None
    sequence: str | None = None


def read_model(path: str) -> ModelFile:
    """The model file `path`: a fit's own JSON, or one with its format, version, model and params. Raises UserError."""
    document = read_json(path)
    with named(path):
        if document.get("format") != FORMAT:
            raise UserError(f"format is {_shown(document.get('format'))}", f"give a file whose format is {FORMAT!r}")
        version = document.get("version")
        if version != VERSION or isinstance(version, bool):
            raise UserError(f"version is {_shown(version)}, and {VERSION} is known", "use a newer EM Studio")
        about = _part(document, "model", dict)
        cls = find(_part(about, "name", str, "model."))
        given = _part(about, "parameters", dict, "model.") if "parameters" in about else {}
        values = _params(document)
        sized = {"k": cls.components_in(values)} if any(p.name == "k" for p in cls.parameters()) else {}
        model = cls.make(**{**sized, **given})
        params = model.from_dict(values)
        data = document.get("data")
        data = {} if data is None else _part(document, "data", dict)
        sequence = _part(data, "sequence", str, "data.") if data.get("sequence") is not None else None
        return ModelFile(path, model, params, _columns(data), _scale(data), sequence)


def read_params(path: str) -> dict[str, Any]:
    """The `params` of the JSON file `path`, all of whose leaves are finite numbers. Raises UserError."""
    document = read_json(path)
    with named(path):
        return _params(document)


def read_labels(path: str, table: Table) -> tuple[np.ndarray, Table]:
    """((rows,) component of each row of `table`, -1 where the cell is empty; the table of labels). Raises UserError."""
    labels = tables.read(path)
    column = _label_column(labels, path)
    if labels.rows != table.rows:
        what = f"there are {labels.rows} labels for {table.rows} rows of data"
        raise UserError(what, "give one label for each row", file=path)
    if not column.numeric:
        row = next(i for i in range(labels.rows) if not column.missing[i])
        what = f"{_shown(column.text(row))} is not a label"
        raise UserError(what, "give integers from 0", file=path, row=labels.row_label(row), column=column.name)
    values = np.where(column.missing, -1.0, column.values)
    bad = np.flatnonzero(~column.missing & ((column.values < 0) | (values != np.floor(values)) | (values > 2**31)))
    if bad.size:
        row = int(bad[0])
        what = f"{column.values[row]:g} is not a label"
        raise UserError(what, "give integers from 0", file=path, row=labels.row_label(row), column=column.name)
    return values.astype(np.int64), labels


def start_labels(path: str, labels: np.ndarray, labels_table: Table, rows: np.ndarray, k: int) -> np.ndarray:
    """(n,) the labels of the used `rows`, each from 0 to k - 1 and every component with a row. Raises UserError."""
    used = labels[rows]
    bad = np.flatnonzero((used < 0) | (used >= k))
    if bad.size:
        row = int(rows[bad[0]])
        value = labels[row]
        what = "the label is missing" if value < 0 else f"the label {value} is not one of 0 to {k - 1}"
        raise UserError(what, "label every row that is fitted", file=path, row=labels_table.row_label(row))
    empty = np.flatnonzero(np.bincount(used, minlength=k) == 0)
    if empty.size:
        raise UserError(
            f"component {empty[0]} has no row", "give each of the components a row, or choose fewer", file=path
        )
    return used


def _label_column(table: Table, path: str) -> Column:
    if "label" in table.names:
        return table.column("label")
    if len(table.columns) == 1:
        return table.columns[0]
    raise UserError("there is no column 'label'", "name the column of labels so", file=path)


# -- JSON --------------------------------------------------------------------------------------------------------------
class _Twice(dict):
    """An object in which a key stands twice."""

    key = ""


@dataclass(frozen=True)
class _NoNumber:
    """A number that no double can hold, or NaN."""

    text: str


def read_json(path: str) -> dict[str, Any]:
    """The object in the JSON file `path`: no key twice, every number a finite double. Raises UserError."""
    try:
        text = _contents(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = error.object.count(b"\n", 0, error.start) + 1
        raise UserError("this is not UTF-8 text", "give a JSON file", file=path, row=row) from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_NoNumber,
            parse_float=_number,
            parse_int=_number,
        )
    except json.JSONDecodeError as error:
        what = f"this is not JSON ({error.msg[:1].lower()}{error.msg[1:]})"
        raise UserError(what, "correct it", file=path, row=error.lineno, column=error.colno) from None
    except RecursionError:
        raise UserError("the JSON is nested too deeply", "give a plain document", file=path) from None
    if not isinstance(value, dict):
        raise UserError("the JSON is not an object", 'give one with the key "params"', file=path)
    with named(path):
        _sound(value)
    return value


def _contents(path: str) -> bytes:
    if not path or "\0" in path:
        raise UserError("no file is named", "give the name of a JSON file", file=path or None)
    try:
        state = os.stat(path)
        if stat.S_ISDIR(state.st_mode):
            raise UserError("this is a folder", "give the name of a file", file=path)
        if not stat.S_ISREG(state.st_mode):
            raise UserError("this is not a regular file", "save it as a file first", file=path)
        if state.st_size > LARGEST:
            raise UserError("the file is larger than 1 GB", "give a JSON file with the model alone", file=path)
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise refusal(error, path) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    keys = [key for key, _ in pairs]
    twice = _Twice(made)
    twice.key = next(key for i, key in enumerate(keys) if key in keys[:i])
    return twice


def _number(text: str) -> Any:
    whole = not any(c in text for c in ".eE")
    if whole and len(text) < 300:
        return int(text)
    value = float(text)
    return value if math.isfinite(value) else _NoNumber(text)


def _sound(document: dict[str, Any]) -> None:
    """UserError naming the first key that stands twice and the first number that is none."""
    for place, value in _walk(document, ""):
        if isinstance(value, _Twice):
            raise UserError(f"the key {value.key!r} stands twice in {place or 'the object'}", "keep one of them")
        if isinstance(value, _NoNumber):
            raise UserError(f"{place} is {_short(value.text)}", "give a finite number")


def _walk(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Every value in the document with its place, the outer before the inner."""
    waiting = [(place, value)]
    while waiting:
        place, value = waiting.pop()
        yield place, value
        if isinstance(value, dict):
            waiting += [(f"{place}.{key}" if place else key, v) for key, v in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(f"{place}[{i}]", v) for i, v in reversed(list(enumerate(value)))]


def _params(document: dict[str, Any]) -> dict[str, Any]:
    params = _part(document, "params", dict)
    for place, value in _walk(params, "params"):
        if isinstance(value, (dict, list)):
            if not value:
                raise UserError(f"{place} is empty", "give its numbers")
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UserError(f"{place} is {_shown(value)}", "give a number")
    return params


def _part(document: dict[str, Any], key: str, kind: type, above: str = "") -> Any:
    names = {dict: "an object", str: "a text", list: "a list"}
    if key not in document:
        raise UserError(f"the key {above + key!r} is missing", f"add it: {names[kind]}")
    if not isinstance(document[key], kind):
        raise UserError(f"{above}{key} is {_shown(document[key])}", f"give {names[kind]}")
    return document[key]


def _columns(data: dict[str, Any]) -> tuple[str, ...] | None:
    if data.get("columns") is None:
        return None
    columns = _part(data, "columns", list, "data.")
    if not columns:
        raise UserError("data.columns is empty", "name the columns, or take the key away")
    for i, name in enumerate(columns):
        if not isinstance(name, str):
            raise UserError(f"data.columns[{i}] is {_shown(name)}", "give the name of a column")
        if name in columns[:i]:
            raise UserError(f"data.columns names {name!r} twice", "name each column once")
    return tuple(columns)


def _scale(data: dict[str, Any]) -> Scale | None:
    if data.get("scale") is None:
        return None
    scale = _part(data, "scale", dict, "data.")
    made = []
    for key in ("means", "sds"):
        values = _part(scale, key, list, "data.scale.")
        for i, v in enumerate(values):
            if isinstance(v, bool) or not isinstance(v, (int, float)) or (key == "sds" and not v > 0):
                raise UserError(f"data.scale.{key}[{i}] is {_shown(v)}", "give a number, for sds above 0")
        made.append(np.array(values, float))
    if len(made[0]) != len(made[1]):
        raise UserError("data.scale has not as many means as sds", "give one of each for every column")
    return Scale(*made)


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, bool):
        return str(value).lower()
    return _short(repr(value) if isinstance(value, str) else str(value))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


@contextmanager
def named(path: str) -> Iterator[None]:
    """Adds the file's name to a UserError that has none."""
    try:
        yield
    except UserError as error:
        error.file = error.file or path
        raise
