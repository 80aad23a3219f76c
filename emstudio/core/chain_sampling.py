"""E-steps that draw paths: a generator of sweeps, pulled one by one; the last one brings the posterior."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from emstudio.core import interrupt, samplers, smoothing
from emstudio.core.chain_data import bag_of
from emstudio.core.chain_paths import levels_of
from emstudio.core.chain_posterior import ChainPosterior, collected, emissions, plan_of, possible
from emstudio.core.data import Dataset
from emstudio.core.family import NEVER
from emstudio.core.how import EStep
from emstudio.core.model import Params
from emstudio.core.samplers_tally import tally

if TYPE_CHECKING:
    from emstudio.core.chain import Chain


@dataclass(frozen=True, eq=False)
class Sweep:
    """The chains after sweep `index` of `of` (0: their random starts): `states` (n, M), and `trace` (index + 1, M, s) so far.

    `posterior` is there on the last only.
    """

    index: int
    of: int
    states: np.ndarray
    trace: np.ndarray
    posterior: ChainPosterior | None = None


def sampling(
    model: Chain, data: Dataset, params: Params, how: EStep, rng: np.random.Generator, resp: bool = True
) -> Iterator[Sweep]:
    """The sweeps of one sampled E-step, from chains that are started afresh. The last brings the posterior of `e_step`.

    UserError where no path can have made a series.
    """
    bag = bag_of(data)
    start, transitions, theta = model.split(params)
    evaluator = model.family().evaluator(bag.data, theta)
    scores = emissions(evaluator, bag)
    with possible(data):
        exact = smoothing.smooth(scores, start, transitions, data.offsets, plan_of(data, len(start)))
    of = 0 if how.kind == "ffbs" else how.burn_in + how.sweeps
    trace = np.empty((of + 1, how.draws, len(model.traced)), np.float32)
    for index, states in enumerate(samplers.sweeps(scores, start, transitions, data.offsets, how, rng)):
        interrupt.check()
        trace[index] = model.trace_of(data, states)
        if index < of:
            yield Sweep(index, of, states, trace[: index + 1])
    drawn = tally(states, data.offsets, len(start))
    first, pairs = drawn.first.mean(0), drawn.pairs.mean(0)
    gamma = np.stack([np.count_nonzero(states == k, axis=1) for k in range(len(start))]) / states.shape[1]
    moments = collected(evaluator, bag, gamma)
    finite = np.maximum(scores, NEVER)
    levels = levels_of(finite, start, transitions, data.offsets, states)
    likelihood = math.fsum(exact.log_likelihood)
    kept = gamma.T if resp or bag.partly else None
    found = ChainPosterior(
        kept,
        0.0,
        likelihood,
        moments,
        first=first,
        pairs=pairs,
        exact=exact,
        paths=states,
        levels=levels,
        trace=trace,
    )
    # The bound of drawn paths is log L(old) + Q(new) - Q(old): it touches the log-likelihood where they were drawn.
    with_entropy = replace(found, entropy=likelihood - model.level(data, params, found))
    yield Sweep(of, of, states, trace, with_entropy)


def drawn_path(
    scores: np.ndarray, start: np.ndarray, transitions: np.ndarray, offsets: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """(n, 1) one path from the posterior."""
    return next(iter(samplers.sweeps(scores, start, transitions, offsets, EStep("ffbs", draws=1), rng)))
