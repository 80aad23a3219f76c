"""Each coin's bias on [0, 1]: its letter on a line, above it the likelihood that the expected counts give every bias.

    biases = Biases(session, refresher)
    biases.where(1)                 the middle of coin B's letter on the widget, for tests and scripts

The E-step reshapes the curves, the M-step moves each letter under the top of its curve. A letter can be dragged; with
the focus 1-9 pick a coin and Alt with Left and Right nudge it, Shift ten times as far.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from emstudio.core.em import Moment
from emstudio.core.format import number
from emstudio.core.marks import Disc, View
from emstudio.core.trials import likelihood
from emstudio.gui import theme, vector
from emstudio.gui.coins_view import expected_of
from emstudio.gui.items import FILL_ALPHAS, faded, line_pen
from emstudio.gui.letters import Trail
from emstudio.gui.pulls import Pulls
from emstudio.gui.refresh import Refresher
from emstudio.gui.samples import paint_disc
from emstudio.gui.trails import Trails
from emstudio.session import Session

VIEW = View("biases", (), title="Biases")
HEAD, FOOT = 62.0, 78.0  # px above the curves (title, values) and below (line of letters, ticks, label)
SIDE = 20.0
DISC = 20.0
_X = np.linspace(0.0, 1.0, 401)


class Biases(Pulls, QWidget):
    """The picture of the biases of the newest moment."""

    component_picked = Signal(object)

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self.start_pulls("biases", "Biases", session)
        self.discs: tuple[Disc, ...] = ()
        self.expected = np.empty((0, 2))
        self._trails, self._trail = Trails(), None
        self._picked: int | None = None
        self._ringed = False
        self.follow(refresher)

    # -- what is shown -------------------------------------------------------------------------------------------------
    def show_moment(self, moment: Moment) -> None:
        """Show the biases of a moment, with the curves of its responsibilities."""
        if moment.model.name != "coins":
            return
        self.moment = moment
        params = moment.snapshot.params
        drawing = moment.model.draw(moment.data, params, VIEW)
        self.discs = tuple(m for m in drawing.marks if isinstance(m, Disc))
        self.expected = expected_of(moment)
        node = self._session.history.current
        self._trail = self._trails.trail(node if node is not None and node.moment is moment else None, VIEW)
        if self._picked is not None and self._picked >= len(self.discs):
            self.pick_component(None)
        self.setAccessibleDescription(
            ", ".join(f"coin {theme.letter(d.component)} {number(b, 4)}" for d, b in self._at())
        )
        self.update()

    def recolour(self) -> None:
        """Take the colours of the theme in force."""
        self.update()

    def _at(self) -> list[tuple[Disc, float]]:
        return [(d, float(d.position[0])) for d in self.discs]

    def bias(self, k: int) -> float:
        """The bias shown for coin `k`."""
        return next(b for d, b in self._at() if d.component == k)

    @property
    def picked_component(self) -> int | None:
        return self._picked

    def pick_component(self, k: int | None) -> None:
        """Ring a coin's letter; keys nudge it."""
        if k is not None and all(d.component != k for d in self.discs):
            return
        if k != self._picked:
            self._picked = k
            self.component_picked.emit(k)
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(356, 266)

    # -- pixels --------------------------------------------------------------------------------------------------------
    @property
    def plot(self) -> QRectF:
        """Where the curves are."""
        return QRectF(SIDE, HEAD, max(self.width() - 2 * SIDE - 4, 10), max(self.height() - HEAD - FOOT, 10))

    @property
    def line(self) -> float:
        """The y of the line on which the letters stand."""
        return self.plot.bottom() + 20.0

    def x_of(self, bias: float) -> float:
        return self.plot.left() + bias * self.plot.width()

    def where(self, k: int) -> QPoint:
        """The middle of a coin's letter."""
        return QPoint(round(self._places()[k]), round(self.line))

    def _places(self) -> dict[int, float]:
        """Where each letter stands: at its bias, moved aside as far as letters would lie upon each other."""
        at = sorted(self._at(), key=lambda found: (found[1], found[0].component))
        spread = apart([self.x_of(b) for _, b in at], DISC - 2.0, self.plot.left() - 8, self.plot.right() + 8)
        return {d.component: x for (d, _), x in zip(at, spread, strict=True)}

    # -- painting ------------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.colour("canvas"))
        self._paint_paper(painter)
        curves = [(k, likelihood(h, t, _X)) for k, (h, t) in enumerate(self.expected) if h + t > 0]
        for k, y in curves:
            self._paint_curve(painter, k, y)
        self._paint_line(painter)
        self._paint_trail(painter)
        self._paint_letters(painter)
        if self._ringed:
            painter.setPen(QPen(theme.colour("ink"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    def _paint_paper(self, painter: QPainter) -> None:
        painter.setFont(theme.font(12, 600))
        painter.setPen(theme.colour("text"))
        painter.drawText(QRectF(16, 0, 80, 28), Qt.AlignmentFlag.AlignVCenter, "Biases")
        after = 24 + painter.fontMetrics().horizontalAdvance("Biases")
        painter.setFont(theme.font(12))
        painter.setPen(theme.colour("text3"))
        if not vector.printed():
            painter.drawText(QRectF(after, 0, 200, 28), Qt.AlignmentFlag.AlignVCenter, "drag a letter")
        plot = self.plot
        painter.setFont(theme.font(11))
        for i in range(6):
            x = round(self.x_of(i / 5)) + 0.5
            painter.setPen(QPen(theme.colour("grid"), 1))
            painter.drawLine(QPointF(x, plot.top() - 30), QPointF(x, plot.bottom()))
            painter.setPen(theme.colour("text2"))
            box = QRectF(x - 20, self.line + 14, 40, 18)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, number(i / 5, decimals=1, trim=True))
        painter.setFont(theme.font(12))
        label = QRectF(plot.left(), self.line + 34, plot.width(), 18)
        painter.drawText(label, Qt.AlignmentFlag.AlignCenter, "bias \u03b8, probability of heads")

    def _paint_curve(self, painter: QPainter, k: int, y: np.ndarray) -> None:
        plot = self.plot
        points = [
            QPointF(a, b)
            for a, b in zip(
                (plot.left() + _X * plot.width()).tolist(), (plot.bottom() - y * plot.height()).tolist(), strict=True
            )
        ]
        colour = theme.component_colour(k)
        fill = QPainterPath()
        fill.addPolygon(QPolygonF([plot.bottomLeft(), *points, plot.bottomRight()]))
        painter.fillPath(fill, faded(colour, FILL_ALPHAS[0] + 0.01))
        painter.setPen(line_pen(colour, 2.0, k))
        painter.drawPolyline(QPolygonF(points))

    def _paint_line(self, painter: QPainter) -> None:
        plot, y = self.plot, self.line
        painter.setPen(QPen(theme.colour("axis"), 1))
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
        for x in (plot.left(), plot.right()):
            painter.drawLine(QPointF(x, y - 5), QPointF(x, y + 5))

    def _paint_trail(self, painter: QPainter) -> None:
        trail: Trail | None = self._trail
        if trail is None:
            return
        y = self.line
        for i, places in enumerate(trail.places):
            first = i == 0 and trail.started
            if not first and i < len(trail.places) - 6:
                continue  # the last six; EM walks much in place
            for k, place in enumerate(places):
                x = self.x_of(float(place[0]))
                painter.setPen(QPen(theme.component_colour(k), 1.5))
                painter.setBrush(theme.colour("canvas"))
                if first:
                    painter.drawRect(QRectF(x - 3.5, y - 3.5, 7, 7))
                else:
                    painter.drawEllipse(QPointF(x, y), 3.5, 3.5)

    def _paint_letters(self, painter: QPainter) -> None:
        plot, places = self.plot, self._places()
        order = sorted(self._at(), key=lambda found: found[0].component == self._picked)
        for d, b in order:
            x, k = self.x_of(b), d.component
            painter.setPen(QPen(faded(theme.component_colour(k), 0.8), 1.25))
            painter.drawLine(QPointF(x, plot.top() - 6), QPointF(x, self.line))
        self._paint_values(painter)
        for d, b in order:
            k, centre = d.component, QPointF(places[d.component], self.line)
            if abs(places[k] - self.x_of(b)) > 1:
                painter.setPen(QPen(theme.component_colour(k), 1.5))
                painter.drawLine(QPointF(self.x_of(b), self.line - DISC / 2 - 2), QPointF(centre.x(), self.line))
            paint_disc(painter, centre, DISC + 4, k, theme.colour("canvas"))
            if k == self._picked:
                painter.setPen(QPen(theme.colour("text"), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(centre, DISC / 2 + 3, DISC / 2 + 3)

    def _paint_values(self, painter: QPainter) -> None:
        """The biases in numbers above their places, moved aside where they would overlap."""
        painter.setFont(theme.font(13, 600))
        at = sorted(self._at(), key=lambda found: (found[1], found[0].component))
        words = [number(b, decimals=4) for _, b in at]
        width = max((painter.fontMetrics().horizontalAdvance(w) for w in words), default=0) + 10.0
        if width * len(at) > self.width() - 8:
            return
        spots = apart([self.x_of(b) for _, b in at], width, width / 2 + 2, self.width() - width / 2 - 2)
        for (d, _), word, x in zip(at, words, spots, strict=True):
            painter.setPen(theme.colour("text") if len(at) <= 2 else theme.component_text(d.component))
            painter.drawText(QRectF(x - width / 2, HEAD - 30, width, 20), Qt.AlignmentFlag.AlignCenter, word)

    # -- mouse ---------------------------------------------------------------------------------------------------------
    def _coin_at(self, place: QPointF) -> int | None:
        if abs(place.y() - self.line) > DISC / 2 + 4:
            return None
        near = [(abs(x - place.x()), k != self._picked, k) for k, x in self._places().items()]
        found = min(near, default=None)
        return found[2] if found is not None and found[0] <= DISC / 2 + 4 else None

    pull_cursor = Qt.CursorShape.SizeHorCursor

    def thing_at(self, place: QPointF) -> int | None:
        return self._coin_at(place)

    def centre_of(self, thing: int) -> QPointF:
        return QPointF(self.x_of(self.bias(thing)), self.line)

    def pressed_on(self, thing: object) -> None:
        self.pick_component(thing)  # type: ignore[arg-type]

    def carry(self, thing: int, place: QPointF) -> None:
        """Move a coin's letter along the line."""
        self._drag(thing, (place.x() - self.plot.left()) / self.plot.width())

    def tip(self, place: QPointF) -> str:
        k = self._coin_at(place)
        if k is None:
            return ""
        return f"Coin {theme.letter(k)}: bias {number(self.bias(k), 6)}. Drag it, or Alt+Left and Alt+Right"

    def _drag(self, k: int, bias: float) -> None:
        bias = min(max(bias, 0.0), 1.0)
        handle = next((d.handle for d in self.discs if d.component == k), None)

        def move() -> bool:
            if handle is None or self._session.moment.model.name != "coins":
                return False
            self._session.drag(handle, VIEW, (bias, 0.0))
            return self._session.moment.snapshot.params is not None

        self.stroke.edit("drag", move)

    # -- keyboard ------------------------------------------------------------------------------------------------------
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, held = event.key(), event.modifiers()
        if Qt.Key.Key_1 <= key <= Qt.Key.Key_9 and not held & ~Qt.KeyboardModifier.KeypadModifier:
            self.pick_component(key - Qt.Key.Key_1)
        elif held & Qt.KeyboardModifier.AltModifier and key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = 0.01 if held & Qt.KeyboardModifier.ShiftModifier else 0.001
            self.nudge(step if key == Qt.Key.Key_Right else -step)
        elif key == Qt.Key.Key_Escape:
            self.pick_component(None)
        else:
            super().keyPressEvent(event)

    def nudge(self, by: float) -> None:
        """Move the picked coin's bias."""
        if self._picked is not None:
            k, bias = self._picked, self.bias(self._picked) + by
            self.once(lambda: self._drag(k, bias))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._ringed = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._ringed = False
        self.update()


def apart(places: list[float], least: float, low: float, high: float) -> list[float]:
    """Ascending `places` moved so that neighbours are at least `least` apart, as little as possible, within low..high.

    Groups that would overlap are centred about their mean, as in isotonic regression.
    """
    groups: list[list[float]] = []  # [sum of the offsets' origins, members]
    for i, place in enumerate(places):
        groups.append([place - i * least, 1.0])
        while len(groups) > 1 and groups[-2][0] / groups[-2][1] > groups[-1][0] / groups[-1][1]:
            total, members = groups.pop()
            groups[-1][0] += total
            groups[-1][1] += members
    origins = [total / members for total, members in groups for _ in range(int(members))]
    made = [o + i * least for i, o in enumerate(origins)]
    if made:
        made = [max(x, low + i * least) for i, x in enumerate(made)]
        made = [min(x, high - (len(made) - 1 - i) * least) for i, x in enumerate(made)]
    return made


__all__ = ["VIEW", "Biases", "apart"]
