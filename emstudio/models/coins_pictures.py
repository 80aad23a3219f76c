"""The coins laboratory as marks: the trials, the biases on [0, 1], and where the landscape's path goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.marks import Curve, Disc, Drawing, Handle, Tokens, View
from emstudio.core.responsibilities import softmax
from emstudio.core.trials import likelihood
from emstudio.models import coin_data

KINDS = ("coins", "biases", "landscape")
TRIALS = View("coins", (), title="Coins")
BIASES = View("biases", (), title="Biases")
LANDSCAPE = View("landscape", (), title="Landscape")
_X = np.linspace(0.0, 1.0, 201)
_INSIDE = 1e-4  # a bias dragged to 0 or 1 would make rows impossible


def views() -> tuple[View, ...]:
    """The laboratory, and two of its pictures alone."""
    return TRIALS, BIASES, LANDSCAPE


def tokens(data: Dataset, known: np.ndarray | None) -> Tokens:
    """The trials of `data`; `known` (n,) the coin of each, or None."""
    heads = data.x[:, 0]
    return Tokens(outcomes(data), heads, heads + data.x[:, 1], known)


def outcomes(data: Dataset) -> tuple[str, ...] | None:
    """Each trial as HTTTH, where the table says in which order heads and tails came; else None."""
    return data.memo("outcomes", lambda: _outcomes(data))


def _outcomes(data: Dataset) -> tuple[str, ...] | None:
    table = data.table
    spelled = [c for c in table.columns if c.kind == "tosses" and c.fit]
    made = None
    if spelled:
        cells = [["" if v < 0 else c.levels[v] for v in c.values[data.rows]] for c in spelled]
        made = tuple("".join(row) for row in zip(*cells, strict=True))
    else:
        flips = flip_columns(data)
        if flips:
            cells = np.stack([table.column(n).values[data.rows] for n in flips], axis=1)
            gap = np.isnan(cells)
            if not (gap[:, :-1] & ~gap[:, 1:]).any():  # a trial may be shorter than others
                made = tuple("".join("H" if v else "T" for v in row if v == v) for row in cells)
    if made is None or any((r.count("H"), r.count("T")) != (h, t) for r, (h, t) in zip(made, data.x, strict=True)):
        return None
    return made


def flip_columns(data: Dataset) -> tuple[str, ...]:
    """The columns of 0 and 1 that hold the tosses, one for each toss."""
    table = data.table
    counted = {coin_data.HEADS, coin_data.TAILS, *coin_data.TOSSES, *(n.strip().lower() for n in data.names)}

    def chosen(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(n for n in names if table.column(n).numeric and n.strip().lower() not in counted)

    flips = chosen(data.origin) or chosen(coin_data.candidates(table, (data.truth, data.weighing)))
    values = [table.column(n).values for n in flips]
    return flips if all(np.isin(v[~np.isnan(v)], (0.0, 1.0)).all() for v in values) else ()


def draw(data: Dataset, params: Any | None, view: View, known: np.ndarray | None) -> Drawing:
    """The trials; with parameters each coin's letter at its bias and the likelihood curve of its responsibilities."""
    if not coin_data.is_counted(data.names):
        return Drawing(())  # no tosses: the model says why it cannot be fitted
    marks: list[object] = [tokens(data, known)]
    if params is not None:
        if view.kind == "biases":
            marks += _curves(data, params, known)
        marks += [
            Disc(k, np.array([bias, 0.0]), Handle("bias", k))
            for k, bias in enumerate(np.asarray(params.biases).tolist())
        ]
    return Drawing(tuple(marks), "bias θ, probability of heads")


def _curves(data: Dataset, params: Any, known: np.ndarray | None) -> list[object]:
    if not data.n:
        return []
    scores = data.x @ np.log(np.clip([params.biases, 1.0 - np.asarray(params.biases)], 1e-300, None))
    with np.errstate(divide="ignore"):
        resp = softmax(scores + np.log(params.weights))[0]
    if known is not None:
        resp = (known[:, None] == np.arange(len(params.weights))).astype(float)
    weighted = resp if data.weights is None else resp * data.weights[:, None]
    heads, tails = weighted.T @ data.x[:, 0], weighted.T @ data.x[:, 1]
    return [Curve(_X, likelihood(heads[k], tails[k], _X), k, base=0.0) for k in range(len(heads))]


def move(params: Any, handle: Handle, position: tuple[float, float]) -> Any:
    """`bias`: one coin's to the first coordinate. `biases`: two coins' to both, that of `component` and that of `index`."""
    biases = np.array(params.biases, float)
    moved = (
        zip((handle.component, handle.index), position)
        if handle.kind == "biases"
        else [(handle.component, position[0])]
    )
    for k, value in moved:
        if np.isfinite(value) and value != biases[k]:
            biases[k] = min(max(float(value), _INSIDE), 1.0 - _INSIDE)
    return params._replace(biases=biases)
