"""EM as moments: each is all that is needed to go on, and `advance` is one half-step, a pure function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from emstudio.core.accelerate import Acceleration, cycle
from emstudio.core.data import Dataset
from emstudio.core.how import SOFT, EStep
from emstudio.core.model import Model, Params, Start
from emstudio.core.posterior import Posterior
from emstudio.core.promises import Promises

_E_STEP = 1  # in the seed of an E-step's generator
_NO_DRAWS = np.random.default_rng(
    0
)  # where an E-step draws nothing: a generator of its own costs as much as small data


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What is shown: `t` finished iterations, the phase just done, parameters and the two objectives, both of `params`.

    Phases: `data` (nothing started, `params` None), `start`, `E`, `M`, `edit` (a person changed something).
    `posterior` is the q of the bound; it stays through an M-step, which changes the parameters only.
    `log_likelihood` is None until it was evaluated, and for a model without one, which has a `cost` (lower is better).
    `carried` (n, K) are responsibilities to colour by after an edit of the data, NaN for new rows.
    """

    t: int
    phase: str
    params: Params | None = None
    posterior: Posterior | None = None
    bound: float | None = None
    log_likelihood: float | None = None
    carried: np.ndarray | None = None
    cost: float | None = None

    @property
    def evaluated(self) -> bool:
        return self.log_likelihood is not None or self.cost is not None

    @property
    def figure(self) -> float | None:
        """The log-likelihood, or the cost of a model without one."""
        return self.log_likelihood if self.cost is None else self.cost

    @property
    def resp(self) -> np.ndarray | None:
        """(n, K) the responsibilities that colour the points, or None before the first E-step."""
        return self.posterior.resp if self.posterior is not None else self.carried


@dataclass(frozen=True, eq=False)
class Moment:
    """A frozen point of a run. `ahead` is the next E-step's posterior, a by-product of evaluating the log-likelihood.

    With an `acceleration` an M-step is a whole cycle of SQUAREM: three EM steps, the third from a point farther on.
    `cast` (K,) are the components' names, A = 0, where they are not A, B, C in turn: who is left keeps letter and colour.
    """

    data: Dataset
    model: Model
    start: Start
    seed: int
    snapshot: Snapshot
    number: int = 0  # of the start: start i draws from [seed, i]
    how: EStep = SOFT
    ahead: Posterior | None = field(default=None, repr=False)
    acceleration: Acceleration | None = None
    cast: tuple[int, ...] = ()

    @property
    def next(self) -> str:
        """What the next half-step is: `start`, `E` or `M`."""
        return {"data": "start", "E": "M"}.get(self.snapshot.phase, "E")

    @property
    def label(self) -> str:
        """start, E1, M1, E2 ...: E-step t + 1 follows t finished iterations."""
        s = self.snapshot
        return {"E": f"E{s.t + 1}", "M": f"M{s.t}"}.get(s.phase, s.phase)

    @property
    def bound(self) -> float | None:
        """F of the data alone, without what a floor or a prior adds to it: what log L = F + KL holds for."""
        s = self.snapshot
        if s.bound is None or s.posterior is None:
            return s.bound
        return s.bound - self.model.penalty(s.params, s.posterior)

    @property
    def objective(self) -> float | None:
        """The watched objective: the log-likelihood plus the penalty of a floor or prior; minus the cost without one."""
        s = self.snapshot
        if s.cost is not None:
            return -s.cost
        if s.log_likelihood is None or self.ahead is None:
            return s.log_likelihood
        return s.log_likelihood + self.model.penalty(s.params, self.ahead)

    @property
    def promises(self) -> Promises:
        """What may be expected of this run: the model's promises, less what its kind of E-step or acceleration costs."""
        made = self.model.promised
        if self.how.kind not in ("soft", self.model.e_steps[0]):
            drawn = self.how.drawn
            made = replace(made, monotone=False, touches=False, climbs=made.climbs and not drawn, exact=not drawn)
        return made if self.acceleration is None else replace(made, climbs=False)

    @property
    def left(self) -> float | None:
        """What an accelerated run has still to gain, as far as its last cycles tell; None otherwise."""
        return None if self.acceleration is None else self.acceleration.left

    def rng(self) -> np.random.Generator:
        """The generator of the E-step at these parameters: any moment replays bit for bit."""
        return np.random.default_rng([self.seed, self.number, self.snapshot.t, _E_STEP])


