"""The parameters as a table: a row for each, two columns for each component: its value and the change since the last iteration.

Ctrl+C copies the whole table (or the components chosen) with full precision, tab-separated, for a spreadsheet.
"""

from __future__ import annotations

import html
import math
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetricsF, QGuiApplication, QKeyEvent, QKeySequence, QPainter, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QVBoxLayout, QWidget

from emstudio.core.em import Moment
from emstudio.core.format import number, signed
from emstudio.gui import theme
from emstudio.gui.parameter_rows import LONGEST, Rows, delta, level, rows_of
from emstudio.gui.refresh import Refresher
from emstudio.gui.widgets import paint_disc, plain_table, text
from emstudio.session import Session

Index = QModelIndex | QPersistentModelIndex
DELTA = "\u0394"
NARROW = 88  # px that names keep where the values of more than two components stand beside them
_NAME_MARGIN = 18  # of the names' column: the style's own left and right of a name


class Table(QAbstractTableModel):
    """Columns: value and change of component 0, value and change of component 1, ..."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = Rows()
        self.longest = LONGEST  # signs of a value

    def show_rows(self, rows: Rows) -> None:
        """Show other numbers; the view keeps its place and its selection where the shape is the same."""
        same = (
            rows.names == self.rows.names
            and rows.values.shape == self.rows.values.shape
            and rows.parts == self.rows.parts
        )
        if not same:
            self.beginResetModel()
        self.rows = rows
        if not same:
            self.endResetModel()
        elif rows.names:
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, self.columnCount() - 1))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows.names)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() or not self.rows.names else 2 * self.rows.values.shape[1]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        component, is_change = divmod(index.column(), 2)
        value = float(self.rows.values[index.row(), component])
        change = None if self.rows.changes is None else float(self.rows.changes[index.row(), component])
        if role == Qt.ItemDataRole.DisplayRole:
            if is_change:
                return "" if change is None or math.isnan(change) else delta(change, value)
            return "" if math.isnan(value) else level(value, self.longest, self.rows.counted(index.row()))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.FontRole:
            return theme.font(11) if is_change else theme.font(12, 500)
        if role == Qt.ItemDataRole.ForegroundRole:
            return theme.colour("text3" if is_change else "text")
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            name = theme.letter(self.rows.part(component))
            words = f"{self.rows.names[index.row()]} of {name}: {number(value, 12, trim=True)}"
            if math.isnan(value):
                return f"{name} has no {self.rows.names[index.row()]}"
            if change is not None and not math.isnan(change):
                words += f", {signed(change, 6)} since {self.rows.since}"
            return words if role == Qt.ItemDataRole.AccessibleTextRole else f"<qt>{html.escape(words)}</qt>"
        return None

    def headerData(self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if way == Qt.Orientation.Vertical:
            if role == Qt.ItemDataRole.DisplayRole:
                return self.rows.names[section]
            if role == Qt.ItemDataRole.ToolTipRole:
                return f"<qt>{html.escape(self.rows.names[section])}</qt>"
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            return None
        component, is_change = divmod(section, 2)
        if role == Qt.ItemDataRole.DisplayRole:
            return DELTA if is_change else theme.letter(self.rows.part(component))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            name = theme.letter(self.rows.part(component))
            if self.rows.part(component) == theme.NOISE:
                return f"Change of the {name} since {self.rows.since}" if is_change else f"The {name}"
            return f"Change of component {name} since {self.rows.since}" if is_change else f"Component {name}"
        return None


class _Header(QHeaderView):
    """The components' letters on their discs; between them the sign of change."""

    HEIGHT = 26

    def __init__(self, parent: QWidget):
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.lettered = True  # whether a column is one component's

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.HEIGHT)

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        component, is_change = divmod(section, 2)
        if is_change:
            painter.save()
            painter.setFont(theme.font(11))
            painter.setPen(theme.colour("text3"))
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(rect.adjusted(0, 0, -5, 0), flags, DELTA)
            painter.restore()
        elif self.lettered:
            centre = rect.toRectF().center()
            centre.setX(rect.right() - 13)
            table = self.model()
            assert isinstance(table, Table)
            paint_disc(painter, centre, 18, table.rows.part(component))


