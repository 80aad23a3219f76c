"""What a hand does to the data and to the parameters shown; each is an edit that Undo takes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emstudio.core import edits, remedies, series_edits
from emstudio.core.em import Moment, edited
from emstudio.core.marks import Handle, View
from emstudio.core.trials import Trial, parse
from emstudio.models import coin_edits
from emstudio.session.running import Running


class Editing(Running):
    """Edits go on from the moment shown, or from the one that a run is about to bring."""

    # -- points ----------------------------------------------------------------------------------------------------------
    def add_points(self, columns: Sequence[int], values: np.ndarray, title: str = "Add points") -> None:
        """Add rows: `values` (m, len(columns)) in the fitted columns `columns`; other fitted columns get their mean."""
        self._edit(lambda m: edits.add(m, columns, np.asarray(values, float)), title)

    def erase(self, rows: np.ndarray, title: str = "Erase points") -> None:
        """Take rows (of the dataset) away."""
        tables_rows = self.data.rows[np.asarray(rows, int)]
        if len(tables_rows):
            self._edit(lambda m: edits.erase(m, tables_rows), title)

    def move_points(self, rows: np.ndarray, columns: Sequence[int], shift: Sequence[float]) -> None:
        """Move rows of the dataset by `shift` in the fitted columns `columns`."""
        tables_rows = self.data.rows[np.asarray(rows, int)]
        if len(tables_rows):
            self._edit(lambda m: edits.move(m, tables_rows, columns, shift), "Move points")

    def clear_points(self) -> None:
        """Take all rows away; the columns stay."""
        self.pause()
        self._edit(lambda m: edits.clear(m), "Clear points")

    # -- trials of coins -------------------------------------------------------------------------------------------------
    def flip_toss(self, row: int, toss: int) -> None:
        """Turn one toss of a trial over: rows of the dataset and tosses from 0."""
        self._edit(lambda m: coin_edits.flip(m, row, toss), "Flip a toss")

    def replace_trial(self, row: int, words: str) -> bool:
        """A trial typed anew, such as HTTHH or `3 of 5`; one sentence (`failed`) where it is none."""
        return self._guarded(lambda: self._rewrite(parse(words), row))

    def add_trial(self, words: str) -> bool:
        """A trial more, typed as in `replace_trial`."""
        return self._guarded(lambda: self._rewrite(parse(words), None))

    def _rewrite(self, trial: Trial, row: int | None) -> None:
        if row is None:
            coin_edits.add(self.moment, trial)  # raises here what the person must hear at once
            self._edit(lambda m: coin_edits.add(m, trial), "Add a trial")
        else:
            coin_edits.rewrite(self.moment, row, trial)
            self._edit(lambda m: coin_edits.rewrite(m, row, trial), "Change a trial")

    # -- steps of a series -----------------------------------------------------------------------------------------------
    def write_steps(self, rows: np.ndarray, column: int, values: np.ndarray) -> None:
        """Give rows of the dataset other `values` in the fitted column `column`."""
        rows, values = np.asarray(rows, int), np.asarray(values, float)
        self._edit(lambda m: series_edits.write(m, rows, column, values), "Draw the series")

    def add_steps(self, series: int, column: int, values: np.ndarray) -> None:
        """Add steps behind the last of a series."""
        values = np.asarray(values, float)
        self._edit(lambda m: series_edits.append(m, series, column, values), "Add steps")

    def erase_steps(self, rows: np.ndarray) -> None:
        """Take steps at the end of a series away; others become steps that were not observed."""
        rows = np.asarray(rows, int)
        if len(rows):
            self._edit(lambda m: series_edits.erase(m, rows), "Erase steps")

    # -- gestures --------------------------------------------------------------------------------------------------------
    def begin_gesture(self) -> None:
        """What follows until `end_gesture` is one edit for Undo."""
        self._gestures += 1
        self._gesture = self._gestures

    def end_gesture(self) -> None:
        self._gesture = None
        self._drag = None

    def drag(self, handle: Handle, view: View, position: tuple[float, ...]) -> None:
        """Move a handle; newest position wins. Inside a gesture this is one edit, also while the run is on."""
        if self.moment.snapshot.params is None:
            return
        self._drag = (handle, view, position)
        if self._running and self._pending is not None and self._pending.kind == "advance":
            return  # applied to the moment that the engine is about to bring
        self._apply_drag()

    # -- components ------------------------------------------------------------------------------------------------------
    def remove_component(self, component: int) -> None:
        """Go on with one component less; the others stay as they are, with their letters and colours."""

        def without(m: Moment) -> Moment:
            names = m.cast or tuple(range(m.model.k))
            return replace(remedies.removed(m, component), cast=names[:component] + names[component + 1 :])

        self._edit(without, "Remove a component")

    def set_floor(self, floor: float | None = None) -> None:
        """Go on with a variance floor: this one, or one that is small beside the data (larger than one before)."""
        self._edit(lambda m: remedies.floored(m, floor), "Set a variance floor")

    def reseed(self, component: int) -> None:
        """Start one component anew where the others explain the data badly."""

        def anew(m: Moment) -> Moment:
            rng = np.random.default_rng([self.seed, self.number, m.snapshot.t, len(self.history.nodes)])
            return edited(m, params=m.model.reseed(m.data, m.snapshot.params, component, rng))

        self._edit(anew, "Re-seed a component")
