"""`emstudio select`: the model fitted for several numbers of components and covariances, compared by BIC, AIC and ICL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import emstudio.models  # noqa: F401  (fills the registry)
from emstudio import storage, tables
from emstudio.cli import source
from emstudio.cli.fit import INTERRUPTED, findings, interruptible
from emstudio.cli.options import Parser
from emstudio.cli.say import Progress, grid, must_be_seen, report, warn
from emstudio.cli.settings import Settings, add_run_options, settings_of
from emstudio.core import fitting, selection
from emstudio.core.data import Dataset
from emstudio.core.em import Moment
from emstudio.core.errors import Notice, UserError, printable
from emstudio.core.model import REGISTRY, START_METHODS, Model
from emstudio.core.parameter import Parameter
from emstudio.core.runs import Run
from emstudio.core.scaling import scale_of

DONE, WARNED = 0, 3
LARGEST = 1000  # numbers of components in one list
ONE_COLUMN = ("EII", "VII")
_LISTED = re.compile(r"[0-9]{1,6}(\.\.[0-9]{1,6})?(,[0-9]{1,6}(\.\.[0-9]{1,6})?)*")


@dataclass(frozen=True)
class Case:
    """A row of the table; the figures are None where the fit failed, and `reason` says why."""

    k: int
    covariance: str | None
    log_likelihood: float | None
    parameters_free: int | None
    bic: float | None
    aic: float | None
    icl: float | None
    converged: bool | None
    reason: str


def parser() -> Parser:
    p = Parser("select", "Fits a model for several numbers of components and covariances and compares them by BIC.")
    source.add_options(p)
    p.value(
        "--scale", metavar="none|standardise", help="standardise divides by sd; likelihoods are then in those units"
    )
    p.value("--model", metavar="NAME", help=f"one of: {', '.join(sorted(REGISTRY))}")
    p.value("-k", metavar="LOW..HIGH", help="the numbers of components, such as 1..9 or 2,4,6")
    p.value("--covariance", metavar="all|A,B,...", help="the covariances (default: the model's own)")
    p.add_argument("-p", metavar="KEY=VALUE", action="append", default=[], help="a parameter of the model (repeatable)")
    add_run_options(p, START_METHODS, ())
    p.value("--json", metavar="OUT", help="the table as JSON; - is standard output")
    return p


def select(arguments: Sequence[str]) -> int:
    options = parser().parse(arguments)
    numbers, covariances = numbers_of(options.k), options.covariance
    options.k = options.covariance = None
    settings = settings_of(options)
    if settings.file is not None:
        raise UserError(f"--start {options.start} is for one number of components", "leave it out")
    variants = variants_of(settings, numbers, covariances)
    with storage.Outputs([options.data]) as outputs:
        outputs.name("--json", options.json)
        table = tables.read(options.data)
        data, notices = source.chosen(table, options, variants[0])
        variants = [v.for_data(data) for v in variants]
        variants[0].inspect(data)
        if settings.scale == "standardise":
            data = scale_of(data).apply(data)
        if covariances == "all" and data.d == 1:  # with one column there are but equal and free variances
            variants = [v for v in variants if _covariance(v) in ONE_COLUMN] or variants
        cases: list[Case] = []
        with Progress(settings.starts) as progress, interruptible() as interrupted:

            def watch(moment: Moment) -> bool:
                progress(moment)
                return interrupted()

            for model in variants:
                case, found = fitted(data, model, settings, watch)
                cases.append(case)
                notices += found
                if interrupted():
                    break
        best = best_of(cases)
        if best is None and len(cases) == len(variants):
            notices.append(Notice("collapse", f"no case could be fitted: {cases[0].reason}"))
        document = {"cases": [asdict(c) for c in cases], "best": None if best is None else asdict(best)}
        outputs.stage("--json", storage.json_text({**document, "warnings": [n.to_dict() for n in notices]}))
        outputs.commit()
    warn(notices)
    if not outputs.to_stdout:
        report(select_report(cases, best, data, variants[0]))
    if len(cases) < len(variants) or any(c.reason.startswith("interrupted") for c in cases):
        return INTERRUPTED
    return WARNED if must_be_seen(notices) else DONE


def numbers_of(text: str | None) -> list[int]:
    """The numbers of components in `1..9` or `2,4,6`, in the order given, each once."""
    if text is None:
        raise UserError("-k must be given", "give the numbers of components, such as -k 1..9")
    if not _LISTED.fullmatch(text):
        raise UserError(f"-k {text!r} is no range", "write LOW..HIGH, such as 1..9, or a list such as 2,4,6")
    found: dict[int, None] = {}
    for part in text.split(","):
        low, _, high = part.partition("..")
        first, last = int(low), int(high or low)
        if last < first:
            raise UserError(f"-k {part} counts down", f"write {last}..{first}")
        if last - first >= LARGEST:
            raise UserError(f"-k {part} is too long", f"give at most {LARGEST} numbers")
        found.update(dict.fromkeys(range(first, last + 1)))
    return list(found)


def variants_of(settings: Settings, numbers: list[int], covariances: str | None) -> list[Model]:
    """One model for each case. UserError for a number or covariance that the model does not know."""
    cls = settings.model
    if cls.cost is not None:
        what = f"the model {cls.name} has no likelihood to compare fits by"
        raise UserError(what, "choose a mixture, such as --model gaussian -p covariance=EII")
    declared = {p.name: p for p in cls.parameters()}
    if "k" not in declared:
        raise UserError(f"-k means nothing to the model {cls.name}", "use emstudio fit")
    if "k" in settings.values:
        raise UserError("the parameter 'k' is given twice, by -k and -p", "give it once")
    if covariances is None:
        return [cls.make(**{**settings.values, "k": k}) for k in numbers]
    plain = cls.make(**settings.values)
    if "covariance" not in declared or "covariance" in plain.unused:
        raise UserError(f"--covariance means nothing to the model {cls.name}", "leave it out")
    if "covariance" in settings.values:
        raise UserError("the parameter 'covariance' is given twice, by --covariance and -p", "give it once")
    listed = covariances_of(declared["covariance"], covariances)
    return [cls.make(**{**settings.values, "k": k, "covariance": c}) for k in numbers for c in listed]


def covariances_of(parameter: Parameter, text: str) -> list[str]:
    """The choices in `all` or `A,B,...`, each once, under the names of the model."""
    if text == "all":
        return [value for value, _ in parameter.choices]
    return list(dict.fromkeys(parameter.parse(part.strip()) for part in text.split(",")))


def fitted(data: Dataset, model: Model, settings: Settings, watch: Any) -> tuple[Case, list[Notice]]:
    """The case of one model, and what must be said about it."""
    try:
        tally = fitting.fit(
            data,
            model,
            settings.method,
            starts=settings.starts,
            seed=settings.seed,
            stopping=settings.stopping,
            on_collapse=settings.on_collapse,
            how=settings.how,
            accelerate=settings.accelerate,
            watch=watch,
        )
    except UserError as error:
        return _failed(model, error.what), []
    run = tally.best
    assert run is not None
    if run.collapsed:
        return _failed(model, run.reason), []
    return _figures(data, model, run), [_named(n, model) for n in findings(run, settings)]


def _failed(model: Model, reason: str) -> Case:
    return Case(model.k, _covariance(model), *[None] * 6, reason)  # type: ignore[arg-type]


def _figures(data: Dataset, model: Model, run: Run) -> Case:
    fitted = run.moment.model  # with one component less, where a collapse was answered so
    level, free = run.log_likelihood, fitted.count_free(data.d, run.params, run.moment.start)
    assert level is not None
    bic = selection.bic(level, free, data.total)
    resp = storage.responsibilities(fitted, data, run.params)[0]
    icl = selection.icl(bic, fitted.certainty(data, run.params, resp))
    covariance = _covariance(model)
    return Case(model.k, covariance, level, free, bic, selection.aic(level, free), icl, run.converged, run.reason)


def _covariance(model: Model) -> str | None:
    """What the model's covariances have in common, where it has any."""
    return None if "covariance" in model.unused else getattr(model, "covariance", None)


