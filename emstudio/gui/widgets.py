"""Small widgets that the panels share. All follow the theme by themselves and can be reached by keyboard and name.

    text("rows", "label")                      a line of text: label, unit, value, title, body, fault
    hline()                                    a hairline between sections
    Chip("row 46")                             a short fact on a grey field
    LabeledRow("Model", combo)                 label (84 px) and field, bound to each other
    DockTitle(dock, actions)                   dock.setTitleBarWidget(...): title and menu, 40 px
    Caption().say("e-step", "E-step 3.", "Each point ...", "Next, the **M-step** ...")
    ResponsibilityBar().show_values([.4, .6])  who made this point, to scale
    LetterDisc(k), Swatch("gap"), Swatch.of_component(k)
    plain_table(view)                          rows of 24 px, no grid
    strong("Next, the **M-step** ...")         escaped HTML, the part between stars in bold

and from `buttons` and `samples`: PrimaryButton, RunButton, IconButton, SegmentedTools, Stepper, tidy_spin(box).
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QAction, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QTableView,
    QToolButton,
    QWidget,
)

from emstudio.gui import icons, theme
from emstudio.gui.buttons import IconButton, PrimaryButton, RunButton, SegmentedTools, Stepper, tidy_spin, tooltip
from emstudio.gui.samples import LetterDisc, ResponsibilityBar, Swatch, paint_disc

__all__ = [
    "Caption",
    "Chip",
    "DockTitle",
    "IconButton",
    "LabeledRow",
    "LetterDisc",
    "PrimaryButton",
    "ResponsibilityBar",
    "RunButton",
    "SegmentedTools",
    "Steady",
    "Stepper",
    "Swatch",
    "hline",
    "paint_disc",
    "plain_table",
    "strong",
    "text",
    "tidy_spin",
    "tooltip",
]

_SLACK = 14  # px
# role: pixels, weight. The colours stand in the style sheet.
_ROLES = {
    "body": (13, 400),
    "label": (12, 400),
    "unit": (11, 400),
    "value": (12, 600),
    "title": (12, 600),
    "fault": (12, 400),
    "chip": (11, 500),
}


def text(
    words: str = "", role: str = "body", *, wrap: bool = False, parent: QWidget | None = None, kind: type = QLabel
) -> QLabel:
    """A label for plain text in one of the roles body, label, unit, value, title, fault; `kind` may be `Steady`.

    With `wrap` a long text breaks into lines instead of widening its panel. HTML in `words` is shown, not obeyed.
    """
    label = kind(parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setFont(theme.font(*_ROLES[role]))
    label.setProperty("role", role)
    label.setWordWrap(wrap)
    label.setText(words)
    return label


def strong(words: str) -> str:
    """`words` as HTML: everything escaped, what stands between double stars in bold."""
    return re.sub(r"\*\*(.+?)\*\*", r'<span style="font-weight:600">\1</span>', html.escape(words))


def hline(parent: QWidget | None = None) -> QFrame:
    """A hairline over the width of its panel."""
    line = QFrame(parent)
    line.setProperty("hairline", True)
    line.setFixedHeight(1)
    return line


class Chip(QLabel):
    """A short fact on a grey field: "row 46"."""

    def __init__(self, words: str = "", parent: QWidget | None = None):
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(theme.font(*_ROLES["chip"]))
        self.setProperty("role", "chip")
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
        self.setText(words)


class LabeledRow(QWidget):
    """A form's row: the label on the left, 84 px wide so that the fields of a panel align, the field beside it.

    The field gets the label as its accessible name unless it has one. `unit` stands behind the field.
    """

    def __init__(
        self, label: str, field: QWidget, *, unit: str = "", label_width: int = 84, parent: QWidget | None = None
    ):
        super().__init__(parent)
        self.field = field
        self.label = text(label, "label")
        # A longer label, or a larger font of the desktop, pushes the field: text is never cut.
        self.label.setMinimumWidth(label_width)
        self.label.setBuddy(field)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.label)
        row.addWidget(field)
        if field.sizePolicy().horizontalPolicy() == QSizePolicy.Policy.Fixed:
            row.addStretch(1)
        else:
            row.setStretch(1, 1)
        if unit:
            row.addSpacing(6)
            row.addWidget(text(unit, "unit"))
        if not field.accessibleName():
            field.setAccessibleName(label)


class DockTitle(QWidget):
    """The title of a dock, 40 px high, with a menu: the panel's own `actions`, then move out of the window and close.

    The dock can be dragged by it as by Qt's own title.
    """

    HEIGHT = 40

    def __init__(self, dock: QDockWidget, actions: Sequence[QAction] = ()):
        super().__init__(dock)
        self._dock = dock
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._title = text(dock.windowTitle(), "title")
        self.menu_button = QToolButton()
        self.menu_button.setIcon(icons.icon("more", "text3"))
        self.menu_button.setIconSize(QSize(16, 16))
        self.menu_button.setFixedSize(28, 28)
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.menu_button.setMenu(self._menu(actions))
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 8, 0)
        row.addWidget(self._title)
        row.addStretch(1)
        row.addWidget(self.menu_button)
        dock.windowTitleChanged.connect(self._name)
        self._name(dock.windowTitle())

    def _menu(self, actions: Sequence[QAction]) -> QMenu:
        menu = QMenu(self.menu_button)
        menu.addActions(list(actions))
        if actions:
            menu.addSeparator()
        features = QDockWidget.DockWidgetFeature
        if self._dock.features() & features.DockWidgetFloatable:
            self._float = menu.addAction("Move out of the window")
            self._float.triggered.connect(lambda: self._dock.setFloating(not self._dock.isFloating()))
            self._dock.topLevelChanged.connect(
                lambda out: self._float.setText("Move into the window" if out else "Move out of the window")
            )
        if self._dock.features() & features.DockWidgetClosable:
            menu.addAction("Close this panel").triggered.connect(self._dock.close)
        return menu

    def _name(self, title: str) -> None:
        self._title.setText(title)
        self.setAccessibleName(title)
        self.menu_button.setAccessibleName(f"{title}: menu of the panel")
        self.menu_button.setToolTip(f"Menu of the panel {title}")

    def sizeHint(self) -> QSize:
        # Without a stated height the title would cover the dock's content.
        return QSize(super().sizeHint().width(), self.HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), self.HEIGHT)


class Wrapped(QLabel):
    """A text that never stands lower than its lines at its width: a dock does not ask how high that is."""

    def setText(self, words: str) -> None:
        super().setText(words)
        self._stand()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._stand()

    def _stand(self) -> None:
        self.setMinimumHeight(max(self.heightForWidth(self.width()), 0))


class Steady(QLabel):
    """A number that changes with every half-step: its panel is laid out anew only when it needs more room.

    `fit()` gives back what it does not need.
    """

    def setText(self, words: str) -> None:
        if words == self.text():
            return
        super().setText(words)
        needed = self._needed()
        if needed.width() > self.width() or needed.height() != self.height():
            self.setFixedSize(max(needed.width(), self.minimumWidth()), needed.height())

    def fit(self) -> None:
        """Take little more room than the text needs: a sign's difference is not worth laying out a bar."""
        needed = self._needed()
        if needed.width() < self.width() - _SLACK:
            self.setFixedSize(needed)

    def _needed(self) -> QSize:
        self.ensurePolished()
        margins, metrics = self.contentsMargins(), self.fontMetrics()
        width = metrics.horizontalAdvance(self.text()) + margins.left() + margins.right() + 1
        return QSize(width, metrics.height() + margins.top() + margins.bottom())


