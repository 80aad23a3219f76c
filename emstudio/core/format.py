"""Numbers as people read them: few figures, a true minus sign, thousands set apart by a thin space.

number(-1206.62145, 6)    −1 206.62         number(0.41893)     0.4189
number(3.2e-9, 2)         3.2e−9            number(1e9)         1.000e9
number(2.5, trim=True)    2.5               signed(0.126, 3)    +0.126
count(12345)              12 345
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

MINUS = "\u2212"
# Narrow and unbreakable: a number is never torn over two lines.
THIN = "\u202f"


def number(x: float, digits: int = 4, *, decimals: int | None = None, trim: bool = False) -> str:
    """`x` to `digits` significant figures, or to `decimals` places where columns must align.

    The part before the point is never rounded away (12 346, not 12 350). Below 1e-4 and from 1e7 on as 1.235e7.
    `trim` drops the zeros at the end, for values that a person typed or measured. Not a number is a long dash.
    """
    x = float(x)
    if math.isnan(x):
        return "\u2014"
    if math.isinf(x):
        return "\u221e" if x > 0 else MINUS + "\u221e"
    if x == 0:
        return "0" if decimals is None or trim else f"{0:.{decimals}f}"
    mantissa, exponent = f"{abs(x):.{max(digits, 1) - 1}e}".split("e")
    power = int(exponent)
    if decimals is None and not -4 <= power < 7:
        text = (_trimmed(mantissa) if trim else mantissa) + "e" + _minus(str(power))
    else:
        places = max(digits - 1 - power, 0) if decimals is None else decimals
        text = _thousands(f"{abs(x):.{places}f}")
        text = _trimmed(text) if trim else text
    is_zero = not any(c in "123456789" for c in text)
    return MINUS + text if x < 0 and not is_zero else text


def signed(x: float, digits: int = 4, *, decimals: int | None = None) -> str:
    """As `number`, with its sign in front: a change. What is shown as zero has none."""
    text = number(x, digits, decimals=decimals)
    return "+" + text if x > 0 and any(c in "123456789\u221e" for c in text) else text


def typeset(words: str) -> str:
    """A sentence of the engine with true minus signs in its numbers: `8e-9 below 1e-8` as 8e\u22129 below 1e\u22128."""
    return re.sub(r"(?<=\de)-(?=\d)", MINUS, words)


def count(n: int) -> str:
    """A whole number with its thousands set apart: 272, 12 345."""
    return (MINUS if n < 0 else "") + _thousands(str(abs(int(n))))


def tally(n: int, noun: str, total: float) -> str:
    """How many rows there are, and the sum of their weights where that is another number: 60 rows, sum of weights 272."""
    words = f"{count(n)} {noun}"
    if total == n:
        return words
    return f"{words}, sum of weights {count(int(total)) if total == int(total) else number(total, 6, trim=True)}"


def _thousands(text: str) -> str:
    whole, point, rest = text.partition(".")
    return f"{int(whole):,}".replace(",", THIN) + point + rest


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _minus(text: str) -> str:
    return text.replace("-", MINUS)


NOISE = -1  # stands for the noise where a component's number is asked for


_cast: ContextVar[tuple[int, ...]] = ContextVar("cast", default=())


def letter(component: int) -> str:
    """A, B ... Z, AA, AB ...: the name of component `component` (from 0) everywhere a person reads it; NOISE has its own.

    Where a component has gone, those that are left keep their letters (`cast_as`).
    """
    return "noise" if component == NOISE else spelled(name_of(component))


def spelled(name: int) -> str:
    """The letters of the name `name`: A for 0, Z for 25, AA for 26."""
    text = ""
    name += 1
    while name:
        name, rest = divmod(name - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def name_of(component: int) -> int:
    """The name (A = 0) of component `component` in the cast in force; who is not in it gets those that are free, in turn."""
    cast = _cast.get()
    if component < 0 or not cast:
        return component
    if component < len(cast):
        return cast[component]
    return [name for name in range(component + 1) if name not in cast][component - len(cast)]


def set_cast(cast: Sequence[int]) -> bool:
    """From now on, and on this thread, component j has the name cast[j]; () for A, B, C in turn. Whether that is new."""
    new = _cast.get() != tuple(cast)
    _cast.set(tuple(cast))
    return new


@contextmanager
def cast_as(cast: Sequence[int]) -> Iterator[None]:
    """Within, component j has the name cast[j]."""
    token = _cast.set(tuple(cast))
    try:
        yield
    finally:
        _cast.reset(token)
