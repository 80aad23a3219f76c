"""What a model says of how its rows come about: which quantities there are, which of them are seen, what depends on what.

It is drawn as a plate diagram, and written as the joint probability of what is seen and what is hidden.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plate:
    """One row is drawn from the `law` of its component, whose parameters are `symbols` (μ, Σ).

    - `known`: the component of a row is seen, not hidden.
    - `chain`: the component of a row depends on that of the row before it.
    - `cost`: what is lowered instead where nothing is drawn: there is no joint probability then.
    """

    law: str
    symbols: tuple[str, ...]
    known: bool = False
    chain: bool = False
    cost: str = ""
