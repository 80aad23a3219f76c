"""What every model must hold, as functions of one case: the tests run them over the registry, and over a wrong model.

Each raises AssertionError where the property fails.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np

from emstudio.core.chain import Chain
from emstudio.core.data import Dataset, dataset, frozen, painted
from emstudio.core.em import Moment, advance, begin, blank, edited
from emstudio.core.errors import Degenerate
from emstudio.core.how import EStep
from emstudio.core.marks import Bars, Borders, Curve, Disc, Ellipse, Heat, Points, Spread, Stacks, Tokens
from emstudio.core.mixture import log_weights
from emstudio.core.model import Model, Start

ITERATIONS = 25


@dataclass(frozen=True, eq=False)
class Case:
    name: str
    model: Model
    data: Dataset

    def moment(self, method: str = "kmeans++", seed: int = 3) -> Moment:
        return begin(blank(self.data, self.model, Start(method), seed))


def with_rows(data: Dataset, x: np.ndarray, weights: np.ndarray | None = None) -> Dataset:
    made = dataset(painted(x, data.names))
    return replace(made, weights=None if weights is None else frozen(np.asarray(weights, float)))


def close(a, b, rtol: float = 1e-9, note: str = "") -> None:
    a, b = np.asarray(a, float), np.asarray(b, float)
    assert a.shape == b.shape, (note, a.shape, b.shape)
    scale = np.max(np.abs(b), initial=0.0) or 1.0
    worst = np.max(np.abs(a - b), initial=0.0) / scale
    assert worst <= rtol, f"{note}: off by {worst:.2e} of the largest"


def close_params(a, b, rtol: float = 1e-9) -> None:
    for field, x, y in zip(a._fields, a, b):
        close(x, y, rtol, field)


# -- over runs ---------------------------------------------------------------------------------------------------------
def posterior_rows_sum_to_one(case: Case) -> None:
    m = case.moment()
    for _ in range(6):
        m = advance(m)
        if m.snapshot.phase == "E":
            resp = m.snapshot.resp
            assert resp.shape == (case.data.n, case.model.k)
            assert (resp >= 0).all()
            np.testing.assert_allclose(resp.sum(1), 1.0, rtol=0, atol=1e-12)


def log_likelihood_never_falls(case: Case) -> None:
    for method in case.model.starts:
        m = case.moment(method)
        last = m.objective
        for _ in range(2 * ITERATIONS):
            m = advance(m)
            assert m.objective >= last - 1e-12 * max(1.0, abs(last)), (method, m.label, m.objective - last)
            last = m.objective


def bound_climbs_and_touches(case: Case) -> None:
    """E: F rises to log L; M: F rises, and stays below log L."""
    m = advance(case.moment())
    last = -np.inf
    for _ in range(2 * ITERATIONS):
        s = m.snapshot
        slack = 1e-11 * max(1.0, abs(s.log_likelihood))
        assert s.bound >= last - slack or not m.promises.climbs, (m.label, s.bound - last)
        assert s.bound <= s.log_likelihood + slack, (m.label, s.bound, s.log_likelihood)
        if s.phase == "E" and m.promises.touches:
            assert abs(s.bound - s.log_likelihood) <= slack, (m.label, s.bound - s.log_likelihood)
        last = s.bound
        m = advance(m)


def bound_is_brute_force(case: Case) -> None:
    """F(q, theta) = sum w r (score - log r), from the scores themselves."""
    m = advance(advance(case.moment()))
    scores = case.model.scores(case.data, m.snapshot.params)
    r = m.snapshot.resp
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(r > 0, r * (scores - np.log(r)), 0.0).sum(1)
    w = np.ones(case.data.n) if case.data.weights is None else case.data.weights
    close(m.snapshot.bound, w @ terms, 1e-11)


def m_step_is_a_maximum(case: Case) -> None:
    """No other parameters of the model have a higher bound: neither the M-step's of other responsibilities (near or far),
    nor those scaled along each array's own size, nor other weights."""
    if not case.model.promises.maximal:
        return
    m = advance(advance(case.moment()))
    best = m.snapshot.bound
    rng = np.random.default_rng(0)
    params, resp = m.snapshot.params, m.snapshot.resp
    theta = case.model.split(params)[1]
    for t in (1e-6, 1e-4, 1e-2, 1e-1):
        mixed = (1 - t) * resp + t * rng.dirichlet(np.ones(case.model.k), len(resp))
        other = case.model.m_step(case.data, params, case.model.posterior_of(case.data, mixed, theta))
        assert case.model.bound(case.data, other, m.snapshot.posterior) <= best + 1e-12 * abs(best), t
    for field in set(m.snapshot.params._fields) & {"means", "covariances", "rates", "dof"}:
        for t in (-0.01, -0.001, 0.001, 0.01):
            scaled = m.snapshot.params._replace(**{field: getattr(m.snapshot.params, field) * (1 + t)})
            assert case.model.bound(case.data, scaled, m.snapshot.posterior) <= best + 1e-12 * abs(best), (field, t)
    for _ in range(5 if getattr(case.model, "free", True) else 0):
        shaken = m.snapshot.params._replace(weights=rng.dirichlet(50 * m.snapshot.params.weights + 1))
        assert case.model.bound(case.data, shaken, m.snapshot.posterior) <= best + 1e-12 * abs(best)


