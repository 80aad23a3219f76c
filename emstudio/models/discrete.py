"""What mixtures of counts have in common: mixing weights that may be held, starts, checks of cells, the saddle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from emstudio.core import initial, updates
from emstudio.core.data import Dataset, frozen
from emstudio.core.errors import Notice, UserError
from emstudio.core.format import letter
from emstudio.core.mixture import Mixture
from emstudio.core.model import Params, Start
from emstudio.core.posterior import Posterior
from emstudio.core.prior import log_dirichlet
from emstudio.core.responsibilities import log_weights, one_hot
from emstudio.core.updates import Update
from emstudio.models import gaussian_checks

LARGEST = 2.0**53  # beyond it a double does not hold every whole number
MIXING = (("free", "Free"), ("fixed", "Fixed"))
MIXING_HELP = "Free: the weights are estimated. Fixed: they stay as they start, equal unless given."
_ALIKE = 1e-5  # relative: EM that leaves a saddle slowly may stop so far from it
_RISES = 1e-9


class DiscreteMixture(Mixture):
    """A mixture whose data are counts or categories. Its subclasses say their family, params, pictures and documents."""

    scales: ClassVar[bool] = False
    accelerates: ClassVar[bool] = True
    starts: ClassVar[tuple[str, ...]] = ("kmeans++", "points", "responsibilities")
    prior_weights: float

    @property
    def free(self) -> bool:
        """Whether the mixing weights are estimated."""
        return getattr(self, "mixing", "free") == "free"

    def shares(self, counts: np.ndarray) -> np.ndarray:
        return super().shares(counts + (self.prior_weights - 1.0))

    # -- data ----------------------------------------------------------------------------------------------------------
    def accepts(self, data: Dataset) -> str | None:
        try:
            self.inspect(data)
        except UserError as error:
            return error.sentence()
        if data.n < self.k:
            there = "There is no row" if data.n == 0 else f"There {'is' if data.n == 1 else 'are'} only {_rows(data.n)}"
            return f"{there} for {self.k} component{'s' if self.k > 1 else ''}; add rows or choose fewer components."
        return None

    def inspect(self, data: Dataset) -> None:
        """UserError naming the first cell that is no count."""
        if not data.d:
            raise UserError("there is no column to fit", "choose at least one column of counts")
        if not data.memo("counts", lambda: not _uncountable(data.x).any()):
            i, j = (int(v) for v in np.argwhere(_uncountable(data.x))[0])
            where = data.table.where(int(data.rows[i]), data.names[j])
            what = f"{data.x[i, j]:.6g} is no count"
            remedy = "give whole numbers of 0 or more, or choose other columns or another model"
            raise UserError(what, remedy, file=data.table.source or None, **where)

    def admissible(self, x: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(x), 0.0, LARGEST)

    def stride(self, columns: Sequence[int], step: list[float]) -> list[float]:
        return [float(np.rint(s)) for s in step]

    def cells(self, x: np.ndarray, names: Sequence[str] | None, rng: np.random.Generator) -> tuple[Sequence[str], list]:
        return super().cells(x.astype(np.int64), names, rng)

    # -- EM ------------------------------------------------------------------------------------------------------------
    def m_step(self, data: Dataset, params: Params, posterior: Posterior) -> Params:
        new = super().m_step(data, params, posterior)
        return new if self.free else new._replace(weights=params.weights)

    def bound(self, data: Dataset, params: Params, posterior: Posterior) -> float:
        return super().bound(data, params, posterior) + self.penalty(params, posterior)

    def penalty(self, params: Params, posterior: Posterior) -> float:
        """log p(params) under the priors, but for a constant; weights that are held have none."""
        weights, theta = self.split(params)
        own = self.family().log_prior(posterior.moments, theta)
        return own + log_dirichlet(weights, self.prior_weights) if self.free else own

    def at_coordinates(self, data: Dataset, coordinates: np.ndarray, like: Params) -> Params:
        new = super().at_coordinates(data, coordinates, like)
        return new if self.free else new._replace(weights=like.weights)

    def guard_counts(self, data: Dataset, params: Params, posterior: Posterior) -> None:
        gaussian_checks.guard_counts(posterior.moments.counts)

    # -- starts --------------------------------------------------------------------------------------------------------
    def features(self, data: Dataset) -> np.ndarray:
        """(n, p) in what sense rows are near each other when a start is drawn."""
        return data.x

    def init(self, data: Dataset, start: Start, rng: np.random.Generator) -> Params:
        """A partition (k-means++ too) gives the M-step of its parts, strictly: an outcome that a part has none of gets the
        probability 0 and keeps it, as EM does, unless a prior adds to it. Its logarithm is huge and finite, so that rows
        without the outcome are as likely as ever, and rows with it belong to another component.
        """
        if start.method == "params":
            self.check(data, start.params)
            self.inspect(data)
            return start.params
        self.require(data)
        if start.method == "labels":
            return self._from(data, one_hot(start.labels, self.k))
        if start.method not in self.starts:
            raise UserError(f"there is no start {start.method!r}", f"choose from: {', '.join(self.starts)}")
        near = self._near(data)
        if start.method != "responsibilities" and self._different(near) >= self.k:
            if start.method == "points":
                return self._at_rows(data, initial.distinct_rows(near, self.k, rng))
            labels = initial.nearest(near, initial.seeds(near, self.k, rng))
            return self._from_parts(data, one_hot(labels, self.k))
        return self._from(data, rng.dirichlet(np.ones(self.k), size=data.n))

    def _near(self, data: Dataset) -> Dataset:
        def make() -> Dataset:
            x = frozen(np.ascontiguousarray(self.features(data), dtype=float))
            return replace(data, x=x, _memo={})

        return data.memo(f"features of {self.name}", make)

    def _different(self, near: Dataset) -> int:
        """How many different rows there are with a positive weight, counted up to k."""
        positive = near.x if near.weights is None else near.x[near.weights > 0]
        return near.memo("different rows", lambda: len(np.unique(positive, axis=0)))

    def _from(self, data: Dataset, resp: np.ndarray) -> Params:
        """The M-step of given responsibilities, from equal weights."""
        start = self._pooled(data)
        posterior = self.posterior_of(data, resp, self.split(start)[1])
        return self.m_step(data, start, posterior)

    def _from_parts(self, data: Dataset, resp: np.ndarray) -> Params:
        """The M-step of a drawn partition, which every model makes something of."""
        return self._from(data, resp)

    def _pooled(self, data: Dataset) -> Params:
        """All components alike, as one component would be."""
        posterior = self.posterior_of(data, np.full((data.n, self.k), 1.0 / self.k), self.rough(data))
        return self.join(np.full(self.k, 1.0 / self.k), self.family().estimate(posterior.moments, self.rough(data)))

    def rough(self, data: Dataset) -> Any:
        """Any theta of the right shape that gives every row a positive density."""
        raise NotImplementedError

    def _at_rows(self, data: Dataset, rows: np.ndarray) -> Params:
        """Each component half-way between its row of the data and all of them; equal weights."""
        total = data.total
        resp = np.full((data.n, len(rows)), 1.0 / total)
        for j, i in enumerate(rows):
            weight = 1.0 if data.weights is None else float(data.weights[i])
            resp[i, j] += 1.0 / weight if weight > 0 else 0.0
        pooled = self.split(self._pooled(data))[1]
        moments = self.posterior_of(data, resp, pooled).moments
        return self.join(np.full(self.k, 1.0 / self.k), self.family().estimate(moments, pooled))

    def reseed(self, data: Dataset, params: Params, component: int, rng: np.random.Generator) -> Params:
        """The component starts anew at a row that the others explain badly."""
        scores = self.scores(data, params)
        scores[:, component] = -np.inf
        fresh = self._at_rows(data, np.full(self.k, initial.badly_explained(scores.max(1), data.weights, rng)))
        arrays = [np.array(a) for a in params]
        for mine, theirs in zip(arrays, fresh):
            mine[component] = theirs[component]
        weights = np.array(params.weights)
        if self.free:
            weights[component] = 0.0
            weights *= (1.0 - 1.0 / self.k) / max(weights.sum(), np.finfo(float).tiny)
            weights[component] = 1.0 / self.k
            weights /= weights.sum()
        return type(params)(*arrays)._replace(weights=weights)

    # -- told by hand --------------------------------------------------------------------------------------------------
    def updates(self, data: Dataset, params: Params, posterior: Posterior) -> list[Update]:
        """The weights, where they are free."""
        if not self.free:
            return []
        return [updates.weights(params.weights, posterior.moments.counts, self.prior_weights)]

    # -- finished fits -------------------------------------------------------------------------------------------------
    def notices(self, data: Dataset, params: Params, posterior: Posterior) -> list[Notice]:
        twins = self._twins(params)
        if twins is None or not self.parting_pays(data, params, *twins):
            return []
        a, b = twins
        text = (
            f"Components {letter(a)} and {letter(b)} are identical: this is a saddle of the likelihood, not a maximum, "
            "and EM cannot part them; start from components that differ."
        )
        return [Notice("saddle", text, component=b)]

    def parting_pays(self, data: Dataset, params: Params, a: int, b: int) -> bool:
        """Whether the likelihood rises when the identical components a and b part: it curves upwards in some direction."""
        scores = self.scores(data, params)
        r = np.exp(scores - scores.max(1, keepdims=True))
        r = (r[:, a] + r[:, b]) / r.sum(1)
        theta = self.split(params)[1]
        overspread = self.family().overspread  # type: ignore[attr-defined]
        return overspread(data.x, r if data.weights is None else r * data.weights, theta, a) > _RISES

    def _twins(self, params: Params) -> tuple[int, int] | None:
        """The first two components of positive weight that are alike in everything but their weight."""
        arrays = [np.asarray(a).reshape(self.k, -1) for name, a in params._asdict().items() if name != "weights"]
        for a in range(self.k):
            for b in range(a + 1, self.k):
                if min(params.weights[a], params.weights[b]) > 0 and all(
                    (np.abs(v[a] - v[b]) <= _ALIKE * np.maximum(np.abs(v[a]), np.abs(v[b]))).all() for v in arrays
                ):
                    return a, b
        return None

    # -- new rows ------------------------------------------------------------------------------------------------------
    def scores_at(self, params: Params, x: np.ndarray) -> np.ndarray:
        """A row with a cell that is not known has the weights alone."""
        x = np.atleast_2d(np.asarray(x, float))
        weights, theta = self.split(params)
        whole = ~np.isnan(x).any(axis=1)
        out = np.tile(log_weights(weights), (len(x), 1))
        if whole.any():
            out[whole] += self.family().log_density(x[whole], theta)
        return out


def _uncountable(x: np.ndarray) -> np.ndarray:
    return (x < 0) | (x != np.floor(x)) | (x > LARGEST)


def _rows(n: int) -> str:
    return "1 row" if n == 1 else f"{n} rows"
