"""Which family each column of a product mixture has, and its cells as numbers: categories become codes."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from emstudio.core.data import Column, Dataset, Missing, Table, complete_rows, frozen, row_weights, weight_columns
from emstudio.core.errors import UserError, printable

FAMILIES = ("gaussian", "categorical", "poisson")
_BY_KIND = {"number": "gaussian", "count": "poisson", "category": "categorical", "tosses": "categorical"}
_SEPARATOR = re.compile(rf":({'|'.join(FAMILIES)})(?:,|$)")

Categories = tuple[tuple[str, tuple[str, ...]], ...]


def parse(text: str) -> dict[str, str]:
    """{column: family} of `COLUMN:gaussian,COLUMN:categorical`; a column's name may hold commas and colons. UserError."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        end = _SEPARATOR.search(text, at)
        if end is None or end.start() == at:
            raise UserError(
                f"families={text} cannot be read",
                f"write COLUMN:FAMILY with commas between, FAMILY being {', '.join(FAMILIES)}",
            )
        name = text[at : end.start()]
        if name in found:
            raise UserError(f"families names the column {name!r} twice", "name it once")
        found[name] = end[1]
        at = end.end()
    return found


def written(families: Sequence[tuple[str, str]]) -> str:
    """`COLUMN:FAMILY` with commas between, as `parse` reads it."""
    return ",".join(f"{name}:{family}" for name, family in families)


def family_of(column: Column, given: dict[str, str]) -> str:
    """The family given for the column, or that of its kind. UserError where its cells do not fit."""
    family = given.get(column.name) or _BY_KIND[column.kind]
    if family != "categorical" and not column.numeric:
        raise UserError(
            f"the column holds text and cannot be {family}", f"write {column.name}:categorical", column=column.name
        )
    return family


def default_columns(table: Table, given: dict[str, str], taken: Sequence[str | None]) -> tuple[str, ...]:
    """Columns of numbers and of categories that do not name, order or label rows; those that `given` names too."""
    for name in given:
        table.column(name)
    return tuple(c.name for c in table.columns if c.name in given or (c.fit and c.name not in taken))


def levels_of(column: Column, rows: np.ndarray) -> tuple[str, ...]:
    """The categories that occur in `rows`: numbers by size, texts by code point."""
    present = np.unique(column.values[rows][~column.missing[rows]])
    if column.numeric:
        return tuple(f"{v:.17g}" for v in present)
    return tuple(sorted(column.levels[v] for v in present))


def codes(column: Column, rows: np.ndarray, levels: Sequence[str], table: Table) -> np.ndarray:
    """(n,) the category of each row as its place among `levels`. UserError naming a row whose category is none of them."""
    place = {level: float(i) for i, level in enumerate(levels)}
    values = column.values[rows]
    texts = [f"{v:.17g}" for v in values] if column.numeric else [column.levels[v] for v in values]
    made = np.array([place.get(t, -1.0) for t in texts])
    strange = np.flatnonzero(made < 0)
    if strange.size:
        row = int(rows[strange[0]])
        shown = ", ".join(map(printable, levels[:8])) + (", ..." if len(levels) > 8 else "")
        what = f"{column.text(row)!r} is none of the categories {shown}"
        remedy = "fit the model to such rows too, or leave the row out"
        raise UserError(what, remedy, file=table.source or None, **table.where(row, column.name))
    return made


def product_dataset(
    table: Table,
    names: Sequence[str],
    given: dict[str, str],
    known: Categories,
    *,
    missing: Missing,
    weights: str | None,
    truth: str | None,
) -> Dataset:
    """The columns `names` as numbers, categories as codes into `known` or, where it has none, those that occur.

    Raises UserError for a missing cell (`missing="error"`), a family that does not fit, a category not known.
    """
    file = table.source or None
    if not names:
        raise UserError("there is no column to fit", "choose a file with at least one column", file=file)
    for name in names:
        if list(names).count(name) > 1:
            raise UserError(f"the column {name!r} is chosen twice", "name it once", file=file)
    columns = [table.column(n) for n in names]
    rows, dropped = complete_rows(table, columns + weight_columns(table, weights, names), missing)
    x = np.empty((len(rows), len(columns)))
    levels = dict(known)
    for j, c in enumerate(columns):
        try:
            family = family_of(c, given)
        except UserError as error:
            error.file = file
            raise
        if family == "categorical":
            x[:, j] = codes(c, rows, levels.get(c.name) or levels_of(c, rows), table)
        else:
            x[:, j] = c.values[rows]
    w = None if weights is None else row_weights(table.column(weights).values[rows], table, rows, weights)
    if truth is not None:
        table.column(truth)
    return Dataset(table, tuple(names), frozen(x), frozen(rows), frozen(dropped), w, truth, weighing=weights)
