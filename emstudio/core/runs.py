"""Runs to their end: EM until a stopping rule says so, and several starts with every optimum kept and counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from emstudio.core.data import Dataset
from emstudio.core.em import Moment, advance, begin, blank, evaluate
from emstudio.core.errors import Degenerate, Notice, UserError
from emstudio.core.how import SOFT, EStep
from emstudio.core.matching import matched
from emstudio.core.model import Model, Params, Start
from emstudio.core.remedies import answered
from emstudio.core.stopping import KEPT, Stopping, Verdict

RESEEDS = 20  # of one run, after which a collapse is taken for an answer
_SAME_OBJECTIVE = 1e-6
_SAME_PARAMS = 1e-4
_LEFT = 100.0  # times the root of the tolerance: so far from the optimum slow EM may stop, measured on small samples


@dataclass(frozen=True, eq=False)
class Entry:
    """One line of a trace: the figures of the parameters after `iteration` iterations (`params` only where kept).

    `statistics` are the expectations under these parameters, where the model reports any.
    """

    iteration: int
    log_likelihood: float | None
    bound: float | None
    params: Params | None = None
    cost: float | None = None
    statistics: dict[str, Any] | None = None


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


@dataclass(frozen=True, eq=False)
class Course:
    """A run under way, between two iterations: all that is needed to go on or to say why it ended.

    `objectives` and `params` hold the last KEPT and two; `ended` is the verdict that ended it, also of a collapse.
    """

    moment: Moment
    objectives: tuple[float | None, ...]
    params: tuple[Params, ...]
    notices: tuple[Notice, ...] = ()
    ended: Verdict | None = None

    @property
    def collapsed(self) -> bool:
        return self.ended is not None and self.ended.stop == "collapse"


def under_way(moment: Moment, stopping: Stopping) -> Course:
    """The run from `moment` on, begun if nothing was started. Raises UserError or Degenerate where no start can be made."""
    moment = begin(moment, resp=False) if moment.next == "start" else evaluate(moment, resp=False)
    return _judged(Course(moment, (moment.objective,), (moment.snapshot.params,)), stopping)


def iterated(course: Course, stopping: Stopping, on_collapse: str = "stop") -> Course:
    """The run one iteration farther. A collapse ends it at its last sound moment, or is answered (see `remedies`) first."""
    moment, notices = course.moment, list(course.notices)
    objectives, params = course.objectives, course.params
    before = moment
    while True:
        try:
            after = advance(advance(before, resp=False), resp=False)
            break
        except Degenerate as news:
            notice = _dated(news.notice, moment.snapshot.t + 1)
            answer = answered(before, notice, on_collapse, len(notices) + 1) if len(notices) < RESEEDS else None
            if answer is None:
                return replace(course, notices=(*notices, notice), ended=Verdict("collapse", notice.text))
            notices.append(replace(notice, text=f"{notice.text} {answer[1]}"))
            before = evaluate(answer[0], resp=False)
            objectives, params = (before.objective,), (before.snapshot.params,)
    known = {(n.code, n.component) for n in notices}
    kept = after.model.kept(after.snapshot.posterior)
    notices += [_dated(n, after.snapshot.t) for n in kept if (n.code, n.component) not in known]
    objectives = (*objectives[1 - KEPT :], after.objective)
    return _judged(Course(after, objectives, (params[-1], after.snapshot.params), tuple(notices)), stopping)


def _judged(course: Course, stopping: Stopping) -> Course:
    """The course with the stopping rule's verdict, where that ends it; a run that never settles has but its limit."""
    moment, verdict = course.moment, None
    if moment.how.settles:
        verdict = stopping.verdict(course.objectives, moment.data.total, course.params, moment.left)
    if verdict is None or not verdict.stop:
        verdict = stopping.exhausted(moment.snapshot.t, moment.how.settles)
    return replace(course, ended=verdict)


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
    course = under_way(moment, stopping)
    trace = [_entry(course.moment, keep_params)]
    while course.ended is None:
        if watch is not None and watch(course.moment):
            reason = f"interrupted after {_count(course.moment.snapshot.t, 'iteration')}"
            return Run(course.moment, tuple(trace), "interrupted", reason, course.notices)
        course = iterated(course, stopping, on_collapse)
        if not course.collapsed:
            trace.append(_entry(course.moment, keep_params))
    return ended(course, trace)