def blank(
    data: Dataset,
    model: Model,
    start: Start,
    seed: int,
    number: int = 0,
    how: EStep = SOFT,
    accelerate: bool = False,
) -> Moment:
    """The moment before anything started."""
    acceleration = Acceleration() if accelerate else None
    return Moment(data, model, start, seed, Snapshot(0, "data"), number, how, acceleration=acceleration)


def begin(moment: Moment, resp: bool = True) -> Moment:
    """(0, start): the start's parameters with their log-likelihood. Raises UserError or Degenerate."""
    rng = np.random.default_rng([moment.seed, moment.number])
    params = moment.model.init(moment.data, moment.start, rng)
    return evaluate(replace(moment, snapshot=Snapshot(0, "start", params), ahead=None), resp)


def evaluate(moment: Moment, resp: bool = True) -> Moment:
    """The moment with its log-likelihood and bound filled in; nothing else changes."""
    s = moment.snapshot
    if s.params is None or (s.evaluated and moment.ahead is not None):
        return moment
    ahead = moment.ahead or _e_step(moment, resp)
    bound = s.bound
    if bound is None and s.posterior is not None:
        bound = moment.model.bound(moment.data, s.params, s.posterior)
    known = Snapshot(s.t, s.phase, s.params, s.posterior, bound, ahead.log_likelihood, s.carried, ahead.cost)
    return _with(moment, snapshot=known, ahead=ahead)


def _e_step(moment: Moment, resp: bool) -> Posterior:
    rng = moment.rng() if moment.how.drawn else _NO_DRAWS
    return moment.model.e_step(moment.data, moment.snapshot.params, moment.how, rng, resp)


def advance(moment: Moment, resp: bool = True) -> Moment:
    """One half-step. An M-step's log-likelihood needs a pass over the data: that pass is the next E-step's own.

    Without `resp` neither responsibilities nor the bound of an E-step are made: runs that nobody watches save them.
    Raises Degenerate where the M-step would lose a component; the moment given stays valid.
    """
    s = moment.snapshot
    if moment.next == "start":
        return begin(moment, resp)
    if moment.next == "E":
        q = moment.ahead
        if q is None or (resp and q.resp is None):
            q = _e_step(moment, resp)
        bound = moment.model.bound(moment.data, s.params, q) if resp else None  # a run reads those of M-steps alone
        known = Snapshot(s.t, "E", s.params, q, bound, q.log_likelihood, cost=q.cost)
        return _with(moment, snapshot=known, ahead=q)
    assert s.posterior is not None
    ahead, acceleration = None, moment.acceleration
    if acceleration is None:
        params = moment.model.m_step(moment.data, s.params, s.posterior)
    else:
        params, ahead, acceleration = cycle(moment.model, moment.data, s.params, s.posterior, acceleration, resp)
    after = Snapshot(s.t + 1, "M", params, s.posterior)
    return evaluate(_with(moment, snapshot=after, ahead=ahead, acceleration=acceleration), resp)


def _with(moment: Moment, **changed: object) -> Moment:
    """As dataclasses.replace, whose care takes as long as a pass over few rows."""
    made = object.__new__(Moment)
    made.__dict__.update(moment.__dict__, **changed)
    return made


def em(moment: Moment, resp: bool = True) -> Iterator[Moment]:
    """Half-step after half-step, for ever; the caller pulls."""
    while True:
        moment = advance(moment, resp)
        yield moment


def edited(
    moment: Moment,
    *,
    data: Dataset | None = None,
    params: Params | None = None,
    carried: np.ndarray | None = None,
    how: EStep | None = None,
    accelerate: bool | None = None,
) -> Moment:
    """The moment after a person changed the data, the parameters, or how a step is made; the next half-step is an E-step.

    With the same data the posterior stays, so that the bound is that of the colours shown.
    """
    s = moment.snapshot
    new = data or moment.data
    kept = s.posterior if data is None else None
    if data is not None and params is None and s.params is not None:
        params = moment.model.adapted(data, s.params)
    snapshot = Snapshot(
        s.t, "edit", s.params if params is None else params, kept, carried=carried if kept is None else None
    )
    fast = moment.acceleration is not None if accelerate is None else accelerate
    return replace(
        moment,
        data=new,
        snapshot=snapshot,
        ahead=None,
        how=how or moment.how,
        acceleration=Acceleration() if fast else None,
    )
