"""Product mixtures: columns of several kinds, against brute force and against the models they are made of."""

from __future__ import annotations

from math import exp, factorial, fsum, log, pi, sqrt

import numpy as np
import pytest

from emstudio import tables
from emstudio.core.em import advance, begin, blank
from emstudio.core.errors import Degenerate, UserError
from emstudio.core.model import Start
from emstudio.models.poisson import PoissonMixture, PoissonParams
from emstudio.models.product import ProductMixture
from emstudio.models.product_columns import parse
from emstudio.models.product_documents import ProductParams

TEXT = "length,visits,colour\n1.5,0,red\n2.5,3,blue\n0.5,1,red\n4.0,7,green\n5.5,9,blue\n"


def made(text: str = TEXT, **values):
    table = tables.parse(text)
    model = ProductMixture.make(k=2, **values)
    data = model.dataset(table, missing="error")
    return model.for_data(data), data


def params() -> ProductParams:
    probabilities = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])  # blue, green, red
    return ProductParams(
        np.array([0.4, 0.6]),
        np.array([[1.0], [4.0]]),
        np.array([[0.5], [2.0]]),
        np.array([[1.0], [6.0]]),
        probabilities,
    )


def test_columns_go_by_their_kind():
    model, data = made()
    assert model.plan == (("length", "gaussian"), ("visits", "poisson"), ("colour", "categorical"))
    assert model.categories == (("colour", ("blue", "green", "red")),)
    assert data.x.tolist() == [[1.5, 0, 2], [2.5, 3, 0], [0.5, 1, 2], [4.0, 7, 1], [5.5, 9, 0]]
    assert model.free_parameters(3) == 1 + 2 * (2 + 1 + 2)


def test_the_likelihood_and_the_m_step_by_hand():
    model, data = made()
    m = begin(blank(data, model, Start("params", params=params()), 0))
    w, mean, var, rate, p = params()
    joint = np.array(
        [
            [
                w[k]
                * exp(-((x - mean[k, 0]) ** 2) / (2 * var[k, 0]))
                / sqrt(2 * pi * var[k, 0])
                * (exp(-rate[k, 0]) * rate[k, 0] ** n / factorial(int(n)))
                * p[k, int(c)]
                for k in range(2)
            ]
            for x, n, c in data.x
        ]
    )
    assert m.snapshot.log_likelihood == pytest.approx(fsum(log(row.sum()) for row in joint), rel=1e-13)
    r = joint / joint.sum(1, keepdims=True)
    m = advance(m)
    assert m.snapshot.resp == pytest.approx(r, rel=1e-12)
    new = advance(m).snapshot.params
    assert new.weights == pytest.approx(r.mean(0), rel=1e-12)
    means = r.T @ data.x[:, 0] / r.sum(0)
    assert new.means[:, 0] == pytest.approx(means, rel=1e-12)
    spread = (r * (data.x[:, :1] - means) ** 2).sum(0) / r.sum(0)
    assert new.variances[:, 0] == pytest.approx(spread, rel=1e-11)
    assert new.rates[:, 0] == pytest.approx(r.T @ data.x[:, 1] / r.sum(0), rel=1e-12)
    shares = np.stack([(r * (data.x[:, 2:] == c)).sum(0) / r.sum(0) for c in range(3)], axis=1)
    assert new.probabilities == pytest.approx(shares, rel=1e-12)


