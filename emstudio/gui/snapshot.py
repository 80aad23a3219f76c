"""Pictures of a moment without a window: for files, and of other sizes than what is on the screen.

    with posed(moment, view, 800, 600) as picture:
        picture.paint(painter)
    snapshot(moment, view, 800, 600, scale=2)    # QImage

Needs a QApplication with a theme applied.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from emstudio.core.em import Moment
from emstudio.core.marks import View
from emstudio.gui import paper, theme
from emstudio.gui.letters import Trail
from emstudio.gui.picture import Picture


@contextmanager
def posed(
    moment: Moment, view: View | None, width: int, height: int, trail: Trail | None = None,
    like: Picture | None = None, sigmas: float = 2.0,
) -> Iterator[Picture]:  # fmt: skip
    """A picture of `moment` of `width` x `height` logical pixels; `like` lends its range and scale.

    Else all data and `sigmas` standard deviations of every component are in view.
    """
    picture = Picture()
    try:
        picture.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
        picture.resize(width, height)
        picture.show()
        if view is not None:
            picture.set_view(view)
        picture.show_moment(moment, trail)
        picture.settle()
        if like is not None:
            picture.pose(like)
        else:
            picture.fit(sigmas)
        picture.show_moment(moment, trail)
        picture.settle()
        yield picture
    finally:
        theme.notifier.changed.disconnect(picture.restyle)
        picture.hide()  # not `close`: pyqtgraph takes the view apart there, and deleting what is left crashes
        picture.deleteLater()


def snapshot(
    moment: Moment, view: View | None, width: int, height: int, scale: float = 1.0, trail: Trail | None = None,
    like: Picture | None = None,
) -> QImage:  # fmt: skip
    """The picture as an image of `scale` pixels to a logical one."""
    with posed(moment, view, width, height, trail, like) as picture:
        return paper.pixels(width, height, picture.paint, scale)
