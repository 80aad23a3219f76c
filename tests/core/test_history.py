from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emstudio.core.data import dataset, painted
from emstudio.core.em import Moment, advance, begin, blank, edited
from emstudio.core.history import History, restore
from emstudio.core.model import Start
from emstudio.models.gaussian import GaussianMixture


def moment(n: int = 40, seed: int = 0) -> Moment:
    x = np.random.default_rng(seed).standard_normal((n, 2))
    return blank(dataset(painted(x)), GaussianMixture(k=2), Start("points"), seed)


def run(history: History, steps: int) -> None:
    for _ in range(steps):
        history.add(advance(history.current.moment), "step")


@pytest.fixture
def history() -> History:
    made = History()
    made.add(moment(), "load", "Open")
    made.add(begin(made.current.moment), "step")
    run(made, 6)
    return made


def labels(nodes) -> list[str]:
    return [n.moment.label for n in nodes]


def test_the_line_begins_at_the_start_and_goes_to_the_end_of_the_branch(history: History) -> None:
    assert labels(history.line()) == ["start", "E1", "M1", "E2", "M2", "E3", "M3"]
    history.go_to(history.line()[2])
    assert labels(history.line()) == ["start", "E1", "M1", "E2", "M2", "E3", "M3"]
    assert history.known_step().moment.label == "E2"


def test_an_edit_branches_and_undo_comes_back_to_before_it(history: History) -> None:
    before = history.line()[3]
    history.go_to(before)
    p = before.moment.snapshot.params
    history.add(edited(before.moment, params=p._replace(means=p.means + 1)), "edit", "Move mean")
    run(history, 4)
    assert labels(history.line()) == ["start", "E1", "M1", "E2", "edit", "E2", "M2", "E3", "M3"]
    assert history.undo_target() is before and history.undo_title() == "Move mean"
    history.go_to(before)
    assert history.redo_target().cause == "edit" and history.redo_title() == "Move mean"
    assert len(history.nodes) == 2 + 6 + 5, "the old future stays"


def test_edits_of_one_gesture_are_one_undo_even_with_steps_between(history: History) -> None:
    before = history.current
    for _ in range(3):
        p = history.current.moment.snapshot.params
        history.add(
            edited(history.current.moment, params=p._replace(means=p.means + 1)), "edit", "Move mean", gesture=7
        )
        run(history, 1)
    assert history.undo_target() is before
    history.go_to(before)
    assert history.redo_target().gesture == 7 and history.redo_target().children[-1].cause == "step"


def test_likelihoods_of_different_data_are_never_joined(history: History) -> None:
    m = history.current.moment
    history.add(edited(m, data=dataset(painted(m.data.x[:-1]))), "edit", "Erase")
    run(history, 2)
    assert labels(history.segment()) == ["edit", "E4", "M4"]
    assert not history.segment()[0].joined
    assert labels(history.line())[:2] == ["start", "E1"]


def test_undo_at_the_first_load_has_nowhere_to_go(history: History) -> None:
    assert history.undo_target() is None and history.undo_title() == ""
    assert history.redo_target() is None


def test_beyond_the_budget_responsibilities_are_let_go_and_made_again_bit_for_bit() -> None:
    history = History(budget=20 * 40 * 2 * 8)
    history.add(begin(moment()), "load")
    kept = {}
    for _ in range(200):
        run(history, 1)
        kept[history.current.index] = history.current.moment.snapshot.resp.copy()
    gone = [n for n in history.nodes if history.forgotten(n)]
    assert len(gone) > 100
    for node in gone[::17]:
        again = restore(node.path())
        assert np.array_equal(again.snapshot.resp, kept[node.index])
        assert again.snapshot.log_likelihood == node.moment.snapshot.log_likelihood
    held = {id(n.moment.snapshot.posterior.resp) for n in history.nodes[1:] if not history.forgotten(n)}
    assert len(held) <= 60


def test_what_a_floor_takes_off_is_still_known_where_responsibilities_were_let_go() -> None:
    history = History(budget=5 * 40 * 2 * 8)
    history.add(begin(replace(moment(), model=GaussianMixture(k=2, floor=0.1))), "load")
    objectives = []
    for _ in range(20):
        run(history, 1)
        objectives.append((history.current.moment.objective, history.current.moment.bound))
    assert history.forgotten(history.nodes[1])
    assert [(n.moment.objective, n.moment.bound) for n in history.nodes[1:]] == objectives
    assert all(o != n.moment.snapshot.log_likelihood for (o, _), n in zip(objectives, history.nodes[1:], strict=True))


def test_the_paths_of_sampled_e_steps_are_let_go_too_and_drawn_again() -> None:
    from emstudio.core.how import EStep
    from emstudio.models.noisy_switch import NoisySwitch

    x = np.random.default_rng(0).normal(0.5, 0.7, (50, 1))
    data, how = dataset(painted(x, ["x"])), EStep("gibbs", draws=30, sweeps=10)
    history = History(budget=60_000)
    history.add(blank(data, NoisySwitch(), Start("kmeans++"), 0, how=how), "load", "Open")
    history.add(begin(history.current.moment), "step")
    run(history, 1)
    first = history.current
    drawn = first.moment.snapshot.posterior
    assert drawn.nbytes > drawn.paths.nbytes + drawn.trace.nbytes
    run(history, 20)
    left = first.moment.snapshot.posterior
    assert history.forgotten(first) and left.paths is None and left.trace is None and left.nbytes == 0
    again = restore(first.path()).snapshot.posterior
    assert np.array_equal(again.paths, drawn.paths) and np.array_equal(again.trace, drawn.trace)
