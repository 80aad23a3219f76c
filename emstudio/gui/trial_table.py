"""The rows of the table of trials: painted where they are in sight, picked, flipped and typed anew by mouse and keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QLineEdit, QMenu, QSizePolicy, QWidget

from emstudio.core.format import count
from emstudio.core.marks import Tokens
from emstudio.gui import theme, trial_rows
from emstudio.gui.trial_rows import PITCH, Columns

if TYPE_CHECKING:
    from emstudio.gui.coins_view import Trials


class Rows(QAbstractScrollArea):
    """The trials themselves. Only those in sight are painted."""

    hovered = Signal(object)
    picked = Signal(object)

    def __init__(self, trials: Trials):
        super().__init__(trials)
        self._trials = trials
        self.setObjectName("trial_rows")
        self.setAccessibleName("Trials, one a row")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(round(PITCH) + 2)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.verticalScrollBar().setSingleStep(round(PITCH))
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self._row: int | None = None  # picked
        self._toss: int | None = None  # of the picked row, for the keyboard
        self._under: tuple[int, int | None] | None = None  # row and toss under the pointer
        self._pressed: tuple[int, int | None] | None = None
        self.editor: QLineEdit | None = None

    # -- state ---------------------------------------------------------------------------------------------------------
    @property
    def count(self) -> int:
        return len(self._trials.tokens.heads)

    @property
    def row(self) -> int | None:
        """The row picked."""
        return self._row

    @property
    def toss(self) -> int | None:
        """The toss that the keyboard is on."""
        return self._toss

    def forget(self) -> None:
        """The rows may be others now."""
        self._close_editor()
        self._under = None
        if self._row is not None and self._row >= self.count:
            self.pick(self.count - 1 if self.count else None)
        tosses = self._trials.tokens.tosses
        if self._toss is not None and (self._row is None or self._toss >= tosses[self._row]):
            self._toss = None

    def pick(self, row: int | None, toss: int | None = None) -> None:
        """Pick a row, and one of its tosses for the keyboard."""
        if row is not None and not 0 <= row < self.count:
            row = None
        other = row != self._row
        self._row, self._toss = row, toss if row is not None else None
        if row is not None:
            self._show(row)
        self.viewport().update()
        if other:
            self.picked.emit(row)

    def lay_out(self) -> None:
        bar, across, port = self.verticalScrollBar(), self.horizontalScrollBar(), self.viewport()
        bar.setRange(0, max(round(self.count * PITCH) + 2 - port.height(), 0))
        bar.setPageStep(port.height())
        across.setRange(0, max(round(self._trials.columns().width) - port.width(), 0))
        across.setPageStep(port.width())

    def _show(self, row: int) -> None:
        bar, top = self.verticalScrollBar(), round(row * PITCH)
        bar.setValue(min(max(bar.value(), top + round(PITCH) - self.viewport().height()), top))

    # -- painting ------------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        port = self.viewport()
        painter = QPainter(port)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(port.rect(), theme.colour("canvas"))
        if not self.count:
            painter.setFont(theme.font(12))
            painter.setPen(theme.colour("text3"))
            words = "No trial yet: type one below, such as HTTHH, and press Enter."
            painter.drawText(QRectF(16, 0, port.width() - 32, PITCH), Qt.AlignmentFlag.AlignVCenter, words)
            return
        columns, top = self._trials.columns(), self.verticalScrollBar().value()
        painter.translate(-self.horizontalScrollBar().value(), -top)
        first, last = int(top // PITCH), int((top + port.height()) // PITCH) + 1
        for row in range(max(first, 0), min(last, self.count)):
            self._paint_row(painter, columns, row)

    def _paint_row(self, painter: QPainter, columns: Columns, row: int) -> None:
        trials, y = self._trials, row * PITCH
        box = QRectF(0, y, max(columns.width, self.viewport().width()), PITCH)
        if row == self._row:
            painter.fillRect(box.adjusted(8, 1, -8, -1), theme.colour("selection"))
        elif self._under is not None and self._under[0] == row:
            painter.fillRect(box.adjusted(8, 1, -8, -1), theme.colour("chip"))
        data = trials.moment.data
        painter.setFont(theme.font(12))
        painter.setPen(theme.colour("text2"))
        label = count(int(data.rows[row]) + 1)
        painter.drawText(QRectF(16, y, 40, PITCH), Qt.AlignmentFlag.AlignVCenter, label)
        share = trials.share(row)
        self._paint_tosses(painter, columns, row, share)
        bar = QRectF(columns.bar, y + (PITCH - trial_rows.BAR_HEIGHT) / 2, columns.bar_width, trial_rows.BAR_HEIGHT)
        trial_rows.paint_shares(painter, bar, share, trials.known)
        if share is None:
            return
        heads = float(trials.tokens.heads[row])
        tails = float(trials.tokens.tosses[row]) - heads
        if data.weights is not None:
            heads, tails = heads * float(data.weights[row]), tails * float(data.weights[row])
        for k in range(min(trials.coins, len(share))):
            if trials.known and not share[k]:
                continue
            counts = QRectF(columns.counts + k * columns.counts_width, y, columns.counts_width, PITCH)
            part = float(share[k])
            trial_rows.paint_counts(painter, counts, part * heads, part * tails, whole=trials.known)

    def _paint_tosses(self, painter: QPainter, columns: Columns, row: int, share: np.ndarray | None) -> None:
        tokens, y = self._trials.tokens, row * PITCH
        tosses = int(tokens.tosses[row])
        if not columns.token or tokens.rows is None:
            bar = QRectF(columns.tokens, y + (PITCH - 20) / 2, columns.tokens_width, 20)
            if self._trials.longest:
                bar.setWidth(max(columns.tokens_width * tosses / self._trials.longest, 4.0))
            trial_rows.paint_tosses_bar(painter, bar, int(tokens.heads[row]), tosses, share)
            return
        token = trial_rows.Tokens(columns.token, share, painter.device().devicePixelRatioF())
        for i, side in enumerate(tokens.rows[row]):
            centre = QPointF(columns.tokens + i * columns.apart + columns.token / 2, y + PITCH / 2)
            token.paint(painter, centre, side == "H")
            if self._under == (row, i) or (row == self._row and i == self._toss):
                painter.setPen(QPen(theme.colour("ink"), 2 if i == self._toss and row == self._row else 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(centre, columns.token / 2 + 1, columns.token / 2 + 1)

    # -- mouse ---------------------------------------------------------------------------------------------------------
    def _at(self, place: QPointF) -> tuple[int, int | None] | None:
        row = int((place.y() + self.verticalScrollBar().value()) // PITCH)
        if not 0 <= row < self.count:
            return None
        tokens = self._trials.tokens
        if tokens.rows is None:
            return row, None
        x = place.x() + self.horizontalScrollBar().value()
        return row, self._trials.columns().toss_at(x, len(tokens.rows[row]))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = self._at(event.position())
            self._close_editor()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        if event.button() != Qt.MouseButton.LeftButton or self._at(event.position()) != pressed:
            return
        if pressed is None:
            self.pick(None)
        elif pressed[1] is None:
            self.pick(pressed[0])
        else:
            self.pick(pressed[0], pressed[1])
            self.flip()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        at = self._at(event.position())
        if at is not None and at[1] is None:
            self.pick(at[0])
            self.edit()
        else:
            self.mousePressEvent(event)  # two quick clicks on a token are two clicks

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(self._at(event.position()))

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._point(None)
        return super().viewportEvent(event)

    def _point(self, at: tuple[int, int | None] | None) -> None:
        if at == self._under:
            return
        before = None if self._under is None else self._under[0]
        self._under = at
        on_token = at is not None and at[1] is not None
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if on_token else Qt.CursorShape.ArrowCursor)
        self.viewport().setToolTip("Click to flip this toss" if on_token else "")
        self.viewport().update()
        row = None if at is None else at[0]
        if row != before:
            self.hovered.emit(row)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Mouse:
            at = self._at(QPointF(event.pos()))
            self.pick(None if at is None else at[0])
        if self._row is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Type this trial anew (F2)").triggered.connect(self.edit)
        menu.addAction("Take this trial away (Del)").triggered.connect(self.remove)
        menu.popup(event.globalPos())

    # -- keyboard ------------------------------------------------------------------------------------------------------
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, alt = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            step = 1 if key == Qt.Key.Key_Down else -1
            row = (0 if step > 0 else self.count - 1) if self._row is None else self._row + step
            self.pick(min(max(row, 0), self.count - 1) if self.count else None, self._toss)
        elif alt and key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._go(1 if key == Qt.Key.Key_Right else -1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self.flip() if self._toss is not None else self.edit()
        elif key in (Qt.Key.Key_H, Qt.Key.Key_T) and self._toss is not None and not event.modifiers():
            self._set("H" if key == Qt.Key.Key_H else "T")
        elif key == Qt.Key.Key_F2:
            self.edit()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove()
        elif key == Qt.Key.Key_Escape:
            self.pick(None)
        else:
            super().keyPressEvent(event)

    def _go(self, step: int) -> None:
        """The toss beside, within the row."""
        tokens = self._trials.tokens
        if self._row is None or tokens.rows is None:
            return
        last = len(tokens.rows[self._row]) - 1
        toss = (0 if step > 0 else last) if self._toss is None else self._toss + step
        self.pick(self._row, min(max(toss, 0), last))

    def _set(self, side: str) -> None:
        rows = self._trials.tokens.rows
        if self._row is None or self._toss is None or rows is None:
            return
        if rows[self._row][self._toss] != side:
            self.flip()
        self._go(1)

    # -- commands ------------------------------------------------------------------------------------------------------
    def flip(self) -> None:
        """Turn the toss that is picked."""
        if self._row is not None and self._toss is not None:
            self._trials.session.flip_toss(self._row, self._toss)

    def remove(self) -> None:
        """Take the picked trial away."""
        if self._row is not None:
            self._trials.session.erase(np.array([self._row]), "Remove a trial")

    def edit(self) -> None:
        """Type the picked trial anew, in its place."""
        if self._row is None:
            return
        self._close_editor()
        columns, row = self._trials.columns(), self._row
        self.editor = _Editor(self.viewport(), trial_words(self._trials.tokens, row))
        y = round(row * PITCH - self.verticalScrollBar().value())
        left = round(columns.tokens - 9 - self.horizontalScrollBar().value())
        self.editor.setGeometry(left, y, round(max(columns.tokens_width, 120) + 16), round(PITCH))
        self.editor.done.connect(lambda words: self._typed(row, words))
        self.editor.left.connect(self._close_editor)
        self.editor.show()
        self.editor.setFocus()

    def _typed(self, row: int, words: str) -> None:
        if words == trial_words(self._trials.tokens, row) or self._trials.session.replace_trial(row, words):
            self._close_editor()
            self.setFocus()

    def _close_editor(self) -> None:
        if self.editor is not None:
            editor, self.editor = self.editor, None
            had_focus = editor.hasFocus()
            editor.hide()
            editor.deleteLater()
            if had_focus:
                self.setFocus()


def trial_words(tokens: Tokens, row: int) -> str:
    """A trial as a person would type it."""
    if tokens.rows is not None:
        return tokens.rows[row]
    return f"{int(tokens.heads[row])} of {int(tokens.tosses[row])}"


class _Editor(QLineEdit):
    """A field in the place of a row: Enter takes it, Esc or another place leaves it."""

    done = Signal(str)
    left = Signal()

    def __init__(self, parent: QWidget, words: str):
        super().__init__(words, parent)
        self.setObjectName("trial_editor")
        self.setAccessibleName("This trial's tosses, such as HTTHH or 3 of 5")
        self.setFont(theme.font(12))
        self.selectAll()
        self.returnPressed.connect(lambda: self.done.emit(self.text()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)
        event.accept()  # Return would go on to the rows, and open another field
