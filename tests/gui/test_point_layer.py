"""The points' picture: plans and colours in plain numpy, and the layer on a real widget, pixel by pixel."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor

from emstudio.gui import raster, theme
from emstudio.gui.picture import Picture

WHITE = np.ones(3)
PALETTE = np.array([[0.2, 0.3, 0.9], [1.0, 0.5, 0.1], [0.1, 0.6, 0.6]])


def picture_of(x, y, colours, style, width=60, height=50, scale=1.0, sizes=None):
    """(h, w, 4) floats: premultiplied red, green, blue and alpha."""
    plan = raster.plan(x, y, width, height, style, scale, sizes)
    out = np.zeros((height, width), np.uint32)
    raster.paint(plan, colours.astype(np.float32), WHITE, out)
    channels = np.stack([out >> 16 & 255, out >> 8 & 255, out & 255, out >> 24], axis=2) / 255.0
    if not plan.premultiplied:
        channels[:, :, :3] *= channels[:, :, 3:]
    return channels


def painted_one_by_one(x, y, colours, style, width=60, height=50, sizes=None):
    """The same picture by laying one disc after the other over it."""
    out = np.zeros((height, width, 4))
    rows, columns = np.mgrid[:height, :width] + 0.5
    for i in range(len(x)):
        # Discs are drawn at quarters of a pixel.
        px, py = (np.floor(x[i] * 4) + 0.5) / 4, (np.floor(y[i] * 4) + 0.5) / 4
        distance = np.hypot(columns - px, rows - py)
        radius = style.diameter / 2 * (1.0 if sizes is None else sizes[i])
        whole = np.clip(radius + 0.5 - distance, 0, 1)
        core = np.clip(radius - style.edge + 0.5 - distance, 0, 1)
        rim, core = whole - core, core * style.alpha
        layer = np.concatenate([core[..., None] * colours[i] + rim[..., None] * WHITE, (core + rim)[..., None]], axis=2)
        out = layer + out * (1 - layer[..., 3:])
    return out


@pytest.mark.parametrize("style", [raster.style_for(n) for n in (100, 3_000, 15_000)])
def test_discs_lie_over_one_another_as_if_painted_in_turn(style):
    rng = np.random.default_rng(4)
    x, y = rng.normal(30, 14, 150), rng.normal(25, 12, 150)
    colours = rng.random((150, 3))
    ours = picture_of(x, y, colours, style)
    assert np.abs(ours - painted_one_by_one(x, y, colours, style)).max() < 0.03


def test_discs_of_several_sizes_lie_over_one_another_in_their_order():
    rng = np.random.default_rng(4)
    x, y, colours = rng.normal(30, 14, 150), rng.normal(25, 12, 150), rng.random((150, 3))
    sizes, style = rng.choice([0.375, 1.0, 1.75], 150), raster.style_for(150)
    ours = picture_of(x, y, colours, style, sizes=sizes)
    assert np.abs(ours - painted_one_by_one(x, y, colours, style, sizes=sizes)).max() < 0.03


def test_few_and_many_points_look_alike():
    """The same points as separate discs and as cells: the eye sees no change where one takes over from the other."""
    rng = np.random.default_rng(5)
    n, width, height = 6_000, 200, 160
    x, y = rng.normal(100, 30, n), rng.normal(80, 25, n)
    resp = 1 / (1 + np.exp((x - 100) / 8))
    colours = np.outer(resp, PALETTE[0]) + np.outer(1 - resp, PALETTE[1])
    style = raster.style_for(raster.SEPARATE + 1)
    few = picture_of(x, y, colours, style, width, height)
    order = np.arange(n, dtype=np.int32)
    cells = raster._cells(order, x, y, width, height, style, 1.0, n)
    out = np.zeros((height, width), np.uint32)
    raster.paint(cells, colours.astype(np.float32), WHITE, out)
    many = np.stack([out >> 16 & 255, out >> 8 & 255, out & 255, out >> 24], axis=2) / 255.0
    many[..., :3] *= many[..., 3:]

    def blocks(picture):
        return picture.reshape(height // 10, 10, width // 10, 10, 4).mean(axis=(1, 3))

    assert np.abs(blocks(few) - blocks(many)).max() < 0.06


def test_points_that_hide_each_other_share_cells():
    """As many points on little room are planned as cells, on much room as discs of their own."""
    rng = np.random.default_rng(4)
    x, y = rng.random(12_000), rng.random(12_000)
    style = raster.style_for(12_000)
    assert raster.plan(x * 300, y * 200, 300, 200, style).cell is not None
    assert raster.plan(x * 900, y * 600, 900, 600, style).cell is None


def test_a_colour_is_the_mixture_of_the_components_colours():
    resp = np.array([[1.0, 0, 0], [0.25, 0.75, 0], [np.nan] * 3])
    mixed = raster.mix(resp, PALETTE, np.array([0.5, 0.5, 0.5]), 3)
    assert np.allclose(mixed, [PALETTE[0], 0.25 * PALETTE[0] + 0.75 * PALETTE[1], [0.5] * 3], atol=1e-6)
    assert (raster.mix(None, PALETTE, np.array([0.5, 0.5, 0.5]), 4) == 0.5).all()


def test_many_responsibilities_mix_as_few_do():
    resp = np.random.default_rng(0).dirichlet(np.ones(3), 5_000)
    assert np.allclose(raster.mix(resp, PALETTE, WHITE, 5_000), resp @ PALETTE, atol=1e-6)


@pytest.mark.parametrize("n", [2_000, 30_000])
def test_the_point_in_front_is_found(n):
    rng = np.random.default_rng(6)
    x, y = rng.uniform(0, 400, n), rng.uniform(0, 300, n)
    x[-1], y[-1] = 200.5, 150.5
    plan = raster.plan(x, y, 400, 300, raster.style_for(n))
    rows = raster.seen_rows(plan, 200.5, 150.5, 4.0)
    assert n - 1 in rows
    inside = (np.floor(x) == 200) & (np.floor(y) == 150)
    assert set(rows) <= set(np.flatnonzero(inside)) if n > raster.SEPARATE else len(rows) == 1


def test_nothing_is_found_far_from_points():
    plan = raster.plan(np.array([10.0]), np.array([10.0]), 100, 80, raster.style_for(1))
    assert len(raster.seen_rows(plan, 60, 60, 7)) == 0
    assert len(raster.seen_rows(plan, -500, -500, 7)) == 0


def test_points_outside_of_the_picture_leave_no_pixel():
    far = np.array([-1e6, 1e300, np.nan, 500.0])
    assert picture_of(far, far, np.zeros((4, 3)), raster.style_for(4)).max() == 0


# -- on a real widget --------------------------------------------------------------------------------------------------
@pytest.fixture
def picture(qtbot):
    from PySide6.QtWidgets import QApplication

    theme.apply(QApplication.instance(), "light")
    made = Picture()
    qtbot.addWidget(made)
    made.resize(500, 400)
    made.show()
    qtbot.waitExposed(made)
    return made


def pixel_at(picture, xy, scale=1.0):
    """The colour on the screen where a place of the data is."""
    origin = picture.origin()
    x, y = picture.frame.pixels(np.array([xy]))[0]
    return picture.image(scale).pixelColor(int((origin.x() + x) * scale), int((origin.y() + y) * scale))


def test_a_point_is_seen_in_its_colour(picture):
    picture.points.set_positions(np.array([[2.0, 3.0], [7.0, 8.0]]))
    picture.points.set_colours(np.array([[1.0, 0, 0], [0, 0, 1.0]]))
    for scale in (1.0, 2.0):
        assert pixel_at(picture, (2, 3), scale).red() > 220 > 60 > pixel_at(picture, (2, 3), scale).blue()
        assert pixel_at(picture, (7, 8), scale).blue() > 220 > 60 > pixel_at(picture, (7, 8), scale).red()
    assert pixel_at(picture, (5.1, 5.2)) == QColor("white")


def test_new_colours_need_no_new_positions(picture):
    picture.points.set_positions(np.array([[5.0, 5.0]]))
    picture.points.set_colours(np.array([[1.0, 0, 0]]))
    assert pixel_at(picture, (5, 5)).red() > 220
    picture.points.set_colours(np.array([[0, 1.0, 0]]))
    assert pixel_at(picture, (5, 5)).green() > 220 > pixel_at(picture, (5, 5)).red()


def test_the_image_outlives_the_arrays_it_was_made_from(picture):
    xy = np.full((1, 2), 5.0)
    picture.points.set_positions(xy)
    picture.points.set_colours(np.array([[1.0, 0, 0]]))
    before = picture.grab().toImage()
    del xy
    gc.collect()
    junk = [np.full(200_000, 255, np.uint8) for _ in range(20)]
    assert picture.grab().toImage() == before
    assert junk


def test_one_colour_for_each_point_is_asked_for(picture):
    picture.points.set_positions(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="one colour"):
        picture.points.set_colours(np.zeros((2, 3)))


def test_selected_points_have_a_ring(picture):
    picture.points.set_positions(np.array([[5.0, 5.0], [2.0, 2.0]]))
    picture.points.set_colours(np.array([[1.0, 0, 0], [1.0, 0, 0]]))
    plain = picture.image()
    picture.points.select(np.array([0]))
    ringed = picture.image()
    origin = picture.origin()
    x, y = picture.frame.pixels(np.array([[5.0, 5.0]]))[0]
    ring = (int(origin.x() + x + 6), int(origin.y() + y))
    assert plain.pixelColor(*ring) == QColor("white")
    assert ringed.pixelColor(*ring).lightness() < 100
    assert picture.points.selected.tolist() == [0]


def test_pick_and_boxes_answer_in_rows(picture):
    xy = np.array([[1.0, 1.0], [5.0, 5.0], [9.0, 9.0]])
    picture.points.set_positions(xy)
    at = picture.frame.pixels(xy)
    for painted in (False, True):
        if painted:
            picture.image()
        assert picture.points.pick(*(at[1] + 2)).tolist() == [1]
        assert len(picture.points.pick(*(at[1] + 40))) == 0
    assert picture.points.within(*at[2], 5).tolist() == [2]
    low, high = at.min(axis=0), at.max(axis=0)
    assert picture.points.inside(QRectF(low[0] - 1, low[1] - 1, *(high - low + 2))).tolist() == [0, 1, 2]


def test_a_large_layer_is_stretched_while_the_view_moves_and_planned_when_it_rests(picture, qtbot):
    rng = np.random.default_rng(7)
    n = 30_000
    picture.points.set_positions(rng.normal(5, 1.5, (n, 2)))
    picture.points.set_colours(np.tile([0.2, 0.3, 0.9], (n, 1)))
    picture.grab()
    picture.shift(40, 10)
    moved = picture.grab().toImage()
    assert not picture.points.settled
    x, y = np.array([moved.width(), moved.height()]) // 2
    assert moved.pixelColor(int(x), int(y)) != QColor("white")
    qtbot.waitUntil(lambda: picture.points.settled)


def test_offsets_of_a_billion_lose_no_pixel(picture):
    xy = np.array([[1e9 + 1, -1e9 + 2], [1e9 + 3, -1e9 + 4]])
    picture.box.setRange(xRange=(1e9, 1e9 + 4), yRange=(-1e9, -1e9 + 6), padding=0)
    picture.points.set_positions(xy)
    places = picture.points.places(picture.frame)
    frame = picture.frame
    assert np.allclose(places[:, 0], [frame.width / 4, 3 * frame.width / 4], atol=0.01)
    assert np.allclose(places[:, 1], [4 * frame.height / 6, 2 * frame.height / 6], atol=0.01)
