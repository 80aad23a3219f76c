"""The trials as a person uses them: flip a token, pick, type anew, add, take away, undo; the new trial; known coins."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest

from emstudio.core.model import Start
from emstudio.gui import theme, trial_rows
from emstudio.gui.coins_view import Trials
from emstudio.models.coins import CoinParams

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture(autouse=True)
def light(qapp):
    theme.apply(qapp, "light")


@pytest.fixture
def coins(studio):
    """The first text's coins at .6 and .5, equal weights held."""
    session = studio.session
    session.open("dataset:coin-flips")
    studio.settle()
    given = Start("params", params=CoinParams(np.array([0.5, 0.5]), np.array([0.6, 0.5])))
    studio.do(lambda: session.set_parameter(mixing="fixed"), lambda: session.set_start(given))
    return studio


@pytest.fixture
def trials(coins):
    made = coins.show(Trials, 700, 240)
    made.set_motion(False)
    return made


def click(trials, place: QPoint) -> None:
    QTest.mouseClick(trials.rows.viewport(), LEFT, NONE, place)


def type_trial(trials, words: str, enter: bool = True) -> None:
    trials.foot.field.setFocus()
    QTest.keyClicks(trials.foot.field, words)
    if enter:
        QTest.keyClick(trials.foot.field, Qt.Key.Key_Return)


def colour_at(trials, place: QPoint) -> np.ndarray:
    return np.array(trials.rows.viewport().grab().toImage().pixelColor(place).getRgb()[:3])


def test_opening_coin_tosses_takes_the_model_of_coins_and_measurements_take_it_away(studio):
    session = studio.session
    session.open("dataset:coin-flips")
    studio.settle()
    assert session.model.name == "coins"
    assert session.moment.snapshot.phase == "start"
    session.open("dataset:old-faithful")
    studio.settle()
    assert session.model.name == "gaussian"
    studio.do(session.undo)
    assert session.model.name == "coins"


def test_the_sums_are_the_expected_counts_of_the_lecture(coins, trials):
    assert trials.expected.shape == (0, 2)
    coins.steps(1)
    np.testing.assert_allclose(trials.expected, [[21.3, 8.6], [11.7, 8.4]], atol=0.06)
    assert "21.3" in trials.accessibleDescription()
    coins.steps(1)
    np.testing.assert_allclose(coins.session.moment.snapshot.params.biases, [0.71, 0.58], atol=0.005)
    np.testing.assert_allclose(
        trials.expected[:, 0] / trials.expected.sum(1), coins.session.moment.snapshot.params.biases
    )


def test_tokens_take_the_colour_of_the_responsibilities(coins, trials):
    heads = trials.where_toss(1, 0) + QPoint(0, -8)
    grey = colour_at(trials, heads)
    np.testing.assert_allclose(grey, QColor(theme.current().axis).getRgb()[:3], atol=2)
    coins.steps(1)
    resp = coins.session.moment.snapshot.resp[1]
    np.testing.assert_allclose(colour_at(trials, heads), 255 * resp @ theme.component_rgb(2), atol=3)


def test_a_click_on_a_token_flips_it_and_undo_turns_it_back(coins, trials):
    coins.steps(1)
    before = trials.tokens.rows
    click(trials, trials.where_toss(0, 1))
    coins.settle()
    assert trials.tokens.rows[0] == "HHTTHHTHTH"
    assert coins.session.data.x[0].tolist() == [6, 4]
    assert coins.session.history.undo_title() == "Flip a toss"
    assert coins.session.moment.snapshot.phase == "edit"
    assert trials.share(0) is not None, "the colours stay until the next E-step"
    coins.do(coins.session.undo)
    assert trials.tokens.rows == before
    coins.do(coins.session.redo)
    assert trials.tokens.rows[0] == "HHTTHHTHTH"


def test_two_quick_clicks_on_a_token_flip_it_twice(coins, trials):
    before = trials.tokens.rows
    edits = len(coins.session.history.nodes)
    place = trials.where_toss(2, 4)
    click(trials, place)
    QTest.mouseDClick(trials.rows.viewport(), LEFT, NONE, place)  # what a window system sends for the second press
    QTest.mouseRelease(trials.rows.viewport(), LEFT, NONE, place)
    coins.settle()
    assert len(coins.session.history.nodes) == edits + 2
    assert trials.tokens.rows == before
    assert trials.rows.editor is None


