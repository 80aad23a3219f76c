"""The coins laboratory in the real window: the view's own widget, the landscape, words, keys, the export."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from emstudio.core.model import Start, find
from emstudio.gui import export, theme
from emstudio.gui.main_window import MainWindow
from emstudio.models.coins import CoinParams
from emstudio.session import Session

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


class Window:
    """The main window on a data set of coins; `do` waits until nothing is left to compute or to draw."""

    def __init__(self, qtbot, source: str = "dataset:coin-flips") -> None:
        self._qtbot = qtbot
        self.session = Session()
        self.window = MainWindow(self.session)
        qtbot.addWidget(self.window)
        self.window.resize(1280, 800)
        self.window.show()
        self.window.stage.set_motion(False)
        self.do(lambda: self.session.open(source))

    def settle(self) -> None:
        session = self.session
        self._qtbot.waitUntil(
            lambda: not (session.busy or session.running or session.jobs.busy or self.window.refresher.waiting),
            timeout=10_000,
        )

    def do(self, *commands) -> None:
        for command in commands:
            command()
            self.settle()

    def start_at(self, a: float, b: float, mixing: str = "fixed") -> None:
        given = Start("params", params=CoinParams(np.array([0.5, 0.5]), np.array([a, b])))
        self.do(lambda: self.session.set_parameter(mixing=mixing), lambda: self.session.set_start(given))

    @property
    def lab(self):
        return self.window.stage.page

    def choose(self, kind: str) -> None:
        kinds = [v.kind for v in self.window.views.views]
        self.do(lambda: self.window.views.choose(kinds.index(kind)))

    def words(self) -> str:
        said = self.window.centre.caption.sentences()
        return f"{said.title} {said.what} {said.next}"


@pytest.fixture
def opened(qtbot, qapp):
    theme.apply(qapp, "light")
    made = []

    def make(source: str = "dataset:coin-flips") -> Window:
        made.append(Window(qtbot, source))
        return made[-1]

    yield make
    for each in made:
        each.window.close()


@pytest.fixture
def coins(opened):
    made = opened()
    made.start_at(0.6, 0.5)
    return made


def drag(widget, start: QPointF, end: QPointF) -> None:
    a, b = start.toPoint(), end.toPoint()
    QTest.mousePress(widget, LEFT, NONE, a)
    for t in (0.3, 0.6, 1.0):
        QTest.mouseMove(widget, a + (b - a) * t)
    QTest.mouseRelease(widget, LEFT, NONE, b)


def test_each_view_has_its_widget_and_the_canvas_comes_back(coins):
    window = coins.window
    assert coins.lab.objectName() == "coins_lab"
    assert (coins.lab.trials.isVisible(), coins.lab.biases.isVisible(), coins.lab.landscape.isVisible()) == (True,) * 3
    coins.choose("landscape")
    assert (coins.lab.trials.isVisible(), coins.lab.biases.isVisible(), coins.lab.landscape.isVisible()) == (
        False,
        False,
        True,
    )
    coins.choose("biases")
    assert (coins.lab.biases.isVisible(), coins.lab.landscape.isVisible()) == (True, False)
    coins.choose("shares")
    assert coins.lab is window.canvas
    assert window.acts["tool_paint"].isEnabled()
    coins.do(lambda: coins.session.open("dataset:old-faithful"))
    assert coins.lab is window.canvas
    assert window.canvas.picture.moment is coins.session.moment
    coins.do(coins.session.undo)
    assert coins.session.model.name == "coins"


def test_the_laboratory_has_the_proportions_of_the_composition(coins):
    centre, lab = coins.window.centre, coins.lab
    share = lab.biases.width() / (lab.biases.width() + lab.landscape.width())
    assert share == pytest.approx(0.52, abs=0.01)
    assert centre.splitter.sizes()[1] == pytest.approx(129, abs=4)
    plot = lab.landscape.plot
    assert plot.width() == plot.height()
    assert lab.trials.rows.verticalScrollBar().maximum() == 0, "five trials need no scrolling"
    assert lab.trials.columns().token == 22


def test_tools_of_the_canvas_are_off_in_the_laboratory(coins):
    acts = coins.window.acts
    assert not any(acts[name].isEnabled() for name in ("tool_paint", "tool_erase", "fit_view", "equal"))


def test_the_caption_speaks_of_coins_in_numbers(coins):
    assert "A 0.600, B 0.500" in coins.words()
    coins.do(coins.session.step)
    assert "A 21.3 H 8.6 T, B 11.7 H 8.4 T" in coins.words()
    coins.do(coins.session.step)
    assert "A 0.713, B 0.581" in coins.words()
    assert "which coin" in coins.words()


def test_known_coins_are_counted_and_nothing_is_hidden(coins):
    session = coins.session
    coins.do(lambda: session.set_start(Start()), lambda: session.set_parameter(identities="known"))
    assert "A 24/30 = 0.8, B 9/20 = 0.45" in coins.words()
    assert "Nothing is hidden" in coins.words()
    landscape = coins.lab.landscape
    coins._qtbot.waitUntil(lambda: landscape.answer is not None)
    assert landscape.hint == "" and landscape.answer.top == pytest.approx((0.8, 0.45), abs=1e-6)
    assert landscape.at == pytest.approx((0.8, 0.45))


def test_a_symmetric_start_is_called_a_saddle(coins):
    coins.start_at(0.5, 0.5)
    coins.do(coins.session.iterate)
    assert "alike" in coins.words()
    assert "drag a letter" in coins.words()
    start = coins.lab.biases.where(1)
    drag(coins.lab.biases, QPointF(start), QPointF(start + QPoint(60, 0)))
    coins.settle()
    assert "alike" not in coins.words()


def test_single_flips_say_that_the_coins_cannot_be_told_apart(opened):
    coins = opened("dataset:single-flips")
    coins.start_at(0.9, 0.4, mixing="free")
    coins.do(coins.session.iterate)
    assert "cannot tell the coins apart (3 tosses a trial could)" in coins.words() and "ridge" in coins.words()
    assert coins.lab.landscape.answer.heat.ridge is not None
    weights, biases = coins.session.moment.snapshot.params
    assert float(weights @ biases) == pytest.approx(0.5, abs=1e-12)
    coins.do(lambda: coins.session.set_parameter(mixing="fixed"), coins.session.iterate)
    assert "cannot tell the coins apart:" in coins.words()


def test_the_landscape_follows_the_moment_and_is_computed_once_for_the_same_weights(coins):
    view, answers = coins.lab.landscape, []
    coins.session.jobs.done.connect(lambda key, asked, found: answers.append(found))
    first = view.answer
    assert first is not None
    for _ in range(6):
        coins.do(coins.session.step)
    assert view.answer is first
    assert not answers
    assert len(view.way) == 3
    assert view.at == pytest.approx(tuple(coins.session.moment.snapshot.params.biases))
    coins.do(lambda: coins.session.set_parameter(mixing="free"), coins.session.iterate)
    assert answers, "other weights make another landscape"


def test_the_dashed_oval_starts_at_the_point_of_the_e_step_and_holds_the_m_steps(coins):
    coins.do(coins.session.step)
    oval = np.concatenate(coins.lab.landscape.oval)
    assert np.hypot(*(oval - coins.lab.landscape.at).T).min() < 0.004
    coins.do(coins.session.step)
    oval = np.concatenate(coins.lab.landscape.oval)
    inside = coins.lab.landscape.at
    assert oval[:, 0].min() < inside[0] < oval[:, 0].max()
    assert oval[:, 1].min() < inside[1] < oval[:, 1].max()


def test_the_point_on_the_landscape_can_be_dragged(coins):
    view = coins.lab.landscape
    coins.do(coins.session.iterate)
    goal = view.place(0.55, 0.75)
    drag(view, view.place(*view.at), goal)
    coins.settle()
    assert view.at == pytest.approx((0.55, 0.75), abs=0.02)
    assert coins.session.history.undo_title() == "Move biases"
    coins.do(coins.session.run_to_convergence)
    assert view.at == pytest.approx((0.520, 0.797), abs=0.002), "the swapped optimum"


def test_three_coins_choose_the_pair_of_the_landscape(coins):
    coins.do(lambda: coins.session.set_start(Start("kmeans++")), lambda: coins.session.set_parameter(k=3))
    view = coins.lab.landscape
    assert view.first_box.isVisible()
    view.second_box.setFocus()
    QTest.keyClick(view.second_box, Qt.Key.Key_Down)
    coins.settle()
    assert view.pair == (0, 2)
    biases = coins.session.moment.snapshot.params.biases
    assert view.at == pytest.approx((biases[0], biases[2]))
    coins.do(lambda: coins.session.set_parameter(k=1))
    assert "two coins" in view.hint


def test_a_typed_trial_is_explained_by_bayes_rule(coins):
    field, explain = coins.lab.trials.foot.field, coins.window.explain
    field.setFocus()
    QTest.keyClicks(field, "HHHHHHHHHT")
    lines = explain.inspector.table.lines()
    assert [line[0] for line in lines] == ["A", "B", "sum"]
    assert float(lines[0][4]) == pytest.approx(0.805, abs=0.001)
    assert field.text() == "HHHHHHHHHT", "single keys of the window do not reach into the field"
    assert coins.session.moment.snapshot.phase == "start"
    field.clear()
    assert explain.inspector.table.lines() == []


def test_single_keys_work_from_the_trials_and_delete_takes_the_picked_one(coins):
    rows = coins.lab.trials.rows
    rows.setFocus()
    coins.do(lambda: QTest.keyClick(rows, Qt.Key.Key_Right))
    assert coins.session.moment.label == "E1"
    QTest.keyClick(rows, Qt.Key.Key_Down)
    coins.do(lambda: QTest.keyClick(rows, Qt.Key.Key_Delete))
    assert coins.session.data.n == 4


def test_the_table_of_the_data_and_the_trials_pick_the_same_row(coins):
    QTest.mouseClick(coins.lab.trials.rows.viewport(), LEFT, NONE, coins.lab.trials.where_row(3))
    assert coins.window.explain.inspector.chip.text() == "trial 4"
    coins.window.data_panel.picked.emit(1)
    assert coins.lab.trials.rows.row == 1


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080), (900, 620)])
def test_the_laboratory_is_painted_at_every_size_in_both_themes(coins, qapp, name, size, tmp_path):
    theme.apply(qapp, name)
    coins.window.resize(*size)
    coins.do(coins.session.iterate)
    path = tmp_path / "coins.png"
    assert export.export(coins.window, "picture", str(path))
    image = QImage(str(path))
    assert (image.width(), image.height()) == (2 * coins.lab.width(), 2 * coins.lab.height())
    seen = {image.pixelColor(x, y).name() for x in range(0, image.width(), 7) for y in range(0, image.height(), 7)}
    assert theme.component_colour(0).name() in seen
    assert theme.component_colour(1).name() in seen


def test_trials_typed_on_an_empty_canvas_are_fitted_and_undone_one_by_one(coins):
    session = coins.session
    coins.do(session.new, lambda: session.set_model(find("coins").make(k=2)))
    assert coins.lab.objectName() == "coins_lab"
    field = coins.lab.trials.foot.field
    for words in ("HHHHT", "HTTTT", "HHHTT"):
        field.setFocus()
        QTest.keyClicks(field, words)
        coins.do(lambda: QTest.keyClick(field, Qt.Key.Key_Return))
    assert coins.lab.trials.tokens.rows == ("HHHHT", "HTTTT", "HHHTT")
    coins.do(session.step, session.step)
    assert session.moment.label == "E1"
    assert coins.lab.trials.expected.sum() == pytest.approx(15)
    coins.do(session.undo)
    assert coins.lab.trials.tokens.rows == ("HHHHT", "HTTTT")
