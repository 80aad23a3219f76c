"""The Gaussian engine against brute force, in odd places: far offsets, tiny and huge scales, tight components."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate
from scipy.stats import multivariate_normal

from emstudio.core.covariance import COVARIANCES
from emstudio.core.data import dataset, painted
from emstudio.core.em import advance, begin, blank
from emstudio.core.errors import Degenerate, UserError
from emstudio.core.gaussian import Gaussian, Normal
from emstudio.core.model import Start
from emstudio.models.gaussian import GaussianMixture, GaussianParams


def data_of(x):
    x = np.asarray(x, float)
    return dataset(painted(x, [f"x{j + 1}" for j in range(x.shape[1])]))


def two_blobs(n=120, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal([0, 0], [1, 2], (n // 2, 2)), rng.normal([6, 3], [2, 1], (n - n // 2, 2))])


def test_density_agrees_with_scipy() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((20, 3))
    a = rng.standard_normal((2, 3, 3))
    theta = Normal(rng.standard_normal((2, 3)), a @ a.transpose(0, 2, 1) + 0.1 * np.eye(3))
    ours = Gaussian(COVARIANCES["VVV"]).log_density(x, theta)
    for k in range(2):
        np.testing.assert_allclose(ours[:, k], multivariate_normal(theta.means[k], theta.covariances[k]).logpdf(x))


def test_density_integrates_to_one() -> None:
    theta = Normal(np.array([[0.3]]), np.array([[[0.7]]]))
    family = Gaussian(COVARIANCES["VVV"])
    mass, _ = integrate.quad(lambda t: np.exp(family.log_density(np.array([[t]]), theta)[0, 0]), -9, 9)
    assert mass == pytest.approx(1.0, abs=1e-10)


def test_mle_of_the_mean_statistics_is_theta() -> None:
    theta = Normal(np.array([[1.0, -2.0]]), np.array([[[2.0, 0.4], [0.4, 1.0]]]))
    second = theta.covariances + theta.means[:, :, None] * theta.means[:, None, :]
    sums = np.concatenate([theta.means, second.reshape(1, 4)], axis=1)
    again = Gaussian(COVARIANCES["VVV"]).mle(np.array([1.0]), sums, None)
    np.testing.assert_allclose(again.means, theta.means, atol=1e-14)
    np.testing.assert_allclose(again.covariances, theta.covariances, atol=1e-14)


@pytest.mark.parametrize("covariance", ["VVV", "EEE", "VVI"])
@pytest.mark.parametrize(("scale", "shift"), [(1e150 / 40, 0.0), (1e-140, 0.0), (1.0, 1e7), (1e-3, -1e5), (1e9, 1e12)])
def test_scale_and_shift_change_nothing_but_the_units(covariance: str, scale: float, shift: float) -> None:
    x = two_blobs()
    model = GaussianMixture(k=2, covariance=covariance)
    a = begin(blank(data_of(x), model, Start(), 0))
    p = a.snapshot.params
    moved = GaussianParams(p.weights, p.means * scale + shift, p.covariances * scale * scale)
    b = begin(blank(data_of(x * scale + shift), model, Start("params", params=moved), 0))
    for _ in range(20):
        a, b = advance(a), advance(b)
    rough = 1e-15 * (1 + abs(shift) / scale) * 1e4
    np.testing.assert_allclose(
        (b.snapshot.params.means - shift) / scale, a.snapshot.params.means, atol=max(rough, 1e-9)
    )
    np.testing.assert_allclose(b.snapshot.resp, a.snapshot.resp, atol=max(rough, 1e-9))
    expected = a.snapshot.log_likelihood - 2 * len(x) * np.log(scale)
    assert b.snapshot.log_likelihood == pytest.approx(expected, rel=1e-9, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(sorted(COVARIANCES)), st.integers(1, 4), st.integers(1, 4))
def test_any_run_climbs_or_says_why_it_stops(seed: int, covariance: str, k: int, d: int) -> None:
    """From random data with outliers, duplicates and rounding: the log-likelihood climbs until a component is lost."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, 60))
    x = np.round(rng.standard_t(2, (n, d)) * 10.0 ** rng.integers(-2, 3), int(rng.integers(0, 4)))
    data = data_of(x)
    model = GaussianMixture(k=k, covariance=covariance)
    try:
        m = begin(blank(data, model, Start("points"), seed))
    except UserError as error:
        assert model.accepts(data) or "different rows" in str(error) or "alike" in str(error)
        return
    last = m.snapshot.log_likelihood
    for _ in range(40):
        try:
            m = advance(m)
        except Degenerate as lost:
            assert lost.notice.code in ("collapse", "empty") and lost.notice.component is not None
            return
        s = m.snapshot
        assert np.isfinite(s.log_likelihood) and all(np.isfinite(a).all() for a in s.params)
        assert s.log_likelihood >= last - 1e-11 * max(1.0, abs(last))
        last = s.log_likelihood


