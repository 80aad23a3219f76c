"""How an E-step is done, for every model: exactly, by the best component, by a drawn one, or at a temperature."""

from __future__ import annotations

import math
from dataclasses import dataclass

from emstudio.core.errors import UserError

E_STEPS = (
    ("soft", "Soft", "The exact posterior: each point is shared among the components."),
    ("hard", "Hard", "Each point goes to its most probable component (classification EM); ties to the first."),
    ("stochastic", "Stochastic", "Each point goes to a component drawn with its responsibilities."),
    ("annealed", "Annealed", "Scores are divided by a temperature first: above 1 softer, below 1 harder."),
)


@dataclass(frozen=True)
class EStep:
    """How an E-step makes responsibilities from scores s = log pi_k + log p(x | k), before they are normalised.

    `soft`: r proportional to exp(s). `hard`: 1 for the largest s, the first of equals. `stochastic`: 1 for a component
    drawn with probability proportional to exp(s). `annealed`: r proportional to exp(s / temperature).
    Sources: Celeux and Govaert 1992, Computational Statistics and Data Analysis 14 (hard and stochastic); Ueda and Nakano
    1998, Neural Networks 11 (annealed, with beta = 1 / temperature).
    """

    kind: str = "soft"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        kinds = [kind for kind, _, _ in E_STEPS]
        if self.kind not in kinds:
            raise UserError(f"there is no E-step {self.kind!r}", f"choose from: {', '.join(kinds)}")
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise UserError(f"the temperature {self.temperature:g} cannot be used", "give a finite number above 0")

    @property
    def settles(self) -> bool:
        """Whether a run can converge: what is drawn anew in every E-step never does."""
        return self.kind != "stochastic"

    @property
    def title(self) -> str:
        return next(title for kind, title, _ in E_STEPS if kind == self.kind)


SOFT = EStep()
