"""Trials of coin tosses, a row each: tokens, which coin it was, what each coin is expected to have made of it, the sums.

    trials = Trials(session, refresher)
    trials.where_toss(2, 4)         the middle of a token on `trials.rows.viewport()`, for tests and scripts
    trials.add_text("HTTHH")        what Enter in the field of the new trial does

A click on a token flips it, a click on a row picks it, a double click (F2) types it anew, Delete takes it away. A trial
typed in the field below is explained while it is typed and joins the data only by Enter. With the focus on the rows: Up
and Down pick a trial, Alt with Left and Right a toss, Return flips it, H and T set it and go on to the next.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, QVariantAnimation, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from emstudio.core.em import Moment
from emstudio.core.errors import UserError
from emstudio.core.format import count, number
from emstudio.core.marks import Tokens, View
from emstudio.core.responsibilities import one_hot
from emstudio.core.trials import parse
from emstudio.gui import theme, trial_rows
from emstudio.gui.refresh import Refresher
from emstudio.gui.trial_rows import PITCH, Columns
from emstudio.gui.trial_table import Rows
from emstudio.gui.widgets import IconButton
from emstudio.session import Session

HEAD, FOOT = 30, 38
_FIELD = 196.0  # px of the field for a new trial and its button
VIEW = View("coins", ())
_EMPTY = Tokens((), np.empty(0), np.empty(0))


class Trials(QWidget):
    """The table of trials with its head, its sums and the field for a new trial."""

    hovered = Signal(object)  # row of the dataset or None
    picked = Signal(object)
    spot = Signal(object)  # (d,) values of a trial that is typed, or None

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("trials")
        self.setAccessibleName("Trials")
        self.session = session
        self.moment = session.moment
        self.tokens = _EMPTY
        self.resp: np.ndarray | None = None
        self.expected = np.empty((0, 2))  # (K, 2) heads and tails that each coin is expected to have made
        self.typed: np.ndarray | None = None  # responsibilities of the trial that is typed
        self.awaited: int | None = None  # the row that a trial just typed will be
        self._about: tuple | None = None
        self._filled = 0  # trials counted so far, where the coins are known
        self.motion = True
        self._filling = QVariantAnimation(self)
        self._filling.valueChanged.connect(self._on_filling)
        self.rows = Rows(self)
        self.head, self.foot = _Head(self), Foot(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (self.head, self.rows, self.foot):
            column.addWidget(part)
        self.rows.hovered.connect(self.hovered)
        self.rows.picked.connect(self.picked)
        self.rows.horizontalScrollBar().valueChanged.connect(self._repaint)
        refresher.draw.connect(self.show_moment)
        theme.notifier.changed.connect(self._repaint)
        self.show_moment(session.moment)

    # -- what is shown -------------------------------------------------------------------------------------------------
    def show_moment(self, moment: Moment) -> None:
        """Show the trials of a moment in the colours of its responsibilities."""
        if moment.model.name != "coins":
            return
        self.moment = moment
        self.resp = responsibilities(moment)
        if self._about is None or self._about[0] is not moment.data or self._about[1] != moment.model:
            self._about = (moment.data, moment.model)
            self.tokens = trials_of(moment)
            self.rows.forget()
            self._filling.stop()
            if self.known:
                self._fill_up()
        self.expected = self._counted()
        self.foot.explain()
        self._lay_out()
        self.setAccessibleDescription(self.words())
        self.pick_awaited()

    def pick_awaited(self) -> None:
        """Pick the trial just typed, once the field has told what it had to."""
        if self.awaited is not None and self.awaited < len(self.tokens.heads) and not self.foot.field.text():
            row, self.awaited = self.awaited, None
            self.rows.pick(row)

    @property
    def known(self) -> bool:
        """Whether each trial's coin is known."""
        return self.tokens.known is not None

    @property
    def coins(self) -> int:
        return self.moment.model.k

    @property
    def longest(self) -> int:
        return int(self.tokens.tosses.max(initial=0))

    @property
    def natural_height(self) -> int:
        """The height at which every trial is in sight."""
        return round(HEAD + FOOT + PITCH * max(len(self.tokens.heads), 1) + 4 + self.bar_height)

    @property
    def bar_height(self) -> int:
        """The height of the scroll bar below the rows, where they are wider than the widget."""
        bar = self.rows.horizontalScrollBar()
        return bar.sizeHint().height() if bar.maximum() > 0 else 0

    def columns(self) -> Columns:
        return trial_rows.columns(self.rows.viewport().width(), self.longest, self.coins, self.tokens.rows is not None)

    def share(self, row: int) -> np.ndarray | None:
        """(K,) responsibilities of a row, None before the first E-step."""
        resp = self.resp
        if self.known and row >= self._filled:
            return None
        return resp[row] if resp is not None and row < len(resp) and not np.isnan(resp[row]).any() else None

    def words(self) -> str:
        """The table in a few words, for who cannot see it."""
        n = len(self.tokens.heads)
        words = f"{count(n)} trial{'' if n == 1 else 's'}"
        for k, (heads, tails) in enumerate(self.expected):
            words += f"; coin {theme.letter(k)} expects {number(heads, 4)} heads and {number(tails, 4)} tails"
        return words

    def where_toss(self, row: int, toss: int) -> QPoint:
        """The middle of a token on `rows.viewport()`."""
        columns = self.columns()
        x = columns.tokens + (toss + 0.5) * columns.apart - 1.5 - self.rows.horizontalScrollBar().value()
        return QPoint(round(x), self.where_row(row).y())

    def where_row(self, row: int) -> QPoint:
        """A place of a row where no token is, on `rows.viewport()`."""
        return QPoint(8, round((row + 0.5) * PITCH - self.rows.verticalScrollBar().value()))

    # -- commands ------------------------------------------------------------------------------------------------------
    def add_text(self, words: str) -> bool:
        """Add the trial that `words` say; False, and one sentence in the window, where they say none."""
        return self.session.add_trial(words)

    def pick_row(self, row: int | None) -> None:
        self.rows.pick(row)

    def delete_selected(self) -> None:
        """Take the picked trial away."""
        self.rows.remove()

    def set_motion(self, on: bool) -> None:
        """Whether counting is seen, trial by trial."""
        self.motion = on
        if not on and self.known:
            self._filling.stop()
            self._on_filling(len(self.tokens.heads))

    # -- inside --------------------------------------------------------------------------------------------------------
    def _fill_up(self) -> None:
        """Count the known coins' heads and tails trial by trial."""
        n = len(self.tokens.heads)
        self._filling.setStartValue(0)
        self._filling.setEndValue(n)
        self._filling.setDuration(min(n * 150, 1500))
        if self.motion and self.isVisible() and n:
            self._filling.start()
        else:
            self._filled = n

    def _on_filling(self, filled: int) -> None:
        if int(filled) != self._filled:
            self._filled = int(filled)
            self.expected = self._counted()
            self._repaint()

    def _counted(self) -> np.ndarray:
        """(K, 2) the sums shown: of the trials counted so far, where the coins are known."""
        if not self.known or self._filled >= len(self.tokens.heads) or self.resp is None:
            return expected_of(self.moment)
        rows = slice(0, self._filled)
        weights = self.moment.data.weights
        resp = self.resp[rows] if weights is None else self.resp[rows] * weights[rows, None]
        return resp.T @ self.moment.data.x[rows]

    def _lay_out(self) -> None:
        self.rows.lay_out()
        self._repaint()

    def _repaint(self, *_: object) -> None:
        for part in (self.head, self.foot, self.rows.viewport()):
            part.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()


