"""The parameters as a table: a row for each, two columns for each component: its value and the change since the last iteration.

Ctrl+C copies the whole table (or the components chosen) with full precision, tab-separated, for a spreadsheet.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
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
from emstudio.core.format import MINUS, number, signed
from emstudio.core.history import Node
from emstudio.gui import theme
from emstudio.gui.refresh import Refresher
from emstudio.gui.widgets import paint_disc, plain_table, text
from emstudio.session import Session

Index = QModelIndex | QPersistentModelIndex
DELTA = "\u0394"
NOISE = 1e-6  # a smaller change, relative to the value, is shown as none; the tooltip has it


@dataclass(frozen=True, eq=False)
class Rows:
    """What the table shows: names (R,), values (R, K), their changes (R, K) or None, and since when."""

    names: tuple[str, ...] = ()
    values: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    changes: np.ndarray | None = None
    since: str = ""


def rows_of(node: Node) -> Rows:
    """The parameters of a node's moment, with their change since the parameters of the iteration before."""
    moment = node.moment
    if moment.snapshot.params is None:
        return Rows()
    named = moment.model.table(moment.data, moment.snapshot.params)
    values = np.array([v for _, v in named], float)
    names = tuple(name for name, _ in named)
    before = previous(node)
    if before is None:
        return Rows(names, values)
    old = before.model.table(moment.data, before.snapshot.params)
    if tuple(name for name, _ in old) != names:
        return Rows(names, values)
    s = before.snapshot
    since = before.label if s.phase in ("start", "edit") else f"M{s.t}"
    return Rows(names, values, values - np.array([v for _, v in old], float), since)


def previous(node: Node) -> Moment | None:
    """The moment whose parameters were replaced by those shown, on the same run; None at a start."""
    own: Any = node.moment.snapshot.params
    at: Node | None = node
    while at is not None and at.moment.snapshot.params is own:
        if at.moment.snapshot.phase == "start":
            return None
        at = at.parent
    if at is None or at.moment.snapshot.params is None or at.moment.model != node.moment.model:
        return None
    return at.moment


class Table(QAbstractTableModel):
    """Columns: value and change of component 0, value and change of component 1, ..."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = Rows()

    def show_rows(self, rows: Rows) -> None:
        """Show other numbers; the view keeps its place and its selection where the shape is the same."""
        same = rows.names == self.rows.names and rows.values.shape == self.rows.values.shape
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
                return "" if change is None else delta(change, value)
            return level(value)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.FontRole:
            return theme.font(11) if is_change else theme.font(12, 500)
        if role == Qt.ItemDataRole.ForegroundRole:
            return theme.colour("text3" if is_change else "text")
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            words = f"{self.rows.names[index.row()]} of {theme.letter(component)}: {number(value, 12, trim=True)}"
            if change is not None:
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
            return DELTA if is_change else theme.letter(component)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            name = theme.letter(component)
            return f"Change of component {name} since {self.rows.since}" if is_change else f"Component {name}"
        return None


def level(value: float) -> str:
    """A value to four figures, to two where it would be too long for its column: 9.5e−18."""
    words = number(value)
    return words if len(words) <= 7 or "e" not in words else number(value, 2)


def delta(change: float, value: float) -> str:
    """A change in at most six signs, no finer than the value beside it is shown: +0.005, −2.00, +3e−5."""
    if not np.isfinite(change):
        return number(change)
    size = max(abs(change), abs(value))
    if abs(change) <= NOISE * size:
        return "0"
    decimals = 3 if size < 1 else 2 if size < 100 else 1 if size < 1000 else 0
    if abs(change) >= 0.5 * 10.0**-decimals:
        return signed(change, decimals=decimals)
    if abs(change) >= 9.5e-4:
        return signed(change, 1)
    mantissa, power = f"{abs(change):.0e}".split("e")
    return f"{'+' if change > 0 else MINUS}{mantissa}e{int(power)}".replace("-", MINUS)


class _Header(QHeaderView):
    """The components' letters on their discs; between them the sign of change."""

    HEIGHT = 26

    def __init__(self, parent: QWidget):
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)

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
        else:
            centre = rect.toRectF().center()
            centre.setX(rect.right() - 13)
            paint_disc(painter, centre, 18, component)


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
        self.setHorizontalHeader(_Header(self))
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
        self.selectionModel().selectionChanged.connect(self._on_selection)
        self._component: int | None = None
        self._with_changes = True

    def _measure(self) -> None:
        """Columns as wide as their widest number may become: the table does not jiggle while the run is on.

        Room that is left is shared out. Where there is not enough for three components or more, their changes give way
        to the values (the tooltip has them); then the table scrolls.
        """
        large, small = QFontMetricsF(theme.font(12, 500)), QFontMetricsF(theme.font(11))
        template = ["\u22120.0000", *(level(v) for v in self.table.rows.values.ravel().tolist())]
        components = self.table.columnCount() // 2
        value = math.ceil(max(map(large.horizontalAdvance, template)) + 7)
        change = math.ceil(small.horizontalAdvance("\u22120.000") + 7)
        longest = math.ceil(max((large.horizontalAdvance(n) for n in self.table.rows.names), default=0.0))
        names = min(max(longest + 16, 72), 132)
        whole = self.width() - 2 * self.frameWidth() - 12  # less the scroll bar
        room = whole - components * (value + change)
        if components > 2 and room < names:
            names = max(min(names, 104), min(names, room))
        self._with_changes = components <= 2 or room >= names
        shown = components * (2 if self._with_changes else 1)
        left = whole - names - components * (value + change * self._with_changes)
        extra = min(left // shown, 24) if components and left > 0 else 0
        for column in range(2 * components):
            self.setColumnHidden(column, column % 2 == 1 and not self._with_changes)
            self.setColumnWidth(column, (change if column % 2 else value) + extra)
        self.verticalHeader().setFixedWidth(names)
        self.corner.setGeometry(8, 2, names, _Header.HEIGHT)
        self.corner.setVisible(self._with_changes)

    def _on_reset(self) -> None:
        self._measure()
        self.updateGeometry()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._measure()

    def sizeHint(self) -> QSize:
        rows = _Header.HEIGHT + 24 * self.table.rowCount() + 14
        return QSize(296, min(max(rows, 96), 420))

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
        self.view.table.show_rows(rows)
        self.view.corner.setText(f"{DELTA} since {rows.since}" if rows.since else "")
        self.view.setVisible(bool(rows.names))
        self.hint.setVisible(not rows.names)

    def text(self) -> str:
        """The whole table, or the components chosen, tab-separated with headers and all digits."""
        rows = self.view.table.rows
        components = self.view.components() or range(rows.values.shape[1])
        lines = ["\t".join(["parameter", *(theme.letter(k) for k in components)])]
        for name, values in zip(rows.names, rows.values):
            cells = [repr(float(values[k])) for k in components]
            lines.append("\t".join([" ".join(name.split()), *cells]))
        return "\n".join(lines) + "\n"

    def copy(self) -> None:
        """Put `text()` on the clipboard."""
        if self.view.table.rows.names:
            QGuiApplication.clipboard().setText(self.text())
