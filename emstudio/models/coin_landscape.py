"""The log-likelihood of coin tosses over the biases of two coins, everything else held: what a landscape is drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.family import NEVER
from emstudio.core.format import number
from emstudio.core.marks import Heat
from emstudio.models.coin_data import known_codes

SIDE = 97  # places along each axis
_COARSE = 41
_BLOCK = 1 << 21  # numbers at a time
_DEPTH = 2.2  # nats below the top that are worth seeing, for few tosses
_POLISH = 400  # EM steps towards the top of the landscape
Area = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Question:
    """What the landscape depends on. `heads`, `tails`, `counts` (m,): the distinct trials and how many there are of each.

    `weights`, `biases` (K,) of the moment shown; `pair` the two coins on the axes; `area` the part of [0, 1] that must be
    in view at least. `known` (m,): the coin of each trial where that is known; its likelihood is then that coin's alone.
    """

    heads: np.ndarray
    tails: np.ndarray
    counts: np.ndarray
    weights: np.ndarray
    biases: np.ndarray
    pair: tuple[int, int]
    area: Area | None = None
    known: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Landscape:
    """`heat` of the log-likelihood in nats; `top` its highest place, None where a `ridge` is highest; `swapped`: whether the
    landscape is the same with its coins exchanged; `others` are the ridges of the same data under other weights."""

    heat: Heat
    top: tuple[float, float] | None
    swapped: bool
    others: tuple[np.ndarray, ...] = ()


def question(  # type: ignore[no-untyped-def]
    data: Dataset, params, pair: tuple[int, int], area: Area | None, coins: tuple[str, ...] = ()
) -> Question:
    """What is asked at a moment's parameters; the biases of the pair itself do not matter. `coins` are the known ones."""
    codes = data.memo(f"codes of {coins}", lambda: known_codes(data, coins)) if coins else None

    def distinct() -> tuple[np.ndarray, np.ndarray]:
        x = data.x if codes is None else np.column_stack([data.x, codes])
        rows, inverse = np.unique(x, axis=0, return_inverse=True)
        return rows, np.bincount(inverse.ravel(), weights=data.weights, minlength=len(rows)).astype(float)

    rows, counts = data.memo(f"distinct trials {coins if codes is not None else ''}", distinct)
    biases = np.array(params.biases, float)
    biases[list(pair)] = 0.0
    weights = np.array(params.weights, float)
    known = None if codes is None else rows[:, 2]
    return Question(rows[:, 0], rows[:, 1], counts, weights, biases, pair, area, known)


def same(a: Question | None, b: Question) -> bool:
    """Whether two questions have one answer."""
    return (
        a is not None
        and a.pair == b.pair
        and a.area == b.area
        and np.array_equal(a.heads, b.heads)
        and np.array_equal(a.tails, b.tails)
        and np.array_equal(a.counts, b.counts)
        and np.array_equal(a.weights, b.weights)
        and np.array_equal(a.biases, b.biases)
        and ((a.known is None) == (b.known is None))
        and (a.known is None or np.array_equal(a.known, b.known))
    )


def answer(asked: Question) -> Landscape:
    """The landscape over the part of the unit square that matters."""
    coarse = np.linspace(0.0, 1.0, _COARSE)
    single = asked.known is None and bool((asked.heads + asked.tails).max(initial=0) <= 1)
    values = over(asked, coarse, coarse)
    area = (0.0, 1.0) if single else _area(coarse, values, asked.area)
    axis = np.linspace(*area, SIDE if len(asked.heads) <= 400 else 61)
    values = over(asked, axis, axis)
    wi, wj = asked.weights[list(asked.pair)]
    swapped = asked.known is None and bool(abs(wi - wj) <= 1e-12 * max(wi, wj))
    top = None if single else _top(asked, axis, values)
    ridge, (spots, others) = (_ridge(asked), _explanations(asked)) if single else (None, ((), ()))
    return Landscape(Heat(axis, axis, values, ridge=ridge, spots=spots), top, swapped, others)


