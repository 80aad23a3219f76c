"""One sweep over the sites of chains with two states, many chains at once, two calls of numpy a site.

Given its neighbours p and r, the log-odds of a site's state 1 are those of its own observation plus
log A[p, 1] / A[p, 0] + log A[1, r] / A[0, r], which depends on p + r alone: three numbers a site. Both rules take the
state 1 where a random number is on one side of that number, and the three are in order, rising where
A[1, 1] A[0, 0] >= A[1, 0] A[0, 1] (neighbours like to be alike) and else falling. So it suffices to count, for all sites
of a sweep at once, how many of the three the random number passes; the count is then compared with p + r.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from emstudio.core.samplers_layout import Layout, series_steps

_CELLS = 1 << 16  # random numbers made at a time, so that they stay in the cache
Sweep = Callable[[np.ndarray], None]


def log_odds(scores: np.ndarray, start: np.ndarray, transitions: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """(3, n) log-odds of state 1 at each site where 0, 1, 2 of its neighbours are in state 1; a missing one counts as 0.

    They are put in order, rising or falling; where neighbours cannot occur any number will do.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        a, s = np.log(transitions), np.log(start)
        into, out = a[:, 1] - a[:, 0], a[1] - a[0]  # by the state before, by the state after
        # One neighbour in state 1, before or after: A[1, 1] / A[0, 0] either way.
        inside = np.array([a[0, 1] + a[1, 0] - 2 * a[0, 0], a[1, 1] - a[0, 0], 2 * a[1, 1] - a[1, 0] - a[0, 1]])
        odds = np.repeat(inside[:, None], scores.shape[1], axis=1)
        first, last = offsets[:-1], offsets[1:] - 1
        odds[:, first] = (s[1] - s[0] + out[[0, 1, 1]])[:, None]
        odds[:, last] = into[[0, 1, 1], None]
        odds[:, first[first == last]] = s[1] - s[0]
        odds += scores[1] - scores[0]
    return _ordered(odds, rising(transitions))


def rising(transitions: np.ndarray) -> bool:
    """Whether neighbours in state 1 make state 1 more probable."""
    return bool(transitions[1, 1] * transitions[0, 0] >= transitions[1, 0] * transitions[0, 1])


def _ordered(odds: np.ndarray, up: bool) -> np.ndarray:
    least, most = (-np.inf, np.inf) if up else (np.inf, -np.inf)
    odds[0] = np.where(np.isnan(odds[0]), least, odds[0])
    odds[2] = np.where(np.isnan(odds[2]), most, odds[2])
    odds[1] = np.where(np.isnan(odds[1]), odds[0], odds[1])
    return (np.maximum if up else np.minimum).accumulate(odds, axis=0)


