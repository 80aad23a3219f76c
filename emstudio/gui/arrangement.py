"""How the docks share the room: each panel of fixed content gets what it needs, its neighbour with rows the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt

from emstudio.gui.panel_area import PanelArea

if TYPE_CHECKING:
    from emstudio.gui.main_window import MainWindow

TABLE = 170  # px that the parameters get of what they need, where what is explained needs more than there is
GROWTH = 156  # px by which the bars grow where the parameters need less than there is
BARS = 56  # px of that that they keep before more of the M-step is told
WIDE = 1600  # px from which the side panels are wider


class Arrangement(QObject):
    """Sizes the docks of a window when it is first shown, and when other data or components need another share."""

    def __init__(self, window: MainWindow):
        super().__init__(window)
        self._window = window
        self._docks = window.docks
        self._made_for = self._content()
        self._granted = 0  # px: the most that what is explained has been given a share for,
        self._told = 0  # and what the M-step asked for then
        later = Qt.ConnectionType.QueuedConnection
        window.session.data_changed.connect(self._on_content, later)
        window.session.settings_changed.connect(self._on_content, later)
        window.parameters.view.table.modelReset.connect(self._on_content, later)
        window.explain.rule.wished.connect(self._tell_more, later)
        bar = window.side.areas["Explain"].verticalScrollBar()
        bar.rangeChanged.connect(self._make_room, later)

    def size_docks(self) -> None:
        """The sizes of a window that nobody has arranged."""
        window, docks, height = self._window, self._docks, self._window.centre.height()
        widths = [296, 400] if window.width() >= WIDE else [264, 328]
        window.resizeDocks([docks["data"], docks["explain"]], widths, Qt.Orientation.Horizontal)
        window.layout().activate()
        model = min(self._wanted("model"), height - docks["data"].minimumSizeHint().height())
        window.resizeDocks([docks["data"], docks["model"]], [height - model, model], Qt.Orientation.Vertical)
        self.share_right()

    def keep_centre(self) -> None:
        """The centre gets half of the window, or, of a small one, what the panels beside it can spare."""
        window = self._window
        sides = {Qt.DockWidgetArea.LeftDockWidgetArea: 0, Qt.DockWidgetArea.RightDockWidgetArea: 0}
        for dock in self._docks.values():
            side = window.dockWidgetArea(dock)
            if side in sides and not dock.isFloating() and not dock.isHidden():
                sides[side] = max(sides[side], dock.minimumSizeHint().width() + 1)
        window.centre.setMinimumWidth(max(min(window.width() // 2, window.width() - sum(sides.values())), 240))

    def share_right(self) -> None:
        """Share the right side's height between what is explained and the parameters."""
        explain, parameters, pairs = self._docks["explain"], self._docks["parameters"], self._window.pairs
        height = explain.height() + parameters.height()
        plate = self._window.plate
        pairs.hide()
        plate.hide()
        self._window.explain.spare(0)
        wanted = self._wanted("explain")
        needed = self._wanted("parameters")
        least = min(needed, TABLE)
        if pairs.wanted and wanted + pairs.sizeHint().height() + TABLE <= height:
            pairs.show()
            wanted += pairs.sizeHint().height()
        if wanted + plate.sizeHint().height() + max(needed, TABLE) <= height:
            plate.show()
            wanted += plate.sizeHint().height()
        spare = height - wanted - max(needed, TABLE)
        bars = self._window.explain.bars.isVisibleTo(self._window.explain)  # k-means has none
        told = self._window.explain.grown(spare - BARS * bars)
        self._window.explain.spare(told)
        wanted, spare = wanted + told, spare - told
        wanted = min(wanted + max(0, min(spare, GROWTH * bars)), height - least)
        self._window.resizeDocks([explain, parameters], [wanted, height - wanted], Qt.Orientation.Vertical)

    def _content(self) -> tuple:
        window = self._window
        session, table = window.session, window.parameters.view.table
        return session.data.names, type(session.model), session.how.kind, bool(table.rows.names)

    def _on_content(self, *_: object) -> None:
        """Once for other columns or another model; a person's own arrangement is left alone while the same is shown."""
        if self._content() != self._made_for:
            self._made_for, self._granted, self._told = self._content(), 0, 0
            if self._stacked():
                self.share_right()

    def _make_room(self, *_: object) -> None:
        """Once for each need: where more is explained than ever before of these data, it gets more room, if there is some."""
        wanted = self._wanted("explain")
        if wanted <= max(self._granted, self._docks["explain"].height()):
            return
        if self._stacked():
            self.share_right()
            self._granted = wanted

    def _tell_more(self) -> None:
        """Once for each need: where the M-step has more to tell than ever before of these data, and there is room."""
        asked = max(self._window.explain.rule.heights(), default=0)
        spare = self._docks["parameters"].height() - max(self._wanted("parameters"), TABLE)
        spare += self._docks["explain"].height() - self._wanted("explain")
        if asked > self._told and spare > 0 and self._stacked():
            self._told = asked
            self.share_right()

    def _stacked(self) -> bool:
        explain, parameters = self._docks["explain"], self._docks["parameters"]
        beside = explain.isVisible() and parameters.isVisible() and explain.x() == parameters.x()
        return beside and not self._window.tabifiedDockWidgets(explain)

    def _wanted(self, name: str) -> int:
        """The height at which a dock's panel need not scroll."""
        dock = self._docks[name]
        area = self._window.side.areas["Explain"] if name == "explain" else dock.widget()
        panel = area.widget() if isinstance(area, PanelArea) else area
        panel.layout().activate()
        width = max(panel.width(), 1)
        needed = panel.heightForWidth(width) if panel.hasHeightForWidth() else panel.sizeHint().height()
        return needed + dock.titleBarWidget().sizeHint().height() + 2  # and the line between two docks
