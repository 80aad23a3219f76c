"""Edits of coin tosses: pure functions from a moment to the moment after the edit. Every form in the table is kept true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from emstudio.core import edits
from emstudio.core.data import Column, Dataset, Table, frozen
from emstudio.core.em import Moment, blank
from emstudio.core.errors import UserError, printable
from emstudio.core.trials import Trial
from emstudio.models import coin_data
from emstudio.models.coins_pictures import flip_columns, outcomes


def tossed(table: Table) -> bool:
    """Whether a table says of itself that it holds coin tosses: by heads with tosses, or by texts such as HTTTH."""
    named = {c.name.strip().lower() for c in table.columns if c.numeric and c.fit}
    counted = coin_data.HEADS in named and bool(named & {coin_data.TAILS, *coin_data.TOSSES})
    return counted or any(c.kind == "tosses" and c.fit for c in table.columns)


def flip(moment: Moment, row: int, toss: int) -> Moment:
    """Toss `toss` (from 0) of row `row` of the dataset turned over; nothing where only the counts are known."""
    rows = outcomes(moment.data)
    if rows is None or not 0 <= row < len(rows) or not 0 <= toss < len(rows[row]):
        return moment
    spelled = rows[row][:toss] + ("T" if rows[row][toss] == "H" else "H") + rows[row][toss + 1 :]
    return rewrite(moment, row, Trial(spelled.count("H"), len(spelled), spelled))


def rewrite(moment: Moment, row: int, trial: Trial) -> Moment:
    """Row `row` of the dataset is this trial now. Raises UserError where the table cannot hold it."""
    data = moment.data
    table = _written(data, data.table, int(data.rows[row]), trial)
    return edits.with_data(moment, table, moment.snapshot.resp)


def add(moment: Moment, trial: Trial) -> Moment:
    """A trial more, below the others. Raises UserError where the table cannot hold it."""
    data = moment.data
    empty = not data.table.rows and bool(data.table.info.get("painted"))  # its columns x and y are no tosses
    if empty or not coin_data.is_counted(data.names):
        return _first(moment, trial)
    if getattr(moment.model, "known", False) and not trial.coin:
        raise UserError("which coin was tossed?", "write its name in front, such as " + _example(data))
    blank = np.full(1, np.nan) if data.table.columns[0].numeric else np.full(1, -1, np.int64)
    longer = data.table.append({data.table.columns[0].name: blank, **edits.counting_once(data, 1)})
    table = _written(data, longer, data.table.rows, trial)
    resp = moment.snapshot.resp
    carried = None
    if resp is not None:
        carried = np.concatenate([resp, np.full((1, resp.shape[1]), np.nan, resp.dtype)])
    return edits.with_data(moment, table, carried)


def respelled(data: Dataset, table: Table, rows: np.ndarray, known: bool) -> Table:
    """`table`, an edit of that of `data`, with the heads and tails of `rows` in all forms that it has.

    Raises UserError where a form cannot hold them, or where the coins are `known` and not that of a new row.
    """
    which = coin_data.identity(table)
    if known and which is not None and which.missing[rows].any():
        raise UserError("which coin was tossed?", "type the trial with its name in front, such as " + _example(data))
    heads, tails = (table.column(name).values for name in data.names)
    for row in rows.tolist():
        table = _written(data, table, row, Trial(int(heads[row]), int(heads[row] + tails[row])))
    return table


def _first(moment: Moment, trial: Trial) -> Moment:
    """The first trial of a table of its own, in the place of an empty canvas."""
    if moment.data.table.rows:
        raise UserError(
            "these data are no coin tosses", "take a new empty canvas first (Ctrl+N), or open a file of tosses"
        )
    values = frozen(np.zeros(1, np.int64))
    table = Table("Typed trials", (Column("tosses", "tosses", values, levels=(trial.spelled,)),))
    m = moment
    return blank(m.model.dataset(table), m.model, m.start, m.seed, m.number, m.how, m.acceleration is not None)


def _example(data: Dataset) -> str:
    which = coin_data.identity(data.table)
    names = coin_data.coin_names(which, data.rows) if which is not None else ()
    return f"{printable(names[0]) if names else 'A'}: HTTHH"


def _written(data: Dataset, table: Table, row: int, trial: Trial) -> Table:
    """The table with `trial` in its row `row`, in all forms that it has."""
    flips = flip_columns(data)
    spelled = [c.name for c in table.columns if c.kind == "tosses" and c.fit]
    which = coin_data.identity(table)
    if flips and not spelled and len(flips) != trial.tosses and set(flips) <= set(data.origin):
        raise UserError(
            f"this table holds {len(flips)} tosses in each trial, not {trial.tosses}",
            f"type {len(flips)} of H and T",
        )
    cells: dict[str, float | str] = {}
    for name, value in ((data.names[0], trial.heads), (data.names[1], trial.tails)):
        cells[name] = float(value)
    for c in table.columns:
        name = c.name.strip().lower()
        if c.name == data.weighing:
            continue
        if c.numeric and name in coin_data.TOSSES:
            cells[c.name] = float(trial.tosses)
        elif c.numeric and name in (coin_data.HEADS, coin_data.TAILS):
            cells[c.name] = float(trial.heads if name == coin_data.HEADS else trial.tails)
    cells |= dict(zip(flips, (float(side == "H") for side in trial.spelled), strict=False))
    cells |= dict.fromkeys(flips[trial.tosses :], float("nan"))
    cells |= _parts(table, spelled, row, trial.spelled)
    if which is not None and trial.coin:
        cells[which.name] = trial.coin
    columns = tuple(_with_cell(c, row, cells[c.name]) if c.name in cells else c for c in table.columns)
    return replace(table, columns=columns, sha256="")


def _parts(table: Table, names: list[str], row: int, spelled: str) -> dict[str, str]:
    """The tosses as text; where several columns hold them, each keeps its length and the last takes what is left."""
    if not names:
        return {}
    lengths = [len(table.column(n).text(row)) for n in names[:-1]]
    if any(n == 0 for n in lengths):
        lengths = [len(spelled)] + [0] * (len(names) - 2)
    ends = np.cumsum([0, *lengths]).tolist()
    parts = [spelled[a:b] for a, b in zip(ends, [*ends[1:], len(spelled)], strict=True)]
    if not all(parts):
        raise UserError(
            "this trial is too short for the table's columns of tosses", f"type at least {len(names)} tosses"
        )
    return dict(zip(names, parts, strict=True))


def _with_cell(c: Column, row: int, value: float | str) -> Column:
    values = c.values.copy()
    if c.numeric:
        try:
            values[row] = float(value)
        except ValueError:
            raise UserError(
                f"{value!r} is none of the coins", "write a coin that the table names", column=c.name
            ) from None
        return replace(c, values=frozen(values))
    text = str(value)
    levels = c.levels if text in c.levels else (*c.levels, text)
    values[row] = levels.index(text)
    return replace(c, values=frozen(values), levels=levels)