@pytest.mark.parametrize("covariance", ["VVV", "VVI", "VII", "EEE"])
def test_a_lone_point_cannot_swallow_a_component(covariance: str) -> None:
    x = np.concatenate([two_blobs(), [[40.0, -30.0]]])
    means = np.array([[40.0, -30.0], [3.0, 1.0]])
    tight = np.repeat(np.eye(2)[None] * 1e-3, 2, 0)
    wide = np.repeat(np.eye(2)[None] * 9.0, 2, 0)
    covariances = wide if covariance == "EEE" else np.stack([tight[0], wide[1]])
    m = begin(
        blank(
            data_of(x),
            GaussianMixture(k=2, covariance=covariance),
            Start("params", params=GaussianParams(np.array([0.5, 0.5]), means, covariances)),
            0,
        )
    )
    if covariance == "EEE":
        for _ in range(20):
            m = advance(m)
        assert np.isfinite(m.snapshot.log_likelihood)
        return
    with pytest.raises(Degenerate) as caught:
        for _ in range(20):
            m = advance(m)
    assert caught.value.notice.component == 0
    assert caught.value.notice.rows == (120,)
    assert "row 121" in str(caught.value) and "collaps" in str(caught.value)
    assert np.isfinite(m.snapshot.log_likelihood)


def test_a_floor_keeps_the_component_alive() -> None:
    x = np.concatenate([two_blobs(), [[40.0, -30.0]]])
    start = GaussianParams(
        np.array([0.1, 0.9]), np.array([[40.0, -30.0], [3.0, 1.0]]), np.stack([np.eye(2), 9 * np.eye(2)])
    )
    m = begin(blank(data_of(x), GaussianMixture(k=2, floor=0.25), Start("params", params=start), 0))
    for _ in range(60):
        m = advance(m)
    np.testing.assert_allclose(m.snapshot.params.covariances[0], 0.25 * np.eye(2), atol=1e-9)


@pytest.mark.parametrize(
    ("x", "covariance", "words"),
    [
        (np.empty((0, 2)), "VVV", "no row"),
        ([[1.0, 2.0]], "VVV", "only 1 row"),
        ([[1.0, 2.0]] * 9, "VVV", "alike"),
        (np.column_stack([np.arange(9.0), np.full(9, 3.0)]), "VVV", "x2 is constant"),
        (np.column_stack([np.arange(9.0), 2 * np.arange(9.0) + 1]), "EEE", "collinear"),
        (np.random.default_rng(0).standard_normal((3, 5)), "VVV", "cannot fill"),
        (np.array([[1e200], [2e200], [3e200]]), "VVV", "1e150"),
    ],
)
def test_data_that_cannot_be_fitted_are_refused_in_one_sentence(x, covariance: str, words: str) -> None:
    reason = GaussianMixture(k=2, covariance=covariance).accepts(data_of(x))
    assert reason is not None and words in reason
    assert reason[0].isupper() and reason.endswith(".") and "\n" not in reason and ";" in reason


def test_collinear_columns_are_no_hindrance_to_diagonal_covariances() -> None:
    x = np.column_stack([np.arange(30.0), 2 * np.arange(30.0)])
    assert GaussianMixture(k=2, covariance="VVI").accepts(data_of(x)) is None
    assert GaussianMixture(k=2, covariance="VVV", floor=0.1).accepts(data_of(x)) is None
