"""Several starts a pull at a time: the runs and the optima of `multi_start`, however long a pull is."""

from __future__ import annotations

import numpy as np
import pytest

import emstudio.models  # noqa: F401
from emstudio import tables
from emstudio.core.data import dataset, painted
from emstudio.core.how import EStep
from emstudio.core.matching import fit_of
from emstudio.core.model import Start, find
from emstudio.core.runs import multi_start
from emstudio.core.search import Question, asked, pull, shown
from emstudio.core.stopping import Stopping


def searched(question, seconds=0.02):
    search, pulls = asked(question), 0
    while not search.done:
        search = pull(search, seconds)
        pulls += 1
    return search, pulls


def optima(tally):
    return [(o.log_likelihood if o.cost is None else o.cost, o.starts, o.spurious) for o in tally.optima()]


CASES = [
    ("galaxies", "gaussian", {"k": 3}, "points", EStep(), False),
    ("galaxies", "gaussian", {"k": 4}, "kmeans++", EStep(), False),
    ("old-faithful", "gaussian", {"k": 3}, "responsibilities", EStep(), True),
    ("old-faithful", "gaussian", {"k": 2}, "hierarchical", EStep(), False),
    ("old-faithful", "kmeans", {"k": 3}, "points", EStep("hard"), False),
    ("galaxies", "gaussian", {"k": 3}, "points", EStep("stochastic"), False),
]


@pytest.mark.parametrize(("name", "kind", "values", "start", "how", "accelerate"), CASES)
def test_the_optima_are_those_of_the_command_line(name, kind, values, start, how, accelerate):
    model = find(kind).make(**values)
    data = model.dataset(tables.read(f"dataset:{name}"))
    stopping = Stopping(max_iter=300)
    tally = multi_start(data, model, Start(start), 1, 12, stopping, how=how, accelerate=accelerate)
    question = Question(data, model, Start(start), 1, 12, stopping, how=how, accelerate=accelerate)
    search, _ = searched(question)
    assert [(f.figure, f.starts, f.spurious) for f in search.table] == optima(tally)
    assert (search.number, search.collapsed, len(search.figures)) == (12, tally.collapsed, 12)
    assert sum(f is None for f in search.figures) == tally.collapsed


def test_a_pull_is_bounded_and_pure():
    model = find("gaussian").make(k=3)
    data = model.dataset(tables.read("dataset:galaxies"))
    question = Question(data, model, Start("points"), 0, 3, Stopping())
    first = asked(question)
    one, same = pull(first, 0.0), pull(first, 0.0)
    assert first.number == 0 and first.course is None
    assert one.number == 0 and one.course is not None and one.course.moment.snapshot.t == 0
    assert np.array_equal(one.course.moment.snapshot.params.means, same.course.moment.snapshot.params.means)
    assert pull(one, 0.0).course.moment.snapshot.t == 1
    short, pulls = searched(question, 0.0)
    long, few = searched(question, 60.0)
    assert few == 1 and pulls == sum(e.iterations for e in short.ends) + 3
    assert [f.figure for f in short.table] == [f.figure for f in long.table]


def test_the_galaxies_from_random_points():
    model = find("gaussian").make(k=3)
    data = model.dataset(tables.read("dataset:galaxies"))
    search, _ = searched(Question(data, model, Start("points"), 0, 100, Stopping()))
    sound = [f for f in search.table if not f.spurious]
    assert round(sound[0].figure, 6) == -769.917913 and sound[0].starts == 41
    assert all(f.spurious for f in search.table if f.figure > sound[0].figure + 1e-3)


def test_higher_optima_on_a_handful_of_rows_are_named():
    model = find("gaussian").make(k=6)
    data = model.dataset(tables.read("dataset:galaxies"))
    search, _ = searched(Question(data, model, Start("points"), 0, 6, Stopping(max_iter=400)))
    best = search.table[0]
    assert best.spurious and best.end.handful
    names = best.end.cast or range(6)
    weights = dict(zip(names, best.end.params.weights))
    for name, rows in best.end.handful:
        assert rows < 5 and weights[name] * data.n == pytest.approx(rows, rel=0.05)


def test_collapsed_starts_are_counted_and_say_why():
    x = np.random.default_rng(0).normal(size=(12, 1)).round(1)
    data = dataset(painted(x, names=("x",)))
    model = find("gaussian").make(k=3)
    search, _ = searched(Question(data, model, Start("points"), 0, 20, Stopping()))
    assert 0 < search.collapsed < 20 and search.trouble.code in ("collapse", "empty")
    assert sum(f.starts for f in search.table) == 20 - search.collapsed
    alone = dataset(painted([[0.0, 0.0], [1.0, 2.0], [2.0, 1.0], [9.0, 9.0]]))
    start = Start("labels", labels=np.array([0, 0, 0, 1]))
    none, _ = searched(Question(alone, find("gaussian").make(k=2), start, 0, 2, Stopping()))
    assert none.collapsed == 2 and none.table == () and none.trouble is not None


def test_every_optimum_is_shown_with_the_components_in_one_order():
    model = find("gaussian").make(k=3)
    data = model.dataset(tables.read("dataset:iris"))
    search, _ = searched(Question(data, model, Start("kmeans++"), 0, 20, Stopping()))
    first = fit_of(shown(search.question, search.ends[0]))
    for end in search.ends:
        other = fit_of(shown(search.question, end))
        shared = first.resp.T @ other.resp
        assert np.trace(shared) >= max(np.trace(shared[:, list(o)]) for o in ((1, 0, 2), (2, 1, 0), (0, 2, 1)))


def test_the_time_left_is_told_from_what_was_done():
    model = find("gaussian").make(k=2)
    data = model.dataset(tables.read("dataset:old-faithful"))
    search = asked(Question(data, model, Start(), 0, 4, Stopping()))
    assert search.left() is None
    while search.number < 1:
        search = pull(search, 0.0)
    assert search.left() == pytest.approx(3 * search.seconds)
