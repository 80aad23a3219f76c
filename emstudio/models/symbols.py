"""Categorical emissions: one column of symbols, its mixture (the kin of a hidden Markov model), codes and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np

from emstudio.core.data import Column, Dataset, Table, frozen
from emstudio.core.discrete import Categorical, Probabilities, log0
from emstudio.core.errors import UserError, listed
from emstudio.core.family import NEVER, Evaluator, Family, Moments
from emstudio.core.format import count, number
from emstudio.core.marks import Bars, Curve, Disc, Drawing, Handle, Points, View
from emstudio.core.parameter import param
from emstudio.core.plate import Plate
from emstudio.core.posterior import Posterior
from emstudio.core.responsibilities import log_weights
from emstudio.core.updates import Update
from emstudio.models import reading
from emstudio.models.discrete import DiscreteMixture
from emstudio.models.gaussian_views import label

MOST = 10_000  # symbols that are told apart
_INSIDE = 1e-4  # how near a dragged probability comes to 0 or 1
_SHARED = 0.1
_EVERY = 60  # probabilities of all states that each have a letter to drag
_BESIDE = 0.8  # of a symbol's width that the states' letters share


class Symbols(Categorical):
    """The categorical family whose number of categories is that of its probabilities: a symbol beyond has density 0."""

    def __init__(self) -> None:
        super().__init__(0)

    def log_density(self, x: np.ndarray, theta: Probabilities) -> np.ndarray:
        logs = log0(theta.probabilities)
        codes = x[:, 0].astype(np.intp)
        inside = codes < logs.shape[1]
        return np.where(inside, logs[:, np.where(inside, codes, 0)], -np.inf).T

    def evaluator(self, data: Dataset, theta: Probabilities) -> Evaluator:
        return _Pass(data, theta)

    def sample(self, theta: Probabilities, component: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return Categorical(theta.probabilities.shape[1]).sample(theta, component, rng)


class _Pass(Evaluator):
    """One pass: a symbol's density is looked up, its responsibilities are added where it belongs."""

    block = 65536

    def __init__(self, data: Dataset, theta: Probabilities):
        self._logs = log0(theta.probabilities)
        k, c = self._logs.shape
        codes = data.memo("codes", lambda: data.x[:, 0].astype(np.intp))
        self._codes = codes
        self._beyond = data.n > 0 and int(codes.max()) >= c
        self._sums = np.zeros((k, c))

    def scores(self, rows: slice) -> np.ndarray:
        codes = self._codes[rows]
        if not self._beyond:
            return self._logs[:, codes]
        inside = codes < self._logs.shape[1]
        return np.where(inside, self._logs[:, np.where(inside, codes, 0)], -np.inf)

    def add(self, rows: slice, r: np.ndarray) -> None:
        codes, c = self._codes[rows], self._sums.shape[1]
        for k, weights in enumerate(r):
            self._sums[k] += np.bincount(codes, weights, minlength=c)[:c]

    def moments(self) -> Moments:
        return Moments(self._sums.sum(1), self._sums, np.zeros(len(self._sums)))


class SymbolParams(NamedTuple):
    """weights (K,), probabilities (K, c)."""

    weights: np.ndarray
    probabilities: np.ndarray


