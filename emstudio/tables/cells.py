"""From cells to columns: names, numbers, texts, and the sentence for a cell that fits nowhere."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from emstudio.core.data import Column, Kind, frozen
from emstudio.core.errors import UserError, short
from emstudio.tables.marks import (
    MISSING_TEXT,
    Ambiguous,
    Marks,
    common_unit,
    find_marks,
    is_missing,
    looks_numeric,
    number,
    parted,
    shown,
    tidy,
)

TOSSES = re.compile(r"[HhTt\s]*[HhTt][HhTt\s]*")
ORDER_NAMES = frozenset({"", "id", "index", "row", "no", "nr", "obs", "unnamed: 0"})
EXACT, DIGITS = 2.0**53, 1e25  # whole numbers between were written with digits that a double does not hold
MOST_COLUMNS = 16_384  # as many as a sheet of Excel has

Cells = list[str] | np.ndarray  # one column: texts, or float64 with NaN for a missing cell


@dataclass
class Raw:
    """What a format's reader found: the header's names (None without a header) and the cells, column by column.

    `place(row, column)` gives UserError's `row` and `column` of a cell, both counted from 0; `header` is the header's
    own place. With `typed` a column of text stays text however many of its cells are numbers: the file said so. In the
    columns `pointed` the decimal mark is known to be a point.
    """

    names: list[str] | None
    cells: list[Cells]
    place: Callable[[int, int], dict]
    file: str
    header: dict = field(default_factory=dict)
    delimiter: str | None = None
    typed: bool = False
    pointed: frozenset[int] = frozenset()


@dataclass
class Built:
    """The finished columns, each one's place among those of the file, and what was remarked on the way."""

    columns: tuple[Column, ...]
    origin: tuple[int, ...]
    marks: Marks
    notices: list[str]


def build(raw: Raw) -> Built:
    """The columns of `raw`. Raises UserError for faulty names and cells, and where nothing is left."""
    refuse_size(raw)
    notices: list[str] = []
    names = column_names(raw, notices)
    headers = [n.strip() for n in raw.names] if raw.names is not None else None
    marks, values = interpret(raw)
    columns, origin, empty = [], [], []
    for j, cells in enumerate(values):
        column = make_column(names[j], cells)
        if column.missing.all():
            empty += [names[j]] if headers is None or headers[j] else []
            continue
        numbers_rows = headers is not None and headers[j].lower() in ORDER_NAMES and counts_up(column)
        columns.append(replace(column, fit=False) if numbers_rows else column)
        origin.append(j)
    if not columns:
        raise UserError("no cell holds a value", "choose a file with at least one column of numbers", file=raw.file)
    notices += remarks(columns, None if headers is None else [headers[j] for j in origin])
    if empty:
        notices.append(f"left out, for they have no values: {some(empty)}")
    if marks.thousands:
        notices.append(f"{marks.thousands!r} was read as separator of thousands, {marks.decimal!r} as decimal mark")
    return Built(tuple(columns), tuple(origin), marks, notices)


def refuse_size(raw: Raw) -> None:
    d = len(raw.cells)
    if d > MOST_COLUMNS:
        raise UserError(
            f"there are {d:,} columns, more than the {MOST_COLUMNS:,} that can be read",
            "check the delimiter and line ends",
            file=raw.file,
        )
    if not d or not len(raw.cells[0]):
        what = "there is a header but no row below it" if raw.names else "there are no rows"
        raise UserError(what, "choose a file with at least one row of values", file=raw.file)


def column_names(raw: Raw, notices: list[str]) -> list[str]:
    """A name for every column: x1..xd without a header, `column N` for an empty name. UserError where two are alike."""
    if raw.names is None:
        return [f"x{j + 1}" for j in range(len(raw.cells))]
    names = [n.replace("\ufeff", "").strip() or f"column {j + 1}" for j, n in enumerate(raw.names)]
    first: dict[str, int] = {}
    for j, name in enumerate(names):
        if name in first:
            what = f"columns {first[name] + 1} and {j + 1} are both named {shown(name)}"
            raise UserError(what, "rename one of them", file=raw.file, **raw.header)
        first[name] = j
    unnamed = [names[j] for j, n in enumerate(raw.names) if not n.strip() and not wholly_missing(raw.cells[j])]
    if unnamed:
        notices.append(f"without a name in the header, called: {some(unnamed)}")
    return names


