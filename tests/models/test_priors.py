"""Conjugate priors of every model: rows that were never seen, in the objective and never in the log-likelihood."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from emstudio import tables
from emstudio.core.em import advance, begin, blank
from emstudio.core.errors import Degenerate, UserError
from emstudio.core.how import EStep
from emstudio.core.model import REGISTRY, Model, Start, find
from emstudio.core.responsibilities import one_hot
from emstudio.core.runs import run
from emstudio.core.stopping import Stopping
from tests.models import properties
from tests.models.properties import Case
from tests.models.test_properties import FAMILIES, coin_data, count_data, data_of, dice_data, mixed_data


def prior_names(cls: type[Model]) -> dict[str, float]:
    """The declared priors of a model with the value that is none."""
    return {p.name: p.default for p in cls.parameters() if p.name.startswith("prior_")}


def made(name: str, k: int, **values) -> Model:
    """The model with every prior that it declares switched on."""
    cls = find(name)
    on = {p: (3.0 if off == 1.0 else 2.0) for p, off in prior_names(cls).items()}
    return cls.make(k=k, **{**on, **values})


CASES = [
    Case("coins", made("coins", 2), coin_data(np.full(60, 12))),
    Case("coins of unequal trials", made("coins", 3), coin_data(np.arange(100) % 30 + 1)),
    Case("fixed coins", made("coins", 2, mixing="fixed"), coin_data(np.full(60, 12))),
    Case("multinomial", made("multinomial", 3), dice_data(4)),
    Case("poisson", made("poisson", 3), count_data(2)),
    Case("product", made("product", 2, families=FAMILIES).for_data(mixed_data()), mixed_data()),
    Case("student-t", made("student-t", 3), data_of(2)),
    Case("student-t EVE", made("student-t", 3, covariance="EVE", dof="4"), data_of(2)),
    Case("gaussian", made("gaussian", 3), data_of(2)),
]
each = pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)


def test_every_mixture_with_a_likelihood_declares_priors_and_off_is_the_default() -> None:
    declared = {name: prior_names(cls) for name, cls in REGISTRY.items()}
    assert not declared["kmeans"]
    for name in ("coins", "multinomial", "poisson", "product", "student-t", "gaussian"):
        assert declared[name]["prior_weights"] == 1.0 and len(declared[name]) > 1
    for name, cls in REGISTRY.items():
        for p in cls.parameters():
            if p.name in declared[name]:
                assert p.more and p.option == f"--prior {p.name.removeprefix('prior_')}"
                with pytest.raises(UserError, match="out of range"):
                    p.parse(p.default - 0.5)


@each
def test_the_objective_climbs_the_bound_touches_it_and_the_likelihood_is_the_rows_own(case: Case) -> None:
    for method in case.model.starts:
        m = case.moment(method)
        last, bound = m.objective, -np.inf
        for _ in range(40):
            m = advance(m)
            s, slack = m.snapshot, 1e-12 * max(1.0, abs(m.objective))
            assert m.objective >= last - slack, (method, m.label)
            assert bound - 10 * slack <= s.bound <= m.objective + 10 * slack, (method, m.label)
            if s.phase == "E":
                assert s.bound == pytest.approx(m.objective, abs=10 * slack)
            last, bound = m.objective, s.bound
        off = case.model.with_(**prior_names(type(case.model)))
        plain = begin(blank(case.data, off, Start("params", params=m.snapshot.params), 0))
        assert plain.snapshot.log_likelihood == pytest.approx(m.snapshot.log_likelihood, rel=1e-13)
        assert abs(m.objective - m.snapshot.log_likelihood) > 1e-3


@each
def test_hard_and_accelerated_runs_climb_too(case: Case) -> None:
    properties.acceleration_never_falls(case)
    m = begin(blank(case.data, case.model, Start(), 3, how=EStep("hard")))
    bounds = []
    try:
        for _ in range(24):
            m = advance(m)
            bounds.append(m.snapshot.bound)
    except Degenerate:  # a hard assignment may leave a component without rows
        assert len(bounds) > 2
    assert all(b >= a - 1e-10 * abs(a) for a, b in pairwise(bounds))


@each
def test_the_m_step_is_a_maximum_and_nothing_depends_on_an_order(case: Case) -> None:
    properties.advance_is_pure(case)
    properties.components_permute(case)
    properties.rows_permute(case)
    properties.weights_are_repeated_rows(case)
    properties.m_step_is_a_maximum(case)


def seen(case: Case, rows: np.ndarray):
    """(the M-step with the priors, that without them but with `rows` added to each component), of the same E-step."""
    m = advance(case.moment())
    model, data, k = case.model, case.data, case.model.k
    off = model.with_(**prior_names(type(model)))
    more = replace(
        properties.with_rows(data, np.concatenate([data.x, *[rows] * k])), table=data.table, weights=data.weights
    )
    resp = np.concatenate([m.snapshot.resp, one_hot(np.repeat(np.arange(k), len(rows)), k)])
    params = m.snapshot.params
    known = off.posterior_of(more, resp, off.split(params)[1])
    return model.m_step(data, params, m.snapshot.posterior), off.m_step(more, params, known)


@pytest.mark.parametrize(
    ("case", "rows"),
    [
        (Case("coins", made("coins", 2, prior_biases=5), coin_data(np.full(60, 12))), [[2, 2], [2, 2]]),
        (Case("fixed", made("coins", 2, mixing="fixed"), coin_data(np.full(60, 12))), [[2, 2]]),
        (Case("dice", made("multinomial", 3, prior_probabilities=5), dice_data(4)), [[3] * 4, [1] * 4]),
        (Case("poisson", made("poisson", 3), count_data(2)), np.tile(count_data(2).x.mean(0), (2, 1))),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_whole_pseudo_counts_are_added_rows(case: Case, rows) -> None:
    with_prior, with_rows = seen(case, np.asarray(rows, float))
    properties.close_params(with_prior, with_rows, 1e-12)


def test_the_columns_of_a_product_take_their_own_priors() -> None:
    data = mixed_data()
    model = made("product", 2, families=FAMILIES, prior_probabilities=2).for_data(data)
    m = advance(begin(blank(data, model, Start(), 3)))
    r, n = m.snapshot.resp, m.snapshot.resp.sum(0)
    after = advance(m).snapshot.params
    np.testing.assert_allclose(after.weights, (n + 2) / (data.n + 4), rtol=1e-12)
    counts = data.x[:, 2]
    np.testing.assert_allclose(after.rates[:, 0], (r.T @ counts + 2 * counts.mean()) / (n + 2), rtol=1e-12)
    ones = r.T @ data.x[:, 3]
    np.testing.assert_allclose(after.probabilities[:, 1], (ones + 1) / (n + 2), rtol=1e-12)
    numbers = data.x[:, :2]
    mean = numbers.mean(0)
    own = (r.T @ numbers) / n[:, None]
    np.testing.assert_allclose(after.means, (n[:, None] * own + 2 * mean) / (n + 2)[:, None], rtol=1e-10)
    scatter = (r.T @ numbers**2) - n[:, None] * own**2
    pull = (2 * n / (n + 2))[:, None] * (own - mean) ** 2
    pseudo = 2 * numbers.var(0) / model.k ** (2 / 2)
    np.testing.assert_allclose(after.variances, (scatter + pull + pseudo) / (n + 3)[:, None], rtol=1e-10)


def test_student_with_many_degrees_of_freedom_has_the_gaussians_priors() -> None:
    data = data_of(2)
    t, normal = made("student-t", 3, dof="1e12"), made("gaussian", 3)
    a, b = (run(blank(data, m, Start(), 0), Stopping(tol=0, max_iter=20)).params for m in (t, normal))
    for name in ("weights", "means", "covariances"):
        properties.close(getattr(a, name), getattr(b, name), 1e-8, name)


def test_known_coins_count_the_pseudo_tosses() -> None:
    table = tables.parse("heads,tosses,coin\n5,10,B\n9,10,A\n8,10,A\n4,10,B\n7,10,A\n")
    model = find("coins").make(identities="known", prior_biases=3, prior_weights=2)
    data = model.dataset(table)
    m = begin(blank(data, model.for_data(data), Start(), 0))
    np.testing.assert_allclose(m.snapshot.params.biases, [26 / 34, 11 / 24], rtol=1e-15)
    np.testing.assert_allclose(m.snapshot.params.weights, [4 / 7, 3 / 7], rtol=1e-15)
    m = advance(m)
    assert m.snapshot.bound == pytest.approx(m.objective, rel=1e-14)
