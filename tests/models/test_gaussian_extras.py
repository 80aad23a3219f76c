"""What may be added to a Gaussian mixture: priors, uniform noise, missing cells; each against brute force."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from emstudio.core import edits
from emstudio.core.covariance import COVARIANCES
from emstudio.core.data import Dataset, dataset, frozen, painted
from emstudio.core.em import Moment, advance, begin, blank
from emstudio.core.errors import UserError
from emstudio.core.format import NOISE
from emstudio.core.model import Start
from emstudio.core.runs import multi_start, run
from emstudio.core.scaling import scale_of
from emstudio.core.stopping import Stopping
from emstudio.models.gaussian import GaussianMixture, GaussianParams, NoisyParams


def clusters(n: int = 120, d: int = 2, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = 5.0 * rng.standard_normal((3, d))
    return centres[rng.integers(3, size=n)] + rng.standard_normal((n, d)) * rng.uniform(0.5, 1.5, d)


def data_of(x: np.ndarray, missing: str = "drop") -> Dataset:
    return dataset(painted(x, [f"x{j}" for j in range(x.shape[1])]), missing=missing)


def climbs(moment: Moment, iterations: int = 30) -> Moment:
    """The moment after some iterations, in which neither the objective nor the bound may fall, and the bound touches."""
    last, bound = moment.objective, -np.inf
    for _ in range(2 * iterations):
        moment = advance(moment)
        s = moment.snapshot
        slack = 1e-11 * max(1.0, abs(moment.objective))
        assert moment.objective >= last - slack, moment.label
        assert bound - slack <= s.bound <= moment.objective + slack, moment.label
        if s.phase == "E":
            assert abs(s.bound - moment.objective) <= slack
        last, bound = moment.objective, s.bound
    return moment


# -- priors ------------------------------------------------------------------------------------------------------------
PRIORS = {"prior_weights": 3.0, "prior_means": 0.5, "prior_covariances": 4.0}


def log_prior(model: GaussianMixture, data: Dataset, p: GaussianParams) -> float:
    """The kernel of the declared priors, written out."""
    mean, spread = data.x.mean(0), np.cov(data.x.T, bias=True).reshape(data.d, data.d) / model.k ** (2 / data.d)
    m, kappa = model.prior_covariances, model.prior_means
    total = (model.prior_weights - 1) * np.log(p.weights).sum()
    for mu, sigma in zip(p.means, p.covariances):
        inverse = np.linalg.inv(sigma)
        total -= 0.5 * (m + (kappa > 0)) * np.log(np.linalg.det(sigma)) + 0.5 * np.trace(inverse @ (m * spread))
        total -= 0.5 * kappa * (mu - mean) @ inverse @ (mu - mean)
    return float(total)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_priors_climb_in_every_family(covariance) -> None:
    model = GaussianMixture(k=3, covariance=covariance, **PRIORS)
    climbs(begin(blank(data_of(clusters()), model, Start(), 1)))


def test_the_objective_is_likelihood_plus_prior_and_the_likelihood_is_the_rows_own() -> None:
    data, model = data_of(clusters()), GaussianMixture(k=3, **PRIORS)
    m = advance(advance(begin(blank(data, model, Start(), 1))))
    params = m.snapshot.params
    parts = [multivariate_normal(mu, c).logpdf(data.x) for mu, c in zip(params.means, params.covariances)]
    likelihood = np.logaddexp.reduce(np.log(params.weights)[:, None] + parts, axis=0).sum()
    assert m.snapshot.log_likelihood == pytest.approx(likelihood, rel=1e-12)
    other = advance(advance(m))
    gain = log_prior(model, data, other.snapshot.params) - log_prior(model, data, params)
    penalties = [x.objective - x.snapshot.log_likelihood for x in (m, other)]
    assert penalties[1] - penalties[0] == pytest.approx(gain, abs=1e-8)


@pytest.mark.parametrize("covariance", ["VVV", "EEE", "VVI", "VII", "VEV", "EVI"])
def test_the_m_step_with_priors_is_a_maximum(covariance) -> None:
    data, model = data_of(clusters()), GaussianMixture(k=3, covariance=covariance, **PRIORS)
    m = begin(blank(data, model, Start(), 1))
    for _ in range(60):
        m = advance(m)
    params, best = m.snapshot.params, m.snapshot.bound
    rng = np.random.default_rng(0)
    for t in (-0.01, -1e-3, 1e-3, 0.01):
        assert model.bound(data, params._replace(means=params.means * (1 + t)), m.snapshot.posterior) <= best
        assert (
            model.bound(data, params._replace(covariances=params.covariances * (1 + t)), m.snapshot.posterior) <= best
        )
    for _ in range(5):
        shaken = params._replace(weights=rng.dirichlet(50 * params.weights + 1))
        assert model.bound(data, shaken, m.snapshot.posterior) <= best


def test_a_prior_on_covariances_keeps_a_component_from_collapsing() -> None:
    x = np.concatenate([np.zeros((6, 1)), np.linspace(50, 64, 9)[:, None]])
    stopped = run(blank(data_of(x), GaussianMixture(), Start("points"), 0), Stopping())
    held = run(blank(data_of(x), GaussianMixture(prior_covariances=3.0), Start("points"), 0), Stopping())
    assert stopped.collapsed and held.converged and (held.params.covariances > 1e-3).all()


def test_no_prior_is_no_prior() -> None:
    data = data_of(clusters())
    a = run(blank(data, GaussianMixture(k=3), Start(), 0), Stopping())
    off = GaussianMixture(k=3, prior_weights=1.0, prior_means=0.0, prior_covariances=0.0)
    b = run(blank(data, off, Start(), 0), Stopping())
    assert a.moment.objective == a.log_likelihood == b.log_likelihood


# -- noise -------------------------------------------------------------------------------------------------------------
def scattered(n: int = 150, seed: int = 4) -> np.ndarray:
    """Two tight clusters, and a sixth of the rows anywhere in [-20, 20]^2."""
    rng = np.random.default_rng(seed)
    x = np.array([[-6.0, 0.0], [6.0, 3.0]])[rng.integers(2, size=n)] + rng.standard_normal((n, 2))
    x[: n // 6] = rng.uniform(-20, 20, (n // 6, 2))
    return x


def brute_noise(data: Dataset, p: NoisyParams) -> np.ndarray:
    """(n, K + 1) scores from scipy and the volume of the box."""
    parts = [multivariate_normal(mu, c).logpdf(data.x) for mu, c in zip(p.means, p.covariances)]
    volume = np.prod(data.x.max(0) - data.x.min(0))
    return np.log(p.weights) + np.column_stack([*parts, np.full(data.n, -np.log(volume))])


@pytest.mark.parametrize("covariance", ["VVV", "EEE", "VEI", "VII"])
@pytest.mark.parametrize("n", [150, 2600])
def test_noise_climbs_and_is_brute_force(covariance, n) -> None:
    data, model = data_of(scattered(n)), GaussianMixture(covariance=covariance, noise=True)
    m = climbs(begin(blank(data, model, Start(), 0)), 15)
    scores = brute_noise(data, m.snapshot.params)
    assert m.snapshot.log_likelihood == pytest.approx(np.logaddexp.reduce(scores, axis=1).sum(), rel=1e-11)
    resp = advance(m).snapshot.resp
    r = np.exp(scores - np.logaddexp.reduce(scores, axis=1)[:, None])
    np.testing.assert_allclose(resp, r, atol=1e-9)
    after = advance(advance(m)).snapshot.params
    np.testing.assert_allclose(after.weights, r.mean(0), rtol=1e-9)
    np.testing.assert_allclose(after.means, (r[:, :2].T @ data.x) / r[:, :2].sum(0)[:, None], rtol=1e-9)


def test_noise_takes_the_rows_that_belong_nowhere() -> None:
    data = data_of(scattered(600))
    found = multi_start(data, GaussianMixture(noise=True), Start(), 0, 5, Stopping()).best
    assert found.params.weights[-1] == pytest.approx(1 / 6, abs=0.04)
    assert np.sqrt(found.params.covariances[:, [0, 1], [0, 1]]) == pytest.approx(1.0, abs=0.2)


def test_noise_in_documents_predictions_and_samples() -> None:
    data, model = data_of(scattered()), GaussianMixture(noise=True)
    params = run(blank(data, model, Start(), 0), Stopping()).params
    again = model.from_dict(json.loads(json.dumps(model.to_dict(params))))
    assert all(np.array_equal(a, b) for a, b in zip(params, again))
    assert type(model).components_in(model.to_dict(params)) == 2
    assert model.parts == (0, 1, NOISE)
    new = np.array([[0.0, -15.0], [500.0, 0.0], [np.nan, 3.0]])
    resp = model.responsibilities_at(params, new)
    assert resp[0, 2] > 0.999 and resp[1, 2] == 0.0 and resp[2].sum() == pytest.approx(1.0)
    np.testing.assert_allclose(model.scores_at(params, data.x), model.scores(data, params), rtol=1e-10)
    x, component = model.sample(params, 5000, np.random.default_rng(0))
    noise = x[component == 2]
    assert len(noise) == pytest.approx(5000 * params.weights[2], abs=150)
    assert (noise >= params.box[0]).all() and (noise <= params.box[1]).all()


def test_a_document_without_a_box_gets_that_of_the_data() -> None:
    data, model = data_of(scattered()), GaussianMixture(noise=True)
    document = model.to_dict(run(blank(data, model, Start(), 0), Stopping()).params)
    del document["box"]
    params = model.from_dict(document)
    started = begin(blank(data, model, Start("params", params=params), 0))
    with pytest.raises(UserError, match="box"):
        model.sample(params, 5, np.random.default_rng(0))
    assert np.array_equal(started.snapshot.params.box, [data.x.min(0), data.x.max(0)])
    assert np.array_equal(model.scores(data, params), model.scores(data, started.snapshot.params))


def test_the_box_follows_an_edit_of_the_data() -> None:
    m = advance(begin(blank(data_of(scattered()), GaussianMixture(noise=True), Start(), 0)))
    m = edits.add(m, (0, 1), np.array([[90.0, 90.0]]))
    assert np.array_equal(m.snapshot.params.box[1], [90.0, 90.0])
    climbs(advance(m), 5)


def test_noise_permutes_and_loses_components() -> None:
    data, model = data_of(scattered()), GaussianMixture(k=3, noise=True)
    params = begin(blank(data, model, Start(), 0)).snapshot.params
    order = np.array([2, 0, 1])
    turned = model.permute(params, order)
    np.testing.assert_allclose(model.scores(data, turned), model.scores(data, params)[:, [2, 0, 1, 3]])
    less = model.without(params, 1)
    assert less.means.shape == (2, 2) and less.weights.sum() == pytest.approx(1.0) and len(less.weights) == 3
    assert np.array_equal(less.box, params.box)
    model.with_(k=2).check(data, less)


def test_noise_needs_a_volume_and_its_weight() -> None:
    flat = data_of(np.column_stack([np.arange(9.0), np.ones(9)]))
    assert "no volume" in GaussianMixture(covariance="VII", noise=True).accepts(flat)
    with pytest.raises(UserError, match="weights"):
        GaussianMixture(noise=True).from_dict({"weights": [1.0], "means": [[0.0]], "covariances": [[[1.0]]]})


# -- missing cells -----------------------------------------------------------------------------------------------------
def holes(n: int = 90, d: int = 3, share: float = 0.25, seed: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = clusters(n, d, seed) @ (np.eye(d) + 0.3 * rng.standard_normal((d, d)))
    x[rng.random(x.shape) < share] = np.nan
    return x


def brute_iteration(x: np.ndarray, p: GaussianParams) -> tuple[float, GaussianParams]:
    """(log-likelihood of p, p after one iteration): conditional moments row by row."""
    n, d = x.shape
    k = len(p.weights)
    scores = np.tile(np.log(p.weights), (n, 1))
    filled, spare = np.zeros((n, k, d)), np.zeros((n, k, d, d))
    for i, row in enumerate(x):
        o, m = np.flatnonzero(~np.isnan(row)), np.flatnonzero(np.isnan(row))
        for j in range(k):
            mu, c = p.means[j], p.covariances[j]
            if o.size:
                scores[i, j] += multivariate_normal(mu[o], c[np.ix_(o, o)]).logpdf(row[o])
            filled[i, j], spare[i, j][np.ix_(m, m)] = row, c[np.ix_(m, m)]
            gain = c[np.ix_(m, o)] @ np.linalg.inv(c[np.ix_(o, o)]) if o.size else np.zeros((m.size, 0))
            filled[i, j, m] = mu[m] + gain @ (row[o] - mu[o])
            spare[i, j][np.ix_(m, m)] -= gain @ c[np.ix_(o, m)]
    r = np.exp(scores - np.logaddexp.reduce(scores, axis=1)[:, None])
    means = np.einsum("ik,ikd->kd", r, filled) / r.sum(0)[:, None]
    y = filled - means
    covariances = (np.einsum("ik,ikd,ike->kde", r, y, y) + np.einsum("ik,ikde->kde", r, spare)) / r.sum(0)[
        :, None, None
    ]
    return float(np.logaddexp.reduce(scores, axis=1).sum()), GaussianParams(r.mean(0), means, covariances)


def test_missing_cells_are_integrated_out_as_by_brute_force() -> None:
    x = holes()
    x[5] = np.nan  # a row of which nothing is known
    data = data_of(x, "marginal")
    assert data.n == len(x) and np.array_equal(data.mask, np.isnan(x))
    m = begin(blank(data, GaussianMixture(k=2), Start(), 0))
    expected = m.snapshot.params
    for _ in range(6):
        likelihood, expected = brute_iteration(x, expected)
        assert m.snapshot.log_likelihood == pytest.approx(likelihood, rel=1e-12)
        m = advance(advance(m))
        for name, got, want in zip(expected._fields, m.snapshot.params, expected):
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_missing_cells_climb_in_every_family(covariance) -> None:
    data = data_of(holes(), "marginal")
    for method in GaussianMixture.starts:
        climbs(begin(blank(data, GaussianMixture(k=2, covariance=covariance), Start(method), 0)), 12)


def test_missing_cells_with_weights_noise_and_priors() -> None:
    x = holes(120, 2, 0.2)
    data = replace(data_of(x, "marginal"), weights=frozen(np.random.default_rng(0).uniform(0.5, 2, 120)))
    climbs(begin(blank(data, GaussianMixture(k=2, noise=True, **PRIORS), Start(), 0)))


@given(st.integers(0, 10_000), st.floats(0.0, 0.7))
@settings(max_examples=25, deadline=None)
def test_any_pattern_of_missing_cells_climbs(seed: int, share: float) -> None:
    data = data_of(holes(60, 2, share, seed), "marginal")
    climbs(begin(blank(data, GaussianMixture(k=2, covariance="VVI", prior_covariances=1.0), Start(), seed)), 8)


def test_no_missing_cell_is_the_plain_data() -> None:
    data = data_of(clusters(), "marginal")
    assert data.mask is None
    full = replace(data, mask=frozen(np.zeros(data.x.shape, bool)))
    a, b = (begin(blank(d, GaussianMixture(k=3), Start(), 0)) for d in (data, full))
    for _ in range(10):
        a, b = advance(a), advance(b)
    assert a.snapshot.log_likelihood == pytest.approx(b.snapshot.log_likelihood, rel=1e-13)
    np.testing.assert_allclose(a.snapshot.params.means, b.snapshot.params.means, rtol=1e-9)


def test_far_and_large_data_with_missing_cells() -> None:
    x = holes(80, 2, 0.2)
    near = run(blank(data_of(x, "marginal"), GaussianMixture(), Start(), 0), Stopping(tol=0, max_iter=20))
    far = run(
        blank(data_of(x * 2.0**40 + 2.0**46, "marginal"), GaussianMixture(), Start(), 0), Stopping(tol=0, max_iter=20)
    )
    np.testing.assert_allclose((far.params.means - 2.0**46) / 2.0**40, near.params.means, rtol=1e-9)


def test_a_column_without_a_value_is_refused() -> None:
    x = clusters()
    x[:, 1] = np.nan
    with pytest.raises(UserError, match="all its cells are missing"):
        data_of(x, "marginal")


def test_standardising_leaves_missing_cells_out() -> None:
    x = holes(50, 2)
    data = data_of(x, "marginal")
    scale = scale_of(data)
    np.testing.assert_allclose(scale.means, np.nanmean(x, axis=0))
    np.testing.assert_allclose(scale.sds, np.nanstd(x, axis=0))
    scaled = scale.apply(data)
    assert np.array_equal(scaled.mask, data.mask)
    np.testing.assert_allclose(np.nanstd(scaled.observed, axis=0), 1.0)


def test_other_models_predict_with_missing_cells_too() -> None:
    from emstudio.models.student_t import StudentMixture

    data = data_of(holes(60, 2), "marginal")
    model = StudentMixture()
    params = begin(blank(data_of(clusters()), model, Start(), 0)).snapshot.params
    np.testing.assert_array_equal(model.scores(data, params), model.scores_at(params, data.observed))


def test_extras_accelerate() -> None:
    data = data_of(scattered(300))
    for model in (GaussianMixture(noise=True), GaussianMixture(k=3, **PRIORS)):
        plain = run(blank(data, model, Start(), 0), Stopping(tol=1e-11, max_iter=3000))
        fast = run(blank(data, model, Start(), 0, accelerate=True), Stopping(tol=1e-11, max_iter=3000))
        assert fast.moment.objective >= plain.moment.objective - 1e-6
