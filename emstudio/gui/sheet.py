"""A fit on one sheet, to be taken away: what was fitted and how well, the components' letters, and its best picture.

    made = sheet(moment)
    paper.written("pdf", made.width, made.height, made.paint, made.title, made.subject)

What the picture is depends on the model and the data: columns in pairs, trials with their landscape, profiles, a series
with its states, or else the first of the model's views that shows the rows. Needs a QApplication with a theme applied.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter

from emstudio.core import selection
from emstudio.core.em import Moment, advance, evaluate
from emstudio.core.format import NOISE, number, tally
from emstudio.core.marks import Points, View
from emstudio.gui import theme
from emstudio.gui.letters import DISC
from emstudio.gui.samples import paint_disc
from emstudio.gui.snapshot import posed

WIDTH, HEIGHT = 960, 648  # logical pixels of a picture below its head
HEAD = 72
MARGIN = 24.0
_SIGMAS = 3.05  # the widest contour is whole
_MOST_LETTERS = 26  # components that the head names at all


@dataclass(frozen=True)
class Body:
    """A picture: `paint(painter)` in logical pixels from its upper left corner; `note` is what its reader must know."""

    width: int
    height: int
    paint: Callable[[QPainter], None]
    note: str = ""


@dataclass(frozen=True)
class Sheet:
    """A picture below its head; `title` and `subject` are for the file's own particulars."""

    width: int
    height: int
    paint: Callable[[QPainter], None]
    title: str
    subject: str


def sheet(moment: Moment) -> Sheet:
    """The sheet of a fit: the points have the colours of their responsibilities under the parameters shown."""
    moment = evaluate(moment)
    coloured = advance(moment) if moment.next == "E" else moment
    body = body_of(coloured)

    def paint(painter: QPainter) -> None:
        painter.fillRect(QRectF(0, 0, body.width, HEAD + body.height), theme.colour("canvas"))
        painter.save()
        painter.translate(0, HEAD)
        body.paint(painter)
        painter.restore()
        _paint_head(painter, coloured, body)

    subject = "; ".join(part for part in (*details(moment), body.note) if part)
    return Sheet(body.width, HEAD + body.height, paint, f"{heading(moment)}: {moment.data.table.name}", subject)


def body_of(moment: Moment) -> Body:
    """The picture that says most about a fit of this model to these data."""
    views = moment.model.views(moment.data)
    kinds = [view.kind for view in views]
    if "laboratory" in kinds:
        from emstudio.gui.sheet_chain import chain

        return chain(moment)
    if "coins" in kinds:
        from emstudio.gui.sheet_coins import coins

        return coins(moment)
    if kinds[:1] == ["proportions"]:
        from emstudio.gui.sheet_profiles import profiles

        return profiles(moment)
    if "scatter" in kinds and moment.data.d > 2:
        from emstudio.gui.sheet_pairs import pairs

        return pairs(moment)
    return plain(moment, _view(moment))


def plain(moment: Moment, view: View | None, width: int = WIDTH, height: int = HEIGHT) -> Body:
    """One view, as the canvas shows it."""

    def paint(painter: QPainter) -> None:
        with posed(moment, view, width, height, sigmas=_SIGMAS) as picture:
            picture.paint(painter)

    return Body(width, height, paint)


def _view(moment: Moment) -> View | None:
    """The first of the model's views that shows the rows as points."""
    for view in moment.model.views(moment.data):
        marks = moment.model.draw(moment.data, moment.snapshot.params, view).marks
        if any(isinstance(mark, Points) for mark in marks):
            return view
    return None


# -- the head ----------------------------------------------------------------------------------------------------------
def heading(moment: Moment) -> str:
    """What was fitted: `Gaussian mixture, K = 3, VVV`."""
    model = moment.model
    declared = {p.name for p in model.parameters()} - set(model.unused)
    parts = [model.title]
    if "k" in declared:
        parts.append(f"K = {model.k}")
    if "covariance" in declared and moment.data.d > 1:
        parts.append(str(model.covariance))  # type: ignore[attr-defined]
    return ", ".join([*parts, "noise"] if NOISE in model.parts else parts)


def details(moment: Moment) -> tuple[str, ...]:
    """How well it fits, and what: log-likelihood in nats (or the cost), BIC, the rows and their table."""
    data, s = moment.data, moment.snapshot
    rows = str(data.table.info.get("rows_are", "rows"))
    table = f"{data.table.name}, {tally(data.n, rows if data.n != 1 else 'row', data.total)}"
    if s.cost is not None:
        return f"{moment.model.cost} {number(s.cost, 6)}", table
    if s.log_likelihood is None or s.params is None:
        return (table,)
    free = moment.model.count_free(data.d, s.params, moment.start)
    bic = selection.bic(s.log_likelihood, free, data.total)
    return f"log-likelihood {number(s.log_likelihood, decimals=2)} nats", f"BIC {number(bic, decimals=1)}", table


def shares(moment: Moment) -> np.ndarray:
    """(parts,) the share of the rows, by their weights, that each component is responsible for; empty where unknown."""
    resp, data = moment.snapshot.resp, moment.data
    if resp is None or not data.n or np.isnan(resp).any():
        return np.empty(0)
    weights = np.ones(data.n) if data.weights is None else data.weights
    return weights @ resp / max(float(weights.sum()), 1e-300)


def _paint_head(painter: QPainter, moment: Moment, body: Body) -> None:
    letters = _letters(moment)
    room = body.width - 2 * MARGIN - sum(width for _, _, width in letters)
    painter.setPen(theme.colour("text"))
    painter.setFont(theme.font(17, 600))
    _line(painter, QRectF(MARGIN, 12, room, 26), heading(moment))
    painter.setPen(theme.colour("text2"))
    painter.setFont(theme.font(13))
    words = "   ".join(part for part in (*details(moment), body.note) if part)
    _line(painter, QRectF(MARGIN, 38, body.width - 2 * MARGIN, 22), words)
    left = body.width - MARGIN - sum(width for _, _, width in letters)
    for k, words, width in letters:
        paint_disc(painter, QPointF(left + 12 + DISC / 2, 25), DISC - 2, k)
        painter.setPen(theme.colour("text2"))
        painter.setFont(theme.font(13))
        box = QRectF(left + 16 + DISC, 12, width, 26)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)
        left += width


def _line(painter: QPainter, box: QRectF, words: str) -> None:
    """One line of text; what does not fit is left out in its middle."""
    shown = QFontMetricsF(painter.font()).elidedText(words, Qt.TextElideMode.ElideMiddle, box.width())
    painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


def _letters(moment: Moment) -> list[tuple[int, str, float]]:
    """(component, its share in words, pixels that both take) of the head's legend; the letters alone where there is no
    room for more."""
    found, parts = shares(moment), moment.model.parts
    if len(found) != len(parts) or len(parts) > _MOST_LETTERS:
        return []
    metrics = QFontMetricsF(theme.font(13))
    texts = [f"{number(100 * share, decimals=1)} %" for share in found.tolist()]
    widths = [DISC + metrics.horizontalAdvance(words) + 20 for words in texts]
    room = WIDTH - 3 * MARGIN - QFontMetricsF(theme.font(17, 600)).horizontalAdvance(heading(moment))
    if sum(widths) > room:
        texts, widths = [""] * len(parts), [DISC + 2] * len(parts)
    return list(zip(parts, texts, widths, strict=True))
