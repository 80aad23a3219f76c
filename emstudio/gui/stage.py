"""The widget that shows a view: the canvas, or one that a kind of view has of its own. One of them is seen.

    stage = Stage(session, refresher)
    stage.set_view(view)            # the widget of `view.kind` comes to the front; it is made when first needed
    stage.page                      # that widget; `stage.canvas` is the one for all other kinds

`WIDGETS` names the widget classes by kind. Such a widget has `set_view(view)`, `pick_row(row)`, `pick_component(k)`,
`delete_selected()`, `set_motion(on)`, `render(width, height, scale)`, `paint_on(painter)` and the signals hovered,
picked, spot, component_picked and selection_changed of the canvas. One on which data are drawn has `set_tool(name)`,
`set_brush(pixels)` and `fit()`, too.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStackedWidget, QWidget

from emstudio.core.marks import View
from emstudio.gui.canvas import Canvas
from emstudio.gui.refresh import Refresher
from emstudio.session import Session


def _coins(session: Session, refresher: Refresher) -> QWidget:
    from emstudio.gui.coins_lab import CoinsLab

    return CoinsLab(session, refresher)


def _chain(session: Session, refresher: Refresher) -> QWidget:
    from emstudio.gui.hmm_lab import HmmLab

    return HmmLab(session, refresher)


def _proportions(session: Session, refresher: Refresher) -> QWidget:
    from emstudio.gui.proportions import Proportions

    return Proportions(session, refresher)


WIDGETS = {"proportions": _proportions, "laboratory": _chain, "coins": _coins, "biases": _coins, "landscape": _coins}


class Stage(QStackedWidget):
    """All widgets of views in one place. `changed` follows when another one is in front."""

    hovered = Signal(object)
    picked = Signal(object)
    spot = Signal(object)
    component_picked = Signal(object)
    selection_changed = Signal(int)
    changed = Signal()

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("stage")
        self._session, self._refresher = session, refresher
        self._motion = True
        self._tool, self._brush = "select", 0
        self._pages: dict[object, QWidget] = {}
        self.canvas = Canvas(session, refresher)
        self._take(self.canvas)

    @property
    def page(self) -> QWidget:
        """The widget in front."""
        return self.currentWidget()

    def set_view(self, view: View) -> None:
        """Show `view` in the widget of its kind."""
        make = WIDGETS.get(view.kind)
        page: QWidget = self.canvas
        if make is not None:
            if make not in self._pages:
                self._pages[make] = make(self._session, self._refresher)
                self._take(self._pages[make])
            page = self._pages[make]
        resting = page is not self.canvas
        if not resting and self.currentWidget() is not self.canvas:
            self.canvas.wake(view)
        else:
            self.canvas.rest(resting)
            page.set_view(view)  # type: ignore[attr-defined]
        if page is not self.currentWidget():
            had_focus = self.isAncestorOf(self.focusWidget()) if self.focusWidget() is not None else False
            self.setCurrentWidget(page)
            if had_focus:
                page.setFocus()
            self.changed.emit()

    def pick_row(self, row: int | None) -> None:
        self.page.pick_row(row)  # type: ignore[attr-defined]

    def pick_component(self, k: int | None) -> None:
        self.page.pick_component(k)  # type: ignore[attr-defined]

    def delete_selected(self) -> None:
        self.page.delete_selected()  # type: ignore[attr-defined]

    @property
    def draws(self) -> bool:
        """Whether the tools of the canvas draw on the page in front."""
        return hasattr(self.page, "set_tool")

    def set_tool(self, name: str) -> None:
        """Take a tool in the hand, on every page that has one."""
        self._tool = name
        for page in self._drawn_on():
            page.set_tool(name)  # type: ignore[attr-defined]

    def set_brush(self, pixels: int) -> None:
        """Make the brush of this size, on every page that has one."""
        self._brush = pixels
        for page in self._drawn_on():
            page.set_brush(pixels)  # type: ignore[attr-defined]

    def fit(self) -> None:
        """Show all of what the page in front draws."""
        self.page.fit()  # type: ignore[attr-defined]

    def _drawn_on(self) -> list[QWidget]:
        return [self.widget(i) for i in range(self.count()) if hasattr(self.widget(i), "set_tool")]

    def set_motion(self, on: bool) -> None:
        """Whether changes are seen on their way, on every page."""
        self._motion = on
        for i in range(self.count()):
            self.widget(i).set_motion(on)  # type: ignore[attr-defined]

    def render(self, width: int, height: int, scale: float = 1.0):  # type: ignore[no-untyped-def, override]
        """The page in front as a picture."""
        return self.page.render(width, height, scale)  # type: ignore[call-arg, arg-type]

    def paint_on(self, painter: QPainter) -> None:
        """Paint the page in front from the painter's origin, as large as it is shown."""
        self.page.paint_on(painter)  # type: ignore[attr-defined]

    def _take(self, page: QWidget) -> None:
        self.addWidget(page)
        page.set_motion(self._motion)  # type: ignore[attr-defined]
        if page is not self.canvas and hasattr(page, "set_tool"):
            page.set_tool(self._tool)
            page.set_brush(self._brush or self.canvas.brush)  # type: ignore[attr-defined]
        for name in ("hovered", "picked", "spot", "component_picked", "selection_changed"):
            getattr(page, name).connect(getattr(self, name))
