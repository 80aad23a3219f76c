"""Colours, type and dashes of the window, light and dark.

    theme.apply(app, "system")              once at start, and again when the person picks light or dark
    theme.current().grid                    "#RRGGBB" of a token, for style sheets and pyqtgraph
    theme.colour("text2")                   the same as a QColor
    theme.font(12, 600)                     Inter with figures of equal width; sizes are pixels at 96 dpi
    theme.component_colour(k), letter(k), dash(k), component_text(k), ink_on(colour)
    theme.notifier.changed.connect(slot)    whatever is painted with a colour repaints then

Hue belongs to the data: the chrome is grey and its one accent is *ink*. Style sheets and palettes follow by
themselves; a plot must take its colours anew when `notifier.changed` is emitted. `apply` is called on the window's
thread only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QDir, QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from emstudio.core.format import NOISE, count, letter, name_of, number, set_cast, signed
from emstudio.gui.stylesheet import stylesheet
from emstudio.resource import resource

__all__ = [
    "DARK",
    "LIGHT",
    "NOISE",
    "Theme",
    "apply",
    "choice",
    "colour",
    "component_colour",
    "component_rgb",
    "component_text",
    "count",
    "current",
    "dash",
    "font",
    "ink_on",
    "letter",
    "notifier",
    "number",
    "signed",
]


def _table(text: str) -> tuple[str, ...]:
    return tuple("#" + code for code in text.split())


@dataclass(frozen=True)
class Theme:
    """Every colour of one theme as "#RRGGBB"; the tuples are indexed by component."""

    name: str
    window: str
    panel: str
    canvas: str
    field: str
    border: str
    hairline: str
    chip: str
    hover: str
    pressed: str
    selection: str
    text: str
    text2: str
    text3: str
    ink: str
    on_ink: str
    grid: str
    axis: str
    bound: str
    gap: str
    good: str
    bad: str
    components: tuple[str, ...]
    component_texts: tuple[str, ...]

    @property
    def dark(self) -> bool:
        return self.name == "dark"


# A-H keep apart under protan, deutan and tritan sight; from I on letter and dash carry the difference.
# The texts are the same hues at the OKLCH lightness where they read on panel and canvas (contrast 4.6).
LIGHT = Theme(
    name="light",
    window="#F6F7F9",
    panel="#FBFBFC",
    canvas="#FFFFFF",
    field="#FFFFFF",
    border="#D3D8E0",
    hairline="#E4E7EC",
    chip="#F1F3F6",
    hover="#ECEEF2",
    pressed="#E1E5EB",
    selection="#E6EAF2",
    text="#1A1F2B",
    text2="#566072",
    text3="#6A7486",
    ink="#1E2636",
    on_ink="#FFFFFF",
    grid="#EEF0F4",
    axis="#BBC2CD",
    bound="#A9B4C6",
    gap="#E9B9C6",
    good="#0E7C4A",
    bad="#C2262E",
    components=_table(
        "3550D8 FE7C1E 109988 A11994 0EB3F2 6B0D00 6F5D33 2C3751 7FA51B 8E6BE0 "
        "E4677F 8B93A3 DFA7B7 600080 AF7048 F778DF 006060 AFB778 975887 BF2000"
    ),
    component_texts=_table(
        "3550D8 B85506 037F70 A11994 0079A6 6B0D00 6F5D33 2C3751 5C7A00 7E5ACE "
        "BF4660 697180 956271 600080 9F6139 B93DA4 006060 6E7538 975887 BF2000"
    ),
)
DARK = Theme(
    name="dark",
    window="#1A1C21",
    panel="#1E2026",
    canvas="#14161A",
    field="#262930",
    border="#3B404A",
    hairline="#2E3139",
    chip="#24272E",
    hover="#2A2D35",
    pressed="#343842",
    selection="#323845",
    text="#E7EAF0",
    text2="#A5ADBA",
    text3="#8B94A3",
    ink="#E7EAF0",
    on_ink="#14161A",
    grid="#22252B",
    axis="#4A505C",
    bound="#5C6880",
    gap="#8C4A5E",
    good="#5AC98F",
    bad="#FF7B7B",
    components=_table(
        "6C7DF8 FF8800 19C8BA 9F4488 A9CCFE C34D2B A99375 E4E7F6 92B740 B49BFF "
        "F67D92 8791A1 58FF97 FFCF00 5840C7 488058 BF58CF C7C78F 705858 AF0830"
    ),
    component_texts=_table(
        "6C7DF8 FF8800 19C8BA C667AC A9CCFE DC6442 A99375 E4E7F6 92B740 B49BFF "
        "F67D92 8791A1 58FF97 FFCF00 8374FF 5C946B C55ED5 C7C78F 9C8282 EC5260"
    ),
)
_DASHES = ((), (5.0, 3.0), (1.5, 2.5), (7.0, 2.5, 1.5, 2.5))
_DARK_LETTER = "#14161A"
_FAMILIES = ["Inter", "DejaVu Sans"]
_plain_figures = False


class Notifier(QObject):
    """Says that the theme is another one now; `changed` is emitted after palette and style sheet are in place."""

    changed = Signal()


notifier = Notifier()
_current = LIGHT
_choice = "system"
_prepared = False


def current() -> Theme:
    """The theme in force."""
    return _current


def choice() -> str:
    """What the person chose: "light", "dark" or "system"."""
    return _choice


def colour(role: str) -> QColor:
    """The current theme's token `role` ("text2", "grid", ...) as a QColor."""
    return QColor(getattr(_current, role))


