"""The change of one site, as Metropolis weighs it: the ratio of two paths' densities and the factors that do not cancel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Factor:
    """One factor of the ratio: `new` over `old`, as logarithms.

    `kind`: `start` (of a series, p(z_1)), `before` (the step into the site), `after` (the step out of it), `observation`.
    `steps` are the states that the new and the old path go from and to, ((p, new), (p, old)); for `start` and
    `observation` the state alone, ((new,), (old,)).
    """

    kind: str
    steps: tuple[tuple[int, ...], tuple[int, ...]]
    new: float
    old: float

    @property
    def log_ratio(self) -> float:
        """log (new / old), in nats."""
        return _difference(self.new, self.old)


@dataclass(frozen=True)
class Flip:
    """Changing `site` (a row from 0) from the state `old` to `new`: accepted with probability min(1, exp(log_ratio))."""

    site: int
    old: int
    new: int
    log_ratio: float
    factors: tuple[Factor, ...]

    @property
    def ratio(self) -> float:
        """p(new path, x) / p(old path, x); infinite where only the new one is possible or it is too large for a float."""
        return math.exp(self.log_ratio) if self.log_ratio < 709.0 else math.inf


def flip(
    scores: np.ndarray,
    start: np.ndarray,
    transitions: np.ndarray,
    offsets: np.ndarray,
    path: np.ndarray,
    site: int,
    to: int,
) -> Flip:
    """What Metropolis makes of changing `path` (n,) at `site` to the state `to`.

    A[p, to] A[to, r] b(to) / (A[p, z] A[z, r] b(z)) with z the state there, p and r its neighbours in the series, and
    b = p(x | state): all other factors of p(path, x) cancel.
    """
    old, new = int(path[site]), int(to)
    with np.errstate(divide="ignore"):
        log_start, log_step = np.log(start), np.log(transitions)
    found = []
    if site in offsets[:-1]:
        found.append(Factor("start", ((new,), (old,)), float(log_start[new]), float(log_start[old])))
    else:
        p = int(path[site - 1])
        found.append(Factor("before", ((p, new), (p, old)), float(log_step[p, new]), float(log_step[p, old])))
    if site + 1 not in offsets[1:]:
        r = int(path[site + 1])
        found.append(Factor("after", ((new, r), (old, r)), float(log_step[new, r]), float(log_step[old, r])))
    found.append(Factor("observation", ((new,), (old,)), float(scores[new, site]), float(scores[old, site])))
    total = _difference(sum(f.new for f in found), sum(f.old for f in found))
    return Flip(site, old, new, total, tuple(found))


def _difference(new: float, old: float) -> float:
    """new - old, where a path that is impossible either way stays so."""
    return -math.inf if new == -math.inf else new - old
