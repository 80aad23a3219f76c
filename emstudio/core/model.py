"""The contract of a model: a frozen dataclass of hyper-parameters with pure functions, and the registry of models."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.errors import UserError
from emstudio.core.marks import Drawing, Handle, View

_DIGITS = re.compile(r"[0-9a-zA-Z.+-]+")  # what a number can be written with: 12, -1.5e-3, inf

Params = Any  # a NamedTuple of arrays stacked over the components, named as in the command line's JSON


@dataclass(frozen=True)
class Parameter:
    """How a hyper-parameter is declared: its form, its `-p KEY=VALUE`, and its limits follow from this."""

    name: str
    type: str  # int, float, choice or bool
    default: Any
    label: str
    help: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[tuple[str, str], ...] = ()  # (value, title)
    aliases: tuple[tuple[str, str], ...] = ()  # other spellings of a choice
    option: str | None = None  # the command line's own option, where it is not `-p`
    more: bool = False  # seldom needed: the form shows it when asked for more settings

    def parse(self, text: Any) -> Any:
        """The value that `text` means; UserError where it is none or out of range."""
        shown = f"{self.name}={text}"
        if self.type == "choice":
            value = dict(self.aliases).get(str(text), str(text))
            if value not in dict(self.choices):
                allowed = ", ".join(v for v, _ in self.choices) + "".join(f", {a}" for a, _ in self.aliases)
                raise UserError(f"{shown} is not one of the choices", f"choose from: {allowed}")
            return value
        if self.type == "bool":
            if str(text).lower() not in ("true", "false", "1", "0", "yes", "no"):
                raise UserError(f"{shown} is neither true nor false", "write true or false")
            return str(text).lower() in ("true", "1", "yes")
        try:
            if not _DIGITS.fullmatch(str(text)):  # Python would take 1_0 and blanks around a number as well
                raise ValueError
            value = int(str(text)) if self.type == "int" else float(str(text))
        except ValueError:
            kind = "a whole number" if self.type == "int" else "a number"
            raise UserError(f"{shown} is not {kind}", f"give {self.limits()}") from None
        low, high = self.low, self.high
        finite = self.type == "int" or np.isfinite(value)  # numpy has no answer for whole numbers beyond 64 bits
        if not finite or (low is not None and value < low) or (high is not None and value > high):
            raise UserError(f"{shown} is out of range", f"give {self.limits()}")
        return value

    def limits(self) -> str:
        kind = "a whole number" if self.type == "int" else "a number"
        if self.low is not None and self.high is not None:
            return f"{kind} from {self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"{kind} of {self.low:g} or more"
        return kind


def param(default: Any, label: str, **declared: Any) -> Any:
    """A dataclass field that declares a hyper-parameter; the keywords are those of `Parameter`."""
    return field(default=default, metadata={"label": label, **declared})


@dataclass(frozen=True)
class EStep:
    """How an E-step is done. `soft`: the exact posterior of every row."""

    kind: str = "soft"


@dataclass(frozen=True, eq=False)
class Start:
    """Where a run starts: a method, and for `labels` (n,) ints over the dataset's rows or `params` the given values."""

    method: str = "kmeans++"
    labels: np.ndarray | None = None
    params: Params | None = None

    @property
    def given(self) -> bool:
        return self.method in ("labels", "params")


START_METHODS = (
    ("kmeans++", "k-means++", "Seeds spread out by squared distance; each row goes to its nearest seed."),
    ("points", "Random points", "Random rows as means, everybody's covariance, equal weights."),
    ("responsibilities", "Random responsibilities", "Every row gets random responsibilities; an M-step follows."),
)


@dataclass(frozen=True, eq=False)
class Posterior:
    """The result of an E-step.

    `resp` (n, K): responsibilities, rows sum to 1 (None where the caller asked for none, to save memory);
    `entropy`: sum over rows of w H(r), in nats; `log_likelihood`: of the parameters the E-step was made at, None for a
    model without one; `moments`: the sufficient statistics for the M-step, with `moments.counts` (K,).
    """

    resp: np.ndarray | None
    entropy: float
    log_likelihood: float | None
    moments: Any


@dataclass(frozen=True)
class Promises:
    """What the test suite may hold a model to."""

    monotone: bool = True  # the log-likelihood never falls
    touches: bool = True  # the bound equals the log-likelihood after an E-step
    likelihood: bool = True  # there is a log-likelihood
    exact: bool = True  # the E-step is exact, no sampling


