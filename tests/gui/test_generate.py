"""Generate a series: what is drawn, the card it is asked from, and what cannot be drawn."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from emstudio.core.model import find
from emstudio.gui import theme
from emstudio.gui.generate import GeneratePopup, generated
from emstudio.models.noisy_switch import SwitchParams
from tests.gui.chains import open_chain

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(autouse=True)
def light(qapp):
    theme.apply(qapp, "light")


@pytest.fixture
def card(studio, qtbot):
    host = QWidget()
    qtbot.addWidget(host)
    host.show()
    made = GeneratePopup(studio.session, host)
    made.open_below(host)
    yield made
    made.close()


def type_into(field, words: str) -> None:
    field.selectAll()
    QTest.keyClicks(field, words)


def test_a_switch_is_drawn_with_its_path_as_the_truth(studio, card, qtbot):
    for name, words in {"q": "0.9", "variance": "0.01", "n": "400", "seed": "5"}.items():
        type_into(card.fields[name], words)
    QTest.mouseClick(card.button, LEFT)
    studio.settle()
    session = studio.session
    assert not card.isVisible()
    assert session.model.name == "noisy-switch"
    assert session.data.names == ("x",) and session.data.n == 400
    codes, levels = session.data.truth_codes()
    assert levels == ("0", "1")
    assert np.mean(np.diff(codes) == 0) == pytest.approx(0.9, abs=0.06)
    assert np.abs(session.data.x[:, 0] - codes).max() < 0.5
    assert session.moment.label == "start"


def test_the_same_seed_draws_the_same_series():
    model, params = find("noisy-switch").make(), SwitchParams(0.8, 0.25)
    one, again, other = (generated(model, params, ("x",), 50, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.columns[0].values, again.columns[0].values)
    assert not np.array_equal(one.columns[0].values, other.columns[0].values)


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("q", "1.5", "Stay q: give a number from 0 to 1."),
        ("variance", "0", "Variance σ²: give"),
        ("n", "1", "Steps n: give a whole number from 2 to"),
        ("n", "ten", "Steps n: give a whole number"),
        ("seed", "-1", "Seed: give"),
    ],
)
def test_what_cannot_be_used_is_said_under_its_field_and_nothing_is_lost(studio, card, name, words, said):
    moment = studio.session.moment
    type_into(card.fields[name], words)
    QTest.keyClick(card.fields[name], Qt.Key.Key_Return)
    assert card.errors[name].text().startswith(said)
    assert card.errors[name].isVisible()
    assert card.isVisible() and studio.session.moment is moment
    type_into(card.fields[name], "0.5" if name in ("q", "variance") else "10")
    QTest.keyClick(card.fields[name], Qt.Key.Key_Return)
    studio.settle()
    assert not card.isVisible() and studio.session.model.name == "noisy-switch"


def test_a_general_chain_is_drawn_from_the_parameters_shown(studio, qtbot):
    open_chain(studio, 3)
    host = QWidget()
    qtbot.addWidget(host)
    host.show()
    card = GeneratePopup(studio.session, host)
    card.open_below(host)
    assert not card.fields["q"].isVisible()
    type_into(card.fields["n"], "60")
    QTest.keyClick(card.fields["n"], Qt.Key.Key_Return)
    studio.settle()
    session = studio.session
    assert session.model.name == "hmm" and session.model.k == 3
    assert session.data.names == ("x",) and session.data.n == 60
    assert np.abs(session.data.x[:, 0] - 4.0 * session.data.truth_codes()[0]).max() < 5


@pytest.mark.parametrize("emission", ["poisson", "categorical"])
def test_counts_and_symbols_are_drawn_as_what_they_are(emission):
    model = find("hmm").make(k=2, emission=emission)
    given = {"start": [0.5, 0.5], "transitions": [[0.9, 0.1], [0.1, 0.9]]}
    given |= {"rates": [[2.0], [20.0]]} if emission == "poisson" else {"probabilities": [[0.9, 0.1], [0.1, 0.9]]}
    table = generated(model, model.from_dict(given), None, 80, 1)
    assert len(table.columns) == 2
    x, path = table.columns
    assert x.kind == ("count" if emission == "poisson" else x.kind)
    assert len(x.values) == 80 and set(path.values.tolist()) <= {0, 1}
    data = model.dataset(table, table.info["fit"], truth=table.info["truth"])
    assert model.for_data(data).accepts(data) is None


def test_the_menu_opens_the_card_and_the_series_can_be_undone(qtbot):
    from emstudio.gui.main_window import MainWindow
    from emstudio.session import Session

    session = Session()
    window = MainWindow(session)
    qtbot.addWidget(window)
    window.show()
    assert not window.data_panel.generate_button.isVisible()
    window.acts["generate"].trigger()
    card = window.findChild(GeneratePopup)
    assert card.isVisible()
    type_into(card.fields["n"], "40")
    QTest.mouseClick(card.button, LEFT)
    qtbot.waitUntil(lambda: session.moment.label == "start" and not session.busy)
    assert session.data.n == 40 and window.data_panel.generate_button.isVisible()
    window.acts["generate"].trigger()
    assert card.isVisible() and card.fields["n"].text() == "40"
    card.close()
