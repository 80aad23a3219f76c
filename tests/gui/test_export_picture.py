"""Export the picture: the dialog with its three formats, what every page exports, and that paper is always light."""

from __future__ import annotations

import re
import xml.etree.ElementTree as tree
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QFileDialog, QLineEdit

from emstudio.core.model import find
from emstudio.gui import export, theme
from emstudio.gui.main_window import MainWindow
from emstudio.session import Session

SVG = "{http://www.w3.org/2000/svg}"
STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF-"}


@pytest.fixture(autouse=True)
def look(qapp):
    theme.apply(qapp, "light")
    yield
    theme.apply(qapp, "light")


class Studio:
    def __init__(self, qtbot):
        self._qtbot = qtbot
        self.session = Session()
        self.window = MainWindow(self.session)
        qtbot.addWidget(self.window)
        self.window.resize(1280, 800)
        with qtbot.waitActive(self.window):
            self.window.show()
            self.window.activateWindow()
        self.window.stage.set_motion(False)

    def settle(self) -> None:
        session, refresher = self.session, self.window.refresher
        idle = lambda: not (session.busy or session.running or session.jobs.busy or refresher.waiting)  # noqa: E731
        self._qtbot.waitUntil(idle, timeout=10_000)

    def open(self, source: str, model: str = "", **values: object) -> None:
        self.session.open(source)
        self.settle()
        if model:
            self.session.set_model(find(model).make(**values))
            self.settle()
        self.session.run_to_convergence()
        self.settle()

    def choose(self, kind: str) -> None:
        kinds = [v.kind for v in self.window.views.views]
        self.window.views.choose(kinds.index(kind))
        self.settle()

    def written(self, path: Path) -> bytes:
        assert export.export(self.window, "picture", str(path))
        return path.read_bytes()


@pytest.fixture
def studio(qtbot):
    return Studio(qtbot)


def words_of(contents: bytes) -> str:
    root = tree.fromstring(contents.decode("utf-8"))
    return re.sub(r"\s+", " ", " ".join("".join(found.itertext()) for found in root.iter(f"{SVG}text")))


@pytest.mark.parametrize("kind", STARTS)
def test_the_filter_of_the_dialog_says_the_format(studio, qtbot, tmp_path, kind):
    studio.open("dataset:old-faithful")
    studio.window.acts["export_picture"].trigger()
    (dialog,) = [d for d in studio.window.findChildren(QFileDialog, "export_picture_dialog") if d.isVisible()]
    dialog.setDirectory(str(tmp_path))
    shown = next(i for i, words in enumerate(dialog.nameFilters()) if words.endswith(f"(*.{kind})"))
    formats = dialog.findChild(QComboBox, "fileTypeCombo")
    formats.setFocus()
    QTest.keyClick(formats, Qt.Key.Key_Home)
    for _ in range(shown):
        QTest.keyClick(formats, Qt.Key.Key_Down)
    assert dialog.selectedNameFilter().endswith(f"(*.{kind})")
    name = dialog.findChild(QLineEdit, "fileNameEdit")
    name.selectAll()
    QTest.keyClicks(name, "taken")
    QTest.keyClick(name, Qt.Key.Key_Return)
    path = tmp_path / f"taken.{kind}"
    qtbot.waitUntil(path.exists)
    assert path.read_bytes().startswith(STARTS[kind])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_another_suffix_is_told_and_nothing_written(studio, tmp_path):
    studio.open("dataset:old-faithful")
    assert not export.export(studio.window, "picture", str(tmp_path / "fit.jpg"))
    assert "PNG, SVG or PDF" in studio.window.trouble.sentence.text()
    assert not export.export(studio.window, "picture", str(tmp_path / "nowhere" / "fit.svg"))
    assert "folder" in studio.window.trouble.sentence.text()
    assert not list(tmp_path.iterdir())


def test_the_drawing_shows_the_part_in_view_with_its_trail(studio, tmp_path):
    studio.open("dataset:old-faithful")
    contents = studio.written(tmp_path / "all.svg")
    root = tree.fromstring(contents.decode("utf-8"))
    stage = studio.window.stage
    assert root.get("viewBox") == f"0 0 {stage.width()} {stage.height()}"
    assert root.find(f"{SVG}title").text == "Gaussian mixture, K = 2, VVV: Old Faithful"
    (points,) = [g for g in root.iter(f"{SVG}g") if g.get("class") == "points"]
    assert len(points.findall(f"{SVG}circle")) == 272
    words = words_of(contents)
    assert "start A" in words and "eruptions, min" in words and " 5 " in words
    studio.window.canvas.zoom(0.25, 100, 300)
    assert " 5 " not in words_of(studio.written(tmp_path / "part.svg"))


@pytest.mark.parametrize(
    ("source", "model", "kind", "words"),
    [
        ("dataset:coin-flips", "", "coins", ("ten tosses", "which coin?", "Biases", "Log-likelihood landscape")),
        ("dataset:coin-flips", "", "biases", ("Biases", "bias θ, probability of heads")),
        ("dataset:coin-flips", "", "landscape", ("Log-likelihood landscape", "θ of coin A")),
        ("dataset:loaded-dice", "multinomial", "proportions", ("sixes",)),
        ("dataset:hidden-switch", "", "laboratory", ("Viterbi", "ten draws", "Transitions", "Estimates", "draws")),
        ("dataset:galaxies", "", "density", ("velocity, km/s", "82 galaxies")),
    ],
)
def test_every_page_exports_what_it_shows(studio, tmp_path, source, model, kind, words):
    studio.open(source, model)
    studio.choose(kind)
    contents = studio.written(tmp_path / "page.svg")
    said = words_of(contents)
    assert all(w in said for w in words), said
    assert "drag a" not in said and "EMSTUDIO" not in contents.decode("utf-8")
    pdf = studio.written(tmp_path / "page.pdf")
    stage = studio.window.stage
    (size,) = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert [float(s) for s in size] == pytest.approx([stage.width() * 0.75, stage.height() * 0.75], abs=0.5)
    image = QImage.fromData(studio.written(tmp_path / "page.png"))
    assert (image.width(), image.height()) == (2 * stage.width(), 2 * stage.height())


@pytest.mark.parametrize(("source", "kind"), [("dataset:old-faithful", "scatter"), ("dataset:coin-flips", "coins")])
def test_paper_is_light_and_the_window_stays_dark(studio, qapp, tmp_path, source, kind):
    studio.open(source)
    studio.choose(kind)
    light = studio.written(tmp_path / "light.svg")
    theme.apply(qapp, "dark")
    assert studio.written(tmp_path / "dark.svg") == light
    assert theme.current() is theme.DARK
    image = QImage.fromData(studio.written(tmp_path / "dark.png"))
    assert image.pixelColor(2, 2).name() == theme.DARK.canvas.lower()
