"""The studio from end to end: the program as a person starts it, and a session of work in its window."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from emstudio.core.stopping import Stopping
from emstudio.gui import theme
from emstudio.gui.main_window import MainWindow
from emstudio.session import FASTEST, Session

ROOT = Path(__file__).resolve().parents[2]


def start(*arguments, cwd, display=False, code=None):
    """Run the program (or `code`) in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    environment["PYTHONPATH"] = str(ROOT)
    environment["DISPLAY"] = ""  # set but empty is no display
    if display:
        environment["QT_QPA_PLATFORM"] = "offscreen"
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "emstudio", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120
    )


# -- the program -------------------------------------------------------------------------------------------------------
def test_without_a_display_the_launch_proves_itself(tmp_path, qapp):
    done = start(cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    table = [re.match(r" +(\d+) +\S*?(\S+)", line) for line in lines]
    iterations = [int(m[1]) for m in table if m]
    assert iterations == list(range(len(iterations))) and len(iterations) > 5
    assert any("130.26396" in line for line in lines)
    assert any(line.startswith("Converged: ") for line in lines)
    picture = QImage(str(tmp_path / "emstudio-window.png"))
    assert (picture.width(), picture.height()) == (1280, 800)
    colours = {picture.pixelColor(x, y).name() for x in range(300, 940, 2) for y in range(200, 560, 2)}
    theme.apply(qapp, "light")
    assert {c.name() for c in map(theme.component_colour, range(2))} <= colours


def test_without_a_display_a_named_file_is_fitted(tmp_path):
    path = tmp_path / "two.csv"
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(0, 1, (40, 2)), rng.normal(6, 1, (40, 2))])
    path.write_text("a,b\n" + "".join(f"{u},{v}\n" for u, v in x))
    done = start("two.csv", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "80 rows, 2 columns" in done.stdout


@pytest.mark.parametrize("content", [None, "a,b\n1,x\n2,3\n4,5\n6,7\n8,9\n"])
def test_what_cannot_be_opened_is_one_line_and_exit_status_2(tmp_path, content):
    if content is not None:
        (tmp_path / "bad.csv").write_text(content)
    done = start("bad.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(r"emstudio: error: [^\n]*bad\.csv[^\n]*\n", done.stderr)
    assert not (tmp_path / "emstudio-window.png").exists()


def test_commands_go_to_the_command_line(tmp_path):
    done = start("models", cwd=tmp_path)
    assert done.returncode == 0 and "gaussian" in done.stdout
    assert "usage: emstudio" in start("--help", cwd=tmp_path).stdout


LAUNCH = """
import sys
from PySide6.QtCore import QTimer
from emstudio.gui import app
real = app.open_window

def opened(settings):
    window = real(settings)
    def look():
        if window.session.moment.snapshot.phase == "start" and not window.refresher.waiting:
            s = window.session
            print(s.data.table.name, s.data.n, s.model.k, window.toolbar.primary.text(), window.isVisible())
            window.close()
    window.refresher.draw.connect(lambda moment: QTimer.singleShot(0, look))
    return window

app.open_window = opened
sys.exit(app.run(sys.argv[1:]))
"""


def test_the_launch_opens_on_old_faithful_with_two_components_started(tmp_path):
    done = start(cwd=tmp_path, display=True, code=LAUNCH)
    assert (done.returncode, done.stdout) == (0, "Old Faithful 272 2 E-step True\n"), done.stderr


# -- work in the window ------------------------------------------------------------------------------------------------
@pytest.fixture
def window(qtbot, qapp):
    theme.apply(qapp, "light")
    window = MainWindow(Session())
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    window.session.open("dataset:old-faithful")
    settle(qtbot, window)
    return window


def settle(qtbot, window, timeout=20000):
    session = window.session
    still = lambda: not session.busy and not session.running and not window.refresher.waiting  # noqa: E731
    qtbot.waitUntil(still, timeout=timeout)


def press(window, key, modifier=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(window.canvas, key, modifier)


def test_a_first_minute(window, qtbot):
    """Step, run to convergence, back, scrub, go on as a branch."""
    session = window.session
    QTest.mouseClick(window.toolbar.primary, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    QTest.mouseClick(window.toolbar.primary, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert session.moment.label == "M1"
    QTest.mouseClick(window.toolbar.buttons["converge"], Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert session.verdict().converged
    assert session.moment.snapshot.log_likelihood == pytest.approx(-1130.26396, abs=1e-5)
    last = session.moment.snapshot.t
    press(window, Qt.Key.Key_Left)
    settle(qtbot, window)
    assert session.moment.snapshot.t == last - 1
    timeline = window.centre.timeline
    place = QPoint(round(timeline.x_of(3.5)), timeline.height() // 2)
    QTest.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=place)
    assert session.moment is session.history.line()[timeline.track.cells.index(session.history.current)].moment
    assert session.moment.snapshot.t < last - 1
    settle(qtbot, window)
    press(window, Qt.Key.Key_End)
    assert session.moment.snapshot.t == last


def test_points_are_painted_on_an_empty_canvas_and_fitted(window, qtbot):
    QTest.keyClick(window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    settle(qtbot, window)
    assert window.session.data.n == 0
    press(window, Qt.Key.Key_P)
    port = window.canvas.viewport()
    width, height = port.width(), port.height()
    rng = np.random.default_rng(3)
    for centre in ((0.3, 0.3), (0.7, 0.7)):
        for dx, dy in rng.normal(0, 0.04, (15, 2)):
            place = QPoint(round((centre[0] + dx) * width), round((centre[1] + dy) * height))
            QTest.mouseClick(port, Qt.MouseButton.LeftButton, pos=place)
    settle(qtbot, window)
    assert window.session.data.n == 30
    assert window.toolbar.primary.text() == "Start" and window.toolbar.primary.isEnabled()
    QTest.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    settle(qtbot, window)
    assert window.session.verdict().converged
    resp = window.session.moment.snapshot.resp
    assert len(set(resp[:15].argmax(1))) == 1 and resp[:15].argmax(1)[0] != resp[15:].argmax(1)[0]
    for _ in range(30):
        QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    settle(qtbot, window)
    assert window.session.data.n == 0


def test_points_are_added_while_the_run_is_on(window, qtbot):
    session = window.session
    session.set_stopping(Stopping(tol=0.0, max_iter=10**6))
    session.set_speed(FASTEST)
    press(window, Qt.Key.Key_P)
    press(window, Qt.Key.Key_Space)
    for x in range(5):
        QTest.mouseClick(window.canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(150 + 20 * x, 120))
        t = session.moment.snapshot.t
        qtbot.waitUntil(lambda t=t: session.moment.snapshot.t > t + 2)
        assert session.running
    press(window, Qt.Key.Key_Space)
    settle(qtbot, window)
    assert session.data.n == 277
    assert np.isfinite(session.moment.snapshot.log_likelihood)


def test_a_dragged_mean_is_where_the_run_goes_on(window, qtbot):
    session = window.session
    mean = session.moment.snapshot.params.means[0]
    port = window.canvas.viewport()
    begin = window.canvas.where(*mean)
    end = begin + QPoint(60, -40)
    QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=begin)
    for i in range(1, 6):
        QTest.mouseMove(port, begin + (end - begin) * i / 5)
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=end)
    settle(qtbot, window)
    assert session.moment.snapshot.phase == "edit"
    moved = session.moment.snapshot.params.means[0]
    assert moved[0] > mean[0] and moved[1] > mean[1]
    nodes = len(session.history.nodes)
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    settle(qtbot, window)
    assert np.array_equal(session.moment.snapshot.params.means[0], mean)
    assert len(session.history.nodes) == nodes


def test_a_dropped_table_is_fitted_at_once(window, qtbot, tmp_path):
    path = tmp_path / "mine.tsv"
    path.write_text("a\tb\tname\n" + "".join(f"{i % 7}\t{(i * i) % 5 + i / 10}\tn{i % 3}\n" for i in range(60)))
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    port = window.canvas.viewport()
    place, keys = port.rect().center(), Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(
        port, QDragEnterEvent(place, Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, keys)
    )
    QApplication.sendEvent(
        port, QDropEvent(QPointF(place), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, keys)
    )
    settle(qtbot, window)
    assert window.session.data.names == ("a", "b")
    assert window.session.moment.snapshot.phase == "start"
    assert window.toolbar.primary.text() == "E-step"


class Paints(QObject):
    """Counts the paint events of a widget."""

    count = 0

    def eventFilter(self, watched, event):
        self.count += event.type() == QEvent.Type.Paint
        return False


def test_ten_thousand_half_steps_in_one_window(window, qtbot):
    session = window.session
    session.set_stopping(Stopping(tol=0.0, max_iter=5000))
    session.set_speed(FASTEST)
    paints = Paints()
    window.canvas.viewport().installEventFilter(paints)
    changes = []
    session.changed.connect(lambda moment: changes.append(None))
    true, none = sys.getrefcount(True), sys.getrefcount(None)
    press(window, Qt.Key.Key_Space)
    settle(qtbot, window, timeout=120000)
    assert session.moment.snapshot.t == 5000
    assert len(changes) >= 10000
    assert paints.count < len(changes) / 2  # painted at the display's pace, not at the engine's
    # A Qt binding that loses a reference at every call would have taken at least one for each of them.
    assert sys.getrefcount(True) > true - len(changes) // 2
    assert sys.getrefcount(None) > none - len(changes) // 2
    assert session.moment.snapshot.log_likelihood == pytest.approx(-1130.26396, abs=1e-5)
    press(window, Qt.Key.Key_Home)
    settle(qtbot, window)
    assert session.moment.label == "start"