def every_e_step_keeps_its_promises(case: Case) -> None:
    """Hard, drawn and tempered responsibilities: each row's sum to 1, the bound climbs where promised, and the
    log-likelihood stays that of the data under the parameters shown."""
    for kind in case.model.e_steps:
        m = begin(blank(case.data, case.model, Start(), 3, how=EStep(kind, 1.7 if kind == "annealed" else 1.0)))
        last = -np.inf
        try:
            for _ in range(12):
                m = advance(m)
                s = m.snapshot
                np.testing.assert_allclose(s.resp.sum(1), 1.0, rtol=0, atol=1e-12)
                soft = case.model.e_step(case.data, s.params, EStep(), m.rng())
                if s.log_likelihood is not None:
                    close(s.log_likelihood, soft.log_likelihood, 1e-12)
                if s.bound is not None and m.promises.climbs:
                    assert s.bound >= last - 1e-10 * max(1.0, abs(s.bound)), (kind, m.label, s.bound - last)
                    last = s.bound
        except Degenerate:
            assert kind != "soft"  # a hard assignment may leave a component too few rows


def acceleration_never_falls(case: Case) -> None:
    m = begin(blank(case.data, case.model, Start(), 3, accelerate=True))
    last = m.objective
    for _ in range(2 * ITERATIONS):
        m = advance(m)
        assert m.objective >= last - 1e-12 * max(1.0, abs(last)), (m.label, m.objective - last)
        last = m.objective
    plain = begin(blank(case.data, case.model, Start("params", params=m.snapshot.params), 3))
    for _ in range(2 * ITERATIONS):
        plain = advance(plain)
    assert plain.objective - last <= 1e-3 * max(1.0, abs(last))


def advance_is_pure(case: Case) -> None:
    m = case.moment()
    for _ in range(5):
        a, b = advance(m), advance(m)
        for x, y in zip(a.snapshot.params, b.snapshot.params):
            assert np.array_equal(x, y)
        assert a.snapshot.log_likelihood == b.snapshot.log_likelihood and a.snapshot.bound == b.snapshot.bound
        m = a


def one_component_is_maximum_likelihood(case: Case) -> None:
    if not case.model.family().exponential:
        return
    model = case.model.with_(k=1)
    m = advance(advance(begin(blank(case.data, model, Start(), 0))))
    theta = model.split(m.snapshot.params)[1]
    family = model.family()
    stats = family.stats(case.data.x)
    w = np.ones(case.data.n) if case.data.weights is None else case.data.weights
    direct = family.mle(np.array([w.sum()]), (w @ stats)[None], None)
    for a, b in zip(arrays(theta), arrays(direct), strict=True):
        close(a, b, 1e-8)


def arrays(theta) -> list[np.ndarray]:
    """The arrays of a theta, which is a tuple of them or, in a product, of tuples."""
    return [a for part in theta for a in (arrays(part) if isinstance(part, tuple) else [np.asarray(part)])]


# -- symmetries --------------------------------------------------------------------------------------------------------
def components_permute(case: Case) -> None:
    m = case.moment()
    order = np.random.default_rng(1).permutation(case.model.k)
    other = begin(blank(case.data, case.model, Start("params", params=case.model.permute(m.snapshot.params, order)), 0))
    for _ in range(10):
        m, other = advance(m), advance(other)
    close_params(other.snapshot.params, case.model.permute(m.snapshot.params, order))
    close(other.snapshot.figure, m.snapshot.figure, 1e-12)


def rows_permute(case: Case) -> None:
    m = case.moment()
    order = np.random.default_rng(2).permutation(case.data.n)
    data = with_rows(case.data, case.data.x[order], None if case.data.weights is None else case.data.weights[order])
    other = begin(blank(data, case.model, Start("params", params=m.snapshot.params), 0))
    for _ in range(11):
        m, other = advance(m), advance(other)
    close_params(other.snapshot.params, m.snapshot.params)
    close(other.snapshot.resp, m.snapshot.resp[order])


