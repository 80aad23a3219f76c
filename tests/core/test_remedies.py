"""Answers to a collapse, the table of optima, and which of them are called spurious."""

from __future__ import annotations

import numpy as np
import pytest

from emstudio import tables
from emstudio.core import initial
from emstudio.core.data import Dataset, dataset, painted
from emstudio.core.em import advance, begin, blank
from emstudio.core.errors import UserError
from emstudio.core.model import Start
from emstudio.core.remedies import floored, removed, reseeded
from emstudio.core.runs import RESEEDS, multi_start, run
from emstudio.core.stopping import Stopping
from emstudio.models.gaussian import GaussianMixture, GaussianParams
from emstudio.models.kmeans import KMeans
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


# -- a component anew --------------------------------------------------------------------------------------------------
def few(seed: int, n: int = 16) -> Dataset:
    """Sixteen rows of one cloud: three covariances of their own are more than they can carry from most starts."""
    x = 3.0 * np.random.default_rng(seed).standard_normal((n, 2))
    return dataset(painted(np.round(x) if seed % 2 else x, ["a", "b"]))


@pytest.mark.parametrize("model", [GaussianMixture(k=3), StudentMixture(k=3), KMeans(k=3)])
def test_another_re_seed_is_on_another_row_also_of_a_short_table(model) -> None:
    m = begin(blank(few(0), model, Start(), 0))
    places = {tuple(model.locations(reseeded(m, 1, nth).snapshot.params)[1]) for nth in range(20)}
    assert len(places) > 6 and places <= {tuple(row) for row in m.data.x}


def test_re_seeds_favour_what_the_others_explain_worst() -> None:
    rng = np.random.default_rng(0)
    drawn = np.array([initial.badly_explained(np.arange(1000.0), None, rng) for _ in range(4000)])
    shares = [((a <= drawn) & (drawn < b)).mean() for a, b in [(0, 9), (9, 99), (99, 1000)]]
    np.testing.assert_allclose(shares, [1 / 3] * 3, atol=0.03)  # of the ranks 1-9, 10-99 and 100-1000
    weights = (np.arange(1000) % 2).astype(float)
    assert all(initial.badly_explained(np.arange(1000.0), weights, rng) % 2 for _ in range(300))
    assert initial.badly_explained(np.full(5, -np.inf), np.zeros(5), rng) in range(5)


def test_re_seeds_find_a_sound_end_where_one_is_to_be_found() -> None:
    """Runs that collapse when nobody answers; each may be answered twenty times, on fresh rows each time."""
    collapsed = sound = 0
    for seed in range(16):
        start = blank(few(seed), GaussianMixture(k=3), Start(), 0, seed)
        if run(start, Stopping()).collapsed:
            collapsed += 1
            found = run(start, Stopping(), "reseed")
            sound += found.converged
            assert 1 <= len(found.notices) <= RESEEDS + 1
    assert collapsed > 6 and sound >= collapsed - 2


def test_what_cannot_be_sound_ends_after_so_many_re_seeds() -> None:
    data = dataset(painted(np.repeat([[0.0], [1.0], [2.0]], 5, axis=0), ["a"]))
    found = run(blank(data, GaussianMixture(k=3), Start("points"), 0), Stopping(), "reseed")
    assert found.collapsed and len(found.notices) == RESEEDS + 1
