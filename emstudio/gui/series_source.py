"""From a moment of a chain to the scene that the laboratory shows; Viterbi and drawn paths are computed beside the run.

    source = Source(session)
    scene = source.scene(moment, sweep)     # `found` follows when more of it is known

Paths are those of the parameters that the colours come from: after an M-step still those of the E-step before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QObject, Signal

from emstudio.core.data import Dataset
from emstudio.core.em import Moment
from emstudio.core.errors import UserError
from emstudio.core.how import EStep
from emstudio.core.marks import Handle
from emstudio.core.selection import levels_matched
from emstudio.gui.chain_numbers import is_chain
from emstudio.gui.series_paint import Level
from emstudio.gui.series_scene import EMPTY, Drawn, Scene, shares_of
from emstudio.gui.series_span import times_of
from emstudio.session import Session

KEY = "paths of a chain"
_SMALL = 600  # steps up to which paths are computed at once
_ASIDE = 100  # draws shown beside an exact E-step
_CELLS = 4_000_000  # drawn states beside an exact E-step, at most
_OFTEN = 20_000  # steps up to which the true states are numbered anew at every E-step
_DRAWS = 4  # in the seed of the draws that are only shown


@dataclass(frozen=True, eq=False)
class Question:
    """The paths of `model` with `params`; `draws` of them are drawn with `seed` where more than none.

    `exact` (n, K): the posterior, where an E-step has worked it out already.
    """

    data: Dataset
    model: object
    params: object
    draws: int
    seed: tuple[int, ...]
    exact: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Paths:
    """The answer: Viterbi path (n,), exact posterior (n, K), drawn paths (n, M) with their shares (n, K), or None."""

    viterbi: np.ndarray
    exact: np.ndarray
    drawn: Drawn | None


def answer(asked: Question) -> Paths:
    """Viterbi and draws of a question. UserError where no path can have made a series."""
    from emstudio.core import samplers, smoothing
    from emstudio.core.chain_posterior import plan_of, possible

    model, data = asked.model, asked.data
    start, transitions, _ = model.split(asked.params)  # type: ignore[attr-defined]
    scores = model.emissions(data, asked.params)  # type: ignore[attr-defined]
    with possible(data):
        exact = asked.exact
        if exact is None:
            exact = smoothing.smooth(scores, start, transitions, data.offsets, plan_of(data, len(start))).gamma.T
        path = smoothing.viterbi(scores, start, transitions, data.offsets)[0]
        drawn = None
        if asked.draws:
            how = EStep("ffbs", draws=asked.draws)
            rng = np.random.default_rng(list(asked.seed))
            states = next(iter(samplers.sweeps(scores, start, transitions, data.offsets, how, rng)))
            drawn = Drawn(states, shares_of(states, len(start)), used=False)
    return Paths(path, exact, drawn)


class Source(QObject):
    """Keeps the paths last computed; `found` when others are known."""

    found = Signal()

    def __init__(self, session: Session, parent: QObject | None = None):
        super().__init__(parent)
        self._session = session
        self._question: Question | None = None  # that `_paths` answers
        self._paths: Paths | None = None
        self._asked: Question | None = None
        self._truth: tuple[tuple, np.ndarray] | None = None
        self._last: np.ndarray | None = None  # states of the sweep before
        self._shown: Scene | None = None
        self._drawn_by: tuple[object, Drawn] | None = None  # the posterior whose draws these are
        self._exact_of: tuple[object, np.ndarray] | None = None
        session.jobs.done.connect(self._on_done)
        session.jobs.failed.connect(self._on_failed)

    def scene(self, moment: Moment, sweep: object = None) -> Scene:
        """What is shown of a moment; `sweep` is one of a sampled E-step that is under way, or None."""
        if not is_chain(moment.model):
            return EMPTY
        data, model, s = moment.data, moment.model, moment.snapshot
        base = still(data, model)
        base = replace(base, levels=levels_of(moment), probabilities=getattr(s.params, "probabilities", None))
        resp, params = s.resp, self._made_at(moment)
        if sweep is not None:
            params, resp = s.params, None
        if resp is not None and len(resp) != data.n:
            resp = None
        paths, pending = None, False
        if params is not None and data.n and (sweep is not None or s.posterior is not None):
            paths, pending = self._known(moment, params, sweep is not None)
        exact = self._exact(moment, sweep is not None, paths)
        drawn = self._drawn(moment, sweep, paths)
        if sweep is not None and drawn is not None:
            resp = drawn.mean
        viterbi = None if paths is None else paths.viterbi
        before = self._shown
        if (
            sweep is None
            and s.posterior is None
            and s.carried is not None
            and before is not None
            and before.n == data.n
        ):
            # After an edit of the data the old colours stay until the next E-step, and so do the old paths.
            exact, viterbi, drawn = before.exact, before.viterbi, before.drawn
        truth = self._truth_of(moment, exact if exact is not None else resp)
        self._shown = replace(base, resp=resp, exact=exact, viterbi=viterbi, truth=truth, drawn=drawn, pending=pending)
        return self._shown

    def origin(self, moment: Moment, sweep: object = None) -> Moment:
        """The moment with the parameters that the paths are drawn at."""
        params = moment.snapshot.params if sweep is not None else self._made_at(moment)
        return (
            moment
            if params is moment.snapshot.params
            else replace(moment, snapshot=replace(moment.snapshot, params=params))
        )

    # -- paths ---------------------------------------------------------------------------------------------------------
    def _made_at(self, moment: Moment) -> object:
        """The parameters of the E-step whose posterior is shown."""
        s, node = moment.snapshot, self._session.history.current
        if s.phase in ("M", "edit") and node is not None and node.moment is moment:
            origin = node.path()[0].snapshot
            return origin.params if origin.posterior is not None or origin.phase == "E" else s.params
        return s.params

    def _known(self, moment: Moment, params: object, sweeping: bool) -> tuple[Paths | None, bool]:
        """(the paths as far as they are known, whether better ones are being computed)."""
        data = moment.data
        aside = not (moment.how.sampled or sweeping)
        draws = min(_ASIDE, max(_CELLS // max(data.n, 1), 1)) if aside else 0
        seed = (moment.seed, moment.number, moment.snapshot.t, _DRAWS)
        if moment.snapshot.phase == "M":
            seed = (*seed[:2], moment.snapshot.t - 1, _DRAWS)
        asked = Question(data, moment.model, params, draws, seed, self._exact(moment, sweeping, None))
        if self._same(self._question, asked):
            return self._paths, False
        if data.n <= _SMALL:
            self._question = asked
            try:
                self._paths = answer(asked)
            except UserError:
                self._paths = None  # the E-step itself says so
            return self._paths, False
        if not self._same(self._asked, asked):
            self._asked = asked
            self._session.jobs.ask(KEY, answer, asked)
        old = self._question
        usable = old is not None and old.data is data and old.model == moment.model and old.draws == draws
        return (self._paths if usable else None), True

    @staticmethod
    def _same(a: Question | None, b: Question) -> bool:
        if a is None or a.data is not b.data or a.draws != b.draws or a.seed != b.seed:
            return False
        return a.params is b.params and a.model == b.model

    def _on_done(self, key: str, asked: object, found: object) -> None:
        if key != KEY or not isinstance(asked, Question) or not isinstance(found, Paths):
            return
        self._question, self._paths = asked, found
        if asked is self._asked:
            self._asked = None
        self.found.emit()

    def _on_failed(self, key: str, asked: object, error: Exception) -> None:
        if key != KEY or asked is not self._asked:
            return
        self._asked = None
        if not isinstance(error, UserError):
            self._session.failed.emit(f"The paths could not be computed ({type(error).__name__}: {error}).")

    def _exact(self, moment: Moment, sweeping: bool, paths: Paths | None) -> np.ndarray | None:
        """(n, K) the exact posterior at the parameters of the colours."""
        posterior = None if sweeping else moment.snapshot.posterior
        if posterior is not None and posterior.resp is not None and len(posterior.resp) == moment.data.n:
            exact = getattr(posterior, "exact", None)
            if exact is not None:
                if self._exact_of is None or self._exact_of[0] is not exact:
                    self._exact_of = (exact, exact.gamma.T)
                return self._exact_of[1]
            if moment.how.kind == "soft" or not moment.how.drawn:
                return posterior.resp
        return None if paths is None else paths.exact

    def _drawn(self, moment: Moment, sweep: object, paths: Paths | None) -> Drawn | None:
        k = moment.model.k
        if sweep is not None:
            states = sweep.states  # type: ignore[attr-defined]
            before, self._last = self._last, states
            same = before is not None and before.shape == states.shape and before is not states
            flipped = states != before if same and sweep.index else None  # type: ignore[attr-defined]
            numbers = (sweep.index, sweep.of)  # type: ignore[attr-defined]
            return Drawn(states, shares_of(states, k), True, flipped, numbers)
        self._last = None
        posterior = moment.snapshot.posterior
        states = getattr(posterior, "paths", None)
        if states is not None and moment.how.sampled and len(states) == moment.data.n:
            if self._drawn_by is None or self._drawn_by[0] is not posterior:
                resp = posterior.resp  # type: ignore[union-attr]
                self._drawn_by = (posterior, Drawn(states, shares_of(states, k) if resp is None else resp, True))
            return self._drawn_by[1]
        return None if paths is None else paths.drawn

    # -- the true path -------------------------------------------------------------------------------------------------
    def _truth_of(self, moment: Moment, resp: np.ndarray | None) -> np.ndarray | None:
        """(n,) the state that each step's true one is taken for: the numbering that shares most with the posterior."""
        found = moment.data.truth_codes()
        if found is None or not moment.data.n:
            return None
        about = (
            moment.data,
            moment.model,
            moment.number,
            moment.seed,
            resp if moment.data.n <= _OFTEN else resp is None,
        )
        if self._truth is None or any(not _alike(a, b) for a, b in zip(self._truth[0], about, strict=True)):
            self._truth = (about, true_path(moment, resp))
        return self._truth[1]


