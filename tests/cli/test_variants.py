"""`--e-step`, `--accelerate`, k-means, `select` and `sample` on the command line."""

from __future__ import annotations

import csv
import json
from itertools import pairwise

import numpy as np
import pytest

FIT = ("fit", "dataset:old-faithful", "--model", "gaussian")
KMEANS = ("fit", "dataset:old-faithful", "--model", "kmeans")


def rows(answer, name: str) -> list[dict[str, str]]:
    with open(answer.folder / name, newline="") as file:
        return list(csv.DictReader(file))


# -- E-steps and acceleration ------------------------------------------------------------------------------------------
def test_hard_reports_both_likelihoods(entry):
    answer = entry(*FIT, "-k", 2, "--e-step", "hard", "--starts", 1, "--json", "out.json", "--labels", "labels.csv")
    assert answer.status == 0
    fit = answer.json("out.json")
    assert fit["e_step"] == "hard" and fit["converged"]
    bounds = [e["bound"] for e in fit["trace"]]
    assert bounds[0] is None and all(b >= a for a, b in pairwise(bounds[1:]))
    assert fit["trace"][-1]["bound"] < fit["log_likelihood"]
    density = sum(float(r["log_density"]) for r in rows(answer, "labels.csv"))
    assert fit["log_likelihood"] == pytest.approx(density, rel=1e-12)  # the observed data's


def test_annealed_and_stochastic_run(entry):
    annealed = entry(*FIT, "-k", 2, "--e-step", "annealed", "--temperature", "2.5", "--json", "a.json")
    assert annealed.status == 0
    fit = annealed.json("a.json")
    assert (fit["e_step"], fit["temperature"]) == ("annealed", 2.5)
    options = (*FIT, "-k", 2, "--e-step", "stochastic", "--max-iter", 25, "--seed", 4)
    drawn = entry(*options, "--json", "s.json")
    assert (drawn.status, drawn.err) == (0, "")  # its end by iterations is no warning
    assert drawn.json("s.json")["stop"] == "max-iter" and drawn.json("s.json")["iterations"] == 25
    entry(*options, "--json", "again.json")
    assert (drawn.folder / "s.json").read_bytes() == (drawn.folder / "again.json").read_bytes()


def test_squarem_ends_at_the_same_maximum_in_fewer_iterations(entry):
    options = (*FIT, "-k", 3, "--covariance", "EEE", "--starts", 1)
    plain = entry(*options, "--json", "plain.json").json("plain.json")
    fast = entry(*options, "--accelerate", "squarem", "--json", "fast.json").json("fast.json")
    assert fast["accelerate"] == "squarem" and fast["iterations"] < plain["iterations"] / 3
    assert fast["log_likelihood"] == pytest.approx(-1126.31593, abs=1e-5)
    logs = [e["log_likelihood"] for e in fast["trace"]]
    assert all(b >= a - 1e-12 * abs(a) for a, b in pairwise(logs))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--e-step", "warm"), "--e-step warm is not one of the choices"),
        (("--e-step", "annealed"), "needs --temperature"),
        (("--temperature", "2"), "--temperature needs --e-step annealed"),
        (("--e-step", "annealed", "--temperature", "0"), "--temperature 0 cannot be used"),
        (("--e-step", "annealed", "--temperature", "-1"), "--temperature -1 cannot be used"),
        (("--accelerate", "warp"), "--accelerate warp is not one of the choices"),
        (("--accelerate", "squarem", "--e-step", "hard"), "does not go with --e-step hard"),
        (("--e-step", "hard", "--e-step", "soft"), "--e-step is given twice"),
    ],
)
def test_wrong_ways_are_refused(options, words, refused):
    assert words in refused(*FIT, *options)


