"""A sampled E-step watched sweep by sweep: pulled one at a time, and at its end the moment that a half-step gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from emstudio.core import interrupt
from emstudio.core.chain_paths import vanished
from emstudio.core.em import Moment, advance
from emstudio.core.format import cast_as, letter
from emstudio.core.history import Node
from emstudio.session.search import Searching
from emstudio.worker import Request

if TYPE_CHECKING:
    from emstudio.core.chain_sampling import Sweep

_NAMED = 3  # transitions named one by one
SWEEPS = 4  # that are shown in the time of a half-step
_AHEAD = 3  # sweeps that may be asked for while one is being made


class Sampling(Searching):
    """While sweeps are watched the moment stays as it is; whatever else is done gives them up, and nothing is lost.

    The chains start afresh from the moment's own generator, so that what was given up plays again as it was.
    """

    sweep_changed = Signal(object)

    def __init__(self, parent: QObject | None = None):
        self._play: Iterator[Sweep] | None = None  # pulled on the engine's thread only
        self._play_goal: Callable[[Moment], bool] | None = None  # what the run was to come to when it was paused
        self._sweep: Sweep | None = None
        self.watching = False
        super().__init__(parent)

    @property
    def sweep(self) -> Sweep | None:
        """The newest sweep of an E-step that is being watched, or None."""
        return self._sweep

    @property
    def sampling(self) -> bool:
        """Whether an E-step is being watched: its sweeps are played, or paused half-way."""
        return self._play is not None

    @property
    def unwatchable(self) -> str | None:
        """One sentence that says why there are no sweeps to watch, or None."""
        m = self.moment
        if not m.how.sampled:
            others = "choose Metropolis or Gibbs" if "gibbs" in m.model.e_steps else "hidden Markov models have such"
            return f"This E-step draws no paths, so there is no sweep to watch; {others}."
        if m.next == "start":
            return self.obstacle or "Nothing is started yet, so there is no sweep to watch."
        if m.next == "M":
            return "The next half-step is an M-step; the sweeps belong to the E-step after it."
        return None

    # -- commands --------------------------------------------------------------------------------------------------------
    def set_watching(self, on: bool) -> None:
        """Whether a step that is a sampled E-step plays its sweeps, and a run those of every E-step."""
        if on != self.watching:
            self.watching = on
            self.settings_changed.emit()

    def watch_sweeps(self) -> None:
        """Play the sweeps of the next half-step, an E-step, at the session's speed; `pause` holds them, this goes on."""
        if self._running and self._play is not None:
            return
        if self._play is not None:
            self._resume()
        elif self._watchable():
            self.pause()
            self._begin_play()

    def next_sweep(self) -> None:
        """The next sweep alone; the first is the random start of the chains, the last ends the E-step."""
        if self._play is None:
            if not self._watchable():
                return
            self.pause()
            self._make_play()
        elif self._running:
            self._more = 0
            self._clock.stop()
            self._set_running(False, None)
        if self._pending is not None:
            self._more = min(self._more + 1, _AHEAD)
        else:
            self._pull()

    def step(self) -> None:
        """The next half-step; where its sweeps are being watched it is made at once."""
        if self._play is None:
            super().step()
            return
        self._drop()
        self._set_running(False, None)
        self._make_step()

    def run(self) -> None:
        """Go on, with the sweeps that were held half-way first."""
        if self._play is not None and not self._running:
            self._resume()
        else:
            super().run()

    # -- inside: playing -------------------------------------------------------------------------------------------------
    def _watchable(self) -> bool:
        why = self.unwatchable
        if why is not None:
            self.failed.emit(why)
        return why is None

    def _played(self, moment: Moment) -> bool:
        """The goal of a run that plays one E-step."""
        return True

    def _slow(self) -> bool:
        """Whether what runs is to be watched: at the session's speed, not to somewhere as fast as it goes."""
        return self._goal is None or self._goal == self._played

    def _make_play(self) -> None:
        from emstudio.core.chain_sampling import sampling

        m = self.moment
        self._play = sampling(m.model, m.data, m.snapshot.params, m.how, m.rng())  # type: ignore[arg-type]
        self._play_goal = self._goal if self._running else self._played

    def _begin_play(self) -> None:
        self._make_play()
        if not self._running:
            self._set_running(True, self._played)
        self._pull()

    def _resume(self) -> None:
        self._set_running(True, self._play_goal)
        if self._pending is None:
            self._pull()

    def _pull(self) -> None:
        self._ask("sweep", _pulled, (self._play, self.moment))

    def _ask(self, kind: str, work: Callable, argument: object) -> None:
        """Sampling may last: it ends within a sweep once its result is no longer the one that is awaited."""
        if not self.moment.how.sampled:
            super()._ask(kind, work, argument)
            return
        serial = self._serial + 1

        def wanted() -> bool:
            pending = self._pending
            return pending is not None and pending.serial == serial

        super()._ask(kind, _while_wanted, (wanted, work, argument))

    def _make_step(self) -> None:
        super()._onward()

    def _onward(self) -> None:
        if self._play is not None and self._slow():
            self._pull()
        elif self.watching and self._slow() and self.unwatchable is None and not self._known():
            self._drop()
            self._begin_play()
        else:
            self._drop()
            super()._onward()

    def _known(self) -> bool:
        node = self.history.known_step()
        return node is not None and not self.history.forgotten(node)

    def _on_produced(self, request: Request, reply: object) -> None:
        if request.kind != "sweep" or request is not self._pending:
            super()._on_produced(request, reply)
            return
        self._pending = None
        assert isinstance(reply, tuple)
        sweep, after = reply
        self._sweep = sweep
        self.sweep_changed.emit(sweep)
        if self._play is None:
            return  # somebody who was told of it went elsewhere
        if after is not None:
            self._end_play(after)
        elif self._running:
            pause = 0.0 if math.isinf(self.speed) else 1000.0 / (SWEEPS * self.speed)
            self._clock.start(round(pause))
        elif self._more:
            self._more -= 1
            self._pull()

    def _end_play(self, after: Moment) -> None:
        self._play = None
        self._more = 0
        if self._known():
            node = self.history.known_step()
            assert node is not None
            self.history.go_to(node)
            self.changed.emit(node.moment)
        else:
            self._adopt(after, "step")
        self._forget_sweep()
        self._after_step()

    def _on_failed(self, request: Request, error: Exception) -> None:
        if request is self._pending and request.kind == "sweep":
            self._play = None
            self._forget_sweep()
        super()._on_failed(request, error)

    # -- inside: giving up -----------------------------------------------------------------------------------------------
    def _drop(self) -> None:
        """Give up what is being watched; the engine's answer, if one is under way, is no longer wanted."""
        if self._play is None:
            return
        self._play = None
        self._clock.stop()
        self._more = 0
        if self._pending is not None and self._pending.kind == "sweep":
            self._pending = None
        self._forget_sweep()
        if self._goal == self._played:
            self._set_running(False, None)

    def _forget_sweep(self) -> None:
        if self._sweep is not None:
            self._sweep = None
            self.sweep_changed.emit(None)

    def _cancel(self) -> None:
        self._drop()
        super()._cancel()

    def _adopt(self, moment: Moment, cause: str, title: str = "") -> Node:
        self._drop()
        node = super()._adopt(moment, cause, title)
        if cause == "step" and moment.snapshot.phase == "M" and node.parent is not None:
            words = gone(node.parent.moment, moment)
            if words:
                self.news.emit(words)
        return node


