"""The form that is generated from a model's declared parameters."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QLineEdit

import emstudio.models  # noqa: F401  (fills the registry)
from emstudio.core.model import REGISTRY
from emstudio.core.parameter import Parameter
from emstudio.gui.form import Combo, Form
from emstudio.gui.widgets import Stepper

PARAMETERS = (
    Parameter("k", "int", 2, "Components", low=1, high=20, help="How many."),
    Parameter("shape", "choice", "VVV", "Shape", choices=(("VVV", "Full"), ("EEE", "Tied"), ("VII", "Spherical"))),
    Parameter("floor", "float", 0.0, "Variance floor", low=0.0),
    Parameter("noise", "bool", False, "Noise"),
)


@pytest.fixture
def form(qtbot):
    form = Form(PARAMETERS)
    qtbot.addWidget(form)
    form.given = []
    form.edited.connect(lambda name, value: form.given.append((name, value)))
    form.show_values({"k": 2, "shape": "VVV", "floor": 0.0, "noise": False})
    form.show()
    return form


def test_each_kind_of_parameter_has_its_field(form):
    kinds = {name: type(field) for name, field in form.fields.items()}
    assert kinds == {"k": Stepper, "shape": Combo, "floor": QLineEdit, "noise": QCheckBox}
    assert form.given == []  # showing values is not editing


def test_fields_are_named_for_those_who_do_not_see_them(form):
    for parameter in PARAMETERS:
        field = form.fields[parameter.name]
        assert field.accessibleName() == parameter.label
        assert field.objectName() == f"field_{parameter.name}"


def test_a_stepper_counts_up_and_down_within_its_limits(form):
    stepper = form.fields["k"]
    QTest.mouseClick(stepper.more, Qt.MouseButton.LeftButton)
    assert form.given == [("k", 3)]
    form.show_values({"k": 1})
    assert not stepper.less.isEnabled()
    form.show_values({"k": 20})
    assert not stepper.more.isEnabled()


def test_a_choice_is_given_as_its_value(form):
    combo = form.fields["shape"]
    combo.setFocus()
    QTest.keyClick(combo, Qt.Key.Key_Down)
    assert form.given == [("shape", "EEE")]


def test_a_check_box_is_given_as_a_truth_value(form):
    form.fields["noise"].setFocus()
    QTest.keyClick(form.fields["noise"], Qt.Key.Key_Space)
    assert form.given == [("noise", True)]


def test_a_typed_number_is_given_when_it_is_complete(form):
    line = form.fields["floor"]
    line.selectAll()
    QTest.keyClicks(line, "0.25")
    assert form.given == []
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert form.given == [("floor", 0.25)]


@pytest.mark.parametrize("typed", ["-1", "abc", "nan", "inf", ""])
def test_a_wrong_number_is_told_in_place_and_not_given(form, typed):
    line = form.fields["floor"]
    line.selectAll()
    QTest.keyClick(line, Qt.Key.Key_Delete)
    QTest.keyClicks(line, typed)
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert form.given == []
    assert form.error("floor") == "Variance floor: give a number of 0 or more."
    assert line.property("fault")
    line.selectAll()
    QTest.keyClicks(line, "1")
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert form.error("floor") == "" and form.given == [("floor", 1.0)]


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_registered_model_has_a_form_that_shows_its_defaults(qtbot, name):
    parameters = REGISTRY[name].parameters()
    form = Form(parameters)
    qtbot.addWidget(form)
    form.show_values({p.name: p.default for p in parameters})
    assert list(form.fields) == [p.name for p in parameters]
    for p in parameters:
        field = form.fields[p.name]
        shown = {
            Stepper: lambda f: f.value(),
            Combo: lambda f: f.currentData(),
            QCheckBox: lambda f: f.isChecked(),
            QLineEdit: lambda f, p=p: p.parse(f.text()),
        }[type(field)](field)
        assert shown == p.default
