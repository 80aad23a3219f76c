"""`emstudio fit`: reads a table, runs EM from one or several starts, writes what was asked for, says what came out."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import emstudio.models  # noqa: F401  (fills the registry)
from emstudio import storage, tables
from emstudio.cli import how, source
from emstudio.cli.options import Parser, choice, number, pairs, whole
from emstudio.cli.report import fit_report
from emstudio.cli.say import Progress, must_be_seen, report, warn
from emstudio.core.data import Dataset, Table
from emstudio.core.em import Moment
from emstudio.core.errors import Notice, UserError
from emstudio.core.how import EStep
from emstudio.core.model import REGISTRY, START_METHODS, Model, Start, find
from emstudio.core.remedies import ANSWERS
from emstudio.core.runs import Run, Tally, multi_start
from emstudio.core.scaling import Scale, scale_of
from emstudio.core.stopping import MEASURES, Stopping

DONE, WARNED, INTERRUPTED = 0, 3, 130
GIVEN = ("labels", "params")
STARTS = 10  # where the start is drawn


def parser() -> Parser:
    p = Parser("fit", "Fits a mixture by EM and says what came out.")
    source.add_options(p)
    p.value("--scale", metavar="none|standardise", help="standardise divides by sd; parameters are then in those units")
    p.value("--model", metavar="NAME", help=f"one of: {', '.join(sorted(REGISTRY))}")
    p.value("-k", metavar="N", help="the number of components")
    p.value("--covariance", metavar="C", help="what the covariances have in common; the same as -p covariance=C")
    p.add_argument("-p", metavar="KEY=VALUE", action="append", default=[], help="a parameter of the model (repeatable)")
    add_run_options(p, START_METHODS, GIVEN)
    p.value("--json", metavar="OUT", help="the fit as JSON, which predict reads; - is standard output")
    p.add_argument("--trace-params", action="store_true", help="the JSON's trace holds the parameters too")
    p.value("--labels", metavar="OUT.csv", help="label, responsibilities, uncertainty and log-density of every row")
    p.value("--trace", metavar="OUT.csv", help="log-likelihood and bound of every iteration")
    p.value("--figure", metavar="OUT.png", help="a picture of the data and the fit")
    return p


def add_run_options(p: Parser, drawn: Sequence[tuple[str, str, str]], given: Sequence[str]) -> None:
    """The options of how runs start, go on and end, which `select` has too; it can be `given` no start."""
    starts = [m for m, _, _ in drawn] + [f"{m}:FILE" for m in given]
    p.value("--start", metavar="START", help=f"one of: {', '.join(starts)} (default: {starts[0]})")
    p.value("--starts", metavar="N", help=f"runs, the best is kept (default: {STARTS}, or 1 for a start that is given)")
    p.value("--seed", metavar="S", help="of everything that is drawn (default: 0)")
    p.value("--tol", metavar="T", help="stop when the measure is below T (default: 1e-8); 0 does exactly --max-iter")
    p.value("--max-iter", metavar="N", help="at most N iterations (default: 1000)")
    p.value("--stop", metavar="MEASURE", help=f"one of: {', '.join(m for m, _, _ in MEASURES)} (default: aitken)")
    how.add_options(p)
    p.value("--floor", metavar="F", help="added to the diagonal of every covariance in every M-step (default: 0)")
    p.add_argument(
        "--prior", metavar="NAME=VALUE", action="append", default=[], help="a conjugate prior of the model (repeatable)"
    )
    p.add_argument("--noise", action="store_true", help="a uniform noise component beside the others")
    p.value("--on-collapse", metavar="|".join(ANSWERS), help="what to do when a component collapses (default: stop)")


@dataclass(frozen=True)
class Settings:
    """What the options ask for, checked before anything is read."""

    model: type[Model]
    values: dict[str, str]
    method: str
    file: str | None
    starts: int
    seed: int
    stopping: Stopping
    on_collapse: str
    scale: str
    how: EStep
    accelerate: bool


def fit(arguments: Sequence[str]) -> int:
    options = parser().parse(arguments)
    settings = settings_of(options)
    with storage.Outputs([options.data, settings.file]) as outputs:
        for option in ("json", "labels", "trace", "figure"):
            outputs.name(f"--{option}", getattr(options, option))
        if options.figure is not None:
            from emstudio.cli import figure

            figure.check(options.figure)
        table = tables.read(options.data)
        data, notices = source.chosen(table, options, settings.model.make(**settings.values))
        scale = scale_of(data) if settings.scale == "standardise" else None
        if scale is not None:
            data = scale.apply(data)
        model, start = started(settings, table, data)
        with Progress(settings.starts) as progress, interruptible() as interrupted:

            def watch(moment: Moment) -> bool:
                progress(moment)
                return interrupted()

            tally = multi_start(
                data,
                model,
                start,
                settings.seed,
                settings.starts,
                settings.stopping,
                settings.on_collapse,
                how=settings.how,
                accelerate=settings.accelerate,
                keep_params=options.trace_params,
                watch=watch,
            )
        run = concluded(tally, settings)
        notices += findings(run, settings)
        return finish(run, tally, settings, options, outputs, notices, scale)


def settings_of(options: argparse.Namespace) -> Settings:
    source.check_options(options)
    if options.model is not None:
        source.check_order(options, find(options.model))
    if options.model is not None and options.missing == "marginal" and not find(options.model).marginal:
        what = f"--missing marginal means nothing to the model {options.model}"
        raise UserError(what, "leave such rows out with --missing drop")
    if options.model is None:
        raise UserError("--model must be given", f"choose from: {', '.join(sorted(REGISTRY))}")
    model = find(options.model)
    method, file = start_of(options.start)
    measures = [m for m, _, _ in MEASURES]
    stopping = Stopping(
        choice("--stop", options.stop, measures),
        number("--tol", options.tol, Stopping.tol),
        whole("--max-iter", options.max_iter, Stopping.max_iter),
    )
    settings = Settings(
        model,
        model_values(model, options),
        method,
        file,
        whole("--starts", options.starts, 1 if method in GIVEN else STARTS, low=1),
        whole("--seed", options.seed, 0),
        stopping,
        on_collapse_of(model, options),
        choice("--scale", options.scale, ("none", "standardise")),
        how.how_of(model, options),
        how.accelerate_of(model, options),
    )
    made = model.make(**settings.values)
    check_used(made, settings)
    if settings.scale != "none" and not made.scales:
        raise UserError(f"--scale means nothing to the model {model.name}", "leave it out")
    if made.settled and (options.start is not None or options.starts is not None):
        option = "--start" if options.start is not None else "--starts"
        raise UserError(f"{option} means nothing where the identities are known", "leave it out")
    return replace(settings, starts=1) if made.settled else settings


def start_of(text: str | None) -> tuple[str, str | None]:
    """(method, file or None) of `--start`."""
    if text is not None:
        for method in GIVEN:
            if text.startswith(f"{method}:"):
                file = text.removeprefix(f"{method}:")
                if not file:
                    raise UserError(f"--start {text} names no file", f"write {method}:FILE")
                return method, file
    methods = [m for m, _, _ in START_METHODS]
    if text is not None and text not in methods:
        known = ", ".join([*methods, *(f"{m}:FILE" for m in GIVEN)])
        raise UserError(f"--start {text} is not one of the choices", f"choose from: {known}")
    return text or methods[0], None


def model_values(model: type[Model], options: argparse.Namespace) -> dict[str, str]:
    """The model's parameters as texts, from `-p` and from the options that are short for it."""
    values = pairs(options.p)
    declared = {p.name: p for p in model.parameters()}
    for key in values:
        if key in declared and declared[key].option is not None:
            option = declared[key].option
            given = "" if declared[key].type == "bool" else f"={values[key]}" if " " in option else f" {values[key]}"
            raise UserError(f"-p {key} is not how it is given", f"write {option}{given}")
    short = (
        ("-k", "k", options.k),
        ("--covariance", "covariance", options.covariance),
        ("--floor", "floor", options.floor),
    )
    for option, key, value in short:
        if value is None:
            continue
        if key not in declared:
            raise UserError(f"{option} means nothing to the model {model.name}", "leave it out")
        if key in values:
            raise UserError(f"the parameter {key!r} is given twice, by {option} and -p", "give it once")
        if key == "floor":
            number(option, value, 0.0)
        values[key] = value
    if options.noise:
        if "noise" not in declared:
            raise UserError(f"--noise means nothing to the model {model.name}", "leave it out")
        values["noise"] = "true"
    return values | priors(model, options.prior)


