"""`emstudio fit`: what it writes and says."""

from __future__ import annotations

import csv
import io
import json
import math

import numpy as np
import pytest

FAITHFUL = ("fit", "dataset:old-faithful", "--model", "gaussian")
MIXED = "x,y,species\n1,2,a\n2,,b\n3,5,a\n4,NA,a\n1,3,a\n7,8,b\n9,9,b\n2,2.5,a\n8,7,b\n9,7.5,b\n"
TIGHT = [[[1e-4, 0.0, 0.0], [0.0, 1e-4, 0.0], [0.0, 0.0, 1e-4]]] * 2
EIGHT = "x1\n-3\n-2.1\n-1\n0\n0.9\n2.2\n3.1\n4\n"


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_the_document_holds_what_the_contract_says(entry):
    answer = entry(
        *FAITHFUL, "-k", 3, "--covariance", "tied", "--json", "out.json", "--trace", "t.csv", "--trace-params"
    )
    assert answer.status == 0 and answer.err == ""
    fit = answer.json("out.json")
    assert (fit["format"], fit["version"]) == ("emstudio-fit", 1)
    assert fit["model"] == {"name": "gaussian", "parameters": {"k": 3, "covariance": "EEE"}}
    assert fit["data"]["source"] == "dataset:old-faithful"
    assert (fit["data"]["rows"], fit["data"]["rows_used"]) == (272, 272)
    assert fit["data"]["columns"] == ["eruptions", "waiting"]
    assert len(fit["data"]["sha256"]) == 64
    assert (fit["start"]["method"], fit["start"]["seed"], fit["start"]["starts"]) == ("kmeans++", 0, 10)
    assert [len(fit["params"][key]) for key in ("weights", "means", "covariances")] == [3, 3, 3]
    assert fit["params"]["covariances"][0] == fit["params"]["covariances"][2]
    assert fit["converged"] is True and fit["stop"] == "tolerance" and "below 1e-8" in fit["reason"]
    assert fit["parameters_free"] == 2 + 6 + 3
    log, n = fit["log_likelihood"], 272
    assert fit["bic"] == pytest.approx(-2 * log + 11 * math.log(n))
    assert fit["aic"] == pytest.approx(-2 * log + 22)
    assert fit["icl"] == pytest.approx(2358.39, abs=0.1)
    assert sum(fit["sizes"]) == n
    assert fit["warnings"] == []
    assert sum(o["starts"] for o in fit["optima"]) == 10
    last = fit["trace"][-1]
    assert fit["iterations"] == len(fit["trace"]) - 1 == last["iteration"]
    assert last["log_likelihood"] == log and last["params"] == fit["params"]
    assert fit["trace"][0]["bound"] is None
    rows = cells((answer.folder / "t.csv").read_text())
    assert rows[0] == ["iteration", "log_likelihood", "bound"] and rows[1][2] == ""
    assert [float(r[1]) for r in rows[1:]] == [e["log_likelihood"] for e in fit["trace"]]
    assert [float(r[2]) for r in rows[2:]] == [e["bound"] for e in fit["trace"][1:]]


def test_the_report_goes_to_standard_output_and_nothing_to_standard_error(emstudio):
    answer = emstudio(*FAITHFUL)
    assert answer.status == 0 and answer.err == ""
    assert "log-likelihood  -1130.26396" in answer.out and "μ waiting" in answer.out
    assert list(answer.folder.iterdir()) == []


@pytest.mark.parametrize("option", ["--json", "--labels", "--trace"])
def test_a_dash_is_standard_output_and_nothing_else_goes_there(option: str, entry):
    answer = entry(*FAITHFUL, option, "-")
    assert answer.status == 0 and answer.err == ""
    if option == "--json":
        assert json.loads(answer.out)["format"] == "emstudio-fit"
    else:
        rows = cells(answer.out)
        assert rows[0][0] == ("label" if option == "--labels" else "iteration")
        assert len({len(r) for r in rows}) == 1


def test_the_same_seed_gives_the_same_bits_and_another_seed_other_starts(entry, tmp_path):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        entry(*FAITHFUL, "-k", 4, "--seed", seed, "--starts", 2, "--json", name)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


