"""The menu bar: every action has its place; menus of things that change are filled as they open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QMenuBar

from emstudio.core.errors import printable
from emstudio.gui import theme
from emstudio.gui.actions import Actions
from emstudio.gui.data_roles import truth_columns
from emstudio.gui.toolbar import SPEEDS, speed_text
from emstudio.session import Session

Entry = tuple[str, Callable[[], object], bool]  # text, command, whether it is the one in force


def escaped(name: str) -> str:
    """A name from outside as a menu text: no mnemonic, one line."""
    return printable(name).replace("&", "&&")


class Menus:
    """Fills `bar`. `wanted(source)` opens data; `recent()` lists paths; `docks` are the View menu's switches."""

    def __init__(
        self,
        bar: QMenuBar,
        session: Session,
        actions: Actions,
        docks: Sequence[QAction],
        recent: Callable[[], list[str]],
        wanted: Callable[[str], None],
    ):
        self._bar, self._session, self._actions = bar, session, actions
        self._recent, self._wanted = recent, wanted
        self._menu(
            "&File",
            [
                "open",
                self._datasets,
                self._recent_files,
                "paste",
                "new",
                None,
                "save",
                "save_as",
                None,
                "export_labels",
                "export_model",
                "export_script",
                "export_data",
                "export_picture",
                None,
                "quit",
            ],
        )
        tools = ["tool_select", "tool_paint", "tool_spray", "tool_erase"]
        self._menu("&Edit", ["undo", "redo", None, "copy", None, *tools, None, "delete_points", "clear_points"])
        self._menu("&Data", ["columns", "left_out", None, "generate", None, self._truth, "by_truth"])
        self._menu(
            "&Model",
            ["add_component", "remove_component", None, "restart", "new_start", "try_starts", None, self._reseed],
        )
        self._menu(
            "&Run",
            [
                "step",
                "iterate",
                "back",
                "first",
                "last",
                None,
                "run",
                "converge",
                None,
                "next_sweep",
                "watch_sweeps",
                None,
                self._speed,
                "slower",
                "faster",
            ],
        )
        self._menu(
            "&View", [*docks, None, "fit_view", "equal", None, self._themes, "reduce_motion", None, "reset_layout"]
        )
        self._menu("&Help", ["keys", "about"])

    def _menu(self, title: str, entries: Sequence[object]) -> None:
        menu = self._bar.addMenu(title)
        menu.setObjectName("menu_" + title.replace("&", "").lower())
        for entry in entries:
            if entry is None:
                menu.addSeparator()
            elif isinstance(entry, str):
                menu.addAction(self._actions[entry])
            elif isinstance(entry, QAction):
                menu.addAction(entry)
            else:
                entry(menu)  # type: ignore[operator]

    # -- menus that change ---------------------------------------------------------------------------------------------
    def _changing(
        self, menu: QMenu, name: str, title: str, entries: Callable[[], list[Entry]], checks: bool = True
    ) -> QMenu:
        """A submenu filled with `entries()` whenever the menu above it opens; disabled while there are none."""
        sub = menu.addMenu(title)
        sub.setObjectName(name)

        def fill() -> None:
            sub.clear()
            made = entries()
            group = QActionGroup(sub)
            for text, command, current in made:
                action = sub.addAction(text)
                action.triggered.connect(lambda _=False, c=command: c())
                if checks:
                    action.setCheckable(True)
                    action.setChecked(current)
                    group.addAction(action)
            sub.menuAction().setEnabled(bool(made))

        menu.aboutToShow.connect(fill)
        return sub

    def _datasets(self, menu: QMenu) -> None:
        def entries() -> list[Entry]:
            from emstudio import datasets

            source = self._session.data.table.source
            made = [(i.title, f"dataset:{i.name}") for i in datasets.index()]
            return [(escaped(title), lambda s=s: self._wanted(s), s == source) for title, s in made]

        self._changing(menu, "menu_datasets", "Open &data set", entries)

    def _recent_files(self, menu: QMenu) -> None:
        def entries() -> list[Entry]:
            return [(escaped(Path(p).name), lambda p=p: self._wanted(p), False) for p in self._recent()]

        self._changing(menu, "menu_recent", "Open r&ecent", entries, checks=False)

    def _truth(self, menu: QMenu) -> None:
        def entries() -> list[Entry]:
            data = self._session.data
            names = truth_columns(data)
            if not names:
                return []
            named = [(escaped(n), lambda n=n: self._session.set_truth(n), n == data.truth) for n in names]
            return [("&None", lambda: self._session.set_truth(None), data.truth is None), *named]

        self._changing(menu, "menu_truth", "&Truth", entries)

    def _reseed(self, menu: QMenu) -> None:
        def entries() -> list[Entry]:
            if self._session.moment.snapshot.params is None:
                return []
            components = range(self._session.model.k)
            return [(f"Component &{theme.letter(k)}", lambda k=k: self._session.reseed(k), False) for k in components]

        self._changing(menu, "menu_reseed", "Re-&seed", entries, checks=False)

    def _speed(self, menu: QMenu) -> None:
        def entries() -> list[Entry]:
            speed = self._session.speed
            return [(speed_text(s), lambda s=s: self._session.set_speed(s), s == speed) for s in SPEEDS]

        self._changing(menu, "menu_speed", "S&peed", entries)

    def _themes(self, menu: QMenu) -> None:
        sub = menu.addMenu("&Theme")
        sub.setObjectName("menu_theme")
        sub.addActions([self._actions[f"theme_{t}"] for t in ("system", "light", "dark")])
