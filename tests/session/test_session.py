"""The session's commands, without a window: real engine thread, real signals."""

from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QThread

from emstudio import tables
from emstudio.core.data import painted
from emstudio.core.marks import Handle, View
from emstudio.core.model import Start, find
from emstudio.core.stopping import Stopping
from emstudio.session import FASTEST, Session


def blobs(n: int = 120, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal([0, 0], 1, (n // 2, 2)), rng.normal([5, 4], 1, (n - n // 2, 2))])


@pytest.fixture
def session(qtbot):
    made = Session()
    made.said = []
    made.failed.connect(made.said.append)
    made.news.connect(made.said.append)
    made.open_table(painted(blobs()))
    settle(qtbot, made)
    yield made
    made.close()


def settle(qtbot, session: Session) -> None:
    qtbot.waitUntil(lambda: not session.busy and not session.running, timeout=10_000)


def test_opening_starts_at_once(session) -> None:
    assert session.moment.label == "start" and session.moment.next == "E"
    assert session.moment.snapshot.log_likelihood is not None


def test_half_steps_back_and_forth(qtbot, session) -> None:
    seen = []
    session.changed.connect(lambda m: seen.append(m.label))
    session.step()
    settle(qtbot, session)
    session.iterate()
    settle(qtbot, session)
    session.back()
    assert seen[:1] == ["E1"] and seen[-1] == "E1"
    node = session.history.known_step()
    session.step()
    assert session.history.current is node, "a half-step already made is shown, not made again"
    session.first()
    assert session.moment.label == "start"
    session.back()
    assert session.moment.label == "start"
    session.last()
    assert session.moment.label == "M1"


def test_run_ends_where_the_rule_says(qtbot, session) -> None:
    session.set_speed(FASTEST)
    session.run()
    settle(qtbot, session)
    assert session.said[-1].startswith("Converged: remaining gain") and session.said[-1].endswith("below 1e\u22128.")
    assert session.verdict().converged
    session.first()
    session.set_stopping(Stopping(max_iter=2))
    session.run()
    settle(qtbot, session)
    assert session.moment.label == "M2" and "2 iterations" in session.said[-1]


def test_pause_answers_at_once_and_drops_the_reply(qtbot, session) -> None:
    session.run()
    assert session.running and session.busy
    session.pause()
    assert not session.running and not session.busy
    label = session.moment.label
    with qtbot.assertNotEmitted(session.changed, wait=30):
        pass
    assert session.moment.label == label


def test_points_added_while_the_run_is_on_are_not_lost(qtbot, session) -> None:
    session.set_stopping(Stopping(tol=0.0, max_iter=10_000))
    session.set_speed(FASTEST)
    session.run()
    for i in range(20):
        with qtbot.waitSignal(session.changed):
            session.add_points((0, 1), [[2.0 + 0.1 * i, 2.0]])
        assert session.running
    session.pause()
    assert session.data.n == 140
    assert session.data.x[-1].tolist() == pytest.approx([3.9, 2.0])
    for n in range(140, 120, -1):
        assert session.data.n == n
        session.undo()
    assert session.data.n == 120


def test_new_points_have_no_colour_before_an_e_step(qtbot, session) -> None:
    session.iterate()
    settle(qtbot, session)
    before = session.moment.snapshot.log_likelihood
    session.add_points((0, 1), [[2.0, 2.0]])
    resp = session.moment.snapshot.resp
    assert np.isnan(resp[-1]).all() and not np.isnan(resp[:-1]).any()
    settle(qtbot, session)
    assert session.moment.next == "E" and session.moment.snapshot.log_likelihood < before


def test_a_drag_is_one_edit_and_the_run_goes_on_from_there(qtbot, session) -> None:
    session.iterate()
    settle(qtbot, session)
    old = session.history.current
    view = View("scatter", (0, 1))
    session.begin_gesture()
    for x in np.linspace(0, 3, 10):
        session.drag(Handle("mean", 0), view, (x, 1.0))
    session.end_gesture()
    settle(qtbot, session)
    assert session.moment.snapshot.params.means[0].tolist() == [3.0, 1.0]
    s = session.moment.snapshot
    assert s.bound is not None and s.bound <= s.log_likelihood
    session.step()
    settle(qtbot, session)
    assert session.moment.label == "E2"
    session.undo()
    assert session.history.current is old


def test_steps_asked_for_while_one_is_made_follow_it(qtbot, session) -> None:
    for _ in range(3):
        session.step()
    settle(qtbot, session)
    qtbot.waitUntil(lambda: session.moment.label == "E2")
    session.iterate()
    session.iterate()
    settle(qtbot, session)
    assert session.moment.label == "M3"


def test_a_key_that_is_held_is_not_starved_and_does_not_run_on(qtbot, session) -> None:
    """More half-steps are asked for than the engine can make: they are made at its pace, and end with the key."""
    made = []
    session.changed.connect(lambda m: made.append(m.label))

    def held() -> bool:
        for _ in range(10):
            session.step()
        return len(made) >= 6

    qtbot.waitUntil(held)
    last = len(made)
    settle(qtbot, session)
    assert len(made) <= last + 4
    session.step()
    session.step()
    session.pause()
    label = session.moment.label
    settle(qtbot, session)
    assert session.moment.label == label


def test_a_stroke_is_kept_once_however_many_points_it_adds(qtbot, session) -> None:
    session.iterate()
    settle(qtbot, session)
    before, nodes = session.history.current, len(session.history.nodes)
    session.begin_gesture()
    for i in range(50):
        session.add_points((0, 1), [[2.0, 0.1 * i]])
        if i % 10 == 0:
            settle(qtbot, session)
    session.end_gesture()
    assert session.data.n == 170 and len(session.history.nodes) == nodes + 1
    session.add_points((0, 1), [[3.0, 3.0]])
    session.undo()
    assert session.data.n == 170
    session.undo()
    assert session.history.current is before
    settle(qtbot, session)
    session.redo()
    assert session.data.n == 170
    settle(qtbot, session)
    assert np.isfinite(session.moment.snapshot.log_likelihood)


def test_data_that_are_no_longer_shown_keep_nothing_derived(qtbot, session) -> None:
    session.iterate()
    settle(qtbot, session)
    old, likelihood = session.data, session.moment.snapshot.log_likelihood
    assert any(isinstance(v, np.ndarray) for v in old._memo.values())
    session.add_points((0, 1), [[2.0, 2.0]])
    settle(qtbot, session)
    assert all(v is None or isinstance(v, str) for v in old._memo.values())
    session.undo()
    assert session.data is old and session.moment.snapshot.log_likelihood == likelihood
    session.iterate()
    settle(qtbot, session)
    assert session.moment.label == "M2" and session.moment.snapshot.log_likelihood > likelihood


def test_a_drag_during_a_run_cannot_starve_it(qtbot, session) -> None:
    session.set_stopping(Stopping(tol=0.0, max_iter=10_000))
    session.set_speed(FASTEST)
    session.run()
    session.begin_gesture()
    made = []
    session.changed.connect(lambda m: made.append(m.snapshot.phase))
    target = (9.0, 9.0)

    def dragged_on() -> bool:
        session.drag(Handle("mean", 1), View("scatter", (0, 1)), target)
        return made.count("E") > 5

    qtbot.waitUntil(dragged_on, timeout=5000)
    session.end_gesture()
    assert session.running
    session.pause()


def test_dragging_in_mid_air_of_a_running_half_step_is_applied_to_what_it_brings(qtbot, session) -> None:
    session.set_speed(FASTEST)
    session.run()
    session.begin_gesture()
    session.drag(Handle("mean", 0), View("scatter", (0, 1)), (7.0, 7.0))
    with qtbot.waitSignals([session.changed] * 2):
        pass
    edits = [n for n in session.history.nodes if n.cause == "edit"]
    assert edits and edits[0].moment.snapshot.params.means[0].tolist() == [7.0, 7.0]
    session.end_gesture()
    session.pause()


def test_undo_of_a_model_change(qtbot, session) -> None:
    session.iterate()
    settle(qtbot, session)
    session.set_parameter(k=4)
    settle(qtbot, session)
    assert session.model.k == 4 and session.moment.label == "start"
    session.undo()
    assert session.model.k == 2 and session.moment.label == "M1"
    session.redo()
    assert session.model.k == 4 and session.moment.label == "start"


def test_same_seed_same_bits_and_new_starts_differ(qtbot, session) -> None:
    session.set_start(Start("points"))
    settle(qtbot, session)
    first = session.moment.snapshot.params.means
    session.new_start()
    settle(qtbot, session)
    second = session.moment.snapshot.params.means
    session.set_seed(5)
    settle(qtbot, session)
    session.set_seed(0)
    settle(qtbot, session)
    assert np.array_equal(session.moment.snapshot.params.means, first)
    session.new_start()
    settle(qtbot, session)
    assert np.array_equal(session.moment.snapshot.params.means, second)
    assert not np.array_equal(first, second)


def test_painting_on_an_empty_canvas_then_start(qtbot, session) -> None:
    session.new()
    assert session.moment.next == "start" and session.data.n == 0
    session.step()
    assert "add points" in session.said[-1].lower()
    for point in blobs(30, seed=4):
        session.add_points((0, 1), [point])
    session.step()
    settle(qtbot, session)
    assert session.moment.label == "start" and session.data.n == 30
    for _ in range(30):
        session.undo()
    assert session.data.n == 0
    session.redo()
    assert session.data.n == 1


def test_a_collapse_pauses_and_the_moment_stays_valid(qtbot, session) -> None:
    session.open_table(painted(np.concatenate([blobs(), [[60.0, 60.0]]])))
    settle(qtbot, session)
    session.set_parameter(k=3)
    settle(qtbot, session)
    session.set_speed(FASTEST)
    with qtbot.waitSignal(session.trouble, timeout=10_000) as caught:
        session.run()
    notice = caught.args[0]
    assert notice.code == "collapse" and not session.running
    assert np.isfinite(session.moment.snapshot.log_likelihood)
    session.reseed(notice.component)
    settle(qtbot, session)
    assert session.moment.label == "edit"
    session.step()
    settle(qtbot, session)
    assert session.moment.snapshot.phase == "E"


def test_erasing_and_moving_points(qtbot, session) -> None:
    session.erase(np.array([0, 1, 2]))
    assert session.data.n == 117
    x = session.data.x[5].copy()
    session.move_points(np.array([5]), (0, 1), (1.0, -1.0))
    np.testing.assert_allclose(session.data.x[5], x + np.array([1, -1]))
    session.clear_points()
    assert session.data.n == 0 and session.moment.snapshot.params is None
    session.undo()
    session.undo()
    session.undo()
    assert session.data.n == 120


def test_bad_files_change_nothing(qtbot, session, tmp_path) -> None:
    settle(qtbot, session)
    moment = session.moment
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n3,oops\n")
    for path in (bad, tmp_path / "nowhere.csv"):
        with qtbot.waitSignal(session.failed):
            session.open(str(path))
    assert session.moment is moment and len(session.said) == 2


def gate(tmp_path, name: str = "slow.csv") -> str:
    """A small file that `held_reader` holds back."""
    path = tmp_path / name
    path.write_text("a,b\n1,2\n3,4\n5,7\n6,1\n8,8\n")
    return str(path)


@pytest.fixture
def held_reader(monkeypatch):
    """Reading waits until the event is set."""
    may = threading.Event()
    real = tables.read

    def read(source, **options):
        if "slow" in source:
            assert may.wait(20)
        return real(source, **options)

    monkeypatch.setattr(tables, "read", read)
    yield may
    may.set()


def test_the_run_goes_on_while_a_file_is_read(qtbot, session, tmp_path, held_reader) -> None:
    settle(qtbot, session)
    heard = []
    session.reading_changed.connect(heard.append)
    session.open(gate(tmp_path))
    assert session.reading == "slow.csv" and session.busy
    session.step()
    qtbot.waitUntil(lambda: session.moment.label == "E1")
    held_reader.set()
    with qtbot.waitSignal(session.opened) as caught:
        pass
    assert caught.args == [str(tmp_path / "slow.csv")] and session.data.n == 5
    assert heard == ["slow.csv", ""] and not session.reading


def test_a_reading_is_given_up_for_another(qtbot, session, tmp_path, held_reader) -> None:
    opened = []
    session.opened.connect(opened.append)
    session.open(gate(tmp_path))
    with qtbot.waitSignal(session.opened):
        session.open("dataset:galaxies")
    held_reader.set()
    session.paste("u\tv\n1\t2\n3\t5\n4\t4\n")
    qtbot.waitUntil(lambda: len(opened) == 2)
    settle(qtbot, session)
    assert opened == ["dataset:galaxies", ""] and session.data.names == ("u", "v")


@pytest.mark.parametrize("what", ["cancel", "new"])
def test_a_reading_is_cancelled(qtbot, session, tmp_path, held_reader, what) -> None:
    opened = []
    session.opened.connect(opened.append)
    session.open(gate(tmp_path))
    session.cancel_reading() if what == "cancel" else session.new()
    assert not session.reading
    held_reader.set()
    with qtbot.waitSignal(session.opened):
        session.open("dataset:galaxies")
    assert opened == ["dataset:galaxies"]


def test_closing_while_a_file_is_read_joins_its_thread(qtbot, tmp_path, held_reader) -> None:
    session = Session()
    session.open(gate(tmp_path))
    threads = session.findChildren(QThread)
    held_reader.set()
    session.close()
    assert len(threads) == 2 and all(t.isFinished() for t in threads)


def test_more_components_than_rows_is_said_and_undone_by_choosing_fewer(qtbot, session) -> None:
    session.open_table(painted([[0.0, 0.0], [1.0, 1.0], [2.0, 0.5]]))
    session.set_parameter(k=7)
    assert session.obstacle.startswith("There are only 3 rows for 7 components")
    assert session.moment.snapshot.params is None
    session.step()
    assert "only 3 rows" in session.said[-1]


def test_closing_during_a_run_joins_the_thread(qtbot) -> None:
    session = Session()
    session.open_table(painted(blobs(2000)))
    session.set_speed(FASTEST)
    qtbot.waitUntil(lambda: not session.busy)
    session.run()
    session.close()
    assert session._engine._thread.isFinished()


def test_ten_thousand_half_steps(qtbot, session) -> None:
    session.set_stopping(Stopping(tol=0.0, max_iter=5000))
    session.set_speed(FASTEST)
    count = []
    session.changed.connect(lambda m: count.append(1))
    session.run()
    qtbot.waitUntil(lambda: not session.running, timeout=60_000)
    assert len(count) == 10_000 and session.moment.snapshot.t == 5000


def test_single_flips_begin_off_the_ridge_which_free_mixing_reaches_in_one_step(qtbot, session) -> None:
    def ridge() -> float:
        return float(session.moment.snapshot.params.weights @ session.moment.snapshot.params.biases)

    session.open("dataset:single-flips")
    settle(qtbot, session)
    assert session.start.given and ridge() == pytest.approx(0.75)
    session.iterate()
    settle(qtbot, session)
    assert ridge() == pytest.approx(0.5, abs=1e-14)
    session.set_parameter(mixing="fixed")
    settle(qtbot, session)
    away = []
    for _ in range(4):
        away.append(abs(ridge() - 0.5))
        session.iterate()
        settle(qtbot, session)
    assert away[0] == pytest.approx(0.25) and all(0.01 * a < b < a for a, b in pairwise(away))


def test_what_does_not_fit_a_given_start_any_more_takes_a_drawn_one(qtbot, session) -> None:
    session.open("dataset:single-flips")
    settle(qtbot, session)
    for change in (lambda: session.set_parameter(k=3), session.new_start):
        session.open("dataset:single-flips")
        settle(qtbot, session)
        assert session.start.given
        change()
        settle(qtbot, session)
        assert session.start.method == "points" and session.moment.label == "start"
        session.set_parameter(k=2)
        settle(qtbot, session)
    session.open("dataset:single-flips")
    settle(qtbot, session)
    session.set_parameter(identities="known")
    settle(qtbot, session)
    session.open("dataset:ten-flips")
    settle(qtbot, session)
    assert session.start.method == "kmeans++" and session.model.identities == "hidden"


def test_a_start_that_came_with_other_data_of_another_model_is_no_obstacle(qtbot, session) -> None:
    session.open("dataset:single-flips")  # brings the biases to start from
    settle(qtbot, session)
    session.set_parameter(k=3)
    settle(qtbot, session)
    session.set_model(find("product").make(k=2))
    settle(qtbot, session)
    session.open("dataset:iris")
    settle(qtbot, session)
    assert session.data.table.source == "dataset:iris" and session.moment.snapshot.params is not None
