"""Products of families: columns that are independent within a component, each group of them with a family of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from emstudio.core.data import Dataset, frozen
from emstudio.core.family import Evaluator, Family, Theta


@dataclass(frozen=True, eq=False)
class Part:
    """A family and the columns of the data (indices) that it describes."""

    family: Family
    columns: tuple[int, ...]

    def of(self, data: Dataset) -> Dataset:
        """The data set of these columns alone, made once."""

        def make() -> Dataset:
            x = frozen(np.ascontiguousarray(data.x[:, list(self.columns)]))
            names = tuple(data.names[j] for j in self.columns)
            return Dataset(data.table, names, x, data.rows, data.dropped, data.weights, data.truth)

        return data.memo(f"columns {self.columns}", make)

    def cells(self, x: np.ndarray) -> np.ndarray:
        return x[:, list(self.columns)]


@dataclass(frozen=True, eq=False)
class ProductMoments:
    """`counts` (K,) and what each part's evaluator collected."""

    counts: np.ndarray
    parts: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Product(Family):
    """log p(x | theta_k) = sum over the parts of log p(x_part | theta_part,k); theta is a tuple, one for each part."""

    parts: tuple[Part, ...]

    def stats(self, x: np.ndarray) -> np.ndarray:
        return np.concatenate([p.family.stats(p.cells(x)) for p in self.parts], axis=1)

    def natural(self, theta: Theta) -> np.ndarray:
        return np.concatenate([p.family.natural(t) for p, t in zip(self.parts, theta)], axis=1)

    def log_partition(self, theta: Theta) -> np.ndarray:
        return np.sum([p.family.log_partition(t) for p, t in zip(self.parts, theta)], axis=0)

    def carrier(self, x: np.ndarray) -> np.ndarray:
        return np.sum([p.family.carrier(p.cells(x)) for p in self.parts], axis=0)

    def mle(self, counts: np.ndarray, sums: np.ndarray, previous: Theta | None) -> Theta:
        made, at = [], 0
        for i, p in enumerate(self.parts):
            width = p.family.stats(np.zeros((1, len(p.columns)))).shape[1]
            made.append(p.family.mle(counts, sums[:, at : at + width], None if previous is None else previous[i]))
            at += width
        return tuple(made)

    def log_density(self, x: np.ndarray, theta: Theta) -> np.ndarray:
        return np.sum([p.family.log_density(p.cells(x), t) for p, t in zip(self.parts, theta)], axis=0)

    def evaluator(self, data: Dataset, theta: Theta) -> Evaluator:
        return Together([p.family.evaluator(p.of(data), t) for p, t in zip(self.parts, theta)])

    def estimate(self, moments: ProductMoments, previous: Theta | None) -> Theta:
        before = (None,) * len(self.parts) if previous is None else previous
        return tuple(p.family.estimate(m, t) for p, m, t in zip(self.parts, moments.parts, before))

    def expected(self, moments: ProductMoments, theta: Theta) -> np.ndarray:
        return np.sum([p.family.expected(m, t) for p, m, t in zip(self.parts, moments.parts, theta)], axis=0)

    def log_prior(self, moments: ProductMoments, theta: Theta) -> float:
        return sum(p.family.log_prior(m, t) for p, m, t in zip(self.parts, moments.parts, theta))

    def coordinates(self, data: Dataset, theta: Theta) -> np.ndarray | None:
        own = [p.family.coordinates(p.of(data), t) for p, t in zip(self.parts, theta)]
        return None if any(c is None for c in own) else np.concatenate([np.ravel(c) for c in own])

    def at_coordinates(self, data: Dataset, coordinates: np.ndarray, like: Theta) -> Theta:
        made, at = [], 0
        for p, t in zip(self.parts, like):
            width = np.size(p.family.coordinates(p.of(data), t))
            made.append(p.family.at_coordinates(p.of(data), coordinates[at : at + width], t))
            at += width
        return tuple(made)

    def sample(self, theta: Theta, component: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        x = np.empty((len(component), sum(len(p.columns) for p in self.parts)))
        for p, t in zip(self.parts, theta):
            x[:, list(p.columns)] = p.family.sample(t, component, rng)
        return x


class Together(Evaluator):
    """The parts' evaluators side by side."""

    def __init__(self, parts: list[Evaluator], done: dict[int, Any] | None = None):
        self._parts = parts
        self._done = done or {}  # moments of parts that need no further pass
        self._counts: np.ndarray | None = None
        self.block = min(p.block for p in parts)

    def scores(self, rows: slice) -> np.ndarray:
        total = self._parts[0].scores(rows)
        for part in self._parts[1:]:
            total = total + part.scores(rows)
        return total

    def add(self, rows: slice, r: np.ndarray) -> None:
        self._counts = r.sum(1) + (0.0 if self._counts is None else self._counts)
        for i, part in enumerate(self._parts):
            if i not in self._done:
                part.add(rows, r)

    def moments(self) -> ProductMoments:
        assert self._counts is not None
        parts = (self._done[i] if i in self._done else part.moments() for i, part in enumerate(self._parts))
        return ProductMoments(self._counts, tuple(parts))

    def again(self) -> Evaluator | None:
        """A second pass if any part asks for one; the others keep the moments of the first."""
        second = [part.again() for part in self._parts]
        if all(s is None for s in second):
            return None
        done = {i: self._parts[i].moments() for i, s in enumerate(second) if s is None}
        return Together([s or part for s, part in zip(second, self._parts)], done)
