"""The container of a session file: a zip archive of one JSON document and its arrays, none of it compressed.

What is not compressed cannot be larger in memory than on disk, so that no file can fill the memory; and nothing in it is
ever executed: arrays of objects are refused.
"""

from __future__ import annotations

import io
import json
import math
import struct
import zipfile
import zlib
from typing import Any

import numpy as np

from emstudio.core.data import frozen
from emstudio.core.errors import UserError
from emstudio.storage.documents import json_text
from emstudio.storage.session_format import JSON

_DTYPES = ("<f8", "<i8", "|b1")
_LARGEST_JSON = 1 << 30
_WHEN = (1980, 1, 1, 0, 0, 0)  # the same session is the same file, byte for byte
_HEAD = 30  # bytes of an entry's header before its name
DAMAGED = "the session is damaged"
REMEDY = "take another copy of it"


def is_session(head: bytes) -> bool:
    """Whether a file that begins so is a session, whatever its name says."""
    return head.startswith(b"PK\x03\x04") and head[_HEAD:].startswith(JSON.encode())


def packed(document: Any, arrays: list[np.ndarray]) -> bytes:
    """The archive's bytes. UserError where the document holds a number that is none."""
    try:
        text = json_text(document)
    except ValueError:
        raise UserError("the session holds a number beyond all numbers", "step back and save what is sound") from None
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(JSON, _WHEN), text)
        for i, array in enumerate(arrays):
            with archive.open(zipfile.ZipInfo(_name(i), _WHEN), "w", force_zip64=array.nbytes > 1 << 30) as entry:
                np.lib.format.write_array(entry, np.ascontiguousarray(array), (1, 0), allow_pickle=False)
    return buffer.getvalue()


class Unpacked:
    """The archive in `data`: its document, and its arrays when they are asked for. UserError where it is broken."""

    def __init__(self, data: bytes):
        self._size = len(data)
        self._arrays: dict[int, np.ndarray] = {}
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
            entries = self._archive.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError, struct.error, EOFError):
            raise UserError("this is not a session of EM Studio, or it is damaged", REMEDY) from None
        self._names = {e.filename: e for e in entries}
        if any(e.compress_type != zipfile.ZIP_STORED or e.file_size != e.compress_size for e in entries):
            raise UserError("an entry of the session is compressed", "store the entries as they are")
        if sum(e.file_size for e in entries) > self._size:
            raise UserError(f"{DAMAGED}: its entries are larger than the file", REMEDY)

    def document(self) -> dict[str, Any]:
        """The object in `session.json`; numbers that no double can hold are refused."""
        if self._names.get(JSON) is not None and self._names[JSON].file_size > _LARGEST_JSON:
            raise UserError(f"{JSON} is larger than 1 GB", REMEDY)
        try:
            found = json.loads(self._read(JSON).decode(), parse_constant=_no_number, parse_float=_finite)
        except (ValueError, RecursionError):
            raise UserError(f"{DAMAGED}: {JSON} cannot be read", REMEDY) from None
        if not isinstance(found, dict):
            raise UserError(f"{DAMAGED}: {JSON} is not an object", REMEDY)
        return found

    def array(self, number: int) -> np.ndarray:
        """The array `number`, read-only, made once."""
        if number not in self._arrays:
            self._arrays[number] = frozen(_array(self._read(_name(number)), _name(number)))
        return self._arrays[number]

    def _read(self, name: str) -> bytes:
        if name not in self._names:
            raise UserError(f"{DAMAGED}: {name} is missing in it", REMEDY)
        try:
            return self._archive.read(name)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, OSError, EOFError, struct.error):
            raise UserError(f"{DAMAGED}: {name} cannot be read", REMEDY) from None


def _name(number: int) -> str:
    return f"arrays/{number}.npy"


def _array(data: bytes, name: str) -> np.ndarray:
    """The array in the bytes of a .npy file, whose header may promise no more and no less than follows it."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        if dtype.str not in _DTYPES or fortran or len(shape) not in (1, 2):
            raise ValueError
        if any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != len(data) - file.tell():
            raise ValueError
    except (ValueError, TypeError, SyntaxError, EOFError, MemoryError, struct.error):
        raise UserError(f"{DAMAGED}: {name} is not an array of numbers as it should be", REMEDY) from None
    found = np.frombuffer(data, dtype, offset=file.tell())
    if dtype.kind == "b" and (found.view(np.uint8) > 1).any():
        raise UserError(f"{DAMAGED}: {name} is not an array of truth values", REMEDY)
    return found.reshape(shape).copy()


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