@dataclass(frozen=True)
class SymbolMixture(DiscreteMixture):
    """p(x = j) = sum_k pi_k p_kj. As a mixture it cannot be identified; it lends a hidden Markov model its emissions."""

    name: ClassVar[str] = "symbols"
    title: ClassVar[str] = "Categorical emissions"

    k: int = param(2, "States", low=1, high=20)
    categories: tuple[str, ...] = ()
    prior_weights: float = 1.0

    def family(self) -> Family:
        return Symbols()

    def split(self, params: SymbolParams) -> tuple[np.ndarray, Probabilities]:
        return params.weights, Probabilities(params.probabilities)

    def join(self, weights: np.ndarray, theta: Probabilities) -> SymbolParams:
        return SymbolParams(weights, theta.probabilities)

    def free_parameters(self, data_dimension: int) -> int:
        return self.k - 1 + self.k * (max(len(self.categories), 1) - 1)

    def parting_pays(self, data: Dataset, params: SymbolParams, a: int, b: int) -> bool:
        """Always: what single symbols cannot tell apart the order of the symbols can, in a chain."""
        return True

    def size(self, data: Dataset) -> int:
        """The number of symbols: of the known categories, else one more than the largest code."""
        return len(self.categories) or int(data.x.max(initial=0.0)) + 1

    # -- data ----------------------------------------------------------------------------------------------------------
    def inspect(self, data: Dataset) -> None:
        """UserError naming the first cell that is no symbol."""
        x = data.x[:, 0]
        bad = np.flatnonzero((x < 0) | (x != np.floor(x)) | (x >= MOST))
        if bad.size:
            where = data.table.where(int(data.rows[bad[0]]), data.names[0])
            what = f"{x[bad[0]]:.6g} is no symbol"
            remedy = f"give whole numbers from 0 to {MOST - 1}, or texts, or choose other emissions"
            raise UserError(what, remedy, file=data.table.source or None, **where)

    def features(self, data: Dataset) -> np.ndarray:
        """(n, c) a column of 0 and 1 for each symbol."""
        return (data.x == np.arange(self.size(data))).astype(float)

    def rough(self, data: Dataset) -> Probabilities:
        c = self.size(data)
        return Probabilities(np.full((self.k, c), 1.0 / c))

    def cells(self, x: np.ndarray, names: Sequence[str] | None, rng: np.random.Generator) -> tuple[Sequence[str], list]:
        names, cells = super().cells(x, names, rng)
        return names, [[self.categories[v] for v in row] for row in cells] if self.categories else cells

    # -- starts --------------------------------------------------------------------------------------------------------
    def _from_parts(self, data: Dataset, resp: np.ndarray) -> SymbolParams:
        """A partition by seeds parts the symbols themselves, and each would keep the probability 0 elsewhere for ever: so a
        tenth of every row is shared among all states first."""
        return self._from(data, (1.0 - _SHARED) * resp + _SHARED / self.k)

    # -- documents -----------------------------------------------------------------------------------------------------
    def check(self, data: Dataset, params: SymbolParams) -> None:
        reading.check_weights(params.weights, self.k)
        reading.check_probabilities(params.probabilities, "probabilities")
        c = params.probabilities.shape[1]
        if self.categories and len(self.categories) != c:
            what = f"params has {c} probabilities in a row and there are {len(self.categories)} categories"
            raise UserError(what, f"give one for each of: {listed(self.categories)}")
        if data.d != 1:
            raise UserError(f"params is for 1 column and {data.d} are fitted", "choose one column")
        beyond = np.flatnonzero(data.x[:, 0] >= c)
        if beyond.size:
            where = data.table.where(int(data.rows[beyond[0]]), data.names[0])
            what = f"the symbol {data.x[beyond[0], 0]:.6g} has no probability: params knows 0 to {c - 1}"
            raise UserError(what, "give a probability for each symbol", file=data.table.source or None, **where)

    def from_dict(self, document: dict) -> SymbolParams:
        weights, probabilities = reading.arrays(document, weights=1, probabilities=2)
        if len(weights) != len(probabilities):
            what = f"params has {len(weights)} start probabilities and {len(probabilities)} rows of probabilities"
            raise UserError(what, "give one of each for every state")
        return SymbolParams(weights, probabilities)

    def scores_at(self, params: SymbolParams, x: np.ndarray) -> np.ndarray:
        x = np.atleast_2d(np.asarray(x, float))
        known = ~np.isnan(x[:, 0])
        scores = np.zeros((len(x), len(params.weights)))
        if known.any():
            scores[known] = np.maximum(Symbols().log_density(x[known], Probabilities(params.probabilities)), NEVER)
        return scores + log_weights(params.weights)

    # -- pictures ------------------------------------------------------------------------------------------------------
    def plate(self, data: Dataset) -> Plate:
        return Plate("Categorical", ("θ",))

    def shape_name(self, data: Dataset) -> str:
        return "distribution"

    def locations(self, params: SymbolParams) -> None:
        return None

    def views(self, data: Dataset) -> tuple[View, ...]:
        return (View("symbols", (0,), title="Symbols"),)

    def draw(self, data: Dataset, params: SymbolParams | None, view: View) -> Drawing:
        """Bars of the symbols' shares of the rows, a line for what the states together expect, and beside each other the
        states' own probabilities, which can be dragged. Where these are many, each state has one letter, at its top."""
        known = data.x[:, 0] if data.mask is None else data.x[~data.mask[:, 0], 0]
        c = self.size(data) if params is None else params.probabilities.shape[1]
        edges = np.arange(c + 1) - 0.5
        shares = np.histogram(known, edges)[0] / max(len(known), 1)
        marks: list[object] = [Bars(edges, shares), Points((0,), rug=True)]
        legend = [("bars", f"share of {count(len(known))} {data.table.info.get('rows_are', 'steps')}")]
        if params is None:
            return Drawing(tuple(marks), self.axis(data), "share", legend=tuple(legend))
        k = len(params.weights)
        together = params.weights @ params.probabilities
        marks.append(Curve(np.repeat(edges, 2)[1:-1], np.repeat(together, 2)))
        tops = params.probabilities.argmax(1)
        aside = beside(k)
        for j in range(c) if k * c <= _EVERY else ():
            for i in range(k):
                at = np.array([j + aside[i], params.probabilities[i, j]])
                note = f"p = {number(at[1], 3)}" if j == tops[i] else ""
                marks.append(Disc(i, at, Handle("probability", i, j), note))
        if k * c > _EVERY:
            for i, j in enumerate(tops.tolist()):
                at = np.array([j + aside[i], params.probabilities[i, j]])
                marks.append(Disc(i, at, Handle("probability", i, j), f"p = {number(at[1], 3)}"))
        legend += [("components", "states"), ("total", "together")]
        tall = max(float(shares.max(initial=0.0)), float(params.probabilities.max()), 0.5)
        return Drawing(tuple(marks), self.axis(data), "probability", legend=tuple(legend), tall=tall)

    def axis(self, data: Dataset) -> str:
        """The column's name and, where the symbols are texts, what their numbers stand for."""
        name = label(data, 0)
        if not self.categories:
            return name
        spelled = ", ".join(f"{i} {level}" for i, level in enumerate(self.categories[:6]))
        return f"{name} ({spelled}{', ...' if len(self.categories) > 6 else ''})"

    def anchors(self, params: SymbolParams, view: View) -> np.ndarray:
        return np.column_stack(
            [params.probabilities.argmax(1) + beside(len(params.weights)), params.probabilities.max(1)]
        )

    def move(self, params: SymbolParams, handle: Handle, view: View, position: tuple[float, float]) -> SymbolParams:
        """A `probability` handle (index: the symbol) at probability position[1]; the others keep their proportions."""
        if handle.kind != "probability" or not np.isfinite(position[1]):
            return params
        p = params.probabilities.copy()
        row, value = p[handle.component], position[1]
        if value != row[handle.index] and len(row) > 1:
            value = min(max(value, _INSIDE), 1.0 - _INSIDE)
            rest = 1.0 - row[handle.index]
            row *= (1.0 - value) / rest if rest > 0 else 0.0
            row[handle.index] = 0.0
            if not rest > 0:
                row[:] = (1.0 - value) / (len(row) - 1)
            row[handle.index] = value
        return params._replace(probabilities=p)

    def updates(self, data: Dataset, params: SymbolParams, posterior: Posterior) -> list[Update]:
        names = self.categories or tuple(map(str, range(params.probabilities.shape[1])))
        own = [
            Update("p", "Σ r [x = j]", "Σ r", params.probabilities[:, j], posterior.moments.counts, f"p {name}")
            for j, name in enumerate(names)
        ]
        return own + super().updates(data, params, posterior)

    def table(self, data: Dataset, params: SymbolParams) -> list[tuple[str, np.ndarray]]:
        names = self.categories or tuple(map(str, range(params.probabilities.shape[1])))
        return [("weight π", params.weights), *((f"p {n}", params.probabilities[:, j]) for j, n in enumerate(names))]