def test_a_document_reads_back_as_a_start_of_the_same_doubles(entry):
    fit = entry(*FAITHFUL, "--json", "a.json").json("a.json")
    again = entry(*FAITHFUL, "--start", "params:a.json", "--max-iter", 0, "--json", "b.json").json("b.json")
    assert again["params"] == fit["params"]
    assert again["log_likelihood"] == fit["log_likelihood"]
    assert again["stop"] == "max-iter" and again["warnings"] == []
    assert again["start"] == {"method": "params", "seed": 0, "starts": 1, "collapsed": 0}


def test_labels_are_those_of_the_reported_parameters(entry, tmp_path):
    fit = entry(*FAITHFUL, "--json", "a.json", "--labels", "l.csv").json("a.json")
    rows = cells((tmp_path / "l.csv").read_text())
    assert rows[0] == ["label", "p0", "p1", "uncertainty", "log_density"]
    got = np.array(rows[1:], float)
    assert got.shape == (272, 5)
    assert np.array_equal(np.bincount(got[:, 0].astype(int)), fit["sizes"])
    assert np.abs(got[:, 1:3].sum(1) - 1).max() < 1e-15
    assert np.array_equal(got[:, 3], 1 - got[:, 1:3].max(1))
    assert got[:, 4].sum() == pytest.approx(fit["log_likelihood"], rel=1e-13)
    again = entry(*FAITHFUL, "--start", "labels:l.csv", "--json", "b.json").json("b.json")
    assert again["log_likelihood"] == pytest.approx(fit["log_likelihood"], rel=1e-9)
    assert again["start"]["method"] == "labels"


def test_missing_cells_are_an_error_or_dropped_with_a_warning(entry, refused, write):
    write("m.csv", MIXED)
    said = refused("fit", "m.csv", "--model", "gaussian")
    assert said.startswith("m.csv, row 3, column y: the cell is missing (2 rows")
    options = ("--missing", "drop", "-p", "covariance=tied", "--starts", 1)
    answer = entry("fit", "m.csv", "--model", "gaussian", *options, "--labels", "l.csv", "--json", "o.json")
    fit = answer.json("o.json")
    assert (fit["data"]["rows"], fit["data"]["rows_used"]) == (10, 8)
    warnings = {w["code"]: w for w in fit["warnings"]}
    assert warnings["missing-dropped"]["rows"] == [1, 3] and "2 rows" in warnings["missing-dropped"]["text"]
    assert "'species'" in warnings["input"]["text"]
    assert answer.status == 0
    assert answer.err == "".join(f"emstudio: warning: {w['text']}\n" for w in fit["warnings"])
    lines = (answer.folder / "l.csv").read_text().splitlines()
    assert len(lines) == 11 and lines[2] == lines[4] == ",,,,"
    again = entry("fit", "m.csv", "--model", "gaussian", *options, "--start", "labels:l.csv", "--json", "p.json")
    assert again.json("p.json")["sizes"] == fit["sizes"]


def test_weights_equal_repeated_rows(entry, write):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(40, 2)) + 4 * (np.arange(40) % 2)[:, None]
    w = rng.integers(0, 4, size=40)
    write("w.csv", "a,b,w\n" + "".join(f"{p[0]!r},{p[1]!r},{v}\n" for p, v in zip(x.tolist(), w)))
    write("r.csv", "a,b\n" + "".join(f"{p[0]!r},{p[1]!r}\n" * v for p, v in zip(x.tolist(), w)))
    start = entry("fit", "r.csv", "--model", "gaussian", "--max-iter", 0, "--starts", 1, "--json", "s.json").json(
        "s.json"
    )
    assert start["data"]["columns"] == ["a", "b"]
    options = ("--model", "gaussian", "--start", "params:s.json", "--tol", 0, "--max-iter", 15)
    weighted = entry("fit", "w.csv", *options, "--weights", "w", "--json", "w.json").json("w.json")
    repeated = entry("fit", "r.csv", *options, "--json", "r.json").json("r.json")
    assert weighted["data"]["columns"] == ["a", "b"]
    for key in ("log_likelihood", "bic", "aic", "icl"):
        assert weighted[key] == pytest.approx(repeated[key], rel=1e-12)
    assert np.allclose(weighted["params"]["covariances"], repeated["params"]["covariances"], rtol=1e-11)


