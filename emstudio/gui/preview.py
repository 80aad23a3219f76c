"""The table preview: every row of the file, each with its point's colour; only the rows in sight are ever made."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from emstudio.core.data import Column, Dataset
from emstudio.gui import theme

Index = QModelIndex | QPersistentModelIndex
_ROW_HEIGHT = 24
_DOT = 9.0
_SHORT_TITLE = 46  # px that a title keeps where the columns stand close,
_SHORT = 37  # and it with its cells where they would not all be in sight otherwise
_MISSING = "\u2013"
_LOOKED_AT = 1000  # rows that decide how many decimals a column shows


def decimals(values: np.ndarray) -> int | None:
    """Decimals (up to 4) that show the numbers as they are; None where more would be needed."""
    seen = values[:_LOOKED_AT]
    seen = seen[np.isfinite(seen)]
    if seen.size and np.max(np.abs(seen)) >= 1e7:
        return None
    for places in range(5):
        if np.allclose(np.round(seen, places), seen, rtol=1e-12, atol=1e-12):
            return places
    return None


class TableModel(QAbstractTableModel):
    """Rows of the table, first column their number; fitted columns first. Rows left out are there, too, without colour."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._data: Dataset | None = None
        self._columns: list[Column] = []
        self._decimals: list[int | None] = []
        self._resp: np.ndarray | None = None
        self._begins: frozenset[int] = frozenset()  # rows of the dataset with which a series begins
        self._palette = np.zeros((0, 3))
        self._place = np.empty(0, np.int64)  # table row -> row of the dataset, -1 where left out

    @property
    def dataset(self) -> Dataset | None:
        return self._data

    def set_dataset(self, data: Dataset) -> None:
        """Show these data."""
        if data is self._data:
            return
        self.beginResetModel()
        self._data = data
        first = [data.table.column(n) for n in (data.sequence, data.time) if n is not None]
        first += [c for c in data.columns if c not in first]
        read = _read(data)
        self._columns = first + [c for c in data.table.columns if c not in first and c.name not in read]
        self._begins = frozenset(data.offsets[:-1].tolist()) if data.series is not None else frozenset()
        self._decimals = [decimals(c.values) if c.numeric else 0 for c in self._columns]
        self._place = np.full(data.table.rows, -1, np.int64)
        self._place[data.rows] = np.arange(data.n)
        self._resp = None
        self.endResetModel()

    def set_responsibilities(self, resp: np.ndarray | None, palette: np.ndarray) -> None:
        """(n, K) responsibilities that colour the rows, or None; the view repaints what is in sight."""
        self._resp, self._palette = resp, palette

    def place(self, table_row: int) -> int | None:
        """The row of the dataset that the row of the table is, or None where it was left out."""
        place = int(self._place[table_row])
        return place if place >= 0 else None

    def table_row(self, row: int) -> int | None:
        """The row of the table that row `row` of the dataset is."""
        data = self._data
        return int(data.rows[row]) if data is not None and 0 <= row < data.n else None

    def begins(self, table_row: int) -> bool:
        """Whether a series begins with a row of the table, and another one ended before it."""
        return table_row > 0 and self.place(table_row) in self._begins

    def unobserved(self, table_row: int) -> bool:
        """Whether nothing is known of a step of a series."""
        data, place = self._data, self.place(table_row)
        return data is not None and data.mask is not None and place is not None and bool(data.mask[place].all())

    def colour(self, table_row: int) -> QColor | None:
        """The colour of the row's point: None where it was left out, grey before the first E-step."""
        place = self.place(table_row)
        if place is None:
            return None
        if self._resp is None or place >= len(self._resp) or np.isnan(self._resp[place]).any():
            return theme.colour("axis")
        red, green, blue = np.clip(self._resp[place] @ self._palette, 0.0, 1.0)
        return QColor.fromRgbF(float(red), float(green), float(blue))

    # -- what Qt asks --------------------------------------------------------------------------------------------------
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() or self._data is None else self._data.table.rows

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._columns) + 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return theme.count(row + 1) if column == 0 else self._text(row, column - 1)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            left = column == 0 or not self._columns[column - 1].numeric
            return Qt.AlignmentFlag.AlignVCenter | (Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight)
        if role == Qt.ItemDataRole.ForegroundRole and (column == 0 or self._place[row] < 0):
            return theme.colour("text2" if self._place[row] >= 0 else "text3")
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row)
        return None

    def _tip(self, row: int) -> str | None:
        if self._place[row] < 0:
            return "Left out: a cell is missing"
        if self._data is None or self._data.series is None:
            return None
        if self.unobserved(row):
            return "A step that was not observed: the chain moves on through it"
        return "A new series begins here" if self.begins(row) else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation == Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return "row" if section == 0 else self._columns[section - 1].title
        if role == Qt.ItemDataRole.ToolTipRole and section > 0:
            return f"<qt>{html.escape(self._columns[section - 1].title)}</qt>"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            left = section == 0 or not self._columns[section - 1].numeric
            return Qt.AlignmentFlag.AlignVCenter | (Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight)
        return None

    def fitted(self, column: int) -> bool:
        """Whether a column of the view is one that is fitted."""
        return self._data is not None and column > 0 and self._columns[column - 1].name in self._data.names

    def _text(self, row: int, column: int) -> str:
        c = self._columns[column]
        value = c.values[row]
        if not c.numeric:
            return c.levels[value] if value >= 0 else _MISSING
        if np.isnan(value):
            return _MISSING
        places = self._decimals[column]
        if places == 0 and self._data is not None and (not c.fit or c.name in (self._data.sequence, self._data.time)):
            return f"{value:.0f}"  # years and names of series are not counted in thousands
        return theme.number(value) if places is None else theme.number(value, decimals=places)


