"""The moment shown as a recipe for a script: from its start, or from the last edit on the way to it."""

from __future__ import annotations

import numpy as np

from emstudio import tables
from emstudio.core.accelerate import Acceleration
from emstudio.core.chain import Chain
from emstudio.core.chain_data import with_order
from emstudio.core.data import Missing
from emstudio.core.edits import roles
from emstudio.core.em import Moment, begin, blank, evaluate
from emstudio.core.errors import Degenerate, UserError
from emstudio.core.history import Node
from emstudio.core.matching import matched
from emstudio.core.stopping import Stopping
from emstudio.session.session import Session
from emstudio.storage import Course, OneRun, Recipe, Result, Several, Steps


def recipe(session: Session) -> Recipe:
    """What a script must say to end at the parameters shown, to the last bit. UserError where nothing is fitted."""
    node = session.history.current
    assert node is not None
    if node.moment.snapshot.params is None:
        raise UserError("nothing is fitted yet", "make a step first")
    shown = evaluate(node.moment)
    figure = shown.snapshot.figure
    if figure is None:
        raise UserError("the moment shown has no log-likelihood", "make a step first")
    data = shown.data
    verdict = session.verdict()
    t = shown.snapshot.t
    return Recipe(
        data,
        shown.model,
        shown.start,
        course(node, session.stopping),
        Result(float(figure), t, verdict.reason if verdict.stop else "stopped by hand"),
        seed=shown.seed,
        how=shown.how,
        accelerate=shown.acceleration is not None,
        missing=_missing(shown),
        weights=data.weighing,
        embedded=not held(shown),
    )


def course(node: Node, stopping: Stopping) -> Course:
    """The way to `node`: a run that `stopping` ends there, half-steps from a start, or those from the last edit."""
    first = beginning(node)
    moment, shown = first.moment, node.moment
    order = start_order(moment)
    if order is None:
        if moment.acceleration not in (None, Acceleration()):  # in the middle of a run: its pace is not in parameters
            moment = shown
        label = "edit" if moment is shown else shown.label
        values = moment.model.to_dict(moment.snapshot.params)
        return Steps(label, moment.number, params=values, t=moment.snapshot.t, title=first.title)
    if _ends(first, node, stopping):
        alone = not order and moment.number == 0
        return Several(1, stopping) if alone else OneRun(moment.number, stopping, order=order)
    return Steps(shown.label, moment.number, order)


def beginning(node: Node) -> Node:
    """The start, edit or opened moment from which half-steps alone lead to `node`."""
    while node.cause == "step" and node.moment.snapshot.phase != "start" and node.parent is not None:
        node = node.parent
    return node


def start_order(moment: Moment) -> tuple[int, ...] | None:
    """The order of its components in which the moment's start gives its very parameters, () for its own; None: it does not."""
    if moment.snapshot.phase != "start":
        return None
    before = blank(
        moment.data,
        moment.model,
        moment.start,
        moment.seed,
        moment.number,
        moment.how,
        moment.acceleration is not None,
    )
    try:
        fresh = begin(before, resp=False).snapshot.params
    except (UserError, Degenerate):
        return None
    model, params = moment.model, moment.snapshot.params
    if _alike(fresh, params):
        return ()
    order = matched(model.stacked(params), model.stacked(fresh))
    return tuple(order.tolist()) if _alike(model.permute(fresh, order), params) else None


def held(moment: Moment) -> bool:
    """Whether the data can be read again from their file or bundled data set: no hand made or changed them."""
    data, model = moment.data, moment.model
    table = data.table
    if not table.source or not table.sha256:
        return False
    try:
        fresh = tables.read(table.source)
        if isinstance(model, Chain):
            fresh = with_order(fresh, data.sequence, data.time)
        again = model.dataset(fresh, data.origin or data.names, missing=_missing(moment), **roles(model, data))
    except UserError:  # the file is gone, or a column was made of others
        return False
    return np.array_equal(again.observed, data.observed, equal_nan=True)


def _missing(moment: Moment) -> Missing:
    return "marginal" if moment.data.mask is not None or isinstance(moment.model, Chain) else "drop"


def _ends(first: Node, node: Node, stopping: Stopping) -> bool:
    """Whether `stopping` ends a run from `first` at `node`, and not before."""
    if node.moment.snapshot.phase != "M":
        return False
    ends = []
    at: Node | None = node
    while at is not None:
        if at.moment.snapshot.phase in ("start", "M"):
            ends.append(at.moment)
        if at is first:
            break
        at = at.parent
    ends.reverse()
    for i, moment in enumerate(ends[1:], 1):
        verdict = None
        if moment.how.settles:
            params = [m.snapshot.params for m in ends[i - 1 : i + 1]]
            objectives = [m.objective for m in ends[max(0, i - 2) : i + 1]]
            verdict = stopping.verdict(objectives, moment.data.total, params, moment.left)
        if verdict is None or not verdict.stop:
            verdict = stopping.exhausted(moment.snapshot.t, moment.how.settles)
        if verdict is not None and verdict.stop:
            return moment is node.moment
    return False


def _alike(a: object, b: object) -> bool:
    return all(np.array_equal(np.asarray(u), np.asarray(v)) for u, v in zip(a, b, strict=True))  # type: ignore[call-overload]
