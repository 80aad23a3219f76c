"""What an E-step leaves behind: all that M-step, bound and picture need of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np


@dataclass(frozen=True, eq=False)
class Posterior:
    """The result of an E-step.

    `resp` (n, K): responsibilities, rows sum to 1 (None where the caller asked for none, to save memory);
    `entropy`: sum over rows of w H(r), in nats; `log_likelihood`: of the data under the parameters that the E-step was
    made at, whatever kind of E-step; None for a model without one, which has a `cost` instead, lower is better;
    `moments`: the sufficient statistics for the M-step, with `moments.counts` (K,); `temperature`: of an annealed E-step,
    whose bound is E_q[log p(x, z)] + temperature x entropy.
    """

    resp: np.ndarray | None
    entropy: float
    log_likelihood: float | None
    moments: Any
    temperature: float = 1.0
    cost: float | None = None

    heavy: ClassVar[tuple[str, ...]] = ("resp",)  # what grows with the rows; it can be let go and made again

    @property
    def nbytes(self) -> int:
        """The memory of what `lightened` lets go."""
        return sum(_nbytes(getattr(self, name)) for name in self.heavy)

    def lightened(self) -> Posterior:
        """Without what is heavy: the M-step's statistics and the figures stay."""
        return dataclasses.replace(self, **dict.fromkeys(self.heavy))


def _nbytes(value: object) -> int:
    """Of an array, or of the arrays among an object's fields."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    return sum(v.nbytes for v in vars(value).values() if isinstance(v, np.ndarray)) if value is not None else 0
