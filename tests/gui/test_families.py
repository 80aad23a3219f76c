"""The families of a product mixture's columns, chosen one by one with the keyboard."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from emstudio.gui.families import Families
from emstudio.gui.model_panel import ModelPanel
from emstudio.session import Session


@pytest.fixture
def session(qapp):
    session = Session()
    yield session
    session.close()


@pytest.fixture
def panel(session, qtbot):
    panel = ModelPanel(session)
    qtbot.addWidget(panel)
    panel.resize(264, 700)
    panel.show()
    session.open("dataset:cafe-guests")
    qtbot.waitUntil(lambda: session.moment.snapshot.phase == "start")
    return panel


@pytest.fixture
def families(panel) -> Families:
    field = panel.form.fields["families"]
    assert isinstance(field, Families)
    return field


def test_every_column_has_its_family_under_its_name(families):
    assert {name: box.currentText() for name, box in families.boxes.items()} == {
        "minutes": "Gaussian",
        "refills": "Poisson",
        "first_order": "Categories",
    }
    assert families.boxes["first_order"].accessibleName() == "Family of first order"


def test_a_column_is_offered_what_its_cells_can_be(families):
    offered = {name: [box.itemData(i) for i in range(box.count())] for name, box in families.boxes.items()}
    assert offered == {
        "minutes": ["gaussian", "categorical"],
        "refills": ["gaussian", "poisson", "categorical"],
        "first_order": ["categorical"],
    }


def test_another_family_starts_the_model_anew(session, families, qtbot):
    box = families.boxes["refills"]
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Up)
    qtbot.waitUntil(lambda: session.moment.snapshot.phase == "start")
    assert session.model.families == "minutes:gaussian,refills:gaussian,first_order:categorical"
    assert session.moment.snapshot.params.means.shape[1] == 2
    session.undo()
    assert families.boxes["refills"].currentText() == "Poisson"


def test_the_panel_is_no_wider_for_it(panel):
    assert panel.minimumSizeHint().width() <= 264