class Scan:
    """Site after site, or even and odd sites in turn, as the layout says; `states` (rows, M) int8, separators hold 0."""

    def __init__(self, odds: np.ndarray, up: bool, metropolis: bool, layout: Layout, states: np.ndarray, rng) -> None:
        self._rng, self._states, self._metropolis = rng, states, metropolis
        spread = layout.spread(np.ascontiguousarray(odds.T), -np.inf)  # a separator stays at 0
        self._levels = spread if metropolis else _probability(spread)
        self._passes = np.greater_equal if up else np.less
        self._compare = np.greater_equal if up else np.less
        self._counts = np.empty(states.shape, np.int8)
        flags, most = states.view(bool), max(len(states[b.here]) for b in layout.blocks)
        around = np.empty((most, states.shape[1]), np.int8)
        self._views = [
            (states[b.before], states[b.after], around[: len(states[b.here])], self._counts[b.here], flags[b.here])
            for b in layout.blocks
        ]
        self._chunk = max(1, _CELLS // states.shape[1])

    def __call__(self) -> None:
        """One sweep."""
        for lo in range(0, len(self._states), self._chunk):
            self._prepare(slice(lo, lo + self._chunk))
        add, compare = np.add, self._compare
        for before, after, around, counts, flags in self._views:
            add(before, after, around)
            compare(around, counts, flags)

    def _prepare(self, rows: slice) -> None:
        """How many of the three levels each site's random number passes.

        Metropolis accepts a flip to 1 where log u < log-odds, and one to 0 where log u < -log-odds.
        """
        states = self._states[rows]
        if self._metropolis:
            drawn = self._rng.standard_exponential(states.shape)  # -log u
            np.copysign(drawn, states - 0.5, out=drawn)
        else:
            drawn = self._rng.random(states.shape)
        levels, counts = self._levels[rows], self._counts[rows]
        passed = [self._passes(drawn, levels[:, m : m + 1]).view(np.int8) for m in range(3)]
        np.add(passed[0], passed[1], out=counts)
        counts += passed[2]


class RandomSite:
    """Metropolis at sites drawn at random: in a sweep every series of n steps gets n updates, its own in each chain."""

    def __init__(
        self, odds: np.ndarray, up: bool, layout: Layout, offsets: np.ndarray, states: np.ndarray, rng
    ) -> None:
        self._rng, self._states = rng, states
        self._levels = np.ascontiguousarray(layout.spread(np.ascontiguousarray(odds.T), -np.inf).T)
        self._passes = np.greater_equal if up else np.less
        self._compare = np.greater_equal if up else np.less
        self._first = layout.at[offsets[:-1]]
        self._lengths = np.diff(offsets)
        self._steps = grouped(series_steps(offsets), max(1, _CELLS // (4 * states.shape[1])))

    def __call__(self) -> None:
        """One sweep."""
        flat, flags = self._states.reshape(-1), self._states.view(bool).reshape(-1)
        chains, compare = self._states.shape[1], self._compare
        for series, cuts in self._steps:
            sites = drawn_sites(self._rng, self._first[series], self._lengths[series], chains)
            cells = sites * chains + np.arange(chains)
            near = np.stack([cells - chains, cells, cells + chains], axis=1)
            from_0, more = self._counted(sites)
            for at in cuts:
                found = flat.take(near[at])
                counts = found[..., 1, :] * more[at]
                counts += from_0[at]
                flags[cells[at]] = compare(found[..., 0, :] + found[..., 2, :], counts)

    def _counted(self, sites: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many levels are passed where the site is in state 0, and how many more where it is in state 1."""
        drawn = self._rng.standard_exponential(sites.shape)
        levels = [level.take(sites) for level in self._levels]
        both = []
        for sign in (-1.0, 1.0):
            signed = sign * drawn
            passed = [self._passes(signed, level).view(np.int8) for level in levels]
            both.append(passed[0] + passed[1] + passed[2])
        return both[0], both[1] - both[0]


def grouped(steps: list[np.ndarray], most: int) -> list[tuple[np.ndarray, list[int | slice]]]:
    """Consecutive steps, together up to about `most` rows: (what they hold, the row or rows of each in it)."""
    made: list[tuple[np.ndarray, list[int | slice]]] = []
    held: list[np.ndarray] = []
    size = 0
    for step in steps:
        held.append(step)
        size += len(step)
        if size >= most or step is steps[-1]:
            ends = np.cumsum([len(h) for h in held]).tolist()
            cuts = [lo if hi - lo == 1 else slice(lo, hi) for lo, hi in zip([0, *ends[:-1]], ends)]
            made.append((np.concatenate(held), cuts))
            held, size = [], 0
    return made


def drawn_sites(rng: np.random.Generator, first: np.ndarray, lengths: np.ndarray, chains: int) -> np.ndarray:
    """(len(first), chains) rows drawn uniformly among the `lengths` rows from `first` on."""
    length = int(lengths[0])
    if (lengths == length).all():
        return rng.integers(0, length, (len(first), chains)) + first[:, None]
    return rng.integers(0, lengths[:, None], (len(first), chains)) + first[:, None]


def _probability(odds: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-odds))
