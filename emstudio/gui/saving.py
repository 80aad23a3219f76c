"""Saving the session, and the question before something would be lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox

from emstudio.core.errors import printable
from emstudio.storage.session_file import SUFFIX, is_session_file

if TYPE_CHECKING:
    from emstudio.gui.main_window import MainWindow

KIND = f"Session of EM Studio (*{SUFFIX})"
Button = QMessageBox.StandardButton


class Saving(QObject):
    """The window's file: its name in the title, a star where to close would lose something, Save and Save as.

    `asks` False: nothing is asked, and what is not saved is given up.
    """

    def __init__(self, window: MainWindow, asks: bool):
        super().__init__(window)
        self._window, self._session = window, window.session
        self._asks = asks
        self._question: QMessageBox | None = None
        self._unwritten = ""  # why a file could not be written, as long as none was since
        self._session.saved.connect(lambda _: self.show_title())

    # -- title -----------------------------------------------------------------------------------------------------------
    def show_title(self) -> None:
        """The file's name or the data's, and the star."""
        path = self._session.path
        name = Path(path).name if path else self._session.data.table.name
        marked = printable(name).replace("[*]", "[*][*]")  # Qt's way to write it as it stands
        self._window.setWindowTitle(f"{marked}[*] \u2013 EM Studio")
        self._window.setWindowModified(self._session.at_stake)

    # -- saving ----------------------------------------------------------------------------------------------------------
    def save(self) -> None:
        """Write the session to its file; ask for one where it has none."""
        if self._session.path:
            self._write(self._session.path)
        else:
            self.save_as()

    def save_as(self, then: Callable[[], object] | None = None) -> None:
        """Ask for a file and write the session there; nothing waits meanwhile. `then` follows once it is written."""
        window = self._window
        dialog = QFileDialog(window, "Save session", str(Path(window.last_folder()) / self._suggestion()), KIND)
        dialog.setObjectName("save_dialog")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(SUFFIX)
        dialog.selectFile(self._suggestion())
        dialog.fileSelected.connect(lambda path: self._write(path, then))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _write(self, path: str, then: Callable[[], object] | None = None) -> None:
        path = str(Path(path).absolute())
        if not self._session.save(path):
            self.could_not()
            return
        self._window.remember_file(path)
        self.done(f"Saved: {path}")
        if then is not None:
            then()

    def could_not(self) -> None:
        """The bar above the canvas says why a file was not written."""
        self._unwritten = self._window.trouble.sentence.text()

    def done(self, sentence: str) -> None:
        """A file is written: say so, and no longer that the one before could not be."""
        if self._unwritten and self._window.trouble.sentence.text() == self._unwritten:
            self._window.trouble.dismiss()
        self._unwritten = ""
        self._window.remark(sentence)

    def _suggestion(self) -> str:
        """The session's own name, or one made from the data's."""
        if self._session.path:
            return Path(self._session.path).name
        name = "".join(c if c.isalnum() or c in " -_." else "-" for c in Path(self._session.data.table.name).stem)
        return (name.strip() or "session").replace(" ", "-").lower() + SUFFIX

    # -- the question ----------------------------------------------------------------------------------------------------
    def replaced_by(self, source: str) -> bool:
        """Whether to open `source` would put another history in the place of this one."""
        return is_session_file(source)

    def settled(self) -> bool:
        """Whether the window may go at once: nothing would be lost, or who is asked a second time means it."""
        return not self._asks or self._question is not None or not self._session.at_stake

    def settle(self, then: Callable[[], object]) -> None:
        """Do `then`, once the person said what is to become of what is not saved."""
        if self.settled():
            then()
            return
        self._session.pause()
        box = self._question = self._made_question()

        def answered(_: int) -> None:
            self._question = None
            answer = box.standardButton(box.clickedButton())
            if answer == Button.Save:
                self._save_then(then)
            elif answer == Button.Discard:
                then()

        box.finished.connect(answered)
        box.finished.connect(box.deleteLater)
        box.open()

    def _save_then(self, then: Callable[[], object]) -> None:
        if self._session.path:
            self._write(self._session.path, then)
        else:
            self.save_as(then)

    def _made_question(self) -> QMessageBox:
        box = QMessageBox(self._window)
        box.setObjectName("unsaved")
        box.setWindowTitle("EM Studio")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setIcon(QMessageBox.Icon.Warning)
        if self._session.path:
            box.setText(f"Save what was done since {printable(Path(self._session.path).name)} was saved?")
            box.setInformativeText(
                "Otherwise the file stays as it is, and the half-steps and edits since then are lost."
            )
        else:
            box.setText("Save the session with the rows made by hand?")
            box.setInformativeText("They were drawn, typed or moved here, and are in no file yet.")
        box.setStandardButtons(Button.Save | Button.Discard | Button.Cancel)
        box.setDefaultButton(Button.Save)
        box.setEscapeButton(Button.Cancel)
        return box
