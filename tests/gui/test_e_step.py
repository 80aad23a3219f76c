"""The controls of the E-step, and the window with a model that has no likelihood, driven by real events."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from emstudio.core.how import EStep
from emstudio.core.model import find
from emstudio.gui.caption import CaptionBar
from emstudio.gui.e_step import EStepControls
from emstudio.gui.export import document
from emstudio.gui.gapbars import GapBars, sum_of
from emstudio.gui.inspector import Inspector
from emstudio.gui.objective import Objective
from emstudio.gui.status import StatusBar


def plain(text: str) -> str:
    return text.replace("\u202f", "").replace("\u2212", "-")


@pytest.fixture
def controls(faithful):
    return faithful.show(lambda session, refresher: EStepControls(session), 220, 160)


def choose(controls, kind: str) -> None:
    controls.box.setFocus()
    QTest.keyClick(controls.box, Qt.Key.Key_Home)
    while controls.box.currentData() != kind:
        QTest.keyClick(controls.box, Qt.Key.Key_Down)


def test_the_e_step_is_chosen_with_the_keyboard(faithful, controls):
    faithful.steps(2)
    choose(controls, "hard")
    faithful.settle()
    assert faithful.session.how == EStep("hard") and faithful.session.moment.label == "edit"
    assert not controls.accelerate.isEnabled() and not controls.slider.isVisible()


def test_the_temperature_is_dragged_as_one_edit(faithful, controls):
    faithful.steps(2)
    choose(controls, "annealed")
    faithful.settle()
    assert controls.slider.isVisible() and faithful.session.how.temperature == 2.0
    edits = len(faithful.session.history.nodes)
    slider = controls.slider
    middle = slider.height() // 2
    at = round(slider.width() * (slider.value() - slider.minimum()) / (slider.maximum() - slider.minimum()))
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(at, middle))
    for x in range(at, slider.width() - 4, 6):
        QTest.mouseMove(slider, QPoint(x, middle))
    QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() - 4, middle))
    faithful.settle()
    assert faithful.session.how.temperature > 5
    assert faithful.session.moment.how == faithful.session.how
    assert len(faithful.session.history.nodes) == edits + 1
    assert float(plain(controls.temperature.text())) == pytest.approx(faithful.session.how.temperature, rel=1e-3)


@pytest.mark.parametrize(("typed", "kept"), [("3.5", 3.5), ("0", 2.0), ("hot", 2.0), ("-1", 2.0), ("nan", 2.0)])
def test_the_temperature_is_typed(faithful, controls, typed, kept):
    choose(controls, "annealed")
    controls.temperature.selectAll()
    QTest.keyClicks(controls.temperature, typed)
    QTest.keyClick(controls.temperature, Qt.Key.Key_Return)
    assert faithful.session.how.temperature == kept
    assert controls.wrong.isVisible() == (kept == 2.0)


def test_acceleration_is_ticked_and_said(faithful, controls):
    caption = faithful.show(CaptionBar, 900, 60)
    faithful.steps(1)
    QTest.mouseClick(controls.accelerate, Qt.MouseButton.LeftButton, pos=QPoint(8, controls.accelerate.height() // 2))
    faithful.settle()
    assert faithful.session.accelerated
    faithful.steps(1)
    assert "three EM steps in one" in caption.sentences().next
    faithful.steps(1)
    assert caption.sentences().what.startswith("Three EM steps in one: the ellipses moved")
    faithful.session.undo()
    assert not controls.accelerate.isChecked()


@pytest.mark.parametrize(
    ("how", "after", "before"),
    [
        (EStep("hard"), "most probable component, whole", "the most probable component alone"),
        (EStep("stochastic"), "drawn by its responsibilities", "one component, drawn"),
        (EStep("annealed", 2.5), "responsibilities\u2019 colour", "at temperature 2.5"),
    ],
    ids=lambda v: getattr(v, "kind", ""),
)
def test_the_caption_says_how(faithful, how, after, before):
    caption = faithful.show(CaptionBar, 900, 60)
    faithful.do(lambda: faithful.session.set_how(how))
    assert before in caption.sentences().next
    faithful.steps(1)
    assert after in caption.sentences().what


def test_a_run_that_ends_warm_says_that_it_can_be_cooled(faithful):
    caption = faithful.show(CaptionBar, 900, 60)
    faithful.do(lambda: faithful.session.set_how(EStep("annealed", 4.0)), faithful.session.run_to_convergence)
    said = caption.sentences()
    assert said.title == "Converged." and "temperature 4" in said.next and "lower it" in said.next
    faithful.do(lambda: faithful.session.set_how(EStep("annealed", 1.0)), faithful.session.run_to_convergence)
    assert caption.sentences().title == "Converged." and "temperature" not in caption.sentences().next


def test_the_bound_of_an_annealed_e_step_is_q_and_t_h(faithful):
    bars = faithful.show(GapBars, 320, 220)
    faithful.do(lambda: faithful.session.set_how(EStep("annealed", 3.0)))
    faithful.steps(1)
    q = faithful.session.moment.snapshot
    parts = [float(p) for p in plain(sum_of(faithful.session.moment)).replace("=", " ").replace("+", " ").split()]
    assert parts == pytest.approx([q.bound, q.bound - 3 * q.posterior.entropy, 3 * q.posterior.entropy], abs=0.06)
    assert bars.parts.text() == "F = Q + T H"
    assert "KL" not in bars.title.text()


def test_a_fall_of_the_likelihood_is_no_alarm_where_nothing_was_promised(faithful):
    plot = faithful.show(Objective, 680, 180)
    faithful.steps(10)
    faithful.do(lambda: faithful.session.set_how(EStep("annealed", 6.0)))
    faithful.steps(4)
    levels = plot.track.likelihood
    assert (np.diff(levels[-4:]) < 0).any() and plot._falls(0, plot.track.count) == []


# -- k-means -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def clusters(faithful):
    faithful.do(lambda: faithful.session.set_model(find("kmeans").make(k=3)))
    return faithful


def test_the_controls_show_only_what_means_something(clusters, controls):
    assert not controls.box.isVisible() and not controls.accelerate.isVisible()


def test_the_objective_is_the_inertia_and_falls(clusters):
    plot = clusters.show(Objective, 680, 180)
    clusters.steps(6)
    costs = [node.moment.snapshot.cost for node in plot.track.cells]
    assert plot.track.likelihood.tolist() == costs and costs[-1] < costs[0]
    picture = plot.grab().toImage()
    assert not picture.isNull()
    low, high = plot.range()
    assert low < costs[-1] < high and plot.y_of(costs[-1]) > plot.y_of(costs[2])
    assert "inertia" in plot.describe(3) and "likelihood" not in plot.describe(3)
    assert plot._falls(0, plot.track.count) == []


def test_status_caption_and_bars_speak_of_inertia(clusters):
    status, caption = clusters.show(StatusBar, 1280, 28), clusters.show(CaptionBar, 900, 60)
    bars = clusters.show(GapBars, 320, 220)
    assert "inertia" in caption.sentences().what
    clusters.steps(2)
    moment = clusters.session.moment
    assert float(plain(status.likelihood.text())) == pytest.approx(moment.snapshot.cost, abs=0.006)
    assert status.likelihood.accessibleName() == "inertia"
    assert "centres moved" in caption.sentences().what and "inertia down" in caption.sentences().what
    assert "nearest centre" in caption.sentences().next
    assert not bars.isVisible()
    clusters.do(clusters.session.run_to_convergence)
    assert "may end lower" in caption.sentences().next


def test_a_point_is_explained_by_its_distances(clusters):
    inspector = clusters.show(Inspector, 328, 260)
    clusters.steps(1)
    inspector.show_row(10)
    m = clusters.session.moment
    distances = np.sqrt(((m.data.x[10] - m.snapshot.params.centers) ** 2).sum(1))
    lines = inspector.table.lines()
    assert [float(plain(line[3])) for line in lines[:3]] == pytest.approx(distances, rel=1e-3)
    assert [line[4] for line in lines[:3]] == ["1" if k == distances.argmin() else "0" for k in range(3)]
    assert lines[3][0] == "nearest" and not inspector.table.grab().toImage().isNull()


def test_what_is_taken_away_is_whole(clusters):
    clusters.steps(4)
    made = json.loads(document(clusters.session, "model"))
    assert made["log_likelihood"] is None and made["inertia"] == clusters.session.moment.snapshot.cost
    assert [e["inertia"] for e in made["trace"]][-1] == made["inertia"]
    labels = document(clusters.session, "labels").decode().splitlines()
    assert labels[0] == "label,p0,p1,p2,uncertainty,log_density" and labels[1].endswith(",0.0,")
