"""Tables as series: which rows follow each other, which steps were not observed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from emstudio.core.data import Column, Dataset, Missing, Table, dataset, frozen
from emstudio.core.errors import UserError


@dataclass(frozen=True, eq=False)
class Bag:
    """The observed rows of a series, without their order: what the emissions are fitted to.

    `rows` (m,) which of the `total` rows they are, or None for all; `partly`: whether some cells of them are missing.
    """

    data: Dataset
    rows: np.ndarray | None
    total: int

    @property
    def partly(self) -> bool:
        """Whether some rows have cells that are missing and others that are not."""
        return self.data.mask is not None


def bag_of(data: Dataset) -> Bag:
    """The observed rows of `data`, made once."""

    def make() -> Bag:
        if data.mask is None:
            return Bag(data, None, data.n)
        unseen = data.mask.all(1)
        mask = data.mask if data.mask.any(1).sum() > unseen.sum() else None
        if not unseen.any():
            return Bag(data, None, data.n)
        rows = np.flatnonzero(~unseen)
        mine = replace(
            data,
            x=frozen(np.ascontiguousarray(data.x[rows])),
            rows=frozen(data.rows[rows]),
            mask=None if mask is None else frozen(mask[rows]),
            series=None,
            _memo={},
        )
        return Bag(mine, frozen(rows), data.n)

    return data.memo("observed rows", make)


def chain_dataset(
    table: Table,
    names: Sequence[str],
    *,
    missing: Missing,
    weights: str | None,
    truth: str | None,
    sequence: str | None,
    time: str | None,
) -> Dataset:
    """The Dataset of the columns `names`, all rows in their series. UserError where they are no series."""
    file = table.source or None
    if weights is not None:
        what = "row weights mean nothing to a series: a step cannot happen more often than once"
        raise UserError(what, "leave the weights out", file=file)
    for role, name in (("the series", sequence), ("the time", time)):
        if name is not None and name in names:
            raise UserError(
                f"the column is chosen to be fitted and to tell {role}", "name it once", file=file, column=name
            )
    gaps = [table.column(n) for n in names]
    if missing != "marginal" and (first := _first_missing(gaps)) is not None:
        remedy = "take it as an unobserved step with --missing marginal, or fill the cell"
        count = int(np.any([c.missing for c in gaps], axis=0).sum())
        what = f"the cell is missing ({count} row{'s' if count > 1 else ''} with missing cells in all)"
        if missing == "drop":
            what += ", and a series cannot leave a row out: its two ends would be spliced"
        raise UserError(what, remedy, file=file, **table.where(*first))
    made = dataset(table, names, missing="marginal", truth=truth)
    offsets = series_of(table, sequence)
    if time is not None:
        check_time(table, time, offsets)
    return replace(made, series=frozen(offsets), sequence=sequence, time=time, _memo={})


# -- which column is what ----------------------------------------------------------------------------------------------
_SERIES_NAME = re.compile(
    r"(series|seq(uence)?|subject|patient|participant|person|animal|individual|session|recording|track|trajectory|site"
    r"|station|group|run|unit|id)s?([ _-]?(id|no|nr|number|name|code))?",
    re.IGNORECASE,
)
_TIME_NAME = re.compile(
    r"(time|t|date|datetime|timestamp|year|yr|month|week|day|hour|minute|min|second|sec|step|tick|frame|epoch|index)s?"
    r"([^a-z].*)?",
    re.IGNORECASE,
)


def with_order(table: Table, sequence: str | None, time: str | None, guessed: bool = False) -> Table:
    """`table` saying which column tells its series apart and which orders their rows; None: none does."""
    return replace(table, info={**table.info, "sequence": sequence, "time": time, "guessed_order": guessed})


def is_ordered(table: Table) -> bool:
    """Whether somebody has said what tells and orders the series of `table`, if only that nothing does."""
    return "sequence" in table.info or "time" in table.info


def guessed_order(table: Table) -> tuple[str | None, str | None]:
    """(the column that tells the series apart, the time), by their names and by what they hold; None where none does.

    Series stand together and are longer than a row, on average two; a time increases within each of them.
    """
    sequence = next(
        (c.name for c in table.columns if _SERIES_NAME.fullmatch(c.name.strip()) and _tells(table, c)), None
    )
    offsets = series_of(table, sequence)
    for c in table.columns:
        if c.name != sequence and c.numeric and _TIME_NAME.fullmatch(c.name.strip()) and table.rows > 2:
            try:
                check_time(table, c.name, offsets)
            except UserError:
                continue
            return sequence, c.name
    return sequence, None


def in_order(table: Table, chosen: Sequence[str] = ()) -> Table:
    """`table` with the guess of `guessed_order` where nobody has said anything and something else is left to fit.

    A column among those `chosen` by a person to be fitted is neither.
    """
    if is_ordered(table) or not table.rows:
        return table
    sequence, time = (name if name not in chosen else None for name in guessed_order(table))
    found = with_order(table, sequence, time, guessed=True)
    rest = [c for c in table.columns if c.fit and c.name not in (sequence, time)]
    return found if (sequence or time) and rest else table


def _tells(table: Table, column: Column) -> bool:
    try:
        parts = len(series_of(table, column.name)) - 1
    except UserError:
        return False
    return 1 < parts <= table.rows // 2


def unobserved(data: Dataset) -> np.ndarray:
    """(n,) bool: the steps at which nothing was observed."""
    return np.zeros(data.n, bool) if data.mask is None else data.mask.all(1)


def _first_missing(columns: Sequence[Column]) -> tuple[int, str] | None:
    """(row, column's name) of the first missing cell, row by row."""
    found = [(int(np.flatnonzero(c.missing)[0]), c.name) for c in columns if c.missing.any()]
    return min(found, key=lambda f: f[0]) if found else None


def series_of(table: Table, sequence: str | None) -> np.ndarray:
    """(S + 1,) offsets of the series: a new one starts where the value of the column `sequence` changes.

    UserError where a value is missing, or comes back after another one.
    """
    n = table.rows
    if sequence is None or n == 0:
        return np.array([0, n])
    column = table.column(sequence)
    file = table.source or None
    if column.missing.any():
        row = int(np.flatnonzero(column.missing)[0])
        raise UserError(
            "the cell is missing, and it says which series the row belongs to",
            "fill it",
            file=file,
            **table.where(row, sequence),
        )
    values = column.values
    begins = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1])
    heads = values[begins]
    _, where, counts = np.unique(heads, return_inverse=True, return_counts=True)
    if (counts > 1).any():
        seen: dict[int, int] = {}
        for place, which in enumerate(where.reshape(-1).tolist()):
            if which in seen:
                first = int(begins[seen[which] + 1]) - 1
                again = int(begins[place])
                what = f"the series {column.text(again)!r} comes back after it had ended at row {_label(table, first)}"
                remedy = "sort the rows so that each series stands together, or give it another name"
                raise UserError(what, remedy, file=file, **table.where(again, sequence))
            seen[which] = place
    return np.append(begins, n)


def check_time(table: Table, time: str, offsets: np.ndarray) -> None:
    """UserError naming the first row whose `time` is missing or not later than that of the row before it in its series."""
    column = table.column(time)
    file = table.source or None
    if not column.numeric:
        raise UserError(
            "the column holds text and cannot be the time", "name a column of numbers", file=file, column=time
        )
    if column.missing.any():
        row = int(np.flatnonzero(column.missing)[0])
        raise UserError(
            "the cell is missing, and it says when the row was", "fill it", file=file, **table.where(row, time)
        )
    late = column.values[1:] > column.values[:-1]
    late[offsets[1:-1] - 1] = True
    if not late.all():
        row = int(np.flatnonzero(~late)[0]) + 1
        what = f"the time {column.text(row)} is not later than {column.text(row - 1)} in row {_label(table, row - 1)}"
        raise UserError(what, "sort the rows of each series by time", file=file, **table.where(row, time))


def _label(table: Table, row: int) -> str:
    found = table.row_label(row)
    return str(found) if isinstance(found, int) else found.removeprefix("row ")
