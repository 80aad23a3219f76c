"""The controls of sampled E-steps, driven by real events: what is offered, what is refused, and watching the sweeps."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from emstudio.core.data import painted
from emstudio.core.how import EStep
from emstudio.core.model import Start, find
from emstudio.gui.e_step import EStepControls
from emstudio.gui.model_panel import ModelPanel
from emstudio.gui.sweeps import MOST_CELLS, affordable, refusal
from emstudio.session import FASTEST


@pytest.fixture
def switch(studio):
    """The lecture text's chain, a hundred steps."""
    studio.do(lambda: studio.session.open("dataset:hidden-switch"))
    assert studio.session.model.name == "noisy-switch"
    return studio


@pytest.fixture
def controls(switch):
    return switch.show(lambda session, refresher: EStepControls(session), 232, 400)


def choose(controls, kind: str) -> None:
    controls.box.setFocus()
    QTest.keyClick(controls.box, Qt.Key.Key_Home)
    while controls.box.currentData() != kind:
        QTest.keyClick(controls.box, Qt.Key.Key_Down)


def type_into(field, words: str) -> None:
    field.selectAll()
    QTest.keyClicks(field, words)
    QTest.keyClick(field, Qt.Key.Key_Return)


def tick(box) -> None:
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))


def test_chains_are_offered_their_own_e_steps(switch, controls):
    titles = [controls.box.itemText(i) for i in range(controls.box.count())]
    assert titles[0] == "Exact (forward-backward)" and len(titles) == 8
    assert "Gibbs (heat bath)" in titles and "Viterbi path (hard)" in titles
    controls.unfold(False)
    assert controls.box.isVisible(), "how paths are found is what a chain is about"
    assert not controls.sampler.isVisible()
    switch.do(lambda: switch.session.set_model(find("gaussian").make(k=2)))
    controls.unfold(True)
    assert [controls.box.itemText(i) for i in range(controls.box.count())] == ["Soft", "Hard", "Stochastic", "Annealed"]


def test_each_sampler_shows_what_means_something_to_it(switch, controls):
    sampler = controls.sampler
    seen = {}
    for kind in ("metropolis", "scan-metropolis", "gibbs", "ffbs", "hard"):
        choose(controls, kind)
        switch.settle()
        assert switch.session.how.kind == kind == switch.session.moment.how.kind
        fields = (sampler.draws, sampler.sweeps, sampler.burn_in, sampler.alternate, sampler.watch)
        seen[kind] = [field.isVisible() for field in fields]
    assert seen == {
        "metropolis": [True, True, True, False, True],
        "scan-metropolis": [True] * 5,
        "gibbs": [True] * 5,
        "ffbs": [True, False, False, False, True],
        "hard": [False] * 5,
    }


def test_numbers_and_order_are_edits(switch, controls):
    choose(controls, "gibbs")
    switch.settle()
    nodes = len(switch.session.history.nodes)
    sampler = controls.sampler
    type_into(sampler.draws, "20")
    type_into(sampler.sweeps, "8")
    type_into(sampler.burn_in, "3")
    tick(sampler.alternate)
    switch.settle()
    meant = EStep("gibbs", draws=20, sweeps=8, burn_in=3, alternate=True)
    assert switch.session.moment.how == meant == switch.session.how
    assert len(switch.session.history.nodes) == nodes + 4
    assert switch.session.moment.ahead.paths.shape == (100, 20) and len(switch.session.moment.ahead.trace) == 12
    switch.do(switch.session.undo)
    assert not sampler.alternate.isChecked() and sampler.burn_in.value() == 3
    choose(controls, "annealed")
    switch.settle()
    choose(controls, "metropolis")
    switch.settle()
    assert sampler.draws.value() == 20, "what was chosen for one sampler holds for the next"


def test_too_much_is_refused_in_a_sentence(studio):
    session = studio.session
    studio.do(lambda: session.open_table(painted(np.random.default_rng(0).normal(size=(30_000, 1)), ["x"])))
    studio.do(lambda: session.set_model(find("noisy-switch").make()))
    controls = studio.show(lambda session, refresher: EStepControls(session), 232, 400)
    choose(controls, "ffbs")
    studio.settle()
    type_into(controls.sampler.draws, "5000")
    assert controls.sampler.wrong.isVisible() and "memory" in controls.sampler.wrong.text()
    assert controls.sampler.draws.value() == 100 == session.how.draws
    type_into(controls.sampler.draws, "50")
    studio.settle()
    assert not controls.sampler.wrong.isVisible() and session.how.draws == 50


@pytest.mark.parametrize("n", [1, 100, 10**6, 10**9])
def test_what_is_affordable_is_not_refused(n):
    wanted = EStep("gibbs", draws=1000, sweeps=75)
    found = affordable(wanted, n)
    assert (found.draws == 1) if n > MOST_CELLS else refusal(found, n) is None
    assert found.draws <= 1000 and found.sweeps == 75


