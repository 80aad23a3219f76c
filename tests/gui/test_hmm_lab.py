"""The laboratory of a chain: what it shows of a moment and of each sweep, and the ratio of a flip written out in numbers."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from emstudio.core.data import Column, Table, frozen, painted
from emstudio.core.em import begin, blank
from emstudio.core.how import EStep
from emstudio.core.model import Start, find
from emstudio.core.samplers_flip import flip
from emstudio.gui import strips_flip, theme
from emstudio.gui.caption import CaptionBar
from emstudio.gui.hmm_lab import HmmLab
from emstudio.gui.main_window import MainWindow
from emstudio.gui.series_source import levels_of
from emstudio.models.noisy_switch import SwitchParams

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture(autouse=True)
def light(qapp):
    theme.apply(qapp, "light")


def switch_table(n: int = 60) -> Table:
    x, z = find("noisy-switch").make().sample(SwitchParams(0.8, 0.25), n, np.random.default_rng(3))
    state = Column("state", "text", frozen(z.astype(np.int64)), levels=("0", "1"), fit=False)
    info = {"model": {"name": "noisy-switch"}, "truth": "state"}
    return Table("switch", (Column("x", "number", frozen(x[:, 0].copy())), state), info=info)


@pytest.fixture
def lab(studio):
    studio.do(lambda: studio.session.open_table(switch_table()))
    made = studio.show(HmmLab, 800, 520)
    made.set_motion(False)
    return made


# -- the scene ---------------------------------------------------------------------------------------------------------
def test_the_scene_is_that_of_the_moment(studio, lab):
    assert lab.scene.resp is None and lab.scene.viterbi is None and lab.scene.drawn is None
    assert np.array_equal(lab.scene.truth, studio.session.data.truth_codes()[0])
    studio.steps(1)
    session, scene = studio.session, lab.scene
    moment = session.moment
    assert scene.resp is moment.snapshot.resp and np.array_equal(scene.exact, scene.resp)
    assert np.array_equal(scene.viterbi, moment.model.decoded(moment.data, moment.snapshot.params)[0])
    assert not scene.drawn.used and scene.drawn.chains == 100
    assert np.abs(scene.drawn.mean - scene.exact).max() < 5 * np.sqrt(0.25 / 100)
    levels = scene.levels[0]
    assert [v.value for v in levels] == [0.0, 1.0] and levels[0].spread == pytest.approx(1.0)


def test_paths_stay_those_of_the_e_step_through_the_m_step(studio, lab):
    studio.steps(1)
    before = lab.scene
    studio.steps(1)
    assert studio.session.moment.snapshot.phase == "M"
    assert lab.scene.viterbi is before.viterbi and lab.scene.drawn is before.drawn
    assert lab.scene.levels[0][0].spread != before.levels[0][0].spread


def test_a_sampled_e_step_shows_its_own_draws_beside_the_exact_posterior(studio, lab):
    studio.do(lambda: studio.session.set_how(EStep("gibbs", draws=12, sweeps=5)))
    studio.steps(1)
    posterior, scene = studio.session.moment.snapshot.posterior, lab.scene
    assert scene.drawn.used and np.array_equal(scene.drawn.states, posterior.paths)
    assert np.allclose(scene.drawn.mean, posterior.resp)
    assert np.array_equal(scene.exact, posterior.exact.gamma.T)
    assert not np.allclose(scene.exact, scene.resp)


def test_sweeps_are_shown_one_by_one_and_their_flips_are_marked(studio, lab, qtbot):
    session = studio.session
    studio.do(lambda: session.set_how(EStep("scan-metropolis", draws=8, sweeps=3)))
    seen = []
    for i in range(3):
        session.next_sweep()
        qtbot.waitUntil(lambda i=i: session.sweep is not None and session.sweep.index == i)
        qtbot.waitUntil(lambda i=i: lab.scene.drawn is not None and lab.scene.drawn.sweep == (i, 3))
        assert np.array_equal(lab.scene.drawn.states, session.sweep.states)
        assert np.allclose(lab.scene.resp, lab.scene.drawn.mean)
        seen.append(lab.scene.drawn)
    assert seen[0].flipped is None
    for a, b in pairwise(seen):
        assert np.array_equal(b.flipped, a.states != b.states) and b.flipped.any()
    assert "sweep 2 of 3" in lab.strips.accessibleDescription()
    session.next_sweep()
    studio.settle()
    assert session.moment.label == "E1" and lab.scene.drawn.sweep is None
    assert np.array_equal(lab.scene.drawn.states, session.moment.snapshot.posterior.paths)


def test_several_series_are_apart_and_can_be_shown_alone(studio):
    rng = np.random.default_rng(1)
    groups = np.repeat([0, 1, 2], [30, 20, 1])
    x = rng.normal(groups % 2 * 3.0, 0.5)
    x[5] = np.nan
    columns = (
        Column("who", "text", frozen(groups), levels=("a", "b", "c"), fit=False),
        Column("x", "number", frozen(x)),
        Column("y", "number", frozen(rng.normal(size=51))),
    )
    info = {"sequence": "who", "model": {"name": "hmm", "emission": "gaussian"}}
    studio.do(lambda: studio.session.open_table(Table("many", columns, info=info)))
    lab = studio.show(HmmLab, 800, 520)
    studio.steps(1)
    assert lab.span.offsets.tolist() == [0, 30, 50, 51]
    assert lab.series_box.count() == 4
    lab.series_box.setFocus()
    QTest.keyClick(lab.series_box, Qt.Key.Key_Down)
    QTest.keyClick(lab.series_box, Qt.Key.Key_Down)
    lab.series_box.activated.emit(lab.series_box.currentIndex())
    assert lab.span.seen() == (30, 50)
    resp = studio.session.moment.snapshot.resp
    image = lab.series.grab().toImage()
    seen = np.array(image.pixelColor(lab.series.where_row(40)).getRgbF()[:3])
    assert np.abs(seen - resp[40] @ theme.component_rgb(2)).max() < 0.06
    lab.pick_row(3)
    assert lab.span.chosen is None
    model = studio.session.model
    lab.set_view(
        next(v for v in model.views(studio.session.data) if v.kind == "laboratory").__class__("laboratory", (1,))
    )
    assert lab.series.column == 1 and lab.series.levels == lab.scene.levels[1]


def test_a_long_series_is_computed_beside_the_run(studio, qtbot):
    rng = np.random.default_rng(0)
    x = rng.normal(np.repeat(rng.integers(0, 2, 100), 50) * 3.0, 1.0)
    table = Table("long", (Column("x", "number", frozen(x)),), info={"model": {"name": "hmm", "emission": "gaussian"}})
    studio.do(lambda: studio.session.open_table(table))
    lab = studio.show(HmmLab, 800, 520)
    studio.steps(1)
    qtbot.waitUntil(lambda: lab.scene.viterbi is not None and not lab.scene.pending)
    moment = studio.session.moment
    assert np.array_equal(lab.scene.viterbi, moment.model.decoded(moment.data, moment.snapshot.params)[0])
    lab.grab()
    assert lab.strips.row_at(lab.strips.where_cell(0, 4000).x()) is not None


# -- flips -------------------------------------------------------------------------------------------------------------
def exercise():
    """The lecture text's: X = (.25, -.3, .8, 1.1), q = .8, variance 1/4."""
    model = find("noisy-switch").make()
    data = model.dataset(painted([[0.25], [-0.3], [0.8], [1.1]], ("x",)))
    return begin(blank(data, model, Start("params", params=SwitchParams(0.8, 0.25)), 0))


