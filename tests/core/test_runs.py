"""Runs to their end and several starts, through the functions that the command line and the window call."""

from __future__ import annotations

import numpy as np
import pytest

import emstudio.models  # noqa: F401
from emstudio import tables
from emstudio.core.data import Dataset, dataset, painted
from emstudio.core.em import blank
from emstudio.core.errors import Degenerate, UserError
from emstudio.core.model import Start, find
from emstudio.core.runs import matched, multi_start, run
from emstudio.core.stopping import Stopping
from emstudio.models.gaussian import GaussianParams


def blobs(n: int = 60, seed: int = 0, at: tuple[float, ...] = (0.0, 6.0)) -> Dataset:
    rng = np.random.default_rng(seed)
    centre = np.array(at)[np.arange(n) % len(at), None]
    return dataset(painted(rng.normal(size=(n, 2)) + centre))


def collapsing() -> tuple[Dataset, Start]:
    x = [[-3.0], [-2.1], [-1.0], [0.0], [0.9], [2.2], [3.1], [4.0]]
    params = GaussianParams(np.array([0.5, 0.5]), np.array([[0.9], [0.0]]), np.array([[[1e-4]], [[4.0]]]))
    return dataset(painted(x, names=("x",))), Start("params", params=params)


GAUSSIAN = find("gaussian").make(k=2)


def test_a_run_is_its_trace():
    ended = run(blank(blobs(), GAUSSIAN, Start(), 0), Stopping(), keep_params=True)
    assert ended.converged and ended.stop == "tolerance"
    assert [e.iteration for e in ended.trace] == list(range(ended.iterations + 1))
    last = ended.trace[-1]
    assert last.log_likelihood == ended.log_likelihood
    assert all(np.array_equal(a, b) for a, b in zip(last.params, ended.params))
    assert ended.trace[0].bound is None
    for before, entry in zip(ended.trace, ended.trace[1:]):
        slack = 1e-12 * abs(entry.log_likelihood)
        assert before.log_likelihood - slack <= entry.bound <= entry.log_likelihood + slack


def test_tolerance_zero_does_exactly_the_iterations_asked_for():
    same = dataset(painted(np.repeat([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], 2, axis=0)))
    one = find("gaussian").make(k=1)  # at its fixed point after the start
    for n in (0, 1, 7):
        ended = run(blank(same, one, Start(), 0), Stopping(tol=0.0, max_iter=n))
        assert ended.iterations == n and ended.stop == "max-iter"


def test_an_interrupted_run_keeps_what_was_done():
    ended = run(blank(blobs(), GAUSSIAN, Start(), 0), Stopping(tol=0), watch=lambda m: m.snapshot.t >= 3)
    assert ended.stop == "interrupted" and ended.iterations == 3
    assert ended.log_likelihood == ended.trace[-1].log_likelihood


def test_a_collapse_ends_the_run_at_its_last_sound_iteration():
    data, start = collapsing()
    ended = run(blank(data, GAUSSIAN, start, 0), Stopping())
    assert ended.collapsed and ended.iterations == 0
    assert ended.params is start.params
    (notice,) = ended.notices
    assert (notice.code, notice.component, notice.rows, notice.iteration) == ("collapse", 0, (4,), 1)


def test_a_collapsed_component_starts_anew_when_asked():
    data, start = collapsing()
    ended = run(blank(data, GAUSSIAN, start, 0), Stopping(), "reseed")
    assert ended.converged and np.isfinite(ended.log_likelihood)
    assert ended.notices and all(n.code == "collapse" for n in ended.notices)
    again = run(blank(data, GAUSSIAN, start, 0), Stopping(), "reseed")
    assert again.log_likelihood == ended.log_likelihood


def test_the_best_start_is_kept_and_every_optimum_counted():
    data = blobs(90, at=(0.0, 5.0, 40.0))
    tally = multi_start(data, find("gaussian").make(k=3, covariance="tied"), Start("points"), 3, 12, Stopping())
    optima = tally.optima()
    assert tally.finished == 12
    assert sum(o.starts for o in optima) + tally.collapsed == 12
    assert len(optima) > 1
    logs = [o.log_likelihood for o in optima]
    assert logs == sorted(logs, reverse=True)
    assert tally.best.log_likelihood == logs[0]
    assert tally.best.moment.number == optima[0].number


def test_equal_starts_are_one_optimum_and_the_first_is_kept():
    first = run(blank(blobs(), GAUSSIAN, Start(), 0), Stopping())
    given = Start("params", params=first.params)
    tally = multi_start(blobs(), GAUSSIAN, given, 0, 4, Stopping())
    (optimum,) = tally.optima()
    assert optimum.starts == 4 and optimum.first == 0 and tally.best.moment.number == 0


def test_a_collapsed_start_is_counted_and_never_best():
    x = np.random.default_rng(0).normal(size=(12, 1)).round(1)
    data = dataset(painted(x, names=("x",)))
    tally = multi_start(data, find("gaussian").make(k=3), Start("points"), 0, 20, Stopping())
    assert 0 < tally.collapsed < 20
    assert not tally.best.collapsed
    assert sum(o.starts for o in tally.optima()) == 20 - tally.collapsed


def test_all_starts_collapsed_answers_the_first():
    data, start = collapsing()
    tally = multi_start(data, GAUSSIAN, start, 0, 3, Stopping())
    assert tally.collapsed == 3 and tally.best.collapsed and tally.best.moment.number == 0
    assert tally.optima() == ()


def test_a_start_that_cannot_be_made_is_refused_with_its_cause():
    data = dataset(painted([[0.0, 0.0], [1.0, 2.0], [2.0, 1.0], [9.0, 9.0]]))
    start = Start("labels", labels=np.array([0, 0, 0, 1]))
    with pytest.raises(Degenerate):
        run(blank(data, GAUSSIAN, start, 0), Stopping())
    with pytest.raises(UserError, match="no start could be made: Component B"):
        multi_start(data, GAUSSIAN, start, 0, 1, Stopping())


def test_matching_finds_a_permutation():
    rng = np.random.default_rng(0)
    a = GaussianParams(rng.random(6), rng.normal(size=(6, 3)), rng.normal(size=(6, 3, 3)))
    order = rng.permutation(6)
    b = GaussianParams(*(u[order] + 1e-9 for u in a))
    assert np.array_equal(order[matched(a, b)], np.arange(6))


@pytest.mark.parametrize(("k", "family", "number"), [(3, "E", 0), (4, "E", 9)])
def test_a_run_that_ends_beside_a_saddle_says_so(k, family, number):
    """Random responsibilities start next to where all components are alike; a run that stops there names the twins."""
    table = tables.read("dataset:galaxies")
    data, model = dataset(table, table.info.get("fit")), find("gaussian").make(k=k, covariance=family)
    found = run(blank(data, model, Start("responsibilities"), 0, number), Stopping())
    assert found.converged
    notices = model.notices(data, found.params, found.moment.ahead)
    assert [n.code for n in notices] == ["saddle"] and "identical" in notices[0].text


def test_runs_rarely_stop_far_below_where_they_would_end():
    """The galaxies in four parts pass plateaus: a stop there, nats below the end, is no convergence."""
    table = tables.read("dataset:galaxies")
    data, model = dataset(table, table.info.get("fit")), find("gaussian").make(k=4, covariance="E")
    short = 0
    for number in range(7):
        found = run(blank(data, model, Start("points"), 0, number), Stopping())
        on = run(found.moment, Stopping(tol=0.0, max_iter=found.iterations + 600))
        short += found.converged and on.log_likelihood - found.log_likelihood > 1e-4
    assert short == 0
