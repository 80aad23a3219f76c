"""The words above the coins: which half-step did what to the trials and the biases, in the coins' own numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emstudio.core.em import Moment
from emstudio.core.errors import Notice
from emstudio.core.format import count, letter, number, tally
from emstudio.gui.coins_view import expected_of

if TYPE_CHECKING:
    from emstudio.gui.sentences import Facts

_NAMED = 4  # coins named one by one
_TOO_MANY = 200_000  # trials times coins beyond which a running fit is not looked at for notices


def data(moment: Moment, facts: Facts) -> tuple[str, str, str, str]:
    """(icon, title, what, next) before anything started."""
    n, model = moment.data.n, moment.model
    title = f"{tally(n, 'trial' if n == 1 else 'trials', moment.data.total)}."
    if facts.obstacle:
        return "warning", title, facts.obstacle, "The trials can be changed, and so can the model."
    what = "Nobody has asked yet which coin made which." if not known(moment) else "Which coin made each is known."
    return (
        "info",
        title,
        what,
        f"Next, the **start** gives {_coins(model.k)} {'its' if model.k == 1 else 'their'} bias.",
    )


def start(moment: Moment, placed: str, level: str) -> tuple[str, str, str, str]:
    """`placed`: how the start was made; `level` the log-likelihood."""
    if known(moment):
        what = f"The coins are known, so each bias is counted: {_fractions(moment)}."
        return "check", "Counted.", what, _nothing_hidden()
    what = f"{placed}: {_biases(moment)}; log-likelihood {level}."
    return "ellipse", "Start.", what, troubled(moment) or _next_e(moment, "asks")


def e_step(moment: Moment) -> tuple[str, str, str, str]:
    title = f"E-step {moment.snapshot.t + 1}."
    if known(moment):
        return "e-step", title, f"Each trial belongs to its own coin: {_sums(moment)}.", _nothing_hidden()
    way = {
        "soft": "Each trial is shared by Bayes\u2019 rule",
        "hard": "Each trial went whole to its most probable coin",
        "stochastic": "Each trial went to one coin, drawn by its responsibilities",
        "annealed": f"Each trial is shared at temperature {number(moment.how.temperature, 3, trim=True)}",
    }[moment.how.kind]
    if moment.model.k == 1:
        way = "With one coin every trial is its own"
    moves = "each bias to its expected share of heads" if moment.model.k > 1 else "the bias to its share of heads"
    if moment.model.k > 1 and free(moment):
        moves = "biases and weights to their expected shares"
    return "e-step", title, f"{way}: {_sums(moment)}.", f"Next, the **M-step** moves {moves}."


def m_step(moment: Moment) -> tuple[str, str, str, str]:
    title = f"M-step {moment.snapshot.t}."
    if known(moment):
        return (
            "m-step",
            title,
            f"Each bias is its coin\u2019s heads over tosses: {_fractions(moment)}.",
            _nothing_hidden(),
        )
    moved = "Each bias moved to its expected share of heads" if moment.model.k > 1 else "The bias is the share of heads"
    what = f"{moved}: {_biases(moment)}."
    return "m-step", title, what, troubled(moment) or _next_e(moment, "asks again")


def edit(moment: Moment, title: str, change: str) -> tuple[str, str, str, str]:
    n = moment.data.n
    what = f"{count(n)} trial{'' if n == 1 else 's'}, {_biases(moment)}{'; ' + change if change else ''}."
    return "select", title, what, troubled(moment) or _next_e(moment, "asks again")


def known(moment: Moment) -> bool:
    """Whether each trial's coin is known."""
    return bool(getattr(moment.model, "known", False))


def free(moment: Moment) -> bool:
    """Whether the weights are estimated."""
    return bool(getattr(moment.model, "free", True))


def notices(moment: Moment) -> list[Notice]:
    """What must be said of the parameters shown: a saddle, coins that cannot be told apart."""
    s = moment.snapshot
    posterior = moment.ahead or s.posterior
    if s.params is None or posterior is None or moment.data.n * moment.model.k > _TOO_MANY:
        return []
    found = moment.model.notices(moment.data, s.params, posterior)
    return [n for n in found if n.code in ("saddle", "not-identifiable")]


def troubled(moment: Moment) -> str:
    """What must be said instead of what comes next: a saddle, or coins that cannot be told apart; else an empty text."""
    codes = {n.code for n in notices(moment)}
    if "saddle" in codes:
        return (
            "The coins are alike, so **no half-step can part them**: drag a letter, or take a random start (Shift+R)."
        )
    if moment.model.k > 1 and moment.snapshot.params is not None and moment.data.x.sum(1).max(initial=0) <= 1:
        enough = f" ({2 * moment.model.k - 1} tosses a trial could)" if free(moment) else ""
        return f"Single flips cannot tell the coins apart{enough}: **all of the ridge is as likely**."
    if "not-identifiable" in codes:
        return (
            "Too few tosses a trial to tell these coins apart: **other biases and weights explain the data as well**."
        )
    return ""


def _next_e(moment: Moment, asks: str) -> str:
    if moment.model.k == 1:
        return "Next, the **E-step** gives every trial to the one coin."
    return f"Next, the **E-step** {asks} which coin made each trial."


def _nothing_hidden() -> str:
    return "Nothing is hidden, so one count is the maximum: **another half-step changes nothing**."


def _coins(k: int) -> str:
    return "one coin" if k == 1 else f"{k} coins"


def _listed(parts: list[str]) -> str:
    more = len(parts) - _NAMED
    return ", ".join(parts[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _biases(moment: Moment) -> str:
    biases = moment.snapshot.params.biases
    return _listed([f"{letter(k)} {number(float(b), decimals=3)}" for k, b in enumerate(biases)])


def _sums(moment: Moment) -> str:
    found = expected_of(moment)
    few = [[number(v, decimals=1, trim=known(moment)) for v in row] for row in found]
    return _listed([f"{letter(k)} {h} H {t} T" for k, (h, t) in enumerate(few)])


def _fractions(moment: Moment) -> str:
    """A 24/30 = 0.8 ..."""
    parts = []
    for k, (heads, tails) in enumerate(expected_of(moment).tolist()):
        total = heads + tails
        whole = [number(v, 6, trim=True) for v in (heads, total)]
        share = number(heads / total, 4, trim=True) if total else "\u2014"
        parts.append(f"{letter(k)} {whole[0]}/{whole[1]} = {share}")
    return _listed(parts)
