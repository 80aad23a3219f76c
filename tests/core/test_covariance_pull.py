"""One component's covariance pulled by hand: the family holds, what it does not share stays, nothing becomes singular."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emstudio.core.covariance import COVARIANCES, Covariance
from emstudio.core.covariance_pull import LEAST, pulled, spread
from emstudio.core.gaussian_types import diagonal_matrices

EVERY = pytest.mark.parametrize("family", COVARIANCES.values(), ids=lambda c: c.name)
FREE = pytest.mark.parametrize("family", [c for c in COVARIANCES.values() if not c.diagonal], ids=lambda c: c.name)
K = 3


def members(family: Covariance, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, means and covariances (K, d, d) of the family."""
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((K, d, d)) + np.eye(d)
    scatter = 20 * (root @ root.transpose(0, 2, 1) + 0.1 * np.eye(d))
    w = np.diagonal(scatter, axis1=1, axis2=2) if family.diagonal else scatter
    made = diagonal_matrices(family.shape(w, np.full(K, 20.0), None))
    made = 0.5 * (made + made.transpose(0, 2, 1))
    return np.array([0.5, 0.3, 0.2]), rng.standard_normal((K, d)), made


def block(seed: int, d: int = 2) -> np.ndarray:
    root = np.random.default_rng(100 + seed).standard_normal((d, d))
    return root @ root.T + 0.2 * np.eye(d)


def entries(b: np.ndarray) -> tuple[float, ...]:
    return tuple(b[np.tril_indices(len(b))].tolist())


def pull(family: Covariance, start, columns: tuple[int, ...], b: np.ndarray, k: int = 1) -> np.ndarray:
    return pulled(family, *start, k, columns, entries(b))


def volumes(c: np.ndarray) -> np.ndarray:
    return np.linalg.det(c) ** (1 / c.shape[1])


def shapes(c: np.ndarray) -> np.ndarray:
    """(K, d) normalised eigenvalues, or for diagonal ones the diagonals as they stand."""
    d = c.shape[1]
    axes = all(np.array_equal(m, np.diag(np.diagonal(m))) for m in c)
    values = np.diagonal(c, axis1=1, axis2=2) if axes else np.linalg.eigvalsh(c)
    return values / volumes(c)[:, None] if d > 1 else np.ones((len(c), 1))


def holds(family: Covariance, c: np.ndarray) -> None:
    volume, form, axes = family.name
    if volume == "E":
        np.testing.assert_allclose(volumes(c), volumes(c)[0], rtol=1e-9)
    if form == "E":
        np.testing.assert_allclose(shapes(c), np.tile(shapes(c)[0], (K, 1)), rtol=1e-8)
    if form == "I":
        np.testing.assert_allclose(shapes(c), 1.0, rtol=1e-12)
    if axes == "I":
        assert all(np.array_equal(m, np.diag(np.diagonal(m))) for m in c)
    if axes == "E":
        for a, b in combinations(c, 2):
            np.testing.assert_allclose(a @ b, b @ a, atol=1e-9 * np.abs(a @ b).max())
    assert np.array_equal(c, c.transpose(0, 2, 1))
    assert np.linalg.eigvalsh(c).min() > 0


@EVERY
@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_the_pulled_component_is_as_asked_and_the_family_holds(family, d):
    for seed in range(8):
        start = members(family, d, seed)
        columns = (0,) if d == 1 else (d - 1, 0)
        wanted = block(seed, len(columns))
        new = pull(family, start, columns, wanted)
        holds(family, new)
        found = new[1][np.ix_(columns, columns)]
        if family.round:
            wanted = np.eye(len(columns)) * np.diagonal(wanted).mean()
        elif family.diagonal:
            wanted = np.diag(np.diagonal(wanted))
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


@EVERY
def test_others_keep_what_is_their_own(family):
    volume, form, axes = family.name
    start = members(family, 3)
    old, new = start[2], pull(family, start, (0, 1), block(1))
    others = [0, 2]
    if "E" not in family.name:
        assert np.array_equal(new[others], old[others])
    if volume == "V":
        np.testing.assert_allclose(volumes(new)[others], volumes(old)[others], rtol=1e-9)
    if form == "V":
        np.testing.assert_allclose(shapes(new)[others], shapes(old)[others], rtol=1e-8)
    if axes == "V":
        for k in others:
            np.testing.assert_allclose(old[k] @ new[k], new[k] @ old[k], atol=1e-8 * np.abs(old[k] @ new[k]).max())
    if family.shared:
        assert np.array_equal(new[0], new[1]) and np.array_equal(new[2], new[1])


@FREE
def test_columns_that_are_not_shown_keep_their_own_covariance(family):
    start = members(family, 4)
    new = pull(family, start, (2, 0), block(3))
    kept = np.ix_([1, 3], [1, 3])
    assert np.array_equal(new[1][kept], start[2][1][kept])


