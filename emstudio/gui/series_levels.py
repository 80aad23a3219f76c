"""The states' levels on their way from one half-step to the next."""

from __future__ import annotations

from PySide6.QtCore import QObject, QVariantAnimation, Signal

from emstudio.gui.motion import DURATION
from emstudio.gui.series_paint import Level


class MovingLevels(QObject):
    """`levels` are as they are drawn now; `changed` while they walk, so that they are drawn again."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self.wanted = True  # whether they are seen on their way at all
        self._from: tuple[Level, ...] = ()
        self._levels: tuple[Level, ...] = ()
        self._walk = QVariantAnimation(self)
        self._walk.setDuration(DURATION)
        self._walk.setStartValue(0.0)
        self._walk.setEndValue(1.0)
        self._walk.valueChanged.connect(lambda _: self.changed.emit())

    def put(self, levels: tuple[Level, ...]) -> None:
        """Be elsewhere at once: these are levels of something else."""
        self._from, self._levels = (), levels

    def go(self, levels: tuple[Level, ...], same: bool, calm: bool) -> None:
        """Go to other levels: in a walk where they are of the `same` values and the picture is `calm`."""
        shown = self.levels
        same = same and len(shown) == len(levels)
        changed = same and any(a.value != b.value or a.spread != b.spread for a, b in zip(shown, levels, strict=True))
        if not (changed and self._walking):
            self.stop()
        self._from, self._levels = shown if same else (), levels
        if changed:
            self.stop()
            if calm and self.wanted:
                self._walk.start()

    def stop(self) -> None:
        """Be there at once."""
        self._walk.stop()

    @property
    def _walking(self) -> bool:
        return self._walk.state() == QVariantAnimation.State.Running

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels as they are drawn now, perhaps on their way."""
        if not self._walking or len(self._from) != len(self._levels):
            return self._levels
        t = float(self._walk.currentValue())
        return tuple(
            Level(
                b.component, a.value + (b.value - a.value) * t, a.spread + (b.spread - a.spread) * t, b.handle, b.edge
            )
            for a, b in zip(self._from, self._levels, strict=True)
        )
