"""`fit --script`: the file is a program that reads the same data, makes the same fit to the last bit, and says so."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import emstudio.models  # noqa: F401  (fills the registry)
from emstudio.core.model import REGISTRY

ROOT = Path(__file__).resolve().parents[2]
FAITHFUL = ("dataset:old-faithful", "--model", "gaussian", "-k", "2")
ODD = "-odd \"'\\é 名.csv"
SPIKE = ("spike.csv", "--model", "gaussian", "-k", "2", "--start", "points", "--starts", "1")
FILES = {
    "labels.csv": "label\n" + "".join(f"{i % 2}\n" for i in range(272)),
    "weighed.csv": "x,y y,w\n" + "".join(f"{i * 37 % 11 / 7},{i * i % 13 / 3},{i % 4}\n" for i in range(60)),
    "holes.csv": "x,y\n"
    + "".join(f"{i * 37 % 11 / 7 if i % 9 else ''},{i * i % 13 / 3 if i % 7 else ''}\n" for i in range(60)),
    "spike.csv": "x\n" + "0\n" * 6 + "".join(f"{50 + 1.75 * i}\n" for i in range(9)),
    ODD: '"a ""q""",\'b\\n,"c\nd",名\n'
    + "".join(f"{i * 37 % 11 / 7},{i * i % 13 / 3},{i % 5},{i % 7}\n" for i in range(60)),
    "runs.csv": "who,when,x\n" + "".join(f"{i // 20},{i % 20},{i * i % 17 / 3}\n" for i in range(60)),
    "below/table.csv": "x\n" + "".join(f"{i * 37 % 11 / 7}\n" for i in range(60)),
    "given.json": json.dumps(
        {
            "params": {
                "weights": [0.25, 0.75],
                "means": [[2.0, 55.0], [4.3, 80.1]],
                "covariances": [[[0.1, 0.4], [0.4, 30.0]], [[0.2, 0.5], [0.5, 36.0]]],
            }
        }
    ),
}
CASES = {
    "coins": ("dataset:coin-flips", "--model", "coins"),
    "coins known": ("dataset:coin-flips", "--model", "coins", "-p", "identities=known"),
    "coins fixed": ("dataset:ten-flips", "--model", "coins", "-p", "mixing=fixed", "--prior", "biases=2"),
    "gaussian": FAITHFUL,
    "hmm": ("dataset:geyser-azzalini-bowman", "--model", "hmm", "--starts", "2"),
    "hmm poisson": ("dataset:earthquakes", "--model", "hmm", "-p", "emission=poisson", "--starts", "2"),
    "hmm categories": ("dataset:single-flips", "--model", "hmm", "-p", "emission=categorical", "--max-iter", "9"),
    "kmeans": ("dataset:galaxies", "--model", "kmeans", "-k", "3"),
    "multinomial": ("dataset:loaded-dice", "--model", "multinomial"),
    "noisy-switch": ("dataset:hidden-switch", "--model", "noisy-switch"),
    "poisson": ("dataset:earthquakes", "--model", "poisson"),
    "product": ("dataset:cafe-guests", "--model", "product"),
    "product chosen": ("dataset:cafe-guests", "--model", "product", "-p", "families=refills:gaussian"),
    "student-t": ("dataset:old-faithful", "--model", "student-t", "-p", "dof=4"),
    "series": ("runs.csv", "--model", "hmm", "--sequence", "who", "--time", "when"),
    "weights": ("weighed.csv", "--model", "gaussian", "--weights", "w"),
    "missing dropped": ("holes.csv", "--model", "gaussian", "--missing", "drop"),
    "missing marginal": ("holes.csv", "--model", "gaussian", "--missing", "marginal"),
    "standardised": (*FAITHFUL, "--scale", "standardise"),
    "noise": (*FAITHFUL, "--noise"),
    "priors": (*FAITHFUL, "--prior", "weights=2", "--prior", "covariances=1"),
    "floor": (*FAITHFUL, "--floor", "0.1"),
    "columns": ("dataset:iris", "--model", "gaussian", "--columns", "petal_length,petal_width", "--covariance", "diag"),
    "hard": (*FAITHFUL, "--e-step", "hard"),
    "stochastic": (*FAITHFUL, "--e-step", "stochastic", "--max-iter", "7"),
    "annealed": (*FAITHFUL, "--e-step", "annealed", "--temperature", "2.5"),
    "gibbs": (
        *("dataset:hidden-switch", "--model", "noisy-switch", "--e-step", "gibbs"),
        *("--draws", "10", "--sweeps", "3", "--burn-in", "1", "--max-iter", "3", "--starts", "2"),
    ),
    "squarem": (*FAITHFUL, "--accelerate", "squarem"),
    "points": (*FAITHFUL, "--start", "points", "--starts", "3", "--seed", "5"),
    "responsibilities": (*FAITHFUL, "--start", "responsibilities"),
    "hierarchical": (*FAITHFUL, "--start", "hierarchical"),
    "labels": ("dataset:old-faithful", "--model", "gaussian", "--start", "labels:labels.csv"),
    "params": ("dataset:old-faithful", "--model", "gaussian", "--start", "params:given.json"),
    "likelihood": (*FAITHFUL, "--stop", "likelihood", "--tol", "1e-5"),
    "so many": (*FAITHFUL, "--tol", "0", "--max-iter", "7"),
    "the start": (*FAITHFUL, "--max-iter", "0"),
    "collapse stop": SPIKE,
    "collapse floor": (*SPIKE, "--on-collapse", "floor"),
    "collapse remove": (*SPIKE, "--on-collapse", "remove"),
    "collapse reseed": (*SPIKE, "--on-collapse", "reseed"),
    "many columns": ("dataset:wine", "--model", "gaussian", "--covariance", "diag", "--starts", "2"),
    "below": ("below/table.csv", "--model", "gaussian"),
    "odd": ("--model", "gaussian", "--", ODD),
}

