"""Icons: own drawings in `resources/icons`, painted in the theme's colours, sharp at any scale.

    action.setIcon(icons.icon("undo"))              follows the theme by itself, no signal needed
    icons.icon("warning", role="bad")               any token of `theme.Theme`
    icons.paint(painter, QRectF(...), "m-step", QColor("white"))
    icons.names()                                   all there are

The drawings use `currentColor` on a grid of 20 px. The engine draws them from the vector at the size, scale and
colour of the moment (a pixmap blurs at 200 %); pointed at and checked icons take the text's colour, disabled ones
fade to the border's.
"""

from __future__ import annotations

from functools import cache, lru_cache

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from emstudio.gui import theme
from emstudio.resource import resource


def names() -> list[str]:
    """The names of all icons, sorted."""
    return sorted(path.stem for path in resource("icons").glob("*.svg"))


def icon(name: str, role: str = "text2") -> QIcon:
    """The icon `name` in the colour of the theme's token `role`.

    Raises FileNotFoundError if there is no drawing of that name.
    """
    _drawing(name)
    return QIcon(_Engine(name, role))


def paint(painter: QPainter, rect: QRectF, name: str, colour: QColor) -> None:
    """Draw the icon `name` in `colour` into `rect` (logical pixels)."""
    painter.save()
    painter.setOpacity(painter.opacity() * colour.alphaF())
    _renderer(name, colour.name()).render(painter, rect)
    painter.restore()


@cache
def _drawing(name: str) -> bytes:
    return resource(f"icons/{name}.svg").read_bytes()


@lru_cache(maxsize=256)
def _renderer(name: str, colour: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(_drawing(name).replace(b"currentColor", colour.encode())))


class _Engine(QIconEngine):
    """Paints one drawing; asks for the theme's colour each time, so that an icon never goes stale."""

    def __init__(self, name: str, role: str):
        super().__init__()
        self._name, self._role = name, role

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        side = min(rect.width(), rect.height())
        square = QRectF(0, 0, side, side)
        square.moveCenter(QRectF(rect).center())
        paint(painter, square, self._name, self._colour(mode, state))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        result = QPixmap(size * scale)
        result.setDevicePixelRatio(scale)
        result.fill(Qt.GlobalColor.transparent)
        painter = QPainter(result)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return result

    def clone(self) -> QIconEngine:
        return _Engine(self._name, self._role)

    def key(self) -> str:
        return "emstudio"

    def iconName(self) -> str:
        return self._name

    def isNull(self) -> bool:
        return False

    def _colour(self, mode: QIcon.Mode, state: QIcon.State) -> QColor:
        if mode == QIcon.Mode.Disabled:
            return theme.colour("border")
        lively = mode in (QIcon.Mode.Active, QIcon.Mode.Selected) or state == QIcon.State.On
        return theme.colour("text" if lively and self._role == "text2" else self._role)
