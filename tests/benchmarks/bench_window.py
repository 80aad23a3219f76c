"""What a hand feels, on the real window with the real event loop: medians and worst, in milliseconds.

    python tests/benchmarks/bench_window.py [--json OUT] [--rows 300 20000 100000]

- step: from pressing Right to the end of the last paint that the half-step causes in the canvas and the objective. For
  each E-step the canvas is grabbed before and after: the points must have taken other colours.
- stall: the longest gap of a 5 ms timer during three seconds of auto-run as fast as it goes.
- half-steps/s: made during those seconds, the window drawing all the while.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from report import report

from emstudio.core.data import painted
from emstudio.core.stopping import Stopping
from emstudio.gui import theme
from emstudio.gui.app import Collector
from emstudio.gui.main_window import MainWindow
from emstudio.gui.objective import Objective
from emstudio.gui.picture import Picture
from emstudio.session import FASTEST, Session

STEPS = 20


class Paints:
    """When the last paint of a kind of widget ended, and how many there were."""

    def __init__(self, kind: type) -> None:
        self.count, self.ended = 0, 0.0
        original = kind.paintEvent

        def timed(widget: object, event: object) -> None:
            original(widget, event)
            self.count += 1
            self.ended = time.perf_counter()

        kind.paintEvent = timed


def until(condition) -> None:
    """Run the event loop until the condition holds."""
    loop = QEventLoop()
    timer = QTimer()
    timer.timeout.connect(lambda: condition() and loop.quit())
    timer.start(1)  # not 0: a busy loop would keep the interpreter from the engine
    if not condition():
        loop.exec()


def blobs(n: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    centres = np.array([[0, 0], [4, 3], [-4, 3]])
    return centres[rng.integers(0, 3, n)] + rng.normal(0, 1.5, (n, 2))


def grabbed(window: MainWindow) -> np.ndarray:
    image = window.canvas.grab().toImage()
    return np.frombuffer(image.constBits(), np.uint32).copy()


def measure(n: int, canvas: Paints, objective: Paints) -> dict[str, object]:
    session = Session()
    window = MainWindow(session)
    window.resize(1280, 800)
    window.show()
    window.canvas.set_motion(False)
    session.set_parameter(k=3)
    session.open_table(painted(blobs(n), name=f"{n} points"))
    until(lambda: session.moment.snapshot.params is not None and not session.busy and not window.refresher.waiting)
    window.canvas.setFocus()
    steps = []
    for _ in range(STEPS):
        until(lambda: not window.refresher.waiting)
        moment, seen = session.moment, grabbed(window) if session.moment.next == "E" else None
        before = canvas.count, objective.count
        began = time.perf_counter()
        QTest.keyClick(window.canvas, Qt.Key.Key_Right)
        until(lambda m=moment, b=before: session.moment is not m and canvas.count > b[0] and objective.count > b[1])
        steps.append(1e3 * (max(canvas.ended, objective.ended) - began))
        if seen is not None and session.moment.snapshot.t < 3 and np.array_equal(seen, grabbed(window)):
            raise SystemExit("an E-step left the canvas as it was")
    gaps, last = [], [0.0]

    def tick() -> None:
        now = time.perf_counter()
        gaps.append(1e3 * (now - last[0]))
        last[0] = now

    clock = QTimer()
    clock.setTimerType(Qt.TimerType.PreciseTimer)
    clock.timeout.connect(tick)
    session.set_speed(FASTEST)
    session.set_stopping(Stopping(tol=0.0, max_iter=10**6))
    made = len(session.history.nodes)
    began = last[0] = time.perf_counter()
    clock.start(5)
    session.run()
    until(lambda: time.perf_counter() - began > 3.0)
    session.pause()
    seconds = time.perf_counter() - began
    made = len(session.history.nodes) - made
    clock.stop()
    window.close()
    return {
        "rows": n,
        "step median ms": statistics.median(steps),
        "step worst ms": max(steps),
        "stall median ms": statistics.median(gaps),
        "stall worst ms": max(gaps),
        "half-steps/s": made / seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="OUT", help="write the table as JSON, too")
    parser.add_argument("--rows", type=int, nargs="+", default=[300, 20_000, 100_000])
    options = parser.parse_args()
    app = QApplication([])
    theme.apply(app, "light")
    collector = Collector(app)  # as the application does; held, or it would be collected itself
    canvas, objective = Paints(Picture), Paints(Objective)
    report("The window", [measure(n, canvas, objective) for n in options.rows], options.json)
    collector.deleteLater()


if __name__ == "__main__":
    main()
