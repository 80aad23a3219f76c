"""SQUAREM: the same optimum in fewer passes, never behind plain EM, honest about what is left."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from emstudio.core.data import dataset, painted
from emstudio.core.em import advance, begin, blank, edited
from emstudio.core.errors import Degenerate
from emstudio.core.model import Start
from emstudio.core.runs import run
from emstudio.core.stopping import Stopping
from emstudio.models.gaussian import GaussianMixture, GaussianParams


def overlapping(d: int = 2, n: int = 400, seed: int = 8, gap: float = 1.5):
    rng = np.random.default_rng(seed)
    centres = np.linspace(0.0, 2.0 * gap, 3)[:, None] * np.ones(d)
    return dataset(painted(centres[rng.integers(3, size=n)] + rng.standard_normal((n, d)), [f"x{j}" for j in range(d)]))


class Counting(GaussianMixture):
    """Counts its passes over the data."""

    passes = 0

    def e_step(self, *arguments, **named):
        Counting.passes += 1
        return super().e_step(*arguments, **named)


def ended(data, accelerate: bool, covariance: str = "VVV", k: int = 3, tol: float = 1e-11):
    model = Counting(k=k, covariance=covariance)
    Counting.passes = 0
    done = run(blank(data, model, Start("points"), 3, accelerate=accelerate), Stopping(tol=tol, max_iter=20_000))
    assert done.converged
    return done, Counting.passes


@pytest.mark.parametrize("d", [1, 2])
def test_the_same_optimum_in_a_third_of_the_passes(d):
    data = overlapping(d)
    plain, many = ended(data, False, "EEE")
    fast, few = ended(data, True, "EEE")
    assert fast.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-7)
    assert few < many / 3


@pytest.mark.parametrize("covariance", ["EII", "VII", "EEI", "VVI", "EEE", "VEE", "EEV", "VVV"])
def test_the_likelihood_never_falls_and_the_family_is_kept(covariance):
    data = overlapping()
    if covariance not in {v for p in GaussianMixture.parameters() for v, _ in p.choices}:
        pytest.skip("a family that is not here")
    model = GaussianMixture(k=2, covariance=covariance)
    m = begin(blank(data, model, Start(), 1, accelerate=True))
    levels = [m.snapshot.log_likelihood]
    for _ in range(40):
        m = advance(m)
        levels.append(m.snapshot.log_likelihood)
    assert all(b >= a - 1e-12 * abs(a) for a, b in pairwise(levels))
    params = m.snapshot.params
    q = model.e_step(data, params, m.how, m.rng())
    again = model.m_step(data, params, q)  # at the optimum of the family the M-step moves nothing
    assert model.bound(data, again, q) == pytest.approx(q.log_likelihood, abs=1e-4)


def test_a_cycle_is_not_behind_two_plain_steps():
    data, model = overlapping(), GaussianMixture(k=3)
    fast = begin(blank(data, model, Start("points"), 5, accelerate=True))
    for _ in range(30):
        plain = edited(fast, accelerate=False)
        for _ in range(4):
            plain = advance(plain)
        fast = advance(advance(fast))
        assert fast.snapshot.log_likelihood >= plain.snapshot.log_likelihood - 1e-12 * abs(
            plain.snapshot.log_likelihood
        )


def test_a_cycle_is_one_iteration_whose_bound_belongs_to_the_colours_shown():
    m = begin(blank(overlapping(), GaussianMixture(k=3), Start(), 0, accelerate=True))
    e = advance(m)
    after = advance(e)
    assert (e.label, after.label, after.snapshot.t) == ("E1", "M1", 1)
    assert after.snapshot.posterior is e.snapshot.posterior
    bound = after.model.bound(after.data, after.snapshot.params, e.snapshot.posterior)
    assert after.snapshot.bound == bound <= after.snapshot.log_likelihood
    assert not after.promises.climbs and after.promises.monotone


def test_it_stops_only_when_little_is_left():
    """Also on a long ridge: three components closer than two standard deviations, where plain EM needs 6,000 steps."""
    for seed, gap in ((8, 1.5), (1, 1.0), (3, 1.0), (2, 1.5)):
        data = overlapping(1, seed=seed, gap=gap)
        best = ended(data, True, "VVV", tol=1e-12)[0].log_likelihood
        for tol, most in ((1e-6, 12), (1e-8, 2)):
            done, _ = ended(data, True, "VVV", tol=tol)
            assert best - done.log_likelihood < most * tol * data.total, (seed, tol)


def test_the_same_bits_twice():
    a, b = (ended(overlapping(), True)[0] for _ in range(2))
    assert all((x == y).all() for x, y in zip(a.params, b.params))
    assert [e.log_likelihood for e in a.trace] == [e.log_likelihood for e in b.trace]


def test_an_edit_forgets_what_was_learned_of_the_speed():
    m = begin(blank(overlapping(), GaussianMixture(k=3), Start(), 0, accelerate=True))
    for _ in range(8):
        m = advance(m)
    assert m.left is not None and m.left > 0
    assert edited(m, params=m.snapshot.params).left is None
    assert edited(m, accelerate=False).acceleration is None


def test_a_collapse_is_met_as_without():
    data = dataset(painted([[0.0], [0.1], [0.2], [0.3], [9.0]], ["x"]))
    params = GaussianParams(np.array([0.5, 0.5]), np.array([[0.15], [9.0]]), np.array([[[1.0]], [[1e-4]]]))
    m = begin(blank(data, GaussianMixture(k=2), Start("params", params=params), 0, accelerate=True))
    with pytest.raises(Degenerate):
        for _ in range(10):
            m = advance(m)
    assert np.isfinite(m.snapshot.log_likelihood)
