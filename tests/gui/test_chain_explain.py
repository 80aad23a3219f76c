"""What the window says of a chain: captions, why a step has its colour, what the M-step uses, draws against exact."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel

from emstudio.core.how import EStep
from emstudio.core.model import Start
from emstudio.gui import theme
from emstudio.gui.caption import CaptionBar
from emstudio.gui.chain_formula import spoken
from emstudio.gui.chain_numbers import step, true_switches
from emstudio.gui.explain import Explain
from emstudio.gui.gapbars import names_of, sum_of
from emstudio.gui.objective import Objective
from emstudio.gui.parameters import Parameters
from emstudio.models.noisy_switch import SwitchParams
from tests.gui.chains import open_chain, open_switch


@pytest.fixture(autouse=True)
def light(qapp):
    theme.apply(qapp, "light")


def sampled(studio, kind: str, **more) -> None:
    studio.do(lambda: studio.session.set_how(EStep(kind, **more)))


def said(bar: CaptionBar) -> str:
    return bar.accessibleName()


# -- captions ----------------------------------------------------------------------------------------------------------
def test_captions_of_an_exact_run(studio):
    open_switch(studio)
    bar = studio.show(CaptionBar, 640, 60)
    assert said(bar).startswith("Start. As given: q 0.500, σ² 1.000; log-likelihood ")
    assert "one pass forward and one backward" in said(bar)
    studio.steps(1)
    pairs = studio.session.moment.snapshot.posterior.pairs
    expected = f"{pairs[0, 1] + pairs[1, 0]:.1f}"
    true = true_switches(studio.session.moment)
    assert f"took its posterior’s colour: {expected} switches expected ({true} true)." in said(bar)
    assert "sets q to the share of stays and σ² to the mean square" in said(bar)
    studio.steps(1)
    params = studio.session.moment.snapshot.params
    assert f"stays q {params.q:.3f}, mean square σ² {params.variance:.3f}; log-likelihood up" in said(bar)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("hard", "single most probable path"),
        ("stochastic", "another draw would differ"),
        ("annealed", "at temperature 2"),
        ("gibbs", "20 paths after 15 sweeps gave the colours"),
        ("ffbs", "20 paths drawn whole gave the colours"),
        ("metropolis", "20 paths after 15 sweeps"),
        ("scan-metropolis", "20 paths after 15 sweeps"),
    ],
)
def test_every_kind_of_e_step_has_its_own_words(studio, kind, words):
    open_switch(studio)
    sampled(studio, kind, draws=20, sweeps=15, temperature=2.0)
    bar = studio.show(CaptionBar, 640, 60)
    before = said(bar)
    studio.steps(1)
    assert words in said(bar)
    assert "Next, the E-step" in before and "Next, the M-step" in said(bar)


def test_chains_far_from_equilibrium_are_called_so(studio):
    open_switch(studio, 300, 0.98, 1.0, start=(0.98, 1.0))
    sampled(studio, "metropolis", draws=100, sweeps=5)
    bar = studio.show(CaptionBar, 640, 60)
    studio.steps(1)
    assert "not at equilibrium" in said(bar)


def test_a_general_chain_is_captioned_from_start_to_convergence(studio):
    open_chain(studio, 3)
    bar = studio.show(CaptionBar, 640, 60)
    assert "A stays 0.80, B 0.80, C 0.80" in said(bar)
    studio.steps(2)
    assert said(bar).startswith("M-step 1. States moved: A stays 0.")
    studio.do(studio.session.run_to_convergence)
    assert said(bar).startswith("Converged.")


# -- why this colour ---------------------------------------------------------------------------------------------------
def test_past_times_future_is_the_posterior_and_their_sum_the_likelihood(studio):
    open_switch(studio, start=(0.8, 0.25))
    studio.steps(1)
    moment = studio.session.moment
    for row in (0, 41, 99):
        found = step(moment, row)
        product = found.forward + found.backward
        assert np.logaddexp(*product) == pytest.approx(moment.snapshot.log_likelihood, rel=1e-12)
        assert np.exp(product - np.logaddexp(*product)) == pytest.approx(moment.snapshot.resp[row], abs=1e-12)
    # By hand at the first step: alpha is the start times the density.
    x, v = moment.data.x[0, 0], moment.snapshot.params.variance
    density = [-0.5 * (x - k) ** 2 / v - 0.5 * np.log(2 * np.pi * v) for k in (0, 1)]
    assert step(moment, 0).forward == pytest.approx(np.log(0.5) + np.array(density), rel=1e-12)


def test_a_picked_step_is_explained_with_its_numbers(studio):
    open_switch(studio)
    panel = studio.show(Explain, 328, 760)
    panel.pick(90)
    assert not panel.inspector.bar.accessibleDescription() or panel.inspector.chip.text() == "t = 91"
    studio.steps(1)
    share = studio.session.moment.snapshot.resp[90]
    assert f"B {share[1]:.3f}" in panel.inspector.bar.accessibleDescription()
    head, body = panel.inspector.table.accessibleDescription().split("; ")[:2]
    assert head.split()[0] == "A" and body.split()[-1] == f"{share[1]:.3f}"
    assert "likelihood" in panel.inspector.note.text()
    studio.steps(1)
    assert "the parameters have moved since" in panel.inspector.note.text()


def test_a_drawn_step_says_how_many_draws_are_there_and_what_is_exact(studio):
    open_switch(studio)
    sampled(studio, "ffbs", draws=50)
    panel = studio.show(Explain, 328, 760)
    panel.pick(30)
    studio.steps(1)
    moment = studio.session.moment
    exact = moment.snapshot.posterior.exact.gamma[:, 30]
    k = int(exact.argmax())
    here = round(moment.snapshot.resp[30, k] * 50)
    assert f"{here} of 50 draws" in panel.inspector.note.text()
    assert f"exactly {exact[k]:.3f}" in panel.inspector.note.text()


def test_an_unobserved_step_is_decided_by_its_neighbours(studio):
    from dataclasses import replace

    from emstudio.core.data import frozen
    from emstudio.core.model import find
    from emstudio.gui.generate import generated

    table = generated(find("noisy-switch").make(), SwitchParams(0.8, 0.25), ("x",), 40, 1)
    values = table.columns[0].values.copy()
    values[20] = np.nan
    table = replace(table, columns=(replace(table.columns[0], values=frozen(values)), *table.columns[1:]))
    studio.do(lambda: studio.session.open_table(table))
    panel = studio.show(Explain, 328, 760)
    panel.pick(20)
    studio.steps(1)
    assert panel.inspector.values.text() == "not observed"
    assert "its neighbours decide" in panel.inspector.note.text()
    assert "of 39" not in panel.chain.terms.accessibleDescription()
    assert "/ (39)" in panel.chain.terms.accessibleDescription()


def test_a_long_series_is_explained_when_the_run_rests(studio, monkeypatch):
    monkeypatch.setattr("emstudio.gui.chain_why.LONG", 50)
    open_switch(studio)
    panel = studio.show(Explain, 328, 760)
    panel.pick(90)
    studio.steps(1)
    session = studio.session
    table = panel.inspector.table
    assert table.lines()
    session.set_speed(50.0)
    seen = []
    session.changed.connect(lambda moment: seen.append(list(table.lines())))
    session.run()
    studio._qtbot.waitUntil(lambda: len(seen) > 6)
    assert session.running and seen[-1] == []
    session.pause()
    studio.settle()
    assert table.lines()


# -- what the M-step uses ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["soft", "ffbs", "hard"])
def test_what_the_m_step_will_use_is_what_it_makes(studio, kind):
    open_switch(studio)
    sampled(studio, kind, draws=30)
    panel = studio.show(Explain, 328, 760)
    studio.steps(1)
    q, variance = (spoken(line).rsplit("= ", 1)[1] for line in panel.chain.terms.lines)
    assert panel.chain.title.text() == "What the M-step will use"
    studio.steps(1)
    params = studio.session.moment.snapshot.params
    assert float(q) == pytest.approx(params.q, abs=5e-5)
    assert float(variance) == pytest.approx(params.variance, abs=5e-5)
    assert panel.chain.title.text() == "What the M-step used"


def test_rows_of_transitions_are_expected_transitions_over_their_sum(studio):
    open_chain(studio, 2)
    panel = studio.show(Explain, 328, 760)
    studio.steps(1)
    lines = [spoken(line) for line in panel.chain.terms.lines]
    studio.steps(1)
    transitions = studio.session.moment.snapshot.params.transitions
    for name, (i, j) in {"A → A": (0, 0), "A → B": (0, 1), "B → A": (1, 0), "B → B": (1, 1)}.items():
        line = next(line for line in lines if line.startswith(name))
        assert float(line.rsplit("= ", 1)[1]) == pytest.approx(transitions[i, j], rel=1e-3)


def test_draws_stand_beside_the_exact_values(studio):
    open_switch(studio)
    panel = studio.show(Explain, 328, 760)
    studio.steps(1)
    assert not panel.chain.draws.isVisible()
    sampled(studio, "ffbs", draws=100)
    studio.steps(1)
    assert panel.chain.draws.isVisible()
    table = panel.chain.draws
    assert table.heads() == ("", "100 draws", "± s.e.", "exact", "z")
    for line, s in zip(table.lines(), table.scalars, strict=True):
        mean, error, exact, z = (float(w.replace("−", "-")) for w in line[1:])
        assert mean == pytest.approx(s.draws.mean(), abs=0.006)
        assert error == pytest.approx(s.draws.std(ddof=1) / 10, rel=0.06)
        assert z == pytest.approx((s.used - s.exact) / s.error, abs=0.06)
        assert exact == pytest.approx(s.exact, abs=0.006)


def test_other_models_have_none_of_it(studio):
    open_switch(studio)
    panel = studio.show(Explain, 328, 760)
    assert panel.chain.isVisible()
    studio.session.open("dataset:old-faithful")
    studio.settle()
    assert not panel.chain.isVisible()
    open_switch(studio)
    assert panel.chain.isVisible()
    assert panel.chain.findChildren(QLabel)


# -- parameters --------------------------------------------------------------------------------------------------------
def test_a_switch_has_one_column_of_parameters(studio):
    open_switch(studio)
    view = studio.show(Parameters, 328, 200)
    studio.steps(2)
    rows = view.view.table.rows
    params = studio.session.moment.snapshot.params
    assert rows.values[:, 0].tolist() == [params.q, params.variance]
    assert rows.values.shape == (2, 1)
    assert rows.changes[:, 0] == pytest.approx([params.q - 0.5, params.variance - 1.0])


# -- the objective -----------------------------------------------------------------------------------------------------
def test_a_drawn_bound_has_a_band_and_nothing_cries_wolf(studio):
    open_switch(studio, start=(0.7, 0.3))
    sampled(studio, "ffbs", draws=20)
    view = studio.show(Objective, 600, 160)
    studio.steps(24)
    track = view.track
    errors, values = track.facts["error"], track.likelihood
    phases = [cell.moment.snapshot.phase for cell in track.cells]
    assert all(np.isfinite(errors[i]) and errors[i] > 0 for i, p in enumerate(phases) if p == "M")
    assert np.diff(values).min() < -1e-3  # it did fall
    assert not any("cannot" in view.describe(i) for i in range(track.count))
    i = phases.index("M")
    assert "estimated from draws" in view.describe(i) and "±" in sum_of(track.cells[i].moment)
    assert view._falls(0, track.count) == []
    assert names_of(studio.session.moment)[0] == "log L and F from draws"


def test_an_exact_bound_has_none(studio):
    open_switch(studio)
    view = studio.show(Objective, 600, 160)
    studio.steps(4)
    assert np.isnan(view.track.facts["error"]).all()
    assert "estimated" not in view.describe(view.track.current)


def test_the_log_likelihood_is_exact_whatever_the_e_step(studio):
    open_switch(studio)
    exact = studio.session.moment.snapshot.log_likelihood
    sampled(studio, "gibbs", draws=5, sweeps=3)
    assert studio.session.moment.snapshot.log_likelihood == pytest.approx(exact, rel=1e-13)
    studio.do(lambda: studio.session.set_start(Start("params", params=SwitchParams(0.5, 1.0))))
    assert studio.session.moment.snapshot.log_likelihood == pytest.approx(exact, rel=1e-13)


def test_the_first_climb_does_not_flatten_what_follows(studio):
    open_switch(studio)
    view = studio.show(Objective, 600, 160)
    studio.steps(40)
    view.grab()
    low, high = view.range()
    values = view.track.likelihood
    assert high - low < 0.05 * (values[-1] - values[0])
    assert low < values[14] < high  # from a third of the run on all is in view
    studio.do(studio.session.first)
    view.grab()
    low, high = view.range()
    assert low < values[0] < high
