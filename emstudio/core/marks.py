"""Frozen, toolkit-free descriptions of a drawing; `gui/canvas.py` turns them into items on the screen.

A mark refers to components by number (colour, letter and dash follow from it) and to rows of the dataset; it copies no
data. All positions are in the data's own units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class View:
    """What of the data a picture shows: its kind, the columns on its axes (indices into `Dataset.names`), and its frame.

    `rectangle` = (left, bottom, right, top) is the visible part in data units and `pixels` = (width, height) its size,
    where they are known: densities are evaluated on them. With `axes` off the columns are no axes that one may choose.
    """

    kind: str
    columns: tuple[int, ...]
    rectangle: tuple[float, float, float, float] | None = None
    pixels: tuple[int, int] = (640, 480)
    title: str = ""
    axes: bool = True


@dataclass(frozen=True)
class Handle:
    """What a drag of this mark means to the model: `kind` of parameter (`mean`), component, and which one of several.

    The position that a `covariance` handle is given is the covariance of the view's two columns (xx, xy, yy), and that of
    a `variance` handle the variance of its column.
    """

    kind: str
    component: int
    index: int = 0


@dataclass(frozen=True, eq=False)
class Points:
    """The rows of the dataset at their values in the view's columns, coloured by responsibility.

    `rug` places them in a strip under the axis instead (one column). `at` (n, number of columns) are their places where
    these are not the columns' values (a ternary plot); no point can be painted or moved there.
    """

    columns: tuple[int, ...]
    rug: bool = False
    at: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Ellipse:
    """Contours of a bivariate Gaussian at `radii` standard deviations; `mean` (2,), `covariance` (2, 2).

    With `dof` it is a t distribution, and `covariance` its scale matrix. Where it can be pulled, `pull` is its handle and
    `freedom` what the model allows: `free` to turn, stretched along its `axes` that are the columns, or always `round`.
    """

    component: int
    mean: np.ndarray
    covariance: np.ndarray
    radii: tuple[float, ...] = (1.0, 2.0, 3.0)
    handle: Handle | None = None
    dof: float | None = None
    pull: Handle | None = None
    freedom: str = "free"

    def mass(self, radius: float) -> float:
        """What a contour encloses: 1 - exp(-r^2 / 2), of a t distribution 1 - (1 + r^2 / dof)^(-dof / 2)."""
        square = radius * radius
        return -math.expm1(-square / 2 if self.dof is None else -self.dof / 2 * math.log1p(square / self.dof))


@dataclass(frozen=True, eq=False)
class Spread:
    """One standard deviation `sd` to both sides of `mean` on the axis of a density, that a hand can pull wider.

    `height` is that of the component's curve there.
    """

    component: int
    mean: float
    sd: float
    height: float
    pull: Handle


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
class Tokens:
    """Trials of coin tosses, one for each row of the dataset: `heads` (n,) and `tosses` (n,) whole numbers.

    `rows` holds the outcomes in their order, such as HTTTHHTHTH, or is None where only the counts are known.
    `known` (n,) component of each trial where the coins' identities are known, else None.
    """

    rows: tuple[str, ...] | None
    heads: np.ndarray
    tosses: np.ndarray
    known: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Heat:
    """`values` (len(y), len(x)) over a rectangle, drawn as a quiet map with contours; -inf where it is impossible.

    `ridge` (m, 2): points of equal highest value, where there is a line of them; `spots` are named places.
    """

    x: np.ndarray
    y: np.ndarray
    values: np.ndarray
    ridge: np.ndarray | None = None
    spots: tuple[tuple[float, float, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Borders:
    """Straight edges between the components' regions: `lines` (m, 2, 2), m edges from one point to another."""

    lines: np.ndarray


@dataclass(frozen=True, eq=False)
class Simplex:
    """A triangle of shares in place of axes: `corners` (3, 2), at each of which one outcome, `names`, has everything."""

    corners: np.ndarray
    names: tuple[str, str, str]


@dataclass(frozen=True, eq=False)
class Stacks:
    """Shares of outcomes stacked to 1, a bar for each row of the dataset, `shares` (n, c), and for each component,
    `profiles` (K, c) or None; `names` (c,) of the outcomes. `handles` (K, c - 1): the borders that can be dragged."""

    shares: np.ndarray
    names: tuple[str, ...]
    profiles: np.ndarray | None = None
    handles: tuple[tuple[Handle, ...], ...] = ()


@dataclass(frozen=True, eq=False)
class Bars:
    """A histogram: `edges` (m + 1,), `heights` (m,)."""

    edges: np.ndarray
    heights: np.ndarray


@dataclass(frozen=True, eq=False)
class Drawing:
    """Everything that a view shows of one moment, with its axes' labels and what the axes have in common.

    `same_scale`: both axes are in like units, so that a circle must look like a circle.
    `legend` pairs a mark's role with its text. `tall` is the height to make room for, where marks on an axis do not tell.
    """

    marks: tuple[object, ...]
    x_label: str = ""
    y_label: str = ""
    same_scale: bool = False
    legend: tuple[tuple[str, str], ...] = field(default=())
    tall: float | None = None
