"""What depends on what: the diagram and the joint probability, of every model."""

from __future__ import annotations

import pytest

from emstudio.core.model import REGISTRY, find
from emstudio.gui import theme
from emstudio.gui.chain_formula import spoken
from emstudio.gui.plate import ModelSection, joint, words

OPENED = {
    "coins": "coin-flips",
    "gaussian": "old-faithful",
    "student-t": "old-faithful",
    "kmeans": "old-faithful",
    "poisson": "earthquakes",
    "multinomial": "loaded-dice",
    "product": "cafe-guests",
    "hmm": "earthquakes",
    "noisy-switch": "hidden-switch",
}


def written(section: ModelSection) -> str:
    return "; ".join(spoken(line) for line in section.joint.lines)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_model_has_one(studio, name):
    """A model that is registered needs a data set here: then its diagram is drawn and said in words."""
    studio.do(lambda: studio.session.open(f"dataset:{OPENED[name]}"))
    studio.do(lambda: studio.session.set_model(find(name).make()))
    section = studio.show(ModelSection, 400, 260)
    model, data = studio.session.model, studio.session.data
    assert model.name == name
    plate = model.plate(data)
    assert section.diagram.accessibleDescription() == words(plate)
    assert all(symbol in written(section) for symbol in plate.symbols if symbol != "z")
    assert written(section) == spoken(joint(plate))
    picture = section.diagram.grab().toImage()
    inked = {picture.pixelColor(x, y).name() for x in range(picture.width()) for y in range(picture.height())}
    assert theme.colour("bound").name() in inked  # what is seen is filled


def test_it_follows_the_data_and_the_model(faithful):
    section = faithful.show(ModelSection, 400, 260)
    assert "Σ z" in written(section) and "hidden" in section.diagram.accessibleDescription()
    faithful.do(lambda: faithful.session.open("dataset:galaxies"))
    assert "σ² z" in written(section)
    faithful.do(lambda: faithful.session.open("dataset:hidden-switch"))
    assert "t−1" in written(section) and "step" in section.diagram.accessibleDescription()


def test_known_coins_are_seen(studio):
    studio.do(lambda: studio.session.open("dataset:coin-flips"))
    section = studio.show(ModelSection, 400, 260)
    studio.do(lambda: studio.session.set_parameter(identities="known"))
    assert " is seen" in section.diagram.accessibleDescription() and "π" not in written(section)
