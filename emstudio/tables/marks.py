"""Single cells: which are missing, which are numbers, and with which decimal mark and thousands separator."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

# A cell that says "missing", compared without blanks around it and in lower case.
MISSING_TEXT = frozenset({"", "na", "n/a", "#n/a", "nan", "null"})
MISSING = MISSING_TEXT | {"none", "?", "-", ".", "+nan", "-nan"}  # in a column of numbers

EXPONENT = r"(?:[eE][+-]?\d+)?"
POINT = re.compile(rf"[+-]?(?:\d+\.?\d*|\.\d+){EXPONENT}")
COMMA = re.compile(rf"[+-]?(?:\d+,\d*|,\d+){EXPONENT}")
GROUPS_COMMA = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?")  # 1,234,567.8
GROUPS_POINT = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d*)?")  # 1.234.567,8
INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
GAPS = re.compile(r"[+-]?\d{1,3}(?:[\s'’]\d{3})+(?:[.,]\d*)?")  # 1 234,5 and 1'234.5
WITH_UNIT = re.compile(r"([$€£¥]?)\s*[+-]?\d[\d.,]*\s*(%|[a-zA-Zµ°Ω/²³]*)")


@dataclass(frozen=True)
class Marks:
    """How numbers are written in a file: the decimal mark and, if any, the mark between groups of three digits."""

    decimal: str = "."
    thousands: str = ""


def tidy(cell: str) -> str:
    """The cell without blanks around it, with a typographic minus as a plain one."""
    return cell.strip().replace("\u2212", "-")


def is_missing(cell: str, markers: frozenset[str] = MISSING) -> bool:
    return cell.strip().lower() in markers


def number(cell: str, marks: Marks = Marks()) -> float | None:
    """The number in a cell (NaN where it is missing), or None where it is text. 1e999 and inf give infinity."""
    text = tidy(cell)
    if text.lower() in MISSING:
        return math.nan
    if marks.thousands:
        groups = GROUPS_COMMA if marks.thousands == "," else GROUPS_POINT
        if groups.fullmatch(text):
            text = text.replace(marks.thousands, "")
    if marks.decimal == ",":
        if "." in text:
            return None
        text = text.replace(",", ".")
    if POINT.fullmatch(text) or INFINITE.fullmatch(text):
        return float(text)
    return None


def is_value(cell: str) -> bool:
    """Whether a cell is a number, with a point or a comma, or missing."""
    return looks_numeric(tidy(cell)) or is_missing(cell)


def looks_numeric(text: str) -> bool:
    """Whether a tidy cell is a number in any of the ways of writing."""
    return any(p.fullmatch(text) for p in (POINT, COMMA, GROUPS_COMMA, GROUPS_POINT, INFINITE))


class Ambiguous(ValueError):
    """The way numbers are written cannot be told; `cell` is the cell that shows it, `why` a sentence about it."""

    def __init__(self, cell: str, why: str):
        self.cell, self.why = cell, why
        super().__init__(why)


def find_marks(cells: Iterable[str], delimiter: str | None) -> Marks:
    """How the numbers among `cells` (the distinct cells of columns that are mostly numbers) are written.

    `1,5` shows a decimal comma, `1,234,567` and `1,234.5` separators of thousands. `1,234` alone can be both:
    a decimal comma where ; delimits (people use ; because the comma is taken), else Ambiguous. Raises Ambiguous also
    for a mixture of both.
    """
    comma = grouped = either = pointed = ""
    for cell in cells:
        text = tidy(cell)
        if "," in text:
            decimal, groups = COMMA.fullmatch(text), GROUPS_COMMA.fullmatch(text)
            if GROUPS_POINT.fullmatch(text) and "." in text:
                pointed = comma = cell
            elif decimal and groups:
                either = either or cell
            elif decimal:
                comma = comma or cell
            elif groups:
                grouped = grouped or cell
        elif GROUPS_POINT.fullmatch(text) and not POINT.fullmatch(text):
            pointed = cell
    if comma and grouped:
        raise Ambiguous(grouped, f"its comma separates thousands, while that of {shown(comma)} is a decimal mark")
    if comma or (either and not grouped and delimiter == ";"):
        return Marks(",", "." if pointed else "")
    if either and not grouped:
        raise Ambiguous(either, "its comma can be a decimal mark or separate thousands")
    return Marks(".", "," if grouped else "")


def shown(cell: str) -> str:
    """The cell in quotation marks, cut short, for a sentence."""
    return f"'{cell}'" if len(cell) <= 40 else f"'{cell[:37]}...'"


def common_unit(cells: Iterable[str]) -> str | None:
    """The unit or sign that all of `cells` carry beside a number (`5 cm`, `45%`, `$3`), or None."""
    found = set()
    for cell in cells:
        m = WITH_UNIT.fullmatch(cell.strip())
        if m is None:
            return None
        found.add(m.groups())
    sign, unit = found.pop() if len(found) == 1 else ("", "")
    return sign or unit or None


def parted(cells: Iterable[str]) -> bool:
    """Whether all of `cells` are numbers, some of them with a blank or an apostrophe between groups of three digits."""
    found = False
    for text in map(tidy, cells):
        if GAPS.fullmatch(text):
            found = True
        elif not looks_numeric(text):
            return False
    return found
