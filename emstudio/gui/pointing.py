"""What the person points at: the card of a point, and of an empty place what its responsibilities would be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from emstudio.core.format import count, number
from emstudio.gui.hand import Card

if TYPE_CHECKING:
    from emstudio.core.em import Moment
    from emstudio.gui.hand import Hand
    from emstudio.gui.picture import Picture
    from emstudio.gui.tools import Spot

DWELL = 350  # ms that the hand rests before an empty place is asked about


class Pointing(QObject):
    """Follows the hand while nothing is pressed. `hovered(row | None)`, `spot(values | None)`."""

    hovered = Signal(object)
    spot = Signal(object)

    def __init__(self, picture: Picture, hand: Hand, parent: QObject):
        super().__init__(parent)
        self._picture, self._hand = picture, hand
        self._row: int | None = None
        self._values: np.ndarray | None = None
        self._at: Spot | None = None
        self._dwell = QTimer(self, singleShot=True, interval=DWELL)
        self._dwell.timeout.connect(self._ask)

    def at(self, spot: Spot) -> bool:
        """The hand is here; whether a letter is under it."""
        self._at = spot
        points = self._picture.points
        letter = self._picture.letters.disc_at(spot.x, spot.y) is not None
        rows = np.empty(0, int) if letter else points.pick(spot.x, spot.y)
        self._hover(int(rows[0]) if len(rows) else None)
        self.forget_place()
        self._hand.show_card(self._card_of(rows) if len(rows) else None)
        if not len(rows) and not letter:
            self._dwell.start()
        return letter

    def leave(self) -> None:
        """The hand is elsewhere, or does something else."""
        self._at = None
        self._hand.show_card(None)
        self.forget_place()
        self._hover(None)

    def forget_place(self) -> None:
        """The hand left the empty place."""
        self._dwell.stop()
        if self._values is not None:
            self._values = None
            self._hand.show_card(None)
            self.spot.emit(None)

    def follow(self) -> None:
        """Points moved or have new colours: the card goes with them."""
        points, moment = self._picture.points, self._picture.moment
        if self._row is not None and self._row < points.count and self._hand.card is not None:
            x, y = points.places(self._picture.frame, np.array([self._row]))[0]
            rows = points.pick(x, y, 1.0)
            self._hand.show_card(self._card_of(rows if self._row in rows else np.array([self._row])))
        elif self._values is not None and moment is not None and moment.snapshot.params is not None:
            self._hand.show_card(self._card_of_place(moment, self._values))

    def _hover(self, row: int | None) -> None:
        if row != self._row:
            self._row = row
            self.hovered.emit(row)

    def _ask(self) -> None:
        moment, view, at = self._picture.moment, self._picture.view, self._at
        if at is None or moment is None or view is None or moment.snapshot.params is None or not moment.data.n:
            return
        if self._picture.derived:
            return
        place = self._picture.frame.data(at.x, at.y)
        values = np.full(moment.data.d, np.nan)
        values[list(view.columns)] = place[: len(view.columns)]
        self._values = values
        self._hand.show_card(self._card_of_place(moment, values))
        self.spot.emit(values)

    def _card_of(self, rows: np.ndarray) -> Card:
        moment = self._picture.moment
        assert moment is not None
        data, resp = moment.data, moment.snapshot.resp
        x, y = self._picture.points.places(self._picture.frame, rows[:1])[0].tolist()
        shares = None
        if resp is not None and len(resp) == data.n and not np.isnan(resp[rows]).all():
            shares = np.nanmean(resp[rows], axis=0)
        if len(rows) > 1:
            return Card(
                f"{count(len(rows))} points",
                shares,
                "mean responsibilities" if shares is not None else "",
                (x, y),
                parts=moment.model.parts,
            )
        name = f"row {count(int(data.rows[rows[0]]) + 1)}"
        return Card(name, shares, self._text(moment, data.x[rows[0]]), (x, y), parts=moment.model.parts)

    def _card_of_place(self, moment: Moment, values: np.ndarray) -> Card:
        columns = list(self._picture.view.columns)  # type: ignore[union-attr]
        shares = moment.model.responsibilities_at(moment.snapshot.params, values[None])[0]
        across = values[columns] if len(columns) == 2 else np.array([values[columns[0]], 0.0])
        x, y = self._picture.frame.pixels(across[None])[0].tolist()
        if len(columns) == 1 and self._at is not None:
            y = self._at.y
        return Card("here", shares, self._text(moment, values), (x, y), ring=False, parts=moment.model.parts)

    def _text(self, moment: Moment, values: np.ndarray) -> str:
        """`eruptions 3.317 min   waiting 83 min`: the values on the axes."""
        parts = []
        for j in self._picture.view.columns:  # type: ignore[union-attr]
            column = moment.data.table.column(moment.data.names[j])
            parts.append(f"{column.title} {number(values[j], trim=True)} {column.unit}".rstrip())
        return "   ".join(parts)