def component_colour(k: int) -> QColor:
    """The colour of component `k` (from 0); twenty are told apart, then they repeat. NOISE is grey."""
    if k == NOISE:
        return colour("text3")
    table = _current.components
    return QColor(table[name_of(k) % len(table)])


def component_text(k: int) -> QColor:
    """The colour of *text* about component `k`: its hue, dark or light enough to read."""
    if k == NOISE:
        return colour("text2")
    table = _current.component_texts
    return QColor(table[name_of(k) % len(table)])


def component_rgb(components: int | Sequence[int]) -> np.ndarray:
    """Colours of the first so many components, or of those named: (K, 3) floats in 0..1, plain sRGB, for `resp @ ...`."""
    named = range(components) if isinstance(components, int) else components
    return np.array([component_colour(k).getRgbF()[:3] for k in named]).reshape(len(named), 3)


def dash(k: int) -> list[float]:
    """Dash pattern of component `k` in line widths, for QPen.setDashPattern; empty means a solid line."""
    return list(_DASHES[name_of(k) % len(_DASHES)])


def wear_names(cast: Sequence[int]) -> None:
    """From now on component j has the letter, colour and dash of name cast[j]; () for A, B, C in turn."""
    if set_cast(cast):
        notifier.changed.emit()
        for widget in QApplication.allWidgets():  # seldom, and whatever it holds may name a component
            widget.update()


def ink_on(background: QColor | str) -> QColor:
    """The colour of a letter on `background`: white where it reads (contrast 3.3), else near black."""
    white = QColor("#FFFFFF")
    return white if contrast(white, background) >= 3.3 else QColor(_DARK_LETTER)


