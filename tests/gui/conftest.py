"""A session on Old Faithful with its refresher, and waiting until nothing is left to compute or to draw."""

from __future__ import annotations

from collections.abc import Callable

import pytest


class Studio:
    """A session without a window: `do` a command and wait for what comes of it."""

    def __init__(self, qtbot) -> None:
        from emstudio.gui.refresh import Refresher
        from emstudio.session import Session

        self._qtbot = qtbot
        self.session = Session()
        self.refresher = Refresher(self.session)

    def settle(self) -> None:
        """Wait until the engine rests and the newest moment was drawn."""
        session = self.session
        self._qtbot.waitUntil(lambda: not (session.busy or session.running or self.refresher.waiting), timeout=10_000)

    def do(self, *commands: Callable[..., object]) -> None:
        for command in commands:
            command()
            self.settle()

    def steps(self, n: int) -> None:
        self.do(*[self.session.step] * n)

    def show(self, make: Callable, width: int = 0, height: int = 0):
        """A shown widget `make(session, refresher)`."""
        widget = make(self.session, self.refresher)
        self._qtbot.addWidget(widget)
        if width:
            widget.resize(width, height)
        widget.show()
        return widget


@pytest.fixture
def studio(qtbot):
    made = Studio(qtbot)
    yield made
    made.session.close()


@pytest.fixture
def faithful(studio):
    """Old Faithful, two components, at the start: far enough from the optimum for a run of some length."""
    from emstudio.core.model import Start

    session = studio.session
    session.open("dataset:old-faithful")
    studio.settle()
    studio.do(lambda: session.set_start(Start("points")), lambda: session.set_seed(3))
    return studio
