"""Between two drawings: what a change looks like on its way, so that the eye can follow the shapes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from emstudio.core.marks import Borders, Curve, Disc, Drawing, Ellipse, Spread

DURATION = 150  # ms
REST = 0.18  # seconds without a change before one is worth following


def alike(a: Drawing, b: Drawing) -> bool:
    """Whether the two drawings have the same marks in the same order, so that one can turn into the other."""
    return len(a.marks) == len(b.marks) and all(
        type(m) is type(n) and getattr(m, "component", None) == getattr(n, "component", None)
        for m, n in zip(a.marks, b.marks, strict=True)
    )


def between(a: Drawing, b: Drawing, t: float) -> Drawing:
    """`a` at t = 0, `b` at t = 1; both must be `alike`. What cannot be mixed is that of `b`."""
    if t >= 1.0:
        return b
    return replace(b, marks=tuple(_mark(m, n, t) for m, n in zip(a.marks, b.marks, strict=True)))


def _mark(m: object, n: object, t: float) -> object:
    if isinstance(m, Ellipse) and isinstance(n, Ellipse):
        return replace(n, mean=_mixed(m.mean, n.mean, t), covariance=_mixed(m.covariance, n.covariance, t))
    if isinstance(m, Disc) and isinstance(n, Disc):
        return replace(n, position=_mixed(m.position, n.position, t))
    if isinstance(m, Spread) and isinstance(n, Spread):
        ways = ((getattr(m, name), getattr(n, name)) for name in ("mean", "sd", "height"))
        mean, sd, height = (a + (b - a) * t for a, b in ways)
        return replace(n, mean=mean, sd=sd, height=height)
    if isinstance(m, Borders) and isinstance(n, Borders):
        return replace(n, lines=_mixed(m.lines, n.lines, t))
    if isinstance(m, Curve) and isinstance(n, Curve):
        base = n.base if n.base is None or m.base is None else _mixed(_on(n.x, m.x, m.base), n.base, t)
        return replace(n, y=_mixed(_on(n.x, m.x, m.y), n.y, t), base=base)
    return n


def _on(x: np.ndarray, old_x: np.ndarray, old_y: object) -> np.ndarray:
    """The old curve at the places of the new one."""
    return np.interp(x, old_x, np.broadcast_to(np.asarray(old_y, float), np.shape(old_x)))


def _mixed(a: object, b: object, t: float) -> np.ndarray:
    a, b = np.asarray(a, float), np.asarray(b, float)
    return a + (b - a) * t if a.shape == b.shape else b
