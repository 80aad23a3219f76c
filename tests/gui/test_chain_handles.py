"""What the states of a chain emit, under the hand: letters and bands are dragged in every view, and Undo takes it back."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from emstudio.core.data import painted
from emstudio.core.marks import Disc
from emstudio.core.model import Start, find
from emstudio.gui import theme
from emstudio.gui.letters import disc_centre
from emstudio.gui.main_window import MainWindow
from emstudio.session import Session

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
STAY = [[0.9, 0.1], [0.1, 0.9]]


@pytest.fixture(scope="module", autouse=True)
def look(qapp):
    theme.apply(qapp, "light")


@pytest.fixture
def window(qtbot):
    window = MainWindow(Session())
    qtbot.addWidget(window)
    window.resize(1280, 800)
    with qtbot.waitExposed(window):
        window.show()
    return window


def settle(qtbot, window) -> None:
    session = window.session
    qtbot.waitUntil(lambda: not (session.busy or session.running or window.refresher.waiting), timeout=10_000)


def show(qtbot, window, d: int = 1, **parameters) -> None:
    """A series of two states in the window, at known parameters."""
    rng = np.random.default_rng(3)
    z = np.repeat([0, 1, 0, 1], 15)
    emission = parameters.get("emission", "gaussian")
    document: dict = {"start": [0.5, 0.5], "transitions": STAY}
    if emission == "poisson":
        x = rng.poisson(np.where(z, 12, 4)).astype(float)[:, None]
        document["rates"] = [[4.0], [12.0]]
    elif emission == "categorical":
        shares = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
        x = np.array([rng.choice(3, p=shares[s]) for s in z], float)[:, None]
        document["probabilities"] = shares.tolist()
    else:
        x = 3.0 * z[:, None] + rng.standard_normal((60, d))
        document |= {"means": [[0.0] * d, [3.0] * d], "covariances": [(np.eye(d) * 0.5 + 0.5).tolist()] * 2}
    session = window.session
    session.open_table(painted(x, tuple("xyz"[: x.shape[1]])))
    settle(qtbot, window)
    model = find("hmm").make(k=2, **parameters)
    session.set_model(model)
    settle(qtbot, window)
    session.set_start(Start("params", params=session.model.from_dict(document)))
    settle(qtbot, window)
    window.stage.set_motion(False)
    seen: list[object] = [None]

    def still() -> bool:
        """Whether the picture was the same twice: the panels beside it have found their sizes."""
        page = window.stage.page
        seen[:] = [seen[-1], (page.size(), page.series.plot.height(), page.series.high, page.series.low)]
        return seen[0] == seen[1]

    qtbot.waitUntil(still)


def drag(qtbot, window, widget, start: QPoint, by: QPoint) -> None:
    QTest.mousePress(widget, LEFT, NONE, start)
    for t in (0.3, 0.7, 1.0):
        QTest.mouseMove(widget, start + by * t)
    QTest.mouseRelease(widget, LEFT, NONE, start + by)
    settle(qtbot, window)


def changed(before, after) -> set[str]:
    return {f for f in before._fields if not np.array_equal(getattr(before, f), getattr(after, f))}


def undone(qtbot, window, before) -> bool:
    window.session.undo()
    settle(qtbot, window)
    return not changed(before, window.session.moment.snapshot.params)


CASES = [
    ({"d": 1}, "density", "means"),
    ({"d": 2}, "scatter", "means"),
    ({"d": 2}, "density", "means"),
    ({"d": 3}, "scatter", "means"),
    ({"d": 1}, "series", "means"),
    ({"emission": "poisson"}, "counts", "rates"),
    ({"emission": "poisson"}, "series", "rates"),
    ({"emission": "categorical"}, "symbols", "probabilities"),
]


@pytest.mark.parametrize(("parameters", "kind", "moved"), CASES)
def test_a_letter_is_dragged_in_its_view(qtbot, window, parameters, kind, moved):
    show(qtbot, window, **parameters)
    window.views.choose([v.kind for v in window.views.views].index(kind))
    settle(qtbot, window)
    canvas = window.canvas
    canvas.catch_up()
    picture, before = canvas.picture, window.session.moment.snapshot.params
    disc = [m for m in picture.drawing.marks if isinstance(m, Disc) and m.component == 1][-1]
    centre = disc_centre(picture.frame, disc, picture.letters._raised()) + picture.origin()
    drag(qtbot, window, canvas.viewport(), centre.toPoint(), QPoint(-30, 40))
    after = window.session.moment.snapshot.params
    assert changed(before, after) == {moved}
    assert np.array_equal(getattr(before, moved)[0], getattr(after, moved)[0])  # of that state alone
    frame = picture.frame
    unit_x, unit_y = 30 / abs(frame.scale[0]), 40 / abs(frame.scale[1])
    value, was = getattr(after, moved)[1], getattr(before, moved)[1]
    if kind == "symbols":
        assert value[2] == pytest.approx(was[2] - unit_y, rel=0.05) and value.sum() == pytest.approx(1)
    elif kind == "series":
        assert value[0] == pytest.approx(was[0] - unit_y, rel=0.05)
    else:
        assert value[0] == pytest.approx(was[0] - unit_x, rel=0.05)
        assert kind != "scatter" or value[1] == pytest.approx(was[1] - unit_y, rel=0.05)
    assert undone(qtbot, window, before)


@pytest.mark.parametrize("parameters", [{"d": 1}, {"d": 2}, {"d": 3}, {"emission": "poisson"}])
def test_a_letter_of_the_laboratory_is_dragged(qtbot, window, parameters):
    show(qtbot, window, **parameters)
    series, before = window.stage.page.series, window.session.moment.snapshot.params
    unit = (series.high - series.low) / series.plot.height()
    drag(qtbot, window, series, series.where_level(0), QPoint(0, -25))
    after = window.session.moment.snapshot.params
    moved = "rates" if "emission" in parameters else "means"
    assert changed(before, after) == {moved}
    assert getattr(after, moved)[0, 0] == pytest.approx(getattr(before, moved)[0, 0] + 25 * unit, abs=1.5 * unit)
    assert undone(qtbot, window, before)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_edge_of_a_band_is_its_spread(qtbot, window, d):
    show(qtbot, window, d)
    series, before = window.stage.page.series, window.session.moment.snapshot.params
    unit = (series.high - series.low) / series.plot.height()
    drag(qtbot, window, series, series.edges()[1].toPoint(), QPoint(0, -30))
    after = window.session.moment.snapshot.params
    assert changed(before, after) == {"covariances"}
    assert np.sqrt(after.covariances[1, 0, 0]) == pytest.approx(1 + 30 * unit, abs=1.5 * unit)
    assert np.array_equal(after.covariances[0], before.covariances[0])
    ratio = after.covariances[1] / before.covariances[1]
    assert np.allclose(ratio[1:, 1:], 1) and np.allclose(ratio[0, 1:], np.sqrt(ratio[0, 0]))  # correlations stay
    assert undone(qtbot, window, before)


def test_counts_and_symbols_have_no_edge_to_drag(qtbot, window):
    for emission in ("poisson", "categorical"):
        show(qtbot, window, emission=emission)
        assert window.stage.page.series.edges() == {}


def test_other_emissions_of_the_same_column_are_other_views(qtbot, window):
    show(qtbot, window, emission="poisson")
    assert [v.kind for v in window.views.views] == ["laboratory", "series", "counts"]
    window.session.set_parameter(emission="categorical")
    settle(qtbot, window)
    assert [v.kind for v in window.views.views] == ["laboratory", "series", "symbols"]
