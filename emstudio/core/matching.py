"""Which component of one fit is which of another: optimal assignment, and the names that components keep by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from emstudio.core.em import Moment, Snapshot, evaluate
from emstudio.core.model import Model, Params

MOST_ROWS = 20_000  # of the data, evenly spaced, by which two fits are compared


def matched(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> np.ndarray:
    """(K,) the order of `b`'s components in which they lie nearest to those of `a`, all taken together.

    `a` and `b`: arrays stacked over the K components. Each entry's distances are measured in its own spread.
    """
    k = len(np.asarray(a[0]))
    distance = np.zeros((k, k))
    for u, v in zip(a, b, strict=True):
        u, v = np.asarray(u, float).reshape(k, -1), np.asarray(v, float).reshape(k, -1)
        spread = np.ptp(np.concatenate([u, v]), axis=0)
        scale = np.where(spread > 0, spread, 1.0)
        distance += (np.abs(u[:, None] - v[None]) / scale).max(axis=2, initial=0.0)
    return assigned(-distance)


def assigned(gain: np.ndarray) -> np.ndarray:
    """(rows,) the column of each row of `gain` (rows, columns) such that the sum is largest; -1 where none is left."""
    first = gain.argmax(axis=1) if gain.size else np.empty(0, np.int64)
    if len(np.unique(first)) == len(gain):  # everybody's first choice: SciPy takes longer to load than ten fits to run
        return first
    from scipy.optimize import linear_sum_assignment

    order = np.full(len(gain), -1)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    order[rows] = columns
    return order


@dataclass(frozen=True, eq=False)
class Fit:
    """What components are compared by: `resp` (m, K) responsibilities of the rows `rows` (m,) of a table.

    `cast` (K,) are the names of the components, A = 0.
    """

    rows: np.ndarray
    resp: np.ndarray
    cast: tuple[int, ...]


def fit_of(moment: Moment) -> Fit | None:
    """The fit shown by `moment`, by at most MOST_ROWS of its rows; None where nothing was started or there is no row."""
    data, params, k = moment.data, moment.snapshot.params, moment.model.k
    if params is None or not data.n:
        return None
    chosen = np.arange(0, data.n, -(-data.n // MOST_ROWS))
    resp = shares(moment.model, params, data.observed[chosen])
    return Fit(data.rows[chosen], resp, moment.cast or tuple(range(k)))


def shares(model: Model, params: Params, x: np.ndarray) -> np.ndarray:
    """(m, K) responsibilities of the rows `x` (m, d), those of a noise component left out; 0 where there are none."""
    return np.nan_to_num(np.asarray(model.responsibilities_at(params, x), float)[:, : model.k])


def recast(moment: Moment, like: Fit | None) -> Moment:
    """The moment with its components in the order, and under the names, of those of `like` that share their rows.

    A component that shares rows with none left takes the first name that is free. Where the fits have no row in common,
    and for a start that a person gave or data whose groups are known, everything stays as it is.
    """
    params, model = moment.snapshot.params, moment.model
    if like is None or params is None or moment.start.given or model.settled or model.k < 1:
        return moment
    rows, mine, theirs = np.intersect1d(moment.data.rows, like.rows, assume_unique=True, return_indices=True)
    if not len(rows):
        return moment
    x = moment.data.observed[mine]
    shared = shares(model, params, x).T @ like.resp[theirs]
    cast = named(assigned(shared), like.cast)
    order = np.argsort(cast)
    names = tuple(cast[j] for j in order)
    names = () if names == tuple(range(model.k)) else names
    if np.array_equal(order, np.arange(model.k)):
        return replace(moment, cast=names)
    permuted = model.permute(params, order)
    if permuted is params:  # its components are what they are, such as the levels 0 and 1
        return moment
    s = moment.snapshot
    return evaluate(replace(moment, snapshot=Snapshot(s.t, s.phase, permuted), ahead=None, cast=names))


def named(partners: np.ndarray, cast: Sequence[int]) -> list[int]:
    """The name of each component: that of its partner in `cast`, or where it has none (-1) the first that is free.

    Where several components went at once the names close up again: who has one of the first K letters keeps it.
    """
    k, several = len(partners), len(cast) - len(partners) > 1
    kept = [int(cast[p]) if p >= 0 and not (several and cast[p] >= k) else None for p in partners]
    used = set(kept) if several else set(kept) | set(cast)
    free = (name for name in range(k + len(used)) if name not in used)
    return [next(free) if name is None else name for name in kept]
