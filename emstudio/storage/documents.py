"""What a fit leaves behind, as texts: its JSON, the labels and responsibilities of every row, its trace."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from emstudio.core import selection
from emstudio.core.chain import Chain
from emstudio.core.data import Dataset
from emstudio.core.em import Moment
from emstudio.core.errors import Notice, printable
from emstudio.core.family import IMPOSSIBLE
from emstudio.core.model import Model, Params
from emstudio.core.runs import Entry, Optimum, Run
from emstudio.core.scaling import Scale

FORMAT, VERSION = "emstudio-fit", 1


def fit_document(
    run: Run,
    *,
    starts: int = 1,
    collapsed: int = 0,
    optima: Sequence[Optimum] | None = None,
    warnings: Iterable[Notice] = (),
    trace_params: bool = False,
    scale: Scale | None = None,
    resp: np.ndarray | None = None,
) -> dict[str, Any]:
    """The JSON document of a fit, also the model file that `predict` reads.

    `optima` defaults to the run's own end; `resp` (n, K) of the run's parameters is computed where it is not given.
    """
    moment = run.moment
    data, model = moment.data, moment.model
    log_likelihood = run.log_likelihood
    if resp is None:
        resp = responsibilities(model, data, run.params)[0]
    if optima is None:
        optima = () if run.collapsed else (Optimum(log_likelihood, 1, moment.number, run.cost),)
    free = model.count_free(data.d, run.params, moment.start)
    criteria = dict.fromkeys(("bic", "aic", "icl"))
    if log_likelihood is not None:
        bic = selection.bic(log_likelihood, free, data.total)
        criteria = {
            "bic": bic,
            "aic": selection.aic(log_likelihood, free),
            "icl": selection.icl(bic, model.certainty(data, run.params, resp)),
        }
    about = {
        "source": printable(data.table.source) or None,
        "rows": data.table.rows,
        "rows_used": data.n,
        "columns": list(data.origin or data.names),
        **_series(data),
        "sha256": data.table.sha256 or None,
        "scale": None if scale is None else scale.to_dict(),
    }
    document = {
        "format": FORMAT,
        "version": VERSION,
        "model": model_document(model),
        "data": about,
        "start": {
            "method": None if model.settled else moment.start.method,
            "seed": moment.seed,
            "starts": starts,
            "collapsed": collapsed,
        },
        **_way(moment),
        "params": model.to_dict(run.params),
        "log_likelihood": log_likelihood,
        **_cost(model, run.cost),
        "iterations": run.iterations,
        "converged": run.converged,
        "stop": run.stop,
        "reason": run.reason,
        "parameters_free": free,
        **criteria,
        "sizes": np.bincount(resp.argmax(axis=1), minlength=resp.shape[1]).tolist(),
        "warnings": [w.to_dict() for w in warnings],
        "optima": [_optimum(o, model) for o in optima],
    }
    truth = data.truth_codes()
    if truth is not None:
        document["adjusted_rand_index"] = selection.adjusted_rand(resp.argmax(axis=1), truth[0])
    document["trace"] = [_entry(e, model, trace_params) for e in run.trace]
    return document


def model_document(model: Model) -> dict[str, Any]:
    """The model's name and parameters; those at a value that means "not used" are left out."""
    values = {p.name: getattr(model, p.name) for p in model.parameters()}
    said = [p for p in model.parameters() if p.name not in model.unused]
    kept = {p.name: values[p.name] for p in said if p.option is None or values[p.name] != p.default}
    return {"name": model.name, "parameters": {**kept, **model.learned()}}


def _series(data: Dataset) -> dict[str, Any]:
    """How the rows follow each other, where they do."""
    if data.series is None:
        return {}
    return {"series": len(data.series) - 1, "sequence": data.sequence, "time": data.time}


def _optimum(optimum: Optimum, model: Model) -> dict[str, Any]:
    """One line of the table of optima; `spurious` is there where it is so."""
    figures = {"log_likelihood": optimum.log_likelihood, **_cost(model, optimum.cost), "starts": optimum.starts}
    return {**figures, "spurious": True} if optimum.spurious else figures


def _entry(entry: Entry, model: Model, with_params: bool) -> dict[str, Any]:
    params = model.to_dict(entry.params) if with_params and entry.params is not None else None
    figures = {"iteration": entry.iteration, "log_likelihood": entry.log_likelihood, "bound": entry.bound}
    told = {} if entry.statistics is None else {"statistics": entry.statistics}
    return {**figures, **_cost(model, entry.cost), **told, "params": params}


