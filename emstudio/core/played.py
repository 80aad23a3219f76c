"""A run that ended, played once more half-step by half-step: its history, as a window would have recorded it."""

from __future__ import annotations

from dataclasses import replace

from emstudio.core.em import Moment, Snapshot, advance
from emstudio.core.history import History
from emstudio.core.runs import iterated, under_way
from emstudio.core.stopping import Stopping

_ANSWERED = {"floor": "Set a variance floor", "reseed": "Re-seed a component", "remove": "Remove a component"}


def played(before: Moment, iterations: int, stopping: Stopping, on_collapse: str = "stop") -> History:
    """The history of the run from `before`, where nothing is started, through `iterations` iterations.

    It is the run over again, bit for bit, and ends with its last moment; responsibilities are left to be made on a visit.
    An iteration in which a collapse was answered (see `remedies`) is one edit.
    """
    history = History()
    history.add(before, "load", f"Open {before.data.table.name}")
    course = under_way(before, stopping)
    history.add(course.moment, "step")
    while course.moment.snapshot.t < iterations:
        expected = advance(course.moment, resp=False)
        course = iterated(course, stopping, on_collapse)
        after = course.moment
        s = after.snapshot
        if s.posterior is expected.snapshot.posterior:
            history.add(_bounded(expected), "step")
            history.add(after, "step")
        else:
            known = Snapshot(s.t, "edit", s.params, log_likelihood=s.log_likelihood, cost=s.cost)
            history.add(replace(after, snapshot=known), "edit", _ANSWERED[on_collapse])
    return history


def _bounded(moment: Moment) -> Moment:
    """The moment after an E-step with its bound, which runs that nobody watches leave out."""
    s = moment.snapshot
    assert s.posterior is not None
    return replace(moment, snapshot=replace(s, bound=moment.model.bound(moment.data, s.params, s.posterior)))
