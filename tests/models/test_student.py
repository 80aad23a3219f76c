"""Student-t mixtures: against scipy's density, a plain loop, and a general optimiser; and what they are for."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from scipy.special import gammaln
from scipy.stats import multivariate_t

from emstudio.core.data import dataset, painted
from emstudio.core.em import advance, begin, blank
from emstudio.core.errors import UserError
from emstudio.core.marks import Ellipse
from emstudio.core.model import Start
from emstudio.core.runs import run
from emstudio.core.stopping import Stopping
from emstudio.core.student import MOST_DOF, degrees, log_constant
from emstudio.models.gaussian import GaussianMixture, GaussianParams
from emstudio.models.student_t import StudentMixture, StudentParams


def heavy(n: int = 240, dof: float = 3.0, seed: int = 1) -> np.ndarray:
    """Two clusters in two columns with tails of `dof` degrees of freedom."""
    rng = np.random.default_rng(seed)
    z = rng.integers(2, size=n)
    tails = rng.standard_normal((n, 2)) / np.sqrt(rng.chisquare(dof, n) / dof)[:, None]
    return np.array([[0.0, 0.0], [9.0, 4.0]])[z] + tails


def data_of(x: np.ndarray):
    return dataset(painted(x, [f"x{j}" for j in range(x.shape[1])]))


START = StudentParams(
    np.array([0.4, 0.6]),
    np.array([[1.0, 0.0], [8.0, 5.0]]),
    np.array([[[2.0, 0.3], [0.3, 1.0]], [[1.0, 0.0], [0.0, 3.0]]]),
    np.array([4.0, 12.0]),
)


def density(x: np.ndarray, p: StudentParams) -> np.ndarray:
    """(n, K) log pi + log t, from scipy."""
    parts = [multivariate_t(m, s, df=v).logpdf(x) for m, s, v in zip(p.means, p.covariances, p.dof)]
    return np.log(p.weights) + np.stack(parts, axis=1)


def plain_iteration(x: np.ndarray, w: np.ndarray, p: StudentParams, free: bool) -> StudentParams:
    """One iteration in plain loops; the degrees of freedom by a minimiser of scipy's, on scipy's density."""
    scores = density(x, p)
    r = np.exp(scores - np.logaddexp.reduce(scores, axis=1)[:, None]) * w[:, None]
    d, means, scales, dofs = x.shape[1], [], [], []
    for k in range(len(p.weights)):
        y = x - p.means[k]
        delta = np.einsum("ij,jk,ik->i", y, np.linalg.inv(p.covariances[k]), y)
        u = (p.dof[k] + d) / (p.dof[k] + delta)
        n = r[:, k].sum()
        means.append((r[:, k] * u) @ x / (r[:, k] * u).sum())
        y = x - means[-1]
        scales.append((y * (r[:, k] * u)[:, None]).T @ y / n)

        def loss(s: float, k: int = k) -> float:
            return -float(r[:, k] @ multivariate_t(means[k], scales[k], df=np.exp(s)).logpdf(x))

        found = np.exp(minimize_scalar(loss, bounds=(-2, 6), method="bounded", options={"xatol": 1e-10}).x)
        dofs.append(found if free else p.dof[k])
    return StudentParams(r.sum(0) / w.sum(), np.array(means), np.array(scales), np.array(dofs))


@pytest.mark.parametrize("dof", ["free", 4.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_iterations_are_those_of_plain_loops(dof, weighted) -> None:
    x = heavy()
    w = np.random.default_rng(3).uniform(0.2, 3, len(x)) if weighted else np.ones(len(x))
    data = replace(data_of(x), weights=w) if weighted else data_of(x)
    moment = begin(blank(data, StudentMixture(dof=dof), Start("params", params=START), 0))
    expected = START
    for _ in range(8):
        moment = advance(advance(moment))
        expected = plain_iteration(x, w, expected, dof == "free")
        for name, got, want in zip(expected._fields, moment.snapshot.params, expected):
            loose = name == "dof" and dof == "free"  # a minimum is flat: half the digits
            np.testing.assert_allclose(got, want, rtol=1e-6 if loose else 1e-9, err_msg=name)
        expected = moment.snapshot.params
        total = float(w @ np.logaddexp.reduce(density(x, expected), axis=1))
        assert moment.snapshot.log_likelihood == pytest.approx(total, rel=1e-11)


def test_one_component_reaches_the_maximum_of_a_general_optimiser() -> None:
    x = heavy(150)[:, :1]
    x = x[x[:, 0] < 4.5]
    found = run(blank(data_of(x), StudentMixture(k=1), Start("kmeans++"), 0), Stopping(tol=1e-12, max_iter=5000))

    def loss(q: np.ndarray) -> float:
        return -multivariate_t([q[0]], [[np.exp(q[1])]], df=np.exp(q[2])).logpdf(x).sum()

    best = minimize(
        loss, [0.0, 0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-10, "maxiter": 4000}
    )
    assert found.log_likelihood == pytest.approx(-best.fun, abs=1e-6)
    assert found.params.dof[0] == pytest.approx(np.exp(best.x[2]), rel=1e-3)


def test_tails_are_found_again() -> None:
    found = run(blank(data_of(heavy(6000, 3.0)), StudentMixture(), Start("kmeans++"), 0), Stopping(tol=1e-7))
    assert (np.abs(found.params.dof - 3.0) < 0.5).all()


def test_far_rows_pull_less_than_in_a_gaussian_mixture() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.standard_normal((100, 2)), np.full((3, 2), 60.0)])
    student = run(blank(data_of(x), StudentMixture(k=1, dof=3), Start("kmeans++"), 0), Stopping())
    gaussian = run(blank(data_of(x), GaussianMixture(k=1), Start("kmeans++"), 0), Stopping())
    assert np.linalg.norm(student.params.means) < 0.5 < np.linalg.norm(gaussian.params.means)


def test_many_degrees_of_freedom_are_a_gaussian_mixture() -> None:
    x = heavy()
    start = START._replace(dof=np.full(2, 1e9))
    a = begin(blank(data_of(x), StudentMixture(dof=1e9), Start("params", params=start), 0))
    b = begin(blank(data_of(x), GaussianMixture(), Start("params", params=GaussianParams(*START[:3])), 0))
    for _ in range(10):
        a, b = advance(a), advance(b)
    assert a.snapshot.log_likelihood == pytest.approx(b.snapshot.log_likelihood, rel=1e-6)
    np.testing.assert_allclose(a.snapshot.params.means, b.snapshot.params.means, rtol=1e-6)


def test_missing_cells_of_new_rows_are_marginalised() -> None:
    model = StudentMixture()
    x = np.array([[2.0, np.nan], [np.nan, 3.0], [np.nan, np.nan]])
    scores = model.scores_at(START, x)
    one = [multivariate_t([m[0]], [[s[0, 0]]], df=v).logpdf([2.0]) for m, s, v in zip(*START[1:])]
    np.testing.assert_allclose(scores[0], np.log(START.weights) + one, rtol=1e-12)
    np.testing.assert_allclose(scores[2], np.log(START.weights))


def test_an_accelerated_run_ends_where_the_plain_one_does() -> None:
    data = data_of(heavy(400))
    plain = run(blank(data, StudentMixture(), Start("kmeans++"), 0), Stopping(tol=1e-11, max_iter=5000))
    fast = run(blank(data, StudentMixture(), Start("kmeans++"), 0, accelerate=True), Stopping(tol=1e-11, max_iter=5000))
    assert fast.converged and fast.iterations < plain.iterations / 2
    assert fast.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-6)


def test_a_contour_says_the_mass_that_it_encloses() -> None:
    model, rng = StudentMixture(dof=3), np.random.default_rng(0)
    params = START._replace(dof=np.full(2, 3.0))
    data = data_of(heavy())
    ellipse = next(m for m in model.draw(data, params, model.views(data)[0]).marks if isinstance(m, Ellipse))
    x, component = model.sample(params, 200_000, rng)
    y = x[component == 0] - params.means[0]
    distance = np.sqrt(np.einsum("ij,jk,ik->i", y, np.linalg.inv(ellipse.covariance), y))
    for radius in ellipse.radii:
        assert (distance <= radius).mean() == pytest.approx(ellipse.mass(radius), abs=0.006)


@pytest.mark.parametrize(
    "dof, words",
    [("zero", "free or a number"), ("-1", "out of range"), ("nan", "out of range"), ("0", "out of range")],
)
def test_degrees_of_freedom_are_a_number_or_free(dof, words) -> None:
    with pytest.raises(UserError) as caught:
        StudentMixture.make(dof=dof)
    assert words in str(caught.value)
    assert StudentMixture.make(dof="4").dof == 4.0 and StudentMixture.make(dof="free").dof == "free"


@pytest.mark.parametrize("dof", [[0.0, 3.0], [3.0], "many"])
def test_wrong_degrees_of_freedom_in_a_file_are_refused(dof) -> None:
    model = StudentMixture()
    document = json.loads(json.dumps(model.to_dict(START))) | {"dof": dof}
    with pytest.raises(UserError, match="dof"):
        model.check(data_of(heavy()), model.from_dict(document))


def test_free_degrees_of_freedom_are_counted() -> None:
    assert StudentMixture(k=3).free_parameters(2) == GaussianMixture(k=3).free_parameters(2) + 3
    assert StudentMixture(k=3, dof=5.0).free_parameters(2) == GaussianMixture(k=3).free_parameters(2)


@given(st.floats(0.05, 900.0), st.integers(0, 10_000), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_the_degrees_of_freedom_climb_to_a_place_where_no_neighbour_is_better(first: float, seed: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    true = np.exp(rng.uniform(-1, 4))
    delta = (rng.standard_normal((200, d)) ** 2).sum(1) / (rng.chisquare(true, 200) / true)
    r = rng.uniform(0, 1, 200)

    def level(nu: float) -> float:
        return r.sum() * log_constant(np.array([nu]), d)[0] - 0.5 * (nu + d) * float(r @ np.log1p(delta / nu))

    found = degrees(delta, r, first, d)
    assert 0.01 <= found <= MOST_DOF and level(found) >= level(first) - 1e-12 * abs(level(first))
    for near in (found * 0.99, min(found * 1.01, MOST_DOF)):
        assert level(near) <= level(found) + 1e-11 * abs(level(found))


def test_normal_rows_end_at_the_stated_limit_in_a_few_iterations() -> None:
    """The digamma equation of plain EM creeps there for thousands of iterations."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.standard_normal((3000, 2)), rng.standard_normal((3000, 2)) + 5])
    for accelerate in (False, True):
        found = run(blank(data_of(x), StudentMixture(), Start("kmeans++"), 0, accelerate=accelerate), Stopping())
        assert found.converged and found.iterations < 40
        assert found.params.dof.max() == pytest.approx(MOST_DOF) and found.params.dof.min() > 50
    given = START._replace(dof=np.full(2, 5e3))  # parameters that are given may lie beyond it, and need not come back
    m = begin(blank(data_of(x), StudentMixture(), Start("params", params=given), 0))
    before = m.snapshot.log_likelihood
    assert advance(advance(m)).snapshot.log_likelihood > before


@given(st.floats(0.05, 1e3), st.integers(1, 12))
@settings(max_examples=200, deadline=None)
def test_the_constant_is_that_of_the_gamma_function(dof: float, d: int) -> None:
    direct = gammaln((dof + d) / 2) - gammaln(dof / 2) - d / 2 * np.log(dof * np.pi)
    assert log_constant(np.array([dof]), d)[0] == pytest.approx(direct, rel=1e-10, abs=1e-10)


def test_the_constant_has_a_limit() -> None:
    assert log_constant(np.array([1e15]), 3)[0] == pytest.approx(-1.5 * np.log(2 * np.pi), rel=1e-14)
