"""Every pair of columns as a small picture: the points in their colours, the components' two sigma. A click shows it large.

The pictures follow when the fit rests or walks slowly; a fast run is not slowed down by them.
"""

from __future__ import annotations

import html
import itertools
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from emstudio.core.data import Dataset
from emstudio.core.em import Moment
from emstudio.core.format import count
from emstudio.core.marks import Ellipse, View
from emstudio.gui import raster, theme
from emstudio.gui.items import paint_ellipses
from emstudio.gui.layers import Frame, widened
from emstudio.gui.point_layer import neutral
from emstudio.gui.refresh import Refresher
from emstudio.gui.views import Views
from emstudio.gui.widgets import hline, text
from emstudio.session import Session

MOST, ACROSS = 6, 3  # pictures, and how many of them side by side
POINTS = 2_000  # drawn in one picture, evenly chosen
REST = 80  # ms without a change before the pictures follow
HEIGHT, LABEL = 84, 18  # pixels
_STYLE = raster.Style(3.4, 0.0, 0.9)


def pairs_of(d: int) -> list[tuple[int, int]]:
    """The pairs of columns shown, in the order of the columns."""
    return sorted(itertools.combinations(range(d), 2), key=lambda p: (p[1], p[0]))[:MOST]


def short(title: str) -> str:
    """A column's name for a small picture: `sepal l.`"""
    words = title.split()
    return f"{words[0]} {words[1][0]}." if len(words) == 2 else title


