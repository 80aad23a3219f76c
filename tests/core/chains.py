"""Chains to try, and their answers by plain loops: in extended precision, or over every path; `check` holds ours to them."""

from __future__ import annotations

import itertools

import numpy as np

from emstudio.core.smoothing import Smoothed, filtered, log_filtered, log_likelihood, smooth

REAL = np.longdouble
KINDS = (
    "dense",
    "sticky",
    "left-right",
    "permutation",
    "identity",
    "sparse",
    "tempered",
    "nearly zero",
)  # of `random_chain`


def log(x: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(x)


def every_path(scores, start, transitions):
    """(paths (K^T, T), log p(path, x) (K^T,)) of one series."""
    k, n = scores.shape
    paths = np.array(list(itertools.product(range(k), repeat=n)))
    total = log(start)[paths[:, 0]] + scores[paths, np.arange(n)].sum(1)
    return paths, total + log(transitions)[paths[:, :-1], paths[:, 1:]].sum(1)


def plain_loop(scores, start, transitions, offsets):
    """(gamma, pairs, first, log-likelihoods, filtered, predictive log densities), one row after another, in logarithms of
    extended precision."""
    k, n = scores.shape
    log_a, log_s = (log(np.asarray(x, REAL)) for x in (transitions, start))
    scores = np.asarray(scores, REAL)
    gamma, keep, pace = np.zeros((k, n), REAL), np.zeros((k, n), REAL), np.zeros(n, REAL)
    pairs, likelihoods = np.zeros((k, k), REAL), []
    for a, b in itertools.pairwise(offsets):
        alpha = np.full((b - a, k), -np.inf, REAL)
        beta = np.zeros((b - a, k), REAL)
        for t in range(b - a):
            before = log_s if t == 0 else np.logaddexp.reduce(alpha[t - 1][:, None] + log_a, axis=0)
            alpha[t] = before + scores[:, a + t]
            pace[a + t] = np.logaddexp.reduce(alpha[t])
            alpha[t] -= pace[a + t]
        for t in range(b - a - 1, 0, -1):
            into = log_a + scores[:, a + t] + beta[t] - pace[a + t]
            beta[t - 1] = np.logaddexp.reduce(into, axis=1)
            pairs += np.exp(alpha[t - 1][:, None] + into)
        keep[:, a:b] = np.exp(alpha.T)
        gamma[:, a:b] = np.exp(alpha + beta).T
        likelihoods.append(pace[a:b].sum())
    begins = [a for a, b in itertools.pairwise(offsets) if b > a]
    return gamma, pairs, gamma[:, begins].sum(1), np.array(likelihoods), keep, pace


def plain_viterbi(scores, start, transitions, offsets):
    """(n,) the most probable path by the textbook's table; ties, also those that rounding parts, to the lower state."""
    log_a = log(transitions)
    path = np.zeros(scores.shape[1], int)
    for a, b in itertools.pairwise(offsets):
        if a == b:
            continue
        best, came = log(start) + scores[:, a], []
        for t in range(a + 1, b):
            through = best[:, None] + log_a
            came.append(lowest(through))
            best = through.max(0) + scores[:, t]
        state = path[b - 1] = lowest(best)
        for t in range(b - 2, a - 1, -1):
            state = path[t] = came[t - a][state]
    return path


def lowest(x: np.ndarray) -> np.ndarray:
    return (x >= x.max(0) - 1e-9).argmax(0)


def path_level(path, scores, start, transitions):
    """log p(path, x) of one series."""
    inside = log(transitions)[path[:-1], path[1:]].sum()
    return log(start)[path[0]] + inside + scores[path, np.arange(len(path))].sum()


def random_chain(kind: str, k: int, n: int, strength: float, rng: np.random.Generator):
    """(scores, start, transitions): observations of a path of the chain, told apart by `strength`."""
    transitions, start = rng.dirichlet(np.ones(k), k), rng.dirichlet(np.ones(k))
    if kind == "sticky":
        transitions = 0.001 * transitions + 0.999 * np.eye(k)
    elif kind == "left-right":
        transitions = 0.99 * np.eye(k) + 0.01 * np.eye(k, k=1)
        transitions[-1, -1], start = 1.0, np.eye(k)[0]
    elif kind == "permutation":
        transitions = np.eye(k)[np.roll(np.arange(k), 1)]
    elif kind == "identity":
        transitions = np.eye(k)
    elif kind == "sparse":
        keep = rng.random((k, k)) < 0.5
        np.fill_diagonal(keep, True)
        transitions = transitions * keep / (transitions * keep).sum(1, keepdims=True)
        start = np.eye(k)[rng.integers(k)]
    elif kind == "tempered":
        transitions, start = transitions**0.3, start**0.3
    elif kind == "nearly zero":
        transitions = transitions * 10.0 ** -rng.integers(0, 290, (k, k))
    else:
        assert kind == "dense"
    scores = strength * rng.standard_normal((k, n))
    path = np.minimum(np.arange(n) * k // max(n, 1), k - 1)  # left to right: every kind of start can follow it in part
    scores[path, np.arange(n)] += strength
    return scores, start, transitions


def near(a: np.ndarray, b: np.ndarray, tolerance: float = 1e-12) -> bool:
    return bool(np.all(np.abs(a - b) <= tolerance * np.maximum(1.0, np.abs(b))))


def check(
    scores: np.ndarray, start: np.ndarray, transitions: np.ndarray, offsets, tolerance: float = 1e-12
) -> Smoothed:
    """Everything that the module says of this chain against the plain loop."""
    gamma, pairs, first, likelihoods, kept, pace = plain_loop(scores, start, transitions, offsets)
    found = smooth(scores, start, transitions, offsets)
    assert near(found.gamma, gamma, tolerance)
    assert np.abs(found.pairs - pairs).max() <= tolerance * max(1.0, float(pairs.max()))
    assert near(found.first, first, tolerance)
    assert near(found.log_likelihood, likelihoods, 1e-13)
    assert near(log_likelihood(scores, start, transitions, offsets), likelihoods, 1e-13)
    past, density = filtered(scores, start, transitions, offsets)
    assert near(past, kept, tolerance)
    assert near(density, pace, 1e-12)
    with np.errstate(divide="ignore"):
        assert near(np.exp(log_filtered(scores, start, transitions, offsets)), kept, tolerance)
    return found