# -- k-means -----------------------------------------------------------------------------------------------------------
def test_kmeans_has_an_inertia_and_no_likelihood(entry):
    outputs = ("--json", "out.json", "--labels", "labels.csv", "--trace", "trace.csv", "--trace-params")
    answer = entry(*KMEANS, "-k", 3, *outputs)
    assert answer.status == 0 and "inertia" in answer.out and "log-likelihood" not in answer.out
    fit = answer.json("out.json")
    assert [fit[key] for key in ("log_likelihood", "bic", "aic", "icl")] == [None] * 4
    assert fit["model"] == {"name": "kmeans", "parameters": {"k": 3}} and "e_step" not in fit
    last = fit["trace"][-1]
    assert last["inertia"] == fit["inertia"] == fit["optima"][0]["inertia"] and last["params"] == fit["params"]
    assert all(e["log_likelihood"] is None and e["bound"] is None for e in fit["trace"])
    labels = rows(answer, "labels.csv")
    assert {r["log_density"] for r in labels} == {""} and {r["uncertainty"] for r in labels} == {"0.0"}
    sizes = np.bincount([int(r["label"]) for r in labels])
    assert sizes.tolist() == fit["sizes"]
    assert [float(r["inertia"]) for r in rows(answer, "trace.csv")] == [e["inertia"] for e in fit["trace"]]


def test_kmeans_labels_new_rows_by_their_nearest_centre(entry, write):
    write("x.csv", "x\n0\n1\n10\n11\n")
    assert entry("fit", "x.csv", "--model", "kmeans", "-k", 2, "--json", "m.json").status == 0
    write("new.csv", "x\n2\n9\n")
    answer = entry("predict", "m.json", "new.csv", "-o", "out.csv", "--json", "p.json")
    assert answer.status == 0 and answer.json("p.json")["log_likelihood"] is None
    centers = [c[0] for c in answer.json("m.json")["params"]["centers"]]
    assert [centers[int(r["label"])] for r in rows(answer, "out.csv")] == [0.5, 10.5]


def test_an_empty_cluster_is_a_warning(entry, write):
    write("x.csv", "x\n0\n1\n2\n")
    write("start.json", {"params": {"centers": [[1.0], [50.0]]}})
    answer = entry("fit", "x.csv", "--model", "kmeans", "--start", "params:start.json", "--json", "out.json")
    assert answer.status == 3
    (warning,) = answer.json("out.json")["warnings"]
    assert (warning["code"], warning["component"], warning["iteration"]) == ("empty", 1, 1)
    assert answer.json("out.json")["params"]["centers"] == [[1.0], [50.0]]


@pytest.mark.parametrize("options", [("--covariance", "full"), ("--e-step", "soft"), ("--accelerate", "squarem")])
def test_what_means_nothing_to_kmeans_is_refused(options, refused):
    assert "means nothing to the model kmeans" in refused(*KMEANS, *options)


# -- select ------------------------------------------------------------------------------------------------------------
SELECT = ("select", "dataset:old-faithful", "--model", "gaussian")
FIGURES = ("log_likelihood", "parameters_free", "bic", "aic", "icl")


def test_select_finds_what_fits_of_each_case_say(entry):
    answer = entry(*SELECT, "-k", "1..3", "--covariance", "EEE,full", "--starts", 3, "--json", "out.json")
    assert answer.status == 0 and "lowest BIC: k = 3, EEE" in answer.out
    table = answer.json("out.json")
    cases = table["cases"]
    assert [(c["k"], c["covariance"]) for c in cases] == [(k, c) for k in (1, 2, 3) for c in ("EEE", "VVV")]
    assert table["best"] == min(cases, key=lambda c: c["bic"])
    for case in cases[2:4]:
        entry(*FIT, "-k", case["k"], "--covariance", case["covariance"], "--starts", 3, "--json", "fit.json")
        fit = answer.json("fit.json")
        assert {f: case[f] for f in FIGURES} == {f: fit[f] for f in FIGURES}
        assert case["converged"] and case["reason"] == fit["reason"]


def test_a_case_that_fails_is_a_row_with_its_reason(entry, write):
    write("x.csv", "x\n" + "\n".join(["0", "1", "2.5", "4", "7.5"]) + "\n")
    answer = entry("select", "x.csv", "--model", "gaussian", "-k", "1,2,9", "--covariance", "EII", "--json", "out.json")
    table = answer.json("out.json")
    failed = table["cases"][-1]
    assert failed["k"] == 9 and "only 5 rows" in failed["reason"] and {failed[f] for f in FIGURES} == {None}
    assert failed["converged"] is None and table["best"]["k"] in (1, 2)


