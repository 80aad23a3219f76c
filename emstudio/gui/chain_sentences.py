"""The words about chains: what a half-step did to the paths and the parameters, and what the draws are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emstudio.core.em import Moment
from emstudio.core.format import count, letter, number
from emstudio.gui.chain_numbers import FAR, Scalar, exact_of, scalars, switches, true_switches, unsettled, worth
from emstudio.session.sampling import gone

if TYPE_CHECKING:
    from emstudio.gui.sentences import Facts

Words = tuple[str, str, str, str]
_NAMED = 3  # states named one by one


def data(moment: Moment, facts: Facts) -> Words:
    """(icon, title, what, next) before anything started."""
    n, series = moment.data.n, len(moment.data.offsets) - 1
    title = f"{count(n)} step{'' if n == 1 else 's'}{'' if series == 1 else f' in {count(series)} series'}."
    if facts.obstacle:
        return "warning", title, facts.obstacle, "The series can be changed, and so can the model."
    what = "Nothing is fitted yet, so they have no colour."
    chosen = "q and \u03c3\u00b2" if _symmetric(moment) else f"{moment.model.k} states and their transitions"
    return "info", title, what, f"Next, the **start** chooses {chosen}."


def start(moment: Moment, placed: str, level: str) -> Words:
    """`placed`: how the start was made; `level` the log-likelihood."""
    return "ellipse", "Start.", f"{placed}: {parameters(moment)}; log-likelihood {level}.", _next_e(moment)


def e_step(moment: Moment) -> Words:
    title = f"E-step {moment.snapshot.t + 1}."
    found = scalars(moment)
    true = true_switches(moment)
    known = "" if true is None else f" ({count(true)} true)"
    posterior = moment.snapshot.posterior
    pairs = posterior.pairs  # type: ignore[union-attr]
    times = number(switches(pairs), decimals=1)
    how = moment.how
    if how.kind == "hard":
        what = (
            f"Each step took its state on the single most probable path: {number(switches(pairs), 0)} switches{known}."
        )
        return "e-step", title, what, _next_m(moment)
    if how.kind == "stochastic":
        what = f"One path was drawn: {number(switches(pairs), 0)} switches{known}; another draw would differ."
        return "e-step", title, what, _next_m(moment)
    if how.kind == "annealed":
        warm = number(how.temperature, 3, trim=True)
        what = f"Each step took its posterior\u2019s colour at temperature {warm}: {times} switches expected{known}."
        return "e-step", title, what, _next_m(moment)
    if not how.sampled:
        what = f"Each step took its posterior\u2019s colour: {times} switches expected{known}."
        return "e-step", title, what, _next_m(moment)
    exact = number(switches(exact_of(posterior)[1]), decimals=1)
    drawn = f"{count(how.draws)} path{'' if how.draws == 1 else 's'}{_after(moment)}"
    far = unsettled(found)
    if far is not None:
        what = (
            f"{drawn}, not at equilibrium: {_named(far)} {number(far.used, decimals=1)}, "
            f"exactly {number(far.exact, decimals=1)}{known if far.key == 'b' else ''}."
        )
        return "e-step", title, what, _next_m(moment)
    what = f"{drawn} gave the colours: {times} switches, exactly {exact}{known}."
    return "e-step", title, what, _next_m(moment)


def m_step(moment: Moment, change: str, before: Moment | None = None) -> Words:
    """`change`: where the log-likelihood went; `before`: the E-step that it follows. What became impossible is said."""
    title = f"M-step {moment.snapshot.t}."
    change = f"; {change}" if change else ""
    if _symmetric(moment):
        q, variance = (number(v, decimals=3) for v in moment.snapshot.params)
        what = f"Share of stays q {q}, mean square \u03c3\u00b2 {variance}{change}."
    else:
        what = f"States moved: {parameters(moment)}{change}."
    lost = gone(before, moment) if before is not None and before.snapshot.phase == "E" else ""
    return "m-step", title, what, lost or _next_e(moment)


def edit(moment: Moment, title: str, change: str) -> Words:
    n = moment.data.n
    what = f"{count(n)} step{'' if n == 1 else 's'}, {parameters(moment)}{'; ' + change if change else ''}."
    return "select", title, what, _next_e(moment)


def parameters(moment: Moment) -> str:
    """`q 0.714, σ² 0.247`, or how likely each state stays."""
    params = moment.snapshot.params
    if params is None:
        return ""
    if _symmetric(moment):
        return f"q {number(params.q, decimals=3)}, \u03c3\u00b2 {number(params.variance, decimals=3)}"
    stay = moment.model.split(params)[1].diagonal().tolist()  # type: ignore[attr-defined]
    more = len(stay) - _NAMED
    digits = 3 if len(stay) < _NAMED else 2
    each = (f"{letter(k)}{'' if k else ' stays'} {number(p, decimals=digits)}" for k, p in enumerate(stay[:_NAMED]))
    words = ", ".join(each)
    return words + (f" and {more} more" if more > 0 else "")


def _symmetric(moment: Moment) -> bool:
    return moment.model.name == "noisy-switch"


def _after(moment: Moment) -> str:
    """` after 75 sweeps`, where the sampler sweeps."""
    if moment.how.kind == "ffbs":
        return " drawn whole"
    sweeps = moment.how.burn_in + moment.how.sweeps
    return f" after {count(sweeps)} sweep{'' if sweeps == 1 else 's'}"


def _next_e(moment: Moment) -> str:
    how = moment.how
    does = {
        "soft": "gives each step its colour by one pass forward and one backward",
        "hard": "takes the single most probable path (Viterbi)",
        "stochastic": "draws one path, filtering forward and sampling backward",
        "annealed": f"passes forward and backward at temperature {number(how.temperature, 3, trim=True)}",
        "metropolis": f"draws {count(how.draws)} paths by flips of random sites (Metropolis)",
        "scan-metropolis": f"draws {count(how.draws)} paths by flips of site after site (Metropolis)",
        "gibbs": f"draws {count(how.draws)} paths, each site given its neighbours (Gibbs)",
        "ffbs": f"draws {count(how.draws)} independent paths, filtering forward and sampling backward",
    }[how.kind]
    return f"Next, the **E-step** {does}."


def _next_m(moment: Moment) -> str:
    if _symmetric(moment):
        whose = "the draws\u2019" if moment.how.sampled else "the"
        return f"Next, the **M-step** sets q to {whose} share of stays and \u03c3\u00b2 to {whose} mean square."
    return "Next, the **M-step** fits each state to its steps and each row of transitions to its shares."


def _named(scalar: Scalar) -> str:
    return f"{scalar.key} {scalar.word}".strip()


def estimates_note(moment: Moment, found: tuple[Scalar, ...], against: str) -> str:
    """One or two sentences under the estimates: how to compare, or what the draws are worth."""
    if not found:
        return ""
    draws = found[0].draws
    if draws is None or len(draws) < 2:
        if "ffbs" not in moment.model.e_steps:
            return ""
        exact = "Exact: no draws. " if moment.how.kind == "soft" else ""
        return f"{exact}Choose a sampler as E-step in the model panel to see draws beside these."
    far = unsettled(found)
    if far is not None:
        away = number(abs(far.z or 0.0), 2)
        side = "above" if (far.z or 0.0) > 0 else "below"
        return (
            f"Not at equilibrium: {_named(far)} is {away} standard errors {side} exact; chance stays within "
            f"{number(FAR, 1)}. Take more sweeps, or draw whole paths."
        )
    if against == "sweeps":
        sizes = [(made, s) for s in found if (made := worth(s, moment.how.burn_in)) is not None]
        if sizes:
            (states, size), least = min(sizes, key=lambda pair: pair[0][1])
            return (
                f"{count(states)} states of {count(len(draws))} chains, worth {count(round(size))} independent draws for "
                f"{least.key or least.word}: neighbours in a chain are alike."
            )
        return ""
    if found[0].aside and moment.how.kind == "soft":
        return f"The E-step is exact; {count(len(draws))} draws beside it show what sampling would give, \u00b1 2 s.e."
    if found[0].aside:
        return (
            f"The M-step takes the bold values; the {count(len(draws))} draws are of the exact posterior, \u00b1 2 s.e."
        )
    return f"Band: \u00b1 2 standard errors of {count(len(draws))} draws; four times as many halve it."


__all__ = ["data", "e_step", "edit", "estimates_note", "m_step", "parameters", "start"]
