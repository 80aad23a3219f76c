"""Small windows that open beside their button and close by themselves: the columns to fit, the rows left out."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from emstudio.core.data import Dataset
from emstudio.gui import theme
from emstudio.gui.widgets import text

_AT_MOST = 1000  # rows listed


class Popup(QFrame):
    """A card below its anchor; Escape or a click elsewhere closes it."""

    def __init__(self, title: str, parent: QWidget):
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("surface", "card")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(title)
        self.setMinimumWidth(248)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(16, 12, 16, 16)
        self.column.setSpacing(8)
        self.column.addWidget(text(title, "title"))
        self.list = QListWidget()
        self.list.setAccessibleName(title)
        self.list.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)

    def open_below(self, anchor: QWidget) -> None:
        """Show it under `anchor`, inside the screen."""
        self.list.setFixedHeight(min(max(self.list.count(), 2) * 26 + 6, 320))
        self.adjustSize()
        place = anchor.mapToGlobal(QPoint(0, anchor.height() + 4))
        screen = anchor.screen().availableGeometry()
        place.setX(max(screen.left(), min(place.x(), screen.right() - self.width())))
        place.setY(max(screen.top(), min(place.y(), screen.bottom() - self.height())))
        self.move(place)
        self.show()
        self.list.setFocus()


class ColumnsPopup(Popup):
    """Which columns of the table are fitted, those of text where the model takes `texts`. `chosen(names)` after the button."""

    chosen = Signal(list)

    def __init__(self, data: Dataset, parent: QWidget, texts: bool = False):
        super().__init__("Columns to fit", parent)
        self.setObjectName("columns_popup")
        roles = {data.sequence: "series", data.time: "time", data.weighing: "weights"}
        for c in data.table.columns:
            role = roles.get(c.name, "" if c.numeric else "text")
            item = QListWidgetItem(c.title + (f"  ({role})" if role else ""))
            item.setData(Qt.ItemDataRole.UserRole, c.name)
            if c.name in roles:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
                item.setToolTip(f"Taken as the {role}, and so not fitted")
            elif c.numeric or texts:
                item.setFlags(
                    Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable
                )
                item.setCheckState(Qt.CheckState.Checked if c.name in data.names else Qt.CheckState.Unchecked)
            else:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
                item.setToolTip("Text is never fitted; it can serve as the truth")
            self.list.addItem(item)
        self.list.itemChanged.connect(self._check)
        self.column.addWidget(self.list)
        self.button = QPushButton("Fit these columns")
        self.button.setObjectName("columns_apply")
        self.button.setDefault(True)
        self.button.clicked.connect(self._apply)
        self.column.addWidget(self.button)
        self._check()

    def names(self) -> list[str]:
        """The columns that are checked, in the table's order."""
        items = (self.list.item(i) for i in range(self.list.count()))
        return [i.data(Qt.ItemDataRole.UserRole) for i in items if i.checkState() == Qt.CheckState.Checked]

    def _check(self) -> None:
        self.button.setEnabled(bool(self.names()))

    def _apply(self) -> None:
        names = self.names()
        self.close()
        self.chosen.emit(names)


class LeftOutPopup(Popup):
    """The rows left out because a cell is missing, and which cell."""

    def __init__(self, data: Dataset, parent: QWidget):
        super().__init__(f"{theme.count(len(data.dropped))} rows left out: a cell is missing", parent)
        self.setObjectName("left_out_popup")
        needed = [*data.columns, *(c for c in data.table.columns if c.name == data.weighing)]
        missing = {c.name: np.isnan(c.values) for c in needed}
        for row in data.dropped[:_AT_MOST]:
            cells = ", ".join(data.table.column(name).title for name, gone in missing.items() if gone[row])
            self.list.addItem(f"row {theme.count(int(row) + 1)}: {cells}")
        if len(data.dropped) > _AT_MOST:
            self.list.addItem(f"and {theme.count(len(data.dropped) - _AT_MOST)} more")
        self.column.addWidget(self.list)