def test_the_texts_flip_is_written_out():
    words = strips_flip.written(exercise(), np.array([0, 0, 1, 1], np.int8), 1)
    assert (words.path(words.before), words.path(words.after)) == ("AABB", "ABBB")
    assert [line[0] for line in words.lines] == ["step in", "step out", "x = \u22120.3"]
    assert words.lines[0][1] == "(1\u2212q) / q" and words.lines[1][1] == "q / (1\u2212q)"
    assert words.lines[2][1] == "exp(\u22120.8/\u03c3\u00b2)"
    assert words.lines[2][2] == "exp(\u22120.8/0.25) = 0.0408"
    assert words.total == "q cancels: ratio 0.0408"
    assert words.verdict == "Metropolis would take it with probability 0.0408"


def test_steps_that_are_equal_by_chance_do_not_cancel():
    moment = exercise()
    fair = replace(moment, snapshot=replace(moment.snapshot, params=SwitchParams(0.5, 0.25)))
    words = strips_flip.written(fair, np.array([0, 0, 0, 1], np.int8), 1)
    assert words.total == "ratio 1.00 \u00d7 1.00 \u00d7 0.0408 = 0.0408"


@pytest.mark.parametrize("site", range(4))
def test_every_ratio_written_is_that_of_the_whole_paths(site):
    moment = exercise()
    model, data, params = moment.model, moment.data, moment.snapshot.params
    path = np.array([0, 1, 1, 0], np.int8)
    other = path.copy()
    other[site] = 1 - other[site]
    levels = model.path_levels(data, params, np.stack([path, other], axis=1))
    words = strips_flip.written(moment, path, site)
    ratio = np.exp(levels[1] - levels[0])
    assert words.total.split()[-1] == theme.number(ratio, 3)
    wanted = "for certain" if ratio >= 1 else f"probability {theme.number(ratio, 3)}"
    assert wanted in words.verdict