def test_a_step_plays_the_sweeps_when_they_are_watched(switch, controls):
    session, sampler = switch.session, controls.sampler
    seen = []
    session.sweep_changed.connect(lambda sweep: seen.append(sampler.progress.text()))
    choose(controls, "gibbs")
    switch.settle()
    type_into(sampler.sweeps, "5")
    switch.settle()
    assert not session.watching
    switch.steps(1)
    assert not seen
    switch.do(session.back)
    tick(sampler.watch)
    assert session.watching
    session.set_speed(FASTEST)
    switch.do(session.new_start)
    switch.steps(1)
    assert session.moment.label == "E1"
    assert seen == [*(f"{i} of 5" for i in range(6)), ""]


def test_one_sweep_at_a_time_by_the_button(switch, controls):
    session, sampler = switch.session, controls.sampler
    choose(controls, "scan-metropolis")
    switch.settle()
    type_into(sampler.sweeps, "2")
    switch.settle()
    for words in ("0 of 2", "1 of 2"):
        QTest.mouseClick(sampler.one, Qt.MouseButton.LeftButton)
        switch.settle()
        assert sampler.progress.text() == words and session.moment.label == "edit"
    QTest.mouseClick(sampler.one, Qt.MouseButton.LeftButton)
    switch.settle()
    assert session.moment.label == "E1" and sampler.progress.text() == ""
    assert not sampler.one.isEnabled(), "the M-step has no sweeps"
    switch.steps(1)
    assert sampler.one.isEnabled()


def test_a_chain_that_single_sites_cannot_cross_is_told(studio):
    """States that must alternate: two paths, and no single flip leads from one to the other."""
    session = studio.session
    x = np.tile([0.0, 5.0], 20) + np.random.default_rng(0).normal(0, 1, 40)
    studio.do(lambda: session.open_table(painted(x[:, None], ["x"])))
    studio.do(lambda: session.set_model(find("hmm").make(k=2)))
    controls = studio.show(lambda session, refresher: EStepControls(session), 232, 500)
    choose(controls, "gibbs")
    studio.settle()
    assert not controls.sampler.stuck.isVisible()
    given = session.moment.snapshot.params._replace(transitions=np.array([[0.0, 1.0], [1.0, 0.0]]))
    studio.do(lambda: session.set_start(Start("params", params=given)))
    assert controls.sampler.stuck.isVisible()
    choose(controls, "ffbs")
    studio.settle()
    assert not controls.sampler.stuck.isVisible()


def test_nothing_is_cut_off_in_the_model_panel(switch):
    panel = switch.show(lambda session, refresher: ModelPanel(session), 264, 700)
    for kind in ("scan-metropolis", "ffbs", "soft"):
        switch.do(partial(switch.session.set_how, EStep(kind)))
        for field in (panel.e_step.box, panel.e_step.sampler.watch, panel.e_step.sampler.alternate):
            if field.isVisible():
                right = field.mapTo(panel, QPoint(field.width(), 0)).x()
                assert right <= panel.width() and field.height() >= field.fontMetrics().height()
                assert field.width() >= min(field.sizeHint().width(), 140)


def test_keys_and_menu_in_the_window(qtbot):
    from emstudio.gui.main_window import MainWindow
    from emstudio.session import Session

    session = Session()
    window = MainWindow(session)
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()

    def settle() -> None:
        qtbot.waitUntil(lambda: not session.busy and not session.running and not window.refresher.waiting)

    window.open_source("dataset:hidden-switch")
    settle()
    assert not window.acts["next_sweep"].isEnabled() and window.acts["watch_sweeps"].isEnabled()
    session.set_how(EStep("gibbs", draws=10, sweeps=3))
    settle()
    assert window.acts["next_sweep"].isEnabled()
    page = window.stage.page
    for index in range(3):
        QTest.keyClick(page, Qt.Key.Key_W)
        settle()
        assert session.sweep.index == index
    QTest.keyClick(page, Qt.Key.Key_W, Qt.KeyboardModifier.ShiftModifier)
    assert session.watching and window.acts["watch_sweeps"].isChecked()
    session.set_speed(FASTEST)
    QTest.keyClick(page, Qt.Key.Key_Right)
    settle()
    assert session.moment.label == "E1" and session.sweep is None
    assert not window.acts["next_sweep"].isEnabled()
    QTest.keyClick(page, Qt.Key.Key_Right)
    settle()
    seen = []
    session.sweep_changed.connect(seen.append)
    QTest.keyClick(page, Qt.Key.Key_Right)
    settle()
    assert session.moment.label == "E2" and [s.index for s in seen[:-1]] == [0, 1, 2, 3] and seen[-1] is None
