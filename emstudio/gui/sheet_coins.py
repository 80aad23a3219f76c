"""Coin tosses on one sheet: the trials where they are few, the shares of heads, and the landscape of two biases."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from emstudio.core.em import Moment
from emstudio.core.format import count
from emstudio.gui import theme, trial_rows
from emstudio.gui.coins_view import expected_of, responsibilities, tosses_words, trials_of
from emstudio.gui.landscape_map import LandscapeMap
from emstudio.gui.sheet import HEIGHT, WIDTH, Body, plain
from emstudio.gui.trial_rows import BAR_HEIGHT, PITCH, Columns
from emstudio.models import coin_landscape

MOST = 12  # trials that are shown one by one
_HEAD, _FOOT, _GAP = 30.0, 36.0, 20.0
_LOWER = 420  # pixels of the pictures below the trials
_MAP = 0.44  # share of the width that the landscape takes


def coins(moment: Moment) -> Body:
    """The trials (up to twelve), the histogram of their shares of heads, and beside it the landscape of two coins."""
    few = moment.data.n <= MOST
    top = round(_HEAD + moment.data.n * PITCH + _FOOT + _GAP) if few else 0
    height = _LOWER if few else HEIGHT * 3 // 4
    wide = round(WIDTH * _MAP) if moment.model.k > 1 else 0
    view = next(v for v in moment.model.views(moment.data) if v.kind == "shares")
    shares = plain(moment, view, WIDTH - wide, height)

    def paint(painter: QPainter) -> None:
        if few:
            _paint_trials(painter, moment)
        painter.save()
        painter.translate(0, top)
        shares.paint(painter)
        if wide:
            painter.translate(WIDTH - wide, 0)
            _landscape(moment, wide, height).paint_on(painter)
        painter.restore()

    return Body(WIDTH, top + height + 12, paint)


def _landscape(moment: Moment, width: int, height: int) -> LandscapeMap:
    """The log-likelihood over the biases of the two coins that made most trials, with the place of the fit."""
    params, model = moment.snapshot.params, moment.model
    made = LandscapeMap()
    made.resize(width, height)
    i, j = sorted(np.argsort(-params.weights, kind="stable")[:2].tolist())
    made.pair, made.at = (i, j), (float(params.biases[i]), float(params.biases[j]))
    area = np.clip((np.floor(min(made.at) * 20) / 20, np.ceil(max(made.at) * 20) / 20), 0.0, 1.0)
    names = model.coins  # type: ignore[attr-defined]
    asked = coin_landscape.question(moment.data, params, made.pair, (float(area[0]), float(area[1])), names)
    made.show_answer(coin_landscape.answer(asked))
    return made


def _paint_trials(painter: QPainter, moment: Moment) -> None:
    """A row for each trial, and below them what the M-step goes by: the sums of each coin."""
    tokens, resp, data = trials_of(moment), responsibilities(moment), moment.data
    columns = trial_rows.columns(WIDTH, int(tokens.tosses.max(initial=0)), moment.model.k, tokens.rows is not None)
    known = tokens.known is not None
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.setFont(theme.font(12))
    painter.setPen(theme.colour("text2"))
    painter.drawText(QRectF(16, 0, 40, _HEAD), middle, "trial")
    painter.drawText(QRectF(columns.tokens, 0, columns.tokens_width, _HEAD), middle, tosses_words(tokens))
    painter.drawText(QRectF(columns.bar, 0, columns.bar_width, _HEAD), middle, "coin" if known else "which coin?")
    for k in range(moment.model.k):
        trial_rows.paint_coin_head(painter, _counts_box(columns, k, 0, _HEAD), k, "counted" if known else "expected")
    for row in range(data.n):
        y = _HEAD + row * PITCH
        share = None if resp is None or np.isnan(resp[row]).any() else resp[row]
        painter.setFont(theme.font(12))
        painter.setPen(theme.colour("text2"))
        painter.drawText(QRectF(16, y, 40, PITCH), middle, count(row + 1))
        heads, tosses = int(tokens.heads[row]), int(tokens.tosses[row])
        if columns.token and tokens.rows is not None:
            for i, side in enumerate(tokens.rows[row]):
                centre = QPointF(columns.tokens + (i + 0.5) * columns.apart - 1.5, y + PITCH / 2)
                trial_rows.paint_token(painter, centre, columns.token, side == "H", share)
        else:
            bar = QRectF(columns.tokens, y + (PITCH - BAR_HEIGHT) / 2, columns.tokens_width, BAR_HEIGHT)
            trial_rows.paint_tosses_bar(painter, bar, heads, tosses, share)
        bar = QRectF(columns.bar, y + (PITCH - BAR_HEIGHT) / 2, columns.bar_width, BAR_HEIGHT)
        trial_rows.paint_shares(painter, bar, share, known)
        for k, part in enumerate(() if share is None else share.tolist()):
            box = _counts_box(columns, k, y, PITCH)
            trial_rows.paint_counts(painter, box, part * heads, part * (tosses - heads), whole=known)
    y = _HEAD + data.n * PITCH
    painter.setPen(QPen(theme.colour("hairline"), 1))
    painter.drawLine(QPointF(columns.counts, y + 2), QPointF(columns.width, y + 2))
    for k, (heads, tails) in enumerate(expected_of(moment).tolist()):
        trial_rows.paint_counts(painter, _counts_box(columns, k, y + 4, PITCH), heads, tails, strong=True, whole=known)


def _counts_box(columns: Columns, k: int, top: float, height: float) -> QRectF:
    return QRectF(columns.counts + k * columns.counts_width, top, columns.counts_width, height)
