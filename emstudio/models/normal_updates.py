"""The M-step of normal components by hand: means and variances as quotients, where the covariance family makes them so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emstudio.core.covariance import Covariance
from emstudio.core.prior import NormalPrior
from emstudio.core.updates import Update, columns

_OWN = ("VVV", "VVI")  # each column of each component on its own
_SHARED = ("EEE", "EEI")


@dataclass(frozen=True)
class Weighing:
    """What the rows are weighted by in means and scatter: `sign` (r, or r u), and its sums `rows` (K,); `counts` (K,) = sum
    of r. `cells` is how a row's value is written: x, or x̂ where missing cells stand for their expectation."""

    counts: np.ndarray
    rows: np.ndarray
    sign: str = "r"
    cells: str = "x"


def normal_updates(
    shape: Covariance,
    prior: NormalPrior,
    floor: float,
    means: np.ndarray,
    variances: np.ndarray,
    weighing: Weighing,
    names: Sequence[str],
) -> list[Update]:
    """The updates of means (K, d) and variances (K, d) in the columns `names`."""
    sign, x = weighing.sign, weighing.cells
    pull = (f" + κ {x}̄", " + κ") if prior.means else ("", "")
    made = columns("μ", f"Σ {sign} {x}{pull[0]}", f"Σ {sign}{pull[1]}", means, weighing.rows + prior.means, names)
    quotient = _quotient(shape, prior, weighing, len(names))
    if quotient is None or floor:
        words = "of all scatters, as the family allows" if quotient is None else f"{quotient[0]} ∕ {quotient[1]} + F"
        return made + [
            Update("σ²", words, "", variances[:, j], None, "" if len(names) == 1 else name)
            for j, name in enumerate(names)
        ]
    return made + columns("σ²", *quotient[:2], variances, quotient[2], names)


def _quotient(shape: Covariance, prior: NormalPrior, weighing: Weighing, d: int) -> tuple[str, str, np.ndarray] | None:
    """(above, below, the numbers below (K,)) of a variance; None where the family shares more than averages."""
    k = len(weighing.counts)
    square = f"{weighing.sign} ({weighing.cells} − μ)²"
    added = " + prior" if prior.counts else ""
    more = f" + {prior.counts:g}" if prior.counts else ""
    own = weighing.counts + prior.counts
    everybody = np.full(k, own.sum())
    if shape.name in _OWN or (d == 1 and shape.name[0] == "V"):
        return f"Σ {square}{added}", f"Σ r{more}", own
    if shape.name in _SHARED or (d == 1 and shape.name[0] == "E"):
        return f"ΣΣ {square}{added}", "n", everybody
    if shape.name == "VII":
        return f"Σ {weighing.sign} |{weighing.cells} − μ|²{added}", "d Σ r", own * d
    if shape.name == "EII":
        return f"ΣΣ {weighing.sign} |{weighing.cells} − μ|²{added}", "d n", everybody * d
    return None