class Model:
    """Base of all models. Subclasses are frozen dataclasses whose fields are made with `param`."""

    name: ClassVar[str]
    title: ClassVar[str]
    promises: ClassVar[Promises] = Promises()
    starts: ClassVar[tuple[str, ...]] = tuple(m for m, _, _ in START_METHODS)
    k: int

    # -- declared parameters -------------------------------------------------------------------------------------------
    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        made = []
        for f in dataclasses.fields(cls):  # type: ignore[arg-type]
            given = dict(f.metadata)
            kind = "choice" if "choices" in given else type(f.default).__name__
            made.append(Parameter(f.name, kind, f.default, **given))
        return tuple(made)

    @classmethod
    def make(cls, **values: Any) -> Model:
        """A model from texts or values; UserError for an unknown name or a value out of range."""
        known = {p.name: p for p in cls.parameters()}
        for name in values:
            if name not in known:
                names = ", ".join(n for n, p in known.items() if p.option is None)
                raise UserError(f"the model {cls.name} has no parameter {name!r}", f"it has: {names}")
        return cls(**{n: known[n].parse(v) for n, v in values.items()})

    def with_(self, **values: Any) -> Model:
        """The same model with some parameters changed."""
        return type(self).make(**{**dataclasses.asdict(self), **values})  # type: ignore[call-overload]

    # -- EM ------------------------------------------------------------------------------------------------------------
    def accepts(self, data: Dataset) -> str | None:
        """None, or one sentence that says why this model cannot be fitted to `data` and what to do."""
        raise NotImplementedError

    def check(self, data: Dataset, params: Params) -> None:
        """UserError where given `params` do not fit the model or the data (shape, sum of weights, covariances)."""
        raise NotImplementedError

    def init(self, data: Dataset, start: Start, rng: np.random.Generator) -> Params:
        raise NotImplementedError

    def e_step(
        self, data: Dataset, params: Params, how: EStep, rng: np.random.Generator, resp: bool = True
    ) -> Posterior:
        raise NotImplementedError

    def m_step(self, data: Dataset, params: Params, posterior: Posterior) -> Params:
        """The parameters that maximise the bound for this posterior; Degenerate where a component would be lost."""
        raise NotImplementedError

    def bound(self, data: Dataset, params: Params, posterior: Posterior) -> float | None:
        """F(q, theta) = E_q[log p(x, z | theta)] + H(q), q the posterior, in nats."""
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

    def free_parameters(self, data_dimension: int) -> int:
        raise NotImplementedError

    def reseed(self, data: Dataset, params: Params, component: int, rng: np.random.Generator) -> Params:
        """`params` with one component started anew on a row that the others explain badly."""
        raise NotImplementedError

    def permute(self, params: Params, order: np.ndarray) -> Params:
        return type(params)(*(np.asarray(a)[order] for a in params))

    def notices(self, data: Dataset, params: Params, posterior: Posterior) -> list:
        """Warnings about a finished fit (saddle, ill-conditioned ...): list of Notice."""
        return []

    def sample(self, params: Params, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """((n, d) rows, (n,) components) drawn from the model."""
        raise NotImplementedError

    # -- documents -----------------------------------------------------------------------------------------------------
    def to_dict(self, params: Params) -> dict:
        return {name: np.asarray(value).tolist() for name, value in params._asdict().items()}

    def from_dict(self, document: dict) -> Params:
        """Params from the `params` of a model file; UserError where a key is missing or misshapen."""
        raise NotImplementedError

    @classmethod
    def components_in(cls, document: dict) -> int:
        """The number of components in the `params` of a model file."""
        raise NotImplementedError

    # -- pictures ------------------------------------------------------------------------------------------------------
    def views(self, data: Dataset) -> tuple[View, ...]:
        raise NotImplementedError

    def draw(self, data: Dataset, params: Params | None, view: View) -> Drawing:
        """The marks of `params` (None: the data alone) in `view`."""
        raise NotImplementedError

    def anchors(self, params: Params, view: View) -> np.ndarray:
        """(K, 2) where each component's letter stands in `view`: trails join these."""
        raise NotImplementedError

    def move(self, params: Params, handle: Handle, view: View, position: tuple[float, float]) -> Params:
        """The nearest allowed parameters with the handle at `position` in `view`."""
        raise NotImplementedError

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
