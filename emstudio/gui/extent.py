"""How much room a drawing takes: the corners of what is in the plane, the height of what stands on an axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from emstudio.core.marks import Bars, Curve, Disc, Drawing, Ellipse, Simplex

_ABOVE_BARS = 1.6  # a narrow component's curve may rise so many times as high as the tallest bar; beyond, it is cut off


def extent(
    drawing: Drawing, corners: Sequence[np.ndarray], sigmas: float = 2.0
) -> tuple[np.ndarray | None, np.ndarray]:
    """Lower left and upper right corner of `corners` of the data with so many sigma of every component.

    None and zeros where there is nothing.
    """
    spots = list(corners)
    for m in drawing.marks:
        if isinstance(m, Ellipse):
            reach = sigmas * np.sqrt(np.diagonal(m.covariance))
            spots += [m.mean - reach, m.mean + reach]
        elif isinstance(m, Disc):
            spots.append(np.asarray(m.position, float))
        elif isinstance(m, Simplex):
            spots += list(np.asarray(m.corners, float))
    spots = [s for s in spots if np.isfinite(s).all()]
    if not spots:
        return None, np.zeros(2)
    return np.min(spots, axis=0), np.max(spots, axis=0)


def tallest(drawing: Drawing) -> float:
    """The height to make room for: of the tallest bar, or of the tallest curve if it is not a mere spike."""
    if drawing.tall is not None:
        return drawing.tall
    bars = max((float(np.max(m.heights, initial=0.0)) for m in drawing.marks if isinstance(m, Bars)), default=0.0)
    tops = [float(np.nanmax(m.y, initial=0.0)) for m in drawing.marks if isinstance(m, Curve)]
    curve = max((t for t in tops if math.isfinite(t)), default=0.0)
    top = max(bars, min(curve, _ABOVE_BARS * bars) if bars > 0 else curve)
    return top if top > 0 else 1.0