def beside(k: int) -> np.ndarray:
    """(K,) how far from a symbol's middle each state's letter stands."""
    return (np.arange(k) - (k - 1) / 2) * min(_BESIDE / k, 0.25)


# -- columns of text ---------------------------------------------------------------------------------------------------
def categories_of(column: Column) -> tuple[str, ...]:
    """The texts of a column by code point; () for a column of numbers, which are codes already."""
    if column.numeric:
        return ()
    return tuple(sorted(column.levels[v] for v in np.unique(column.values[~column.missing])))


def coded(table: Table, names: Sequence[str], known: tuple[str, ...]) -> Table:
    """The table with the text columns among `names` as codes: places among the `known` categories, or among their own.

    UserError naming a cell whose text is none of the known categories.
    """
    made: dict[str, Column] = {}
    for name in names:
        column = table.column(name)
        if column.numeric:
            continue
        levels = known or categories_of(column)
        place = {level: i for i, level in enumerate(levels)}
        codes = np.array([place.get(level, -1) for level in column.levels] or [0], float)
        values = np.where(column.missing, np.nan, codes[np.maximum(column.values, 0)])
        strange = np.flatnonzero(values < 0)
        if strange.size:
            row = int(strange[0])
            what = f"{column.text(row)!r} is none of the categories {listed(levels)}"
            where = table.where(row, name)
            raise UserError(
                what, "correct the cell, or fit the model to such rows too", file=table.source or None, **where
            )
        made[name] = Column(name, "count", frozen(values))
    return replace(table, columns=tuple(made.get(c.name, c) for c in table.columns)) if made else table
