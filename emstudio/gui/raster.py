"""Points as a picture, in numpy alone: a plan of who is seen where, made once per view, and colours, many times.

Positions do not change during EM, colours do. So a `Plan` holds, for every device pixel that a point touches, which
points are seen there and how much of each; colouring a picture by new responsibilities is then one sparse product.

- Up to `SEPARATE` points each is an antialiased disc of its own, and discs lie over one another exactly as if they had
  been painted one after the other: the opacity of what lies in front is worked out once, in the plan.
- More points than that, or so many on so little room that most are hidden, share cells of one device pixel. A cell has the
  mean colour of its points, a disc about every cell shows the nearest one, and the opacity is that of all discs over one
  another.

Lengths in a `Style` are logical pixels; positions are device pixels from the picture's upper left corner.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

SEPARATE = 20_000
_SIZES = (0.4, 2.0)  # times the usual diameter: rows of the least and of the largest weight
_LAYERS = 1.5  # discs without an edge that lie over one another on average: more of them are no longer told apart
_PHASES = 4  # sub-pixel positions per axis at which discs are drawn
_MANY = 250_000  # shares from which scipy's sparse product is worth the time of its import
_BLOCK = 2048  # rows
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


def plan(
    x: np.ndarray,
    y: np.ndarray,
    width: int,
    height: int,
    style: Style,
    scale: float = 1.0,
    sizes: np.ndarray | None = None,
) -> Plan:
    """The plan of points at (x, y) device pixels, `scale` device pixels to a logical one; later points lie in front.

    `sizes` (n,) makes a point's diameter so many times that of the style; points that share cells are alike all the same.
    """
    with np.errstate(invalid="ignore"):
        reach = style.diameter * scale * (1.0 if sizes is None or not len(sizes) else float(sizes.max()))
        near = (x > -reach) & (x < width + reach) & (y > -reach) & (y < height + reach)
    rows = np.flatnonzero(near)
    x, y = x[rows], y[rows]
    crowded = not style.edge and len(rows) * (style.diameter * scale) ** 2 > _LAYERS * width * height
    if crowded or len(near) > SEPARATE:
        return _cells(rows.astype(np.int32), x, y, width, height, style, scale, len(near))
    own = None if sizes is None else sizes[rows]
    return _discs(rows.astype(np.int32), x, y, width, height, style, scale, len(near), own)


def sizes_of(weights: np.ndarray | None) -> np.ndarray | None:
    """(n,) diameters beside the usual one of points with these weights, whose areas are as their weights within limits;
    that of the mean weight is the usual one. None without weights."""
    if weights is None or not weights.any():
        return None
    return np.clip(np.sqrt(weights / weights.mean()), *_SIZES)


def mix(resp: np.ndarray | None, palette: np.ndarray, neutral: np.ndarray, n: int) -> np.ndarray:
    """(n, 3) colours 0..1: responsibilities (n, K) times palette (K, 3) in plain sRGB; `neutral` where there are none."""
    neutral = np.asarray(neutral, np.float32)
    if resp is None or len(resp) != n or resp.shape[1] != len(palette):
        return np.tile(neutral, (n, 1))
    colours = _product(resp, palette.astype(resp.dtype))
    unknown = np.isnan(colours[:, 0])
    if unknown.any():
        colours[unknown] = neutral
    return colours


def _product(resp: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """resp @ palette in blocks: so small a product gains nothing from BLAS's threads, but waits for the engine's."""
    n, k = resp.shape
    out = np.empty((n, 3), np.float32)
    whole = n - n % _BLOCK
    if whole:
        np.matmul(
            resp[:whole].reshape(-1, _BLOCK, k), palette, out=out[:whole].reshape(-1, _BLOCK, 3), casting="same_kind"
        )
    np.matmul(resp[whole:], palette, out=out[whole:], casting="same_kind")
    return out


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
        seen = np.empty((count, 3), np.float32)
        for channel in range(3):
            shown = np.take(np.ascontiguousarray(colours[:, channel]), plan.rows)
            np.add.reduceat(shown * plan.shares, plan.starts[:-1], out=seen[:, channel])
        return seen
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


def _touched(
    x: np.ndarray, y: np.ndarray, width: int, height: int, style: Style, scale: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(pixels, which of the points, opacity of core and of rim) of all that discs touch, point by point."""
    core, rim, dx, dy = _stamps(style, scale)
    column, row = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    phase = ((y - row) * _PHASES).astype(np.int32) * _PHASES + ((x - column) * _PHASES).astype(np.int32)
    inside = _covered(column, dx, width) & _covered(row, dy, height)
    inside &= (core + rim > 0)[phase]
    key = (row[:, None] * width + column[:, None] + (dy * width + dx))[inside]
    who = np.repeat(np.arange(len(x), dtype=np.int32), inside.sum(axis=1))
    return key, who, core[phase][inside], rim[phase][inside]


