"""The hidden Markov model with K states: Gaussian, Poisson or categorical emissions, the families of the mixtures.

Everything about the emissions, from what is refused to the pictures, is that of the mixture with the same family, its
`kin`: a hidden Markov model is this mixture with a memory.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from emstudio.core.chain import Chain
from emstudio.core.chain_data import bag_of
from emstudio.core.chain_paths import count_path, visits
from emstudio.core.chain_posterior import ChainPosterior
from emstudio.core.data import Dataset, Table
from emstudio.core.errors import Notice, UserError, listed
from emstudio.core.family import Family, Theta
from emstudio.core.format import letter
from emstudio.core.marks import Drawing, Handle, View
from emstudio.core.mixture import Mixture
from emstudio.core.model import START_METHODS, Params, Start, register
from emstudio.core.parameter import param
from emstudio.core.plate import Plate
from emstudio.core.posterior import Posterior
from emstudio.core.samplers_tally import occupancy, stays
from emstudio.core.smoothing import Smoothed
from emstudio.core.updates import Update
from emstudio.models import chain_pictures, reading, symbols
from emstudio.models.elliptical import covariance_param, floor_param
from emstudio.models.gaussian import GaussianMixture
from emstudio.models.hmm_params import (
    EMISSIONS,
    LEAST,
    PARAMS,
    THETA,
    check_shares,
    put,
    softmax,
)
from emstudio.models.poisson import PoissonMixture

_ALIKE = 1e-7
_WEIGHT = re.compile(r"\br\b")  # a mixture's responsibility in its formulas


@register
@dataclass(frozen=True)
class HiddenMarkov(Chain):
    """P(z_1 = k) = start_k, P(z_t+1 = k | z_t = j) = transitions_jk, x_t ~ the emission of state z_t."""

    name: ClassVar[str] = "hmm"
    title: ClassVar[str] = "Hidden Markov model"
    accepted: ClassVar[str] = "columns of numbers or counts, or one of categories, rows in the order of time"
    accelerates: ClassVar[bool] = True
    learns: ClassVar[tuple[str, ...]] = ("categories",)

    k: int = param(2, "States", low=1, high=20, help="How many hidden states the chain moves among.")
    emission: str = param("gaussian", "Emission", choices=EMISSIONS, help="What a state's observations are drawn from.")
    covariance: str = covariance_param(
        "Covariance", "What the states' covariances have in common (Gaussian emissions)."
    )
    floor: float = floor_param("covariance", " (Gaussian emissions)")
    categories: tuple[str, ...] = ()

    # -- the mixture of the same family --------------------------------------------------------------------------------
    @property
    def kin(self) -> Mixture:
        """The mixture whose components are this chain's states."""
        if self.emission == "gaussian":
            return GaussianMixture(k=self.k, covariance=self.covariance, floor=self.floor)
        if self.emission == "poisson":
            return PoissonMixture(k=self.k)
        return symbols.SymbolMixture(k=self.k, categories=self.categories)

    def kin_params(self, params: Params, data: Dataset | None = None) -> Params:
        """The mixture's params: its weights are how often the chain is in each state in series as long as those of `data`,
        or, without data, in the long run."""
        start, transitions, theta = self.split(params)
        if data is None or not data.n:
            return self.kin.join(self.occupancy(params), theta)
        length = -(-data.n // (len(data.offsets) - 1))
        return self.kin.join(visits(start, transitions, length), theta)

    def _with_kin(self, params: Params, mixture: Params) -> Params:
        start, transitions, _ = self.split(params)
        return self.join(start, transitions, self.kin.split(mixture)[1])

    @property
    def starts(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(m for m, _, _ in START_METHODS) if self.emission == "gaussian" else self.kin.starts

    @property
    def scales(self) -> bool:  # type: ignore[override]
        return self.emission == "gaussian"

    @property
    def unused(self) -> tuple[str, ...]:
        """The parameters that mean nothing to these emissions."""
        return () if self.emission == "gaussian" else ("covariance", "floor")

    def family(self) -> Family:
        return self.kin.family()

    def split(self, params: Params) -> tuple[np.ndarray, np.ndarray, Theta]:
        return params.start, params.transitions, THETA[self.emission](*params[2:])

    def join(self, start: np.ndarray, transitions: np.ndarray, theta: Theta) -> Params:
        return PARAMS[self.emission](start, transitions, *theta)

    def free_parameters(self, data_dimension: int) -> int:
        """K - 1 + K (K - 1), and those of the emissions (of symbols as many as there are categories)."""
        own = self.kin.free_parameters(data_dimension) - (self.k - 1)
        return self.k - 1 + self.k * (self.k - 1) + own

    def count_free(self, data_dimension: int, params: Params, start: Start) -> int:
        free = super().count_free(data_dimension, params, start)
        if self.emission != "categorical":
            return free
        return free + self.k * (params.probabilities.shape[1] - max(len(self.categories), 1))

    # -- data ----------------------------------------------------------------------------------------------------------
    def apt(self, table: Table) -> HiddenMarkov:
        """With categorical emissions where the table holds one column of text and none of numbers to fit."""
        if self.emission == "categorical" or self.columns(table):
            return self
        symbolic = replace(self, emission="categorical")
        return symbolic if len(symbolic.columns(table)) == 1 else self

    def columns(self, table: Table, taken: Sequence[str | None] = ()) -> tuple[str, ...]:
        found = super().columns(table, taken)
        if self.emission == "categorical" and len(found) != 1:
            ordered = (*taken, table.info.get("sequence"), table.info.get("time"))
            texts = tuple(c.name for c in table.columns if not c.numeric and c.fit and c.name not in ordered)
            return texts if len(texts) == 1 else found or texts
        return found

    def coded(self, table: Table, names: Sequence[str]) -> Table:
        return symbols.coded(table, names, self.categories) if self.emission == "categorical" else table

    def for_data(self, data: Dataset) -> HiddenMarkov:
        if self.emission != "categorical" or data.d != 1:
            return replace(self, categories=())
        return replace(self, categories=symbols.categories_of(data.columns[0]))

    def learned(self) -> dict[str, Any]:
        return {"categories": list(self.categories)} if self.categories else {}

    @classmethod
    def read_learned(cls, name: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
            raise UserError("model.parameters.categories is no list of texts", "give a list of texts")
        return tuple(value)

    def inspect(self, data: Dataset) -> None:
        if self.emission == "categorical" and data.d != 1:
            have = listed(data.names) or "none"
            what = f"categorical emissions are one column, and {data.d} are chosen"
            raise UserError(what, f"choose one of: {have}", file=data.table.source or None)
        texts = [c.name for c in data.columns if not c.numeric]
        if texts and self.emission != "categorical":
            remedy = "choose categorical emissions, or a column of numbers"
            raise UserError("the column holds text", remedy, file=data.table.source or None, column=texts[0])
        bag = bag_of(data)
        if bag.partly and self.emission != "gaussian":
            row, column = (int(v) for v in np.argwhere(bag.data.mask)[0])
            where = data.table.where(int(bag.data.rows[row]), data.names[column])
            what = f"the cell is missing and others of its row are not, which {self.emission} emissions cannot use"
            raise UserError(
                what, "make the whole row missing, or fill the cell", file=data.table.source or None, **where
            )
        self.kin.inspect(bag.data)

    def accepts(self, data: Dataset) -> str | None:
        def find() -> str | None:
            try:
                self.inspect(data)
            except UserError as error:
                return error.sentence()
            obstacle = self.kin.accepts(bag_of(data).data)
            return (
                None if obstacle is None else obstacle.replace("component", "state").replace("add points", "add steps")
            )

        return data.memo(f"obstacle of {self!r}", find)

    def admissible(self, x: np.ndarray) -> np.ndarray:
        return self.kin.admissible(x)

    def stride(self, columns: Sequence[int], step: list[float]) -> list[float]:
        return self.kin.stride(columns, step)

    def cells(self, x: np.ndarray, names: Sequence[str] | None, rng: np.random.Generator) -> tuple[Sequence[str], list]:
        return self.kin.cells(x, names, rng)

    def check(self, data: Dataset, params: Params) -> None:
        start, transitions, theta = self.split(params)
        if len(start) != self.k:
            raise UserError(f"params has {len(start)} states and {self.k} are asked for", "give the same number")
        check_shares(start, "the start probabilities")
        for j, row in enumerate(transitions):
            check_shares(row, f"the transitions from state {j}")
        self.kin.check(bag_of(data).data, self.kin.join(start, theta))

    # -- EM ------------------------------------------------------------------------------------------------------------
    def guard_counts(self, data: Dataset, params: Params, posterior: ChainPosterior) -> None:
        self.kin.guard_counts(bag_of(data).data, None, posterior)

    def guard(self, data: Dataset, params: Params, posterior: ChainPosterior, new: Params) -> None:
        self.kin.guard(bag_of(data).data, self.kin_params(params), self._seen(data, posterior), self.kin_params(new))

    def _seen(self, data: Dataset, posterior: ChainPosterior) -> Posterior:
        """The posterior of the observed rows, as the mixture knows it."""
        rows, resp = bag_of(data).rows, posterior.resp
        return replace(posterior, resp=resp if rows is None or resp is None else resp[rows])

    def penalty(self, params: Params, posterior: Posterior) -> float:
        return self.kin.penalty(self.kin_params(params), posterior) if self.floor else 0.0

    def notices(self, data: Dataset, params: Params, posterior: Posterior) -> list[Notice]:
        assert isinstance(posterior, ChainPosterior)
        kin = self.kin
        found = kin.notices(bag_of(data).data, self.kin_params(params), self._seen(data, posterior))
        return [n for n in found if n.code != "saddle" or self._interchangeable(params)]

    def _interchangeable(self, params: Params) -> bool:
        """Whether two states are alike in everything: where they come from and lead to, and what they emit."""
        for a in range(self.k):
            for b in range(a + 1, self.k):
                order = np.arange(self.k)
                order[[a, b]] = b, a
                other = self.permute(params, order)
                if all(np.allclose(u, v, rtol=_ALIKE, atol=1e-12) for u, v in zip(params, other)):
                    return True
        return False

    @property
    def traced(self) -> tuple[str, ...]:
        return ("stays", *(f"in {j}" for j in range(self.k)))

    def trace_of(self, data: Dataset, states: np.ndarray) -> np.ndarray:
        """(M, 1 + K) of paths (n, M): steps that stay in their state, and rows in each state."""
        return np.column_stack([stays(states, data.offsets), occupancy(states, self.k)])

    def expected_trace(self, data: Dataset, params: Params, posterior: ChainPosterior | Smoothed) -> np.ndarray:
        visits = posterior.first + posterior.pairs.sum(0)  # every row is the first of its series or follows another
        return np.concatenate([[np.trace(posterior.pairs)], visits])

    # -- SQUAREM -------------------------------------------------------------------------------------------------------
    def coordinates(self, data: Dataset, params: Params) -> np.ndarray | None:
        """The logarithms of start and transitions, then the family's own."""
        start, transitions, theta = self.split(params)
        own = self.family().coordinates(bag_of(data).data, theta)
        if own is None:
            return None
        return np.concatenate([np.log(np.maximum(a, LEAST)).ravel() for a in (start, transitions)] + [own.ravel()])

    def at_coordinates(self, data: Dataset, coordinates: np.ndarray, like: Params) -> Params:
        start, transitions, theta = self.split(like)
        k = len(start)
        first, rows, own = np.split(coordinates, [k, k + k * k])
        made = self.family().at_coordinates(bag_of(data).data, own, theta)
        return self.join(softmax(first[None], start[None])[0], softmax(rows.reshape(k, k), transitions), made)

    # -- starts --------------------------------------------------------------------------------------------------------
    def init(self, data: Dataset, start: Start, rng: np.random.Generator) -> Params:
        """The emissions start as the mixture's; start and transitions are uniform, but counted where labels are given.

        Labels are followed by a whole M-step: a transition that does not occur in them is 0 and stays so; a state that
        is never left moves uniformly.
        """
        if start.method == "params":
            self.check(data, start.params)
            self.inspect(data)
            return start.params
        self.require(data)
        bag = bag_of(data)
        first, transitions = np.full(self.k, 1.0 / self.k), np.full((self.k, self.k), 1.0 / self.k)
        if start.method == "labels":
            visits, pairs = count_path(start.labels, data.offsets, self.k)
            sums = pairs.sum(1, keepdims=True)
            first = visits / visits.sum()
            transitions = np.where(sums > 0, pairs / np.maximum(sums, 1.0), transitions)
            if bag.rows is not None:
                start = replace(start, labels=start.labels[bag.rows])
        theta = self.kin.split(self.kin.init(bag.data, start, rng))[1]
        return self.join(first, transitions, theta)

    def reseed(self, data: Dataset, params: Params, component: int, rng: np.random.Generator) -> Params:
        """The emission starts anew on a row that the others explain badly; the chain comes and goes as from any state.

        Ways that are closed stay so, unless no way leads to the state.
        """
        fresh = self.kin.reseed(bag_of(data).data, self.kin_params(params), component, rng)
        start, transitions = params.start.copy(), params.transitions.copy()
        ways = transitions[component] > 0
        transitions[component] = ways / ways.sum()
        others = [start, *(row for j, row in enumerate(transitions) if j != component)]
        lost = not any(p[component] > 0 for p in others)
        for p in others:
            rest = p.sum() - p[component]
            if rest > 0 and (lost or p[component] > 0):
                p *= (1.0 - 1.0 / self.k) / rest
                p[component] = 0.0
                p[component] = 1.0 - p.sum()
        return self._with_kin(params._replace(start=start, transitions=transitions), fresh)

    # -- new rows ------------------------------------------------------------------------------------------------------
    def scores_at(self, params: Params, x: np.ndarray) -> np.ndarray:
        """Of rows alone, without a past to filter by: the weights are how often the chain is in each state."""
        return self.kin.scores_at(self.kin_params(params), x)

    def locations(self, params: Params) -> np.ndarray | None:
        return self.kin.locations(self.kin_params(params))

    # -- documents -----------------------------------------------------------------------------------------------------
    def from_dict(self, document: dict) -> Params:
        start, transitions = reading.arrays(document, start=1, transitions=2)
        k = len(start)
        if transitions.shape != (k, k):
            raise UserError(
                f"params has {k} start probabilities and transitions of shape {transitions.shape}",
                "give K start probabilities and K x K transitions",
            )
        theta = self.kin.split(self.kin.from_dict({**document, "weights": start}))[1]
        return self.join(start, transitions, theta)

    @classmethod
    def components_in(cls, document: dict) -> int:
        return len(reading.arrays(document, start=1)[0])

    # -- pictures ------------------------------------------------------------------------------------------------------
    def plate(self, data: Dataset) -> Plate:
        return replace(self.kin.plate(data), chain=True)

    def shape_name(self, data: Dataset) -> str:
        return self.kin.shape_name(data)

    def views(self, data: Dataset) -> tuple[View, ...]:
        return (*chain_pictures.views(data), *self.kin.views(data))

    def draw(self, data: Dataset, params: Params | None, view: View) -> Drawing:
        if view.kind not in (chain_pictures.LABORATORY, chain_pictures.SERIES):
            return self.kin.draw(data, None if params is None else self.kin_params(params, data), view)
        at = None if params is None or self.emission == "categorical" else self.locations(params)[:, view.columns[0]]
        drawn = chain_pictures.series(data, view, at, "rate" if self.emission == "poisson" else "mean")
        return replace(drawn, y_label=self.kin.axis(data)) if isinstance(self.kin, symbols.SymbolMixture) else drawn

    def anchors(self, params: Params, view: View) -> np.ndarray:
        if view.kind not in (chain_pictures.LABORATORY, chain_pictures.SERIES):
            return self.kin.anchors(self.kin_params(params), view)
        at = self.locations(params)
        return chain_pictures.levels(np.zeros(self.k) if at is None else at[:, view.columns[0]])

    def move(self, params: Params, handle: Handle, view: View, position: tuple[float, ...]) -> Params:
        """A `transition` handle (component: from, index: to) or `start` handle at probability position[0]; the others as in
        the mixture, a mean in a series by the height position[1]."""
        if handle.kind == "start":
            return params._replace(start=put(params.start, handle.component, position[0]))
        if handle.kind == "transition":
            rows = params.transitions.copy()
            rows[handle.component] = put(rows[handle.component], handle.index, position[0])
            return params._replace(transitions=rows)
        if handle.kind == "variance":
            position = position[:1]
        elif view.kind in (chain_pictures.LABORATORY, chain_pictures.SERIES):
            view, position = View("density", view.columns), (position[1], 0.0)
        return self._with_kin(params, self.kin.move(self.kin_params(params), handle, view, position))

    def updates(self, data: Dataset, params: Params, posterior: Posterior) -> list[Update]:
        """Those of the emissions, with the posterior of the states as γ; start and transitions are told by the paths."""
        own = self.kin.updates(bag_of(data).data, self.kin_params(params), self._seen(data, posterior))  # type: ignore[arg-type]
        shared = [u for u in own if u.symbol != "π"]
        return [replace(u, over=_WEIGHT.sub("γ", u.over), under=_WEIGHT.sub("γ", u.under)) for u in shared]

    def table(self, data: Dataset, params: Params) -> list[tuple[str, np.ndarray]]:
        rows = [("start π", params.start)]
        rows += [(f"to {letter(j)}", params.transitions[:, j]) for j in range(self.k)]
        return rows + self.kin.table(data, self.kin_params(params))[1:]
