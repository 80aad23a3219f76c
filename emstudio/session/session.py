"""The open document: data, model, history. Everything a person can do is a command here; it knows no widget."""

from __future__ import annotations

import math

from emstudio.session.keeping import Keeping

FASTEST = math.inf  # half-steps a second: as fast as it goes


class Session(Keeping):
    """Owns the history. `moment` is what is shown; commands change it, at once or when the engine answers.

    Signals
    - `changed(Moment)`: another moment is shown, or more is known about it. The window draws the newest at its own pace.
    - `data_changed(Dataset)`: other data than before (always followed by `changed`).
    - `reading_changed(str)`: the name of what is being read, "" when nothing is; `opened(str)`: this source is shown now.
    - `saved(str)`: the session was written to this file.
    - `running_changed(bool)`, `settings_changed()`: speed, seed, stopping rule, start method, kind of E-step.
    - `trouble(Notice)`: the run paused because a component would collapse; `reseed` is the remedy.
    - `search_changed()`: several starts are being tried, or more is known of where they ended.
    - `sweep_changed(Sweep | None)`: the newest sweep of an E-step that is being watched; None when it is over or given up.
    - `failed(str)`: one sentence about something that could not be done.
    - `news(str)`: one sentence worth showing for a while, such as why the run stopped.
    """

    def close(self) -> None:
        """Stop and join the engine's thread; the session is of no use afterwards."""
        self._clock.stop()
        self._pending = None
        self._running = False
        self._reader.close()
        self._engine.close()
        self.jobs.close()
