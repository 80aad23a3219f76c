"""An M-step as a person does it by hand: each new parameter is something expected, divided by how much there was."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, eq=False)
class Update:
    """One parameter of all components: its `symbol` (θ), the column it belongs to (or none), the formula as text above and
    below the line, and its `values` (K,).

    `below` (K,) is what it was divided by, None where the formula is no quotient (`over` then says in words what it is).
    `rest` (K,) is the part of `below` beside what stands above (tails beside heads), where the formula shows it as a sum.
    """

    symbol: str
    over: str
    under: str
    values: np.ndarray
    below: np.ndarray | None = None
    column: str = ""
    rest: np.ndarray | None = None

    @property
    def above(self) -> np.ndarray:
        """(K,) what stands above the line; the values themselves where there is none."""
        return self.values if self.below is None else self.values * self.below


def weights(values: np.ndarray, counts: np.ndarray, prior: float = 1.0) -> Update:
    """pi_k = n_k / n of counts n_k; with a Dirichlet prior a - 1 is in each count."""
    added = " + a − 1" if prior != 1.0 else ""
    total = float(counts.sum()) + (prior - 1.0) * len(counts)
    under = f"n + {len(counts)} (a − 1)" if added else "n"
    return Update("π", f"Σ r{added}", under, values, np.full(len(values), total))


def weighted(update: Update) -> Update:
    """The same update where rows have weights w: its numbers hold them already, and now its formula shows them."""
    over, under = (re.sub(r"Σ r\b", "Σ w r", words) for words in (update.over, update.under))
    return replace(update, over=over, under=re.sub(r"^(d )?n\b", r"\1Σ w", under))


def columns(
    symbol: str, over: str, under: str, values: np.ndarray, below: np.ndarray, names: Sequence[str]
) -> list[Update]:
    """One update for each column of `values` (K, d), all divided by `below` (K,)."""
    only = len(names) == 1
    return [Update(symbol, over, under, values[:, j], below, "" if only else name) for j, name in enumerate(names)]
