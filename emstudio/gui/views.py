"""Which view of the data the canvas shows: one of those the model offers, on the axes the person chose."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from emstudio.core.marks import View
from emstudio.session import Session


class Views(QObject):
    """`views` are the model's own for these data; `view` is the one chosen. `changed` follows every change of either."""

    changed = Signal(object)  # View
    offered = Signal()

    def __init__(self, session: Session, parent: QObject | None = None):
        super().__init__(parent)
        self._session = session
        self._made_for: tuple[object, ...] = ()
        self.views: tuple[View, ...] = ()
        self.view: View | None = None
        session.data_changed.connect(self._refresh)
        session.settings_changed.connect(self._refresh)
        self._refresh()

    def choose(self, view: View) -> None:
        """Show `view`."""
        if view != self.view:
            self.view = view
            self.changed.emit(view)

    def set_columns(self, x: int, y: int) -> None:
        """Put the fitted columns `x` and `y` on the axes; the same column on both swaps them."""
        if self.view is None or len(self.view.columns) < 2:
            return
        old_x, old_y = self.view.columns[:2]
        if x == y:
            x, y = old_y, old_x
        if (x, y) != (old_x, old_y):
            self.choose(replace(self.view, columns=(x, y)))

    def _refresh(self, *_: object) -> None:
        session = self._session
        names, model = session.data.names, session.model
        if self._made_for == (names, model):
            return
        kept = self._made_for and self._made_for[0] == names
        self._made_for = (names, model)
        self.views = tuple(model.views(session.data))
        old = self.view
        same = next((v for v in self.views if kept and old is not None and v.kind == old.kind and len(v.columns) == len(old.columns)), None)
        if same is not None:
            self.view = replace(same, columns=old.columns)
        else:
            self.view = self.views[0] if self.views else None
        self.offered.emit()
        if self.view is not None:
            self.changed.emit(self.view)
