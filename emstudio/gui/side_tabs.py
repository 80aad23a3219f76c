"""A dock of several pages: its title is their tabs, as high as other titles."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QStackedWidget, QTabBar, QWidget

from emstudio.gui.panel_area import PanelArea
from emstudio.gui.widgets import DockTitle


class SidePages(QStackedWidget):
    """One panel above the other; the dock is as high as the one on top needs."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.names: list[str] = []
        self.areas: dict[str, PanelArea] = {}

    def add(self, name: str, panel: QWidget) -> None:
        """Put `panel` under the tab `name`; it scrolls where the dock is too low for it."""
        panel.setProperty("surface", "panel")
        panel.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        area = PanelArea(panel)
        self.names.append(name)
        self.areas[name] = area
        self.addWidget(area)

    def show_page(self, name: str) -> None:
        self.setCurrentIndex(self.names.index(name))


class TabTitle(DockTitle):
    """The tabs of `pages` in place of a title."""

    def __init__(self, dock: QDockWidget, pages: SidePages, actions: Sequence[QAction] = ()):
        super().__init__(dock, actions)
        self.tabs = QTabBar()
        self.tabs.setObjectName("side_tabs")
        self.tabs.setAccessibleName("Panels on the right")
        self.tabs.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(True)
        for name in pages.names:
            self.tabs.addTab(name)
        row = self.layout()
        assert isinstance(row, QHBoxLayout)
        self._title.hide()
        row.insertWidget(0, self.tabs, 0, Qt.AlignmentFlag.AlignBottom)
        self.tabs.currentChanged.connect(pages.setCurrentIndex)
        pages.currentChanged.connect(self.tabs.setCurrentIndex)
