"""Runs to their end: EM until a stopping rule says so, and several starts with every optimum kept and counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.em import Moment, advance, begin, blank, evaluate
from emstudio.core.errors import Degenerate, Notice, UserError
from emstudio.core.how import SOFT, EStep
from emstudio.core.model import Model, Params, Start
from emstudio.core.remedies import answered
from emstudio.core.stopping import Stopping, Verdict

RESEEDS = 20  # of one run, after which a collapse is taken for an answer
_SAME_OBJECTIVE = 1e-6
_SAME_PARAMS = 1e-4
_LEFT = 100.0  # times the root of the tolerance: so far from the optimum slow EM may stop, measured on small samples


@dataclass(frozen=True, eq=False)
class Entry:
    """One line of a trace: the figures of the parameters after `iteration` iterations (`params` only where kept)."""

    iteration: int
    log_likelihood: float | None
    bound: float | None
    params: Params | None = None
    cost: float | None = None


@dataclass(frozen=True, eq=False)
class Run:
    """A run that ended: its last sound moment, its trace from the start on, why it stopped and what was noticed.

    `stop` is `tolerance`, `max-iter`, `collapse` or `interrupted`; `reason` is its sentence.
    """

    moment: Moment
    trace: tuple[Entry, ...]
    stop: str
    reason: str
    notices: tuple[Notice, ...] = ()

    @property
    def params(self) -> Params:
        return self.moment.snapshot.params

    @property
    def log_likelihood(self) -> float | None:
        return self.moment.snapshot.log_likelihood

    @property
    def cost(self) -> float | None:
        return self.moment.snapshot.cost

    @property
    def iterations(self) -> int:
        return self.trace[-1].iteration

    @property
    def converged(self) -> bool:
        return self.stop == "tolerance"

    @property
    def collapsed(self) -> bool:
        return self.stop == "collapse"


def run(
    moment: Moment,
    stopping: Stopping,
    on_collapse: str = "stop",
    *,
    keep_params: bool = False,
    watch: Callable[[Moment], bool] | None = None,
) -> Run:
    """Starts at `moment` (begins it if nothing was started) and iterates until `stopping` says so.

    A collapse ends the run at its last sound iteration, or it is answered as `on_collapse` says (see `remedies`) as part
    of the iteration in which it happened, and the run goes on. `watch` is called with the moment after every iteration;
    True interrupts. Raises UserError or Degenerate where not even the start can be made.
    """
    moment = begin(moment, resp=False) if moment.next == "start" else evaluate(moment, resp=False)
    trace = [_entry(moment, keep_params)]
    notices: list[Notice] = []
    objectives, params = [moment.objective], [moment.snapshot.params]
    while True:
        verdict = _verdict(stopping, moment, objectives, params)
        ended = (
            verdict
            if verdict is not None and verdict.stop
            else stopping.exhausted(moment.snapshot.t, moment.how.settles)
        )
        if ended is not None:
            return Run(moment, tuple(trace), ended.stop, ended.reason, tuple(notices))
        if watch is not None and watch(moment):
            reason = f"interrupted after {_count(moment.snapshot.t, 'iteration')}"
            return Run(moment, tuple(trace), "interrupted", reason, tuple(notices))
        before = moment
        while True:
            try:
                after = advance(advance(before, resp=False), resp=False)
                break
            except Degenerate as news:
                notice = _dated(news.notice, moment.snapshot.t + 1)
                answer = answered(before, notice, on_collapse, len(notices) + 1) if len(notices) < RESEEDS else None
                if answer is None:
                    return Run(moment, tuple(trace), "collapse", notice.text, (*notices, notice))
                notices.append(replace(notice, text=f"{notice.text} {answer[1]}"))
                before = evaluate(answer[0], resp=False)
                objectives, params = [before.objective], [before.snapshot.params]
        moment = after
        known = {(n.code, n.component) for n in notices}
        kept = moment.model.kept(moment.snapshot.posterior)
        notices += [_dated(n, moment.snapshot.t) for n in kept if (n.code, n.component) not in known]
        trace.append(_entry(moment, keep_params))
        objectives = [*objectives[-2:], moment.objective]
        params = [params[-1], moment.snapshot.params]


def _entry(moment: Moment, keep_params: bool) -> Entry:
    s = moment.snapshot
    return Entry(s.t, s.log_likelihood, s.bound, s.params if keep_params else None, s.cost)


def _verdict(stopping: Stopping, moment: Moment, objectives: list, params: list) -> Verdict | None:
    """What the rule says; None for a run that never settles."""
    if not moment.how.settles:
        return None
    return stopping.verdict(objectives, moment.data.total, params, moment.left)


def _dated(notice: Notice, iteration: int) -> Notice:
    return notice if notice.iteration is not None else replace(notice, iteration=iteration)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


# -- several starts ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Optimum:
    """Where `starts` of the starts ended, the first of them with the number `first`.

    `spurious`: a component rests on a handful of rows there.
    """

    log_likelihood: float | None
    starts: int
    first: int
    cost: float | None = None
    spurious: bool = False


@dataclass(frozen=True, eq=False)
class _End:
    number: int
    objective: float
    log_likelihood: float | None
    params: tuple[np.ndarray, ...]  # stacked over the components
    cost: float | None = None
    spurious: bool = False


class Tally:
    """Collects the runs of several starts: keeps the best whole, of the others where they ended.

    `tol` is the tolerance with which they stopped: two ends closer than that leaves open are one optimum.
    """

    def __init__(self, tol: float = 0.0) -> None:
        self._near = max(_SAME_PARAMS, _LEFT * np.sqrt(tol))
        self.best: Run | None = None
        self.collapsed = 0
        self.interrupted = False
        self.finished = 0
        self._first_news: Notice | None = None
        self._ends: list[_End] = []

    def add(self, run: Run) -> None:
        """A run ended. A collapsed one is counted and never best while there is another; ties go to the earlier one."""
        if run.stop == "interrupted":
            self.interrupted = True
        else:
            self.finished += 1
        if run.collapsed:
            self.collapsed += 1
            self.best = self.best or run
            return
        objective = _rank(run)
        if run.stop != "interrupted":
            self._ends.append(_end(run, objective))
        if self.best is None or self.best.collapsed or objective > _rank(self.best):
            self.best = run

    def failed(self, news: Degenerate) -> None:
        """A start that could not even be made."""
        self.finished += 1
        self.collapsed += 1
        self._first_news = self._first_news or news.notice

    def repeat(self, number: int) -> None:
        """Start `number` would be the last one over again."""
        self.finished += 1
        if self.best is None or self.best.collapsed:
            self.collapsed += 1
        else:
            self._ends.append(replace(self._ends[-1], number=number))

    def refuse_if_empty(self) -> None:
        """UserError where no start could be made."""
        if self.best is None and self._first_news is not None:
            raise UserError(f"no start could be made: {self._first_news.text.rstrip('.')}")

    def optima(self) -> tuple[Optimum, ...]:
        """The distinct ends, best first.

        Two are one optimum if their objectives agree to 1e-6 relative and their parameters, matched, to 1e-4 (or what
        the tolerance leaves open) of each array's largest.
        """
        groups: list[tuple[_End, list[int]]] = []
        for end in sorted(self._ends, key=lambda e: (-e.objective, e.number)):
            for head, members in groups:
                if _same(head, end, self._near):
                    members.append(end.number)
                    break
            else:
                groups.append((end, [end.number]))
        return tuple(
            Optimum(head.log_likelihood, len(members), min(members), head.cost, head.spurious)
            for head, members in groups
        )


def multi_start(
    data: Dataset,
    model: Model,
    start: Start,
    seed: int,
    starts: int,
    stopping: Stopping,
    on_collapse: str = "stop",
    *,
    how: EStep = SOFT,
    accelerate: bool = False,
    keep_params: bool = False,
    watch: Callable[[Moment], bool] | None = None,
) -> Tally:
    """`starts` runs, start i drawing from [seed, i]; `watch` as in `run`. UserError where no start could be made."""
    tally = Tally(stopping.tol)
    alike = start.method == "hierarchical" and how.settles and on_collapse != "reseed"  # nothing is drawn
    for number in range(starts):
        if alike and number:
            tally.repeat(number)
            continue
        moment = blank(data, model, start, seed, number, how, accelerate)
        try:
            tally.add(run(moment, stopping, on_collapse, keep_params=keep_params, watch=watch))
        except Degenerate as news:
            tally.failed(news)
        if tally.interrupted:
            break
    tally.refuse_if_empty()
    return tally


def _end(run: Run, objective: float) -> _End:
    m = run.moment
    found = () if m.ahead is None else m.model.notices(m.data, run.params, m.ahead)
    spurious = any(n.code == "spurious" for n in found)
    return _End(m.number, objective, run.log_likelihood, m.model.stacked(run.params), run.cost, spurious)


def _rank(run: Run) -> float:
    objective = run.moment.objective
    return -np.inf if objective is None else objective


def _same(a: _End, b: _End, near: float) -> bool:
    if abs(a.objective - b.objective) > _SAME_OBJECTIVE * max(1.0, abs(a.objective)):
        return False
    if len(a.params[0]) != len(b.params[0]):
        return False
    order = matched(a.params, b.params)
    for u, v in zip(a.params, b.params):
        u, v = np.asarray(u), np.asarray(v)[order]
        if np.abs(u - v).max(initial=0.0) > near * np.abs(u).max(initial=0.0):
            return False
    return True


def matched(a: Params, b: Params) -> np.ndarray:
    """(K,) the order of `b`'s components that lies nearest to those of `a`; nearest pairs are taken first."""
    k = len(np.asarray(a[0]))
    distance = np.zeros((k, k))
    for u, v in zip(a, b):
        u, v = np.asarray(u, float).reshape(k, -1), np.asarray(v, float).reshape(k, -1)
        spread = np.ptp(np.concatenate([u, v]), axis=0)
        scale = np.where(spread > 0, spread, 1.0)
        distance += (np.abs(u[:, None] - v[None]) / scale).max(axis=2, initial=0.0)
    order = np.empty(k, int)
    for _ in range(k):
        i, j = np.unravel_index(np.argmin(distance), distance.shape)
        order[i] = j
        distance[i], distance[:, j] = np.inf, np.inf
    return order
