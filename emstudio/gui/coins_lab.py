"""The coins laboratory: trials above, biases and landscape below; each of these two can also have the whole room."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from emstudio.core.em import Moment
from emstudio.core.marks import View
from emstudio.gui.biases_view import Biases
from emstudio.gui.coins_view import FOOT, HEAD, Trials
from emstudio.gui.landscape import LandscapeView
from emstudio.gui.page import Page
from emstudio.gui.refresh import Refresher
from emstudio.gui.trial_rows import PITCH
from emstudio.gui.widgets import hline
from emstudio.session import Session

_MOST = 0.5  # of the height that the trials may take
_LOWER = 240  # px that biases and landscape get where there is room
_LEAST = 210  # px that they get at least; a lower window scrolls
KINDS = ("coins", "biases", "landscape")


class CoinsLab(Page):
    """What the window's middle shows of coins."""

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__("coins_lab", parent)
        self._kind = "coins"
        self.trials = Trials(session, refresher)
        self.biases = Biases(session, refresher)
        self.landscape = LandscapeView(session, refresher)
        self._above = hline()
        self._between = QFrame()
        self._between.setProperty("hairline", True)
        self._between.setFixedWidth(1)
        self._lower = QWidget()
        row = QHBoxLayout(self._lower)
        row.setContentsMargins(0, 6, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.biases, 52)
        row.addWidget(self._between)
        row.addWidget(self.landscape, 48)
        self._inner = QWidget()
        column = QVBoxLayout(self._inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.trials)
        column.addWidget(self._above)
        column.addWidget(self._lower, 1)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self._inner)
        area.viewport().setAutoFillBackground(False)
        self._inner.setAutoFillBackground(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)
        self.trials.hovered.connect(self.hovered)
        self.trials.picked.connect(self._on_picked)
        self.trials.spot.connect(self.spot)
        self.biases.component_picked.connect(self.component_picked)
        refresher.draw.connect(self._on_draw)
        self._share()

    @property
    def kind(self) -> str:
        return self._kind

    def set_view(self, view: View) -> None:
        """All of it (`coins`), or `biases` or `landscape` alone."""
        self._kind = view.kind
        whole = view.kind == "coins"
        for part, on in (
            (self.trials, whole),
            (self._above, whole),
            (self.biases, view.kind != "landscape"),
            (self._between, whole),
            (self.landscape, view.kind != "biases"),
        ):
            part.setVisible(on)
        self._share()

    def pick_row(self, row: int | None) -> None:
        """Pick a trial; `picked` follows."""
        self.trials.pick_row(row)

    def pick_component(self, k: int | None) -> None:
        """Ring a coin's letter."""
        self.biases.pick_component(k)

    def delete_selected(self) -> None:
        """Take the picked trial away."""
        self.trials.delete_selected()

    def set_motion(self, on: bool) -> None:
        """Whether changes are seen on their way."""
        self.trials.set_motion(on)

    def _on_picked(self, row: int | None) -> None:
        self.picked.emit(row)
        self.selection_changed.emit(0 if row is None else 1)

    def _on_draw(self, moment: Moment) -> None:
        self._share()

    def _share(self) -> None:
        """The trials get what they need, up to a share of the height; what they leave is for the pictures below."""
        whole = self._kind == "coins"
        least = HEAD + FOOT + 2 * PITCH + self.trials.bar_height
        self._inner.setMinimumHeight(round(_LEAST + (least if whole else 0)))
        height = max(self.height(), self._inner.minimumHeight())
        most = max(min(height * _MOST, height - _LOWER), least)
        self.trials.setFixedHeight(round(min(self.trials.natural_height, most)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share()


__all__ = ["KINDS", "CoinsLab"]
