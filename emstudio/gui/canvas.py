"""The canvas: the moment shown, under the person's hand.

    canvas = Canvas(session, refresher)
    canvas.set_view(view)                   # one of session.model.views(data), or another pair of columns
    canvas.set_tool("paint")                # select, paint, spray, erase; `tool_changed` follows
    canvas.set_brush(12), set_equal(True), set_motion(False), fit(), pick_row(45), pick_component(1)
    canvas.render(1200, 800, scale=2)       # QImage of what is shown, at another size

`hovered(row | None)`, `picked(row | None)` and `spot(values | None)` say what the person points at: rows of the dataset,
or the values (d,) of an empty place, NaN in columns that the view does not show. Tests and scripts find a place of the
data on the screen with `canvas.where(x, y)` and send mouse events to `canvas.viewport()`.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QFocusEvent, QImage, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from emstudio.core.em import Moment
from emstudio.core.format import count
from emstudio.core.marks import Handle, View
from emstudio.gui import theme
from emstudio.gui.canvas_input import CanvasInput, press_key
from emstudio.gui.canvas_picks import CanvasPicks
from emstudio.gui.changes import Changes, Movement, is_m_step
from emstudio.gui.letters import Trail
from emstudio.gui.refresh import Refresher
from emstudio.gui.snapshot import posed, snapshot
from emstudio.gui.tools import TOOLS, Spot, Stroke, Tool
from emstudio.gui.trails import Trails
from emstudio.session import Session

HINT = "Click to add points, drop a table here, or choose a data set"
BRUSHES = (4, 80)  # pixels


class Canvas(CanvasPicks):
    """The picture of the session's newest moment, and the tools that act on it."""

    hovered = Signal(object)
    spot = Signal(object)
    tool_changed = Signal(str)
    brush_changed = Signal(int)
    equal_changed = Signal(bool)

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(session, parent)
        self.setObjectName("canvas")
        self.setAccessibleName("Canvas")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 2, 2, 2)
        column.addWidget(self.picture)
        self.pointing.hovered.connect(self.hovered)
        self.pointing.spot.connect(self.spot)
        self.stroke = Stroke(session, self)
        self._tools = {tool.name: tool(self) for tool in TOOLS}
        self._tool: Tool = self._tools["select"]
        self._brush = 12
        self._trails = Trails()
        self._resting = False
        self._fit_wanted = True  # other data are shown: fit them, and once more with their first ellipses
        self._keyboard_focus = False
        self._changes = Changes(session)
        self._movement = Movement(self.picture, self)
        self._input = CanvasInput(self)
        self.picture.moved.connect(self._refresh_marks)
        refresher.draw.connect(self.show_moment)
        theme.notifier.changed.connect(self.update)
        self.show_moment(session.moment)

    # -- what is shown -------------------------------------------------------------------------------------------------
    @property
    def view(self) -> View | None:
        return self.picture.view

    @property
    def columns(self) -> tuple[int, ...]:
        """The fitted columns on the axes."""
        return self.view.columns[:2] if self.view is not None else (0,)

    def set_view(self, view: View) -> None:
        """Show the data in this way and fit them in."""
        if view == self.view:
            return
        self._movement.stop()
        self.picture.set_view(view)
        if not self._resting:
            self.show_moment(self.session.moment)
            self.fit()

    def show_moment(self, moment: Moment) -> None:
        """Draw a moment; where it is an M-step after a rest, the shapes are seen moving."""
        if self._resting:
            return
        picture, before = self.picture, self.picture.moment
        other = self._changes.other_data(before, moment)
        was_equal = picture.equal
        if before is None or other or moment.data.n < before.data.n:
            self._forget_rows()
        if other:
            self._fit_wanted = True
            picture.set_equal(None)
        self._movement.stop()
        old, view = picture.drawing, picture.view
        moving = self._movement.rested() and self.motion and self.isVisible() and is_m_step(before, moment)
        picture.show_moment(moment, None if view is None else self._trail(moment))
        if view != picture.view:  # the data have no such columns
            self._fit_wanted = True
            picture.show_moment(moment, self._trail(moment))
        if self._fit_wanted:
            self.fit()
            self._fit_wanted = moment.data.n > 0 and moment.snapshot.params is None
        elif moving:
            self._movement.start(old, picture.drawing)
        if picture.equal != was_equal:
            self.equal_changed.emit(picture.equal)
        self._changes.drawn()
        self.hand.show_hint(HINT if not moment.data.n else "")
        k = self.picked_component
        if k is not None and k >= moment.model.k:
            self.pick_component(None)
        self._refresh_marks()
        self.setAccessibleDescription(_described(moment))

    def rest(self, on: bool) -> None:
        """While another widget shows the view nothing is drawn here."""
        self._resting = on

    def wake(self, view: View) -> None:
        """Show the session's moment again, in `view`."""
        self._resting = False
        self.picture.moment = None  # it may be of a model that knows no such view
        self.picture.set_view(view)
        self._fit_wanted = True
        self.show_moment(self.session.moment)

    def catch_up(self) -> None:
        """Show the session's moment now, where the picture is behind."""
        if self.picture.moment is not self.session.moment:
            self.show_moment(self.session.moment)

    def _trail(self, moment: Moment) -> Trail | None:
        assert self.view is not None
        return self._trails.trail(self._changes.node_of(moment), self.view)

    def set_motion(self, on: bool) -> None:
        """Whether an M-step is seen as a movement."""
        self._movement.wanted = on
        if not on:
            self._movement.finish()

    @property
    def motion(self) -> bool:
        return self._movement.wanted

    def set_colour_by_truth(self, on: bool) -> None:
        """Colour the points by the column that holds the truth, where the data have one."""
        self.picture.set_by_truth(on)

    # -- the part in view ----------------------------------------------------------------------------------------------
    def fit(self) -> None:
        """All data and two sigma of every component; what is known of a change is shown at once."""
        self._movement.finish()
        self.picture.fit()

    def zoom(self, factor: float, x: float | None = None, y: float | None = None) -> None:
        """Show `factor` times as much about a pixel, or about the middle."""
        self._fit_wanted = False
        frame = self.picture.frame
        self.picture.zoom(factor, frame.width / 2 if x is None else x, frame.height / 2 if y is None else y)

    def pan(self, dx: float, dy: float) -> None:
        """Move the paper by so many pixels."""
        self._fit_wanted = False
        self.picture.shift(dx, dy)

    def set_equal(self, on: bool) -> None:
        """One unit as long on both axes, or each axis as the data need it; the data are fitted in."""
        before = self.equal
        self.picture.set_equal(on)
        self.fit()
        if self.equal != before:
            self.equal_changed.emit(self.equal)

    @property
    def equal(self) -> bool:
        return self.picture.equal

    def render(self, width: int, height: int, scale: float = 1.0) -> QImage:  # type: ignore[override]
        """What is shown as a picture of another size: `width` x `height` logical pixels at `scale`."""
        moment = self.session.moment
        trail = None if self.view is None else self._trail(moment)
        return snapshot(moment, self.view, width, height, scale, trail, like=self.picture)

    def paint_on(self, painter: QPainter) -> None:
        """Paint what is shown, as large as it is shown."""
        moment = self.session.moment
        trail = None if self.view is None else self._trail(moment)
        with posed(moment, self.view, self.width(), self.height(), trail, like=self.picture) as picture:
            picture.paint(painter)

    def viewport(self) -> QWidget:
        """The widget that takes the mouse."""
        return self.picture.viewport()

    def where(self, x: float, y: float) -> QPoint:
        """Where a place of the data is on `viewport()`."""
        origin = self.picture.origin()
        px, py = self.picture.frame.pixels(np.array([[x, y]]))[0]
        return QPoint(round(origin.x() + px), round(origin.y() + py))

    def where_row(self, row: int) -> QPoint:
        """Where a point is on `viewport()`."""
        self.catch_up()
        origin = self.picture.origin()
        px, py = self.picture.points.places(self.picture.frame, np.array([row]))[0]
        return QPoint(round(origin.x() + px), round(origin.y() + py))

    # -- tools ---------------------------------------------------------------------------------------------------------
    @property
    def tool(self) -> str:
        return self._tool.name

    def set_tool(self, name: str) -> None:
        """Take another tool into the hand."""
        tool = self._tools[name]
        if tool is self._tool:
            return
        self._tool.lifted()
        self._input.pressed = False
        self._tool = tool
        self.pulling.set_on(name == "select")
        self.picture.viewport().setCursor(tool.cursor)
        self.leave()
        if self._input.mouse is not None:
            self.point_at(self._input.mouse)
        self.tool_changed.emit(name)

    @property
    def brush(self) -> int:
        return self._brush

    def set_brush(self, pixels: int) -> None:
        """The size of paint, spray and eraser."""
        pixels = int(min(max(pixels, BRUSHES[0]), BRUSHES[1]))
        if pixels != self._brush:
            self._brush = pixels
            if self.hand.brush is not None:
                self.hand.show_brush(*self.hand.brush[:2], self._tool.radius)
            self.brush_changed.emit(pixels)

    # -- pointing ------------------------------------------------------------------------------------------------------
    def point_at(self, spot: Spot) -> None:
        """The hand is here, nothing is pressed."""
        if self._tool.brush:
            self.hand.show_brush(spot.x, spot.y, self._tool.radius)
            return
        grip = self.pulling.point(spot.x, spot.y)
        if grip is not None:
            self.pointing.leave()
            self.picture.viewport().setCursor(self.pulling.cursor(grip, spot.shift))
            return
        letter = self.pointing.at(spot)
        self.picture.viewport().setCursor(Qt.CursorShape.SizeAllCursor if letter else self._tool.cursor)

    def leave(self) -> None:
        """The hand is elsewhere."""
        self.hand.hide_brush()
        self.pointing.leave()
        self.pulling.leave()

    # -- events --------------------------------------------------------------------------------------------------------
    def press(self, spot: Spot) -> None:
        """The left button went down."""
        self.catch_up()
        if not self.session.data.n and self.tool == "select":
            self.set_tool("paint")  # on an empty canvas a click can only mean a point
        self._fit_wanted = False
        self.pointing.leave()
        self._tool.press(spot)

    def move(self, spot: Spot) -> None:
        """The hand moved with the left button down."""
        if self._tool.brush:
            self.hand.show_brush(spot.x, spot.y, self._tool.radius)
        self._tool.move(spot)

    def release(self, spot: Spot) -> None:
        """The left button went up."""
        self._tool.release(spot)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not press_key(self, event):
            super().keyPressEvent(event)

    def drag_handle(self, handle: Handle, place: tuple[float, ...]) -> None:
        """Bring what the handle means to a place of the data, inside the gesture that is open."""
        view = self.view

        def drag() -> bool:
            if view is not None:
                self.session.drag(handle, view, place)
            return view is not None and self.session.moment.snapshot.params is not None

        self.stroke.edit("drag", drag)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """While a component is picked, Tab goes through the components, and on from the last one."""
        k = self.picked_component
        if k is not None and self.session.moment.snapshot.params is not None:
            k += 1 if forward else -1
            if 0 <= k < self.session.model.k:
                self.pick_component(k)
                return True
            self.pick_component(None)
        return super().focusNextPrevChild(forward)

    # -- keyboard focus ------------------------------------------------------------------------------------------------
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._keyboard_focus = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._keyboard_focus = False
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("canvas"))
        if self._keyboard_focus:
            painter.setPen(QPen(theme.colour("ink"), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))


def _described(moment: Moment) -> str:
    """The picture in a few words, for screen readers."""
    n = moment.data.n
    words = f"{count(n)} point{'' if n == 1 else 's'} of {moment.data.table.name}"
    return words if moment.snapshot.params is None else f"{words}, {moment.model.k} components, {moment.label}"
