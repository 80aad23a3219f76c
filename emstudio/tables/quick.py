"""Large clean text by polars, several times as fast as cell by cell; whatever is not clean is left to the slow way.

The two ways give the same table, or this one declines: it never decides about a fault.
"""

from __future__ import annotations

import csv
import io
from itertools import islice

import numpy as np

from emstudio.tables.marks import number

FROM = 4 << 20  # bytes; below, the slow way takes less time than importing polars
SAMPLE = 200  # rows that tell columns of text from columns of numbers


def columns(data: bytes, delimiter: str, skip: int, first: list[str]) -> list | None:
    """The columns below the first `skip` lines of UTF-8 `data`, or None if it takes the slow way.

    `first` is the first record. Clean means: no quotation marks, comments, blank lines or ragged rows below the header, no
    comma but as delimiter, and only numbers in a column of numbers.
    """
    if len(data) < FROM or delimiter == " ":
        return None
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        return None
    begin = offset(data, skip)
    text = [is_text(cells) for cells in sample(data[begin : begin + (1 << 18)], delimiter, len(first))]
    if not text or (any(text) and not clean(data, begin, delimiter)) or (len(text) == 1 and blank_lines(data, begin)):
        return None
    found = parse(data, delimiter, skip, begin, text)
    if found is None:
        return None
    rows = data.count(b"\n", begin) + (not data.endswith(b"\n"))
    return found if len(found[0]) == rows else None


def offset(data: bytes, skip: int) -> int:
    """Where line `skip` (from 0) begins."""
    position = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    for _ in range(skip):
        position = data.find(b"\n", position) + 1
        if not position:
            return len(data)
    return position


def clean(data: bytes, begin: int, delimiter: str) -> bool:
    """Whether cells of text need no second look: no quotation mark, comment or decimal comma. (No number holds any.)"""
    odd = [b'"', b"\n#", b"\x1a"] + ([b","] if delimiter != "," else [])
    return data[begin : begin + 1] != b"#" and all(data.find(o, begin) < 0 for o in odd)


def blank_lines(data: bytes, begin: int) -> bool:
    """Whether there are blank lines, which polars takes for missing cells where there is one column."""
    return any(data.find(b, max(begin - 1, 0)) >= 0 for b in (b"\n\n", b"\n\r\n"))


def sample(head: bytes, delimiter: str, width: int) -> list[tuple[str, ...]]:
    """The cells of the first rows by column; nothing if a row has another width."""
    head = head[: head.rfind(b"\n") + 1] or head
    rows = list(islice(csv.reader(io.StringIO(head.decode("utf-8", "replace")), delimiter=delimiter), SAMPLE))
    return list(zip(*rows)) if rows and all(len(r) == width for r in rows) else []


def is_text(cells: tuple[str, ...]) -> bool:
    return any(number(c) is None for c in cells)


def parse(data: bytes, delimiter: str, skip: int, begin: int, text: list[bool]) -> list | None:
    """The columns as float64 arrays and lists of texts, or None where polars finds a fault or a row may be too short."""
    import polars as pl

    names = [f"{j}" for j in range(len(text))]
    # polars compares letter by letter, so the usual spellings; a rarer one makes it decline. What is a missing number
    # can be a word in a column of text (none, ?), and polars makes no difference between columns.
    spellings = {"NA", "na", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "null", "NULL"}
    spellings |= set() if any(text) else {"None", "none", "?", "-", "."}
    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            skip_lines=skip,
            schema={n: pl.String if t else pl.Float64 for n, t in zip(names, text)},
            separator=delimiter,
            quote_char=None,
            null_values=sorted(spellings),
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    nulls = sum(s.null_count() for s in frame)
    if (nulls or any(text)) and not rectangular(data, begin, delimiter, len(text)):
        return None
    found = [
        frame[n].fill_null("").to_list() if t else frame[n].fill_null(np.nan).to_numpy() for n, t in zip(names, text)
    ]
    # The sentence about an infinite number quotes the cell as it was written.
    return None if any(np.isinf(c).any() for c, t in zip(found, text) if not t) else found


def rectangular(data: bytes, begin: int, delimiter: str, width: int) -> bool:
    """Whether every line has `width` cells: polars fills short rows without a word."""
    codes = np.frombuffer(data, np.uint8, offset=begin)
    ends = np.flatnonzero(codes == 10)
    if not data.endswith(b"\n"):
        ends = np.append(ends, codes.size)
    marks = np.flatnonzero(codes == ord(delimiter))
    if marks.size != ends.size * (width - 1):
        return False
    if width == 1:
        return True
    marks = marks.reshape(ends.size, width - 1)
    return bool((marks[:, -1] < ends).all() and (marks[1:, 0] > ends[:-1]).all())
