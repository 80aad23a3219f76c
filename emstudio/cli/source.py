"""DATA and the options that say what of it is used: read, columns chosen, missing cells dealt with."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from emstudio import tables
from emstudio.cli.options import Parser, choice, names
from emstudio.cli.say import remarks
from emstudio.core.chain import Chain
from emstudio.core.data import Dataset, Table
from emstudio.core.errors import Notice, UserError, listed, short
from emstudio.core.model import Model

MISSING = ("error", "drop", "marginal")
_LISTED = 10  # columns named in a notice


def add_options(parser: Parser) -> None:
    parser.add_argument("data", metavar="DATA", help="a CSV, TSV, Parquet, Excel or .npy file, or dataset:NAME")
    parser.value(
        "--columns", metavar="A,B,C", help="columns to use (default: all of numbers that no other option names)"
    )
    parser.value("--weights", metavar="COLUMN", help="row weights; a whole number equals as many repeated rows")
    parser.value("--labels-column", metavar="COLUMN", help="known groups, for the adjusted Rand index only")
    parser.value("--missing", metavar="error|drop|marginal", help="rows with missing cells (default: error)")
    parser.value("--sequence", metavar="COLUMN", help="a new series starts where its value changes")
    parser.value("--time", metavar="COLUMN", help="orders the rows of a series, and must increase within each")


def check_options(options: argparse.Namespace) -> None:
    """UserError for what is wrong whatever the data."""
    choice("--missing", options.missing, MISSING)


def check_order(options: argparse.Namespace, model: type[Model]) -> None:
    """UserError where the options of series are given for a model whose rows have no order, or weights for one of series."""
    if issubclass(model, Chain):
        if options.weights is not None:
            what = f"--weights means nothing to the model {model.name}: a step of a series cannot count more than once"
            raise UserError(what, "leave it out")
        return
    for option, value in (("--sequence", options.sequence), ("--time", options.time)):
        if value is not None:
            what = f"{option} means nothing to the model {model.name}, whose rows have no order"
            raise UserError(what, "leave it out, or choose --model hmm")


def ordered(table: Table, options: argparse.Namespace, model: Model) -> dict[str, str | None]:
    """The columns that tell and order the series, as keywords of `Model.dataset`; {} for a model without."""
    if not isinstance(model, Chain):
        return {}
    return {"sequence": options.sequence, "time": options.time}


def chosen(
    table: Table, options: argparse.Namespace, model: Model, default: Sequence[str] | None = None
) -> tuple[Dataset, list[Notice]]:
    """The data set that the options choose of `table` for `model`, and what must be said. Raises UserError."""
    notices = remarks(table.notices)
    file = table.source or None
    check_order(options, type(model))
    named = {
        "--weights": options.weights,
        "--labels-column": options.labels_column,
        "--sequence": options.sequence,
        "--time": options.time,
    }
    for option, name in named.items():
        if name is not None and name not in table.names:
            what = f"{option} names '{short(name)}', and there is no such column"
            raise UserError(what, f"choose from: {listed(table.names)}", file=file)
    columns = names("--columns", options.columns, table.names)
    if columns is None:
        columns = default
    if columns is None:
        notices += left_out(table, usable(table, options, model), options, model)
    missing = choice("--missing", options.missing, MISSING)
    if missing == "marginal" and not model.marginal:
        what = f"--missing marginal means nothing to the model {model.name}"
        raise UserError(what, "leave such rows out with --missing drop")
    data = model.dataset(
        table,
        columns,
        missing=missing,
        weights=options.weights,
        truth=options.labels_column,
        **ordered(table, options, model),
    )
    if data.n == 0:
        raise UserError("there is no row of data", "add rows below the header", file=file)
    if data.dropped.size:
        rows = (
            "1 row with missing cells is"
            if data.dropped.size == 1
            else f"{data.dropped.size} rows with missing cells are"
        )
        notices.append(Notice("missing-dropped", f"{rows} left out", rows=tuple(int(r) for r in data.dropped[:10])))
    return data, notices


def usable(table: Table, options: argparse.Namespace, model: Model) -> tuple[str, ...]:
    """The columns used when none are named: those that the model can take and no other option names."""
    taken = (options.weights, options.labels_column, options.sequence, options.time)
    columns = model.columns(table, taken)
    if not columns:
        what = "there is no column of numbers to fit"
        raise UserError(what, "choose a file with one, or name one with --columns", file=table.source or None)
    return columns


def left_out(table: Table, columns: Sequence[str], options: argparse.Namespace, model: Model) -> list[Notice]:
    """A notice of the columns that nobody asked for or named; bundled data sets declare theirs, so nothing is amiss."""
    if table.source.startswith(tables.DATASET):
        return []
    named = {*columns, *model.beside(table), options.weights, options.labels_column, options.sequence, options.time}
    rest = [name for name in table.names if name not in named]
    if not rest:
        return []
    said = ", ".join(f"'{short(name)}'" for name in rest[:_LISTED]) + (", ..." if len(rest) > _LISTED else "")
    noun = "the column" if len(rest) == 1 else f"{len(rest)} columns"
    return [Notice("input", f"{noun} {said} {'is' if len(rest) == 1 else 'are'} not fitted")]
