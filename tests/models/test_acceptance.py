"""What every mixture must stand: sizes and offsets, stopping and going on, climbing to the last digits."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from emstudio.core.accelerate import Acceleration
from emstudio.core.data import dataset, painted
from emstudio.core.em import Moment, Snapshot, advance, begin, blank
from emstudio.core.errors import Degenerate, UserError
from emstudio.core.how import EStep
from emstudio.core.mixture import Mixture
from emstudio.core.model import REGISTRY, Start
from emstudio.core.runs import run
from emstudio.core.stopping import Stopping
from emstudio.models.kmeans import KMeans
from tests.models.properties import Case, close
from tests.models.test_priors import CASES as WITH_PRIORS
from tests.models.test_properties import cases

MIXTURES = {name for name, cls in REGISTRY.items() if issubclass(cls, Mixture | KMeans)}
ALL = [c for c in cases() if c.model.name in MIXTURES]
# of each model its plain form in every dimension; the Gaussian families are alike in what is tested here
PLAIN = [c for c in ALL if c.model.name != "gaussian" or "VVV" in c.name or "VEE" in c.name]
WAYS = [(c, kind) for c in [*PLAIN, *WITH_PRIORS] for kind in c.model.e_steps]


def test_every_mixture_is_here() -> None:
    assert {c.model.name for c in PLAIN} == MIXTURES


def stored(moment: Moment) -> Moment:
    """What a document holds of a moment after an M-step, read back: parameters as text, and what the generator is made of."""
    s, model = moment.snapshot, moment.model
    params = model.from_dict(json.loads(json.dumps(model.to_dict(s.params))))
    fast = moment.acceleration
    if fast is not None:
        read = json.loads(json.dumps([fast.cap, fast.lengths, fast.levels, fast.estimates]))
        fast = Acceleration(read[0], *(tuple(v) for v in read[1:]))
    snapshot = Snapshot(s.t, s.phase, params)
    return Moment(moment.data, model, moment.start, moment.seed, snapshot, moment.number, moment.how, acceleration=fast)


def alike(a: Moment, b: Moment) -> None:
    assert a.label == b.label
    for x, y in zip(a.snapshot.params, b.snapshot.params, strict=True):
        assert np.array_equal(x, y)
    assert a.snapshot.figure == b.snapshot.figure and a.snapshot.bound == b.snapshot.bound


@pytest.mark.parametrize(("case", "kind"), WAYS, ids=lambda v: getattr(v, "name", v))
def test_stopping_and_going_on_is_the_same_bit_for_bit(case: Case, kind: str) -> None:
    how = EStep(kind, 1.7 if kind == "annealed" else 1.0)
    m = begin(blank(case.data, case.model, Start(case.model.starts[0]), 5, 2, how))
    try:
        for _ in range(6):
            m = advance(m)
        resumed = stored(m)
        for _ in range(6):
            first, again = advance(m), advance(m)
            alike(first, again)
            m, resumed = first, advance(resumed)
            alike(m, resumed)
    except Degenerate:
        assert kind in ("hard", "stochastic")  # an assignment may leave a component too few rows


@pytest.mark.parametrize("case", [c for c in PLAIN if c.model.accelerates], ids=lambda c: c.name)
def test_an_accelerated_run_goes_on_the_same(case: Case) -> None:
    m = begin(blank(case.data, case.model, Start(), 5, accelerate=True))
    for _ in range(6):
        m = advance(m)
    resumed = stored(m)
    for _ in range(6):
        m, resumed = advance(m), advance(resumed)
        alike(m, resumed)


@pytest.mark.parametrize("case", [*PLAIN, *WITH_PRIORS], ids=lambda c: c.name)
def test_the_objective_never_falls_by_more_than_round_off(case: Case) -> None:
    for seed in range(3):
        m = begin(blank(case.data, case.model, Start(case.model.starts[0]), seed))
        last = m.objective
        try:
            for _ in range(120):
                m = advance(m)
                assert m.objective >= last - 1e-12 * max(1.0, abs(last)), (seed, m.label)
                last = m.objective
        except Degenerate:
            continue


def changed(case: Case, size: float, offset: float) -> Case:
    """The case with its numbers in another size and place; categories stay codes."""
    x = np.array(case.data.x)
    columns = range(x.shape[1])
    if case.model.name == "product":
        columns = case.model.places("gaussian")
    for j in columns:
        x[:, j] = x[:, j] * size + offset
    data = dataset(painted(x, case.data.names))
    return replace(case, data=replace(data, weights=case.data.weights), model=case.model.for_data(data))


@pytest.mark.parametrize(("size", "offset"), [(1e150, 0.0), (1e-140, 0.0), (1.0, 1e9), (1e154, 0.0)])
@pytest.mark.parametrize("case", PLAIN, ids=lambda c: c.name)
def test_any_size_and_offset_is_handled_or_refused_in_a_sentence(case: Case, size: float, offset: float) -> None:
    other = changed(case, size, offset)
    problem = other.model.accepts(other.data)
    if problem is not None:
        assert problem.endswith(".") and len(problem) < 240 and "\n" not in problem
        with pytest.raises(UserError):
            begin(blank(other.data, other.model, Start(), 3))
        assert case.model.accepts(case.data) is None
        return
    plain = run(blank(case.data, case.model, Start(), 3), Stopping(tol=0, max_iter=12))
    moved = run(blank(other.data, other.model, Start(), 3), Stopping(tol=0, max_iter=12))
    figure = moved.moment.snapshot.figure
    assert figure is not None and np.isfinite(figure)
    assert all(np.isfinite(a).all() for a in moved.params)
    counted = case.model.name in ("coins", "multinomial", "poisson")  # other counts are other data
    if not counted and not plain.collapsed:
        tolerance = 1e-9 if offset == 0.0 else 2e-6
        close(weights_of(moved), weights_of(plain), tolerance)


def weights_of(done) -> np.ndarray:
    params = done.params
    return params.weights if hasattr(params, "weights") else done.moment.ahead.moments.counts
