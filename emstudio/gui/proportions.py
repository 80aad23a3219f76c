"""Rows of counts as bars of stacked shares: the components' profiles above, with borders to drag, the rows below.

    page = Proportions(session, refresher)
    page.where_border(1, 0)         # a border of component B's profile on `page.profiles`, for tests and scripts

Hue says whose a row is, lightness which outcome a segment stands for. Drag a border of a profile, or pick a component
(1-9) and move its border with Alt and Left or Right; Alt with Up and Down goes to the next border. In the rows Up and
Down pick one, Delete takes it away.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from emstudio.core.data import Dataset
from emstudio.core.em import Moment
from emstudio.core.format import count, number
from emstudio.core.marks import Handle, Stacks, View
from emstudio.gui import theme
from emstudio.gui.page import Page
from emstudio.gui.refresh import Refresher
from emstudio.gui.stacked import LEFT, RIGHT, StackedRows, borders, paint_legend, paint_stack
from emstudio.gui.tools import SLACK, Stroke
from emstudio.gui.widgets import hline, paint_disc
from emstudio.session import Session

VIEW = View("proportions", ())
PITCH, BAR = 36.0, 26.0
_HEAD = 34.0
_GRIP = 7.0  # px from a border within which it is taken
_STEP = 0.005
WHAT = "A profile: how likely each outcome is. Drag a border"


class Proportions(Page):
    """What the window's middle shows of shares of several outcomes."""

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__("proportions", parent)
        self._session = session
        self.moment = session.moment
        self.stacks = Stacks(np.empty((0, 0)), ())
        self.profiles = Profiles(self, session)
        self.rows = StackedRows(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.profiles)
        column.addWidget(hline())
        column.addWidget(self.rows, 1)
        self.setFocusProxy(self.profiles)
        self.rows.hovered.connect(self.hovered)
        self.rows.picked.connect(self._on_picked)
        refresher.draw.connect(self.show_moment)
        session.data_changed.connect(self._on_data)
        theme.notifier.changed.connect(self._recolour)
        self.show_moment(session.moment)

    def set_view(self, view: View) -> None:
        """There is but one."""
        self.show_moment(self._session.moment)

    def show_moment(self, moment: Moment) -> None:
        """Show the profiles and the rows of a moment, in the colours of its responsibilities."""
        if moment.model.name != "multinomial":
            return
        self.moment = moment
        drawing = moment.model.draw(moment.data, moment.snapshot.params, VIEW)
        self.stacks = next(m for m in drawing.marks if isinstance(m, Stacks))
        resp = moment.snapshot.resp
        self.rows.show_rows(self.stacks.shares, resp, moment.model.parts)
        self.profiles.show_profiles()
        n = moment.data.n
        self.setAccessibleDescription(f"{count(n)} row{'' if n == 1 else 's'} of shares; {self.profiles.words()}")

    def where_border(self, k: int, j: int) -> QPoint:
        """A border of a profile on `profiles`."""
        return self.profiles.where(k, j).toPoint()

    def pick_row(self, row: int | None) -> None:
        """Pick a row of the dataset; `picked` follows."""
        self.rows.pick(row)

    def pick_component(self, k: int | None) -> None:
        """Ring a component's letter."""
        if k is None or k < self._session.model.k:
            self.profiles.pick(k)

    def delete_selected(self) -> None:
        """Take the picked row away."""
        row = self.rows.row
        if row is not None:
            self.rows.forget()
            self._session.erase(np.array([row]), "Delete row")

    def set_motion(self, on: bool) -> None:
        """Nothing moves here by itself."""

    def _on_data(self, data: Dataset) -> None:
        """Rows of other data are other rows."""
        self.rows.forget()

    def _recolour(self) -> None:
        self.show_moment(self.moment)

    def _on_picked(self, row: int | None) -> None:
        self.picked.emit(row)
        self.selection_changed.emit(0 if row is None else 1)


