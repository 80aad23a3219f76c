"""What a person sees keeps its place: sizes, names, legends, small pictures, and what a half-step costs the window."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from emstudio.core.data import painted
from emstudio.core.marks import Curve
from emstudio.core.model import Start
from emstudio.core.parameter import Parameter
from emstudio.gui import theme
from emstudio.gui.canvas import Canvas
from emstudio.gui.form import Form
from emstudio.gui.items import LEGEND
from emstudio.gui.letters import DISC, disc_centre, legend_width
from emstudio.gui.main_window import MainWindow
from emstudio.gui.parameter_rows import NOISE, delta
from emstudio.gui.parameters import Parameters
from emstudio.session import Session


@pytest.fixture(autouse=True)
def light(qapp):
    theme.apply(qapp, "light")


class Shown:
    """A window and a way to wait for it."""

    def __init__(self, qtbot, width: int, height: int) -> None:
        self._qtbot = qtbot
        self.window = MainWindow(Session())
        qtbot.addWidget(self.window)
        self.window.canvas.set_motion(False)
        self.window.resize(width, height)
        self.window.show()

    def settle(self) -> None:
        w = self.window
        self._qtbot.waitUntil(lambda: not (w.session.busy or w.session.running or w.refresher.waiting), timeout=10_000)
        for _ in range(3):
            QApplication.processEvents()

    def open(self, name: str, k: int, steps: int = 0) -> MainWindow:
        self.window.session.open(f"dataset:{name}")
        self.settle()
        if k != self.window.session.model.k:
            self.window.session.set_parameter(k=k)
            self.settle()
        for _ in range(steps):
            self.window.session.step()
            self.settle()
        return self.window


@pytest.fixture
def shown(qtbot):
    made: list[Shown] = []

    def make(width: int = 1280, height: int = 800) -> Shown:
        made.append(Shown(qtbot, width, height))
        return made[-1]

    yield make
    for each in made:
        each.window.session.close()


# -- the window's room -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "k"), [("old-faithful", 2), ("old-faithful", 8), ("iris", 3)])
def test_explain_and_the_parameters_share_the_right_side(shown, qtbot, name, k):
    window = shown().open(name, k, steps=2)
    bar = window.side.areas["Explain"].verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() == 0)
    assert window.docks["parameters"].height() >= 200


def test_parameters_of_two_rows_leave_the_room_to_what_is_explained(shown, qtbot):
    window = shown().open("hidden-switch", 2, steps=2)
    dock = window.docks["parameters"]
    qtbot.waitUntil(lambda: window.docks["explain"].height() > 2.5 * dock.height())
    table = window.parameters.view
    assert table.table.rowCount() == 2 and table.height() >= table.sizeHint().height()  # and neither row is cut


def test_all_of_the_model_panel_is_seen_at_1280_by_800(shown):
    window = shown().open("old-faithful", 2)
    assert window.docks["model"].widget().verticalScrollBar().maximum() == 0


def test_a_small_window_hides_no_part_of_its_centre(shown):
    window = shown(900, 600).open("iris", 3)
    left = window.docks["data"].geometry()
    right = window.docks["explain"].geometry()
    centre = window.centre.geometry()
    assert left.right() < centre.left() and centre.right() < right.left() and right.right() <= window.width()


def test_a_half_step_does_not_lay_out_the_window_anew(shown, qapp):
    made = shown()
    window = made.open("old-faithful", 2, steps=9)
    counted: Counter[str] = Counter()

    class Listener(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.LayoutRequest:
                counted[watched.objectName()] += 1
            return False

    listener = Listener()
    qapp.installEventFilter(listener)
    for _ in range(10):
        window.session.step()
        made.settle()
    qapp.removeEventFilter(listener)
    # A number may need another digit now and then; the caption lays out itself.
    assert counted["main_window"] + counted["centre"] + counted["explain_panel"] <= 6, counted


def test_the_canvas_does_not_jump_from_caption_to_caption(shown):
    made = shown()
    window = made.open("iris", 3, steps=1)
    heights = []
    for _ in range(12):
        window.session.step()
        made.settle()
        heights.append(window.canvas.height())
    assert heights == sorted(heights, reverse=True) and len(set(heights)) <= 2


# -- names and numbers -------------------------------------------------------------------------------------------------
def test_bundled_columns_have_names_for_people_and_keep_those_of_the_file(shown):
    window = shown().open("galaxies", 3)
    session = window.session
    assert window.canvas.picture.drawing.x_label == "velocity, km/s"
    assert "82 galaxies" in dict(window.canvas.picture.drawing.legend).values()
    assert window.data_panel.x_box.currentText() == "velocity, km/s"
    assert [n for n, _ in session.model.table(session.data, session.moment.snapshot.params)][1] == "μ velocity"
    assert session.data.names == ("velocity_km_s",)


def test_a_long_column_name_stays_within_its_axis(shown):
    made = shown()
    rng = np.random.default_rng(0)
    names = [f"column {i} " + "with a very long name " * 8 for i in range(2)]
    made.window.session.open_table(painted(rng.normal(0, 1, (40, 2)), names))
    made.settle()
    for name in ("bottom", "left"):
        axis = made.window.canvas.picture.getPlotItem().getAxis(name)
        label = axis.mapRectFromItem(axis.label, axis.label.boundingRect())
        assert axis.label.toPlainText() and "\u2026" in axis.label.toPlainText()
        if name == "left":
            assert label.height() <= axis.size().height() + 8
        else:
            assert label.width() <= axis.size().width() + 8


def test_the_noise_of_a_converged_fit_is_no_change():
    assert delta(-8e-11, 0.3559) == "0" and delta(2 * NOISE, 1.0) != "0"


def test_changes_give_way_where_three_components_need_the_room(faithful):
    faithful.do(lambda: faithful.session.set_parameter(k=3))
    panel = faithful.show(Parameters, 300, 240)
    view = panel.view
    assert [view.isColumnHidden(j) for j in range(6)] == [False, True] * 3
    assert view.horizontalScrollBar().maximum() == 0
    panel.resize(640, 240)
    assert not any(view.isColumnHidden(j) for j in range(6))


# -- a density ---------------------------------------------------------------------------------------------------------
def test_a_narrow_component_neither_runs_through_the_legend_nor_flattens_the_rest(faithful):
    x = np.concatenate([np.random.default_rng(1).normal(0, 10, 60), 30 + 1e-4 * np.arange(6)])
    faithful.session.open_table(painted(x[:, None], "x"))
    faithful.settle()
    canvas = faithful.show(Canvas, 700, 400)
    faithful.do(lambda: faithful.session.set_start(Start("labels", labels=(x > 29.9).astype(int))))
    picture = canvas.picture
    frame, drawing = picture.frame, picture.drawing
    assert max(np.max(m.y) for m in drawing.marks if isinstance(m, Curve)) > 100 * frame.top
    head = QRectF(frame.width - legend_width(drawing.legend), 0, legend_width(drawing.legend), LEGEND - 2)
    for mark in picture.letters._discs():
        centre = disc_centre(frame, mark, True)
        assert centre.y() - DISC / 2 >= LEGEND
    assert picture.letters.boxes() and not any(head.intersects(box) for box in picture.letters.boxes())
    tallest = max(b.heights.max() for b in drawing.marks if hasattr(b, "heights"))
    assert frame.top < 4 * tallest


def test_a_curve_that_outgrows_the_picture_gets_room(faithful):
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.normal(0, 1, 100), rng.normal(6, 0.4, 100)])
    faithful.session.open_table(painted(x[:, None], "x"))
    faithful.do(lambda: faithful.session.set_start(Start("responsibilities")))
    canvas = faithful.show(Canvas, 700, 400)
    canvas.set_motion(False)
    faithful.do(faithful.session.run_to_convergence)
    frame = canvas.picture.frame
    top = max(np.max(m.y) for m in canvas.picture.drawing.marks if isinstance(m, Curve))
    assert frame.pixels(np.array([[0.0, top]]))[0, 1] > LEGEND


# -- more settings -----------------------------------------------------------------------------------------------------
def test_what_is_seldom_needed_is_one_click_away(qtbot):
    form = Form(
        (Parameter("k", "int", 2, "Components", low=1), Parameter("floor", "float", 0.0, "Floor", low=0.0, more=True))
    )
    qtbot.addWidget(form)
    form.show_values({"k": 2, "floor": 0.0})
    form.show()
    field = form.fields["floor"]
    assert not field.isVisible() and "Floor" in form.more.toolTip()
    QTest.mouseClick(form.more, Qt.MouseButton.LeftButton)
    assert field.isVisible()
    QTest.mouseClick(form.more, Qt.MouseButton.LeftButton)
    assert not field.isVisible()
    form.show_values({"k": 2, "floor": 0.5})
    assert field.isVisible(), "a value of its own is never hidden"


# -- pairs -------------------------------------------------------------------------------------------------------------
def thumb(window, i: int, j: int):
    return next(t for t in window.pairs.thumbs if t.pair == (i, j))


def test_pairs_are_shown_where_there_is_room_and_a_click_shows_one_large(shown, qtbot):
    window = shown(1920, 1080).open("iris", 3, steps=2)
    qtbot.waitUntil(window.pairs.isVisible)
    assert len(window.pairs.thumbs) == 6 and thumb(window, 0, 1).isChecked()
    QTest.mouseClick(thumb(window, 2, 3), Qt.MouseButton.LeftButton)
    assert window.views.view.columns == (2, 3) and window.canvas.picture.drawing.x_label == "petal length, cm"
    assert [t.pair for t in window.pairs.thumbs if t.isChecked()] == [(2, 3)]
    window.data_panel.x_box.setCurrentIndex(0)
    window.data_panel.x_box.activated.emit(0)
    assert [t.pair for t in window.pairs.thumbs if t.isChecked()] == [(0, 3)]


def test_two_columns_have_no_pairs(shown):
    made = shown(1920, 1080)
    assert not made.open("old-faithful", 2).pairs.isVisible()


def test_pairs_take_the_colours_of_the_e_step_when_the_fit_rests(shown, qtbot):
    made = shown(1920, 1080)
    window = made.open("iris", 3)
    qtbot.waitUntil(lambda: window.pairs.isVisible() and thumb(window, 2, 3)._moment is window.session.moment)

    before = thumb(window, 2, 3).grab().toImage()
    window.session.step()
    made.settle()
    qtbot.waitUntil(lambda: thumb(window, 2, 3)._moment is window.session.moment)
    assert thumb(window, 2, 3).grab().toImage() != before
