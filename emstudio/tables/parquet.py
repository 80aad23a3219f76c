"""Parquet files by polars."""

from __future__ import annotations

import io

import numpy as np

from emstudio.core.data import Table
from emstudio.core.errors import UserError
from emstudio.tables import child
from emstudio.tables.cells import MOST_COLUMNS, Cells, Raw, build, some

MAGIC = b"PAR1"
MOST_CELLS = 500_000_000  # a few bytes of Parquet can announce any number of equal rows


def table_from_parquet(data: bytes, *, name: str, file: str, source: str, sha256: str) -> Table:
    """The table of a Parquet file; nested columns are left out with a notice. Raises UserError."""
    try:
        found, cells = child.unpack(__name__, data)
    except child.Damaged:
        what = "the Parquet file is damaged, encrypted, or of a kind that is not known"
        raise UserError(what, "write it again, or save the table as CSV", file=file) from None
    except UserError as e:
        raise UserError(e.what, e.remedy, file=file) from None
    names, nested = found["names"], found["nested"]
    if not names:
        raise UserError(
            "no column holds plain numbers or text", "save the table with one value in each cell", file=file
        )

    def place(row: int, column: int) -> dict:
        return {"row": f"row {row} (counted from 0)", "column": names[column]}

    built = build(Raw(names, cells, place, file, typed=True))
    notices = built.notices + ([f"left out, for their cells are lists or records: {some(nested)}"] if nested else [])
    info = {"format": "parquet", "delimiter": None, "encoding": None, "decimal_mark": None}
    return Table(name, built.columns, source, sha256, info, tuple(notices))


def unpack(data: bytes, _option: None) -> tuple[dict, list[Cells]]:
    """({names, nested: names of the columns left out}, cells by column)."""
    import polars as pl

    lazy = pl.scan_parquet(io.BytesIO(data))
    schema = lazy.collect_schema()
    rows = int(lazy.select(pl.len()).collect().item())
    if len(schema) > MOST_COLUMNS or rows * max(len(schema), 1) > MOST_CELLS:
        what = f"the file announces {rows:,} rows and {len(schema):,} columns, more than can be read"
        raise UserError(what, "split it, or choose columns before saving")
    nested = [n for n, t in schema.items() if t.is_nested() or t in (pl.Binary, pl.Object)]
    names = [n for n in schema if n not in nested]
    frame = pl.read_parquet(io.BytesIO(data), columns=names)
    return {"names": names, "nested": nested}, [cells_of(frame[n]) for n in names]


def cells_of(series) -> Cells:
    """A column as float64 with NaN for null, or as texts with an empty one for null."""
    import polars as pl

    if series.dtype.is_numeric():
        return series.cast(pl.Float64).fill_null(np.nan).to_numpy()
    if series.dtype == pl.Null:
        return [""] * len(series)
    if series.dtype == pl.Duration:  # which polars does not cast
        return ["" if v is None else str(v) for v in series.to_list()]
    return series.cast(pl.String).fill_null("").to_list()
