"""The program as a process: signals, pipes, encodings, standard streams that are full or closed."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from emstudio.storage import Outputs

ENDLESS = ("--tol", "0", "--max-iter", "100000000", "--starts", "1")
FAITHFUL = ("fit", "dataset:old-faithful", "--model", "gaussian")


@pytest.fixture
def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}


def started(
    command: list[str], folder: Path, environment: dict[str, str], *arguments: str
) -> tuple[subprocess.Popen, int]:
    """The process, with a terminal as its standard error: its first progress says that EM runs."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*command, *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    seen = b""
    while not re.search(rb"iteration [1-9]", seen):
        seen += os.read(ours, 1024)
    return process, ours


def test_an_interrupt_writes_what_was_done(command, tmp_path, environment):
    arguments = (*FAITHFUL, *ENDLESS, "--json", "o.json", "--labels", "l.csv")
    process, terminal = started(command, tmp_path, environment, *arguments)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    os.close(terminal)
    assert process.returncode == 130
    fit = json.loads((tmp_path / "o.json").read_text())
    assert fit["stop"] == "interrupted" and not fit["converged"] and fit["iterations"] > 0
    assert fit["trace"][-1]["log_likelihood"] == fit["log_likelihood"]
    assert len((tmp_path / "l.csv").read_text().splitlines()) == 273
    assert b"interrupted after" in out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["l.csv", "o.json"]


def test_an_interrupt_keeps_the_best_of_the_starts_that_ended(entry, monkeypatch):
    from emstudio.cli import fit

    calls = []

    def pressed(self, moment) -> None:
        calls.append(moment.number)
        if moment.number == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(fit.Progress, "__call__", pressed)
    answer = entry(*FAITHFUL, "--json", "o.json")
    assert answer.status == 130
    document = answer.json("o.json")
    assert max(calls) == 2
    assert document["stop"] == "interrupted" and not document["converged"]
    assert sum(o["starts"] for o in document["optima"]) == 2
    assert document["log_likelihood"] == document["optima"][0]["log_likelihood"]


def test_progress_is_shown_on_a_terminal_and_wiped(command, tmp_path, environment):
    process, terminal = started(
        command, tmp_path, environment, *FAITHFUL, *ENDLESS[:2], "--max-iter", "20000", "--starts", "1"
    )
    process.communicate(timeout=60)
    rest = b""
    try:
        while chunk := os.read(terminal, 65536):
            rest += chunk
    except OSError:
        pass  # the other end is closed
    os.close(terminal)
    assert process.returncode == 0
    assert rest.endswith(b"\r\x1b[K")
    assert not re.search(rb"\n", rest)


def test_a_reader_that_leaves_is_not_complained_about(command, tmp_path, environment):
    process = subprocess.Popen(
        [*command, *FAITHFUL, "--starts", "1", "--json", "o.json"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=30)
    assert err == b"" and process.returncode == 0
    assert (tmp_path / "o.json").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only where there is a device that is always full")
def test_a_full_output_is_one_line(command, tmp_path, environment):
    with open("/dev/full", "w") as full:
        for more in ([], ["--json", "-"]):
            done = subprocess.run(
                [*command, *FAITHFUL, "--starts", "1", *more],
                cwd=tmp_path,
                env=environment,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=30,
            )
            assert done.returncode == 2
            assert re.fullmatch(r"emstudio: error: standard output.* No space left on device.*\n|"
                                r"emstudio: error: standard output.*\(No space left on device\).*\n", done.stderr)  # fmt: skip


def test_texts_are_utf_8_whatever_the_locale(command, tmp_path, environment):
    (tmp_path / "größe.csv").write_text("größe\n1\n2\n4\n8\n", "utf-8")
    done = subprocess.run(
        [*command, "fit", "größe.csv", "--model", "gaussian", "-k", "1", "--json", "-"],
        cwd=tmp_path,
        env=environment | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode("utf-8"))["data"]["columns"] == ["größe"]


def test_a_name_that_is_no_text_can_still_be_read_and_told(command, tmp_path, environment):
    name = os.fsencode(tmp_path) + b"/\xff.csv"
    with open(name, "w") as file:
        file.write("x\n1\n2\n4\n8\n")
    done = subprocess.run(
        [*map(os.fsencode, command), b"fit", name, b"--model", b"gaussian", b"-k", b"1", b"--json", b"o.json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert r"\udcff.csv" in json.loads((tmp_path / "o.json").read_text("utf-8"))["data"]["source"]


def test_library_warnings_do_not_reach_standard_error(emstudio, tmp_path):
    np.save(tmp_path / "x.npy", np.array([[1e-300], [2e-300], [5e-300], [1e-299]]))
    answer = emstudio("fit", "x.npy", "--model", "gaussian", "-k", 1)
    assert all(line.startswith("emstudio: ") for line in answer.err.splitlines())


def test_all_outputs_or_none(tmp_path):
    with Outputs() as outputs:
        outputs.name("--json", str(tmp_path / "a"))
        outputs.name("--labels", str(tmp_path / "b"))
        outputs.stage("--json", b"one")
        assert not (tmp_path / "a").exists()
    assert list(tmp_path.iterdir()) == []
    with Outputs() as outputs:
        outputs.name("--json", str(tmp_path / "a"))
        outputs.stage("--json", b"one")
        outputs.commit()
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", b"one")]
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value


def test_several_starts_load_no_library_that_they_do_not_need(tmp_path, environment):
    """To compare the ends of runs is no reason to wait for scipy.optimize, which takes longer than the ten runs."""
    code = "import sys; from emstudio.cli import main; main(sys.argv[1:]); print('scipy.optimize' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, "fit", "dataset:iris", "--model", "gaussian", "-k", "3"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0 and "starts" in done.stdout and done.stdout.splitlines()[-1] == "False"
