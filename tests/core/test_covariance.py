"""The fourteen covariance families: members by construction, maxima by brute force, and no way to make them fail."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm
from scipy.optimize import minimize

from emstudio.core.covariance import ALIASES, COVARIANCES, Covariance
from emstudio.core.data import dataset, painted
from emstudio.core.em import advance, begin, blank
from emstudio.core.errors import Degenerate
from emstudio.core.frame import frame_of
from emstudio.core.gaussian import Gaussian
from emstudio.core.gaussian_types import diagonal_matrices
from emstudio.core.model import Start
from emstudio.core.orientation import joint_axes, rounds
from emstudio.models.gaussian import GaussianMixture, GaussianParams

EVERY = pytest.mark.parametrize("family", COVARIANCES.values(), ids=lambda c: c.name)


def scatters(rng: np.random.Generator, k: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Scatter matrices of different sizes, shapes and orientations, and counts."""
    n = rng.uniform(5, 60, k)
    turned = rng.standard_normal((k, d, d)) * rng.uniform(0.3, 2.0, (k, 1, d))
    return n[:, None, None] * (turned @ turned.transpose(0, 2, 1) + 0.1 * np.eye(d)), n


def fitted(family: Covariance, w: np.ndarray, n: np.ndarray, previous: np.ndarray | None = None) -> np.ndarray:
    if family.diagonal:
        w = np.diagonal(w, axis1=1, axis2=2)
        previous = None if previous is None else np.diagonal(previous, axis1=1, axis2=2)
    return diagonal_matrices(family.shape(w, n, previous))


def expected(covariances: np.ndarray, w: np.ndarray, n: np.ndarray) -> float:
    """-1/2 sum_k (n_k log |Sigma_k| + tr(W_k Sigma_k^-1))."""
    log_det = np.linalg.slogdet(covariances)[1]
    return float(-0.5 * (n * log_det + np.trace(np.linalg.solve(covariances, w), axis1=1, axis2=2)).sum())


def members(family: Covariance, at: np.ndarray, k: int, d: int) -> np.ndarray:
    """(K, d, d) the member of the family that free numbers `at` stand for: log volumes, log shapes, skew matrices."""
    numbers = iter(at)

    def each(letter: str, size: int) -> np.ndarray:
        some = {"I": 0, "E": 1, "V": k}[letter]
        drawn = np.array([[next(numbers) for _ in range(size)] for _ in range(some)]).reshape(some, size)
        return np.zeros((k, size)) if some == 0 else np.broadcast_to(drawn, (k, size))

    volumes = np.exp(each(family.name[0], 1))
    logs = each(family.name[1], d - 1)
    shapes = np.exp(np.column_stack([logs, -logs.sum(1)]))
    skew = np.zeros((k, d, d))
    i, j = np.triu_indices(d, 1)
    skew[:, i, j] = each(family.name[2], len(i))
    turns = np.stack([expm(s - s.T) for s in skew])
    assert next(numbers, None) is None
    return (turns * (volumes * shapes)[:, None, :]) @ turns.transpose(0, 2, 1)


# -- what a family is --------------------------------------------------------------------------------------------------
def test_the_everyday_families_come_first_and_have_their_names() -> None:
    assert list(COVARIANCES)[:4] == ["VVV", "EEE", "VVI", "VII"] and len(COVARIANCES) == 14
    for name, family in COVARIANCES.items():
        assert f"({name})" in family.title
    spelled = {s: GaussianMixture.make(k=2, covariance=s).covariance for s in ALIASES}
    assert spelled == {"full": "VVV", "tied": "EEE", "diag": "VVI", "spherical": "VII", "E": "EII", "V": "VII"}


