"""A page of the stage: the widget of a kind of view that the canvas does not draw."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget


class Page(QWidget):
    """What all pages tell the window, on the surface that the canvas has; `gui/stage.py` says what each must answer."""

    hovered = Signal(object)
    picked = Signal(object)
    spot = Signal(object)
    component_picked = Signal(object)
    selection_changed = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName(name)
        self.setProperty("surface", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
