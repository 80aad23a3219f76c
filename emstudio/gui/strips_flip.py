"""The proposed change of one site of a drawn path, with the ratio that Metropolis weighs it by written out in numbers.

words = written(moment, path, site)     # lines of a Written, from plain arrays: no widget
card = FlipCard(parent); card.show_at(words, box)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from emstudio.core.em import Moment
from emstudio.core.format import letter, number
from emstudio.core.samplers_flip import Factor, Flip, flip
from emstudio.gui import theme

TIMES, ARROW, MINUS, DOTS = "\u00d7", "\u2192", "\u2212", "\u2026"
_AROUND = 3  # sites shown to both sides
_PAD, _LINE = 12.0, 19.0


@dataclass(frozen=True)
class Written:
    """What the card says: `before` and `after` are the states about the site, `at` the site's place in them, and `beyond`
    says whether the path goes on to the left and to the right.

    `lines` are (what, symbols, numbers) of each factor, `total` the ratio, `verdict` what the sampler makes of it.
    """

    title: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    at: int
    beyond: tuple[bool, bool]
    lines: tuple[tuple[str, str, str], ...]
    total: str
    verdict: str

    def path(self, states: tuple[int, ...]) -> str:
        """The states in letters: `…AABB…`."""
        head, tail = (DOTS if on else "" for on in self.beyond)
        return head + "".join(letter(z) for z in states) + tail

    def spoken(self) -> str:
        """All of it in a few words, for who cannot see it."""
        factors = "; ".join(f"{what} {symbols} = {numbers}" for what, symbols, numbers in self.lines)
        change = f"{self.path(self.before)} {ARROW} {self.path(self.after)}"
        return f"{self.title}: {change}; {factors}; {self.total}; {self.verdict}"


def written(moment: Moment, path: np.ndarray, site: int, where: str = "", to: int | None = None) -> Written:
    """The change of `path` (n,) at the row `site`: to the other state, or the most probable other one of several."""
    model, data, params = moment.model, moment.data, moment.snapshot.params
    start, transitions, _ = model.split(params)  # type: ignore[attr-defined]
    first = int(data.offsets[np.searchsorted(data.offsets, site, side="right") - 1])
    end = int(data.offsets[np.searchsorted(data.offsets, site, side="right")])
    scores = _scores(moment)
    now = int(path[site])
    others = [k for k in range(len(start)) if k != now] if to is None else [to]
    flips = [flip(scores, start, transitions, data.offsets, path, site, k) for k in others]
    best = max(flips, key=lambda f: f.log_ratio)
    lines = tuple(_line(moment, factor, best, site) for factor in best.factors)
    chain = math.fsum(f.log_ratio for f in best.factors if f.kind != "observation")
    low, high = max(first, site - _AROUND), min(end, site + _AROUND + 1)
    states = tuple(int(z) for z in path[low:high])
    changed = (*states[: site - low], best.new, *states[site - low + 1 :])
    parts = [_figure(f.log_ratio) for f in best.factors]
    if len(best.factors) > 2 and _cancels(moment, best.factors, chain):
        total = (
            f"{'q cancels' if model.name == 'noisy-switch' else 'the steps cancel'}: ratio {_figure(best.log_ratio)}"
        )
    else:
        total = f"ratio {f' {TIMES} '.join(parts)} = {_figure(best.log_ratio)}"
    title = f"Change {where or f'row {site + 1}'} from {letter(best.old)} to {letter(best.new)}?"
    return Written(
        title,
        states,
        changed,
        site - low,
        (low > first, high < end),
        lines,
        total,
        _verdict(moment, best, len(start)),
    )


def _cancels(moment: Moment, factors: tuple[Factor, ...], log_ratio: float) -> bool:
    """Whether the steps' factors cancel, whatever q is: as many stays after the change as before."""
    if moment.model.name != "noisy-switch":
        return abs(log_ratio) < 1e-12
    steps = [f.steps for f in factors if f.kind in ("before", "after")]
    stays = [sum(side[0] == side[1] for side in sides) for sides in zip(*steps, strict=True)]
    return stays[0] == stays[1]