@EVERY
@pytest.mark.parametrize("d", [1, 2, 4])
def test_members_share_exactly_what_the_name_says(family: Covariance, d: int) -> None:
    w, n = scatters(np.random.default_rng(d), 3, d)
    covariances = fitted(family, w, n)
    np.testing.assert_allclose(covariances, covariances.transpose(0, 2, 1), atol=1e-14 * np.abs(covariances).max())
    values = np.linalg.eigvalsh(covariances)
    assert (values > 0).all()
    volumes = np.exp(np.log(values).mean(1))
    shapes = values / volumes[:, None]
    volume, shape, orientation = family.name
    assert np.allclose(volumes, volumes[0], rtol=1e-12) == (volume == "E")
    if d == 1:
        return
    if shape == "I":
        np.testing.assert_allclose(shapes, 1.0, rtol=1e-12)
    elif orientation == "I":
        own = np.diagonal(covariances, axis1=1, axis2=2) / volumes[:, None]
        assert np.allclose(own, own[0], rtol=1e-12) == (shape == "E")
    else:
        assert np.allclose(shapes, shapes[0], rtol=1e-11) == (shape == "E")
    off = covariances[:, *np.triu_indices(d, 1)]
    assert (off == 0).all() == (orientation == "I")
    products = [covariances[a] @ covariances[b] for a, b in combinations(range(3), 2)]
    commute = all(np.abs(p - p.T).max() < 1e-11 * np.abs(p).max() for p in products)
    assert commute == (orientation != "V")


@EVERY
@pytest.mark.parametrize(("k", "d"), [(2, 1), (2, 2), (3, 2), (2, 3)])
def test_an_m_step_is_the_maximum_that_brute_force_finds(family: Covariance, k: int, d: int) -> None:
    rng = np.random.default_rng(10 * k + d)
    w, n = scatters(rng, k, d)
    ours = expected(fitted(family, w, n), w, n)

    def cost(at: np.ndarray) -> float:
        return -expected(members(family, at, k, d), w, n)

    ends = [minimize(cost, rng.normal(0, 0.5, family.free(k, d)), method="BFGS").fun for _ in range(2)]
    assert -min(ends) == pytest.approx(ours, abs=1e-5 * abs(ours))
    assert ours >= -min(ends) - 1e-10 * abs(ours)


@EVERY
@pytest.mark.parametrize("d", [1, 2, 5])
def test_from_previous_covariances_it_never_gets_worse(family: Covariance, d: int) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        previous = fitted(family, *scatters(rng, 3, d))
        w, n = scatters(rng, 3, d)
        now = fitted(family, w, n, previous)
        assert expected(now, w, n) >= expected(previous, w, n)
        again = fitted(family, w, n, now)
        assert expected(again, w, n) >= expected(now, w, n) - 1e-13 * abs(expected(now, w, n))
        np.testing.assert_allclose(fitted(family, n[:, None, None] * now, n, now), now, rtol=1e-9, atol=1e-9)


# -- common axes -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("d", range(1, 9))
def test_rounds_hold_every_pair_once_and_no_axis_twice(d: int) -> None:
    pairs = [tuple(sorted(pair)) for p, q in rounds(d) for pair in zip(p.tolist(), q.tolist())]
    assert sorted(pairs) == list(combinations(range(d), 2))
    for p, q in rounds(d):
        assert len({*p.tolist(), *q.tolist()}) == 2 * len(p)


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 4, 1.2])
def test_the_axes_of_a_cross_are_found_though_its_average_is_round(angle: float) -> None:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    lying, standing = np.diag([9.0, 1.0]), np.diag([1.0, 9.0])
    cross = np.stack([turn @ c @ turn.T for c in (lying, standing)])
    axes = joint_axes(np.linalg.cholesky(cross).transpose(0, 2, 1))
    for c in cross:
        assert abs((axes.T @ c @ axes)[0, 1]) < 1e-13
    for name in ("EVE", "VVE"):
        np.testing.assert_allclose(COVARIANCES[name].shape(10.0 * cross, np.full(2, 10.0), cross), cross, atol=1e-12)
        np.testing.assert_allclose(COVARIANCES[name].shape(10.0 * cross, np.full(2, 10.0), None), cross, atol=1e-12)


def test_common_axes_are_found_in_columns_of_very_different_size() -> None:
    rng = np.random.default_rng(4)
    axes = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    logs = rng.uniform(-8, 8, (3, 4))
    made = (axes * 10.0 ** (logs[:, None, :] / 2)) @ axes.T
    found = joint_axes(np.linalg.cholesky(made).transpose(0, 2, 1))
    np.testing.assert_allclose(np.abs(axes.T @ found).max(0), 1.0, atol=1e-6)


# -- in the engine -----------------------------------------------------------------------------------------------------
def data_of(x: np.ndarray):
    return dataset(painted(x, [f"x{j + 1}" for j in range(x.shape[1])]))