# Both run in one process each: started anew for every case, Python and numpy would take most of the time.
FIT = """
import contextlib, io, json, sys
from emstudio import cli
told = {}
for name, arguments in json.load(sys.stdin).items():
    with contextlib.redirect_stderr(io.StringIO()) as err, contextlib.redirect_stdout(io.StringIO()):
        told[name] = cli.main(arguments), err.getvalue()
json.dump(told, sys.stdout)
"""
RUN = """
import contextlib, io, json, runpy, sys, traceback
told = {}
for name, path in json.load(sys.stdin).items():
    status, found = 0, {}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            found = runpy.run_path(path, run_name="__main__")
        except SystemExit as end:
            status = str(end)
        except Exception:
            status = traceback.format_exc()
    moment = found.get("moment")
    params = None if moment is None else moment.model.to_dict(moment.snapshot.params)
    told[name] = {"status": status, "found": found.get("found"), "params": params, "out": out.getvalue()}
json.dump(told, sys.stdout)
"""


def child(code: str, asked: dict, folder: Path) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"],
        input=json.dumps(asked),
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def outputs(arguments: tuple[str, ...], name: str) -> list[str]:
    """The command with a script and a JSON, whose options stand before a `--`."""
    made = ["--script", f"{name}.py", "--json", f"{name}.json"]
    return ["fit", *made, *arguments]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("fits")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def fitted(folder) -> dict:
    return child(FIT, {name: outputs(arguments, name) for name, arguments in CASES.items()}, folder)


@pytest.fixture(scope="module")
def repeated(folder, fitted, tmp_path_factory) -> dict:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    return child(RUN, {name: str(folder / f"{name}.py") for name in CASES}, elsewhere)


@pytest.mark.parametrize("name", CASES)
def test_the_script_makes_the_same_fit_to_the_last_bit(name, folder, fitted, repeated):
    status, said = fitted[name]
    assert status in (0, 3), said
    assert status == 0 or "collapse" in name or "saddle" in said or "spurious" in said or "stopped after" in said, said
    fit = json.loads((folder / f"{name}.json").read_text("utf-8"))
    again = repeated[name]
    assert again["status"] == 0, again
    figure = fit["inertia"] if fit["log_likelihood"] is None else fit["log_likelihood"]
    assert again["found"] == figure
    assert again["params"] == fit["params"]
    assert f"{figure!r} (iterations: {fit['iterations']})" in again["out"] and "difference: 0\n" in again["out"]
    assert "have changed" not in again["out"]
    if name.startswith("collapse"):
        assert "collaps" in said


def test_every_model_has_a_case():
    assert {arguments[arguments.index("--model") + 1] for arguments in CASES.values()} == set(REGISTRY)


def test_scripts_are_as_the_formatter_and_the_linter_want_them(folder, fitted):
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--config", ROOT / "pyproject.toml", *folder.glob("*.py")],
            capture_output=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_script_is_short_and_holds_nothing_of_the_machine(folder, fitted):
    text = (folder / "gaussian.py").read_text("utf-8")
    assert len(text.splitlines()) < 50
    assert str(folder) not in "".join(f.read_text("utf-8") for f in folder.glob("*.py"))
    assert text.startswith("# A fit of EM Studio ") and "# Data: dataset:old-faithful, 272 rows of eruptions" in text


def test_the_same_fit_gives_the_same_script(folder, fitted, emstudio):
    answer = emstudio("fit", *FAITHFUL, "--script", "again.py")
    assert answer.status == 0 and answer.err == ""
    assert (answer.folder / "again.py").read_bytes() == (folder / "gaussian.py").read_bytes()


