"""Errors a person can cause, each one sentence: where it is, what is wrong, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


def printable(text: object) -> str:
    """`text` with control characters, line breaks and lone surrogates escaped, so that it stays on one line."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii") for c in str(text)
    )


_NAME, _NAMES = 60, 20  # characters of a name and names of a list that a sentence has room for


def short(name: object) -> str:
    """A name, printable, cut in the middle where it is too long for a sentence."""
    text = printable(name)
    return text if len(text) <= _NAME else f"{text[: _NAME // 2]}...{text[-_NAME // 2 :]}"


def listed(names: Sequence[object]) -> str:
    """Names for a sentence: the first ones, and how many more there are."""
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(map(short, names[:_NAMES])) + more


class UserError(Exception):
    """Wrong use or bad input.

    `what` says what is wrong and `remedy` what to do. `file`, `row` (as an editor shows the line, header = 1, or a
    ready-made text such as a spreadsheet's cell `B5`) and `column` say where; parts that do not apply stay None.
    `str(error)` is the one line that a person reads.
    """

    def __init__(
        self,
        what: str,
        remedy: str = "",
        *,
        file: object = None,
        row: int | str | None = None,
        column: object = None,
    ):
        self.what, self.remedy = what, remedy
        self.file, self.row, self.column = file, row, column
        super().__init__(what)

    def __str__(self) -> str:
        where = []
        if self.file is not None:
            where.append(printable(self.file))
        if self.row is not None:
            where.append(f"row {self.row}" if isinstance(self.row, int) else printable(self.row))
        if self.column is not None:
            where.append(f"column {short(self.column)}")
        text = (", ".join(where) + ": " if where else "") + printable(self.what)
        return text + ("; " + printable(self.remedy) if self.remedy else "")

    def sentence(self) -> str:
        """The same as a sentence that stands alone, where the file is plain."""
        text = str(UserError(self.what, self.remedy, row=self.row, column=self.column))
        return f"{text[:1].upper()}{text[1:]}."


@dataclass(frozen=True)
class Notice:
    """A warning that a person must see; `code` is one of those of the command line's contract.

    `component` counts from 0; `rows` are rows of the table from 0 (at most ten); None where it does not apply.
    """

    code: str
    text: str
    component: int | None = None
    rows: tuple[int, ...] | None = None
    iteration: int | None = None

    def to_dict(self) -> dict:
        rows = None if self.rows is None else list(self.rows[:10])
        return {
            "code": self.code,
            "text": self.text,
            "component": self.component,
            "rows": rows,
            "iteration": self.iteration,
        }


class Degenerate(Exception):
    """An M-step would make a component singular or empty: the step is not taken, the moment before it stays valid.

    `notice` names the component, the rows and the cause; its code is `collapse` or `empty`.
    """

    def __init__(self, notice: Notice):
        self.notice = notice
        super().__init__(notice.text)
