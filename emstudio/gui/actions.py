"""Everything a person can do, as QActions: name, key, tool tip, icon; menus and tool bar are made from these.

A *single key* (Space, R, arrows) belongs to the canvas, the objective and the timeline only, so that buttons, lists and
fields keep theirs; a *wide key* (Ctrl+...) works everywhere in the window. An action with both has a companion of the
same handler for the wide ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QWidget

from emstudio.gui import icons


@dataclass(frozen=True)
class Spec:
    """One action: `text` as in the menu, `tip` one sentence of what it does."""

    name: str
    text: str
    tip: str
    icon: str = ""
    key: str = ""  # single, on the canvas
    wide: tuple[str, ...] = ()  # everywhere in the window
    group: str = ""  # checkable, one of its group is on; those of the group "own" are switched on and off alone


SPECS: tuple[Spec, ...] = (
    Spec(
        "open",
        "&Open…",
        "Open a table (CSV, TSV, Parquet, Excel or NumPy) or a session",
        "open",
        wide=("Ctrl+O",),
    ),
    Spec("save", "&Save session", "Write data, model and every half-step to one file", "save", wide=("Ctrl+S",)),
    Spec("save_as", "Save session &as…", "Write the session to another file", wide=("Ctrl+Shift+S",)),
    Spec("new", "&New empty canvas", "An empty canvas to click points on", "new", wide=("Ctrl+N",)),
    Spec(
        "paste",
        "&Paste data",
        "Open the table on the clipboard, such as cells of a spreadsheet",
        "paste",
        wide=("Ctrl+V",),
    ),
    Spec(
        "export_labels",
        "Export &labels and responsibilities…",
        "Write every row's label and responsibilities (CSV)",
        "export",
    ),
    Spec(
        "export_model",
        "Export the &model…",
        "Write the fitted model (JSON), which the command line reads",
        "export",
    ),
    Spec("export_script", "Export a sc&ript…", "Write a Python file that repeats the fit shown", "export"),
    Spec(
        "export_data",
        "Export the da&ta…",
        "Write the table as it stands, with all that was painted or changed (CSV)",
        "table",
    ),
    Spec("export_picture", "Export the &picture…", "Write the canvas as a picture (PNG)", "picture"),
    Spec("quit", "&Quit", "Close EM Studio", wide=("Ctrl+Q",)),
    Spec("undo", "&Undo", "To before the last edit", "undo", wide=("Ctrl+Z",)),
    Spec("redo", "&Redo", "The edit that was undone, again", "redo", wide=("Ctrl+Shift+Z", "Ctrl+Y")),
    Spec(
        "copy",
        "&Copy the parameters",
        "Copy the parameters table in full precision, for a spreadsheet",
        "copy",
        wide=("Ctrl+C",),
    ),
    Spec(
        "tool_select",
        "&Select and move",
        "Select, move points and means; drag on empty canvas pans",
        "select",
        key="V",
        group="tool",
    ),
    Spec("tool_paint", "&Paint points", "Click or drag to add points", "paint", key="P", group="tool"),
    Spec("tool_spray", "Sp&ray points", "Press to spray a Gaussian blob of points", "spray", key="S", group="tool"),
    Spec("tool_erase", "&Erase points", "Drag over points to take them away", "erase", key="E", group="tool"),
    Spec("delete_points", "&Delete the selected points", "Take the selected points away", "trash", key="Del"),
    Spec("clear_points", "C&lear all points", "Take all points away; the columns stay", "trash"),
    Spec("columns", "Choose &columns…", "Choose the columns that are fitted", "table"),
    Spec(
        "by_truth",
        "C&olour by the truth",
        "Colour the points by the known groups instead of the responsibilities",
        "layers",
        group="own",
    ),
    Spec(
        "generate",
        "&Generate a series…",
        "Draw a series with a known hidden path: of a noisy switch, or of the hidden Markov model shown",
        "dice",
    ),
    Spec("left_out", "Rows &left out…", "List the rows left out because a cell is missing"),
    Spec("add_component", "&Add a component", "One component more, and a new start", "plus", key="A"),
    Spec("remove_component", "Re&move a component", "One component fewer, and a new start", "minus", key="Z"),
    Spec("restart", "&Restart", "Again from the same start", "restart", key="R"),
    Spec("new_start", "&New random start", "From the next random start of this seed", "dice", key="Shift+R"),
    Spec("try_starts", "&Try several starts", "Run from several starts in the background and list the optima", key="T"),
    Spec("step", "Next &half-step", "The next half-step", key="Right", wide=("Ctrl+Right",)),
    Spec(
        "iterate",
        "Full &iteration",
        "Half-steps up to and including the next M-step",
        "iterate",
        key="Shift+Right",
        wide=("Ctrl+Shift+Right",),
    ),
    Spec("back", "Step &back", "One half-step back", "back", key="Left", wide=("Ctrl+Left",)),
    Spec("first", "&First", "The start of this run", "first", key="Home"),
    Spec("last", "&Last", "The last half-step known on this branch", "last", key="End"),
    Spec("run", "Ru&n", "Run or pause, at the chosen speed", "run", key="Space", wide=("Ctrl+Return", "Ctrl+Enter")),
    Spec(
        "converge",
        "Run to &convergence",
        "As fast as it goes until the stopping rule says so",
        "last",
        wide=("Ctrl+Shift+Return",),
    ),
    Spec("next_sweep", "One sw&eep", "The next sweep of a sampled E-step alone", "forward", key="W"),
    Spec(
        "watch_sweeps",
        "&Watch the sweeps",
        "A sampled E-step plays its sweeps, at four in the time of a half-step",
        key="Shift+W",
        group="own",
    ),
    Spec("slower", "&Slower", "Fewer half-steps a second", wide=("Ctrl+-",)),
    Spec("faster", "F&aster", "More half-steps a second", wide=("Ctrl++", "Ctrl+=")),
    Spec("fit_view", "&Fit the view", "Show all data and ellipses", "fit", key="F"),
    Spec(
        "equal",
        "&Equal axes (1:1)",
        "One unit is as long on both axes: a circle looks like a circle",
        "one-to-one",
        group="own",
    ),
    Spec("theme_system", "As the &system", "Light or dark as the desktop asks", "system", group="theme"),
    Spec("theme_light", "&Light", "Dark text on a light window", "sun", group="theme"),
    Spec("theme_dark", "&Dark", "Light text on a dark window", "moon", group="theme"),
    Spec("reduce_motion", "&Reduce motion", "Show changes at once, without animation", group="own"),
    Spec("reset_layout", "Reset la&yout", "All panels back to their places", "reset"),
    Spec("keys", "&Keys", "Every action with its key", "help", wide=("F1",)),
    Spec("about", "&About EM Studio", "Version and licence"),
)


class Actions(QObject):
    """The actions by name: `actions["run"]`. `hosts` are the widgets that own the single keys."""

    def __init__(self, window: QWidget, handlers: dict[str, Callable]):
        super().__init__(window)
        self._window = window
        self._actions: dict[str, QAction] = {}
        self._companions: list[QAction] = []
        self._groups: dict[str, QActionGroup] = {}
        for spec in SPECS:
            self._make(spec, handlers[spec.name])

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def __iter__(self):
        return iter(self._actions.values())

    def host(self, widgets: Iterable[QWidget]) -> None:
        """Give the single keys to these widgets and what is inside them."""
        for widget in widgets:
            widget.addActions([self._actions[s.name] for s in SPECS if s.key])

    def overview(self) -> list[tuple[str, str, str]]:
        """(name, keys, tip) of every action that has a key, in the order of the menus."""
        return [(plain(s.text), keys_text(s), s.tip) for s in SPECS if s.key or s.wide]

    def _make(self, spec: Spec, handler: Callable) -> None:
        action = QAction(spec.text, self._window)
        action.setObjectName(spec.name)
        if spec.icon:
            action.setIcon(icons.icon(spec.icon))
        action.setStatusTip("")
        action.setWhatsThis(spec.tip)
        action.setToolTip(tool_tip(spec))
        # The menu's roles on macOS are guessed from texts otherwise.
        action.setMenuRole(QAction.MenuRole.NoRole)
        if spec.group:
            action.setCheckable(True)
        if spec.group not in ("", "own", "tool"):  # the tools are grouped by their row of icons
            group = self._groups.setdefault(spec.group, QActionGroup(self))
            group.addAction(action)
        if spec.key:
            action.setShortcut(QKeySequence(spec.key))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            if spec.wide:
                self._companions.append(self._wide(spec, action))
        elif spec.wide:
            action.setShortcuts([QKeySequence(k) for k in spec.wide])
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            self._window.addAction(action)
        action.triggered.connect(handler)
        self._actions[spec.name] = action

    def _wide(self, spec: Spec, action: QAction) -> QAction:
        companion = QAction(self._window)
        companion.setObjectName(spec.name + "_anywhere")
        companion.setShortcuts([QKeySequence(k) for k in spec.wide])
        companion.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        companion.triggered.connect(action.trigger)
        self._window.addAction(companion)
        return companion


def plain(text: str) -> str:
    """A menu text without its mnemonic and dots."""
    return text.replace("&", "").rstrip("…")


def keys_text(spec: Spec) -> str:
    """The keys as a person reads them: `Space, Ctrl+Return`."""
    keys = ((spec.key,) if spec.key else ()) + spec.wide[:1]
    return ", ".join(QKeySequence(k).toString(QKeySequence.SequenceFormat.NativeText) for k in keys)


def tool_tip(spec: Spec, text: str | None = None) -> str:
    """Name, key and what it does, as plain text."""
    keys = keys_text(spec)
    return plain(text or spec.text) + (f" ({keys})" if keys else "") + f"\n{spec.tip}"
