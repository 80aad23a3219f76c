"""The frozen data: a Table is what was read or painted, a Dataset is what of it a model is fitted to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

import numpy as np

from emstudio.core.errors import UserError, listed, printable, short

Kind = Literal["number", "count", "category", "tosses"]
Missing = Literal["drop", "error", "marginal"]
T = TypeVar("T")
ASIDE = "weights"  # in a table's `info`: the column that weighed its rows before a model took it that knows no weights


def frozen(array: np.ndarray) -> np.ndarray:
    """`array` itself, read-only from now on."""
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Column:
    """One named column of a table.

    `values` is float64 with NaN for a missing cell (kinds `number` and `count`), or int64 codes into `levels` with -1
    for a missing cell (kinds `category` and `tosses`; for `tosses` a level is a text such as HTTTHHTHTH).
    `fit` is False where the column names, orders or labels rows: it is then offered as the truth, never fitted unasked.
    `label` is what a person calls the column on axes and in tables; files, commands and errors keep `name`.
    """

    name: str
    kind: Kind
    values: np.ndarray
    unit: str = ""
    levels: tuple[str, ...] = ()
    fit: bool = True
    label: str = ""

    @property
    def title(self) -> str:
        """The column's name for axes, tables and sentences."""
        return self.label or printable(self.name)

    @property
    def numeric(self) -> bool:
        """Whether its cells are numbers."""
        return self.kind in ("number", "count")

    @property
    def missing(self) -> np.ndarray:
        """(n,) bool: the cells that are missing."""
        return np.isnan(self.values) if self.numeric else self.values < 0

    def text(self, row: int) -> str:
        """The cell as a person would write it; empty when missing."""
        if self.missing[row]:
            return ""
        return f"{self.values[row]:.6g}" if self.numeric else self.levels[self.values[row]]

    def take(self, rows: np.ndarray) -> Column:
        """The column of the rows `rows` (m,) alone."""
        return replace(self, values=frozen(self.values[rows]))


@dataclass(frozen=True, eq=False)
class Table:
    """Everything that was read from a file, pasted or painted; row i of it is row i for a person (from 0).

    `name` is for titles, `source` is the path or `dataset:NAME`, `info` holds what the reader found out (delimiter,
    encoding, decimal mark ...), `notices` its remarks, `sha256` that of the file's bytes.
    `row_label(i)` says where row i stands in the file.
    """

    name: str
    columns: tuple[Column, ...]
    source: str = ""
    sha256: str = ""
    info: dict[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    lines: np.ndarray | None = None  # the file's line of each row, where rows and lines differ by more than the header

    def __post_init__(self):
        seen: set[str] = set()
        for c in self.columns:
            if c.name in seen:
                raise UserError(f"two columns are named {c.name!r}", "rename one of them", file=self.source or None)
            seen.add(c.name)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.columns[0].values) if self.columns else 0

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names in their order."""
        return tuple(c.name for c in self.columns)

    def column(self, name: str) -> Column:
        """The column `name`; UserError where there is none."""
        for c in self.columns:
            if c.name == name:
                return c
        have = listed(self.names) or "none"
        raise UserError(f"there is no column '{short(name)}'", f"choose from: {have}", file=self.source or None)

    def row_label(self, row: int) -> int | str:
        """Where row `row` (from 0) stands in the file: a line as an editor shows it, or a text such as `row 3 (from 0)`."""
        if self.lines is not None:
            return int(self.lines[row])
        first = self.info.get("first_line")
        return int(first) + row if first is not None else f"row {row} (counted from 0)"

    def where(self, row: int, column: str) -> dict[str, Any]:
        """UserError's `row` and `column` for a cell; a cell of a spreadsheet is named as there, B5."""
        letters = self.info.get("letters", {}).get(column)
        if letters is not None and self.lines is not None:
            return {"row": f"cell {letters}{int(self.lines[row])}", "column": column}
        return {"row": self.row_label(row), "column": column}

    def take(self, rows: np.ndarray) -> Table:
        """The table of the rows `rows` (m,) alone, each still knowing its line in the file."""
        first = self.info.get("first_line")
        lines = None if first is None else np.arange(first, first + self.rows)[rows]
        lines = lines if self.lines is None else self.lines[rows]
        return replace(self, columns=tuple(c.take(rows) for c in self.columns), lines=lines)

    def append(self, values: dict[str, np.ndarray]) -> Table:
        """The table with rows added: `values` maps column names to arrays of one length; other columns get missing cells."""
        m = len(next(iter(values.values())))
        columns = []
        for c in self.columns:
            new = values.get(c.name)
            if new is None:
                new = np.full(m, np.nan) if c.numeric else np.full(m, -1, np.int64)
            columns.append(replace(c, values=frozen(np.concatenate([c.values, np.asarray(new, c.values.dtype)]))))
        return replace(self, columns=tuple(columns), lines=None, sha256="")


