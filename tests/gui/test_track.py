"""The timeline's cells follow the history step by step and are the same as when read anew."""

from __future__ import annotations

import random

import numpy as np
import pytest

from emstudio.core.marks import Handle, View
from emstudio.gui.track import FEWEST_CELLS, PHASES, Track


def agrees(track: Track, session) -> None:
    """The cells are the session's timeline, and every fact is what a track made now says."""
    track.sync()
    assert track.cells == session.history.line()
    assert track.cells[track.current] is session.history.current
    fresh = Track(session)
    fresh.sync()
    fresh.setParent(None)
    for name in track.facts.dtype.names:
        np.testing.assert_array_equal(track.facts[name], fresh.facts[name], err_msg=name)
    for node, fact in zip(track.cells, track.facts):
        s = node.moment.snapshot
        assert PHASES[fact["phase"]] == s.phase
        assert np.isnan(fact["likelihood"]) if s.log_likelihood is None else fact["likelihood"] == s.log_likelihood
        assert np.isnan(fact["bound"]) if s.bound is None else fact["bound"] == s.bound


@pytest.mark.parametrize("seed", range(6))
def test_a_random_walk_through_the_history(faithful, seed):
    session, track = faithful.session, Track.of(faithful.session)
    hand = random.Random(seed)
    view = View("scatter", (0, 1))
    commands = [
        session.step,
        session.step,
        session.step,
        session.back,
        session.back,
        session.first,
        session.last,
        session.undo,
        session.redo,
        session.new_start,
        lambda: session.go_to(hand.choice(session.history.nodes)),
        lambda: session.add_points((0, 1), np.array([[3.0, 70.0]])),
        lambda: session.erase(np.array([0])),
        lambda: session.drag(Handle("mean", 0), view, (hand.uniform(2, 4), hand.uniform(50, 80))),
    ]
    for i in range(60):
        hand.choice(commands)()
        if i % 3:  # now and then several changes come between two pictures
            agrees(track, session)
        if i % 2:
            faithful.settle()
    faithful.settle()
    agrees(track, session)


def test_a_log_likelihood_that_comes_late_is_taken_in(faithful):
    session, track = faithful.session, Track.of(faithful.session)
    session.drag(Handle("mean", 0), View("scatter", (0, 1)), (3.0, 60.0))
    track.sync()
    assert np.isnan(track.likelihood[track.current])
    faithful.settle()
    track.sync()
    assert track.likelihood[track.current] == session.moment.snapshot.log_likelihood


def test_other_data_begin_another_segment_and_group(faithful):
    session, track = faithful.session, Track.of(faithful.session)
    faithful.steps(4)
    faithful.do(lambda: session.add_points((0, 1), np.array([[3.0, 70.0]])))
    faithful.steps(2)
    track.sync()
    edit = next(i for i, n in enumerate(track.cells) if n.moment.snapshot.phase == "edit")
    assert track.segment(0) == (0, edit) and track.segment(edit) == (edit, track.count)
    assert track.facts["group"].tolist() == [0] * edit + [1] * (track.count - edit)


def test_a_dragged_mean_stays_in_the_segment(faithful):
    faithful.steps(2)
    faithful.do(lambda: faithful.session.drag(Handle("mean", 0), View("scatter", (0, 1)), (3.0, 60.0)))
    track = Track.of(faithful.session)
    track.sync()
    assert track.segment(track.current) == (0, track.count)
    assert track.facts["notable"].tolist() == [False] * (track.count - 1) + [True]


def test_the_window_follows_the_current_cell_and_keeps_cells_wide(faithful):
    track = Track.of(faithful.session)
    track.set_width(270.0)  # 30 cells of the least width
    faithful.steps(60)
    track.sync()
    low, high = track.visible()
    assert low <= track.current < high and high - low == 30
    faithful.session.go_to(track.cells[10])
    track.sync()
    assert track.visible()[0] < 10
    assert not track.whole


def test_zooming_out_shows_all_cells_and_goes_on_showing_them(faithful):
    track = Track.of(faithful.session)
    track.set_width(270.0)
    faithful.steps(50)
    track.sync()
    track.zoom(100.0, 20.0)
    assert track.whole
    faithful.steps(10)
    track.sync()
    assert track.whole and track.visible() == (0, 61)


def test_zooming_in_keeps_the_place_under_the_pointer(faithful):
    track = Track.of(faithful.session)
    faithful.steps(40)
    track.sync()
    before = (20.0 - track.first) / track.span
    track.zoom(0.6, 20.0)
    assert (20.0 - track.first) / track.span == pytest.approx(before)
    assert track.span < 41


def test_a_short_history_leaves_room(faithful):
    track = Track.of(faithful.session)
    track.sync()
    assert track.count == 1 and track.span == FEWEST_CELLS and track.first == 0


@pytest.mark.parametrize(
    "values", [{"prior_means": 5.0, "prior_covariances": 4.0, "prior_weights": 2.0}, {"floor": 0.5}]
)
def test_a_prior_or_a_floor_leaves_no_gap_after_an_e_step(faithful, values):
    session = faithful.session
    faithful.do(lambda: session.set_parameter(**values))
    faithful.steps(5)
    track = Track.of(session)
    track.sync()
    facts = track.facts
    done = np.isin(facts["phase"], [PHASES.index("E"), PHASES.index("M")])
    e_steps = facts["phase"] == PHASES.index("E")
    assert e_steps.sum() == 3
    np.testing.assert_allclose(facts["bound"][e_steps], facts["likelihood"][e_steps], rtol=1e-12)
    assert (facts["bound"][done & ~e_steps] < facts["likelihood"][done & ~e_steps]).all()