class Profiles(QWidget):
    """One thick bar for each component, and above them what the shades mean."""

    def __init__(self, page: Proportions, session: Session):
        super().__init__(page)
        self.setObjectName("profiles")
        self.setAccessibleName("Profiles of the components")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self._page, self._session = page, session
        self._stroke = Stroke(session, self)
        self.picked: int | None = None
        self._border = 0
        self._held: tuple[int, int, QPointF, float] | None = None
        self._dragging = False

    # -- what is shown -------------------------------------------------------------------------------------------------
    @property
    def shares(self) -> np.ndarray:
        """(K, c) the profiles; none before the start."""
        found = self._page.stacks.profiles
        return np.empty((0, len(self._page.stacks.names))) if found is None else found

    def show_profiles(self) -> None:
        """Take the page's newest profiles."""
        if self.picked is not None and self.picked >= max(len(self.shares), 1):
            self.picked = None
        if self.height() != self.sizeHint().height():
            self.updateGeometry()
        self.update()

    def words(self) -> str:
        """The profiles in a few words, for who cannot see them."""
        names = self._page.stacks.names
        said = []
        for k, p in enumerate(self.shares):
            listed = ", ".join(f"{name} {number(float(v), 3)}" for name, v in zip(names, p, strict=True))
            said.append(f"{theme.letter(k)}: {listed}")
        return "; ".join(said)

    def sizeHint(self) -> QSize:
        return QSize(400, round(_HEAD + PITCH * max(len(self.shares), 1) + 8))

    def bar(self, k: int) -> QRectF:
        """Where the profile of a component is."""
        return QRectF(LEFT, _HEAD + PITCH * k, max(self.width() - LEFT - RIGHT, 1.0), BAR)

    def where(self, k: int, j: int) -> QPointF:
        """The middle of a border."""
        box = self.bar(k)
        return QPointF(box.left() + box.width() * float(self.shares[k, : j + 1].sum()), box.center().y())

    def pick(self, k: int | None) -> None:
        """Ring a component; the page tells others."""
        if k != self.picked:
            self.picked, self._border = k, 0
            self.update()
            self._page.component_picked.emit(k)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room = QRectF(LEFT, 8, self.width() - LEFT - RIGHT, 18)
        room.setLeft(paint_legend(painter, room, self._page.stacks.names))
        if len(self.shares) and painter.fontMetrics().horizontalAdvance(WHAT) <= room.width():
            painter.setPen(theme.colour("text3"))
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, WHAT)
        if not len(self.shares):
            painter.setFont(theme.font(12))
            painter.setPen(theme.colour("text3"))
            painter.drawText(self.bar(0), Qt.AlignmentFlag.AlignVCenter, "The profiles appear with the start.")
        for k, p in enumerate(self.shares):
            box = self.bar(k)
            middle = QPointF(28, box.center().y())
            if k == self.picked:
                painter.setPen(QPen(theme.colour("ink"), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(middle, 14.5, 14.5)
            paint_disc(painter, middle, 24, k)
            paint_stack(painter, box, p, theme.component_colour(k), figures=True)
            if k == self.picked and self.hasFocus():
                at = self.where(k, self._border)
                painter.setPen(QPen(theme.colour("ink"), 2))
                painter.drawLine(QPointF(at.x(), box.top() - 3), QPointF(at.x(), box.bottom() + 3))

    # -- mouse and keyboard --------------------------------------------------------------------------------------------
    def _border_at(self, place: QPointF) -> tuple[int, int] | None:
        """(component, border) under the pointer."""
        k = int((place.y() - _HEAD) // PITCH)
        if not 0 <= k < len(self.shares) or not self.bar(k).adjusted(-4, -2, 4, 2).contains(place):
            return None
        box = self.bar(k)
        away = np.abs(box.left() + box.width() * borders(self.shares[k]) - place.x())
        return (k, int(away.argmin())) if len(away) and away.min() <= _GRIP else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        found = self._border_at(event.position())
        k = int((event.position().y() - _HEAD) // PITCH)
        if found is not None:
            grip = self.where(*found).x() - event.position().x()
            self._held, self._dragging = (*found, event.position(), grip), False
        elif 0 <= k < len(self.shares):
            self.pick(k)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held is None:
            over = self._border_at(event.position()) is not None
            self.setCursor(Qt.CursorShape.SplitHCursor if over else Qt.CursorShape.ArrowCursor)
            return
        k, j, pressed, grip = self._held
        if not self._dragging and abs(event.position().x() - pressed.x()) < SLACK:
            return
        if not self._dragging:
            self._dragging = True
            self.pick(k)
            self._border = j
            self._stroke.begin()
        box = self.bar(k)
        self._move(k, j, (event.position().x() + grip - box.left()) / box.width())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._held is not None:
            self.mouseMoveEvent(event)
            if not self._dragging:
                self.pick(self._held[0])
            self._held = None
            self._stroke.end()

    def _move(self, k: int, j: int, place: float) -> None:
        """Bring a border to a place in [0, 1], inside the gesture that is open."""

        def move() -> bool:
            moment = self._session.moment
            params = moment.snapshot.params
            if moment.model.name != "multinomial" or params is None or k >= moment.model.k:
                return False
            if j + 1 >= params.probabilities.shape[1]:
                return False
            self._session.drag(Handle("border", k, j), VIEW, (place, float(k)))
            return True

        self._stroke.edit("drag", move)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, held = event.key(), event.modifiers()
        k, last = self.picked, len(self._page.stacks.names) - 2
        if held & Qt.KeyboardModifier.AltModifier and k is not None and k < len(self.shares):
            if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
                far = _STEP * (10 if held & Qt.KeyboardModifier.ShiftModifier else 1)
                place = float(borders(self.shares[k])[self._border]) + (far if key == Qt.Key.Key_Right else -far)
                self._stroke.begin()
                self._move(k, self._border, place)
                self._stroke.end()
                return
            if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                self._border = min(max(self._border + (1 if key == Qt.Key.Key_Down else -1), 0), last)
                self.update()
                return
        if not held and Qt.Key.Key_1 <= key <= Qt.Key.Key_9 and key - Qt.Key.Key_1 < len(self.shares):
            self.pick(key - Qt.Key.Key_1)
        elif not held and key == Qt.Key.Key_Escape:
            self.pick(None)
        else:
            super().keyPressEvent(event)
