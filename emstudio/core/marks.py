"""Frozen, toolkit-free descriptions of a drawing; `gui/canvas.py` turns them into items on the screen.

A mark refers to components by number (colour, letter and dash follow from it) and to rows of the dataset; it copies no
data. All positions are in the data's own units.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class View:
    """What of the data a picture shows: its kind, the columns on its axes (indices into `Dataset.names`), and its frame.

    `rectangle` = (left, bottom, right, top) is the visible part in data units and `pixels` = (width, height) its size,
    where they are known: densities are evaluated on them.
    """

    kind: str
    columns: tuple[int, ...]
    rectangle: tuple[float, float, float, float] | None = None
    pixels: tuple[int, int] = (640, 480)
    title: str = ""


@dataclass(frozen=True)
class Handle:
    """What a drag of this mark means to the model: `kind` of parameter (`mean`), component, and which one of several."""

    kind: str
    component: int
    index: int = 0


@dataclass(frozen=True, eq=False)
class Points:
    """The rows of the dataset at their values in the view's columns, coloured by responsibility.

    `rug` places them in a strip under the axis instead (one column).
    """

    columns: tuple[int, ...]
    rug: bool = False


@dataclass(frozen=True, eq=False)
class Ellipse:
    """Contours of a bivariate Gaussian at `radii` standard deviations; `mean` (2,), `covariance` (2, 2).

    A contour of radius r encloses the mass 1 - exp(-r^2 / 2) of the projection.
    """

    component: int
    mean: np.ndarray
    covariance: np.ndarray
    radii: tuple[float, ...] = (1.0, 2.0, 3.0)
    handle: Handle | None = None


@dataclass(frozen=True, eq=False)
class Disc:
    """A component's letter at `position` (2,); `note` is the short text beside it (such as `20 032 ± 1 470`)."""

    component: int
    position: np.ndarray
    handle: Handle | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class Curve:
    """A line through (x, y); `component` None means the total. `base` (m,) or a number: filled down to there."""

    x: np.ndarray
    y: np.ndarray
    component: int | None = None
    base: np.ndarray | float | None = None
    line: bool = True
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class Bars:
    """A histogram: `edges` (m + 1,), `heights` (m,)."""

    edges: np.ndarray
    heights: np.ndarray


@dataclass(frozen=True, eq=False)
class Drawing:
    """Everything that a view shows of one moment, with its axes' labels and what the axes have in common.

    `same_scale`: both axes are in like units, so that a circle must look like a circle.
    `legend` pairs a mark's role with its text.
    """

    marks: tuple[object, ...]
    x_label: str = ""
    y_label: str = ""
    same_scale: bool = False
    legend: tuple[tuple[str, str], ...] = field(default=())