class ParametersTable(QTableView):
    """The table itself. `chosen` tells which component's columns were clicked, None when none is."""

    chosen = Signal(object)  # int | None
    copy_asked = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("parameters-table")
        self.setAccessibleName("Parameters of the components")
        self.table = Table()
        self.setModel(self.table)
        self.header = _Header(self)
        self.setHorizontalHeader(self.header)
        plain_table(self)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectColumns)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        names = self.verticalHeader()
        names.setVisible(True)
        names.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        names.setFont(theme.font(12))
        names.setHighlightSections(False)
        names.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.corner = text("", "unit", parent=self)
        self.corner.setToolTip("What the columns of changes are counted from")
        self.table.modelReset.connect(self._on_reset)
        self.table.dataChanged.connect(self._on_data)
        self.selectionModel().selectionChanged.connect(self._on_selection)
        self._component: int | None = None
        self._with_changes = True

    def _measure(self) -> None:
        """Columns as wide as their widest number may become: the table does not jiggle while the run is on.

        Room that is left is shared out. Where there is not enough, names are shortened, changes give way to the values
        (the tooltip has them), and then the table scrolls.
        """
        small = QFontMetricsF(theme.font(11))
        components = self.table.columnCount() // 2
        change = math.ceil(small.horizontalAdvance("\u22120.000") + 7)
        words = QFontMetricsF(theme.font(12))
        longest = math.ceil(max((words.horizontalAdvance(n) for n in self.table.rows.names), default=0.0))
        wanted = min(max(longest + _NAME_MARGIN, 72), 132)
        bar = self.verticalScrollBar().sizeHint().width() + 4 if self._rows_height() > self.height() else 0
        whole = self.width() - 2 * self.frameWidth() - bar
        for figures in (LONGEST + 2, LONGEST):  # \u22120.001234, then two figures less
            value = self._value_width(figures)
            room = whole - components * (value + change)
            self._with_changes = room >= wanted
            if self._with_changes:
                break
        if not self._with_changes:
            least = NARROW if components > 2 else 72
            for figures in (LONGEST + 2, LONGEST):
                value = self._value_width(figures)
                room = whole - components * value
                if room >= least:
                    break
            room = max(room, least)
        names = min(wanted, max(room, 72))
        self.table.longest = figures
        shown = components * (2 if self._with_changes else 1)
        left = max(whole - names - components * (value + change * self._with_changes), 0) if components else 0
        extra = min(left // max(shown, 1), 24)
        names += left - shown * extra  # numbers end where the panel ends
        for column in range(2 * components):
            self.setColumnHidden(column, column % 2 == 1 and not self._with_changes)
            self.setColumnWidth(column, (change if column % 2 else value) + extra)
        self.verticalHeader().setFixedWidth(names)
        self.corner.setGeometry(8, 2, names, _Header.HEIGHT)
        self.corner.setVisible(self._with_changes)

    def _value_width(self, figures: int) -> int:
        """The width of a column of values with at most so many signs each, where that is possible."""
        large = QFontMetricsF(theme.font(12, 500))
        now = (level(v, figures) for v in self.table.rows.values.ravel().tolist() if not math.isnan(v))
        return math.ceil(max(map(large.horizontalAdvance, ["0.0000", *now])) + 7)

    def _on_data(self) -> None:
        """A number may have become longer than its column is wide."""
        value = self._value_width(self.table.longest)
        if self.table.columnCount() and value > self.columnWidth(0):
            self._measure()

    def _on_reset(self) -> None:
        self._measure()
        self.updateGeometry()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._measure()

    def sizeHint(self) -> QSize:
        return QSize(296, min(max(self._rows_height() + 14, 96), 420))

    def _rows_height(self) -> int:
        """The height at which every row is in sight."""
        return _Header.HEIGHT + 24 * self.table.rowCount()

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 96)

    def components(self) -> list[int]:
        """The components whose columns are selected."""
        return sorted({index.column() // 2 for index in self.selectedIndexes()})

    def choose(self, component: int | None) -> None:
        """Highlight a component's columns, or none."""
        if component is None or component >= self.table.columnCount() // 2:
            self.clearSelection()
        elif self.components() != [component]:
            self.clearSelection()
            self.selectColumn(2 * component)
            for column in (2 * component + 1, 2 * component):
                self.scrollTo(self.table.index(0, column))

    def event(self, event: QEvent) -> bool:
        # The window may have an action with the same key: while the table has the focus, the key is the table's.
        if event.type() == QEvent.Type.ShortcutOverride and event.matches(QKeySequence.StandardKey.Copy):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_asked.emit()
        elif event.key() == Qt.Key.Key_Escape and self.components():
            self.clearSelection()
        else:
            super().keyPressEvent(event)

    def _on_selection(self) -> None:
        components = self.components()
        for column in [c for k in components for c in (2 * k, 2 * k + 1)]:
            if not self.selectionModel().isColumnSelected(column):  # value and change belong together
                flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Columns
                self.selectionModel().select(self.table.index(0, column), flags)
        now = components[0] if len(components) == 1 else None
        if now != self._component:
            self._component = now
            self.chosen.emit(now)


class Parameters(QWidget):
    """The panel: the table, with a word on since when the changes are in its corner.

    `chosen(int | None)`: the person chose a component; `choose` shows one chosen elsewhere.
    """

    chosen = Signal(object)

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("parameters")
        self._session = session
        self._shown: tuple[object, ...] = ()
        self.hint = text("The parameters appear with the start.", "label", wrap=True)
        self.hint.setContentsMargins(8, 0, 6, 8)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.view = ParametersTable()
        self.view.setToolTip("Copy (Ctrl+C) gives all digits, for a spreadsheet")
        self.view.chosen.connect(self.chosen)
        self.choose = self.view.choose
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 0, 10, 4)
        column.addWidget(self.hint)
        column.addWidget(self.view, 1)
        self.view.copy_asked.connect(self.copy)
        refresher.draw.connect(self._draw)
        theme.notifier.changed.connect(self.view.viewport().update)
        self._draw(session.moment)

    def _draw(self, moment: Moment) -> None:
        node = self._session.history.current
        assert node is not None
        shown = (node, moment.snapshot.params, moment.data)
        # By identity: parameters are arrays, and a drag gives the node others.
        if len(self._shown) == len(shown) and all(a is b for a, b in zip(shown, self._shown, strict=True)):
            return
        self._shown = shown
        rows = rows_of(node)
        self.view.header.lettered = moment.model.name != "noisy-switch"
        self.view.table.show_rows(rows)
        self.view.corner.setText(f"{DELTA} since {rows.since}" if rows.since else "")
        self.view.setVisible(bool(rows.names))
        self.hint.setVisible(not rows.names)

    def text(self) -> str:
        """The whole table, or the components chosen, tab-separated with headers and all digits."""
        rows = self.view.table.rows
        components = self.view.components() or range(rows.values.shape[1])
        lines = ["\t".join(["parameter", *(theme.letter(rows.part(k)) for k in components)])]
        for name, values in zip(rows.names, rows.values):
            cells = ["" if math.isnan(values[k]) else repr(float(values[k])) for k in components]
            lines.append("\t".join([" ".join(name.split()), *cells]))
        return "\n".join(lines) + "\n"

    def copy(self) -> None:
        """Put `text()` on the clipboard."""
        if self.view.table.rows.names:
            QGuiApplication.clipboard().setText(self.text())
