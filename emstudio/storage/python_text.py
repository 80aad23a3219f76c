"""Values as Python source, laid out as `ruff format` would with lines of 120 characters.

What does not fit on a line is broken one entry a line, with a comma behind the last. Long lists of plain values, such as
the cells of a column, are filled line by line instead, and whoever prints them puts `# fmt: off` around (`Layout.filled`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from unicodedata import east_asian_width

WIDTH = 120
LONGEST = 128  # of a line that cannot be broken, before a linter minds
_INDENT = "    "


@dataclass(frozen=True)
class Code:
    """A piece of source as it is, such as a name."""

    text: str


@dataclass(frozen=True)
class Call:
    """`name(*given, **named)`."""

    name: str
    given: Sequence[Any] = ()
    named: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Layout:
    """Source being laid out; `filled`: whether a list was filled, which the formatter would take apart."""

    filled: bool = False

    def of(self, value: Any, before: str = "", after: str = "", indent: str = "") -> str:
        """`before` + the value + `after`, the first line at `indent` already."""
        flat = before + one_line(value) + after
        if len(indent) + width(flat) <= WIDTH:
            return flat
        if isinstance(value, (list, tuple)) and value and all(_plain(v) for v in value):
            self.filled = True
            opened, closed = "[]" if isinstance(value, list) else "()"
            rows = _filled(map(one_line, value), indent + _INDENT)
            return f"{before}{opened}\n{rows}\n{indent}{closed}{after}"
        entries = _entries(value)
        if entries is None:
            return flat
        opened, parts, closed = entries
        inner = indent + _INDENT
        rows = "\n".join(inner + self.of(v, lead, ",", inner) for lead, v in parts)
        return f"{before}{opened}\n{rows}\n{indent}{closed}{after}"


def assignment(name: str, value: Any) -> str:
    """`name = value`, with `# fmt` around it where it was filled."""
    if isinstance(value, str):
        literal = text(value)
        fits = len(name) + 3 + width(literal) <= WIDTH or len(_INDENT) + width(literal) > WIDTH
        if not fits:
            return f"{name} = (\n{_INDENT}{literal}\n)"
        line = f"{name} = {literal}"
        return line if width(line) <= LONGEST else f"{line}  # noqa: E501"
    layout = Layout()
    source = layout.of(value, f"{name} = ")
    return f"# fmt: off\n{source}\n# fmt: on" if layout.filled else source


def one_line(value: Any) -> str:
    """The value on one line."""
    if isinstance(value, Code):
        return value.text
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, float):
        return repr(float(value))
    entries = _entries(value)
    if entries is None:
        return repr(value)
    opened, parts, closed = entries
    inside = ", ".join(lead + one_line(v) for lead, v in parts)
    return f"{opened}{inside}{',' if isinstance(value, tuple) and len(value) == 1 else ''}{closed}"


def text(value: str) -> str:
    """A text in quotes: double ones unless that takes more escapes. Control characters and lone surrogates are escaped."""
    quote = "'" if value.count('"') > value.count("'") else '"'
    plain = "".join(repr(c)[1:-1] if c not in "'\"" else c for c in value)
    return quote + plain.replace(quote, "\\" + quote) + quote


def width(source: str) -> int:
    """How many columns a line takes: characters of East Asian scripts are two wide."""
    return len(source) + (0 if source.isascii() else sum(east_asian_width(c) in "WF" for c in source))


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (int, float, str, Code))


def _entries(value: Any) -> tuple[str, list[tuple[str, Any]], str] | None:
    """(what opens it, (what stands before an entry, the entry) ..., what closes it), or None for a plain value."""
    if isinstance(value, Call):
        named = [(f"{key}=", v) for key, v in value.named.items()]
        return f"{value.name}(", [*(("", v) for v in value.given), *named], ")"
    if isinstance(value, dict):
        return "{", [(f"{one_line(key)}: ", v) for key, v in value.items()], "}"
    if isinstance(value, list):
        return "[", [("", v) for v in value], "]"
    if isinstance(value, tuple):
        return "(", [("", v) for v in value], ")"
    return None


def _filled(parts: Iterable[str], indent: str) -> str:
    """The parts with commas, as many on a line as fit."""
    lines, line = [], indent
    for part in parts:
        if len(line) + width(part) + 1 > WIDTH and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += part + ", "
    lines.append(line.rstrip())
    return "\n".join(lines)
