"""E-steps that draw paths, against the exact ones: expectations, bound, the sweeps as they are pulled."""

from __future__ import annotations

import json

import numpy as np
import pytest

from emstudio import tables
from emstudio.core.chain_sampling import sampling
from emstudio.core.em import advance, begin, blank
from emstudio.core.how import SAMPLERS, EStep
from emstudio.core.model import Start
from emstudio.core.runs import run
from emstudio.core.stopping import Stopping
from emstudio.models.noisy_switch import NoisySwitch, SwitchParams
from tests.models.chains import REFERENCES, at, tiny
from tests.models.properties import close

KINDS = [kind for kind, _, _ in SAMPLERS]


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_expectations_agree_with_the_exact_ones(kind: str) -> None:
    """a, b and c within five standard errors, and the next parameters too; the trace ends at what is used."""
    reference = json.loads((REFERENCES / "noisy_switch.json").read_text())["trajectory"][5]
    model = NoisySwitch()
    data = model.dataset(tables.read("dataset:hidden-switch"))
    params = SwitchParams(reference["q"], reference["variance"])
    how = EStep(kind, draws=400, sweeps=150)
    q = advance(at(model, data, params, how, seed=5)).snapshot.posterior
    found = model.statistics(data, params, q)
    for key, variance in (("a", reference["var_a"]), ("c", reference["var_c"])):
        assert abs(found[key] - reference[key]) < 5 * np.sqrt(variance / 400), key
        close(found["standard_errors"][key], np.sqrt(variance / 400), 0.25)
    close(found["a"] + found["b"], 99.0, 1e-12)
    assert q.paths.shape == (100, 400) and q.trace.shape == (1 if kind == "ffbs" else 151, 400, 3)
    close(q.trace[-1].mean(0), [found[key] for key in "abc"], 1e-5)
    close(q.exact.gamma.T[:, 1], q.resp[:, 1], 0.15)


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_sweep_is_the_posterior_that_a_step_gives(kind: str) -> None:
    model, data, params = tiny()[0]
    how = EStep(kind, draws=7, sweeps=4, burn_in=2)
    m = at(model, data, params, how, seed=3)
    stepped = advance(m).snapshot.posterior
    swept = list(sampling(model, data, params, how, m.rng()))
    assert [s.index for s in swept] == list(range(1 if kind == "ffbs" else 7))
    assert all(s.posterior is None for s in swept[:-1])
    last = swept[-1].posterior
    for name in ("resp", "first", "pairs", "paths", "levels", "trace"):
        assert np.array_equal(getattr(stepped, name), getattr(last, name)), name
    assert stepped.entropy == last.entropy and stepped.log_likelihood == last.log_likelihood


def test_the_bound_of_draws_has_a_standard_error_that_covers_the_exact_one() -> None:
    model = NoisySwitch()
    data = model.dataset(tables.read("dataset:hidden-switch"))
    old, new = SwitchParams(0.6, 0.5), SwitchParams(0.65, 0.42)
    exact = advance(at(model, data, old)).snapshot.posterior
    wanted = model.bound(data, new, exact)
    misses = []
    for seed in range(20):
        q = advance(at(model, data, old, EStep("ffbs", draws=100), seed)).snapshot.posterior
        assert model.bound(data, old, q) == pytest.approx(q.log_likelihood, abs=1e-9)
        misses.append((model.bound(data, new, q) - wanted) / model.bound_error(data, new, q))
    assert np.abs(misses).max() < 5 and 0.4 < np.std(misses) < 1.8
    assert model.bound_error(data, new, exact) is None


def test_the_text_s_experiment_ends_near_the_exact_answer() -> None:
    model = NoisySwitch()
    data = model.dataset(tables.read("dataset:hidden-switch"))
    exact = run(begin(blank(data, model, Start(), 0)), Stopping(tol=1e-10)).params
    drawn = begin(blank(data, model, Start(), 1, how=EStep("scan-metropolis")))
    tail = []
    for t in range(60):
        drawn = advance(advance(drawn))
        tail += [drawn.snapshot.params] if t >= 40 else []
    assert abs(np.mean([p.q for p in tail]) - exact.q) < 0.02
    assert abs(np.mean([p.variance for p in tail]) - exact.variance) < 0.01
