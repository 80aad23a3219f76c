"""The contract of a model: a frozen dataclass of hyper-parameters with pure functions, and the registry of models."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from emstudio.core import selection
from emstudio.core.data import Dataset, Missing, Table, dataset, fitted_columns
from emstudio.core.errors import Notice, UserError
from emstudio.core.how import E_STEPS, EStep
from emstudio.core.marks import Drawing, Handle, View
from emstudio.core.parameter import Parameter
from emstudio.core.plate import Plate
from emstudio.core.posterior import Posterior
from emstudio.core.promises import Promises
from emstudio.core.updates import Update

Params = Any  # a NamedTuple of arrays stacked over the components, named as in the command line's JSON


@dataclass(frozen=True, eq=False)
class Start:
    """Where a run starts: a method, and for `labels` (n,) ints over the dataset's rows or `params` the given values."""

    method: str = "kmeans++"
    labels: np.ndarray | None = None
    params: Params | None = None

    @property
    def given(self) -> bool:
        """Whether the start is given, so that another one would be the same."""
        return self.method in ("labels", "params")


START_METHODS = (
    ("kmeans++", "k-means++", "Seeds spread out by squared distance; each row goes to its nearest seed."),
    ("points", "Random points", "Random rows as means, everybody's covariance, equal weights."),
    ("responsibilities", "Random responsibilities", "Every row gets random responsibilities; an M-step follows."),
    ("hierarchical", "Hierarchical", "Rows are merged step by step into groups, always alike; an M-step follows."),
)