def contrast(one: QColor | str, other: QColor | str) -> float:
    """WCAG 2 contrast of two opaque colours, 1 to 21: (L1 + 0.05) / (L2 + 0.05), L relative luminance."""
    light, dark = sorted((_luminance(QColor(one)), _luminance(QColor(other))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(value: QColor) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in value.getRgbF()[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def font(px: float = 13, weight: int = 400) -> QFont:
    """Inter at `px` pixels of a 96 dpi screen (it scales with the screen), all figures equally wide."""
    result = QFont(_FAMILIES)
    result.setPointSizeF(px * 0.75)
    result.setWeight(QFont.Weight(weight))
    result.setFeature(QFont.Tag("tnum"), 0 if _plain_figures else 1)  # said in any case: what is not is inherited
    if _plain_figures:
        result.setFeature(QFont.Tag("calt"), 0)  # signs that follow the height of their neighbours
    return result


@contextmanager
def plain_figures() -> Iterator[None]:
    """Within, fonts have Inter's plain figures and signs: others can be neither searched for nor copied in a PDF."""
    global _plain_figures
    before, _plain_figures = _plain_figures, True
    try:
        yield
    finally:
        _plain_figures = before


def apply(app: QApplication, name: str = "system") -> None:
    """Give the whole application the theme `name`: "light", "dark" or "system" (as the desktop asks, and follows it).

    Raises ValueError for another name. Where the desktop says nothing (plain X11, offscreen), "system" is light.
    """
    global _choice
    if name not in ("light", "dark", "system"):
        raise ValueError(f"no theme is called {name!r}")
    _choice = name
    _prepare(app)
    hints = app.styleHints()
    # The native parts (title bars, file dialogs) follow, too, on the desktops that can be told.
    if name == "system":
        hints.unsetColorScheme()
    else:
        hints.setColorScheme(Qt.ColorScheme.Dark if name == "dark" else Qt.ColorScheme.Light)
    _wear(app, _wanted(app))


@contextmanager
def worn(app: QApplication, theme: Theme) -> Iterator[None]:
    """Within, the whole application wears `theme`, whatever was chosen; nothing of it is seen unless events are let in."""
    before = _current
    if before is not theme:
        _wear(app, theme)
    try:
        yield
    finally:
        if before is not theme:
            _wear(app, before)


def _wanted(app: QApplication) -> Theme:
    if _choice == "system":
        return DARK if app.styleHints().colorScheme() == Qt.ColorScheme.Dark else LIGHT
    return DARK if _choice == "dark" else LIGHT


def _prepare(app: QApplication) -> None:
    """What is needed once per application: style, fonts, pictures of the style sheet, the ear for the desktop."""
    global _prepared
    if _prepared:
        return
    _prepared = True
    app.setStyle("Fusion")
    for path in sorted(resource("fonts").glob("*.ttf")):
        QFontDatabase.addApplicationFont(str(path))
    QDir.addSearchPath("themes", str(resource("themes")))
    app.styleHints().colorSchemeChanged.connect(lambda: _follow(app))


def _follow(app: QApplication) -> None:
    if _choice == "system":
        _wear(app, _wanted(app))


def _wear(app: QApplication, theme: Theme) -> None:
    global _current
    _current = theme
    # Here and not once at start: a change of the desktop's colour scheme takes Qt back to the desktop's font.
    app.setFont(font())
    app.setPalette(palette(theme))
    app.setStyleSheet(stylesheet(theme))
    notifier.changed.emit()


def palette(theme: Theme) -> QPalette:
    """The QPalette of `theme`, for what the style sheet does not reach."""
    role = QPalette.ColorRole
    roles = {
        role.Window: theme.window,
        role.Base: theme.field,
        role.Button: theme.field,
        role.AlternateBase: theme.chip,
        role.ToolTipBase: theme.field,
        role.Mid: theme.border,
        role.Midlight: theme.hairline,
        role.Light: theme.field,
        role.Dark: theme.border,
        role.Shadow: theme.border,
        role.Highlight: theme.selection,
        role.Accent: theme.ink,
        role.Link: theme.ink,
        role.LinkVisited: theme.ink,
        role.PlaceholderText: theme.text3,
        role.BrightText: theme.bad,
    }
    texts = (role.WindowText, role.Text, role.ButtonText, role.HighlightedText, role.ToolTipText)
    result = QPalette()
    for which, code in roles.items():
        result.setColor(which, QColor(code))
    for which in texts:
        result.setColor(which, QColor(theme.text))
        result.setColor(QPalette.ColorGroup.Disabled, which, QColor(theme.text3))
    return result
