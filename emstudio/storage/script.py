"""A fit as a Python file that repeats it: short, to be read and changed by a person, and it checks its own result."""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np

from emstudio import __version__, tables
from emstudio.core.chain import Chain
from emstudio.core.data import Column
from emstudio.core.errors import UserError, listed, printable, short
from emstudio.core.how import EStep
from emstudio.core.model import Model
from emstudio.core.stopping import Stopping
from emstudio.storage.python_text import WIDTH, Call, Code, Layout, assignment, one_line, text, width
from emstudio.storage.recipe import OneRun, Recipe, Several, Steps

MOST_ROWS = 5000  # of a table without a file that are written into the script
_LISTED = 80  # characters of column names that have room in the midst of a line
_SHORT = 2000  # numbers of a start that are written into the script; more are read from their file


def python_script(recipe: Recipe, path: str | None = None) -> bytes:
    """The Python file of `recipe` that is to stand at `path` (None: anywhere); UserError where the data are too many."""
    return _Writer(recipe, path).source().encode()


class _Writer:
    def __init__(self, recipe: Recipe, path: str | None):
        self.recipe = recipe
        self.folder = None if path is None else os.path.dirname(os.path.abspath(path))
        self.imports: set[tuple[str, str]] = set()
        self.modules = {"sys"}
        self.constants: list[str] = []
        self.cost = recipe.model.cost
        self.figure = "LOG_LIKELIHOOD" if self.cost is None else self.cost.upper()

    def source(self) -> str:
        data, course, check = self._data(), self._course(), self._check()
        parts = ["\n".join(self._header()), self._imports(), "\n".join(self.constants)]
        return "\n\n".join([*parts, data, course, check]) + "\n"

    def use(self, module: str, name: str) -> Code:
        self.imports.add((module, name))
        return Code(name)

    # -- above -----------------------------------------------------------------------------------------------------------
    def _header(self) -> Iterator[str]:
        r, d = self.recipe, self.recipe.data
        source = "written below" if r.embedded else short(d.table.source)
        rows = f"{d.n} row" if d.n == 1 else f"{d.n} rows"
        what = "log-likelihood" if self.cost is None else self.cost
        t = r.result.iterations
        iterations = "1 iteration" if t == 1 else f"{t} iterations"
        values = ", ".join(f"{p.name} = {getattr(r.model, p.name)}" for p in _changed(r.model))
        lines = (
            f"A fit of EM Studio {__version__}; running this file repeats it and checks the result.",
            "",
            f"Data: {source}, {rows} of {listed(d.names)}.",
            f"Model: {r.model.title}" + (f" ({printable(values)})." if values else "."),
            f"Result: {what} {r.result.figure:.10g} after {iterations}: {printable(r.result.reason)}.",
        )
        for line in lines:
            yield from (f"# {part}".rstrip() for part in textwrap.wrap(line, WIDTH - 2) or [""])

    def _imports(self) -> str:
        standard = [f"import {m}" for m in sorted(self.modules) if "." not in m]
        standard += [
            f"from {m.rpartition('.')[0]} import {m.rpartition('.')[2]}" for m in sorted(self.modules) if "." in m
        ]
        ours = []
        for module in sorted({m for m, _ in self.imports}):
            names = sorted((n for m, n in self.imports if m == module), key=_isort_key)
            ours.append(f"from {module} import {', '.join(names)}")
        return "\n".join(standard) + "\n\n" + "\n".join(ours)

    def _constant(self, name: str, value: Any) -> Code:
        self.constants.append(assignment(name, value))
        return Code(name)

    # -- data ------------------------------------------------------------------------------------------------------------
    def _data(self) -> str:
        r, d = self.recipe, self.recipe.data
        lines = ["# The data"]
        lines += self._table()
        kind = type(r.model)
        made = Call(self.use(kind.__module__, kind.__name__).text, (), _parameters(r))
        lines.append(_statement(made, "model = "))
        options: dict[str, Any] = {"missing": r.missing}
        if r.weights is not None:
            options["weights"] = r.weights
        if isinstance(r.model, Chain):
            options |= {key: v for key, v in (("sequence", d.sequence), ("time", d.time)) if v is not None}
        columns: Any = list(d.origin or d.names)
        if width(one_line(columns)) > _LISTED:
            columns = self._constant("COLUMNS", columns)
        lines.append(_statement(Call("model.dataset", (Code("table"), columns), options), "data = "))
        if r.standardise:
            scale = self.use("emstudio.core.scaling", "scale_of").text
            lines.append(f"data = {scale}(data).apply(data)")
        return "\n".join(lines)

    def _table(self) -> list[str]:
        r, table = self.recipe, self.recipe.data.table
        if r.embedded:
            return self._embedded()
        read = self.use("emstudio.tables", "read").text
        place = self._place("DATA", table.source)
        lines = [f"table = {read}({place})"]
        if not table.source.startswith(tables.DATASET):  # a file may be gone, or a script elsewhere than it was
            error = self.use("emstudio.core.errors", "UserError").text
            lines = ["try:", f"    {lines[0]}", f"except {error} as error:", "    sys.exit(str(error))"]
        if self._says_more(table.source):
            name = self.use("emstudio.core.chain_data", "with_order").text
            lines.append(_statement(Call(name, (Code("table"), r.data.sequence, r.data.time)), "table = "))
        if table.sha256:
            self._constant("SHA256", table.sha256)
            lines += [
                "if table.sha256 != SHA256:",
                '    print("The data have changed since this file was written, so the result may be another.")',
            ]
        return lines

    def _says_more(self, source: str) -> bool:
        """Whether the data set `source` tells an order of its rows that is not that of the fit."""
        d = self.recipe.data
        if not isinstance(self.recipe.model, Chain) or not source.startswith(tables.DATASET):
            return False
        info = tables.read(source).info
        return any(info.get(role) and not said for role, said in (("sequence", d.sequence), ("time", d.time)))

    def _place(self, name: str, source: str) -> str:
        """The expression for a file or bundled data set that the script reads, with a constant for what it is."""
        if source.startswith(tables.DATASET):
            return self._constant(name, source).text
        whole = os.path.abspath(source)
        below = self.folder is not None and whole.startswith(self.folder.rstrip(os.sep) + os.sep)
        if not below:
            return self._constant(name, whole).text
        self.modules.add("pathlib.Path")
        self._constant(name, os.path.relpath(whole, self.folder))
        return f"Path(__file__).parent / {name}"

    def _named_place(self, name: str, source: str) -> str:
        """The same as a text, for readers that want one."""
        place = self._place(name, source)
        return f"str({place})" if place != name else place

    def _embedded(self) -> list[str]:
        r, d = self.recipe, self.recipe.data
        if d.table.rows > MOST_ROWS:
            what = f"{d.table.rows} rows that no file holds are too many to be written into a script"
            raise UserError(what, "export the data, open that file, and export the script again")
        columns = [d.table.column(name) for name in _used(r)]
        cells = {c.name: _cells(c) for c in columns}
        if any(Code("nan") in values for values in cells.values()):
            self.modules.add("math.nan")
        kinds = {c.name: c.kind for c in columns if c.kind not in ("number", "category")}
        levels = {c.name: list(c.levels) for c in columns if not c.numeric and not _found_again(c)}
        named: dict[str, Any] = {"name": d.table.name}
        named |= {key: value for key, value in (("kinds", kinds), ("levels", levels)) if value}
        made = self.use("emstudio.core.fitting", "tabulated").text
        return [_statement(Call(made, (self._constant("TABLE", cells),), named), "table = ")]

    # -- what was done ---------------------------------------------------------------------------------------------------
    def _course(self) -> str:
        c, r = self.recipe.course, self.recipe
        if isinstance(c, Several):
            lines = self._several(c)
        elif isinstance(c, OneRun):
            run = self.use("emstudio.core.runs", "run").text
            answer = {} if c.on_collapse == "stop" else {"on_collapse": c.on_collapse}
            lines = [f"# The run from start {c.number}", *self._begun(c.number, c.order)]
            lines += [_statement(Call(run, (Code("moment"), self._rule(c.stopping)), answer), "moment = ", ".moment")]
        else:
            lines = self._steps(c)
        self._constant(self.figure, r.result.figure)
        return "\n".join(lines)

    def _several(self, c: Several) -> list[str]:
        r = self.recipe
        drawn = f"the best of {c.starts} runs, start i drawing from [{r.seed}, i]"
        more, start = self._start()
        given = (Code("data"), Code("model"), *(() if r.model.settled else (start,)))
        alone = (r.start.given or r.model.settled) and c.starts == 1 and not r.how.drawn and c.on_collapse != "reseed"
        named: dict[str, Any] = {} if alone else {"starts": c.starts, "seed": r.seed}
        named |= {"stopping": self._rule(c.stopping), **self._way()}
        if c.on_collapse != "stop":
            named["on_collapse"] = c.on_collapse
        made = Call(self.use("emstudio.core.fitting", "fit").text, given, named)
        head = f"# The fit: {drawn}" if c.starts > 1 else "# The fit"
        return [head, *more, _statement(made, "moment = ", ".best.moment")]

    def _rule(self, stopping: Stopping) -> Call:
        named = {"tol": stopping.tol, "max_iter": stopping.max_iter}
        return Call(self.use("emstudio.core.stopping", "Stopping").text, (stopping.measure,), named)

    def _steps(self, c: Steps) -> list[str]:
        if c.params is None:
            lines = [f"# Half-steps from start {c.number}", *self._begun(c.number, c.order)]
            first = "start" if c.order else "data"
        else:
            values = self._constant("PARAMS", dict(c.params))
            made = self.use("emstudio.core.fitting", "moment_at").text
            named = {"t": c.t, "seed": self.recipe.seed, "number": c.number, **self._way()}
            going = "" if c.label == "edit" else ", and the half-steps from there"
            lines = [f"# The parameters after: {short(c.title)}{going}", *self._learned()]
            lines.append(_statement(Call(made, (Code("data"), Code("model"), values), named), "moment = "))
            first = "edit"
        if c.label != first:
            advance = self.use("emstudio.core.em", "advance").text
            lines += [f"while moment.label != {text(c.label)}:", f"    moment = {advance}(moment)"]
        return lines

    def _begun(self, number: int, order: tuple[int, ...]) -> list[str]:
        """Lines that make the moment before start `number`, or at it where its components get another order."""
        more, start = self._start()
        if isinstance(start, str):
            start = Call(self.use("emstudio.core.model", "Start").text, (start,))
        named = {"seed": self.recipe.seed, "number": number, **self._way()}
        made = Call(self.use("emstudio.core.em", "blank").text, (Code("data"), Code("model"), start), named)
        lines = [*self._learned(), *more, _statement(made, "moment = ")]
        if order:
            begin, again = self.use("emstudio.core.em", "begin"), self.use("emstudio.core.fitting", "reordered")
            lines.append(_statement(Call(again.text, (Call(begin.text, (Code("moment"),)), list(order))), "moment = "))
        return lines

    def _learned(self) -> list[str]:
        """What only the data can tell the model, where they tell it."""
        plain, model = _declared(self.recipe.model), self.recipe.model
        taught = model != plain and model == plain.for_data(self.recipe.data)
        return ["model = model.for_data(data)"] if taught else []

    def _way(self) -> dict[str, Any]:
        r, found = self.recipe, {}
        if r.how != EStep(r.model.e_steps[0]):
            plain = EStep(r.how.kind)
            fields = ("temperature", "draws", "sweeps", "burn_in", "alternate")
            said = {name: getattr(r.how, name) for name in fields if getattr(r.how, name) != getattr(plain, name)}
            found["how"] = Call(self.use("emstudio.core.how", "EStep").text, (r.how.kind,), said)
        return {**found, "accelerate": True} if r.accelerate else found

    def _start(self) -> tuple[list[str], Any]:
        """(lines before, the start as an argument)."""
        start, r = self.recipe.start, self.recipe
        if start.method == "params":
            values = r.model.to_dict(start.params)
            made = self.use("emstudio.core.fitting", "from_params").text
            if _size(values) > _SHORT and r.start_file is not None:
                read = self.use("emstudio.storage", "read_params").text
                given: Any = Code(f"{read}({self._named_place('START', r.start_file)})")
            else:
                given = self._constant("START", values)
            return [], Call(made, (Code("data"), Code("model"), given))
        if start.method == "labels":
            assert start.labels is not None
            made = self.use("emstudio.core.fitting", "from_labels").text
            if len(start.labels) > _SHORT and r.start_file is not None:
                read = self.use("emstudio.storage", "read_labels").text
                place = self._named_place("START", r.start_file)
                return [f"labels = {read}({place}, table)[0][data.rows]"], Call(made, (Code("labels"),))
            return [], Call(made, (self._constant("START", start.labels.tolist()),))
        return [], start.method

    # -- the check -------------------------------------------------------------------------------------------------------
    def _check(self) -> str:
        cost, constant = self.cost, self.figure
        name = "log-likelihood" if cost is None else cost
        found = "log_likelihood" if cost is None else "cost"
        return "\n".join(
            [
                "# What was found",
                "for name, values in moment.model.to_dict(moment.snapshot.params).items():",
                '    print(f"{name} = {values}")',
                f"found = moment.snapshot.{found}",
                f'print(f"{name} = {{found!r}} (iterations: {{moment.snapshot.t}})")',
                "",
                "# The same as when this file was written?",
                f"difference = abs(found - {constant})",
                f'print(f"recorded: {{{constant}!r}}, difference: {{difference:.3g}}")',
                f"if difference > 1e-9 * abs({constant}):",
                '    sys.exit("The result is not the recorded one.")',
            ]
        )


