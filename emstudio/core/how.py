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

SAMPLERS = (
    (
        "metropolis",
        "Metropolis, random site",
        "Propose to flip a site drawn at random; accept with the density's ratio.",
    ),
    (
        "scan-metropolis",
        "Metropolis, site after site",
        "The same proposals in order, which the lecture text calls Gibbs.",
    ),
    ("gibbs", "Gibbs (heat bath)", "Draw each site in order from its distribution given all others."),
    ("ffbs", "Forward filter, backward sample", "Draw whole paths: each is an independent draw from the posterior."),
)
_SAMPLED = tuple(kind for kind, _, _ in SAMPLERS)
_KINDS = (*(kind for kind, _, _ in E_STEPS), *_SAMPLED)


@dataclass(frozen=True)
class EStep:
    """How an E-step makes responsibilities from scores s = log pi_k + log p(x | k), before they are normalised.

    `soft`: r proportional to exp(s). `hard`: 1 for the largest s, the first of equals. `stochastic`: 1 for a component
    drawn with probability proportional to exp(s). `annealed`: r proportional to exp(s / temperature).

    In a chain `soft` is forward-backward, `hard` the Viterbi path, `stochastic` one path drawn backward, `annealed`
    forward-backward on tempered scores. The `SAMPLERS` are for chains alone: `draws` independent chains, each started
    afresh from a random path, go through `burn_in` + `sweeps` sweeps of n updates of one site, and the last path of each
    counts. `alternate` updates all even sites and then all odd ones, which is faster and leaves the same posterior;
    it means something to `scan-metropolis` and `gibbs`. `ffbs` needs no sweeps. Transitions that none of the drawn paths
    makes, or not the best one of `hard`, are 0 after the M-step and for ever.
    Sources: Celeux and Govaert 1992, Computational Statistics and Data Analysis 14 (hard and stochastic); Ueda and Nakano
    1998, Neural Networks 11 (annealed, with beta = 1 / temperature).
    """

    kind: str = "soft"
    temperature: float = 1.0
    draws: int = 100
    sweeps: int = 75
    burn_in: int = 0
    alternate: bool = False

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise UserError(f"there is no E-step {self.kind!r}", f"choose from: {', '.join(_KINDS)}")
        for name, value, low in (("draws", self.draws, 1), ("sweeps", self.sweeps, 1), ("burn-in", self.burn_in, 0)):
            if value < low:
                raise UserError(f"{value} {name} cannot be used", f"give a whole number of {low} or more")
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise UserError(f"the temperature {self.temperature:g} cannot be used", "give a finite number above 0")

    @property
    def settles(self) -> bool:
        """Whether a run can converge: what is drawn anew in every E-step never does."""
        return not self.drawn

    @property
    def sampled(self) -> bool:
        """Whether whole paths are drawn by one of the `SAMPLERS`."""
        return self.kind in _SAMPLED

    @property
    def drawn(self) -> bool:
        """Whether the posterior depends on the generator."""
        return self.kind == "stochastic" or self.sampled

    @property
    def title(self) -> str:
        """Its name in menus."""
        return next(title for kind, title, _ in (*E_STEPS, *SAMPLERS) if kind == self.kind)

    @property
    def name(self) -> str:
        """Its name in the middle of a sentence."""
        names = {
            "metropolis": "Metropolis",
            "scan-metropolis": "Metropolis scan",
            "gibbs": "Gibbs",
            "ffbs": "whole paths",
        }
        return names.get(self.kind, self.kind)


SOFT = EStep()