def blobs(n: int = 120) -> np.ndarray:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((n // 2, 3)) @ np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 0.3], [0.0, 0.0, 0.7]])
    b = rng.standard_normal((n - n // 2, 3)) * [2.0, 0.5, 1.0] + [3.0, 2.0, -2.0]
    return np.concatenate([a, b])


def after(x: np.ndarray, family: str, start: GaussianParams, iterations: int = 8):
    m = begin(blank(data_of(x), GaussianMixture(k=2, covariance=family), Start("params", params=start), 0))
    for _ in range(iterations):
        m = advance(advance(m))
    return m.snapshot


@EVERY
@pytest.mark.parametrize("scale", [1e148, 1e-140, 1e-3])
def test_a_common_scale_changes_nothing_but_the_units(family: Covariance, scale: float) -> None:
    x = blobs()
    p = begin(blank(data_of(x), GaussianMixture(k=2, covariance=family.name), Start(), 0)).snapshot.params
    a = after(x, family.name, p)
    b = after(x * scale, family.name, GaussianParams(p.weights, p.means * scale, p.covariances * scale * scale))
    np.testing.assert_allclose(b.params.means / scale, a.params.means, atol=1e-9)
    np.testing.assert_allclose(b.params.covariances / scale / scale, a.params.covariances, atol=1e-8)
    assert b.log_likelihood == pytest.approx(a.log_likelihood - 3 * len(x) * np.log(scale), rel=1e-11)


@EVERY
def test_a_scale_for_each_column_is_free_only_where_the_family_says_so(family: Covariance) -> None:
    x, scales = blobs(), np.array([1e6, 1.0, 1e-4])
    p = begin(blank(data_of(x), GaussianMixture(k=2, covariance=family.name), Start(), 0)).snapshot.params
    a = after(x, family.name, p)
    moved = GaussianParams(p.weights, p.means * scales, p.covariances * np.outer(scales, scales))
    b = after(x * scales, family.name, moved)
    same = np.allclose(b.params.means / scales, a.params.means, atol=1e-8)
    assert same == family.scale_free


@pytest.mark.parametrize("name", [f.name for f in COVARIANCES.values() if not f.diagonal or f.round])
def test_families_without_axes_of_their_own_turn_with_the_data(name: str) -> None:
    x, turn = blobs(), np.linalg.qr(np.random.default_rng(7).standard_normal((3, 3)))[0]
    p = begin(blank(data_of(x), GaussianMixture(k=2, covariance=name), Start(), 0)).snapshot.params
    a = after(x, name, p)
    b = after(x @ turn, name, GaussianParams(p.weights, p.means @ turn, turn.T @ p.covariances @ turn))
    np.testing.assert_allclose(b.params.means @ turn.T, a.params.means, atol=1e-8)
    np.testing.assert_allclose(turn @ b.params.covariances @ turn.T, a.params.covariances, atol=1e-8)


def test_in_one_column_there_are_two_families() -> None:
    x = blobs()[:, :1]
    found = {"E": set(), "V": set()}
    for name in COVARIANCES:
        m = begin(blank(data_of(x), GaussianMixture(k=2, covariance=name), Start(), 0))
        for _ in range(10):
            m = advance(advance(m))
        found[name[0]].add(round(m.snapshot.log_likelihood, 9))
    assert len(found["E"]) == 1 and len(found["V"]) == 1 and found["E"] != found["V"]


@EVERY
def test_a_floor_is_added_to_the_diagonal_of_what_the_family_made(family: Covariance) -> None:
    """In the first M-step and in later ones, whose iterations start from covariances that hold the floor already."""
    data = data_of(blobs())
    plain, model = (GaussianMixture(k=3, covariance=family.name, floor=f) for f in (0.0, 0.3))
    m = begin(blank(data, model, Start(), 0))
    for _ in range(5):
        m = advance(m)
        before = m.snapshot.params._replace(covariances=m.snapshot.params.covariances - 0.3 * np.eye(3))
        bare = plain.m_step(data, before, m.snapshot.posterior).covariances
        m = advance(m)
        np.testing.assert_allclose(m.snapshot.params.covariances, bare + 0.3 * np.eye(3), rtol=1e-9, atol=1e-10)
    assert not m.promises.monotone and m.promises.touches


@EVERY
def test_a_floor_makes_any_scatter_sound(family: Covariance) -> None:
    x = blobs()
    x[:5] = [9.0, 9.0, 9.0]
    labels = np.r_[np.zeros(5, int), np.ones(len(x) - 5, int)]
    model = GaussianMixture(k=2, covariance=family.name, floor=0.25)
    p = begin(blank(data_of(x), model, Start("labels", labels=labels), 0)).snapshot.params
    assert np.linalg.eigvalsh(p.covariances).min() > 0
    values = np.linalg.eigvalsh(p.covariances)
    if family.name in ("VVV", "VVI", "VII"):
        np.testing.assert_allclose(p.covariances[0], 0.25 * np.eye(3), rtol=1e-12)
    if family.name[0] == "E" and family.name[1] != "V":
        without = begin(blank(data_of(x), model.with_(floor=0.0), Start("labels", labels=labels), 0)).snapshot.params
        np.testing.assert_allclose(values, np.linalg.eigvalsh(without.covariances) + 0.25, rtol=1e-10)


LOST = {
    "one point": (np.zeros((6, 3)), "VVV VVI VII VEI EVI VEE EVE VVE VEV EVV"),
    "a line": (np.outer(np.arange(6.0), [1.0, 2.0, -1.0]), "VVV EVE VVE EVV"),
    "a column": (np.outer(np.arange(6.0) ** 2, [0.0, 0.0, 1.0]), "VVV VVI EVI EVE VVE EVV"),
}


@EVERY
@pytest.mark.parametrize("where", LOST)
def test_a_flat_component_is_lost_where_the_family_cannot_hold_it(family: Covariance, where: str) -> None:
    """Rows that do not fill their dimensions: the start says which component collapses, or stands on sound numbers."""
    flat, lost = LOST[where]
    x = np.concatenate([flat + 20.0, blobs()])
    labels = np.r_[np.zeros(6, int), np.ones(120, int)]
    blank_moment = blank(data_of(x), GaussianMixture(k=2, covariance=family.name), Start("labels", labels=labels), 0)
    try:
        m = begin(blank_moment)
    except Degenerate as news:
        assert news.notice.code == "collapse" and news.notice.component == 0
        assert news.notice.rows == tuple(range(6)) and "Component A is collapsing onto 6 rows" in str(news)
        assert family.name in lost.split()
        return
    assert family.name not in lost.split()
    assert np.isfinite(m.snapshot.log_likelihood) and np.linalg.eigvalsh(m.snapshot.params.covariances).min() > 0


@EVERY
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 4))
def test_no_scatter_makes_an_estimate_fail(family: Covariance, seed: int, k: int, d: int) -> None:
    """Singular, empty, huge and tiny scatters: covariances come out symmetric, or not finite; nothing is raised."""
    rng = np.random.default_rng(seed)
    n = 10.0 ** rng.uniform(-150, 5, k)
    rank = rng.integers(0, d + 1, k)
    w = np.zeros((k, d, d))
    for j in range(k):
        a = rng.standard_normal((d, rank[j])) * 10.0 ** rng.integers(-60, 60)
        w[j] = n[j] * a @ a.T
    x = rng.standard_normal((10, d))
    frame = frame_of(data_of(x))
    scatter = np.diagonal(w, axis1=1, axis2=2) if family.diagonal else w
    from emstudio.core.gaussian_types import Normal, Scatter

    previous = Normal(np.zeros((k, d)), np.repeat(np.eye(d)[None], k, 0))
    for before in (None, previous):
        made = Gaussian(family).estimate(Scatter(frame, n, np.zeros((k, d)), scatter), before).covariances
        sound = np.isfinite(made).all((1, 2))
        assert np.array_equal(made[sound], made[sound].transpose(0, 2, 1))
        if (rank == d).all() and np.ptp(np.log10(np.abs(w).max((1, 2)))) < 2:
            assert sound.all()


@pytest.mark.parametrize("name", ["EEV", "VEE", "EVE", "VVE", "EVV", "EVI"])
def test_a_reseeded_component_stays_in_the_family(name: str) -> None:
    x = blobs()
    model = GaussianMixture(k=2, covariance=name)
    m = advance(advance(begin(blank(data_of(x), model, Start(), 0))))
    p = model.reseed(data_of(x), m.snapshot.params, 1, np.random.default_rng(0))
    member = model.family().members(frame_of(data_of(x)), p.covariances)
    np.testing.assert_allclose(member, p.covariances, rtol=1e-9, atol=1e-10)