class Thumb(QAbstractButton):
    """The picture of one pair; checked while the canvas shows it."""

    def __init__(self, pair: tuple[int, int], data: Dataset, parent: QWidget | None = None):
        super().__init__(parent)
        self.pair = pair
        titles = [data.columns[j].title for j in pair]
        self.setObjectName(f"pair_{pair[0]}_{pair[1]}")
        self.setText(" \u00d7 ".join(map(short, titles)))
        self.setAccessibleName(f"{titles[1]} against {titles[0]}")
        self.setToolTip(f"<qt>Show {html.escape(titles[1])} against {html.escape(titles[0])}</qt>")
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._moment: Moment | None = None
        self._plan: tuple[tuple, raster.Plan] | None = None

    def sizeHint(self) -> QSize:
        return QSize(90, HEIGHT + LABEL)

    def show_moment(self, moment: Moment) -> None:
        """Draw another moment at the next paint."""
        if moment is not self._moment:
            self._moment = moment
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        field = QRectF(0.5, 0.5, self.width() - 1, HEIGHT - 1)
        strong = self.isChecked() or self.hasFocus()
        painter.setBrush(theme.colour("canvas"))
        painter.setPen(QPen(theme.colour("ink" if strong or self.underMouse() else "hairline"), 2 if strong else 1))
        painter.drawRoundedRect(field.adjusted(0.5, 0.5, -0.5, -0.5) if strong else field, 6, 6)
        if self._moment is not None:
            painter.save()
            painter.translate(2, 2)
            painter.setClipRect(QRectF(0, 0, self.width() - 4, HEIGHT - 4))
            self._paint_moment(painter, self._moment)
            painter.restore()
        painter.setFont(theme.font(11, 600 if self.isChecked() else 400))
        painter.setPen(theme.colour("text" if self.isChecked() else "text2"))
        words = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, self.width())
        painter.drawText(QRectF(0, HEIGHT, self.width(), LABEL), Qt.AlignmentFlag.AlignCenter, words)

    def _paint_moment(self, painter: QPainter, moment: Moment) -> None:
        data = moment.data
        low, high = data.memo("extent", lambda: (np.nanmin(data.x, axis=0), np.nanmax(data.x, axis=0)))
        (left, right), (bottom, top) = (widened(low[j], high[j], 0.08) for j in self.pair)
        frame = Frame(left, bottom, right, top, self.width() - 4, HEIGHT - 4)
        self._paint_points(painter, moment, frame)
        if moment.snapshot.params is not None:
            marks = moment.model.draw(data, moment.snapshot.params, View("scatter", self.pair)).marks
            paint_ellipses(painter, frame, [replace(m, radii=(2.0,)) for m in marks if isinstance(m, Ellipse)], False)

    def _paint_points(self, painter: QPainter, moment: Moment, frame: Frame) -> None:
        data, scale = moment.data, self.devicePixelRatioF()
        width, height = round(frame.width * scale), round(frame.height * scale)
        rows = slice(None, None, max(1, -(-data.n // POINTS)))
        key = (id(data.x), id(data.weights), width, height)
        if self._plan is None or self._plan[0] != key:
            xy = frame.pixels(data.x[rows, list(self.pair)]) * scale  # type: ignore[index]
            sizes = None if data.weights is None else raster.sizes_of(data.weights[rows])
            self._plan = (key, raster.plan(xy[:, 0], xy[:, 1], width, height, _STYLE, scale, sizes))
        resp = moment.snapshot.resp
        k = 1 if resp is None else resp.shape[1]
        resp = None if resp is None else resp[rows]
        shown = len(range(*rows.indices(data.n)))
        colours = raster.mix(resp, theme.component_rgb(k), neutral(), shown).astype(np.float32)
        out = np.zeros((height, width), np.uint32)
        raster.paint(self._plan[1], colours, np.array(theme.colour("canvas").getRgbF()[:3], np.float32), out)
        image = QImage(out.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)  # type: ignore[call-overload]
        image.setDevicePixelRatio(scale)
        painter.drawImage(QPointF(0, 0), image)


class Pairs(QWidget):
    """The section; `wanted` says whether there is something to show: three columns or more in the plane."""

    def __init__(self, session: Session, refresher: Refresher, views: Views, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("pairs")
        self._session, self._views = session, views
        self.thumbs: list[Thumb] = []
        self._made_for: tuple[str, ...] = ()
        self._counted = text("", "unit")
        head = QHBoxLayout()
        head.addWidget(text("Pairs", "title"))
        head.addStretch(1)
        head.addWidget(self._counted)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        for j in range(ACROSS):
            self._grid.setColumnStretch(j, 1)
        inner = QVBoxLayout()
        inner.setContentsMargins(16, 8, 16, 4)
        inner.setSpacing(8)
        inner.addLayout(head)
        inner.addLayout(self._grid)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(0)
        column.addWidget(hline())
        column.addLayout(inner)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST)
        self._rest.timeout.connect(self._follow)
        refresher.draw.connect(self._on_draw)
        views.changed.connect(lambda view: self._mark())
        session.data_changed.connect(lambda data: self._make())
        theme.notifier.changed.connect(self._restyle)
        self._make()

    @property
    def wanted(self) -> bool:
        """Whether the model shows these data in planes of two columns, and there is more than one."""
        return self._session.data.d > 2 and any(v.kind == "scatter" for v in self._views.views)

    def showEvent(self, event) -> None:
        super().showEvent(event)
        self._follow()

    def _make(self) -> None:
        data = self._session.data
        if data.names != self._made_for:
            self._made_for = data.names
            for thumb in self.thumbs:
                self._grid.removeWidget(thumb)
                thumb.deleteLater()
            pairs = pairs_of(data.d) if data.d > 2 else []
            self.thumbs = [Thumb(pair, data) for pair in pairs]
            for i, thumb in enumerate(self.thumbs):
                self._grid.addWidget(thumb, i // ACROSS, i % ACROSS)
                thumb.clicked.connect(lambda on, t=thumb: self._choose(t))
            self._counted.setText(f"{len(pairs)} of {count(data.d * (data.d - 1) // 2)}")
        self._mark()

    def _choose(self, thumb: Thumb) -> None:
        kinds = [v.kind for v in self._views.views]
        if self._views.view is not None and self._views.view.kind != "scatter":
            self._views.choose(kinds.index("scatter"))
        self._views.set_columns(*thumb.pair)
        self._mark()

    def _mark(self) -> None:
        view = self._views.view
        shown = set(view.columns) if view is not None and view.kind == "scatter" else set()
        for thumb in self.thumbs:
            thumb.setChecked(set(thumb.pair) == shown)

    def _on_draw(self, moment: Moment) -> None:
        if self.isVisible():
            self._rest.start()

    def _follow(self) -> None:
        if self.isVisible() and len(self._session.data.names) == len(self._made_for):
            for thumb in self.thumbs:
                thumb.show_moment(self._session.moment)

    def _restyle(self) -> None:
        for thumb in self.thumbs:
            thumb.update()