class Model:
    """Base of all models. Subclasses are frozen dataclasses whose fields are made with `param`."""

    name: ClassVar[str]
    title: ClassVar[str]
    promises: ClassVar[Promises] = Promises()
    starts: ClassVar[tuple[str, ...]] = ("kmeans++", "points", "responsibilities")
    drawless: ClassVar[tuple[str, ...]] = ("hierarchical",)  # the starts that draw nothing, and are always alike
    e_steps: ClassVar[tuple[str, ...]] = tuple(kind for kind, _, _ in E_STEPS)  # the first is the model's own
    accelerates: ClassVar[bool] = False  # whether it has `coordinates`
    scales: ClassVar[bool] = True  # whether its columns may be standardised
    learns: ClassVar[tuple[str, ...]] = ()  # fields that the data decide; they are no parameters
    marginal: ClassVar[bool] = False  # whether its E-step integrates missing cells out
    cost: ClassVar[str | None] = None  # what a model without likelihood lowers, such as `inertia`
    k: int

    # -- declared parameters -------------------------------------------------------------------------------------------
    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        """The hyper-parameters that its fields declare, in their order."""
        made = []
        for f in dataclasses.fields(cls):  # type: ignore[arg-type]
            given = dict(f.metadata)
            if "label" not in given:
                continue  # decided by the data
            kind = "choice" if "choices" in given else "float" if "words" in given else type(f.default).__name__
            made.append(Parameter(f.name, kind, f.default, **given))
        return tuple(made)

    @classmethod
    def make(cls, **values: Any) -> Model:
        """A model from texts or values; UserError for an unknown name or a value out of range."""
        known = {p.name: p for p in cls.parameters()}
        learned = {}
        for name in values:
            if name in cls.learns and not isinstance(values[name], str):
                learned[name] = cls.read_learned(name, values[name])
            elif name not in known:
                names = ", ".join(n for n, p in known.items() if p.option is None)
                raise UserError(f"the model {cls.name} has no parameter {name!r}", f"it has: {names}")
        return cls(**{n: known[n].parse(v) for n, v in values.items() if n in known}, **learned)

    @classmethod
    def sized(cls, k: int) -> Model:
        """The model with `k` components, as far as it has a choice of them."""
        return cls.make(k=k) if any(p.name == "k" for p in cls.parameters()) else cls()

    def with_(self, **values: Any) -> Model:
        """The same model with some parameters changed."""
        return type(self).make(**{**dataclasses.asdict(self), **values})  # type: ignore[call-overload]

    # -- data ----------------------------------------------------------------------------------------------------------
    def columns(self, table: Table, taken: Sequence[str | None] = ()) -> tuple[str, ...]:
        """The columns fitted when nobody chose, without those `taken` for something else."""
        return tuple(name for name in fitted_columns(table) if name not in taken)

    def beside(self, table: Table) -> tuple[str, ...]:
        """The columns that the model reads beside those that are fitted."""
        return ()

    def dataset(
        self,
        table: Table,
        names: Sequence[str] | None = None,
        *,
        missing: Missing = "drop",
        weights: str | None = None,
        truth: str | None = None,
    ) -> Dataset:
        """What of `table` this model is fitted to, from the columns `names` or its own choice. Raises UserError."""
        chosen = self.columns(table, (weights, truth)) if names is None else names
        return dataset(table, chosen, missing=missing, weights=weights, truth=truth)

    @property
    def promised(self) -> Promises:
        """What a run of this very model may be held to: the class's promises, less what its parameters cost."""
        return self.promises

    @property
    def settled(self) -> bool:
        """Whether nothing is hidden: the data alone decide the start, and one M-step is the end."""
        return False

    def for_data(self, data: Dataset) -> Model:
        """The model with what only the data can say filled in, such as the names of their categories."""
        return self

    def learned(self) -> dict[str, Any]:
        """What `for_data` filled in, as the model file holds it beside the declared parameters."""
        return {}

    @classmethod
    def read_learned(cls, name: str, value: Any) -> Any:
        """The field `name` (one of `learns`) from a model file; UserError where it is wrong."""
        raise NotImplementedError

    def inspect(self, data: Dataset) -> None:
        """UserError naming the first cell that no data of this model can hold (a count of -1)."""

    def cells(self, x: np.ndarray, names: Sequence[str] | None, rng: np.random.Generator) -> tuple[Sequence[str], list]:
        """(column names, cells of each row) that a table with the columns `names` would hold for drawn rows `x` (m, d).

        UserError where they are not as many as the rows have.
        """
        names = tuple(f"x{j + 1}" for j in range(x.shape[1])) if names is None else names
        if len(names) != x.shape[1]:
            what = f"data.columns names {len(names)} columns and params is for {x.shape[1]}"
            raise UserError(what, "name each column")
        return names, x.tolist()

    def stride(self, columns: Sequence[int], step: list[float]) -> list[float]:
        """The part of a `step` in the fitted `columns` that rows can be moved by: counts move by whole numbers."""
        return step

    def admissible(self, x: np.ndarray) -> np.ndarray:
        """The nearest rows to `x` (m, d) that this model's data can hold: counts are rounded."""
        return x

    def respelled(self, data: Dataset, table: Table, rows: np.ndarray) -> Table:
        """`table`, an edit of that of `data`, where its `rows` (m,) say in every form what their fitted cells say."""
        return table

    # -- EM ------------------------------------------------------------------------------------------------------------
    def accepts(self, data: Dataset) -> str | None:
        """None, or one sentence that says why this model cannot be fitted to `data` and what to do."""
        raise NotImplementedError

    def require(self, data: Dataset) -> None:
        """UserError where this model cannot be fitted to `data`."""
        problem = self.accepts(data)
        if problem:
            raise UserError(problem.rstrip("."), file=data.table.source or None)

    def check(self, data: Dataset, params: Params) -> None:
        """UserError where given `params` do not fit the model or the data (shape, sum of weights, covariances)."""
        raise NotImplementedError

    def init(self, data: Dataset, start: Start, rng: np.random.Generator) -> Params:
        """The params that a run starts from. UserError where the data or what is given do not allow it."""
        raise NotImplementedError

    def e_step(
        self, data: Dataset, params: Params, how: EStep, rng: np.random.Generator, resp: bool = True
    ) -> Posterior:
        """The posterior at `params`, by the E-step that `how` says; without `resp` the responsibilities need not be kept.

        UserError naming a row that no component can have made.
        """
        raise NotImplementedError

    def m_step(self, data: Dataset, params: Params, posterior: Posterior) -> Params:
        """The parameters that maximise the bound for this posterior; Degenerate where a component would be lost."""
        raise NotImplementedError

    def bound(self, data: Dataset, params: Params, posterior: Posterior) -> float | None:
        """F(q, theta) = E_q[log p(x, z | theta)] + T H(q), q the posterior and T its temperature, in nats."""
        raise NotImplementedError

    def penalty(self, params: Params, posterior: Posterior) -> float:
        """What is added to the log-likelihood in the watched objective (a floor, a prior); 0 without."""
        return 0.0

    def scores(self, data: Dataset, params: Params) -> np.ndarray:
        """(n, K) log pi_k + log p(x | k): unnormalised log-responsibilities."""
        raise NotImplementedError

    def scores_at(self, params: Params, x: np.ndarray) -> np.ndarray:
        """(m, K) log pi_k + log p(x | k) for rows `x` (m, d) that need not be data; NaN cells are marginalised."""
        raise NotImplementedError

    def responsibilities_at(self, params: Params, x: np.ndarray) -> np.ndarray:
        """(m, K) for rows `x` (m, d) that need not be data; NaN cells are marginalised."""
        raise NotImplementedError

    def assigned(self, data: Dataset, params: Params) -> tuple[np.ndarray, np.ndarray | None]:
        """((n, K) exact responsibilities of the rows, (n,) their log-densities or None for a model without likelihood)."""
        raise NotImplementedError

    def coordinates(self, data: Dataset, params: Params) -> np.ndarray | None:
        """(p,) unconstrained coordinates in which a step can be stretched, of size about 1; None where there are none."""
        return None

    def at_coordinates(self, data: Dataset, coordinates: np.ndarray, like: Params) -> Params:
        """The params at `coordinates`; `like` has their shapes. They may lie outside of a constrained family."""
        raise NotImplementedError

    def locations(self, params: Params) -> np.ndarray | None:
        """(K, d) where each component lies among the rows, or None where that means nothing."""
        return getattr(params, "means", None)

    @property
    def parts(self) -> tuple[int, ...]:
        """What the columns of the responsibilities are: components from 0, and NOISE last where there is one."""
        return tuple(range(self.k))

    def free_parameters(self, data_dimension: int) -> int:
        """How many parameters are free, weights included, for rows of so many numbers."""
        raise NotImplementedError

    def count_free(self, data_dimension: int, params: Params, start: Start) -> int:
        """The free parameters of a fit: a start may have taken some away, and params say how many symbols there are."""
        return self.free_parameters(data_dimension)

    def certainty(self, data: Dataset, params: Params, resp: np.ndarray) -> float:
        """log P(the most probable assignment of all rows | x), weighted: what ICL adds to BIC, twice and negative.

        `resp` (n, K) are the exact responsibilities.
        """
        return selection.certainty(resp, data.weights)

    def statistics(self, data: Dataset, params: Params, posterior: Posterior) -> dict[str, Any]:
        """Named expectations of the E-step that a person reads beside the parameters; {} where a model has none."""
        return {}

    def reported(self, data: Dataset, params: Params, posterior: Posterior) -> dict[str, Any] | None:
        """Those of the `statistics` that every entry of a fit's trace holds; None where there are none."""
        return None

    @property
    def unused(self) -> tuple[str, ...]:
        """The declared parameters that mean nothing beside the others' values."""
        return ()

    def reseed(self, data: Dataset, params: Params, component: int, rng: np.random.Generator) -> Params:
        """`params` with one component started anew on a row that the others explain badly."""
        raise NotImplementedError

    def stacked(self, params: Params) -> tuple[np.ndarray, ...]:
        """The arrays of `params` that are stacked over the K components, and nothing else."""
        return tuple(np.asarray(a) for a in params)

    def adapted(self, data: Dataset, params: Params) -> Params:
        """`params` after a person changed the data: what in them follows from the data alone is brought up to date."""
        return params

    def without(self, params: Params, component: int) -> Params:
        """The params of the model with one component less: that one is gone, the weights are shared out anew."""
        left = params._replace(**{n: np.delete(np.asarray(a), component, axis=0) for n, a in params._asdict().items()})
        if "weights" not in params._fields:
            return left
        weights = left.weights
        return left._replace(
            weights=weights / weights.sum() if weights.sum() > 0 else np.full(len(weights), 1 / len(weights))
        )

    def permute(self, params: Params, order: np.ndarray) -> Params:
        """The same params with the components in `order` (K,)."""
        return type(params)(*(np.asarray(a)[order] for a in params))

    def notices(self, data: Dataset, params: Params, posterior: Posterior) -> list[Notice]:
        """Warnings about a finished fit (saddle, ill-conditioned ...)."""
        return []

    def kept(self, posterior: Posterior) -> list[Notice]:
        """Warnings about an M-step of this posterior that left something as it was (an empty cluster's centre)."""
        return []

    def sample(self, params: Params, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """((n, d) rows, (n,) components) drawn from the model."""
        raise NotImplementedError

    # -- documents -----------------------------------------------------------------------------------------------------
    def to_dict(self, params: Params) -> dict:
        """`params` for a model file: lists of numbers by name."""
        return {name: np.asarray(value).tolist() for name, value in params._asdict().items()}

    def from_dict(self, document: dict) -> Params:
        """Params from the `params` of a model file; UserError where a key is missing or misshapen."""
        raise NotImplementedError

    @classmethod
    def components_in(cls, document: dict) -> int:
        """The number of components in the `params` of a model file."""
        raise NotImplementedError

    # -- pictures ------------------------------------------------------------------------------------------------------
    def shape_name(self, data: Dataset) -> str:
        """What a person sees of one component in the picture, in the singular."""
        return "curve" if data.d == 1 else "ellipse"

    def plate(self, data: Dataset) -> Plate:
        """How a row of `data` comes about."""
        raise NotImplementedError

    def views(self, data: Dataset) -> tuple[View, ...]:
        """The pictures there are of this model and data, the best first."""
        raise NotImplementedError

    def draw(self, data: Dataset, params: Params | None, view: View) -> Drawing:
        """The marks of `params` (None: the data alone) in `view`."""
        raise NotImplementedError

    def anchors(self, params: Params, view: View) -> np.ndarray:
        """(K, 2) where each component's letter stands in `view`: trails join these."""
        raise NotImplementedError

    def move(self, params: Params, handle: Handle, view: View, position: tuple[float, ...]) -> Params:
        """The nearest allowed parameters with the handle at `position` in `view`."""
        raise NotImplementedError

    def updates(self, data: Dataset, params: Params, posterior: Posterior) -> list[Update]:
        """How the M-step made `params` of a posterior, parameter by parameter; empty where that is told in another way."""
        return []

    def expected(self, posterior: Posterior) -> list[tuple[str, np.ndarray]]:
        """What the E-step expects of each component beside its parameters: (row's name, (K,) values)."""
        return []

    def table(self, data: Dataset, params: Params) -> list[tuple[str, np.ndarray]]:
        """The parameters as a person reads them: (row's name, (K,) values)."""
        raise NotImplementedError


REGISTRY: dict[str, type[Model]] = {}


def register(cls: type[Model]) -> type[Model]:
    """Class decorator: the model's form, command line, views and tests follow from its being registered."""
    if cls.name in REGISTRY:
        raise ValueError(f"two models are named {cls.name}")
    REGISTRY[cls.name] = cls
    return cls


def find(name: str) -> type[Model]:
    """The model class `name`; UserError where there is none."""
    if name not in REGISTRY:
        raise UserError(f"there is no model {name!r}", f"choose from: {', '.join(sorted(REGISTRY))}")
    return REGISTRY[name]
