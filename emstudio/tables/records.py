"""The records of delimited text: which delimiter, and each record with the editor's line on which it starts."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from emstudio.core.errors import UserError
from emstudio.tables.marks import is_value

DELIMITERS = (
    "\t",
    ";",
    ",",
    "|",
)  # of two that fit equally well the earlier is taken: with ; the comma is the decimal mark
SAMPLE = 100  # records that decide about the delimiter
SAMPLE_CHARACTERS = 1 << 18
LINE = re.compile(
    r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+"
)  # as editors do: neither form feeds nor Unicode's separators end one
# A line that begins with # is a comment, but for the errors and missing values of a spreadsheet.
COMMENT = re.compile(r"#(?!(?:N/A|DIV/0!|VALUE!|REF!|NAME\?|NUM!|NULL!|SPILL!|CALC!)\s*(?:[,;\t|]|$))", re.IGNORECASE)
# What Excel understands in the first line.
DECLARED = re.compile(r"\ufeff?sep=([\t;,|]) *(?:\r\n|\n|\r|\Z)", re.IGNORECASE)
LONGEST_CELL = 131_072  # characters, the limit of Python's csv module


class Lines:
    """Feeds text to the csv reader line by line and counts as an editor does.

    Blank lines and comments (#) between records are skipped and counted, inside a quoted cell they belong to the cell.
    """

    def __init__(self, text: str, delimiter: str):
        self.source = (m[0] for m in LINE.finditer(text))  # io.StringIO would copy a large text
        self.spaces = delimiter == " "
        self.blanks = " \r\n\f\v" if delimiter == "\t" else None
        self.number = 0  # of the line last read, from 1
        self.start = 0  # of the record last begun
        self.fresh = True  # the next line begins a record
        self.comments = self.empty = 0
        self.skipped = 0  # blank lines that turned out to stand between records, not at the end

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        for line in self.source:
            self.number += 1
            if not self.fresh:
                return line
            if COMMENT.match(line):
                self.comments += 1
            elif self.number == 1 and DECLARED.fullmatch(line):
                continue
            elif not line.strip(self.blanks):
                self.empty += 1
            else:
                self.fresh, self.start, self.skipped = False, self.number, self.empty
                return line.strip() if self.spaces else line
        raise StopIteration


def records(lines: Lines, delimiter: str, *, strict: bool = True) -> Iterator[list[str]]:
    """The cells of each record; `lines.start` is then the line on which it starts. Raises csv.Error."""
    reader = csv.reader(lines, delimiter=delimiter, strict=strict, skipinitialspace=delimiter == " ")
    while True:
        lines.fresh = True
        try:
            yield next(reader)
        except StopIteration:
            return


def bad_record(text: str, delimiter: str, start: int, file: str, error: csv.Error) -> UserError:
    """The sentence for a record, beginning on line `start`, that the csv reader refused."""
    begin = next(islice((m.start() for m in LINE.finditer(text)), start - 1, None), len(text))
    rest = text[begin : begin + 4 * LONGEST_CELL]
    opened, fault = fault_of_quotes(rest, delimiter)
    row = start + lines_before(rest, opened)
    if fault == "open":
        return UserError(
            "a quotation mark opens here and is never closed", "close it, or remove it", file=file, row=row
        )
    if fault == "text":
        remedy = 'close it before the delimiter, and double every quotation mark inside the cell ("")'
        return UserError("text follows the closing quotation mark of a cell", remedy, file=file, row=row)
    if "field larger" in str(error):
        what = f"a cell has more than {LONGEST_CELL:,} characters"
        return UserError(what, "check that the file is a table, with a line for each row", file=file, row=start)
    return UserError(f"the row cannot be split into cells ({error})", "check its quotation marks", file=file, row=start)


def fault_of_quotes(record: str, delimiter: str) -> tuple[int, str]:
    """Where the faulty quotation mark of a record opens, and whether it stays `open` or `text` follows it; else (0, "")."""
    opened, state = 0, "start"  # start of a cell, plain, quoted, closed
    for i, c in enumerate(record):
        if state == "quoted":
            state = "closed" if c == '"' else "quoted"
        elif state == "closed" and c == '"':
            state = "quoted"  # a doubled quotation mark
        elif c == delimiter:
            state = "start"
        elif c in "\r\n":
            return 0, ""
        elif state == "closed":
            return opened, "text"
        elif state == "start" and c == '"':
            opened, state = i, "quoted"
        else:
            state = "plain"
    return (opened, "open") if state == "quoted" else (0, "")


def lines_before(text: str, position: int) -> int:
    """How many line ends (LF, CR LF or CR) stand before `position`."""
    part = text[:position]
    return part.count("\n") + part.count("\r") - part.count("\r\n")


def find_delimiter(text: str) -> str:
    """The delimiter under which most records have as many cells as the first; a comma if there is only one column."""
    sample = text[:SAMPLE_CHARACTERS]
    if declared := DECLARED.match(sample):
        return declared[1]
    best, share_best = None, 0.0
    for delimiter in (*DELIMITERS, " "):
        if delimiter == " " and best is not None:
            break
        cells = sampled(sample, delimiter)
        if not cells:
            continue
        widths = Counter(map(len, cells))
        first = len(cells[0])
        width = first if first > 1 else widths.most_common(1)[0][0]
        if width < 2 or (delimiter == " " and not numeric(cells, first)):
            continue
        share = widths[width] / len(cells) * (1.0 if first > 1 else 0.5)
        if share > share_best:
            best, share_best = delimiter, share
    return best or ","


def sampled(sample: str, delimiter: str) -> list[list[str]]:
    """The first records of a sample that may end in the middle of one."""
    found = []
    try:
        for cells in islice(records(Lines(sample, delimiter), delimiter, strict=False), SAMPLE + 1):
            found.append(cells)
    except csv.Error:
        pass
    cut = len(sample) == SAMPLE_CHARACTERS and len(found) <= SAMPLE and len(found) > 1
    return found[:-1] if cut else found[:SAMPLE]


def numeric(cells: list[list[str]], width: int) -> bool:
    """Whether blanks separate numbers here, not the words of a text: most cells below the first line are numbers."""
    below = [c for row in cells[1:] or cells for c in row]
    even = sum(len(row) == width for row in cells)
    return width > 1 and 2 * even >= len(cells) and 2 * sum(map(is_value, below)) >= len(below)
