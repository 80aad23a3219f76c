"""The log-likelihood over the biases of two coins: a quiet map with contours, the way EM walked, and where it stands.

    landscape = LandscapeView(session, refresher)
    landscape.place(0.7, 0.5)           where a pair of biases is on the widget, for tests and scripts

It is computed beside the window's thread and kept as long as nothing but these two biases changes. The dashed oval is
the set in which the bound F of the step shown lies above the log-likelihood from where the step started: the M-step
goes to its highest point. The point shown can be dragged.
"""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QPointF, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QWidget

from emstudio.core.em import Moment
from emstudio.core.format import number
from emstudio.core.history import Node
from emstudio.core.marks import Handle, View
from emstudio.gui import theme
from emstudio.gui.coins_view import expected_of
from emstudio.gui.heat import oval
from emstudio.gui.landscape_map import LandscapeMap
from emstudio.gui.pulls import Pulls
from emstudio.gui.refresh import Refresher
from emstudio.gui.trails import Trails
from emstudio.models.coin_landscape import Area, Landscape, Question, answer, question, same
from emstudio.session import Session

VIEW = View("landscape", (), title="Landscape")
_BIASES = View("biases", ())
_KEY = "landscape"


class LandscapeView(Pulls, LandscapeMap):
    """The picture of the landscape of the newest moment, for two of its coins."""

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self.start_pulls("landscape", "Log-likelihood landscape", session)
        self._question: Question | None = None  # that `answer` answers
        self._asked: Question | None = None
        self._trails = Trails()
        self.first_box, self.second_box = self._box("first"), self._box("second")
        session.jobs.done.connect(self._on_done)
        session.jobs.failed.connect(self._on_failed)
        self.follow(refresher)

    def _box(self, name: str) -> QComboBox:
        box = QComboBox(self)
        box.setObjectName(f"{name}_coin")
        box.setAccessibleName(f"The {name} coin of the landscape")
        box.setFixedSize(54, 26)
        box.activated.connect(lambda _: self._choose())
        box.hide()
        return box

    # -- what is shown -------------------------------------------------------------------------------------------------
    def show_moment(self, moment: Moment) -> None:
        """Show where a moment stands; the map follows when it has been computed."""
        if moment.model.name != "coins":
            return
        self.moment = moment
        self._fill_boxes()
        if max(self.pair) >= moment.model.k:
            self.pair = (0, 1)
        node = self._session.history.current
        node = node if node is not None and node.moment is moment else None
        trail = self._trails.trail(node, _BIASES)
        i, j = self.pair
        self.hint = self._hint()
        self.at = self._place_of(moment)
        self.way = np.empty((0, 2))
        if trail is not None and j < trail.places.shape[1]:
            self.way = trail.places[:, [i, j], 0]
        self.started = trail is None or trail.started
        self.oval = self._surrogate(node)
        self.ask()
        self.setAccessibleDescription(self.words())
        self.update()

    def _place_of(self, moment: Moment) -> tuple[float, float] | None:
        """The two biases, where they belong on a map."""
        params = moment.snapshot.params
        if params is None or self.hint:
            return None
        i, j = self.pair
        return float(params.biases[i]), float(params.biases[j])

    def _hint(self) -> str:
        if self.moment.model.k < 2:
            return "A landscape over two biases needs two coins: add one with A, or in the model panel."
        return "The landscape appears with the start." if self.moment.snapshot.params is None else ""

    def words(self) -> str:
        """The picture in a few words, for who cannot see it."""
        if self.at is None:
            return ""
        a, b = (theme.letter(k) for k in self.pair)
        words = f"coin {a} {number(self.at[0])}, coin {b} {number(self.at[1])}"
        if self.answer is not None and self.answer.top is not None:
            words += f"; highest at {number(self.answer.top[0])}, {number(self.answer.top[1])}"
        return words

    def sizeHint(self) -> QSize:
        return QSize(330, 266)

    def ask(self) -> None:
        """Have the map computed that belongs to the moment shown, unless it is known or not in sight."""
        params, at = self.moment.snapshot.params, self.at
        if at is None or not self.moment.data.n:
            self._question = self._asked = None
            self.show_answer(None)
            return
        if not self.isVisible():
            return
        coins = self.moment.model.coins  # type: ignore[attr-defined]
        near = np.concatenate([self.way.ravel(), at])
        wanted: Area = (
            max(math.floor(float(near.min()) * 20) / 20, 0.0),
            min(math.ceil(float(near.max()) * 20) / 20, 1.0),
        )
        last = self._asked if self._asked is not None else self._question
        if last is not None and last.area is not None and last.pair == self.pair:
            kept = question(self.moment.data, params, self.pair, last.area, coins)
            seen = self.area if last is self._question and self.answer is not None else last.area
            if same(last, kept) and seen[0] <= wanted[0] and wanted[1] <= seen[1]:
                return
            if np.array_equal(last.heads, kept.heads) and np.array_equal(last.tails, kept.tails):
                wanted = min(wanted[0], last.area[0]), max(wanted[1], last.area[1])
        self._asked = question(self.moment.data, params, self.pair, wanted, coins)
        self._session.jobs.ask(_KEY, answer, self._asked)

    def _on_done(self, key: str, asked: object, found: object) -> None:
        if key != _KEY or not isinstance(asked, Question) or not isinstance(found, Landscape):
            return
        if asked.pair != self.pair or self.at is None:
            return
        self._question = asked
        if asked is self._asked:
            self._asked = None
        self.show_answer(found)
        self.setAccessibleDescription(self.words())

    def _on_failed(self, key: str, asked: object, error: Exception) -> None:
        if key == _KEY and asked is self._asked:
            self._asked = None
            self._session.failed.emit(f"The landscape could not be computed ({type(error).__name__}: {error}).")

    def _surrogate(self, node: Node | None) -> list[np.ndarray]:
        """The outline of where the bound F is above the log-likelihood at which its step started."""
        made = node
        while made is not None and made.moment.snapshot.phase == "M":
            made = made.parent
        if (
            node is None
            or made is None
            or made.moment.snapshot.phase != "E"
            or made.moment.data is not self.moment.data
        ):
            return []
        counts = expected_of(made.moment)
        i, j = self.pair
        if self.at is None or max(self.pair) >= len(counts) or self.moment.how.kind not in ("soft", "annealed"):
            return []
        biases = made.moment.snapshot.params.biases
        return oval(counts[i], counts[j], (float(biases[i]), float(biases[j])))

    # -- which coins ---------------------------------------------------------------------------------------------------
    def _fill_boxes(self) -> None:
        k = self.moment.model.k
        for box, chosen in zip((self.first_box, self.second_box), self.pair, strict=True):
            letters = [theme.letter(i) for i in range(k)]
            if [box.itemText(i) for i in range(box.count())] != letters:
                with QSignalBlocker(box):
                    box.clear()
                    box.addItems(letters)
            with QSignalBlocker(box):
                box.setCurrentIndex(chosen)
            box.setVisible(k > 2)
        self.room = 124 if k > 2 else 0

    def _choose(self) -> None:
        pair = self.first_box.currentIndex(), self.second_box.currentIndex()
        if pair[0] == pair[1]:
            pair = self.pair[::-1]
        self.pair = pair
        self._question = self._asked = None
        self.show_answer(None)
        self.show_moment(self.moment)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.second_box.move(self.width() - 16 - 54, 0)
        self.first_box.move(self.width() - 16 - 54 - 60, 0)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.ask()

    # -- mouse and keyboard --------------------------------------------------------------------------------------------
    def thing_at(self, place: QPointF) -> tuple[int, int] | None:
        """The pair of coins whose point is at a place."""
        if self.at is None:
            return None
        here = self.place(*self.at)
        return self.pair if math.hypot(place.x() - here.x(), place.y() - here.y()) <= 10 else None

    def centre_of(self, thing: object) -> QPointF:
        assert self.at is not None
        return self.place(*self.at)

    def carry(self, thing: object, place: QPointF) -> None:
        """Move the point shown, and with it two biases."""
        self._move_to(self.biases_at(place))

    def _move_to(self, place: tuple[float, float]) -> None:
        i, j = self.pair

        def move() -> bool:
            moment = self._session.moment
            if moment.model.name != "coins" or moment.snapshot.params is None or max(i, j) >= moment.model.k:
                return False
            self._session.drag(Handle("biases", i, j), VIEW, place)
            return True

        self.stroke.edit("drag", move)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}
        held = event.modifiers()
        if held & Qt.KeyboardModifier.AltModifier and event.key() in steps and self.at is not None:
            far = 0.01 if held & Qt.KeyboardModifier.ShiftModifier else 0.001
            dx, dy = steps[Qt.Key(event.key())]
            to = self.at[0] + far * dx, self.at[1] + far * dy
            self.once(lambda: self._move_to(to))
        else:
            super().keyPressEvent(event)

    def tip(self, place: QPointF) -> str:
        """The log-likelihood at a place of the map."""
        if self.answer is None or not self.plot.contains(place):
            return ""
        x, y = self.biases_at(place)
        heat = self.answer.heat
        column, row = int(np.argmin(np.abs(heat.x - x))), int(np.argmin(np.abs(heat.y - y)))
        a, b = (theme.letter(k) for k in self.pair)
        level = number(float(heat.values[row, column]), 5)
        words = f"coin {a} {number(x, 3)}, coin {b} {number(y, 3)}: log-likelihood {level}"
        return words + (". Dashed: inside, the bound F is higher than where this step started" if self.oval else "")
