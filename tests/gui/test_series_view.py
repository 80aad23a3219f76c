"""The series under the hand: steps are dragged, painted, added and taken away, each gesture one edit that Undo takes back."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from emstudio.core.data import Column, Table, frozen, painted
from emstudio.core.model import find
from emstudio.gui import theme
from emstudio.gui.hmm_lab import HmmLab

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
ALT = Qt.KeyboardModifier.AltModifier
X = [0.25, -0.3, 0.8, 1.1, 0.9, 0.1, -0.2, 0.4, 1.2, 0.7]


@pytest.fixture(autouse=True)
def light(qapp):
    theme.apply(qapp, "light")


def shown(studio, table, name="noisy-switch", **parameters) -> HmmLab:
    session = studio.session
    studio.do(lambda: session.open_table(table), lambda: session.set_model(find(name).make(**parameters)))
    lab = studio.show(HmmLab, 760, 520)
    lab.set_motion(False)
    return lab


@pytest.fixture
def lab(studio):
    return shown(studio, painted([[x] for x in X], ("x",)))


def values(studio) -> list[float]:
    return studio.session.data.observed[:, 0].tolist()


def drag(widget, start: QPoint, end: QPoint, held=NONE) -> None:
    QTest.mousePress(widget, LEFT, held, start)
    for t in (0.3, 0.7, 1.0):
        QTest.mouseMove(widget, start + (end - start) * t)
    QTest.mouseRelease(widget, LEFT, held, end)


def test_a_dragged_point_is_one_edit(studio, lab):
    series = lab.series
    studio.steps(1)
    start = series.where_row(3)
    unit = (series.high - series.low) / series.plot.height()
    drag(series, start, start + QPoint(9, 40))
    studio.settle()
    assert values(studio)[3] == pytest.approx(1.1 - 40 * unit, abs=1.5 * unit)
    assert [v for i, v in enumerate(values(studio)) if i != 3] == [v for i, v in enumerate(X) if i != 3]
    assert studio.session.moment.snapshot.phase == "edit"
    assert series.where_row(3).y() == pytest.approx(start.y() + 40, abs=2)
    studio.do(studio.session.undo)
    assert values(studio) == X


def test_a_dragged_point_follows_while_the_run_is_on(studio, lab, qtbot):
    series = lab.series
    studio.session.set_speed(500.0)
    studio.session.run()
    qtbot.waitUntil(lambda: studio.session.moment.snapshot.t > 3)
    start = series.where_row(4)
    drag(series, start, start + QPoint(0, -25))
    qtbot.waitUntil(lambda: values(studio)[4] > 0.95)
    assert studio.session.running
    studio.session.pause()
    studio.settle()


def test_a_click_picks_a_step_and_escape_lets_it_go(studio, lab):
    series, picked = lab.series, []
    lab.picked.connect(picked.append)
    QTest.mouseClick(series, LEFT, NONE, series.where_row(6))
    assert picked == [6] and lab.span.picked == 6
    assert "t = 7" in series.accessibleDescription()
    QTest.keyClick(series, Qt.Key.Key_Down)
    QTest.keyClick(series, Qt.Key.Key_Up)
    QTest.keyClick(series, Qt.Key.Key_PageUp)
    assert picked == [6, 7, 6, 0]
    QTest.keyClick(series, Qt.Key.Key_Escape)
    assert lab.span.picked is None and values(studio) == X


def test_keys_nudge_the_picked_step(studio, lab):
    series = lab.series
    lab.pick_row(2)
    QTest.keyClick(series, Qt.Key.Key_Up, ALT)
    studio.settle()
    unit = (series.high - series.low) / series.plot.height()
    assert values(studio)[2] == pytest.approx(0.8 + unit)
    QTest.keyClick(series, Qt.Key.Key_Down, ALT | Qt.KeyboardModifier.ShiftModifier)
    studio.settle()
    assert values(studio)[2] == pytest.approx(0.8 - 9 * unit)


def test_painting_writes_the_series_along_the_hand(studio, lab):
    series = lab.series
    lab.set_tool("paint")
    left, right = series.where_row(2), series.where_row(7)
    y = round(series.plot.top() + series.y_of(0.5))
    drag(series, QPoint(left.x(), y), QPoint(right.x(), y))
    studio.settle()
    unit = (series.high - series.low) / series.plot.height()
    assert values(studio)[:2] == X[:2] and values(studio)[8:] == X[8:]
    assert np.allclose(values(studio)[2:8], 0.5, atol=1.5 * unit)
    studio.do(studio.session.undo)
    assert values(studio) == X


def test_painting_behind_the_end_adds_steps(studio, lab):
    series = lab.series
    lab.set_tool("paint")
    plot, span = series.plot, series.span

    def at(step: float, value: float) -> QPoint:
        return QPoint(
            round(plot.left() + float(span.pixels(step, plot.width()))), round(plot.top() + series.y_of(value))
        )

    drag(series, at(10, 0.2), at(14, 0.8))
    studio.settle()
    assert len(values(studio)) == 15 and values(studio)[:10] == X
    assert np.all(np.diff(values(studio)[10:]) > 0)
    assert values(studio)[14] == pytest.approx(0.8, abs=0.1)
    studio.do(studio.session.undo)
    assert values(studio) == X


def test_erasing_makes_a_gap_inside_and_shortens_at_the_end(studio, lab):
    series = lab.series
    lab.set_tool("erase")
    lab.set_brush(2)
    QTest.mouseClick(series, LEFT, NONE, series.where_row(4))
    studio.settle()
    assert np.isnan(values(studio)[4]) and len(values(studio)) == 10
    assert "not observed" in series.card(4).spoken()
    drag(series, series.where_row(8), series.where_row(9))
    studio.settle()
    assert len(values(studio)) == 8
    studio.steps(2)
    assert studio.session.moment.snapshot.log_likelihood is not None


def test_buttons_add_and_remove_the_last_step(studio, lab):
    QTest.mouseClick(lab.more, LEFT)
    studio.settle()
    assert values(studio) == [*X, X[-1]]
    QTest.mouseClick(lab.fewer, LEFT)
    QTest.mouseClick(lab.fewer, LEFT)
    studio.settle()
    assert values(studio) == X[:-1]


def test_delete_makes_the_picked_step_unobserved(studio, lab):
    lab.pick_row(5)
    QTest.keyClick(lab.series, Qt.Key.Key_Delete)
    studio.settle()
    assert np.isnan(values(studio)[5]) and len(values(studio)) == 10


def test_the_band_of_the_noisy_switch_is_dragged_at_its_edge(studio, lab):
    series = lab.series
    before = studio.session.moment.snapshot.params.variance
    edge = series.edges()[1].toPoint()
    drag(series, edge, edge + QPoint(0, 12))
    studio.settle()
    unit = (series.high - series.low) / series.plot.height()
    spread = np.sqrt(studio.session.moment.snapshot.params.variance)
    assert spread == pytest.approx(np.sqrt(before) - 12 * unit, abs=2 * unit)


def test_a_states_letter_is_dragged_to_another_mean(studio):
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.normal(m, 0.4, 15) for m in (0, 4, 0, 4)])
    lab = shown(studio, painted(x[:, None], ("x",)), "hmm", k=2)
    studio.steps(4)
    series = lab.series
    before = studio.session.moment.snapshot.params.means[:, 0].copy()
    unit = (series.high - series.low) / series.plot.height()
    place = series.where_level(1)
    drag(series, place, place + QPoint(0, -20))
    studio.settle()
    after = studio.session.moment.snapshot.params.means[:, 0]
    assert after[1] == pytest.approx(before[1] + 20 * unit, abs=1.5 * unit)
    assert after[0] == before[0] and studio.session.moment.snapshot.phase == "edit"
    QTest.keyClick(series, Qt.Key.Key_2)
    QTest.keyClick(series, Qt.Key.Key_Down, ALT)
    studio.settle()
    assert studio.session.moment.snapshot.params.means[1, 0] == pytest.approx(after[1] - unit)


def test_counts_move_by_whole_numbers(studio):
    lab = shown(studio, painted([[c] for c in (3, 4, 12, 14, 2, 3, 11)], ("count",)), "hmm", emission="poisson")
    start = lab.series.where_row(2)
    drag(lab.series, start, start + QPoint(0, 33))
    studio.settle()
    moved = values(studio)[2]
    assert moved == round(moved) and moved < 12


def test_symbols_stand_in_rows_and_are_dragged_from_one_to_another(studio):
    column = Column("sign", "text", frozen(np.array([0, 0, 1, 1, 2, 0])), levels=("cloud", "rain", "sun"))
    info = {"model": {"name": "hmm", "emission": "categorical"}}
    lab = shown(studio, Table("signs", (column,), info=info), "hmm", emission="categorical")
    series = lab.series
    assert series.scene.symbols == ("cloud", "rain", "sun")
    assert series.where_row(0).y() < series.where_row(2).y() < series.where_row(4).y()
    drag(series, series.where_row(4), QPoint(series.where_row(4).x(), series.where_row(0).y()))
    studio.settle()
    assert studio.session.data.table.column("sign").text(4) == "cloud"


def test_points_have_the_colour_of_their_posterior(studio, lab):
    studio.steps(1)
    series, resp = lab.series, studio.session.moment.snapshot.resp
    image = series.grab().toImage()
    for row in (0, 4, 6):
        seen = np.array(image.pixelColor(series.where_row(row)).getRgbF()[:3])
        assert np.abs(seen - resp[row] @ theme.component_rgb(2)).max() < 0.06
    box = lab.colour_box
    box.setCurrentIndex(box.findData("viterbi"))
    box.activated.emit(box.currentIndex())
    image = series.grab().toImage()
    for row in (0, 4, 6):
        seen = np.array(image.pixelColor(series.where_row(row)).getRgbF()[:3])
        assert np.abs(seen - theme.component_rgb(2)[series.scene.viterbi[row]]).max() < 0.06


def test_a_series_is_painted_on_an_empty_sheet(studio, lab):
    studio.do(studio.session.new)
    assert studio.session.data.n == 0 and studio.session.model.name == "noisy-switch"
    series = lab.series
    lab.set_tool("paint")
    plot = series.plot
    start = QPoint(round(plot.left()) + 2, round(plot.center().y()))
    drag(series, start, start + QPoint(120, 30))
    studio.settle()
    assert studio.session.data.n == pytest.approx(120 / plot.width() * 100, abs=3)
    assert (lab.span.left, lab.span.right) == lab.span.limits()
    studio.steps(2)
    assert studio.session.moment.label == "E1"


def test_keys_zoom_and_show_all(studio, lab):
    series, span = lab.series, lab.span
    lab.pick_row(5)
    QTest.keyClick(series, Qt.Key.Key_Plus)
    QTest.keyClick(series, Qt.Key.Key_Plus)
    assert span.right - span.left == pytest.approx(10 * 0.64)
    drag(series, QPoint(300, 12), QPoint(390, 12))
    QTest.keyClick(series, Qt.Key.Key_F)
    assert (span.left, span.right) == span.limits()
