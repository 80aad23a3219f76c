"""The sentences above the canvas, for each phase, and the bar that says them from the newest moment."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from emstudio.core.data import dataset, painted
from emstudio.core.em import advance, begin, blank
from emstudio.core.errors import Notice
from emstudio.core.marks import Handle, View
from emstudio.core.model import Start, find
from emstudio.core.stopping import Verdict
from emstudio.gui.caption import CaptionBar
from emstudio.gui.sentences import Facts, sentences, undecided


def moments(k: int = 2, d: int = 2, n: int = 7):
    """data, start, E1, M1, E2, ... of two blobs."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (30, d)), rng.normal(6, 1, (20, d))])
    made = [blank(dataset(painted(x, "xyz"[:d])), find("gaussian").make(k=k), Start("points"), 3)]
    made.append(begin(made[0]))
    while len(made) < n:
        made.append(advance(made[-1]))
    return made


def said(moment, previous=None, **facts) -> str:
    made = sentences(moment, previous, Facts(**facts))
    return " ".join((made.title, made.what, made.next)).replace("**", "").replace("\u202f", "")


def test_an_empty_canvas_says_what_to_do():
    empty = blank(dataset(painted()), find("gaussian").make(k=2), Start(), 0)
    words = said(empty)
    assert "Click to add points" in words and "drop a table" in words and "choose a data set" in words


def test_data_alone():
    words = said(moments(n=2)[0])
    assert words.startswith("50 points.") and "the start places 2 components" in words


def test_data_that_cannot_be_fitted_say_why():
    words = said(moments(n=2)[0], obstacle="there are 3 rows for 5 components; choose fewer")
    assert "There are 3 rows for 5 components; choose fewer." in words


def test_the_start_names_method_seed_and_level():
    words = said(moments()[1])
    assert words.startswith("Start. Random points placed 2 components, seed 3; log-likelihood \u2212")
    assert "Next, the E-step" in words
    later = replace(moments()[1], number=4)
    assert "seed 3, start 4" in said(later)


def test_a_given_start_has_no_seed():
    m = moments()[1]
    words = said(replace(m, start=Start("params", params=m.snapshot.params)))
    assert "stand where they were given" in words and "seed" not in words


def test_an_e_step_counts_the_undecided():
    m = moments()[2]
    assert said(m, undecided=30).startswith(
        "E-step 1. Each point took its responsibilities\u2019 colour; 30 of 50 are still undecided. "
        "Next, the M-step moves each ellipse to its weighted points."
    )
    assert "1 of 50 is still undecided" in said(m, undecided=1)
    assert "none is decided yet" in said(m, undecided=50)
    assert "all 50 are decided" in said(m, undecided=0)
    assert "undecided" not in said(m, undecided=None)


def test_undecided_is_a_largest_responsibility_below_nine_tenths():
    resp = np.array([[0.95, 0.05, 0.0], [0.05, 0.06, 0.89], [0.9, 0.1, 0.0], [np.nan] * 3, [0.4, 0.3, 0.3]])
    assert undecided(resp) == 3


def test_an_m_step_says_how_far_and_how_much():
    made = moments()
    e, m = made[2], made[3]
    words = said(m, e)
    gain = m.snapshot.log_likelihood - e.snapshot.log_likelihood
    assert words.startswith("M-step 1. The ellipses moved, ")
    assert f"log-likelihood up {gain:#.3g}".rstrip(".") in words
    shift = (m.snapshot.params.means - e.snapshot.params.means) / m.data.x.std(0)
    k = int(np.argmax((shift**2).sum(1)))
    j = int(np.argmax(np.abs(shift[k])))
    assert f"{'AB'[k]} most ({'xy'[j]} " in words
    assert "Next, the E-step gives each point its new colour" in words


def test_one_dimension_has_curves_and_one_component_no_rivals():
    line = moments(d=1)
    assert "each curve" in said(line[2], undecided=3) and "The curves moved" in said(line[3], line[2])
    alone = moments(k=1)
    assert "With one component every point is its own" in said(alone[2], undecided=0)
    assert "moves the ellipse" in said(alone[2], undecided=0)


def test_likelihoods_of_different_data_are_not_compared():
    made = moments()
    other = replace(made[2], data=replace(made[2].data))
    words = said(made[3], other)
    assert " up " not in words and " down " not in words


def test_a_fall_and_a_standstill_are_said():
    made = moments()
    e, m = made[2], made[3]
    lower = replace(m, snapshot=replace(m.snapshot, log_likelihood=e.snapshot.log_likelihood - 2.5))
    assert "log-likelihood down 2.50 to" in said(lower, e)
    same = replace(m, snapshot=replace(m.snapshot, log_likelihood=e.snapshot.log_likelihood))
    assert "log-likelihood still" in said(same, e)


def test_an_edit_names_itself():
    made = moments()
    edit = replace(made[2], snapshot=replace(made[2].snapshot, phase="edit", log_likelihood=-200.0))
    before = replace(made[2], snapshot=replace(made[2].snapshot, log_likelihood=-150.0))
    words = said(edit, before, edit="Move mean")
    assert words.startswith("Move mean. Log-likelihood down 50.0 to \u2212200.0.")
    points = said(edit, replace(before, data=replace(before.data)), edit="Add points")
    assert points.startswith("Add points. 50 points now, and a likelihood of its own: \u2212200.0.")


