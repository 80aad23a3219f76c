"""The caption above the canvas: one sentence on this half-step, one on the next."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from emstudio.core.em import Moment
from emstudio.core.errors import Notice
from emstudio.core.posterior import Posterior
from emstudio.gui.refresh import Refresher
from emstudio.gui.sentences import Facts, Sentences, sentences, undecided
from emstudio.gui.widgets import Caption
from emstudio.session import Session

COUNTED_WHILE_RUNNING = 2_000_000  # responsibilities; beyond, the undecided are counted when the run rests


class CaptionBar(Caption):
    """Says what happened and what comes next, from the newest moment."""

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("caption")
        self._session = session
        self._trouble: tuple[Moment, Notice] | None = None
        self._counted: tuple[Posterior | None, int | None] = (None, None)
        self._said: Sentences | None = None
        refresher.draw.connect(self._draw)
        session.trouble.connect(self._on_trouble)
        session.running_changed.connect(lambda on: None if on else self._draw(session.moment))
        session.settings_changed.connect(lambda: self._draw(session.moment))
        self._table = session.data.table.name
        self._draw(session.moment)

    def sentences(self) -> Sentences:
        """What is said now."""
        assert self._said is not None
        return self._said

    def _on_trouble(self, notice: Notice) -> None:
        self._trouble = (self._session.moment, notice)
        self._draw(self._session.moment)

    def _draw(self, moment: Moment) -> None:
        node = self._session.history.current
        assert node is not None
        if self._trouble is not None and self._trouble[0] is not moment:
            self._trouble = None
        before = node.parent
        while before is not None and moment.snapshot.phase == "edit" and _same_gesture(before, node):
            before = before.parent
        said = sentences(moment, None if before is None else before.moment, self._facts(moment, node.title))
        if said != self._said:
            self._said = said
            self.say(*said)
        if moment.data.table.name != self._table:  # what another table's sentences needed is given back
            self._table = moment.data.table.name
            self.give_back()

    def _facts(self, moment: Moment, edit: str) -> Facts:
        running = self._session.running
        phase = moment.snapshot.phase
        return Facts(
            running=running,
            verdict=self._session.verdict() if phase in ("M", "E") and not running else Facts.verdict,
            obstacle=self._session.obstacle if phase == "data" and moment.data.n else None,
            trouble=None if self._trouble is None else self._trouble[1],
            undecided=self._undecided(moment, running),
            edit=edit,
        )

    def _undecided(self, moment: Moment, running: bool) -> int | None:
        posterior = moment.snapshot.posterior
        if moment.snapshot.phase != "E" or posterior is None or posterior.resp is None:
            return None
        if running and posterior.resp.size > COUNTED_WHILE_RUNNING:
            return None
        if self._counted[0] is not posterior:
            self._counted = (posterior, undecided(posterior.resp))
        return self._counted[1]


def _same_gesture(before, node) -> bool:
    return node.gesture is not None and before.gesture == node.gesture
