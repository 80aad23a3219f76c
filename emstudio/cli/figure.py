"""`--figure`: the picture that the window would show of a fit, drawn without a display."""

from __future__ import annotations

import os

from emstudio.core.em import Moment, advance
from emstudio.core.errors import UserError
from emstudio.core.marks import Points, View
from emstudio.storage.outputs import STDOUT

WIDTH, HEIGHT, SCALE = 960, 720, 2.0  # logical pixels, and pixels to each


def check(path: str) -> None:
    """UserError where the name asks for another format than PNG."""
    if path != STDOUT and os.path.splitext(path)[1].lower() != ".png":
        raise UserError("only PNG pictures are written", "give a name that ends in .png", file=path)


def _view(moment: Moment) -> View | None:
    """The first of the model's views that shows the rows as points."""
    for view in moment.model.views(moment.data):
        marks = moment.model.draw(moment.data, moment.snapshot.params, view).marks
        if any(isinstance(mark, Points) for mark in marks):
            return view
    return None


def picture(moment: Moment) -> bytes:
    """The PNG of the data and the parameters of `moment`, points coloured by their responsibilities under these."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"  # also where there is a display: nothing is to flash up
    try:
        from PySide6.QtCore import QBuffer, QIODevice, qInstallMessageHandler
        from PySide6.QtWidgets import QApplication

        from emstudio.gui import theme
        from emstudio.gui.picture import snapshot
    except ImportError as error:
        what = f"the picture cannot be drawn, as a library of the system is missing ({error})"
        raise UserError(what, "install it, or leave out --figure") from None
    qInstallMessageHandler(lambda *_: None)  # standard error holds our own lines only
    app = QApplication.instance() or QApplication(["emstudio"])
    assert isinstance(app, QApplication)
    theme.apply(app, "light")
    coloured = advance(moment) if moment.next == "E" else moment
    image = snapshot(coloured, _view(moment), WIDTH, HEIGHT, SCALE)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):
        raise UserError("the picture could not be encoded", "leave out --figure")
    return bytes(buffer.data().data())
