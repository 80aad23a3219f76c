"""What every test stands on: a private offscreen screen and settings folder, set before Qt is imported.

Tests of `core`, `models`, `tables` and the command line also run where Qt's system libraries are missing; the others
are then left out, and the report says so.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest

from emstudio.core.format import set_cast

# Set here, not in a fixture: test modules import Qt while they are collected, and Qt reads all this once.
SCRATCH = Path(tempfile.mkdtemp(prefix="emstudio-tests-"))
SCREEN = {"name": "test", "x": 0, "y": 0, "width": 1920, "height": 1080, "dpr": 1}
SCREEN |= {"logicalDpi": 96, "logicalBaseDpi": 96}
(SCRATCH / "screen.json").write_text(json.dumps({"screens": [SCREEN]}))
# Offscreen's own screen has 800 x 800 pixels, and restoreGeometry would shrink every larger window.
# Another platform for a run on a real or virtual display: EMSTUDIO_TEST_PLATFORM=xcb.
os.environ["QT_QPA_PLATFORM"] = (
    os.environ.get("EMSTUDIO_TEST_PLATFORM") or f"offscreen:configfile={SCRATCH / 'screen.json'}"
)
for variable, folder in (
    ("XDG_CONFIG_HOME", "config"),  # QSettings
    ("XDG_DATA_HOME", "data"),  # plug-ins and other files of the person
    ("XDG_RUNTIME_DIR", "runtime"),  # without one Qt warns
):
    (SCRATCH / folder).mkdir(mode=0o700)
    os.environ[variable] = str(SCRATCH / folder)
os.environ["LC_ALL"] = "C.UTF-8"  # numbers and messages as everywhere; without a UTF-8 locale Qt warns
for variable in ("QT_SCALE_FACTOR", "QT_STYLE_OVERRIDE", "QT_QPA_PLATFORMTHEME", "LANGUAGE"):
    os.environ.pop(variable, None)


def reason_without_qt() -> str | None:
    """Why the window's tests cannot run here: a sentence of the dynamic loader; None if they can."""
    try:
        import PySide6.QtTest
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        return str(error)
    return None


NO_QT = reason_without_qt()
NEEDS_QT = re.compile(r"\b(PySide6|pyqtgraph|qtbot|qapp|emstudio\.gui|emstudio\.session|emstudio\.worker)\b")
left_out: list[Path] = []


def pytest_plugin_registered(plugin: object, manager: pytest.PytestPluginManager) -> None:
    # pytest-qt ends the whole run when Qt cannot be imported; without it the other tests go on.
    if NO_QT and manager.get_name(plugin) == "pytest-qt":
        manager.unregister(plugin)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    if NO_QT is None or not collection_path.match("test_*.py"):
        return None
    if NEEDS_QT.search(collection_path.read_text("utf-8")):
        left_out.append(collection_path)
        return True
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if left_out:
        terminalreporter.write_line(f"LEFT OUT: {len(left_out)} files that need Qt ({NO_QT})", red=True)


def pytest_collection_finish() -> None:
    # Python's collector may run on any thread, and a widget that dies outside the window's thread takes the process
    # with it: so it runs between tests only, here. What the imports left is not looked at again.
    gc.disable()
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _components_are_called_a_b_c():
    """A window that was tested before gives the components of the next test no other letters."""
    set_cast(())


@pytest.fixture(autouse=True)
def _collect_garbage_between_tests(request: pytest.FixtureRequest):
    yield
    gc.collect(2 if "qapp" in request.fixturenames else 1)


def pytest_unconfigure() -> None:
    with contextlib.suppress(OSError):
        shutil.rmtree(SCRATCH)


if NO_QT is None:

    @pytest.fixture(scope="session")
    def qapp(qapp):
        """The QApplication, with pyqtgraph taking every mouse move: it drops those above a hundred a second."""
        import pyqtgraph

        pyqtgraph.setConfigOption("mouseRateLimit", 0)
        return qapp
