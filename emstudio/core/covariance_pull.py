"""Another covariance of one component in the columns shown, by hand: what happens to its other columns and to the others.

With B the covariance of the shown columns and C that between them and the others, Sigma = [[B, C'], [C, S]]. Of the new
block B' it becomes [[B', G C'], [C G', S]] = M Sigma M', M = [[G, 0], [0, I]], where G B G' = B': a congruence, so it is
positive definite whenever B' is, and the other columns keep their own covariance S. G = V'^(1/2) R'^(1/2) R^(-1/2) V^(-1/2)
of the variances V and the correlations R of the shown columns (square roots symmetric): the shown columns, decorrelated,
keep their correlations with the others, whatever the units, and whichever way the hand took. With R' = R, and so of a
single column, all correlations stay. Source of the decorrelation: Kessy, Lewin and Strimmer 2018, The American
Statistician 72.
"""

from __future__ import annotations

import numpy as np

from emstudio.core.covariance import Covariance
from emstudio.core.covariance_closed import composed, eigen, roots
from emstudio.core.matching import assigned
from emstudio.core.orientation import joint_axes

LEAST = 1e-8  # of a column's variance in the whole mixture: a component is not pulled narrower
_FLATTEST = 1e-8  # 1 - correlation^2: two columns are not pulled nearer to a line
_DEPENDENT = 1e-10  # the least eigenvalue of correlations that a pull may leave in any component
_ALONG = 1e-12  # of a covariance off its axes, relative: round-off
_ROUND_OFF = 1e-16  # of correlations: their least eigenvalue is not below


def pulled(
    shape: Covariance,
    weights: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    k: int,
    columns: tuple[int, ...],
    entries: tuple[float, ...],
) -> np.ndarray:
    """(K, d, d) members of the family `shape` in which component k has the nearest allowed block in `columns`.

    `entries`: of one column its variance, of two (variance, covariance, variance), in data units squared. A family without
    correlations takes the variances, a round one their mean. What is no covariance at all changes nothing, nor what would
    bring the columns of some component so near to depending on each other that digits are lost. `weights` (K,) and `means`
    (K, d) say how far the mixture spreads, which is what limits a narrow one.
    """
    at = list(columns)
    block = _block(entries, len(at))
    old = covariances[k][np.ix_(at, at)]
    if block is None or np.array_equal(block, old):
        return covariances
    block = _limited(block, LEAST * spread(weights, means, covariances)[at])
    new = following(shape, covariances, k, _with_block(shape, covariances[k], at, block))
    sound = _independence(new) >= min(_DEPENDENT, 0.1 * _independence(covariances))
    return new if sound else covariances


def spread(weights: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    """(d,) the variances of the whole mixture."""
    share = weights / weights.sum()
    return share @ (np.diagonal(covariances, axis1=1, axis2=2) + (means - share @ means) ** 2)


def _independence(covariances: np.ndarray) -> float:
    """The least eigenvalue of all correlation matrices."""
    sd = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    return float(np.linalg.eigvalsh(covariances / sd[:, :, None] / sd[:, None, :]).min())


def _block(entries: tuple[float, ...], columns: int) -> np.ndarray | None:
    if len(entries) != columns * (columns + 1) // 2 or not np.isfinite(entries).all():
        return None
    block = np.empty((columns, columns))
    block[np.tril_indices(columns)] = entries
    block.T[np.tril_indices(columns)] = entries
    return block


def _limited(block: np.ndarray, least: np.ndarray) -> np.ndarray:
    """The block with variances of at least `least` and a correlation that leaves it positive definite."""
    variances = np.diagonal(block)
    sd = np.sqrt(np.where(variances > 0, variances, least))
    most = np.sqrt(1.0 - _FLATTEST)
    with np.errstate(over="ignore"):
        correlation = np.clip(block / sd[:, None] / sd[None, :], -most, most)
    correlation[~np.outer(variances > 0, variances > 0)] = 0.0
    np.fill_diagonal(correlation, 1.0)
    if (variances >= least).all() and (np.abs(correlation[np.tril_indices(len(sd), -1)]) < most).all():
        return block
    sd = np.maximum(sd, np.sqrt(least))
    return correlation * sd[:, None] * sd[None, :]


def _with_block(shape: Covariance, covariance: np.ndarray, at: list[int], block: np.ndarray) -> np.ndarray:
    """(d, d) the covariance with another block in the columns `at`, as the family allows for one component."""
    variances = np.diagonal(block)
    if shape.round:
        return np.eye(len(covariance)) * variances.mean()
    new = covariance.copy()
    if shape.diagonal:
        new[at, at] = variances
        return new
    others = [j for j in range(len(covariance)) if j not in at]
    old = covariance[np.ix_(at, at)]
    new[np.ix_(at, at)] = block
    if others:
        turn = _root(block) @ np.linalg.inv(_root(old))
        new[np.ix_(at, others)] = turn @ covariance[np.ix_(at, others)]
        new[np.ix_(others, at)] = new[np.ix_(at, others)].T
    return new


def _root(block: np.ndarray) -> np.ndarray:
    """V^(1/2) R^(1/2): standard deviations times the symmetric root of the correlations."""
    sd = np.sqrt(np.diagonal(block))
    values, vectors = np.linalg.eigh(block / sd[:, None] / sd[None, :])
    return sd[:, None] * ((vectors * np.sqrt(np.maximum(values, _ROUND_OFF))) @ vectors.T)


def following(shape: Covariance, covariances: np.ndarray, k: int, new: np.ndarray) -> np.ndarray:
    """(K, d, d) with `new` (d, d) as component k's; the others take from it what the family has in common, and keep the rest.

    Volumes are lambda = |Sigma|^(1/d). Where orientations are common, each axis of the others turns into the nearest of the
    new ones.
    """
    volume, form, axes = shape.name
    if shape.shared:
        return np.repeat(new[None], len(covariances), axis=0)
    result = covariances.copy()
    result[k] = new
    others = np.delete(np.arange(len(covariances)), k)
    if "E" not in shape.name or not len(others):
        return result
    own = covariances[others]
    logs = np.linalg.slogdet(covariances)[1] / len(new)
    mine = np.linalg.slogdet(new)[1] / len(new)
    goal = np.full(len(others), mine) if volume == "E" else logs[others]
    if form == "E":  # the new shape, in the new orientation or each in its own
        made = new[None] if axes != "V" else composed(eigen(own)[1], eigen(new[None])[0])
        made = made * np.exp(goal - mine)[:, None, None]
    else:
        made = _turned(covariances, new, others) if axes == "E" else own
        made = made * np.exp(goal - logs[others])[:, None, None]
    result[others] = 0.5 * (made + made.transpose(0, 2, 1))
    return result


def _turned(covariances: np.ndarray, new: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The covariances of `others`, which have their axes in common with all, turned to the axes of `new`."""
    before = joint_axes(roots(covariances))
    seen = before.T @ new @ before
    sd = np.sqrt(np.diagonal(seen))
    off = seen / sd[:, None] / sd[None, :] - np.eye(len(new))
    if np.abs(off).max() <= _ALONG:
        return covariances[others]
    after = eigen(new[None])[1][0]
    after = after[:, assigned((before.T @ after) ** 2)]
    along = np.einsum("ij,kil,lj->kj", before, covariances[others], before)
    return composed(after, along)
