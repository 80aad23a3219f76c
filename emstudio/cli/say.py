"""What a command says: warnings on standard error, a short report on standard output, progress on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

from emstudio.core.em import Moment
from emstudio.core.errors import Notice, printable

SILENT = ("missing-dropped", "not-identifiable", "input")  # warnings that leave the exit status at 0
_EVERY = 0.1  # seconds between two lines of progress


def warn(notices: Iterable[Notice]) -> None:
    """One line for each warning."""
    if sys.stderr is None:
        return
    for notice in notices:
        print(f"emstudio: warning: {printable(notice.text)}", file=sys.stderr)
    sys.stderr.flush()


def must_be_seen(notices: Iterable[Notice]) -> bool:
    """Whether a warning asks for exit status 3."""
    return any(n.code not in SILENT for n in notices)


def remarks(texts: Iterable[str]) -> list[Notice]:
    """A reader's remarks as warnings."""
    return [Notice("input", text) for text in texts]


def report(text: str) -> None:
    if sys.stdout is not None:
        print(text)


def grid(rows: Sequence[Sequence[Any]], gap: str = "  ") -> str:
    """Rows of cells as a table: numbers to the right, texts to the left, control characters escaped."""
    texts = [[printable("" if c is None else c) for c in row] for row in rows]
    widths = [max(len(row[j]) for row in texts) for j in range(len(texts[0]))]
    right = [all(_numeric(row[j]) for row in texts[1:]) for j in range(len(widths))]
    lines = []
    for row in texts:
        cells = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right))
        lines.append(gap.join(cells).rstrip())
    return "\n".join(lines)


def _numeric(text: str) -> bool:
    if text == "":
        return True
    try:
        float(text.replace("−", "-").replace("\u2009", ""))
    except ValueError:
        return False
    return True


class Progress:
    """One line on standard error that is written over, only where standard error is a terminal."""

    def __init__(self, starts: int):
        self._starts = starts
        self._on = sys.stderr is not None and sys.stderr.isatty()
        self._last = 0.0
        self._shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def __call__(self, moment: Moment) -> None:
        now = time.monotonic()
        if not self._on or now - self._last < _EVERY:
            return
        self._last, self._shown = now, True
        start = f"start {moment.number + 1} of {self._starts}, " if self._starts > 1 else ""
        s = moment.snapshot
        value, name = (s.log_likelihood, "log-likelihood") if s.cost is None else (s.cost, moment.model.cost)
        figure = "" if value is None else f", {name} {value:.6f}"
        print(f"\r\x1b[K{start}iteration {moment.snapshot.t}{figure}", end="", file=sys.stderr, flush=True)
