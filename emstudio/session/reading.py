"""What is opened, pasted or painted, and which of its columns are fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject

from emstudio.core.chain import Chain
from emstudio.core.chain_data import in_order, with_order
from emstudio.core.data import ASIDE, Dataset, Missing, Table, dataset
from emstudio.core.edits import roles
from emstudio.core.errors import UserError, printable
from emstudio.core.history import History
from emstudio.core.model import Model, Start, find
from emstudio.models import coin_edits
from emstudio.session.settings import Settings
from emstudio.session.state import paper
from emstudio.worker import Reader


class Reading(Settings):
    """Files are read on a thread of their own, and the data shown stay until the new ones are there."""

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self._reader = Reader(self)
        self._reader.changed.connect(self.reading_changed)
        self._reader.done.connect(self._on_read)
        self._reader.failed.connect(self._on_unread)

    @property
    def busy(self) -> bool:
        """Whether an answer of the engine or of the reader is awaited."""
        return self._pending is not None or bool(self._reader.name)

    @property
    def reading(self) -> str:
        """The name of what is being read, "" when nothing is."""
        return self._reader.name

    def open(self, source: str) -> None:
        """Open a file or `dataset:NAME`; on a bad one a sentence follows (`failed`), and the previous data stay.

        It is read on a thread of its own: `opened` follows, and meanwhile everything can be done with the data shown.
        """
        self._read(source, "", source.removeprefix("dataset:") if source.startswith("dataset:") else Path(source).name)

    def paste(self, text: str) -> None:
        """Open a table from the clipboard's text."""
        self._read("", text, "the clipboard")

    def cancel_reading(self) -> None:
        """Give up what is being read; the data shown stay."""
        self._reader.cancel()

    def open_table(self, table: Table) -> None:
        """Show `table` and, where the model accepts it, start on it. Raises UserError."""
        self._reader.cancel()
        self._show_table(*_suited(self._model, table))

    def new(self) -> None:
        """An empty canvas to paint on."""
        self._reader.cancel()
        data, model = dataset(paper()), self._model
        if isinstance(model, Chain):
            data = model.dataset(replace(paper(("x",)), name="Painted series"))
        elif "scatter" not in _kinds(model, data.table):
            model = find("gaussian").make(k=2)
        self._open(data, "load", "New", autostart=False, model=model)

    def choose(self, names: Sequence[str]) -> bool:
        """Fit these columns of the table."""

        def go() -> None:
            kept, beside = self._kept_missing(self._model), roles(self._model, self.data)
            data = self._model.dataset(self.data.table, names, truth=self.data.truth, **kept, **beside)
            self._open(data, "edit", "Choose columns", model=self._model)

        return self._guarded(go)

    def set_missing(self, way: Missing) -> bool:
        """Rows with a missing cell are left out (`drop`), or stay and what is missing is integrated out (`marginal`)."""

        def go() -> None:
            old, model = self.data, self._model
            if way == "marginal" and not model.marginal:
                raise UserError(f"{model.title} cannot integrate missing cells out", "leave their rows out")
            beside = roles(model, old)
            data = model.dataset(old.table, old.origin or old.names, missing=way, truth=old.truth, **beside)
            title = "Integrate missing cells out" if way == "marginal" else "Leave rows with missing cells out"
            self._open(data, "edit", title, model=model)

        return self._guarded(go)

    def set_order(self, sequence: str | None, time: str | None) -> bool:
        """The columns that tell the series apart and order their rows, or None; neither is fitted.

        A column that has been one of them is fitted again, as any other of numbers; not beside categories, which are one.
        """

        def go() -> None:
            old, model = self.data, self._model
            if not isinstance(model, Chain):
                raise UserError(f"{model.title} knows no order of the rows", "choose a hidden Markov model")
            table, roles = with_order(old.table, sequence, time), (sequence, time)
            names = [name for name in old.names if name not in roles]
            if not names or getattr(model, "emission", "") != "categorical":
                free = model.columns(table, (old.truth,))
                names = [n for n in table.names if n in names or (n in free and n in (old.sequence, old.time))]
            truth = None if old.truth in roles else old.truth
            try:
                data = model.dataset(table, names or None, truth=truth)
            except UserError:
                if time is None or sequence == old.sequence:
                    raise
                model.dataset(
                    with_order(table, sequence, None), names or None, truth=truth
                )  # raises what has no remedy here
                what = f"the column is the time of each series, and does not increase through {_whole(sequence)}"
                remedy = "choose no time first, or another column"
                raise UserError(what, remedy, file=table.source or None, column=time) from None
            title = "Choose the series" if sequence != old.sequence else "Choose the time"
            self._open(data, "edit", title, model=model)

        if (sequence, time) == (self.data.sequence, self.data.time):
            return True
        return self._guarded(go)

    def set_weights(self, name: str | None) -> bool:
        """The column that says how often each row counts, or None; it is not fitted, and not the truth.

        A column that weighs no more is fitted again where it was so before it weighed.
        """

        def go() -> None:
            old, model = self.data, self._model
            if isinstance(model, Chain):
                what = "row weights mean nothing to a series: a step cannot happen more often than once"
                raise UserError(what, "choose a mixture")
            fitted = old.origin or old.names
            if self._fitted_before():
                fitted = tuple(n for n in old.table.names if n in (*fitted, old.weighing))
            names = tuple(n for n in fitted if n != name)
            if not names:
                raise UserError("no other column would be left to fit", "fit another one first", column=name)
            table = old.table
            if ASIDE in table.info:  # it was kept for a model that knew no weights
                table = replace(table, info={k: v for k, v in table.info.items() if k != ASIDE})
            truth = None if old.truth == name else old.truth
            data = model.dataset(table, names, truth=truth, weights=name, **self._kept_missing(model))
            self._open(data, "edit", "Choose the weights" if name else "Leave the weights out", model=model)
            unknown = int(table.column(name).missing.sum()) if name else 0
            if unknown:
                rows = "1 row is" if unknown == 1 else f"{unknown} rows are"
                self.news.emit(f"{rows} left out: no weight is known.")

        return name == self.data.weighing or self._guarded(go)

    def _fitted_before(self) -> bool:
        """Whether the column that weighs was fitted before it did."""
        name, node = self.data.weighing, self.history.current
        while node is not None and node.moment.data.weighing == name:
            node = node.parent
        return name is not None and node is not None and name in node.moment.data.names

    def set_truth(self, name: str | None) -> None:
        """The column to colour and judge by; the fit is not touched."""
        if name is not None and name == self.data.weighing:
            self.failed.emit(f"{self.data.table.column(name).title} weighs the rows, and cannot be the truth as well.")
            return
        new = replace(self.data, truth=name)
        made = {id(self.data): (self.data, new)}
        for node in self.history.nodes:
            data = node.moment.data
            if data.table is new.table and data.names == new.names and (name is None or name != data.weighing):
                if id(data) not in made:
                    made[id(data)] = (data, replace(data, truth=name))
                self.history.replace(node, replace(node.moment, data=made[id(data)][1]))
        self.data_changed.emit(new)
        self.changed.emit(self.moment)

    # -- inside ----------------------------------------------------------------------------------------------------------
    def _open(self, data: Dataset, cause: str, title: str, autostart: bool = True, *, model: Model) -> None:
        self.pause()
        self._cancel()
        model = model.for_data(data)
        if model != self._model:
            self._model = model
            self.settings_changed.emit()
        if len(self.history.nodes) == 1 and not self.data.n:
            self.history = History()  # nothing was done on the first empty canvas: nothing to come back to
        self._adopt(self._blank(data), cause, title)
        if autostart and data.n and self.obstacle is None:
            self._onward()

    def _read(self, source: str, text: str, name: str) -> None:
        self._reader.ask(printable(name), table_read, (source, text, self._model))

    def _on_read(self, name: str, found: tuple[Model, Dataset]) -> None:
        self._show_table(*found)
        self.opened.emit(found[1].table.source)

    def _on_unread(self, name: str, error: Exception) -> None:
        sentence = str(error) if isinstance(error, UserError) else f"{name} cannot be read ({printable(error)})"
        self.failed.emit(sentence)

    def _show_table(self, model: Model, data: Dataset) -> None:
        suggested, last = data.table.info.get("start"), self.data.table.info.get("start")
        if suggested or (last is not None and self.start.method == _start(last, self._model).method):
            self.start = _start(suggested or "kmeans++", model)
            self._brought = self.start if suggested else None
            self.settings_changed.emit()
        self._open(data, "load", f"Open {data.table.name}", model=model)
        self._tell_order(data)


