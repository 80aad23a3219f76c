"""What Explain says of a chain: what the M-step makes of the paths, and how far the draws are from the exact values."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from emstudio.core.em import Moment
from emstudio.core.format import count, letter, number, signed
from emstudio.gui import theme
from emstudio.gui.chain_formula import Formulas, Fraction, Part, Words
from emstudio.gui.chain_numbers import Scalar, is_chain, observed, scalars
from emstudio.gui.refresh import Refresher
from emstudio.gui.widgets import hline, text
from emstudio.session import Session

_STATES = 2  # states whose transitions are all written out
ROW = 22


class ChainSections(QWidget):
    """The sections of Explain that only a chain has; hidden for other models."""

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("chain_sections")
        self.title = text("What the M-step will use", "title")
        self.terms = Formulas("What the M-step uses")
        self.meaning = text("", "unit", wrap=True)
        self.meaning.setObjectName("chain_meaning")
        self.draws_title = text("Draws against exact", "title")
        self.draws_note = text("", "unit")
        self.draws = DrawsTable()
        self._line = hline()
        self._shown: tuple[object, ...] = ()
        self._put_away = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(hline())
        column.addWidget(_padded(self.title, self.terms, self.meaning))
        column.addWidget(self._line)
        head = QWidget()
        row = QHBoxLayout(head)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.draws_title)
        row.addStretch(1)
        row.addWidget(self.draws_note)
        self._lower = _padded(head, self.draws)
        column.addWidget(self._lower)
        refresher.draw.connect(self._draw)
        theme.notifier.changed.connect(self._repaint)
        self._draw(session.moment)

    def _repaint(self) -> None:
        self.terms.update()
        self.draws.update()

    def _draw(self, moment: Moment) -> None:
        if not is_chain(moment.model):
            self._put_away = True
            self.hide()
            return
        if self._put_away:  # to show what has no parent yet would open a window
            self._put_away = False
            self.show()
        shown = (moment.snapshot.posterior, moment.snapshot.params, moment.how)
        if len(self._shown) == 3 and all(a is b for a, b in zip(shown, self._shown, strict=True)):
            return
        self._shown = shown
        found = scalars(moment)
        self.title.setText("What the M-step used" if moment.snapshot.phase == "M" else "What the M-step will use")
        self.terms.show_lines(terms(moment, found))
        self.meaning.setText(meaning(moment, found))
        compared = bool(found) and moment.how.kind != "soft"
        self._lower.setVisible(compared)
        self._line.setVisible(compared)
        if compared:
            drawn = found[0].draws is not None
            self.draws_title.setText("Draws against exact" if drawn else "Used against exact")
            m = 0 if found[0].draws is None else len(found[0].draws)
            self.draws_note.setText(f"s.e. from {count(m)} draws" if m > 1 else "")
            self.draws.show_scalars(found)


def _padded(*parts: QWidget) -> QWidget:
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(16, 8, 16, 6)
    column.setSpacing(4)
    for part in parts:
        column.addWidget(part)
    return box


def terms(moment: Moment, found: tuple[Scalar, ...]) -> list[list[Part]]:
    """The M-step's formulas with the numbers of the posterior shown; symbols alone before the first E-step."""
    if moment.model.name == "noisy-switch":
        return _switch_terms(moment, found)
    return _transition_terms(moment, found)


def _switch_terms(moment: Moment, found: tuple[Scalar, ...]) -> list[list[Part]]:
    q: list[Part] = [Words("q"), Words("="), Fraction(Words("a"), Words("a + b"))]
    variance: list[Part] = [Words("\u03c3\u00b2"), Words("="), Fraction(Words("c"), Words("n"))]
    if found:
        a, b, c = (s.used for s in found)
        n = int(observed(moment).sum())
        one, two, three = (number(v, decimals=2) for v in (a, b, c))
        share = a / (a + b) if a + b > 0 else float("nan")
        q += [Words("="), Fraction(Words(one), Words(f"{one} + {two}")), Words("="), Words(number(share), strong=True)]
        result = c / n if n else float("nan")
        variance += [
            Words("="),
            Fraction(Words(three), Words(count(n))),
            Words("="),
            Words(number(result), strong=True),
        ]
    return [q, variance]


