"""Where the strips stand, one below the other, in the height there is."""

from __future__ import annotations

from dataclasses import dataclass

TEN = 10  # draws in sight, unless all are wanted


@dataclass(frozen=True)
class Band:
    """A strip's place: `kind` is truth, viterbi, draws or shares."""

    kind: str
    top: float
    height: float


def bands(height: float, truth: bool, draws: int) -> list[Band]:
    """The strips from top to bottom in `height` pixels; room to spare makes them higher up to a point."""
    rows = max(min(draws, TEN), 1)
    natural = (20.0 if truth else 0.0) + 20.0 + 8.0 + rows * 9.0 + 10.0 + 46.0
    grow = min(max((height - natural) / natural, -0.3), 0.9) + 1.0
    path, pitch, share = 14.0 * min(grow, 1.4), 9.0 * grow, 46.0 * grow
    top, made = 2.0, []
    for kind in ("truth", "viterbi") if truth else ("viterbi",):
        made.append(Band(kind, top, path))
        top += path + 4.0
    top += 5.0 * grow
    made.append(Band("draws", top, pitch * rows))
    top += pitch * rows + 8.0 * grow
    made.append(Band("shares", top, max(min(1.4 * share, height - top - 2.0), 12.0)))
    return made