def table_read(asked: tuple[str, str, Model]) -> tuple[Model, Dataset]:
    """The reader's work: a source or, without one, a pasted text, as the model to open it with and its data."""
    from emstudio import tables

    source, text, model = asked
    model, data = _suited(model, tables.read(source) if source else tables.parse(text))
    model.for_data(data).accepts(data)  # remembered with the data
    return model, data


def _start(suggested: str | dict, model: Model) -> Start:
    """The start that a bundled set comes with: a method, or parameters where they are those of as many components."""
    if isinstance(suggested, str):
        return Start(suggested)
    try:
        alike = getattr(model, "k", 1) == model.components_in(suggested)
        return Start("params", params=model.from_dict(suggested)) if alike else Start("points")
    except UserError:  # those of another kind of model
        return Start("points")


def _whole(sequence: str | None) -> str:
    return "the whole table" if sequence is None else f"the series of {printable(sequence)}"


def _kinds(model: Model, table: Table) -> list[str]:
    return [view.kind for view in model.views(dataset(table))]


def _other(model: Model, suggested: dict) -> bool:
    """Whether the model in use is not the suggested one, apart from the number of its components and their shape."""
    if suggested["name"] != model.name:
        return True
    return any(
        getattr(model, key) != value for key, value in suggested.items() if key not in ("name", "k", "covariance")
    )


