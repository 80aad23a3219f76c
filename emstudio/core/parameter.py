"""Hyper-parameters: what the field of a model declares of itself, and what a text given for it means."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emstudio.core.errors import UserError

_DIGITS = re.compile(r"[0-9a-zA-Z.+-]+")  # what a number can be written with: 12, -1.5e-3, inf


@dataclass(frozen=True)
class Parameter:
    """How a hyper-parameter is declared: its form, its `-p KEY=VALUE`, and its limits follow from this."""

    name: str
    type: str  # int, float, choice, bool or str
    default: Any
    label: str
    help: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[tuple[str, str], ...] = ()  # (value, title)
    aliases: tuple[tuple[str, str], ...] = ()  # other spellings of a choice
    words: tuple[str, ...] = ()  # that may be given instead of a number
    option: str | None = None  # the command line's own option, where it is not `-p`
    more: bool = False  # seldom needed: the form shows it when asked for more settings

    def parse(self, text: Any) -> Any:
        """The value that `text` means; UserError where it is none or out of range."""
        shown = f"{self.name}={text}"
        if self.type == "choice":
            value = dict(self.aliases).get(str(text), str(text))
            if value not in dict(self.choices):
                allowed = ", ".join(v for v, _ in self.choices) + "".join(f", {a}" for a, _ in self.aliases)
                raise UserError(f"{shown} is not one of the choices", f"choose from: {allowed}")
            return value
        if self.type == "bool":
            if str(text).lower() not in ("true", "false", "1", "0", "yes", "no"):
                raise UserError(f"{shown} is neither true nor false", "write true or false")
            return str(text).lower() in ("true", "1", "yes")
        if str(text) in self.words:
            return str(text)
        if self.type == "str":
            return str(text)
        try:
            if not _DIGITS.fullmatch(str(text)):  # Python would take 1_0 and blanks around a number as well
                raise ValueError
            value = int(str(text)) if self.type == "int" else float(str(text))
        except ValueError:
            kind = "a whole number" if self.type == "int" else "a number"
            raise UserError(f"{shown} is not {kind}", f"give {self.limits()}") from None
        low, high = self.low, self.high
        finite = self.type == "int" or np.isfinite(value)  # numpy has no answer for whole numbers beyond 64 bits
        if not finite or (low is not None and value < low) or (high is not None and value > high):
            raise UserError(f"{shown} is out of range", f"give {self.limits()}")
        return value

    def limits(self) -> str:
        """What may be given, in words."""
        kind = " or ".join([*self.words, "a whole number" if self.type == "int" else "a number"])
        if self.low is not None and self.high is not None:
            return f"{kind} from {self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"{kind} of {self.low:g} or more"
        return kind


def param(default: Any, label: str, **declared: Any) -> Any:
    """A dataclass field that declares a hyper-parameter; the keywords are those of `Parameter`."""
    return field(default=default, metadata={"label": label, **declared})
