"""The program as a person runs it: a process of its own, or (for the many cases of wrong use) its entry in this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from emstudio import cli

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Answer:
    """What a command gave back: its exit status, its two streams, and the folder it ran in."""

    status: int
    out: str
    err: str
    folder: Path

    def json(self, name: str) -> dict:
        def reject(token: str) -> float:
            raise AssertionError(f"{token} is no JSON number")

        return json.loads((self.folder / name).read_text("utf-8"), parse_constant=reject)


def environment() -> dict[str, str]:
    bare = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    return bare | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]), "PYTHONUTF8": "0"}


@pytest.fixture
def command() -> list[str]:
    return [sys.executable, "-m", "emstudio"]


@pytest.fixture
def emstudio(tmp_path: Path, command: list[str]) -> Callable[..., Answer]:
    """Runs `emstudio ...` as a process in a folder of its own, without a display."""

    def run(*arguments: object, flags: tuple[str, ...] = ()) -> Answer:
        done = subprocess.run(
            [command[0], *flags, *command[1:], *map(str, arguments)],
            cwd=tmp_path,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Answer(done.returncode, done.stdout, done.stderr, tmp_path)

    return run


@pytest.fixture
def entry(tmp_path: Path, monkeypatch, capsys) -> Callable[..., Answer]:
    """Calls the program's entry in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Answer:
        status = cli.main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return Answer(status, out, err, tmp_path)

    return run


@pytest.fixture
def refused(entry) -> Callable[..., str]:
    """The one line with which a command is refused, without its `emstudio: error: `; nothing may be written."""

    def run(*arguments: object) -> str:
        before = sorted(Path.cwd().rglob("*"))
        answer = entry(*arguments)
        assert answer.status == 2, answer
        assert answer.out == ""
        assert sorted(Path.cwd().rglob("*")) == before
        assert answer.err.endswith("\n") and answer.err.count("\n") == 1
        assert answer.err[:-1].isprintable(), answer.err
        start = "emstudio: error: "
        assert answer.err.startswith(start)
        return answer.err[len(start) : -1]

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, object], str]:
    """Writes a file of the test's folder: text as it is, anything else as JSON; answers its name."""

    def make(name: str, contents: object) -> str:
        text = contents if isinstance(contents, str) else json.dumps(contents)
        (tmp_path / name).write_text(text, "utf-8")
        return name

    return make