def _statement(value: Any, before: str, after: str = "") -> str:
    layout = Layout()
    source = layout.of(value, before, after)
    return f"# fmt: off\n{source}\n# fmt: on" if layout.filled else source


def _declared(model: Model) -> Model:
    """The model as its declared parameters alone make it."""
    return type(model)(**{p.name: getattr(model, p.name) for p in model.parameters()})


def _changed(model: Model) -> list[Any]:
    """The declared parameters worth saying: k, and those that are not at their default."""
    return [p for p in model.parameters() if p.name == "k" or getattr(model, p.name) != p.default]


def _parameters(r: Recipe) -> dict[str, Any]:
    """The model's arguments; what it learned is among them only where these data would teach it something else."""
    values = {p.name: getattr(r.model, p.name) for p in _changed(r.model)}
    taught = r.model in (_declared(r.model), _declared(r.model).for_data(r.data))
    return values if taught else values | {name: getattr(r.model, name) for name in r.model.learns}


def _used(r: Recipe) -> list[str]:
    """The columns of the table that the fit reads."""
    d = r.data
    wanted = [*(d.origin or d.names), *r.model.beside(d.table), r.weights, d.sequence, d.time]
    return [name for name in d.table.names if name in wanted]


def _cells(column: Column) -> list[Any]:
    """The cells as Python values; whole numbers without a point, missing ones as nan or None."""
    if not column.numeric:
        return [None if code < 0 else column.levels[code] for code in column.values.tolist()]
    return [Code("nan") if math.isnan(v) else _whole(v) for v in column.values.tolist()]


def _whole(value: float) -> float:
    """An int where that reads back as the same double."""
    signed = value == 0 and math.copysign(1.0, value) < 0
    return int(value) if value.is_integer() and abs(value) < 1e15 and not signed else value


def _found_again(column: Column) -> bool:
    """Whether the levels are what the cells alone tell."""
    return column.levels == tuple(sorted({column.levels[c] for c in column.values.tolist() if c >= 0}))


def _size(values: Any) -> int:
    """How many numbers `values` holds."""
    if isinstance(values, dict):
        return sum(map(_size, values.values()))
    return int(np.size(values))


def _isort_key(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest: the order in which ruff sorts imported names."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2), name
