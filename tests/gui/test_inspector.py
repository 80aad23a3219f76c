"""Why this colour? Bayes' rule with the point's own numbers, checked against scipy, for the right half-step."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from emstudio.core.data import Column, Table, frozen
from emstudio.core.marks import Handle, View
from emstudio.gui.bayes import MOST, BayesTable, Rule, exponential, rule
from emstudio.gui.inspector import HINT, Inspector, values_html


@pytest.fixture
def inspector(faithful):
    return faithful.show(Inspector, 328, 260)


def bayes(params, x) -> tuple[np.ndarray, np.ndarray]:
    density = np.array([multivariate_normal(m, c).pdf(x) for m, c in zip(params.means, params.covariances)])
    return density, params.weights * density


def plain(text: str) -> str:
    return text.replace("\u202f", "").replace("\u2212", "-")


def test_the_numbers_are_bayes_rule(faithful, inspector):
    faithful.steps(9)
    inspector.show_row(45)
    session = faithful.session
    density, product = bayes(session.moment.snapshot.params, session.data.x[45])
    lines = inspector.table.lines()
    assert [line[0] for line in lines] == ["A", "B", "sum"]
    for k in range(2):
        shown = [float(plain(word)) for word in lines[k][1:]]
        weight = session.moment.snapshot.params.weights[k]
        assert shown == pytest.approx([weight, density[k], product[k], product[k] / product.sum()], rel=6e-3, abs=6e-4)
    assert float(plain(lines[2][3])) == pytest.approx(product.sum(), rel=6e-3)


def test_the_point_is_named_with_its_values_and_units(faithful, inspector):
    inspector.show_row(45)
    assert inspector.chip.text() == "row 46" and inspector.chip.isVisible()
    words = inspector.values.text()
    assert "eruptions" in words and "3.317" in words and "min" in words and "83" in words


def test_after_an_m_step_colour_and_numbers_are_the_e_steps(faithful, inspector):
    faithful.steps(3)
    inspector.show_row(45)
    before = inspector.table.lines()
    shares = faithful.session.moment.snapshot.resp[45]
    assert inspector.note.text().strip() == ""
    faithful.steps(1)
    assert inspector.table.lines() == before
    assert inspector.note.text().startswith("Coloured by E2")
    assert f"{shares[0]:.3f}" in inspector.bar.accessibleDescription()
    faithful.steps(1)
    assert inspector.table.lines() != before


def test_before_the_first_e_step_it_tells_what_will_be(faithful, inspector):
    inspector.show_row(0)
    assert "next E-step" in inspector.note.text()
    foreseen = inspector.bar.accessibleDescription()
    faithful.steps(1)
    assert inspector.bar.accessibleDescription() == foreseen


def test_an_empty_spot(faithful, inspector):
    faithful.steps(5)
    inspector.show_row(45)
    inspector.show_spot(np.array([3.0, 65.0]))
    assert inspector.chip.text() == "empty spot"
    _, product = bayes(faithful.session.moment.snapshot.params, [3.0, 65.0])
    share = product / product.sum()
    assert inspector.table.lines()[0][4] == f"{share[0]:.3f}"
    inspector.show_spot(None)
    assert inspector.chip.text() == "row 46"


def test_an_unknown_value_is_marginalised(faithful, inspector):
    faithful.steps(5)
    params = faithful.session.moment.snapshot.params
    inspector.show_spot(np.array([3.0, np.nan]))
    marginal = [w * multivariate_normal(m[0], c[0, 0]).pdf(3.0) for w, m, c in zip(*params)]
    assert inspector.table.lines()[0][4] == f"{marginal[0] / sum(marginal):.3f}"
    assert "waiting" not in inspector.values.text()


def test_it_follows_a_dragged_mean(faithful, inspector):
    faithful.steps(3)
    inspector.show_row(45)
    before = inspector.table.lines()
    faithful.do(lambda: faithful.session.drag(Handle("mean", 0), View("scatter", (0, 1)), (1.0, 50.0)))
    faithful.steps(1)
    assert inspector.table.lines() != before


def test_nothing_picked_says_what_to_do_and_takes_the_same_room(faithful, inspector):
    faithful.steps(1)
    inspector.show_row(45)
    height = inspector.sizeHint().height()
    inspector.show_row(None)
    assert inspector.values.text() == HINT and not inspector.chip.isVisible()
    assert inspector.table.lines() == []
    assert inspector.sizeHint().height() == height


def test_a_row_that_was_erased_is_let_go(faithful, inspector):
    faithful.steps(1)
    inspector.show_row(45)
    faithful.do(lambda: faithful.session.erase(np.array([45])))
    assert inspector.values.text() == HINT


def test_without_a_fit_there_is_no_rule(studio):
    inspector = studio.show(Inspector, 328, 260)
    inspector.show_spot(np.array([1.0, 2.0]))
    assert inspector.table.lines() == [] and "nothing is fitted" in inspector.note.text()


def test_names_are_not_obeyed_as_html(studio):
    column = Column("<b>x</b>", "number", frozen(np.array([1.0, 2.0, 4.0, 5.0])), unit="<i>m</i>")
    studio.session.open_table(Table("t", (column,)))
    words = values_html(studio.session.data, np.array([1.5]))
    assert "<b>" not in words and "<i>" not in words and "&lt;b&gt;" in words


def test_many_components_are_summed_up(qtbot):
    table = BayesTable()
    qtbot.addWidget(table)
    found = Rule(np.log(np.arange(1.0, 21.0)), np.log(np.full(20, 0.05)))
    table.show_rule(found, 20)
    lines = table.lines()
    assert len(lines) == MOST + 1 and lines[-2][0] == "13 others"
    assert sum(float(line[4]) for line in lines[:-1]) == pytest.approx(1.0, abs=0.01)
    assert table.components() == list(range(13, 20))


def test_a_rule_of_the_far_away_is_not_zero(faithful):
    found = rule(faithful.session.model, faithful.session.moment.snapshot.params, np.array([3.0, 1e6]))
    assert found.shares.sum() == pytest.approx(1.0)
    assert "e\u2212" in exponential(float(found.log_products[0]))


@pytest.mark.parametrize(
    ("log_value", "text"),
    [
        (-math.inf, "0"),
        (math.log(0.00138), "0.00138"),
        (-1000.0, "5.08e\u2212435"),
        (1000.0, "1.97e434"),
        (-2302.5850929940457, "1.00e\u22121000"),
    ],
)
def test_exponentials_beyond_floats(log_value, text):
    assert exponential(log_value) == text