def test_known_groups_are_only_judged_by(entry):
    plain = entry("fit", "dataset:iris", "--model", "gaussian", "-k", 3, "--json", "a.json")
    judged = entry(
        "fit", "dataset:iris", "--model", "gaussian", "-k", 3, "--labels-column", "species", "--json", "b.json"
    )
    a, b = plain.json("a.json"), judged.json("b.json")
    assert plain.err == judged.err == ""
    assert round(b["log_likelihood"], 5) == -180.18548
    assert b["adjusted_rand_index"] == pytest.approx(0.9039, abs=1e-3)
    assert a["params"] == b["params"] and "adjusted_rand_index" not in a
    assert "adjusted Rand index  0.90" in judged.out


def test_standardised_columns_travel_with_their_means_and_sds(entry):
    options = ("--scale", "standardise", "-k", 2, "--starts", 2)
    scaled = entry(*FAITHFUL, *options, "--json", "a.json", "--labels", "a.csv").json("a.json")
    plain = entry(*FAITHFUL, "-k", 2, "--starts", 2, "--json", "b.json").json("b.json")
    means, sds = np.array(scaled["data"]["scale"]["means"]), np.array(scaled["data"]["scale"]["sds"])
    back = np.array(scaled["params"]["means"]) * sds + means
    assert np.allclose(sorted(back.tolist()), sorted(plain["params"]["means"]), rtol=1e-4)
    assert scaled["log_likelihood"] - 272 * np.log(sds).sum() == pytest.approx(plain["log_likelihood"], rel=1e-8)
    folder = entry("predict", "a.json", "dataset:old-faithful", "-o", "p.csv").folder
    assert (folder / "p.csv").read_text() == (folder / "a.csv").read_text()


def test_running_out_of_iterations_is_a_warning_unless_asked_for(entry):
    short = entry(*FAITHFUL, "--max-iter", 2, "--starts", 1, "--json", "a.json")
    assert short.status == 3
    (warning,) = short.json("a.json")["warnings"]
    assert warning["code"] == "max-iter" and warning["iteration"] == 2
    assert short.err == f"emstudio: warning: {warning['text']}\n"
    asked = entry(*FAITHFUL, "--max-iter", 2, "--tol", 0, "--starts", 1)
    assert asked.status == 0 and asked.err == ""


@pytest.mark.parametrize("measure", ["aitken", "likelihood", "parameters"])
def test_every_stopping_measure_stops_strictly_below_the_tolerance(measure: str, entry):
    fit = entry(*FAITHFUL, "--stop", measure, "--tol", "1e-6", "--starts", 1, "--json", "a.json").json("a.json")
    assert fit["stop"] == "tolerance" and fit["reason"].endswith("below 1e-6")
    logs = [e["log_likelihood"] for e in fit["trace"]]
    if measure == "likelihood":
        changes = np.abs(np.diff(logs)) / 272
        assert changes[-1] < 1e-6 <= changes[:-1].min()


def test_a_floor_is_added_to_every_diagonal(entry):
    options = ("--start", "params:a.json", "--tol", 0, "--max-iter", 1)
    entry(*FAITHFUL, "--json", "a.json", "--starts", 1)
    plain = entry(*FAITHFUL, *options, "--json", "b.json").json("b.json")
    floored = entry(*FAITHFUL, *options, "--floor", 0.5, "--json", "c.json").json("c.json")
    difference = np.array(floored["params"]["covariances"]) - np.array(plain["params"]["covariances"])
    assert np.allclose(difference, 0.5 * np.eye(2), atol=1e-12)
    assert floored["parameters_free"] == plain["parameters_free"]
    assert floored["model"]["parameters"]["floor"] == 0.5


def test_fewer_rows_than_components_can_only_be_evaluated(entry, refused, write):
    write("few.csv", "x\n1\n2\n")
    params = {"weights": [0.5, 0.25, 0.25], "means": [[1.0], [2.0], [3.0]], "covariances": [[[1.0]]] * 3}
    write("p.json", {"params": params})
    assert "2 rows for 3 components" in refused("fit", "few.csv", "--model", "gaussian", "--start", "params:p.json")
    answer = entry(
        "fit", "few.csv", "--model", "gaussian", "--start", "params:p.json", "--max-iter", 0, "--json", "o.json"
    )
    assert answer.status == 0
    fit = answer.json("o.json")
    assert fit["iterations"] == 0 and fit["params"] == params and fit["model"]["parameters"]["k"] == 3


