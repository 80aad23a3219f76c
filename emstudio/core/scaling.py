"""Standardised columns: the scaled table is then what is fitted, and its means and sds travel with the fit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from emstudio.core.data import Dataset, frozen
from emstudio.core.errors import UserError


@dataclass(frozen=True, eq=False)
class Scale:
    """z = (x - means) / sds, column by column; both (d,)."""

    means: np.ndarray
    sds: np.ndarray

    def to_dict(self) -> dict[str, list[float]]:
        return {"means": self.means.tolist(), "sds": self.sds.tolist()}

    def apply(self, data: Dataset) -> Dataset:
        """The data set in standardised units, the fitted columns of its table too."""
        x = frozen(np.ascontiguousarray((data.x - self.means) / self.sds))
        scaled = {}
        for name, mean, sd in zip(data.names, self.means, self.sds):
            column = data.table.column(name)
            values = frozen((column.values - mean) / sd)
            scaled[name] = replace(column, values=values, kind="number", unit="sd")
        table = replace(data.table, columns=tuple(scaled.get(c.name, c) for c in data.table.columns))
        return replace(data, table=table, x=x, _memo={})


def scale_of(data: Dataset) -> Scale:
    """The weighted means and standard deviations (the root of the mean square) of the columns.

    UserError where a column has no spread, or one too large or too small for a double.
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        weights = data.weights
        if data.mask is not None:  # of the known cells
            weights = ~data.mask * (1.0 if weights is None else weights[:, None])
        means = np.average(data.x, axis=0, weights=weights)
        sds = np.sqrt(np.average((data.x - means) ** 2, axis=0, weights=weights))
    for name, values, mean, sd in zip(data.names, data.x.T, means, sds):
        where = {"file": data.table.source or None, "column": name}
        if np.ptp(values) == 0:
            raise UserError("all values are alike and cannot be standardised", "leave the column out", **where)
        if not (np.isfinite(mean) and np.isfinite(sd) and sd > 0):
            raise UserError("the values are too large or too close to standardise", "rescale the column", **where)
    return Scale(frozen(means), frozen(sds))