def priors(model: type[Model], texts: Sequence[str]) -> dict[str, str]:
    """The model's parameters that the NAME=VALUE of `--prior` give."""
    known = {
        p.option.removeprefix("--prior "): p.name for p in model.parameters() if (p.option or "").startswith("--prior ")
    }
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        key = known.get(name.removeprefix("prior_"))
        if key is None or not sign:
            if not known:
                raise UserError(f"--prior means nothing to the model {model.name}", "leave it out")
            example = f"write for instance --prior {next(iter(known))}=2; there are: {', '.join(known)}"
            raise UserError(f"--prior {text!r} is not NAME=VALUE of a prior of the model {model.name}", example)
        if key in found:
            raise UserError(f"the prior {name!r} is given twice", "give it once")
        found[key] = value
    return found


def check_used(model: Model, settings: Settings) -> None:
    """UserError where a parameter is given that means nothing beside the others."""
    given = [*settings.values, *(["floor"] if settings.on_collapse == "floor" else [])]
    for name in given:
        if name in model.unused:
            option = "--on-collapse floor" if name not in settings.values else "--floor" if name == "floor" else name
            what = f"{option} means nothing to {model.name} with {getattr(model, 'emission', 'these')} emissions"
            raise UserError(what, "leave it out")


def on_collapse_of(model: type[Model], options: argparse.Namespace) -> str:
    """What `--on-collapse` asks for, where the model can do it."""
    answer = choice("--on-collapse", options.on_collapse, ANSWERS)
    needed = {"floor": "floor", "remove": "k"}.get(answer)
    if needed is not None and needed not in {p.name for p in model.parameters()}:
        raise UserError(f"--on-collapse {answer} means nothing to the model {model.name}", "leave it out")
    return answer


