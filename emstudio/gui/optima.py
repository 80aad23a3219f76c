"""The table of optima: where the starts ended, best first, each with how often it was reached and what is to be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from emstudio.core.format import count, number, signed, spelled
from emstudio.core.search import End, Found, Search
from emstudio.gui import theme

Index = QModelIndex | QPersistentModelIndex
_ROW, _NOTE = 26, 17  # px of a line of figures, and of the note under it
_FIGURES = 9  # of a log-likelihood: starts that end together are seen to do so


@dataclass(frozen=True, eq=False)
class Line:
    """One optimum as it is read; `share` is how often it was reached, of the most that any was."""

    rank: int
    figure: str
    behind: str
    starts: int
    share: float
    iterations: int
    note: str
    words: str
    end: End


def best_sound(table: tuple[Found, ...]) -> Found | None:
    """The best optimum that does not rest on a handful of rows; the best at all where every one does."""
    return next((f for f in table if not f.spurious), table[0] if table else None)


def lines(search: Search) -> list[Line]:
    """The table of optima as it is read."""
    best = best_sound(search.table)
    if best is None:
        return []
    most = max(f.starts for f in search.table)
    name = search.question.model.cost or "log-likelihood"
    made = []
    for rank, found in enumerate(search.table, 1):
        behind = "best" if found is best else signed(found.figure - best.figure, 3)
        figure, said = figure_text(found.figure), note(found)
        words = (
            f"Optimum {rank}: {name} {figure}, {behind if found is best else f'{behind} from the best'}, reached by "
        )
        words += f"{_starts(found.starts)}, {count(found.end.iterations)} iterations{'. ' + said if said else ''}"
        made.append(
            Line(rank, figure, behind, found.starts, found.starts / most, found.end.iterations, said, words, found.end)
        )
    return made


def figure_text(value: float) -> str:
    """A log-likelihood or cost with nine figures, at most six of them behind the point."""
    whole = len(str(int(abs(value))))
    return number(value, _FIGURES, decimals=max(0, min(6, _FIGURES - whole)))


def note(found: Found) -> str:
    """What is to be said of an optimum: that it is spurious, or not quite reached."""
    said = []
    if found.spurious:
        on = [f"{spelled(name)} on {rows:.2g} rows" for name, rows in found.end.handful]
        said.append(f"Likely spurious: {', '.join(on)}" if on else "Likely spurious")
    if not found.end.converged:
        said.append("Stopped at the iteration limit")
    return "; ".join(said)


def _starts(n: int) -> str:
    return "1 start" if n == 1 else f"{count(n)} starts"


class OptimaModel(QAbstractListModel):
    """The lines of the table; the row of an end stays known while others are filled in above it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []

    def show_lines(self, new: list[Line]) -> None:
        if [(x.end.number, x.note) for x in new] == [(x.end.number, x.note) for x in self.lines]:
            self.lines = new
            if new:
                self.dataChanged.emit(self.index(0), self.index(len(new) - 1))
            return
        self.beginResetModel()
        self.lines = new
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        line = self.lines[index.row()]
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return line.words
        return line if role == Qt.ItemDataRole.UserRole else None


def columns(width: float) -> dict[str, tuple[float, float]]:
    """(left, right) of each column; numbers end at the right, the bar of `starts` begins at the left."""
    iterations, starts = width - 8, width - 48
    figure = 24 + min(98.0, width * 0.29)
    behind = figure + min(72.0, width * 0.17)
    return {
        "rank": (0, 17),
        "figure": (22, figure),
        "behind": (figure, behind),
        "starts": (behind + 12, starts),
        "iterations": (starts, iterations),
    }


class _Painter(QStyledItemDelegate):
    """A line of figures, a bar for how often, and the note below."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        line = index.data(Qt.ItemDataRole.UserRole)
        return QSize(100, _ROW + (_NOTE if line.note else 0))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        line: Line = index.data(Qt.ItemDataRole.UserRole)
        box = QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("selection" if chosen else "hover"))
            painter.drawRoundedRect(box.adjusted(0, 1, 0, -1), 4, 4)
        at = columns(box.width())
        top, spurious = box.top(), line.note.startswith("Likely")
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

        def write(column: str, words: str, colour: str, weight: int = 400, size: int = 12) -> None:
            left, end = at[column]
            painter.setFont(theme.font(size, weight))
            painter.setPen(theme.colour(colour))
            painter.drawText(QRectF(box.left() + left, top, end - left, _ROW), right, words)

        write("rank", str(line.rank), "text3", size=11)
        write("figure", line.figure, "text2" if spurious else "text", 500)
        write("behind", line.behind, "text2", size=11)
        write("iterations", count(line.iterations), "text3", size=11)
        left, end = at["starts"]
        words = count(line.starts)
        face = QFontMetricsF(theme.font(11, 500))
        room = max(end - left - max(face.horizontalAdvance(words), face.horizontalAdvance("000")) - 4, 4.0)
        bar = QRectF(box.left() + left, top + _ROW / 2 - 3, max(2.0, room * line.share), 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("ink" if chosen else "bound"))
        painter.drawRoundedRect(bar, 2, 2)
        write("starts", words, "text", 500, 11)
        if line.note:
            painter.setFont(theme.font(11))
            painter.setPen(theme.colour("text2"))
            below = QRectF(box.left() + 26, top + _ROW - 4, box.width() - 34, _NOTE)
            said = painter.fontMetrics().elidedText(line.note, Qt.TextElideMode.ElideRight, int(below.width()))
            painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, said)
        painter.restore()


class OptimaHeader(QWidget):
    """The names of the columns."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._figure = ""
        self.setFixedHeight(22)
        theme.notifier.changed.connect(self.update)

    def name_figure(self, name: str) -> None:
        """What the starts are compared by: `log L`, or the cost's name."""
        if name != self._figure:
            self._figure = name
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font(11))
        painter.setPen(theme.colour("text2"))
        named = {"figure": self._figure, "behind": "\u0394 best", "starts": "reached", "iterations": "iter."}
        for column, words in named.items():
            left, right = columns(self.width())[column]
            flag = Qt.AlignmentFlag.AlignLeft if column == "starts" else Qt.AlignmentFlag.AlignRight
            painter.drawText(QRectF(left, 0, right - left, 20), flag | Qt.AlignmentFlag.AlignVCenter, words)
        painter.fillRect(QRect(0, self.height() - 1, self.width(), 1), theme.colour("hairline"))


