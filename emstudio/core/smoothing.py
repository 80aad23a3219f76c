"""The exact E-step of a hidden Markov chain: posteriors, expected transitions and likelihoods of many series at once.

Scores are log p(x_t | z_t = k), shape (K, n); an unobserved step has score 0 in every state. Series s is the rows
`offsets[s]` to `offsets[s + 1] - 1`. `start` (K,) and `transitions` (K, K) may hold zeros and need not sum to one: a
likelihood is then the sum over all paths of the product along the path.

Scaled numbers in lockstep (`core/lockstep.py`) do the work; where they may have lost a path that is needed later,
logarithms (`core/lockstep_log.py`) do it again. States that cannot be reached at all are left out first. The same
arguments give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emstudio.core import lockstep_log
from emstudio.core.lockstep import Lockstep, Underflow
from emstudio.core.lockstep_mend import CHECK
from emstudio.core.lockstep_plan import Plan, plan
from emstudio.core.viterbi import viterbi

__all__ = [
    "ImpossibleSeries",
    "Plan",
    "Smoothed",
    "filtered",
    "log_filtered",
    "log_likelihood",
    "plan",
    "smooth",
    "viterbi",
]

RARE = 1e-140  # with every transition above it no path that underflows can be needed later


class ImpossibleSeries(Exception):
    """No path of the chain can have made the series; `row` is the first row up to which none can."""

    def __init__(self, row: int):
        super().__init__(f"no path explains row {row}")
        self.row = row


@dataclass(frozen=True, eq=False)
class Smoothed:
    """The exact posterior of the hidden paths, in sums.

    `gamma` (K, n): P(z_t = k | x). `pairs` (K, K): the sum over all series and steps of P(z_t = j, z_t+1 = k | x).
    `first` (K,): the sum over the series of gamma at their first row. `log_likelihood` (S,): of each series, in nats.
    """

    gamma: np.ndarray
    pairs: np.ndarray
    first: np.ndarray
    log_likelihood: np.ndarray


def smooth(scores, start, transitions, offsets, plan: Plan | None = None) -> Smoothed:
    """Forward-backward. Raises ImpossibleSeries."""
    chain = _Chain(scores, start, transitions, offsets, plan)
    with np.errstate(all="ignore"):
        try:
            gamma, pairs, logs = chain.scaled_smooth()
        except Underflow:
            gamma, pairs, logs = chain.log_smooth()
    gamma, pairs = chain.among_all(gamma), chain.among_all(chain.among_all(pairs).T).T
    return Smoothed(gamma, pairs, gamma[:, chain.plan.series.begins].sum(1), logs)


def filtered(scores, start, transitions, offsets, plan: Plan | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(P(z_t | x_1..t) (K, n), log p(x_t | x_1..t-1) (n,)). Raises ImpossibleSeries."""
    chain = _Chain(scores, start, transitions, offsets, plan)
    with np.errstate(all="ignore"):
        try:
            alpha, pace = chain.scaled_filter()
        except Underflow:
            alpha, pace = chain.log_forward()
            alpha = np.exp(alpha)
    return chain.among_all(alpha), pace


def log_filtered(scores, start, transitions, offsets, plan: Plan | None = None) -> np.ndarray:
    """(K, n) log P(z_t | x_1..t), right also where the probability is below what a number can hold."""
    chain = _Chain(scores, start, transitions, offsets, plan)
    with np.errstate(all="ignore"):
        try:
            return np.log(chain.among_all(chain.scaled_filter()[0]))
        except Underflow:
            return chain.among_all(chain.log_forward()[0], -np.inf)


def log_likelihood(scores, start, transitions, offsets, plan: Plan | None = None) -> np.ndarray:
    """(S,) the log-likelihood of each series, in nats. Raises ImpossibleSeries."""
    chain = _Chain(scores, start, transitions, offsets, plan)
    with np.errstate(all="ignore"):
        try:
            return chain.scaled_likelihood()
        except Underflow:
            return chain.plan.totals(chain.log_forward()[1])


