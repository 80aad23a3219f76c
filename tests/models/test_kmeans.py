"""k-means: against the reference, by brute force, and where a cluster runs empty."""

from __future__ import annotations

import json
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

from emstudio.core.data import dataset, frozen, painted
from emstudio.core.em import advance, begin, blank
from emstudio.core.errors import UserError
from emstudio.core.model import Start
from emstudio.core.runs import multi_start, run
from emstudio.core.stopping import Stopping
from emstudio.models.kmeans import KMeans, KMeansParams
from emstudio.models.kmeans_views import borders

REFERENCE = json.loads((Path(__file__).resolve().parents[1] / "references" / "kmeans" / "faithful_K2.json").read_text())


def given(x, centers, **more):
    data = dataset(painted(np.asarray(x, float), [f"x{j}" for j in range(np.shape(x)[1])]))
    start = Start("params", params=KMeansParams(np.asarray(centers, float)))
    return blank(data, KMeans(k=len(centers)), start, 0, **more)


def test_every_iteration_agrees_with_the_reference():
    from emstudio import tables

    table = tables.read("dataset:old-faithful")
    data = dataset(table, ["eruptions", "waiting"])
    states = REFERENCE["trajectory"]
    start = Start("params", params=KMeansParams(np.array(states[0]["centers"])))
    m = begin(blank(data, KMeans(k=2), start, 0))
    for state in states:
        np.testing.assert_allclose(m.snapshot.params.centers, state["centers"], rtol=1e-13)
        assert m.snapshot.cost == pytest.approx(state["inertia"], rel=1e-13)
        m = advance(m)
        assert "".join(str(k) for k in m.snapshot.resp.argmax(1)) == state["labels"]
        m = advance(m)


def test_the_best_of_many_starts_is_the_best_of_all_partitions():
    x = np.random.default_rng(1).normal(size=(8, 2))
    data = dataset(painted(x))

    def inertia(labels: np.ndarray) -> float:
        return sum(((x[labels == k] - x[labels == k].mean(0)) ** 2).sum() for k in set(labels))

    best = min(inertia(np.array(labels)) for labels in product(range(3), repeat=8) if len(set(labels)) == 3)
    tally = multi_start(data, KMeans(k=3), Start("points"), 0, 40, Stopping())
    assert tally.best.cost == pytest.approx(best, rel=1e-12)
    assert tally.optima()[0].cost == tally.best.cost
    assert sum(o.starts for o in tally.optima()) == 40


def test_the_inertia_never_rises_and_there_is_no_likelihood():
    data = dataset(painted(np.random.default_rng(2).normal(size=(300, 3)), ["a", "b", "c"]))
    for method in KMeans.starts:
        if method == "hierarchical":
            continue
        m = begin(blank(data, KMeans(k=6), Start(method), 4))
        costs = []
        for _ in range(40):
            costs.append(m.snapshot.cost)
            assert m.snapshot.log_likelihood is None and m.snapshot.bound is None and m.objective == -costs[-1]
            m = advance(m)
        assert all(b <= a * (1 + 1e-14) for a, b in pairwise(costs))


def test_it_converges_when_nothing_changes_any_more():
    done = run(blank(given([[0.0], [1.0], [5.0], [6.0]], [[0.0], [1.0]]).data, KMeans(k=2), Start(), 0), Stopping())
    assert done.converged and done.cost == pytest.approx(1.0)


def test_ties_go_to_the_first_centre():
    m = advance(begin(given([[1.0], [0.0], [2.0]], [[2.0], [0.0]])))
    assert m.snapshot.resp.argmax(1).tolist() == [0, 1, 0]


def test_an_empty_cluster_keeps_its_centre_and_says_so():
    done = run(given([[0.0], [1.0], [2.0]], [[1.0], [50.0]]), Stopping(max_iter=5))
    assert done.params.centers.tolist() == [[1.0], [50.0]]
    (notice,) = done.notices
    assert (notice.code, notice.component, notice.iteration) == ("empty", 1, 1)
    assert done.converged and "Cluster B" in notice.text


def test_a_cluster_of_rows_that_weigh_nothing_is_empty():
    moment = given([[0.0], [1.0], [9.0]], [[0.0], [9.5]])
    object.__setattr__(moment.data, "weights", frozen(np.array([1.0, 1.0, 0.0])))
    done = run(moment, Stopping(max_iter=3))
    assert done.params.centers.tolist() == [[0.5], [9.5]] and done.cost == 0.5
    assert [n.code for n in done.notices] == ["empty"]


def test_far_from_zero_nothing_is_lost():
    x = np.array([[0.0], [1.0], [4.0], [5.0], [6.0]])
    near = run(given(x, [[0.0], [4.0]]), Stopping())
    far = run(given(x + 2.0**40, [[2.0**40], [2.0**40 + 4.0]]), Stopping())
    assert far.cost == near.cost
    assert (far.params.centers - 2.0**40 == near.params.centers).all()


@pytest.mark.parametrize(
    ("x", "k", "words"),
    [
        ([[1.0]], 2, "only 1 row"),
        ([[1e150], [0.0]], 1, "beyond 1e145"),
        ([[1e-150], [0.0]], 1, "less than 1e-145"),
    ],
)
def test_what_cannot_be_clustered_is_refused_in_a_sentence(x, k, words):
    assert words in KMeans(k=k).accepts(dataset(painted(x, ["x"])))


def test_rows_that_are_all_alike_make_one_cluster_of_no_inertia():
    done = run(given([[3.0], [3.0]], [[3.0]]), Stopping())
    assert done.cost == 0.0 and done.converged


@pytest.mark.parametrize("document", [{}, {"centers": [1.0, 2.0]}, {"centers": [[1.0], ["a"]]}, {"centers": [[True]]}])
def test_wrong_documents_are_refused(document):
    with pytest.raises(UserError):
        KMeans(k=2).from_dict(document)


def test_nothing_can_be_drawn_from_it():
    with pytest.raises(UserError, match="no distribution"):
        KMeans(k=1).sample(KMeansParams(np.zeros((1, 1))), 3, np.random.default_rng(0))


def test_borders_lie_halfway_and_no_third_centre_is_nearer():
    rng = np.random.default_rng(6)
    centers, x = rng.normal(size=(6, 2)), rng.normal(size=(50, 2))
    lines = borders(centers, x)
    assert len(lines) >= 5
    for first, last in lines:
        for t in (0.01, 0.5, 0.99):
            squares = np.sort((((1 - t) * first + t * last - centers) ** 2).sum(1))
            assert squares[1] - squares[0] < 1e-9 < squares[2] - squares[0]
