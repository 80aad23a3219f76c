"""The bar above the canvas: what went wrong in one sentence, and the buttons that mend it. Nothing modal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from emstudio.gui import icons, theme
from emstudio.gui.widgets import IconButton, text

Remedy = tuple[str, Callable[[], None]]


class TroubleBar(QFrame):
    """Hidden until `show_trouble`; any remedy and the cross take it away. `left`: it went while the keyboard was on it."""

    left = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("trouble")
        self.setProperty("surface", "chip")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._shown_sign = "warning"
        self._sign = QLabel()
        self._sign.setFixedSize(20, 20)
        self.sentence = text(role="body", wrap=True)
        self.sentence.setObjectName("trouble_sentence")
        self.sentence.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._buttons: list[QPushButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 6, 6, 6)
        self._row.setSpacing(8)
        self._row.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignVCenter)
        self._row.addWidget(self.sentence, 1)
        self._close = IconButton("close", "Dismiss")
        self._close.setObjectName("trouble_dismiss")
        self._close.clicked.connect(self.dismiss)
        self._row.addWidget(self._close)
        theme.notifier.changed.connect(self._paint_sign)
        self._paint_sign()
        self.hide()

    def show_trouble(self, sentence: str, remedies: Sequence[Remedy] = (), sign: str = "warning") -> None:
        """Show `sentence` and a button for each remedy, with another sign where it is no warning; what was shown gives way."""
        self._shown_sign = sign
        self._paint_sign()
        for button in self._buttons:
            self._row.removeWidget(button)
            button.deleteLater()
        self._buttons = [self._button(name, mend) for name, mend in remedies]
        for button in self._buttons:
            self._row.insertWidget(self._row.count() - 1, button)
        self.sentence.setText(sentence)
        self.setAccessibleName(sentence)
        self.show()

    def dismiss(self) -> None:
        """Take the bar away."""
        focus = QApplication.focusWidget()
        held = focus is not None and self.isAncestorOf(focus)
        self.hide()
        if held:
            self.left.emit()

    def remedies(self) -> list[QPushButton]:
        """The buttons shown."""
        return list(self._buttons)

    def _button(self, name: str, mend: Callable[[], None]) -> QPushButton:
        button = QPushButton(name)
        button.setAccessibleName(name)

        def go() -> None:
            self.dismiss()
            mend()

        button.clicked.connect(go)
        return button

    def _paint_sign(self) -> None:
        self._sign.setPixmap(
            icons.icon(self._shown_sign, "bad" if self._shown_sign == "warning" else "text2").pixmap(20, 20)
        )
