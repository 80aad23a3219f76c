"""`emstudio predict`: labels, responsibilities and log-densities of new rows under a fitted model."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

import emstudio.models  # noqa: F401  (fills the registry)
from emstudio import storage, tables
from emstudio.cli import source
from emstudio.cli.options import Parser
from emstudio.cli.say import grid, must_be_seen, report, warn
from emstudio.core import selection
from emstudio.core.data import Dataset, Table
from emstudio.core.errors import Notice, UserError, listed, printable, short
from emstudio.core.format import letter
from emstudio.core.frame import LARGEST
from emstudio.core.model import Model

DONE, WARNED = 0, 3
FORMAT, VERSION = "emstudio-prediction", 1


def parser() -> Parser:
    p = Parser("predict", "Says which component made each row of a table, and how likely the row is.")
    p.add_argument("model", metavar="MODEL.json", help="what fit --json wrote")
    source.add_options(p)
    p.value("-o", metavar="OUT.csv", help="where the rows go (default: standard output)")
    p.value("--json", metavar="OUT.json", help="log-likelihood and counts as JSON")
    return p


def predict(arguments: Sequence[str]) -> int:
    options = parser().parse(arguments)
    source.check_options(options)
    with storage.Outputs([options.data, options.model]) as outputs:
        outputs.name("-o", options.o or ("-" if options.o is None else ""))
        outputs.name("--json", options.json)
        fitted = storage.read_model(options.model)
        table = tables.read(options.data)
        data, notices = chosen(table, fitted, options)
        refuse_huge(data)
        if fitted.scale is not None:
            if len(fitted.scale.means) != data.d:
                what = f"data.scale is for {len(fitted.scale.means)} columns and params for {data.d}"
                raise UserError(what, "give one mean and sd for each column", file=options.model)
            data = fitted.scale.apply(data)
        resp, density = storage.responsibilities(fitted.model, data, fitted.params)
        refuse_impossible(data, density)
        path = storage.decoded(fitted.model, data, fitted.params)
        lines = storage.labels_csv(data, resp, density, None if path is None else path[0])
        outputs.stage("-o", "".join(lines).encode())
        document = summary(data, resp, density, notices)
        if path is not None:
            document |= paths(data, density, path[1])
        outputs.stage("--json", storage.json_text(document))
        outputs.commit()
        warn(notices)
        if not outputs.to_stdout:
            report(predict_report(document, fitted.model))
    return WARNED if must_be_seen(notices) else DONE


def chosen(table: Table, fitted: storage.ModelFile, options: argparse.Namespace) -> tuple[Dataset, list[Notice]]:
    """The columns the model was fitted to: by name where the model file has names, else in order."""
    default = fitted.columns
    if default is not None and options.columns is None:
        absent = [name for name in default if name not in table.names]
        if absent:
            what = f"the model needs the column '{short(absent[0])}', and there is none"
            remedy = f"name as many with --columns; there are: {listed(table.names)}"
            raise UserError(what, remedy, file=table.source or None)
    data, notices = source.chosen(table, options, fitted.model, default)
    if fitted.sequence is not None and options.sequence is None:
        what = (
            f"the model was fitted to series that the column '{short(fitted.sequence)}' tells apart; all rows are taken"
        )
        notices.append(Notice("input", f"{what} as one series, as --sequence names none"))
    fitted.model.inspect(data)
    with storage.named(fitted.path):
        try:
            fitted.model.check(data, fitted.params)
        except UserError as error:
            if default is None and options.columns is None:
                error.remedy = "name the columns to use with --columns"
            raise
    return data, notices


def paths(data: Dataset, density: np.ndarray | None, levels: np.ndarray) -> dict:
    """What `predict --json` says of the series: their likelihoods, and their most probable paths with theirs."""
    assert density is not None
    found = []
    for first, end, level in zip(data.offsets[:-1].tolist(), data.offsets[1:].tolist(), levels.tolist()):
        own = float(density[first:end].sum())
        found.append({"first_row": first, "rows": end - first, "log_likelihood": own, "viterbi_log_probability": level})
    return {"viterbi_log_probability": levels.tolist(), "series": found}


def refuse_huge(data: Dataset) -> None:
    """UserError naming the first cell whose square no double can hold."""
    bad = np.argwhere(np.abs(data.x) > LARGEST)
    if bad.size:
        i, j = bad[0]
        where = {"file": data.table.source or None, "row": data.table.row_label(int(data.rows[i]))}
        raise UserError(f"{data.x[i, j]:g} is too large", "correct the cell", column=data.names[j], **where)


def refuse_impossible(data: Dataset, density: np.ndarray | None) -> None:
    """UserError naming the first row that no component can have made, or whose density overflows."""
    if density is None:
        return
    bad = np.flatnonzero(~np.isfinite(density))
    if bad.size:
        where = {"file": data.table.source or None, "row": data.table.row_label(int(data.rows[bad[0]]))}
        raise UserError("no component can have made this row: its density is 0 under all of them", "check it", **where)


def summary(data: Dataset, resp: np.ndarray, density: np.ndarray | None, notices: list[Notice]) -> dict:
    """The document of `predict --json`."""
    weighted = density if density is None or data.weights is None else density * data.weights
    document = {
        "format": FORMAT,
        "version": VERSION,
        "data": {
            "source": printable(data.table.source) or None,
            "rows": data.table.rows,
            "rows_used": data.n,
            "columns": list(data.origin or data.names),
            "sha256": data.table.sha256 or None,
        },
        "log_likelihood": None if weighted is None else float(weighted.sum()),
        "sizes": np.bincount(resp.argmax(axis=1), minlength=resp.shape[1]).tolist(),
        "warnings": [n.to_dict() for n in notices],
    }
    truth = data.truth_codes()
    if truth is not None:
        document["adjusted_rand_index"] = selection.adjusted_rand(resp.argmax(axis=1), truth[0])
    return document


def predict_report(document: dict, model: Model) -> str:
    about = document["data"]
    lines = [
        f"{about['source'] or 'data'}: {about['rows_used']} rows, {', '.join(map(printable, about['columns']))}",
    ]
    if document["log_likelihood"] is not None:
        lines.append(f"log-likelihood  {document['log_likelihood']:.6f}")
    if document.get("adjusted_rand_index") is not None:
        lines.append(f"adjusted Rand index  {document['adjusted_rand_index']:.4f}")
    sizes = [["component", *map(letter, model.parts)], ["rows", *document["sizes"]]]
    return "\n".join([*lines, "", grid(sizes)])
