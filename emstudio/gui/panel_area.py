"""A panel that scrolls where its dock is too low for it; the scroll bar takes its room from the margin, not the fields."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QScrollArea, QWidget


class PanelArea(QScrollArea):
    """Holds `panel`, as wide as the dock; only up and down is scrolled."""

    def __init__(self, panel: QWidget, parent: QWidget | None = None):
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = panel.layout()
        self._margin = layout.contentsMargins().right() if layout is not None else 0
        self.setWidget(panel)
        self.setMinimumWidth(panel.minimumSizeHint().width())
        self.verticalScrollBar().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.verticalScrollBar() and event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self._make_room()
        return super().eventFilter(watched, event)

    def _make_room(self) -> None:
        bar, panel = self.verticalScrollBar(), self.widget()
        layout = panel.layout() if panel is not None else None
        if layout is not None:
            taken = bar.sizeHint().width() if bar.isVisibleTo(self) else 0
            margins = layout.contentsMargins()
            margins.setRight(max(0, self._margin - taken))
            layout.setContentsMargins(margins)
