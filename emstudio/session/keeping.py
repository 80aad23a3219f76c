"""The session as a file: saved with its whole history, and opened again at the moment that was shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from emstudio.core.data import Table
from emstudio.core.errors import printable
from emstudio.core.history import History, Node
from emstudio.core.model import Model
from emstudio.session.reading import table_read
from emstudio.session.sampling import Sampling
from emstudio.storage import session_file
from emstudio.storage.session_file import Document


class Keeping(Sampling):
    """`path` is the session file that the person saved or opened, "" where there is none.

    `saved(str)`: the session was written to this file.
    """

    saved = Signal(str)

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self.path = ""
        self._kept: tuple[object, ...] = ()  # what was in the file, see `_mark`
        self._judged: tuple[History, dict[int, tuple[Table, bool]]] = (self.history, {})  # nodes, see `_by_hand`

    @property
    def modified(self) -> bool:
        """Whether something was done since the session was saved or opened; False of one that never was."""
        return bool(self.path) and self._mark() != self._kept

    @property
    def at_stake(self) -> bool:
        """Whether to close would lose something: what was done since the session was saved, or rows made by hand that
        are in no file."""
        return self.modified if self.path else self._by_hand()

    def save(self, path: str) -> bool:
        """Write the session to `path`, complete or not at all; one sentence (`failed`) where that cannot be."""

        def go() -> None:
            session_file.save(path, self.document())
            self.path = path
            self._kept = self._mark()

        done = self._guarded(go)
        if done:
            self.saved.emit(path)
        return done

    def document(self) -> Document:
        """What a session file holds."""
        brought = self.start is self._brought
        return Document(
            self.history,
            self.start,
            self.stopping,
            self.how,
            self.accelerated,
            self.seed,
            self.number,
            self.speed,
            brought,
        )

    # -- inside ----------------------------------------------------------------------------------------------------------
    def _read(self, source: str, text: str, name: str) -> None:
        self._reader.ask(printable(name), _anything_read, (source, text, self._model))

    def _on_read(self, name: str, found: object) -> None:
        if not isinstance(found, tuple):
            super()._on_read(name, found)  # type: ignore[arg-type]
            return
        source, document = found
        if not isinstance(document, Document):
            super()._on_read(name, found)
            return
        self._show_document(document, str(Path(source).absolute()))
        self.opened.emit(source)

    def _show_document(self, document: Document, path: str) -> None:
        """The history of a file takes the place of this one; who is told of it finds all of it there."""
        self.pause()
        self._cancel()
        before = self.data
        self.history = document.history
        self.start, self._brought = document.start, document.start if document.brought else None
        self.stopping, self.speed = document.stopping, document.speed
        self.how, self.accelerated = document.how, document.accelerated
        self.seed, self.number = document.seed, document.number
        self._model = self.moment.model
        self._gestures = max((n.gesture for n in self.history.nodes if n.gesture is not None), default=0)
        self.path, self._kept = path, self._mark()
        before.forget()
        self.settings_changed.emit()
        self.data_changed.emit(self.data)
        self.changed.emit(self.moment)
        self._forget_searches()
        self._complete()

    def _mark(self) -> tuple[object, ...]:
        """What changes when a person does something that the file would hold; to look at another moment is nothing."""
        nodes = self.history.nodes
        last = nodes[-1].moment  # a stroke that goes on is one node
        return self.history, len(nodes), last.data.truth, last.model, last.how, self.stopping

    def _by_hand(self) -> bool:
        """Whether rows of the data shown were drawn, typed or moved since they were opened."""
        node = None if self.history.current is None else self.history.current.edit
        while node is not None and node.parent is not None and node.cause == "edit":
            if self._made_by(node):
                return True
            node = node.parent.edit
        return False

    def _made_by(self, edit: Node) -> bool:
        """Whether an edit drew, typed or moved rows; found out once for each table."""
        if self._judged[0] is not self.history:
            self._judged = (self.history, {})
        table, known = edit.moment.data.table, self._judged[1]
        if edit.index not in known or known[edit.index][0] is not table:
            assert edit.parent is not None
            known[edit.index] = (table, changed_cells(edit.parent.moment.data.table, table))
        return known[edit.index][1]


def changed_cells(before: Table, after: Table) -> bool:
    """Whether `after` holds a cell that `before` does not hold in its place; rows taken away do not count."""
    if before is after or not after.rows or after.rows < before.rows:
        return False
    if after.rows > before.rows:
        return True
    olds = {c.name: c for c in before.columns}
    for column in after.columns:
        old = olds.get(column.name)
        if old is None or old.numeric != column.numeric:
            continue  # a column that is read as another kind is no cell changed
        same = old.values is column.values or np.array_equal(old.values, column.values, equal_nan=column.numeric)
        if not same or old.levels != column.levels:
            return True
    return False


def _anything_read(asked: tuple[str, str, Model]) -> tuple[object, object]:
    """The reader's work: (source, Document) of a session, otherwise what a table is opened with."""
    source, _, _ = asked
    if source and session_file.is_session_file(source):
        return source, session_file.read(source)
    return table_read(asked)
