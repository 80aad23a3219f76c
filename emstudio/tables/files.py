"""The bytes of a file a person named, read once and safely: no folder, device or pipe can hang or crash the reader."""

from __future__ import annotations

import errno
import os
import stat

from emstudio.core.errors import UserError

LARGEST = 4 << 30  # bytes; a table in memory takes as much again
HEAD = 1 << 16  # bytes looked at before the rest of a file is read

# What a file begins with when it is no table, whatever its name says.
NO_TABLE = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"ARROW1", "an Arrow file"),
)

REASONS = {
    errno.ENOENT: ("there is no such file", "check the name and the folder"),
    errno.ENOTDIR: ("there is no such file", "check the name and the folder"),
    errno.EACCES: ("the file may not be read", "ask for permission to read it, or copy it to a folder of yours"),
    errno.EPERM: ("the file may not be read", "ask for permission to read it, or copy it to a folder of yours"),
    errno.ELOOP: ("the name is a symbolic link that leads back to itself", "name the file itself"),
    errno.ENAMETOOLONG: ("the name is too long for a file", "check the name"),
}


def refusal(error: OSError, path: str) -> UserError:
    """The sentence for a file that the operating system would not give."""
    what, remedy = REASONS.get(
        error.errno or 0, (f"the file cannot be read ({error.strerror or error})", "try a copy of it")
    )
    return UserError(what, remedy, file=path)


def load(path: str) -> bytes:
    """The bytes of the regular file `path`, at least one. Raises UserError, also for folders, devices and pipes."""
    if not path:
        raise UserError("no file is named", "give the name of a file, or dataset:NAME for a bundled data set")
    if "\0" in path:
        raise UserError("the name holds a NUL character", "check the name", file=path)
    try:
        # Without waiting: to open a pipe would otherwise hang until somebody writes into it.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as e:
        if os.path.isdir(path):  # Windows refuses to open a folder
            raise folder(path) from None
        raise refusal(e, path) from None
    try:
        with open(descriptor, "rb") as f:
            data = contents(f, path)
    except IsADirectoryError:
        raise folder(path) from None
    except OSError as e:
        raise refusal(e, path) from None
    if not data:
        raise UserError("the file is empty", "choose a file with a header and rows", file=path)
    return data


def folder(path: str) -> UserError:
    return UserError("this is a folder, not a file", "choose a file in it", file=path)


def contents(f, path: str) -> bytes:
    """All bytes of the open file, after a look at what it is and how it begins."""
    state = os.fstat(f.fileno())
    if stat.S_ISDIR(state.st_mode):
        raise folder(path)
    if not stat.S_ISREG(state.st_mode):
        raise UserError("this is a device or a pipe, not a file", "save its contents as a file first", file=path)
    head = f.read(HEAD)
    kind = next((kind for magic, kind in NO_TABLE if head.startswith(magic)), None)
    if kind is not None:
        raise UserError(f"this is {kind}, not a table", "choose a CSV, TSV, Parquet, Excel or .npy file", file=path)
    if len(head) == HEAD and head.count(0) == HEAD:
        raise UserError(
            "the file holds nothing but NUL bytes", "choose a CSV, TSV, Parquet, Excel or .npy file", file=path
        )
    if state.st_size > LARGEST:
        raise UserError(
            f"the file has {state.st_size / 2**30:.1f} GB, more than the {LARGEST >> 30} GB that can be read",
            "split it",
            file=path,
        )
    f.seek(0)
    return f.read(LARGEST)
