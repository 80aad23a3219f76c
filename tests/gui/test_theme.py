"""Colours, fonts and icons: what the design promises, read from what Qt really has and paints."""

import gc
import itertools
import re
import string

import numpy as np
import pytest
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontInfo, QFontMetricsF, QIcon, QImage, QPainter, QPalette, QPixmap, QRawFont
from PySide6.QtWidgets import QComboBox, QHeaderView, QLabel, QPushButton, QTabBar, QWidget

from emstudio.gui import icons, theme
from emstudio.gui.stylesheet import stylesheet
from emstudio.resource import resource

THEMES = [theme.LIGHT, theme.DARK]
CHROME = ("window", "panel", "canvas")


@pytest.fixture(params=["light", "dark"])
def dressed(request, qapp):
    theme.apply(qapp, request.param)
    yield theme.current()
    theme.apply(qapp, "light")


def linear(colours: np.ndarray) -> np.ndarray:
    return np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)


def oklab(rgb: np.ndarray) -> np.ndarray:
    to_lms = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566]]
    to_lms += [[0.0883024619, 0.2817188376, 0.6299787005]]
    to_lab = [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099]]
    to_lab += [[0.0259040371, 0.7827717662, -0.8086757660]]
    return np.cbrt(np.clip(rgb, 0, None) @ np.transpose(to_lms)) @ np.transpose(to_lab)


# Colour-blind sight after Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize(("tokens", "least"), [(theme.LIGHT, 12), (theme.DARK, 9)])
def test_components_are_told_apart_by_every_sight(tokens, least, sight):
    rgb = np.array([QColor(c).getRgbF()[:3] for c in tokens.components])
    lab = oklab(np.clip(linear(rgb) @ np.transpose(SIGHTS[sight]), 0, 1))

    def nearest(n: int) -> float:
        return 100 * min(np.linalg.norm(lab[i] - lab[j]) for i, j in itertools.combinations(range(n), 2))

    assert nearest(8) >= least
    # Beyond that the letter and the dash carry the difference for the colour-blind.
    assert sight != "normal" or nearest(20) >= 7


@pytest.mark.parametrize("tokens", THEMES, ids=lambda t: t.name)
def test_text_reads_on_the_chrome(tokens):
    for place in CHROME:
        ground = getattr(tokens, place)
        assert theme.contrast(tokens.text, ground) > 12
        assert theme.contrast(tokens.ink, ground) > 12
        for role in ("text2", "text3", "good", "bad"):
            assert theme.contrast(getattr(tokens, role), ground) >= 4.3, role
        for colour in tokens.component_texts:
            assert theme.contrast(colour, ground) >= 4.5, colour
    assert theme.contrast(tokens.on_ink, tokens.ink) > 12


@pytest.mark.parametrize("tokens", THEMES, ids=lambda t: t.name)
def test_a_letter_reads_on_its_colour(tokens):
    for colour in tokens.components:
        assert theme.contrast(theme.ink_on(colour), colour) >= 3.3
    assert theme.ink_on("#3550D8") == QColor("white")
    assert theme.ink_on("#FE7C1E") == QColor("#14161A")


def test_twenty_components_have_colours_of_their_own(dressed):
    assert len({theme.component_colour(k).name() for k in range(20)}) == 20
    rgb = theme.component_rgb(20)
    assert rgb.shape == (20, 3) and rgb.dtype == float
    assert QColor.fromRgbF(*rgb[7]).name() == theme.component_colour(7).name()
    assert theme.component_rgb(0).shape == (0, 3)


def test_letters_and_dashes():
    assert [theme.letter(k) for k in (0, 1, 25, 26, 27, 51, 52, 702)] == ["A", "B", "Z", "AA", "AB", "AZ", "BA", "AAA"]
    assert [theme.dash(k) for k in range(4)] == [[], [5, 3], [1.5, 2.5], [7, 2.5, 1.5, 2.5]]
    assert theme.dash(5) == theme.dash(1)


def test_palette_is_the_theme(dressed, qapp):
    palette, group, role = qapp.palette(), QPalette.ColorGroup, QPalette.ColorRole
    assert palette.color(role.Window) == QColor(dressed.window)
    assert palette.color(role.Accent) == QColor(dressed.ink)
    assert palette.color(role.Highlight) == QColor(dressed.selection)
    assert palette.color(role.PlaceholderText) == QColor(dressed.text3)
    assert palette.color(group.Disabled, role.WindowText) == QColor(dressed.text3)
    assert palette.color(group.Active, role.ButtonText) == QColor(dressed.text)


def test_a_change_of_theme_is_announced_after_it_is_in_place(qtbot, qapp):
    theme.apply(qapp, "light")
    seen = []

    def look() -> None:
        seen.append((theme.current().name, qapp.palette().window().color().name().upper()))

    theme.notifier.changed.connect(look)
    theme.apply(qapp, "dark")
    theme.apply(qapp, "light")
    theme.notifier.changed.disconnect(look)
    assert seen == [("dark", theme.DARK.window), ("light", theme.LIGHT.window)]


def test_only_the_choice_system_follows_the_desktop(qtbot, qapp):
    for name, follows in (("system", True), ("dark", False), ("light", False)):
        theme.apply(qapp, name)
        assert theme.choice() == name
        heard = []
        theme.notifier.changed.connect(lambda heard=heard: heard.append(1))
        qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
        theme.notifier.changed.disconnect()
        assert bool(heard) == follows


def test_an_unknown_theme_is_refused(qapp):
    theme.apply(qapp, "light")
    with pytest.raises(ValueError, match="sepia"):
        theme.apply(qapp, "sepia")
    assert theme.choice() == "light"