@dataclass(frozen=True, eq=False)
class Dataset:
    """What a model is fitted to: the chosen columns of a table without the rows that were left out.

    `x` (n, d) float64, C-contiguous, read-only, in the data's own units; `rows` (n,) the rows of the table they are;
    `dropped` the rows of the table left out because of missing cells; `weights` (n,) or None for ones (row weights), and
    `weighing` the name of the column that holds them, which is never fitted;
    `truth` the name of the column to colour and judge by, or None; `origin` the columns of the file that `x` was read from
    where they are not those of `names` (coin tosses as text). Where missing cells are kept, `mask` (n, d) is True for them
    and `x` holds the mean of the column's known cells in their place; None where no cell is missing.
    Where the order of the rows counts, `series` (S + 1,) are the offsets of S series: series s is rows series[s] to
    series[s + 1] - 1, in the order of time, and no row was left out of it. `sequence` and `time` name the columns that
    the series and their order were read from, if any.
    """

    table: Table
    names: tuple[str, ...]
    x: np.ndarray
    rows: np.ndarray
    dropped: np.ndarray
    weights: np.ndarray | None = None
    truth: str | None = None
    origin: tuple[str, ...] = ()
    mask: np.ndarray | None = None
    series: np.ndarray | None = None
    sequence: str | None = None
    time: str | None = None
    weighing: str | None = None
    _memo: dict = field(default_factory=dict, repr=False)

    @property
    def n(self) -> int:
        """How many rows are used."""
        return self.x.shape[0]

    @property
    def d(self) -> int:
        """How many numbers a row has."""
        return self.x.shape[1]

    @property
    def observed(self) -> np.ndarray:
        """(n, d) the rows with NaN for missing cells."""
        return self.x if self.mask is None else np.where(self.mask, np.nan, self.x)

    @property
    def offsets(self) -> np.ndarray:
        """(S + 1,) where each series begins, and n: all rows are one series where nothing else is known."""
        return np.array([0, self.n]) if self.series is None else self.series

    @property
    def total(self) -> float:
        """The sum of the row weights: the n of BIC."""
        return float(self.n) if self.weights is None else float(self.weights.sum())

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(self.table.column(n) for n in self.names)

    def memo(self, key: str, make: Callable[[], T]) -> T:
        """A value derived from these data alone, made once (or once more, after `forget`)."""
        known = self._memo.get(key, self)  # asked once: another thread may forget meanwhile
        if known is not self:
            return known
        value = self._memo[key] = make()
        return value

    def forget(self) -> None:
        """Let go of the derived values that take memory for the rows; they are made again when somebody asks."""
        for key, value in list(self._memo.items()):
            if value is not None and not isinstance(value, str):
                self._memo.pop(key, None)

    def truth_codes(self) -> tuple[np.ndarray, tuple[str, ...]] | None:
        """((n,) codes, levels) of the truth for the used rows, or None; -1 where it is missing."""
        if self.truth is None:
            return None
        c = self.table.column(self.truth)
        if not c.numeric:
            return c.values[self.rows], c.levels
        values = c.values[self.rows]
        levels = np.unique(values[~np.isnan(values)])
        codes = np.where(np.isnan(values), -1, np.searchsorted(levels, values))
        return codes, tuple(f"{v:g}" for v in levels)


def fitted_columns(table: Table) -> tuple[str, ...]:
    """The columns fitted when nobody chose: the numeric ones that do not name, order, label or weigh rows."""
    aside = (table.info.get("sequence"), table.info.get("time"), table.info.get(ASIDE))
    return tuple(c.name for c in table.columns if c.numeric and c.fit and c.name not in aside)