def test_a_sphere_over_columns_of_unlike_units_is_no_collapse(entry, write):
    """Variances of 1e12 and 1e-12 in one sphere: its least one beside the data's is no round-off of the greatest."""
    rng = np.random.default_rng(1)
    x = (rng.standard_normal((60, 4)) @ rng.standard_normal((4, 4)) + 3.0) * [1e6, 1e-6, 1e6, 1e-6]
    write("data.csv", "a,b,c,d\n" + "".join(",".join(map(repr, row)) + "\n" for row in x.tolist()))
    write("labels.csv", "label\n" + "0\n1\n" * 30)
    options = ("--covariance", "spherical", "--start", "labels:labels.csv", "--max-iter", 0, "--json", "o.json")
    answer = entry("fit", "data.csv", "--model", "gaussian", *options)
    assert (answer.status, answer.err) == (0, "")
    found = np.array(answer.json("o.json")["params"]["covariances"])
    wanted = [np.eye(4) * x[j::2].var(axis=0).mean() for j in range(2)]
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=0)


def test_a_variance_that_underflows_is_a_collapse_like_another(entry, write):
    write("data.csv", "x,y,z\n" + "0,0,0\n1,1,1\n" * 10)
    write("start.json", {"params": {"weights": [0.5, 0.5], "means": [[0, 0, 0], [1, 1, 1]], "covariances": TIGHT}})
    options = ("--covariance", "spherical", "--start", "params:start.json", "--floor", "1e-320", "--json", "o.json")
    answer = entry("fit", "data.csv", "--model", "gaussian", *options)
    assert answer.status == 3 and [w["code"] for w in answer.json("o.json")["warnings"]] == ["collapse"]


def test_a_reseeded_collapse_is_a_warning_and_the_run_goes_on(entry, write):
    write("c.csv", EIGHT)
    params = {"weights": [0.5, 0.5], "means": [[0.9], [0.0]], "covariances": [[[1e-4]], [[4.0]]]}
    write("c.json", {"params": params})
    answer = entry(
        *("fit", "c.csv", "--model", "gaussian", "--start", "params:c.json", "--on-collapse", "reseed"),
        "--json",
        "o.json",
    )
    assert answer.status == 3
    fit = answer.json("o.json")
    assert fit["stop"] == "tolerance" and fit["converged"]
    assert {w["code"] for w in fit["warnings"]} == {"collapse"}
    assert fit["trace"][0]["log_likelihood"] < fit["log_likelihood"]


def test_files_that_are_replaced_stay_until_the_new_ones_are_complete(entry, refused, write):
    write("out.json", "precious")
    write("bad.csv", "x,y\n1,2\nfoo,3\n4,5\n6,7\n")
    refused("fit", "bad.csv", "--model", "gaussian", "--json", "out.json")
    folder = entry(*FAITHFUL, "--json", "out.json").folder
    assert (folder / "out.json").read_text().startswith("{")
    assert sorted(p.name for p in folder.iterdir()) == ["bad.csv", "out.json"]


def test_the_picture_is_a_png_of_the_fit(emstudio):
    answer = emstudio(*FAITHFUL, "--starts", 1, "--figure", "fit.png")
    assert answer.status == 0 and answer.err == ""
    contents = (answer.folder / "fit.png").read_bytes()
    assert contents.startswith(b"\x89PNG\r\n\x1a\n") and len(contents) > 20_000
    assert [int.from_bytes(contents[i : i + 4], "big") for i in (16, 20)] == [1920, 1440]


def test_a_fit_loads_neither_the_window_nor_slow_libraries(emstudio):
    answer = emstudio(*FAITHFUL, "--starts", 1, flags=("-X", "importtime"))
    assert answer.status == 0
    loaded = {line.split("|")[-1].strip().partition(".")[0] for line in answer.err.splitlines()}
    assert "numpy" in loaded
    assert not loaded & {"PySide6", "pyqtgraph", "polars", "fastexcel", "scipy", "msgspec"}