def test_existing_widgets_change_with_the_theme(qtbot, qapp):
    theme.apply(qapp, "light")
    host = QWidget()
    button, label = QPushButton("Save", host), QLabel("words", host)
    button.resize(120, 30)
    qtbot.addWidget(host)
    host.show()
    for tokens in (theme.DARK, theme.LIGHT):
        theme.apply(qapp, tokens.name)
        assert button.grab().toImage().pixelColor(8, 15) == QColor(tokens.field)
        assert label.palette().windowText().color() == QColor(tokens.text)


@pytest.mark.parametrize("weight", [400, 500, 600])
def test_inter_is_there_with_figures_of_equal_width(qapp, weight):
    theme.apply(qapp, "light")
    face = theme.font(13, weight)
    assert QFontInfo(face).family() == "Inter"
    assert QFontInfo(face).weight() == weight
    assert QFontInfo(face).pixelSize() == 13
    measure = QFontMetricsF(face).horizontalAdvance
    assert len({round(measure(figure * 8), 3) for figure in string.digits}) == 1
    assert measure("+") == measure("\u2212")
    # Hyphen and space of running text stay narrow: "E-step" is one word.
    assert measure("-") < 0.75 * measure("0") and measure(" ") < 0.5 * measure("0")
    raw = QRawFont.fromFont(face)
    assert [
        c
        for c in "\u2212\u202f\u2192\u03c0\u03bc\u03c3\u03a3\u0394\u221e\u2265\u2026"
        if not raw.supportsCharacter(ord(c))
    ] == []


def test_native_widgets_keep_the_figures_and_have_the_sizes(qtbot, dressed):
    host = QWidget()
    qtbot.addWidget(host)
    widgets = ((QHeaderView(Qt.Orientation.Horizontal, host), 12), (QTabBar(host), 13), (QComboBox(host), 13))
    host.show()
    for widget, px in widgets:
        assert widget.font().pointSizeF() == pytest.approx(px * 0.75)
        assert [widget.font().featureValue(tag) for tag in widget.font().featureTags()] == [1]


@pytest.mark.parametrize("tokens", THEMES, ids=lambda t: t.name)
def test_style_sheet_is_complete_and_in_the_themes_colours(tokens):
    sheet = stylesheet(tokens)
    assert "$" not in sheet and sheet.count("{") == sheet.count("}")
    allowed = {v for v in vars(tokens).values() if isinstance(v, str)}
    assert set(re.findall(r"#[0-9A-Fa-f]{6}", sheet)) <= allowed
    pictures = re.findall(r"url\(themes:([^)]+)\)", sheet)
    assert pictures
    for picture in pictures:
        drawing = resource(f"themes/{picture}").read_text("utf-8")
        assert set(re.findall(r"#[0-9A-Fa-f]{6}", drawing)) <= allowed, picture


# -- icons -----------------------------------------------------------------------------------------------------------


def drawn(icon: QIcon, side: int = 20, ratio: float = 1.0, mode=QIcon.Mode.Normal, state=QIcon.State.Off) -> QImage:
    return icon.pixmap(QSize(side, side), ratio, mode, state).toImage()


def strongest(image: QImage) -> QColor:
    """The colour of the most opaque pixel."""
    pixels = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
    return max(pixels, key=lambda c: c.alpha())


def near(one: QColor, other: QColor, tolerance: int = 4) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one.getRgb()[:3], other.getRgb()[:3], strict=True))


@pytest.mark.parametrize("name", icons.names())
def test_every_icon_paints_inside_its_square(dressed, name):
    image = drawn(icons.icon(name), 24)
    solid = [(x, y) for x in range(24) for y in range(24) if image.pixelColor(x, y).alpha() > 100]
    assert len(solid) > 8
    assert all(1 <= x <= 22 and 1 <= y <= 22 for x, y in solid), "cut off at the edge"
    assert near(strongest(image), theme.colour("text2"))


def test_an_icon_is_drawn_at_the_pixels_of_the_screen(dressed):
    for ratio in (1.0, 1.5, 2.0, 3.0):
        pixmap = icons.icon("undo").pixmap(QSize(20, 20), ratio)
        assert pixmap.size() == QSize(20, 20) * ratio
        assert pixmap.devicePixelRatio() == ratio
    twice = drawn(icons.icon("fit"), 20, 2.0)
    blown_up = drawn(icons.icon("fit"), 20, 1.0).scaled(40, 40)
    assert twice.convertToFormat(blown_up.format()) != blown_up


def test_an_icon_follows_theme_and_state(qapp):
    theme.apply(qapp, "light")
    icon, copy = icons.icon("plus"), QIcon(icons.icon("plus"))
    gc.collect()
    for tokens in (theme.DARK, theme.LIGHT):
        theme.apply(qapp, tokens.name)
        assert near(strongest(drawn(icon)), QColor(tokens.text2))
        assert near(strongest(drawn(copy)), QColor(tokens.text2))
        assert near(strongest(drawn(icon, mode=QIcon.Mode.Disabled)), QColor(tokens.border))
        assert near(strongest(drawn(icon, state=QIcon.State.On)), QColor(tokens.text))
        assert near(strongest(drawn(icons.icon("plus", "bad"))), QColor(tokens.bad))


def test_an_icon_can_be_painted_in_any_colour(qapp):
    pixmap = QPixmap(40, 40)
    pixmap.fill(Qt.GlobalColor.white)
    painter = QPainter(pixmap)
    icons.paint(painter, QRectF(10, 10, 20, 20), "run", QColor("#FF0000"))
    painter.end()
    assert near(pixmap.toImage().pixelColor(20, 20), QColor("#FF0000"))
    assert pixmap.toImage().pixelColor(5, 20) == QColor("white")


def test_a_misspelt_icon_is_an_error():
    with pytest.raises(FileNotFoundError, match="no-such"):
        icons.icon("no-such")
