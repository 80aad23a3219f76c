"""Coins, multinomials, Poisson counts and products through the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

REFERENCES = Path(__file__).resolve().parents[1] / "references"
COINS = "heads,flips\n5,10\n9,10\n8,10\n4,10\n7,10\n"
START = {"params": {"weights": [0.5, 0.5], "biases": [0.6, 0.5]}}


@pytest.mark.parametrize("mixing", ["fixed", "free"])
def test_a_trajectory_of_coins(mixing: str, emstudio, write):
    wanted = json.loads((REFERENCES / "coins" / f"{mixing}_mixing.json").read_text())["trajectory"]
    options = ["--start", f"params:{write('start.json', START)}", "--tol", 0, "--max-iter", len(wanted) - 1]
    answer = emstudio(
        *("fit", write("c.csv", COINS), "--model", "coins", "-p", f"mixing={mixing}", *options),
        *("--trace-params", "--json", "o.json"),
    )
    assert answer.status == 0 and answer.err == ""
    fit = answer.json("o.json")
    assert [e["iteration"] for e in fit["trace"]] == list(range(len(wanted)))
    for entry, state in zip(fit["trace"], wanted):
        for key in ("weights", "biases"):
            assert np.abs(np.array(entry["params"][key]) - state[key]).max() < 1e-9
        assert entry["log_likelihood"] == pytest.approx(state["loglik"], rel=1e-11)
        assert entry["bound"] is None or entry["bound"] <= entry["log_likelihood"] + 1e-12
    assert fit["parameters_free"] == (2 if mixing == "fixed" else 3)
    assert fit["model"]["parameters"] | {"k": 2, "mixing": mixing, "identities": "hidden"} == fit["model"]["parameters"]
    assert fit["data"]["columns"] == ["heads", "flips"]


def test_known_identities_need_no_start(entry, refused, write):
    name = write("c.csv", "coin,heads,flips\nB,5,10\nA,9,10\nA,8,10\nB,4,10\nA,7,10\n")
    known = ("fit", name, "--model", "coins", "-p", "identities=known")
    answer = entry(*known, "--json", "o.json", "--labels", "l.csv")
    assert (answer.status, answer.err) == (0, "")
    fit = answer.json("o.json")
    assert fit["params"] == {"weights": [0.6, 0.4], "biases": [0.8, 0.45]}
    assert fit["model"]["parameters"]["coins"] == ["A", "B"] and fit["model"]["parameters"]["k"] == 2
    assert (
        fit["iterations"] == 1 and fit["converged"] and fit["start"]["method"] is None and fit["start"]["starts"] == 1
    )
    assert fit["log_likelihood"] == pytest.approx(-7.0015730366421, rel=1e-12) and fit["parameters_free"] == 2
    with open(answer.folder / "l.csv", newline="") as file:
        assert [row["label"] for row in csv.DictReader(file)] == list("10010")
    assert "means nothing where the identities are known" in refused(*known, "--start", "points")
    assert "-k 3 is given, and the identities are of 2 coins" in refused(*known, "-k", 3)
    # Trials without a name are explained by Bayes' rule.
    answer = entry("predict", "o.json", write("new.csv", "heads,flips\n9,10\n"))
    label, p0, *_ = answer.out.splitlines()[1].split(",")
    assert label == "0" and 0.98 < float(p0) < 1
    assert "'C' is none of the coins A, B" in refused(
        "predict", "o.json", write("c2.csv", "coin,heads,flips\nC,5,10\n")
    )


def test_what_cannot_be_told_apart_is_said_and_the_status_stays(entry, write):
    flips = "flip\n" + "1\n0\n1\n" * 20
    answer = entry("fit", write("f.csv", flips), "--model", "coins", "--json", "o.json")
    assert answer.status == 0
    (warning,) = answer.json("o.json")["warnings"]
    assert warning["code"] == "not-identifiable" and answer.err == f"emstudio: warning: {warning['text']}\n"
    answer = entry("fit", "f.csv", "--model", "coins", "-p", "mixing=fixed")
    assert (answer.status, answer.err) == (0, "")


def test_a_symmetric_start_is_a_saddle(entry, write):
    start = {"params": {"weights": [0.5, 0.5], "biases": [0.5, 0.5]}}
    options = ("--start", f"params:{write('start.json', start)}", "--json", "o.json")
    answer = entry("fit", write("c.csv", COINS), "--model", "coins", *options)
    assert answer.status == 3
    (warning,) = answer.json("o.json")["warnings"]
    assert (warning["code"], warning["component"]) == ("saddle", 1)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (COINS + "3,2\n", "c.csv, row 7, column heads: there are more heads than tosses, 3 of 2; correct the row"),
        ("heads,flips\n5,x\n", None),
        ("a,b\n1.5,2\n", "c.csv: there are no coin tosses; give columns heads and tosses, a text column such as"),
    ],
)
def test_bad_trials_are_refused_in_one_line(text: str, line: str | None, refused, write):
    said = refused("fit", write("c.csv", text), "--model", "coins", "--json", "o.json")
    assert line is None or said.startswith(line)


def test_a_row_that_no_component_can_have_made_is_named(refused, write):
    start = {"params": {"weights": [0.5, 0.5], "biases": [1.0, 0.0]}}
    options = ("--start", f"params:{write('s.json', start)}", "--max-iter", 0)
    said = refused("fit", write("c.csv", "heads,flips\n10,10\n9,10\n"), "--model", "coins", *options)
    assert said.startswith("c.csv, row 3: no component can have made this row")


@pytest.mark.parametrize(
    ("params", "what"),
    [
        ({"weights": [0.5, 0.5], "biases": [0.6, 1.2]}, "the bias of component 1 is 1.2"),
        ({"weights": [0.5, 0.6], "biases": [0.6, 0.2]}, "the weights sum to 1.1"),
        ({"weights": [0.5, 0.5], "biases": [0.6]}, "2 weights and 1 biases"),
        ({"weights": [0.5, 0.5]}, "params has no 'biases'"),
        ({"weights": [0.5, 0.5], "biases": [[0.6, 0.2]]}, "params.biases has 2 dimensions"),
    ],
)
def test_unsound_parameters_are_refused(params: dict, what: str, refused, write):
    options = ("--start", f"params:{write('s.json', {'params': params})}", "--max-iter", 0)
    assert what in refused("fit", write("c.csv", COINS), "--model", "coins", *options)


def test_predict_gives_what_the_fit_gave(entry, write):
    write("t.csv", "trial,tossed\n1,HTTTHHTHTH\n2,HHHHTHHHHH\n3,hthhhhhthh\n4,HTHTTTHHTT\n")
    assert entry("fit", "t.csv", "--model", "coins", "--labels", "l.csv", "--json", "o.json").status == 0
    fitted = entry("predict", "o.json", "t.csv", "-o", "p.csv")
    assert fitted.status == 0 and (fitted.folder / "p.csv").read_text() == (fitted.folder / "l.csv").read_text()
    assert fitted.json("o.json")["data"]["columns"] == ["tossed"]
    drawn = entry("sample", "o.json", "-n", 5, "-o", "-").out.splitlines()
    assert drawn[0] == "tossed,component" and all(len(line.split(",")[0]) == 10 for line in drawn[1:])


@pytest.mark.parametrize(
    ("name", "model", "k", "free"),
    [
        ("loaded-dice", "multinomial", 3, 3 * 5 + 2),
        ("rock-paper-scissors", "multinomial", 3, 3 * 2 + 2),
        ("earthquakes", "poisson", 3, 5),
        ("cafe-guests", "product", 3, 3 * (2 + 1 + 2) + 2),
        ("ten-flips", "coins", 2, 3),
    ],
)
def test_bundled_data_and_back(name: str, model: str, k: int, free: int, entry):
    fit = entry(
        *("fit", f"dataset:{name}", "--model", model, "-k", k, "--starts", 3, "--labels", "l.csv"),
        *("--json", "o.json", "--figure", "f.png"),
    )
    assert fit.status == 0 and fit.err == ""
    document = fit.json("o.json")
    assert document["parameters_free"] == free and document["converged"]
    assert (fit.folder / "f.png").read_bytes().startswith(b"\x89PNG")
    assert entry("predict", "o.json", f"dataset:{name}", "-o", "p.csv").status == 0
    assert (fit.folder / "p.csv").read_text() == (fit.folder / "l.csv").read_text()
    options = ("--start", "params:o.json", "--max-iter", 0, "--json", "again.json")
    again = entry("fit", f"dataset:{name}", "--model", model, *options)
    assert again.json("again.json")["log_likelihood"] == document["log_likelihood"]
    assert entry("sample", "o.json", "-n", 40, "-o", "drawn.csv").status == 0
    drawn = entry("predict", "o.json", "drawn.csv", "-o", "q.csv")
    assert drawn.status == 0 and len((fit.folder / "q.csv").read_text().splitlines()) == 41


def test_integer_weights_are_repeated_rows(entry, write):
    write("w.csv", "heads,flips,w\n5,10,2\n9,10,1\n3,10,0\n")
    write("r.csv", "heads,flips\n5,10\n5,10\n9,10\n")
    start = f"params:{write('s.json', START)}"
    options = ("--model", "coins", "--start", start, "--tol", 0, "--max-iter", 30, "--json")
    assert entry("fit", "w.csv", "--weights", "w", *options, "w.json").status == 0
    answer = entry("fit", "r.csv", *options, "r.json")
    a, b = answer.json("w.json"), answer.json("r.json")
    assert a["params"]["biases"] == pytest.approx(b["params"]["biases"], rel=1e-12)
    assert a["log_likelihood"] == pytest.approx(b["log_likelihood"], rel=1e-13) and a["bic"] == pytest.approx(b["bic"])


def test_a_weightless_row_that_no_coin_can_have_made_has_no_log_density(entry, write):
    start = write("s.json", {"params": {"weights": [0.5, 0.5], "biases": [1.0, 0.0]}})
    name = write("w.csv", "heads,flips,w\n5,5,1\n0,6,1\n3,5,0\n")
    options = ("--weights", "w", "--model", "coins", "--start", f"params:{start}", "--labels", "l.csv")
    answer = entry("fit", name, *options)
    assert (answer.status, answer.err) == (0, "")
    with open(answer.folder / "l.csv", newline="") as file:
        densities = [row["log_density"] for row in csv.DictReader(file)]
    assert [float(d) for d in densities[:2]] == pytest.approx([np.log(0.5)] * 2, rel=1e-14) and densities[2] == ""


def test_what_means_nothing_to_counts_is_refused(refused, write):
    name = write("c.csv", COINS)
    assert "--scale means nothing to the model coins" in refused(
        "fit", name, "--model", "coins", "--scale", "standardise"
    )
    assert "--floor means nothing" in refused("fit", name, "--model", "poisson", "--floor", 1)
    assert "the model coins has no parameter 'coins'" in refused("fit", name, "--model", "coins", "-p", "coins=A,B")
    said = refused("fit", "dataset:old-faithful", "--model", "poisson")
    assert "row 2, column eruptions: 3.6 is no count" in said