def test_a_token_is_flipped_while_the_run_is_on(coins, qtbot):
    trials = coins.show(Trials, 700, 240)
    session = coins.session
    session.set_speed(1000.0)
    session.run()
    qtbot.waitUntil(lambda: len(session.history.nodes) > 6)
    click(trials, trials.where_toss(3, 1))
    qtbot.waitUntil(lambda: session.data.x[3].tolist() == [5, 5], timeout=5000)
    session.pause()
    coins.settle()
    assert trials.tokens.rows[3] == "HHHTTTHHTT"


def test_the_keyboard_picks_flips_sets_and_removes(coins, trials, qtbot):
    rows = trials.rows
    rows.setFocus()
    QTest.keyClick(rows, Qt.Key.Key_Down)
    QTest.keyClick(rows, Qt.Key.Key_Down)
    assert rows.row == 1
    QTest.keyClick(rows, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    QTest.keyClick(rows, Qt.Key.Key_Return)
    coins.settle()
    assert trials.tokens.rows[1].startswith("TH")
    QTest.keyClick(rows, Qt.Key.Key_H)
    coins.settle()
    assert trials.tokens.rows[1].startswith("HH")
    assert rows.toss == 1
    QTest.keyClick(rows, Qt.Key.Key_T)
    coins.settle()
    assert trials.tokens.rows[1].startswith("HTH")
    QTest.keyClick(rows, Qt.Key.Key_Delete)
    coins.settle()
    assert coins.session.data.n == 4
    assert coins.session.history.undo_title() == "Remove a trial"
    coins.do(coins.session.undo)
    assert coins.session.data.n == 5


def test_a_trial_is_typed_anew_in_its_place(coins, trials):
    QTest.mouseDClick(trials.rows.viewport(), LEFT, NONE, trials.where_row(2))
    editor = trials.rows.editor
    assert editor is not None
    assert editor.text() == "HTHHHHHTHH"
    editor.selectAll()
    QTest.keyClicks(editor, "TTTTT")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    coins.settle()
    assert coins.session.data.x[2].tolist() == [0, 5]
    assert trials.rows.editor is None


def test_what_is_no_trial_is_said_and_nothing_changes(coins, trials, qtbot):
    data = coins.session.data
    with qtbot.waitSignal(coins.session.failed) as said:
        type_trial(trials, "HTX")
    assert "HTTHH" in said.args[0]
    assert coins.session.data is data
    assert trials.foot.field.text() == "HTX"
    QTest.keyClick(trials.foot.field, Qt.Key.Key_Escape)
    assert trials.foot.field.text() == ""


def test_a_typed_trial_is_told_its_coin_without_joining_the_data(coins, trials):
    data, spots = coins.session.data, []
    trials.spot.connect(spots.append)
    type_trial(trials, "HHHHHHHHHT", enter=False)
    by_hand = np.array([0.6**9 * 0.4, 0.5**10])
    np.testing.assert_allclose(trials.typed, by_hand / by_hand.sum(), rtol=1e-12)
    np.testing.assert_array_equal(spots[-1], [9, 1])
    assert coins.session.data is data
    assert "coin A 0.8" in trials.foot.field.accessibleDescription()
    trials.foot.field.clear()
    assert spots[-1] is None
    assert trials.typed is None


def test_enter_adds_the_typed_trial_and_undo_takes_it_away(coins, trials):
    coins.steps(1)
    type_trial(trials, "htthh")
    coins.settle()
    assert coins.session.data.n == 6
    assert coins.session.data.x[-1].tolist() == [3, 2]
    assert trials.foot.field.text() == ""
    assert trials.share(5) is None, "grey until the next E-step"
    assert trials.share(0) is not None
    coins.steps(1)
    assert trials.share(5) is not None
    coins.do(coins.session.undo)
    assert coins.session.data.n == 5


def test_picking_and_pointing_tell_the_row(trials, qtbot):
    with qtbot.waitSignal(trials.picked) as picked:
        click(trials, trials.where_row(3))
    assert picked.args == [3]
    with qtbot.waitSignal(trials.hovered) as hovered:
        QTest.mouseMove(trials.rows.viewport(), trials.where_toss(1, 2))
    assert hovered.args == [1]


def test_known_coins_are_counted_into_a_column_each(coins, qtbot):
    trials = coins.show(Trials, 700, 240)
    session = coins.session
    coins.do(lambda: session.set_start(Start()), lambda: session.set_parameter(identities="known"))
    assert trials.known
    qtbot.waitUntil(lambda: trials.expected.sum() == 50, timeout=5000)
    np.testing.assert_array_equal(trials.expected, [[24, 6], [9, 11]])
    np.testing.assert_allclose(coins.session.moment.snapshot.params.biases, [0.8, 0.45])
    assert trials.share(0).tolist() == [0, 1]


def test_counting_known_coins_grows_trial_by_trial(coins, qtbot):
    trials = coins.show(Trials, 700, 240)
    seen = []
    trials._filling.valueChanged.connect(lambda _: seen.append(float(trials.expected.sum())))
    coins.session.set_parameter(identities="known")
    qtbot.waitUntil(lambda: bool(seen) and seen[-1] == 50, timeout=5000)
    assert seen == sorted(seen)
    assert any(0 < total < 50 for total in seen)


@pytest.mark.parametrize("width", [420, 700, 1200])
@pytest.mark.parametrize("longest", [1, 10, 18, 60])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_columns_never_overlap_and_tokens_give_way_to_a_bar(width, longest, k):
    columns = trial_rows.columns(width, longest, k, outcomes=True)
    assert columns.tokens + max(longest * columns.apart, 0) <= columns.bar + 1e-9
    assert columns.bar + columns.bar_width <= columns.counts
    assert columns.counts_width >= 96
    if columns.token:
        assert trial_rows.SMALLEST <= columns.token <= trial_rows.TOKEN
        assert columns.toss_at(columns.tokens + 1, longest) == 0
        assert columns.toss_at(columns.tokens - 3, longest) is None
    else:
        assert longest > 10 or width < 700 or k > 2


def test_many_tosses_are_a_bar_and_are_typed_as_counts(studio):
    session = studio.session
    session.paste("heads\ttosses\n60\t100\n31\t80\n10\t100\n55\t90\n")
    studio.settle()
    trials = studio.show(Trials, 700, 240)
    assert trials.tokens.rows is None
    assert trials.columns().token == 0
    QTest.mouseDClick(trials.rows.viewport(), LEFT, NONE, trials.where_row(1))
    assert trials.rows.editor.text() == "31 of 80"
    trials.rows.editor.selectAll()
    QTest.keyClicks(trials.rows.editor, "40 of 80")
    QTest.keyClick(trials.rows.editor, Qt.Key.Key_Return)
    studio.settle()
    assert session.data.x[1].tolist() == [40, 40]


def test_a_thousand_trials_scroll_and_the_one_picked_comes_into_sight(studio):
    session = studio.session
    session.paste("throws\n" + "\n".join("HT" * 5 if i % 3 else "HHHHHHHHHT" for i in range(1000)))
    studio.settle()
    trials = studio.show(Trials, 700, 240)
    trials.pick_row(700)
    assert trials.rows.viewport().rect().contains(trials.where_row(700))
    assert trials.rows.verticalScrollBar().maximum() > 25_000


def test_another_table_while_known_coins_are_counted(coins, qtbot):
    trials = coins.show(Trials, 700, 240)
    coins.do(lambda: coins.session.set_parameter(identities="known"))
    qtbot.waitUntil(lambda: trials.expected.sum() == 50, timeout=5000)
    coins.session.paste(
        "flips\tcoin\n" + "".join(f"HHTH\t{'AB'[i % 2]}\n" for i in range(40))
    )  # an error in a slot fails
    coins.settle()
    assert trials.known and len(trials.tokens.heads) == 40
    qtbot.waitUntil(lambda: trials.expected.sum() == 160, timeout=5000)
    coins.do(lambda: coins.session.open("dataset:ten-flips"))
    assert not trials.known and len(trials.tokens.heads) == 100