def weights_are_repeated_rows(case: Case) -> None:
    w = np.random.default_rng(3).integers(1, 4, case.data.n)
    m = case.moment()
    start = Start("params", params=m.snapshot.params)
    a = begin(blank(with_rows(case.data, case.data.x, w), case.model, start, 0))
    b = begin(blank(with_rows(case.data, np.repeat(case.data.x, w, axis=0)), case.model, start, 0))
    for _ in range(6):
        a, b = advance(a), advance(b)
        close(a.snapshot.figure, b.snapshot.figure, 1e-12)
    close_params(a.snapshot.params, b.snapshot.params)


# -- families ----------------------------------------------------------------------------------------------------------
def generic_density_is_the_overridden(case: Case) -> None:
    from emstudio.core.family import Family

    family = case.model.family()
    if not family.exponential:
        return
    theta = case.model.split(case.moment().snapshot.params)[1]
    close(Family.log_density(family, case.data.x, theta), family.log_density(case.data.x, theta), 1e-8)


def scores_are_weight_times_density(case: Case) -> None:
    params = case.moment().snapshot.params
    weights, theta = case.model.split(params)
    direct = log_weights(weights) + case.model.family().log_density(case.data.x, theta)
    close(case.model.scores(case.data, params), direct, 1e-11)
    at = case.model.responsibilities_at(params, case.data.x[:7])
    e = np.exp(direct[:7] - direct[:7].max(1, keepdims=True))
    close(at, e / e.sum(1, keepdims=True), 1e-10)


def sampling_recovers_theta(case: Case) -> None:
    """Moments of a large sample agree with theta within five standard errors."""
    params = case.moment().snapshot.params
    x, component = case.model.sample(params, 40_000, np.random.default_rng(5))
    share = np.bincount(component, minlength=case.model.k) / len(component)
    error = np.sqrt(params.weights * (1 - params.weights) / len(component))
    assert (np.abs(share - params.weights) <= 5 * error + 1e-12).all()
    if not hasattr(params, "covariances"):
        estimates_agree(case, params, x, component)
        return
    for k in range(case.model.k):
        rows = x[component == k]
        sd = np.sqrt(np.diagonal(params.covariances[k]))
        assert (np.abs(rows.mean(0) - params.means[k]) <= 5 * sd / np.sqrt(len(rows))).all()


def estimates_agree(case: Case, params, x: np.ndarray, component: np.ndarray) -> None:
    """The maximum likelihood of batches of each component's rows lies about theta, within six standard errors."""
    family, theta = case.model.family(), arrays(case.model.split(params)[1])
    for k in range(case.model.k):
        rows = x[component == k]
        batches = np.array_split(rows, 25) if len(rows) >= 500 else []
        found = [arrays(family.mle(np.array([len(b)]), family.stats(b).sum(0)[None], None)) for b in batches]
        for i, true in enumerate(theta if found else []):
            values = np.array([f[i][0] for f in found])
            error = values.std(0, ddof=1) / np.sqrt(len(values))
            assert (np.abs(values.mean(0) - true[k]) <= 6 * error + 0.02 * np.abs(true[k])).all(), (k, i)


# -- documents and pictures --------------------------------------------------------------------------------------------
def params_round_trip(case: Case) -> None:
    params = case.moment().snapshot.params
    document = json.loads(json.dumps(case.model.to_dict(params)))
    again = case.model.from_dict(document)
    for a, b in zip(params, again):
        assert np.array_equal(a, b)
    assert type(case.model).components_in(document) == case.model.k


def marks_are_finite(case: Case) -> None:
    m = case.moment()
    for view in case.model.views(case.data):
        for params in (None, m.snapshot.params):
            drawing = case.model.draw(case.data, params, view)
            assert any(
                isinstance(mark, Points | Tokens | Heat | Stacks) or params is not None for mark in drawing.marks
            )
            for mark in drawing.marks:
                if isinstance(mark, Ellipse):
                    assert np.isfinite(mark.mean).all() and np.isfinite(mark.covariance).all()
                elif isinstance(mark, Disc):
                    assert np.isfinite(mark.position).all()
                elif isinstance(mark, Curve):
                    assert np.isfinite(mark.x).all() and np.isfinite(mark.y).all()
                elif isinstance(mark, Borders):
                    assert np.isfinite(mark.lines).all()
                elif isinstance(mark, Stacks):
                    every = mark.shares if mark.profiles is None else np.concatenate([mark.shares, mark.profiles])
                    np.testing.assert_allclose(every.sum(1), 1.0, atol=1e-12)
                    assert (every >= 0).all() and every.shape[1] == len(mark.names)
                elif isinstance(mark, Bars):
                    assert np.isfinite(mark.heights).all() and (np.diff(mark.edges) > 0).all()
        assert np.isfinite(case.model.anchors(m.snapshot.params, view)).all()