# -- where files are ---------------------------------------------------------------------------------------------------
def run(path: Path, folder: Path) -> subprocess.CompletedProcess:
    code = [sys.executable, "-c", f"import sys, runpy; sys.path[0] = {str(ROOT)!r}; runpy.run_path({str(path)!r})"]
    return subprocess.run(code, capture_output=True, encoding="utf-8", cwd=folder, timeout=60)


def test_a_folder_moves_with_its_script(emstudio, tmp_path, tmp_path_factory):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "t.csv").write_text(FILES["below/table.csv"])
    assert emstudio("fit", "work/t.csv", "--model", "gaussian", "--script", "work/t.py").status == 0
    elsewhere = tmp_path_factory.mktemp("moved") / "other"
    (tmp_path / "work").rename(elsewhere)
    done = run(elsewhere / "t.py", tmp_path)
    assert done.returncode == 0 and "difference: 0\n" in done.stdout, done.stderr


def test_data_beside_the_scripts_folder_are_named_in_full(emstudio, tmp_path, tmp_path_factory):
    (tmp_path / "data").mkdir()
    (tmp_path / "scripts").mkdir()
    (tmp_path / "data" / "t.csv").write_text(FILES["below/table.csv"])
    assert emstudio("fit", "data/t.csv", "--model", "gaussian", "--script", "scripts/t.py").status == 0
    assert repr(str(tmp_path / "data" / "t.csv"))[1:-1] in (tmp_path / "scripts" / "t.py").read_text()
    assert run(tmp_path / "scripts" / "t.py", tmp_path_factory.mktemp("else")).returncode == 0


def test_changed_data_are_told_and_another_result_is_an_error(emstudio, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text(FILES["below/table.csv"])
    assert emstudio("fit", "t.csv", "--model", "gaussian", "--script", "t.py").status == 0
    table.write_text(FILES["below/table.csv"] + "7\n")
    done = run(tmp_path / "t.py", tmp_path)
    assert done.returncode == 1
    assert "The data have changed since this file was written" in done.stdout
    assert done.stderr.strip() == "The result is not the recorded one."


def test_data_that_are_gone_are_one_sentence(emstudio, tmp_path):
    (tmp_path / "t.csv").write_text(FILES["below/table.csv"])
    assert emstudio("fit", "t.csv", "--model", "gaussian", "--script", "t.py").status == 0
    (tmp_path / "t.csv").unlink()
    done = run(tmp_path / "t.py", tmp_path)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"{tmp_path / 't.csv'}: there is no such file") and done.stderr.count("\n") == 1


def test_a_long_start_is_read_from_its_file(emstudio, tmp_path):
    rows = 2500
    (tmp_path / "t.csv").write_text("x\n" + "".join(f"{i * 37 % 1001 / 7}\n" for i in range(rows)))
    (tmp_path / "z.csv").write_text("label\n" + "".join(f"{i % 3}\n" for i in range(rows)))
    options = ("--model", "gaussian", "--start", "labels:z.csv", "--max-iter", 5, "--tol", 0)
    assert emstudio("fit", "t.csv", *options, "--script", "t.py").status == 0
    assert len((tmp_path / "t.py").read_text().splitlines()) < 50
    done = run(tmp_path / "t.py", tmp_path.parent)
    assert done.returncode == 0 and "difference: 0\n" in done.stdout, done.stderr


@pytest.mark.parametrize("passes", [6, 40])
def test_an_interrupted_fit_is_repeated_as_far_as_it_went(passes, entry, monkeypatch, tmp_path_factory):
    from emstudio.cli import fit

    @contextmanager
    def impatient():
        left = iter(range(passes))
        yield lambda: next(left, None) is None

    monkeypatch.setattr(fit, "interruptible", impatient)
    answer = entry("fit", *FAITHFUL, "--start", "points", "--script", "t.py", "--json", "t.json")
    assert answer.status == 130 and answer.json("t.json")["stop"] == "interrupted"
    done = run(answer.folder / "t.py", tmp_path_factory.mktemp("else"))
    assert done.returncode == 0 and "difference: 0\n" in done.stdout, done.stderr
    assert f"(iterations: {answer.json('t.json')['iterations']})" in done.stdout


def test_a_script_goes_to_standard_output(emstudio):
    answer = emstudio("fit", *FAITHFUL, "--script", "-")
    assert answer.status == 0 and answer.out.startswith("# A fit of EM Studio") and answer.out.endswith('one.")\n')
    compile(answer.out, "script", "exec")


def test_a_script_never_writes_over_an_input(refused, write):
    write("t.py", "x\n1\n2\n4\n8\n")
    assert "--script would write over an input" in refused("fit", "t.py", "--model", "gaussian", "--script", "t.py")


def test_a_start_file_is_no_place_for_the_script(refused, write):
    write("p.json", json.loads(FILES["given.json"]))
    options = ("--start", "params:p.json", "--script", "p.json")
    assert "would write over an input" in refused("fit", "dataset:old-faithful", "--model", "gaussian", *options)
