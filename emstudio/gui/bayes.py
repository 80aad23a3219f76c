"""Bayes' rule with one point's own numbers: weight x density = product for each component, and its share of the sum.

`rule` computes it without Qt; `BayesTable` paints it, aligned like a sum on paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from emstudio.core.family import IMPOSSIBLE
from emstudio.core.format import MINUS, number
from emstudio.core.mixture import Mixture
from emstudio.core.model import Model, Params
from emstudio.gui import theme
from emstudio.gui.widgets import paint_disc

MOST = 8  # components written out; the others are one line
ROW, LOW_ROW = 22, 20  # pixels; with more components than FEW the rows are lower
FEW = 2
HINT = (
    "Bayes’ rule: a component’s weight times its density at the point is its product. "
    "Its share of the sum is its responsibility."
)


NEAREST = "The nearest centre takes the whole point; distances are in units of the data."
COUNTED = {  # what has a probability of its own, and no density
    "coins": "a coin’s weight times its chance of these tosses",
    "multinomial": "a component’s weight times its chance of the row",
    "poisson": "a component’s weight times its chance of the counts",
}


def hint_of(model: Model) -> str:
    """Bayes' rule in words, while no row is picked."""
    if model.cost is not None:
        return NEAREST
    if model.name not in COUNTED:
        return HINT
    return f"Bayes’ rule: {COUNTED[model.name]} is its product. Its share of the sum is its responsibility."


@dataclass(frozen=True, eq=False)
class Rule:
    """The numbers of one point, as logarithms so that nothing is rounded to zero.

    `log_products` (K,) = log pi_k + log p(x | k); `log_weights` (K,) or None where the model has no weights.
    `distances` (K,) to the centres where there is no likelihood: the share is the nearest's. `factors` names the two
    factors of a product; those of a chain are what came before and what comes after.
    """

    log_products: np.ndarray
    log_weights: np.ndarray | None = None
    distances: np.ndarray | None = None
    factors: tuple[str, str] = ("weight", "density")

    @property
    def log_sum(self) -> float:
        top = float(self.log_products.max())
        return top + math.log(float(np.exp(self.log_products - top).sum()))

    @property
    def shares(self) -> np.ndarray:
        """(K,) the responsibilities."""
        if self.distances is not None:
            return (np.arange(len(self.distances)) == self.distances.argmin()).astype(float)
        return np.exp(self.log_products - self.log_sum)


def rule(model: Model, params: Params, x: np.ndarray) -> Rule:
    """Bayes' rule at `x` (d,), NaN where a value is not known."""
    products = model.scores_at(params, np.asarray(x, float)[None])[0]
    if model.cost is not None:
        return Rule(products, distances=np.sqrt(-products))
    if not isinstance(model, Mixture):
        return Rule(products)
    counted = model.name in COUNTED
    with np.errstate(divide="ignore"):
        return Rule(products, np.log(model.split(params)[0]), factors=("weight", "chance" if counted else "density"))


def exponential(log_value: float, digits: int = 3) -> str:
    """exp(log_value) for people, also where it is too small or too large for a float: 1.38e-412."""
    if log_value < IMPOSSIBLE:  # also where the model has a finite number for it
        return "0"
    if abs(log_value) < 600:
        return number(math.exp(log_value), digits)
    power = math.floor(log_value / math.log(10) + 1e-12)
    mantissa = math.exp(log_value - power * math.log(10))
    sign = MINUS if power < 0 else ""
    return f"{mantissa:.{digits - 1}f}e{sign}{abs(power)}"


