"""Excel workbooks by fastexcel, with the cells' own names and the errors of formulas, which it would pass over."""

from __future__ import annotations

import io
import re
import zipfile
from xml.etree import ElementTree

import numpy as np

from emstudio.core.data import Table, frozen
from emstudio.core.errors import UserError
from emstudio.tables import child
from emstudio.tables.cells import Raw, build, some
from emstudio.tables.text import all_numbers

ZIP, CFB = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # .xlsx and .xls
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
LARGEST = 2 << 30  # bytes that a workbook may unpack to
SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
ERROR_CELL = re.compile(
    rb'<c\b(?=[^>]*\bt="e")[^>]*\br="([A-Z]+)(\d+)"[^>]*>(?:<f[^<]*</f>|<f[^>]*/>)?(?:<v>([^<]*)</v>)?'
)
DAMAGED = (
    "the Excel workbook is damaged, too large, or of a kind that is not known",
    "save it again as .xlsx, or the sheet as CSV",
)


def table_from_excel(data: bytes, *, name: str, file: str, source: str, sha256: str, sheet: str | int | None) -> Table:
    """The table of one sheet: the first that is not empty, unless `sheet` names one (or counts, from 0). Raises UserError."""
    if ENCRYPTED in data:
        raise UserError("the workbook is protected by a password", "save it without one", file=file)
    if data.startswith(ZIP):
        check_package(data, file)
    try:
        found, grid = child.unpack(__name__, data, sheet)
    except child.Damaged:
        raise UserError(*DAMAGED, file=file) from None
    except UserError as e:
        raise UserError(e.what, e.remedy, file=file) from None
    title, letters = found["title"], found["letters"]
    # The numbers of a column that holds any, as numbers and not as texts, do not tell how its texts write theirs.
    pointed = frozenset(j for j, column in enumerate(grid) if any(isinstance(c, float) for c in column))
    grid = [[c if isinstance(c, str) else repr(c) for c in column] for column in grid]
    others = [t for t in found["titles"] if t != title]
    notices = [f"the sheet {title!r} was read; there are also: {some(others)}"] if others and sheet is None else []
    errors = error_cells(data, title) if data.startswith(ZIP) else {}
    first, last = extent(grid)
    if errors:
        ref, text = next(iter(errors.items()))
        raise UserError(
            f"the formula gives {text}",
            "correct it, or leave the cell empty if the value is missing",
            file=file,
            row=f"cell {ref}",
        )
    top = [column[first] for column in grid]
    headed = not all_numbers(top)
    begin = first + headed
    cells = [column[begin : last + 1] for column in grid]

    def place(row: int, column: int) -> dict:
        return {"row": f"cell {letters[column]}{begin + row + 1}", "column": top[column].strip() if headed else None}

    header = {"row": first + 1}
    built = build(Raw(top if headed else None, cells, place, file, header, pointed=pointed))
    info = {"format": "excel", "delimiter": None, "encoding": None, "decimal_mark": built.marks.decimal}
    info |= {"sheet": title, "letters": {c.name: letters[j] for c, j in zip(built.columns, built.origin)}}
    lines = frozen(np.arange(begin + 1, last + 2))
    return Table(name, built.columns, source, sha256, info, (*notices, *built.notices), lines)


def check_package(data: bytes, file: str) -> None:
    """UserError unless the zip archive is a workbook of reasonable size."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            names = package.namelist()
            size = sum(i.file_size for i in package.infolist())
    except Exception:  # zipfile raises many kinds on damaged archives
        what = "this is a damaged zip archive or Excel workbook, not a table"
        raise UserError(what, DAMAGED[1], file=file) from None
    if not any(n.lower() in ("xl/workbook.xml", "xl/workbook.bin") for n in names):
        kind = "a numpy .npz archive" if names and all(n.endswith(".npy") for n in names) else "a zip archive"
        raise UserError(f"this is {kind}, not a table", "unpack it and choose a file in it", file=file)
    if size > LARGEST:
        raise UserError(f"the workbook unpacks to {size / 2**30:.1f} GB", "save the sheet as CSV", file=file)


def unpack(data: bytes, sheet: str | int | None) -> tuple[dict, list[list[str | float]]]:
    """({titles, title, letters}, texts and numbers by column) of the wanted or the first filled sheet."""
    import fastexcel

    book = fastexcel.read_excel(data)
    titles = book.sheet_names
    for title in titles if sheet is None else [chosen(titles, sheet)]:
        grid, letters = load(book, title)
        if any(any(isinstance(c, float) or c.strip() for c in column) for column in grid):
            return {"titles": titles, "title": title, "letters": letters}, grid
    what = f"the sheet {sheet!r} is empty" if sheet is not None else "the workbook has no filled sheet"
    raise UserError(what, "choose a workbook with a header and rows")


def chosen(titles: list[str], sheet: str | int) -> str:
    if isinstance(sheet, int) and 0 <= sheet < len(titles):
        return titles[sheet]
    if sheet in titles:
        return str(sheet)
    raise UserError(f"there is no sheet {sheet!r}", f"choose from: {', '.join(titles)}")


def load(book, title: str) -> tuple[list[list[str | float]], list[str]]:
    """The sheet's texts and numbers by column, and the columns' letters.

    fastexcel rounds a number when it makes a text of it, so the sheet is read twice, as texts and as numbers.
    """
    texts = book.load_sheet(title, header_row=None, skip_rows=0, dtypes="string")
    letters = [letter(c.absolute_index) for c in texts.available_columns()]
    numbers = book.load_sheet(title, header_row=None, skip_rows=0, dtypes="float").to_polars()
    grid = []
    for text, values in zip(texts.to_polars(), numbers):
        grid.append([merge(t, v) for t, v in zip(text.to_list(), values.to_list())])
    return grid, letters


def merge(text: str | None, value: float | None) -> str | float:
    """The cell as text, or with all digits of its number; true, false and dates stay words."""
    if text is None:
        return ""
    if value is None:
        return text
    try:
        float(text)
    except ValueError:
        return text
    return value


def letter(index: int) -> str:
    """A, B, ..., Z, AA, ... of a column counted from 0."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name


def extent(grid: list[list[str]]) -> tuple[int, int]:
    """The first and last row, from 0, with a filled cell."""
    filled = [i for i, row in enumerate(zip(*grid)) if any(c.strip() for c in row)]
    return filled[0], filled[-1]


def error_cells(data: bytes, title: str) -> dict[str, str]:
    """The cells of a sheet whose formula failed: {"B5": "#DIV/0!"}. fastexcel gives them as empty."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            book = ElementTree.fromstring(package.read("xl/workbook.xml"))
            key = next(s.get(RELATION) for s in book.iter(f"{SPACE}sheet") if s.get("name") == title)
            links = ElementTree.fromstring(package.read("xl/_rels/workbook.xml.rels"))
            target = next(r.get("Target") for r in links if r.get("Id") == key).removeprefix("/xl/")
            sheet = package.read(f"xl/{target}")
    except Exception:  # an unusual but readable package (or a binary one): then failed formulas count as missing
        return {}
    return {
        f"{c.decode()}{r.decode()}": (v or b"an error").decode("utf-8", "replace")
        for c, r, v in ERROR_CELL.findall(sheet)
    }
