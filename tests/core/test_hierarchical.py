"""The agglomerative start: Ward's merges beside scipy's, and groups that depend on the rows alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from emstudio.core import hierarchical
from emstudio.core.data import dataset, frozen, painted
from emstudio.core.em import begin, blank
from emstudio.core.errors import UserError
from emstudio.core.model import REGISTRY, Start
from emstudio.core.runs import multi_start, run
from emstudio.core.selection import adjusted_rand
from emstudio.core.stopping import Stopping
from emstudio.models.gaussian import GaussianMixture
from emstudio.models.student_t import StudentMixture


def data_of(x: np.ndarray):
    return dataset(painted(x, [f"x{j}" for j in range(x.shape[1])]))


def blobs(n: int, d: int = 2, k: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.integers(k, size=n)
    corners = 10.0 * np.array(np.unravel_index(np.arange(k), (3,) * d)).T + rng.standard_normal((k, d))
    return corners[z] + rng.standard_normal((n, d)), z


@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_ward_merges_as_scipy_does(seed: int, n: int, d: int) -> None:
    x = np.random.default_rng(seed).standard_normal((n, d))
    theirs = linkage(x, "ward")
    ours = hierarchical.ward(x, np.ones(n))
    np.testing.assert_allclose([cost for cost, _, _ in ours], theirs[:, 2] ** 2 / 2, rtol=1e-8, atol=1e-12)
    for k in {1, 2, min(5, n), n}:
        a = hierarchical._cut(ours, n, k)
        b = fcluster(theirs, k, "maxclust")
        assert adjusted_rand(a, b.astype(int)) == pytest.approx(1.0)


def labels(data, k: int) -> np.ndarray:
    groups = hierarchical.groups(data, k)
    assert set(np.unique(groups)) <= {0.0, 1.0} and (groups.sum(1) == 1).all()
    return groups.argmax(1)


def test_groups_are_the_clusters_and_the_same_each_time() -> None:
    x, z = blobs(300)
    found = labels(data_of(x), 4)
    assert adjusted_rand(found, z) > 0.98
    assert np.array_equal(found, labels(data_of(x), 4))
    assert found[0] == 0 and list(np.unique(found)) == [0, 1, 2, 3]


def test_long_clusters_that_spheres_would_cut_are_kept_whole() -> None:
    rng = np.random.default_rng(1)
    z = np.repeat([0, 1], 150)
    x = np.column_stack([rng.uniform(-10, 10, 300), rng.normal(0, 0.2, 300) + 1.5 * z])
    assert adjusted_rand(labels(data_of(x), 2), z) == 1.0


def test_rows_in_another_order_and_repeated_rows_give_the_same_groups() -> None:
    x, _ = blobs(120, 3)
    found = labels(data_of(x), 3)
    order = np.random.default_rng(0).permutation(len(x))
    assert adjusted_rand(labels(data_of(x[order]), 3), found[order]) == 1.0
    w = np.random.default_rng(1).integers(0, 4, len(x))
    weighted = hierarchical.groups(replace(data_of(x), weights=frozen(w.astype(float))), 3)
    assert (weighted.sum(1) == (w > 0)).all()
    repeated = labels(data_of(np.repeat(x, w, axis=0)), 3)
    assert adjusted_rand(repeated, np.repeat(weighted.argmax(1), w)) == 1.0


def test_of_many_rows_a_sample_is_merged() -> None:
    x, z = blobs(9000)
    data = data_of(x)
    groups = hierarchical.groups(data, 4)
    sampled = groups.sum(1) == 1
    assert sampled.sum() == hierarchical.MOST
    assert adjusted_rand(groups[sampled].argmax(1), z[sampled]) > 0.98
    assert np.array_equal(groups, hierarchical.groups(data_of(x), 4))
    best = run(blank(data, GaussianMixture(k=4), Start("hierarchical"), 0), Stopping())
    truth = run(blank(data, GaussianMixture(k=4), Start("labels", labels=z), 0), Stopping())
    assert best.log_likelihood == pytest.approx(truth.log_likelihood, rel=1e-8)


def test_fewer_different_rows_than_components_are_refused() -> None:
    with pytest.raises(UserError, match="only 2 different rows"):
        hierarchical.groups(data_of(np.repeat([[0.0, 1.0], [2.0, 3.0]], 5, axis=0)), 3)


@pytest.mark.parametrize("model", [GaussianMixture(k=3), StudentMixture(k=3), GaussianMixture(k=3, noise=True)])
def test_the_start_does_not_depend_on_the_seed(model) -> None:
    data = data_of(blobs(150)[0])
    a, b = (begin(blank(data, model, Start("hierarchical"), seed)).snapshot.params for seed in (0, 9))
    for u, v in zip(a, b):
        assert np.array_equal(u, v)


def test_several_starts_are_one_and_are_counted() -> None:
    data = data_of(blobs(150)[0])
    tally = multi_start(data, GaussianMixture(k=3), Start("hierarchical"), 0, 10, Stopping())
    assert tally.finished == 10 and [o.starts for o in tally.optima()] == [10]


def test_models_offer_it_where_they_know_it() -> None:
    assert {n for n, cls in REGISTRY.items() if "hierarchical" in cls().starts} >= {"gaussian", "student-t"}
