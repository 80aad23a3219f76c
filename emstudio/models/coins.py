"""Coins: trials of tosses, each made with one of K coins; which one is hidden, or known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from emstudio.core.data import Dataset, Missing, Table
from emstudio.core.discrete import Biases, Binomial
from emstudio.core.errors import Notice, UserError, printable
from emstudio.core.family import IMPOSSIBLE, NEVER
from emstudio.core.how import EStep
from emstudio.core.marks import Drawing, Handle, View
from emstudio.core.model import Start, register
from emstudio.core.parameter import param
from emstudio.core.plate import Plate
from emstudio.core.posterior import Posterior
from emstudio.core.responsibilities import one_hot
from emstudio.core.updates import Update
from emstudio.models import coin_data, coins_pictures, coins_views, priors, reading
from emstudio.models.discrete import MIXING, MIXING_HELP, DiscreteMixture


class CoinParams(NamedTuple):
    """weights (K,), biases (K,): the probability of heads."""

    weights: np.ndarray
    biases: np.ndarray


@register
@dataclass(frozen=True)
class Coins(DiscreteMixture):
    """p(h, t) = sum_k pi_k (h + t)! / (h! t!) theta_k^h (1 - theta_k)^t, one row for each trial of h heads and t tails.

    With known identities nothing is hidden: the likelihood is that of each trial under its own coin, one M-step (counting)
    maximises it, and the weights are the coins' shares of the trials.
    """

    name: ClassVar[str] = "coins"
    title: ClassVar[str] = "Coins"
    accepted: ClassVar[str] = "trials of tosses: heads with tosses, text such as HTTTHHTHTH, or columns of 0 and 1"
    learns: ClassVar[tuple[str, ...]] = ("coins", "tosses")

    k: int = param(2, "Coins", low=1, high=20, help="How many coins there are.")
    mixing: str = param("free", "Mixing", choices=MIXING, help=MIXING_HELP)
    identities: str = param(
        "hidden",
        "Identities",
        choices=(("hidden", "Hidden"), ("known", "Known")),
        help="Known: the column coin or true_coin says which coin was tossed; its values are the coins.",
    )
    prior_weights: float = priors.on_weights(" where they are free")
    prior_biases: float = priors.on_biases()
    coins: tuple[str, ...] = ()  # names of the known coins, in their order
    tosses: int = 10  # of a trial that is drawn from the model

    @property
    def known(self) -> bool:
        """Whether the data say which coin made each trial."""
        return self.identities == "known"

    @property
    def settled(self) -> bool:
        return self.known

    def family(self) -> Binomial:
        return Binomial(self.prior_biases)

    def split(self, params: CoinParams) -> tuple[np.ndarray, Biases]:
        return params.weights, Biases(params.biases)

    def join(self, weights: np.ndarray, theta: Biases) -> CoinParams:
        return CoinParams(weights, theta.biases)

    def free_parameters(self, data_dimension: int) -> int:
        return self.k + (self.k - 1 if self.free and not self.known else 0)

    # -- data ----------------------------------------------------------------------------------------------------------
    def columns(self, table: Table, taken: Sequence[str | None] = ()) -> tuple[str, ...]:
        return coin_data.default_columns(table, taken)

    def beside(self, table: Table) -> tuple[str, ...]:
        which = coin_data.identity(table) if self.known else None
        return () if which is None else (which.name,)

    def dataset(
        self,
        table: Table,
        names: Sequence[str] | None = None,
        *,
        missing: Missing = "drop",
        weights: str | None = None,
        truth: str | None = None,
    ) -> Dataset:
        needed = self.known and not (self.coins and coin_data.identity(table) is None)
        return coin_data.coin_dataset(table, names, missing=missing, weights=weights, truth=truth, known=needed)

    def respelled(self, data: Dataset, table: Table, rows: np.ndarray) -> Table:
        from emstudio.models import coin_edits

        return coin_edits.respelled(data, table, rows, self.known)

    def for_data(self, data: Dataset) -> Coins:
        totals = data.x.sum(1)
        values, counts = np.unique(totals, return_counts=True)
        tosses = int(values[np.argmax(counts)]) if len(values) and not self._fault(data) else 10
        if not self.known:
            return replace(self, coins=(), tosses=tosses)
        which = coin_data.identity(data.table)
        if which is None or not data.n:
            return replace(self, coins=(), tosses=tosses)
        names = coin_data.coin_names(which, data.rows)
        return replace(self, coins=names, k=max(1, len(names)), tosses=tosses)

    def learned(self) -> dict[str, Any]:
        return {"tosses": self.tosses, **({"coins": list(self.coins)} if self.known else {})}

    @classmethod
    def read_learned(cls, name: str, value: Any) -> Any:
        if name == "tosses":
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= coin_data.LARGEST:
                raise UserError("model.parameters.tosses is no count", "give a whole number of 0 or more")
            return value
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
            raise UserError("model.parameters.coins is no list of names", "give a list of texts")
        return tuple(value)

    def cells(self, x: np.ndarray, names: Sequence[str] | None, rng: np.random.Generator) -> tuple[Sequence[str], list]:
        return coin_data.cells(x.astype(np.int64), names, rng)

    def _fault(self, data: Dataset) -> UserError | None:
        """Why these data are no trials of tosses, or None."""
        if data.d != 2 or not coin_data.is_counted(data.names):
            try:
                self.dataset(data.table)
            except UserError as error:
                return error
            return UserError("these columns are no coin tosses", "choose heads with tosses, or columns of 0 and 1")
        try:
            super().inspect(data)
        except UserError as error:
            return error
        return None

    def inspect(self, data: Dataset) -> None:
        fault = self._fault(data)
        if fault is not None:
            raise fault
        if not self.known:
            return
        file = data.table.source or None
        which = coin_data.identity(data.table)
        if which is None and self.coins:
            return  # new trials, to be explained by the coins that were counted
        if which is None:
            what = "there is no column 'coin' that says which coin was tossed"
            raise UserError(what, "add it, or leave out identities=known", file=file)
        found = len(coin_data.coin_names(which, data.rows))
        if found > 20:
            raise UserError(
                f"{found} coins are named, and at most 20 can be", "leave some out", file=file, column=which.name
            )

    # -- EM ------------------------------------------------------------------------------------------------------------
    def _codes(self, data: Dataset) -> np.ndarray | None:
        """(n,) the coin of each trial where they are known and the data say; a trial without one is a UserError."""
        if not self.known:
            return None

        def make() -> np.ndarray | None:
            codes = coin_data.known_codes(data, self.coins)
            strange = np.flatnonzero(codes < 0) if codes is not None else ()
            if len(strange):
                row, column = int(data.rows[strange[0]]), coin_data.identity(data.table)
                assert column is not None
                what = f"{column.text(row)!r} is none of the coins {', '.join(map(printable, self.coins))}"
                remedy = "fit the model to these trials too, or take the column away"
                raise UserError(what, remedy, file=data.table.source or None, **data.table.where(row, column.name))
            return codes

        return data.memo(f"coins {self.coins}", make)

    def e_step(
        self, data: Dataset, params: CoinParams, how: EStep, rng: np.random.Generator, resp: bool = True
    ) -> Posterior:
        codes = self._codes(data)
        if codes is None:
            return super().e_step(data, params, how, rng, resp)
        certain = one_hot(codes, self.k)
        posterior = self.posterior_of(data, certain, self.split(params)[1])
        density = self.scores(data, params).max(1)
        impossible = np.flatnonzero(density <= IMPOSSIBLE)
        if impossible.size:
            row = int(data.rows[impossible[0]])
            what = f"coin {self.coins[codes[impossible[0]]]} cannot have made this row: its density is zero"
            file = data.table.source or None
            raise UserError(what, "start from other parameters", file=file, row=data.table.row_label(row))
        level = float(density.sum() if data.weights is None else density @ data.weights)
        return Posterior(certain if resp else None, 0.0, level, posterior.moments)

    def m_step(self, data: Dataset, params: CoinParams, posterior: Posterior) -> CoinParams:
        if self._codes(data) is None:
            return super().m_step(data, params, posterior)
        moments = posterior.moments
        biases = self.family().estimate(moments, Biases(params.biases)).biases
        return CoinParams(self.shares(moments.counts), biases)

    def bound(self, data: Dataset, params: CoinParams, posterior: Posterior) -> float:
        if self._codes(data) is None:
            return super().bound(data, params, posterior)
        own = float(self.family().expected(posterior.moments, Biases(params.biases)).sum())
        return own + self.penalty(params, posterior)

    def penalty(self, params: CoinParams, posterior: Posterior) -> float:
        """With known identities the weights have no part in the likelihood, and none in the objective."""
        if not self.known:
            return super().penalty(params, posterior)
        return self.family().log_prior(posterior.moments, Biases(params.biases))

    def scores(self, data: Dataset, params: CoinParams) -> np.ndarray:
        """With known identities the density under a trial's own coin, the others being out of the question."""
        codes = self._codes(data)
        if codes is None:
            return super().scores(data, params)
        own = self.family().log_density(data.x, Biases(params.biases))
        return np.where(one_hot(codes, self.k) > 0, own, NEVER)

    def notices(self, data: Dataset, params: CoinParams, posterior: Posterior) -> list[Notice]:
        if self.known:
            return []
        found = super().notices(data, params, posterior)
        tossed = data.x.sum(1) if data.weights is None else data.x.sum(1)[data.weights > 0]
        most, needed = int(tossed.max(initial=0)), 2 * self.k - 1
        if self.free and most < needed:
            text = (
                f"The coins cannot be told apart: {self.k} coins with free mixing need at least {needed} tosses in a "
                f"trial, and no trial has more than {most}. Other parameters explain these data just as well."
            )
            found.append(Notice("not-identifiable", text))
        return found

    # -- starts --------------------------------------------------------------------------------------------------------
    def features(self, data: Dataset) -> np.ndarray:
        """(n, 1) the share of heads; that of all tosses where there was none."""
        tosses = data.x.sum(1)
        share = data.x[:, 0].sum() / max(tosses.sum(), 1.0)
        return np.where(tosses > 0, data.x[:, 0] / np.maximum(tosses, 1.0), share)[:, None]

    def rough(self, data: Dataset) -> Biases:
        return Biases(np.full(self.k, 0.5))

    def init(self, data: Dataset, start: Start, rng: np.random.Generator) -> CoinParams:
        if not self.known or start.method == "params":
            return super().init(data, start, rng)
        self.require(data)
        codes = self._codes(data)
        assert codes is not None
        return self._from(data, one_hot(codes, self.k))

    def sample(self, params: CoinParams, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        component = rng.choice(self.k, size=n, p=params.weights / params.weights.sum())
        return self.family().sample(Biases(params.biases), component, rng, self.tosses), component

    # -- documents -----------------------------------------------------------------------------------------------------
    def check(self, data: Dataset, params: CoinParams) -> None:
        reading.check_weights(params.weights, self.k)
        outside = np.flatnonzero((params.biases < 0) | (params.biases > 1))
        if outside.size:
            k = int(outside[0])
            raise UserError(f"the bias of component {k} is {float(params.biases[k])!r}", "give a number from 0 to 1")

    def from_dict(self, document: dict) -> CoinParams:
        weights, biases = reading.arrays(document, weights=1, biases=1)
        reading.same_length(weights=weights, biases=biases)
        return CoinParams(weights, biases)

    @classmethod
    def components_in(cls, document: dict) -> int:
        return len(reading.arrays(document, weights=1)[0])

    # -- pictures ------------------------------------------------------------------------------------------------------
    def plate(self, data: Dataset) -> Plate:
        return Plate("Binomial", ("θ",), known=self.known)

    def shape_name(self, data: Dataset) -> str:
        return "bias"

    def views(self, data: Dataset) -> tuple[View, ...]:
        return coins_pictures.views() + coins_views.views(data)

    def draw(self, data: Dataset, params: CoinParams | None, view: View) -> Drawing:
        if view.kind in coins_pictures.KINDS:
            return coins_pictures.draw(data, params, view, self._codes(data) if self.coins else None)
        return coins_views.draw(data, params, view)

    def anchors(self, params: CoinParams, view: View) -> np.ndarray:
        return coins_views.anchors(params, view)

    def move(self, params: CoinParams, handle: Handle, view: View, position: tuple[float, float]) -> CoinParams:
        if view.kind in coins_pictures.KINDS:
            return coins_pictures.move(params, handle, position)
        return coins_views.move(params, handle, view, position)

    def updates(self, data: Dataset, params: CoinParams, posterior: Posterior) -> list[Update]:
        added = self.prior_biases - 1.0
        sums = posterior.moments.sums + added
        more = (" + a − 1", " + 2 (a − 1)") if added else ("", "")
        bias = Update(
            "θ", f"Σ r h{more[0]}", f"Σ r (h + t){more[1]}", params.biases, sums.sum(1), rest=sums[:, 1].copy()
        )
        return [bias, *super().updates(data, params, posterior)]

    def expected(self, posterior: Posterior) -> list[tuple[str, np.ndarray]]:
        heads, tails = posterior.moments.sums.T
        word = "counted" if self.known else "expected"
        return [(f"{word} H", heads), (f"{word} T", tails)]

    def table(self, data: Dataset, params: CoinParams) -> list[tuple[str, np.ndarray]]:
        return [("weight π", params.weights), ("bias θ", params.biases)]