def ended(course: Course, trace: Sequence[Entry] | None = None) -> Run:
    """The run that a course which ended was; without its `trace`, of the last iteration only."""
    assert course.ended is not None and course.ended.stop is not None
    trace = (_entry(course.moment, False),) if trace is None else tuple(trace)
    return Run(course.moment, trace, course.ended.stop, course.ended.reason, course.notices)


def _entry(moment: Moment, keep_params: bool) -> Entry:
    s = moment.snapshot
    reported = None if moment.ahead is None else moment.model.reported(moment.data, s.params, moment.ahead)
    return Entry(s.t, s.log_likelihood, s.bound, s.params if keep_params else None, s.cost, reported)


def _dated(notice: Notice, iteration: int) -> Notice:
    return notice if notice.iteration is not None else replace(notice, iteration=iteration)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


# -- several starts ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Optimum:
    """Where `starts` of the starts ended, the first of them with the number `first`.

    `spurious`: a component rests on a handful of rows there. `number` is the start whose end stands for all of them.
    """

    log_likelihood: float | None
    starts: int
    first: int
    cost: float | None = None
    spurious: bool = False
    number: int = 0


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
        self._alike: dict[tuple[int, int], bool] = {}  # whether two ends are one optimum, where that was asked

    def copy(self) -> Tally:
        """Another tally of the same runs, to which others can be added."""
        other = Tally()
        other.__dict__.update(self.__dict__, _ends=self._ends.copy(), _alike=self._alike.copy())
        return other

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
            near = len(groups)  # heads are in falling order: only the last ones can be as good as this end
            while near and _as_good(groups[near - 1][0], end):
                near -= 1
            for head, members in groups[near:]:
                if self._one(head, end):
                    members.append(end.number)
                    break
            else:
                groups.append((end, [end.number]))
        return tuple(
            Optimum(head.log_likelihood, len(members), min(members), head.cost, head.spurious, head.number)
            for head, members in groups
        )

    def _one(self, a: _End, b: _End) -> bool:
        pair = (a.number, b.number)
        if pair not in self._alike:
            self._alike[pair] = _same(a, b, self._near)
        return self._alike[pair]


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
    same = alike(model, start, how, on_collapse)
    for number in range(starts):
        if same and number:
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


def alike(model: Model, start: Start, how: EStep, on_collapse: str) -> bool:
    """Whether every start is the first over again, as nothing is drawn."""
    return start.method in model.drawless and how.settles and on_collapse != "reseed"


def _end(run: Run, objective: float) -> _End:
    m = run.moment
    found = () if m.ahead is None else m.model.notices(m.data, run.params, m.ahead)
    spurious = any(n.code == "spurious" for n in found)
    return _End(m.number, objective, run.log_likelihood, m.model.stacked(run.params), run.cost, spurious)


def _rank(run: Run) -> float:
    objective = run.moment.objective
    return -np.inf if objective is None else objective


def _as_good(a: _End, b: _End) -> bool:
    return abs(a.objective - b.objective) <= _SAME_OBJECTIVE * max(1.0, abs(a.objective))


def _same(a: _End, b: _End, near: float) -> bool:
    if not _as_good(a, b) or len(a.params[0]) != len(b.params[0]):
        return False
    order = matched(a.params, b.params)
    for u, v in zip(a.params, b.params):
        u, v = np.asarray(u), np.asarray(v)[order]
        if np.abs(u - v).max(initial=0.0) > near * np.abs(u).max(initial=0.0):
            return False
    return True
