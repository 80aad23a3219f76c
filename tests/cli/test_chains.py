"""Hidden Markov models through the command line: fits, their files, predictions and samples, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest

REFERENCES = Path(__file__).resolve().parents[1] / "references" / "hmm"
SERIES = "id,t,x,y\na,1,0.1,2\na,2,5.2,1\na,3,,\nb,1,0.3,2\nb,2,4.9,2\nb,5,5.1,1\nc,1,0.2,1\n"
RATES = {"start": [0.5, 0.5], "transitions": [[0.9, 0.1], [0.2, 0.8]], "rates": [[15.0], [26.0]]}


def model_file(name: str, parameters: dict, params: dict, **data: object) -> dict:
    about = {"name": name, "parameters": parameters}
    return {"format": "emstudio-fit", "version": 1, "model": about, "data": data, "params": params}


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def earthquakes(write) -> str:
    return write("earthquakes.json", model_file("hmm", {"k": 2, "emission": "poisson"}, RATES, columns=["count"]))


# -- fit ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["casino_K2", "earthquakes_K2", "plane_K3"])
def test_every_iteration_agrees_with_the_reference(name: str, emstudio, write):
    reference = json.loads((REFERENCES / f"{name}.json").read_text())
    wanted = reference["trajectory"]
    rows = [[s, *np.atleast_1d(x)] for s, xs in enumerate(reference["sequences"]) for x in xs]
    names = ["series", *(f"x{j}" for j in range(1, len(rows[0])))]
    write("data.csv", "\n".join(",".join(map(str, row)) for row in [names, *rows]) + "\n")
    write("start.json", {"params": {k: v for k, v in wanted[0].items() if k != "loglik"}})
    options = ["--model", "hmm", "-p", f"emission={reference['emission']}", "--start", "params:start.json"]
    options += ["--sequence", "series", "--tol", 0, "--max-iter", len(wanted) - 1, "--trace-params"]
    answer = emstudio("fit", "data.csv", *options, "--json", "out.json")
    assert answer.status == 0
    fit = answer.json("out.json")
    for entry, state in zip(fit["trace"], wanted, strict=True):
        assert entry["log_likelihood"] == pytest.approx(state["loglik"], rel=1e-11)
        for key, value in entry["params"].items():
            a, b = np.asarray(value), np.asarray(state[key])
            assert np.abs(a - b).max() <= 1e-9 * np.abs(b).max(), (entry["iteration"], key)
    assert fit["params"] == fit["trace"][-1]["params"]
    assert fit["data"]["series"] == len(reference["sequences"]) and fit["data"]["sequence"] == "series"


@pytest.mark.parametrize(("k", "level", "free"), [(2, -341.8787, 5), (3, -328.5275, 11)])
def test_the_published_earthquakes(k: int, level: float, free: int, entry):
    answer = entry(
        "fit", "dataset:earthquakes", "--model", "hmm", "-k", k, "-p", "emission=poisson", "--json", "e.json"
    )
    assert answer.status == 0 and answer.err == ""
    fit = answer.json("e.json")
    assert fit["log_likelihood"] == pytest.approx(level, abs=5e-5) and fit["parameters_free"] == free
    assert fit["model"] == {"name": "hmm", "parameters": {"k": k, "emission": "poisson"}}
    assert fit["bic"] == pytest.approx(-2 * fit["log_likelihood"] + free * math.log(107), rel=1e-14)


def test_a_switch_has_its_statistics_in_every_entry(entry):
    wanted = json.loads((REFERENCES / "noisy_switch.json").read_text())["trajectory"]
    command = ("fit", "dataset:hidden-switch", "--model", "noisy-switch", "--tol", 0, "--json", "s.json")
    fit = entry(*command, "--max-iter", 10, "--starts", 1).json("s.json")
    for one, state in zip(fit["trace"], wanted):
        assert one["statistics"] == pytest.approx({key: state[key] for key in "abc"}, rel=1e-10)
    assert fit["parameters_free"] == 2 and set(fit["params"]) == {"q", "variance"}
    q = fit["trace"][3]["statistics"]
    assert q["a"] + q["b"] == pytest.approx(99) and fit["model"]["parameters"] == {}


@pytest.mark.parametrize("kind", ["metropolis", "scan-metropolis", "gibbs", "ffbs"])
def test_a_sampled_run_ends_by_its_iterations_without_a_warning(kind: str, entry):
    wanted = json.loads((REFERENCES / "noisy_switch.json").read_text())["trajectory"][0]
    options = ["--e-step", kind, "--draws", 60, "--max-iter", 3, "--starts", 1, "--seed", 4]
    options += [] if kind == "ffbs" else ["--sweeps", 40, "--burn-in", 20]
    command = (
        "fit",
        "dataset:hidden-switch",
        "--model",
        "noisy-switch",
        *options,
        "--json",
        "g.json",
        "--trace",
        "t.csv",
    )
    answer = entry(*command)
    assert answer.status == 0 and answer.err == ""
    fit = answer.json("g.json")
    assert fit["iterations"] == 3 and fit["stop"] == "max-iter" and not fit["converged"] and fit["warnings"] == []
    assert fit["e_step"] == kind and fit["draws"] == 60
    first = fit["trace"][0]["statistics"]
    for key in "abc":
        assert abs(first[key] - wanted[key]) < 5 * first["standard_errors"][key], key
    lines = (answer.folder / "t.csv").read_text().splitlines()
    assert lines[0] == "iteration,log_likelihood,bound" and len(lines) == 5
    assert entry(*command).json("g.json") == fit


def test_series_gaps_and_a_path(entry, write):
    write("s.csv", SERIES)
    options = (
        "--model",
        "hmm",
        "-k",
        2,
        "--covariance",
        "EII",
        "--sequence",
        "id",
        "--time",
        "t",
        "--missing",
        "marginal",
    )
    answer = entry("fit", "s.csv", *options, "--starts", 1, "--json", "m.json", "--labels", "l.csv")
    assert answer.status == 0
    fit = answer.json("m.json")
    assert fit["data"]["rows_used"] == 7 and fit["data"]["series"] == 3 and fit["data"]["columns"] == ["x", "y"]
    text = (answer.folder / "l.csv").read_text()
    assert text.splitlines()[0] == "label,p0,p1,uncertainty,log_density,viterbi"
    rows = table(text)
    assert len(rows) == 7 and all(0 <= float(r["uncertainty"]) <= 0.5 for r in rows)
    assert float(rows[2]["log_density"]) == pytest.approx(0, abs=1e-12)
    assert sum(float(r["log_density"]) for r in rows) == pytest.approx(fit["log_likelihood"], rel=1e-12)


def test_given_zeros_stay_and_do_not_count(entry, write):
    start = {"start": [1, 0, 0], "transitions": [[0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0, 1]], "rates": [[15], [20], [25]]}
    write("lr.json", {"params": start})
    command = ("fit", "dataset:earthquakes", "--model", "hmm", "-p", "emission=poisson", "--start", "params:lr.json")
    fit = entry(*command, "--max-iter", 40, "--json", "o.json").json("o.json")
    assert fit["parameters_free"] == 5 and fit["params"]["start"] == [1.0, 0.0, 0.0]
    assert [[p == 0 for p in row] for row in fit["params"]["transitions"]] == [
        [False, False, True],
        [True, False, False],
        [True, True, False],
    ]


def test_a_state_that_is_alone_is_the_plain_model(entry):
    fit = entry("fit", "dataset:lynx", "--model", "hmm", "-k", 1, "--json", "h.json").json("h.json")
    plain = entry("fit", "dataset:lynx", "--model", "gaussian", "-k", 1, "--json", "g.json").json("g.json")
    assert fit["log_likelihood"] == pytest.approx(plain["log_likelihood"], rel=1e-13)
    assert fit["parameters_free"] == 2 and fit["params"]["transitions"] == [[1.0]]


def test_standardised_series(entry):
    options = ("--model", "hmm", "-k", 2, "--scale", "standardise", "--starts", 3)
    answer = entry("fit", "dataset:geyser-azzalini-bowman", *options, "--json", "m.json", "--labels", "l.csv")
    assert answer.status == 0
    again = entry("predict", "m.json", "dataset:geyser-azzalini-bowman", "-o", "p.csv")
    assert (again.folder / "p.csv").read_text() == (again.folder / "l.csv").read_text()


def test_numbers_of_states_are_compared(entry):
    command = ("select", "dataset:earthquakes", "--model", "hmm", "-p", "emission=poisson", "-k", "1..3", "--starts", 3)
    found = entry(*command, "--json", "c.json").json("c.json")
    assert [c["parameters_free"] for c in found["cases"]] == [1, 5, 11]
    assert found["best"]["k"] == 2 and found["best"]["covariance"] is None


# -- predict and sample ------------------------------------------------------------------------------------------------
def test_a_prediction_by_hand(entry, earthquakes, write):
    write("new.csv", "count\n14\n30\n")

    def poisson(x: int, rate: float) -> float:
        return math.exp(-rate) * rate**x / math.factorial(x)

    answer = entry("predict", earthquakes, "new.csv", "--json", "p.json", "-o", "o.csv")
    b = [[poisson(x, r) for r in (15, 26)] for x in (14, 30)]
    joint = [[0.5 * b[0][i] * RATES["transitions"][i][j] * b[1][j] for j in (0, 1)] for i in (0, 1)]
    total = sum(map(sum, joint))
    rows = table((answer.folder / "o.csv").read_text())
    assert float(rows[0]["p0"]) == pytest.approx(sum(joint[0]) / total, rel=1e-12)
    assert float(rows[1]["p1"]) == pytest.approx((joint[0][1] + joint[1][1]) / total, rel=1e-12)
    past = 0.5 * (b[0][0] + b[0][1])
    assert float(rows[0]["log_density"]) == pytest.approx(math.log(past), rel=1e-12)
    assert float(rows[1]["log_density"]) == pytest.approx(math.log(total / past), rel=1e-12)
    best = max((joint[i][j], (i, j)) for i in (0, 1) for j in (0, 1))
    assert (int(rows[0]["viterbi"]), int(rows[1]["viterbi"])) == best[1]
    document = answer.json("p.json")
    assert document["log_likelihood"] == pytest.approx(math.log(total), rel=1e-12)
    assert document["viterbi_log_probability"] == [pytest.approx(math.log(best[0]), rel=1e-12)]


def test_each_series_has_its_own_path(entry, earthquakes, write):
    write("two.csv", "who,count\nx,14\nx,30\ny,8\n")
    write("one.csv", "count\n8\n")
    found = entry("predict", earthquakes, "two.csv", "--sequence", "who", "--json", "two.json", "-o", "o.csv").json(
        "two.json"
    )
    alone = entry("predict", earthquakes, "one.csv", "--json", "one.json", "-o", "o.csv").json("one.json")
    assert [s["rows"] for s in found["series"]] == [2, 1]
    assert found["viterbi_log_probability"][1] == alone["viterbi_log_probability"][0]


def test_a_prediction_says_when_the_series_are_not_told_apart(entry, write):
    write("s.csv", SERIES)
    fit = (
        "fit",
        "s.csv",
        "--model",
        "hmm",
        "--covariance",
        "EII",
        "--sequence",
        "id",
        "--missing",
        "marginal",
        "--columns",
        "x,y",
    )
    entry(*fit, "--starts", 1, "--json", "m.json")
    answer = entry("predict", "m.json", "s.csv", "--missing", "marginal")
    assert answer.status == 0 and "as --sequence names none" in answer.err


def test_a_sample_is_a_series_with_its_states(entry, earthquakes, write):
    rows = table(entry("sample", earthquakes, "-n", 4000, "-o", "-").out)
    assert list(rows[0]) == ["count", "series", "state"] and {r["series"] for r in rows} == {"0"}
    states = np.array([int(r["state"]) for r in rows])
    assert np.mean(states[1:] != states[:-1]) == pytest.approx(2 / 15, abs=0.03)
    assert np.mean([int(r["count"]) for r, z in zip(rows, states) if z]) == pytest.approx(26, abs=0.7)
    write("s.json", model_file("noisy-switch", {}, {"q": 1.0, "variance": 0.25}))
    switch = table(entry("sample", "s.json", "-n", 50, "-o", "-", "--seed", 2).out)
    assert list(switch[0]) == ["x1", "series", "state"] and len({r["state"] for r in switch}) == 1


def test_texts_are_symbols(entry, refused, write):
    write("w.csv", "w\nsun\nrain\nsun\nsun\nrain\nrain\nsun\n")
    entry("fit", "w.csv", "--model", "hmm", "-p", "emission=categorical", "--starts", 1, "--json", "w.json")
    document = json.loads(Path("w.json").read_text())
    assert document["model"]["parameters"]["categories"] == ["rain", "sun"]
    drawn = table(entry("sample", "w.json", "-n", 20, "-o", "-").out)
    assert {r["w"] for r in drawn} <= {"rain", "sun"}
    write("other.csv", "w\nsun\nsnow\n")
    assert refused("predict", "w.json", "other.csv").startswith(
        "other.csv, row 3, column w: 'snow' is none of the categories"
    )


# -- what is refused ---------------------------------------------------------------------------------------------------
BAD_PARAMS = {
    "sum": ({**RATES, "start": [0.5, 0.6]}, "the start probabilities sum to 1.1"),
    "row": ({**RATES, "transitions": [[0.9, 0.1], [0.2, 0.7]]}, "the transitions from state 1 sum to 0.8999"),
    "negative": ({**RATES, "transitions": [[1.1, -0.1], [0.2, 0.8]]}, "the transitions from state 0"),
    "square": ({**RATES, "transitions": [[1.0], [1.0]]}, "transitions of shape (2, 1)"),
    "states": ({**RATES, "rates": [[1.0], [2.0], [3.0]]}, "3 rates"),
    "absent": ({"start": [0.5, 0.5], "rates": [[1], [2]]}, "params has no 'transitions'"),
}


@pytest.mark.parametrize(("params", "sentence"), BAD_PARAMS.values(), ids=BAD_PARAMS)
def test_wrong_parameters_are_refused(params: dict, sentence: str, refused, write):
    write("bad.json", {"params": params})
    command = ("fit", "dataset:earthquakes", "--model", "hmm", "-p", "emission=poisson", "--start", "params:bad.json")
    said = refused(*command)
    assert sentence in said and "bad.json" in said


def test_an_impossible_row_is_named(refused, write):
    write("zero.csv", "count\n0\n0\n3\n")
    write("p.json", {"params": {"start": [1, 0], "transitions": [[1, 0], [0, 1]], "rates": [[0], [5]]}})
    said = refused("fit", "zero.csv", "--model", "hmm", "-p", "emission=poisson", "--start", "params:p.json")
    assert said.startswith("zero.csv, row 4: no state can have made this row")
    write("m.json", model_file("hmm", {"emission": "poisson"}, json.loads(Path("p.json").read_text())["params"]))
    assert refused("predict", "m.json", "zero.csv").startswith("zero.csv, row 4: no state")


WRONG = {
    "back": (
        ("--sequence", "id"),
        "id,x\na,1\nb,2\na,3\n",
        "d.csv, row 4, column id: the series 'a' comes back after it had ended at row 2",
    ),
    "time": (("--time", "t"), "t,x\n1,1\n1,2\n", "d.csv, row 3, column t: the time 1 is not later than 1 in row 2"),
    "column": (("--sequence", "who"), "t,x\n1,1\n1,2\n", "--sequence names 'who', and there is no such column"),
    "cell": (
        (),
        "x\n1\nNA\n3\n",
        "d.csv, row 3, column x: the cell is missing (1 row with missing cells in all); take it as an unobserved",
    ),
    "drop": (("--missing", "drop"), "x\n1\nNA\n3\n", "a series cannot leave a row out"),
    "weights": (("--weights", "t"), "t,x\n1,1\n2,2\n", "--weights means nothing to the model noisy-switch"),
    "two": ((), "u,v\n1,1\n2,2\n", "a noisy switch is one column of numbers, and 2 are chosen"),
    "k": (("-k", "2"), "x\n1\n2\n", "-k means nothing to the model noisy-switch"),
    "sweeps": (("--e-step", "ffbs", "--sweeps", "3"), "x\n1\n2\n", "--sweeps means nothing to --e-step ffbs"),
    "draws": (("--draws", "3"), "x\n1\n2\n", "--draws means nothing to --e-step soft"),
    "no-draws": (("--e-step", "gibbs", "--draws", "0"), "x\n1\n2\n", "--draws 0 cannot be used"),
    "scale": (("--scale", "standardise"), "x\n1\n2\n", "--scale means nothing to the model noisy-switch"),
}


@pytest.mark.parametrize(("options", "text", "sentence"), WRONG.values(), ids=WRONG)
def test_wrong_use_is_one_sentence(options: tuple, text: str, sentence: str, refused, write):
    write("d.csv", text)
    assert sentence in refused("fit", "d.csv", "--model", "noisy-switch", *options)


def test_options_of_series_are_for_series(refused):
    assert "--sequence means nothing to the model poisson" in refused(
        "fit", "dataset:earthquakes", "--model", "poisson", "--sequence", "year"
    )
    assert "--e-step gibbs means nothing to the model poisson" in refused(
        "fit", "dataset:earthquakes", "--model", "poisson", "--e-step", "gibbs"
    )
    said = refused("fit", "dataset:earthquakes", "--model", "hmm", "-p", "emission=poisson", "--covariance", "EII")
    assert "covariance means nothing to hmm with poisson emissions" in said


def test_series_of_length_one_say_that_q_is_unknown(entry, write):
    write("one.csv", "id,x\nu,0.2\nv,0.9\nw,1.1\n")
    answer = entry("fit", "one.csv", "--model", "noisy-switch", "--sequence", "id", "--starts", 1, "--json", "o.json")
    assert answer.status == 0 and "it stays as it was" in answer.err
    document = answer.json("o.json")
    assert document["params"]["q"] == 0.5 and document["warnings"][0]["code"] == "not-identifiable"


def test_two_hundred_thousand_steps(emstudio, write):
    params = {
        "start": [0.5, 0.5],
        "transitions": [[0.99, 0.01], [0.01, 0.99]],
        "means": [[0], [3]],
        "covariances": [[[1]], [[1]]],
    }
    write("m.json", model_file("hmm", {"k": 2}, params))
    emstudio("sample", "m.json", "-n", 200_000, "-o", "big.csv")
    command = ("fit", "big.csv", "--model", "hmm", "--columns", "x1", "--start", "params:m.json", "--max-iter", 0)
    answer = emstudio(*command, "--json", "b.json")
    assert answer.status == 0 and -1.6 * 200_000 < answer.json("b.json")["log_likelihood"] < -1.4 * 200_000
