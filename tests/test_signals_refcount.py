"""Signals must not eat references: PySide6 6.12.0 on Python 3.11 loses one to True, False and None at every call.

There the process aborts after some hundred to thousand calls, and a test that opens one window does not see it.
So the emits happen in a process of their own, and their number is that of a long run.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

EMITS = 20_000
PROGRAM = f"""
import sys
from PySide6.QtCore import QObject, Signal, QCoreApplication

class Sender(QObject):
    flag = Signal(bool)
    thing = Signal(object)
    pair = Signal(object, bool)

app = QCoreApplication([])
sender, seen = Sender(), 0

def count(*values):
    global seen
    seen += 1

for signal in (sender.flag, sender.thing, sender.pair):
    signal.connect(count)

def emit(times):
    for i in range(times):
        sender.flag.emit(i % 2 == 0)
        sender.thing.emit(None)
        sender.thing.emit(True)
        sender.pair.emit(False, True)
        sender.blockSignals(False)
        sender.signalsBlocked()

def counts():
    return [sys.getrefcount(value) for value in (True, False, None)]

emit(100)
before = counts()
emit({EMITS})
print(seen, *(after - first for first, after in zip(before, counts())))
"""


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="True, False and None are immortal from Python 3.12 on")
def test_reference_counts_stay_constant_over_many_emits():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    seen, *drift = map(int, done.stdout.split())
    assert seen == 4 * (EMITS + 100)
    assert max(map(abs, drift)) < 20, f"references gained or lost to True, False, None: {drift}"


def test_the_broken_release_is_not_accepted():
    import tomllib
    from pathlib import Path

    from packaging.requirements import Requirement

    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8"))["project"]
    qt = [r for r in map(Requirement, project["dependencies"]) if r.name == "PySide6-Essentials"]

    def accepted(version: str, python: str) -> bool:
        ruling = [r for r in qt if r.marker is None or r.marker.evaluate({"python_version": python})]
        return bool(ruling) and all(r.specifier.contains(version) for r in ruling)

    assert not accepted("6.12.0", "3.11")
    assert accepted("6.11.3", "3.11")
    assert accepted("6.12.0", "3.12")