def _cost(model: Model, value: float | None) -> dict[str, float | None]:
    """What a model without likelihood lowers, by its name (`inertia`)."""
    return {} if model.cost is None else {model.cost: value}


def _way(moment: Moment) -> dict[str, Any]:
    """How the iterations were made, where it is not the usual way."""
    made: dict[str, Any] = {}
    if moment.how.kind != moment.model.e_steps[0]:
        made["e_step"] = moment.how.kind
    if moment.how.kind == "annealed":
        made["temperature"] = moment.how.temperature
    if moment.how.sampled:
        made["draws"] = moment.how.draws
        if moment.how.kind != "ffbs":
            made["sweeps"], made["burn_in"] = moment.how.sweeps, moment.how.burn_in
    if moment.acceleration is not None:
        made["accelerate"] = "squarem"
    return made


def responsibilities(model: Model, data: Dataset, params: Params) -> tuple[np.ndarray, np.ndarray | None]:
    """((n, K) exact responsibilities, (n,) log-densities or None without a likelihood) of the used rows.

    The log-density of a row that no component can have made is -inf: a fit lets it pass where its weight is 0.
    """
    resp, density = model.assigned(data, params)
    return resp, None if density is None else np.where(density > IMPOSSIBLE, density, -np.inf)


def decoded(model: Model, data: Dataset, params: Params) -> tuple[np.ndarray, np.ndarray] | None:
    """((n,) the most probable path, (S,) its log-probability with each series) of a chain; None of any other model."""
    return model.decoded(data, params) if isinstance(model, Chain) else None


# -- texts -------------------------------------------------------------------------------------------------------------
def json_text(value: Any) -> bytes:
    """`value` as JSON in UTF-8, one line per top-level key or list entry; numbers read back as the same doubles.

    Raises ValueError for NaN or infinity: what does not exist must be None.
    """
    if isinstance(value, dict):
        body = ",\n".join(f" {_compact(k)}: {_nested(v)}" for k, v in value.items())
        text = "{\n" + body + "\n}\n" if value else "{}\n"
    else:
        text = _nested(value, "") + "\n"
    return text.encode("utf-8", "backslashreplace")  # a lone surrogate becomes the escape that JSON itself uses


def _nested(value: Any, indent: str = " ") -> str:
    if isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
        return "[\n" + ",\n".join(f"{indent} {_compact(v)}" for v in value) + f"\n{indent}]"
    return _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def labels_csv(
    data: Dataset, resp: np.ndarray, log_density: np.ndarray | None, path: np.ndarray | None = None
) -> Iterator[str]:
    """Lines of the labels file, one for each row of the table; rows that were left out are empty.

    label (from 0), responsibilities p0 ..., uncertainty = 1 - the largest, log-density in nats (empty where none exists), and
    of a chain the state on its most probable `path` (n,).
    """
    k = resp.shape[1]
    last = [] if path is None else ["viterbi"]
    yield ",".join(["label", *(f"p{j}" for j in range(k)), "uncertainty", "log_density", *last]) + "\n"
    nothing = "," * (k + 2 + len(last)) + "\n"
    states = [""] * len(resp) if path is None else [f",{z}" for z in path.tolist()]
    labels = resp.argmax(axis=1).tolist()
    uncertainty = (1.0 - resp.max(axis=1)).tolist()
    at = 0
    densities = [""] * len(resp) if log_density is None else map(_cell, log_density.tolist())
    for row, label, r, u, density, state in zip(
        data.rows.tolist(), labels, resp.tolist(), uncertainty, densities, states
    ):
        yield nothing * (row - at)
        yield f"{label},{','.join(map(repr, r))},{u!r},{density}{state}\n"
        at = row + 1
    yield nothing * (data.table.rows - at)


def trace_csv(trace: Iterable[Entry], cost: str | None = None) -> Iterator[str]:
    """Lines of the trace file; a figure that does not exist is an empty cell. `cost` names that of a model that has one."""
    yield "iteration,log_likelihood,bound" + (f",{cost}" if cost else "") + "\n"
    for e in trace:
        last = f",{_cell(e.cost)}" if cost else ""
        yield f"{e.iteration},{_cell(e.log_likelihood)},{_cell(e.bound)}{last}\n"


def _cell(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else repr(float(value))
