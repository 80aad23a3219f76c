"""The status bar and the bars of log L = F + KL: numbers of the moment shown."""

from __future__ import annotations

import pytest

from emstudio.core.marks import Handle, View
from emstudio.core.stopping import Stopping
from emstudio.gui.gapbars import GapBars, sum_of
from emstudio.gui.status import StatusBar


def plain(text: str) -> str:
    return text.replace("\u202f", "").replace("\u2212", "-")


@pytest.fixture
def status(faithful):
    return faithful.show(StatusBar, 1280, 28)


def test_the_numbers_are_those_of_the_moment(faithful, status):
    faithful.steps(4)
    moment = faithful.session.moment
    before = faithful.session.history.current.parent.moment
    assert (status.iteration.text(), status.phase.text(), status.moment.text()) == ("2", "M", "5 of 5")
    value = moment.snapshot.log_likelihood
    assert float(plain(status.likelihood.text())) == pytest.approx(value, abs=0.006)
    gain = value - before.snapshot.log_likelihood
    assert float(plain(status.change.text())) == pytest.approx(gain, rel=1e-3)
    assert status.pace.text().endswith("ms per iteration")


def test_an_e_step_keeps_the_change_of_its_iteration(faithful, status):
    faithful.steps(4)
    change = status.change.text()
    faithful.steps(1)
    assert status.change.text() == change and status.phase.text() == "E"


def test_a_start_has_no_change(faithful, status):
    assert status.change.text() == "\u2014" and status.moment.text() == "1 of 1"


def test_it_says_why_the_run_stopped(faithful, status):
    faithful.do(faithful.session.run_to_convergence)
    assert status.verdict.text().startswith("converged because") and "below 1e\u22128" in status.verdict.text()
    faithful.do(faithful.session.first)
    assert status.verdict.text() == ""


def test_a_long_reason_does_not_widen_the_window(faithful, status):
    before = status.minimumSizeHint().width()
    status.verdict.setText("converged because " + "of this and that " * 40)
    assert status.minimumSizeHint().width() == before
    assert status.verdict.toolTip() == status.verdict.text()


def test_frames_are_counted_only_while_it_runs(faithful, status, qtbot):
    session = faithful.session
    session.set_speed(60.0)
    session.run()
    qtbot.waitUntil(lambda: status.rate.text().endswith("frames/s"), timeout=5000)
    session.pause()
    assert status.rate.text() == ""


def test_nothing_fitted_has_dashes(studio):
    status = studio.show(StatusBar, 1280, 28)
    assert (status.likelihood.text(), status.phase.text()) == ("\u2014", "none")


def test_the_sum_adds_up(faithful):
    faithful.steps(5)
    moment = faithful.session.moment
    bound, rest = plain(sum_of(moment)).split(" = ")
    q, h = rest.split(" + ")
    assert float(bound) == pytest.approx(moment.snapshot.bound, abs=0.06)
    assert float(h) == pytest.approx(moment.snapshot.posterior.entropy, abs=0.06)
    assert float(q) + float(h) == pytest.approx(float(bound), abs=0.11)


def test_the_bars_are_of_this_run_around_the_current_moment(faithful):
    panel = faithful.show(GapBars, 328, 220)
    assert panel.bars.shown() == (0, 1) and panel.sum.text() == "\u2014"
    faithful.steps(9)
    low, high = panel.bars.shown()
    assert high == 10 and 4 <= high - low <= 8
    faithful.session.go_to(panel.bars.track.cells[5])
    faithful.settle()
    low, high = panel.bars.shown()
    assert low < 5 and high > 6
    words = panel.bars.accessibleDescription()
    assert words == panel.bars.words() and "gap" in words


def test_bars_that_would_read_alike_are_told_as_differences(faithful):
    panel = faithful.show(GapBars, 328, 220)
    faithful.steps(3)
    assert panel.bars.against() == "" and panel.unit.text() == "nats, higher is better"
    faithful.session.set_stopping(Stopping("likelihood", tol=1e-7))  # before nothing but round-off changes
    faithful.do(faithful.session.run_to_convergence)
    here = panel.bars.track.cells[panel.bars.track.current].moment
    low, high = panel.bars.shown()
    shown = panel.bars.track.facts[low:high]["likelihood"]
    assert panel.bars.against() == here.label and here.label in panel.unit.text()
    *before, now = panel.bars.figures()
    assert float(plain(now)) == pytest.approx(here.snapshot.log_likelihood, abs=0.6)
    for words, value in zip(before, shown, strict=False):
        assert float(plain(words)) == pytest.approx(value - shown[-1], rel=0.5, abs=1e-15)
    assert len(set(before)) > 1


def test_bars_of_other_data_do_not_stand_beside(faithful):
    import numpy as np

    panel = faithful.show(GapBars, 328, 220)
    faithful.steps(4)
    faithful.do(lambda: faithful.session.add_points((0, 1), np.array([[3.0, 60.0]])))
    faithful.steps(1)
    low, high = panel.bars.shown()
    assert panel.bars.track.cells[low].moment.snapshot.phase == "edit" and high - low == 2


def test_the_gap_is_drawn_after_an_m_step_and_closed_by_the_e_step(faithful):
    from PySide6.QtWidgets import QApplication

    from emstudio.gui import theme

    theme.apply(QApplication.instance(), "light")
    panel = faithful.show(GapBars, 328, 220)
    faithful.steps(2)
    faithful.do(lambda: faithful.session.drag(Handle("mean", 0), View("scatter", (0, 1)), (3.0, 60.0)))

    def pink() -> int:
        image = panel.bars.grab().toImage()
        seen = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
        return sum(c.name().upper() == theme.LIGHT.gap for c in seen)

    with_gap = pink()
    assert with_gap > 50
    faithful.do(faithful.session.first)
    faithful.steps(1)
    assert panel.bars.words().endswith("gap 0")
