"""Giving up long work half-way: who starts it says how long it is wanted, and loops ask between their rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_wanted: ContextVar[Callable[[], bool] | None] = ContextVar("wanted", default=None)


class Abandoned(Exception):
    """Nobody waits for the result any more."""


@contextmanager
def while_wanted(wanted: Callable[[], bool]) -> Iterator[None]:
    """What is done inside raises Abandoned at the next `check` after `wanted()` has become False."""
    token = _wanted.set(wanted)
    try:
        yield
    finally:
        _wanted.reset(token)


def check() -> None:
    """Between the rounds of a loop that may last: raises Abandoned where nobody wants it any more."""
    wanted = _wanted.get()
    if wanted is not None and not wanted():
        raise Abandoned
