"""What a model promises of its runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Promises:
    """What the test suite may hold a model to."""

    monotone: bool = True  # the watched objective (log-likelihood plus penalty, or minus the cost) never falls
    climbs: bool = True  # neither half-step lowers the bound
    touches: bool = True  # the bound equals the log-likelihood after an E-step
    likelihood: bool = True  # there is a log-likelihood
    exact: bool = True  # the E-step is exact, no sampling
    maximal: bool = True  # the M-step finds the bound's maximum, and does not only raise it
