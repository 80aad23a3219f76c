"""One sweep over the sites of chains with any number of states, many chains at once.

A separator holds the state K: a site after it is a first one (its factor is the start's probability), a site before it a
last one (no factor), so that boundaries need no rule of their own. Tables over the states of both neighbours hold the
logarithms of the chain's factors; what the observations and the random numbers add is made for many sites at once.
"""

from __future__ import annotations

import numpy as np

from emstudio.core.samplers_binary import drawn_sites, grouped
from emstudio.core.samplers_layout import Block, Layout, series_steps

_CELLS = 1 << 16  # random numbers made at a time, so that they stay in the cache
_LEAST = 1e-300  # an exponential number is never 0, whose logarithm would meet that of a forbidden move


def factors(start: np.ndarray, transitions: np.ndarray) -> np.ndarray:
    """(K + 1, K + 1) log of what a step from one state to the next is worth; state K is that there is none."""
    k = len(start)
    out = np.zeros((k + 1, k + 1))
    with np.errstate(divide="ignore"):
        out[:k, :k], out[k, :k] = np.log(transitions), np.log(start)
    return out


def _between(log_factors: np.ndarray) -> np.ndarray:
    """((K + 1)^2, K) log of what a state is worth between the neighbours p and r, row (K + 1) p + r."""
    k = len(log_factors) - 1
    return (log_factors[:, None, :k] + log_factors[:k].T[None]).reshape(-1, k)


def _changes(log_factors: np.ndarray) -> np.ndarray:
    """(K^2 (K + 1)^2,) log-ratio of a change from z to w between p and r, at ((z K + w) (K + 1) + p) (K + 1) + r.

    Neighbours between which z cannot stand never occur; a change between them is forbidden like one to a forbidden state.
    """
    between = _between(log_factors).T
    with np.errstate(invalid="ignore"):
        ratio = between[None] - between[:, None]
    return np.where(np.isnan(ratio), -np.inf, ratio).reshape(-1)


class _Sites:
    """What both rules share: the buffer, and which blocks are made ready together."""

    def __init__(self, scores, start, transitions, layout: Layout, states: np.ndarray, rng) -> None:
        self._k, self._rng, self._states = len(start), rng, states
        self._separators = layout.separators
        self._scores = layout.spread(np.ascontiguousarray(scores.T), 0.0)  # (rows, K)
        self._factors = factors(start, transitions)
        rows = max(1, _CELLS // (self._k * states.shape[1]))
        self._groups = _groups(layout.blocks, rows)

    def _codes(self, block: Block) -> np.ndarray:
        """(rows, M) which neighbours each site of the block has: (K + 1) p + r."""
        code = self._states[block.before] * (self._k + 1)
        code += self._states[block.after]
        return code

    def __call__(self) -> None:
        """One sweep."""
        for rows, blocks in self._groups:
            self._sweep(rows, blocks)
            if rows.step is not None:
                self._states[self._separators] = self._k

    def _sweep(self, rows: slice, blocks: list[tuple[int, int, Block]]) -> None:
        raise NotImplementedError


class HeatBath(_Sites):
    """Each site is drawn from its distribution given all others: the state of the largest log-weight plus Gumbel noise."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self._between = _between(self._factors)

    def _sweep(self, rows: slice, blocks: list[tuple[int, int, Block]]) -> None:
        scores = self._scores[rows]
        noise = self._rng.standard_exponential((len(scores), self._states.shape[1], self._k))
        np.log(np.maximum(noise, _LEAST, out=noise), out=noise)
        np.subtract(scores[:, None, :], noise, out=noise)
        for lo, hi, block in blocks:
            weights = self._between.take(self._codes(block), axis=0)
            weights += noise[lo:hi]
            self._states[block.here] = weights.argmax(axis=-1)


class Metropolis(_Sites):
    """Each site is offered another state, all others alike, and takes it with the ratio of the densities, at most 1."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self._changes = _changes(self._factors)

    def _sweep(self, rows: slice, blocks: list[tuple[int, int, Block]]) -> None:
        k, now = self._k, self._states[rows]
        held = np.minimum(now, k - 1)  # in a separator anything; it is put back
        offered = (held + self._rng.integers(1, k, now.shape)) % k
        base, needed = offer(self._scores[rows], held, offered, k)
        needed -= self._rng.standard_exponential(now.shape)
        for lo, hi, block in blocks:
            accepted = self._changes.take(base[lo:hi] + self._codes(block)) > needed[lo:hi]
            np.copyto(self._states[block.here], offered[lo:hi], where=accepted)


def offer(scores: np.ndarray, held: np.ndarray, offered: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(where the changes begin in the table, log-ratio that the chain must outweigh) for `scores` (rows, K)."""
    ratio = np.take_along_axis(scores, held, 1) - np.take_along_axis(scores, offered, 1)
    return (held * k + offered) * (k + 1) ** 2, ratio


class RandomSite:
    """Metropolis at sites drawn at random: in a sweep every series of n steps gets n updates, its own in each chain."""

    def __init__(
        self, scores, start, transitions, layout: Layout, offsets: np.ndarray, states: np.ndarray, rng
    ) -> None:
        self._k, self._rng, self._states = len(start), rng, states
        self._scores = layout.spread(np.ascontiguousarray(scores.T), 0.0).reshape(-1)
        self._changes = _changes(factors(start, transitions))
        self._first, self._lengths = layout.at[offsets[:-1]], np.diff(offsets)
        self._steps = grouped(series_steps(offsets), max(1, _CELLS // (4 * states.shape[1])))

    def __call__(self) -> None:
        """One sweep."""
        k, chains, flat = self._k, self._states.shape[1], self._states.reshape(-1)
        for series, cuts in self._steps:
            sites = drawn_sites(self._rng, self._first[series], self._lengths[series], chains)
            steps = self._rng.integers(1, k, sites.shape)
            drawn = self._rng.standard_exponential(sites.shape)
            cells, scored = sites * chains + np.arange(chains), sites * k
            for cut in cuts:
                at, score = cells[cut], scored[cut]
                held = flat.take(at)
                offered = (held + steps[cut]) % k
                code = (held * k + offered) * (k + 1) + flat.take(at - chains)
                code = code * (k + 1) + flat.take(at + chains)
                ratio = self._changes.take(code)
                ratio += self._scores.take(score + offered) - self._scores.take(score + held)
                flat[at] = np.where(ratio > -drawn[cut], offered, held)


def _groups(blocks: tuple[Block, ...], most: int) -> list[tuple[slice, list[tuple[int, int, Block]]]]:
    """Consecutive blocks made ready together, large ones in parts: (their rows, [(from, to in them, block)])."""
    parts = [part for block in blocks for part in _parts(block, most)]
    made: list[tuple[slice, list[tuple[int, int, Block]]]] = []
    for part in parts:
        here = part.here
        size = len(range(here.start, here.stop, here.step or 1))
        if made and here.step is None:
            rows, held = made[-1]
            if here.stop - rows.start <= most:
                made[-1] = (
                    slice(rows.start, here.stop),
                    [*held, (here.start - rows.start, here.stop - rows.start, part)],
                )
                continue
        made.append((here, [(0, size, part)]))
    return made


def _parts(block: Block, most: int) -> list[Block]:
    step = block.here.step or 1
    span = most * step
    return [
        Block(
            *(
                slice(s.start + lo, min(s.start + lo + span, s.stop), s.step)
                for s in (block.here, block.before, block.after)
            )
        )
        for lo in range(0, block.here.stop - block.here.start, span)
    ]
