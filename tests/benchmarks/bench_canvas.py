"""How long the canvas takes, on the real widget with the real event loop: medians and worst, in milliseconds.

    python tests/benchmarks/bench_canvas.py [--json OUT] [--rows 300 20000 100000 1000000]

- step: from `session.step()` to the end of the first paint whose picture has the new half-step's colours or shapes.
- draw, paint: the part of it that is the window's thread: showing the moment, and the paint event.
- pan: one frame while the hand drags the paper.  rest: the paint that plans the points anew afterwards.
- stall: the longest gap of a 5 ms timer during two seconds of auto-run as fast as it goes, and the half-steps made.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from emstudio.core.data import painted
from emstudio.gui import theme
from emstudio.gui.canvas import Canvas
from emstudio.gui.picture import Picture
from emstudio.gui.refresh import Refresher
from emstudio.session import FASTEST, Session

STEPS = 21


class TimedPicture:
    """Counts paints and remembers when the last one ended and how long it took."""

    def __init__(self) -> None:
        self.count, self.ended, self.seconds = 0, 0.0, 0.0
        original = Picture.paintEvent

        def timed(picture: Picture, event: object) -> None:
            began = time.perf_counter()
            original(picture, event)
            self.ended = time.perf_counter()
            self.seconds = self.ended - began
            self.count += 1

        Picture.paintEvent = timed


def until(condition) -> None:
    """Run the event loop until the condition holds."""
    loop = QEventLoop()
    timer = QTimer()
    timer.timeout.connect(lambda: condition() and loop.quit())
    timer.start(0)
    if not condition():
        loop.exec()


def points(n: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    centres = np.array([[0, 0], [4, 3], [-4, 3], [0, 6]])
    return centres[rng.integers(0, 4, n)] + rng.normal(0, 1.2, (n, 2))


def summary(seconds: list[float]) -> dict[str, float]:
    return {"median": round(1e3 * statistics.median(seconds), 2), "worst": round(1e3 * max(seconds), 2)}


def measure(n: int, paints: TimedPicture) -> dict[str, object]:
    session = Session()
    refresher = Refresher(session)
    canvas = Canvas(session, refresher)
    canvas.resize(1000, 800)
    canvas.show()
    canvas.set_motion(False)
    session.set_parameter(k=4)
    session.open_table(painted(points(n), name=f"{n} points"))
    until(lambda: session.moment.snapshot.params is not None and not session.busy)
    until(lambda: paints.count > 0 and canvas.picture.points.settled)
    draws: list[float] = []
    show = canvas.show_moment

    def timed_show(moment: object) -> None:
        began = time.perf_counter()
        show(moment)
        draws.append(time.perf_counter() - began)

    refresher.draw.disconnect(canvas.show_moment)
    refresher.draw.connect(timed_show)
    result: dict[str, object] = {"rows": n}
    steps, engine, paint = [], [], []
    for _ in range(STEPS):
        before, moment = paints.count, session.moment
        began = time.perf_counter()
        session.step()
        until(lambda b=before, m=moment: session.moment is not m and paints.count > b)
        steps.append(paints.ended - began)
        engine.append(session.last_seconds)
        paint.append(paints.seconds)
        until(lambda: not refresher.waiting and time.perf_counter() - paints.ended > 0.05)  # a person's pace
    result |= {"step": summary(steps), "engine": summary(engine), "draw": summary(draws), "paint": summary(paint)}
    pans = []
    for i in range(20):
        began = time.perf_counter()
        canvas.picture.shift(3.0 if i % 2 else -3.0, 2.0)
        canvas.picture.viewport().repaint()
        pans.append(time.perf_counter() - began)
    result["pan"] = summary(pans)
    before = paints.count
    until(lambda: paints.count > before or canvas.picture.points.settled)
    result["rest"] = summary([paints.seconds])
    gaps, last = [], [time.perf_counter()]

    def tick() -> None:
        now = time.perf_counter()
        gaps.append(now - last[0])
        last[0] = now

    clock = QTimer()
    clock.timeout.connect(tick)
    session.set_speed(FASTEST)
    session.set_stopping(type(session.stopping)(tol=0.0, max_iter=10**6))
    made = len(session.history.nodes)
    clock.start(5)
    last[0] = began = time.perf_counter()
    session.run()
    until(lambda: time.perf_counter() - began > 2.0)
    session.pause()
    result["stall"] = {"median": round(1e3 * statistics.median(gaps), 2), "worst": round(1e3 * max(gaps), 2)}
    result["half_steps_a_second"] = round((len(session.history.nodes) - made) / (time.perf_counter() - began), 1)
    session.close()
    canvas.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="OUT", help="write the table as JSON, too")
    parser.add_argument("--rows", type=int, nargs="+", default=[300, 20_000, 100_000])
    options = parser.parse_args()
    application = QApplication([])
    theme.apply(application, "light")
    paints = TimedPicture()
    table = [measure(n, paints) for n in options.rows]
    columns = ("step", "engine", "draw", "paint", "pan", "rest", "stall")
    print(f"{'rows':>9}  " + "  ".join(f"{c:>15}" for c in columns) + "  half-steps/s")
    for row in table:
        cells = [f"{row[c]['median']:7.2f} {row[c]['worst']:7.2f}" for c in columns]  # type: ignore[index]
        print(f"{row['rows']:>9}  " + "  ".join(cells) + f"  {row['half_steps_a_second']:12}")
    print("milliseconds, median and worst")
    if options.json:
        Path(options.json).write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