def _sized(
    x: np.ndarray, y: np.ndarray, width: int, height: int, style: Style, scale: float, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """`_touched` of points of several sizes, each of them to the nearest eighth of the style's diameter."""
    eighths = np.maximum(np.rint(sizes * 8.0), 1.0)
    parts = []
    for eighth in np.unique(eighths):
        mine = np.flatnonzero(eighths == eighth)
        own = replace(style, diameter=style.diameter * float(eighth) / 8.0)
        key, who, core, rim = _touched(x[mine], y[mine], width, height, own, scale)
        parts.append((key, mine[who].astype(np.int32), core, rim))
    key, who, core, rim = (np.concatenate(p) for p in zip(*parts, strict=True))
    turn = np.argsort(who, kind="stable")
    return key[turn], who[turn], core[turn], rim[turn]


def _discs(
    rows: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    width: int,
    height: int,
    style: Style,
    scale: float,
    points: int,
    sizes: np.ndarray | None,
) -> Plan:
    """Each point a disc of its own, composited front to back."""
    if sizes is None or not len(sizes):
        key, who, core, rim = _touched(x, y, width, height, style, scale)
    else:
        key, who, core, rim = _sized(x, y, width, height, style, scale, sizes)
    order, pixels, starts = _grouped(key, width * height)
    who, core, rim = who[order], core[order], rim[order]
    if not len(pixels):
        nothing = np.empty(0, np.float32)
        owner = _nobody(width, height)
        return Plan(width, height, points, pixels, np.empty(0, np.uint32), None, starts, who, nothing, None, owner)
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
    first = starts[:-1]
    starts = np.concatenate([[0], np.cumsum(np.add.reduceat(keep.astype(np.int32), starts[:-1]))]).astype(np.int32)
    lost = None if keep.all() else np.add.reduceat(shares, first)
    shares, seen = shares[keep], rows[who[keep]]
    if lost is not None:  # the faint ones' share goes to those that are seen, so that colour and opacity agree
        kept = np.maximum(np.add.reduceat(shares, starts[:-1]), np.float32(1e-12))
        shares = shares * np.repeat(lost / kept, np.diff(starts))
    rim = rims if style.edge else None
    return Plan(width, height, points, pixels, _alpha_bytes(alpha), rim, starts, seen, shares, None, owner)


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


def _covered(at: np.ndarray, offsets: np.ndarray, size: int) -> np.ndarray:
    """(n, m) whether pixel at + offset lies in 0..size - 1."""
    if len(at) and at.min() + offsets.min() >= 0 and at.max() + offsets.max() < size:
        return np.ones((len(at), len(offsets)), bool)
    place = at[:, None] + offsets
    return (place >= 0) & (place < size)


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
    seen = whole.max(axis=0) > 0
    core, whole = core[:, seen], whole[:, seen]
    offsets = dx[seen].astype(np.int32), dy[seen].astype(np.int32)
    return (core * style.alpha).astype(np.float32), (whole - core).astype(np.float32), *offsets


def _grouped(key: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(order, groups, starts): a stable order that sorts `key` (0..limit), the keys that occur, and where each begins."""
    # Two passes of sixteen bits: numpy sorts those by radix, several times as fast as whole numbers.
    order = np.argsort((key & 0xFFFF).astype(np.uint16), kind="stable")
    if limit > 0x10000:
        order = order[np.argsort((key[order] >> 16).astype(np.uint16), kind="stable")]
    counts = np.bincount(key, minlength=1) if len(key) else np.zeros(0, np.int64)
    groups = np.flatnonzero(counts).astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(counts[groups])]).astype(np.int32)
    return order, groups, starts


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