class OptimaList(QListView):
    """`shown(Line)`: a click or an arrow key came to this line; `taken(Line)`: Enter or a double click wants to go on."""

    shown = Signal(object)
    taken = Signal(object)
    LEAST = 96

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("optima")
        self.setAccessibleName("Optima, best first")
        self.optima = OptimaModel()
        self.setModel(self.optima)
        self.setItemDelegate(_Painter(self))
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.clicked.connect(lambda index: self._tell(self.shown, index))
        self.doubleClicked.connect(lambda index: self._tell(self.taken, index))
        theme.notifier.changed.connect(self.viewport().update)

    def sizeHint(self) -> QSize:
        return QSize(256, self.LEAST)  # it takes what the panel has left, and scrolls

    def line(self) -> Line | None:
        """The line chosen."""
        chosen = self.selectionModel().selectedIndexes()
        return self.optima.lines[chosen[0].row()] if chosen else None

    def show_lines(self, new: list[Line], end: End | None) -> None:
        """Show these lines, the one of `end` chosen; the view and the keys stay where they were."""
        at, current = self.verticalScrollBar().value(), self.currentIndex().row()
        self.optima.show_lines(new)
        row = next((i for i, x in enumerate(new) if x.end is end), -1)
        if row >= 0:
            self.choose(row)
        else:
            self.selectionModel().clearSelection()
            if 0 <= current < len(new):
                keep = QItemSelectionModel.SelectionFlag.NoUpdate
                self.selectionModel().setCurrentIndex(self.optima.index(current), keep)
        self.verticalScrollBar().setValue(at)

    def choose(self, row: int) -> None:
        index = self.optima.index(row)
        self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._tell(self.taken, self.currentIndex())
            return
        before = self.currentIndex().row()
        super().keyPressEvent(event)
        if self.currentIndex().isValid() and (self.currentIndex().row() != before or event.key() == Qt.Key.Key_Space):
            self._tell(self.shown, self.currentIndex())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Only a click shows a line: to drag over them is none."""
        if event.buttons() == Qt.MouseButton.NoButton:
            super().mouseMoveEvent(event)

    def _tell(self, signal: Any, index: Index) -> None:
        signal.emit(self.optima.lines[index.row()])


class StartsStrip(QWidget):
    """Where all starts ended on one axis: how many in each place, the optimum shown in ink."""

    HEIGHT, AXIS = 58, 16

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setFixedHeight(self.HEIGHT)
        self._figures: list[float] = []
        self._chosen: float | None = None
        theme.notifier.changed.connect(self.update)

    def show_figures(self, figures: list[float], chosen: float | None) -> None:
        self._figures, self._chosen = figures, chosen
        n = len(figures)
        if n:
            words = f"{_starts(n)} from {figure_text(min(figures))} to {figure_text(max(figures))}"
            self.setAccessibleName(words)
            self.setToolTip(words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._figures:
            return
        painter = QPainter(self)
        low, high = min(self._figures), max(self._figures)
        base, width, step = self.height() - self.AXIS, self.width(), 4
        places = max(width // step, 1)

        def place(value: float) -> int:
            return places // 2 if high == low else min(int((value - low) / (high - low) * places), places - 1)

        heaps = [0] * places
        for value in self._figures:
            heaps[place(value)] += 1
        chosen = None if self._chosen is None else place(min(max(self._chosen, low), high))
        painter.fillRect(QRect(0, base, width, 1), theme.colour("axis"))
        for i, heap in enumerate(heaps):
            if heap:
                tall = max(3.0, heap / max(heaps) * (base - 2))
                fill = QColor(theme.colour("ink" if i == chosen else "bound"))
                painter.fillRect(QRectF(i * step, base - tall, step - 1, tall), fill)
        painter.setFont(theme.font(11))
        painter.setPen(theme.colour("text3"))
        box = QRectF(0, base + 1, width, self.AXIS)
        if high > low:
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, number(low, 5))
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number(high, 5))
        else:
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, number(high, 5))