def _named(notice: Notice, model: Model) -> Notice:
    """The notice with the case it is about."""
    return replace(notice, text=f"{_title(model.k, _covariance(model))}: {notice.text}")


def _title(k: int, covariance: str | None) -> str:
    return f"k = {k}" + ("" if covariance is None else f", {covariance}")


def best_of(cases: Sequence[Case]) -> Case | None:
    """The case with the lowest BIC, the first of equals."""
    known = [c for c in cases if c.bic is not None]
    return min(known, key=lambda c: c.bic, default=None)


def select_report(cases: Sequence[Case], best: Case | None, data: Dataset, model: Model) -> str:
    """The table for people: lower is better in BIC, AIC and ICL."""
    rows: list[list[Any]] = [["k", "covariance", "log-likelihood", "free", "BIC", "AIC", "ICL", ""]]
    for c in cases:
        if c.bic is None or c.log_likelihood is None or c.aic is None or c.icl is None:
            rows.append([c.k, c.covariance, "", "", "", "", "", c.reason])
            continue
        figures = [f"{v:.2f}" for v in (c.bic, c.aic, c.icl)]
        mark = "best" if c is best else "" if c.converged else "not converged"
        rows.append([c.k, c.covariance, f"{c.log_likelihood:.4f}", c.parameters_free, *figures, mark])
    if all(c.covariance is None for c in cases):
        rows = [[row[0], *row[2:]] for row in rows]
    head = f"{model.title}\n{printable(data.table.source) or 'data'}: {data.n} rows, {', '.join(map(printable, data.names))}"
    tail = "nothing could be fitted" if best is None else f"lowest BIC: {_title(best.k, best.covariance)}"
    return f"{head}\n\n{grid(rows)}\n\n{tail}"
