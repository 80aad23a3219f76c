"""What stands on top of a picture: letters at the means, the trails they came along, masses, notes and the legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from emstudio.core.marks import Bars, Curve, Disc, Drawing, Ellipse, Points
from emstudio.gui import theme
from emstudio.gui.items import LEGEND, STACK_ALPHA, contour, faded, polygon, polyline
from emstudio.gui.labels import PointMap, choose, clearance
from emstudio.gui.layers import Frame, Layer
from emstudio.gui.samples import paint_disc

DISC = 24.0
START = 9.0  # side of the square where a trail starts
RING = 8.0
LETTER = 15.0  # px between two discs at which both letters can be read
MOST_MASSES = 6  # with more components than this, masses are written for the picked one only
_ANGLES = np.arange(72) * (2 * math.pi / 72)


@dataclass(frozen=True, eq=False)
class Trail:
    """Where the means were before, from the run's start on: (t, K, 2) in data units; `started`: the first is the start."""

    places: np.ndarray
    started: bool = True


@dataclass(frozen=True, eq=False)
class Text:
    """A short text centred in a box, on a veil of canvas colour."""

    words: str
    box: QRectF
    colour: QColor
    font: QFont


@dataclass(eq=False)
class Layout:
    """Everything laid out in pixels for one frame."""

    discs: list[tuple[QPointF, int]] = field(default_factory=list)
    stems: list[tuple[QPointF, float, int]] = field(default_factory=list)  # from a disc down to the axis
    trails: list[tuple[np.ndarray, int, bool]] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)


