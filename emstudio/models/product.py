"""Product mixture: columns of different kinds, independent within a component, each with a family of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from emstudio.core.covariance import COVARIANCES
from emstudio.core.data import Dataset, Missing, Table
from emstudio.core.discrete import Categorical, Poisson, Probabilities, Rates, log0, log_factorial
from emstudio.core.errors import Degenerate, Notice, UserError, printable
from emstudio.core.frame import frame_of
from emstudio.core.gaussian import Gaussian, Normal, Scatter
from emstudio.core.marks import Drawing, Handle, View
from emstudio.core.model import Start, register
from emstudio.core.parameter import param
from emstudio.core.plate import Plate
from emstudio.core.posterior import Posterior
from emstudio.core.prior import NormalPrior
from emstudio.core.product import Part, Product
from emstudio.core.responsibilities import log_weights, softmax
from emstudio.core.updates import Update
from emstudio.models import (
    gaussian_checks,
    priors,
    product_columns,
    product_documents,
    product_updates,
    product_views,
    reading,
)
from emstudio.models.discrete import LARGEST, DiscreteMixture
from emstudio.models.product_documents import ProductParams

_SHAPE = COVARIANCES["VVI"]  # columns are independent within a component
_LOG_2PI = float(np.log(2.0 * np.pi))


@register
@dataclass(frozen=True)
class ProductMixture(DiscreteMixture):
    """p(x) = sum_k pi_k prod_j p_j(x_j | theta_kj), p_j normal, Poisson or categorical."""

    name: ClassVar[str] = "product"
    title: ClassVar[str] = "Product mixture"
    accepted: ClassVar[str] = "columns of numbers, counts and categories"
    learns: ClassVar[tuple[str, ...]] = ("categories",)

    k: int = param(2, "Components", low=1, high=20, help="How many components are mixed.")
    families: str = param(
        "",
        "Families",
        help="COLUMN:gaussian, COLUMN:poisson or COLUMN:categorical with commas between; columns that are not named go by "
        "their kind: numbers gaussian, counts poisson, text categorical.",
    )
    prior_weights: float = priors.on_weights()
    prior_means: float = priors.on_means()
    prior_variances: float = priors.on_covariances("variances", "σ²", "variances / K^(2/d)")
    prior_rates: float = priors.on_rates()
    prior_probabilities: float = priors.on_probabilities()
    categories: product_columns.Categories = ()

    # -- columns -------------------------------------------------------------------------------------------------------
    def __post_init__(self) -> None:
        product_columns.parse(self.families)

    @property
    def plan(self) -> tuple[tuple[str, str], ...]:
        """(column, family) in the order of the data's columns, as `for_data` wrote them down."""
        return tuple(product_columns.parse(self.families).items())

    def places(self, family: str) -> tuple[int, ...]:
        """The columns of one family."""
        return tuple(j for j, (_, f) in enumerate(self.plan) if f == family)

    def sizes(self) -> tuple[int, ...]:
        """The numbers of categories of the categorical columns."""
        levels = dict(self.categories)
        return tuple(len(levels.get(name, ())) for name, f in self.plan if f == "categorical")

    def columns(self, table: Table, taken: Sequence[str | None] = ()) -> tuple[str, ...]:
        return product_columns.default_columns(table, product_columns.parse(self.families), taken)

    def dataset(
        self,
        table: Table,
        names: Sequence[str] | None = None,
        *,
        missing: Missing = "drop",
        weights: str | None = None,
        truth: str | None = None,
    ) -> Dataset:
        given = product_columns.parse(self.families)
        chosen = self.columns(table, (weights, truth)) if names is None else names
        return product_columns.product_dataset(
            table, chosen, given, self.categories, missing=missing, weights=weights, truth=truth
        )

    def for_data(self, data: Dataset) -> ProductMixture:
        given = product_columns.parse(self.families)
        for name in given:
            data.table.column(name)
        plan, levels = [], []
        for c in data.columns:
            family = product_columns.family_of(c, given)
            plan.append((c.name, family))
            if family == "categorical":
                levels.append((c.name, product_columns.levels_of(c, data.rows)))
        return replace(self, families=product_columns.written(plan), categories=tuple(levels))

    def learned(self) -> dict[str, Any]:
        return {"categories": {name: list(levels) for name, levels in self.categories}}

    @classmethod
    def read_learned(cls, name: str, value: Any) -> Any:
        return product_documents.read_categories(value)

    def cells(self, x: np.ndarray, names: Sequence[str] | None, rng: np.random.Generator) -> tuple[Sequence[str], list]:
        columns: list[list] = x.T.tolist()
        levels = dict(self.categories)
        for j, (name, family) in enumerate(self.plan):
            if family == "categorical":
                columns[j] = [levels[name][int(v)] for v in columns[j]]
            elif family == "poisson":
                columns[j] = [int(v) for v in columns[j]]
        return tuple(name for name, _ in self.plan), [list(row) for row in zip(*columns)]

    def inspect(self, data: Dataset) -> None:
        file = data.table.source or None
        if "weights" in data.names:
            what = "a column named weights cannot be told from the mixing weights"
            raise UserError(what, "rename it", file=file, column="weights")
        names = tuple(name for name, _ in self.plan)
        if names != data.names:
            listed = ", ".join(map(printable, names)) or "none yet"
            raise UserError(f"the families are for other columns ({listed})", "choose these columns", file=file)
        for j in self.places("poisson"):
            bad = np.flatnonzero(
                (data.x[:, j] < 0) | (data.x[:, j] != np.floor(data.x[:, j])) | (data.x[:, j] > LARGEST)
            )
            if bad.size:
                where = data.table.where(int(data.rows[bad[0]]), data.names[j])
                what = f"{data.x[bad[0], j]:.6g} is no count"
                raise UserError(what, f"write {data.names[j]}:gaussian, or correct it", file=file, **where)

    def accepts(self, data: Dataset) -> str | None:
        problem = super().accepts(data)
        if problem is None and self.places("gaussian"):
            problem = gaussian_checks.obstacle(self._gaussian_part().of(data), self.k, _SHAPE, 0.0)
        return problem

    def stride(self, columns: Sequence[int], step: list[float]) -> list[float]:
        numbers = self.places("gaussian")
        return [s if j in numbers else float(np.rint(s)) for j, s in zip(columns, step)]

    def admissible(self, x: np.ndarray) -> np.ndarray:
        x = np.array(x, float)
        for j in self.places("poisson"):
            x[:, j] = np.clip(np.rint(x[:, j]), 0.0, LARGEST)
        for j, size in zip(self.places("categorical"), self.sizes()):
            x[:, j] = np.clip(np.rint(x[:, j]), 0.0, max(size - 1, 0))
        return x

    # -- the family ----------------------------------------------------------------------------------------------------
    @property
    def _normal_prior(self) -> NormalPrior:
        return NormalPrior(self.prior_means, self.prior_variances)

    def _gaussian_part(self) -> Part:
        return Part(Gaussian(_SHAPE, prior=self._normal_prior), self.places("gaussian"))

    def family(self) -> Product:
        parts = []
        if self.places("gaussian"):
            parts.append(self._gaussian_part())
        if self.places("poisson"):
            parts.append(Part(Poisson(self.prior_rates), self.places("poisson")))
        parts += [
            Part(Categorical(c, self.prior_probabilities), (j,))
            for j, c in zip(self.places("categorical"), self.sizes())
        ]
        return Product(tuple(parts))

    def split(self, params: ProductParams) -> tuple[np.ndarray, tuple[Any, ...]]:
        theta: list[Any] = []
        if self.places("gaussian"):
            d = params.variances.shape[1]
            theta.append(Normal(params.means, params.variances[:, :, None] * np.eye(d)))
        if self.places("poisson"):
            theta.append(Rates(params.rates))
        theta += [Probabilities(p) for p in self.blocks(params.probabilities)]
        return params.weights, tuple(theta)

    def blocks(self, probabilities: np.ndarray) -> list[np.ndarray]:
        """The probabilities of each categorical column, (K, its categories)."""
        return np.split(probabilities, np.cumsum(self.sizes())[:-1], axis=1) if self.sizes() else []

    def join(self, weights: np.ndarray, theta: tuple[Any, ...]) -> ProductParams:
        left = list(theta)
        nothing = np.empty((len(weights), 0))
        means = variances = rates = nothing
        if self.places("gaussian"):
            normal = left.pop(0)
            means, variances = normal.means, np.diagonal(normal.covariances, axis1=1, axis2=2).copy()
        if self.places("poisson"):
            rates = left.pop(0).rates
        probabilities = np.concatenate([p.probabilities for p in left], axis=1) if left else nothing
        return ProductParams(weights, means, variances, rates, probabilities)

    def free_parameters(self, data_dimension: int) -> int:
        each = 2 * len(self.places("gaussian")) + len(self.places("poisson")) + sum(c - 1 for c in self.sizes())
        return self.k - 1 + self.k * each

    def guard(self, data: Dataset, params: ProductParams, posterior: Posterior, new: ProductParams) -> None:
        if not self.places("gaussian"):
            return
        part = self._gaussian_part().of(data)
        lost = gaussian_checks.lost(frame_of(part), self.split(new)[1][0].covariances)
        if lost.size:
            resp = posterior.resp
            if resp is None:
                resp = softmax(self.scores(data, params))[0]
            raise Degenerate(gaussian_checks.collapse(part, lost, resp, _SHAPE))

    def notices(self, data: Dataset, params: ProductParams, posterior: Posterior) -> list[Notice]:
        found = super().notices(data, params, posterior)
        if self.places("gaussian"):
            counts = posterior.moments.counts
            normal = self.split(params)[1][0]
            own = gaussian_checks.notices(self._gaussian_part().of(data), normal, counts, _SHAPE)
            found += [n for n in own if n.code != "saddle"]
        return found

    def parting_pays(self, data: Dataset, params: ProductParams, a: int, b: int) -> bool:
        """Components that are alike in every column part wherever columns depend on each other: taken for granted."""
        return len(self.plan) > 1 or super().parting_pays(data, params, a, b)

    def locations(self, params: ProductParams) -> np.ndarray:
        return product_views.centres(self, params)

    # -- starts --------------------------------------------------------------------------------------------------------
    def features(self, data: Dataset) -> np.ndarray:
        """(n, p) numbers and counts as they are, a column of 0 and 1 for each category."""
        plain = [data.x[:, [j]] for j, (_, f) in enumerate(self.plan) if f != "categorical"]
        coded = [
            (data.x[:, [j]] == np.arange(c)).astype(float) for j, c in zip(self.places("categorical"), self.sizes())
        ]
        return np.concatenate(plain + coded, axis=1)

    def rough(self, data: Dataset) -> tuple[Any, ...]:
        def repeated(row: np.ndarray) -> np.ndarray:
            return np.tile(row, (self.k, 1))

        theta: list[Any] = []
        if self.places("gaussian"):
            part = self._gaussian_part().of(data)
            frame = frame_of(part)
            diagonal = np.repeat(np.diag(np.maximum(np.diagonal(frame.total), 1e-12))[None], self.k, axis=0)
            centre = frame.points_back(np.zeros((self.k, part.d)))
            theta.append(Normal(centre, frame.covariances_back(diagonal)))
        if self.places("poisson"):
            theta.append(Rates(repeated(np.maximum(data.x[:, list(self.places("poisson"))].mean(0), 1.0))))
        theta += [Probabilities(np.full((self.k, c), 1.0 / c)) for c in self.sizes()]
        return tuple(theta)

    def _from_parts(self, data: Dataset, resp: np.ndarray) -> ProductParams:
        """A part whose numbers do not vary gets the variances within all parts together, or else those of the data."""
        if not self.places("gaussian"):
            return super()._from_parts(data, resp)
        rough = self.rough(data)
        moments = self.posterior_of(data, resp, rough).moments
        theta = list(self.family().estimate(moments, rough))
        part = self._gaussian_part()
        frame = frame_of(part.of(data))
        own: Scatter = moments.parts[0]
        for spread in (own.scatter.sum(0) / own.counts.sum(), np.diagonal(frame.total)):
            singular = gaussian_checks.singular(frame, theta[0].covariances)
            if singular.any():
                scatter = own.scatter.copy()
                scatter[singular] = np.multiply.outer(own.counts[singular], spread)
                theta[0] = part.family.estimate(replace(own, scatter=scatter), None)
        weights = self.shares(moments.counts) if self.free else np.full(self.k, 1.0 / self.k)
        return self.join(weights, tuple(theta))

    def init(self, data: Dataset, start: Start, rng: np.random.Generator) -> ProductParams:
        params = super().init(data, start, rng)
        if start.method == "points" and self.places("gaussian"):
            return params._replace(variances=self._pooled(data).variances)
        return params

    # -- new rows ------------------------------------------------------------------------------------------------------
    def scores_at(self, params: ProductParams, x: np.ndarray) -> np.ndarray:
        """Columns are independent within a component, so a cell that is not known is left out."""
        x = np.atleast_2d(np.asarray(x, float))
        scores = np.tile(log_weights(params.weights), (len(x), 1))
        for j, (_, family, own) in enumerate(product_documents.by_column(self, params)):
            known = ~np.isnan(x[:, j])
            v = x[known, j][:, None]
            if family == "gaussian":
                mean, variance = own["means"], own["variances"]
                scores[known] += -0.5 * ((v - mean) ** 2 / variance + np.log(variance) + _LOG_2PI)
            elif family == "poisson":
                scores[known] += v * log0(own["rates"]) - own["rates"] - log_factorial(v)
            else:
                block = own["probabilities"]
                code = np.clip(np.rint(v[:, 0]), 0, block.shape[1] - 1).astype(int)
                scores[known] += log0(block[:, code]).T
        return scores

    # -- documents -----------------------------------------------------------------------------------------------------
    def check(self, data: Dataset, params: ProductParams) -> None:
        product_documents.check(self, data, params)

    def to_dict(self, params: ProductParams) -> dict:
        return product_documents.to_dict(self, params)

    def from_dict(self, document: dict) -> ProductParams:
        return product_documents.from_dict(self, document)

    @classmethod
    def components_in(cls, document: dict) -> int:
        return len(reading.arrays(document, weights=1)[0])

    # -- pictures ------------------------------------------------------------------------------------------------------
    def plate(self, data: Dataset) -> Plate:
        return Plate("p", ("θ",))

    def shape_name(self, data: Dataset) -> str:
        return "component"

    def views(self, data: Dataset) -> tuple[View, ...]:
        return product_views.views(data)

    def draw(self, data: Dataset, params: ProductParams | None, view: View) -> Drawing:
        return product_views.draw(self, data, params, view)

    def anchors(self, params: ProductParams, view: View) -> np.ndarray:
        at = product_views.centres(self, params)[:, list(view.columns)]
        return at if at.shape[1] == 2 else np.column_stack([at[:, 0], np.zeros(len(at))])

    def move(self, params: ProductParams, handle: Handle, view: View, position: tuple[float, ...]) -> ProductParams:
        return product_views.move(self, params, handle, view, position)

    def updates(self, data: Dataset, params: ProductParams, posterior: Posterior) -> list[Update]:
        return product_updates.updates(self, data, params, posterior) + super().updates(data, params, posterior)

    def table(self, data: Dataset, params: ProductParams) -> list[tuple[str, np.ndarray]]:
        return product_views.table(self, data, params)