def over(asked: Question, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(len(y), len(x)) the log-likelihood in nats with the first coin's bias at x and the second's at y."""
    i, j = asked.pair
    first, second = _scores(asked, i, x), _scores(asked, j, y)
    others = [k for k in range(len(asked.weights)) if k not in asked.pair]
    rest = np.full(len(asked.heads), -np.inf)
    for k in others:
        rest = np.logaddexp(rest, _scores(asked, k, asked.biases[[k]])[:, 0])
    made = np.full((len(y), len(x)), float(asked.counts @ _coefficients(asked)))
    step = max(_BLOCK // (len(x) * len(y)), 1)
    with np.errstate(invalid="ignore"):
        for start in range(0, len(asked.heads), step):
            rows = slice(start, start + step)
            both = np.logaddexp(first[rows, None, :], second[rows, :, None])
            if others:
                both = np.logaddexp(both, rest[rows, None, None])
            made += np.tensordot(asked.counts[rows], np.maximum(both, NEVER), 1)
    return made


def _scores(asked: Question, k: int, bias: np.ndarray) -> np.ndarray:
    """(m, len(bias)) log weight + log likelihood of the trials, without the coefficient; of known coins without the
    weight, and -inf for the trials of others."""
    with np.errstate(divide="ignore"):
        weight, heads, tails = np.log(asked.weights[k]), np.log(bias), np.log1p(-bias)
    made = np.full((len(asked.heads), len(bias)), weight if asked.known is None else 0.0)
    if asked.known is not None:
        made[asked.known != k] = -np.inf
    for n, logs in ((asked.heads, heads), (asked.tails, tails)):
        made += np.where(n[:, None] > 0, n[:, None] * np.where(n[:, None] > 0, logs, 0.0), 0.0)
    return made


def _coefficients(asked: Question) -> np.ndarray:
    from scipy.special import gammaln

    return gammaln(asked.heads + asked.tails + 1) - gammaln(asked.heads + 1) - gammaln(asked.tails + 1)


def _area(axis: np.ndarray, values: np.ndarray, least: Area | None) -> Area:
    """The part of both axes in which the log-likelihood comes near its top, widened to `least` and to round numbers."""
    depth = max(_DEPTH, 0.015 * float(values.max() - np.median(values)))
    near = values > values.max() - depth
    seen = axis[near.any(0) | near.any(1)]
    low, high = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 1.0)
    if least is not None:
        low, high = min(low, least[0] - 0.03), max(high, least[1] + 0.03)
    middle, half = (low + high) / 2, max((high - low) / 2, 0.06)
    step = 0.05 if half > 0.12 else 0.02
    low, high = np.floor((middle - half) / step) * step, np.ceil((middle + half) / step) * step
    return float(max(round(low, 2), 0.0)), float(min(round(high, 2), 1.0))


def _top(asked: Question, axis: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """The highest place: from the best place of the grid by EM in these two biases."""
    row, column = np.unravel_index(int(np.argmax(values)), values.shape)
    i, j = asked.pair
    biases = asked.biases.copy()
    biases[i], biases[j] = axis[column], axis[row]
    biases[[i, j]] = np.clip(biases[[i, j]], 1e-6, 1 - 1e-6)
    for _ in range(_POLISH):
        s = np.stack([_scores(asked, k, biases[[k]])[:, 0] for k in range(len(biases))], axis=1)
        r = np.exp(s - s.max(1, keepdims=True))
        r *= (asked.counts / r.sum(1))[:, None]
        heads, tails = r.T @ asked.heads, r.T @ asked.tails
        new = biases.copy()
        for k in (i, j):
            if heads[k] + tails[k] > 0:
                new[k] = np.clip(heads[k] / (heads[k] + tails[k]), 1e-12, 1 - 1e-12)
        done = np.abs(new - biases).max() < 1e-9
        biases = new
        if done:
            break
    return float(biases[i]), float(biases[j])


def _ridge(asked: Question) -> np.ndarray | None:
    """(2, 2) the ends of the line of equal highest likelihood of single flips: the share of heads is all they tell."""
    i, j = asked.pair
    others = sum(asked.weights[k] * asked.biases[k] for k in range(len(asked.weights)) if k not in asked.pair)
    return line(asked.weights[i], asked.weights[j], share(asked) - others)


def share(asked: Question) -> float:
    """The share of heads among all tosses."""
    total = float(asked.counts @ (asked.heads + asked.tails))
    return float(asked.counts @ asked.heads) / total if total else 0.5


def line(wx: float, wy: float, level: float) -> np.ndarray | None:
    """(2, 2) the ends of the line wx x + wy y = level inside the unit square; None where it does not cross it."""
    ends = []
    for edge in (0.0, 1.0):
        if wy > 0 and -1e-12 <= (level - wx * edge) / wy <= 1 + 1e-12:
            ends.append((edge, (level - wx * edge) / wy))
        if wx > 0 and -1e-12 <= (level - wy * edge) / wx <= 1 + 1e-12:
            ends.append(((level - wy * edge) / wx, edge))
    if len(ends) < 2:
        return None
    places = np.clip(np.array(sorted(ends)), 0.0, 1.0)
    return places[[0, -1]]


def _explanations(asked: Question) -> tuple[tuple[tuple[float, float, str], ...], tuple[np.ndarray, ...]]:
    """Two explanations of one share of heads, and their ridges where the weights are others than those of the map.

    One coin alone beside one that is never picked, and two coins picked equally often.
    """
    p = share(asked)
    if len(asked.weights) != 2 or not 0.15 <= p <= 0.85:
        return (), ()
    spots, ridges = [], []
    for weights, place, name in (((1.0, 0.0), (p, 0.1), "1, 0"), ((0.5, 0.5), (p - 0.1, p + 0.1), "\u00bd, \u00bd")):
        spots.append((*place, f"{number(place[0], 2, trim=True)}, {number(place[1], 2, trim=True)}, weights {name}"))
        ends = line(*weights, p)
        if ends is not None and not np.allclose(weights, asked.weights[list(asked.pair)]):
            ridges.append(ends)
    return tuple(spots), tuple(ridges)
