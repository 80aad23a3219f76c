"""What the window says of a chain in numbers: its paths' scalars, exact and drawn, and one step's past and future.

Pure functions of a moment; no Qt. A *scalar* is a number that every path has: how often it stays, how often it switches,
how far it is from the data. Its expectation over the posterior is what the M-step needs; draws estimate it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from emstudio.core.em import Moment
from emstudio.core.format import letter
from emstudio.core.model import Model

CHAINS = ("noisy-switch", "hmm")
_DEAR = 2_000_000  # drawn states beyond which their levels are not gone through for an error
_ENOUGH = 200  # chains that tell how slowly all wander
FAR = 4.0  # standard errors from the exact value that are no accident


@dataclass(frozen=True, eq=False)
class Scalar:
    """One scalar of the paths: its letter and word, what it means, and its expectation.

    `used`: the value that the M-step takes, from whatever E-step; `exact`: its expectation under the exact posterior;
    `draws` (M,) its value on each drawn path, None where none were drawn; `trace` (T + 1, M) its values after each sweep,
    None where the paths were not made by sweeps; `out_of`: what it is a part of, or None. `aside`: the draws are only shown.
    """

    key: str
    word: str
    meaning: str
    used: float
    exact: float
    draws: np.ndarray | None = None
    trace: np.ndarray | None = None
    out_of: float | None = None
    aside: bool = False

    @property
    def error(self) -> float | None:
        """The standard error of the mean of the draws, which are independent; None with fewer than two."""
        if self.draws is None or len(self.draws) < 2:
            return None
        return float(self.draws.std(ddof=1) / math.sqrt(len(self.draws)))

    @property
    def z(self) -> float | None:
        """How many standard errors the draws' mean lies above the exact value."""
        error = self.error
        return (float(self.draws.mean()) - self.exact) / error if error and self.draws is not None else None


def is_chain(model: Model) -> bool:
    """Whether the hidden variables of `model` are a chain in time."""
    return model.name in CHAINS


def exact_of(posterior) -> tuple[np.ndarray, np.ndarray]:
    """((K, n) posterior of the states, (K, K) expected transitions) by forward-backward, whatever the E-step."""
    exact = getattr(posterior, "exact", None)
    return (posterior.resp.T, posterior.pairs) if exact is None else (exact.gamma, exact.pairs)


def scalars(moment: Moment) -> tuple[Scalar, ...]:
    """The scalars of a chain's posterior, in the order of `model.traced`; none before the first E-step.

    `noisy-switch`: a, b, c of the lecture text. `hmm`: how often the path stays, and how long it is in each state.
    """
    posterior, model, data = moment.snapshot.posterior, moment.model, moment.data
    if posterior is None or posterior.resp is None or not is_chain(model):
        return ()
    params, trace = moment.snapshot.params, getattr(posterior, "trace", None)
    used = model.expected_trace(data, params, posterior)  # type: ignore[attr-defined]
    best = getattr(posterior, "exact", None)
    exact = used if best is None else model.expected_trace(data, params, best)  # type: ignore[attr-defined]
    return _made(moment, used, exact, trace)


def beside(moment: Moment, found: tuple[Scalar, ...], paths: np.ndarray) -> tuple[Scalar, ...]:
    """The scalars with the values that the drawn `paths` (n, M) have, which the M-step does not use."""
    each = np.asarray(moment.model.trace_of(moment.data, paths), float)  # type: ignore[attr-defined]
    return tuple(replace(s, draws=each[:, i], aside=True) for i, s in enumerate(found))


def sweep_scalars(moment: Moment, trace: np.ndarray, exact: np.ndarray) -> tuple[Scalar, ...]:
    """The scalars while an E-step at `moment` is sampled: its trace (T + 1, M, s) so far, and `expected` beside it."""
    return _made(moment, np.asarray(trace[-1], float).mean(0), exact, trace)


def expected(moment: Moment) -> np.ndarray:
    """(s,) the exact expectations of `model.traced` at the moment's parameters. Raises UserError."""
    model, data, params = moment.model, moment.data, moment.snapshot.params
    return model.expected_trace(data, params, model.smoothed(data, params))  # type: ignore[attr-defined]


