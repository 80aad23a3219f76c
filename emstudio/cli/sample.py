"""`emstudio sample`: rows drawn from a fitted model, first the component of each, then its values; of a chain one series."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np

import emstudio.models  # noqa: F401  (fills the registry)
from emstudio import storage
from emstudio.cli.options import Parser, whole
from emstudio.core.chain import Chain
from emstudio.core.data import dataset, painted
from emstudio.core.errors import UserError

DONE = 0
COMPONENT, SERIES, STATE = "component", "series", "state"
LARGEST = 100_000_000


def parser() -> Parser:
    p = Parser("sample", "Draws rows from a fitted model: a component for each, then its values.")
    p.add_argument("model", metavar="MODEL.json", help="what fit --json wrote")
    p.value("-n", metavar="N", help="how many rows")
    p.value("--seed", metavar="S", help="of everything that is drawn (default: 0)")
    p.value("-o", metavar="OUT.csv", help="where the rows go; - is standard output")
    return p


def sample(arguments: Sequence[str]) -> int:
    options = parser().parse(arguments)
    if options.n is None:
        raise UserError("-n must be given", "say how many rows to draw")
    n, seed = whole("-n", options.n, 0, low=1), whole("--seed", options.seed, 0)
    if n > LARGEST:
        raise UserError(f"-n {n} is too many", f"give at most {LARGEST}")
    if options.o is None:
        raise UserError("-o must be given", "name a file, or - for standard output")
    with storage.Outputs([options.model]) as outputs:
        outputs.name("-o", options.o)
        fitted = storage.read_model(options.model)
        with storage.named(options.model):
            names, cells, component = drawn(fitted, n, np.random.default_rng(seed))
        drawing = {COMPONENT: component}
        if isinstance(fitted.model, Chain):
            drawing = {SERIES: np.zeros(n, int), STATE: component}
        outputs.stage("-o", text(names, cells, drawing).encode())
        outputs.commit()
    return DONE


def drawn(fitted: storage.ModelFile, n: int, rng: np.random.Generator) -> tuple[Sequence[str], list, np.ndarray]:
    """(column names, cells of n rows in the data's own units, (n,) components). UserError for an unsound model."""
    names = fitted.columns
    if names is not None:
        fitted.model.check(dataset(painted((), names)), fitted.params)
    x, component = fitted.model.sample(fitted.params, n, rng)
    if fitted.scale is not None:
        if len(fitted.scale.means) != x.shape[1]:
            what = f"data.scale is for {len(fitted.scale.means)} columns and params for {x.shape[1]}"
            raise UserError(what, "give one mean and sd for each column")
        x = x * fitted.scale.sds + fitted.scale.means
    return *fitted.model.cells(x, names, rng), component


def text(names: Sequence[str], cells: list, drawing: dict[str, np.ndarray]) -> str:
    """The rows as CSV, each value such that it reads back as the same double; whole numbers where the model has them.

    Behind the values the columns of `drawing` follow: what was drawn first.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*names, *(name if name not in names else f"{name}_drawn" for name in drawing)])
    for row, *drawn_first in zip(cells, *(values.tolist() for values in drawing.values())):
        writer.writerow([*row, *drawn_first])
    return out.getvalue()
