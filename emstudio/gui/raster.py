"""Points as a picture, in numpy alone: a plan of who is seen where, made once per view, and colours, many times.

Positions do not change during EM, colours do. So a `Plan` holds, for every device pixel that a point touches, which
points are seen there and how much of each; colouring a picture by new responsibilities is then one sparse product.

- Up to `SEPARATE` points each is an antialiased disc of its own, and discs lie over one another exactly as if they had
  been painted one after the other: the opacity of what lies in front is worked out once, in the plan.
- More points than that share cells of one device pixel. A cell has the mean colour of its points, a disc about every
  cell shows the nearest one, and the opacity is that of all discs over one another.

Lengths in a `Style` are logical pixels; positions are device pixels from the picture's upper left corner.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SEPARATE = 20_000
_PHASES = 4  # sub-pixel positions per axis at which discs are drawn
_MANY = 60_000  # entries from which scipy's sparse product is worth its import
_FAINT = 1 / 400  # what is seen less than this is not seen


@dataclass(frozen=True)
class Style:
    """A disc: `diameter` with its edge, `edge` the width of the canvas-coloured rim inside it, `alpha` of the core."""

    diameter: float
    edge: float
    alpha: float


def style_for(n: int) -> Style:
    """How `n` points are drawn."""
    if n <= 1_000:
        return Style(10.0, 1.0, 0.92)
    if n <= 5_000:
        return Style(6.5, 0.5, 0.92)
    return Style(4.0, 0.0, 0.55) if n <= SEPARATE else Style(3.0, 0.0, 0.55)


@dataclass(frozen=True, eq=False)
class Plan:
    """Where points are seen in a picture of `width` x `height` device pixels.

    `pixels` (p,) flat indices of the touched pixels; `alpha` (p,) their opacity 0..1; `rim` (p,) how much of the
    canvas-coloured edges is seen in them. `starts` (p + 1,), `rows`, `shares`: of pixel i the points
    rows[starts[i]:starts[i+1]] are seen with those shares of the pixel. In a plan of cells, `cell` (p,) says which cell
    a pixel shows, and starts, rows and shares belong to the cells. `owner` (height, width): the point (a point of the
    cell) in front, -1 where there is none.
    """

    width: int
    height: int
    points: int
    pixels: np.ndarray
    alpha: np.ndarray
    rim: np.ndarray | None
    starts: np.ndarray
    rows: np.ndarray
    shares: np.ndarray
    cell: np.ndarray | None
    owner: np.ndarray

    @property
    def premultiplied(self) -> bool:
        """Whether `paint` answers colours already multiplied by their opacity."""
        return self.cell is None


def plan(x: np.ndarray, y: np.ndarray, width: int, height: int, style: Style, scale: float = 1.0) -> Plan:
    """The plan of points at (x, y) device pixels, `scale` device pixels to a logical one; later points lie in front."""
    with np.errstate(invalid="ignore"):
        reach = style.diameter * scale
        near = (x > -reach) & (x < width + reach) & (y > -reach) & (y < height + reach)
    rows = np.flatnonzero(near)
    x, y = x[rows], y[rows]
    make = _discs if len(near) <= SEPARATE else _cells
    return make(rows.astype(np.int32), x, y, width, height, style, scale, len(near))


def mix(resp: np.ndarray | None, palette: np.ndarray, neutral: np.ndarray, n: int) -> np.ndarray:
    """(n, 3) colours 0..1: responsibilities (n, K) times palette (K, 3) in plain sRGB; `neutral` where there are none."""
    neutral = np.asarray(neutral, np.float32)
    if resp is None or len(resp) != n or resp.shape[1] != len(palette):
        return np.tile(neutral, (n, 1))
    colours = (resp @ palette.astype(resp.dtype)).astype(np.float32)
    unknown = np.isnan(colours[:, 0])
    if unknown.any():
        colours[unknown] = neutral
    return colours


def paint(plan: Plan, colours: np.ndarray, canvas: np.ndarray, out: np.ndarray) -> None:
    """Write the picture into `out` (height, width) uint32 ARGB, which is 0 wherever the plan has no pixel.

    `colours` (n, 3) float32 and `canvas` (3,) are 0..1. Premultiplied or not: as `plan.premultiplied` says.
    """
    seen = _gather(plan, colours)
    flat = out.reshape(-1)
    if plan.cell is None:
        if plan.rim is not None:
            seen += plan.rim[:, None] * np.asarray(canvas, np.float32)
        flat[plan.pixels] = _packed(seen, plan.alpha)
    else:
        rgb = _packed(seen, None)
        flat[plan.pixels] = np.take(rgb, plan.cell) | plan.alpha


def _gather(plan: Plan, colours: np.ndarray) -> np.ndarray:
    """(pixels or cells, 3): the sum of the points' colours times their shares."""
    count = len(plan.starts) - 1
    if not count:
        return np.empty((0, 3), np.float32)
    if len(plan.rows) < _MANY:
        return np.add.reduceat(colours[plan.rows] * plan.shares[:, None], plan.starts[:-1], axis=0)
    from scipy.sparse import csr_array

    matrix = csr_array((plan.shares, plan.rows, plan.starts), shape=(count, plan.points), copy=False)
    return matrix @ colours


