"""The fast route against the accurate one: same numbers wherever components stand, however tight they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emstudio.core.axes import Axes, axes
from emstudio.core.covariance import COVARIANCES
from emstudio.core.data import dataset, painted
from emstudio.core.frame import frame_of
from emstudio.core.gaussian import Gaussian, Normal
from emstudio.core.how import SOFT, EStep
from emstudio.core.natural import LOOSE, Hybrid, kappa
from emstudio.core.near import MARGIN, Near, near
from emstudio.core.passes import one_pass
from emstudio.core.residuals import Residuals
from emstudio.core.responsibilities import log_weights, softmax
from emstudio.models.gaussian import GaussianMixture, GaussianParams
from emstudio.models.hmm import HiddenMarkov


def case(d: int, k: int, tightness: float, seed: int):
    rng = np.random.default_rng(seed)
    centres = 10 * rng.standard_normal((k, d))
    sds = np.where(np.arange(k) % 2 == 0, 1.0, tightness)
    z = rng.integers(k, size=6000)
    x = centres[z] + sds[z, None] * rng.standard_normal((6000, d)) + 1000.0
    data = dataset(painted(x, [f"x{j}" for j in range(d)]))
    turned = rng.standard_normal((k, d, d)) * 0.3 + np.eye(d)
    theta = Normal(
        centres + 1000.0 + 0.2 * sds[:, None], sds[:, None, None] ** 2 * (turned @ turned.transpose(0, 2, 1))
    )
    return data, theta, rng.dirichlet(np.full(k, 5.0))


@pytest.mark.parametrize("diagonal", [False, True], ids=["full", "diag"])
@pytest.mark.parametrize("tightness", [1.0, 0.1, 1e-2, 1e-3])
@pytest.mark.parametrize(("d", "k"), [(1, 3), (2, 4), (7, 3)])
def test_routes_agree(d: int, k: int, tightness: float, diagonal: bool) -> None:
    data, theta, weights = case(d, k, tightness, seed=d)
    if diagonal:
        theta = theta._replace(covariances=theta.covariances * np.eye(d))
    frame = frame_of(data)
    results = []
    for route in (Residuals, Hybrid):
        evaluator = route(frame, theta, diagonal)
        resp = np.empty((data.n, k))
        likelihood, entropy = one_pass(evaluator, data, log_weights(weights), resp)
        second = evaluator.again()
        if second is not None:
            one_pass(second, data, log_weights(weights), None)
            evaluator = second
        results.append((likelihood, entropy, resp, evaluator.moments()))
    (la, ha, ra, ma), (lb, hb, rb, mb) = results
    assert lb == pytest.approx(la, rel=1e-12)
    assert hb == pytest.approx(ha, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(rb, ra, atol=1e-10)
    np.testing.assert_allclose(mb.counts, ma.counts, rtol=1e-11)
    np.testing.assert_allclose(mb.means, ma.means, atol=1e-12)
    for a, b in zip(ma.scatter, mb.scatter):
        np.testing.assert_allclose(b, a, atol=1e-10 * np.abs(a).max())


def test_tight_far_components_leave_the_fast_route() -> None:
    data, theta, _ = case(2, 4, 1e-3, seed=2)
    frame = frame_of(data)
    worst = kappa(frame.points(theta.means), frame.covariances(theta.covariances))
    assert (worst[1::2] > LOOSE).all() and (worst[0::2] < LOOSE).all()
    hybrid = Hybrid(frame, theta, COVARIANCES["VVV"].diagonal)
    assert hybrid._tight.tolist() == [1, 3]


def test_rows_that_overflow_without_a_maximum_are_still_exact() -> None:
    """Densities beyond e^700 (tiny units) and below e^-700 (far outliers) in one data set."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.standard_normal((5000, 2)) * 1e-3, [[5.0, 5.0]]])
    data = dataset(painted(x))
    theta = Normal(np.zeros((2, 2)), np.stack([1e-6 * np.eye(2), 4e-6 * np.eye(2)]))
    weights = np.array([0.5, 0.5])
    a, b = (
        one_pass(route(frame_of(data), theta, False), data, log_weights(weights), None)[0]
        for route in (Residuals, Hybrid)
    )
    assert np.isfinite(a) and b == pytest.approx(a, rel=1e-12)


def passed(evaluator, data, weights):
    """(log-likelihood, entropy, responsibilities, moments) of one pass, taken again where the route asks for it."""
    resp = np.empty((data.n, len(weights)))
    likelihood, entropy = one_pass(evaluator, data, log_weights(weights), resp)
    second = evaluator.again()
    if second is not None:
        one_pass(second, data, log_weights(weights), None)
        evaluator = second
    return likelihood, entropy, resp, evaluator.moments()


