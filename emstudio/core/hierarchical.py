"""A start by agglomeration: rows are merged, always the two groups whose union costs the classification likelihood least.

First with equal spheres (Ward's criterion), down to a few dozen groups; from there on every group with a covariance of its
own, as far as its rows fill one. Nothing is drawn: the same rows give the same groups.
Sources: Banfield and Raftery 1993, Biometrics 49; Fraley 1998, SIAM Journal on Scientific Computing 20.
"""

from __future__ import annotations

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.initial import standardised, too_few
from emstudio.core.responsibilities import one_hot

MOST = 2000  # rows that are merged; of more, a sample is
_COARSE = 20  # groups at which every one gets a covariance of its own (or four times as many as are wanted)
_SAMPLE = 20_240_117  # the seed of that sample, always the same
_SMEARED = 1e-3  # variance, in units of the columns' own, that every row has when groups get covariances of their own


def groups(data: Dataset, k: int) -> np.ndarray:
    """(n, k) responsibilities of k groups, 1 for a row's group; rows that were not sampled have none.

    UserError where there are fewer than k different rows.
    """
    weights = np.ones(data.n) if data.weights is None else data.weights
    rows = np.flatnonzero(weights > 0)
    if rows.size > MOST:
        rows = np.sort(np.random.default_rng(_SAMPLE).choice(rows, MOST, replace=False))
    z = np.ascontiguousarray(standardised(data)[:, rows].T)
    different, which = np.unique(z, axis=0, return_inverse=True)
    which = which.reshape(-1)
    if len(different) < k:
        raise too_few(data, len(different), k)
    mass = np.bincount(which, weights[rows])
    coarse = _cut(ward(different, mass), len(different), min(len(different), max(4 * k, _COARSE)))
    labels = _refined(different, mass, coarse, k)
    _, first = np.unique(labels[which], return_index=True)
    order = np.argsort(np.argsort(first))  # groups are numbered by their first row
    out = np.zeros((data.n, k))
    out[rows] = one_hot(order[labels[which]], k)
    return out


def ward(x: np.ndarray, mass: np.ndarray) -> list[tuple[float, int, int]]:
    """The n - 1 merges (cost, a, b) of rows `x` (n, d) of `mass` (n,), cheapest first; a group goes by its first row.

    A union of masses p, q at centres u, v costs p q / (p + q) |u - v|^2. Chains of nearest neighbours find the merges in
    n^2 operations. Source: Murtagh 1983, Computer Journal 26.
    """
    n = len(x)
    centres, mass = x.copy(), mass.astype(float)
    alive = np.ones(n, bool)
    merges: list[tuple[float, int, int]] = []
    chain: list[int] = []
    while len(merges) < n - 1:
        if not chain:
            chain.append(int(np.argmax(alive)))
        at = chain[-1]
        cost = ((centres - centres[at]) ** 2).sum(1) * (mass * mass[at] / (mass + mass[at]))
        cost[~alive] = np.inf
        cost[at] = np.inf
        nearest = int(np.argmin(cost))
        if len(chain) > 1 and cost[chain[-2]] <= cost[nearest]:
            a, b = sorted(chain[-2:])
            merges.append((float(cost[chain[-2]]), a, b))
            del chain[-2:]
            total = mass[a] + mass[b]
            centres[a] += (centres[b] - centres[a]) * (mass[b] / total)
            mass[a], alive[b] = total, False
        else:
            chain.append(nearest)
    return sorted(merges, key=lambda m: m[0])


def _cut(merges: list[tuple[float, int, int]], n: int, groups: int) -> np.ndarray:
    """(n,) labels from 0 of the partition with so many groups."""
    parent = np.arange(n)

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    for _, a, b in merges[: n - groups]:
        a, b = sorted((root(a), root(b)))
        parent[b] = a
    return np.unique([root(i) for i in range(n)], return_inverse=True)[1].reshape(-1)


def _refined(x: np.ndarray, mass: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """(n,) labels of k groups, merged from those of `labels` by the cost with a covariance for each group.

    The classification log-likelihood of a group is -n/2 log det(S + smear), S its covariance.
    """
    d, m = x.shape[1], int(labels.max()) + 1
    n = np.bincount(labels, mass)
    means = np.stack([np.bincount(labels, mass * x[:, j]) for j in range(d)], axis=1) / n[:, None]
    y = x - means[labels]
    scatter = np.zeros((m, d, d))
    np.add.at(scatter, labels, mass[:, None, None] * y[:, :, None] * y[:, None, :])
    alive = list(range(m))
    own = _volume(n, scatter)
    cost = np.full((m, m), np.inf)
    for a in range(m):
        cost[a, a + 1 :] = _union(a, np.arange(a + 1, m), n, means, scatter, own)
    name = np.arange(m)
    while len(alive) > k:
        a, b = (int(i) for i in np.unravel_index(np.argmin(cost), cost.shape))
        shift = means[b] - means[a]
        scatter[a] += scatter[b] + n[a] * n[b] / (n[a] + n[b]) * np.outer(shift, shift)
        means[a] += shift * (n[b] / (n[a] + n[b]))
        n[a] += n[b]
        own[a] = _volume(n[a : a + 1], scatter[a : a + 1])[0]
        name[name == b] = a
        alive.remove(b)
        cost[b], cost[:, b] = np.inf, np.inf
        others = np.array([i for i in alive if i != a], int)
        new = _union(a, others, n, means, scatter, own)
        cost[np.minimum(a, others), np.maximum(a, others)] = new
    return np.unique(name[labels], return_inverse=True)[1].reshape(-1)


def _volume(n: np.ndarray, scatter: np.ndarray) -> np.ndarray:
    """(m,) n log det(S + smear)."""
    d = scatter.shape[1]
    return n * np.linalg.slogdet(scatter / n[:, None, None] + _SMEARED * np.eye(d))[1]


def _union(
    a: int, others: np.ndarray, n: np.ndarray, means: np.ndarray, scatter: np.ndarray, own: np.ndarray
) -> np.ndarray:
    """What the classification likelihood loses (twice) by the union of group a with each of `others`."""
    shift = means[others] - means[a]
    total = n[others] + n[a]
    between = (n[others] * n[a] / total)[:, None, None] * shift[:, :, None] * shift[:, None, :]
    return _volume(total, scatter[others] + scatter[a] + between) - own[others] - own[a]