class Letters(Layer):
    """The top layer. It is laid out anew when the drawing, the frame or the points change, not at every paint."""

    def __init__(self, box: pg.ViewBox):
        super().__init__(box, 20)
        self._drawing = Drawing(())
        self._trail: Trail | None = None
        self._picked: int | None = None
        self._places: dict[tuple, int] = {}  # of each label, the candidate it took
        self._layout: tuple[Frame, Layout] | None = None
        self._map: tuple[Frame, PointMap] | None = None
        self._points = np.empty((0, 2))

    def show_drawing(self, drawing: Drawing, trail: Trail | None) -> None:
        self._drawing, self._trail = drawing, trail
        self._relayout()

    def set_points(self, points: np.ndarray) -> None:
        """(n, 2) data positions that labels keep away from."""
        step = max(1, len(points) // 20_000)
        self._points = points[::step]
        self._map = None
        self._relayout()

    def pick(self, component: int | None) -> None:
        """Put a ring about a component's letter."""
        if component != self._picked:
            self._picked = component
            self._relayout()

    @property
    def picked(self) -> int | None:
        return self._picked

    def forget_places(self) -> None:
        self._places.clear()

    def disc_at(self, x: float, y: float, reach: float = 3.0) -> Disc | None:
        """The disc under pixel (x, y), the nearest; the topmost of two as near."""
        discs = self._discs()
        centres = disc_centres(self.frame(), discs, self._raised())
        far = [math.hypot(c.x() - x, c.y() - y) for c in centres]
        nearest = min(range(len(discs)), key=lambda i: (far[i], -i), default=None)
        return discs[nearest] if nearest is not None and far[nearest] <= DISC / 2 + reach else None

    def texts(self) -> list[str]:
        """The labels as laid out: what a person reads."""
        return [t.words for t in self._laid_out(self.frame()).texts]

    def boxes(self) -> list[QRectF]:
        """Where the labels are, in pixels."""
        return [t.box for t in self._laid_out(self.frame()).texts]

    # -- laying out ----------------------------------------------------------------------------------------------------
    def _relayout(self) -> None:
        self._layout = None
        self.update()

    def _discs(self) -> list[Disc]:
        return [m for m in self._drawing.marks if isinstance(m, Disc)]

    def _raised(self) -> bool:
        """Whether discs stand above a curve, not on a mean in the plane."""
        marks = self._drawing.marks
        in_plane = any(isinstance(m, Points) and m.at is not None and not m.rug for m in marks)
        return not in_plane and any(isinstance(m, Curve | Bars) for m in marks)

    def _laid_out(self, frame: Frame) -> Layout:
        if self._layout is None or self._layout[0] != frame:
            self._layout = (frame, self._lay_out(frame))
        return self._layout[1]

    def _point_map(self, frame: Frame) -> PointMap:
        if self._map is None or self._map[0] != frame:
            self._map = (frame, PointMap.of(frame.pixels(self._points), frame.width, frame.height))
        return self._map[1]

    def _lay_out(self, frame: Frame) -> Layout:
        out = Layout()
        raised = self._raised()
        discs = self._discs()
        for mark, centre in zip(discs, disc_centres(frame, discs, raised), strict=True):
            out.discs.append((centre, mark.component))
            if raised:
                floor = float(frame.pixels(np.array([[0.0, 0.0]]))[0, 1])
                out.stems.append((centre, floor, mark.component))
        taken = [(c.x() - DISC / 2, c.y() - DISC / 2, DISC, DISC) for c, _ in out.discs]
        if self._drawing.legend:
            width = legend_width(self._drawing.legend)
            taken.append((frame.width - width, 0.0, width, LEGEND - 2))
        points = self._point_map(frame)
        if self._trail is not None and not raised:
            self._lay_trails(frame, out, taken, points)
        self._lay_masses(frame, out, taken, points)
        self._lay_notes(frame, out, taken)
        return out

    def _lay_trails(self, frame: Frame, out: Layout, taken: list, points: PointMap) -> None:
        assert self._trail is not None
        places = self._trail.places
        for centre, k in out.discs:
            if k >= places.shape[1]:
                continue
            now = np.array([[centre.x(), centre.y()]])
            line = thinned(np.concatenate([frame.pixels(places[:, k]), now]), 1.5)
            if len(line) < 2:
                continue
            out.trails.append((line, k, self._trail.started))
            far = math.hypot(*(line[0] - now[0])) > DISC / 2 + START
            if self._trail.started and far:
                face = theme.font(12, 400)
                words = f"start {theme.letter(k)}"
                size = text_size(words, face)
                x, y = line[0]
                side = size[0] / 2 + START / 2 + 5
                spots = np.array([(x, y - 16), (x, y + 16), (x + side, y), (x - side, y)])
                taken.append((x - START / 2, y - START / 2, START, START))
                self._put(frame, out, taken, points, ("start", k), words, size, spots, theme.colour("text2"), face)

    def _lay_masses(self, frame: Frame, out: Layout, taken: list, points: PointMap) -> None:
        ellipses = [m for m in self._drawing.marks if isinstance(m, Ellipse)]
        if len(ellipses) > MOST_MASSES:
            ellipses = [m for m in ellipses if m.component == self._picked]
        face = theme.font(11, 600)
        for mark in ellipses:
            for radius in sorted(mark.radii):
                words = f"{100 * mark.mass(radius):.0f} %"
                spots = frame.pixels(contour(mark, radius, _ANGLES))
                if not np.isfinite(spots).all():
                    continue
                colour = theme.component_text(mark.component)
                self._put(
                    frame,
                    out,
                    taken,
                    points,
                    (mark.component, radius),
                    words,
                    text_size(words, face),
                    spots,
                    colour,
                    face,
                )

    def _put(self, frame: Frame, out: Layout, taken: list, points: PointMap, key: tuple, words: str,
             size: tuple[float, float], spots: np.ndarray, colour: QColor, face: QFont) -> None:  # fmt: skip
        """Put a label at the best of the spots and remember it; leave it out where it would cover another one."""
        scores = clearance(spots, size, points, np.array(taken), frame.width, frame.height)
        best = choose(scores, self._places.get(key))
        if best is None:
            return
        self._places[key] = best
        x, y = spots[best]
        box = QRectF(x - size[0] / 2, y - size[1] / 2, *size)
        taken.append((box.x(), box.y(), box.width(), box.height()))
        out.texts.append(Text(words, box, colour, face))

    def _lay_notes(self, frame: Frame, out: Layout, taken: list) -> None:
        """The numbers beside letters: above, else right or left, where no other letter or note is."""
        face = theme.font(12, 500)
        lines = [m for m in self._drawing.marks if isinstance(m, Curve) and m.line]
        ink = np.concatenate([np.empty((0, 2)), *(dense(polyline(frame, m.x, m.y)) for m in lines)])
        ways = PointMap.of(ink, frame.width, frame.height)
        for mark, (centre, k) in zip(self._discs(), out.discs, strict=True):
            if not mark.note:
                continue
            size = text_size(mark.note, face)
            side = size[0] / 2 + DISC / 2 + 4
            x, y = centre.x(), centre.y()
            spots = np.array([(x, y - DISC / 2 - size[1] / 2 - 1), (x + side, y), (x - side, y)])
            scores = clearance(spots, size, ways, np.array(taken), frame.width, frame.height)
            free = np.flatnonzero(scores > 0)
            if len(free):  # the first place that is free of curves is as good as any
                spots = spots[free[:1]]
            self._put(frame, out, taken, ways, ("note", k), mark.note, size, spots, theme.colour("text2"), face)

    # -- painting ------------------------------------------------------------------------------------------------------
    def show_on(self, painter: QPainter, frame: Frame) -> None:
        layout = self._laid_out(frame)
        for centre, floor, k in layout.stems:
            pen = QPen(faded(theme.component_colour(k), 0.9), 1.25)
            pen.setDashPattern([1, 2])
            painter.setPen(pen)
            painter.drawLine(QPointF(centre.x(), centre.y() + DISC / 2 + 1), QPointF(centre.x(), floor))
        for line, k, started in layout.trails:
            paint_trail(painter, line, k, started)
        for text in layout.texts:
            paint_text(painter, text)
        edge = theme.colour("canvas")
        for centre, k in layout.discs:
            if k == self._picked:
                painter.setBrush(edge)
                painter.setPen(QPen(theme.colour("text"), 2))
                painter.drawEllipse(centre, DISC / 2 + 2.5, DISC / 2 + 2.5)
            paint_disc(painter, centre, DISC, k, edge)
        paint_legend(painter, frame, self._drawing.legend, [m.component for m in self._discs()])


def disc_centre(frame: Frame, mark: Disc, raised: bool) -> QPointF:
    """The disc's centre in pixels: on its place, or standing on top of it; never outside of the picture's top."""
    x, y = frame.pixels(np.asarray(mark.position, float)[None])[0]
    if raised:
        y = max(y - DISC / 2 - 3, LEGEND + DISC / 2)
    return QPointF(float(np.clip(x, -1e6, 1e6)), float(np.clip(y, -1e6, 1e6)))


def disc_centres(frame: Frame, marks: Sequence[Disc], raised: bool) -> list[QPointF]:
    """The discs' centres in pixels; those that would hide one another stand a little apart, their letters in sight."""
    found = [disc_centre(frame, mark, raised) for mark in marks]
    at = apart(np.array([(c.x(), c.y()) for c in found]).reshape(-1, 2), LETTER)
    return [QPointF(x, y) for x, y in at.tolist()]


def apart(places: np.ndarray, least: float, rounds: int = 8) -> np.ndarray:
    """(n, 2) the places, moved so that no two are much nearer than `least`; those on one spot go side by side, in turn."""
    at = np.array(places, float)
    turn = np.sign(np.arange(len(at))[:, None] - np.arange(len(at)))
    for _ in range(rounds):
        way = at[:, None] - at
        far = np.hypot(way[..., 0], way[..., 1])
        near = (far < least - 0.5) & (turn != 0)
        if not near.any():
            break
        one = far < 1e-6
        unit = np.where(
            one[..., None], np.stack([turn, np.zeros_like(turn)], axis=-1), way / np.where(one, 1, far)[..., None]
        )
        at += (np.where(near, least - far, 0.0)[..., None] / 2 * unit).sum(axis=1)
    return at


def dense(line: np.ndarray, step: float = 4.0) -> np.ndarray:
    """Points along a line of pixels, at most `step` apart in both directions."""
    if len(line) < 2:
        return line
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(line, axis=0)).max(axis=1))])
    at = np.linspace(0.0, length[-1], int(min(length[-1], 1e5) / step) + 2)
    return np.stack([np.interp(at, length, line[:, 0]), np.interp(at, length, line[:, 1])], axis=1)