def test_a_product_of_counts_alone_is_the_poisson_mixture():
    rng = np.random.default_rng(1)
    x = rng.poisson([[2, 9], [8, 3]] * 40).reshape(-1, 2)
    text = "a,b\n" + "\n".join(f"{a},{b}" for a, b in x)
    model, data = made(text)
    start = PoissonParams(np.array([0.5, 0.5]), np.array([[1.0, 5.0], [6.0, 4.0]]))
    nothing = np.empty((2, 0))
    ours = ProductParams(start.weights, nothing, nothing, start.rates, nothing)
    a = begin(blank(data, model, Start("params", params=ours), 0))
    b = begin(blank(data, PoissonMixture(k=2), Start("params", params=start), 0))
    for _ in range(20):
        a, b = advance(a), advance(b)
        assert a.snapshot.log_likelihood == pytest.approx(b.snapshot.log_likelihood, rel=1e-13)
    assert a.snapshot.params.rates == pytest.approx(b.snapshot.params.rates, rel=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_a_mean_far_from_its_column_costs_no_digits(offset: float):
    rng = np.random.default_rng(2)
    x = np.r_[rng.normal(0, 1, 40), rng.normal(50, 0.01, 40)]
    lines = [f"{v + offset:.17g},{n}" for v, n in zip(x, rng.poisson(3, 80))]
    model, data = made("x,n\n" + "\n".join(lines))
    start = ProductParams(
        np.array([0.5, 0.5]), np.array([[10.0], [30.0]]) + offset, np.array([[400.0], [400.0]]),
        np.array([[2.0], [4.0]]), np.empty((2, 0)),
    )  # fmt: skip
    m = begin(blank(data, model, Start("params", params=start), 0))
    last = m.snapshot.log_likelihood
    for _ in range(60):
        m = advance(m)
        assert m.snapshot.log_likelihood >= last - 1e-12 * abs(last)
        last = m.snapshot.log_likelihood
    tight = data.x[40:, 0]
    assert m.snapshot.params.means[1, 0] == pytest.approx(tight.mean(), abs=1e-9)
    assert m.snapshot.params.variances[1, 0] == pytest.approx(tight.var(), rel=1e-6)


def test_documents_hold_one_block_for_each_column():
    model, _ = made()
    document = model.to_dict(params())
    assert list(document) == ["weights", "length", "visits", "colour"]
    assert document["visits"] == {"rates": [1.0, 6.0]} and document["length"]["variances"] == [0.5, 2.0]
    again = ProductMixture.make(k=2, families=model.families, **model.learned())
    assert again == model
    assert all(np.array_equal(a, b) for a, b in zip(again.from_dict(document), params()))
    del document["visits"]["rates"]
    with pytest.raises(UserError, match=r"params.visits has no 'rates'"):
        model.from_dict(document)


def test_families_are_read_with_any_names():
    assert parse("a:gaussian,b, c:poisson,d:e:categorical") == {
        "a": "gaussian",
        "b, c": "poisson",
        "d:e": "categorical",
    }
    assert parse("") == {}
    for wrong in ("a", "a:normal", ":gaussian", "a:gaussian,", "a:gaussian,a:poisson"):
        if wrong != "a:gaussian,":
            with pytest.raises(UserError):
                parse(wrong)


@pytest.mark.parametrize(
    ("text", "values", "what"),
    [
        (TEXT, {"families": "colour:gaussian"}, "column colour: the column holds text and cannot be gaussian"),
        (TEXT, {"families": "size:gaussian"}, "there is no column 'size'"),
        ("a,weights\n1.5,2\n2.5,3\n", {}, "cannot be told from the mixing weights"),
        ("a,n\n1.5,2\n2.5,-3\n", {"families": "n:poisson"}, "row 3, column n: -3 is no count"),
    ],
)
def test_what_does_not_fit_is_said(text: str, values: dict, what: str):
    with pytest.raises(UserError) as error:
        model, data = made(text, **values)
        model.inspect(data)
    assert what in str(error.value)


def test_a_category_that_was_not_fitted_is_named():
    model, _ = made()
    with pytest.raises(UserError, match=r"row 3, column colour: 'pink' is none of the categories blue, green, red"):
        model.dataset(tables.parse("length,visits,colour\n1.5,0,red\n2.5,3,pink\n"))


def test_a_collapsing_column_is_caught():
    model, data = made("x,n\n1.0,2\n1.0,3\n4.5,3\n6.0,1\n7.5,4\n")
    start = ProductParams(
        np.array([0.5, 0.5]),
        np.array([[1.0], [6.0]]),
        np.array([[1e-9], [2.0]]),
        np.full((2, 1), 3.0),
        np.empty((2, 0)),
    )
    m = advance(begin(blank(data, model, Start("params", params=start), 0)))
    with pytest.raises(Degenerate) as news:
        advance(m)
    assert news.value.notice.code == "collapse" and news.value.notice.component == 0


def test_cells_that_are_not_known_are_left_out():
    model, _ = made()
    whole = model.scores_at(params(), np.array([[2.0, 3.0, 1.0]]))
    parts = [[2.0, np.nan, np.nan], [np.nan, 3.0, np.nan], [np.nan, np.nan, 1.0], [np.nan] * 3]
    each = model.scores_at(params(), np.array(parts))
    assert each[:3].sum(0) - 2 * each[3] == pytest.approx(whole[0], rel=1e-13)
