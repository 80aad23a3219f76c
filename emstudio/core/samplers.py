"""Paths of a hidden Markov chain drawn given the observations: sweeps of single-site updates, or whole paths.

Scores are log p(x_t | z_t = k), (K, n); an unobserved step has score 0. Series s is rows offsets[s] to offsets[s + 1] - 1.
States are int8 (n, M), one column for each of M chains. Transitions may hold zeros and nothing need be normalised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise, product

import numpy as np

from emstudio.core import samplers_binary, samplers_general
from emstudio.core.backward import backward_sample
from emstudio.core.how import EStep
from emstudio.core.samplers_layout import Layout, in_turn, one_by_one

_PATHS = 4096  # that are tried out by `reaches`


def sweeps(
    scores: np.ndarray,
    start: np.ndarray,
    transitions: np.ndarray,
    offsets: np.ndarray,
    how: EStep,
    rng: np.random.Generator,
) -> Iterator[np.ndarray]:
    """(n, M) states, first the starting paths and then those after each of burn_in + sweeps sweeps; each is the caller's.

    A sweep updates every site once: in the order of time, or with `how.alternate` all even sites and then all odd ones,
    which do not depend on each other. `metropolis` draws the site of every update instead, with `scan-metropolis` it
    proposes another state, all alike; `gibbs` draws the state given all others. `ffbs` yields once: independent draws.
    Raises ImpossibleSeries.
    """
    offsets = np.asarray(offsets, np.intp)
    if how.kind == "ffbs":
        yield backward_sample(scores, start, transitions, offsets, how.draws, rng)
        return
    paths = starting_paths(scores, start, transitions, offsets, how.draws, rng)
    yield paths
    layout = in_turn(offsets) if how.kind == "metropolis" or how.alternate else one_by_one(offsets)
    states, sweep = _prepared(scores, start, transitions, offsets, how, rng, layout, paths)
    for _ in range(how.burn_in + how.sweeps):
        sweep()
        yield states.take(layout.at, axis=0).astype(np.int8, copy=False)


def starting_paths(
    scores: np.ndarray,
    start: np.ndarray,
    transitions: np.ndarray,
    offsets: np.ndarray,
    m: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """(n, M) random possible paths: all states alike at every site.

    Where something is forbidden that would be a path that cannot be: then they are paths of the chain itself, drawn as if
    every observation were as probable in all states in which it is possible. Raises ImpossibleSeries.
    """
    k, n = scores.shape
    free = bool((transitions > 0).all() and (start > 0).all() and np.isfinite(scores).all())
    if free:
        return rng.integers(0, k, (n, m), dtype=np.int8)
    return backward_sample(np.where(scores > -np.inf, 0.0, -np.inf), start, transitions, offsets, m, rng)


def reaches(start: np.ndarray, transitions: np.ndarray) -> bool:
    """Whether changing one site at a time leads from every possible path to every other.

    With forbidden steps it may not (a chain that must alternate has two paths, far apart), and then chains stay where they
    started: only `ffbs` draws from the posterior. It is tried out on all short paths, as long as they are not too many.
    """
    return bool(_reaches(tuple(np.asarray(start) > 0), tuple(map(tuple, np.asarray(transitions) > 0))))


@lru_cache(maxsize=64)
def _reaches(start: tuple[bool, ...], steps: tuple[tuple[bool, ...], ...]) -> bool:
    k = len(start)
    if all(start) and all(map(all, steps)):
        return True
    longest = 2
    while k ** (longest + 1) <= _PATHS and longest < 8:
        longest += 1
    return all(_connected(start, steps, n) for n in range(2, longest + 1))


def _connected(start: tuple[bool, ...], steps: tuple[tuple[bool, ...], ...], n: int) -> bool:
    possible = {
        path
        for path in product(range(len(start)), repeat=n)
        if start[path[0]] and all(steps[i][j] for i, j in pairwise(path))
    }
    left, waiting = set(possible), [next(iter(possible))] if possible else []
    left.difference_update(waiting)
    while waiting:
        path = waiting.pop()
        near = {(*path[:t], state, *path[t + 1 :]) for t in range(n) for state in range(len(start))} & left
        left -= near
        waiting.extend(near)
    return not left


def _prepared(
    scores: np.ndarray,
    start: np.ndarray,
    transitions: np.ndarray,
    offsets: np.ndarray,
    how: EStep,
    rng: np.random.Generator,
    layout: Layout,
    paths: np.ndarray,
) -> tuple[np.ndarray, Callable[[], None]]:
    """(the buffer that a sweep changes, the sweep)."""
    k, random = len(start), how.kind == "metropolis"
    if k == 1:
        return layout.spread(paths, 0), lambda: None
    if k == 2:
        states = layout.spread(paths, 0)
        odds = samplers_binary.log_odds(scores, start, transitions, offsets)
        up = samplers_binary.rising(transitions)
        if random:
            return states, samplers_binary.RandomSite(odds, up, layout, offsets, states, rng)
        return states, samplers_binary.Scan(odds, up, how.kind == "scan-metropolis", layout, states, rng)
    states = layout.spread(paths.astype(np.intp), k)
    given = (scores, start, transitions, layout)
    if random:
        return states, samplers_general.RandomSite(*given, offsets, states, rng)
    rule = samplers_general.Metropolis if how.kind == "scan-metropolis" else samplers_general.HeatBath
    return states, rule(*given, states, rng)
