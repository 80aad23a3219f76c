"""Rows of counts on one sheet: the components' profiles as stacked bars, and below them the rows, group by group."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from emstudio.core.em import Moment
from emstudio.core.format import count
from emstudio.core.marks import Stacks
from emstudio.gui import raster, theme
from emstudio.gui.point_layer import neutral
from emstudio.gui.samples import paint_disc
from emstudio.gui.sheet import WIDTH, Body
from emstudio.gui.stacked import LEFT, RIGHT, paint_legend, paint_stack

MOST = 240  # rows that are shown, evenly chosen of each component's
_LEGEND, _PITCH, _BAR, _GAP = 30.0, 36.0, 26.0, 18.0
_ROOM = 520.0  # pixels of the rows


def profiles(moment: Moment) -> Body:
    """Each component's profile above; below it the rows by their most probable component, the surest first."""
    view = next(v for v in moment.model.views(moment.data) if v.kind == "proportions")
    marks = moment.model.draw(moment.data, moment.snapshot.params, view).marks
    stacks = next(m for m in marks if isinstance(m, Stacks))
    own = np.empty((0, 0)) if stacks.profiles is None else stacks.profiles
    rows = arranged(moment)
    pitch = min(_ROOM / max(len(rows), 1), 10.0)
    above = _LEGEND + len(own) * _PITCH + _GAP
    note = "" if len(rows) == moment.data.n else f"{count(len(rows))} rows shown"
    colours = raster.mix(moment.snapshot.resp, theme.component_rgb(moment.model.parts), neutral(), moment.data.n)

    def paint(painter: QPainter) -> None:
        paint_legend(painter, QRectF(LEFT, 4, WIDTH - LEFT - RIGHT, 18), stacks.names)
        for k, p in enumerate(own):
            box = QRectF(LEFT, _LEGEND + k * _PITCH, WIDTH - LEFT - RIGHT, _BAR)
            paint_disc(painter, QPointF(LEFT / 2, box.center().y()), 24, k)
            paint_stack(painter, box, p, theme.component_colour(k), figures=True)
        painter.setFont(theme.font(12))
        painter.setPen(theme.colour("text2"))
        words = str(moment.data.table.info.get("rows_are", "rows"))
        painter.save()
        painter.translate(LEFT / 2, above + len(rows) * pitch / 2)
        painter.rotate(-90)
        painter.drawText(QRectF(-150, -10, 300, 20), Qt.AlignmentFlag.AlignCenter, words)
        painter.restore()
        for i, row in enumerate(rows.tolist()):
            box = QRectF(LEFT, above + i * pitch, WIDTH - LEFT - RIGHT, max(pitch - (1.5 if pitch > 4 else 0.3), 0.7))
            paint_stack(painter, box, stacks.shares[row], QColor.fromRgbF(*colours[row].tolist()))

    return Body(WIDTH, round(above + len(rows) * pitch + 24), paint, note)


def arranged(moment: Moment) -> np.ndarray:
    """The rows in the order in which they stand: by component, then by how surely they are its own."""
    resp, n = moment.snapshot.resp, moment.data.n
    if resp is None or np.isnan(resp).any():
        order = np.arange(n)
    else:
        order = np.lexsort((-resp.max(1), resp.argmax(1)))
    return order if n <= MOST else order[np.linspace(0, n - 1, MOST).round().astype(int)]