def _packed(rgb: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """(p,) uint32 ARGB of colours 0..1; without `alpha` its byte is 0."""
    byte = (np.clip(rgb, 0.0, 1.0) * np.float32(255.0) + np.float32(0.5)).astype(np.uint32)
    packed = (byte[:, 0] << 16) | (byte[:, 1] << 8) | byte[:, 2]
    if alpha is not None:
        # A colour byte above its alpha byte is no premultiplied colour: alpha was rounded up in the plan.
        packed |= alpha
    return packed


def _discs(
    rows: np.ndarray, x: np.ndarray, y: np.ndarray, width: int, height: int, style: Style, scale: float, points: int
) -> Plan:
    """Each point a disc of its own, composited front to back."""
    core, rim, dx, dy = _stamps(style, scale)
    column, row = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    phase = (np.floor((y - row) * _PHASES) * _PHASES + np.floor((x - column) * _PHASES)).astype(np.int64)
    px = column[:, None] + dx
    py = row[:, None] + dy
    core, rim = core[phase], rim[phase]
    inside = (px >= 0) & (px < width) & (py >= 0) & (py < height) & (core + rim > 0)
    who = np.broadcast_to(np.arange(len(rows), dtype=np.int32)[:, None], inside.shape)[inside]
    key = (py * width + px)[inside].astype(np.int32)
    core, rim = core[inside], rim[inside]
    order, pixels, starts = _grouped(key, width * height)
    who, core, rim = who[order], core[order], rim[order]
    if not len(pixels):
        empty = np.empty(0, np.float32)
        return Plan(width, height, points, pixels, empty.astype(np.uint32), None, starts, who, empty, None, _nobody(width, height))
    # What is seen of an entry is what those after it in its pixel let through.
    through = np.log1p(-np.minimum(core + rim, 0.9999).astype(np.float64))
    upto = np.cumsum(through)
    ends = starts[1:] - 1
    size = np.diff(starts)
    visible = np.exp(np.repeat(upto[ends], size) - upto)
    shares = (core * visible).astype(np.float32)
    rims = np.add.reduceat((rim * visible).astype(np.float32), starts[:-1])
    alpha = np.add.reduceat(((core + rim) * visible).astype(np.float32), starts[:-1])
    owner = _nobody(width, height)
    front = ends
    owner.reshape(-1)[pixels] = rows[who[front]]
    keep = shares > _FAINT
    keep[front] = True
    starts = np.concatenate([[0], np.cumsum(np.add.reduceat(keep.astype(np.int32), starts[:-1]))]).astype(np.int32)
    lost = np.add.reduceat(shares, np.concatenate([[0], np.cumsum(size)[:-1]])) if not keep.all() else None
    shares, seen = shares[keep], rows[who[keep]]
    if lost is not None:  # the faint ones' share goes to those that are seen, so that colour and opacity agree
        kept = np.add.reduceat(shares, starts[:-1])
        shares = shares * np.repeat(np.where(kept > 0, lost / np.maximum(kept, 1e-12), 0), np.diff(starts)).astype(np.float32)
    return Plan(
        width, height, points, pixels, _alpha_bytes(alpha), rims if style.edge else None, starts, seen, shares, None, owner
    )


def _cells(
    rows: np.ndarray, x: np.ndarray, y: np.ndarray, width: int, height: int, style: Style, scale: float, points: int
) -> Plan:
    """Points share cells of one device pixel; every pixel near a cell shows the nearest cell's mean colour."""
    radius = style.diameter * scale / 2
    pad = int(np.ceil(radius + 0.5))
    wide, high = width + 2 * pad, height + 2 * pad
    px, py = np.floor(x).astype(np.int32) + pad, np.floor(y).astype(np.int32) + pad
    inside = (px >= 0) & (px < wide) & (py >= 0) & (py < high)
    if not inside.all():
        rows, px, py = rows[inside], px[inside], py[inside]
    order, cells, starts = _grouped(py * wide + px, wide * high)
    rows = rows[order]
    count = np.diff(starts).astype(np.float32)
    shares = np.repeat(1.0 / count, np.diff(starts)).astype(np.float32)
    near = np.full(wide * high + 2 * (pad * wide + pad), -1, np.int32)
    through = np.zeros(len(near), np.float32)
    shift = pad * wide + pad
    index = np.arange(len(cells), dtype=np.int32)
    offsets = [(dx, dy) for dx in range(-pad, pad + 1) for dy in range(-pad, pad + 1)]
    for dx, dy in sorted(offsets, key=lambda o: -np.hypot(*o)):  # the centre last: the nearest cell wins
        cover = min(1.0, radius + 0.5 - float(np.hypot(dx, dy)))
        if cover > 0.05:
            at = cells + (dy * wide + dx + shift)
            near[at] = index
            through[at] += count * np.float32(np.log1p(-style.alpha * cover))
    near = near[shift : shift + wide * high].reshape(high, wide)[pad : pad + height, pad : pad + width]
    through = through[shift : shift + wide * high].reshape(high, wide)[pad : pad + height, pad : pad + width]
    flat = near.reshape(-1) if near.flags.c_contiguous else np.ascontiguousarray(near).reshape(-1)
    pixels = np.flatnonzero(flat >= 0).astype(np.int32)
    cell = flat[pixels]
    alpha = -np.expm1(through.reshape(-1)[pixels])
    owner = np.full(width * height, -1, np.int32)
    owner[pixels] = rows[starts[cell]]
    owner = owner.reshape(height, width)
    return Plan(width, height, points, pixels, _alpha_bytes(alpha), None, starts, rows, shares, cell, owner)


def _stamps(style: Style, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Discs at 4 x 4 sub-pixel places: opacity of core and of rim, both (16, m * m), and the offsets (m * m,)."""
    outer = style.diameter * scale / 2
    inner = outer - style.edge * scale
    half = int(np.ceil(outer + 0.5))
    step = np.arange(-half, half + 1)
    dy, dx = (a.ravel() for a in np.meshgrid(step, step, indexing="ij"))
    place = (np.arange(_PHASES) + 0.5) / _PHASES - 0.5
    sy, sx = (a.ravel() for a in np.meshgrid(place, place, indexing="ij"))
    distance = np.hypot(dx - sx[:, None], dy - sy[:, None])
    whole = np.clip(outer + 0.5 - distance, 0, 1)
    core = np.clip(inner + 0.5 - distance, 0, 1)
    return (core * style.alpha).astype(np.float32), (whole - core).astype(np.float32), dx, dy


def _grouped(key: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(order, groups, starts): a stable order that sorts `key` (0..limit), the keys that occur, and where each begins."""
    if len(key) < _MANY:
        order = np.argsort(key, kind="stable")
    else:
        from scipy.sparse import coo_array

        # Turning coordinates into rows is a counting sort in C, and a stable one.
        index = np.arange(len(key), dtype=np.int32)
        sparse = coo_array((index, (key, np.zeros(len(key), np.int32))), shape=(limit, 1))
        sparse.has_canonical_format = True  # several entries in one place shall stay several
        order = _rows_of(sparse)
    counts = np.bincount(key, minlength=1) if len(key) else np.zeros(0, np.int64)
    groups = np.flatnonzero(counts).astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(counts[groups])]).astype(np.int32)
    return order, groups, starts


