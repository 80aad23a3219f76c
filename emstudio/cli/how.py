"""The options that say how an E-step is done, and whether steps are accelerated."""

from __future__ import annotations

import argparse

from emstudio.cli.options import Parser, choice, number, whole
from emstudio.core.errors import UserError
from emstudio.core.how import E_STEPS, SAMPLERS, EStep
from emstudio.core.model import Model

KINDS = tuple(kind for kind, _, _ in (*E_STEPS, *SAMPLERS))


def add_options(p: Parser) -> None:
    p.value("--e-step", metavar="KIND", help=f"one of: {', '.join(KINDS)} (default: soft)")
    p.value("--draws", metavar="N", help="independent chains of a sampled E-step (default: 100)")
    p.value("--sweeps", metavar="N", help="sweeps over the series that each chain makes (default: 75)")
    p.value("--burn-in", metavar="N", help="sweeps before these (default: 0)")
    p.value("--temperature", metavar="T", help="of an annealed E-step: above 1 softer, below 1 harder")
    p.value("--accelerate", metavar="none|squarem", help="squarem: fewer, larger steps that never fall behind")


def how_of(model: type[Model], options: argparse.Namespace) -> EStep:
    """The E-step of `--e-step`, `--temperature`, `--draws`, `--sweeps` and `--burn-in`."""
    kind = choice("--e-step", options.e_step, KINDS)
    if options.e_step is None:
        kind = model.e_steps[0]
    elif kind not in model.e_steps:
        raise UserError(f"--e-step {kind} means nothing to the model {model.name}", "leave it out")
    if kind != "annealed" and options.temperature is not None:
        raise UserError("--temperature needs --e-step annealed", "give both or leave it out")
    if kind == "annealed" and options.temperature is None:
        raise UserError("--e-step annealed needs --temperature", "give a number above 0; 1 is the soft E-step")
    temperature = number("--temperature", options.temperature, 1.0)
    if temperature == 0:
        raise UserError("--temperature 0 cannot be used", "give a number above 0, or --e-step hard")
    draws = whole("--draws", options.draws, EStep.draws, low=1)
    sweeps = whole("--sweeps", options.sweeps, EStep.sweeps, low=1)
    burn_in = whole("--burn-in", options.burn_in, EStep.burn_in)
    samplers = [k for k, _, _ in SAMPLERS]
    for option, value, kinds in (
        ("--draws", options.draws, samplers),
        ("--sweeps", options.sweeps, [k for k in samplers if k != "ffbs"]),
        ("--burn-in", options.burn_in, [k for k in samplers if k != "ffbs"]),
    ):
        if value is not None and kind not in kinds:
            what = f"{option} means nothing to --e-step {kind}"
            raise UserError(what, f"leave it out, or choose one of: {', '.join(kinds)}")
    return EStep(kind, temperature, draws, sweeps, burn_in)


def accelerate_of(model: type[Model], options: argparse.Namespace) -> bool:
    """Whether `--accelerate squarem` is asked for, where it can work."""
    if choice("--accelerate", options.accelerate, ("none", "squarem")) == "none":
        return False
    if not model.accelerates:
        raise UserError(f"--accelerate squarem means nothing to the model {model.name}", "leave it out")
    if options.e_step not in (None, "soft"):
        raise UserError(f"--accelerate squarem does not go with --e-step {options.e_step}", "leave one of them out")
    return True