def test_all_covariances_of_one_column_are_two(entry):
    answer = entry(
        *("select", "dataset:galaxies", "--model", "gaussian", "-k", 2, "--covariance", "all"), "--json", "-"
    )
    assert {c["covariance"] for c in json.loads(answer.out)["cases"]} == {"EII", "VII"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "-k must be given"),
        (("-k", "3..1"), "counts down"),
        (("-k", "one"), "no range"),
        (("-k", "1..99"), "k=21"),
        (("-k", "1..3", "--covariance", "EEE,XXX"), "XXX"),
        (("-k", "1..3", "--covariance", "EEE", "-p", "covariance=full"), "given twice"),
        (("-k", "1..3", "-p", "k=2"), "given twice"),
        (("-k", "1..3", "--start", "labels:x.csv"), "one number of components"),
    ],
)
def test_wrong_selections_are_refused(options, words, refused):
    assert words in refused(*SELECT, *options)


def test_kmeans_cannot_be_selected_by_likelihood(refused):
    assert "has no likelihood" in refused("select", "dataset:old-faithful", "--model", "kmeans", "-k", "1..3")


# -- sample ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("scale", ["none", "standardise"])
def test_a_sample_looks_like_the_data(entry, scale):
    entry(*FIT, "-k", 2, "--scale", scale, "--json", "m.json")
    answer = entry("sample", "m.json", "-n", 20000, "--seed", 3, "-o", "out.csv")
    assert (answer.status, answer.out, answer.err) == (0, "", "")
    drawn = rows(answer, "out.csv")
    assert list(drawn[0]) == ["eruptions", "waiting", "component"] and len(drawn) == 20000
    x = np.array([[float(r["eruptions"]), float(r["waiting"])] for r in drawn])
    assert np.abs(x.mean(0) - [3.48778, 70.89706]).max() < 5 * 13.6 / np.sqrt(20000)
    share = np.mean([r["component"] == "0" for r in drawn])
    assert share == pytest.approx(answer.json("m.json")["params"]["weights"][0], abs=0.02)


def test_the_same_seed_draws_the_same_rows(entry, write):
    params = {"weights": [1.0], "means": [[0.0, 5.0]], "covariances": [[[1.0, 0.0], [0.0, 1.0]]]}
    model = {"format": "emstudio-fit", "version": 1, "model": {"name": "gaussian"}, "params": params}
    write("m.json", model)
    first, again, other = (entry("sample", "m.json", "-n", 3, "--seed", s, "-o", "-").out for s in (1, 1, 2))
    assert first == again != other and first.splitlines()[0] == "x1,x2,component"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-o", "out.csv"), "-n must be given"),
        (("-n", 0, "-o", "out.csv"), "-n 0 cannot be used"),
        (("-n", 5), "-o must be given"),
        (("-n", 5, "-o", "m.json"), "would write over an input"),
        (("-n", 5, "-o", "nowhere/out.csv"), "folder"),
    ],
)
def test_wrong_samples_are_refused(options, words, entry, refused):
    assert entry(*FIT, "-k", 1, "--json", "m.json").status == 0
    assert words in refused("sample", "m.json", *options)


def test_kmeans_cannot_be_sampled_from(entry, refused):
    entry(*KMEANS, "-k", 2, "--json", "m.json")
    assert "no distribution" in refused("sample", "m.json", "-n", 3, "-o", "out.csv")


def test_an_unsound_model_is_refused(refused, write):
    params = {"weights": [1.0], "means": [[0.0, 5.0]], "covariances": [[[1.0, 2.0], [2.0, 1.0]]]}
    about = {"format": "emstudio-fit", "version": 1, "model": {"name": "gaussian"}, "params": params}
    write("m.json", {**about, "data": {"columns": ["a", "b"]}})
    assert "not positive definite" in refused("sample", "m.json", "-n", 3, "-o", "out.csv")
    write("m.json", about)
    assert "not positive definite" in refused("sample", "m.json", "-n", 3, "-o", "out.csv")
