"""The kinds of E-step against sums written out by hand: assignments, log-likelihood, bound, draws, replay."""

from __future__ import annotations

import numpy as np
import pytest

from emstudio.core.data import dataset, frozen, painted
from emstudio.core.em import Moment, advance, begin, blank, edited
from emstudio.core.errors import UserError
from emstudio.core.history import History, restore
from emstudio.core.how import EStep
from emstudio.core.model import Start, find
from emstudio.core.runs import multi_start, run
from emstudio.core.stopping import Stopping
from emstudio.models.gaussian import GaussianMixture, GaussianParams

HARD, DRAWN = EStep("hard"), EStep("stochastic")
FEW, MANY = 120, 3000  # both routes of the Gaussian engine


def data_of(n: int, weights: bool = False):
    rng = np.random.default_rng(4)
    centres = np.array([[0.0, 0.0], [2.5, 1.0], [-1.0, 3.0]])
    x = centres[rng.integers(3, size=n)] + rng.standard_normal((n, 2))
    made = dataset(painted(x))
    if weights:
        object.__setattr__(made, "weights", frozen(rng.uniform(0.2, 2.0, n)))
    return made


def started(data, how: EStep, seed: int = 1) -> Moment:
    return begin(blank(data, GaussianMixture(k=3), Start(), seed, how=how))


def log_joint(data, params) -> np.ndarray:
    """(n, K) log pi_k + log N(x | mu_k, Sigma_k), term by term."""
    out = []
    for w, mean, cov in zip(*params):
        y = data.x - mean
        square = (y @ np.linalg.inv(cov) * y).sum(1)
        out.append(np.log(w) - 0.5 * (square + np.log(np.linalg.det(2 * np.pi * cov))))
    return np.stack(out, axis=1)


