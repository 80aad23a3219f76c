"""Buttons of the chrome. Use them through `emstudio.gui.widgets`.

PrimaryButton   the one filled button: what the next half-step is
RunButton       Run or Pause, bordered, never changing its width
IconButton      an icon of 32 px, flat until pointed at; or an action of the menu shown as one
SegmentedTools  actions of which exactly one is on, as a group of icons
Stepper         a small whole number between minus and plus
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QColor,
    QFontMetricsF,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QHBoxLayout,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QWidget,
)

from emstudio.gui import icons, theme


def tooltip(text: str, key: QKeySequence | str | None = None) -> str:
    """A tooltip with its key behind it, as plain text."""
    keys = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) if key else ""
    return f"{text} ({keys})" if keys else text


class PrimaryButton(QAbstractButton):
    """The big button that is labelled with the next half-step: icon, name and key cap on ink, 148 x 36."""

    HEIGHT, WIDTH, RADIUS = 36, 148, 8

    def __init__(self, icon: str = "e-step", text: str = "E-step", key: str = "\u2192", parent: QWidget | None = None):
        super().__init__(parent)
        self._icon, self._key = icon, key
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.show_step(icon, text)

    def show_step(self, icon: str, text: str, tip: str = "") -> None:
        """Label the button with another half-step: "m-step", "M-step"."""
        self._icon = icon
        self.setText(text)
        self.setAccessibleName(f"Next half-step: {text}")
        self.setToolTip(tooltip(tip or f"Do the next half-step, the {text}", self._key_sequence()))
        if self.sizeHint() != self.minimumSize():
            self.setFixedSize(self.sizeHint())  # of fixed size, or the window would be laid out at every half-step
        self.update()

    def icon_name(self) -> str:
        """The drawing shown."""
        return self._icon

    def _key_sequence(self) -> str:
        return {"\u2192": "Right"}.get(self._key, self._key)

    def _fonts(self):
        return theme.font(14, 600), theme.font(12, 500)

    def sizeHint(self) -> QSize:
        name, cap = self._fonts()
        needed = 14 + 20 + 10 + QFontMetricsF(name).horizontalAdvance(self.text()) + 12
        needed += max(22.0, QFontMetricsF(cap).horizontalAdvance(self._key) + 10) + 8
        return QSize(max(self.WIDTH, int(needed + 0.999)), self.HEIGHT)

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill, on = theme.colour("ink"), theme.colour("on_ink")
        if not self.isEnabled():
            fill, on = theme.colour("chip"), theme.colour("text3")
        elif self.isDown():
            fill = _mixed(fill, on, 0.22)
        elif self.underMouse():
            fill = _mixed(fill, on, 0.12)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawRoundedRect(QRectF(self.rect()), self.RADIUS, self.RADIUS)
        if self.hasFocus():
            # On ink an ink border would not show: a gap inside makes it one.
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(on, 1.5))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(2.75, 2.75, -2.75, -2.75), 5.5, 5.5)
        self._paint_face(painter, on)

    def _paint_face(self, painter: QPainter, on: QColor) -> None:
        name, cap = self._fonts()
        middle = self.height() / 2
        icons.paint(painter, QRectF(14, middle - 10, 20, 20), self._icon, on)
        key_width = max(22.0, QFontMetricsF(cap).horizontalAdvance(self._key) + 10)
        key = QRectF(self.width() - 8 - key_width, middle - 10, key_width, 20)
        painter.setPen(on)
        painter.setFont(name)
        painter.drawText(QRectF(40, 0, key.left() - 44, self.height()), Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(on.red(), on.green(), on.blue(), 46))
        painter.drawRoundedRect(key, 4, 4)
        painter.setPen(on)
        painter.setFont(cap)
        painter.drawText(key, Qt.AlignmentFlag.AlignCenter, self._key)


def _mixed(one: QColor, other: QColor, share: float) -> QColor:
    a, b = one.getRgbF(), other.getRgbF()
    return QColor.fromRgbF(*(x + (y - x) * share for x, y in zip(a[:3], b[:3], strict=True)))


class IconButton(QToolButton):
    """An icon of 20 px in a flat field of 32 px; `checkable` ones keep a border while on.

    Give it a name, which becomes tooltip and accessible name, or an action of the menu, whose state it shares.
    """

    def __init__(
        self,
        icon: str = "",
        name: str = "",
        *,
        action: QAction | None = None,
        checkable: bool = False,
        parent: QWidget | None = None,
    ):
        super().__init__(parent)
        self.setIconSize(QSize(20, 20))
        self.setFixedSize(32, 32)
        self.setAutoRaise(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        if action is not None:
            self.setDefaultAction(action)
            action.changed.connect(self._follow)
            self._follow()
        else:
            self.setIcon(icons.icon(icon))
            self.setCheckable(checkable)
            self.setToolTip(name)
            self.setAccessibleName(name)

    def _follow(self) -> None:
        action = self.defaultAction()
        name = action.text().replace("&", "").rstrip("\u2026.")
        self.setAccessibleName(name)
        if action.toolTip().rstrip("\u2026.") in ("", name):
            self.setToolTip(tooltip(name, action.shortcut()))


class RunButton(QAbstractButton):
    """Run or Pause with its icon, bordered; as wide as the longer of its two names, so that nothing jumps."""

    FACES = (("run", "Run"), ("pause", "Pause"))

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._running = False
        self.set_running(False)

    def set_running(self, running: bool) -> None:
        """Show "Pause" while a run is on, else "Run"."""
        self._running = running
        name = self.FACES[running][1]
        self.setText(name)
        self.setAccessibleName(name)
        self.setToolTip(tooltip("Pause the run" if running else "Run to convergence, step by step", "Space"))
        self.update()

    def is_running(self) -> bool:
        """Whether it says "Pause"."""
        return self._running

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(theme.font(13, 500))
        widest = max(metrics.horizontalAdvance(name) for _, name in self.FACES)
        return QSize(int(16 + 16 + 6 + widest + 16 + 0.999), 32)

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        role = "chip" if not self.isEnabled() else "pressed" if self.isDown() else "field"
        if role == "field" and self.underMouse():
            role = "hover"
        width = 2.0 if self.hasFocus() else 1.0
        inset = width / 2
        painter.setBrush(theme.colour(role))
        painter.setPen(QPen(theme.colour("ink" if self.hasFocus() else "border"), width))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), 6, 6)
        self._paint_face(painter)

    def _paint_face(self, painter: QPainter) -> None:
        drawing, name = self.FACES[self._running]
        ink = theme.colour("text" if self.isEnabled() else "text3")
        face = theme.font(13, 500)
        text = QFontMetricsF(face).horizontalAdvance(name)
        left = (self.width() - (16 + 6 + text)) / 2
        icons.paint(painter, QRectF(left, self.height() / 2 - 8, 16, 16), drawing, ink)
        painter.setFont(face)
        painter.setPen(ink)
        painter.drawText(QRectF(left + 22, 0, text + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, name)


class SegmentedTools(QWidget):
    """Checkable actions side by side, exactly one of them on. Left and Right move between them.

    The actions are those of the menu: choosing there shows here, and `chosen` is emitted either way.
    """

    chosen = Signal(QAction)

    def __init__(self, actions: Sequence[QAction], name: str, parent: QWidget | None = None):
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setProperty("surface", "chip")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(0)
        self._group = QActionGroup(self)
        self._buttons = []
        for action in actions:
            action.setCheckable(True)
            self._group.addAction(action)
            button = IconButton(action=action)
            button.installEventFilter(self)
            self._buttons.append(button)
            row.addWidget(button)
        if self._group.checkedAction() is None and actions:
            actions[0].setChecked(True)
        # `toggled` and not `triggered`: a tool may also be chosen by the program.
        for action in actions:
            action.toggled.connect(lambda on, action=action: self.chosen.emit(action) if on else None)

    def current(self) -> QAction | None:
        """The action that is on."""
        return self._group.checkedAction()

    def buttons(self) -> list[IconButton]:
        """The icons, in the order of the actions."""
        return list(self._buttons)

    def eventFilter(self, watched, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = 1 if event.key() == Qt.Key.Key_Right else -1
            neighbour = self._buttons[(self._buttons.index(watched) + step) % len(self._buttons)]
            neighbour.setFocus(Qt.FocusReason.TabFocusReason)
            neighbour.click()
            return True
        return super().eventFilter(watched, event)


def tidy_spin(box: QAbstractSpinBox, width: int = 72) -> QAbstractSpinBox:
    """Give a spin box the house look and manners; returns it.

    Text as far from the border as in other fields (a style sheet cannot say that), at least `width` px wide whatever
    its range, and only complete numbers are announced.
    """
    box.lineEdit().setTextMargins(8, 0, 0, 0)
    box.setKeyboardTracking(False)
    box.setMinimumWidth(width)
    return box


class Stepper(QWidget):
    """A whole number between a minus and a plus button; one may type it, too.

    `valueChanged(int)` is emitted once for each new number, while typing only when it is complete.
    """

    valueChanged = Signal(int)

    def __init__(self, low: int, high: int, value: int, name: str, parent: QWidget | None = None):
        super().__init__(parent)
        self.field = QSpinBox()
        self.field.setProperty("plain", True)
        self.field.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.field.setKeyboardTracking(False)
        self.field.setFixedWidth(40)
        self.field.setAccessibleName(name)
        self.less = self._button("minus", f"{name}: one less", -1)
        self.more = self._button("plus", f"{name}: one more", 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for part in (self.less, self.field, self.more):
            row.addWidget(part)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFocusProxy(self.field)
        self.setAccessibleName(name)
        self.setRange(low, high)
        self.field.setValue(value)
        self.field.valueChanged.connect(self._changed)
        self._changed_ends()

    def _button(self, icon: str, name: str, step: int) -> QToolButton:
        button = QToolButton()
        button.setProperty("boxed", True)
        button.setIcon(icons.icon(icon))
        button.setIconSize(QSize(16, 16))
        button.setFixedSize(34, 30)
        button.setAutoRepeat(True)
        button.setToolTip(name)
        button.setAccessibleName(name)
        # The number itself answers Up and Down: two tab stops more would only be in the way.
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda: self.field.stepBy(step))
        return button

    def _changed(self, value: int) -> None:
        self._changed_ends()
        self.valueChanged.emit(value)

    def _changed_ends(self) -> None:
        self.less.setEnabled(self.field.value() > self.field.minimum())
        self.more.setEnabled(self.field.value() < self.field.maximum())

    def value(self) -> int:
        """The number shown."""
        return self.field.value()

    def setValue(self, value: int) -> None:
        """Show `value`, moved into the range."""
        self.field.setValue(value)

    def setRange(self, low: int, high: int) -> None:
        """The smallest and the largest number that may be chosen."""
        self.field.setRange(low, high)
        self._changed_ends()
