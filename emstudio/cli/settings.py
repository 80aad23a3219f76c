"""The options of how runs start, go on and end, checked before anything is read; `fit` and `select` have them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace

import emstudio.models  # noqa: F401  (fills the registry)
from emstudio.cli import how, source
from emstudio.cli.options import Parser, choice, number, pairs, whole
from emstudio.core.errors import UserError
from emstudio.core.how import EStep
from emstudio.core.model import REGISTRY, START_METHODS, Model, find
from emstudio.core.remedies import ANSWERS
from emstudio.core.stopping import MEASURES, Stopping

GIVEN = ("labels", "params")
STARTS = 10  # where the start is drawn


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
