"""Coin tosses in a table, in any of their forms, as heads and tails.

One row is one trial: columns `heads` with `tosses` (or `flips`, `trials`, or with `tails`); else text such as HTTTHHTHTH;
else columns of 0 and 1, one for each toss. The first form that is there counts; where another one says something else of a
row, that row is wrong. A column `coin` or `true_coin` holds which coin was tossed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emstudio.core.data import Column, Dataset, Missing, Table, complete_rows, frozen, row_weights, weight_columns
from emstudio.core.errors import UserError, printable

HEADS, TAILS, TOSSES = "heads", "tails", ("tosses", "flips", "trials")
COINS = ("coin", "true_coin")
TOSSES_TEXT = re.compile(r"[HhTt\s]*[HhTt][HhTt\s]*")
LARGEST = 2.0**53  # beyond it a double does not hold every whole number
_SHOWN = 20  # characters of a wrong text in a message


@dataclass(frozen=True, eq=False)
class Form:
    """One way in which a table holds tosses: (n,) heads and tails of every row, NaN where a cell is missing."""

    columns: tuple[Column, ...]
    heads: np.ndarray
    tails: np.ndarray
    read: tuple[str, ...] = ()  # names of the columns looked at

    @property
    def names(self) -> tuple[str, ...]:
        """The columns it was read from."""
        return tuple(c.name for c in self.columns)


def forms(table: Table, columns: Sequence[Column], chosen: bool = False) -> list[Form]:
    """The forms in which `columns` hold tosses, the first one first. Raises UserError for a wrong cell.

    `chosen`: a person named the columns, so that what is no count and no text is meant as columns of 0 and 1.
    """
    first, text = counted(table, columns), spelled(columns)
    rest = [c for c in columns if c.numeric and (first is None or c.name not in first.read)]
    sure = chosen and first is None and text is None
    if sure:
        refuse_half(table, columns)
    return [f for f in (first, text, flipped(table, rest, sure)) if f is not None]


def counted(table: Table, columns: Sequence[Column]) -> Form | None:
    """Columns heads and tosses, or heads and tails."""
    named = {c.name.strip().lower(): c for c in reversed(columns) if c.numeric}
    heads, tails = named.get(HEADS), named.get(TAILS)
    tosses = next((named[n] for n in TOSSES if n in named), None)
    if heads is None or (tosses is None and tails is None):
        return None
    used = [c for c in (heads, tosses, tails) if c is not None]
    for c in used:
        refuse_uncountable(table, c)
    if tosses is None:
        assert tails is not None
        return Form((heads, tails), heads.values, tails.values, tuple(c.name for c in used))
    rest = tosses.values - heads.values
    refuse(table, rest < 0, heads, lambda i: f"there are more heads than tosses, {heads.text(i)} of {tosses.text(i)}")
    if tails is not None:
        wrong = tails.values != rest
        wrong &= ~(tails.missing | np.isnan(rest))
        sum_of = lambda i: f"{heads.text(i)} heads and {tails.text(i)} tails are not {tosses.text(i)} tosses"  # noqa: E731
        refuse(table, wrong, tosses, sum_of)
    return Form((heads, tosses), heads.values, rest, tuple(c.name for c in used))


def spelled(columns: Sequence[Column]) -> Form | None:
    """Columns of text such as HTTTH; several are joined."""
    used = tuple(c for c in columns if c.kind == "tosses")
    if not used:
        return None
    heads, tails = np.zeros(len(used[0].values)), np.zeros(len(used[0].values))
    for c in used:
        for letter, total in (("H", heads), ("T", tails)):
            counts = np.array([level.count(letter) for level in c.levels] + [np.nan])
            total += counts[c.values]
    return Form(used, heads, tails)


def flipped(table: Table, columns: Sequence[Column], chosen: bool) -> Form | None:
    """Columns of 0 and 1. One that is so for the most part has a wrong cell, as has any that was `chosen`."""
    used = []
    for c in columns:
        if c.name.strip().lower() == TAILS:
            continue
        strange = ~(c.missing | np.isin(c.values, (0.0, 1.0)))
        if chosen or 2 * strange.sum() < (~c.missing).sum():
            refuse(
                table, strange, c, lambda i, c=c: f"{c.text(i)} is neither 0 nor 1", "write 1 for heads, 0 for tails"
            )
            used.append(c)
    if not used:
        return None
    heads = np.stack([c.values for c in used]).sum(0)
    return Form(tuple(used), heads, len(used) - heads)


def refuse_uncountable(table: Table, c: Column) -> None:
    """UserError naming the first cell that is no count."""
    v = c.values
    with np.errstate(invalid="ignore"):
        wrong = ~c.missing & ((v < 0) | (v != np.floor(v)) | (v > LARGEST))
    refuse(table, wrong, c, lambda i: f"{c.text(i)} is no count", "give a whole number of 0 or more")


def refuse(
    table: Table, wrong: np.ndarray, c: Column, what: Callable[[int], str], remedy: str = "correct the row"
) -> None:
    """UserError of the first row that is `wrong` (n,) bool; `what(row)` says what is the matter."""
    rows = np.flatnonzero(wrong)
    if rows.size:
        row = int(rows[0])
        raise UserError(what(row), remedy, file=table.source or None, **table.where(row, c.name))


# -- which coin --------------------------------------------------------------------------------------------------------
def identity(table: Table) -> Column | None:
    """The column that says which coin was tossed."""
    named = {c.name.strip().lower(): c for c in reversed(table.columns)}
    return next((named[n] for n in COINS if n in named), None)


def coin_names(column: Column, rows: np.ndarray) -> tuple[str, ...]:
    """The sorted distinct values of the column in `rows`: numbers by size, texts by code point."""
    values = column.values[rows]
    present = values[~column.missing[rows]]
    if column.numeric:
        return tuple(f"{v:.17g}" for v in np.unique(present))
    return tuple(sorted({column.levels[v] for v in np.unique(present)}))


def known_codes(data: Dataset, coins: Sequence[str]) -> np.ndarray | None:
    """(n,) which of `coins` made each trial, -1 where the table does not say; None without such a column."""
    column = identity(data.table)
    if column is None:
        return None
    code = {name: k for k, name in enumerate(coins)}
    values, missing = column.values[data.rows], column.missing[data.rows]
    if column.numeric:
        texts = [f"{v:.17g}" for v in values]
    else:
        texts = [column.levels[v] if v >= 0 else "" for v in values]
    return np.array([-1 if gone else code.get(t, -1) for t, gone in zip(texts, missing)], np.int64)


# -- the data set ------------------------------------------------------------------------------------------------------
def candidates(table: Table, taken: Sequence[str | None]) -> tuple[str, ...]:
    """The columns that may hold tosses when nobody chose: those that name, order or label rows are left out."""
    which = identity(table)
    aside = {*taken, None if which is None else which.name}
    return tuple(c.name for c in table.columns if c.fit and c.name not in aside and c.kind != "category")


def coin_dataset(
    table: Table,
    names: Sequence[str] | None,
    *,
    missing: Missing,
    weights: str | None,
    truth: str | None,
    known: bool,
) -> Dataset:
    """The trials of `table` as a Dataset with columns heads and tails, read from the columns `names` or any there are.

    Columns that the table does not have in this form are added to it. With `known` the identities are needed too.
    Raises UserError where there are no tosses, forms disagree, or a cell is missing (`missing="error"`).
    """
    allowed = candidates(table, (weights, truth)) if names is None else tuple(names)
    columns = [table.column(n) for n in allowed]
    for c in columns:
        if c.kind == "category":
            raise no_tosses(table, [c])
    found = forms(table, columns, chosen=names is not None)
    if not found:
        raise no_tosses(table, table.columns)
    form, others = found[0], same_tosses(found)
    used = list(form.columns) + weight_columns(table, weights, allowed)
    which = identity(table)
    if known:
        if which is None:
            what = "there is no column 'coin' that says which coin was tossed"
            raise UserError(what, "add it, or leave out identities=known", file=table.source or None)
        used.append(which)
    rows, dropped = complete_rows(table, used, missing)
    for other in others:
        refuse_disagreement(table, form, other, rows)
    table, heads, tails = with_counts(table, form)
    x = frozen(np.ascontiguousarray(np.stack([form.heads[rows], form.tails[rows]], axis=1)))
    w = None if weights is None else row_weights(table.column(weights).values[rows], table, rows, weights)
    origin = form.names if form.names != (heads, tails) else ()
    if truth is not None:
        table.column(truth)
    return Dataset(table, (heads, tails), x, frozen(rows), frozen(dropped), w, truth, origin, weighing=weights)


def same_tosses(found: Sequence[Form]) -> list[Form]:
    """The forms beside the first that hold the same tosses; a 0/1 column of another meaning is none."""
    first, others = found[0], []
    for other in found[1:]:
        both = ~(np.isnan(first.heads) | np.isnan(other.heads))
        alike = (first.heads + first.tails == other.heads + other.tails)[both]
        if other.columns[0].kind == "tosses" or 2 * alike.sum() >= max(both.sum(), 1):
            others.append(other)
    return others


def refuse_disagreement(table: Table, form: Form, other: Form, rows: np.ndarray) -> None:
    """UserError naming the first of `rows` at which two forms of the tosses tell different counts."""
    known = np.zeros(table.rows, bool)
    known[rows] = True
    known &= ~(np.isnan(form.heads) | np.isnan(other.heads))
    with np.errstate(invalid="ignore"):
        wrong = known & ((form.heads != other.heads) | (form.tails != other.tails))

    def what(i: int) -> str:
        said = [f"{f.heads[i]:g} heads and {f.tails[i]:g} tails in {listed(f.names)}" for f in (form, other)]
        return f"two forms of the tosses disagree: {said[0]}, {said[1]}"

    refuse(table, wrong, form.columns[0], what)


def listed(names: Sequence[str]) -> str:
    """Names for a sentence: the first to the last where there are many."""
    shown = [printable(n) for n in names]
    return ", ".join(shown) if len(shown) < 4 else f"{shown[0]} to {shown[-1]}"


def refuse_half(table: Table, columns: Sequence[Column]) -> None:
    """UserError where there are heads without the number of tosses, or the other way round."""
    for c in columns:
        if c.numeric and c.name.strip().lower() in (HEADS, TAILS, *TOSSES):
            if set(np.unique(c.values[~c.missing])) <= {0.0, 1.0}:
                continue
            remedy = "give heads together with tosses, flips, trials or tails"
            what = "this column alone does not tell heads and tosses"
            raise UserError(what, remedy, file=table.source or None, column=c.name)


def no_tosses(table: Table, columns: Sequence[Column]) -> UserError:
    """What to say where no form of tosses is found: of a text that is nearly one, its first wrong cell."""
    file = table.source or None
    which = identity(table)
    for c in columns:
        if c.kind != "category" or c is which:
            continue
        sound = np.array([*(bool(TOSSES_TEXT.fullmatch(level)) for level in c.levels), True])
        wrong = ~sound[c.values]
        if 2 * wrong.sum() < (~c.missing).sum():
            row = int(np.flatnonzero(wrong)[0])
            text = c.text(row)
            shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
            what = f"{shown!r} is no row of tosses"
            return UserError(what, "write H for heads and T for tails", file=file, **table.where(row, c.name))
    try:
        refuse_half(table, columns)
    except UserError as error:
        return error
    remedy = "give columns heads and tosses, a text column such as HTTTHHTHTH, or columns of 0 and 1"
    return UserError("there are no coin tosses", remedy, file=file)


def with_counts(table: Table, form: Form) -> tuple[Table, str, str]:
    """(the table with columns of heads and tails, their names); columns that it lacks, or has otherwise, are added."""
    names = []
    for name, values in ((HEADS, form.heads), (TAILS, form.tails)):
        own = next((c for c in table.columns if c.name.strip().lower() == name and c.numeric), None)
        if own is not None and np.array_equal(own.values, values, equal_nan=True):
            names.append(own.name)
            continue
        while name in table.names:
            name += " counted"
        column = Column(name, "count", frozen(np.array(values, np.float64)))
        table = replace(table, columns=(*table.columns, column))
        names.append(name)
    return table, names[0], names[1]


def is_counted(names: Sequence[str]) -> bool:
    """Whether columns of these names are those of a coin Dataset: heads, tails."""
    return len(names) == 2 and all(n.strip().lower().startswith(w) for n, w in zip(names, (HEADS, TAILS)))


def default_columns(table: Table, taken: Sequence[str | None]) -> tuple[str, ...]:
    """The columns that tosses are read from when nobody chose. Raises UserError where there are none."""
    found = forms(table, [table.column(n) for n in candidates(table, taken)])
    if not found:
        raise no_tosses(table, table.columns)
    return found[0].names


def cells(x: np.ndarray, names: Sequence[str] | None, rng: np.random.Generator) -> tuple[Sequence[str], list]:
    """(column names, cells) of trials `x` (m, 2) of heads and tails, in the form that columns `names` hold.

    Tosses come in random order where the form has one. Without names, or in columns of another number of tosses, counts.
    """
    heads, tails = x[:, 0].tolist(), x[:, 1].tolist()
    lower = [n.strip().lower() for n in names or ()]
    if len(lower) == 2 and HEADS in lower:
        other = 1 - lower.index(HEADS)
        rest = tails if lower[other] == TAILS else [h + t for h, t in zip(heads, tails)]
        rows = [(r, h) if other == 0 else (h, r) for h, r in zip(heads, rest)]
        return names or (), [list(row) for row in rows]
    orders = [rng.permutation([1] * h + [0] * t).tolist() for h, t in zip(heads, tails)] if names else []
    if names and len(names) == 1 and not all(len(order) == 1 for order in orders):
        return names, [["".join("HT"[1 - toss] for toss in order)] for order in orders]
    if names and all(len(order) == len(names) for order in orders):
        return names, orders
    return (HEADS, TOSSES[0]), [[h, h + t] for h, t in zip(heads, tails)]
