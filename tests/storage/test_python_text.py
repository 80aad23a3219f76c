"""Values as Python source: they read back as themselves, laid out as the formatter would."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emstudio.storage.python_text import WIDTH, Call, Code, Layout, assignment, one_line, text

ROOT = Path(__file__).resolve().parents[2]
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    plain,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=40,
)


@given(values)
def test_values_read_back_as_themselves(value):
    found: dict = {}
    exec(assignment("found", value), found)
    assert found["found"] == value and type(found["found"]) is type(value)
    assert eval(one_line(value)) == value


@given(st.text(st.characters(exclude_categories=[])))
def test_every_text_reads_back_and_stays_on_its_line(value):
    source = text(value)
    assert eval(source) == value and len(source.splitlines()) == 1
    source.encode()  # lone surrogates are escaped


def test_numbers_read_back_bit_for_bit():
    x = np.random.default_rng(0).normal(size=200) * 10.0 ** np.arange(-100, 100)
    found: dict = {}
    exec(assignment("x", [*x.tolist(), -0.0]), found)
    assert np.array_equal(found["x"][:-1], x) and math.copysign(1, found["x"][-1]) == -1


ROUND = [
    "short",
    "both \"kinds\" of 'quotes'",
    "one 'kind'",
    'two "quotes"',
    "back\\slash \t tab",
    "x" * 109,
    "y" * 112,
    "long with blanks " * 9,
    "名" * 56,
    "é" * 110,
    [1, 2],
    list(range(200)),
    [f"name {i}" for i in range(30)],
    [[0.1 * i, 0.2, 0.3] for i in range(12)],
    {"weights": [0.25, 0.75], "means": [[1 / 3] * 9, [1 / 7] * 9]},
    {"short": (1,), "empty": [], "nothing": {}},
    (1.5,),
]


@pytest.mark.parametrize("kind", ["constants", "calls"])
def test_it_is_laid_out_as_the_formatter_would(kind, tmp_path):
    if kind == "constants":
        lines = [assignment("NAME", v) for v in ROUND]
    else:
        plain_calls = [Call("made", (Code("data"), v), {"seed": 0, "how": Call("EStep", ("soft",))}) for v in ROUND]
        lines = []
        for call in plain_calls:
            layout = Layout()
            source = layout.of(call, "value = ", ".best")
            lines.append(f"# fmt: off\n{source}\n# fmt: on" if layout.filled else source)
    file = tmp_path / "made.py"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    command = [
        sys.executable,
        "-m",
        "ruff",
        "format",
        "--diff",
        "--no-cache",
        "--config",
        ROOT / "pyproject.toml",
        file,
    ]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout
    if kind == "constants":  # a line that cannot be broken says so to the linter
        command[3:5] = ["check", "--select", "E501,RUF100"]
        done = subprocess.run(command, capture_output=True, encoding="utf-8")
        assert done.returncode == 0, done.stdout


def test_filled_lists_keep_to_the_width():
    source = assignment("x", [float(i) / 7 for i in range(500)])
    assert source.startswith("# fmt: off\nx = [\n") and source.endswith("\n]\n# fmt: on")
    assert max(map(len, source.splitlines())) <= WIDTH
