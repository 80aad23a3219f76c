"""What a new moment is to the one drawn before: other data, or a movement that the eye can follow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QVariantAnimation

from emstudio.gui import motion

if TYPE_CHECKING:
    from emstudio.core.em import Moment
    from emstudio.core.history import Node
    from emstudio.core.marks import Drawing
    from emstudio.gui.picture import Picture
    from emstudio.session import Session


class Changes:
    """Compares what is to be drawn with what was drawn last."""

    def __init__(self, session: Session):
        self._session = session
        self._drawn = (session.history, 0)  # the history when the last picture was drawn, and its length

    def node_of(self, moment: Moment) -> Node | None:
        """The node shown, where it is the moment's."""
        node = self._session.history.current
        return node if node is not None and node.moment is moment else None

    def other_data(self, before: Moment | None, moment: Moment) -> bool:
        """Whether another table or other columns are shown, or the same source read anew: not the same ones edited."""
        if before is None:
            return True
        a, b = before.data, moment.data
        if a is b:
            return False
        if a.names != b.names or (a.table.name, a.table.source) != (b.table.name, b.table.source):
            return True
        node = self.node_of(moment)
        if node is None:
            return False
        while node.parent is not None and node.parent.moment.data is b:
            node = node.parent
        history, length = self._drawn
        return node.cause == "load" and (history is not self._session.history or node.index >= length)

    def drawn(self) -> None:
        """The session's moment was drawn."""
        self._drawn = (self._session.history, len(self._session.history.nodes))


def is_m_step(before: Moment | None, moment: Moment) -> bool:
    """Whether `moment` is an M-step of what was shown before."""
    return (
        before is not None
        and moment.snapshot.phase == "M"
        and before.snapshot.phase == "E"
        and before.data is moment.data
        and before.model == moment.model
    )


class Movement(QObject):
    """Lets the picture's shapes move from one drawing to another; the numbers are the new ones from the start."""

    def __init__(self, picture: Picture, parent: QObject):
        super().__init__(parent)
        self._picture = picture
        self._from = self._to = picture.drawing
        self.animation = QVariantAnimation(self, duration=motion.DURATION, startValue=0.0, endValue=1.0)
        self.animation.valueChanged.connect(self._show)
        self.wanted = True
        self.last = 0.0  # seconds, when the picture changed last

    def rested(self) -> bool:
        """Whether nothing has changed for so long that a movement helps; notes that something changes now."""
        now = time.perf_counter()
        rested, self.last = now - self.last > motion.REST, now
        return rested

    def start(self, old: Drawing, new: Drawing) -> None:
        """Move from `old` to `new`, where one can turn into the other."""
        if motion.alike(old, new):
            self._from, self._to = old, new
            self.animation.start()

    def stop(self) -> None:
        """Another picture follows."""
        self.animation.stop()

    def finish(self) -> None:
        """Be where the movement leads."""
        if self.animation.state() == QVariantAnimation.State.Running:
            self.animation.setCurrentTime(motion.DURATION)

    def _show(self, t: float) -> None:
        eased = 1.0 - (1.0 - t) ** 3
        self._picture.show_drawing(motion.between(self._from, self._to, eased), self._picture.trail)
