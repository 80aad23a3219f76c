"""Ctrl+C before and after EM runs: while the program starts, while libraries are imported, while results are written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# Runs the program; the signal comes as the module named first is about to be imported, or at the import of that number.
PROGRAM = """
import os, signal, sys
when, seen = sys.argv.pop(1), []
def watch(event, details):
    if event == "import" and (seen or details[0] in ("signal", "emstudio.cli")):
        seen.append(details[0])
        if when == details[0] or when == str(len(seen)):
            os.kill(os.getpid(), signal.SIGINT)
import emstudio.__main__
sys.addaudithook(watch)
sys.exit(emstudio.__main__.main())
"""
FIT = ("fit", "dataset:old-faithful", "--model", "gaussian", "--starts", "1", "--json", "o.json")


def interrupted(when: str, folder: Path, *arguments: str) -> tuple[int, str]:
    """(exit status, standard error) of the command; what it leaves in the folder must be nothing."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), *sys.path]))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, when, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert list(folder.iterdir()) == []
    return done.returncode, done.stderr


ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("when", [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233])
def test_an_interrupt_at_any_moment_of_the_start_is_silent(tmp_path, when):
    assert interrupted(str(when), tmp_path, *FIT) == (130, "")


@pytest.mark.parametrize("module", ["argparse", "numpy", "numpy._core.multiarray", "emstudio.core.em", "json"])
def test_an_interrupt_while_a_library_is_loaded_is_silent(tmp_path, module):
    assert interrupted(module, tmp_path, *FIT) == (130, "")


@pytest.mark.parametrize("module", ["PySide6.QtCore", "PySide6.QtWidgets", "emstudio.gui.theme"])
def test_what_was_staged_goes_when_qt_is_interrupted(tmp_path, module):
    assert interrupted(module, tmp_path, *FIT, "--figure", "o.png") == (130, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("select", "dataset:old-faithful", "--model", "gaussian", "-k", "1..2"),
        ("predict", "m.json", "dataset:old-faithful"),
        ("sample", "m.json", "-n", "10", "-o", "o.csv"),
        ("show", "dataset:iris"),
        ("datasets",),
        ("models", "--json"),
        ("--version",),
        ("dataset:iris",),
    ],
)
def test_every_command_can_be_interrupted_as_it_starts(tmp_path, arguments):
    for when in ("1", "4"):
        assert interrupted(when, tmp_path, *arguments) == (130, "")


def test_once_all_is_said_an_interrupt_changes_nothing(tmp_path):
    program = "import atexit, signal; atexit.register(signal.raise_signal, signal.SIGINT)\n"
    program += "import sys; from emstudio.__main__ import main; sys.exit(main())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), *sys.path]))}
    done = subprocess.run(
        [sys.executable, "-c", program, "--version"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and done.stderr == "" and done.stdout.startswith("emstudio ")


def test_called_from_python_the_handler_of_the_caller_stays():
    from emstudio.__main__ import main

    before = signal.getsignal(signal.SIGINT)
    assert main(["--version"]) == 0
    assert signal.getsignal(signal.SIGINT) is before
