"""Saving the session and opening it again, without a window: real engine thread, real signals."""

from __future__ import annotations

import numpy as np
import pytest

from emstudio.core.data import painted
from emstudio.core.how import EStep
from emstudio.core.model import Start, find
from emstudio.core.stopping import Stopping
from emstudio.session import FASTEST, Session


def blobs(n: int = 120, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal([0, 0], 1, (n // 2, 2)), rng.normal([5, 4], 1, (n - n // 2, 2))])


@pytest.fixture
def make(qtbot):
    """Makes sessions, which say what failed and are closed at the end."""
    made: list[Session] = []

    def one() -> Session:
        session = Session()
        session.said = []
        session.failed.connect(session.said.append)
        made.append(session)
        return session

    yield one
    for session in made:
        session.close()


@pytest.fixture
def settle(qtbot):
    def wait(session: Session) -> None:
        qtbot.waitUntil(lambda: not session.busy and not session.running, timeout=10_000)

    return wait


@pytest.fixture
def session(make, settle):
    made = make()
    made.open_table(painted(blobs()))
    settle(made)
    return made


def trace(session: Session) -> list[tuple]:
    return [(n.moment.label, n.moment.snapshot.log_likelihood, n.moment.snapshot.bound) for n in session.history.nodes]


def reopened(make, settle, path) -> Session:
    other = make()
    other.open(str(path))
    settle(other)
    assert not other.said
    return other


@pytest.mark.parametrize("way", ["soft", "squarem", "stochastic", "floor"])
def test_a_run_stopped_saved_and_resumed_equals_one_that_was_not(make, settle, session, tmp_path, way) -> None:
    if way == "squarem":
        session.set_accelerated(True)
    elif way == "stochastic":
        session.set_how(EStep("stochastic"))
        session.set_stopping(Stopping(max_iter=12))
    elif way == "floor":
        session.set_parameter(floor=0.05, prior_means=0.5)
    session.set_start(Start("points"))
    settle(session)
    for _ in range(5):
        session.step()
        settle(session)
    assert session.save(str(tmp_path / "a.ems"))
    other = reopened(make, settle, tmp_path / "a.ems")
    for one in (session, other):
        one.run_to_convergence()
        settle(one)
    assert trace(other) == trace(session) and len(trace(session)) > 12
    for a, b in zip(session.moment.snapshot.params, other.moment.snapshot.params, strict=True):
        assert a.tobytes() == b.tobytes()
    assert other.verdict() == session.verdict()


def test_the_same_moment_is_shown_with_its_settings(make, settle, session, tmp_path) -> None:
    session.set_parameter(k=3, covariance="EEE")
    session.set_seed(5)
    session.new_start()
    session.set_stopping(Stopping("likelihood", 1e-5, 40))
    session.set_speed(FASTEST)
    settle(session)
    session.iterate()
    settle(session)
    session.back()
    settle(session)
    session.save(str(tmp_path / "a.ems"))
    other = reopened(make, settle, tmp_path / "a.ems")
    assert other.moment.label == session.moment.label == "E1"
    assert np.array_equal(other.moment.snapshot.resp, session.moment.snapshot.resp)
    assert (other.model, other.seed, other.number) == (session.model, 5, 1)
    assert other.stopping == session.stopping and other.speed == FASTEST
    assert other.start.method == session.start.method and other.start is other.moment.start
    assert other.path == str(tmp_path / "a.ems") and not other.modified
    other.step()
    settle(other)
    assert len(other.history.nodes) == len(session.history.nodes), "the half-step that was known is shown"


def test_the_timeline_can_be_scrubbed_and_edits_undone(make, settle, session, tmp_path) -> None:
    for _ in range(4):
        session.step()
        settle(session)
    session.add_points([0, 1], np.array([[1.0, 1.0]]))
    settle(session)
    session.iterate()
    settle(session)
    session.save(str(tmp_path / "a.ems"))
    other = reopened(make, settle, tmp_path / "a.ems")
    for node, old in zip(other.history.line(), session.history.line(), strict=True):
        other.go_to(node)
        session.go_to(old)
        settle(other)
        settle(session)
        a, b = other.moment.snapshot, session.moment.snapshot
        assert (a.phase, a.log_likelihood, a.bound) == (b.phase, b.log_likelihood, b.bound)
        assert (a.resp is None) == (b.resp is None) and (a.resp is None or a.resp.tobytes() == b.resp.tobytes())
    other.undo()
    settle(other)
    assert other.data.n == 120 and other.moment.label == "M2"
    other.redo()
    settle(other)
    assert other.data.n == 121


def test_known_half_steps_are_shown_again_and_not_made_anew(make, settle, session, tmp_path) -> None:
    session.run_to_convergence()
    settle(session)
    session.save(str(tmp_path / "a.ems"))
    other = reopened(make, settle, tmp_path / "a.ems")
    count = len(other.history.nodes)
    other.first()
    settle(other)
    for node in other.history.line()[1:]:
        other.step()
        settle(other)
        assert other.history.current is node and node.moment.snapshot.resp is not None
    assert len(other.history.nodes) == count


def test_modified_is_what_was_done_since(settle, session, tmp_path) -> None:
    assert not session.modified, "it never was in a file"
    session.save(str(tmp_path / "a.ems"))
    assert not session.modified
    session.step()
    settle(session)
    assert session.modified
    session.save(str(tmp_path / "a.ems"))
    session.first()
    settle(session)
    assert not session.modified, "to look at another moment is nothing"
    session.set_stopping(Stopping(tol=1e-3))
    assert session.modified


def test_rows_made_by_hand_are_at_stake_until_they_are_saved(make, settle, session, tmp_path) -> None:
    assert not session.at_stake
    session.step()
    settle(session)
    session.erase(np.array([3]))
    settle(session)
    assert not session.at_stake, "nothing was made"
    session.move_points(np.array([0]), (0,), [0.5])
    settle(session)
    assert session.at_stake
    session.save(str(tmp_path / "a.ems"))
    assert not session.at_stake
    other = reopened(make, settle, tmp_path / "a.ems")
    assert not other.at_stake


def test_a_trial_that_was_typed_is_at_stake(make, settle) -> None:
    session = make()
    session.open("dataset:coin-flips")
    settle(session)
    assert not session.at_stake
    session.flip_toss(0, 0)
    settle(session)
    assert session.at_stake
    session.undo()
    settle(session)
    assert not session.at_stake


def test_other_columns_are_not_made_by_hand(make, settle) -> None:
    session = make()
    session.open("dataset:iris")
    settle(session)
    session.choose(session.data.names[:2])
    session.set_model(find("kmeans").make(k=2))
    settle(session)
    assert not session.at_stake


def test_what_cannot_be_written_is_one_sentence(session, tmp_path) -> None:
    assert not session.save(str(tmp_path / "nowhere" / "a.ems"))
    assert len(session.said) == 1 and "folder" in session.said[0] and session.path == ""


def test_a_broken_file_is_one_sentence_and_everything_stays(qtbot, settle, session, tmp_path) -> None:
    bad = tmp_path / "bad.ems"
    session.save(str(bad))
    bad.write_bytes(bad.read_bytes()[:-300])
    moment, path = session.moment, session.path
    with qtbot.waitSignal(session.failed):
        session.open(str(bad))
    assert session.moment is moment and session.path == path and "bad.ems" in session.said[0]


def test_optima_of_the_document_before_are_forgotten(qtbot, make, settle, session, tmp_path) -> None:
    session.save(str(tmp_path / "a.ems"))
    session.try_starts(3)
    qtbot.waitUntil(lambda: not session.searching, timeout=10_000)
    assert session.search is not None
    session.open(str(tmp_path / "a.ems"))
    settle(session)
    assert session.search is None and session.moment.label == "start"


def commands(session: Session, rng: np.random.Generator):
    """What a person could do next, each with its odds."""
    m = session.model
    return [
        session.step,
        session.step,
        session.iterate,
        session.undo,
        session.redo,
        session.back,
        session.new_start,
        lambda: session.set_parameter(k=int(rng.integers(1, 4))),
        lambda: session.set_model(find(str(rng.choice(["gaussian", "student-t", "kmeans"]))).make(k=2)),
        lambda: session.set_how(EStep(str(rng.choice(m.e_steps)))),
        lambda: session.set_accelerated(not session.accelerated),
        lambda: session.add_points(range(session.data.d), rng.normal(2.0, 1.0, (2, session.data.d))),
        lambda: session.erase(np.array([0])),
        lambda: session.choose(session.data.table.names[: int(rng.integers(1, 3))]),
        lambda: session.moment.snapshot.params is not None and m.k > 1 and session.remove_component(0),
        lambda: session.set_truth(None),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_was_done_comes_back_and_goes_on(make, settle, session, tmp_path, seed) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(16):
        choices = commands(session, rng)
        choices[int(rng.integers(len(choices)))]()
        settle(session)
    session.said.clear()
    assert session.save(str(tmp_path / "a.ems")), session.said
    other = reopened(make, settle, tmp_path / "a.ems")
    for _ in range(4):
        for a, b in zip(session.history.nodes, other.history.nodes, strict=True):
            assert (a.moment.label, a.title, a.moment.model, a.moment.how) == (
                b.moment.label,
                b.title,
                b.moment.model,
                b.moment.how,
            )
            if a.moment.snapshot.evaluated:
                assert (a.moment.objective, a.moment.bound) == (b.moment.objective, b.moment.bound)
        one, two = session.moment, other.moment
        assert np.array_equal(one.data.x, two.data.x) and (one.snapshot.resp is None) == (two.snapshot.resp is None)
        if one.snapshot.resp is not None:
            assert one.snapshot.resp.tobytes() == two.snapshot.resp.tobytes()
        for each in (session, other):
            each.step()
            settle(each)
    assert (session.history.undo_title(), session.history.redo_title()) == (
        other.history.undo_title(),
        other.history.redo_title(),
    )
