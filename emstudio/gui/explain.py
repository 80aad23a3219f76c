"""The Explain panel: why a point has its colour, and how far the bound is below the log-likelihood."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from emstudio.core.data import Dataset
from emstudio.gui.chain_explain import ChainSections
from emstudio.gui.gapbars import GapBars
from emstudio.gui.inspector import Inspector
from emstudio.gui.mstep import MStepRule
from emstudio.gui.refresh import Refresher
from emstudio.gui.widgets import hline
from emstudio.session import Session


class _Upper(QStackedWidget):
    """As high as the higher of its pages, and some px higher where these are to spare."""

    def __init__(self) -> None:
        super().__init__()
        self._spare = 0

    def give(self, px: int) -> None:
        if px != self._spare:
            self._spare = px
            self.updateGeometry()

    def least(self) -> int:
        return super().sizeHint().height()

    def sizeHint(self) -> QSize:
        size = super().sizeHint()
        return QSize(size.width(), size.height() + self._spare)


class Explain(QWidget):
    """What is picked stays; what is pointed at is shown for as long."""

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("explain_panel")
        self.inspector = Inspector(session, refresher)
        self.chain = ChainSections(session, refresher)
        self.rule = MStepRule(session, refresher)
        self.bars = GapBars(session, refresher)
        self._picked: int | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(0)
        self._upper = _Upper()  # as high as the higher of both: what stands below does not jump
        self._upper.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._upper.addWidget(self.inspector)
        self._upper.addWidget(self.rule)
        column.addWidget(self._upper)
        column.addWidget(self.chain)
        line = hline()
        column.addWidget(line)
        column.addWidget(self.bars, 1)
        refresher.draw.connect(lambda moment: line.setVisible(moment.model.cost is None))  # as the bars are
        column.addStretch(0)
        self._rows = session.data.n
        self.rule.changed.connect(self._turn)
        session.data_changed.connect(self._on_data)
        self._turn()

    def _turn(self) -> None:
        """A point that is picked or pointed at comes first; else the M-step is told, where there is one."""
        told = self.rule.told and not self.inspector.occupied
        self._upper.setCurrentWidget(self.rule if told else self.inspector)

    def pick_component(self, k: int | None) -> None:
        """Write out the M-step of component `k`."""
        self.rule.pick_component(k)

    def spare(self, px: int) -> None:
        """The upper part may be so much higher than a point would need; where there is less room after all, it is not."""
        self._upper.give(px)

    def grown(self, px: int) -> int:
        """What of `px` more the upper part would use to tell more of the M-step: the most that is of use."""
        more = [h - self._upper.least() for h in self.rule.heights()]
        return next((m for m in more if 0 < m <= px), 0)

    def add(self, section: QWidget) -> None:
        """Put another section below the bars."""
        column = self.layout()
        column.insertWidget(column.count() - 1, section)  # type: ignore[union-attr]

    def pick(self, row: int | None) -> None:
        """Explain row `row` of the dataset until another is picked."""
        self._picked = row
        self.inspector.show_row(row)
        self._turn()

    def hover(self, row: int | None) -> None:
        """Explain row `row` while the pointer is on it."""
        self.inspector.show_row(self._picked if row is None else row)
        self._turn()

    def spot(self, values: object) -> None:
        """Explain what the responsibilities would be at an empty spot; None goes back to what is picked."""
        if values is None:
            self.inspector.show_row(self._picked)
        else:
            self.inspector.show_spot(values)
        self._turn()

    def _on_data(self, data: Dataset) -> None:
        """Rows of other data are other points."""
        if data.n != self._rows:
            self._picked = None
        self._rows = data.n
        self._turn()
