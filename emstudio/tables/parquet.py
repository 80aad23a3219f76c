"""Parquet files by polars."""

from __future__ import annotations

import io

import numpy as np

from emstudio.core.data import Table
from emstudio.core.errors import UserError
from emstudio.tables.cells import MOST_COLUMNS, Raw, build, some

MAGIC = b"PAR1"
MOST_CELLS = 500_000_000  # a few bytes of Parquet can announce any number of equal rows


def table_from_parquet(data: bytes, *, name: str, file: str, source: str, sha256: str) -> Table:
    """The table of a Parquet file; nested columns are left out with a notice. Raises UserError."""
    import polars as pl

    try:
        lazy = pl.scan_parquet(io.BytesIO(data))
        schema = lazy.collect_schema()
        rows = int(lazy.select(pl.len()).collect().item())
        if len(schema) > MOST_COLUMNS or rows * max(len(schema), 1) > MOST_CELLS:
            what = f"the file announces {rows:,} rows and {len(schema):,} columns, more than can be read"
            raise UserError(what, "split it, or choose columns before saving", file=file)
        nested = [n for n, t in schema.items() if t.is_nested() or t in (pl.Binary, pl.Object)]
        kept = [n for n in schema if n not in nested]
        frame = pl.read_parquet(io.BytesIO(data), columns=kept)
        cells = [cells_of(frame[n]) for n in kept]
    except UserError:
        raise
    except (MemoryError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # a damaged file can make polars panic, which is no Exception
        what = "the Parquet file is damaged, encrypted, or of a kind that is not known"
        raise UserError(what, "write it again, or save the table as CSV", file=file) from None
    if not kept:
        raise UserError("no column holds plain numbers or text", "save the table with one value in each cell", file=file)

    def place(row: int, column: int) -> dict:
        return {"row": f"row {row} (counted from 0)", "column": kept[column]}

    built = build(Raw(list(kept), cells, place, file, typed=True))
    notices = built.notices + ([f"left out, for their cells are lists or records: {some(nested)}"] if nested else [])
    info = {"format": "parquet", "delimiter": None, "encoding": None, "decimal_mark": None}
    return Table(name, built.columns, source, sha256, info, tuple(notices))


def cells_of(series) -> np.ndarray | list[str]:
    """A column as float64 with NaN for null, or as texts with an empty one for null."""
    import polars as pl

    if series.dtype.is_numeric():
        return series.cast(pl.Float64).fill_null(np.nan).to_numpy()
    if series.dtype == pl.Null:
        return [""] * len(series)
    return series.cast(pl.String).fill_null("").to_list()