def _read(data: Dataset) -> tuple[str, ...]:
    """The columns that the fitted ones were counted from: tosses are shown as tokens, and here as heads and tails."""
    if not data.origin:
        return ()
    from emstudio.models.coins_pictures import flip_columns

    return (*(n for n in data.origin if n not in data.names), *flip_columns(data))


def _shown(data: Dataset | None) -> tuple:
    """What decides the order of the columns."""
    return () if data is None else (data.names, data.sequence, data.time)


class RowDelegate(QStyledItemDelegate):
    """A cell, below a line where a series begins."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        model = index.model()
        assert isinstance(model, TableModel)
        if model.begins(index.row()):
            painter.fillRect(option.rect.left(), option.rect.top(), option.rect.width(), 1, theme.colour("text2"))


class DotDelegate(RowDelegate):
    """The row's number with its point's colour in front."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        model = index.model()
        assert isinstance(model, TableModel)
        colour = model.colour(index.row())
        if colour is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        centre = QPointF(option.rect.left() + 8.0, option.rect.center().y() + 0.5)
        painter.drawEllipse(centre, _DOT / 2, _DOT / 2)
        painter.restore()

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        option.text = "    " + option.text  # type: ignore[attr-defined]


class Preview(QTableView):
    """`picked(row)`: the person chose row `row` of the dataset; `show_row` selects the row of a point picked elsewhere."""

    picked = Signal(object)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("preview")
        self.setAccessibleName("Table preview")
        self.setToolTip("")
        self.table = TableModel(self)
        self.setModel(self.table)
        self.setItemDelegate(RowDelegate(self))
        self.setItemDelegateForColumn(0, DotDelegate(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.horizontalHeader().setMinimumSectionSize(32)
        self.horizontalHeader().setFixedHeight(_ROW_HEIGHT)
        self._silent = False
        self.selectionModel().currentRowChanged.connect(self._on_current)
        theme.notifier.changed.connect(self.viewport().update)

    def set_dataset(self, data: Dataset) -> None:
        """Show these data; the columns share the width while they have room."""
        before = self.table.dataset
        if data is before:
            return
        same = before is not None and [c.name for c in before.table.columns] == [c.name for c in data.table.columns]
        self.table.set_dataset(data)
        if not same or _shown(before) != _shown(data):
            self._share_width()

    def show_responsibilities(self, resp: np.ndarray | None, components: int | Sequence[int]) -> None:
        """Colour the rows in sight."""
        self.table.set_responsibilities(resp, theme.component_rgb(components))
        self.viewport().update()

    def show_row(self, row: int | None) -> None:
        """Select row `row` of the dataset, without telling anybody."""
        self._silent = True
        at = None if row is None else self.table.table_row(row)
        if at is None:
            self.clearSelection()
        elif not self.selectionModel().isRowSelected(at):
            self.setCurrentIndex(self.table.index(at, 0))
        self._silent = False

    def _on_current(self, current: QModelIndex) -> None:
        if not self._silent:
            self.picked.emit(self.table.place(current.row()) if current.isValid() else None)

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self._share_width()

    def _share_width(self) -> None:
        header = self.horizontalHeader()
        count = self.table.columnCount()
        if count < 2:
            return
        metrics = self.fontMetrics()
        rows = self.table.rowCount()
        first = metrics.horizontalAdvance("    " + theme.count(rows)) + 16
        header.resizeSection(0, max(first, 46))
        room = self.viewport().width() - header.sectionSize(0)
        wanted = [self._wanted(j) for j in range(1, count)]
        if sum(wanted) > room:
            closer = ([self._wanted(j, 8, short) for j in range(1, count)] for short in (0, _SHORT_TITLE, _SHORT))
            wanted = next((made for made in closer if sum(made) <= room), wanted)
        spare = max(0, room - sum(wanted)) // len(wanted)
        for j, width in enumerate(wanted, start=1):
            header.resizeSection(j, width + spare)

    def _wanted(self, column: int, apart: int = 18, short: int = 0) -> int:
        """The width of a column; one that is not fitted may be as `short`: its title loses its middle, its cells their end."""
        metrics = self.fontMetrics()
        rows = range(min(self.table.rowCount(), 20))
        cells = max(
            (metrics.horizontalAdvance(str(self.table.data(self.table.index(r, column)))) for r in rows), default=0
        )
        title = metrics.horizontalAdvance(str(self.table.headerData(column, Qt.Orientation.Horizontal)))
        if short and not self.table.fitted(column):
            title = min(title, short)
            cells = min(cells, short) if short < _SHORT_TITLE else cells
        return min(max(cells + apart, title + apart, 32), 160)
