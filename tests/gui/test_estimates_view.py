"""Estimates: means with their bands, the exact values beside them, and what the sweeps are worth."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from emstudio.core.how import EStep
from emstudio.gui import theme
from emstudio.gui.chain_numbers import over_draws, scalars, unsettled, worth
from emstudio.gui.estimates_view import EstimatesView
from tests.gui.chains import open_chain, open_switch

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(autouse=True)
def light(qapp):
    theme.apply(qapp, "light")


def sampled(studio, kind: str, **more) -> None:
    studio.do(lambda: studio.session.set_how(EStep(kind, **more)))


def test_an_exact_e_step_shows_bars_and_how_to_compare(studio):
    open_switch(studio)
    view = studio.show(EstimatesView, 232, 340)
    assert view.plots.scalars == ()
    studio.steps(1)
    a, b, _ = view.plots.scalars
    assert a.used + b.used == pytest.approx(99)
    assert a.used == a.exact and a.draws is None
    assert "sampler" in view.note.text()
    assert not view._buttons["sweeps"].isVisible()


@pytest.mark.parametrize("kind", ["ffbs", "gibbs"])
def test_draws_lie_about_the_exact_values(studio, kind):
    open_switch(studio)
    sampled(studio, kind, draws=400)
    view = studio.show(EstimatesView, 232, 340)
    studio.steps(1)
    for s in view.plots.scalars:
        assert len(s.draws) == 400
        assert s.used == pytest.approx(s.draws.mean(), rel=1e-5)
        assert abs(s.z) < 5
    exact = studio.session.model.smoothed(studio.session.data, studio.session.moment.snapshot.params)
    assert view.plots.scalars[0].exact == pytest.approx(float(np.trace(exact.pairs)), rel=1e-12)


def test_the_band_narrows_as_one_over_the_root_of_the_draws():
    draws = np.random.default_rng(1).normal(size=400)
    curve = over_draws(draws)
    assert curve.mean[-1] == pytest.approx(draws.mean())
    assert curve.half[99] == pytest.approx(2 * curve.half[399])
    assert curve.half[399] == pytest.approx(2 * draws.std(ddof=1) / 20)


def test_against_sweeps_is_chosen_by_a_click(studio):
    open_switch(studio)
    sampled(studio, "gibbs", draws=20, sweeps=30)
    view = studio.show(EstimatesView, 232, 340)
    studio.steps(1)
    assert len(view.plots.curve(view.plots.scalars[0]).x) == 20
    QTest.mouseClick(view._buttons["sweeps"], LEFT)
    assert view.against == "sweeps"
    curve = view.plots.curve(view.plots.scalars[0])
    assert curve.x.tolist() == list(range(31))
    assert curve.mean[0] == pytest.approx(99 / 2, abs=8)  # of random starts
    assert "independent draws" in view.note.text()


def test_independent_draws_have_no_sweeps_to_show(studio):
    open_switch(studio)
    sampled(studio, "gibbs", draws=20, sweeps=10)
    view = studio.show(EstimatesView, 232, 340)
    studio.steps(1)
    view.set_against("sweeps")
    sampled(studio, "ffbs", draws=20)
    studio.steps(1)
    assert not view._buttons["sweeps"].isEnabled()
    assert view.against == "draws" and view._buttons["draws"].isChecked()
    sampled(studio, "gibbs", draws=20, sweeps=10)
    studio.do(studio.session.step, studio.session.step)
    assert view.against == "sweeps" and view._buttons["sweeps"].isChecked()


def test_chains_that_still_remember_their_start_are_told(studio):
    open_switch(studio, 300, 0.98, 1.0, start=(0.98, 1.0))
    sampled(studio, "metropolis")  # 100 chains, 75 sweeps
    view = studio.show(EstimatesView, 232, 340)
    studio.steps(1)
    assert unsettled(view.plots.scalars).z ** 2 > 16
    assert "Not at equilibrium" in view.note.text()


def test_autocorrelated_sweeps_are_worth_less_than_their_number(studio):
    open_switch(studio, 200, 0.95, 0.5, start=(0.95, 0.5))
    sampled(studio, "metropolis", draws=20, sweeps=200, burn_in=100)
    studio.steps(1)
    states, size = worth(scalars(studio.session.moment)[0], 100)
    assert states == 20 * 200
    assert 20 < size < 0.6 * states


def test_sweeps_are_seen_while_they_are_made(studio, qtbot):
    open_switch(studio)
    sampled(studio, "gibbs", draws=30, sweeps=6)
    view = studio.show(EstimatesView, 232, 340)
    session = studio.session
    for index in range(4):
        with qtbot.waitSignal(session.sweep_changed):
            session.next_sweep()
        assert view.note.text().startswith(f"Sweep {index} of 6.")
        assert len(view.plots.scalars[0].draws) == 30
    assert view.plots.scalars[0].trace.shape == (4, 30)
    exact = view.plots.scalars[0].exact
    studio.do(session.step)
    assert session.moment.label == "E1"
    assert view.plots.scalars[0].trace.shape == (7, 30)
    assert view.plots.scalars[0].exact == pytest.approx(exact, rel=1e-12)
    assert not view.note.text().startswith("Sweep")


def test_a_general_chain_shows_stays_and_the_time_in_each_state(studio):
    open_chain(studio, 3)
    sampled(studio, "ffbs", draws=50)
    view = studio.show(EstimatesView, 232, 400)
    studio.steps(1)
    stays, *spans = view.plots.scalars
    assert [s.key for s in spans] == ["A", "B", "C"]
    assert sum(s.used for s in spans) == pytest.approx(120)
    assert 0 < stays.used < 119


def test_many_scalars_scroll_and_none_is_squeezed(studio):
    open_chain(studio, 9)
    sampled(studio, "ffbs", draws=20)
    view = studio.show(EstimatesView, 232, 300)
    studio.steps(1)
    assert len(view.plots.scalars) == 10
    assert view.plots.minimumHeight() > 300
    assert view.plots.box(9).height() > 30
