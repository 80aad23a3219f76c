"""What the table of parameters shows: the model's parameters with their changes, and what the E-step expects.

rows = rows_of(node)        # of a moment of the history
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emstudio.core.em import Moment
from emstudio.core.format import MINUS, number, signed
from emstudio.core.history import Node
from emstudio.core.posterior import Posterior
from emstudio.gui import theme

LONGEST = 7  # signs of a value in a narrow column: \u22120.1166
NOISE = 1e-6  # a smaller change, relative to the value, is shown as none; the tooltip has it


@dataclass(frozen=True, eq=False)
class Rows:
    """What the table shows: names (R,), values (R, K), their changes (R, K) or None, and since when; NaN: there is none."""

    names: tuple[str, ...] = ()
    values: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    changes: np.ndarray | None = None
    since: str = ""
    counts: int = 0  # how many of the rows, at the end, are what an E-step expects
    parts: tuple[int, ...] = ()  # whose the columns are, where they are not the components in turn

    def counted(self, row: int) -> bool:
        """Whether a row is what an E-step expects."""
        return row >= len(self.names) - self.counts

    def part(self, column: int) -> int:
        """The component (or NOISE) of a column."""
        return self.parts[column] if column < len(self.parts) else column


def rows_of(node: Node) -> Rows:
    """The parameters of a node's moment, with their change since the parameters of the iteration before."""
    moment = node.moment
    if moment.snapshot.params is None:
        return Rows()
    named, counts = _named(moment, _posterior(moment))
    values = np.array([v for _, v in named], float)
    if counts and moment.snapshot.posterior is None and not getattr(moment.model, "known", False):
        values[-counts:] = np.nan  # nobody has asked yet
    names = tuple(name for name, _ in named)
    before = previous(node)
    parts = moment.model.parts
    if before is None:
        return Rows(names, values, parts=parts, counts=counts)
    unknown = np.full(values.shape[1:], np.nan)
    old = dict(_named(before, _other_posterior(node))[0])
    if not any(name in old for name in names):
        return Rows(names, values, parts=parts, counts=counts)
    old_values = np.array([old.get(name, unknown) for name in names], float)
    s = before.snapshot
    since = "start" if s.t == 0 and s.phase != "edit" else before.label if s.phase == "edit" else f"M{s.t}"
    return Rows(names, values, values - old_values, since, counts, parts)


def _other_posterior(node: Node) -> Posterior | None:
    """That of the E-step before the one shown."""
    mine, at = _posterior(node.moment), node.parent
    while at is not None and _posterior(at.moment) is mine:
        at = at.parent
    return None if at is None or at.moment.data is not node.moment.data else _posterior(at.moment)


def _posterior(moment: Moment) -> Posterior | None:
    """That of the last E-step; of a start, and of known coins, the one that comes next."""
    ahead = moment.snapshot.phase == "start" or getattr(moment.model, "known", False)
    return moment.snapshot.posterior or (moment.ahead if ahead else None)


def _named(moment: Moment, posterior: Posterior | None) -> tuple[list[tuple[str, np.ndarray]], int]:
    """(name, (K,) values) of each parameter and of what `posterior` expects, and how many are of the latter; (1,) values
    where all components have the same: those of a noisy switch."""
    model, s = moment.model, moment.snapshot
    named = model.table(moment.data, s.params)
    if model.name == "noisy-switch":
        return [(name, np.asarray(v)[:1]) for name, v in named if np.ptp(v) == 0], 0
    expected = model.expected(posterior) if posterior is not None and s.params is not None else []
    named = [*named, *expected]
    if theme.NOISE in model.parts:  # what the noise has beside its weight is no parameter
        named = [(name, np.append(v, s.params.weights[-1] if i == 0 else np.nan)) for i, (name, v) in enumerate(named)]
    return named, len(expected)


def previous(node: Node) -> Moment | None:
    """The moment whose parameters were replaced by those shown, on the same run; None at a start."""
    own: Any = node.moment.snapshot.params
    at: Node | None = node
    while at is not None and at.moment.snapshot.params is own:
        if at.moment.snapshot.phase == "start":
            return None
        at = at.parent
    if at is None or at.moment.snapshot.params is None or at.moment.model != node.moment.model:
        return None
    return at.moment


def level(value: float, longest: int = LONGEST, whole: bool = False) -> str:
    """A value to four figures, to three or two where it has more than `longest` signs; with a power of ten above seven.

    `whole`: what has been counted loses its zeros behind the point.
    """
    words = number(value, trim=whole and abs(value - round(value)) < 1e-9)
    digits = 3
    while digits > 1 and len(words) > (LONGEST if "e" in words else longest):
        words = number(value, digits)
        digits -= 1
    return words


def delta(change: float, value: float) -> str:
    """A change in at most six signs, no finer than the value beside it is shown: +0.005, −2.00, +3e−5."""
    if not np.isfinite(change):
        return number(change)
    size = max(abs(change), abs(value))
    if abs(change) <= NOISE * size:
        return "0"
    decimals = 3 if size < 1 else 2 if size < 100 else 1 if size < 1000 else 0
    if abs(change) >= 0.5 * 10.0**-decimals:
        return signed(change, decimals=decimals)
    if abs(change) >= 9.5e-4:
        return signed(change, 1)
    mantissa, power = f"{abs(change):.0e}".split("e")
    return f"{'+' if change > 0 else MINUS}{mantissa}e{int(power)}".replace("-", MINUS)
