"""Wrong use and bad input: exit status 2, one line on standard error, nothing written."""

from __future__ import annotations

import os

import pytest

FAITHFUL = ("fit", "dataset:old-faithful", "--model", "gaussian")
SOUND = {
    "weights": [0.25, 0.75],
    "means": [[2.0, 55.0], [4.0, 80.0]],
    "covariances": [[[0.25, 0.0], [0.0, 36.0]], [[0.25, 0.0], [0.0, 36.0]]],
}


def spoiled(key: str, value: object) -> dict:
    return {"params": {**SOUND, key: value}}


OPTIONS = {
    "k-0": (["-k", "0"], "k=0 is out of range"),
    "k-huge": (["-k", "1000000000"], "out of range"),
    "k-exponent": (["-k", "1e9"], "not a whole number"),
    "k-fraction": (["-k", "2.5"], "not a whole number"),
    "k-beyond-64-bits": (["-k", "1" + "0" * 24], "out of range"),
    "k-underscore": (["-k", "2_0"], "k=2_0 is not a whole number"),
    "k-blank": (["-k", " 2"], "not a whole number"),
    "k-other-digits": (["-k", "٢"], "not a whole number"),
    "k-empty": (["-k", ""], "not a whole number"),
    "k-missing": (["-k"], "-k needs a value"),
    "k-twice": (["-k", "2", "-k", "2"], "-k is given twice"),
    "k-two-ways": (["-k", "2", "-p", "k=3"], "given twice"),
    "p-twice": (["-p", "k=2", "-p", "k=3"], "given twice"),
    "p-unknown": (["-p", "colour=red"], "no parameter 'colour'"),
    "p-no-pair": (["-p", "k"], "not KEY=VALUE"),
    "p-floor": (["-p", "floor=1"], "write --floor 1"),
    "covariance": (["--covariance", "round"], "choose from: VVV"),
    "covariance-two-ways": (["--covariance", "full", "-p", "covariance=full"], "given twice"),
    "tol-nan": (["--tol", "nan"], "--tol nan"),
    "tol-infinite": (["--tol", "1e999"], "--tol 1e999"),
    "tol-negative": (["--tol=-1"], "--tol -1"),
    "tol-underscore": (["--tol", "1_0"], "--tol 1_0"),
    "seed-negative": (["--seed", "-1"], "--seed -1"),
    "seed-fraction": (["--seed", "1.0"], "--seed 1.0"),
    "seed-other-digits": (["--seed", "١"], "--seed"),
    "max-iter-negative": (["--max-iter", "-1"], "--max-iter -1"),
    "starts-0": (["--starts", "0"], "1 or more"),
    "stop": (["--stop", "soon"], "choose from: aitken"),
    "floor-negative": (["--floor=-1"], "--floor -1"),
    "floor-nan": (["--floor", "nan"], "--floor nan"),
    "on-collapse-unknown": (["--on-collapse", "drop"], "choose from: stop, floor, reseed, remove"),
    "missing-unknown": (["--missing", "fill"], "choose from: error, drop, marginal"),
    "scale": (["--scale", "log"], "choose from: none"),
    "start-unknown": (["--start", "spectral"], "choose from: kmeans++"),
    "start-no-file": (["--start", "params:"], "names no file"),
    "unknown-option": (["--noisy"], "unknown option --noisy"),
    "unknown-with-value": (["--particles", "5"], "unknown option --particles;"),
    "abbreviation": (["--max", "3"], "unknown option --max"),
    "value-for-a-flag": (["--trace-params=yes"], "takes no value"),
    "two-tables": (["other.csv"], "one argument too many: other.csv"),
    "line-break": (["--seed", "1\n2"], r"'1\n2'"),
    "columns-unknown": (["--columns", "eruptions,nope"], "no column 'nope'"),
    "columns-twice": (["--columns", "waiting,waiting"], "chosen twice"),
    "columns-empty": (["--columns", "waiting,"], "empty name"),
    "columns-and-weights": (["--columns", "waiting", "--weights", "waiting"], "name it once"),
    "weights-unknown": (["--weights", "w"], "--weights names 'w'"),
    "labels-column-unknown": (["--labels-column", "w"], "--labels-column names 'w'"),
    "no-folder": (["--json", "nowhere/out.json"], "nowhere/out.json: the folder"),
    "a-folder": (["--json", "."], "this is a folder"),
    "no-name": (["--labels="], "name of an output is empty"),
    "same-file": (["--json", "a", "--labels", "./a"], "name the same file"),
    "stdout-twice": (["--json", "-", "--trace", "-"], "both write to standard output"),
    "picture-format": (["--figure", "fit.bmp"], "ends in .png"),
}


