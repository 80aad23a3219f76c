"""The fast route against the accurate one: same numbers wherever components stand, however tight they are."""

from __future__ import annotations

import numpy as np
import pytest

from emstudio.core.covariance import COVARIANCES
from emstudio.core.data import dataset, painted
from emstudio.core.frame import frame_of
from emstudio.core.gaussian import Normal
from emstudio.core.mixture import _pass, log_weights
from emstudio.core.natural import LOOSE, Hybrid, kappa
from emstudio.core.residuals import Residuals


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
        likelihood, entropy = _pass(evaluator, data, log_weights(weights), resp)
        second = evaluator.again()
        if second is not None:
            _pass(second, data, log_weights(weights), None)
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
        _pass(route(frame_of(data), theta, False), data, log_weights(weights), None)[0] for route in (Residuals, Hybrid)
    )
    assert np.isfinite(a) and b == pytest.approx(a, rel=1e-12)
