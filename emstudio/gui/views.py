"""Which view of the data the canvas shows: one of those the model offers, on the axes the person chose."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from emstudio.core.marks import View
from emstudio.session import Session

LABORATORY = "laboratory"


class Views(QObject):
    """`views` are the model's own for these data; `view` is the one chosen.

    `offered` follows when there are others to choose from, `changed` when another one is shown.
    """

    changed = Signal(object)  # View
    offered = Signal()

    def __init__(self, session: Session, parent: QObject | None = None):
        super().__init__(parent)
        self._session = session
        self._made_for: tuple[object, ...] = ()
        self._columns: dict[str, tuple[int, ...]] = {}  # the axes last chosen for each kind of view
        self.views: tuple[View, ...] = ()
        self.view: View | None = None
        session.data_changed.connect(self._refresh)
        session.changed.connect(self._refresh)
        self._refresh()

    def choose(self, index: int) -> None:
        """Show the view of tab `index`, on the axes last chosen for it."""
        view = self.views[index]
        self._show(replace(view, columns=self._columns.get(view.kind, view.columns)))

    def set_columns(self, x: int, y: int = -1) -> None:
        """Put the fitted columns `x` and `y` on the axes; the same column on both swaps them."""
        if self.view is None:
            return
        if not self.view.columns or not self.view.axes:
            return
        if len(self.view.columns) == 1:
            self._show(replace(self.view, columns=(x,)))
        elif x == y:
            self._show(replace(self.view, columns=self.view.columns[::-1]))
        else:
            self._show(replace(self.view, columns=(x, y)))

    def index(self) -> int:
        """The tab of the view shown, or -1."""
        kinds = [v.kind for v in self.views]
        return kinds.index(self.view.kind) if self.view is not None and self.view.kind in kinds else -1

    def _show(self, view: View) -> None:
        self._columns[view.kind] = view.columns
        if view != self.view:
            self.view = view
            self.changed.emit(view)

    def _refresh(self, *_: object) -> None:
        # Of the moment shown: while settings change, the session's model may be ahead of it.
        data, model = self._session.moment.data, self._session.moment.model
        names = data.names
        made_for = (names, type(model), getattr(model, "emission", ""))
        if self._made_for == made_for:
            return
        if not self._made_for or self._made_for[0] != names:
            self._columns = {}
        self._made_for = made_for
        kind = self.view.kind if self.view is not None and self._columns else ""
        known = {v.kind for v in self.views}
        self.views, self.view = tuple(model.views(data)), None
        if self.views and self.views[0].kind == LABORATORY and LABORATORY not in known:
            kind = LABORATORY  # what a chain is chosen for
        self.offered.emit()
        if self.views:
            self.choose(next((i for i, v in enumerate(self.views) if v.kind == kind), 0))