@pytest.mark.parametrize(("options", "sentence"), OPTIONS.values(), ids=OPTIONS)
def test_wrong_options(options: list[str], sentence: str, refused):
    assert sentence in refused(*FAITHFUL, *options)


COMMANDS = {
    "unknown": (["frobnicate"], "there is no command 'frobnicate'"),
    "later": (["film", "dataset:iris"], "there is no command 'film'"),
    "fit-alone": (["fit"], "DATA must be given"),
    "fit-no-model": (["fit", "dataset:iris"], "--model must be given; choose from: "),
    "fit-unknown-model": (["fit", "dataset:iris", "--model", "x\ny"], r"no model 'x\ny'"),
    "fit-no-such-set": (["fit", "dataset:iri", "--model", "gaussian"], "choose from: old-faithful"),
    "fit-no-such-file": (["fit", "a\nb.csv", "--model", "gaussian"], r"a\nb.csv: there is no such file"),
    "fit-dash-file": (["fit", "--model", "gaussian", "--", "-x.csv"], "-x.csv: there is no such file"),
    "predict-alone": (["predict"], "MODEL.json, DATA must be given"),
    "predict-no-model": (["predict", "no.json", "dataset:iris"], "no.json: there is no such file"),
    "show-alone": (["show"], "DATA must be given"),
    "show-nothing": (["show", ""], "no file is named"),
    "datasets-unknown": (["datasets", "iri", "-o", "x.csv"], "choose from: old-faithful"),
    "datasets-nowhere": (["datasets", "iris"], "add -o FILE.csv"),
    "datasets-nothing": (["datasets", "-o", "x.csv"], "without the name"),
    "models-argument": (["models", "gaussian"], "one argument too many: gaussian"),
}


@pytest.mark.parametrize(("arguments", "sentence"), COMMANDS.values(), ids=COMMANDS)
def test_wrong_commands(arguments: list[str], sentence: str, refused):
    assert sentence in refused(*arguments)


PARAMS = {
    "not-json": ("{\n  oops", "start.json, row 2, column 3: this is not JSON"),
    "empty": ("", "row 1, column 1"),
    "a-list": ("[]", "not an object"),
    "deep": ("[" * 100_000, "nested too deeply"),
    "no-params": ("{}", "the key 'params' is missing"),
    "params-list": ({"params": []}, "params is a list"),
    "key-twice": ('{"params": {"weights": [1], "weights": [1]}}', "'weights' stands twice in params"),
    "nan": ('{"params": {"weights": [NaN]}}', "params.weights[0] is NaN"),
    "infinite": ('{"params": {"means": [[1, 1e999]]}}', "params.means[0][1] is 1e999"),
    "huge-integer": ('{"params": {"weights": [1' + "0" * 5000 + "]}}", "params.weights[0] is 1000"),
    "text": (spoiled("weights", ["0.25", 0.75]), "params.weights[0] is '0.25'"),
    "null": (spoiled("weights", [0.25, None]), "params.weights[1] is null"),
    "true": (spoiled("weights", [True, 0.0]), "params.weights[0] is true"),
    "empty-list": (spoiled("means", [[], []]), "params.means[0] is empty"),
    "no-means": ({"params": {"weights": [1.0]}}, "means"),
    "ragged": (spoiled("means", [[2.0, 55.0], [4.0]]), "means"),
    "shapes": (spoiled("weights", [1.0]), "1 weights"),
    "sum": (spoiled("weights", [0.25, 0.75 + 2e-9]), "the weights sum to"),
    "negative-weight": (spoiled("weights", [-0.25, 1.25]), "the weight of component 0 is -0.25"),
    "not-symmetric": (spoiled("covariances", [[[1.0, 0.5], [0.0, 1.0]]] * 2), "component 0 is not symmetric"),
    "not-definite": (
        spoiled("covariances", [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]]]),
        "component 1 is not positive definite",
    ),
    "zero-variance": (spoiled("covariances", [[[0.0, 0.0], [0.0, 1.0]]] * 2), "component 0 is not positive definite"),
    "columns": (
        {"params": {"weights": [1.0], "means": [[1.0]], "covariances": [[[1.0]]]}},
        "params is for 1 columns and 2 are fitted",
    ),
}


