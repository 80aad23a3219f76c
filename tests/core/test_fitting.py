"""A fit in one call and the pieces of scripts: the same as the long way, and refusals in one sentence."""

from __future__ import annotations

import numpy as np
import pytest

import emstudio.models  # noqa: F401  (fills the registry)
from emstudio.core.data import dataset, painted
from emstudio.core.em import advance, begin, blank
from emstudio.core.errors import UserError
from emstudio.core.fitting import fit, from_labels, from_params, moment_at, reordered, tabulated
from emstudio.core.model import Start, find
from emstudio.core.runs import multi_start
from emstudio.core.stopping import Stopping


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (60, 2)), rng.normal(4, 2, (40, 2))])
    return dataset(painted(x))


def test_a_fit_is_what_several_starts_make(data) -> None:
    model = find("gaussian").make(k=3)
    found = fit(data, model, "points", starts=4, seed=2, stopping=Stopping(tol=1e-6))
    same = multi_start(data, model, Start("points"), 2, 4, Stopping(tol=1e-6))
    assert found.best.log_likelihood == same.best.log_likelihood
    assert [o.starts for o in found.optima()] == [o.starts for o in same.optima()]


def test_a_model_keeps_its_own_e_step(data) -> None:
    assert fit(data, find("kmeans").make(k=2)).best.moment.how.kind == find("kmeans").e_steps[0]


def test_what_cannot_be_fitted_is_refused(data) -> None:
    with pytest.raises(UserError, match="count"):
        fit(data, find("poisson").make(k=2))
    few = dataset(painted([(0.0, 1.0), (1.0, 0.0)]))
    with pytest.raises(UserError, match="2 rows"):
        fit(few, find("gaussian").make(k=3))


def test_given_starts(data) -> None:
    model = find("gaussian").make(k=2)
    labels = [0] * 60 + [1] * 40
    best = fit(data, model, from_labels(labels), stopping=Stopping(tol=0.0, max_iter=0)).best
    assert best.params.means == pytest.approx(np.stack([data.x[:60].mean(0), data.x[60:].mean(0)]))
    again = fit(data, model, from_params(data, model, model.to_dict(best.params)), stopping=Stopping(max_iter=0)).best
    assert all(np.array_equal(a, b) for a, b in zip(best.params, again.params))
    with pytest.raises(UserError, match="weights"):
        from_params(data, model, {**model.to_dict(best.params), "weights": [0.5, 0.6]})


def test_half_steps_go_on_from_given_parameters(data) -> None:
    model = find("gaussian").make(k=2)
    moment = begin(blank(data, model, Start("points"), 3))
    for _ in range(4):
        moment = advance(moment)
    placed = moment_at(data, model, model.to_dict(moment.snapshot.params), t=2, seed=3)
    assert placed.label == "edit" and placed.snapshot.log_likelihood == moment.snapshot.log_likelihood
    a, b = advance(advance(moment)), advance(advance(placed))
    assert a.label == b.label == "M3" and np.array_equal(a.snapshot.params.means, b.snapshot.params.means)


def test_another_order_is_the_same_mixture(data) -> None:
    moment = begin(blank(data, find("gaussian").make(k=3), Start("points"), 0))
    turned = reordered(moment, [2, 0, 1])
    assert np.array_equal(turned.snapshot.params.means, moment.snapshot.params.means[[2, 0, 1]])
    assert turned.snapshot.log_likelihood == pytest.approx(moment.snapshot.log_likelihood, rel=1e-13)
    assert turned.label == "start"
    np.testing.assert_allclose(turned.ahead.resp, moment.ahead.resp[:, [2, 0, 1]], rtol=1e-12)


def test_a_table_from_lists() -> None:
    table = tabulated(
        {"x": [1, 2.5, float("nan")], "n": [1, 2, 3], "who": ["b", None, "a"], "coin": ["HT", "TT", None]},
        name="Mine",
        kinds={"n": "count", "coin": "tosses"},
        levels={"who": ["b", "c", "a"]},
    )
    assert [c.kind for c in table.columns] == ["number", "count", "category", "tosses"]
    assert table.column("who").levels == ("b", "c", "a") and table.column("who").values.tolist() == [0, -1, 2]
    assert table.column("coin").levels == ("HT", "TT") and table.column("coin").missing.tolist() == [False, False, True]
    assert table.name == "Mine" and np.isnan(table.column("x").values[2]) and not table.sha256