def soft_of(s: np.ndarray) -> np.ndarray:
    e = np.exp(s - s.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.mark.parametrize("n", [FEW, MANY])
@pytest.mark.parametrize("weights", [False, True])
def test_hard_gives_each_row_to_its_most_probable_component(n, weights):
    data = data_of(n, weights)
    w = np.ones(n) if data.weights is None else data.weights
    m = started(data, HARD)
    for _ in range(5):
        s = log_joint(data, m.snapshot.params)
        m = advance(m)
        assert (m.snapshot.resp == np.eye(3)[s.argmax(1)]).all()
        assert m.snapshot.log_likelihood == pytest.approx(w @ np.log(np.exp(s).sum(1)), rel=1e-11)
        assert m.snapshot.bound == pytest.approx(w @ s.max(1), rel=1e-11)  # the classification log-likelihood
        r = m.snapshot.resp * w[:, None]
        m = advance(m)
        assert np.allclose(m.snapshot.params.weights, r.sum(0) / w.sum(), rtol=1e-12)
        assert np.allclose(m.snapshot.params.means, r.T @ data.x / r.sum(0)[:, None], rtol=1e-10)
        after = log_joint(data, m.snapshot.params)
        assert m.snapshot.bound == pytest.approx((r * after).sum(), rel=1e-10)


def test_hard_ties_go_to_the_first_component():
    data = dataset(painted([[0.0], [1.0], [3.0], [4.0], [2.0]], ["x"]))
    params = GaussianParams(np.array([0.5, 0.5]), np.array([[3.0], [1.0]]), np.ones((2, 1, 1)))
    m = advance(begin(blank(data, GaussianMixture(k=2), Start("params", params=params), 0, how=HARD)))
    assert m.snapshot.resp[4].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("kind", ["hard", "annealed"])
@pytest.mark.parametrize("temperature", [0.4, 3.0])
def test_the_bound_climbs_on_both_half_steps(kind, temperature):
    m = advance(started(data_of(FEW), EStep(kind, temperature)))
    last = -np.inf
    for _ in range(60):
        assert m.snapshot.bound >= last - 1e-10 * abs(m.snapshot.bound)
        last, m = m.snapshot.bound, advance(m)


@pytest.mark.parametrize("n", [FEW, MANY])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_annealed_divides_the_scores_before_they_are_normalised(n, temperature):
    data = data_of(n)
    m = started(data, EStep("annealed", temperature))
    s = log_joint(data, m.snapshot.params)
    r = soft_of(s / temperature)
    m = advance(m)
    np.testing.assert_allclose(m.snapshot.resp, r, rtol=0, atol=1e-11)
    assert m.snapshot.log_likelihood == pytest.approx(np.log(np.exp(s).sum(1)).sum(), rel=1e-11)
    entropy = -(r * np.log(r)).sum()
    assert m.snapshot.posterior.entropy == pytest.approx(entropy, rel=1e-9)
    assert m.snapshot.bound == pytest.approx((r * s).sum() + temperature * entropy, rel=1e-11)


def test_annealed_at_one_is_soft_and_at_nearly_nothing_hard():
    data = data_of(FEW)
    soft, warm = started(data, EStep()), started(data, EStep("annealed", 1.0))
    for _ in range(10):
        soft, warm = advance(soft), advance(warm)
    np.testing.assert_allclose(warm.snapshot.resp, soft.snapshot.resp, atol=1e-12)
    assert warm.snapshot.bound == pytest.approx(soft.snapshot.bound, rel=1e-13)
    cold, hard = advance(started(data, EStep("annealed", 1e-300))), advance(started(data, HARD))
    assert (cold.snapshot.resp == hard.snapshot.resp).all()


def test_stochastic_draws_by_the_responsibilities():
    data = data_of(40)
    counts, runs = np.zeros((40, 3)), 400
    start = Start("params", params=started(data, EStep()).snapshot.params)
    for seed in range(runs):
        m = advance(begin(blank(data, GaussianMixture(k=3), start, seed, how=DRAWN)))
        assert set(np.unique(m.snapshot.resp)) <= {0.0, 1.0} and (m.snapshot.resp.sum(1) == 1).all()
        counts += m.snapshot.resp
    p = soft_of(log_joint(data, start.params))
    error = np.sqrt(p * (1 - p) / runs) + 1e-9
    assert (np.abs(counts / runs - p) <= 5 * error + 1e-12).all()


def test_every_iteration_draws_anew_and_every_seed_differs():
    data = data_of(FEW)
    first, again, other = (advance(started(data, DRAWN, seed)) for seed in (1, 1, 2))
    assert (first.snapshot.resp == again.snapshot.resp).all()
    assert (first.snapshot.resp != other.snapshot.resp).any()
    params = first.snapshot.params
    later = advance(edited(advance(first), params=params))  # the same parameters, one iteration later
    assert (later.snapshot.resp != first.snapshot.resp).any()


@pytest.mark.parametrize("how", [HARD, DRAWN, EStep("annealed", 2.0)], ids=lambda h: h.kind)
def test_responsibilities_that_were_let_go_are_made_again_bit_for_bit(how):
    history = History(budget=0)
    m = started(data_of(FEW), how)
    history.add(m, "load")
    shown = []
    for _ in range(40):
        m = advance(m)
        shown.append((history.add(m, "step"), m))
    edit = edited(m, how=EStep("annealed", 3.0))
    shown.append((history.add(edit, "edit"), edit))
    assert sum(history.forgotten(node) for node, _ in shown) > 10
    for node, before in shown:
        made = restore(node.path())
        assert (made.snapshot.resp == before.snapshot.resp).all()


def test_the_e_step_can_change_within_a_run():
    m = advance(advance(started(data_of(FEW), EStep())))
    m = edited(m, how=HARD)
    assert m.next == "E" and m.label == "edit"
    m = advance(m)
    assert set(np.unique(m.snapshot.resp)) == {0.0, 1.0} and m.snapshot.t == 1


def test_what_a_run_may_promise_follows_from_its_e_step():
    soft, hard, drawn = (started(data_of(FEW), how).promises for how in (EStep(), HARD, DRAWN))
    assert soft == GaussianMixture.promises
    assert hard.climbs and hard.exact and not hard.monotone and not hard.touches
    assert not drawn.climbs and not drawn.exact


def test_a_stochastic_run_ends_by_its_iterations_only():
    done = run(blank(data_of(FEW), GaussianMixture(k=3), Start(), 0, how=DRAWN), Stopping(tol=1e9, max_iter=7))
    assert (done.stop, done.iterations) == ("max-iter", 7)


def test_several_hard_starts_end_in_several_optima():
    tally = multi_start(data_of(FEW), find("gaussian").make(k=3), Start("points"), 0, 6, Stopping(), how=HARD)
    assert tally.best is not None and tally.best.converged
    assert sum(o.starts for o in tally.optima()) + tally.collapsed == 6


@pytest.mark.parametrize("values", [("warm",), ("annealed", 0.0), ("annealed", float("inf")), ("soft", -1.0)])
def test_what_is_no_e_step_is_refused(values):
    with pytest.raises(UserError):
        EStep(*values)
