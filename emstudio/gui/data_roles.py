"""What the data panel says of the data, and which columns it offers as the truth and as weights."""

from __future__ import annotations

from emstudio.core.chain_data import unobserved
from emstudio.core.data import Column, Dataset
from emstudio.core.format import tally
from emstudio.gui import theme

_FEW = 0.1  # so many cells below 0 of a column that may weigh are taken for mistakes, which are told when it does


def summary(data: Dataset) -> str:
    """`272 rows, 2 columns, none missing`: what is fitted; `185 steps in 5 series, 2 columns, 6 unobserved steps`."""
    if data.series is not None:
        return _series_summary(data)
    if not data.n:
        return "No points yet: click on the canvas"
    rows = tally(data.n, "row" if data.n == 1 else "rows", data.total)
    columns = f"{data.d} column{'s' if data.d != 1 else ''}"
    if data.mask is not None:
        return f"{rows}, {columns}, {theme.count(int(data.mask.sum()))} cells missing"
    return f"{rows}, {columns}" + ("" if len(data.dropped) else ", none missing")


def _series_summary(data: Dataset) -> str:
    if not data.n:
        return "No steps yet: draw the series"
    many = len(data.offsets) - 1
    steps = f"{theme.count(data.n)} step{'s' if data.n != 1 else ''}" + (
        f" in {theme.count(many)} series" if many > 1 else ""
    )
    parts = [steps, f"{data.d} column{'s' if data.d != 1 else ''}"]
    unseen = int(unobserved(data).sum())
    cells = 0 if data.mask is None else int(data.mask.sum()) - unseen * data.d
    if unseen:
        parts.append(f"{theme.count(unseen)} unobserved step{'s' if unseen != 1 else ''}")
    if cells:
        parts.append(f"{theme.count(cells)} cell{'s' if cells != 1 else ''} missing")
    return ", ".join(parts if unseen or cells else [*parts, "none missing"])


def truth_columns(data: Dataset) -> list[str]:
    """The columns that can serve as the truth: text, or numbers that name or label rows; never those fitted."""
    taken = (*data.names, data.sequence, data.time, data.weighing)
    return [c.name for c in data.table.columns if c.name not in taken and (not c.numeric or not c.fit)]


def weight_columns(data: Dataset) -> list[str]:
    """The columns that can weigh the rows: numbers without a unit that are rarely below 0, beside others that are fitted.

    What was painted and the bundled data sets have none: their columns are measurements and counts of their own.
    """
    table, fitted = data.table, data.origin or data.names
    if data.weighing is None and (table.info.get("painted") or "citation" in table.info):
        return []

    def able(c: Column) -> bool:
        if not (c.numeric and c.fit and not c.unit) or set(fitted) == {c.name} or c.name == data.truth:
            return False
        if data.origin and c.name in (*data.names, *data.origin):
            return False
        return bool((c.values < 0).sum() <= _FEW * (~c.missing).sum()) and not c.missing.all()

    return [c.name for c in table.columns if c.name == data.weighing or able(c)]
