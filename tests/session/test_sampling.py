"""Sampled E-steps watched sweep by sweep: what ends them is what a half-step gives, and nothing waits for them."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from emstudio.core.data import painted
from emstudio.core.em import advance
from emstudio.core.how import EStep
from emstudio.core.model import Start, find
from emstudio.session import FASTEST, Session

GIBBS = EStep("gibbs", draws=12, sweeps=6, burn_in=1)
LAST = 7


def signal(n: int = 60) -> np.ndarray:
    """A switch that stays with probability 0.8, seen through noise of variance 1/4."""
    rng = np.random.default_rng(1)
    states = np.cumsum(rng.random(n) > 0.8) % 2
    return (states + rng.normal(0, 0.5, n))[:, None]


@pytest.fixture
def session(qtbot):
    made = Session()
    made.said, made.seen = [], []
    made.failed.connect(made.said.append)
    made.sweep_changed.connect(lambda sweep: made.seen.append(sweep))
    made.open_table(painted(signal(), ["x"]))
    settle(qtbot, made)
    made.set_model(find("noisy-switch").make())
    made.set_how(GIBBS)
    settle(qtbot, made)
    yield made
    made.close()


def settle(qtbot, session: Session) -> None:
    qtbot.waitUntil(lambda: not session.busy and not session.running, timeout=10_000)


def indices(session: Session) -> list[int | None]:
    return [None if sweep is None else sweep.index for sweep in session.seen]


def same(a: object, b: object) -> bool:
    """Bit for bit, all the way down."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if is_dataclass(a):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


@pytest.mark.parametrize("kind", ["metropolis", "scan-metropolis", "gibbs", "ffbs"])
def test_what_was_watched_ends_in_the_moment_of_the_half_step(qtbot, session, kind):
    session.set_how(EStep(kind, draws=12, sweeps=6, burn_in=1, alternate=kind == "gibbs"))
    settle(qtbot, session)
    meant = advance(session.moment)
    session.set_speed(FASTEST)
    session.watch_sweeps()
    assert session.sampling and session.running
    settle(qtbot, session)
    assert session.moment.label == "E1" and same(session.moment.snapshot, meant.snapshot)
    steps = [0] if kind == "ffbs" else list(range(LAST + 1))
    assert indices(session) == [*steps, None]
    assert np.array_equal(session.seen[-2].states, session.moment.snapshot.posterior.paths)
    assert session.sweep is None and not session.sampling
    session.step()
    settle(qtbot, session)
    assert session.moment.label == "M1" and same(session.moment.snapshot, advance(meant).snapshot)


def test_sweeps_come_one_by_one(qtbot, session):
    before = session.moment
    for index in range(LAST):
        session.next_sweep()
        settle(qtbot, session)
        assert session.sweep.index == index and session.sweep.of == LAST
        assert session.sweep.states.shape == (60, 12) and len(session.sweep.trace) == index + 1
        assert session.moment is before and session.sampling
    session.next_sweep()
    settle(qtbot, session)
    assert session.moment.label == "E1" and session.sweep is None
    session.next_sweep()
    assert "M-step" in session.said[-1] and not session.busy


def test_it_pauses_half_way_and_goes_on(qtbot, session):
    session.set_speed(FASTEST)

    def hold(sweep) -> None:
        if sweep is not None and sweep.index == 3:
            session.toggle()

    session.sweep_changed.connect(hold)
    session.watch_sweeps()
    settle(qtbot, session)
    session.sweep_changed.disconnect(hold)
    assert session.sweep.index == 3 and session.sampling and session.moment.label == "start"
    session.next_sweep()
    settle(qtbot, session)
    assert session.sweep.index == 4
    session.toggle()
    settle(qtbot, session)
    assert session.moment.label == "E1" and indices(session) == [*range(LAST + 1), None]


def test_a_step_plays_where_sweeps_are_watched_and_another_ends_it_at_once(qtbot, session):
    session.set_watching(True)
    session.set_speed(1.0)
    meant = advance(session.moment)
    with qtbot.waitSignal(session.sweep_changed):
        session.step()
    assert session.running and session.moment.label == "start"
    session.step()
    assert not session.sampling and session.seen[-1] is None
    settle(qtbot, session)
    assert session.moment.label == "E1" and same(session.moment.snapshot, meant.snapshot)


