"""The model, the start, the kind of E-step, the stopping rule and the speed."""

from __future__ import annotations

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.em import edited
from emstudio.core.errors import UserError
from emstudio.core.how import EStep
from emstudio.core.model import Model, Start
from emstudio.core.stopping import Stopping
from emstudio.session.editing import Editing


class Settings(Editing):
    """A setting that decides where a run begins makes a new start; the others take part from this moment on."""

    # -- model -----------------------------------------------------------------------------------------------------------
    def set_model(self, model: Model) -> None:
        """Another model or other hyper-parameters: a new start on the same data."""
        data = self._data_for(model)
        model = model.for_data(data)
        if model == self._model:
            return
        changed = [
            p.label.lower()
            for p in (model.parameters() if type(model) is type(self._model) else ())
            if getattr(model, p.name) != getattr(self._model, p.name)
        ]
        self._model = model
        self.settings_changed.emit()
        self._start_over("edit", f"Change {' and '.join(changed) or 'the model'}", data)

    def set_parameter(self, **values: object) -> None:
        """Change hyper-parameters of the model; raises UserError."""
        self.set_model(self._model.with_(**values))

    # -- start -----------------------------------------------------------------------------------------------------------
    def set_start(self, start: Start) -> None:
        if start is not self.start:
            self.start = start
            self.settings_changed.emit()
            self._start_over("edit", "Change the start")

    def set_seed(self, seed: int) -> None:
        """Another seed, and the start that it gives."""
        if seed != self.seed or self.number:
            self.seed, self.number = int(seed), 0
            self.settings_changed.emit()
            self._start_over("edit", "Change the seed")

    def restart(self) -> None:
        """Again from the same start."""
        self.pause()
        self._start_over("edit", "Restart")

    def new_start(self) -> None:
        """From the next random start: start i draws from [seed, i]."""
        self.pause()
        self.number += 1
        self.settings_changed.emit()
        self._start_over("edit", "New start")

    def _start_over(self, cause: str, title: str, data: Dataset | None = None) -> None:
        running = self._running
        self._cancel()
        data = data or self.data
        self._adopt(self._blank(data), cause, title)
        if data.n and self.obstacle is None:
            self._onward()
        elif running:
            self.pause()

    # -- how and how fast ------------------------------------------------------------------------------------------------
    def set_how(self, how: EStep) -> None:
        """Another kind of E-step from this moment on; the run goes on. Inside a gesture this is one edit."""
        if how.kind not in self._model.e_steps:
            self.failed.emit(f"There is no {how.title.lower()} E-step for {self._model.title}.")
        elif how != self.how:
            self.how = how
            self._go_about(f"E-step: {how.title.lower()}")

    def set_accelerated(self, on: bool) -> None:
        """Whether from this moment on an M-step is a whole cycle of SQUAREM; it needs the soft E-step."""
        if on and not (self._model.accelerates and self.how.kind == "soft"):
            self.failed.emit("Only a soft E-step can be accelerated, and only of a model with coordinates for it.")
        elif on != self.accelerated:
            self.accelerated = on
            self._go_about("Accelerate" if on else "Do not accelerate")

    def _go_about(self, title: str) -> None:
        """Go on in the way that the settings now say, from the moment shown or from the one that a run is about to bring."""
        self.settings_changed.emit()
        how, accelerate = self._way(self._model)
        if self.moment.snapshot.params is None:
            self._start_over("edit", title)
            return
        node = self.history.current
        assert node is not None
        waits = self._running and self._pending is not None and self._pending.kind == "advance"
        if not waits and node.gesture is not None and node.gesture == self._gesture and not node.children:
            self._cancel()
            self.history.replace(node, edited(node.moment, how=how, accelerate=accelerate))
            self.changed.emit(node.moment)
            self._go_on()
        else:
            self._edit(lambda m: edited(m, how=how, accelerate=accelerate), title)

    def set_stopping(self, stopping: Stopping) -> None:
        self.stopping = stopping
        self.settings_changed.emit()
        self.changed.emit(self.moment)

    def set_speed(self, speed: float) -> None:
        """Half-steps a second while running; `FASTEST` for no pause."""
        self.speed = speed
        self.settings_changed.emit()
        if self._running and self._clock.isActive():
            self._clock.start(0)

    def _data_for(self, model: Model) -> Dataset:
        """What of the table `model` is fitted to; the data shown where they are that, or where it cannot be read so."""
        data = self.data
        same = type(model) is type(self._model)
        try:
            new = model.dataset(data.table, (data.origin or data.names) if same else None, truth=data.truth)
        except UserError:
            return data  # `obstacle` says why these cannot be fitted
        alike = (new.names, new.origin) == (data.names, data.origin) and np.array_equal(new.rows, data.rows)
        return data if alike and np.array_equal(new.x, data.x, equal_nan=True) else new
