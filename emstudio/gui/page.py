"""A page of the stage: the widget of a kind of view that the canvas does not draw; and how it is painted for a file."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QRegion
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QScrollBar, QWidget

from emstudio.gui import paper, theme, vector

_PRESSED = (QAbstractButton, QLineEdit, QScrollBar)  # what means nothing in a picture


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

    def paint_on(self, painter: QPainter) -> None:
        """Paint what is shown, as large as it is shown, without what can only be pressed."""
        painter.fillRect(QRectF(self.rect()), theme.colour("canvas"))
        paint_children(self, painter)

    def render(self, width: int, height: int, scale: float = 1.0) -> QImage:  # type: ignore[override]
        """What is shown as a picture of `scale` pixels to a logical one, as large as it is shown."""
        return paper.pixels(self.width(), self.height(), self.paint_on, scale)


def paint_children(widget: QWidget, painter: QPainter) -> None:
    """Paint the visible children of a widget where they stand, and theirs on top; of a choice what is chosen."""
    for child in widget.children():
        if not isinstance(child, QWidget) or child.isWindow() or not child.isVisibleTo(widget):
            continue
        words = _chosen(child)
        if (isinstance(child, _PRESSED) and words is None) or child.size().isEmpty():
            continue
        with vector.framed(painter, QRectF(child.geometry())):
            if words is not None:
                painter.setFont(child.font())
                painter.setPen(theme.colour("text"))
                painter.drawText(QRectF(child.rect()).adjusted(4, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, words)
                continue
            paint_widget(child, painter)
            paint_children(child, painter)


def _chosen(widget: QWidget) -> str | None:
    """What of a choice is chosen, in words; None where it is none."""
    if isinstance(widget, QComboBox):
        return widget.currentText()
    chosen = isinstance(widget, QAbstractButton) and widget.isCheckable() and widget.isChecked()
    return widget.text() or None if chosen else None  # type: ignore[attr-defined]


def paint_widget(widget: QWidget, painter: QPainter) -> None:
    """Paint a widget alone; one that keeps an image of itself for the screen has a way of its own, `paint_on`."""
    own = getattr(widget, "paint_on", None)
    if own is not None:
        own(painter)
    else:
        QWidget.render(widget, painter, QPoint(0, 0), QRegion(), QWidget.RenderFlag(0))