def true_path(moment: Moment, resp: np.ndarray | None) -> np.ndarray:
    """(n,) the states that the true ones, which the data know, are taken for by the posterior (n, K); -1 for none."""
    found = moment.data.truth_codes()
    assert found is not None
    codes, levels = found
    fixed = moment.model.name == "noisy-switch" or resp is None
    order = np.arange(len(levels)) if fixed else levels_matched(codes, len(levels), resp)
    order = np.where(order < moment.model.k, order, -1)
    return np.append(order, -1)[codes].astype(np.int64)


def _alike(a: object, b: object) -> bool:
    return a is b or (not isinstance(a, np.ndarray) and not isinstance(b, np.ndarray) and a == b)


def still(data: Dataset, model: object) -> Scene:
    """What of a scene the data and the model alone say."""

    def make() -> Scene:
        kind, symbols = "numbers", ()
        emission = getattr(model, "emission", "gaussian")
        if emission == "categorical":
            most = int(data.x.max(initial=0)) + 1
            kind, symbols = "symbols", tuple(getattr(model, "categories", ())) or tuple(str(i) for i in range(most))
        elif emission == "poisson":
            kind = "counts"
        titles = tuple(c.title + (f", {c.unit}" if c.unit else "") for c in data.columns)
        observed = data.observed
        return Scene(observed, data.offsets, model.k, kind, titles, symbols, times_of(data))  # type: ignore[attr-defined]

    return data.memo(f"scene of {model!r}", make)


def levels_of(moment: Moment) -> tuple[tuple[Level, ...], ...]:
    """For each column where the states' emissions lie, and how far they spread."""
    params, d = moment.snapshot.params, moment.data.d
    if params is None or hasattr(params, "probabilities"):
        return ()
    if hasattr(params, "q"):
        spread = float(np.sqrt(params.variance))
        return (tuple(Level(k, float(k), spread, None, Handle("variance", k)) for k in range(2)),)
    if hasattr(params, "rates"):
        means = np.asarray(params.rates, float)
        spreads, kind = np.sqrt(means), "rate"
    else:
        means = np.asarray(params.means, float)
        spreads, kind = np.sqrt(np.einsum("kjj->kj", params.covariances)), "mean"
    edges = [Handle("variance", k) if kind == "mean" else None for k in range(len(means))]
    return tuple(
        tuple(Level(k, float(means[k, j]), float(spreads[k, j]), Handle(kind, k), edges[k]) for k in range(len(means)))
        for j in range(min(d, means.shape[1]))
    )
