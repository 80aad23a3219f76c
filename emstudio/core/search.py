"""Several starts, a bounded step at a time: the same runs and the same optima as `runs.multi_start`, pulled from outside.

search = Search(Question(data, model, start, seed, starts, stopping))
while not search.done:
    search = pull(search)  # pure; `search.table` holds the optima found so far
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from emstudio.core.data import Dataset
from emstudio.core.em import Moment, Snapshot, blank
from emstudio.core.errors import Degenerate, Notice
from emstudio.core.how import SOFT, EStep
from emstudio.core.matching import Fit, fit_of, recast
from emstudio.core.model import Model, Params, Start
from emstudio.core.runs import Course, Run, Tally, alike, ended, iterated, under_way
from emstudio.core.stopping import Stopping

PULL = 0.02  # seconds of one pull; an iteration that takes longer is a pull of its own


@dataclass(frozen=True, eq=False)
class Question:
    """`starts` runs of `model` on `data`, start i drawing from [seed, i]; the components are named as in `like`."""

    data: Dataset
    model: Model
    start: Start
    seed: int
    starts: int
    stopping: Stopping
    on_collapse: str = "stop"
    how: EStep = SOFT
    accelerate: bool = False
    like: Fit | None = None

    def moment(self, number: int) -> Moment:
        """Before start `number`."""
        return blank(self.data, self.model, self.start, self.seed, number, self.how, self.accelerate)

    def fits(self, moment: Moment) -> bool:
        """Whether the answer says something about what `moment` shows: the same data and model."""
        return self.data.x is moment.data.x and self.data.names == moment.data.names and self.model == moment.model


@dataclass(frozen=True, eq=False)
class End:
    """Where one start ended, with its components in the order and under the names in which it is shown.

    `handful`: (component's name, its rows) of each component that rests on a handful of rows.
    """

    number: int
    model: Model
    params: Params
    cast: tuple[int, ...]
    iterations: int
    converged: bool
    handful: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, eq=False)
class Found:
    """One line of the table of optima: `figure` is the log-likelihood in nats, or the cost of a model without one."""

    figure: float
    starts: int
    spurious: bool
    end: End


@dataclass(frozen=True, eq=False)
class Search:
    """How far the question is answered. `course` is the run in hand, None between two starts."""

    question: Question
    number: int = 0
    course: Course | None = None
    tally: Tally = field(default_factory=Tally)
    ends: tuple[End, ...] = ()
    figures: tuple[float | None, ...] = ()  # of every start that ended, None for one that collapsed
    like: Fit | None = None
    table: tuple[Found, ...] = ()  # of optima, best first
    seconds: float = 0.0  # that the pulls took
    trouble: Notice | None = None  # why the first start that collapsed did

    @property
    def done(self) -> bool:
        """Whether every start has ended."""
        return self.number >= self.question.starts

    @property
    def collapsed(self) -> int:
        """How many starts have collapsed."""
        return self.tally.collapsed

    def left(self) -> float | None:
        """Seconds still to go at the pace so far; None before the first start ended."""
        return None if not self.number else self.seconds / self.number * (self.question.starts - self.number)


def asked(question: Question) -> Search:
    """The search before its first pull."""
    return Search(question, tally=Tally(question.stopping.tol), like=question.like)


def pull(search: Search, seconds: float = PULL) -> Search:
    """The search a little farther: iterations, and starts, for about so many seconds, at least one of them.

    How long a pull is changes nothing in what is found.
    """
    began, before = time.perf_counter(), search.number
    while not search.done:
        search = _iteration(search)
        if time.perf_counter() - began >= seconds:
            break
    table = search.table if search.number == before else _table(search)
    return replace(search, table=table, seconds=search.seconds + time.perf_counter() - began)


def _table(search: Search) -> tuple[Found, ...]:
    ends = {end.number: end for end in search.ends}
    made = []
    for o in search.tally.optima():
        figure = o.log_likelihood if o.cost is None else o.cost
        assert figure is not None
        made.append(Found(figure, o.starts, o.spurious, ends[o.number]))
    return tuple(made)


def _iteration(search: Search) -> Search:
    q = search.question
    if search.course is None:
        if search.number and alike(q.model, q.start, q.how, q.on_collapse):
            return _repeated(search)
        try:
            course = under_way(q.moment(search.number), q.stopping)
        except Degenerate as news:
            tally = search.tally.copy()
            tally.failed(news)
            return _after(search, tally, None, news.notice)
    else:
        course = iterated(search.course, q.stopping, q.on_collapse)
    return replace(search, course=course) if course.ended is None else _ended(search, course)


def _repeated(search: Search) -> Search:
    tally = search.tally.copy()
    tally.repeat(search.number)
    end = replace(search.ends[-1], number=search.number) if search.ends else None
    figure = search.figures[-1] if search.figures else None
    search = _after(search, tally, figure)
    return search if end is None else replace(search, ends=(*search.ends, end))


def _ended(search: Search, course: Course) -> Search:
    run = ended(course)
    tally = search.tally.copy()
    tally.add(run)
    if run.collapsed:
        return _after(search, tally, None, run.notices[-1])
    shown = recast(run.moment, search.like)
    like = search.like or fit_of(shown)  # nothing was shown: the first end names the components of all others
    figure = run.log_likelihood if run.cost is None else run.cost
    return replace(_after(search, tally, figure), ends=(*search.ends, _end(run, shown)), like=like)


def _after(search: Search, tally: Tally, figure: float | None, news: Notice | None = None) -> Search:
    figures, trouble = (*search.figures, figure), search.trouble or news
    return replace(search, number=search.number + 1, course=None, tally=tally, figures=figures, trouble=trouble)


def _end(run: Run, shown: Moment) -> End:
    m, params = shown, shown.snapshot.params
    counts = () if m.ahead is None else m.ahead.moments.counts
    notices = () if m.ahead is None else m.model.notices(m.data, params, m.ahead)
    cast = m.cast or tuple(range(m.model.k))
    on = [n.component for n in notices if n.code == "spurious" and n.component is not None]
    handful = tuple((cast[j], float(counts[j])) for j in on)
    return End(m.number, m.model, params, m.cast, run.iterations, run.converged, handful)


def shown(question: Question, end: End) -> Moment:
    """The moment at which the start ended, as an edit that a run can go on from; what is known of it comes later."""
    snapshot = Snapshot(end.iterations, "edit", end.params)
    return replace(question.moment(end.number), model=end.model, snapshot=snapshot, cast=end.cast)