def started(settings: Settings, table: Table, data: Dataset) -> tuple[Model, Start]:
    """The model and the start for these data. Raises UserError."""
    values: dict[str, object] = dict(settings.values)
    if settings.method == "params":
        file = settings.file or ""
        document = storage.read_params(file)
        with storage.named(file):
            values = sized(settings.model, values, settings.model.components_in(document))
            model = settings.model.make(**values).for_data(data)
            params = model.from_dict(document)
            model.check(data, params)
        start = Start("params", params=params)
    elif settings.method == "labels":
        file = settings.file or ""
        labels, labels_table = storage.read_labels(file, table)
        values = sized(settings.model, values, max(1, int(labels.max(initial=0)) + 1))
        with storage.named(file):
            model = settings.model.make(**values).for_data(data)
        start = Start("labels", labels=storage.start_labels(file, labels, labels_table, data.rows, model.k))
    else:
        model, start = settings.model.make(**values).for_data(data), Start(settings.method)
        if model.settled and "k" in values and model.k != settings.model.make(**values).k:
            what = f"-k {values['k']} is given, and the identities are of {model.k} coins"
            raise UserError(what, "leave -k out", file=table.source or None)
    model.inspect(data)
    if settings.stopping.max_iter > 0 or start.method != "params":
        problem = model.accepts(data)
        if problem:
            raise UserError(problem.rstrip("."), file=table.source or None)
    return model, start


def sized(model: type[Model], values: dict[str, object], k: int) -> dict[str, object]:
    """`values` with `k` components where the model has a choice and nobody made it."""
    return {"k": k, **values} if any(p.name == "k" for p in model.parameters()) else values


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Within, the first Ctrl+C only sets what the given function answers; a second one interrupts at once.

    Also where a shell started the command with interrupts ignored, as it does in the background: a signal that is sent
    all the same is meant.
    """
    asked = []

    def note(*_: object) -> None:
        asked.append(True)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)


def concluded(tally: Tally, settings: Settings) -> Run:
    """The best run; an interruption holds for the whole, also where an earlier start had ended well."""
    run = tally.best
    assert run is not None
    if tally.interrupted and run.stop != "interrupted":
        reason = f"interrupted in start {tally.finished + 1} of {settings.starts}; the best of those finished is kept"
        run = replace(run, stop="interrupted", reason=reason)
    return run


def findings(run: Run, settings: Settings) -> list[Notice]:
    """The warnings about how the run ended."""
    found = list(run.notices)
    asked = settings.stopping.tol > 0 and settings.stopping.max_iter > 0 and settings.how.settles
    if run.stop == "max-iter" and asked:
        found.append(Notice("max-iter", run.reason, iteration=run.iterations))
    moment = run.moment
    if run.iterations > 0 and not run.collapsed and moment.ahead is not None:
        found += moment.model.notices(moment.data, run.params, moment.ahead)
    return found


def finish(
    run: Run,
    tally: Tally,
    settings: Settings,
    options: argparse.Namespace,
    outputs: storage.Outputs,
    notices: list[Notice],
    scale: Scale | None,
) -> int:
    """Writes the outputs, all or none, then says the warnings and the report."""
    moment = run.moment
    resp, density = storage.responsibilities(moment.model, moment.data, run.params)
    document = storage.fit_document(
        run,
        starts=settings.starts,
        collapsed=tally.collapsed,
        optima=tally.optima(),
        warnings=notices,
        trace_params=options.trace_params,
        scale=scale,
        resp=resp,
    )
    outputs.stage("--json", storage.json_text(document))
    if options.labels is not None:
        found = storage.decoded(moment.model, moment.data, run.params)
        path = None if found is None else found[0]
        outputs.stage("--labels", "".join(storage.labels_csv(moment.data, resp, density, path)).encode())
    if options.trace is not None:
        outputs.stage("--trace", "".join(storage.trace_csv(run.trace, moment.model.cost)).encode())
    if options.figure is not None:
        from emstudio.cli import figure

        outputs.stage("--figure", figure.picture(moment))
    outputs.commit()
    warn(notices)
    if not outputs.to_stdout:
        report(fit_report(document, moment))
    if run.stop == "interrupted":
        return INTERRUPTED
    return WARNED if must_be_seen(notices) else DONE
