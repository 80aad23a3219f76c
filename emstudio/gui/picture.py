"""A picture of one moment in one view: axes, grid, points, shapes, letters. It shows what it is given and asks nothing.

picture = Picture()
picture.set_view(view)
picture.show_moment(moment, trail)       # draws what `moment.model` says, coloured by its responsibilities
picture.fit()                            # all data and two sigma of every component
picture.paint(painter)                   # on a screen's image or on paper; `gui/snapshot.py` does it without a window
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QResizeEvent
from PySide6.QtWidgets import QApplication, QFrame, QGraphicsView, QWidget

from emstudio.core.em import Moment
from emstudio.core.marks import Bars, Curve, Disc, Drawing, Points, Simplex, View
from emstudio.core.selection import levels_matched
from emstudio.gui import paper, raster, theme
from emstudio.gui.axes import Axis, Grid
from emstudio.gui.extent import extent, tallest
from emstudio.gui.items import LEGEND, Shapes
from emstudio.gui.layers import Frame, frame_of, widened
from emstudio.gui.letters import DISC, Letters, Trail
from emstudio.gui.point_layer import RUG_HEIGHT, PointLayer, neutral

MANY = 1_000  # points from which ellipses lie above them
_NAMED = 0.1  # the same, where corners are named outside of a triangle
_FULL = 0.06  # of the width or height, kept free about what is fitted
_HEAD = LEGEND + 20.0  # pixels above the tallest bar or curve, for a letter's note and the legend


class Picture(pg.PlotWidget):
    """The plot. `moved` is emitted when another part of the data is in view."""

    moved = Signal()

    def __init__(self, parent: QWidget | None = None):
        self._bottom, self._left = Axis("bottom"), Axis("left")
        self.box = pg.ViewBox(enableMenu=False, enableMouse=False, defaultPadding=0)
        super().__init__(parent, viewBox=self.box, axisItems={"bottom": self._bottom, "left": self._left})
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumSize(240, 160)
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.layout.setContentsMargins(8, 10, 16, 8)
        self.box.disableAutoRange()
        self.grid = Grid(self.box, self._bottom, self._left)
        self.shapes = Shapes(self.box)
        self.points = PointLayer(self.box)
        self.letters = Letters(self.box)
        self.moment: Moment | None = None
        self.view: View | None = None
        self.drawing = Drawing(())
        self._trail: Trail | None = None
        self._about: tuple | None = None  # what the drawing asked last was asked about
        self._asked = self.drawing
        self._placed: tuple | None = None  # what the positions of the points were made from
        self._equal: bool | None = None
        self._top = 1.0  # of an upright density: data units above 0
        self._by_truth = False
        self._truth_order: tuple[tuple[str, ...], np.ndarray] | None = None
        self.box.setRange(xRange=(0, 10), yRange=(0, 10), padding=0)
        self.box.sigRangeChanged.connect(self._on_range)
        self.box.sigResized.connect(lambda: self._make_room())
        theme.notifier.changed.connect(self.restyle)
        self.restyle()

    # -- what is shown -------------------------------------------------------------------------------------------------
    def set_view(self, view: View) -> None:
        """Show these columns in this way; the caller fits the view."""
        if view != self.view:
            self.view = view
            self._placed = None
            self.letters.forget_places()
            if self.moment is not None and view.kind in {v.kind for v in self.moment.model.views(self.moment.data)}:
                self.show_moment(self.moment, None)

    def show_moment(self, moment: Moment, trail: Trail | None) -> None:
        """Draw `moment`; `trail`: where the means were before."""
        self.moment = moment
        if self.view is None or not set(self.view.columns) <= set(range(moment.data.d)):
            self.view = moment.model.views(moment.data)[0]
        drawing = self._drawing_of(moment)
        self._place_points(moment, drawing)
        self.colour_points()
        if drawing is not self.drawing or not _same(trail, self._trail):  # an E-step moves no shape
            self.show_drawing(drawing, trail)

    def _drawing_of(self, moment: Moment) -> Drawing:
        """`asked`, or what was asked last where nothing that matters has changed."""
        about = (moment.data, moment.snapshot.params, moment.model, self.view, self.frame)
        last = self._about
        if last is None or about[0] is not last[0] or about[1] is not last[1] or about[2:] != last[2:]:
            self._about, self._asked = about, self.asked(moment)
        return self._asked

    def asked(self, moment: Moment) -> Drawing:
        """What the model draws of `moment` in the view and the rectangle shown."""
        assert self.view is not None
        frame = self.frame
        view = replace(self.view, rectangle=frame.rectangle, pixels=(int(frame.width), int(frame.height)))
        return moment.model.draw(moment.data, moment.snapshot.params, view)

    def show_drawing(self, drawing: Drawing, trail: Trail | None) -> None:
        """Show these marks on the points as they are."""
        self.drawing, self._trail = drawing, trail
        self._bottom.set_title(drawing.x_label)
        self._left.set_title(drawing.y_label)
        rug = self.upright
        self._left.least = 0.0 if rug else -math.inf
        self._bottom.whole, self._left.whole = self._whole()
        self.grid.upright = not rug
        self._show_axes(not self.bare)
        self.shapes.show_marks(drawing.marks, self.points.count > MANY)
        self.letters.show_drawing(drawing, trail)
        if rug and tallest(self.drawing) > self._top * 1.001:  # a curve outgrew the picture
            self._top = 1.1 * tallest(self.drawing)
            self._stand()
        self._make_room()
        self._lock()

    def _whole(self) -> tuple[bool, bool]:
        """Whether the axes are of counts or categories."""
        if self.moment is None or self.view is None or not self.view.axes:
            return False, False
        columns = self.moment.data.columns
        kinds = [columns[j].kind in ("count", "category") for j in self.view.columns if j < len(columns)]
        across, up = (*kinds, False, False)[:2]
        return across, up

    def colour_points(self) -> None:
        """Give the points the colours of the moment shown."""
        if self.moment is None:
            return
        data, resp = self.moment.data, self.moment.snapshot.resp
        truth = data.truth_codes() if self._by_truth else None
        if truth is not None:
            order = self._colours_of_truth(*truth)
            palette = np.concatenate([theme.component_rgb([int(k) for k in order]), neutral()[None]])
            self.points.set_colours(palette[truth[0]])
            return
        self.points.set_colours(raster.mix(resp, theme.component_rgb(self.moment.model.parts), neutral(), data.n))

    def set_by_truth(self, on: bool) -> None:
        """Colour the points by the column chosen as the truth instead of by responsibility."""
        self._by_truth = on
        self._truth_order = None
        self.colour_points()

    def _colours_of_truth(self, codes: np.ndarray, levels: tuple[str, ...]) -> np.ndarray:
        """(levels,) whose component's colour each level takes: chosen when the truth is asked for, then kept."""
        assert self.moment is not None
        if self._truth_order is None or self._truth_order[0] != levels:
            self._truth_order = (levels, levels_matched(codes, len(levels), self.moment.snapshot.resp))
        return self._truth_order[1]

    @property
    def trail(self) -> Trail | None:
        return self._trail

    @property
    def by_truth(self) -> bool:
        return self._by_truth

    @property
    def upright(self) -> bool:
        """Whether the picture stands on an axis of its own (a density over a rug), not in the plane of two columns."""
        return any(isinstance(m, Points) and m.rug for m in self.drawing.marks)

    @property
    def bare(self) -> bool:
        """Whether a triangle takes the place of the axes."""
        return any(isinstance(m, Simplex) for m in self.drawing.marks)

    def _show_axes(self, on: bool) -> None:
        if self.grid.isVisible() != on:
            self.grid.setVisible(on)
            for name in ("bottom", "left"):
                self.getPlotItem().showAxis(name, on)

    @property
    def derived(self) -> bool:
        """Whether points stand at places made from their columns (shares), where none can be painted or moved."""
        return any(isinstance(m, Points) and m.at is not None for m in self.drawing.marks)

    def _place_points(self, moment: Moment, drawing: Drawing) -> None:
        mark = next((m for m in drawing.marks if isinstance(m, Points)), None)
        made_of = (
            id(moment.data.x),
            id(moment.data.weights),
            None if mark is None else (mark.columns, mark.rug, id(mark.at)),
        )
        if made_of == self._placed:
            return
        self._placed = made_of
        x = moment.data.observed  # a point without its place is not drawn
        self._kept = (
            moment.data.x,
            moment.data.weights,
            mark,
        )  # the ids stay these arrays' as long as they are remembered
        if mark is None:
            self.points.set_positions(np.empty((0, 2)))
            self.letters.set_points(np.empty((0, 2)))
        elif mark.rug:
            self.points.set_positions(x[:, mark.columns[0]] if mark.at is None else mark.at[:, 0], rug=True)
            self.letters.set_points(np.empty((0, 2)))
        else:
            xy = x[:, list(mark.columns)] if mark.at is None else mark.at
            self.points.set_positions(xy, sizes=raster.sizes_of(moment.data.weights))
            self.letters.set_points(xy)

    # -- the part in view ----------------------------------------------------------------------------------------------
    @property
    def frame(self) -> Frame:
        return frame_of(self.box)

    def _make_room(self, shrink: bool = False) -> None:
        frame = self.frame
        self._left.make_room(frame.bottom, frame.top, frame.height, shrink)

    def fit(self, sigmas: float = 2.0) -> None:
        """All data and so many sigma of every component, with some air."""
        if self.moment is None:
            return
        self._fit(sigmas)
        self._make_room(shrink=True)

    def _fit(self, sigmas: float) -> None:
        if self.upright:
            self._fit_upright()
            return
        low, high = self._extent(sigmas)
        if low is None:
            self._show_range(0.0, 10.0, 0.0, 10.0)
            return
        (x0, y0), (x1, y1) = low, high
        air = _NAMED if self.bare else _FULL
        self._show_range(*widened(x0, x1, air), *widened(y0, y1, air))

    def _extent(self, sigmas: float = 2.0) -> tuple[np.ndarray | None, np.ndarray]:
        return extent(self.drawing, self.points.corners(), sigmas)

    def _fit_upright(self) -> None:
        rug = next(m for m in self.drawing.marks if isinstance(m, Points))
        values = self.moment.data.x[:, rug.columns[0]] if rug.at is None else rug.at[:, 0]  # type: ignore[union-attr]
        edges = [m.edges for m in self.drawing.marks if isinstance(m, Bars) and len(m.edges)]
        every = np.concatenate([values, *edges, [m.position[0] for m in self.drawing.marks if isinstance(m, Disc)]])
        every = every[np.isfinite(every)]
        left, right = widened(every.min(), every.max(), _FULL) if len(every) else (0.0, 10.0)
        self.box.setXRange(left, right, padding=0)
        # The curves belong to the range now shown.
        self.show_drawing(self.asked(self.moment), self._trail)  # type: ignore[arg-type]
        self._top = tallest(self.drawing)
        self._stand()

    def _stand(self) -> None:
        """Put 0 just above the rug and leave room above the tallest curve."""
        height = self.frame.height
        room = max(height - RUG_HEIGHT - _HEAD - DISC, 40.0)
        unit = self._top / room
        self.box.setYRange(-RUG_HEIGHT * unit, (height - RUG_HEIGHT) * unit, padding=0)

    def _show_range(self, left: float, right: float, bottom: float, top: float) -> None:
        self.box.setRange(xRange=(left, right), yRange=(bottom, top), padding=0)

    def shift(self, dx: float, dy: float) -> None:
        """Pan by so many pixels, as a hand moves the paper."""
        frame = self.frame
        sx, sy = frame.scale
        x, y = -dx / sx, (0.0 if self.upright else -dy / sy)
        self._set_clamped(frame.left + x, frame.right + x, frame.bottom + y, frame.top + y)

    def zoom(self, factor: float, x: float, y: float) -> None:
        """Show `factor` times as much about pixel (x, y)."""
        frame = self.frame
        cx, cy = frame.data(x, y)
        left, right = cx + (frame.left - cx) * factor, cx + (frame.right - cx) * factor
        bottom, top = frame.bottom, frame.top
        if not self.upright:
            bottom, top = cy + (bottom - cy) * factor, cy + (top - cy) * factor
        self._set_clamped(left, right, bottom, top)

    def _set_clamped(self, left: float, right: float, bottom: float, top: float) -> None:
        """Set the range unless it is so small or large that digits or dashes would suffer."""
        for low, high in ((left, right), (bottom, top)):
            size = max(abs(low), abs(high), 1e-300)
            if not (math.isfinite(low) and math.isfinite(high) and high - low > size * 1e-9 and size < 1e200):
                return
        low_high, high = self._extent() if not self.upright else (None, np.zeros(2))
        if low_high is not None:
            spread = np.maximum(high - low_high, 1e-12 * np.maximum(np.abs(high), 1e-300))
            much = (right - left) / spread[0] if spread[0] > 0 else 1.0
            if not 1e-5 < much < 1e4:
                return
        self._show_range(left, right, bottom, top)

    @property
    def equal(self) -> bool:
        """Whether a unit is as long on both axes."""
        wanted = self._equal if self._equal is not None else self.drawing.same_scale
        return wanted and not self.upright

    def set_equal(self, on: bool | None) -> None:
        """Give both axes one scale, or (None) as the columns' units suggest."""
        self._equal = on
        self._lock()

    def _lock(self) -> None:
        if bool(self.box.state["aspectLocked"]) != self.equal:
            self.box.setAspectLocked(self.equal, 1.0)

    def _on_range(self, *_: object) -> None:
        # A curve is evaluated on what is in view; ellipses are not.
        if self.moment is not None and any(isinstance(m, Curve) for m in self.drawing.marks):
            self.show_drawing(self.asked(self.moment), self._trail)
        self._make_room()
        self.letters.show_drawing(self.drawing, self._trail)
        for layer in (self.grid, self.shapes, self.points):
            layer.update()
        self.moved.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if hasattr(self, "points") and self.upright:
            self._stand()

    # -- places --------------------------------------------------------------------------------------------------------
    def origin(self) -> QPointF:
        """The upper left corner of the data's rectangle in the viewport."""
        return self.box.deviceTransform(self.viewportTransform()).map(QPointF(0, 0))

    # -- style, export -------------------------------------------------------------------------------------------------
    def restyle(self) -> None:
        """Take the colours of the theme in force."""
        self.setBackground(QColor(theme.current().canvas))
        for axis in (self._bottom, self._left):
            axis.restyle()
        self.colour_points()
        self.points.recolour()
        self.letters.show_drawing(self.drawing, self._trail)
        for layer in (self.grid, self.shapes):
            layer.update()

    def close(self) -> bool:
        """Close as any widget does: pyqtgraph would take the plot apart and leave its items to two owners."""
        return QGraphicsView.close(self)

    def paint(self, painter: QPainter) -> None:
        """Paint the picture as it stands, in logical pixels from the painter's origin."""
        size = self.viewport().size()
        patient, self.points.patient = self.points.patient, False
        painter.save()
        painter.setPen(Qt.PenStyle.NoPen)  # pyqtgraph paints with what it finds
        painter.setBrush(Qt.BrushStyle.NoBrush)
        try:
            QGraphicsView.render(self, painter, QRectF(0, 0, size.width(), size.height()), self.viewport().rect())
        finally:
            painter.restore()
            self.points.patient = patient

    def image(self, scale: float = 1.0) -> QImage:
        """The picture as it stands, at `scale` pixels to a logical one."""
        size = self.viewport().size()
        return paper.pixels(size.width(), size.height(), self.paint, scale)

    def pose(self, like: Picture) -> None:
        """Show the same part of the data in the same way as another picture."""
        self.set_by_truth(like.by_truth)
        self.set_equal(like.equal)
        self._top = like._top
        self._show_range(*like.frame.rectangle[::2], *like.frame.rectangle[1::2])

    def settle(self) -> None:
        """Let the axes take the room that their texts need; twice, as the room changes the texts."""
        for _ in range(2):
            QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
            self.getPlotItem().layout.activate()
            self.image()
        if self.upright:
            self._stand()


def _same(a: Trail | None, b: Trail | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.started == b.started and np.array_equal(a.places, b.places)
