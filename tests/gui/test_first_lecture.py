"""The first lecture walked in the real window: what a student sees, types and drags, and that it all agrees."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from emstudio.gui import theme
from emstudio.gui.chain_formula import spoken
from emstudio.gui.main_window import MainWindow
from emstudio.session import Session

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


class Walk:
    """A student at the window; `do` waits until nothing is left to compute or to draw."""

    def __init__(self, qtbot):
        self._qtbot = qtbot
        self.session = Session()
        self.window = MainWindow(self.session)
        qtbot.addWidget(self.window)
        self.window.resize(1280, 800)
        self.window.show()
        self.window.stage.set_motion(False)

    def settle(self) -> None:
        s = self.session
        self._qtbot.waitUntil(lambda: not (s.busy or s.running or s.jobs.busy or self.window.refresher.waiting))

    def do(self, *commands) -> None:
        for command in commands:
            command()
            self.settle()

    def open(self, name: str) -> None:
        self.do(lambda: self.session.open(f"dataset:{name}"))

    def step(self, times: int = 1) -> None:
        self.do(*[self.session.step] * times)

    @property
    def lab(self):
        return self.window.stage.page

    def parameters(self) -> dict[str, list[str]]:
        """The table of parameters as it is read, values only."""
        table = self.window.parameters.view.table
        return {
            name: [table.data(table.index(i, 2 * k)) for k in range(table.columnCount() // 2)]
            for i, name in enumerate(table.rows.names)
        }

    def explained(self) -> list[str]:
        return [spoken(line) for line in self.window.explain.rule.formulas.lines]

    def drag(self, widget, start: QPoint, end: QPoint) -> None:
        QTest.mousePress(widget, LEFT, NONE, start)
        for i in range(1, 5):
            QTest.mouseMove(widget, start + (end - start) * i / 4)
        self.do(lambda: QTest.mouseRelease(widget, LEFT, NONE, end))


@pytest.fixture
def walk(qtbot, qapp):
    theme.apply(qapp, "light")
    made = Walk(qtbot)
    yield made
    made.window.close()


def test_nothing_is_expected_before_the_first_e_step(walk):
    walk.open("coin-flips")
    assert walk.parameters()["expected H"] == ["", ""] and len(walk.lab.trials.expected) == 0
    walk.step()
    heads = walk.lab.trials.expected[:, 0]
    assert walk.parameters()["expected H"] == [theme.number(h) for h in heads.tolist()]


def test_known_coins_are_counted_in_whole_numbers_everywhere(walk):
    walk.open("coin-flips")
    walk.do(lambda: walk.session.set_parameter(identities="known"))
    assert walk.parameters()["counted H"] == ["24", "9"] and walk.parameters()["counted T"] == ["6", "11"]
    rule = walk.window.explain.rule
    assert rule.told and rule.title.text() == "Where the biases come from"
    assert "θ A = (24) / (24 + 6) = 0.8000" in walk.explained()
    assert walk.lab.landscape._start([walk.lab.landscape.place(0.8, 0.45)] * 2) == []  # nothing has moved


def test_explain_says_what_its_letters_stand_for(walk):
    walk.open("coin-flips")
    walk.step()
    assert walk.explained()[-1] == "r: responsibilities, h: heads, t: tails"


def test_a_shorter_trial_is_typed_stays_tokens_and_is_picked(walk):
    walk.open("coin-flips")
    walk.step(2)
    trials = walk.lab.trials
    trials.foot.field.setFocus()
    QTest.keyClicks(trials.foot.field, "HHTHH")
    assert walk.window.explain.inspector.chip.text() == "not in the data"
    walk.do(lambda: QTest.keyClick(trials.foot.field, Qt.Key.Key_Return))
    assert trials.tokens.rows is not None and trials.tokens.rows[5] == "HHTHH" and trials.tokens.rows[0] == "HTTTHHTHTH"
    assert trials.rows.row == 5 and trials.foot.field.text() == ""
    assert walk.window.explain.inspector.chip.text() == "trial 6"
    walk.do(lambda: QTest.mouseClick(trials.rows.viewport(), LEFT, NONE, trials.where_toss(5, 2)))
    assert trials.tokens.rows[5] == "HHHHH"


def test_what_is_no_trial_picks_nothing(walk):
    walk.open("coin-flips")
    trials = walk.lab.trials
    trials.foot.field.setFocus()
    QTest.keyClicks(trials.foot.field, "HHX")
    walk.do(lambda: QTest.keyClick(trials.foot.field, Qt.Key.Key_Return))
    assert trials.foot.field.text() == "HHX" and trials.rows.row is None and trials.awaited is None


def test_colours_stay_while_one_edit_follows_another(walk):
    walk.open("coin-flips")
    walk.step(2)
    shares = walk.session.moment.snapshot.resp.copy()
    trials, biases = walk.lab.trials, walk.lab.biases
    walk.do(lambda: QTest.mouseClick(trials.rows.viewport(), LEFT, NONE, trials.where_toss(4, 0)))
    start = biases.where(0)
    walk.drag(biases, start, start - QPoint(60, 0))
    assert walk.session.moment.label == "edit" and walk.session.moment.snapshot.params.biases[0] < 0.4
    assert (trials.resp == shares).all(), "the bias was dragged, and nobody asked the coins again"
    assert "expected H" not in walk.parameters()


def test_of_two_tops_alike_the_one_that_is_climbed_has_the_numbers(walk):
    walk.open("coin-flips")
    walk.do(lambda: walk.session.set_parameter(mixing="fixed"), walk.session.run_to_convergence)
    landscape = walk.lab.landscape
    a, b = walk.session.moment.snapshot.params.biases.tolist()
    (top, numbers), (other, words) = landscape.crosses()
    assert numbers == f"{a:.3f}, {b:.3f}" and words == "the same, swapped"
    here = landscape.place(a, b)
    assert (top - here).manhattanLength() < 2 < (other - here).manhattanLength()
    walk.drag(landscape, here.toPoint(), landscape.place(b, a).toPoint())
    assert landscape.crosses()[0][1] == f"{b:.3f}, {a:.3f}"


def test_the_preview_of_tosses_shows_what_is_not_shown_as_tokens_and_need_not_scroll(walk):
    walk.open("coin-flips")
    preview = walk.window.data_panel.preview
    titles = [preview.table.headerData(j, Qt.Orientation.Horizontal) for j in range(preview.table.columnCount())]
    assert titles == ["row", "heads", "tails", "set", "true coin"]
    assert preview.horizontalScrollBar().maximum() == 0
    walk.open("ten-flips")
    assert "flips" not in [c.name for c in preview.table._columns]


def test_no_gap_is_left_for_troubles_that_there_are_not(walk, qtbot):
    walk.open("coin-flips")
    centre = walk.window.centre
    assert centre.splitter.y() == centre.caption.geometry().bottom() + 1
    walk.do(lambda: centre.trouble.show_trouble("Something went wrong."))
    qtbot.waitUntil(lambda: centre.splitter.y() == centre.trouble.geometry().bottom() + 1 + 8)
    walk.do(centre.trouble.dismiss)
    qtbot.waitUntil(lambda: centre.splitter.y() == centre.caption.geometry().bottom() + 1)


def test_bayes_rule_of_tosses_speaks_of_chances_and_that_of_measurements_of_densities(walk):
    inspector = walk.window.explain.inspector
    walk.open("coin-flips")
    walk.step()
    assert "coin’s weight" in inspector.table._hint
    QTest.mouseClick(walk.lab.trials.rows.viewport(), LEFT, NONE, walk.lab.trials.where_row(0))
    assert inspector.table._rule.factors == ("weight", "chance")
    walk.open("old-faithful")
    walk.do(lambda: walk.window.explain.pick(3))
    assert inspector.table._rule.factors == ("weight", "density")


def test_another_table_gives_back_the_room_of_long_sentences(walk, qtbot):
    walk.open("coin-flips")
    caption = walk.window.centre.caption
    low = caption.minimumHeight()
    caption.say("info", "Long.", "So many words that they need more lines than there are. " * 8, "And then.")
    assert caption.minimumHeight() > low
    walk.open("single-flips")
    assert caption.minimumHeight() == low
