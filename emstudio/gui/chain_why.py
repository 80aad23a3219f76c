"""Why a step of a series has its colour: what came before it, what comes after, and what the draws say, for Explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emstudio.core.em import Moment
from emstudio.core.format import count, letter, number
from emstudio.core.smoothing import ImpossibleSeries
from emstudio.gui.bayes import Rule
from emstudio.gui.chain_numbers import observed, place, step

if TYPE_CHECKING:
    from emstudio.gui.inspector import Why

LONG = 20_000  # steps: while a run is on, the passes over a longer series are not made at every half-step
LATER = "The numbers are there when the run rests."
HINT = "Click a step of the series."
RULE_HINT = (
    "α: how likely all values up to the step are, ending in the state. β: how likely all later ones are from there. "
    "Their product\u2019s share is the step\u2019s colour."
)
FACTORS = ("past \u03b1", "future \u03b2")


def chip(moment: Moment, row: int) -> str:
    """`t = 91`, with its series where there are several."""
    series, t = place(moment, row)
    several = len(moment.data.offsets) > 2
    return f"series {count(series + 1)}, t = {count(t)}" if several else f"t = {count(t)}"


def rule(moment: Moment, row: int) -> Rule | None:
    """alpha x beta of a step in its states, and their sum, the likelihood of the series; None where nothing can be said."""
    try:
        found = step(moment, row)
    except ImpossibleSeries:
        return None
    products = found.forward + found.backward
    return Rule(np.where(np.isnan(products), -np.inf, products), found.forward, factors=FACTORS)


def note(moment: Moment, row: int, found: Why, exact: np.ndarray) -> str:
    """What is to be said beside the numbers: nothing observed, draws, a path, or a temperature."""
    parts = []
    if not observed(moment)[row]:
        parts.append("Nothing was observed here: its neighbours decide.")
    made, shares = found.made, found.shares
    if found.note:
        parts.append(found.note)
    if shares is not None and made.how.kind == "hard":
        parts.append("The bar is the most probable path\u2019s state.")
    elif shares is not None and made.how.drawn:
        paths = getattr(made.snapshot.posterior, "paths", None)
        m = made.how.draws if paths is None else paths.shape[1]
        k = int(np.argmax(exact))
        here = round(float(shares[k]) * m)
        parts.append(
            f"Bar: {count(here)} of {count(m)} draw{'' if m == 1 else 's'} {'is' if here == 1 else 'are'} in "
            f"{letter(k)} here, exactly {number(float(exact[k]), decimals=3)}."
        )
    elif shares is not None and made.how.kind == "annealed":
        parts.append(f"The bar is the posterior at temperature {number(made.how.temperature, 3, trim=True)}.")
    if not parts:
        parts.append("At every step the sum is the series\u2019 likelihood.")
    return " ".join(parts)
