"""Reads tables: CSV, TSV and other delimited text, Parquet, Excel, .npy, pasted text and the bundled data sets.

    read(source)      a path, or dataset:NAME
    parse(text)       what was pasted from a spreadsheet or an editor
    show(table)       what was read, for people and programs
    write_csv(table)  the way back

What a file is, its contents say and not its name. Every fault is a UserError: one sentence with file, row, column, cause
and remedy.

Rules of text files. The first line is the header unless it holds only numbers; then columns are x1..xd. A line before it
such as `sep=;` names the delimiter. Blank lines and lines that begin with # are skipped, but a spreadsheet's #N/A or
#DIV/0! is a cell. Missing cells, in any case: empty, NA, N/A, #N/A, NaN, null; among numbers also None, `?`, `-` and `.`.
A column is numbers if all its cells are; a text among mostly numbers is an error, never a reason to drop the column.
Infinite and too large numbers are errors. With decimal commas no number may have a decimal point.
"""

from __future__ import annotations

import hashlib
import os

from emstudio.core.data import Table
from emstudio.core.errors import UserError
from emstudio.tables import arrays, excel, parquet
from emstudio.tables.decode import decode
from emstudio.tables.files import load
from emstudio.tables.output import csv_lines, show, write_csv
from emstudio.tables.text import table_from_text

__all__ = ["DATASET", "csv_lines", "parse", "read", "show", "write_csv"]

DATASET = "dataset:"
SESSION, SESSION_AT = b"session.json", 30  # a session file begins with the entry of this name
# Names that promise a format, and how its files begin.
PROMISES = {
    ".parquet": ("a Parquet file", (parquet.MAGIC,)),
    ".xlsx": ("an Excel workbook", (excel.ZIP, excel.CFB)),
    ".xls": ("an Excel workbook", (excel.ZIP, excel.CFB)),
    ".npy": ("a numpy array", (arrays.MAGIC,)),
    ".ems": ("a session of EM Studio", (excel.ZIP,)),
}


def read(source: str, *, sheet: str | int | None = None) -> Table:
    """The table of the file `source` or of the bundled data set `dataset:NAME`.

    `sheet` names a sheet of an Excel workbook (or counts, from 0); the first filled one otherwise. Raises UserError only.
    """
    source = os.fspath(source)
    if source.startswith(DATASET):
        from emstudio import datasets

        return datasets.load(source.removeprefix(DATASET))
    data = load(source)
    try:
        return table_from_bytes(data, source, sheet)
    except MemoryError:
        raise UserError("the table does not fit into memory", "split the file", file=source) from None


def table_from_bytes(data: bytes, path: str, sheet: str | int | None) -> Table:
    """The table in a file's bytes, whatever their format."""
    name = os.path.splitext(os.path.basename(path))[0] or path
    known = {"name": name, "file": path, "source": path, "sha256": hashlib.sha256(data).hexdigest()}
    suffix = os.path.splitext(path)[1].lower()
    if suffix in PROMISES and not data.startswith(PROMISES[suffix][1]):
        what = f"this is not {PROMISES[suffix][0]}, though its name says so, or it is damaged"
        raise UserError(what, f"write it again; if it is text, rename it from {suffix} to .csv", file=path)
    if data[SESSION_AT:].startswith(SESSION) and data.startswith(excel.ZIP):
        raise UserError("this is a session of EM Studio, not a table", "open it in the window", file=path)
    if data.startswith(parquet.MAGIC):
        return parquet.table_from_parquet(data, **known)
    if data.startswith((excel.ZIP, excel.CFB)):
        return excel.table_from_excel(data, sheet=sheet, **known)
    if data.startswith(arrays.MAGIC):
        return arrays.table_from_npy(data, **known)
    if data.startswith((b"PK\x05\x06", b"PK\x07\x08")):
        raise UserError("this is an empty or divided zip archive, not a table", "choose a CSV file", file=path)
    text, encoding = decode(data, path)
    return table_from_text(text, encoding, data=data if encoding.startswith("utf-8") else b"", **known)


def parse(text: str, name: str = "Pasted table") -> Table:
    """The table in pasted text: tab separated from a spreadsheet, or any delimited text. Raises UserError only."""
    if not text.strip():
        raise UserError("there is no text", "copy a table from a spreadsheet or an editor first", file=name)
    data = text.encode("utf-8", "surrogatepass")
    plain, _ = decode(data.decode("utf-8", "replace").encode(), name)
    return table_from_text(plain, "utf-8", name=name, file=name, source="", sha256=hashlib.sha256(data).hexdigest())
