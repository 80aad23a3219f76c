"""The model as a plate diagram, and the joint probability below it: what is seen is filled, what is hidden is hollow.

The section is shown where the side panel has room for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from emstudio.core.em import Moment
from emstudio.core.format import count
from emstudio.core.plate import Plate
from emstudio.gui import theme
from emstudio.gui.chain_formula import Formulas, Part, Words
from emstudio.gui.refresh import Refresher
from emstudio.gui.widgets import hline, text
from emstudio.session import Session

RADIUS = 18.0  # px of a quantity of a row
DOT = 4.0  # px of a parameter
HEIGHT, LOW = 112, 84  # px: two rows of a chain, one row of a mixture


class ModelSection(QWidget):
    """Title, diagram and joint probability of the model shown."""

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("model_section")
        self.diagram = Diagram()
        self.joint = Formulas("Joint probability of the rows and their components")
        self._note = text("", "unit")
        self._shown: tuple[object, ...] = ()
        head = QHBoxLayout()
        head.addWidget(text("What depends on what", "title"))
        head.addStretch(1)
        head.addWidget(self._note)
        inner = QVBoxLayout()
        inner.setContentsMargins(16, 8, 16, 4)
        inner.setSpacing(6)
        inner.addLayout(head)
        inner.addWidget(self.diagram)
        inner.addWidget(self.joint)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(0)
        column.addWidget(hline())
        column.addLayout(inner)
        refresher.draw.connect(self.show_moment)
        theme.notifier.changed.connect(self._repaint)
        self.show_moment(session.moment)

    def show_moment(self, moment: Moment) -> None:
        """Show the model of a moment."""
        if self._shown and self._shown[0] is moment.model and self._shown[1] is moment.data:
            return
        self._shown = (moment.model, moment.data)
        plate = moment.model.plate(moment.data)
        self._note.setText("seen filled" if plate.known else "seen filled, hidden hollow")
        self.diagram.show_plate(plate, moment.data.n)
        self.joint.show_lines([joint(plate)])

    def _repaint(self) -> None:
        self.diagram.update()
        self.joint.update()


def joint(plate: Plate) -> list[Part]:
    """The joint probability of rows and components, or what is lowered instead."""
    row = "t" if plate.chain else "n"
    own = [Words(symbol, sub="z") for symbol in plate.symbols if symbol != "z"]
    if plate.cost:
        name = Words(f"{plate.cost} = Σ")
        return [name, Words("(x", sub=row), Words("\u2212"), *own, Words(")\u00b2")]
    made: list[Part] = [Words("p(x, z) ="), Words("∏", sub=row)]
    if plate.chain:
        made += [Words("P(z", sub="t\u22121"), Words("\u2192"), Words("z", sub="t"), Words(")")]
    elif not plate.known:
        made += [Words("π", sub="z")]
    if plate.symbols == ("z", "σ²"):
        return [*made, Words("N(x", sub="t"), Words("|"), Words("z", sub="t"), Words(", σ²)")]
    made += [Words(f"{plate.law}(x", sub=row), Words("|")]
    for i, word in enumerate(own):
        made += [Words(","), word] if i else [word]
    return [*made, Words(")")]


class Diagram(QWidget):
    """The plate: one row in a frame, or two steps of a chain; parameters are dots outside."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("plate_diagram")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._plate: Plate | None = None
        self._rows = 0

    def show_plate(self, plate: Plate, rows: int) -> None:
        """Show how a row of `rows` comes about."""
        self._plate, self._rows = plate, rows
        self.setAccessibleName("Plate diagram")
        self.setAccessibleDescription(words(plate))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, HEIGHT if self._plate is not None and self._plate.chain else LOW)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._plate is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._plate.chain:
            self._paint_chain(painter, self._plate)
        else:
            self._paint_row(painter, self._plate)

    def _paint_row(self, painter: QPainter, plate: Plate) -> None:
        """π → z → x ← θ, with the row's own quantities in the frame."""
        middle, step = self.height() / 2.0 - 8, 64.0
        frame = QRectF(0, 2, step + 2 * RADIUS + 44, self.height() - 4)
        frame.moveCenter(QPointF(self.width() / 2, frame.center().y()))
        self._paint_frame(painter, frame, f"n = 1 \u2026 {count(self._rows)}")
        hidden = QPointF(frame.left() + 22 + RADIUS, middle)
        seen = hidden + QPointF(step, 0)
        weights, own = QPointF(frame.left() - 44, middle), QPointF(frame.right() + 44, middle)
        self._paint_arrow(painter, hidden, seen, RADIUS, RADIUS)
        if not plate.known and not plate.cost:
            self._paint_arrow(painter, weights, hidden, DOT, RADIUS)
            self._paint_parameter(painter, weights, "π")
        self._paint_arrow(painter, own, seen, DOT, RADIUS)
        self._paint_parameter(painter, own, " ".join(plate.symbols))
        self._paint_node(painter, hidden, "z", "n", plate.known)
        self._paint_node(painter, seen, "x", "n", True)

    def _paint_chain(self, painter: QPainter, plate: Plate) -> None:
        """Two steps: z → z above, each with its x below; the transitions and the law stand beside."""
        step, top, low = 96.0, RADIUS + 4, self.height() - RADIUS - 4
        left = (self.width() - step) / 2
        hidden = [QPointF(left + i * step, top) for i in range(2)]
        seen = [QPointF(left + i * step, low) for i in range(2)]
        before, after = QPointF(left - 62, top), QPointF(left + step + 62, top)
        self._paint_arrow(painter, before, hidden[0], 0, RADIUS)
        self._paint_arrow(painter, hidden[0], hidden[1], RADIUS, RADIUS)
        self._paint_arrow(painter, hidden[1], after, RADIUS, 0)
        for a, b in zip(hidden, seen, strict=True):
            self._paint_arrow(painter, a, b, RADIUS, RADIUS)
        own = QPointF(left + step + 74, low)
        self._paint_arrow(painter, own, seen[1], DOT, RADIUS)
        self._paint_parameter(painter, own, " ".join(s for s in plate.symbols if s != "z"))
        for place, name in zip(hidden, ("t\u22121", "t"), strict=True):
            self._paint_node(painter, place, "z", name, False)
        for place, name in zip(seen, ("t\u22121", "t"), strict=True):
            self._paint_node(painter, place, "x", name, True)

    @staticmethod
    def _paint_frame(painter: QPainter, frame: QRectF, words: str) -> None:
        painter.setPen(QPen(theme.colour("border"), 1))
        painter.setBrush(theme.colour("canvas"))
        painter.drawRoundedRect(frame, 6, 6)
        painter.setFont(theme.font(11))
        painter.setPen(theme.colour("text2"))
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom
        painter.drawText(frame.adjusted(8, 0, -8, -4), flags, words)

    @staticmethod
    def _paint_node(painter: QPainter, place: QPointF, name: str, row: str, seen: bool) -> None:
        painter.setPen(QPen(theme.colour("text2"), 1.5))
        painter.setBrush(theme.colour("bound" if seen else "panel"))
        painter.drawEllipse(place, RADIUS, RADIUS)
        label = Words(name, sub=row)
        label.paint(painter, place.x() - label.width(14) / 2, place.y() - 1, 14)

    @staticmethod
    def _paint_parameter(painter: QPainter, place: QPointF, name: str) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("text2"))
        painter.drawEllipse(place, DOT, DOT)
        painter.setFont(theme.font(13))
        painter.setPen(theme.colour("text"))
        painter.drawText(QRectF(place.x() - 36, place.y() - 26, 72, 20), Qt.AlignmentFlag.AlignCenter, name)

    @staticmethod
    def _paint_arrow(painter: QPainter, origin: QPointF, goal: QPointF, before: float, after: float) -> None:
        """From the edge of one mark to that of the next."""
        way = goal - origin
        length = (way.x() ** 2 + way.y() ** 2) ** 0.5
        along = way / length
        across = QPointF(-along.y(), along.x())
        tail, tip = origin + along * before, goal - along * (after + 1)
        painter.setPen(QPen(theme.colour("text2"), 1.25))
        painter.drawLine(tail, tip - along * 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("text2"))
        painter.drawPolygon(QPolygonF([tip, tip - along * 8 + across * 3.5, tip - along * 8 - across * 3.5]))


def words(plate: Plate) -> str:
    """The diagram in words, for who cannot see it."""
    own = _listed([s for s in plate.symbols if s != "z"])
    if plate.chain:
        return f"The hidden state z of a step depends on the state before; the value x is drawn from it, with {own}."
    which = "seen" if plate.known else "hidden"
    return f"The component z of a row is {which}; its value x depends on z and on the component's {own}."


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


__all__ = ["Diagram", "ModelSection", "joint", "words"]
