"""From starting the process to the first paint of the window with Old Faithful in it, each in a process of its own.

    python tests/benchmarks/bench_launch.py [--json OUT] [--runs 7]

Cold: the first run after the files' pages were dropped from the system's cache (only as root on Linux; else left out).
Warm: the runs after it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from report import report

ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import sys, time
from PySide6.QtCore import QEvent, QObject, QTimer
from emstudio.gui import app
from emstudio.gui.main_window import MainWindow
from emstudio.gui.picture import Picture

paint = Picture.paintEvent
first, filled = [], []
def timed(picture, event):
    paint(picture, event)
    now = time.time()
    if not first:
        first.append(now)
    moment = picture.window().session.moment
    if moment.snapshot.params is not None and not filled:  # Qt may go on calling this one
        filled.append(now)
        print(first[0], now, flush=True)
        QTimer.singleShot(0, picture.window().close)
Picture.paintEvent = timed
sys.exit(app.run())
"""


def drop_caches() -> bool:
    try:
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError:
        return False
    return True


def launch() -> tuple[float, float]:
    """(seconds to the first paint of the canvas, seconds to the first paint with data and components)."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    began = time.time()
    done = subprocess.run(
        [sys.executable, "-c", CHILD], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    first, filled = map(float, done.stdout.split())
    return first - began, filled - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="OUT")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    rows = []
    launch()  # compiles what has no byte code yet
    if drop_caches():
        first, filled = launch()
        rows.append({"launch": "cold", "first paint s": first, "with data s": filled, "worst s": filled})
    times = [launch() for _ in range(options.runs)]
    rows.append(
        {
            "launch": "warm",
            "first paint s": statistics.median(t[0] for t in times),
            "with data s": statistics.median(t[1] for t in times),
            "worst s": max(t[1] for t in times),
        }
    )
    report("Launch", rows, options.json)


if __name__ == "__main__":
    main()
