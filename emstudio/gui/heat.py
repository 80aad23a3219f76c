"""A log-likelihood over two biases as a quiet map: its contours, its picture, and the outline of the bound's advantage."""

from __future__ import annotations

import math

import numpy as np
from contourpy import contour_generator
from PySide6.QtGui import QImage

from emstudio.gui import theme

LEVELS = 15


def _separate(counts: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """(m,) expected heads log theta + expected tails log(1 - theta)."""
    bias = np.clip(np.asarray(bias, float), 1e-12, 1 - 1e-12)
    return counts[0] * np.log(bias) + counts[1] * np.log1p(-bias)


def lines(x: np.ndarray, y: np.ndarray, values: np.ndarray, level: float) -> list[np.ndarray]:
    """The contour of `values` (len(y), len(x)) at `level`, as polylines (m, 2)."""
    return [np.asarray(part) for part in contour_generator(x, y, values).lines(level)]


def contours(x: np.ndarray, y: np.ndarray, values: np.ndarray) -> list[np.ndarray]:
    """Contours that are close together near the top and far apart below, where the likelihood falls steeply."""
    top, depth = _depth(values)
    made = contour_generator(x, y, np.maximum(values, top - 4 * depth))
    levels = top - depth * (np.arange(1, LEVELS) / (LEVELS - 1)) ** 2
    return [np.asarray(part) for level in levels for part in made.lines(float(level))]


def _depth(values: np.ndarray) -> tuple[float, float]:
    """(the top, how far below it most of the map lies)."""
    finite = values[np.isfinite(values) & (values > -1e20)]
    if not finite.size:
        return 0.0, 1.0
    top = float(finite.max())
    return top, max(top - float(np.quantile(finite, 0.06)), 1e-9)


def heat_image(values: np.ndarray) -> QImage:
    """The map: canvas colour where the likelihood is low, a quiet grey where it is high, so that the way stands out."""
    top, depth = _depth(values)
    height = np.clip(1.0 - (top - values) / depth, 0.0, 1.0)
    low, high = (np.array(theme.colour(role).getRgb()[:3], float) for role in ("canvas", "bound"))
    mixed = low + (0.85 * np.sqrt(height) * height)[..., None] * (high - low)
    pixels = np.empty((*values.shape, 4), np.uint8)
    pixels[..., :3] = np.rint(mixed)[::-1, :, ::-1]
    pixels[..., 3] = 255
    pixels = np.ascontiguousarray(pixels)
    image = QImage(pixels.data, values.shape[1], values.shape[0], QImage.Format.Format_RGB32)
    return image.copy()


def oval(first: np.ndarray, second: np.ndarray, biases: tuple[float, float]) -> list[np.ndarray]:
    """Where the bound is above its value at `biases`, as polylines (m, 2); `first`, `second` expected heads and tails.

    In two biases the bound is a sum of one function of each, plus what does not depend on them.
    """
    x = np.linspace(0.002, 0.998, 201)
    level = sum(float(_separate(c, np.array([b]))[0]) for c, b in zip((first, second), biases, strict=True))
    return (
        lines(x, x, _separate(second, x)[:, None] + _separate(first, x)[None, :], level) if math.isfinite(level) else []
    )
