"""Changing the E-step, its temperature and acceleration in the middle of a run: edits like any other."""

from __future__ import annotations

import numpy as np
import pytest

from emstudio.core.data import painted
from emstudio.core.how import EStep
from emstudio.core.model import find
from emstudio.session import FASTEST, Session

HARD = EStep("hard")


@pytest.fixture
def session(qtbot):
    rng = np.random.default_rng(0)
    made = Session()
    made.said = []
    made.failed.connect(made.said.append)
    made.news.connect(made.said.append)
    made.open_table(painted(np.concatenate([rng.normal([0, 0], 1, (60, 2)), rng.normal([3, 2], 1, (60, 2))])))
    settle(qtbot, made)
    yield made
    made.close()


def settle(qtbot, session: Session) -> None:
    qtbot.waitUntil(lambda: not session.busy and not session.running, timeout=10_000)


def steps(qtbot, session: Session, n: int) -> None:
    for _ in range(n):
        session.step()
        settle(qtbot, session)


def drawn(session: Session) -> set[float]:
    return set(np.unique(session.moment.snapshot.resp))


def test_the_run_goes_on_with_another_e_step(qtbot, session):
    steps(qtbot, session, 4)
    level = session.moment.snapshot.log_likelihood
    session.set_how(HARD)
    settle(qtbot, session)
    moment = session.moment
    assert moment.label == "edit" and moment.snapshot.t == 2 and moment.next == "E"
    assert moment.snapshot.log_likelihood == level, "another E-step changes no parameter"
    steps(qtbot, session, 1)
    assert session.moment.label == "E3" and drawn(session) == {0.0, 1.0}
    session.undo()
    settle(qtbot, session)
    assert session.how == EStep() and session.moment.label == "M2"
    session.redo()
    settle(qtbot, session)
    assert session.how == HARD


def test_the_choice_stays_over_restarts_data_and_models(qtbot, session):
    session.set_how(HARD)
    session.restart()
    settle(qtbot, session)
    assert session.moment.how == HARD and session.moment.label == "start"
    session.set_model(find("kmeans").make(k=3))
    settle(qtbot, session)
    assert session.moment.how == EStep("hard")
    session.set_how(EStep("stochastic"))
    assert "no stochastic E-step for k-means" in session.said[-1]
    session.set_model(find("gaussian").make(k=2))
    settle(qtbot, session)
    assert session.how == HARD


def test_kmeans_does_not_change_what_was_chosen_for_others(qtbot, session):
    session.set_model(find("kmeans").make(k=2))
    settle(qtbot, session)
    steps(qtbot, session, 2)
    session.set_model(find("gaussian").make(k=2))
    settle(qtbot, session)
    assert session.how == EStep() == session.moment.how


def test_a_drag_of_the_temperature_is_one_edit(qtbot, session):
    steps(qtbot, session, 3)
    before = session.history.current
    session.begin_gesture()
    for temperature in (2.0, 3.0, 5.0):
        session.set_how(EStep("annealed", temperature))
    session.end_gesture()
    settle(qtbot, session)
    assert session.moment.how.temperature == 5.0 and session.moment.snapshot.evaluated
    assert len(session.history.nodes) == before.index + 2
    session.undo()
    assert session.history.current is before and session.how == EStep()


def test_it_changes_while_the_run_is_on(qtbot, session):
    session.set_speed(FASTEST)
    session.run()
    qtbot.waitUntil(lambda: session.moment.snapshot.t >= 2)
    session.set_how(EStep("stochastic"))
    qtbot.waitUntil(lambda: session.moment.how.kind == "stochastic" and session.moment.snapshot.phase == "E")
    assert session.running and drawn(session) <= {0.0, 1.0}
    t = session.moment.snapshot.t
    qtbot.waitUntil(lambda: session.moment.snapshot.t > t + 20)
    assert session.running, "what is drawn anew never converges"
    session.pause()


def test_acceleration_is_an_edit_too(qtbot, session):
    steps(qtbot, session, 2)
    session.set_accelerated(True)
    settle(qtbot, session)
    assert session.moment.label == "edit" and session.moment.acceleration is not None
    session.run_to_convergence()
    settle(qtbot, session)
    assert session.said[-1].startswith("Converged") and session.moment.left is not None
    fast = session.moment.snapshot
    session.set_accelerated(False)
    session.restart()
    settle(qtbot, session)
    session.run_to_convergence()
    settle(qtbot, session)
    plain = session.moment.snapshot
    assert plain.log_likelihood == pytest.approx(fast.log_likelihood, abs=1e-5) and plain.t > fast.t


def test_only_a_soft_e_step_is_accelerated(qtbot, session):
    session.set_how(HARD)
    settle(qtbot, session)
    session.set_accelerated(True)
    assert session.said and not session.accelerated


def test_an_empty_cluster_is_told(qtbot, session):
    from emstudio.core.model import Start
    from emstudio.models.kmeans import KMeansParams

    session.set_model(find("kmeans").make(k=2))
    session.set_start(Start("params", params=KMeansParams(np.array([[0.0, 0.0], [99.0, 99.0]]))))
    settle(qtbot, session)
    steps(qtbot, session, 2)
    assert "Cluster B" in session.said[-1] and session.moment.label == "M1"
    assert session.moment.snapshot.params.centers[1].tolist() == [99.0, 99.0]