def test_gibbs_says_its_own_probability():
    moment = exercise()
    words = strips_flip.written(replace(moment, how=EStep("gibbs")), np.array([0, 0, 1, 1], np.int8), 1)
    assert words.verdict == f"Gibbs draws B with probability r / (1 + r) = {theme.number(0.0408 / 1.0408, 3)}"


def test_clicking_a_cell_writes_its_flip_out(studio, lab):
    studio.do(lambda: studio.session.set_how(EStep("metropolis", draws=20, sweeps=4)))
    studio.steps(2)
    strips = lab.strips
    QTest.mouseClick(strips, LEFT, NONE, strips.where_cell(3, 20))
    assert lab.card.isVisible() and lab.span.picked == 20
    words = lab.card.words
    assert words.title.startswith("Change t = 21 of draw 4 from")
    node = studio.session.history.current
    origin = node.parent.moment
    start, transitions, _ = origin.model.split(origin.snapshot.params)
    scores = origin.model.emissions(origin.data, origin.snapshot.params)
    path = lab.scene.drawn.states[:, 3]
    found = flip(scores, start, transitions, origin.data.offsets, path, 20, 1 - int(path[20]))
    assert words.total.split()[-1] == theme.number(found.ratio, 3)
    QTest.keyClick(strips, Qt.Key.Key_Escape)
    QTest.mouseMove(strips, strips.rect().bottomRight())
    assert not lab.card.isVisible()


def test_pointing_at_a_cell_is_enough(studio, lab):
    studio.steps(1)
    QTest.mouseMove(lab.strips, lab.strips.where_cell(1, 30))
    assert lab.card.isVisible() and "of draw 2" in lab.card.accessibleDescription()
    assert lab.span.hovered == 30


