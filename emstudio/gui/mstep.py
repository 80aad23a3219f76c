"""Why did the shapes move? What the M-step makes of the responsibilities, in symbols and in this moment's own numbers.

rule = MStepRule(session, refresher)
rule.pick_component(1)          # whose numbers are written out where there is no room for everybody's
rule.told                       # whether there is anything to tell at this moment
rule.heights()                  # at which it tells all of everybody, and all of one component
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from emstudio.core.em import Moment
from emstudio.core.errors import Degenerate, UserError
from emstudio.core.format import count, number
from emstudio.core.updates import Update, weighted
from emstudio.gui import theme
from emstudio.gui.chain_formula import Formulas, Fraction, Part, Words, wide
from emstudio.gui.chain_numbers import is_chain
from emstudio.gui.refresh import Refresher
from emstudio.gui.widgets import Chip, Steady, text
from emstudio.session import Session

TOGETHER = 3  # components whose one parameter is written out side by side
SMALL = 11.5  # px of the letters that a line may shrink to before its formula goes
LINE = 19.0  # px of a line without a fraction
_OTHERS = 54  # px of the title, the hint and what is between
_ANY = 1_000_000  # more lines than anybody has
_LARGE = 200_000  # rows times components up to which the next M-step is done for its numbers alone
HINT = "Click a point to see why it has its colour."
STEPS_HINT = "Click a step of the series to see why it has its colour."
HINTS = {
    "coins": "Click a trial to see which coin made it, or type one.",
    "multinomial": "Click a row to see why it has its colour.",
}


class MStepRule(QWidget):
    """The formulas of an M-step with their numbers; `changed` follows when `told` changes, `wished` when `heights` do."""

    changed = Signal()
    wished = Signal()

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("m_step_rule")
        self._session = session
        self._component = 0
        self._shown: tuple[object, ...] = ()
        self.told = False
        self.title = text("", "title", kind=Steady)
        self.whose = Chip("")
        self.whose.setToolTip("Pick another component on the canvas, in the table below or by its number")
        self.formulas = Formulas("The M-step in symbols and numbers", low=LINE)
        self.hint = text(HINT, "unit", kind=Steady)
        # It takes the room that a point would need, and tells what fits: the window is not laid out anew by a half-step.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self._updates: list[Update] = []
        self._heights: tuple[int, ...] = ()
        self._word, self._legend = "component", ""
        head = QHBoxLayout()
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.whose)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 4, 16, 4)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.formulas)
        column.addStretch(1)
        column.addWidget(self.hint)
        refresher.draw.connect(self.show_moment)
        theme.notifier.changed.connect(self.formulas.update)
        self.show_moment(session.moment)

    def pick_component(self, k: int | None) -> None:
        """Write out the numbers of component `k`; None leaves whose they are."""
        if k is not None and k != self._component:
            self._component = k
            self._shown = ()
            self.show_moment(self._session.moment)

    def show_moment(self, moment: Moment) -> None:
        """Tell the M-step of a moment: the one just done, or after an E-step the one that comes next."""
        s = moment.snapshot
        about = (s.posterior, s.params, moment.model, self._component, s.phase, self._session.running)
        if len(self._shown) == len(about) and all(a is b for a, b in zip(about, self._shown, strict=True)):
            return
        if s.phase == "E" and self._session.running and self.told:
            return  # the M-step follows at once, and tells what it did
        self._shown = about
        updates = _updates(moment)
        if self.told != bool(updates):
            self.told = bool(updates)
            self.changed.emit()
        if not updates:
            if s.phase in ("start", "data"):  # of what was told before, nothing holds of other data
                self._updates, self._heights = [], ()
            return
        shape = moment.model.shape_name(moment.data)
        shapes = shape if moment.model.k == 1 else f"{shape}{'es' if shape.endswith('s') else 's'}"
        title = f"Why did the {shapes} move?"
        if s.phase != "M":
            title = "What the next M-step does" if s.phase == "E" else f"Where the {shapes} come from"
        self.title.setText(title)
        chain = is_chain(moment.model)
        self.hint.setText(STEPS_HINT if chain else HINTS.get(moment.model.name, HINT))
        self._word = "state" if chain else "component"
        self._legend = "" if chain else _legend(moment)
        self._updates = updates
        self._fit()
        heights = self.heights()
        if heights != self._heights:
            self._heights = heights
            self.wished.emit()

    def heights(self) -> tuple[int, ...]:
        """The heights (px, tallest first) at which there is more to tell: all of everybody, and all of one component."""
        if not self._updates:
            return ()
        k = len(self._updates[0].values)
        own = _listed(self._updates, min(self._component, k - 1), _ANY, self.width() - 32)
        found = [own, _everybody(self._updates, k)] if 1 < k <= TOGETHER else [own]
        legend = LINE if self._legend else 0.0
        return tuple(sorted((math.ceil(self.formulas.tall(x) + legend) + _OTHERS for x in found), reverse=True))

    def _fit(self) -> None:
        """As much as there is room for: everybody's quotients, or the numbers of one component, or the first of them."""
        if not self._updates:
            return
        k = len(self._updates[0].values)
        one = min(self._component, k - 1)
        room = max(self.height() - _OTHERS, 4 * LINE)
        own = [u for u in self._updates if u.symbol != "π"]
        found = [_together(u, k) for u in (self._updates, own)] if k <= TOGETHER and len(own) == 1 else []
        if 1 < k <= TOGETHER and len(own) > 1:
            found = [_everybody(self._updates, k)]
        together = next((lines for lines in found if self.formulas.tall(lines) <= room), None)
        self.whose.setVisible(together is None and k > 1)
        self.whose.setText(f"{self._word} {theme.letter(one)}")
        lines = _listed(self._updates, one, int(room // LINE), self.width() - 32) if together is None else together
        noted: list[list[Part]] = [*lines, [Words(self._legend, quiet=True)]]
        self.formulas.show_lines(noted if self._legend and self.formulas.tall(noted) <= room else lines)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()


def _updates(moment: Moment) -> list[Update]:
    """What is to be told at a moment; nothing before the first E-step, after an edit and in the middle of a jump."""
    s, model = moment.snapshot, moment.model
    posterior, phases = s.posterior, ["E", "M"]
    if posterior is None and getattr(model, "known", False):  # known coins are counted without an E-step
        posterior, phases = moment.ahead, ["start"]
    if posterior is None or s.params is None or s.phase not in phases or not moment.data.n:
        return []
    if moment.acceleration is not None and s.phase == "M":
        return []  # three steps in one: no single quotient made these
    params = s.params
    if s.phase == "E":
        if moment.data.n * model.k > _LARGE:
            return []
        try:
            params = model.m_step(moment.data, params, posterior)
        except (Degenerate, UserError):
            return []
    made = model.updates(moment.data, params, posterior)
    return made if moment.data.weights is None else [weighted(u) for u in made]


def _legend(moment: Moment) -> str:
    """What the letters of the formulas stand for."""
    told = _letters(moment)
    return told if moment.data.weights is None else f"w: weights{', ' if told else ''}{told}"


def _letters(moment: Moment) -> str:
    if moment.model.cost is not None:
        return ""
    if moment.model.name != "coins":
        counted = ", [x = j]: 1 where x is j, else 0" if moment.model.name == "product" else ""
        return f"r: responsibilities, x: {'counts' if moment.model.name == 'multinomial' else 'values'}{counted}"
    if getattr(moment.model, "known", False):
        return "r: 1 for a trial’s own coin, h: heads, t: tails"
    return "r: responsibilities, h: heads, t: tails"


def _together(updates: Sequence[Update], k: int) -> list[list[Part]]:
    """The formula, and below it each component's own numbers; weights on low lines."""
    lines: list[list[Part]] = []
    for u in updates:
        low = u.symbol == "π"
        if u.below is None:
            lines.append([Words(f"{u.symbol}:"), Words(u.over, quiet=True)])
        elif not low:
            lines.append([Words(f"{u.symbol} ="), Fraction(Words(u.over), Words(u.under))])
        for j in range(k):
            name = Words(u.symbol, k=j, sub=theme.letter(j))
            result = Words(number(float(u.values[j]), 4), strong=True)
            if u.below is None:
                lines.append([name, Words("="), result])
            elif low:
                lines.append([name, Words(f"= {_quotient(u)}", quiet=True), *_inline(u, j), Words("="), result])
            else:
                under = Words(number(float(u.below[j]), 4))
                if u.rest is not None:
                    under = Words(f"{_short(u.above[j])} + {_short(u.rest[j])}")
                lines.append([name, Words("="), Fraction(Words(_short(u.above[j]), k=j), under), Words("="), result])
    return lines


def _everybody(updates: Sequence[Update], k: int) -> list[list[Part]]:
    """Each formula once, and below it the numbers of all `k` components, column by column."""
    lines: list[list[Part]] = []
    told: list[str] = []
    for u in updates:
        rule = f"{u.symbol} = {_quotient(u) if u.under else u.over}"
        if rule not in told:
            told.append(rule)
            lines.append([Words(rule, quiet=True)])
        for j in range(k):
            lines.append([Words(u.column or u.symbol, k=j, sub=theme.letter(j)), *_result(u, j)])
    return lines


def _listed(updates: Sequence[Update], k: int, most: int, width: float) -> list[list[Part]]:
    """Each formula once, on a line of its own where there is room or several columns have it, then the numbers of `k`.

    `most` lines in all; where that is not enough every formula gets its first column, then its second, and so on. What is
    wider than `width` loses the formula and keeps its numbers.
    """
    own = [u for u in updates if u.symbol != "π"]
    rules = [f"{u.symbol} = {_quotient(u) if u.under else u.over}" for u in own]
    place = [rules[:i].count(rule) for i, rule in enumerate(rules)]  # among the columns of its formula
    room = most - (len(own) < len(updates))
    alone = len(own) + len(set(rules)) <= room
    several = {rule for rule in rules if alone or rules.count(rule) > 1}
    room -= len(several)
    shown = sorted(range(len(own)), key=lambda i: (place[i], i))
    if len(shown) > room:
        shown = shown[: max(room - 1, 1)]
    lines: list[list[Part]] = []
    for i in sorted(shown):
        name = Words(own[i].column, k=k) if own[i].column else Words(own[i].symbol, k=k, sub=theme.letter(k))
        if rules[i] not in several:
            rule = rules[i] if own[i].column else rules[i].removeprefix(f"{own[i].symbol} ")
            whole: list[Part] = [name, Words(rule, quiet=True), *_result(own[i], k)]
            short: list[Part] = [name, Words(own[i].symbol, quiet=True), *_result(own[i], k)]
            lines.append(short if own[i].column and wide(whole, SMALL) > width > 0 else whole)
            continue
        if place[i] == 0:
            lines.append([Words(rules[i], quiet=True)])
        lines.append([name, *_result(own[i], k)])
    if len(shown) < len(own):
        lines.append([Words(f"and {count(len(own) - len(shown))} more", quiet=True)])
    for u in updates:
        if u.symbol == "π":
            rule = Words(f"= {_quotient(u)}", quiet=True)
            lines.append([Words("π", k=k, sub=theme.letter(k)), rule, *_result(u, k)])
    return lines


def _result(u: Update, k: int) -> list[Part]:
    return [*_inline(u, k), Words("="), Words(number(float(u.values[k]), 4), strong=True)]


def _quotient(u: Update) -> str:
    """The formula on one line: sums above and below it stand in brackets."""
    over, under = (f"({words})" if " + " in words else words for words in (u.over, u.under))
    return f"{over} ∕ {under}"


def _inline(u: Update, k: int) -> list[Part]:
    if u.below is None:
        return []
    return [Words("="), Words(f"{_short(u.above[k])} ∕ {_short(u.below[k])}")]


def _short(value: float) -> str:
    """As the table below has it: what has been counted is a whole number."""
    return number(float(value), 4, trim=abs(value - round(value)) < 1e-9)