def dataset(
    table: Table,
    names: Sequence[str] | None = None,
    *,
    missing: Missing = "drop",
    weights: str | None = None,
    truth: str | None = None,
) -> Dataset:
    """The Dataset of the columns `names` (default: `fitted_columns`).

    Rows with a missing cell in a chosen column (or weight) are left out, or are an error naming the first cell, or with
    `marginal` they stay, all but those without a weight.
    Raises UserError for a text column, an unknown column, no column, a column both fitted and weighing, or no row left.
    """
    chosen = tuple(names) if names is not None else tuple(n for n in fitted_columns(table) if n != weights)
    file = table.source or None
    if not chosen:
        raise UserError(
            "there is no numeric column to fit", "choose a file with at least one column of numbers", file=file
        )
    for name in chosen:
        if chosen.count(name) > 1:
            raise UserError(f"the column {name!r} is chosen twice", "name it once", file=file)
        if not table.column(name).numeric:
            remedy = "choose columns of numbers; a text column can serve as the truth"
            raise UserError("the column holds text and cannot be fitted", remedy, file=file, column=name)
    scales = weight_columns(table, weights, chosen)
    fitted = [table.column(n) for n in chosen]
    rows, dropped = complete_rows(table, scales if missing == "marginal" else fitted + scales, missing)
    x = np.ascontiguousarray(np.stack([table.column(n).values[rows] for n in chosen], axis=1), dtype=np.float64)
    w = None if weights is None else row_weights(table.column(weights).values[rows], table, rows, weights)
    if truth is not None:
        table.column(truth)
    mask = _filled(x, table, chosen)
    return Dataset(table, chosen, frozen(x), frozen(rows), frozen(dropped), w, truth, mask=mask, weighing=weights)


def _filled(x: np.ndarray, table: Table, names: Sequence[str]) -> np.ndarray | None:
    """The mask of the missing cells of `x`, which get the mean of their column's known ones; None without any."""
    mask = np.isnan(x)
    if not mask.any():
        return None
    for j in np.flatnonzero(mask.any(0)):
        known = x[~mask[:, j], j]
        if not known.size:
            what = "the column has no value, all its cells are missing"
            raise UserError(what, "choose other columns", file=table.source or None, column=names[j])
        largest = np.abs(known).max()
        x[mask[:, j], j] = (known / largest).mean() * largest if largest > 0 else 0.0
    return frozen(mask)


def complete_rows(table: Table, used: Sequence[Column], missing: Missing) -> tuple[np.ndarray, np.ndarray]:
    """(rows without a missing cell in the columns `used`, rows left out); or the UserErrors that `dataset` says."""
    file = table.source or None
    gone = np.zeros(table.rows, bool)
    for c in used:
        gone |= c.missing
    dropped = np.flatnonzero(gone)
    if missing == "error" and dropped.size:
        row = int(dropped[0])
        column = next(c.name for c in used if c.missing[row])
        count = f"{dropped.size} row{'s' if dropped.size > 1 else ''} with missing cells in all"
        remedy = "leave such rows out with --missing drop, or fill the cell"
        raise UserError(f"the cell is missing ({count})", remedy, file=file, **table.where(row, column))
    rows = np.flatnonzero(~gone)
    if table.rows and not rows.size:
        raise UserError("every row has a missing cell", "choose other columns", file=file)
    return rows, dropped


def weight_columns(table: Table, weights: str | None, fitted: Sequence[str]) -> list[Column]:
    """The column `weights` that weighs the rows, none for None. UserError where it holds text or is among those `fitted`."""
    if weights is None:
        return []
    column, file = table.column(weights), table.source or None
    if not column.numeric:
        what = "the column holds text and cannot weigh rows"
        raise UserError(what, "name a column of numbers", file=file, column=weights)
    if weights in fitted:
        raise UserError(
            "the column is chosen to be fitted and to weigh rows", "name it once", file=file, column=weights
        )
    return [column]


def row_weights(values: np.ndarray, table: Table, rows: np.ndarray, name: str) -> np.ndarray:
    """`values` as row weights, or a UserError where one is negative, not finite, or all are zero; no rows have none."""
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    where = {"file": table.source or None}
    if bad.size:
        i = int(bad[0])
        raise UserError(
            f"the weight {values[i]:g} is not a finite number of 0 or more",
            "correct it",
            **table.where(int(rows[i]), name),
            **where,
        )
    if values.size and not values.sum() > 0:
        raise UserError("all weights are zero", "give at least one row a positive weight", column=name, **where)
    return frozen(np.array(values, np.float64))


def painted(
    points: Iterable[Sequence[float]] = (), names: Sequence[str] = ("x", "y"), name: str = "Painted points"
) -> Table:
    """A table of points that a person drew: columns of numbers without unit."""
    x = np.asarray(list(points), np.float64).reshape(-1, len(names))
    columns = tuple(Column(n, "number", frozen(np.ascontiguousarray(x[:, j]))) for j, n in enumerate(names))
    return Table(name, columns)
