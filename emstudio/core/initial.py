"""Where a run starts: seeds and partitions, drawn from the start's own generator."""

from __future__ import annotations

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.errors import UserError
from emstudio.core.frame import frame_of
from emstudio.core.responsibilities import blocks

_BLOCK = 65536


def standardised(data: Dataset) -> np.ndarray:
    """(d, n) columns centred and divided by their standard deviation (a constant column stays 0)."""

    def make() -> np.ndarray:
        frame = frame_of(data)
        sd = np.sqrt(np.diagonal(frame.total))
        return frame.z / np.where(sd > 0, sd, 1.0)[:, None]

    return data.memo("standardised", make)


def seeds(data: Dataset, k: int, rng: np.random.Generator) -> np.ndarray:
    """(k,) rows drawn by D-squared sampling (k-means++) on columns divided by their standard deviation.

    The first is drawn by row weight, each next with probability proportional to weight times squared distance to the
    nearest seed so far. UserError where there are fewer than k different rows.
    Source: Arthur and Vassilvitskii 2007, SODA.
    """
    z = standardised(data)
    weights = np.ones(data.n) if data.weights is None else data.weights
    chosen = [_draw(weights, rng)]
    nearest = np.full(data.n, np.inf)
    while len(chosen) < k:
        np.minimum(nearest, ((z - z[:, chosen[-1], None]) ** 2).sum(0), out=nearest)
        p = nearest * weights
        if not p.sum() > 0:
            raise too_few(data, len(chosen), k)
        chosen.append(_draw(p, rng))
    return np.array(chosen)


def distinct_rows(data: Dataset, k: int, rng: np.random.Generator) -> np.ndarray:
    """(k,) random rows that all differ; UserError where there are fewer than k different ones."""
    chosen: list[int] = []
    seen: set[bytes] = set()
    for i in rng.permutation(data.n):
        key = (data.x[i] + 0.0).tobytes()
        if key not in seen:
            seen.add(key)
            chosen.append(int(i))
            if len(chosen) == k:
                return np.array(chosen)
    raise too_few(data, len(chosen), k)


def too_few(data: Dataset, distinct: int, k: int) -> UserError:
    rows = "all rows are alike" if distinct == 1 else f"there are only {distinct} different rows"
    return UserError(f"{rows}, too few for {k} components", "choose fewer components", file=data.table.source or None)


def badly_explained(density: np.ndarray, weights: np.ndarray | None, rng: np.random.Generator) -> int:
    """A row to start a component anew on, drawn by rank of `density` (n,), the others' explanation of it: the worst rows
    are the likeliest, and each doubling of the rank is as likely as the one before.

    So every row has its chance when a component was lost again on the worst ones, among a dozen rows or a million.
    Rows without weight are never drawn where others are there.
    """
    if weights is not None and (weights > 0).any():
        density = np.where(weights > 0, density, np.inf)
    n = max(1, int((density < np.inf).sum()))
    rank = min(n, int((n + 1.0) ** rng.random()))
    return int(np.argsort(density, kind="stable")[rank - 1])


def nearest(data: Dataset, rows: np.ndarray) -> np.ndarray:
    """(n,) the index of the nearest of the seed rows, on standardised columns; ties to the first."""
    z = standardised(data)
    centres = z[:, rows]
    labels = np.empty(data.n, np.int64)
    for b in blocks(data.n, _BLOCK):
        part = z[:, b]
        labels[b] = np.stack([((part - c[:, None]) ** 2).sum(0) for c in centres.T]).argmin(0)
    return labels


def _draw(p: np.ndarray, rng: np.random.Generator) -> int:
    cumulative = np.cumsum(p)
    i = int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
    return min(i, int(np.flatnonzero(p)[-1]))
