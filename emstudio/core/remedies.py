"""Answers to a collapse: one component less, a variance floor, a component anew. Pure functions from a moment to a moment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from emstudio.core.em import Moment, Snapshot, edited
from emstudio.core.errors import Notice, UserError
from emstudio.core.format import number

ANSWERS = ("stop", "floor", "reseed", "remove")

_FIRST_FLOOR = 1e-4  # of the least variance of a column: a component keeps a hundredth of its standard deviation
_RAISED = 100.0


def reseeded(moment: Moment, component: int, nth: int) -> Moment:
    """The component started anew where the others explain the data badly; `nth` makes draws differ."""
    rng = np.random.default_rng([moment.seed, moment.number, moment.snapshot.t, 5, nth])
    return edited(moment, params=moment.model.reseed(moment.data, moment.snapshot.params, component, rng))


def removable(moment: Moment) -> bool:
    """Whether there is a component to spare."""
    return moment.model.k > 1 and any(p.name == "k" for p in moment.model.parameters())


def removed(moment: Moment, component: int) -> Moment:
    """The same run with one component less. UserError where only one is left."""
    if not removable(moment):
        raise UserError("the last component cannot be removed", "re-seed it or set a variance floor")
    params = moment.model.without(moment.snapshot.params, component)
    return _of(moment, params, k=moment.model.k - 1)


def floorable(moment: Moment) -> bool:
    """Whether the model knows a variance floor."""
    return any(p.name == "floor" for p in moment.model.parameters())


def floored(moment: Moment, floor: float | None = None) -> Moment:
    """The same run with a variance floor: the one given, or one that is small beside the data, or a larger one than before.

    UserError where the model knows none.
    """
    if not floorable(moment):
        raise UserError(f"a {moment.model.title} knows no variance floor", "re-seed the component or remove it")
    before = moment.model.floor  # type: ignore[attr-defined]
    if floor is None:
        floor = before * _RAISED if before > 0 else _FIRST_FLOOR * _least_variance(moment)
    return _of(moment, moment.snapshot.params, floor=floor)


def answered(moment: Moment, notice: Notice, answer: str, nth: int) -> tuple[Moment, str] | None:
    """(the moment to go on from, what was done); None where the answer is to stop or does not help."""
    component = notice.component
    if component is None:
        return None
    if answer == "reseed":
        return reseeded(moment, component, nth), "It was started anew."
    if answer == "remove" and removable(moment):
        return removed(moment, component), "It was removed."
    if answer == "floor" and floorable(moment) and notice.code == "collapse":
        new = floored(moment)
        return new, f"A variance floor of {number(new.model.floor, 3)} was set."  # type: ignore[attr-defined]
    return None


def _least_variance(moment: Moment) -> float:
    """The least variance of a column that varies."""
    data = moment.data
    spread = np.average((data.x - np.average(data.x, axis=0, weights=data.weights)) ** 2, axis=0, weights=data.weights)
    return float(spread[spread > 0].min(initial=np.inf)) if (spread > 0).any() else 1.0


def _of(moment: Moment, params: object, **values: object) -> Moment:
    """The moment with another model of its kind; the posterior, which is of the one before, goes."""
    fresh = replace(moment, model=moment.model.with_(**values), snapshot=Snapshot(moment.snapshot.t, "edit", params))
    return edited(fresh, params=params)
