"""The data panel: where the data come from, what of them is shown, a preview of all rows, the tools to paint with."""

from __future__ import annotations

from html import escape
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QHBoxLayout, QSpinBox, QToolButton, QVBoxLayout, QWidget

from emstudio import datasets
from emstudio.core.data import Column, Dataset
from emstudio.core.em import Moment
from emstudio.core.errors import printable
from emstudio.gui import theme
from emstudio.gui.actions import Actions
from emstudio.gui.canvas import BRUSHES
from emstudio.gui.chain_numbers import is_chain
from emstudio.gui.data_roles import summary, truth_columns, weight_columns
from emstudio.gui.form import SHORT, combo
from emstudio.gui.generate import GeneratePopup
from emstudio.gui.popups import ColumnsPopup, LeftOutPopup
from emstudio.gui.preview import Preview
from emstudio.gui.refresh import Refresher
from emstudio.gui.views import Views
from emstudio.gui.widgets import IconButton, LabeledRow, SegmentedTools, Wrapped, text
from emstudio.session import Session


def axis_title(column: Column) -> str:
    """`eruptions, min`"""
    return column.title + (f", {column.unit}" if column.unit else "")


class DataPanel(QWidget):
    """`picked(row)`: a row of the preview was chosen; `brush_changed(px)`; `wanted(source)`: open this."""

    picked = Signal(object)
    brush_changed = Signal(int)
    wanted = Signal(str)

    def __init__(
        self, session: Session, refresher: Refresher, views: Views, actions: Actions, parent: QWidget | None = None
    ):
        super().__init__(parent)
        self.setObjectName("data_panel")
        self._session, self._views, self._actions = session, views, actions
        self._recent: list[str] = []
        self._generate: GeneratePopup | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 2, 16, 8)
        column.setSpacing(8)
        column.addLayout(self._source_row())
        session.settings_changed.connect(self._show_generate)
        self._show_generate()
        column.addLayout(self._count_row())
        self.missing_box = combo("missing_cells")
        self.missing_box.addItem("leave rows out", "drop")
        self.missing_box.addItem("integrate out", "marginal")
        self.missing_box.setAccessibleName("Rows with missing cells")
        self.missing_box.setToolTip(
            "Rows with a missing cell are left out of the fit, or stay in it: "
            "the E-step then integrates over what is missing"
        )
        self.missing_box.activated.connect(lambda i: session.set_missing(self.missing_box.itemData(i)))
        self._missing_row = LabeledRow("Missing", self.missing_box, label_width=56)
        column.addWidget(self._missing_row)
        session.settings_changed.connect(self._show_missing)
        for row in (*self._order_rows(), self._weights_row()):
            column.addWidget(row)
        self.x_box, self.y_box, self.truth_box = combo("x_axis"), combo("y_axis"), combo("truth")
        self.x_box.activated.connect(lambda: self._choose_axes())
        self.y_box.activated.connect(lambda: self._choose_axes())
        self.truth_box.activated.connect(lambda i: session.set_truth(self.truth_box.itemData(i)))
        self.truth_box.setToolTip("A column that is not fitted: the known groups to compare the fit with")
        self._y_row = LabeledRow("y", self.y_box, label_width=24)
        self.truth_button = IconButton(action=actions["by_truth"])
        self._truth_row = QWidget()
        truth = QHBoxLayout(self._truth_row)
        truth.setContentsMargins(0, 0, 0, 0)
        truth.setSpacing(4)
        truth.addWidget(LabeledRow("Truth", self.truth_box, label_width=44), 1)
        truth.addWidget(self.truth_button)
        self.x_box.setAccessibleName("Column on the x axis")
        self.y_box.setAccessibleName("Column on the y axis")
        self._x_row = LabeledRow("x", self.x_box, label_width=24)
        column.addWidget(self._x_row)
        column.addWidget(self._y_row)
        column.addWidget(self._truth_row)
        self.preview = Preview()
        self.preview.setMinimumHeight(4 * 24)
        self.preview.picked.connect(self.picked)
        column.addWidget(self.preview, 1)
        self._tools_row = QWidget()
        self._tools_row.setLayout(self._tool_row())
        column.addWidget(self._tools_row)
        session.data_changed.connect(self._show_data)
        session.reading_changed.connect(lambda name: None if name else self._fill_sources())
        refresher.draw.connect(self._show_moment)
        views.changed.connect(lambda view: self._show_axes())
        self._show_data(session.data)
        self._show_moment(session.moment)

    # -- making --------------------------------------------------------------------------------------------------------
    def _source_row(self) -> QHBoxLayout:
        self.source_box = combo("data_source")
        self.source_box.setAccessibleName("Data set")
        self.source_box.setToolTip("Bundled data sets and recent files")
        self.source_box.activated.connect(self._choose_source)
        self.open_button = IconButton(action=self._actions["open"])
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.source_box, 1)
        row.addWidget(self.open_button)
        self.columns_button = IconButton(action=self._actions["columns"])
        row.addWidget(self.columns_button)
        self.generate_button = IconButton(action=self._actions["generate"])
        row.addWidget(self.generate_button)
        return row

    def _order_rows(self) -> tuple[LabeledRow, LabeledRow]:
        """What tells the series apart and what orders their rows: there is the choice where the model reads series."""
        self.sequence_box, self.time_box = combo("series_column"), combo("time_column")
        self.sequence_box.setAccessibleName("Column that tells the series apart")
        self.sequence_box.setToolTip(
            "A new series begins where the value of this column changes; the chain starts afresh there"
        )
        self.time_box.setAccessibleName("Column of the time")
        self.time_box.setToolTip(
            "Must increase within each series; the rows follow each other as equal steps all the same"
        )
        self.sequence_box.activated.connect(self._choose_order)
        self.time_box.activated.connect(self._choose_order)
        self._order = (
            LabeledRow("Series", self.sequence_box, label_width=56),
            LabeledRow("Time", self.time_box, label_width=56),
        )
        self._session.settings_changed.connect(self._show_order)
        self._session.failed.connect(lambda words: self._show_order())  # what was refused is not chosen
        return self._order

    def _weights_row(self) -> LabeledRow:
        """What says how often a row counts: there is the choice where the table has a column for it."""
        self.weights_box = combo("weights_column")
        self.weights_box.setAccessibleName("Column of the row weights")
        self.weights_box.setToolTip(
            "How often each row counts; a row of weight 3 is the same as three such rows. The column is not fitted"
        )
        self.weights_box.activated.connect(lambda i: self._session.set_weights(self.weights_box.itemData(i)))
        self._weights = LabeledRow("Weights", self.weights_box, label_width=56)
        self._session.settings_changed.connect(self._show_weights)
        self._session.failed.connect(lambda words: self._show_weights())  # what was refused is not chosen
        return self._weights

    def _count_row(self) -> QHBoxLayout:
        self.count = text(role="label", wrap=True, kind=Wrapped)
        self.count.setObjectName("row_count")
        self.left_out_button = QToolButton()
        self.left_out_button.setObjectName("left_out_button")
        self.left_out_button.setAccessibleName("Rows left out")
        self.left_out_button.setToolTip("List the rows left out because a cell is missing")
        self.left_out_button.clicked.connect(self.open_left_out)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.count, 1)
        row.addWidget(self.left_out_button)
        return row

    def _tool_row(self) -> QHBoxLayout:
        tools = [self._actions[f"tool_{t}"] for t in ("select", "paint", "spray", "erase")]
        self.tools = SegmentedTools(tools, "Tools of the canvas")
        self.tools.setObjectName("tools")
        self.brush = QSpinBox()
        self.brush.setObjectName("brush")
        self.brush.setRange(*BRUSHES)
        self.brush.setValue(12)
        self.brush.setSuffix(" px")
        self.brush.setAccessibleName("Brush size")
        self.brush.setToolTip("Radius of the brush that sprays and erases")
        self.brush.setKeyboardTracking(False)
        self.brush.setFixedWidth(76)
        self.brush.lineEdit().setTextMargins(6, 0, 0, 0)
        self.brush.valueChanged.connect(self.brush_changed)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.tools)
        row.addStretch(1)
        row.addWidget(self.brush)
        return row

    # -- showing -------------------------------------------------------------------------------------------------------
    def set_recent(self, paths: list[str]) -> None:
        """The recent files that the list offers below the bundled sets."""
        self._recent = list(paths)
        self._fill_sources()

    def show_tools(self, on: bool) -> None:
        """The canvas's tools are of no use where another widget shows the view."""
        self._tools_row.setVisible(on)

    def show_row(self, row: int | None) -> None:
        """Select the row of a point that was picked on the canvas."""
        self.preview.show_row(row)

    def _show_data(self, data: Dataset) -> None:
        self._fill_sources()
        self.count.setText(summary(data))
        gone = len(data.dropped)
        self.left_out_button.setVisible(bool(gone))
        self.left_out_button.setText(f"{theme.count(gone)} left out")
        self._show_missing()
        self._show_order()
        self._show_weights()
        self._show_axes()
        self._show_truth(data)
        self.preview.set_dataset(data)

    def _show_missing(self) -> None:
        """The choice is there where there is one: cells are missing, and the model can do without them."""
        data, model = self._session.data, self._session.model
        some = bool(len(data.dropped)) or data.mask is not None
        self._missing_row.setVisible(some and model.marginal and data.series is None)
        self.missing_box.setCurrentIndex(1 if data.mask is not None else 0)

    def _show_order(self) -> None:
        data = self._session.data
        chain = is_chain(self._session.model) and data.series is not None
        for row, box, now, other in (
            (self._order[0], self.sequence_box, data.sequence, data.time),
            (self._order[1], self.time_box, data.time, data.sequence),
        ):
            taken = {other, *(data.names if len(data.names) == 1 else ())}  # something must be left to fit
            able = [c for c in data.table.columns if c.name not in taken and (c.numeric or box is self.sequence_box)]
            row.setVisible(chain and bool(able))
            box.clear()
            box.addItem("none", None)
            for c in able:
                box.addItem(c.title, c.name)
            box.setCurrentIndex(max(0, box.findData(now)))

    def _show_weights(self) -> None:
        data, box = self._session.data, self.weights_box
        able = [] if is_chain(self._session.model) else weight_columns(data)
        self._weights.setVisible(bool(able))
        box.clear()
        box.addItem("none", None)
        for name in able:
            box.addItem(data.table.column(name).title, name)
        box.setCurrentIndex(max(0, box.findData(data.weighing)))

    def _show_moment(self, moment: Moment) -> None:
        self.preview.set_dataset(moment.data)
        self.preview.show_responsibilities(moment.snapshot.resp, moment.model.parts)

    def _show_axes(self) -> None:
        data, view = self._session.data, self._views.view
        columns = view.columns if view is not None and view.axes else ()
        titles = [axis_title(c) for c in data.columns]
        for box, axis in ((self.x_box, 0), (self.y_box, 1)):
            if [box.itemText(i) for i in range(box.count())] != titles:
                box.clear()
                box.addItems(titles)
            with QSignalBlocker(box):
                box.setCurrentIndex(columns[axis] if axis < len(columns) else -1)
            box.setToolTip(f"<span>{escape(box.currentText())}</span>")
            box.setEnabled(len(titles) > 1)
        aligned = self._session.data.series is not None or not self._weights.isHidden()
        for row in (self._x_row, self._y_row):
            row.label.setMinimumWidth(56 if aligned else 24)  # as Series and Time or Weights above
        along = view is not None and view.kind in (
            "laboratory",
            "series",
        )  # against time, which is no column to choose here
        self._x_row.label.setText("Column" if along else "x")
        self.x_box.setAccessibleName("Column shown against time" if along else "Column on the x axis")
        self._x_row.setVisible(len(columns) > 0)
        self._y_row.setVisible(len(columns) > 1)

    def _show_truth(self, data: Dataset) -> None:
        candidates = truth_columns(data)
        self._truth_row.setVisible(bool(candidates))
        self.truth_box.clear()
        self.truth_box.addItem("none", None)
        for name in candidates:
            self.truth_box.addItem(data.table.column(name).title, name)
        self.truth_box.setCurrentIndex(max(0, self.truth_box.findData(data.truth)))

    def _fill_sources(self) -> None:
        table, box = self._session.data.table, self.source_box
        with QSignalBlocker(box):
            box.clear()
            for info in datasets.index():
                box.addItem(info.title, f"dataset:{info.name}")
                box.setItemData(box.count() - 1, info.short, SHORT)
            if self._recent:
                box.insertSeparator(box.count())
            for path in self._recent:
                box.addItem(printable(Path(path).name), path)
            at = box.findData(table.source) if table.source else -1
            if at < 0:
                box.insertItem(0, printable(table.name), "")
                at = 0
            box.setCurrentIndex(at)

    # -- commands ------------------------------------------------------------------------------------------------------
    def _show_generate(self) -> None:
        """The button stands beside the data of a chain; for others the menu has it."""
        self.generate_button.setVisible(is_chain(self._session.model))

    def _choose_source(self, index: int) -> None:
        source = self.source_box.itemData(index)
        if source and source != self._session.data.table.source:
            self.wanted.emit(source)  # the list names what is being read; what cannot be read leaves it again
        elif source:
            self._session.cancel_reading()

    def _choose_axes(self) -> None:
        self._views.set_columns(self.x_box.currentIndex(), self.y_box.currentIndex())
        self._show_axes()

    def _choose_order(self) -> None:
        self._session.set_order(self.sequence_box.currentData(), self.time_box.currentData())

    def open_columns(self) -> None:
        """Let the person choose the columns that are fitted."""
        model = self._session.model
        symbolic = model.name == "product" or getattr(model, "emission", "") == "categorical"
        popup = ColumnsPopup(self._session.data, self, texts=symbolic)
        popup.chosen.connect(self._session.choose)
        popup.open_below(self.columns_button)

    def open_generate(self) -> None:
        """Let the person choose what series is drawn; the card keeps what was typed."""
        if self._generate is None:
            self._generate = GeneratePopup(self._session, self)
        self._generate.open_below(self.source_box)

    def open_left_out(self) -> None:
        """List the rows left out."""
        LeftOutPopup(self._session.data, self).open_below(self.count)