def test_a_run_plays_every_e_step(qtbot, session):
    session.set_watching(True)
    session.set_speed(FASTEST)
    session.run()
    qtbot.waitUntil(lambda: session.moment.snapshot.t >= 2, timeout=10_000)
    session.pause()
    settle(qtbot, session)
    assert indices(session)[: 2 * LAST + 4] == [*range(LAST + 1), None] * 2
    session.iterate()
    settle(qtbot, session)
    assert session.moment.snapshot.phase == "M" and not session.sampling


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize(
    ("command", "label"),
    [
        (lambda s: s.set_how(EStep("soft")), "edit"),
        (lambda s: s.restart(), "start"),
        (lambda s: s.first(), "start"),
        (lambda s: s.move_points([3], [0], [0.5]), "edit"),
        (lambda s: s.set_model(find("gaussian").make(k=2)), "start"),
    ],
    ids=["how", "restart", "first", "points", "model"],
)
def test_any_other_command_gives_the_sweeps_up(qtbot, session, command, label, running):
    session.set_speed(1.0)
    with qtbot.waitSignal(session.sweep_changed):
        session.watch_sweeps() if running else session.next_sweep()
    command(session)
    assert not session.sampling and session.sweep is None and session.seen[-1] is None
    settle(qtbot, session)
    assert session.moment.label == label and session.seen[-1] is None
    assert not session.said


def test_a_run_goes_on_after_an_edit(qtbot, session):
    session.set_watching(True)
    session.set_speed(FASTEST)
    session.run()
    qtbot.waitUntil(lambda: session.sampling)
    session.move_points([3], [0], [0.5])
    qtbot.waitUntil(lambda: session.moment.snapshot.t >= 1 and session.moment.data.x[3, 0] == signal()[3, 0] + 0.5)
    assert session.running
    session.pause()


def test_back_and_watched_again_is_the_same(qtbot, session):
    session.set_speed(FASTEST)
    session.watch_sweeps()
    settle(qtbot, session)
    first, node = session.moment, session.history.current
    session.back()
    settle(qtbot, session)
    session.watch_sweeps()
    settle(qtbot, session)
    assert session.history.current is node and same(session.moment.snapshot, first.snapshot)
    assert indices(session) == [*range(LAST + 1), None] * 2


def test_why_there_is_nothing_to_watch(qtbot, session):
    session.set_how(EStep("soft"))
    settle(qtbot, session)
    session.watch_sweeps()
    assert "draws no paths" in session.said[-1] and "Gibbs" in session.said[-1]
    session.set_model(find("gaussian").make(k=2))
    settle(qtbot, session)
    session.next_sweep()
    assert "hidden Markov" in session.said[-1]
    assert not session.busy and not session.seen


def test_what_goes_wrong_is_told(qtbot, session):
    """Sampling fails on the engine's thread: the moment stays, and a sentence says why."""
    session.set_speed(FASTEST)

    def broken(*_: object):
        raise ValueError("no such thing")
        yield

    from emstudio.core import chain_sampling

    kept, chain_sampling.sampling = chain_sampling.sampling, broken
    try:
        session.watch_sweeps()
        settle(qtbot, session)
    finally:
        chain_sampling.sampling = kept
    assert "no such thing" in session.said[-1] and not session.sampling and session.moment.label == "start"


def test_sampling_that_nobody_awaits_ends_soon(qtbot, session):
    """An E-step of an hour, then another choice: the engine is free again within a sweep."""
    session.set_how(EStep("metropolis", draws=100, sweeps=1_000_000))
    assert session.busy
    session.set_how(EStep("soft"))
    settle(qtbot, session)
    assert session.moment.snapshot.evaluated and session.moment.how.kind == "soft" and not session.said


def test_closing_in_the_middle_of_a_long_e_step_does_not_wait_for_it(qtbot, session):
    session.set_how(EStep("metropolis", draws=100, sweeps=1_000_000))
    assert session.busy
    session.close()


def test_closing_half_way_is_fine(qtbot, session):
    session.set_speed(1.0)
    with qtbot.waitSignal(session.sweep_changed):
        session.watch_sweeps()
    session.close()


def test_transitions_that_no_draw_makes_are_told_when_they_become_0(qtbot, session):
    """Two states far apart of which one is never left but once: few draws miss the way back, and it is 0 for ever."""
    told = []
    session.news.connect(told.append)
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.normal(0, 0.1, 40), rng.normal(1, 0.1, 40)])[:, None]
    session.open_table(painted(x, ["x"]))
    settle(qtbot, session)
    model = find("hmm").make(k=2)
    document = {
        "start": [0.5, 0.5],
        "transitions": [[0.9, 0.1], [0.1, 0.9]],
        "means": [[0.0], [1.0]],
        "covariances": [[[0.01]]] * 2,
    }
    session.set_model(model)
    session.set_start(Start("params", params=model.from_dict(document)))
    session.set_how(EStep("soft"))
    settle(qtbot, session)
    for _ in range(2):
        session.step()
        settle(qtbot, session)
    assert not told and session.moment.snapshot.params.transitions[1, 0] > 0
    session.first()
    session.set_how(EStep("ffbs", draws=10))
    settle(qtbot, session)
    for _ in range(2):
        session.step()
        settle(qtbot, session)
    assert session.moment.snapshot.params.transitions[1, 0] == 0
    assert told == ["No drawn path goes B to A: it stays 0 for ever; more draws keep rare ones."]
    for _ in range(2):
        session.step()
        settle(qtbot, session)
    assert len(told) == 1 and session.moment.snapshot.params.transitions[1, 0] == 0
