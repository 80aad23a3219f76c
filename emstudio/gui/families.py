"""Which family each column of a product mixture has: a line for every column, its name and a choice.

field = Families(session)
field.show_text("minutes:gaussian,refills:poisson")      quietly
field.changed.connect(slot)                              the same text with another choice
"""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from emstudio.core.data import Column
from emstudio.core.errors import UserError
from emstudio.gui.form import Combo, combo
from emstudio.gui.widgets import LabeledRow
from emstudio.models.product_columns import parse, written
from emstudio.session import Session

TITLES = {"gaussian": "Gaussian", "poisson": "Poisson", "categorical": "Categories"}
_NAME = 76  # px of a column's name


class Families(QWidget):
    """The choices, in the order of the columns: of each column the families that its cells can be of."""

    changed = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None):
        super().__init__(parent)
        self._session = session
        self.boxes: dict[str, Combo] = {}
        self._titles: dict[str, str] = {}  # of the columns
        self._rows: list[LabeledRow] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)

    def show_text(self, words: str) -> None:
        """Show the families that `words` give."""
        given = parse(words)
        titles = {name: self._title(name) for name in given}
        if list(titles.items()) != list(self._titles.items()):
            self._titles = titles
            self._make(given)
        for name, family in given.items():
            with QSignalBlocker(self.boxes[name]):
                self.boxes[name].setCurrentIndex(self.boxes[name].findData(family))

    def text(self) -> str:
        """The choices as the parameter has them."""
        return written([(name, box.currentData()) for name, box in self.boxes.items()])

    def _title(self, name: str) -> str:
        column = self._of(name)
        return name if column is None else column.title

    def _make(self, given: dict[str, str]) -> None:
        for row in self._rows:
            self._column.removeWidget(row)
            row.deleteLater()
        self._rows = []
        self.boxes = {}
        for i, (name, title) in enumerate(self._titles.items()):
            column = self._of(name)
            box = combo(f"family_{i}")
            for family, shown in TITLES.items():
                if column is None or family in _able(column) or family == given[name]:
                    box.addItem(shown, family)
            box.setAccessibleName(f"Family of {title}")
            box.setToolTip(f"<qt>What {escape(title)} is drawn from within a component</qt>")
            box.activated.connect(lambda _: self.changed.emit(self.text()))
            row = LabeledRow(title, box)
            row.label.setText(row.label.fontMetrics().elidedText(title, Qt.TextElideMode.ElideMiddle, _NAME))
            row.label.setToolTip(f"<qt>{escape(title)}</qt>")
            self._column.addWidget(row)
            self._rows.append(row)
            self.boxes[name] = box
        self.setVisible(bool(self._titles))

    def _of(self, name: str) -> Column | None:
        try:
            return self._session.data.table.column(name)
        except UserError:
            return None


def _able(column: Column) -> tuple[str, ...]:
    """The families of what a column holds: text is categories, and only whole numbers are counts."""
    if not column.numeric:
        return ("categorical",)
    return tuple(TITLES) if column.kind == "count" else ("gaussian", "categorical")