def _suited(model: Model, table: Table) -> tuple[Model, Dataset]:
    """(the model to open `table` with, its data): the one in use, unless the table says that it holds coin tosses, or that
    it holds none. Raises UserError where neither can be fitted to it."""
    plain = table
    if isinstance(model, Chain):
        table = in_order(table)
        model = model.apt(table)
    fit, truth = table.info.get("fit"), table.info.get("truth")
    suggested = table.info.get("model") or ({"name": "coins"} if coin_edits.tossed(table) else None)
    if suggested is None and isinstance(model, Chain) and "citation" in table.info:
        model, table = find("gaussian").make(k=model.k), plain  # a bundled set that says nothing of an order has none
    if suggested and _other(model, suggested):
        model = find(suggested["name"]).make(**{key: v for key, v in suggested.items() if key != "name"})
        return model, model.dataset(table, fit, truth=truth)
    try:
        data = model.dataset(table, fit, truth=truth)
        if model.name == "gaussian" or model.for_data(data).accepts(data) is None:
            return model, data
        if getattr(model, "emission", "gaussian") != "gaussian":
            return _suited(model.with_(emission="gaussian"), plain)
        other = find("gaussian").make(k=model.k)
        found = other.dataset(plain, fit, truth=truth)
        if isinstance(model, Chain) and other.accepts(found) is not None:
            return model, data  # neither can be fitted to so little: the rows stay in order
        return other, found
    except UserError:
        if model.name == "gaussian":
            raise
        model = find("gaussian").make(k=2)
        return model, model.dataset(plain, fit, truth=truth)