def test_cells_are_reached_by_keys(studio, lab):
    studio.steps(1)
    lab.pick_row(8)
    strips = lab.strips
    strips.setFocus()
    QTest.keyClick(strips, Qt.Key.Key_Return)
    QTest.keyClick(strips, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    QTest.keyClick(strips, Qt.Key.Key_Down)
    assert strips.pinned == (1, 9) and "t = 10 of draw 2" in lab.card.words.title
    QTest.keyClick(strips, Qt.Key.Key_Escape)
    assert strips.pinned is None and not lab.card.isVisible()


# -- a page of the window ----------------------------------------------------------------------------------------------
def test_the_window_shows_the_laboratory_and_its_tools_draw_on_it(studio, qtbot):
    window = MainWindow(studio.session)
    qtbot.addWidget(window)
    window.show()
    studio.do(lambda: studio.session.open_table(switch_table()))
    lab = window.stage.page
    assert isinstance(lab, HmmLab) and window.stage.draws
    lab.series.setFocus()
    window.acts["tool_erase"].trigger()
    assert lab.series.editor.tool == "erase"
    QTest.mouseClick(lab.series, LEFT, NONE, lab.series.where_row(10))
    studio.settle()
    assert np.isnan(studio.session.data.observed[10, 0])
    window.acts["tool_select"].trigger()
    lab.pick_row(59)
    window.acts["delete_points"].trigger()
    studio.settle()
    assert studio.session.data.n == 59


def test_a_picked_step_is_told_and_seen_in_all_strips(studio, lab):
    studio.steps(1)
    told = []
    lab.picked.connect(told.append)
    QTest.mouseClick(lab.series, LEFT, NONE, lab.series.where_row(25))
    assert told == [25] and "t = 26" in lab.strips.accessibleDescription()
    x = lab.strips.where_cell(0, 25).x()
    image = lab.strips.grab().toImage()
    column = {image.pixelColor(x + dx, y).name() for dx in (-1, 0, 1) for y in range(2, 200)}
    assert theme.colour("text2").name() in column


def test_the_picture_for_export_is_as_sharp_as_asked_for(studio, lab):
    studio.steps(1)
    one, two = lab.render(0, 0, 1.0), lab.render(0, 0, 2.0)
    assert (two.width(), two.height()) == (2 * one.width(), 2 * one.height())
    assert one.size() == lab.size() and lab.strips.grain == 0.0


def test_levels_of_other_emissions():
    model = find("hmm").make(k=2, emission="poisson")
    data = model.dataset(painted([[c] for c in (1, 2, 9, 12, 1)], ("count",)))
    moment = begin(blank(data, model, Start("kmeans++"), 0))
    levels = levels_of(moment)[0]
    assert [v.spread for v in levels] == pytest.approx(np.sqrt([v.value for v in levels]))
    assert [v.handle.kind for v in levels] == ["rate", "rate"]


# -- what stands where -------------------------------------------------------------------------------------------------
def test_draws_beside_an_exact_e_step_are_followed_by_the_estimates(studio, lab):
    studio.steps(1)
    plots, states = lab.estimates.plots, lab.scene.drawn.states
    stays, switches, _ = plots.scalars
    assert stays.aside and len(stays.draws) == 100 and stays.trace is None
    same = (states[1:] == states[:-1]).sum(axis=0)
    assert np.array_equal(stays.draws, same) and np.array_equal(switches.draws, 59 - same)
    pairs = studio.session.moment.snapshot.posterior.pairs
    assert stays.used == stays.exact == pytest.approx(float(np.trace(pairs)))  # the M-step goes by the exact ones
    assert "The E-step is exact; 100 draws" in lab.estimates.note.text()
    assert lab.estimates.plots.curve(stays).mean[-1] == pytest.approx(same.mean())
    studio.do(lambda: studio.session.set_how(EStep("hard")))
    studio.steps(1)
    assert plots.scalars[0].aside and plots.scalars[0].used != plots.scalars[0].exact
    assert "of the exact posterior" in lab.estimates.note.text()
    studio.do(lambda: studio.session.set_how(EStep("gibbs", draws=12, sweeps=5)))
    studio.steps(1)
    assert not plots.scalars[0].aside and len(plots.scalars[0].draws) == 12
    studio.do(studio.session.first, studio.session.step)
    assert plots.scalars[0].aside and len(plots.scalars[0].draws) == 100


def test_steps_of_another_series_are_not_picked(studio, lab):
    studio.steps(1)
    told = []
    lab.picked.connect(told.append)
    QTest.mouseClick(lab.strips, LEFT, NONE, lab.strips.where_cell(2, 20))
    assert lab.span.picked == 20 and lab.strips.pinned == (2, 20)
    studio.do(lambda: studio.session.add_steps(0, 0, np.array([0.5])))
    assert lab.span.picked == 20  # an edit leaves it
    studio.do(lambda: studio.session.open_table(switch_table(80)))
    assert lab.span.picked is None and lab.span.hovered is None and lab.strips.pinned is None
    assert told == [20, None]


def test_the_names_of_the_strips_keep_off_the_edge(studio, lab, qtbot):
    """At every sweep the words left of the strips leave a margin, and none is cut."""
    studio.do(lambda: studio.session.set_how(EStep("metropolis", draws=20, sweeps=120)))
    session = studio.session
    for _ in range(13):
        with qtbot.waitSignal(session.sweep_changed):
            session.next_sweep()
    qtbot.waitUntil(lambda: lab.scene.drawn is not None and lab.scene.drawn.sweep == (12, 120))
    image = lab.strips.grab().toImage()
    canvas = theme.colour("canvas").rgb()
    assert all(image.pixel(x, y) == canvas for x in range(12) for y in range(image.height()))
    assert not all(image.pixel(x, y) == canvas for x in range(12, 90) for y in range(image.height()))


def test_strips_stay_orange_in_the_dark(qapp):
    from emstudio.gui import strips_bands, strips_image

    for name in ("light", "dark"):
        theme.apply(qapp, name)
        for strength in (strips_bands.CALM, strips_bands.DRAWN, strips_bands.SOFT):
            rgb = strips_image.palette(2, strength[theme.current().dark])[1]
            assert rgb.max() > 0.66  # an orange darker than this is called brown
    theme.apply(qapp, "light")


def test_a_transition_that_is_lost_is_told_in_the_window(studio, qtbot):
    model = find("hmm").make(k=2)
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.normal(0, 0.1, 40), rng.normal(1, 0.1, 40)])
    document = {
        "start": [0.5, 0.5],
        "transitions": [[0.9, 0.1], [0.1, 0.9]],
        "means": [[0.0], [1.0]],
        "covariances": [[[0.01]]] * 2,
    }
    window = MainWindow(studio.session)
    qtbot.addWidget(window)
    window.show()
    session = studio.session
    studio.do(lambda: session.open_table(painted(x[:, None], ("x",))))
    studio.do(lambda: session.set_model(model))
    studio.do(lambda: session.set_start(Start("params", params=model.from_dict(document))))
    studio.do(lambda: session.set_how(EStep("ffbs", draws=10)))
    words = "No drawn path goes B to A: it stays 0 for ever"
    studio.steps(1)
    assert words not in window.findChild(CaptionBar).accessibleName()
    studio.steps(1)
    assert words in window.findChild(CaptionBar).accessibleName()
    assert words in window.statusBar().currentMessage()
    studio.steps(2)
    assert words not in window.findChild(CaptionBar).accessibleName()
