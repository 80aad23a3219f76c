"""From scores to responsibilities: the softmax of a block of rows, exact where its numbers over- or underflow."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.errors import UserError
from emstudio.core.family import IMPOSSIBLE, NEVER

SHORT = 256  # rows of a block from which it pays to try without a row's maximum
_LONG, _SAMPLED = 4000, 61  # of blocks with more rows every so manieth is looked at
_TURNED = 8192  # rows whose scores are turned at once
_LOWEST = -600.0
_LEAST = np.exp(np.full(64, _LOWEST))[0]  # as a whole row of them comes out


def blocks(n: int, size: int, start: int = 0) -> Iterator[slice]:
    """The rows from `start` to `n`, `size` at a time."""
    for i in range(start, n, size):
        yield slice(i, min(i + size, n))


def log_weights(weights: np.ndarray) -> np.ndarray:
    """(K,) logarithms, `NEVER` for 0."""
    if np.minimum.reduce(weights) > 0:
        return np.log(weights)
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(weights), NEVER)


def one_hot(labels: np.ndarray, k: int) -> np.ndarray:
    """(n,) ints -> (n, k) responsibilities."""
    r = np.zeros((len(labels), k))
    r[np.arange(len(labels)), labels] = 1.0
    return r


def softmax(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(responsibilities (n, K), log-density (n,)) of scores (n, K)."""
    resp, density = np.empty(scores.shape), np.empty(len(scores))
    for rows in blocks(len(scores), _TURNED):
        r = scores[rows].T.copy()  # along the components numpy takes three times as long when rows lie close
        top = r.max(0)
        r -= top
        np.exp(r, out=r)
        sums = r.sum(0)
        r /= sums
        resp[rows], density[rows] = r.T, top + np.log(sums)
    return resp, density


def exponentials(
    s: np.ndarray, out: np.ndarray, data: Dataset, rows: slice
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """(subtracted maximum (b,) or None, sums (b,) of r, r = exp(s - maximum) (K, b)); `s` becomes s - maximum.

    The maximum is subtracted only where a row would over- or underflow without it. Several blocks have the shapes
    (blocks, b) and (blocks, K, b).
    """
    if s.shape[-1] > SHORT:
        np.copyto(out, s)
        if (sums := unshifted(out)) is not None:
            return None, sums, out
    return shifted(s, out, data, rows)


def unshifted(s: np.ndarray) -> np.ndarray | None:
    """`s` becomes exp(s): its sums, or None where a row over- or underflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        _exp(s, s)
        sums = np.add.reduce(s, axis=-2)
    least, most = np.minimum.reduce(sums, axis=None), np.maximum.reduce(sums, axis=None)
    return sums if least > 1e-200 and most < 1e200 else None


def shifted(s: np.ndarray, out: np.ndarray, data: Dataset, rows: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `exponentials`, the maximum always subtracted. UserError for a row that no component can have made."""
    top = np.maximum.reduce(s, axis=-2)
    if not np.minimum.reduce(top, axis=None) > IMPOSSIBLE:
        _refuse(top, data, rows)
    s -= top[..., None, :]
    _exp(s, out)
    return top, np.add.reduce(out, axis=-2), out


def _refuse(top: np.ndarray, data: Dataset, rows: slice) -> None:
    """UserError naming the row that no component can have made, unless it has no weight: it then counts for nothing."""
    bad = ~(top > IMPOSSIBLE)
    if data.weights is not None:
        bad &= (data.weights[rows].reshape(top.shape) > 0) | ~np.isfinite(top)
    if bad.any():
        row = rows.start + int(np.argmin(np.where(bad, np.where(np.isnan(top), -np.inf, top), np.inf)))
        raise UserError(
            "no component can have made this row: its density is zero under all of them",
            "start from other parameters, or take the row away",
            file=data.table.source or None,
            row=data.table.row_label(int(data.rows[row])),
        )


def _exp(s: np.ndarray, out: np.ndarray) -> None:
    """exp(s); 0 below e^-600, as numbers next to 0 make products a hundred times slower.

    Of long blocks a sample of the rows is looked at: what is overlooked there is rare, and right all the same.
    """
    some = s[..., ::_SAMPLED] if s.shape[-1] > _LONG else s
    if np.minimum.reduce(some, axis=None, initial=0.0) > _LOWEST:
        np.exp(s, out=out)
    else:
        np.exp(np.maximum(s, _LOWEST, out=out), out=out)
        out -= _LEAST


def log_likelihood_of(top: np.ndarray | None, sums: np.ndarray, weights: np.ndarray | None) -> Any:
    """The log-likelihood of each block's rows, from the sums (..., b) of what is left over the maximum `top`."""
    total = _log_total(sums) if weights is None else np.add.reduce(weights * np.log(sums), axis=-1)
    if top is None:
        return total
    return total + np.add.reduce(top if weights is None else weights * top, axis=-1)


def _log_total(values: np.ndarray) -> Any:
    """The sum of the logarithms of each block's positive values (..., b): those of products of eight, of which there are
    fewer, unless these over- or underflow."""
    b = values.shape[-1]
    whole = b // 8 * 8
    if b >= _LONG:
        eights = values[..., :whole].reshape(*values.shape[:-1], 8, whole // 8)
        with np.errstate(over="ignore", under="ignore"):
            products = np.multiply.reduce(eights, axis=-2)
        if np.minimum.reduce(products, axis=None) > 1e-300 and np.maximum.reduce(products, axis=None) < 1e300:
            return np.add.reduce(np.log(products), axis=-1) + np.add.reduce(np.log(values[..., whole:]), axis=-1)
    return np.add.reduce(np.log(values), axis=-1)


def dot(r: np.ndarray, s: np.ndarray) -> float:
    """The sum of r s, 0 x -inf being 0."""
    total = float(np.einsum("kb,kb->", r, s))
    return total if math.isfinite(total) else float(np.einsum("kb,kb->", r, np.maximum(s, NEVER)))
