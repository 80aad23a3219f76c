"""Delimited text (CSV, TSV, with semicolons, bars or blanks, or pasted) as a Table."""

from __future__ import annotations

import csv

import numpy as np

from emstudio.core.data import Table, frozen
from emstudio.core.errors import UserError
from emstudio.tables import quick
from emstudio.tables.cells import Built, Cells, Raw, build
from emstudio.tables.marks import is_missing, looks_numeric, tidy
from emstudio.tables.records import Lines, bad_record, find_delimiter, records


def table_from_text(
    text: str, encoding: str, *, name: str, file: str, source: str, sha256: str, data: bytes = b""
) -> Table:
    """The table in `text`. `data` are its bytes where they are UTF-8: a large clean file is then read from them."""
    delimiter = find_delimiter(text)
    lines = Lines(text, delimiter)
    feed = records(lines, delimiter)
    try:
        header, first = header_of(feed, lines, file)
        begin = lines.start if header is None else lines.number + 1  # the first line that may hold a row
        leading = lines.skipped
        body = quick.columns(data, delimiter, begin - 1, first) if data else None
        if body is None:
            body, starts = slow_columns(feed, lines, header, first, file)
        else:
            starts = begin
    except csv.Error as e:
        raise bad_record(text, delimiter, max(lines.start, 1), file, e) from None
    lines.skipped -= leading
    return assemble(
        header, body, starts, lines, delimiter, encoding, name=name, file=file, source=source, sha256=sha256
    )


def header_of(feed, lines: Lines, file: str) -> tuple[tuple[int, list[str]] | None, list[str]]:
    """((line, names), names) of the header, or (None, cells) of the first row where there is no header."""
    first = next(feed, None)
    while first is not None and len(first) > 1 and not any(c.strip() for c in first):
        first = next(feed, None)  # spreadsheets write empty rows as ,,,
    if first is None:
        what = "there is nothing but comments and blank lines" if lines.comments else "there is nothing but blank lines"
        raise UserError(what, "choose a file with a header and rows", file=file)
    return (None if all_numbers(first) else (lines.start, first)), first


def all_numbers(cells: list[str]) -> bool:
    """Whether a first line holds only numbers (and missing cells), so that it is no header.

    Not so for an empty cell followed by 0, 1, 2, ...: that is a header that pandas wrote.
    """
    tidied = [tidy(c) for c in cells]
    if len(cells) > 1 and not tidied[0] and tidied[1:] == [str(j) for j in range(len(cells) - 1)]:
        return False
    written = [t for c, t in zip(cells, tidied) if not is_missing(c)]
    return bool(written) and all(map(looks_numeric, written))


def slow_columns(feed, lines: Lines, header, first: list[str], file: str) -> tuple[list[Cells], int | np.ndarray]:
    """The columns' cells, and the line of the first row (or every row's, where they are not consecutive)."""
    rows, starts = ([], []) if header else ([first], [lines.start])
    for cells in feed:
        rows.append(cells)
        starts.append(lines.start)
    width = len(first)
    if rows and all(len(r) == width + 1 and not r[-1].strip() for r in rows):
        rows = [r[:-1] for r in rows]  # every row ends in a delimiter, the header does not
    ragged = next((i for i, r in enumerate(rows) if len(r) != width), None)
    if ragged is not None:
        raise bad_width(rows[ragged], starts[ragged], width, header, file)
    at = np.asarray(starts, np.int64)
    consecutive = not at.size or (at == at[0] + np.arange(at.size)).all()
    columns = [list(c) for c in zip(*rows)] if rows else [[] for _ in first]
    return columns, (int(at[0]) if at.size else 0) if consecutive else frozen(at)


def bad_width(cells: list[str], row: int, width: int, header, file: str) -> UserError:
    like = "the header" if header else "the first row"
    count = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
    what = f"the row has {count}, {like} has {width}"
    remedy = "give every row as many cells; a cell that holds the delimiter needs quotation marks"
    return UserError(what, remedy, file=file, row=row)


def assemble(
    header, body: list[Cells], starts, lines: Lines, delimiter: str, encoding: str, *, name, file, source, sha256
) -> Table:
    """The Table of the columns' cells."""
    names = None if header is None else header[1]

    def place(row: int, column: int) -> dict:
        line = int(starts[row]) if isinstance(starts, np.ndarray) else starts + row
        label = f"x{column + 1}" if names is None else names[column].strip() or f"column {column + 1}"
        return {"row": line, "column": label}

    at = {} if header is None else {"row": header[0]}
    built: Built = build(Raw(names, body, place, file, at, delimiter))
    notices = built.notices
    if lines.comments:
        notices.append(f"lines that begin with # were skipped as comments: {lines.comments}")
    if lines.skipped:
        notices.append(f"blank lines between rows were skipped: {lines.skipped}")
    if encoding in ("cp1252", "latin-1"):
        notices.append(f"the file is not UTF-8; it was read as {encoding}")
    varied = isinstance(starts, np.ndarray)
    info = {"format": "text", "delimiter": delimiter, "encoding": encoding, "decimal_mark": built.marks.decimal}
    info |= {"first_line": None if varied else starts}
    return Table(name, built.columns, source, sha256, info, tuple(notices), starts if varied else None)
