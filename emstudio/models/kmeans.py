"""k-means by Lloyd's algorithm: EM's hard limit for round components of equal size and vanishing variance.

It has no likelihood: it lowers the inertia, J = sum_i w_i min_k |x_i - c_k|^2, in units of the data squared. The E-step gives
each row to its nearest centre, the M-step moves each centre to the mean of its rows.
Source: Lloyd 1982, IEEE Transactions on Information Theory 28.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from emstudio.core import initial
from emstudio.core.data import Dataset, frozen
from emstudio.core.errors import Notice, UserError, printable
from emstudio.core.format import letter
from emstudio.core.how import EStep
from emstudio.core.marks import Drawing, Handle, View
from emstudio.core.model import Model, Start, register
from emstudio.core.parameter import param
from emstudio.core.plate import Plate
from emstudio.core.posterior import Posterior
from emstudio.core.promises import Promises
from emstudio.core.responsibilities import blocks, one_hot
from emstudio.core.updates import Update, columns
from emstudio.models import kmeans_views
from emstudio.models.reading import array

LARGEST, SMALLEST = 1e145, 1e-145  # beyond these the inertia would overflow or vanish
_ELEMENTS = 49152  # of a block's differences (K d b): what stays in the second-level cache


class KMeansParams(NamedTuple):
    """centers (K, d)."""

    centers: np.ndarray


@dataclass(frozen=True, eq=False)
class Clusters:
    """`counts` (K,): the sums of weights of the rows assigned; `shifts` (K, d): the weighted sums of x - centre."""

    counts: np.ndarray
    shifts: np.ndarray


@register
@dataclass(frozen=True)
class KMeans(Model):
    """J(centers) = sum_i w_i min_k |x_i - c_k|^2."""

    name: ClassVar[str] = "kmeans"
    title: ClassVar[str] = "k-means"
    accepted: ClassVar[str] = "columns of numbers"
    promises: ClassVar[Promises] = Promises(climbs=False, touches=False, likelihood=False)
    e_steps: ClassVar[tuple[str, ...]] = ("hard",)
    cost: ClassVar[str | None] = "inertia"

    k: int = param(2, "Clusters", low=1, high=20, help="How many centres there are.")

    def free_parameters(self, data_dimension: int) -> int:
        return self.k * data_dimension

    # -- what is refused -----------------------------------------------------------------------------------------------
    def accepts(self, data: Dataset) -> str | None:
        if not data.d:
            return "There is no column to fit; choose at least one column of numbers."
        if data.n < self.k:
            there = {0: "There is no row", 1: "There is only 1 row"}.get(data.n, f"There are only {data.n} rows")
            centres = "1 centre" if self.k == 1 else f"{self.k} centres"
            return f"{there} for {centres}; add points or choose fewer clusters."
        return data.memo("kmeans obstacle", lambda: _obstacle(data))

    def check(self, data: Dataset, params: KMeansParams) -> None:
        centers = params.centers
        if len(centers) != self.k:
            raise UserError(f"params has {len(centers)} centres and {self.k} are asked for", "give the same number")
        if centers.shape[1] != data.d:
            raise UserError(
                f"params is for {centers.shape[1]} columns and {data.d} are fitted", "choose as many columns"
            )
        if np.abs(centers).max() > LARGEST:
            raise UserError("params.centers holds a value beyond 1e145, whose square overflows", "give smaller numbers")

    # -- starts --------------------------------------------------------------------------------------------------------
    def init(self, data: Dataset, start: Start, rng: np.random.Generator) -> KMeansParams:
        if start.method == "params":
            self.check(data, start.params)
            return start.params
        self.require(data)
        if start.method == "points":
            return KMeansParams(data.x[initial.distinct_rows(data, self.k, rng)])
        if start.method == "responsibilities":
            return self._means(data, rng.dirichlet(np.ones(self.k), size=data.n))
        if start.method == "labels":
            return self._means(data, one_hot(start.labels, self.k))
        if start.method == "kmeans++":
            return self._means(data, one_hot(initial.nearest(data, initial.seeds(data, self.k, rng)), self.k))
        raise UserError(f"there is no start {start.method!r}", f"choose from: {', '.join(self.starts)}")

    def _means(self, data: Dataset, resp: np.ndarray) -> KMeansParams:
        """The means of the rows by responsibility (n, K); where a cluster's rows all weigh nothing, their plain mean."""
        weighted = resp if data.weights is None else resp * data.weights[:, None]
        empty = ~(weighted.sum(0) > 0)
        weighted = np.where(empty, resp, weighted)
        middle = data.x[0]
        return KMeansParams(middle + weighted.T @ (data.x - middle) / weighted.sum(0)[:, None])

    def reseed(self, data: Dataset, params: KMeansParams, component: int, rng: np.random.Generator) -> KMeansParams:
        """The centre moves to a row that lies far from all the others."""
        others = self.scores(data, params)
        others[:, component] = -np.inf
        near = others.max(1) if self.k > 1 else np.zeros(data.n)
        centers = params.centers.copy()
        centers[component] = data.x[initial.badly_explained(near, data.weights, rng)]
        return KMeansParams(centers)

    # -- EM ------------------------------------------------------------------------------------------------------------
    def e_step(
        self, data: Dataset, params: KMeansParams, how: EStep, rng: np.random.Generator, resp: bool = True
    ) -> Posterior:
        """Each row to its nearest centre, to the first of equally near ones. There is one kind of E-step."""
        k, d = params.centers.shape
        kept = np.zeros((data.n, k)) if resp else None
        counts, shifts, inertias = np.zeros(k), np.zeros((k, d)), []
        for rows in blocks(data.n, max(512, _ELEMENTS // (k * d))):
            difference, squares = _squares(data, params, rows)
            labels = squares.argmin(0)
            r = (np.arange(k)[:, None] == labels).astype(float)
            if kept is not None:
                kept[rows] = r.T
            w = None if data.weights is None else data.weights[rows]
            least = squares.min(0)
            inertias.append(float(least.sum() if w is None else w @ least))
            r = r if w is None else r * w
            counts += r.sum(1)
            shifts += (difference @ r[:, :, None])[:, :, 0]
        return Posterior(kept, 0.0, None, Clusters(counts, shifts), cost=math.fsum(inertias))

    def m_step(self, data: Dataset, params: KMeansParams, posterior: Posterior) -> KMeansParams:
        """Each centre to the mean of its rows; one without rows stays."""
        counts = posterior.moments.counts[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            return KMeansParams(params.centers + np.where(counts > 0, posterior.moments.shifts / counts, 0.0))

    def bound(self, data: Dataset, params: KMeansParams, posterior: Posterior) -> None:
        return None

    def kept(self, posterior: Posterior) -> list[Notice]:
        return [
            Notice("empty", f"Cluster {letter(j)} has no row: its centre stays where it is.", component=j)
            for j in np.flatnonzero(~(posterior.moments.counts > 0)).tolist()
        ]

    # -- rows ----------------------------------------------------------------------------------------------------------
    def scores(self, data: Dataset, params: KMeansParams) -> np.ndarray:
        """(n, K) minus the squared distances to the centres."""
        out = np.empty((data.n, len(params.centers)))
        for rows in blocks(data.n, max(512, _ELEMENTS // params.centers.size)):
            out[rows] = -_squares(data, params, rows)[1].T
        return out

    def scores_at(self, params: KMeansParams, x: np.ndarray) -> np.ndarray:
        difference = np.atleast_2d(np.asarray(x, float))[:, None] - params.centers
        return -np.nansum(difference**2, axis=2)

    def assigned(self, data: Dataset, params: KMeansParams) -> tuple[np.ndarray, None]:
        return one_hot(self.scores(data, params).argmax(1), len(params.centers)), None

    def responsibilities_at(self, params: KMeansParams, x: np.ndarray) -> np.ndarray:
        return one_hot(self.scores_at(params, x).argmax(1), len(params.centers))

    def locations(self, params: KMeansParams) -> np.ndarray:
        return params.centers

    def sample(self, params: KMeansParams, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        raise UserError("k-means is no distribution that rows could be drawn from", "fit a Gaussian mixture instead")

    # -- documents -----------------------------------------------------------------------------------------------------
    def from_dict(self, document: dict) -> KMeansParams:
        return KMeansParams(_centers(document))

    @classmethod
    def components_in(cls, document: dict) -> int:
        return len(_centers(document))

    # -- pictures ------------------------------------------------------------------------------------------------------
    def plate(self, data: Dataset) -> Plate:
        return Plate("", ("c",), cost=self.cost or "")

    def shape_name(self, data: Dataset) -> str:
        return "centre"

    def views(self, data: Dataset) -> tuple[View, ...]:
        return kmeans_views.views(data)

    def draw(self, data: Dataset, params: KMeansParams | None, view: View) -> Drawing:
        return kmeans_views.draw(data, None if params is None else params.centers, view)

    def anchors(self, params: KMeansParams, view: View) -> np.ndarray:
        at = params.centers[:, list(view.columns)]
        return at if at.shape[1] == 2 else np.column_stack([at[:, 0], np.zeros(len(at))])

    def move(self, params: KMeansParams, handle: Handle, view: View, position: tuple[float, float]) -> KMeansParams:
        centers = params.centers.copy()
        for column, value in zip(view.columns, position, strict=False):
            if np.isfinite(value):
                centers[handle.component, column] = value
        return KMeansParams(centers)

    def updates(self, data: Dataset, params: KMeansParams, posterior: Posterior) -> list[Update]:
        sign = "w" if data.weights is not None else ""
        over, under = (f"Σ {sign} x", f"Σ {sign}") if sign else ("Σ x", "points")
        return columns("c", over, under, params.centers, posterior.moments.counts, [c.title for c in data.columns])

    def table(self, data: Dataset, params: KMeansParams) -> list[tuple[str, np.ndarray]]:
        return [(f"c {c.title}", params.centers[:, j]) for j, c in enumerate(data.columns)]


def _squares(data: Dataset, params: KMeansParams, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    """((K, d, b) x - centre, (K, b) its squared length) of a block; differences of the data themselves keep ties exact."""
    x = data.memo("columns", lambda: frozen(np.ascontiguousarray(data.x.T)))[:, rows]
    difference = x[None] - params.centers[:, :, None]
    return difference, np.einsum("kdb,kdb->kb", difference, difference)


def _obstacle(data: Dataset) -> str | None:
    size, spread = np.abs(data.x).max(0), np.ptp(data.x, axis=0)
    for j, name in enumerate(data.names):
        if size[j] > LARGEST:
            return (
                f"Column {printable(name)} holds values beyond 1e145, whose squares overflow; divide it by a constant."
            )
        if 0 < spread[j] < SMALLEST:
            return (
                f"Column {printable(name)} varies by less than 1e-145, whose square is lost; multiply it by a constant."
            )
    return None


def _centers(document: dict) -> np.ndarray:
    if not isinstance(document, dict) or "centers" not in document:
        raise UserError("params has no 'centers'", "give the centers, a list of numbers for each")
    return array(document["centers"], "params.centers", 2)
