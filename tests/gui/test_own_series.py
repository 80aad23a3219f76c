"""One's own table as series: the columns that tell and order the series are chosen beside the data, in the real window."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from emstudio.core.model import find
from emstudio.gui import theme
from emstudio.gui.main_window import MainWindow
from emstudio.gui.popups import ColumnsPopup
from emstudio.gui.widgets import IconButton
from emstudio.session import Session


@pytest.fixture(scope="module", autouse=True)
def look(qapp):
    theme.apply(qapp, "light")


@pytest.fixture
def window(qtbot):
    window = MainWindow(Session())
    window.failures, window.told = [], []
    window.session.failed.connect(window.failures.append)
    window.session.news.connect(window.told.append)
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    return window


def settle(qtbot, window) -> None:
    session = window.session
    qtbot.waitUntil(lambda: not (session.busy or session.running or window.refresher.waiting), timeout=10_000)


def opened(qtbot, window, path, *lines: str) -> None:
    path.write_text("\n".join(lines) + "\n")
    window.session.open(str(path))
    settle(qtbot, window)


def choose(qtbot, window, box, words: str) -> None:
    """Open the list with the keyboard and take an item."""
    at = box.findText(words)
    assert at >= 0, [box.itemText(i) for i in range(box.count())]
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Space)
    QTest.keyClick(box.view(), Qt.Key.Key_Home)
    for _ in range(at):
        QTest.keyClick(box.view(), Qt.Key.Key_Down)
    QTest.keyClick(box.view(), Qt.Key.Key_Return)
    settle(qtbot, window)


def as_chain(qtbot, window) -> None:
    choose(qtbot, window, window.model_panel.model_box, "Hidden Markov model")


def rows(*series: tuple[str, int], gap: tuple[str, int] | None = None) -> list[str]:
    """Lines of series of these names and lengths, their time from 1, two columns; at `gap` nothing was observed."""
    made = []
    for name, n in series:
        for t in range(1, n + 1):
            x = (t * 7 + n) % 5 + 4 * (t % 6 > 2)
            made.append(f"{name},{t},,," if (name, t) == gap else f"{name},{t},{x}.5,{x * x % 11}.25,")
    return [line.rstrip(",") if not line.endswith(",,,") else line[:-1] for line in made]


PATIENTS = ["patient,t,pulse,pressure", *rows(("Ann", 12), ("Bob", 7), ("Cy", 1), ("Dee", 9), gap=("Ann", 5))]


def test_series_and_time_are_taken_by_their_names_and_that_is_said(qtbot, window, tmp_path):
    panel = window.data_panel
    opened(qtbot, window, tmp_path / "p.csv", *PATIENTS)
    assert not panel.sequence_box.isVisible() and not panel.time_box.isVisible()  # a mixture knows no order
    assert window.session.data.names == ("t", "pulse", "pressure")
    as_chain(qtbot, window)
    assert panel.sequence_box.isVisible() and panel.time_box.isVisible()
    assert (panel.sequence_box.currentText(), panel.time_box.currentText()) == ("patient", "t")
    assert window.session.data.names == ("pulse", "pressure")
    assert panel.count.text() == "29 steps in 4 series, 2 columns, 1 unobserved step"
    assert [w for w in window.told if "patient is read as the series and t as the time" in w]
    assert window.session.obstacle is None and window.session.moment.snapshot.params is not None


def test_another_choice_is_one_edit(qtbot, window, tmp_path):
    panel, session = window.data_panel, window.session
    opened(qtbot, window, tmp_path / "p.csv", *PATIENTS)
    as_chain(qtbot, window)
    choose(qtbot, window, panel.time_box, "none")
    assert session.data.time is None and session.data.names == ("t", "pulse", "pressure")  # as any column of numbers
    choose(qtbot, window, panel.sequence_box, "none")
    assert panel.count.text().startswith("29 steps, 3 columns")
    undo = next(w for w in window.acts["undo"].associatedObjects() if isinstance(w, IconButton))
    for _ in range(2):
        QTest.mouseClick(undo, Qt.MouseButton.LeftButton)
        settle(qtbot, window)
    assert (panel.sequence_box.currentText(), panel.time_box.currentText()) == ("patient", "t")
    assert session.data.names == ("pulse", "pressure") and len(session.data.offsets) == 5
    assert not window.failures


def test_a_series_that_comes_back_is_refused_and_the_data_stay(qtbot, window, tmp_path):
    panel, session = window.data_panel, window.session
    opened(qtbot, window, tmp_path / "mixed.csv", "who,x", *rows_of("a", 4), *rows_of("b", 3), *rows_of("a", 2))
    as_chain(qtbot, window)
    before = session.data
    choose(qtbot, window, panel.sequence_box, "who")
    assert len(window.failures) == 1
    assert "row 9, column who: the series 'a' comes back after it had ended at row 5" in window.failures[0]
    assert session.data is before and panel.sequence_box.currentText() == "none"


def rows_of(name: str, n: int) -> list[str]:
    return [f"{name},{i * i % 7}.5" for i in range(n)]


def test_a_time_that_falls_is_refused(qtbot, window, tmp_path):
    panel = window.data_panel
    opened(qtbot, window, tmp_path / "p.csv", *(line for line in PATIENTS if not line.endswith(",,")))
    as_chain(qtbot, window)
    choose(qtbot, window, panel.sequence_box, "none")  # then t begins again three times
    assert len(window.failures) == 1 and "does not increase through the whole table" in window.failures[0]
    assert panel.sequence_box.currentText() == "patient"
    choose(qtbot, window, panel.time_box, "none")
    choose(qtbot, window, panel.time_box, "pressure")
    assert "is not later than" in window.failures[-1] and panel.time_box.currentText() == "none"


def test_a_mixture_in_between_keeps_the_choice(qtbot, window, tmp_path):
    panel, session = window.data_panel, window.session
    opened(qtbot, window, tmp_path / "p.csv", *PATIENTS)
    as_chain(qtbot, window)
    choose(qtbot, window, panel.time_box, "none")
    choose(qtbot, window, window.model_panel.model_box, "Gaussian mixture")
    assert not panel.sequence_box.isVisible() and session.data.series is None
    assert len(session.data.dropped) == 1  # the unobserved step is no row of a mixture
    told = len(window.told)
    as_chain(qtbot, window)
    assert (panel.sequence_box.currentText(), panel.time_box.currentText()) == ("patient", "none")
    assert session.data.names == ("t", "pulse", "pressure") and len(window.told) == told


def test_columns_that_a_person_chose_are_kept(qtbot, window, tmp_path):
    session = window.session
    opened(qtbot, window, tmp_path / "p.csv", *PATIENTS)
    assert session.choose(["pulse"])
    settle(qtbot, window)
    as_chain(qtbot, window)
    assert session.data.names == ("pulse",)
    choose(qtbot, window, window.model_panel.model_box, "Gaussian mixture")
    assert session.data.names == ("pulse",)


def test_a_column_chosen_to_be_fitted_is_not_taken_for_the_time(qtbot, window, tmp_path):
    session = window.session
    opened(qtbot, window, tmp_path / "d.csv", "day,x", *[f"{i},{i * i % 7}.5" for i in range(1, 15)])
    session.choose(["day"])
    settle(qtbot, window)
    as_chain(qtbot, window)
    assert session.data.names == ("day",) and session.data.time is None


def test_texts_alone_are_symbols(qtbot, window, tmp_path):
    sky = ["sun", "sun", "rain", "cloud", "rain", "rain", "sun", "sun", "sun", "cloud", "rain", "sun"]
    opened(qtbot, window, tmp_path / "w.csv", "day,sky", *[f"{i},{s}" for i, s in enumerate(sky)])
    session = window.session
    assert session.data.names == ("day",)
    as_chain(qtbot, window)
    assert session.model.emission == "categorical" and session.data.names == ("sky",)
    assert not window.model_panel.form.fields["covariance"].isEnabled()
    choose(qtbot, window, window.model_panel.model_box, "Gaussian mixture")
    assert session.data.names == ("day",)  # never the numbers of the texts


def test_texts_are_not_fitted_by_a_mixture_of_measurements(qtbot, window, tmp_path):
    opened(qtbot, window, tmp_path / "w.csv", "day,sky", *[f"{i},{'ab'[i % 3 > 0]}" for i in range(12)])
    as_chain(qtbot, window)
    session = window.session
    table = session.data.table
    session.open_table(replace(table, columns=(table.column("sky"),), info={}))
    settle(qtbot, window)
    assert session.data.names == ("sky",)
    choose(qtbot, window, window.model_panel.model_box, "Gaussian mixture")
    assert session.model.name == "hmm" and "no numeric column" in window.failures[-1]
    assert window.model_panel.model_box.currentText() == "Hidden Markov model"


def test_the_preview_shows_where_series_begin_and_what_was_not_observed(qtbot, window, tmp_path):
    opened(qtbot, window, tmp_path / "p.csv", *PATIENTS)
    as_chain(qtbot, window)
    table = window.data_panel.preview.table
    heads = [table.headerData(j, Qt.Orientation.Horizontal) for j in range(table.columnCount())]
    assert heads == ["row", "patient", "t", "pulse", "pressure"]
    assert [r for r in range(table.rowCount()) if table.begins(r)] == [12, 19, 20]
    tip = Qt.ItemDataRole.ToolTipRole
    assert "not observed" in table.data(table.index(4, 3), tip)
    assert "begins" in table.data(table.index(12, 0), tip)
    assert table.data(table.index(13, 0), tip) is None


def test_years_are_no_thousands(qtbot, window):
    window.session.open("dataset:lynx")
    settle(qtbot, window)
    table = window.data_panel.preview.table
    assert table.data(table.index(0, 1)) == "1821"
    assert window.data_panel.time_box.currentText() == "year"
    assert not window.data_panel.sequence_box.isVisible()  # the only column left is fitted


def test_the_emissions_tell_their_m_step(qtbot, window):
    session = window.session
    session.open("dataset:earthquakes")
    settle(qtbot, window)
    session.step()
    settle(qtbot, window)
    rule, posterior = window.explain.rule, session.moment.snapshot.posterior
    spoken = rule.formulas.accessibleDescription()
    x = session.data.x[:, 0]
    rates = posterior.resp.T @ x / posterior.resp.sum(0)
    assert "(Σ γ x) / (Σ γ)" in spoken and "π" not in spoken
    for j, rate in enumerate(rates):
        assert theme.number(float(posterior.resp[:, j].sum()), 4) in spoken and theme.number(float(rate), 4) in spoken
    window.explain.pick(3)
    assert window.explain._upper.currentWidget() is window.explain.inspector
    window.explain.pick(None)
    assert window.explain._upper.currentWidget() is rule


def test_a_switch_has_the_choice_too(qtbot, window, tmp_path):
    opened(
        qtbot, window, tmp_path / "s.csv", "run,step,x", *[f"r{i // 6},{i % 6},{(i // 4) % 2}.2{i}" for i in range(24)]
    )
    window.session.set_model(find("noisy-switch").make())
    settle(qtbot, window)
    data = window.session.data
    assert (data.sequence, data.time, data.names) == ("run", "step", ("x",)) and len(data.offsets) == 5


def test_one_of_several_columns_of_text_is_chosen_as_the_symbols(qtbot, window, tmp_path):
    lines = [f"{i},{'ab'[i % 3 > 0]},{'xyz'[i % 5 % 3]},{i % 4}.5" for i in range(1, 25)]
    opened(qtbot, window, tmp_path / "s.csv", "t,first,second,level", *lines)
    as_chain(qtbot, window)
    assert window.session.data.names == ("level",)
    window.session.set_parameter(emission="categorical")
    settle(qtbot, window)
    assert window.session.obstacle is not None  # 0.5 is no symbol, and which text is meant nobody said
    window.acts["columns"].trigger()
    popup = window.findChild(ColumnsPopup)
    names = [popup.list.item(i).text() for i in range(popup.list.count())]
    assert names == ["t  (time)", "first  (text)", "second  (text)", "level"]
    assert not popup.list.item(0).flags() & Qt.ItemFlag.ItemIsEnabled
    for row in (2, 3):
        popup.list.setCurrentRow(row)
        QTest.keyClick(popup.list, Qt.Key.Key_Space)
    QTest.mouseClick(popup.button, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert window.session.data.names == ("second",) and window.session.obstacle is None
    assert window.session.model.categories == ("x", "y", "z")


def test_a_file_of_numbers_is_read_as_a_series_whatever_was_emitted_before(qtbot, window, tmp_path):
    opened(qtbot, window, tmp_path / "w.csv", "day,sky", *[f"{i},{'ab'[i % 3 > 0]}" for i in range(12)])
    as_chain(qtbot, window)
    opened(qtbot, window, tmp_path / "p.csv", *PATIENTS)
    assert (window.session.model.name, window.session.model.emission) == ("hmm", "gaussian")
    assert window.session.data.sequence == "patient"


def test_an_empty_series_asks_to_be_drawn(qtbot, window):
    window.session.set_model(find("hmm").make(k=2))
    window.acts["new"].trigger()
    settle(qtbot, window)
    assert window.data_panel.count.text() == "No steps yet: draw the series"
    assert window.centre.caption.sentences().next.startswith("Draw a series with the brush")
