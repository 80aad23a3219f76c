"""What was read, in words for the command line, and tables written as CSV."""

from __future__ import annotations

import math
import os
import re
import sys
import tempfile
from collections.abc import Iterator

import numpy as np

from emstudio.core.data import Column, Table
from emstudio.core.errors import UserError
from emstudio.tables.files import refusal

PLAIN = re.compile(r"[^\s,;|\"'#]*")


def show(table: Table) -> dict:
    """The report of `emstudio show --json`: what was read, with figures for every column; what does not exist is None."""
    info = table.info
    return {
        "name": table.name,
        "source": table.source,
        "format": info.get("format"),
        "rows": table.rows,
        "columns": [figures(c) for c in table.columns],
        "delimiter": info.get("delimiter"),
        "encoding": info.get("encoding"),
        "decimal_mark": info.get("decimal_mark"),
        "sheet": info.get("sheet"),
        "sha256": table.sha256,
        "notices": list(table.notices),
    }


def figures(column: Column) -> dict:
    """Name, kind, unit, count (of filled cells), missing, minimum, maximum and sum, or the number of distinct texts."""
    missing = int(column.missing.sum())
    found = {
        "name": column.name,
        "kind": column.kind,
        "unit": column.unit or None,
        "fit": column.numeric and column.fit,
    }
    found |= {"count": len(column.values) - missing, "missing": missing}
    found |= dict.fromkeys(("minimum", "maximum", "sum"))
    present = column.values[~column.missing]
    if column.numeric and present.size:
        found |= {"minimum": float(present.min()), "maximum": float(present.max()), "sum": total(present)}
    return found | {"distinct": len(column.levels) if not column.numeric else None}


def total(values: np.ndarray) -> float | None:
    """The correctly rounded sum; None where it is too large for a double."""
    try:
        return math.fsum(values)
    except OverflowError:
        return None


def csv_lines(table: Table) -> Iterator[str]:
    """The table as CSV, line by line; numbers with the fewest digits that read back as the same double."""
    yield ",".join(map(quoted, table.names)) + "\n"
    texts = [cell_texts(c) for c in table.columns]
    for row in zip(*texts):
        yield (",".join(row) or '""') + "\n"  # a blank line would be no row


def quoted(text: str) -> str:
    """A text as a cell: in quotation marks unless no reader could take it for two cells or a comment."""
    return text if PLAIN.fullmatch(text) else '"' + text.replace('"', '""') + '"'


def cell_texts(column: Column) -> list[str]:
    if not column.numeric:
        levels = [*map(quoted, column.levels), ""]  # a missing cell's -1 is the last
        return [levels[v] for v in column.values.tolist()]
    return [
        "" if v != v else str(int(v)) if v.is_integer() and abs(v) < 2**53 else repr(v) for v in column.values.tolist()
    ]


def write_csv(table: Table, path: str) -> None:
    """Writes the table as CSV in UTF-8, complete or not at all; `-` is standard output. Raises UserError."""
    text = "".join(csv_lines(table))
    if path == "-":
        sys.stdout.write(text)
        return
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise UserError("the folder to write to does not exist", "make it first", file=path)
    if os.path.isdir(path):
        raise UserError("this is a folder, not a file", "give the name of a file in it", file=path)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=folder, delete=False) as f:
            temporary = f.name
            f.write(text)
        os.chmod(temporary, 0o666 & ~mask())
        os.replace(temporary, path)
    except OSError as e:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        raise UserError("the file cannot be written", refusal(e, path).what, file=path) from None


def mask() -> int:
    """The person's own umask, which can only be read by setting it."""
    value = os.umask(0)
    os.umask(value)
    return value
