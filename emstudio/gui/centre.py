"""The middle of the window: view tabs, caption, the bar for trouble, the view, and the objective over its timeline."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QTabBar, QVBoxLayout, QWidget

from emstudio.gui.actions import Actions
from emstudio.gui.caption import CaptionBar
from emstudio.gui.objective import Objective
from emstudio.gui.refresh import Refresher
from emstudio.gui.stage import Stage
from emstudio.gui.timeline import Timeline
from emstudio.gui.trouble import TroubleBar
from emstudio.gui.views import Views
from emstudio.gui.widgets import IconButton, hline
from emstudio.session import Session

_OBJECTIVE_LEAST = 129  # px, under a laboratory
_CANVAS_SHARE, _OBJECTIVE_SHARE = 68, 32  # of what tabs and caption leave: 72 to 28 of the whole


class ViewBar(QWidget):
    """One tab for each view that the model offers, and the canvas's own icons."""

    def __init__(self, views: Views, actions: Actions, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("view_bar")
        self.setFixedHeight(40)
        self._views = views
        self.tabs = QTabBar()
        self.tabs.setObjectName("view_tabs")
        self.tabs.setAccessibleName("Views")
        self.tabs.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(4)
        row.addWidget(self.tabs, 1, Qt.AlignmentFlag.AlignBottom)
        for name in ("equal", "fit_view"):
            button = IconButton(action=actions[name])
            button.setObjectName(f"button_{name}")
            row.addWidget(button)
        self._filling = False
        self.tabs.currentChanged.connect(self._chosen)
        views.offered.connect(self._fill)
        views.changed.connect(lambda view: self._mark())
        self._fill()

    def _fill(self) -> None:
        self._filling = True
        while self.tabs.count():
            self.tabs.removeTab(0)
        for view in self._views.views:
            self.tabs.addTab(view.title or view.kind.capitalize())
        self._filling = False
        self._mark()

    def _mark(self) -> None:
        self._filling = True
        self.tabs.setCurrentIndex(self._views.index())
        self._filling = False

    def _chosen(self, index: int) -> None:
        if not self._filling and index >= 0:
            self._views.choose(index)


class Centre(QWidget):
    """The central widget; its parts are attributes."""

    def __init__(
        self, session: Session, refresher: Refresher, views: Views, actions: Actions, parent: QWidget | None = None
    ):
        super().__init__(parent)
        self.setObjectName("centre")
        self.setProperty("surface", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.view_bar = ViewBar(views, actions)
        self.caption = CaptionBar(session, refresher)
        self.trouble = TroubleBar()
        self.stage = Stage(session, refresher)
        self.canvas = self.stage.canvas
        self.objective = Objective(session, refresher)
        self.timeline = Timeline(session, refresher)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.view_bar, hline(), self.caption):
            column.addWidget(widget)
        self._bar = QHBoxLayout()
        self._bar.setContentsMargins(16, 0, 16, 0)
        self._bar.addWidget(self.trouble)
        self.trouble.installEventFilter(self)
        column.addLayout(self._bar)
        lower = QWidget()
        below = QVBoxLayout(lower)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(0)
        below.addWidget(self.objective, 1)
        below.addWidget(self.timeline)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setObjectName("splitter")
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(1)
        self.splitter.addWidget(self.stage)
        self.splitter.addWidget(lower)
        self.splitter.setStretchFactor(0, _CANVAS_SHARE)
        self.splitter.setStretchFactor(1, _OBJECTIVE_SHARE)
        column.addWidget(self.splitter, 1)
        self._sizes: dict[QWidget, list[int]] = {}  # of canvas and objective, by the widget that shows the view
        self._page = self.stage.page
        self.stage.changed.connect(self._on_page)
        self.reset()

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.ShowToParent, QEvent.Type.HideToParent):
            shown = event.type() == QEvent.Type.ShowToParent
            self._bar.setContentsMargins(16, 0, 16, 8 if shown else 0)  # without trouble no gap is left for it
        return super().eventFilter(watched, event)  # type: ignore[arg-type]

    def reset(self) -> None:
        """Canvas and objective in the proportion they have at first."""
        self._sizes.clear()
        if self.stage.page is self.canvas:
            self.splitter.setSizes([_CANVAS_SHARE * 10, _OBJECTIVE_SHARE * 10])
        else:
            height = sum(self.splitter.sizes())
            self.splitter.setSizes([max(height - _OBJECTIVE_LEAST, 1), _OBJECTIVE_LEAST])

    def _on_page(self) -> None:
        """Each widget keeps the room that a person gave it; one that is more than a plot starts with a low objective."""
        self._sizes[self._page] = self.splitter.sizes()
        self._page = self.stage.page
        if self._page in self._sizes:
            self.splitter.setSizes(self._sizes[self._page])
        else:
            kept = dict(self._sizes)
            self.reset()
            self._sizes = kept

    def hosts(self) -> list[QWidget]:
        """The widgets to which the single keys belong."""
        return [self.stage, self.objective, self.timeline]