def gone(before: Moment, after: Moment) -> str:
    """A sentence on the transitions that an M-step on drawn paths, or on the best one, has made impossible; "" for none."""
    if not (after.how.drawn or after.how.kind == "hard") or "gibbs" not in after.model.e_steps:
        return ""
    old, new = (m.model.split(m.snapshot.params)[1] for m in (before, after))  # type: ignore[attr-defined]
    lost = vanished(old, new)
    if not lost:
        return ""
    with cast_as(after.cast):
        named = ", ".join(f"{letter(j)} to {letter(k)}" for j, k in lost[:_NAMED])
    more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    sampled = after.how.sampled
    path = "No drawn path goes" if sampled else f"The {'drawn' if after.how.drawn else 'best'} path never goes"
    stay = "it stays" if len(lost) == 1 else "these stay"
    return (
        f"{path} {named}{more}: {stay} 0 for ever; {'more draws keep' if sampled else 'exact E-steps keep'} rare ones."
    )


def _while_wanted(asked: tuple[Callable[[], bool], Callable, object]) -> object:
    wanted, work, argument = asked
    with interrupt.while_wanted(wanted):
        return work(argument)


def _pulled(asked: tuple[Iterator[Sweep], Moment]) -> tuple[Sweep, Moment | None]:
    """The next sweep and, with the last one, the moment after the E-step: that of `advance`, bit for bit."""
    play, moment = asked
    with cast_as(moment.cast):
        sweep = next(play)
        if sweep.posterior is None:
            return sweep, None
        return sweep, advance(replace(moment, ahead=sweep.posterior))
