"""The two-state chain of the lecture text: a switch that mostly stays where it is, seen through Gaussian noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from emstudio.core.chain import Chain
from emstudio.core.chain_data import bag_of
from emstudio.core.chain_paths import count_path
from emstudio.core.chain_posterior import ChainPosterior
from emstudio.core.data import Dataset
from emstudio.core.errors import Degenerate, Notice, UserError, listed
from emstudio.core.frame import LARGEST
from emstudio.core.marks import Drawing, Handle, View
from emstudio.core.model import Start, register
from emstudio.core.plate import Plate
from emstudio.core.posterior import Posterior
from emstudio.core.responsibilities import one_hot
from emstudio.core.samplers_tally import stays
from emstudio.core.smoothing import Smoothed
from emstudio.core.switch import LEVELS, Misfit, Spread, Switch, path_misfits
from emstudio.models import chain_pictures
from emstudio.models.reading import array

_LEAST = 1e-12  # variance over the square of the data's size: below it lies round-off
_SHOWN = 1e-4  # how near a drag comes to probability 0 or 1, or to variance 0


class SwitchParams(NamedTuple):
    """q: the probability to stay; variance: of the noise."""

    q: float
    variance: float


@register
@dataclass(frozen=True)
class NoisySwitch(Chain):
    """Z_1 uniform on {0, 1}; Z_t+1 = Z_t with probability q; X_t ~ N(Z_t, variance)."""

    name: ClassVar[str] = "noisy-switch"
    title: ClassVar[str] = "Noisy switch"
    accepted: ClassVar[str] = "one column of numbers, its rows in the order of time"
    starts: ClassVar[tuple[str, ...]] = ("kmeans++", "responsibilities")
    drawless: ClassVar[tuple[str, ...]] = ("kmeans++",)
    accelerates: ClassVar[bool] = True
    scales: ClassVar[bool] = False
    k: ClassVar[int] = 2  # type: ignore[misc]

    def family(self) -> Switch:
        return Switch()

    def split(self, params: SwitchParams) -> tuple[np.ndarray, np.ndarray, Spread]:
        q = float(params.q)
        return np.full(2, 0.5), np.array([[q, 1.0 - q], [1.0 - q, q]]), Spread(np.full(2, float(params.variance)))

    def join(self, start: np.ndarray, transitions: np.ndarray, theta: Spread) -> SwitchParams:
        return SwitchParams(float(transitions[0, 0]), float(theta.variances[0]))

    def free_parameters(self, data_dimension: int) -> int:
        return 2

    def count_free(self, data_dimension: int, params: SwitchParams, start: Start) -> int:
        return 2

    def permute(self, params: SwitchParams, order: np.ndarray) -> SwitchParams:
        """The states are told apart by their levels 0 and 1: there is nothing to rename."""
        return params

    def stacked(self, params: SwitchParams) -> tuple[np.ndarray, ...]:
        return LEVELS, np.full(2, params.q), np.full(2, params.variance)

    def locations(self, params: SwitchParams) -> np.ndarray:
        return LEVELS[:, None]

    # -- data ----------------------------------------------------------------------------------------------------------
    def inspect(self, data: Dataset) -> None:
        file = data.table.source or None
        if data.d != 1:
            have = listed(data.names) or "none"
            raise UserError(
                f"a noisy switch is one column of numbers, and {data.d} are chosen", f"choose one of: {have}", file=file
            )
        known = np.where(np.isnan(data.observed[:, 0]), 0.0, data.x[:, 0])
        if data.n and np.abs(known).max() > LARGEST:
            row = int(np.abs(known).argmax())
            where = data.table.where(int(data.rows[row]), data.names[0])
            raise UserError(
                f"{known[row]:g} is too large: its square overflows",
                "divide the column by a constant",
                file=file,
                **where,
            )

    def accepts(self, data: Dataset) -> str | None:
        try:
            self.inspect(data)
        except UserError as error:
            return error.sentence()
        if data.n == 0:
            return "There is no row; add steps to the series."
        return None

    def check(self, data: Dataset, params: SwitchParams) -> None:
        if not 0.0 <= params.q <= 1.0:
            raise UserError(f"params.q is {float(params.q)!r}", "give a probability from 0 to 1")
        if not params.variance > 0.0:
            raise UserError(f"params.variance is {float(params.variance)!r}", "give a number above 0")

    # -- EM ------------------------------------------------------------------------------------------------------------
    def m_step(self, data: Dataset, params: SwitchParams, posterior: Posterior) -> SwitchParams:
        """q = a / (a + b), variance = c / n, n the observed steps; with series of one step q stays as it was."""
        assert isinstance(posterior, ChainPosterior)
        stays, switches = _stays(posterior.pairs)
        moments: Misfit = posterior.moments
        variance = float(moments.squares.sum() / moments.counts.sum())
        bag = bag_of(data)
        size = max(1.0, float(np.abs(bag.data.x).max(initial=0.0)))
        if not variance > _LEAST * size * size:
            raise Degenerate(_collapse(data, posterior))
        return SwitchParams(stays / (stays + switches) if stays + switches > 0 else float(params.q), variance)

    def kept(self, posterior: Posterior) -> list[Notice]:
        if isinstance(posterior, ChainPosterior) and not posterior.pairs.sum() > 0:
            text = "No step follows another one (every series has length 1), so nothing is known of q, and it stays as it was."
            return [Notice("not-identifiable", text)]
        return []

    def notices(self, data: Dataset, params: SwitchParams, posterior: Posterior) -> list[Notice]:
        return []

    @property
    def traced(self) -> tuple[str, ...]:
        return ("a", "b", "c")

    def trace_of(self, data: Dataset, states: np.ndarray) -> np.ndarray:
        """(M, 3) of paths (n, M): stays a, switches b, squared misfit c over the observed steps."""
        same = stays(states, data.offsets)
        switches = data.n - (len(data.offsets) - 1) - same
        bag = bag_of(data)
        low, gain = bag.data.memo("misfits of paths", lambda: path_misfits(bag.data.x[:, 0]))
        seen = states if bag.rows is None else states[bag.rows]
        return np.stack([same, switches, low + gain @ seen.astype(gain.dtype)], axis=1)

    def expected_trace(self, data: Dataset, params: SwitchParams, posterior: ChainPosterior | Smoothed) -> np.ndarray:
        stays, switches = _stays(posterior.pairs)
        if isinstance(posterior, ChainPosterior):
            return np.array([stays, switches, posterior.moments.squares.sum()])
        bag = bag_of(data)
        gamma = posterior.gamma if bag.rows is None else posterior.gamma[:, bag.rows]
        return np.array([stays, switches, np.einsum("kn,kn->", gamma, (bag.data.x[:, 0] - LEVELS[:, None]) ** 2)])

    def reported(self, data: Dataset, params: SwitchParams, posterior: Posterior) -> dict[str, Any] | None:
        return self.statistics(data, params, posterior)

    def coordinates(self, data: Dataset, params: SwitchParams) -> np.ndarray:
        q = min(max(params.q, 1e-15), 1.0 - 1e-15)
        return np.array([math.log(q / (1.0 - q)), math.log(params.variance)])

    def at_coordinates(self, data: Dataset, coordinates: np.ndarray, like: SwitchParams) -> SwitchParams:
        logit, log_v = np.clip(coordinates, -700.0, 700.0)
        return SwitchParams(float(1.0 / (1.0 + np.exp(-logit))), float(np.exp(log_v)))

    # -- starts --------------------------------------------------------------------------------------------------------
    def init(self, data: Dataset, start: Start, rng: np.random.Generator) -> SwitchParams:
        """The text's q = 1/2 and variance 1 for `kmeans++`; labels and responsibilities are followed by an M-step, which for
        drawn responsibilities leaves q = 1/2."""
        if start.method == "params":
            self.check(data, start.params)
            self.inspect(data)
            return start.params
        self.require(data)
        rough = SwitchParams(0.5, 1.0)
        if start.method == "kmeans++":
            return rough
        if start.method == "labels":
            first, pairs = count_path(start.labels, data.offsets, 2)
            return self._from(data, rough, one_hot(start.labels, 2), first, pairs)
        if start.method == "responsibilities":
            return self._from(data, rough, rng.dirichlet(np.ones(2), size=data.n), np.ones(2), np.zeros((2, 2)))
        raise UserError(f"there is no start {start.method!r}", f"choose from: {', '.join(self.starts)}")

    def _from(
        self, data: Dataset, rough: SwitchParams, resp: np.ndarray, first: np.ndarray, pairs: np.ndarray
    ) -> SwitchParams:
        bag = bag_of(data)
        seen = resp if bag.rows is None else resp[bag.rows]
        evaluator = self.family().evaluator(bag.data, Spread(np.ones(2)))
        evaluator.add(slice(None), np.ascontiguousarray(seen.T))
        return self.m_step(data, rough, ChainPosterior(resp, 0.0, None, evaluator.moments(), first=first, pairs=pairs))

    def reseed(self, data: Dataset, params: SwitchParams, component: int, rng: np.random.Generator) -> SwitchParams:
        return SwitchParams(0.5, 1.0)

    # -- new rows ------------------------------------------------------------------------------------------------------
    def scores_at(self, params: SwitchParams, x: np.ndarray) -> np.ndarray:
        """Of rows alone, without a past: each state is as probable as the other."""
        x = np.atleast_2d(np.asarray(x, float))
        known = ~np.isnan(x)
        return math.log(0.5) + np.where(
            known, Switch().log_density(np.where(known, x, 0.0), self.split(params)[2]), 0.0
        )

    # -- documents -----------------------------------------------------------------------------------------------------
    def to_dict(self, params: SwitchParams) -> dict:
        return {"q": float(params.q), "variance": float(params.variance)}

    def from_dict(self, document: dict) -> SwitchParams:
        for key in ("q", "variance"):
            if not isinstance(document, dict) or key not in document:
                raise UserError(f"params has no {key!r}", "give q and variance")
        return SwitchParams(*(float(array(document[key], f"params.{key}", 0)) for key in ("q", "variance")))

    @classmethod
    def components_in(cls, document: dict) -> int:
        return 2

    # -- pictures ------------------------------------------------------------------------------------------------------
    def plate(self, data: Dataset) -> Plate:
        return Plate("N", ("z", "σ²"), chain=True)

    def shape_name(self, data: Dataset) -> str:
        return "state"

    def views(self, data: Dataset) -> tuple[View, ...]:
        return (*chain_pictures.views(data), View("density", (0,), title="Density"))

    def draw(self, data: Dataset, params: SwitchParams | None, view: View) -> Drawing:
        if view.kind == "density":
            return chain_pictures.switch_density(data, None if params is None else params.variance, view)
        return chain_pictures.series(data, view, None if params is None else LEVELS, None)

    def anchors(self, params: SwitchParams, view: View) -> np.ndarray:
        if view.kind == "density":
            return np.column_stack([LEVELS, np.zeros(2)])
        return chain_pictures.levels(LEVELS)

    def move(self, params: SwitchParams, handle: Handle, view: View, position: tuple[float, float]) -> SwitchParams:
        """A `transition` handle (component: from, index: to) at probability position[0]; `variance` at position[0]."""
        value = position[0]
        if not np.isfinite(value):
            return params
        if handle.kind == "transition":
            old = params.q if handle.component == handle.index else 1.0 - params.q
            new = old if value == old else min(max(value, _SHOWN), 1.0 - _SHOWN)
            return params if new == old else params._replace(q=new if handle.component == handle.index else 1.0 - new)
        if handle.kind == "variance" and value != params.variance:
            return params._replace(variance=max(value, _SHOWN))
        return params

    def table(self, data: Dataset, params: SwitchParams) -> list[tuple[str, np.ndarray]]:
        return [
            ("stays q", np.full(2, params.q)),
            ("μ (fixed)", LEVELS),
            ("σ²", np.full(2, params.variance)),
        ]


def _stays(pairs: np.ndarray) -> tuple[float, float]:
    """(a, b): expected stays and switches."""
    return float(pairs[0, 0] + pairs[1, 1]), float(pairs[0, 1] + pairs[1, 0])


def _collapse(data: Dataset, posterior: ChainPosterior) -> Notice:
    text = (
        "The noise is collapsing: every observed value is 0 or 1 itself, so its variance goes to 0 and the likelihood to "
        "infinity; such data need a chain with categorical emissions."
    )
    rows = tuple(int(r) for r in data.rows[:10])
    return Notice("collapse", text, component=None, rows=rows)