def assert_alike(a, b) -> None:
    assert b[0] == pytest.approx(a[0], rel=1e-13)
    assert b[1] == pytest.approx(a[1], rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(b[2], a[2], atol=1e-11)
    np.testing.assert_allclose(b[3].counts, a[3].counts, rtol=1e-11)
    np.testing.assert_allclose(b[3].means, a[3].means, atol=1e-12)
    np.testing.assert_allclose(b[3].scatter, a[3].scatter, atol=1e-11 * np.abs(a[3].scatter).max())


def wide_case(apart: float, weighted: bool = False):
    """30 columns, 12 components whose means lie `apart` standard deviations of a column from each other."""
    rng = np.random.default_rng(5)
    d, k, n = 30, 12, 9000
    centres = apart / np.sqrt(2.0) * rng.standard_normal((k, d))
    x = centres[rng.integers(k, size=n)] + rng.standard_normal((n, d))
    data = dataset(painted(x, [f"x{j}" for j in range(d)]))
    if weighted:
        data = replace(data, weights=rng.integers(0, 4, n).astype(float))
    turned = rng.standard_normal((k, d, d)) * 0.05 + np.eye(d)
    theta = Normal(centres + 0.1 * rng.standard_normal((k, d)), turned @ turned.transpose(0, 2, 1))
    return data, theta, rng.dirichlet(np.full(k, 5.0))


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("apart", [0.0, 0.7, 2.0, 5.0])
def test_pairs_left_out_change_no_digit(apart: float, weighted: bool) -> None:
    data, theta, weights = wide_case(apart, weighted)
    frame = frame_of(data)
    assert_alike(passed(Residuals(frame, theta, False), data, weights), passed(Near(frame, theta), data, weights))


def test_bounds_are_above_what_they_bound() -> None:
    data, theta, _ = wide_case(1.5)
    frame = frame_of(data)
    route = Near(frame, theta)
    rows = slice(0, Near.block)
    made, exact = route.scores(rows), Residuals(frame, theta, False).scores(slice(0, 500))
    left_out = made[:, :500] - exact > 1e-6
    assert left_out.any() and not left_out.all()
    assert (made[:, :500] >= exact - 1e-8).all()
    assert (made[:, :500][left_out] < exact.max(0)[np.nonzero(left_out)[1]] - MARGIN).all()


def test_the_route_by_pairs_is_taken_where_components_lie_apart() -> None:
    together, far = wide_case(0.2), wide_case(4.0)
    assert near(frame_of(together[0]), together[1]) is None
    assert near(frame_of(far[0]), far[1]) is not None
    assert isinstance(Gaussian(COVARIANCES["VVV"]).sharing(far[0], far[1]), Near)


def test_only_bayes_rule_goes_by_pairs() -> None:
    """Tempered, chained and plain scores are exact far below the best of a row, where a bound would be another number."""
    data, theta, weights = wide_case(4.0)
    assert near(frame_of(data), theta) is not None
    model, params = GaussianMixture(k=12), GaussianParams(weights, *theta)
    exact = model.scores_at(params, data.x)
    np.testing.assert_allclose(model.scores(data, params), exact, rtol=1e-11)
    chain = HiddenMarkov(k=12)
    emissions = chain.emissions(data, chain.join(weights, np.full((12, 12), 1 / 12), theta))
    np.testing.assert_allclose(emissions.T + np.log(weights), exact, rtol=1e-11)
    made = model.e_step(data, params, EStep("annealed", 60.0), np.random.default_rng(0))
    resp = softmax(exact / 60.0)[0]
    np.testing.assert_allclose(made.resp, resp, atol=1e-9)
    np.testing.assert_allclose(made.moments.counts, resp.sum(0), rtol=1e-9)


@pytest.mark.parametrize("away", [1.5, 2.3, 3.2])
def test_a_component_far_from_all_rows_keeps_what_little_it_has(away: float) -> None:
    """Its responsibilities are all below the margin, so that they are its sums and no digit of anybody else's."""
    data, theta, _ = wide_case(4.0)
    k, d = theta.means.shape
    means = np.concatenate([theta.means, theta.means[:1] + away])
    params = GaussianParams(np.full(k + 1, 1 / (k + 1)), means, np.concatenate([theta.covariances, np.eye(d)[None]]))
    model = GaussianMixture(k=k + 1)
    assert near(frame_of(data), Normal(params.means, params.covariances)) is not None
    resp = softmax(model.scores_at(params, data.x))[0]
    moments = model.e_step(data, params, SOFT, np.random.default_rng(0)).moments
    assert 0 < resp[:, -1].sum() < 1e-3
    np.testing.assert_allclose(moments.counts, resp.sum(0), rtol=1e-8)
    last = resp[:, -1] @ data.x / resp[:, -1].sum()
    np.testing.assert_allclose(moments.frame.points_back(moments.means)[-1], last, rtol=1e-8)


@pytest.mark.parametrize("family", ["VVV", "EEE", "VVI"])
def test_components_that_are_all_tight_beside_the_data(family: str) -> None:
    rng = np.random.default_rng(3)
    centres = np.array([[-1.0, 2.0, 0.0], [1.0, -2.0, 5.0]])
    x = centres[rng.integers(2, size=2500)] + 1e-3 * rng.standard_normal((2500, 3))
    data = dataset(painted(x, ["a", "b", "c"]))
    theta = Normal(centres, np.stack([2e-6 * np.eye(3)] * 2))
    shape, weights = COVARIANCES[family], np.array([0.4, 0.6])
    frame = frame_of(data)
    assert (kappa(frame.points(theta.means), frame.covariances(theta.covariances)) > LOOSE).all()
    route = Gaussian(shape).evaluator(data, theta)
    assert_alike(passed(Residuals(frame, theta, shape.diagonal), data, weights), passed(route, data, weights))


@pytest.mark.parametrize(("d", "n"), [(1, 300), (2, 300), (2, 40_000), (5, 3000)])
def test_axes_agree_with_residuals(d: int, n: int) -> None:
    rng = np.random.default_rng(n + d)
    centres = 3.0 * rng.standard_normal((4, d))
    x = centres[rng.integers(4, size=n)] + rng.standard_normal((n, d)) + 1e6
    data = dataset(painted(x, [f"x{j}" for j in range(d)]))
    variances = rng.uniform(0.3, 2.0, (4, d))
    theta = Normal(centres + 1e6 + 0.1, variances[:, :, None] * np.eye(d))
    weights = rng.dirichlet(np.full(4, 5.0))
    frame = frame_of(data)
    for diagonal in (True, False) if d == 1 else (True,):
        route = Gaussian(COVARIANCES["VVI" if diagonal else "VVV"]).evaluator(data, theta)
        assert isinstance(route, Axes)
        assert_alike(passed(Residuals(frame, theta, diagonal), data, weights), passed(route, data, weights))


def test_what_is_tight_or_turned_leaves_the_axes() -> None:
    data, theta, _ = case(2, 4, 1e-3, seed=2)
    frame = frame_of(data)
    straight = theta._replace(covariances=theta.covariances * np.eye(2))
    assert axes(frame, straight, True) is None
    loose = straight._replace(covariances=np.broadcast_to(np.eye(2), (4, 2, 2)).copy())
    assert axes(frame, loose, True) is not None
    assert axes(frame, loose, False) is None
    assert axes(frame, theta, True) is None


def test_a_component_that_becomes_tight_is_summed_again() -> None:
    """One narrow clump far from the centre under a wide component: its new variance would have lost its digits."""
    rng = np.random.default_rng(8)
    x = np.concatenate([rng.standard_normal((400, 1)), 50.0 + 1e-4 * rng.standard_normal((400, 1))])
    data = dataset(painted(x, ["x"]))
    theta = Normal(np.array([[0.0], [50.0]]), np.array([[[1.0]], [[4.0]]]))
    frame = frame_of(data)
    route = axes(frame, theta, True)
    assert route is not None
    _, _, _, moments = passed(route, data, np.array([0.5, 0.5]))
    truth = Residuals(frame, theta, True, frame.points(np.array([[0.0], [50.0]])))
    one_pass(truth, data, log_weights(np.array([0.5, 0.5])), None)
    np.testing.assert_allclose(moments.scatter, truth.moments().scatter, rtol=1e-9)


@pytest.mark.parametrize("family", ["VVV", "VVI", "VVE"])
def test_a_component_without_rows_leaves_the_bound_a_number(family: str) -> None:
    rng = np.random.default_rng(0)
    data = dataset(painted(rng.standard_normal((50, 2))))
    theta = Normal(np.array([[0.0, 0.0], [1e4, 1e4]]), np.stack([np.eye(2)] * 2))
    route = Gaussian(COVARIANCES[family])
    evaluator = route.evaluator(data, theta)
    likelihood, _ = one_pass(evaluator, data, np.log([0.5, 0.5]), None)
    evaluator = evaluator.again() or evaluator
    if not evaluator.moments().counts.any():
        one_pass(evaluator, data, np.log([0.5, 0.5]), None)
    expected = route.expected(evaluator.moments(), theta)
    assert expected[1] == 0.0
    assert expected[0] + 50 * np.log(0.5) == pytest.approx(likelihood, rel=1e-12)
