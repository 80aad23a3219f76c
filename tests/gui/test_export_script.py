"""File > Export a script, and Export the data: real gestures, the real dialog, and the script run as a program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from emstudio import tables
from emstudio.gui import export, theme
from tests.gui.test_main_window import make, open_source, press, settle

ROOT = Path(__file__).resolve().parents[2]
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture(scope="module", autouse=True)
def look(qapp):
    theme.apply(qapp, "light")


@pytest.fixture
def window(qtbot):
    window = make(qtbot)
    open_source(qtbot, window, "dataset:old-faithful")
    yield window
    window._leave()


def write(qtbot, window, what: str, path: Path) -> None:
    """Choose the action in the menu, and a name in its dialog."""
    action = window.acts[f"export_{what}"]
    assert action.isEnabled()
    action.trigger()
    (dialog,) = [d for d in window.findChildren(QFileDialog, f"export_{what}_dialog") if d.isVisible()]
    dialog.setDirectory(str(path.parent))
    dialog.selectFile(str(path))
    dialog.accept()
    qtbot.waitUntil(path.exists)


def run(path: Path, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0 and "difference: 0\n" in done.stdout, done.stdout + done.stderr
    return done.stdout


def drag(canvas, *places: QPoint) -> None:
    view = canvas.viewport()
    QTest.mousePress(view, LEFT, NONE, places[0])
    for place in places[1:]:
        QTest.mouseMove(view, place)
    QTest.mouseRelease(view, LEFT, NONE, places[-1])


def test_after_a_drag_the_script_ends_at_the_parameters_shown(window, qtbot, tmp_path):
    canvas, session = window.canvas, window.session
    mean = session.moment.snapshot.params.means[0]
    at = canvas.where(*mean)
    drag(canvas, at, at + QPoint(20, -30), at + QPoint(40, -60))
    settle(qtbot, window)
    moved = session.moment.snapshot.params.means[0]
    assert session.moment.label == "edit" and np.abs(moved - mean).max() > 0.1
    for _ in range(3):
        press(window, Qt.Key.Key_Right)
        settle(qtbot, window)
    assert session.moment.label == "E2"
    write(qtbot, window, "script", tmp_path / "fit.py")
    said = run(tmp_path / "fit.py", tmp_path.parent)
    shown = session.moment.snapshot
    assert f"means = {shown.params.means.tolist()}\n" in said
    assert f"log-likelihood = {shown.log_likelihood!r} (iterations: 1)\n" in said
    assert "read(DATA)" in (tmp_path / "fit.py").read_text()


def test_after_painting_the_points_stand_in_the_script(window, qtbot, tmp_path):
    canvas, session = window.canvas, window.session
    press(window, Qt.Key.Key_P)
    middle = canvas.viewport().rect().center()
    drag(canvas, middle, middle + QPoint(60, 10), middle + QPoint(120, 20))
    settle(qtbot, window)
    assert session.data.n > 272
    press(window, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    settle(qtbot, window)
    write(qtbot, window, "script", tmp_path / "painted.py")
    said = run(tmp_path / "painted.py", tmp_path.parent)
    assert f"log-likelihood = {session.moment.snapshot.log_likelihood!r}" in said
    text = (tmp_path / "painted.py").read_text()
    assert f"# Data: written below, {session.data.n} rows of eruptions, waiting." in text
    write(qtbot, window, "data", tmp_path / "painted.csv")
    again = tables.read(str(tmp_path / "painted.csv"))
    assert np.array_equal(again.column("waiting").values, session.data.table.column("waiting").values)


def test_on_an_empty_canvas_there_is_nothing_to_export(window, qtbot):
    window.session.new()
    settle(qtbot, window)
    assert not window.acts["export_script"].isEnabled() and not window.acts["export_data"].isEnabled()


def test_too_many_painted_rows_are_told_in_one_sentence(window, qtbot, tmp_path):
    rows = "".join(f"{i * 37 % 11 / 7},{i * i % 13 / 3}\n" for i in range(6000))
    window.session.paste("a,b\n" + rows)
    settle(qtbot, window)
    assert not export.export(window, "script", str(tmp_path / "fit.py"))
    sentence = window.trouble.sentence.text()
    assert "6000 rows that no file holds are too many" in sentence and "export the data" in sentence
    assert not (tmp_path / "fit.py").exists()
