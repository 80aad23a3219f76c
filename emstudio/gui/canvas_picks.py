"""Which points of the canvas are selected and picked, and which component: what keys and the other panels act on."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from emstudio.gui.hand import Hand
from emstudio.gui.picture import Picture
from emstudio.gui.pointing import Pointing
from emstudio.gui.pulling import Pulling
from emstudio.session import Session


class CanvasPicks(QWidget):
    """A picture with rows selected, one row picked and one component picked; `Canvas` adds the tools."""

    picked = Signal(object)
    component_picked = Signal(object)
    selection_changed = Signal(int)

    def __init__(self, session: Session, parent: QWidget | None = None):
        super().__init__(parent)
        self.session = session
        self.picture = Picture(self)
        self.hand = Hand(self.picture.box)
        self.pulling = Pulling(self.picture)
        self.pointing = Pointing(self.picture, self.hand, self)
        self._row: int | None = None

    @property
    def selected(self) -> np.ndarray:
        """The selected rows of the dataset."""
        return self.picture.points.selected

    def select_rows(self, rows: np.ndarray) -> None:
        """Select these rows of the dataset."""
        rows = np.asarray(rows, np.int64)
        self.picture.points.select(rows[(rows >= 0) & (rows < self.session.data.n)])
        self.selection_changed.emit(len(self.selected))

    @property
    def picked_row(self) -> int | None:
        return self._row

    def pick_row(self, row: int | None) -> None:
        """Put the ring on a row of the dataset; `picked` follows."""
        if row is not None and not 0 <= row < self.session.data.n:
            row = None
        if row != self._row:
            self._row = row
            self._refresh_marks()
            self.picked.emit(row)

    @property
    def picked_component(self) -> int | None:
        return self.picture.letters.picked

    def pick_component(self, k: int | None) -> None:
        """Put the ring on a component; keys nudge it."""
        if k is not None and not 0 <= k < self.session.model.k:
            return
        self.pulling.forget()
        if k != self.picked_component:
            self.picture.letters.pick(k)
            self.component_picked.emit(k)

    def delete_selected(self) -> None:
        """Take the selected points away."""
        rows = self.selected
        if len(rows):
            self.select_rows(np.empty(0, int))
            self.pick_row(None)
            self.session.erase(rows, "Delete points")

    def click(self, x: float, y: float, add: bool = False) -> None:
        """The person clicked at a pixel: the point there is picked, or nothing; `add` adds to the selection."""
        rows = self.picture.points.pick(x, y)
        if not len(rows):
            if not add:
                self.deselect()
            return
        row = int(rows[0])
        if add:
            kept = self.selected
            self.select_rows(kept[kept != row] if row in kept else np.append(kept, row))
        else:
            self.select_rows(np.array([row]))
        self.pick_row(row)

    def deselect(self) -> None:
        """Nothing is picked or selected."""
        if len(self.selected):
            self.select_rows(np.empty(0, int))
        self.pick_row(None)
        self.pick_component(None)

    def _forget_rows(self) -> None:
        """Rows are other rows now."""
        if len(self.selected):
            self.select_rows(np.empty(0, int))
        self.pick_row(None)
        self.pointing.leave()

    def _refresh_marks(self) -> None:
        """Rings and cards belong to points: they follow them, and tell their newest responsibilities."""
        points = self.picture.points
        at = None
        if self._row is not None and self._row < points.count:
            at = tuple(points.places(self.picture.frame, np.array([self._row]))[0].tolist())
        self.hand.show_picked(at)
        self.pointing.follow()