class _Chain:
    """One question: the scores with the states that can be reached at all."""

    def __init__(self, scores, start, transitions, offsets, known: Plan | None):
        start, transitions = np.asarray(start, np.float64), np.asarray(transitions, np.float64)
        scores = np.asarray(scores, np.float64)
        self.plan = plan(offsets, len(start)) if known is None else known
        self.all = len(start)
        self.live = reachable(start, transitions)
        if len(self.live) < self.all:
            start, transitions = start[self.live], transitions[np.ix_(self.live, self.live)]
            scores = scores[self.live]
        self.scores, self.start, self.transitions = scores, start, transitions
        self.careful = bool(transitions.size) and transitions.min() < RARE

    def among_all(self, x: np.ndarray, nothing: float = 0.0) -> np.ndarray:
        """`x` (live states, ...) with rows of `nothing` for the others."""
        if len(x) == self.all:
            return x
        out = np.full((self.all, *x.shape[1:]), nothing)
        out[self.live] = x
        return out

    def scaled_forward(self, period: int = CHECK) -> tuple[Lockstep, np.ndarray]:
        """(the pass after its forward half, packed top of the scores); again with every step scaled where it must be."""
        blocks = self.plan.blocks
        b, top = blocks.emissions(self.scores)
        flats = b, self.plan.borrow(b.size), self.plan.borrow(b.size)
        sweep = Lockstep(self.start, self.transitions, blocks, flats, period)
        try:
            sweep.forward()
        except Underflow:
            if period == 1:
                raise
            sweep = Lockstep(self.start, self.transitions, blocks, flats, 1)
            sweep.forward()
        return sweep, top

    def likelihoods(self, sweep: Lockstep, top: np.ndarray) -> np.ndarray:
        logs = self.plan.blocks.sums(top) + sweep.logs()
        return np.bincount(self.plan.blocks.owner, logs, len(self.plan.offsets) - 1)

    def scaled_likelihood(self) -> np.ndarray:
        if not self.plan.blocks.n:
            return np.zeros(len(self.plan.offsets) - 1)
        if self.careful:
            return self.scaled_smooth()[2]
        sweep, top = self.scaled_forward()
        self.plan.give_back(sweep.flat_alpha, sweep.flat_beta)
        return self.likelihoods(sweep, top)

    def scaled_smooth(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if not self.plan.blocks.n:
            return np.zeros(self.scores.shape), np.zeros(self.transitions.shape), self.scaled_likelihood()
        sweep, top = self.scaled_forward()
        sweep.backward()
        posterior, pairs = sweep.finish(self.careful)
        gamma = self.plan.blocks.unpack(posterior, len(self.start), sweep.flat)
        self.plan.give_back(sweep.flat_alpha, sweep.flat_beta)
        return gamma, pairs, self.likelihoods(sweep, top)

    def scaled_filter(self) -> tuple[np.ndarray, np.ndarray]:
        blocks, k = self.plan.blocks, len(self.start)
        if not blocks.n:
            return np.zeros(self.scores.shape), np.empty(0)
        sweep, top = self.scaled_forward(1)
        if self.careful and sweep.lost_on_the_way():
            raise Underflow
        alpha = blocks.unpack(sweep.flat_alpha, k, sweep.flat)
        self.plan.give_back(sweep.flat_alpha, sweep.flat_beta)
        pace = np.concatenate(list(sweep.scale.values()))
        return alpha, blocks.unpack(np.log(pace) + top, 1)[0]

    def log_forward(self) -> tuple[np.ndarray, np.ndarray]:
        alpha, pace = lockstep_log.forward(self.scores, self.start, self.transitions, self.plan)
        if np.isneginf(pace).any():
            raise ImpossibleSeries(int(np.isneginf(pace).argmax()))
        return alpha, pace

    def log_smooth(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        alpha, pace = self.log_forward()
        gamma, pairs = lockstep_log.backward(self.scores, self.transitions, alpha, pace, self.plan.series)
        return gamma, pairs, self.plan.totals(pace)


def reachable(start: np.ndarray, transitions: np.ndarray) -> np.ndarray:
    """The states, ascending, that some path visits; all where none does."""
    live = start > 0
    if live.all() or not live.any():
        return np.arange(len(start))
    for _ in range(len(start)):
        live = live | (transitions[live] > 0).any(0)
    return np.flatnonzero(live)
