"""What each action does, and when it can be done. Every command ends in the session, the canvas or the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from emstudio.core.errors import UserError
from emstudio.gui import theme
from emstudio.gui.sweeps import is_chain
from emstudio.gui.toolbar import SPEEDS, nearest_speed, step_name

if TYPE_CHECKING:
    from emstudio.gui.main_window import MainWindow

TABLES = "*.csv *.tsv *.tab *.txt *.dat *.parquet *.xlsx *.xls *.npy"
FILES = f"Tables and sessions ({TABLES} *.ems);;Tables ({TABLES});;Sessions (*.ems);;All files (*)"


class Commands(QObject):
    """The handlers by the names of the actions."""

    def __init__(self, window: MainWindow):
        super().__init__(window)
        self._window, self._session = window, window.session
        self._session.settings_changed.connect(lambda: window.acts["watch_sweeps"].setChecked(window.session.watching))

    def handlers(self) -> dict[str, Callable]:
        """Action name -> command."""
        s = self._session
        alone: dict[str, Callable[[], object]] = {
            "open": self.open,
            "new": self.new,
            "paste": self.paste,
            "save": lambda: self._window.saving.save(),
            "save_as": lambda: self._window.saving.save_as(),
            "export_labels": lambda: self._export("labels"),
            "export_model": lambda: self._export("model"),
            "export_script": lambda: self._export("script"),
            "export_data": lambda: self._export("data"),
            "export_picture": lambda: self._export("picture"),
            "quit": self._window.close,
            "undo": s.undo,
            "redo": s.redo,
            "copy": self.copy,
            "delete_points": lambda: self._window.stage.delete_selected(),
            "clear_points": s.clear_points,
            "columns": lambda: self._window.data_panel.open_columns(),
            "generate": lambda: self._window.data_panel.open_generate(),
            "left_out": lambda: self._window.data_panel.open_left_out(),
            "add_component": lambda: self.change_k(1),
            "remove_component": lambda: self.change_k(-1),
            "restart": s.restart,
            "new_start": s.new_start,
            "try_starts": self.try_starts,
            "step": s.step,
            "iterate": s.iterate,
            "back": s.back,
            "first": s.first,
            "last": s.last,
            "run": s.toggle,
            "converge": s.run_to_convergence,
            "next_sweep": s.next_sweep,
            "slower": lambda: self.change_speed(-1),
            "faster": lambda: self.change_speed(1),
            "fit_view": lambda: self._window.stage.fit(),
            "reset_layout": self._window.reset_layout,
            "keys": self._window.show_keys,
            "about": self._window.show_about,
        }
        made: dict[str, Callable] = {name: lambda _=False, do=do: do() for name, do in alone.items()}
        for tool in ("select", "paint", "spray", "erase"):
            made[f"tool_{tool}"] = lambda on=True, t=tool: None
        for name in ("system", "light", "dark"):
            made[f"theme_{name}"] = lambda _=False, n=name: self._window.set_theme(n)
        made["by_truth"] = lambda on: self._window.canvas.set_colour_by_truth(on)
        made["equal"] = lambda on: self._window.canvas.set_equal(on)
        made["watch_sweeps"] = s.set_watching
        made["reduce_motion"] = self._window.set_reduced_motion
        return made

    # -- data ----------------------------------------------------------------------------------------------------------
    def open(self) -> None:
        """Ask for a file; nothing waits meanwhile."""
        dialog = QFileDialog(self._window, "Open a table or a session", self._window.last_folder(), FILES)
        dialog.setObjectName("open_dialog")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self._window.open_source)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def new(self) -> None:
        """An empty canvas, with the brush in hand."""
        self._session.new()
        self._window.acts["tool_paint"].setChecked(True)

    def paste(self) -> None:
        """Open the files or the table on the clipboard."""
        content = QGuiApplication.clipboard().mimeData()
        files = [u.toLocalFile() for u in content.urls() if u.isLocalFile()] if content is not None else []
        text = content.text() if content is not None else ""
        if files:
            self._window.open_source(files[0])
        elif text.strip():
            self._session.paste(text)
        else:
            self._window.tell("The clipboard holds no table; copy cells of a spreadsheet first.")

    def copy(self) -> None:
        """The parameters table onto the clipboard."""
        self._window.parameters.copy()
        self._window.remark("Copied the parameters: paste them into a spreadsheet.")

    def _export(self, what: str) -> None:
        from emstudio.gui import export

        export.ask(self._window, what)

    # -- model and run -------------------------------------------------------------------------------------------------
    def change_k(self, by: int) -> None:
        """One component more or fewer."""
        try:
            self._session.set_parameter(k=self._session.model.k + by)
        except UserError as error:
            self._window.tell(f"{error}.")

    def try_starts(self) -> None:
        """Try several starts, or give them up, with the panel that tells of them in front."""
        self._window.docks["explain"].show()
        self._window.side.show_page("Runs")
        self._window.runs.toggle()

    def change_speed(self, by: int) -> None:
        """The next speed up or down."""
        at = nearest_speed(self._session.speed) + by
        self._session.set_speed(SPEEDS[min(max(at, 0), len(SPEEDS) - 1)])


def refresh(window: MainWindow) -> None:
    """Switch actions on and off as they can be done now, and name what they would do."""
    session, actions = window.session, window.acts
    history, moment = session.history, session.moment
    started = moment.snapshot.params is not None
    current = history.current
    assert current is not None
    onward = history.forward()
    can_step = bool(moment.data.n) and (started or session.obstacle is None)
    bounds = next((p for p in session.model.parameters() if p.name == "k"), None)
    k = session.model.k
    table = moment.data.table
    on_canvas = window.stage.page is window.canvas
    enabled = {
        "undo": history.undo_target() is not None,
        "redo": history.redo_target() is not None,
        "copy": started,
        "export_labels": started and bool(moment.data.n),
        "export_model": started,
        "export_script": started,
        "export_data": bool(table.rows),
        "clear_points": bool(table.rows),
        "columns": any(c.numeric for c in table.columns),
        "left_out": bool(len(moment.data.dropped)),
        "add_component": bounds is not None and (bounds.high is None or k < bounds.high),
        "remove_component": bounds is not None and (bounds.low is None or k > bounds.low),
        "restart": started,
        "new_start": can_step and not session.model.settled,
        "try_starts": session.searching or session.unsearchable is None,
        "step": can_step,
        "iterate": can_step,
        "run": can_step or session.running,
        "converge": can_step,
        "next_sweep": session.unwatchable is None,
        "watch_sweeps": is_chain(session.model),
        "back": started and moment.snapshot.phase != "start",
        "first": started and moment.snapshot.phase != "start",
        "last": onward is not None and onward.moment.snapshot.phase not in ("start", "data"),
        "by_truth": moment.data.truth is not None and on_canvas,
        "fit_view": window.stage.draws,
        **{f"tool_{tool}": window.stage.draws for tool in ("select", "paint", "spray", "erase")},
        "equal": window.views.view is not None and len(window.views.view.columns) == 2,
    }
    for name, on in enabled.items():
        actions[name].setEnabled(on)
    actions["equal"].setChecked(enabled["equal"] and window.canvas.equal)
    _name(actions["undo"], "&Undo", history.undo_title())
    _name(actions["redo"], "&Redo", history.redo_title())
    actions["step"].setText(f"Next &half-step: {step_name(moment)}")
    actions["watch_sweeps"].setChecked(session.watching)
    actions["run"].setText("&Pause" if session.running else "Ru&n")
    actions["try_starts"].setText("S&top trying starts" if session.searching else "&Try several starts")
    actions["theme_" + theme.choice()].setChecked(True)
    bar = window.toolbar
    bar.primary.setEnabled(can_step)
    bar.run_button.setEnabled(can_step or session.running)


def _name(action, verb: str, title: str) -> None:
    action.setText(verb + (f": {title.replace('&', '&&')}" if title else ""))
