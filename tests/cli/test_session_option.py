"""`fit --session`: the best run with all its half-steps, as the window opens it; and what other commands say of such a file."""

from __future__ import annotations

import pytest

from emstudio import tables
from emstudio.core.em import advance
from emstudio.storage import session_file


def opened(answer, name: str = "s.ems"):
    return session_file.read(str(answer.folder / name))


@pytest.mark.parametrize(
    "options",
    [
        ("dataset:old-faithful", "--model", "gaussian", "-k", 3, "--starts", 3, "--seed", 4, "--tol", "1e-6"),
        ("dataset:old-faithful", "--model", "gaussian", "-k", 2, "--accelerate", "squarem", "--stop", "likelihood"),
        ("dataset:old-faithful", "--model", "gaussian", "-k", 2, "--scale", "standardise", "--prior", "means=0.1"),
        ("dataset:iris", "--model", "kmeans", "-k", 3, "--starts", 2, "--labels-column", "species"),
        ("dataset:coin-flips", "--model", "coins", "-p", "identities=known"),
        ("dataset:earthquakes", "--model", "hmm", "-k", 2, "-p", "emission=poisson", "--time", "year", "--starts", 2),
        ("dataset:hidden-switch", "--model", "noisy-switch", "--e-step", "gibbs", "--sweeps", 3, "--max-iter", 4),
        ("dataset:galaxies", "--model", "gaussian", "-k", 2, "--e-step", "stochastic", "--max-iter", 6, "--starts", 2),
    ],
    ids=lambda o: f"{o[2]}-{o[-1]}",
)
def test_the_session_is_the_run_of_the_json(entry, options) -> None:
    answer = entry("fit", *options, "--session", "s.ems", "--json", "f.json", "--trace-params")
    assert answer.status in (0, 3), answer.err
    document, session = answer.json("f.json"), opened(answer)
    moment = session.current.moment
    assert moment.model.to_dict(moment.snapshot.params) == document["params"]
    ends = [n.moment for n in session.history.nodes if n.moment.snapshot.phase in ("start", "M")]
    assert [m.model.to_dict(m.snapshot.params) for m in ends] == [e["params"] for e in document["trace"]]
    assert [m.snapshot.log_likelihood for m in ends] == [e["log_likelihood"] for e in document["trace"]]
    assert [m.snapshot.bound for m in ends] == [e["bound"] for e in document["trace"]]
    assert session.seed == document["start"]["seed"] and session.start.method == moment.start.method
    assert len(session.history.nodes) == 2 * len(document["trace"])
    assert session.history.line()[-1] is session.current
    advance(moment)  # it goes on


def test_the_options_are_the_settings(entry) -> None:
    options = (
        "--tol",
        "1e-3",
        "--max-iter",
        50,
        "--stop",
        "parameters",
        "--starts",
        4,
        "--seed",
        9,
        "--start",
        "points",
    )
    answer = entry("fit", "dataset:old-faithful", "--model", "gaussian", "-k", 2, *options, "--session", "s.ems")
    session = opened(answer)
    assert (session.stopping.measure, session.stopping.tol, session.stopping.max_iter) == ("parameters", 1e-3, 50)
    assert (session.seed, session.start.method) == (9, "points")
    assert session.number == session.current.moment.number


def test_a_collapse_that_was_answered_is_an_edit(entry, write) -> None:
    data = write("spike.csv", "x\n" + "0\n" * 6 + "".join(f"{50 + i * 1.7}\n" for i in range(12)))
    answer = entry(
        "fit", data, "--model", "gaussian", "-k", 2, "--starts", 1, "--on-collapse", "floor", "--session", "s.ems"
    )
    assert answer.status in (0, 3), answer.err
    session = opened(answer)
    edits = [n for n in session.history.nodes if n.cause == "edit"]
    assert [n.title for n in edits] == ["Set a variance floor"] and edits[0].moment.model.floor > 0
    assert session.current.moment.model.floor == edits[0].moment.model.floor


def test_on_standard_output_it_is_the_same_file(emstudio) -> None:
    import subprocess
    import sys

    from tests.cli.conftest import environment

    arguments = ["fit", "dataset:old-faithful", "--model", "gaussian", "-k", "2", "--session"]
    answer = emstudio(*arguments, "s.ems")
    assert answer.status == 0 and "log-likelihood" in answer.out
    done = subprocess.run([sys.executable, "-m", "emstudio", *arguments, "-"], env=environment(), capture_output=True)
    assert done.returncode == 0 and done.stdout == (answer.folder / "s.ems").read_bytes() and done.stderr == b""


def test_the_window_opens_it(qtbot, emstudio) -> None:
    from emstudio.session import Session

    answer = emstudio(
        "fit", "dataset:old-faithful", "--model", "gaussian", "-k", 2, "--session", "s.ems", "--json", "f.json"
    )
    session = Session()
    try:
        session.open(str(answer.folder / "s.ems"))
        qtbot.waitUntil(lambda: not session.busy)
        assert session.moment.snapshot.log_likelihood == answer.json("f.json")["log_likelihood"]
        assert session.verdict().converged and not session.modified
        session.first()
        qtbot.waitUntil(lambda: not session.busy)
        assert session.moment.label == "start"
    finally:
        session.close()


def test_it_knows_its_data_in_any_folder(entry, write, monkeypatch, tmp_path_factory) -> None:
    write("t.csv", "x\n" + "".join(f"{i * 37 % 11 / 7}\n" for i in range(60)))
    answer = entry("fit", "t.csv", "--model", "gaussian", "--session", "s.ems")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    table = opened(answer).current.moment.data.table
    assert table.source == str(answer.folder / "t.csv") and tables.read(table.source).sha256 == table.sha256


def test_the_program_opens_it_where_there_is_no_display(emstudio) -> None:
    emstudio("fit", "dataset:galaxies", "--model", "gaussian", "-k", 2, "--session", "s.ems", "--json", "f.json")
    answer = emstudio("s.ems")
    assert answer.status == 0 and (answer.folder / "emstudio-window.png").is_file()
    _, head, _, first, *_ = answer.out.splitlines()
    assert head == "Galaxies: 82 rows, 1 column; Gaussian mixture, K = 2"
    assert first.split()[0] == str(answer.json("f.json")["iterations"]), "it begins at the moment that was saved"


@pytest.mark.parametrize(
    "command", [("show",), ("fit", "--model", "gaussian"), ("select", "--model", "gaussian", "-k", "1..2")]
)
def test_other_commands_say_that_it_is_no_table(entry, refused, command) -> None:
    entry("fit", "dataset:old-faithful", "--model", "gaussian", "-k", 2, "--session", "s.ems")
    assert (
        refused(command[0], "s.ems", *command[1:])
        == "s.ems: this is a session of EM Studio, not a table; open it in the window"
    )


def test_a_text_that_calls_itself_a_session_is_refused(refused, write) -> None:
    assert "this is not a session of EM Studio" in refused("show", write("a.ems", "a,b\n1,2\n"))


def test_it_is_checked_before_the_fit(refused) -> None:
    assert "folder" in refused("fit", "dataset:iris", "--model", "gaussian", "--session", "nowhere/s.ems")
