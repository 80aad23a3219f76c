"""`emstudio predict`: new rows under a model file, a fit's own or one written by hand."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

MODEL = {
    "format": "emstudio-fit",
    "version": 1,
    "model": {"name": "gaussian", "parameters": {"k": 2, "covariance": "full"}},
    "data": {"columns": ["a", "b"]},
    "params": {
        "weights": [0.25, 0.75],
        "means": [[0.0, 0.0], [4.0, 0.0]],
        "covariances": [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 4.0]]],
    },
}


def spoiled(**parts: object) -> dict:
    return {k: v for k, v in {**MODEL, **parts}.items() if v is not None}


def rows(text: str) -> list[list[float]]:
    return [[float(c) for c in r] for r in list(csv.reader(io.StringIO(text)))[1:]]


@pytest.fixture
def model(write) -> str:
    return write("model.json", MODEL)


def test_a_row_by_hand(entry, model, write):
    write("one.csv", "a,b\n1,1\n")
    answer = entry("predict", model, "one.csv")
    assert answer.status == 0 and answer.err == ""
    assert answer.out.splitlines()[0] == "label,p0,p1,uncertainty,log_density"
    first = 0.25 * math.exp(-1.0) / (2 * math.pi)
    second = 0.75 * math.exp(-(9 + 0.25) / 2) / (2 * math.pi * 2)
    total = first + second
    wanted = [0, first / total, second / total, second / total, math.log(total)]
    assert rows(answer.out)[0] == pytest.approx(wanted, rel=1e-13)


def test_columns_are_taken_by_name_or_in_order(entry, model, write):
    write("swapped.csv", "b,other,a\n2,x,1\n5,x,3\n")
    write("plain.csv", "a,b\n1,2\n3,5\n")
    named = entry("predict", model, "swapped.csv")
    assert named.status == 0 and named.err == ""
    assert named.out == entry("predict", model, "plain.csv").out
    write("bare.json", spoiled(data=None))
    write("unnamed.csv", "1,2\n3,5\n")
    assert entry("predict", "bare.json", "unnamed.csv").out == named.out
    assert entry("predict", model, "swapped.csv", "--columns", "a,b").out == named.out


def test_results_go_where_they_are_sent(entry, model, write):
    write("new.csv", "a,b\n1,2\n3,5\n")
    answer = entry("predict", model, "new.csv", "-o", "out.csv", "--json", "out.json")
    assert "log-likelihood" in answer.out
    table = rows((answer.folder / "out.csv").read_text())
    assert answer.json("out.json")["log_likelihood"] == pytest.approx(sum(r[-1] for r in table))
    silent = entry("predict", model, "new.csv", "-o", "out.csv", "--json", "-")
    assert json.loads(silent.out)["sizes"] == answer.json("out.json")["sizes"]


def test_missing_cells_are_an_error_or_an_empty_line(entry, refused, model, write):
    write("new.csv", "a,b\n1,2\n,5\n3,4\n")
    assert refused("predict", model, "new.csv").startswith("new.csv, row 3, column a: the cell is missing")
    answer = entry("predict", model, "new.csv", "--missing", "drop")
    lines = answer.out.splitlines()
    assert answer.status == 0 and len(lines) == 4 and lines[2] == ",,,,"
    assert answer.err == "emstudio: warning: 1 row with missing cells is left out\n"


def test_the_fit_and_its_prediction_agree(entry):
    fit = ("fit", "dataset:iris", "--model", "gaussian", "-k", 3, "--json", "m.json", "--labels", "fit.csv")
    folder = entry(*fit).folder
    answer = entry("predict", "m.json", "dataset:iris", "-o", "new.csv", "--labels-column", "species")
    assert answer.status == 0 and answer.err == ""
    assert (folder / "fit.csv").read_text() == (folder / "new.csv").read_text()
    assert "adjusted Rand index  0.9" in answer.out


BAD = {
    "format": (spoiled(format="something"), "format is 'something'"),
    "no-format": (spoiled(format=None), "format is null"),
    "version": (spoiled(version=2), "use a newer EM Studio"),
    "no-model": (spoiled(model=None), "'model' is missing"),
    "model-name": (spoiled(model={"name": "zebra"}), "no model 'zebra'"),
    "model-number": (spoiled(model={"name": 3}), "model.name is 3"),
    "parameter": (spoiled(model={"name": "gaussian", "parameters": {"q": 1}}), "no parameter 'q'"),
    "k": (spoiled(model={"name": "gaussian", "parameters": {"k": 3}}), "2 components and 3"),
    "no-params": (spoiled(params=None), "'params' is missing"),
    "columns": (spoiled(data={"columns": ["a", 1]}), "data.columns[1] is 1"),
    "column-twice": (spoiled(data={"columns": ["a", "a"]}), "names 'a' twice"),
    "column-count": (spoiled(data={"columns": ["a"]}), "2 columns and 1 are fitted"),
    "scale": (spoiled(data={"scale": {"means": [1, 2], "sds": [1, 0]}}), "data.scale.sds[1] is 0"),
    "scale-length": (spoiled(data={"scale": {"means": [1.0], "sds": [1.0]}}), "data.scale is for 1 columns"),
}


@pytest.mark.parametrize(("document", "sentence"), BAD.values(), ids=BAD)
def test_a_bad_model_file_is_refused(document: dict, sentence: str, refused, write):
    write("bad.json", document)
    write("new.csv", "a,b\n1,2\n")
    said = refused("predict", "bad.json", "new.csv")
    assert said.startswith("bad.json: ") and sentence in said


def test_rows_that_do_not_suit_the_model_are_refused(refused, model, write):
    write("other.csv", "a,c\n1,2\n")
    assert "the model needs the column 'b'" in refused("predict", model, "other.csv")
    write("huge.csv", "a,b\n1,2\n1,1e300\n")
    assert refused("predict", model, "huge.csv") == "huge.csv, row 3, column b: 1e+300 is too large; correct the cell"
    write("far.csv", "a,b\n1,2\n1,1e100\n")
    assert refused("predict", model, "far.csv").startswith("far.csv, row 3: no component can have made this row")
    write("bare.json", spoiled(data=None))
    write("three.csv", "1,2,3\n4,5,6\n")
    assert "name the columns to use with --columns" in refused("predict", "bare.json", "three.csv")


def test_a_prediction_does_not_write_over_its_model(refused, model, write):
    write("new.csv", "a,b\n1,2\n")
    assert "would write over an input" in refused("predict", model, "new.csv", "-o", model)