def test_converged_says_because():
    made = moments()
    verdict = Verdict("tolerance", "change 3e-9 below 1e-8", 3e-9)
    words = said(made[3], made[2], verdict=verdict)
    assert words.startswith("Converged. M-step 1 changed nothing that matters: change 3e\u22129 below 1e\u22128.")
    assert "Shift+R" in words
    assert said(made[3], made[2], verdict=verdict, running=True).startswith("M-step 1.")
    assert said(made[4], made[3], verdict=verdict, undecided=2).startswith("E-step 2.")


def test_the_limit_of_iterations_says_how_to_go_on():
    made = moments()
    verdict = Verdict("max-iter", "stopped after 1 iterations without reaching 1e-8")
    words = said(made[3], made[2], verdict=verdict)
    assert words.startswith("Paused. Stopped after 1 iterations") and "Allow more iterations" in words


def test_a_collapse_names_the_component_and_the_way_out():
    made = moments()
    notice = Notice("collapse", "component B collapses onto row 7: its variance would be 0", 1, (6,))
    words = said(made[2], made[1], trouble=notice)
    assert "Component B collapses onto row 7" in words and "Re-seed B" in words and "sound" in words
    notice = Notice("collapse", "component B collapses onto row 7; re-seed it or set a floor", 1, (6,))
    words = said(made[2], made[1], trouble=notice).lower()
    assert words.count("re-seed") == 1  # the ways out are said once


def test_every_phase_has_an_icon_that_exists(qapp):
    from emstudio.gui import icons

    made = moments()
    shown = {sentences(m, p, Facts()).icon for p, m in itertools.pairwise(made)} | {
        sentences(made[0], None, Facts()).icon
    }
    shown |= {"check", "pause", "warning", "select"}
    assert shown <= set(icons.names())


# -- the bar -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def bar(faithful):
    return faithful.show(CaptionBar, 690, 60)


def test_the_bar_follows_the_half_steps(faithful, bar):
    assert bar.accessibleName().startswith("Start.")
    faithful.steps(2)
    assert bar.accessibleName().startswith("M-step 1. The ellipses moved") and " min)" in bar.accessibleName()
    faithful.do(faithful.session.run_to_convergence, faithful.session.step)
    n = undecided(faithful.session.moment.snapshot.resp)
    assert 0 < n < 272
    assert bar.accessibleName().startswith("E-step") and f"{n} of 272" in bar.accessibleName()


def test_the_bar_says_converged_and_takes_it_back(faithful, bar):
    faithful.do(faithful.session.run_to_convergence)
    assert bar.sentences().title == "Converged." and "below 1e\u22128" in bar.sentences().what
    faithful.do(faithful.session.back)
    assert bar.sentences().title.startswith("E-step")


def test_a_drag_is_compared_with_what_was_before_the_gesture(faithful, bar):
    session = faithful.session
    faithful.steps(4)
    before = session.moment.snapshot.log_likelihood
    session.begin_gesture()
    for x in (2.5, 2.7, 3.0):
        session.drag(Handle("mean", 0), View("scatter", (0, 1)), (x, 60.0))
        faithful.settle()
    session.end_gesture()
    fall = before - session.moment.snapshot.log_likelihood
    assert fall > 0 and bar.sentences().title == "Move mean."
    assert f"down {fall:#.3g}".rstrip(".") in bar.sentences().what.replace("\u202f", "")


def test_a_collapse_is_said_until_another_moment_is_shown(faithful, bar):
    session = faithful.session
    session.trouble.emit(Notice("collapse", "component A collapses onto row 3", 0, (2,)))
    assert bar.sentences().icon == "warning"
    faithful.steps(1)
    assert bar.sentences().title == "E-step 1."


def test_column_names_are_shown_as_they_are(studio):
    from emstudio.core.data import Column, Table, frozen

    x = np.concatenate([np.zeros(20), np.full(20, 9.0)]) + np.linspace(0, 1, 40)
    studio.session.open_table(Table("t", (Column("<b>x</b>", "number", frozen(x), unit="<m>"),)))
    studio.settle()
    bar = studio.show(CaptionBar, 690, 60)
    studio.do(lambda: studio.session.set_start(Start("points")))
    studio.steps(2)
    assert "&lt;m&gt;" in bar.happened.text() and "<m>" not in bar.happened.text()


def test_the_end_of_a_run_names_a_component_on_a_handful_of_rows(studio):
    bar = studio.show(CaptionBar, 690, 60)
    session = studio.session
    studio.do(lambda: session.open("dataset:galaxies"), lambda: session.set_parameter(k=4), session.run_to_convergence)
    least = studio.session.moment.snapshot.resp.sum(0).argmin()
    assert bar.sentences().title == "Converged."
    assert bar.sentences().next.startswith(f"Component {'ABCD'[least]} rests on 1.91 rows only")
    studio.do(session.back)
    assert "rests on" not in bar.sentences().next