def _scores(moment: Moment) -> np.ndarray:
    """(K, n) the emissions' scores at the moment's parameters, kept while these are looked at."""
    data, params = moment.data, moment.snapshot.params
    kept: dict = data.memo("scores of flips", dict)
    if kept.get("params") is not params:
        kept["scores"], kept["params"] = moment.model.emissions(data, params), params  # type: ignore[attr-defined]
    return kept["scores"]


def _figure(log: float) -> str:
    """A factor from its logarithm; what is too large or small for figures is a power of ten."""
    if log == -math.inf:
        return "0"
    if abs(log) > 600:
        return f"1e{number(log / math.log(10), decimals=0)}"
    return number(math.exp(log), 3)


def _line(moment: Moment, factor: Factor, flip: Flip, site: int) -> tuple[str, str, str]:
    """(what, in symbols, in numbers) of one factor."""
    switch = moment.model.name == "noisy-switch"
    value = _figure(factor.log_ratio)
    new, old = letter(flip.new), letter(flip.old)
    if factor.kind == "observation":
        if moment.data.mask is not None and moment.data.mask[site].all():
            return "x", "not observed", "1"
        symbols = f"p(x|{new}) / p(x|{old})"
        if switch:
            x = float(moment.data.x[site, 0])
            half = ((x - flip.new) ** 2 - (x - flip.old) ** 2) / 2
            sign = MINUS if half >= 0 else ""
            size, variance = number(abs(half), 3, trim=True), float(moment.snapshot.params.variance)  # type: ignore[union-attr]
            return (
                f"x = {number(x, 3, trim=True)}",
                f"exp({sign}{size}/\u03c3\u00b2)",
                f"exp({sign}{size}/{number(variance, 3, trim=True)}) = {value}",
            )
        return "x", symbols, f"{_figure(factor.new)} / {_figure(factor.old)} = {value}"
    what = {"start": "start", "before": "step in", "after": "step out"}[factor.kind]
    sides = []
    for steps in factor.steps:
        if factor.kind == "start":
            sides.append(f"p({letter(steps[0])})")
        elif switch:
            sides.append("q" if steps[0] == steps[1] else f"(1{MINUS}q)")
        else:
            sides.append(f"p({letter(steps[0])}{ARROW}{letter(steps[1])})")
    return what, f"{sides[0]} / {sides[1]}", f"{_figure(factor.new)} / {_figure(factor.old)} = {value}"


def _verdict(moment: Moment, flip: Flip, k: int) -> str:
    kind = moment.how.kind
    if kind == "gibbs" and k == 2:
        ratio = flip.ratio
        p = 1.0 if math.isinf(ratio) else ratio / (1.0 + ratio)
        return f"Gibbs draws {letter(flip.new)} with probability r / (1 + r) = {number(p, 3)}"
    who = "Metropolis takes it" if kind in ("metropolis", "scan-metropolis") else "Metropolis would take it"
    if flip.log_ratio >= 0:
        return f"{who} for certain: min(1, r) = 1"
    return f"{who} with probability {_figure(flip.log_ratio)}"