def _made(moment: Moment, used: np.ndarray, exact: np.ndarray, trace: np.ndarray | None) -> tuple[Scalar, ...]:
    made = []
    for i, name in enumerate(moment.model.traced):  # type: ignore[attr-defined]
        own = None if trace is None else np.asarray(trace[:, :, i], float)
        swept = own if own is not None and len(own) > 1 else None
        drawn, whole = None if own is None else own[-1], _out_of(moment, name)
        made.append(Scalar(*_described(name), float(used[i]), float(exact[i]), drawn, swept, whole))
    return tuple(made)


def _described(name: str) -> tuple[str, str, str]:
    """(letter, word, meaning) of what the trace calls `name`."""
    known = {
        "a": ("a", "stays", "how often a path is expected to stay where it is"),
        "b": ("b", "switches", "how often a path is expected to switch"),
        "c": ("c", "squares", "the expected sum of the squared distances of x from the path"),
        "stays": ("", "stays", "how often a path is expected to stay in its state"),
    }
    if name in known:
        return known[name]
    k = int("".join(c for c in name if c.isdigit()) or 0)
    return letter(k), "steps", f"how many steps a path is expected to spend in state {letter(k)}"


def _out_of(moment: Moment, name: str) -> float | None:
    """What a scalar is a part of: all transitions, or all steps."""
    if name == "c":
        return None
    steps = moment.data.n - (len(moment.data.offsets) - 1)
    return float(steps if name in ("a", "b", "stays") else moment.data.n)


def observed(moment: Moment) -> np.ndarray:
    """(n,) bool: the steps of the series at which something was observed."""
    mask = moment.data.mask
    return np.ones(moment.data.n, bool) if mask is None else ~mask.all(axis=1)


def switches(pairs: np.ndarray) -> float:
    """How often a path changes its state, of (K, K) transitions."""
    return float(pairs.sum() - np.trace(pairs))


def bound_error(moment: Moment) -> float | None:
    """The standard error of the bound where it is made of draws, None where it is exact, or too dear to tell."""
    s = moment.snapshot
    paths = getattr(s.posterior, "paths", None)
    if s.posterior is None or s.params is None or s.bound is None or not moment.how.sampled:
        return None
    if paths is None or paths.size > _DEAR or s.phase == "E":
        return None  # in the E-step that drew them the bound touches the log-likelihood
    return moment.model.bound_error(moment.data, s.params, s.posterior)  # type: ignore[attr-defined]


def true_switches(moment: Moment) -> int | None:
    """How often the true path switches, where it is known and whole."""
    truth = moment.data.truth_codes()
    if truth is None or not moment.data.n or (truth[0] < 0).any():
        return None
    codes, inside = truth[0], np.ones(moment.data.n, bool)
    inside[moment.data.offsets[:-1]] = False  # nothing switches from one series to the next
    return int(np.count_nonzero(np.diff(codes, prepend=codes[:1])[inside]))


@dataclass(frozen=True, eq=False)
class Running:
    """A mean as it grows: `x` (m,) the number of draws or sweeps, `mean` (m,) and `half` (m,), two standard errors."""

    x: np.ndarray
    mean: np.ndarray
    half: np.ndarray


def over_draws(draws: np.ndarray) -> Running:
    """The mean of the first 1, 2, ... M draws, with twice sd / sqrt(m): the band narrows as draws^-1/2.

    The spread is that of all draws, so that only the number of draws narrows the band.
    """
    m = np.arange(1, len(draws) + 1)
    spread = float(draws.std(ddof=1)) if len(draws) > 1 else math.nan
    return Running(m, np.cumsum(draws) / m, 2 * spread / np.sqrt(m))


def over_sweeps(trace: np.ndarray) -> Running:
    """The mean over the chains after 0, 1, ... T sweeps of a trace (T + 1, M), with two standard errors over the chains."""
    chains = trace.shape[1]
    half = 2 * trace.std(axis=1, ddof=1) / math.sqrt(chains) if chains > 1 else np.full(len(trace), math.nan)
    return Running(np.arange(len(trace)), trace.mean(axis=1), half)


