"""The tool bar: open, undo, the way along the timeline, the one big button, run, speed, seed."""

from __future__ import annotations

import math
import time

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QSlider, QSpinBox, QToolBar, QWidget

from emstudio.core.em import Moment
from emstudio.gui.actions import Actions
from emstudio.gui.refresh import Refresher
from emstudio.gui.widgets import IconButton, PrimaryButton, RunButton, text
from emstudio.session import FASTEST, Session

SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, FASTEST)  # half-steps a second
_HURRY = 0.1  # seconds between two pictures, below which the big button keeps its name while running
_FACES = {"start": ("run", "Start"), "E": ("e-step", "E-step"), "M": ("m-step", "M-step")}


def speed_text(speed: float) -> str:
    """`4 / s`, or `max`."""
    return "max" if math.isinf(speed) else f"{speed:g} / s"


def nearest_speed(speed: float) -> int:
    """The index in SPEEDS that is nearest to `speed`."""
    if math.isinf(speed):
        return len(SPEEDS) - 1
    return min(range(len(SPEEDS) - 1), key=lambda i: abs(math.log(SPEEDS[i] / speed)))


def step_name(moment: Moment) -> str:
    """What the next half-step is called: Start, E-step or M-step."""
    return _FACES[moment.next][1]


class ToolBar(QToolBar):
    """Shows the session's state; its buttons are the actions of the menu."""

    def __init__(self, session: Session, refresher: Refresher, actions: Actions, parent: QWidget | None = None):
        super().__init__("Tool bar", parent)
        self.setObjectName("toolbar")
        self.setMovable(False)
        self.setFloatable(False)
        self.setFixedHeight(52)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self._session = session
        self._shown_at = 0.0
        self.buttons: dict[str, IconButton] = {}
        self._space(2)
        self._icons(actions, "open", "new")
        self.addSeparator()
        self._icons(actions, "undo", "redo")
        self.addSeparator()
        self._icons(actions, "first", "back")
        self.primary = PrimaryButton()
        self.primary.setObjectName("primary")
        self.primary.clicked.connect(actions["step"].trigger)
        self.addWidget(self.primary)
        self._icons(actions, "iterate", "converge")
        self._space(4)
        self.run_button = RunButton()
        self.run_button.setObjectName("run_button")
        self.run_button.clicked.connect(actions["run"].trigger)
        self.addWidget(self.run_button)
        self.addSeparator()
        self._speed()
        self.addSeparator()
        self._seed(actions)
        session.running_changed.connect(self._on_running)
        session.settings_changed.connect(self._refresh)
        refresher.draw.connect(self._show)
        self._refresh()
        self._show(session.moment)

    # -- making --------------------------------------------------------------------------------------------------------
    def _icons(self, actions: Actions, *names: str) -> None:
        for name in names:
            button = IconButton(action=actions[name])
            button.setObjectName(f"button_{name}")
            self.buttons[name] = button
            self.addWidget(button)

    def _space(self, width: int) -> None:
        gap = QWidget()
        gap.setFixedWidth(width)
        self.addWidget(gap)

    def _speed(self) -> None:
        self.addWidget(text("Speed", "label"))
        self._space(4)
        self.speed = QSlider(Qt.Orientation.Horizontal)
        self.speed.setObjectName("speed")
        self.speed.setRange(0, len(SPEEDS) - 1)
        self.speed.setPageStep(1)
        self.speed.setFixedWidth(92)
        self.speed.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.speed.setAccessibleName("Speed: half-steps a second")
        self.speed.setToolTip("Half-steps a second while running (Ctrl+\u2212, Ctrl++)")
        self.speed.valueChanged.connect(lambda i: self._session.set_speed(SPEEDS[i]))
        self.addWidget(self.speed)
        self._space(4)
        self.speed_label = text("", "value")
        self.speed_label.setFixedWidth(44)
        self.addWidget(self.speed_label)

    def _seed(self, actions: Actions) -> None:
        self.addWidget(text("Seed", "label"))
        self._space(4)
        self.seed = QSpinBox()
        self.seed.setObjectName("seed")
        self.seed.setProperty("plain", True)
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setKeyboardTracking(False)
        self.seed.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.seed.setFixedWidth(72)
        self.seed.setAccessibleName("Seed of the random start")
        self.seed.valueChanged.connect(self._session.set_seed)
        self.addWidget(self.seed)
        self._icons(actions, "new_start")

    # -- showing -------------------------------------------------------------------------------------------------------
    def _on_running(self, on: bool) -> None:
        self.run_button.set_running(on)
        if not on:
            self._show(self._session.moment)

    def _refresh(self) -> None:
        session = self._session
        with QSignalBlocker(self.speed):
            self.speed.setValue(nearest_speed(session.speed))
        self.speed_label.setText(speed_text(session.speed))
        with QSignalBlocker(self.seed):
            self.seed.setValue(session.seed)
            self.seed.setSuffix(f"\u2009\u00b7\u2009{session.number + 1}" if session.number else "")
        tip = (
            f"Start {session.number + 1} of seed {session.seed}: the same seed and start give the same run, bit for bit"
        )
        self.seed.setToolTip(tip)

    def _show(self, moment: Moment) -> None:
        now = time.monotonic()
        hurried, self._shown_at = now - self._shown_at < _HURRY, now
        if hurried and self._session.running:
            return  # nobody can read a name that changes with every picture
        icon, name = _FACES[moment.next]
        if self.primary.text() != name:
            self.primary.show_step(icon, name)
