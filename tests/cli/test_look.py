"""`emstudio show`, `datasets`, `models` and the help texts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from emstudio import cli, datasets
from emstudio.core.model import REGISTRY


def test_show_says_what_was_read(entry, write):
    write("mixed.csv", "x;y;name\n1,5;2;a\n;3;b\n2,5;4;c\n")
    found = json.loads(entry("show", "mixed.csv", "--json").out)
    assert found["rows"] == 3 and found["delimiter"] == ";" and found["decimal_mark"] == ","
    x = found["columns"][0]
    assert (x["name"], x["count"], x["missing"], x["minimum"], x["maximum"], x["sum"]) == ("x", 2, 1, 1.5, 2.5, 4.0)
    plain = entry("show", "mixed.csv")
    assert plain.status == 0 and plain.err == ""
    assert plain.out.startswith("mixed.csv: 3 rows") and "category" in plain.out


def test_show_escapes_what_would_break_a_line(entry, write):
    write("odd.csv", '"a\nb",c\n1,2\n3,4\n')
    out = entry("show", "odd.csv").out
    assert r"a\nb" in out and "a\nb" not in out


def test_every_bundled_set_is_listed_and_can_be_written(entry, tmp_path):
    listed = json.loads(entry("datasets", "--json").out)
    assert [d["name"] for d in listed] == [i.name for i in datasets.index()]
    for d in listed:
        assert d["source"] and d["kind"] and len(d["columns"]) == d["shape"][1]
    assert entry("datasets", "-o", "iris.csv", "iris").status == 0
    read = json.loads(entry("show", "iris.csv", "--json").out)
    kept = json.loads(entry("show", "dataset:iris", "--json").out)
    assert [c["sum"] for c in read["columns"]] == [c["sum"] for c in kept["columns"]]
    piped = entry("datasets", "iris", "-o", "-")
    assert piped.out == (tmp_path / "iris.csv").read_text()
    assert "old-faithful" in entry("datasets").out


def test_models_are_those_of_the_registry(entry):
    listed = {m["name"]: m for m in json.loads(entry("models", "--json").out)}
    assert set(listed) == set(REGISTRY)
    gaussian = listed["gaussian"]
    assert gaussian["title"] and gaussian["accepts"]
    parameters = {p["name"]: p for p in gaussian["parameters"]}
    assert (parameters["k"]["low"], parameters["k"]["high"], parameters["k"]["type"]) == (1, 20, "int")
    assert {"full", "tied", "diag", "spherical", "VVV", "EEE", "VVI", "VII"} <= set(parameters["covariance"]["choices"])
    assert "covariance" in entry("models").out


@pytest.mark.parametrize("choice", ["full", "tied", "diag", "spherical", "VVV", "EEE", "VVI", "VII"])
def test_every_listed_choice_can_be_fitted(choice: str, entry):
    options = ("-p", f"covariance={choice}", "--starts", 1, "--json", "a.json")
    fit = entry("fit", "dataset:galaxies", "--model", "gaussian", *options).json("a.json")
    assert np.shape(fit["params"]["covariances"]) == (2, 1, 1)


@pytest.mark.parametrize("name", [None, *cli.COMMANDS])
def test_help_is_a_success(name: str | None, emstudio):
    answer = emstudio(*([name] if name else []), "--help")
    assert answer.status == 0 and answer.err == ""
    assert answer.out.startswith(f"usage: emstudio {name or ''}".rstrip())


def test_the_version_is_told(entry):
    assert entry("--version").out.startswith("emstudio 0.")