@pytest.mark.parametrize(("contents", "sentence"), PARAMS.values(), ids=PARAMS)
def test_start_parameters_that_cannot_be_used(contents: object, sentence: str, refused, write):
    write("start.json", contents)
    said = refused(*FAITHFUL, "--start", "params:start.json")
    assert said.startswith("start.json") and sentence in said and len(said) < 400


def test_start_parameters_are_taken_as_they_are(entry, write):
    write("start.json", spoiled("weights", [0.25, 0.75 + 9e-10]))
    fit = entry(*FAITHFUL, "--start", "params:start.json", "--max-iter", 0, "--json", "o.json").json("o.json")
    assert fit["params"]["weights"] == [0.25, 0.75 + 9e-10]


def test_start_parameters_and_k_must_agree(refused, write):
    write("start.json", {"params": SOUND})
    said = refused(*FAITHFUL, "-k", 3, "--start", "params:start.json")
    assert said == "start.json: params has 2 components and 3 are asked for; give the same number"


@pytest.mark.parametrize("name", ["folder", "pipe", "bytes"])
def test_start_parameters_in_no_readable_file(name: str, refused, tmp_path):
    if name == "folder":
        (tmp_path / name).mkdir()
    elif name == "pipe":
        os.mkfifo(tmp_path / name)
    else:
        (tmp_path / name).write_bytes(b'{"a": 1,\n"\xff": 2}')
    wanted = {"folder": "this is a folder", "pipe": "not a regular file", "bytes": "bytes, row 2: this is not UTF-8"}
    assert wanted[name] in refused(*FAITHFUL, "--start", f"params:{name}")


LABELS = {
    "too-few": ("label\n0\n1\n0\n", "3 labels for 5 rows"),
    "fraction": ("label\n0\n1\n0.5\n1\n0\n", "row 4, column label: 0.5 is not a label"),
    "negative": ("label\n0\n1\n-1\n1\n0\n", "row 4, column label: -1 is not a label"),
    "text": ("label\na\nb\na\nb\na\n", "row 2, column label: 'a' is not a label"),
    "too-large": ("label\n0\n1\n2\n1\n0\n", "row 4: the label 2 is not one of 0 to 1"),
    "empty-component": ("label\n0\n0\n0\n0\n0\n", "component 1 has no row"),
    "missing-label": ("label,x\n0,1\n,1\n0,1\n1,1\n1,1\n", "row 3: the label is missing"),
    "no-such-column": ("a,b\n0,0\n0,0\n1,1\n1,1\n1,1\n", "there is no column 'label'"),
}


@pytest.mark.parametrize(("contents", "sentence"), LABELS.values(), ids=LABELS)
def test_start_labels_that_cannot_be_used(contents: str, sentence: str, refused, write):
    write("data.csv", "x\n1\n2\n4\n8\n9\n")
    write("labels.csv", contents)
    said = refused("fit", "data.csv", "--model", "gaussian", "-k", 2, "--start", "labels:labels.csv")
    assert said.startswith("labels.csv") and sentence in said


def test_labels_of_dropped_rows_are_not_looked_at(entry, refused, write):
    write("data.csv", "x,y\n1,1\n2,\n4,2\n8,6\n9,7\n8,9\n2,3\n")
    options = ("fit", "data.csv", "--model", "gaussian", "-k", 2, "--covariance", "tied", "--missing", "drop")
    write("labels.csv", "label\n0\n7\n0\n1\n1\n1\n0\n")
    assert entry(*options, "--start", "labels:labels.csv").status == 0
    write("labels.csv", "label\n0\n1\n0\n0\n0\n0\n0\n")
    assert "component 1 has no row" in refused(*options, "--start", "labels:labels.csv")


