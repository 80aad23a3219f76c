"""Options as they are typed: each once, in full, and every value said to be wrong in one sentence."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from emstudio.core.errors import UserError

_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


class Parser(argparse.ArgumentParser):
    """argparse without abbreviations, usage texts and repeated options; its complaints are UserErrors."""

    def __init__(self, command: str, description: str):
        super().__init__(prog=f"emstudio {command}", description=description, allow_abbrev=False)

    def value(self, *names: str, **settings: Any) -> None:
        """An option with a value (a text, None when absent) that can be given once."""
        self.add_argument(*names, action=_Once, default=None, **settings)

    def error(self, message: str) -> NoReturn:
        see = f"see {self.prog} --help"
        if found := re.fullmatch(r"unrecognized arguments: (.*)", message, re.DOTALL):
            first = found[1].split(" ")[0]
            what = f"unknown option {first}" if first.startswith("-") else f"one argument too many: {found[1]}"
            raise UserError(what, see)
        if found := re.fullmatch(r"the following arguments are required: (.*)", message, re.DOTALL):
            raise UserError(f"{found[1]} must be given", see)
        if found := re.fullmatch(r"argument (\S+): expected one argument", message):
            raise UserError(f"{found[1].split('/')[0]} needs a value", see)
        if found := re.fullmatch(r"argument (\S+): ignored explicit argument (.*)", message, re.DOTALL):
            raise UserError(f"{found[1].split('/')[0]} takes no value", see)
        raise UserError(message, see)

    def parse(self, arguments: Sequence[str], optional: str | None = None) -> argparse.Namespace:
        """The options; `optional` names an argument that may be left out (argparse finds such a one only up front)."""
        found, rest = self.parse_known_args(list(arguments))
        if optional is not None:
            rest = [text for text in rest if text != "--"]
            setattr(found, optional, rest.pop(0) if rest and not rest[0].startswith("-") else None)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return found


class _Once(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):  # type: ignore[no-untyped-def]
        if getattr(namespace, self.dest) is not None:
            raise UserError(f"{option_string} is given twice", "give it once")
        setattr(namespace, self.dest, values)


def whole(option: str, text: str | None, default: int, low: int = 0) -> int:
    """The whole number of an option, at least `low`."""
    if text is None:
        return default
    value = int(text) if _WHOLE.fullmatch(text) and len(text) < 20 else None
    if value is None or value < low:
        raise UserError(f"{option} {_quoted(text)} cannot be used", f"give a whole number of {low} or more")
    return value


def number(option: str, text: str | None, default: float) -> float:
    """The number of an option: finite and not negative."""
    if text is None:
        return default
    value = float(text) if _NUMBER.fullmatch(text) else -1.0
    if not 0.0 <= value < float("inf"):
        raise UserError(f"{option} {_quoted(text)} cannot be used", "give a finite number of 0 or more")
    return value


def choice(option: str, text: str | None, choices: Sequence[str]) -> str:
    """One of `choices`, the first one when the option is absent."""
    if text is None:
        return choices[0]
    if text not in choices:
        raise UserError(f"{option} {_quoted(text)} is not one of the choices", f"choose from: {', '.join(choices)}")
    return text


def names(option: str, text: str | None, known: Sequence[str]) -> tuple[str, ...] | None:
    """The column names in `a,b,c`, none twice. A name of the table that holds commas itself may stand alone."""
    if text is None:
        return None
    if text in known:
        return (text,)
    listed = tuple(name if name in known else name.strip() for name in text.split(","))
    if not all(listed):
        raise UserError(f"{option} {_quoted(text)} holds an empty name", "give column names with commas between")
    return listed


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """KEY=VALUE texts of `-p`, no key twice."""
    found: dict[str, str] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise UserError(f"-p {_quoted(text)} is not KEY=VALUE", "write for instance -p covariance=full")
        if key in found:
            raise UserError(f"the parameter {key!r} is given twice", "give it once")
        found[key] = value
    return found


def _quoted(text: str) -> str:
    return repr(text) if text == "" or not text.isprintable() or " " in text else text