def handles_move(case: Case) -> None:
    """Every handle can be put where it is shown without changing anything, and elsewhere by moving it there."""
    params = case.moment().snapshot.params
    for view in case.model.views(case.data):
        for mark in case.model.draw(case.data, params, view).marks:
            if isinstance(mark, Disc) and mark.handle is not None:
                same = case.model.move(params, mark.handle, view, tuple(mark.position))
                close_params(same, params, 1e-14)
                target = tuple(np.asarray(mark.position) + 1.0)
                moved = case.model.move(params, mark.handle, view, target)
                found = case.model.anchors(moved, view)[mark.component]
                if view.kind in ("laboratory", "series"):  # time cannot be dragged
                    close(found[1], target[1], 1e-12)
                elif hasattr(params, "covariances"):
                    close(found[: len(view.columns)], np.asarray(target)[: len(view.columns)], 1e-12)
                else:  # a probability ends at 1: the nearest that is allowed is where it stays
                    assert not np.array_equal(found, case.model.anchors(params, view)[mark.component])
                    close_params(case.model.move(moved, mark.handle, view, tuple(found)), moved, 1e-12)


def spreads_are_pulled(case: Case) -> None:
    """Every ellipse and every density's width: as it is shown it changes nothing; another one is taken where the family
    allows it, leaves the means and weights alone, and gives parameters that the model accepts and goes on from."""
    moment = case.moment()
    params = moment.snapshot.params
    rng = np.random.default_rng(4)
    for view in case.model.views(case.data):
        for mark in case.model.draw(case.data, params, view).marks:
            if not isinstance(mark, Ellipse | Spread) or mark.pull is None:
                continue
            shown = np.atleast_2d(mark.covariance if isinstance(mark, Ellipse) else mark.sd**2)
            same = case.model.move(params, mark.pull, view, entries(shown))
            close_params(same, params, 1e-12)
            stretch = np.diag(rng.uniform(0.4, 2.5, len(shown)))
            turn = np.linalg.qr(rng.standard_normal(shown.shape))[0]
            wanted = turn @ stretch @ shown @ stretch @ turn.T
            moved = case.model.move(params, mark.pull, view, entries(wanted))
            marks = case.model.draw(case.data, moved, view).marks
            drawn = next(m for m in marks if isinstance(m, type(mark)) and m.component == mark.component)
            found = np.atleast_2d(drawn.covariance if isinstance(drawn, Ellipse) else drawn.sd**2)
            if isinstance(mark, Spread) or mark.freedom == "free":
                close(found, wanted, 1e-9)
            elif mark.freedom == "axes":
                close(found, np.diag(np.diagonal(wanted)), 1e-9)
            else:
                close(found, np.eye(2) * np.trace(wanted) / 2, 1e-9)
            for field, a, b in zip(params._fields, params, moved):
                assert field in ("covariances", "variances") or np.array_equal(a, b), field
            case.model.check(case.data, moved)
            advance(advance(edited(moment, params=moved)))


def entries(block: np.ndarray) -> tuple[float, ...]:
    """What a `covariance` or `variance` handle is given."""
    return tuple(block[np.tril_indices(len(block))].tolist())


PROPERTIES = (
    posterior_rows_sum_to_one,
    log_likelihood_never_falls,
    bound_climbs_and_touches,
    bound_is_brute_force,
    m_step_is_a_maximum,
    every_e_step_keeps_its_promises,
    acceleration_never_falls,
    advance_is_pure,
    one_component_is_maximum_likelihood,
    components_permute,
    rows_permute,
    weights_are_repeated_rows,
    generic_density_is_the_overridden,
    scores_are_weight_times_density,
    sampling_recovers_theta,
    params_round_trip,
    marks_are_finite,
    handles_move,
    spreads_are_pulled,
)

# What is said of a likelihood is not asked of a model that promises none.
OF_A_LIKELIHOOD = (
    bound_climbs_and_touches,
    bound_is_brute_force,
    m_step_is_a_maximum,
    one_component_is_maximum_likelihood,
    generic_density_is_the_overridden,
    scores_are_weight_times_density,
    sampling_recovers_theta,
)


# What is said of the rows of a mixture, which have no order, is not asked of a chain; `test_chain.py` has its counterparts.
OF_A_MIXTURE = (
    bound_is_brute_force,
    m_step_is_a_maximum,
    one_component_is_maximum_likelihood,
    rows_permute,
    weights_are_repeated_rows,
    generic_density_is_the_overridden,
    scores_are_weight_times_density,
    sampling_recovers_theta,
)


def applies(check, case: Case) -> bool:
    """Whether the model promises what the property is about."""
    if isinstance(case.model, Chain) and check in OF_A_MIXTURE:
        return False
    if check in OF_A_LIKELIHOOD:
        return case.model.promises.likelihood
    return case.model.accelerates if check is acceleration_never_falls else True
