"""Where the means came from: the letters' places on the way to the moment shown, within one run on the same data."""

from __future__ import annotations

import numpy as np

from emstudio.core.history import Node
from emstudio.core.marks import View
from emstudio.gui.letters import Trail

MOST = 100  # places shown from the start on; of a longer way as many more, evenly chosen


class Trails:
    """Keeps the way it found last: ten thousand half-steps are not walked for every picture."""

    def __init__(self) -> None:
        self._view: View | None = None
        self._chain: list[tuple[Node, object, np.ndarray]] = []  # node, its parameters, the letters' places
        self._at: dict[int, int] = {}

    def trail(self, node: Node | None, view: View) -> Trail | None:
        """The way to `node`, without its own place; None where it has not moved yet."""
        if node is None or node.moment.snapshot.params is None or view.kind == "series":
            return None  # along time a letter only rises and falls
        if view != self._view:
            self._view, self._chain, self._at = view, [], {}
        new: list[tuple[Node, object, np.ndarray]] = []
        found = -1
        step: Node | None = node
        while step is not None:
            params = step.moment.snapshot.params
            if params is None:
                break
            found = self._at.get(step.index, -1)
            if found >= 0 and self._chain[found][0] is step and self._chain[found][1] is params:
                break
            found = -1
            if step.moment.snapshot.phase != "E" or not step.joined:
                new.append((step, params, step.moment.model.anchors(params, view)))
            if not step.joined:
                break
            step = step.parent
        for gone, _, _ in self._chain[found + 1 :]:
            self._at.pop(gone.index, None)
        del self._chain[found + 1 :]
        for link in reversed(new):
            self._at[link[0].index] = len(self._chain)
            self._chain.append(link)
        before = len(self._chain) - 1
        if before < 1:
            return None
        started = self._chain[0][0].moment.snapshot.phase == "start"
        # EM moves far at first and little later.
        shown = (
            range(before) if before <= 2 * MOST else [*range(MOST), *np.linspace(MOST, before - 1, MOST).astype(int)]
        )
        return Trail(np.stack([self._chain[i][2] for i in shown]), started)
