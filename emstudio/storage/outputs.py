"""Files that are complete or absent: all are staged beside their targets first and renamed together at the end."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from emstudio.core.errors import UserError

STDOUT = "-"
_open: list[Outputs] = []


class Outputs:
    """The files that one command writes. Every target is checked when it is named, before any work is done.

    `-` is standard output and can be named once. Use as a context: what was staged and not committed is removed.
    """

    def __init__(self, inputs: Iterable[str | None] = ()):
        self._inputs = [i for i in inputs if i]
        self._targets: dict[str, str] = {}
        self._staged: list[tuple[str, bytes | None, str]] = []  # target, contents or None, temporary file or ""
        self._made = 0

    def __enter__(self) -> Outputs:
        _open.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _open.remove(self)
        self.discard()

    def discard(self) -> None:
        """Removes what was staged and not committed."""
        for _, _, temporary in self._staged:
            if temporary:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
        self._staged.clear()

    @property
    def to_stdout(self) -> bool:
        """Whether standard output belongs to a file's contents."""
        return STDOUT in self._targets.values()

    def name(self, option: str, path: str | None) -> None:
        """`option` writes to `path` (None: it does not). UserError where that cannot work or would destroy something."""
        if path is None:
            return
        for other, taken in self._targets.items():
            if taken == path == STDOUT:
                raise UserError(f"{other} and {option} both write to standard output", "give one of them a file")
            if STDOUT not in (taken, path) and _same(taken, path):
                raise UserError(f"{other} and {option} name the same file", "give each its own", file=path)
        if path != STDOUT:
            check_target(path)
            if any(_same(path, i) for i in self._inputs):
                raise UserError(f"{option} would write over an input", "choose another name", file=path)
        self._targets[option] = path

    def stage(self, option: str, contents: bytes) -> None:
        """Writes the contents of `option` beside its target, if it was named."""
        path = self._targets.get(option)
        if path is None:
            return
        if path == STDOUT or _special(path):
            self._staged.append((path, contents, ""))
            return
        target = os.path.realpath(path)
        self._made += 1
        temporary = os.path.join(os.path.dirname(target), f".emstudio-{os.getpid()}-{self._made}.tmp")
        self._staged.append((target, None, temporary))
        try:
            with open(temporary, "xb") as file:
                file.write(contents)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise cannot_write(path, error) from None

    def commit(self) -> None:
        """Everything was staged: put it in place. What can still fail halfway, a stream or a device, goes first."""
        self._staged.sort(key=lambda staged: bool(staged[2]))
        while self._staged:
            target, contents, temporary = self._staged[0]
            try:
                if temporary:
                    with contextlib.suppress(OSError):  # a file that is replaced keeps its mode
                        os.chmod(temporary, os.stat(target).st_mode & 0o777)
                    os.replace(temporary, target)
                elif target == STDOUT:
                    to_stdout(contents or b"")
                else:
                    Path(target).write_bytes(contents or b"")
            except BrokenPipeError:
                raise
            except OSError as error:
                raise cannot_write(target, error) from None
            self._staged.pop(0)


def abandon() -> None:
    """Removes whatever is staged anywhere, as the process is about to end on the spot."""
    for outputs in _open:
        outputs.discard()


def write(path: str | os.PathLike, contents: bytes, source: str = "") -> None:
    """Writes one file, complete or not at all. UserError where it cannot be written, or is the file `source` of the data."""
    if source and _same(os.fspath(path), source):
        raise UserError("the data were read from this file", "choose another name", file=os.fspath(path))
    with Outputs() as outputs:
        outputs.name("file", os.fspath(path))
        outputs.stage("file", contents)
        outputs.commit()


def check_target(path: str) -> None:
    """UserError where no file can be written at `path`."""
    if not path:
        raise UserError("the name of an output is empty", "give a file name, or - for standard output")
    if "\0" in path:
        raise UserError("the name of an output holds a NUL character", "give another name", file=path)
    folder = os.path.dirname(os.path.realpath(path)) or "."
    if os.path.isdir(path) or path.endswith(os.sep):
        raise UserError("this is a folder", "give the name of a file", file=path)
    if not os.path.isdir(folder):
        raise UserError("the folder to write into is not there", "make it first, or choose another", file=path)
    if not _special(path) and not os.access(folder, os.W_OK | os.X_OK):
        raise UserError("the folder to write into does not allow it", "choose another", file=path)


def cannot_write(path: str, error: OSError) -> UserError:
    name = "standard output" if path == STDOUT else path
    return UserError(
        f"this cannot be written ({error.strerror or error})", "make room or choose another place", file=name
    )


def to_stdout(contents: bytes) -> None:
    """Writes bytes to standard output, after whatever text went there. UserError where there is none."""
    if sys.stdout is None:
        raise UserError("standard output is closed", "give the name of a file")
    sys.stdout.flush()
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:  # a stand-in that takes text only
        sys.stdout.write(contents.decode("utf-8"))
    else:
        binary.write(contents)
        binary.flush()


def _special(path: str) -> bool:
    """A device or pipe, which is written to and must not be replaced."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _same(a: str, b: str) -> bool:
    if os.path.realpath(a) == os.path.realpath(b):
        return not _special(a)
    try:
        return os.path.samefile(a, b) and os.path.isfile(a)
    except (OSError, ValueError):
        return False