def test_with_the_same_correlation_all_correlations_stay():
    start = members(COVARIANCES["VVV"], 4)
    old = start[2][1]
    stretch = np.diag([3.0, 0.5])
    new = pull(COVARIANCES["VVV"], start, (2, 0), stretch @ old[np.ix_([2, 0], [2, 0])] @ stretch)[1]
    alone = pull(COVARIANCES["VVV"], start, (3,), np.array([[7.0]]))[1]

    def correlations(c):
        return c / np.sqrt(np.outer(np.diagonal(c), np.diagonal(c)))

    np.testing.assert_allclose(correlations(new), correlations(old), rtol=1e-11)
    np.testing.assert_allclose(correlations(alone), correlations(old), rtol=1e-11)
    assert alone[3, 3] == pytest.approx(7.0)


@FREE
def test_the_way_of_the_hand_does_not_matter(family):
    """Out, round and back is where it was; a detour ends where the straight way does."""
    start = members(family, 4)
    first = entries(start[2][1][:2, :2])
    away = pull(family, start, (0, 1), block(5))
    twice = pulled(family, *start[:2], away, 1, (0, 1), entries(block(6)))
    np.testing.assert_allclose(twice[1], pull(family, start, (0, 1), block(6))[1], rtol=1e-9, atol=1e-12)
    back = pulled(family, *start[:2], twice, 1, (0, 1), first)
    np.testing.assert_allclose(back[1], start[2][1], rtol=1e-9, atol=1e-12)


@EVERY
def test_the_same_again_changes_no_bit(family):
    start = members(family, 3)
    assert pull(family, start, (0, 2), start[2][1][np.ix_([0, 2], [0, 2])]) is start[2]


def test_units_of_the_columns_do_not_matter():
    start = members(COVARIANCES["VVV"], 3)
    units = np.diag([1e6, 1e-3, 7.0])
    wanted = block(2)
    scaled = pulled(
        COVARIANCES["VVV"],
        start[0],
        start[1] @ units,
        units @ start[2] @ units,
        1,
        (0, 1),
        entries(units[:2, :2] @ wanted @ units[:2, :2]),
    )
    plain = pull(COVARIANCES["VVV"], start, (0, 1), wanted)
    np.testing.assert_allclose(scaled, units @ plain @ units, rtol=1e-10)


@pytest.mark.parametrize("name", ["EVE", "VVE"])
@pytest.mark.parametrize("k", [1, 2])
def test_turned_in_small_steps_the_others_turn_along(name, k):
    """Common axes in the plane: all turn by the angle of the pulled one, whose long axis may be the others' short one."""
    family = COVARIANCES[name]
    start = np.array([np.diag(v) for v in ([4.0, 1.0], [9.0, 4 / 9], [1.0, 4.0])])
    assert np.allclose(volumes(start), 2.0)
    now, weights, means = start, np.full(K, 1 / K), np.zeros((K, 2))
    for angle in np.linspace(0.0, 1.3, 27)[1:]:
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        now = pulled(family, weights, means, now, k, (0, 1), entries(turn @ start[k] @ turn.T))
        np.testing.assert_allclose(now, turn @ start @ turn.T, atol=1e-9)
    others = [j for j in range(K) if j != k]
    short, long = np.sort(np.diagonal(start[k]))
    axes = turn @ np.diag([1.0, -1.0] if start[k][0, 0] > 1 else [-1.0, 1.0])
    for length in np.linspace(
        np.sqrt(long), 0.2, 29
    ):  # the long half axis becomes the short one; the others keep theirs
        values = [length**2, short] if start[k][0, 0] > 1 else [short, length**2]
        now = pulled(family, weights, means, now, k, (0, 1), entries(axes @ np.diag(values) @ axes.T))
        seen = turn.T @ now @ turn
        assert ((seen[others, 0, 0] > seen[others, 1, 1]) == (start[others, 0, 0] > start[others, 1, 1])).all()


ANY = st.floats(allow_nan=True, allow_infinity=True)
SOME = st.floats(-1e8, 1e8)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(COVARIANCES)), st.integers(2, 4), st.tuples(ANY | SOME, ANY | SOME, ANY | SOME))
def test_nothing_that_is_asked_makes_it_singular(name, d, asked):
    family = COVARIANCES[name]
    start = members(family, d)
    if np.isfinite(asked).all():
        asked = tuple(float(np.clip(v, -1e8, 1e8)) for v in asked)
    new = pulled(family, *start, 1, (0, 1), asked)
    assert np.isfinite(new).all()
    sd = np.sqrt(np.diagonal(new, axis1=1, axis2=2))
    assert (np.linalg.eigvalsh(new / sd[:, :, None] / sd[:, None, :]) > 0).all()
    least = spread(*start)[:2]
    assert (np.diagonal(new[1])[:2] >= 0.999 * LEAST * (least.mean() if family.round else least)).all()
    if not np.isfinite(asked).all():
        assert new is start[2]
