"""The words above the canvas: what this half-step did, with the numbers that matter, and what the next one will do.

A pure function of the moment, the one before it and a few facts of the session; no widget.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emstudio.core.em import Moment
from emstudio.core.errors import Notice
from emstudio.core.format import count, letter, number, signed, tally, typeset
from emstudio.core.model import START_METHODS
from emstudio.core.stopping import Verdict
from emstudio.gui import chain_sentences, coin_sentences
from emstudio.gui.chain_numbers import is_chain

_TOO_MANY = 2_000_000  # rows times components beyond which the end of a run is not looked at for doubts
_DOUBTFUL = ("saddle", "empty", "spurious")
DECIDED = 0.9  # a point is decided when one component has more of it than this
UNSEEN = 5e-3  # standard deviations of the data, less than a pixel: such a move is none for the eye
_GO_ON = Verdict(None, "")


class Sentences(NamedTuple):
    """`title` stands in bold before `what`; `**...**` inside `what` and `next` is bold, all else plain text."""

    icon: str
    title: str
    what: str
    next: str


@dataclass(frozen=True, eq=False)
class Facts:
    """What the sentences need beside the moments."""

    running: bool = False
    verdict: Verdict = _GO_ON
    obstacle: str | None = None
    trouble: Notice | None = None
    undecided: int | None = None
    edit: str = ""


def undecided(resp: np.ndarray) -> int:
    """How many rows no component has more than 90 % of; rows without responsibilities count as undecided."""
    largest = resp[:, 0].copy()
    for k in range(1, resp.shape[1]):
        np.maximum(largest, resp[:, k], out=largest)
    return int(len(largest) - np.count_nonzero(largest >= DECIDED))


def sentences(moment: Moment, previous: Moment | None, facts: Facts) -> Sentences:
    """What happened and what comes next. `previous` is the moment before on the timeline, if there is one."""
    if facts.trouble is not None:
        return _collapse(facts.trouble)
    phase = moment.snapshot.phase
    if moment.model.name == "coins" and moment.data.n:
        made = _coins(moment, previous, facts)
        stop = facts.verdict.stop and not facts.running and phase in ("M", "E")
        if not stop or coin_sentences.known(moment):
            return made
        stopped = _stopped(made, facts.verdict, phase, "higher")
        return stopped._replace(next=coin_sentences.troubled(moment) or stopped.next)
    if is_chain(moment.model) and moment.data.n:
        made = _chain(moment, previous, facts)
    else:
        steps = {"data": _data, "start": _start, "E": _e_step, "M": _m_step, "edit": _edit}
        made = steps[phase](moment, previous, facts)
    if facts.verdict.stop and not facts.running and phase in ("M", "E"):
        stopped = _stopped(made, facts.verdict, phase, "lower" if moment.model.cost else "higher")
        doubt = (_cool(moment) or _doubt(moment)) if facts.verdict.converged and phase == "M" else ""
        return stopped._replace(next=doubt or stopped.next)
    return made


def _cool(moment: Moment) -> str:
    """How a run goes on that ended at a temperature above 1: there the components still blend."""
    how = moment.how
    if how.kind != "annealed" or how.temperature <= 1.0:
        return ""
    warm = number(how.temperature, 3, trim=True)
    return f"This is where it ends at temperature {warm}; lower it towards 1 and run on."


def _doubt(moment: Moment) -> str:
    """Why the place where a run ended is not to be trusted: a saddle, a component on a handful of rows, or an empty one."""
    s = moment.snapshot
    posterior = moment.ahead or s.posterior
    if s.params is None or posterior is None or moment.data.n * moment.model.k > _TOO_MANY:
        return ""
    found = moment.model.notices(moment.data, s.params, posterior)
    return next((n.text for code in _DOUBTFUL for n in found if n.code == code), "")


def _coins(moment: Moment, previous: Moment | None, facts: Facts) -> Sentences:
    phase, value = moment.snapshot.phase, moment.snapshot.log_likelihood
    level = "" if value is None else _level(value)
    change = _change(moment, previous)
    went = f"log-likelihood {_went(change[0] - change[1])} {level}" if change is not None else ""
    if phase == "data":
        return Sentences(*coin_sentences.data(moment, facts))
    if phase == "start":
        given = "As given" if moment.start.given else f"{_start_name(moment)}, seed {moment.seed}"
        number_of = f", start {moment.number}" if moment.number and not moment.start.given else ""
        return Sentences(*coin_sentences.start(moment, given + number_of, level))
    if phase == "E":
        return Sentences(*coin_sentences.e_step(moment))
    if phase == "M":
        return Sentences(*coin_sentences.m_step(moment))
    own = f"log-likelihood {level}" if level else ""
    return Sentences(*coin_sentences.edit(moment, f"{facts.edit or 'Edit'}.", went or own))


def _chain(moment: Moment, previous: Moment | None, facts: Facts) -> Sentences:
    phase, value = moment.snapshot.phase, moment.snapshot.log_likelihood
    level = "" if value is None else _level(value)
    if phase == "data":
        return Sentences(*chain_sentences.data(moment, facts))
    if phase == "start":
        given = "As given" if moment.start.given else f"{_start_name(moment)}, seed {moment.seed}"
        number_of = f", start {moment.number}" if moment.number and not moment.start.given else ""
        return Sentences(*chain_sentences.start(moment, given + number_of, level))
    if phase == "E":
        return Sentences(*chain_sentences.e_step(moment))
    change = _change(moment, previous)
    went = f"log-likelihood {_went(change[0] - change[1])} {level}" if change is not None else ""
    if phase == "M":
        return Sentences(*chain_sentences.m_step(moment, went, previous))
    own = f"log-likelihood {level}" if level else ""
    return Sentences(*chain_sentences.edit(moment, f"{facts.edit or 'Edit'}.", went or own))


def _data(moment: Moment, previous: Moment | None, facts: Facts) -> Sentences:
    data, model = moment.data, moment.model
    if not data.n:
        how = "Draw a series with the brush" if is_chain(model) else "Click to add points"
        return Sentences(
            "info",
            "An empty canvas.",
            "Nothing is here to fit yet.",
            f"{how}, drop a table here, or choose a data set.",
        )
    title = f"{tally(data.n, _points(moment), data.total)}."
    if facts.obstacle:
        return Sentences(
            "warning",
            title,
            _sentence(facts.obstacle),
            "Choose other columns, change the points, or take another model.",
        )
    return Sentences(
        "info",
        title,
        "Nothing is fitted yet, so they have no colour.",
        f"Next, the **start** places {_components(model.k)}: {_start_name(moment)}.",
    )


def _start(moment: Moment, previous: Moment | None, facts: Facts) -> Sentences:
    components = _components(moment.model.k)
    if moment.start.given:
        stands = "stand where they were" if moment.model.k > 1 else "stands where it was"
        what = f"{components[:1].upper()}{components[1:]} {stands} given"
    else:
        number_of = f", start {moment.number}" if moment.number else ""
        what = f"{_start_name(moment)} placed {components}, seed {moment.seed}{number_of}"
    value = moment.snapshot.figure
    level = "" if value is None else f"; {_objective(moment)} {_level(value)}"
    return Sentences("ellipse", "Start.", f"{what}{level}.", _next_e(moment, f"gives each {_thing(moment)} its"))


def _objective(moment: Moment) -> str:
    return moment.model.cost or "log-likelihood"


def _next_e(moment: Moment, does: str) -> str:
    if moment.model.cost:
        return f"Next, the **E-step** {does} colour: that of the nearest {moment.model.shape_name(moment.data)}."
    how = {
        "soft": "how likely each component made it",
        "hard": "that of the most probable component alone",
        "stochastic": "that of one component, drawn by how likely each made it",
        "annealed": f"how likely each component made it, at temperature {number(moment.how.temperature, 3, trim=True)}",
    }[moment.how.kind]
    return f"Next, the **E-step** {does} colour: {how}."


def _e_step(moment: Moment, previous: Moment | None, facts: Facts) -> Sentences:
    n = moment.data.n
    if moment.model.cost or moment.how.kind in ("hard", "stochastic"):
        return Sentences("e-step", f"E-step {moment.snapshot.t + 1}.", _assigned(moment), _next_m(moment))
    what = f"Each {_thing(moment)} took its responsibilities\u2019 colour"
    if moment.model.k == 1:
        what = f"With one component every {_thing(moment)} is its own"
    elif facts.undecided is not None:
        if facts.undecided == n:
            what += "; none is decided yet"
        elif facts.undecided:
            are = "is" if facts.undecided == 1 else "are"
            what += f"; {count(facts.undecided)} of {count(n)} {are} still undecided"
        else:
            what += f"; all {count(n)} are decided, 90 % or more for one component"
    return Sentences("e-step", f"E-step {moment.snapshot.t + 1}.", what + ".", _next_m(moment))


def _assigned(moment: Moment) -> str:
    """What an E-step did that gave each point to one component."""
    if moment.model.cost:
        return f"Each {_thing(moment)} went to its nearest {moment.model.shape_name(moment.data)}."
    if moment.how.kind == "hard":
        return f"Each {_thing(moment)} went to its most probable component, whole."
    return f"Each {_thing(moment)} went whole to one component, drawn by its responsibilities."


def _next_m(moment: Moment) -> str:
    shape = moment.model.shape_name(moment.data)
    which = f"the {shape}" if moment.model.k == 1 else f"each {shape}"
    whole = moment.model.cost or moment.how.kind in ("hard", "stochastic")
    if moment.acceleration is not None:
        return f"Next, the **M-step** moves {which} three EM steps in one, the third from far ahead (SQUAREM)."
    return f"Next, the **M-step** moves {which} to its {'' if whole else 'weighted '}{_thing(moment)}s."


def _m_step(moment: Moment, previous: Moment | None, facts: Facts) -> Sentences:
    shape = moment.model.shape_name(moment.data)
    shapes = f"The {shape}" if moment.model.k == 1 else f"The {shape}s"
    if moment.acceleration is not None:
        shapes = f"Three EM steps in one: {shapes[:1].lower()}{shapes[1:]}"
    what = f"{shapes} moved"
    farthest = _farthest(moment, previous)
    if farthest == "":
        what = f"{shapes} hardly moved"
    elif farthest is not None:
        what += f", {farthest}" if moment.model.k > 1 else f" {farthest}"
    change = _change(moment, previous)
    if change is not None:
        value, before = change
        what += f"; {_objective(moment)} {_went(value - before)} {_level(value)}"
    return Sentences(
        "m-step", f"M-step {moment.snapshot.t}.", what + ".", _next_e(moment, f"gives each {_thing(moment)} its new")
    )


def _farthest(moment: Moment, previous: Moment | None) -> str | None:
    """Which mean moved farthest, in standard deviations of the data, and how far in its main direction's own unit.

    Empty where none moved as far as an eye could see, None where there is nothing to compare.
    """
    new = moment.model.locations(moment.snapshot.params)
    before = None if previous is None else previous.snapshot.params
    old = None if previous is None or before is None else previous.model.locations(before)
    if new is None or old is None or new.shape != old.shape:
        return None
    spread = moment.data.memo("column spread", lambda: moment.data.x.std(0))
    shift = (new - old) / np.where(spread > 0, spread, 1.0)
    k = int(np.argmax((shift**2).sum(1)))
    j = int(np.argmax(np.abs(shift[k])))
    if not abs(shift[k, j]) > UNSEEN:
        return ""
    column = moment.data.columns[j]
    unit = f" {column.unit}" if column.unit else ""
    name = "" if moment.data.d == 1 else f"{_middle_out(column.title)} "
    amount = f"{name}{signed(float(new[k, j] - old[k, j]), 2)}{unit}"
    return f"by {amount}" if len(new) == 1 else f"{_letter(k)} most ({amount})"


def _middle_out(words: str, most: int = 14) -> str:
    """A long name without its middle: a sentence shall keep to its line."""
    half = (most - 1) // 2
    return words if len(words) <= most else f"{words[:half].rstrip()}\u2026{words[-half:].lstrip()}"


def _change(moment: Moment, previous: Moment | None) -> tuple[float, float] | None:
    """(the objective, the one before) where both are known and of the same data."""
    if previous is None or previous.data is not moment.data:
        return None
    value, before = moment.snapshot.figure, previous.snapshot.figure
    return None if value is None or before is None else (value, before)


def _went(change: float) -> str:
    if change > 0:
        return f"up {_amount(change)} to"
    return f"down {_amount(-change)} to" if change < 0 else "still"


def _amount(change: float) -> str:
    return number(change, 3 if change >= 1 else 2 if change >= 0.001 else 1)


def _edit(moment: Moment, previous: Moment | None, facts: Facts) -> Sentences:
    title = f"{facts.edit or 'Edit'}."
    value = moment.snapshot.figure
    change = _change(moment, previous)
    name = _objective(moment)
    if previous is not None and previous.data is not moment.data:
        own = f"an {name}" if moment.model.cost else "a likelihood"
        now = tally(moment.data.n, f"{_points(moment)} now", moment.data.total)
        what = f"{now}, and {own} of its own"
        what += f": {_level(value)}." if value is not None else "."
    elif change is not None:
        what = f"{name[:1].upper()}{name[1:]} {_went(change[0] - change[1])} {_level(change[0])}."
    elif value is not None:
        what = f"The {name} is {_level(value)}."
    else:
        what = "The fit goes on from here."
    return Sentences("select", title, what, _next_e(moment, f"gives each {_thing(moment)} its new"))


def _stopped(made: Sentences, verdict: Verdict, phase: str, better: str) -> Sentences:
    if verdict.converged:
        if phase != "M":
            return made
        return Sentences(
            "check",
            "Converged.",
            f"{made.title[:-1]} changed nothing that matters: {typeset(verdict.reason)}.",
            f"Another start (Shift+R) may end {better}; the half-steps still go on from here.",
        )
    return made._replace(
        icon="pause",
        title="Paused.",
        what=_sentence(typeset(verdict.reason)),
        next="Allow more iterations in the model panel to go on, or step by hand.",
    )


def _collapse(notice: Notice) -> Sentences:
    who = "the component" if notice.component is None else f"**{_letter(notice.component)}**"
    what, _, _ = notice.text.partition("; ")  # the ways out are said once, below
    return Sentences(
        "warning",
        "Paused before a collapse.",
        _sentence(notice.text if notice.component is None else what),
        f"Re-seed {who} or remove it, choose a shared covariance or a floor; the moment shown is sound.",
    )


def _sentence(words: str) -> str:
    words = words[:1].upper() + words[1:]
    return words if words.endswith((".", "!", "?")) else words + "."


def _points(moment: Moment) -> str:
    return _thing(moment) if moment.data.n == 1 else f"{_thing(moment)}s"


def _thing(moment: Moment) -> str:
    """What a row of the data is called: those that are shown as bars are no points."""
    return "row" if moment.model.name == "multinomial" else "point"


def _components(k: int) -> str:
    return "one component" if k == 1 else f"{k} components"


def _start_name(moment: Moment) -> str:
    """The start's method as the form names it."""
    titles = {method: title for method, title, _ in START_METHODS}
    return titles.get(moment.start.method, moment.start.method)


def _level(value: float) -> str:
    return number(value, 4, decimals=1 if abs(value) >= 100 else 3)


def _letter(k: int) -> str:
    return letter(k) if k < 26 else f"component {k + 1}"
