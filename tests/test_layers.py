"""The floors of the house, kept by machine: imports point down only, and start-up loads nothing it does not need."""

from __future__ import annotations

import ast
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import emstudio

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(emstudio.__file__).parent
MODULES = sorted(module.name for module in pkgutil.walk_packages([str(PACKAGE)], "emstudio."))
PURE = [name for name in MODULES if name.startswith(("emstudio.core", "emstudio.models"))]


def python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=120)


def test_import_contracts_are_kept():
    done = python(
        "import sys; from importlinter.cli import lint_imports; "
        "sys.exit(lint_imports(config_filename='pyproject.toml', no_cache=True))"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_the_mathematics_imports_with_nothing_but_numpy_and_scipy():
    """Every other package is hidden, Qt first of all."""
    done = python(
        """
import importlib, sys
allowed = {"emstudio", "numpy", "scipy", "threadpoolctl", *sys.stdlib_module_names}
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ModuleNotFoundError(f"hidden: {name}", name=name)
sys.meta_path.insert(0, Hide())
for name in sys.argv[1:]:
    importlib.import_module(name)
""",
        *PURE,
    )
    assert PURE
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith("emstudio.gui")])
def test_outside_the_window_only_qtcore_is_imported_at_the_top(name: str):
    path = PACKAGE.parent / (name.replace(".", "/") + ".py")
    if not path.exists():
        path = path.with_suffix("") / "__init__.py"
    imported = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    toolkit = {i for i in imported if i.startswith(("PySide6.", "pyqtgraph")) and not i.startswith("PySide6.QtCore")}
    assert not toolkit, f"{name} imports {toolkit}"


def test_importing_everything_loads_nothing_slow():
    """The first picture waits for these imports: half a second for scipy.stats, a tenth or two for polars."""
    done = python(
        """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
slow = ("scipy.stats", "polars", "fastexcel", "sklearn", "hypothesis", "PySide6.QtNetwork", "PySide6.QtQml")
print(*(name for name in slow if name in sys.modules))
""",
        *(name for name in MODULES if name != "emstudio.__main__"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=["check", "format"])
def test_ruff_is_content(command: tuple[str, ...]):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--no-cache", "emstudio", "tests", "packaging"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