def trials_of(moment: Moment) -> Tokens:
    """The trials of a moment's data."""
    marks = moment.model.draw(moment.data, None, VIEW).marks
    return next((m for m in marks if isinstance(m, Tokens)), _EMPTY)


def responsibilities(moment: Moment) -> np.ndarray | None:
    """(n, K) the responsibilities shown; those of known coins need no E-step."""
    resp = moment.snapshot.resp
    known = trials_of(moment).known if resp is None and moment.snapshot.params is not None else None
    return resp if known is None else one_hot(known, moment.model.k)


def expected_of(moment: Moment) -> np.ndarray:
    """(K, 2) the sums of responsibility times heads and tails (and the rows' weights); (0, 2) before the first E-step."""
    data, resp = moment.data, responsibilities(moment)
    if resp is None or len(resp) != data.n or np.isnan(resp).any():
        return np.empty((0, 2))
    weighted = resp if data.weights is None else resp * data.weights[:, None]
    return weighted.T @ data.x


class _Head(QWidget):
    """What the columns hold."""

    def __init__(self, trials: Trials):
        super().__init__(trials)
        self._trials = trials
        self.setFixedHeight(HEAD)

    def paintEvent(self, event: QPaintEvent) -> None:
        trials, painter = self._trials, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.colour("canvas"))
        columns = trials.columns()
        painter.translate(-trials.rows.horizontalScrollBar().value(), 0)
        painter.setFont(theme.font(12))
        painter.setPen(theme.colour("text2"))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(16, 0, 40, HEAD), middle, "trial")
        painter.drawText(QRectF(columns.tokens, 0, columns.tokens_width, HEAD), middle, tosses_words(trials.tokens))
        coin = "coin" if trials.known else "which coin?"
        painter.drawText(QRectF(columns.bar, 0, columns.bar_width, HEAD), middle, coin)
        for k in range(trials.coins):
            box = QRectF(columns.counts + k * columns.counts_width, 0, columns.counts_width, HEAD)
            trial_rows.paint_coin_head(painter, box, k, "counted" if trials.known else "expected")