def unsettled(found: tuple[Scalar, ...]) -> Scalar | None:
    """The scalar whose draws are farthest from its exact value, where that is no accident: the chains still remember
    their random starts."""
    swept = [s for s in found if s.trace is not None and s.z is not None and abs(s.z) > FAR]
    return max(swept, key=lambda s: abs(s.z or 0.0), default=None)


def worth(scalar: Scalar, burn_in: int = 0) -> tuple[int, float] | None:
    """(states that the sweeps made, how many independent draws they are worth); None where there is no telling."""
    if scalar.trace is None or len(scalar.trace) - 1 - burn_in < 4:
        return None
    from emstudio.core.samplers_tally import effective_size

    kept = scalar.trace[1 + burn_in :]
    some = kept[:, :_ENOUGH]  # chains are alike: more of them would tell nothing new
    size = float(effective_size(some)) * kept.shape[1] / some.shape[1]
    return (kept.size, size) if math.isfinite(size) else None


@dataclass(frozen=True, eq=False)
class Step:
    """Why one step of a series has its colour.

    `series` (from 0) and `t` (from 1) name the step; `forward` (K,) is log alpha = log p(x_1..t, z_t = k) and `backward`
    (K,) log beta = log p(x_t+1.. | z_t = k), NaN where alpha is 0; `gamma` (K,) their product's share of the sum, which is
    the log-likelihood of the series at every step.
    """

    series: int
    t: int
    forward: np.ndarray
    backward: np.ndarray
    gamma: np.ndarray
    log_likelihood: float


def place(moment: Moment, row: int) -> tuple[int, int]:
    """(series from 0, time from 1) of a row of the dataset."""
    offsets = moment.data.offsets
    series = int(np.searchsorted(offsets, row, side="right")) - 1
    return series, row - int(offsets[series]) + 1


@dataclass(frozen=True, eq=False)
class Passes:
    """A pass forward and one backward over one series: `past` (K, n) P(z_t | x_1..t), `levels` (n,) log p(x_1..t), `gamma`."""

    params: object
    data: object
    series: int
    past: np.ndarray
    levels: np.ndarray
    gamma: np.ndarray


_kept: list[Passes] = []  # the last: the next step that is pointed at lies in the same series


def passes(moment: Moment, series: int) -> Passes:
    """The passes over a series under the moment's parameters. Raises ImpossibleSeries."""
    from emstudio.core.smoothing import filtered, smooth

    model, data, params = moment.model, moment.data, moment.snapshot.params
    if _kept and (_kept[0].params is params and _kept[0].data is data and _kept[0].series == series):
        return _kept[0]
    low, high = int(data.offsets[series]), int(data.offsets[series + 1])
    start, transitions, _ = model.split(params)  # type: ignore[attr-defined]
    own = np.ascontiguousarray(model.emissions(data, params)[:, low:high])  # type: ignore[attr-defined]
    offsets = np.array([0, high - low])
    past, gains = filtered(own, start, transitions, offsets)
    gamma = smooth(own, start, transitions, offsets).gamma
    _kept[:] = [Passes(params, data, series, past, np.cumsum(gains), gamma)]
    return _kept[0]


def step(moment: Moment, row: int) -> Step:
    """Past and future of `row` under the moment's parameters. Raises ImpossibleSeries."""
    series, t = place(moment, row)
    found = passes(moment, series)
    past, gamma = found.past[:, t - 1], found.gamma[:, t - 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        forward = np.log(past) + found.levels[t - 1]
        total = float(found.levels[-1])
        backward = np.where(past > 0, np.log(gamma) + total - forward, np.nan)
    return Step(series, t, forward, backward, gamma, total)


__all__ = [
    "CHAINS",
    "FAR",
    "Passes",
    "Running",
    "Scalar",
    "Step",
    "beside",
    "bound_error",
    "exact_of",
    "expected",
    "is_chain",
    "observed",
    "over_draws",
    "over_sweeps",
    "passes",
    "place",
    "scalars",
    "step",
    "sweep_scalars",
    "switches",
    "true_switches",
    "unsettled",
    "worth",
]
