"""`--figure`: a sheet with the picture of a fit, drawn without a display; the file's suffix says in which format."""

from __future__ import annotations

import os

from emstudio.core.em import Moment
from emstudio.core.errors import UserError


def picture(moment: Moment, kind: str) -> bytes:
    """The sheet of a fit in the format `kind`: light, as paper is."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"  # also where there is a display: nothing is to flash up
    try:
        from PySide6.QtCore import qInstallMessageHandler
        from PySide6.QtWidgets import QApplication

        from emstudio.gui import paper, theme
        from emstudio.gui.sheet import sheet
    except ImportError as error:
        what = f"the picture cannot be drawn, as a library of the system is missing ({error})"
        raise UserError(what, "install it, or leave out --figure") from None
    qInstallMessageHandler(lambda *_: None)  # standard error holds our own lines only
    app = QApplication.instance() or QApplication(["emstudio"])
    assert isinstance(app, QApplication)
    theme.apply(app, "light")
    made = sheet(moment)
    return paper.written(kind, made.width, made.height, made.paint, made.title, made.subject)
