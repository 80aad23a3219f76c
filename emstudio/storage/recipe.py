"""What a script must say so that it repeats a fit: data, model, start, and the way from there to the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emstudio.core.data import Dataset, Missing
from emstudio.core.how import EStep
from emstudio.core.model import Model, Start
from emstudio.core.stopping import Stopping


@dataclass(frozen=True)
class Several:
    """Runs from `starts` starts to the end that `stopping` finds; the best is the result."""

    starts: int
    stopping: Stopping
    on_collapse: str = "stop"


@dataclass(frozen=True)
class OneRun:
    """Start `number` alone, with its components in another `order` if that is given, to the end that `stopping` finds."""

    number: int
    stopping: Stopping
    on_collapse: str = "stop"
    order: tuple[int, ...] = ()


@dataclass(frozen=True)
class Steps:
    """Half-steps up to the moment `label` (such as `M12`).

    From start `number` with its components in another `order`, if any; or from `params`, as the edit `title` left them
    after `t` iterations.
    """

    label: str
    number: int = 0
    order: tuple[int, ...] = ()
    params: Mapping[str, Any] | None = None
    t: int = 0
    title: str = ""


Course = Several | OneRun | Steps


@dataclass(frozen=True)
class Result:
    """What was found: the log-likelihood, or the cost of a model without one, and a sentence on how the run ended."""

    figure: float
    iterations: int
    reason: str


@dataclass(frozen=True)
class Recipe:
    """All that a script says. `model` is the one the run began with, as `for_data` made it or before.

    `embedded`: the table stands in the script, as no file holds it. `start_file` is where a given start was read from.
    """

    data: Dataset
    model: Model
    start: Start
    course: Course
    result: Result
    seed: int = 0
    how: EStep = field(default_factory=EStep)
    accelerate: bool = False
    missing: Missing = "error"
    weights: str | None = None
    standardise: bool = False
    embedded: bool = False
    start_file: str | None = None