class FlipCard(QWidget):
    """Lies over the laboratory beside the cell that it is about; the mouse goes through it."""

    def __init__(self, parent: QWidget):
        super().__init__(parent)
        self.setObjectName("flip_card")
        self.setAccessibleName("The proposed change of a site")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.words: Written | None = None
        self.hide()
        theme.notifier.changed.connect(self.update)

    def show_at(self, words: Written | None, box: QRectF) -> None:
        """Say these words beside `box` (in the parent's pixels); None hides the card."""
        self.words = words
        if words is None:
            self.hide()
            return
        self.setAccessibleDescription(words.spoken())
        size = self.sizeHint()
        self.resize(size)
        parent = self.parentWidget()
        assert parent is not None
        # Aside, so that what stands above and below the cell on the same step stays in sight.
        x = box.right() + 14 if box.right() + 18 + size.width() <= parent.width() else box.left() - 14 - size.width()
        x = min(max(x, 4), max(parent.width() - size.width() - 4, 4))
        above = box.top() - size.height() - 10
        below = box.bottom() + 10
        y = above if above >= 4 else min(below, parent.height() - size.height() - 4)
        self.move(round(x), round(y))
        self.show()
        self.raise_()
        self.update()

    def _columns(self) -> tuple[float, float, float]:
        """The widths of the factors' three columns."""
        assert self.words is not None
        metrics = QFontMetricsF(theme.font(12))
        lines = self.words.lines
        return tuple(max(metrics.horizontalAdvance(line[i]) for line in lines) + 1 for i in range(3))  # type: ignore[return-value]

    def sizeHint(self) -> QSize:
        if self.words is None:
            return QSize(10, 10)
        words, strong = self.words, QFontMetricsF(theme.font(12, 600))
        path = QFontMetricsF(theme.font(14, 500)).horizontalAdvance(
            f"{words.path(words.before)}  {ARROW}  {words.path(words.after)}"
        )
        width = max(
            strong.horizontalAdvance(words.title),
            path,
            sum(self._columns()) + 28,
            strong.horizontalAdvance(words.total),
            QFontMetricsF(theme.font(12)).horizontalAdvance(words.verdict),
        )
        return QSize(round(width + 2 * _PAD + 2), round(2 * _PAD + _LINE * (4 + len(words.lines)) + 12))

    def paintEvent(self, event: QPaintEvent) -> None:
        words = self.words
        if words is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(theme.colour("panel" if theme.current().dark else "field"))
        painter.setPen(QPen(theme.colour("border"), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        wide = self.width() - 2 * _PAD
        y = _PAD - 1
        self._say(painter, _PAD, y, wide, words.title, theme.font(12, 600), "text")
        y += _LINE + 2
        self._say_path(painter, _PAD, y, words)
        y += _LINE + 5
        columns = self._columns()
        for line in words.lines:
            x = _PAD
            for part, width, role in zip(line, columns, ("text3", "text2", "text"), strict=True):
                self._say(painter, x, y, width, part, theme.font(12), role)
                x += width + 14
            y += _LINE
        painter.setPen(QPen(theme.colour("hairline"), 1))
        painter.drawLine(round(_PAD), round(y + 3), round(self.width() - _PAD), round(y + 3))
        y += 6
        self._say(painter, _PAD, y, wide, words.total, theme.font(12, 600), "text")
        self._say(painter, _PAD, y + _LINE, wide, words.verdict, theme.font(12), "text2")

    def _say(self, painter: QPainter, x: float, y: float, width: float, words: str, font, role: str) -> None:
        painter.setFont(font)
        painter.setPen(theme.colour(role))
        painter.drawText(QRectF(x, y, width + 2, _LINE), Qt.AlignmentFlag.AlignVCenter, words)

    def _say_path(self, painter: QPainter, x: float, y: float, words: Written) -> None:
        """The path before and after, the states in their colours, the site underlined."""
        for i, states in enumerate((words.before, words.after)):
            signs = [(letter(z), theme.component_text(z), j == words.at) for j, z in enumerate(states)]
            dots = (DOTS, theme.colour("text3"), False)
            signs = [dots] * words.beyond[0] + signs + [dots] * words.beyond[1]
            for sign, colour, strong in signs:
                painter.setFont(theme.font(14, 600 if strong else 400))
                painter.setPen(colour)
                width = painter.fontMetrics().horizontalAdvance(sign)
                painter.drawText(QRectF(x, y, width + 2, _LINE), Qt.AlignmentFlag.AlignVCenter, sign)
                if strong:
                    painter.drawLine(round(x), round(y + _LINE), round(x + width), round(y + _LINE))
                x += width + 1
            if not i:
                painter.setFont(theme.font(13))
                painter.setPen(theme.colour("text3"))
                painter.drawText(QRectF(x, y, 34, _LINE), Qt.AlignmentFlag.AlignCenter, ARROW)
                x += 34