def thinned(line: np.ndarray, least: float) -> np.ndarray:
    """The line without the points that lie less than `least` pixels from the one before; its ends stay."""
    line = line[np.isfinite(line).all(axis=1)]
    if len(line) < 3:
        return line
    kept = [line[0]]
    for point in line[1:-1]:
        if abs(point[0] - kept[-1][0]) + abs(point[1] - kept[-1][1]) >= least:
            kept.append(point)
    return np.array([*kept, line[-1]])


def text_size(words: str, face: QFont) -> tuple[float, float]:
    metrics = QFontMetricsF(face)
    return metrics.horizontalAdvance(words) + 8, metrics.height() + 1


def paint_trail(painter: QPainter, line: np.ndarray, k: int, started: bool) -> None:
    """The way of a mean: a line on a halo, a square where it started, rings where it was."""
    colour, canvas = theme.component_colour(k), theme.colour("canvas")
    path = polygon(line)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(faded(canvas, 0.85), 5), QPen(colour, 2)):
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.drawPolyline(path)
    painter.setBrush(canvas)
    painter.setPen(QPen(colour, 2))
    end, last = line[-1], line[0]
    if started:
        painter.drawRect(QRectF(line[0][0] - START / 2 + 1, line[0][1] - START / 2 + 1, START - 2, START - 2))
    for point in line[1:-1]:
        if math.hypot(*(point - last)) >= 1.5 * RING and math.hypot(*(point - end)) >= DISC / 2 + RING / 2:
            painter.drawEllipse(QPointF(*point), RING / 2 - 1, RING / 2 - 1)
            last = point