class BayesTable(QWidget):
    """A row for each component, largest shares first if there are many, the sum under a line."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._rule: Rule | None = None
        self._k = 2
        self._grown = False  # some point was explained: what stands below keeps its place from then on
        self._parts: tuple[int, ...] = (0, 1)
        self._hint = HINT
        self.setAccessibleName("Bayes' rule in numbers")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(196)

    def show_rule(self, found: Rule | None, k: int, hint: str = HINT, parts: Sequence[int] | None = None) -> None:
        """Show other numbers, or none and the `hint`; once shown, `k` components take the same room either way."""
        if found is None and self._rule is None and k == self._k and hint == self._hint:
            return
        self._hint = hint
        height = self.sizeHint().height()
        self._grown = found is not None or (self._grown and k == self._k)
        self._rule, self._k = found, k
        self._parts = tuple(range(k) if parts is None else parts)
        self.setAccessibleDescription("; ".join(" ".join(line) for line in self.lines()))
        if self.sizeHint().height() != height:
            self.updateGeometry()
        self.update()

    def components(self) -> list[int]:
        """The components written out, in their order."""
        if self._rule is None:
            return []
        k = len(self._rule.log_products)
        if k <= MOST:
            return list(range(k))
        return sorted(np.argsort(-self._rule.log_products, kind="stable")[: MOST - 1].tolist())

    def lines(self) -> list[tuple[str, str, str, str, str]]:
        """The table in words: name, weight, density, product, share."""
        if self._rule is None:
            return []
        found, lines = self._rule, []
        shown = self.components()
        for k in shown:
            lines.append((theme.letter(self._parts[k]), *self._numbers(k)))
        if found.distances is not None:
            return [*lines, ("nearest", "", "", number(float(found.distances.min()), 4), "1")]
        others = [k for k in range(len(found.log_products)) if k not in shown]
        if others:
            rest = Rule(found.log_products[others]).log_sum
            share = number(math.exp(rest - found.log_sum), decimals=3)
            lines.append((f"{len(others)} others", "", "", _short(rest), share))
        lines.append(("sum", "", "", _short(found.log_sum), "1"))
        return lines

    def _numbers(self, k: int) -> tuple[str, str, str, str]:
        assert self._rule is not None
        if self._rule.distances is not None:
            return "", "", number(float(self._rule.distances[k]), 4), number(float(self._rule.shares[k]), decimals=0)
        product = float(self._rule.log_products[k])
        share = number(float(self._rule.shares[k]), decimals=3)
        if self._rule.log_weights is None:
            return "", "", _short(product), share
        weight = float(self._rule.log_weights[k])
        density = product - weight if math.isfinite(weight) else math.nan
        first = _weight(weight) if self._rule.factors[0] == "weight" else _short(weight)
        return first, _short(density), _short(product), share

    def sizeHint(self) -> QSize:
        rows = min(self._k, MOST if self._grown else 3)
        return QSize(296, self._pitch * (rows + 2) + 4)

    @property
    def _pitch(self) -> int:
        return ROW if self._k <= FEW else LOW_ROW

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._rule is None:
            self._paint_hint(painter)
            return
        weighted = self._rule.log_weights is not None
        first, second = self._rule.factors
        heads = ("", first if weighted else "", f"\u00d7  {second}" if weighted else "", "=  product", "share")
        if self._rule.distances is not None:
            heads = ("", "", "", "distance", "share")
        self._row(painter, 0, heads, [theme.colour("text3")] * 5, 11, 400)
        shown, lines = self.components(), self.lines()
        for i, line in enumerate(lines[:-1]):
            named = i < len(shown)
            ink = theme.component_text(self._parts[shown[i]]) if named else theme.colour("text2")
            self._row(painter, i + 1, ("" if named else line[0], *line[1:]), [ink] * 5, 12, 500)
            if named:
                paint_disc(painter, QPointF(9, self._pitch * (i + 1.5)), 18, self._parts[shown[i]])
        y = self._pitch * len(lines) + 1.5
        painter.setPen(QPen(theme.colour("axis"), 1))
        painter.drawLine(QPointF(self._edges()[2] + 8, y), QPointF(self.width(), y))
        ink = theme.colour("text")
        self._row(painter, len(lines), lines[-1], [theme.colour("text2"), ink, ink, ink, ink], 12, 600)

    def _paint_hint(self, painter: QPainter) -> None:
        painter.setFont(theme.font(12))
        painter.setPen(theme.colour("text3"))
        painter.drawText(QRectF(self.rect()), Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap, self._hint)

    def _edges(self) -> list[float]:
        """The right edges of the five columns."""
        width = self.width()
        # A chain's first factor is as small a number as its second.
        wide = self._rule is not None and self._rule.factors[0] != "weight"
        first = (0.1, 0.35) if wide else (0.17, 0.36)
        return [width * share for share in (*first, 0.61, 0.85, 1.0)]

    def _row(self, painter: QPainter, i: int, words: tuple, inks: list[QColor], px: int, weight: int) -> None:
        top = self._pitch * i + (4 if self._rule is not None and i == len(self.lines()) else 0)
        for j, (edge, word) in enumerate(zip(self._edges(), words)):
            side = Qt.AlignmentFlag.AlignLeft if j == 0 else Qt.AlignmentFlag.AlignRight
            left = 0.0 if j == 0 else self._edges()[j - 1]
            painter.setFont(theme.font(px, weight if j else 400))
            painter.setPen(inks[j])
            painter.drawText(QRectF(left, top, edge - left, self._pitch), side | Qt.AlignmentFlag.AlignVCenter, word)


def _weight(log_value: float) -> str:
    words = number(math.exp(log_value))
    return words if len(words) <= 7 else number(math.exp(log_value), 2)


def _short(log_value: float) -> str:
    """As wide as its column: a digit less beside an exponent of three, and of five."""
    if math.isnan(log_value):
        return "\u2014"
    words = exponential(log_value)
    for digits in (2, 1):
        if len(words) <= 8:
            break
        words = exponential(log_value, digits)
    return words