class Caption(QWidget):
    """The sentence above the canvas: on ink the half-step's icon, beside it what happened and, in grey, what is next.

    Long sentences break into more lines; nothing is cut. The room once taken is kept until the width changes: what
    lies below does not jump from half-step to half-step. It lays out its parts itself, so that a new sentence costs
    the window nothing.
    """

    HEIGHT, TOP, SIDE, LEFT = 52, 9, 16, 60

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.square = _IconSquare(self)
        self.square.move(self.SIDE, self.TOP)
        self.happened, self.next = text(wrap=True, parent=self), text(wrap=True, parent=self)
        self.next.setProperty("role", "label")
        self.next.setFont(theme.font(13))
        for line in (self.happened, self.next):
            line.setTextFormat(Qt.TextFormat.RichText)
        self.setMinimumSize(240, self.HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def say(self, icon: str, title: str, happened: str, then: str = "") -> None:
        """Show `title` in bold and `happened` after it, and below `then`; `**...**` is bold, all else is plain text."""
        self.square.set_icon(icon)
        lead = f"**{title}** " if title else ""
        self.happened.setText(strong(lead + happened))
        self.next.setText(strong(then))
        self.next.setVisible(bool(then))
        plain = " ".join(part for part in (title, happened, then) if part).replace("**", "")
        self.setAccessibleName(plain)
        if self.isVisible():
            self._place(self.minimumHeight())

    def heightForWidth(self, width: int) -> int:
        return max(self.HEIGHT, sum(self._heights(width)) + 2 * self.TOP)

    def sizeHint(self) -> QSize:
        return QSize(640, self.minimumHeight())

    def _heights(self, width: int) -> tuple[int, int]:
        room = width - self.LEFT - self.SIDE
        return self.happened.heightForWidth(room), 0 if self.next.isHidden() else self.next.heightForWidth(room)

    def _place(self, least: int) -> None:
        """Take the room that is needed, at least `least`, and put the lines into it."""
        first, second = self._heights(self.width())
        height = max(least, self.HEIGHT, first + second + 2 * self.TOP)
        if height != self.minimumHeight():
            self.setMinimumHeight(height)
        room = self.width() - self.LEFT - self.SIDE
        top = self.TOP if first + second > 34 else (self.HEIGHT - first - second) // 2
        self.happened.setGeometry(self.LEFT, top, room, first)
        self.next.setGeometry(self.LEFT, top + first, room, second)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place(self.HEIGHT if event.size().width() != event.oldSize().width() else self.minimumHeight())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._place(self.HEIGHT)

    def give_back(self) -> None:
        """Take no more room than what is said now needs."""
        self._place(self.HEIGHT)


class _IconSquare(QWidget):
    """An icon on a rounded square of ink, 32 px."""

    def __init__(self, parent: QWidget):
        super().__init__(parent)
        self._icon = "info"
        self.setFixedSize(32, 32)

    def set_icon(self, name: str) -> None:
        self._icon = name
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("ink"))
        painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        icons.paint(painter, QRectF(6, 6, 20, 20), self._icon, theme.colour("on_ink"))


def plain_table(view: QTableView) -> QTableView:
    """Give a table the house look: rows of 24 px without grid, whole rows chosen, no row numbers. Returns it."""
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setTabKeyNavigation(False)  # Tab leaves the table; arrows go through its cells
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.verticalHeader().setMinimumSectionSize(18)
    view.verticalHeader().setDefaultSectionSize(24)
    view.verticalHeader().hide()
    view.horizontalHeader().setHighlightSections(False)
    view.setCornerButtonEnabled(False)
    return view
