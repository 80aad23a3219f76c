"""What sampled paths estimate: each scalar's mean with its band, against the number of draws or of sweeps, and the exact line.

    estimates = EstimatesView(session, refresher)
    estimates.set_against("sweeps")         or "draws"

While an E-step is watched sweep by sweep, they show its chains so far.
Against draws the band narrows as draws^-1/2. Against sweeps one sees the chains leave their random starts; a few of them
are drawn one by one, so that it is seen how slowly each wanders. With an exact E-step there is nothing to estimate: the draws
that the laboratory shows beside it are followed (`show_aside`), and without any there are bars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from emstudio.core.em import Moment
from emstudio.core.format import count
from emstudio.gui import theme
from emstudio.gui.chain_numbers import (
    beside,
    expected,
    is_chain,
    scalars,
    sweep_scalars,
)
from emstudio.gui.chain_sentences import estimates_note
from emstudio.gui.estimates_plots import AGAINST, Plots
from emstudio.gui.refresh import Refresher
from emstudio.gui.widgets import text
from emstudio.session import Session

if TYPE_CHECKING:
    from emstudio.core.chain_sampling import Sweep


class EstimatesView(QWidget):
    """The scalars of the newest moment of a chain."""

    def __init__(self, session: Session, refresher: Refresher, parent: QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("estimates")
        self.setAccessibleName("Estimates")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._session = session
        self._shown: tuple[object, ...] = ()
        self._aside: np.ndarray | None = None
        self._wanted = AGAINST[0]
        self._sweep: Sweep | None = None  # of an E-step that is being watched
        self._exact: tuple[Moment, np.ndarray] | None = None  # what its draws are to come to
        self.plots = Plots()
        self._area = QScrollArea()
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidgetResizable(True)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(self.plots)
        self._area.viewport().setAutoFillBackground(False)
        self.plots.setAutoFillBackground(False)
        self.note = text("", "unit", wrap=True)
        self.note.setObjectName("estimates_note")
        self.note.setContentsMargins(8, 0, 8, 4)
        self._buttons = self._switch()
        head = QHBoxLayout()
        head.setContentsMargins(8, 0, 4, 0)
        head.setSpacing(2)
        self._title = text("Estimates", "title")
        head.addWidget(self._title)
        head.addSpacing(6)
        self._unit = text("against", "unit")
        head.addWidget(self._unit)
        for button in self._buttons.values():
            head.addWidget(button)
        head.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self._area, 1)
        column.addWidget(self.note)
        refresher.draw.connect(self.show_moment)
        session.sweep_changed.connect(self.show_sweep)
        theme.notifier.changed.connect(self.plots.update)
        self.show_moment(session.moment)

    def _switch(self) -> dict[str, QToolButton]:
        group = QButtonGroup(self)
        made = {}
        tips = {
            "draws": "The mean of the first 1, 2, 3 \u2026 draws: its band narrows as draws^\u2212\u00bd",
            "sweeps": "The mean of the chains after each sweep: they leave their random starts",
        }
        for name in AGAINST:
            button = QToolButton()
            button.setText(name)
            button.setObjectName(f"against_{name}")
            button.setCheckable(True)
            button.setChecked(name == AGAINST[0])
            button.setToolTip(tips[name])
            button.setAccessibleName(f"Estimates against {name}")
            button.setFont(theme.font(11, 500))
            button.setFixedHeight(24)
            button.toggled.connect(lambda on, n=name: self.set_against(n) if on else None)
            group.addButton(button)
            made[name] = button
        return made

    # -- what is shown -------------------------------------------------------------------------------------------------
    @property
    def against(self) -> str:
        """What the estimates are drawn against now: `draws` or `sweeps`."""
        return self.plots.against

    def set_against(self, name: str) -> None:
        """Draw them against the number of `draws` or, where there are any, of `sweeps`."""
        if name != self._wanted:
            self._wanted = name
            self._tell()

    def show_moment(self, moment: Moment) -> None:
        """Show the scalars of a moment's posterior."""
        if not is_chain(moment.model) or self._sweep is not None:
            return
        shown = (moment.snapshot.posterior, moment.how, moment.model)
        if len(self._shown) == 3 and all(a is b for a, b in zip(shown, self._shown, strict=True)):
            return
        self._shown = shown
        self.plots.moment = moment
        self.plots.scalars = scalars(moment)
        self._follow_aside()
        self._tell()

    def show_aside(self, paths: np.ndarray | None) -> None:
        """The paths (n, M) that are drawn beside an E-step which uses none; None: there are none."""
        if paths is self._aside:
            return
        self._aside = paths
        moment = self.plots.moment
        if moment is not None and self._sweep is None:
            self.plots.scalars = scalars(moment)
            self._follow_aside()
            self._tell()

    def _follow_aside(self) -> None:
        moment, found = self.plots.moment, self.plots.scalars
        assert moment is not None
        if self._aside is not None and found and found[0].draws is None and len(self._aside) == moment.data.n:
            self.plots.scalars = beside(moment, found, self._aside)

    def show_sweep(self, sweep: Sweep | None) -> None:
        """Show a sampled E-step while it goes on; None: the moment itself again."""
        moment = self._session.moment
        self._sweep = sweep
        if sweep is None or not is_chain(moment.model):
            self._shown = ()
            self.show_moment(moment)
            return
        if self._exact is None or self._exact[0] is not moment:
            self._exact = (moment, expected(moment))
        self.plots.moment = moment
        self.plots.scalars = sweep_scalars(moment, sweep.trace, self._exact[1])
        self._tell()

    def _tell(self) -> None:
        moment, found = self.plots.moment, self.plots.scalars
        swept = any(s.trace is not None for s in found)
        drawn = any(s.draws is not None and len(s.draws) > 1 for s in found)
        for button in (self._unit, *self._buttons.values()):
            button.setVisible(drawn)
        self._buttons["sweeps"].setEnabled(swept)
        self.plots.against = self._wanted if swept else AGAINST[0]
        with QSignalBlocker(self._buttons[self.plots.against]):
            self._buttons[self.plots.against].setChecked(True)
        self._title.setText("Estimates" if drawn else "Expected")
        words = "" if moment is None else estimates_note(moment, found, self.plots.against)
        if self._sweep is not None:
            words = f"Sweep {count(self._sweep.index)} of {count(self._sweep.of)}. {words}"
        self.note.setText(words)
        self.note.setVisible(bool(words))
        self.plots.refresh()

    def sizeHint(self) -> QSize:
        return QSize(232, 340)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 150)


__all__ = ["AGAINST", "EstimatesView", "Plots"]
