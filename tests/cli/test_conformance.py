"""The command line against numbers computed outside of the program, with 50 digits."""

from __future__ import annotations

import csv
import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

GMM = Path(__file__).resolve().parents[1] / "references" / "gmm"
RUNS = sorted(p.stem for p in GMM.glob("*.json") if p.stem != "collapse_1d")
LOOSE = {"faithful_offset1e06": (1e-6, 1e-9)}


def difference(got: object, wanted: object) -> float:
    """The largest absolute difference over the largest absolute wanted value."""
    a, b = np.asarray(got, float), np.asarray(wanted, float)
    assert a.shape == b.shape
    return float(np.abs(a - b).max() / np.abs(b).max())


def put_to(emstudio, folder: Path, reference: dict, *more: object) -> object:
    if not reference["data"].startswith("dataset:"):
        shutil.copy(GMM / reference["data"], folder)
    start = {k: reference["trajectory"][0][k] for k in ("weights", "means", "covariances")}
    (folder / "start.json").write_text(json.dumps({"params": start}))
    options = ["--model", "gaussian", "-p", f"covariance={reference['covariance']}", "--start", "params:start.json"]
    return emstudio("fit", reference["data"], *options, "--tol", 0, "--trace-params", "--json", "out.json", *more)


@pytest.mark.parametrize("name", RUNS)
def test_every_iteration_agrees_with_the_reference(name: str, emstudio, tmp_path: Path):
    reference = json.loads((GMM / f"{name}.json").read_text())
    wanted = reference["trajectory"]
    n = len(wanted) - 1
    answer = put_to(emstudio, tmp_path, reference, "--max-iter", n)
    assert answer.status == 0 and answer.err == ""
    fit = answer.json("out.json")
    assert fit["iterations"] == n and fit["stop"] == "max-iter" and not fit["converged"]
    assert [e["iteration"] for e in fit["trace"]] == list(range(n + 1))
    near, near_log = LOOSE.get(name, (1e-9, 1e-11))
    for entry, state in zip(fit["trace"], wanted):
        for key in ("weights", "means", "covariances"):
            assert difference(entry["params"][key], state[key]) < near, (entry["iteration"], key)
        assert difference(entry["log_likelihood"], state["loglik"]) < near_log, entry["iteration"]
    logs = [e["log_likelihood"] for e in fit["trace"]]
    assert all(b >= a - 1e-12 * abs(a) for a, b in pairwise(logs))


def test_responsibilities_agree_with_the_reference(emstudio, tmp_path: Path):
    reference = json.loads((GMM / "faithful_K2_full.json").read_text())
    answer = put_to(emstudio, tmp_path, reference, "--max-iter", 0, "--labels", "labels.csv")
    assert answer.status == 0
    with open(tmp_path / "labels.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    got = np.array([[float(r["p0"]), float(r["p1"])] for r in rows])
    assert np.abs(got - reference["resp_start"]).max() < 1e-12
    total = sum(float(r["log_density"]) for r in rows)
    assert total == pytest.approx(reference["trajectory"][0]["loglik"], rel=1e-12)


def test_a_collapse_is_named_and_the_last_sound_iteration_kept(emstudio, tmp_path: Path):
    reference = json.loads((GMM / "collapse_1d.json").read_text())
    answer = put_to(emstudio, tmp_path, reference, "--max-iter", 10)
    assert answer.status == 3
    fit = answer.json("out.json")
    assert fit["stop"] == "collapse" and fit["iterations"] == 0
    assert fit["log_likelihood"] == pytest.approx(reference["trajectory"][0]["loglik"], rel=1e-11)
    (warning,) = fit["warnings"]
    assert (warning["code"], warning["component"], warning["rows"], warning["iteration"]) == ("collapse", 0, [4], 1)
    assert answer.err == f"emstudio: warning: {warning['text']}\n"
    assert fit["optima"] == [] and fit["start"]["collapsed"] == 1


@pytest.mark.parametrize(
    ("options", "log_likelihood"),
    [
        (["-k", 2, "-p", "covariance=full"], -1130.26396),
        (["-k", 2, "-p", "covariance=tied"], -1140.1868),
        (["-k", 2, "-p", "covariance=diag"], -1147.8064),
        (["-k", 2, "-p", "covariance=spherical"], -1709.5293),
        (["-k", 3, "--covariance", "EEE", "--starts", 20], -1126.31593),
    ],
    ids=["full", "tied", "diag", "spherical", "tied, K = 3"],
)
def test_the_known_maxima_of_old_faithful_are_found(options: list, log_likelihood: float, emstudio):
    answer = emstudio(
        *("fit", "dataset:old-faithful", "--model", "gaussian", *options),
        *("--tol", "1e-12", "--max-iter", 5000, "--json", "out.json"),
    )
    assert answer.status == 0, answer.err
    fit = answer.json("out.json")
    decimals = len(str(log_likelihood).split(".")[1])
    assert round(fit["log_likelihood"], decimals) == log_likelihood
    assert fit["optima"][0]["log_likelihood"] == fit["log_likelihood"]
    if options[-1] == "covariance=full":
        order = np.argsort(np.array(fit["params"]["means"])[:, 0])
        means = np.array(fit["params"]["means"])[order]
        assert np.abs(means - [[2.03639, 54.47852], [4.28966, 79.96812]]).max() < 5e-6