def _rows_of(sparse) -> np.ndarray:
    return sparse.tocsr().data


def _alpha_bytes(alpha: np.ndarray) -> np.ndarray:
    return np.minimum(np.ceil(alpha * 255.0), 255).astype(np.uint32) << 24


def _nobody(width: int, height: int) -> np.ndarray:
    return np.full((height, width), -1, np.int32)


def seen_rows(plan: Plan, x: float, y: float, reach: float) -> np.ndarray:
    """The points seen nearest to device pixel (x, y) within `reach` pixels: one, or all points of a cell; or none."""
    left, top = max(0, int(x - reach)), max(0, int(y - reach))
    window = plan.owner[top : max(0, int(y + reach) + 1), left : max(0, int(x + reach) + 1)]
    found = np.argwhere(window >= 0)
    if not len(found):
        return np.empty(0, np.int64)
    distance = np.hypot(found[:, 1] + left + 0.5 - x, found[:, 0] + top + 0.5 - y)
    best = int(np.argmin(distance))
    if distance[best] > reach:
        return np.empty(0, np.int64)
    row = window[tuple(found[best])]
    if plan.cell is None:
        return np.array([row], np.int64)
    pixel = (found[best, 0] + top) * plan.width + found[best, 1] + left
    cell = plan.cell[np.searchsorted(plan.pixels, pixel)]
    return plan.rows[plan.starts[cell] : plan.starts[cell + 1]].astype(np.int64)
