"""`emstudio fit`: reads a table, runs EM from one or several starts, writes what was asked for, says what came out."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import emstudio.models  # noqa: F401  (fills the registry)
from emstudio import storage, tables
from emstudio.cli import source
from emstudio.cli.options import Parser, choice
from emstudio.cli.report import fit_report
from emstudio.cli.say import Progress, must_be_seen, report, warn
from emstudio.cli.settings import GIVEN, Settings, add_run_options, settings_of
from emstudio.core import fitting
from emstudio.core.data import Dataset, Missing, Table
from emstudio.core.em import Moment, blank
from emstudio.core.errors import Notice, UserError
from emstudio.core.model import REGISTRY, START_METHODS, Model, Start
from emstudio.core.runs import Run, Tally
from emstudio.core.scaling import Scale, scale_of
from emstudio.storage.pictures import picture_kind

DONE, WARNED, INTERRUPTED = 0, 3, 130


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
    p.value("--figure", metavar="OUT.png|svg|pdf", help="a picture of the data and the fit; - is a PNG")
    p.value("--script", metavar="OUT.py", help="a Python file that repeats the fit")
    p.value("--session", metavar="OUT.ems", help="the best run with every half-step, to open in the window")
    return p


def fit(arguments: Sequence[str]) -> int:
    options = parser().parse(arguments)
    settings = settings_of(options)
    with storage.Outputs([options.data, settings.file]) as outputs:
        for option in ("json", "labels", "trace", "script", "session", "figure"):
            outputs.name(f"--{option}", getattr(options, option))
        if options.figure is not None:
            picture_kind(options.figure)
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

            tally = fitting.fit(
                data,
                model,
                start,
                starts=settings.starts,
                seed=settings.seed,
                stopping=settings.stopping,
                on_collapse=settings.on_collapse,
                how=settings.how,
                accelerate=settings.accelerate,
                keep_params=options.trace_params,
                watch=watch,
            )
        run = concluded(tally, settings)
        notices += findings(run, settings)
        if options.script is not None:
            again = recipe(data, model, start, run, settings, options)
            outputs.stage(
                "--script", storage.python_script(again, None if options.script == storage.STDOUT else options.script)
            )
        if options.session is not None:
            outputs.stage("--session", session(data, model, start, run, settings))
        return finish(run, tally, settings, options, outputs, notices, scale)


def started(settings: Settings, table: Table, data: Dataset) -> tuple[Model, Start]:
    """The model and the start for these data. Raises UserError."""
    values: dict[str, object] = dict(settings.values)
    if settings.method == "params":
        file = settings.file or ""
        document = storage.read_params(file)
        with storage.named(file):
            values = sized(settings.model, values, settings.model.components_in(document))
            model = settings.model.make(**values).for_data(data)
            start = fitting.from_params(data, model, document)
    elif settings.method == "labels":
        file = settings.file or ""
        labels, labels_table = storage.read_labels(file, table)
        values = sized(settings.model, values, max(1, int(labels.max(initial=0)) + 1))
        with storage.named(file):
            model = settings.model.make(**values).for_data(data)
        start = fitting.from_labels(storage.start_labels(file, labels, labels_table, data.rows, model.k))
    else:
        model, start = settings.model.make(**values).for_data(data), Start(settings.method)
        if model.settled and "k" in values and model.k != settings.model.make(**values).k:
            what = f"-k {values['k']} is given, and the identities are of {model.k} coins"
            raise UserError(what, "leave -k out", file=table.source or None)
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
        signal.signal(signal.SIGINT, before if callable(before) else signal.default_int_handler)

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


def recipe(
    data: Dataset, model: Model, start: Start, run: Run, settings: Settings, options: argparse.Namespace
) -> storage.Recipe:
    """What a script must say to repeat this fit."""
    stopping, answer = settings.stopping, settings.on_collapse
    if run.stop == "interrupted":
        done = replace(stopping, tol=0.0, max_iter=run.iterations)
        course: storage.Course = storage.OneRun(run.moment.number, done, answer)
    else:
        course = storage.Several(settings.starts, stopping, answer)
    figure = run.log_likelihood if model.cost is None else run.cost
    assert figure is not None
    return storage.Recipe(
        data,
        model,
        start,
        course,
        storage.Result(float(figure), run.iterations, run.reason),
        seed=settings.seed,
        how=settings.how,
        accelerate=settings.accelerate,
        missing=cast(Missing, choice("--missing", options.missing, source.MISSING)),
        weights=options.weights,
        standardise=settings.scale == "standardise",
        start_file=settings.file,
    )


def session(data: Dataset, model: Model, start: Start, run: Run, settings: Settings) -> bytes:
    """The session file of a run: all its half-steps, and the options as the settings by which it would go on."""
    from emstudio.core.played import played
    from emstudio.storage import session_file

    source = data.table.source
    if source and not source.startswith(tables.DATASET):  # the window may be opened in another folder
        data = replace(data, table=replace(data.table, source=os.path.abspath(source)))
    before = blank(data, model, start, settings.seed, run.moment.number, settings.how, settings.accelerate)
    return session_file.contents(
        session_file.Document(
            played(before, run.iterations, settings.stopping, settings.on_collapse),
            start,
            settings.stopping,
            settings.how,
            settings.accelerate,
            settings.seed,
            run.moment.number,
        )
    )


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

        outputs.stage("--figure", figure.picture(moment, picture_kind(options.figure)))
    outputs.commit()
    warn(notices)
    if not outputs.to_stdout:
        report(fit_report(document, moment))
    if run.stop == "interrupted":
        return INTERRUPTED
    return WARNED if must_be_seen(notices) else DONE
