"""Chains for the tests: series as data sets, and plain answers by going through every path."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from emstudio.core.data import Dataset, frozen, painted
from emstudio.core.em import Moment, begin, blank
from emstudio.core.how import SOFT, EStep
from emstudio.core.model import Model, Params, Start
from emstudio.models.hmm import HiddenMarkov
from emstudio.models.hmm_params import CategoricalChain, GaussianChain, PoissonChain

REFERENCES = Path(__file__).resolve().parents[1] / "references" / "hmm"
TRANSITIONS = np.array([[0.7, 0.2, 0.1], [0.15, 0.8, 0.05], [0.3, 0.3, 0.4]])


def series(model: Model, *parts: object) -> Dataset:
    """The data set of several series, each (T,) or (T, d); NaN is a missing cell."""
    arrays = [np.asarray(p, float) for p in parts]
    arrays = [a[:, None] if a.ndim == 1 else a for a in arrays]
    which = np.concatenate([np.full(len(a), i) for i, a in enumerate(arrays)])
    names = [f"x{j + 1}" for j in range(arrays[0].shape[1])]
    table = painted(np.column_stack([which, np.concatenate(arrays)]), ["which", *names])
    return model.dataset(table, names, sequence="which")


def reference(name: str) -> tuple[HiddenMarkov, Dataset, dict]:
    document = json.loads((REFERENCES / f"{name}.json").read_text())
    k = len(document["trajectory"][0]["start"])
    model = HiddenMarkov.make(k=k, emission=document["emission"])
    data = series(model, *document["sequences"])
    return model.for_data(data), data, document


def every_path(model: Model, data: Dataset, params: Params) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each series ((K^T, T) paths, (K^T,) log p(path, x)), from the family's plain densities of the observed rows."""
    start, transitions, theta = model.split(params)
    k = len(start)
    density = np.zeros((data.n, k))
    for t in range(data.n):
        known = np.ones(data.d, bool) if data.mask is None else ~data.mask[t]
        if known.all():
            density[t] = model.family().log_density(data.x[t : t + 1], theta)[0]
    found = []
    with np.errstate(divide="ignore"):
        log_start, log_a = np.log(start), np.log(transitions)
    for first, end in itertools.pairwise(data.offsets.tolist()):
        paths = np.array(list(itertools.product(range(k), repeat=end - first)))
        level = log_start[paths[:, 0]] + density[np.arange(first, end), paths].sum(1)
        found.append((paths, level + log_a[paths[:, :-1], paths[:, 1:]].sum(1)))
    return found


def log_sum(levels: np.ndarray) -> float:
    top = levels.max()
    return float(top + np.log(np.exp(levels - top).sum()))


def without_order(data: Dataset) -> Dataset:
    return replace(data, series=None, sequence=None, x=frozen(data.x.copy()), _memo={})


def at(model, data, params, how: EStep = SOFT, seed: int = 0) -> Moment:
    return begin(blank(data, model, Start("params", params=params), seed, how=how))


def tiny() -> list[tuple[HiddenMarkov, Dataset, Params]]:
    """Chains so short that every path can be gone through: with gaps, left to right, of symbols."""
    rng = np.random.default_rng(12)
    gaussian = HiddenMarkov(k=3)
    start = np.array([0.5, 0.3, 0.2])
    means, covariances = np.array([[0.0, 1.0], [2.0, 0.0], [1.0, 3.0]]), np.tile([[1.0, 0.3], [0.3, 0.8]], (3, 1, 1))
    x = rng.standard_normal((9, 2)) + 1.0
    x[[2, 6]] = np.nan
    left_right = np.array([[0.6, 0.4, 0.0], [0.0, 0.7, 0.3], [0.0, 0.0, 1.0]])
    poisson = HiddenMarkov(k=3, emission="poisson")
    symbols = HiddenMarkov(k=2, emission="categorical")
    table = CategoricalChain(np.array([0.9, 0.1]), np.array([[0.5, 0.5], [0.2, 0.8]]), rng.dirichlet(np.ones(4), 2))
    return [
        (gaussian, series(gaussian, x[:4], x[4:5], x[5:]), GaussianChain(start, TRANSITIONS, means, covariances)),
        (
            poisson,
            series(poisson, [3, 8, 2, 9, 14, 15], [1.0]),
            PoissonChain(np.array([1.0, 0, 0]), left_right, np.array([[2.0], [8.0], [15.0]])),
        ),
        (symbols, series(symbols, [0, 3, 2, 2, np.nan, 1, 0]), table),
    ]
