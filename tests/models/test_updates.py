"""What is told of an M-step: every model tells it, and the numbers are those of the data."""

from __future__ import annotations

import numpy as np
import pytest

from emstudio.core.covariance import COVARIANCES
from emstudio.core.em import advance, begin, blank
from emstudio.core.errors import Degenerate
from emstudio.core.mixture import Mixture
from emstudio.core.model import REGISTRY, Start, find
from tests.models.properties import Case, with_rows
from tests.models.test_properties import cases, coin_data, data_of, dice_data

TOLD = [
    c
    for c in cases()
    if c.model.name in ("coins", "multinomial", "poisson", "product", "kmeans", "gaussian", "student-t")
]


def told(case: Case):
    """(the E-step, the M-step after it, what is told of that) after a few iterations."""
    m = case.moment()
    try:
        for _ in range(3):
            m = advance(m)
        after = advance(m)
    except Degenerate:
        pytest.skip("this start collapses")
    return m, after, case.model.updates(case.data, after.snapshot.params, m.snapshot.posterior)


@pytest.mark.parametrize("case", TOLD, ids=lambda c: c.name)
def test_every_quotient_gives_its_parameter_from_sums_over_the_rows(case: Case) -> None:
    m, after, found = told(case)
    w = np.ones(case.data.n) if case.data.weights is None else case.data.weights
    r = m.snapshot.resp * w[:, None]
    n, x = r.sum(0), case.data.x
    params = after.snapshot.params
    assert found and all(len(u.values) == case.model.k and u.over for u in found)
    for u in found:
        if u.rest is not None:
            np.testing.assert_allclose(u.above + u.rest, u.below, rtol=1e-12)
        if u.symbol == "π":
            np.testing.assert_allclose(u.above, n, rtol=1e-9)
            np.testing.assert_allclose(u.below, w.sum(), rtol=1e-12)
            np.testing.assert_array_equal(u.values, params.weights)
        if u.over in ("Σ r x", "Σ x", "Σ r h"):
            sums = r.T @ x
            assert np.isclose(sums, u.above[:, None], rtol=1e-9, atol=1e-9).all(0).any(), u.symbol
        if u.over == "Σ r (x − μ)²":
            means = params.means
            scatters = np.stack([(r[:, k] @ (x[:, : means.shape[1]] - means[k]) ** 2) for k in range(case.model.k)])
            assert np.isclose(scatters, u.above[:, None], rtol=1e-7).all(0).any()


def test_every_registered_mixture_tells_it_and_symbols_are_not_told_twice() -> None:
    assert {c.model.name for c in TOLD} >= {name for name, cls in REGISTRY.items() if issubclass(cls, Mixture)}
    for case in TOLD:
        if "VVV" in case.name or case.model.name != "gaussian":
            names = [(u.symbol, u.column) for u in told(case)[2]]
            assert len(set(names)) == len(names)


def test_families_that_share_more_than_averages_say_so_in_words() -> None:
    data = data_of(2)
    for name in COVARIANCES:
        m = advance(begin(blank(data, find("gaussian").make(k=2, covariance=name), Start(), 0)))
        found = m.model.updates(data, advance(m).snapshot.params, m.snapshot.posterior)
        spread = [u for u in found if u.symbol == "σ²"]
        plain = name in ("VVV", "VVI", "EEE", "EEI", "VII", "EII")
        assert all((u.below is not None) == plain and (plain or "family" in u.over) for u in spread)


def test_priors_and_row_weights_are_in_the_numbers() -> None:
    data = coin_data(np.full(60, 12))
    weighted = with_rows(data, data.x, np.arange(60) % 3 + 0.5)
    for d in (data, weighted):
        model = find("coins").make(prior_biases=3, prior_weights=2)
        m = advance(begin(blank(d, model, Start(), 0)))
        params = advance(m).snapshot.params
        bias, weight = model.updates(d, params, m.snapshot.posterior)
        w = np.ones(60) if d.weights is None else d.weights
        heads = (m.snapshot.resp * w[:, None]).T @ d.x[:, 0]
        np.testing.assert_allclose(bias.above, heads + 2, rtol=1e-12)
        assert "a − 1" in bias.over and "a − 1" in weight.over
        np.testing.assert_allclose(weight.above, (m.snapshot.resp * w[:, None]).sum(0) + 1, rtol=1e-12)


def test_what_is_expected_of_each_coin() -> None:
    data = coin_data(np.full(60, 12))
    m = advance(begin(blank(data, find("coins").make(k=2), Start(), 0)))
    expected = dict(m.model.expected(m.snapshot.posterior))
    np.testing.assert_allclose(expected["expected H"], m.snapshot.resp.T @ data.x[:, 0], rtol=1e-12)
    np.testing.assert_allclose(expected["expected T"], m.snapshot.resp.T @ data.x[:, 1], rtol=1e-12)
    dice = dice_data(4)
    m = advance(begin(blank(dice, find("multinomial").make(k=2), Start(), 0)))
    assert m.model.expected(m.snapshot.posterior) == []
