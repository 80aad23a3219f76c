"""The main window: puts the parts in their places and joins what one part says to what another shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QObject, QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDockWidget,
    QLineEdit,
    QMainWindow,
    QSlider,
    QSpinBox,
    QWidget,
)

from emstudio.core import remedies as remedies_of
from emstudio.core.em import Moment
from emstudio.core.errors import Notice
from emstudio.gui import commands, theme
from emstudio.gui.actions import Actions
from emstudio.gui.arrangement import Arrangement
from emstudio.gui.centre import Centre
from emstudio.gui.data_panel import DataPanel
from emstudio.gui.explain import Explain
from emstudio.gui.menus import Menus
from emstudio.gui.model_panel import ModelPanel
from emstudio.gui.pairs import Pairs
from emstudio.gui.panel_area import PanelArea
from emstudio.gui.parameters import Parameters
from emstudio.gui.plate import ModelSection
from emstudio.gui.refresh import Refresher
from emstudio.gui.runs import Runs
from emstudio.gui.saving import Saving
from emstudio.gui.side_tabs import SidePages, TabTitle
from emstudio.gui.status import StatusBar
from emstudio.gui.toolbar import ToolBar
from emstudio.gui.views import Views
from emstudio.gui.widgets import DockTitle
from emstudio.session import Session

_LAYOUT = 1  # of the saved state: another number forgets older layouts
_RECENT = 8
_BLINK = 200  # ms that reading a file may take without being mentioned
_PATIENCE = 0.25  # seconds between two looks at what can be done, while running
_SIDE = Qt.DockWidgetArea


def is_step(event: QKeyEvent) -> bool:
    """Whether a key steps wherever the focus is; a field of numbers has no words to go along."""
    held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    return held == Qt.KeyboardModifier.ControlModifier and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right)


class MainWindow(QMainWindow):
    """One document. `settings` None: nothing is remembered, nothing restored, and nothing asked at the end."""

    def __init__(self, session: Session, settings: QSettings | None = None):
        super().__init__()
        self.setObjectName("main_window")
        self.session, self._settings = session, settings
        self.saving = Saving(self, asks=settings is not None)
        self.views = Views(session, self)  # before the refresher: what is drawn is drawn in the view of its model
        self.refresher = Refresher(session, self)
        self.acts = Actions(self, commands.Commands(self).handlers())
        self.centre = Centre(session, self.refresher, self.views, self.acts)
        self.canvas, self.stage, self.trouble = self.centre.canvas, self.centre.stage, self.centre.trouble
        self.data_panel = DataPanel(session, self.refresher, self.views, self.acts)
        self.model_panel = ModelPanel(session)
        self.explain = Explain(session, self.refresher)
        self.pairs = Pairs(session, self.refresher, self.views)
        self.explain.add(self.pairs)
        self.plate = ModelSection(session, self.refresher)
        self.explain.add(self.plate)
        self.runs = Runs(session, self.refresher)
        self.parameters = Parameters(session, self.refresher)
        self.toolbar = ToolBar(session, self.refresher, self.acts)
        self.addToolBar(self.toolbar)
        self.setCentralWidget(self.centre)
        self.setStatusBar(StatusBar(session, self.refresher))
        self.docks: dict[str, QDockWidget] = {}
        self._make_docks()
        self.arrangement = Arrangement(self)
        switches = [dock.toggleViewAction() for dock in self.docks.values()]
        self.menus = Menus(self.menuBar(), session, self.acts, switches, self.recent, self.open_source)
        self.acts.host(self.centre.hosts())
        self._troubled_at: object = None
        self._in_the_way = False  # whether the bar says why these data cannot be fitted
        self._refreshed = 0.0
        self._tells_reading = False
        self._leaving = False
        self._patience = QTimer(self, interval=_BLINK, singleShot=True)
        self._patience.timeout.connect(self._tell_reading)
        self._join()
        self._calm()
        self.setAcceptDrops(True)
        self.setMinimumSize(800, 560)
        self.resize(1280, 800)
        self._restore()
        self._show_data()
        self._refresh()
        self.stage.page.setFocus()

    # -- making --------------------------------------------------------------------------------------------------------
    def _make_docks(self) -> None:
        more = [self.acts["columns"], self.acts["left_out"], self.acts["generate"]]
        self._dock("data", "Data", self.data_panel, _SIDE.LeftDockWidgetArea, more, scroll=False)
        self._dock(
            "model", "Model", self.model_panel, _SIDE.LeftDockWidgetArea, [self.acts["restart"], self.acts["new_start"]]
        )
        self.side = SidePages()
        self.side.add("Explain", self.explain)
        self.side.add("Runs", self.runs)
        self._dock("explain", "Explain", self.side, _SIDE.RightDockWidgetArea, [], scroll=False)
        self.docks["explain"].setTitleBarWidget(TabTitle(self.docks["explain"], self.side))
        self._dock(
            "parameters", "Parameters", self.parameters, _SIDE.RightDockWidgetArea, [self.acts["copy"]], scroll=False
        )
        for corner, side in (
            (Qt.Corner.TopLeftCorner, _SIDE.LeftDockWidgetArea),
            (Qt.Corner.BottomLeftCorner, _SIDE.LeftDockWidgetArea),
            (Qt.Corner.TopRightCorner, _SIDE.RightDockWidgetArea),
            (Qt.Corner.BottomRightCorner, _SIDE.RightDockWidgetArea),
        ):
            self.setCorner(corner, side)

    def _dock(
        self, name: str, title: str, panel: QWidget, side: Qt.DockWidgetArea, more: list, scroll: bool = True
    ) -> None:
        dock = QDockWidget(title, self)
        dock.setObjectName(f"dock_{name}")
        dock.setAccessibleName(title)
        dock.setTitleBarWidget(DockTitle(dock, more))
        panel.setProperty("surface", "panel")
        panel.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        if scroll:
            panel = PanelArea(panel)
        dock.setWidget(panel)
        dock.toggleViewAction().setText(f"{title} panel")
        dock.toggleViewAction().setToolTip(f"Show or hide the panel {title}")
        self.addDockWidget(side, dock)
        self.docks[name] = dock

    def _join(self) -> None:
        session, panel, canvas, stage = self.session, self.data_panel, self.canvas, self.stage
        panel.wanted.connect(self.open_source)
        panel.tools.chosen.connect(lambda action: stage.set_tool(action.objectName().removeprefix("tool_")))
        panel.brush_changed.connect(stage.set_brush)
        panel.picked.connect(stage.pick_row)
        stage.picked.connect(panel.show_row)
        stage.picked.connect(self.explain.pick)
        stage.hovered.connect(self.explain.hover)
        stage.spot.connect(self.explain.spot)
        stage.component_picked.connect(self.parameters.choose)
        stage.component_picked.connect(self.explain.pick_component)
        self.parameters.chosen.connect(stage.pick_component)
        canvas.tool_changed.connect(lambda name: self.acts[f"tool_{name}"].setChecked(True))
        canvas.brush_changed.connect(panel.brush.setValue)
        canvas.equal_changed.connect(self.acts["equal"].setChecked)
        stage.selection_changed.connect(lambda n: self.acts["delete_points"].setEnabled(n > 0))
        self.acts["equal"].setChecked(canvas.equal)
        self.acts["delete_points"].setEnabled(False)
        self.views.changed.connect(stage.set_view)
        self.views.changed.connect(lambda view: self._refresh())
        stage.changed.connect(lambda: panel.show_tools(stage.draws))
        if self.views.view is not None:
            stage.set_view(self.views.view)
        self.trouble.left.connect(lambda: stage.page.setFocus())  # keys mean the picture again, not the first button
        self.refresher.draw.connect(self._on_draw)
        session.running_changed.connect(lambda on: self._refresh())
        session.settings_changed.connect(self._show_obstacle)
        session.data_changed.connect(self._show_data)
        session.trouble.connect(self._on_trouble)
        session.failed.connect(self.tell)
        session.news.connect(self._on_news)
        session.search_changed.connect(self._refresh)
        session.reading_changed.connect(self._on_reading)
        session.opened.connect(self._on_opened)

    def _calm(self) -> None:
        """The wheel turns a field only where the person put the focus; keys that step work in a field, too."""
        for kind in (QComboBox, QSpinBox, QSlider):
            for field in self.findChildren(kind):
                field.installEventFilter(self)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._on_focus)

    def _on_focus(self, _: QWidget | None, now: QWidget | None) -> None:
        if isinstance(now, (QLineEdit, QAbstractSpinBox)) and self.isAncestorOf(now):
            now.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        if isinstance(event, QKeyEvent) and isinstance(watched, (QLineEdit, QAbstractSpinBox)):
            if kind == QEvent.Type.ShortcutOverride and is_step(event):
                event.ignore()
                return True
            if kind == QEvent.Type.KeyPress and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                # What was typed counts now, and the next key means the canvas; what is wrong stays to be corrected.
                QTimer.singleShot(0, watched, lambda: None if watched.property("fault") else self.canvas.setFocus())
        return super().eventFilter(watched, event)

    # -- what happens --------------------------------------------------------------------------------------------------
    def _on_draw(self, moment: Moment) -> None:
        if self._in_the_way and moment.snapshot.params is None:
            self._show_obstacle()  # the caption says it now
        if self._troubled_at is not None and self.session.history.current is not self._troubled_at:
            self.trouble.dismiss()
            self._troubled_at = None
        if not self.session.running or time.monotonic() > self._refreshed + _PATIENCE:
            self._refresh()

    def _refresh(self) -> None:
        self._refreshed = time.monotonic()
        commands.refresh(self)
        self.saving.show_title()

    def _show_data(self, *_: object) -> None:
        self._settle_trouble()
        self._show_obstacle()
        self._refresh()

    def _show_obstacle(self) -> None:
        """Say why these data cannot be fitted, as long as that is so. Before a start the caption says it."""
        started = self.session.moment.snapshot.params is not None
        why = self.session.obstacle if self.session.data.n and started else None
        self._in_the_way = bool(why)
        if why:
            self.trouble.show_trouble(why)
            self._troubled_at = None
        elif self._troubled_at is None:
            self._settle_trouble()
        self._refresh()

    def _settle_trouble(self) -> None:
        """What was told is over; what is still being read is not."""
        if not self._tells_reading:
            self.trouble.dismiss()

    def _on_trouble(self, notice: Notice) -> None:
        remedies: list[tuple[str, Callable[[], None]]] = []
        if notice.component is not None:
            k = notice.component
            remedies.append((f"Re-seed {theme.letter(k)}", lambda: self.session.reseed(k)))
            if remedies_of.removable(self.session.moment):
                remedies.append((f"Remove {theme.letter(k)}", lambda: self.session.remove_component(k)))
            if notice.code == "collapse" and remedies_of.floorable(self.session.moment):
                remedies.append(("Set floor", self.session.set_floor))
        remedies.append(("Step back", self.session.back))
        # The caption tells what happened and why.
        self.trouble.show_trouble("Choose how to go on:", remedies)
        self._troubled_at = self.session.history.current

    def tell(self, sentence: str) -> None:
        """Something could not be done: one sentence in the bar above the canvas."""
        self.trouble.show_trouble(sentence)
        self._troubled_at, self._tells_reading = None, False

    def remark(self, sentence: str) -> None:
        """One sentence in the status bar, for a while."""
        self.statusBar().showMessage(sentence, 4000)

    def _on_news(self, sentence: str) -> None:
        """News are a remark; how a run ended, the caption says."""
        if self.session.running or not self.session.verdict().stop:
            self.remark(sentence)

    # -- data from outside ---------------------------------------------------------------------------------------------
    def open_source(self, source: str) -> None:
        """Open a file or `dataset:NAME`, and remember the file once it is open."""
        if self.saving.replaced_by(source):
            self.saving.settle(lambda: self.session.open(source))
        else:
            self.session.open(source)

    def _on_opened(self, source: str) -> None:
        self.acts["tool_select"].setChecked(True)
        if source and not source.startswith("dataset:"):
            self.remember_file(str(Path(source).absolute()))

    def _on_reading(self, name: str) -> None:
        """What takes longer than a blink is named, with the way out of it."""
        if name:
            self._patience.start()
            return
        self._patience.stop()
        if self._tells_reading:
            self.trouble.dismiss()
        self._tells_reading = False

    def _tell_reading(self) -> None:
        words = f"Reading {self.session.reading}\u2026 The data shown stay until it is there."
        self.trouble.show_trouble(words, [("Cancel", self.session.cancel_reading)], sign="info")
        self._troubled_at, self._tells_reading = None, True

    def recent(self) -> list[str]:
        """The files opened last, newest first, as far as they still exist."""
        if self._settings is None:
            return []
        stored = self._settings.value("recent", [])
        paths = [stored] if isinstance(stored, str) else list(stored or [])
        return [p for p in paths if Path(p).is_file()]

    def last_folder(self) -> str:
        """Where the person opened or saved last."""
        folder = str(self._settings.value("folder", "")) if self._settings is not None else ""
        return folder if folder and Path(folder).is_dir() else ""

    def remember_folder(self, path: str) -> None:
        """The next file dialog starts where `path` lies."""
        if self._settings is not None:
            self._settings.setValue("folder", str(Path(path).absolute().parent))

    def remember_file(self, path: str) -> None:
        """Put `path` first among the recent files."""
        if self._settings is not None:
            self._settings.setValue("recent", [path, *(p for p in self.recent() if p != path)][:_RECENT])
            self.remember_folder(path)
            self.data_panel.set_recent(self.recent())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        content = event.mimeData()
        if any(u.isLocalFile() for u in content.urls()) or (content.hasText() and not content.urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        content = event.mimeData()
        files = [u.toLocalFile() for u in content.urls() if u.isLocalFile()]
        event.acceptProposedAction()
        if files:
            self.open_source(files[0])
            if len(files) > 1:
                self.remark(f"The first of {len(files)} files is opened; one table is shown at a time.")
        else:
            self.session.paste(content.text())

    # -- look and layout -----------------------------------------------------------------------------------------------
    def set_theme(self, name: str) -> None:
        """`light`, `dark` or `system`, now and the next time."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, name)
        if self._settings is not None:
            self._settings.setValue("theme", name)

    def set_reduced_motion(self, on: bool) -> None:
        """Show changes at once, without animation, now and the next time."""
        self.stage.set_motion(not on)
        if self._settings is not None:
            self._settings.setValue("reduce_motion", on)

    def reset_layout(self) -> None:
        """All panels back to their places and sizes."""
        for name, dock in self.docks.items():
            dock.setFloating(False)
            side = _SIDE.LeftDockWidgetArea if name in ("data", "model") else _SIDE.RightDockWidgetArea
            self.addDockWidget(side, dock)
            dock.show()
        self.toolbar.show()
        self.statusBar().show()
        self.centre.reset()
        self.arrangement.size_docks()

    def _restore(self) -> None:
        settings = self._settings
        state = None
        if settings is not None:
            self.acts["reduce_motion"].setChecked(settings.value("reduce_motion", False, bool))  # type: ignore[arg-type]
            self.stage.set_motion(not self.acts["reduce_motion"].isChecked())
            geometry = settings.value("window/geometry")
            if isinstance(geometry, QByteArray):
                self.restoreGeometry(geometry)
            state = settings.value("window/state")
            split = settings.value("window/split")
            if isinstance(split, QByteArray):
                self.centre.splitter.restoreState(split)
            self.data_panel.set_recent(self.recent())
        self._unsized = not (isinstance(state, QByteArray) and self.restoreState(state, _LAYOUT))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._unsized:
            self._unsized = False
            # Docks can be sized only once they have been laid out.
            self.layout().activate()
            self.arrangement.size_docks()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.arrangement.keep_centre()

    def show_keys(self) -> None:
        """Every action with its key."""
        from emstudio.gui.keys import KeysDialog

        KeysDialog(self.acts, self).show()

    def show_about(self) -> None:
        """Version and licence."""
        from emstudio.gui.keys import about

        about(self).show()

    # -- the end -------------------------------------------------------------------------------------------------------
    def closeEvent(self, event: QCloseEvent) -> None:
        if not (self._leaving or self.saving.settled()):
            event.ignore()
            self.saving.settle(self._leave)
            return
        if self._settings is not None:
            self._settings.setValue("window/geometry", self.saveGeometry())
            self._settings.setValue("window/state", self.saveState(_LAYOUT))
            self._settings.setValue("window/split", self.centre.splitter.saveState())
            self._settings.sync()
        self.hide()  # a thread that is in the middle of a file may need a moment to end
        self.session.close()
        super().closeEvent(event)

    def _leave(self) -> None:
        """Close without another question."""
        self._leaving = True
        self.close()