DATA = {
    "text": ("x,y\n1,a\n2,b\n3,a\n", ["--columns", "y"], "column y: the column holds text"),
    "no-numbers": ("y,z\na,b\nc,d\n", [], "no column of numbers"),
    "constant": ("x,y\n1,5\n2,5\n4,5\n7,5\n", [], "y is constant"),
    "alike": ("x,y\n1,5\n1,5\n1,5\n", [], "All rows are alike"),
    "collinear": ("x,y\n1,2\n2,4\n4,8\n7,14\n", [], "collinear"),
    "few": ("x\n1\n", [], "only 1 row for 2 components"),
    "alike-but-enough": ("x\n1\n1\n2\n1\n", ["-k", "3"], "too few for 3 components"),
    "weight-negative": ("x,w\n1,1\n2,-1\n3,1\n", ["--weights", "w"], "row 3, column w: the weight -1"),
    "weights-zero": ("x,w\n1,0\n2,0\n3,0\n", ["--weights", "w"], "all weights are zero"),
    "weights-text": ("x,w\n1,a\n2,b\n3,c\n", ["--weights", "w"], "cannot weigh rows"),
    "huge": ("x\n1e200\n2e200\n5e200\n", [], "overflow"),
    "header-only": ("x,y\n", [], "no row"),
    "standardise-constant": ("x,y\n1,5\n2,5\n4,5\n7,5\n", ["--scale", "standardise"], "cannot be standardised"),
}


@pytest.mark.parametrize(("contents", "options", "sentence"), DATA.values(), ids=DATA)
def test_data_that_cannot_be_fitted(contents: str, options: list[str], sentence: str, refused, write):
    write("data.csv", contents)
    said = refused("fit", "data.csv", "--model", "gaussian", *options)
    assert said.startswith("data.csv") and sentence in said


def test_a_row_that_no_component_can_have_made_is_named(refused, write):
    write("data.csv", "x\n1\n2\n1e60\n")
    write("start.json", {"params": {"weights": [1.0], "means": [[1.5]], "covariances": [[[1e-30]]]}})
    said = refused("fit", "data.csv", "--model", "gaussian", "--start", "params:start.json", "--max-iter", 0)
    assert said.startswith("data.csv, row 4") or "same units" in said


def test_a_sentence_stays_short_however_long_the_names(refused, write):
    write("wide.csv", ",".join(f"{'column' * 50}{j}" for j in range(400)) + "\n" + "1," * 399 + "2\n")
    for options in (["--columns", "nope"], ["--weights", "n" * 5000], []):
        assert len(refused("fit", "wide.csv", "--model", "gaussian", "-k", 1, *options)) < 3000
    assert "and 380 more" in refused("fit", "wide.csv", "--model", "gaussian", "--columns", "nope")


def test_inputs_are_never_written_over(refused, write, tmp_path):
    write("data.csv", "x\n1\n2\n4\n")
    write("start.json", {"params": {"weights": [1.0], "means": [[2.0]], "covariances": [[[2.0]]]}})
    os.symlink("data.csv", tmp_path / "link.csv")
    os.link(tmp_path / "data.csv", tmp_path / "twin.csv")
    options = ("fit", "data.csv", "--model", "gaussian", "--start", "params:start.json")
    for option, name in (
        ("--json", "./data.csv"),
        ("--labels", "link.csv"),
        ("--trace", "twin.csv"),
        ("--json", "start.json"),
    ):
        assert "would write over an input" in refused(*options, option, name)
    assert (tmp_path / "data.csv").read_text() == "x\n1\n2\n4\n"


def test_a_stream_that_fails_leaves_no_file(refused):
    for options in (("--json", "o.json", "--trace", "/dev/full"), ("--labels", "/dev/full", "--json", "o.json")):
        assert "/dev/full: this cannot be written" in refused(*FAITHFUL, "--starts", 1, *options)


def test_a_start_that_collapses_is_refused(refused, write):
    """Weightless rows are not among those that a component collapses onto."""
    write("data.csv", "x,w\n1,1\n2,0\n4,2\n8,1\n")
    write("labels.csv", "label\n0\n0\n1\n1\n")
    options = ("--weights", "w", "--start", "labels:labels.csv")
    said = refused("fit", "data.csv", "--model", "gaussian", *options)
    assert said.startswith("no start could be made: Component A is collapsing onto row 1 (x = 1): ")
    assert said.endswith("a variance floor")


def test_errors_come_before_the_fit(refused, monkeypatch):
    from emstudio.core import fitting

    monkeypatch.setattr(fitting, "fit", lambda *_, **__: pytest.fail("the fit was started"))
    refused(*FAITHFUL, "--json", "nowhere/out.json")


def test_a_fault_of_our_own_is_one_line_too(refused, monkeypatch):
    from emstudio.core import fitting

    monkeypatch.setattr(fitting, "fit", lambda *_, **__: 1 / 0)
    assert "a fault of EM Studio itself (ZeroDivisionError" in refused(*FAITHFUL)
