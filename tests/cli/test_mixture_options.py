"""Student-t mixtures, priors, noise, missing cells, answers to a collapse and the hierarchical start, as commands."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

FAITHFUL = ("fit", "dataset:old-faithful", "--model")
HOLES = "x,y\n1,2\n1.5,\n2,2.5\n,3\n8,9\n9,8.5\n8.5,\n,9.5\n9.2,9.1\n1.2,2.2\n,\n7.9,8.7\n"
SPIKE = "x\n" + "0\n" * 6 + "".join(f"{50 + 1.75 * i}\n" for i in range(9))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_student_t_mixture_is_fitted_and_predicts(emstudio):
    done = emstudio(*FAITHFUL, "student-t", "-k", 2, "-p", "dof=4", "--json", "t.json", "--labels", "l.csv")
    assert done.status == 0, done.err
    fit = done.json("t.json")
    assert fit["model"] == {"name": "student-t", "parameters": {"k": 2, "covariance": "VVV", "dof": 4.0}}
    assert fit["params"]["dof"] == [4.0, 4.0] and fit["parameters_free"] == 11
    told = emstudio("predict", "t.json", "dataset:old-faithful", "--json", "p.json", "-o", "p.csv")
    assert told.status == 0 and told.json("p.json")["log_likelihood"] == pytest.approx(fit["log_likelihood"], rel=1e-12)
    assert rows((told.folder / "p.csv").read_text()) == rows((done.folder / "l.csv").read_text())


def test_free_degrees_of_freedom_from_given_params(entry, write):
    start = {
        "weights": [0.4, 0.6],
        "means": [[2.0, 55.0], [4.3, 80.0]],
        "covariances": [[[0.1, 0.0], [0.0, 30.0]]] * 2,
        "dof": [5.0, 9.0],
    }
    write("s.json", {"params": start})
    done = entry(
        *(*FAITHFUL, "student-t", "-p", "dof=free", "--start", "params:s.json"),
        *("--tol", 0, "--max-iter", 20, "--trace-params", "--json", "t.json"),
    )
    assert done.status == 0, done.err
    fit = done.json("t.json")
    assert fit["trace"][0]["params"]["dof"] == [5.0, 9.0] and fit["trace"][1]["params"]["dof"] != [5.0, 9.0]
    assert (np.diff([e["log_likelihood"] for e in fit["trace"]]) > 0).all()
    assert all(e["bound"] <= e["log_likelihood"] + 1e-9 for e in fit["trace"][1:])
    assert fit["parameters_free"] == 13


def test_priors_by_the_names_that_models_lists(entry):
    listed = entry("models").out
    for name in ("weights", "means", "covariances"):
        assert f"--prior {name}=" in listed
    given = [x for name, v in (("weights", 3), ("means", 0.1), ("covariances", 5)) for x in ("--prior", f"{name}={v}")]
    done = entry(*FAITHFUL, "gaussian", "-k", 2, *given, "--json", "m.json")
    plain = entry(*FAITHFUL, "gaussian", "-k", 2, "--json", "p.json")
    assert done.status == plain.status == 0
    fit = done.json("m.json")
    assert fit["model"]["parameters"]["prior_covariances"] == 5.0
    assert fit["log_likelihood"] < plain.json("p.json")["log_likelihood"]
    weights = fit["params"]["weights"]
    told = entry("predict", "m.json", "dataset:old-faithful", "--json", "q.json", "-o", "q.csv")
    assert told.json("q.json")["log_likelihood"] == pytest.approx(fit["log_likelihood"], rel=1e-12)
    shares = np.array([[float(r["p0"]), float(r["p1"])] for r in rows((told.folder / "q.csv").read_text())]).sum(0)
    np.testing.assert_allclose(weights, (shares + 2) / (272 + 4), rtol=1e-4)


def test_noise_is_the_last_weight_and_goes_with_the_model_file(entry):
    done = entry("fit", "dataset:galaxies", "--model", "gaussian", "-k", 3, "--noise", "--json", "n.json")
    assert done.status == 0, done.err
    fit = done.json("n.json")
    assert len(fit["params"]["weights"]) == 4 and len(fit["params"]["means"]) == 3 and len(fit["sizes"]) == 4
    assert fit["params"]["box"] == [[9172.0], [34279.0]]
    assert fit["model"]["parameters"]["noise"] is True and fit["parameters_free"] == 8 + 2
    assert f"{fit['sizes'][3]} rows" in done.out.split("noise:")[1].splitlines()[0]
    told = entry("predict", "n.json", "dataset:galaxies", "--json", "p.json", "-o", "-")
    assert "p3" in told.out.splitlines()[0]
    assert told.json("p.json")["log_likelihood"] == pytest.approx(fit["log_likelihood"], rel=1e-12)
    again = entry(
        *("fit", "dataset:galaxies", "--model", "gaussian", "--noise", "--start", "params:n.json"),
        *("--max-iter", 0, "--json", "a.json"),
    )
    assert again.json("a.json")["log_likelihood"] == fit["log_likelihood"]
    drawn = entry("sample", "n.json", "-n", 400, "-o", "s.csv")
    assert drawn.status == 0
    assert {r["component"] for r in rows((drawn.folder / "s.csv").read_text())} == {"0", "1", "2", "3"}


def test_missing_cells_are_kept_with_marginal(entry, write):
    write("h.csv", HOLES)
    done = entry(
        *("fit", "h.csv", "--model", "gaussian", "-k", 2, "--covariance", "diag", "--missing", "marginal"),
        *("--json", "m.json", "--labels", "l.csv"),
    )
    assert done.status == 0 and done.err == ""
    fit = done.json("m.json")
    assert fit["data"]["rows_used"] == fit["data"]["rows"] == 12
    told = rows((done.folder / "l.csv").read_text())
    assert float(told[10]["log_density"]) == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose([float(told[10][p]) for p in ("p0", "p1")], fit["params"]["weights"])
    assert fit["log_likelihood"] == pytest.approx(sum(float(r["log_density"]) for r in told))
    again = entry("predict", "m.json", "h.csv", "--missing", "marginal", "-o", "-")
    assert rows(again.out) == told


def test_standardised_columns_with_missing_cells(entry, write):
    write("h.csv", HOLES)
    common = ("fit", "h.csv", "--model", "gaussian", "-k", 2, "-p", "covariance=diag", "--missing", "marginal")
    a = entry(*common, "--scale", "standardise", "--json", "a.json").json("a.json")
    b = entry(*common, "--json", "b.json").json("b.json")
    shift = -np.log(a["data"]["scale"]["sds"]) @ np.array([9, 9])  # known cells of each column
    assert a["log_likelihood"] + shift == pytest.approx(b["log_likelihood"], abs=1e-5)


@pytest.mark.parametrize("answer", ["floor", "remove"])
def test_a_collapse_is_answered_and_warned_of(entry, write, answer):
    write("s.csv", SPIKE)
    done = entry(
        *("fit", "s.csv", "--model", "gaussian", "-k", 2, "--start", "points", "--starts", 1),
        *("--on-collapse", answer, "--json", "f.json"),
    )
    assert done.status == 3
    fit = done.json("f.json")
    assert fit["converged"] and [w["code"] for w in fit["warnings"]] == ["collapse"]
    parameters = fit["model"]["parameters"]
    if answer == "floor":
        assert parameters["k"] == 2 and parameters["floor"] > 0 and len(fit["params"]["weights"]) == 2
    else:
        assert parameters["k"] == 1 and len(fit["params"]["weights"]) == 1 and fit["parameters_free"] == 2


def test_the_hierarchical_start_draws_nothing(entry):
    common = (*FAITHFUL, "gaussian", "-k", 3, "--start", "hierarchical")
    a = entry(*common, "--seed", 1, "--json", "a.json").json("a.json")
    b = entry(*common, "--seed", 2, "--starts", 1, "--json", "b.json").json("b.json")
    assert a["params"] == b["params"] and a["start"]["starts"] == 10
    assert [o["starts"] for o in a["optima"]] == [10]


def test_a_spurious_best_is_named(entry, write):
    write("s.json", {"params": {"weights": [0.03, 0.97], "means": [[9.0], [4.0]], "covariances": [[[1e-6]], [[9.0]]]}})
    points = "".join(f"{v}\n" for v in (9.0, 9.001, *np.linspace(0, 8, 60)))
    write("d.csv", f"x\n{points}")
    done = entry("fit", "d.csv", "--model", "gaussian", "--start", "params:s.json", "--json", "f.json")
    assert done.status == 3
    fit = done.json("f.json")
    assert "spurious" in [w["code"] for w in fit["warnings"]] and fit["optima"][0]["spurious"] is True


@pytest.mark.parametrize(
    "options, said",
    [
        (("gaussian", "--prior", "weight=2"), "there are: weights, means, covariances"),
        (("gaussian", "--prior", "weights"), "NAME=VALUE"),
        (("gaussian", "--prior", "weights=0.5"), "out of range"),
        (("gaussian", "--prior", "weights=2", "--prior", "weights=3"), "given twice"),
        (("gaussian", "-p", "noise=true"), "write --noise"),
        (("gaussian", "-p", "prior_means=2"), "write --prior means=2"),
        (("kmeans", "--prior", "weights=2"), "means nothing to the model kmeans"),
        (("kmeans", "--noise"), "means nothing to the model kmeans"),
        (("student-t", "--missing", "marginal"), "means nothing to the model student-t"),
        (("kmeans", "--on-collapse", "floor"), "means nothing to the model kmeans"),
        (("student-t", "-p", "dof=0"), "out of range"),
        (("student-t", "-p", "dof=some"), "free or a number"),
        (("kmeans", "--start", "hierarchical"), "hierarchical"),
    ],
)
def test_what_means_nothing_is_refused_in_one_line(refused, options, said):
    assert said in refused(*FAITHFUL, *options)