def paint_text(painter: QPainter, text: Text) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(faded(theme.colour("canvas"), 0.88))
    painter.drawRoundedRect(text.box, 3, 3)
    painter.setFont(text.font)
    painter.setPen(text.colour)
    painter.drawText(text.box, Qt.AlignmentFlag.AlignCenter, text.words)


def legend_width(legend: Sequence[tuple[str, str]]) -> float:
    """Pixels from the legend's first sample to the right edge."""
    metrics = QFontMetricsF(theme.font(12, 400))
    return 4 + sum(metrics.horizontalAdvance(words) + 46 for _, words in legend)


def paint_legend(painter: QPainter, frame: Frame, legend: Sequence[tuple[str, str]], components: Sequence[int]) -> None:
    """What the marks mean, right above the picture's shapes: role (`bars`, `components`, `total`) and text."""
    face = theme.font(12, 400)
    metrics = QFontMetricsF(face)
    right = frame.width - 4
    painter.setFont(face)
    for role, words in reversed(legend):
        left = right - metrics.horizontalAdvance(words)
        painter.setPen(theme.colour("text2"))
        painter.drawText(QRectF(left, 2, right - left + 1, 18), Qt.AlignmentFlag.AlignVCenter, words)
        width = 20.0 if role == "total" else 16.0
        sample = QRectF(left - width - 8, 5, width, 12)
        if role == "total":
            painter.setPen(QPen(theme.colour("text"), 2))
            painter.drawLine(QPointF(sample.left(), 11), QPointF(sample.right(), 11))
        elif role == "components":
            shown = list(components)[:3] or [0]
            for i, k in enumerate(shown):
                band = QRectF(sample.left(), 5 + 12 / len(shown) * i, width, 12 / len(shown))
                painter.fillRect(band, faded(theme.component_colour(k), STACK_ALPHA + 0.2))
        else:
            painter.fillRect(sample, faded(theme.colour("bound"), 0.45))
        right = sample.left() - 18
