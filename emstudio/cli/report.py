"""The short report of a fit, for people."""

from __future__ import annotations

from typing import Any

from emstudio.cli.say import grid
from emstudio.core.em import Moment
from emstudio.core.errors import printable
from emstudio.core.format import NOISE, letter

_COLUMNS = 8  # components side by side
_OPTIMA = 8


def fit_report(document: dict[str, Any], moment: Moment) -> str:
    """What was fitted, how it ended, the parameters, and what the starts found."""
    about = document["data"]
    parameters = ", ".join(f"{name} = {value}" for name, value in document["model"]["parameters"].items())
    left_out = about["rows"] - about["rows_used"]
    rows = f"{about['rows_used']} rows" + (f" ({left_out} left out)" if left_out else "")
    if about.get("series", 1) > 1:
        rows += f" in {about['series']} series"
    lines = [
        f"{moment.model.title}: {parameters}" if parameters else moment.model.title,
        f"{about['source'] or 'data'}: {rows}, {', '.join(map(printable, about['columns']))}",
        "",
        f"{objective_of(moment)}  {_figure(document[_key(moment)], 6)}",
        f"{_ending(document)}",
        *_criteria(document),
    ]
    if "adjusted_rand_index" in document:
        lines.append(f"adjusted Rand index  {_figure(document['adjusted_rand_index'], 4)}")
    lines += ["", _components(document, moment), *_starts(document, moment)]
    return "\n".join(lines)


def objective_of(moment: Moment) -> str:
    """What the model raises or lowers, for people."""
    return moment.model.cost or "log-likelihood"


def _key(moment: Moment) -> str:
    return moment.model.cost or "log_likelihood"


def _criteria(document: dict[str, Any]) -> list[str]:
    if document["bic"] is None:
        return []
    figures = f"BIC {_figure(document['bic'])}   AIC {_figure(document['aic'])}   ICL {_figure(document['icl'])}"
    return [f"{figures}   {document['parameters_free']} free parameters"]


def _ending(document: dict[str, Any]) -> str:
    n, reason = document["iterations"], printable(document["reason"])
    iterations = "1 iteration" if n == 1 else f"{n} iterations"
    if document["stop"] != "collapse" and iterations in reason:
        return reason
    return f"{'converged' if document['converged'] else 'stopped'} after {iterations}: {reason}"


def _figure(value: float | None, decimals: int = 2) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def _components(document: dict[str, Any], moment: Moment) -> str:
    rows = moment.model.table(moment.data, moment.snapshot.params)
    if document["data"]["scale"] is not None:
        bare = ("weight", "start", "to")  # probabilities have no unit
        rows = [(name if name.split()[0] in bare else f"{name} (standardised)", values) for name, values in rows]
    k = len(moment.model.stacked(moment.snapshot.params)[0])
    parts = []
    for first in range(0, k, _COLUMNS):
        shown = range(first, min(first + _COLUMNS, k))
        head = ["", *(letter(j) for j in shown)]
        body = [[name, *(f"{values[j]:.6g}" for j in shown)] for name, values in rows]
        parts.append(grid([head, *body, ["rows", *(document["sizes"][j] for j in shown)]]))
    if len(document["sizes"]) > k and NOISE in moment.model.parts:
        parts.append(f"noise: weight {moment.snapshot.params.weights[-1]:.6g}, {document['sizes'][-1]} rows")
    return "\n\n".join(parts)


def _starts(document: dict[str, Any], moment: Moment) -> list[str]:
    starts, collapsed, optima = document["start"]["starts"], document["start"]["collapsed"], document["optima"]
    if starts == 1:
        return []
    found = [
        [_figure(o[_key(moment)], 6), o["starts"], "spurious" if o.get("spurious") else ""] for o in optima[:_OPTIMA]
    ]
    lines = [[objective_of(moment), "starts", ""], *found]
    if len(optima) > _OPTIMA:
        lines.append([f"{len(optima) - _OPTIMA} others", sum(o["starts"] for o in optima[_OPTIMA:]), ""])
    if collapsed:
        lines.append(["collapsed", collapsed, ""])
    return ["", grid(lines)]
