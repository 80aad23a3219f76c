"""Why this colour? The point picked or pointed at, or an empty spot: its values, whose it is, Bayes' rule in its numbers."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from emstudio.core.data import Dataset
from emstudio.core.em import Moment
from emstudio.core.format import count, number
from emstudio.core.history import Node
from emstudio.gui import chain_why, theme
from emstudio.gui.bayes import BayesTable, hint_of, rule
from emstudio.gui.chain_numbers import is_chain
from emstudio.gui.refresh import Refresher
from emstudio.gui.widgets import Chip, ResponsibilityBar, text
from emstudio.session import Session

HINT = "Click a point, or rest on an empty spot."
HINTS = {"coins": "Click a trial, or type a new one.", "multinomial": "Click a row."}
MOST_VALUES = 8
SHORT = 24  # signs of a column's name that stay on one line


_WAYS = {
    "hard": "Hard E-step: all of it goes to the largest share.",
    "stochastic": "Stochastic E-step: all of it goes to one component, drawn by the shares.",
    "annealed": "Annealed E-step: the colour is that of the tempered shares.",
}


@dataclass(frozen=True, eq=False)
class Why:
    """What the inspector says of one point: `made` is the moment whose parameters the rule is computed from."""

    shares: np.ndarray | None
    made: Moment
    note: str


def why(node: Node, row: int | None) -> Why | None:
    """Where the colour of `row` (None: of an empty spot) comes from at a node; None while there are no parameters.

    After an M-step or an edit the colours are still those of the E-step before, and so are the numbers shown.
    """
    moment = node.moment
    snapshot = moment.snapshot
    if snapshot.params is None:
        return None
    if row is None:
        what = "a trial would be shared" if moment.model.name == "coins" else "a point would be coloured"
        return Why(None, moment, f"No data here: so {what}.")
    shares = None if snapshot.resp is None or row >= len(snapshot.resp) else snapshot.resp[row]
    if shares is None or np.isnan(shares).any():
        return Why(None, moment, "Not coloured yet: so the next E-step will do it.")
    if snapshot.phase == "E":
        return Why(shares, moment, _WAYS.get(moment.how.kind if moment.model.cost is None else "", ""))
    made = _coloured(node)
    shape = moment.model.shape_name(moment.data)
    moved = "parameters" if is_chain(moment.model) else shape + ("es" if shape.endswith("s") else "s")
    if made is not None:
        return Why(shares, made, f"Coloured by {made.label}; the {moved} have moved since.")
    return Why(shares, moment, "Coloured before the edit; the numbers are new.")


def _coloured(node: Node) -> Moment | None:
    """The E-step that made the responsibilities shown at `node`, on the same data."""
    at: Node | None = node
    while at is not None and at.moment.data is node.moment.data:
        phase = at.moment.snapshot.phase
        if phase == "E":
            return at.moment
        if phase in ("start", "data"):
            return None
        at = at.parent
    return None


def values_html(data: Dataset, x: np.ndarray, levels: Mapping[str, Sequence[str]] | None = None) -> str:
    """The values of a point with their units, as escaped HTML; `levels` are the categories of columns that hold codes."""
    parts = []
    for column, value in list(zip(data.columns, x))[:MOST_VALUES]:
        if np.isnan(value):
            continue
        unit = f"&nbsp;{html.escape(column.unit)}" if column.unit else ""
        spelled = (levels or {}).get(column.name, ())
        code = round(float(value))
        shown = html.escape(spelled[code]) if 0 <= code < len(spelled) else number(float(value), 6, trim=True)
        name = html.escape(column.title)
        name = name.replace(" ", "&nbsp;") if len(column.title) <= SHORT else name  # a line breaks between values
        parts.append(f"{name}&nbsp;<span style='font-weight:600'>{shown}</span>{unit}")
    more = data.d - MOST_VALUES
    return "&nbsp;&nbsp;&nbsp; ".join(parts) + (f"&nbsp;&nbsp;&nbsp; and {more} more" if more > 0 else "")


class Inspector(QWidget):
    """`show_row` explains a row of the dataset until something else is asked for; `show_spot` an empty spot of the canvas."""

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("inspector")
        self._session = session
        self._row: int | None = None
        self._spot: np.ndarray | None = None
        self._step: tuple = ()  # the step explained last: moment, row and its numbers
        self.chip = Chip("")
        self.values = text("", "label", wrap=True)
        self.values.setTextFormat(Qt.TextFormat.RichText)
        self.values.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.bar = ResponsibilityBar()
        self.table = BayesTable()
        self.note = text("", "unit", wrap=True)
        # What stands below keeps its place when the pointer comes and goes.
        policy = self.chip.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.chip.setSizePolicy(policy)
        head = QHBoxLayout()
        head.addWidget(text("Why this colour?", "title"))
        head.addStretch(1)
        head.addWidget(self.chip)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 4, 16, 4)
        column.setSpacing(6)
        column.addLayout(head)
        for part in (self.values, self.bar, self.table, self.note):
            column.addWidget(part)
        refresher.draw.connect(lambda moment: self._show())
        session.data_changed.connect(self._on_data)
        session.running_changed.connect(lambda on: None if on else self._show())
        theme.notifier.changed.connect(self.table.update)
        self._rows = session.data.n
        self._show()

    # -- what to show --------------------------------------------------------------------------------------------------
    @property
    def occupied(self) -> bool:
        """Whether a point or a spot is explained."""
        return self._row is not None or self._spot is not None

    def show_row(self, row: int | None) -> None:
        """Explain row `row` of the dataset; None: nothing."""
        self._row, self._spot = None if row is None else int(row), None
        self._show()

    def show_spot(self, values: object) -> None:
        """Explain an empty spot, `values` (d,) with NaN where the view does not tell; None: back to the row."""
        self._spot = None if values is None else np.asarray(values, float)
        self._show()

    def _on_data(self, data: Dataset) -> None:
        """Rows of other data are other points."""
        self._spot = None
        if data.n != self._rows:
            self._row = None
        self._rows = data.n
        # What stands below does not jump when a point is picked.
        self.values.setMinimumHeight(2 * self.values.fontMetrics().lineSpacing() if data.d > 2 else 0)
        self.note.setMinimumHeight(0)
        self._show()

    # -- showing it ----------------------------------------------------------------------------------------------------
    def _show(self) -> None:
        data, node = self._session.data, self._session.history.current
        assert node is not None
        row, x = self._row, None
        if self._spot is not None and self._spot.shape == (data.d,):
            row, x = None, self._spot
        elif row is not None and row < data.n:
            x = data.x[row]
        self.chip.setVisible(x is not None)
        chain = is_chain(self._session.model)
        if x is None and chain:
            self._show_nothing(chain_why.HINT)
            return
        if x is None:
            self._show_nothing(HINTS.get(self._session.model.name, HINT))
            return
        empty = "not in the data" if self._session.model.name == "coins" else "empty spot"
        what = "trial" if self._session.model.name == "coins" else "row"
        self.chip.setText(empty if row is None else f"{what} {count(int(data.rows[row]) + 1)}")
        self.values.setText(values_html(data, x, dict(getattr(self._session.model, "categories", ()))))
        if chain and row is not None:
            self.chip.setText(chain_why.chip(node.moment, row))
            self.values.setText(values_html(data, data.observed[row]) or "not observed")
        found = why(node, row)
        if found is None:
            self._show_nothing(None)
        elif chain and row is not None:
            self._show_step(found, row)
        else:
            self._show_rule(found, x)
        for words in (self.values, self.note):  # a stack of pages does not ask how high words are at its width
            needed = words.heightForWidth(words.width())
            words.setMinimumHeight(max(needed, words.minimumHeight()))

    def _show_step(self, found: Why, row: int) -> None:
        """A step of a series: past and future instead of weight and density."""
        parts = found.made.model.parts
        if self._session.running and found.made.data.n > chain_why.LONG:
            self.bar.show_values([] if found.shares is None else found.shares.tolist(), parts)
            self.table.show_rule(None, len(parts), chain_why.LATER)
            self.note.setText(" ")
            return
        asked = (found.made, row)
        if len(self._step) != 3 or any(a is not b and a != b for a, b in zip(asked, self._step)):
            self._step = (*asked, chain_why.rule(found.made, row))
        numbers = self._step[2]
        if numbers is None:
            self._show_nothing("No path can have made this series.")
            return
        shares = numbers.shares if found.shares is None else found.shares
        self.bar.show_values(shares.tolist(), parts)
        self.table.show_rule(numbers, len(parts), parts=parts)
        self.note.setText(chain_why.note(found.made, row, found, numbers.shares))

    def _show_rule(self, found: Why, x: np.ndarray) -> None:
        model = found.made.model
        numbers = rule(model, found.made.snapshot.params, x)
        shares = numbers.shares if found.shares is None else found.shares
        self.bar.show_values(shares.tolist(), model.parts)
        self.table.show_rule(numbers, len(model.parts), parts=model.parts)
        self.note.setText(found.note or " ")

    def _show_nothing(self, words: str | None) -> None:
        """No point, or no parameters yet: `words` in the place of the values."""
        if words is not None:
            self.values.setText(words)
        self.bar.show_values([])
        model = self._session.model
        hint = chain_why.RULE_HINT if is_chain(model) else hint_of(model)
        self.table.show_rule(None, len(model.parts), hint)
        self.note.setText(" " if words is not None else "No colour yet: nothing is fitted.")