def _transition_terms(moment: Moment, found: tuple[Scalar, ...]) -> list[list[Part]]:
    """Expected transitions over what leaves the state; of many states, what stays."""
    general: list[Part] = [
        Words("P(j \u2192 k)"),
        Words("="),
        Fraction(Words("expected j \u2192 k"), Words("expected j \u2192 any")),
    ]
    posterior = moment.snapshot.posterior
    if not found or posterior is None:
        return [general]
    pairs, lines = posterior.pairs, []  # type: ignore[attr-defined]
    k = len(pairs)
    edges = [(i, j) for i in range(k) for j in range(k)] if k <= 2 else [(i, i) for i in range(k)]
    for i, j in edges[:8]:
        whole = float(pairs[i].sum())
        over, under = _expected(float(pairs[i, j])), _expected(whole)
        result = number(float(pairs[i, j]) / whole) if whole > 0 else "\u2014"
        arrow = f"{letter(i)} \u2192 {letter(j)}"
        share = [Fraction(Words(over), Words(under))] if k <= 2 else [Words(f"{over} / {under}")]
        lines.append([Words(arrow, k=i), Words("="), *share, Words("="), Words(result, strong=True)])
    return [general, *lines] if k <= _STATES else lines  # `meaning` says it in words


def _expected(value: float) -> str:
    """An expected number with two decimals, or with two digits where these would be zeros."""
    return number(value, 2) if 0 < value < 0.005 else number(value, decimals=2)


def meaning(moment: Moment, found: tuple[Scalar, ...]) -> str:
    """The letters in words."""
    whose = "over the draws" if moment.how.sampled else "given the whole series"
    if moment.model.name == "noisy-switch":
        return f"Expected {whose}: a stays, b switches, c the sum of the squared distances of x from the path."
    if found and moment.snapshot.posterior is not None and not moment.snapshot.posterior.pairs.any():  # type: ignore[attr-defined]
        return "No series has a second step, so nothing is known of the transitions: they stay as they are."
    if moment.model.k > _STATES:
        return f"Expected moves j \u2192 k over all from j, {'over the draws' if moment.how.sampled else 'given the series'}."
    return f"How often a path is expected to go from state to state, {whose}. Zeros stay zero."


class DrawsTable(QWidget):
    """Each scalar's mean over the draws, its standard error, the exact value and how many errors lie between them."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("draws_table")
        self.setAccessibleName("Draws against exact")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.scalars: tuple[Scalar, ...] = ()

    def show_scalars(self, found: tuple[Scalar, ...]) -> None:
        """Show other numbers."""
        grown = len(found) != len(self.scalars)
        self.scalars = found
        self.setAccessibleDescription("; ".join(" ".join(line) for line in self.lines()))
        if grown:
            self.updateGeometry()
        self.update()

    def heads(self) -> tuple[str, ...]:
        draws = self.scalars[0].draws if self.scalars else None
        shown = "used" if draws is None else f"{count(len(draws))} draws" if len(draws) > 1 else "draw"
        return ("", shown, "\u00b1 s.e.", "exact", "z")

    def lines(self) -> list[tuple[str, ...]]:
        """The table in words."""
        made = []
        for s in self.scalars:
            error = "" if s.error is None else number(s.error, 2)
            z = "" if s.z is None else signed(s.z, decimals=1)
            made.append((f"{s.key} {s.word}".strip(), _value(s.used), error, _value(s.exact), z))
        return made

    def sizeHint(self) -> QSize:
        return QSize(260, ROW * (len(self.scalars) + 1))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._row(painter, 0, self.heads(), True)
        for i, line in enumerate(self.lines()):
            self._row(painter, i + 1, line, False)

    def _row(self, painter: QPainter, i: int, words: tuple[str, ...], head: bool) -> None:
        edges = [self.width() * share for share in (0.30, 0.53, 0.68, 0.88, 1.0)]
        for j, (edge, word) in enumerate(zip(edges, words, strict=True)):
            left = 0.0 if j == 0 else edges[j - 1]
            strong = not head and j in (1, 3)
            painter.setFont(theme.font(11 if head else 12, 600 if strong else 400))
            painter.setPen(theme.colour("text3" if head else "text" if strong else "text2"))
            side = Qt.AlignmentFlag.AlignLeft if j == 0 else Qt.AlignmentFlag.AlignRight
            box = QRectF(left, i * ROW, edge - left, ROW)
            painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, word)


def _value(value: float) -> str:
    return number(value, decimals=2) if abs(value) < 10_000 else number(value, 5)


__all__ = ["ChainSections", "DrawsTable", "meaning", "terms"]
