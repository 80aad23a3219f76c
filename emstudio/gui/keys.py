"""The Help menu: every action with its key, and what this program is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHeaderView, QMessageBox, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from emstudio import __version__
from emstudio.gui.actions import Actions
from emstudio.gui.widgets import plain_table, text

# What the canvas and the timeline do by themselves.
_MORE = (
    ("Pick a component", "1\u20139, Tab", "Ring its mean; on the canvas"),
    ("Nudge the picked mean", "Alt+arrows", "With Shift ten times as far"),
    ("Pull an ellipse", "H", "Go through the picked component\u2019s grips: Alt+arrows nudge them"),
    (
        "Flip a toss",
        "Alt+Left, Alt+Right, Return",
        "Pick a trial with Up and Down first; H and T set it, F2 types it anew",
    ),
    (
        "Pick a step of a series",
        "Up, Down, Page Up, Page Down",
        "In the laboratory of a chain; Alt+Up and Alt+Down nudge it, + and \u2212 zoom along time",
    ),
    ("Deselect", "Esc", "Let go of points and component"),
    ("Zoom", "Wheel", "Around the pointer; drag on empty canvas pans"),
)


class KeysDialog(QDialog):
    """All keys in one table; it does not keep the window from being used."""

    def __init__(self, actions: Actions, parent: QWidget):
        super().__init__(parent)
        self.setObjectName("keys_dialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Keys")
        self.setModal(False)
        rows = [*actions.overview(), *_MORE]
        self.table = QTableWidget(len(rows), 3)
        plain_table(self.table)
        self.table.setAccessibleName("Keys")
        self.table.setHorizontalHeaderLabels(["Action", "Keys", "What it does"])
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        for i, row in enumerate(rows):
            for j, words in enumerate(row):
                self.table.setItem(i, j, QTableWidgetItem(words))
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        words = "Single keys work on the canvas, the objective and the timeline; those with Ctrl everywhere."
        column.addWidget(text(words, "label"))
        column.addWidget(self.table)
        self.resize(760, 560)


def about(parent: QWidget) -> QMessageBox:
    """Version and licence."""
    box = QMessageBox(parent)
    box.setObjectName("about_dialog")
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle("About EM Studio")
    box.setText(f"EM Studio {__version__}")
    box.setInformativeText(
        "See Expectation-Maximization think: E = the points change colour, M = the shapes move.\n\n"
        "Free software under the MIT licence. The typeface is Inter (SIL Open Font License)."
    )
    box.setStandardButtons(QMessageBox.StandardButton.Close)
    box.setModal(False)
    return box
