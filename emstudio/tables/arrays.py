"""Arrays that numpy.save wrote. Nothing in them is ever run: object arrays are refused, not unpickled."""

from __future__ import annotations

import io

import numpy as np

from emstudio.core.data import Table
from emstudio.core.errors import UserError
from emstudio.tables.cells import Cells, Raw, build

MAGIC = b"\x93NUMPY"
READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def table_from_npy(data: bytes, *, name: str, file: str, source: str, sha256: str) -> Table:
    """The table of an array (n,), (n, d) or a structured one (n,). Raises UserError."""
    names, cells = columns(array(data, file), file)

    def place(row: int, column: int) -> dict:
        return {"row": f"row {row} (counted from 0)", "column": names[column] if names else f"x{column + 1}"}

    built = build(Raw(names, cells, place, file, typed=True))
    info = {"format": "npy", "delimiter": None, "encoding": None, "decimal_mark": None}
    return Table(name, built.columns, source, sha256, info, tuple(built.notices))


def array(data: bytes, file: str) -> np.ndarray:
    """The array in the bytes of an .npy file, its length checked before any memory is taken."""
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        shape, fortran, dtype = READERS.get(version, np.lib.format.read_array_header_2_0)(stream)
    except Exception:  # numpy evaluates the header as a literal, which can fail in many ways
        raise damaged("its header cannot be read", file) from None
    if version == (3, 0) and dtype.names:  # the header is UTF-8 and was read as Latin-1
        dtype.names = tuple(n.encode("latin-1").decode("utf-8", "replace") for n in dtype.names)
    if dtype.hasobject:
        what = "the array holds Python objects, which are not read because that could run code"
        raise UserError(what, "save an array of numbers", file=file)
    size = dtype.itemsize
    for n in shape:
        size *= n
    if any(n < 0 for n in shape) or len(data) - stream.tell() != size:
        raise damaged(f"it has {len(data) - stream.tell()} bytes of values, its header announces {size}", file)
    if not size:
        raise UserError("there are no rows", "choose a file with at least one row of values", file=file)
    flat = np.frombuffer(data, dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")


def damaged(why: str, file: str) -> UserError:
    return UserError(f"the .npy file is damaged: {why}", "save it again with numpy.save", file=file)


def columns(a: np.ndarray, file: str) -> tuple[list[str] | None, list[Cells]]:
    """(names or None, cells) of an array."""
    if a.dtype.names:
        if a.ndim != 1:
            raise UserError(
                f"the structured array has {a.ndim} dimensions", "save it with one, a record for each row", file=file
            )
        return list(a.dtype.names), [field(a[n], file, n) for n in a.dtype.names]
    if a.ndim not in (1, 2):
        raise UserError(f"the array has {a.ndim} dimensions", "save it as rows x columns", file=file)
    table = a.reshape(len(a), -1)
    whole = field(table.ravel(order="F"), file, None)
    d, n = table.shape[1], table.shape[0]
    return None, [whole[j * n : (j + 1) * n] for j in range(d)]


def field(a: np.ndarray, file: str, name: str | None) -> Cells:
    """One-dimensional values as float64, or as texts."""
    where = {"file": file, "column": name}
    if a.ndim != 1 or a.dtype.names:
        raise UserError("the field holds arrays or records", "save one value for each row and field", **where)
    if a.dtype.kind in "biuf":
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows becomes infinite, and is refused as such
            return a.astype(np.float64)
    if a.dtype.kind == "c":
        raise UserError("the array holds complex numbers", "save real and imaginary parts as two columns", **where)
    if a.dtype.kind in "USMm":
        try:
            return ["" if t == "NaT" else t.replace("\0", "") for t in a.astype(str).tolist()]
        except UnicodeError:
            raise UserError(
                "the array holds bytes that are not ASCII text", "save an array of numbers", **where
            ) from None
    raise UserError(f"the array holds values of the type {a.dtype}", "save an array of numbers", **where)
