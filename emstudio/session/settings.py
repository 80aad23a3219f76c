"""The model, the start, the kind of E-step, the stopping rule and the speed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from emstudio.core.chain import Chain
from emstudio.core.chain_data import in_order
from emstudio.core.data import ASIDE, Dataset, Missing
from emstudio.core.edits import roles
from emstudio.core.em import Moment, edited
from emstudio.core.errors import UserError
from emstudio.core.how import EStep
from emstudio.core.model import Model, Start
from emstudio.core.stopping import Stopping
from emstudio.session.editing import Editing


class Settings(Editing):
    """A setting that decides where a run begins makes a new start; the others take part from this moment on."""

    # -- model -----------------------------------------------------------------------------------------------------------
    def set_model(self, model: Model) -> None:
        """Another model or other hyper-parameters: a new start on the same data. Raises UserError."""
        if isinstance(model, Chain) and type(model) is not type(self._model):
            model = model.apt(in_order(self.data.table, self._kept_columns(model) or ()))
        data = self._data_for(model)
        model = model.for_data(data)
        if model == self._model:
            return
        changed = [
            p.label.lower()
            for p in (model.parameters() if type(model) is type(self._model) else ())
            if getattr(model, p.name) != getattr(self._model, p.name)
        ]
        if self.start.given and _form(model) != _form(self._model):
            self.start = self._drawn_start(model)
        self._model = model
        self.settings_changed.emit()
        told, weighed = self.data.table is data.table, self.data.weighing
        self._start_over("edit", f"Change {' and '.join(changed) or 'the model'}", data)
        if weighed is not None and data.weighing is None:
            name = data.table.column(weighed).title
            self.news.emit(
                f"A series knows no weights, so every step counts once; {name} weighs again beside a mixture."
            )
        if not told:
            self._tell_order(data)

    def _tell_order(self, data: Dataset) -> None:
        """Say which columns were taken for the order of a series, where nobody had chosen them."""
        if data.series is None or not data.table.info.get("guessed_order"):
            return
        roles = [(n, role) for n, role in ((data.sequence, "the series"), (data.time, "the time")) if n]
        read = " and ".join(
            f"{data.table.column(n).title}{'' if i else ' is read'} as {r}" for i, (n, r) in enumerate(roles)
        )
        they = "it is" if len(roles) == 1 else "they are"
        self.news.emit(f"{read}, so {they} not fitted; the Data panel can change that.")

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
        """From the next random start: start i draws from [seed, i]. After a start that was given, from the first."""
        self.pause()
        if self.start.given:
            self.start = self._drawn_start(self._model)
        else:
            self.number += 1
        self.settings_changed.emit()
        self._start_over("edit", "New start")

    def _drawn_start(self, model: Model) -> Start:
        """What takes the place of a start that was given."""
        return Start("points" if self.start is self._brought and "points" in model.starts else model.starts[0])

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
            exact = how.kind == "soft" and "gibbs" in self._model.e_steps
            self._go_about(f"E-step: {'exact' if exact else how.name}")

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

        def turned(m: Moment) -> Moment:
            return edited(m, how=how, accelerate=accelerate, carried=m.snapshot.carried)

        node = self.history.current
        assert node is not None
        waits = self._running and self._pending is not None and self._pending.kind == "advance"
        if not waits and node.gesture is not None and node.gesture == self._gesture and not node.children:
            self._cancel()
            self.history.replace(node, turned(node.moment))
            self.changed.emit(node.moment)
            self._go_on()
        else:
            self._edit(turned, title)

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

    def _kept_missing(self, model: Model) -> dict[str, Missing]:
        """What `model.dataset` is to do with missing cells, where the person chose to integrate them out."""
        data = self.data
        chosen = data.mask is not None and (data.series is None or isinstance(model, Chain))  # a series has no choice
        return {"missing": "marginal"} if chosen and model.marginal else {}

    def _kept_columns(self, model: Model) -> tuple[str, ...] | None:
        """The columns that `model` is to be fitted to because a person chose them, or the model is only changed; None for its
        own choice."""
        data, old = self.data, self._model
        if type(model) is type(old):
            return data.origin or data.names
        if data.origin:
            return None
        try:
            own = old.columns(data.table, (data.weighing, data.truth))
        except UserError:
            return None
        return None if tuple(own) == data.names else data.names

    def _data_for(self, model: Model) -> Dataset:
        """What of the table `model` is fitted to; the data shown where they are that, or where it cannot be read so.

        UserError where the data shown would be taken for something else: the numbers of categories for measurements.
        """
        data = self.data
        chosen = self._kept_columns(model)
        table = data.table
        if isinstance(model, Chain):
            aside = {} if data.weighing is None else {ASIDE: data.weighing}
            table = in_order(replace(table, info=table.info | aside) if aside else table, chosen or ())
        recast, new, fault = _recast(model, self._model), None, None
        weighing = (data.weighing, table.info.get(ASIDE))
        numbers = (
            tuple(c.name for c in table.columns if c.numeric and c.fit and c.name not in weighing) or None
        )  # the time, where there is no more
        for names in dict.fromkeys((chosen, None, numbers) if recast else (chosen,)):
            try:
                found = model.dataset(table, names, truth=data.truth, **self._kept_missing(model), **roles(model, data))
            except UserError as error:
                fault = fault or error
                continue
            new = new or found
            if not recast or model.for_data(found).accepts(found) is None:
                new = found
                break
        if new is None:
            if fault is not None and model.for_data(data).accepts(data) is None:
                raise fault  # they would be fitted as what they are not
            return data  # `obstacle` says why these cannot be fitted
        alike = (new.names, new.origin) == (data.names, data.origin) and np.array_equal(new.rows, data.rows)
        alike = alike and (new.sequence, new.time, new.weighing) == (data.sequence, data.time, data.weighing)
        alike = alike and (new.series is None) == (data.series is None) and np.array_equal(new.offsets, data.offsets)
        # The comparison that knows missing cells takes many times as long, and is seldom needed.
        alike = alike and (np.array_equal(new.x, data.x) or np.array_equal(new.x, data.x, equal_nan=True))
        return data if alike else new


def _recast(model: Model, old: Model) -> bool:
    """Whether `model` reads other columns than `old` where nobody chose."""
    return type(model) is not type(old) or getattr(model, "emission", "") != getattr(old, "emission", "")


def _form(model: Model) -> tuple[object, ...]:
    """What the parameters of a model must agree in, to be those of another as well."""
    return type(model), *(getattr(model, name, None) for name in ("k", "emission", "families", "noise"))
