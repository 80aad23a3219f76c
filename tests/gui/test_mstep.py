"""Why did the shapes move? The M-step in Explain, with the numbers of the moment shown, in the real window."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from emstudio.core.format import number
from emstudio.core.model import find
from emstudio.gui import theme
from emstudio.gui.chain_formula import spoken
from emstudio.gui.main_window import MainWindow
from emstudio.session import Session


@pytest.fixture(scope="module", autouse=True)
def look(qapp):
    theme.apply(qapp, "light")


@pytest.fixture
def window(qtbot):
    window = MainWindow(Session())
    qtbot.addWidget(window)
    window.resize(1280, 800)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    return window


def do(qtbot, window, *commands):
    for go in commands:
        go()
        qtbot.waitUntil(lambda: not window.session.busy and not window.refresher.waiting)


def lines(window) -> list[str]:
    return [spoken(line) for line in window.explain.rule.formulas.lines]


def test_biases_are_expected_heads_over_expected_tosses(qtbot, window):
    session, rule = window.session, window.explain.rule
    do(qtbot, window, lambda: session.open("dataset:coin-flips"))
    assert not rule.isVisible() and window.explain.inspector.isVisible()  # nothing is expected yet
    do(qtbot, window, session.step)
    assert rule.isVisible() and rule.title.text() == "What the next M-step does"
    told = lines(window)
    do(qtbot, window, session.step)
    assert rule.title.text() == "Why did the biases move?" and lines(window) == told
    m = session.moment
    expected = m.snapshot.resp.T @ m.data.x
    for k in range(2):
        theta = number(float(m.snapshot.params.biases[k]), 4)
        h, t = (number(float(v), 4, trim=True) for v in expected[k])
        assert f"θ {'AB'[k]} = ({h}) / ({h} + {t}) = {theta}" in told


def test_a_picked_point_comes_first_and_the_component_can_be_chosen(qtbot, window):
    session, rule = window.session, window.explain.rule
    do(qtbot, window, lambda: session.open("dataset:old-faithful"), session.step, session.step)
    assert rule.isVisible() and rule.whose.text() == "component A"
    mine = lines(window)
    assert mine[0] == "μ = Σ r x ∕ Σ r" and mine[1].startswith("eruptions = ")
    window.canvas.setFocus()
    QTest.keyClick(window.canvas, Qt.Key.Key_2)
    assert rule.whose.text() == "component B" and lines(window) != mine
    params = session.moment.snapshot.params
    assert lines(window)[1].endswith(f"= {number(float(params.means[1, 0]), 4)}")
    QTest.mouseClick(
        window.canvas.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, window.canvas.where_row(3)
    )
    assert not rule.isVisible() and window.explain.inspector.chip.text() == "row 4"
    QTest.keyClick(window.canvas, Qt.Key.Key_Escape)
    window.explain.hover(None)
    assert rule.isVisible()


@pytest.mark.parametrize(
    ("source", "model", "said"),
    [
        ("old-faithful", "student-t", "μ = Σ r u x ∕ Σ r u"),
        ("old-faithful", "kmeans", "c = Σ x ∕ points"),
        ("loaded-dice", "multinomial", "p = Σ r x ∕ Σ r n"),
        ("earthquakes", "poisson", "λ = (Σ r x) / (Σ r)"),
        ("cafe-guests", "product", "p = Σ r [x = j] ∕ Σ r"),
        ("iris", "gaussian", "σ² = Σ r (x − μ)² ∕ Σ r"),
    ],
)
def test_every_model_tells_its_m_step(qtbot, window, source, model, said):
    session = window.session
    do(qtbot, window, lambda: session.open(f"dataset:{source}"))
    if session.model.name != model:
        do(qtbot, window, lambda: session.set_model(find(model).make()))
    do(qtbot, window, session.step, session.step)
    assert window.explain.rule.isVisible() and any(said in line for line in lines(window)), lines(window)


def test_nothing_is_told_of_three_steps_in_one(qtbot, window):
    session = window.session
    do(qtbot, window, lambda: session.open("dataset:old-faithful"), lambda: session.set_accelerated(True))
    do(qtbot, window, session.step, session.step)
    assert session.moment.snapshot.phase == "M" and not window.explain.rule.isVisible()


def test_the_noise_has_its_weight_in_the_table(qtbot, window):
    session = window.session
    do(qtbot, window, lambda: session.open("dataset:old-faithful"))
    do(qtbot, window, lambda: session.set_parameter(noise=True), session.step, session.step)
    rows = window.parameters.view.table.rows
    params = session.moment.snapshot.params
    assert rows.values[0].tolist() == params.weights.tolist() and np.isnan(rows.values[1:, 2]).all()
    table = window.parameters.view.table
    assert table.headerData(4, Qt.Orientation.Horizontal) == "noise"
    assert table.data(table.index(0, 4)) == number(float(params.weights[2])) and table.data(table.index(1, 4)) == ""
    text = window.parameters.text().splitlines()
    assert text[0].split("\t") == ["parameter", "A", "B", "noise"] and text[2].endswith("\t")


def test_coins_list_what_is_expected_of_them(qtbot, window):
    session = window.session
    do(
        qtbot,
        window,
        lambda: session.open("dataset:coin-flips"),
        session.step,
        session.step,
        session.step,
        session.step,
    )
    rows = window.parameters.view.table.rows
    assert rows.names[-2:] == ("expected H", "expected T") and rows.since == "M1"
    m = session.moment
    np.testing.assert_allclose(rows.values[-2:], (m.snapshot.resp.T @ m.data.x).T, rtol=1e-12)
    assert not np.isnan(rows.changes).any()


def test_sums_above_and_below_the_line_stand_in_brackets(qtbot, window):
    session = window.session
    do(qtbot, window, lambda: session.open("dataset:old-faithful"), lambda: session.set_parameter(prior_means=5.0))
    do(qtbot, window, session.step)
    assert lines(window)[0] == "μ = (Σ r x + κ x̄) ∕ (Σ r + κ)"


def test_where_there_is_room_the_numbers_of_everybody_are_told(qtbot, window):
    window.resize(1920, 1080)
    session = window.session
    do(qtbot, window, lambda: session.open("dataset:old-faithful"), lambda: session.set_model(find("kmeans").make(k=2)))
    do(qtbot, window, session.step, session.step)
    centers = session.moment.snapshot.params.centers
    qtbot.waitUntil(lambda: len(lines(window)) == 5)
    for k, letter in enumerate("AB"):
        for name, value in zip(("eruptions", "waiting"), centers[k], strict=True):
            assert any(
                x.startswith(f"{name} {letter} = ") and x.endswith(f" = {number(value, 4)}") for x in lines(window)
            )
    assert not window.explain.rule.whose.isVisible()


def test_where_there_is_room_nothing_of_a_component_is_left_out(qtbot, window):
    window.resize(1920, 1080)
    session = window.session
    do(qtbot, window, lambda: session.open("dataset:old-faithful"))
    do(qtbot, window, lambda: session.set_model(find("student-t").make(k=2)), session.step, session.step)
    qtbot.waitUntil(lambda: any(line.startswith("r: responsibilities") for line in lines(window)))
    assert not any("more" in line for line in lines(window))
    assert sum("waiting" in line for line in lines(window)) >= 2
    window.resize(1280, 800)
    window.arrangement.size_docks()
    qtbot.waitUntil(lambda: any(line.endswith("more") for line in lines(window)))


@pytest.mark.parametrize("model", ["kmeans", "gaussian"])
def test_columns_are_called_as_everywhere_else(qtbot, window, model):
    session = window.session
    do(qtbot, window, lambda: session.open("dataset:iris"), lambda: session.set_model(find(model).make(k=2)))
    do(qtbot, window, session.step, session.step)
    assert any(line.startswith("sepal length") for line in lines(window))
    assert not any("_" in line for line in lines(window))
