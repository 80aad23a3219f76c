"""A series on one sheet: its columns against time in the colours of the states, the paths below, and the estimates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from emstudio.core.em import Moment
from emstudio.core.format import count, number
from emstudio.gui import theme
from emstudio.gui.samples import paint_disc
from emstudio.gui.series_picture import SeriesPicture
from emstudio.gui.series_scene import Scene
from emstudio.gui.series_source import Question, answer, levels_of, still, true_path
from emstudio.gui.series_span import GUTTER, MARGIN, Span
from emstudio.gui.sheet import WIDTH, Body
from emstudio.gui.strips_layout import Band
from emstudio.gui.strips_picture import FOOT, StripsPicture

MOST = 4  # columns against time
_ONE, _EACH = 300, 170  # pixels of the only column, or of each of several
_TITLE = 24
_PATH, _SHARES, _GAP = 20, 96, 8  # pixels of a path, of the probabilities, between them
_PITCH = 24.0  # pixels from line to line of the estimates
_STATES = 8  # lines of the estimates
_LEAST = 64.0  # pixels of a number


class _Paths(StripsPicture):
    """The paths and probabilities of the states, without draws."""

    def layout_bands(self) -> list[Band]:
        made, top = [], 0.0
        for kind in ("truth", "viterbi", "shares") if self.scene.truth is not None else ("viterbi", "shares"):
            height = _SHARES if kind == "shares" else _PATH
            made.append(Band(kind, top, height))
            top += height + _GAP
        return made

    @property
    def wanted(self) -> int:
        """The pixels that all of it takes."""
        last = self.layout_bands()[-1]
        return round(last.top + last.height + FOOT)


def chain(moment: Moment) -> Body:
    """Up to four columns of the series, the paths of the states, the probabilities to be in each, and the estimates."""
    scene, span = scene_of(moment), Span()
    span.set_series(scene.offsets, scene.times)
    paths = _Paths(span)
    paths.show_scene(scene)
    paths.resize(WIDTH, paths.wanted)
    columns = min(scene.values.shape[1], MOST)
    height = _ONE if columns == 1 else _EACH
    above = columns * (_TITLE + height)
    states = min(moment.model.k, _STATES)
    note = "" if columns == moment.data.d else f"{columns} of {count(moment.data.d)} columns"

    def paint(painter: QPainter) -> None:
        painter.save()
        for column in range(columns):
            _paint_title(painter, scene.titles[column])
            painter.translate(0, _TITLE)
            _series(scene, span, column, height).paint_on(painter)
            painter.translate(0, height)
        paths.paint_on(painter)
        painter.translate(0, paths.height() + 12)
        _paint_estimates(painter, moment)
        painter.restore()

    return Body(WIDTH, round(above + paths.wanted + 12 + (states + 1) * _PITCH + 12), paint, note)


def scene_of(moment: Moment) -> Scene:
    """What is shown of a moment: the exact posterior, the most probable path and the true one, at its parameters."""
    data, model, s = moment.data, moment.model, moment.snapshot
    known = answer(Question(data, model, s.params, 0, ()))
    truth = None if data.truth_codes() is None or not data.n else true_path(moment, known.exact)
    table = getattr(s.params, "probabilities", None)
    found = replace(still(data, model), levels=levels_of(moment), probabilities=table, resp=known.exact)
    paper = tuple(tuple(replace(level, edge=None) for level in column) for column in found.levels)  # nothing to pull at
    return replace(found, levels=paper, exact=known.exact, viterbi=known.viterbi, truth=truth)


def _series(scene: Scene, span: Span, column: int, height: int) -> SeriesPicture:
    made = SeriesPicture(None, span)
    made.set_motion(False)
    made.resize(WIDTH, height)
    made.show_scene(scene)
    made.set_column(column)
    return made


def _told(values: np.ndarray) -> np.ndarray:
    """What beside the others is nothing is told as 0: a way that the data rule out has a probability of 1e-90."""
    return np.where(np.abs(values) < 1e-9 * np.abs(values).max(initial=0.0), 0.0, values)


def _paint_title(painter: QPainter, words: str) -> None:
    painter.setFont(theme.font(12, 600))
    painter.setPen(theme.colour("text"))
    room = QRectF(GUTTER, 0, WIDTH - GUTTER - MARGIN, _TITLE)
    shown = QFontMetricsF(painter.font()).elidedText(words, Qt.TextElideMode.ElideMiddle, room.width())
    painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


def _paint_estimates(painter: QPainter, moment: Moment) -> None:
    """A line for each state, a column for each parameter, as many as there is room for."""
    table = moment.model.table(moment.data, moment.snapshot.params)
    face, figures = theme.font(12), theme.font(12, 500)
    metrics = QFontMetricsF(face)
    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    left = GUTTER + 8.0
    states = min(moment.model.k, _STATES)
    for k in range(states):
        paint_disc(painter, QPointF(GUTTER - 21, (k + 1.5) * _PITCH), 18, k)
    for name, values in table:
        texts = [number(v) for v in _told(np.asarray(values, float)[:states]).tolist()]
        width = max(*(metrics.horizontalAdvance(w) for w in (name, *texts)), _LEAST)
        if left + width > WIDTH - MARGIN:
            break
        painter.setFont(face)
        painter.setPen(theme.colour("text2"))
        painter.drawText(QRectF(left, 0, width, _PITCH), right, name)
        painter.setFont(figures)
        painter.setPen(theme.colour("text"))
        for k, words in enumerate(texts):
            painter.drawText(QRectF(left, (k + 1) * _PITCH, width, _PITCH), right, words)
        left += width + 18
    painter.setPen(QPen(theme.colour("hairline"), 1))
    painter.drawLine(QPointF(GUTTER, _PITCH), QPointF(WIDTH - MARGIN, _PITCH))
