"""Unpacks Excel and Parquet files in a process of their own.

The libraries for them can end the process on a damaged file: they ask for 2^61 bytes, or fill the memory with the empty
cells between two that stand far apart. No `except` catches that, so a child takes the risk, with a limit to its memory, and
the application with a person's work in it goes on.

A format's `unpack(data, option)` gives (what describes the cells, the cells by column) and raises UserError.
"""

from __future__ import annotations

import importlib
import json
import os
import struct
import subprocess
import sys
from typing import Any

import numpy as np

from emstudio.core.errors import UserError
from emstudio.tables.cells import Cells

MEMORY = 8 << 30  # bytes of address space that a child may have
PATIENCE = 300  # seconds
START = "from emstudio.tables.child import serve; serve()"
LENGTH = struct.Struct("<Q")


class Damaged(Exception):
    """The file cannot be unpacked: the library failed, or the process ended."""


def unpack(module: str, data: bytes, option: Any = None) -> tuple[dict, list[Cells]]:
    """What `module`'s own `unpack` gives for `data`. Raises UserError (without the file's name) and Damaged."""
    if getattr(sys, "frozen", False) or not sys.executable:  # a bundled application has no interpreter to start
        return unpack_here(module, data, option)
    request = json.dumps({"module": module, "option": option}).encode()
    path = os.pathsep.join(os.path.abspath(p) for p in sys.path if p)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", START],
            input=LENGTH.pack(len(request)) + request + data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            env=os.environ | {"PYTHONPATH": path},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Damaged from None
    return received(done.stdout)


def unpack_here(module: str, data: bytes, option: Any) -> tuple[dict, list[Cells]]:
    """The same in this process. A panic of a Rust library is no Exception, and is Damaged all the same."""
    try:
        return importlib.import_module(module).unpack(data, option)
    except (UserError, MemoryError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        raise Damaged from None


def serve() -> None:
    """The child: reads a request and a file from standard input, writes the reply to standard output."""
    limit_memory()
    source = sys.stdin.buffer
    request = json.loads(source.read(LENGTH.unpack(source.read(LENGTH.size))[0]))
    try:
        description, cells = unpack_here(request["module"], source.read(), request["option"])
    except UserError as e:
        send({"error": [e.what, e.remedy]}, [])
    except (Damaged, MemoryError):
        send({"error": None}, [])
    else:
        texts = [None if isinstance(c, np.ndarray) else c for c in cells]
        rows = len(cells[0]) if cells else 0
        send(
            {"description": description, "rows": rows, "texts": texts}, [c for c in cells if isinstance(c, np.ndarray)]
        )


def limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def send(reply: dict, numbers: list[np.ndarray]) -> None:
    text = json.dumps(reply).encode()
    out = sys.stdout.buffer
    out.write(LENGTH.pack(len(text)))
    out.write(text)
    for values in numbers:
        out.write(np.ascontiguousarray(values, np.float64).tobytes())
    out.flush()


def received(reply: bytes) -> tuple[dict, list[Cells]]:
    """The result in the bytes that a child wrote; Damaged if it ended before it had written all."""
    if len(reply) < LENGTH.size:
        raise Damaged
    begin = LENGTH.size + LENGTH.unpack(reply[: LENGTH.size])[0]
    if len(reply) < begin:
        raise Damaged
    content = json.loads(reply[LENGTH.size : begin])
    if "error" in content:
        if content["error"] is None:
            raise Damaged
        raise UserError(*content["error"])
    rows, texts = content["rows"], content["texts"]
    if len(reply) != begin + 8 * rows * texts.count(None):
        raise Damaged
    cells: list[Cells] = []
    for text in texts:
        if text is None:
            text = np.frombuffer(reply, np.float64, rows, begin)
            begin += 8 * rows
        cells.append(text)
    return content["description"], cells