def wholly_missing(cells: Cells) -> bool:
    return bool(np.isnan(cells).all()) if isinstance(cells, np.ndarray) else all(map(is_missing, cells))


def some(names: Sequence[str], most: int = 5) -> str:
    """A few names of a list, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(short, names[:most])) + more


def interpret(raw: Raw) -> tuple[Marks, list[Cells]]:
    """How numbers are written, and every column as numbers where its cells are numbers."""
    values: list[Cells] = [plain_numbers(c) for c in raw.cells]
    counts = {j: Counter(raw.cells[j]) for j, v in enumerate(values) if isinstance(v, list)}
    marks = marks_of(raw, {j: c for j, c in counts.items() if j not in raw.pointed})
    for j, v in enumerate(values):
        if isinstance(v, list):
            values[j] = mostly_numbers(raw, j, counts[j], Marks() if j in raw.pointed else marks)
        elif marks.decimal == "," and isinstance(raw.cells[j], list) and j not in raw.pointed:
            values[j] = decimal_commas(raw, j, marks)
    for j, v in enumerate(values):
        if isinstance(v, np.ndarray):
            refuse_infinite(raw, j, v)
    return marks, values


def plain_numbers(cells: Cells) -> Cells:
    """The cells as float64 if each is a number with a decimal point or a NaN; else the cells as they are."""
    if isinstance(cells, np.ndarray):
        return cells
    try:
        values = np.array(list(map(float, cells)))
    except ValueError:
        return cells
    return cells if "_" in "".join(cells) else values  # Python takes 1_000 for a number, people do not


def marks_of(raw: Raw, counts: dict[int, Counter]) -> Marks:
    """How numbers are written, from the columns that are mostly numbers in some way of writing."""
    candidates: dict[str, int] = {}  # distinct cell: column
    for j, count in counts.items():
        fits = sum(n for c, n in count.items() if looks_numeric(tidy(c)))
        blank = sum(n for c, n in count.items() if is_missing(c))
        if fits and 2 * fits >= len(raw.cells[j]) - blank:
            candidates.update(dict.fromkeys(count, j))
    try:
        return find_marks(candidates, raw.delimiter)
    except Ambiguous as e:
        j = candidates[e.cell]
        remedy = "write numbers without separators of thousands, and with one decimal mark"
        where = raw.place(raw.cells[j].index(e.cell), j)
        raise UserError(
            f"{shown(e.cell)} cannot be read for certain: {e.why}", remedy, file=raw.file, **where
        ) from None


def mostly_numbers(raw: Raw, j: int, count: Counter, marks: Marks) -> Cells:
    """Column j as numbers if all its cells are; the cells if text prevails; UserError for a stray text among numbers."""
    meaning = {cell: number(cell, marks) for cell in count}
    texts = sum(n for cell, n in count.items() if meaning[cell] is None)
    cells = raw.cells[j]
    if not texts:
        return np.array([meaning[c] for c in cells], np.float64)
    numbers = sum(n for cell, n in count.items() if meaning[cell] is not None and not math.isnan(meaning[cell]))
    if raw.typed or numbers < texts:
        return cells
    row = next(i for i, c in enumerate(cells) if meaning[c] is None)
    raise UserError(
        f"{shown(cells[row].strip())} is not a number{why_not(cells[row], marks)}",
        "correct the cell, or leave it empty if the value is missing",
        file=raw.file,
        **raw.place(row, j),
    )


def why_not(cell: str, marks: Marks) -> str:
    """What may be the matter with a cell that is no number."""
    text = tidy(cell)
    if marks.decimal == "," and "." in text and looks_numeric(text):
        return ", for the decimal mark of this file is a comma"
    if common_unit([cell]):
        return " because of its sign or unit"
    return ", though most of its column is numbers"


def decimal_commas(raw: Raw, j: int, marks: Marks) -> np.ndarray:
    """Column j, all of whose cells are numbers with a point or none, in a file with decimal commas."""
    meaning = {cell: number(cell, marks) for cell in set(raw.cells[j])}
    row = next((i for i, c in enumerate(raw.cells[j]) if meaning[c] is None), None)
    if row is not None:
        what = f"{shown(raw.cells[j][row].strip())} has a decimal point, while other numbers of the file have decimal commas"
        raise UserError(what, "write all numbers alike", file=raw.file, **raw.place(row, j))
    return np.array([meaning[c] for c in raw.cells[j]], np.float64)


def refuse_infinite(raw: Raw, j: int, values: np.ndarray) -> None:
    bad = np.flatnonzero(np.isinf(values))
    if bad.size:
        row = int(bad[0])
        cell = raw.cells[j][row]
        text = shown(cell.strip()) if isinstance(cell, str) else "an infinite value"
        what = f"{text} is not a finite number (of at most 1.8e308)"
        raise UserError(
            what, "correct the cell, or leave it empty if the value is missing", file=raw.file, **raw.place(row, j)
        )


def make_column(name: str, cells: Cells) -> Column:
    """The column of finite numbers (NaN = missing) or of texts."""
    if isinstance(cells, np.ndarray):
        values = np.array(cells, np.float64, order="C") + 0.0  # -0 becomes 0
        return Column(name, number_kind(values), frozen(values))
    return text_column(name, cells)


def number_kind(values: np.ndarray) -> Kind:
    """`count` if all numbers are non-negative integers."""
    if values.size and (values[:1000] % 1 > 0).any():  # spares a long column the full look
        return "number"
    present = values[~np.isnan(values)]
    whole = present.size and (present >= 0).all() and (present == np.floor(present)).all()
    return "count" if whole else "number"


def text_column(name: str, cells: Sequence[str]) -> Column:
    """A category column, or one of coin tosses if every cell is a row of H and T (blanks and lower case allowed)."""
    missing = {c for c in set(cells) if is_missing(c, MISSING_TEXT)}
    kept = set(cells) - missing
    tosses = bool(kept) and all(map(TOSSES.fullmatch, kept))
    spelled = {c: "".join(c.split()).upper() if tosses else c.strip() for c in kept}
    levels = tuple(sorted(set(spelled.values())))
    code = {level: k for k, level in enumerate(levels)}
    codes = {c: code[s] for c, s in spelled.items()} | dict.fromkeys(missing, -1)
    values = np.fromiter((codes[c] for c in cells), np.int64, len(cells))
    return Column(name, "tosses" if tosses else "category", frozen(values), levels=levels)


def remarks(columns: Sequence[Column], headers: Sequence[str] | None) -> list[str]:
    """What a person should know about the columns that were read; one sentence for each kind of oddity."""
    said = []
    order = [c.name for c in columns if not c.fit]
    if order:
        said.append(f"numbers the rows, so not fitted unless chosen: {some(order)}")
    rounded = [c.name for c in columns if c.kind == "count" and EXACT < np.nanmax(c.values) < DIGITS]
    if rounded:
        said.append(f"holds integers beyond 2^53, whose last digits are rounded: {some(rounded)}")
    figures = [h for h, c in zip(headers or (), columns) if c.numeric and not is_missing(h) and looks_numeric(h)]
    if figures:
        said.append(f"the first line was taken for the header, though it holds numbers: {some(figures)}")
    for c in columns:
        unit = common_unit(c.levels) if c.kind == "category" else None
        if unit:
            said.append(
                f"column {c.name} is text, for its cells hold {unit!r} beside the number; write plain numbers to fit it"
            )
        elif c.kind == "category" and parted(c.levels):
            said.append(f"column {c.name} is text, for its numbers have gaps between the digits; close them to fit it")
    return said


def counts_up(column: Column) -> bool:
    """Whether the values are 0, 1, 2, ... or 1, 2, 3, ..."""
    v = column.values
    return column.kind == "count" and v.size > 1 and v[0] in (0.0, 1.0) and bool((np.diff(v) == 1).all())
