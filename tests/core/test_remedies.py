"""Answers to a collapse, the table of optima, and which of them are called spurious."""

from __future__ import annotations

import numpy as np
import pytest

from emstudio import tables
from emstudio.core.data import dataset, painted
from emstudio.core.em import advance, begin, blank
from emstudio.core.errors import UserError
from emstudio.core.model import Start
from emstudio.core.remedies import floored, removed, reseeded
from emstudio.core.runs import multi_start, run
from emstudio.core.stopping import Stopping
from emstudio.models.gaussian import GaussianMixture, GaussianParams
from emstudio.models.student_t import StudentMixture


def spike(d: int = 1):
    """Six rows alike beside nine that spread: a component of its own collapses onto the six."""
    x = np.concatenate([np.zeros(6), np.linspace(50, 64, 9)])
    columns = [x, *[x % 7 + np.arange(15) * (x > 0) for _ in range(d - 1)]]
    return dataset(painted(np.stack(columns, axis=1), [f"x{j}" for j in range(d)]))


@pytest.mark.parametrize("model", [GaussianMixture(), StudentMixture(dof=5.0)])
@pytest.mark.parametrize("answer", ["floor", "remove"])
def test_a_collapse_is_answered_and_the_run_goes_on(model, answer) -> None:
    stopped = run(blank(spike(), model, Start("points"), 0), Stopping())
    assert stopped.collapsed and [n.code for n in stopped.notices] == ["collapse"]
    found = run(blank(spike(), model, Start("points"), 0), Stopping(), answer, keep_params=True)
    assert found.converged and found.notices[0].code == "collapse"
    used = found.moment.model
    if answer == "floor":
        assert 0 < used.floor < 1e-2 * spike().x.var()
        assert (found.params.covariances[:, 0, 0] >= 0.9 * used.floor).all()
        assert "floor" in found.notices[0].text
    else:
        assert used.k == 1 and len(found.params.weights) == 1 and found.params.weights[0] == 1.0
        assert "removed" in found.notices[0].text
    assert [e.iteration for e in found.trace] == list(range(len(found.trace)))


def test_a_floor_is_raised_until_it_holds() -> None:
    x = np.concatenate([np.zeros((6, 1)), np.linspace(50, 64, 9)[:, None]])
    data = dataset(painted(np.column_stack([x * 1e9, np.linspace(0, 1, 15) ** 2]), ["a", "b"]))
    found = run(blank(data, GaussianMixture(covariance="VVI"), Start("points"), 1), Stopping(), "floor")
    assert found.converged and len(found.notices) > 1
    assert [n.code for n in found.notices] == ["collapse"] * len(found.notices)


def test_the_last_component_is_not_removed() -> None:
    m = begin(blank(spike(), GaussianMixture(k=1), Start(), 0))
    with pytest.raises(UserError, match="last component"):
        removed(m, 0)


def test_remedies_are_pure_and_the_others_stay() -> None:
    m = advance(begin(blank(spike(2), GaussianMixture(k=3, covariance="VII", floor=0.1), Start(), 0)))
    less = removed(m, 1)
    assert less.model.k == 2 and m.model.k == 3 and less.snapshot.posterior is None
    np.testing.assert_array_equal(less.snapshot.params.means, m.snapshot.params.means[[0, 2]])
    left = m.snapshot.params.weights[[0, 2]]
    np.testing.assert_allclose(less.snapshot.params.weights, left / left.sum())
    assert floored(m).model.floor == pytest.approx(10.0) and floored(m, 0.5).model.floor == 0.5
    draws = [reseeded(m, 1, nth).snapshot.params for nth in range(4)]
    for new in draws:
        np.testing.assert_array_equal(new.means[[0, 2]], m.snapshot.params.means[[0, 2]])
    assert np.array_equal(draws[0].means, reseeded(m, 1, 0).snapshot.params.means)
    advance(advance(advance(less)))


def test_runs_that_ended_with_fewer_components_are_other_optima() -> None:
    tally = multi_start(spike(), GaussianMixture(k=3), Start("points"), 0, 12, Stopping(), "remove")
    assert tally.best is not None and tally.collapsed == 0
    assert sum(o.starts for o in tally.optima()) == 12


# -- galaxies ----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def galaxies():
    table = tables.read("dataset:galaxies")
    return dataset(table, table.info.get("fit"))


def notices(data, params: GaussianParams) -> list[str]:
    model = GaussianMixture(k=len(params.weights))
    found = run(blank(data, model, Start("params", params=params), 0), Stopping(tol=1e-10))
    return [n.code for n in model.notices(data, found.params, found.moment.ahead)]


def test_the_optima_of_the_galaxies(galaxies) -> None:
    tally = multi_start(galaxies, GaussianMixture(k=3), Start("points"), 0, 100, Stopping(tol=1e-7))
    best, *others = tally.optima()
    assert best.log_likelihood == pytest.approx(-769.917913, abs=1e-6)
    assert best.starts > 20 and not best.spurious
    assert best.starts + sum(o.starts for o in others) + tally.collapsed == 100


@pytest.mark.parametrize("rows", [2, 3, 4])
def test_a_component_on_a_handful_of_neighbours_is_spurious(galaxies, rows) -> None:
    """The closest neighbours in the middle: the likelihood is higher than that of the sensible fit, and says nothing."""
    x = np.sort(galaxies.x[:, 0])
    i = int(np.argmin(x[rows - 1 :] - x[: len(x) - rows + 1]))
    tight = x[i : i + rows]
    params = GaussianParams(
        np.array([rows / 82, 0.5 - rows / 82, 0.5]),
        np.array([[tight.mean()], [20000.0], [23000.0]]),
        np.array([[[max(tight.var(), 25.0)]], [[4e6]], [[4e7]]]),
    )
    assert "spurious" in notices(galaxies, params)


def test_the_sensible_fit_of_the_galaxies_is_not_spurious(galaxies) -> None:
    for means in ([9710.0, 21400.0, 33040.0], [10000.0, 20000.0, 23000.0]):
        params = GaussianParams(np.full(3, 1 / 3), np.array(means)[:, None], np.full((3, 1, 1), 1e6))
        assert "spurious" not in notices(galaxies, params)


@pytest.mark.parametrize("seed", range(12))
def test_sound_fits_are_never_called_spurious(seed) -> None:
    rng = np.random.default_rng(seed)
    d, k = int(rng.integers(1, 4)), int(rng.integers(2, 5))
    sizes = rng.integers(8 * (d + 1), 80, k)
    z = np.repeat(np.arange(k), sizes)
    centres = 10.0 * np.arange(k)[:, None] + rng.standard_normal((k, d))
    x = centres[z] + np.exp(rng.normal(0, 0.7, (k, 1)))[z] * rng.standard_normal((len(z), d))
    data, model = dataset(painted(x, [f"x{j}" for j in range(d)])), GaussianMixture(k=k)
    found = run(blank(data, model, Start("labels", labels=z), 0), Stopping())
    assert "spurious" not in [n.code for n in model.notices(data, found.params, found.moment.ahead)]