def tosses_words(tokens: Tokens) -> str:
    """`ten tosses`, where all trials have as many; else `2 to 10 tosses`."""
    if not len(tokens.tosses):
        return "tosses"
    low, high = int(tokens.tosses.min()), int(tokens.tosses.max())
    if low != high:
        return f"{count(low)} to {count(high)} tosses"
    names = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return f"{names[low] if low < len(names) else count(low)} toss{'' if low == 1 else 'es'}"


class Foot(QWidget):
    """The field for a new trial, whose coin is told while it is typed, and the sums that the M-step uses."""

    def __init__(self, trials: Trials):
        super().__init__(trials)
        self._trials = trials
        self.setFixedHeight(FOOT)
        self.field = QLineEdit(self)
        self.field.setObjectName("new_trial")
        self.field.setAccessibleName("A new trial")
        self.field.setPlaceholderText("New trial: HTTHH…")
        self.field.setToolTip("Type heads and tails (HTTHH), or counts (3 of 5): which coin made it? Enter adds it.")
        self.field.setFont(theme.font(12))
        self.field.setAcceptDrops(False)
        self.field.textChanged.connect(self.explain)
        self.field.returnPressed.connect(self.add)
        self.field.installEventFilter(self)
        self.button = IconButton("plus", "Add this trial to the data")
        self.button.setParent(self)
        self.button.setObjectName("add_trial")
        self.button.setFixedSize(28, 28)
        self.button.clicked.connect(self.add)
        self._said: tuple[float, ...] | None = None
        self.explain()

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        pressed = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress
        if pressed and event.key() == Qt.Key.Key_Escape:  # type: ignore[union-attr]
            self.field.clear()
            return True
        return super().eventFilter(watched, event)  # type: ignore[arg-type]

    def sizeHint(self) -> QSize:
        return QSize(400, FOOT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _place(self) -> None:
        columns = self._trials.columns()
        width = round(min(columns.tokens_width, _FIELD))
        self.field.setGeometry(round(columns.tokens), 5, width - 30, 28)
        self.button.move(round(columns.tokens) + width - 28, 5)

    def add(self) -> None:
        """Enter: the trial joins the data; what is none stays in the field, with one sentence in the window."""
        trials = self._trials
        trials.awaited = trials.moment.data.n
        if self.field.text().strip() and trials.add_text(self.field.text()):
            self.field.clear()
            trials.pick_awaited()
        else:
            trials.awaited = None

    def explain(self, *_: object) -> None:
        """Which coin would have made the trial that is typed."""
        trials, values = self._trials, None
        trials.typed = None
        words = self.field.text().strip()
        params = trials.moment.snapshot.params
        if words and params is not None:
            try:
                trial = parse(words)
            except UserError:
                pass
            else:
                values = np.array([trial.heads, trial.tails], float)
                trials.typed = trials.moment.model.responsibilities_at(params, values[None])[0]
        self.button.setEnabled(bool(words))
        said = None if values is None else tuple(values)
        if said != self._said:
            self._said = said
            trials.spot.emit(values)
        typed = trials.typed
        shares = (
            "" if typed is None else ", ".join(f"coin {theme.letter(k)} {number(r, 3)}" for k, r in enumerate(typed))
        )
        self.field.setAccessibleDescription(shares)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        trials, painter = self._trials, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.colour("canvas"))
        columns = trials.columns()
        self._place()
        painter.translate(-trials.rows.horizontalScrollBar().value(), 0)
        painter.setPen(QPen(theme.colour("hairline"), 1))
        right = columns.counts + trials.coins * columns.counts_width
        painter.drawLine(QPointF(columns.counts, 0.5), QPointF(right, 0.5))
        end = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if trials.typed is not None:
            bar = QRectF(columns.bar, (FOOT - 18) / 2, columns.bar_width, 18)
            trial_rows.paint_shares(painter, bar, trials.typed)
        elif len(trials.expected):
            painter.setFont(theme.font(12))
            painter.setPen(theme.colour("text2"))
            room = columns.bar + columns.bar_width - columns.tokens - min(columns.tokens_width, _FIELD) - 8
            words = "counted" if trials.known else "sums, used by the M-step"
            if painter.fontMetrics().horizontalAdvance(words) > room or trials.moment.snapshot.phase == "edit":
                words = "sums"
            painter.drawText(
                QRectF(columns.tokens, 0, columns.bar + columns.bar_width - columns.tokens, FOOT), end, words
            )
        for k, (heads, tails) in enumerate(trials.expected):
            box = QRectF(columns.counts + k * columns.counts_width, 0, columns.counts_width, FOOT)
            trial_rows.paint_counts(painter, box, heads, tails, strong=True, whole=trials.known)


__all__ = ["FOOT", "HEAD", "Trials", "expected_of", "tosses_words"]
