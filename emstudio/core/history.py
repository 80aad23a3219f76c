"""Moments in a tree with an index: half-steps, edits, branches, undo; likelihoods of different data are never joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from emstudio.core.em import Moment, evaluate


@dataclass(eq=False)
class Node:
    """A moment with its place in the tree. `cause`: `load`, `edit` or `step`; `title` says what the edit was."""

    index: int
    moment: Moment
    parent: Node | None
    cause: str
    title: str = ""
    gesture: int | None = None  # edits of one gesture are one edit for Undo
    children: list[Node] = field(default_factory=list, repr=False)
    edit: Node | None = field(default=None, repr=False)  # the last edit or load on the way here, this one included

    def __post_init__(self) -> None:
        self.edit = self if self.cause != "step" else self.parent.edit if self.parent is not None else None

    @property
    def joined(self) -> bool:
        """Whether its objective may be joined by a line to its parent's: same data, same model, same start."""
        if self.parent is None:
            return False
        a, b = self.parent.moment, self.moment
        return same_run(a, b) and b.snapshot.phase not in ("start", "data")

    def path(self) -> tuple[Moment, ...]:
        """The moment with the E-step's moment whose posterior it holds in front: all that is needed to restore it."""
        if self.moment.snapshot.phase in ("M", "edit") and self.parent is not None:
            node = self.parent
            while node.moment.snapshot.phase in ("M", "edit") and node.parent is not None:
                node = node.parent
            return (node.moment, self.moment)
        return (self.moment,)


class History:
    """The tree, the node shown, and of every node the child that was visited last (the way forward)."""

    def __init__(self, budget: int = 256 << 20):
        self.nodes: list[Node] = []
        self.current: Node | None = None
        self.budget = budget  # bytes of responsibilities kept; beyond it they are made again on a visit
        self._kept: dict[int, int] = {}  # node index -> bytes of its responsibilities, oldest first
        self._bytes = 0  # their sum

    def add(self, moment: Moment, cause: str, title: str = "", gesture: int | None = None) -> Node:
        """Add a moment after the current one and show it. The old future stays as a branch."""
        node = Node(len(self.nodes), moment, self.current, cause, title, gesture)
        self.nodes.append(node)
        if self.current is not None:
            self.current.children.append(node)
        self.current = node
        self._remember(node)
        return node

    def replace(self, node: Node, moment: Moment) -> None:
        """The same moment with more known about it (its log-likelihood), or a continued gesture's newer position."""
        node.moment = moment
        self._remember(node)

    def go_to(self, node: Node) -> None:
        """Show `node`; the way forward leads through it from now on."""
        child = node
        while child.parent is not None and child is not self.current:  # the way to the current node leads there already
            siblings = child.parent.children
            siblings.remove(child)
            siblings.append(child)
            child = child.parent
        self.current = node

    def known_step(self) -> Node | None:
        """The half-step after the current node that was made before, or None."""
        children = self.current.children if self.current is not None else []
        return next((c for c in reversed(children) if c.cause == "step"), None)

    def forward(self, node: Node | None = None) -> Node | None:
        """The node after `node` (the current one) on the way last visited, or None."""
        node = node or self.current
        return node.children[-1] if node is not None and node.children else None

    def line(self) -> list[Node]:
        """The timeline of the run shown: from its start through the current node to the end of this branch.

        A node is superseded, and left out, when an edit follows it at once, unless it is shown now.
        """
        nodes: list[Node] = []
        node = self.current
        while node is not None:
            nodes.append(node)
            node = None if node.moment.snapshot.phase in ("start", "data") else node.parent
        nodes.reverse()
        node = self.forward()
        while node is not None and node.moment.snapshot.phase not in ("start", "data"):
            nodes.append(node)
            node = self.forward(node)
        following = [*nodes[1:], None]
        return [
            n
            for n, after in zip(nodes, following, strict=True)
            if n is self.current or after is None or after.cause == "step" or n.cause == "step"
        ]

    def segment(self) -> list[Node]:
        """The part of the line around the current node whose objectives may be joined: one data set, one model, one start."""
        line = self.line()
        at = next((i for i, n in enumerate(line) if n is self.current), None)
        if at is None:
            return []
        first = at
        while first > 0 and line[first].joined and same_run(line[first - 1].moment, line[first].moment):
            first -= 1
        last = at
        while last + 1 < len(line) and line[last + 1].joined and same_run(line[last].moment, line[last + 1].moment):
            last += 1
        return line[first : last + 1]

    def ends_of_iterations(self, most: int) -> list[Node]:
        """The last moments up to the current one at which an iteration ended, oldest first, back to the last edit or start."""
        found: list[Node] = []
        node = self.current
        while node is not None and len(found) < most:
            phase = node.moment.snapshot.phase
            if phase in ("start", "M", "edit"):
                found.append(node)
            if phase in ("start", "edit", "data"):
                break
            node = node.parent
        return found[::-1]

    def undo_target(self) -> Node | None:
        """The node before the last edit or load on this branch (all edits of one gesture are one), or None."""
        node = self._last_edit()
        return node.parent if node is not None else None

    def redo_target(self) -> Node | None:
        """The node that ends the next edit forward, or None."""
        node = self.forward()
        while node is not None and node.cause == "step" and node.moment.snapshot.phase != "start":
            node = self.forward(node)
        if node is None or node.cause == "step":
            return None
        following = self.forward(node)
        while following is not None and node.gesture is not None and following.gesture == node.gesture:
            node, following = following, self.forward(following)
        started = self.forward(node)
        if started is not None and node.moment.snapshot.phase == "data" and started.moment.snapshot.phase == "start":
            return started
        return node

    def undo_title(self) -> str:
        """What undoing would take back, for a menu; empty where there is nothing."""
        node = self._last_edit()
        return node.title if node is not None and node.parent is not None else ""

    def redo_title(self) -> str:
        """What redoing would do again, for a menu; empty where there is nothing."""
        node = self.redo_target()
        while node is not None and node.cause == "step":
            node = node.parent
        return node.title if node is not None else ""

    def _last_edit(self) -> Node | None:
        """The first node of the last gesture (or single edit) on the way to the current node."""
        node = None if self.current is None else self.current.edit
        if node is None or node.gesture is None:
            return node
        first = node
        while first.parent is not None and first.parent.edit is not None and first.parent.edit.gesture == node.gesture:
            first = first.parent.edit
        return first

    # -- memory --------------------------------------------------------------------------------------------------------
    def forgotten(self, node: Node) -> bool:
        """Whether the node's responsibilities were let go."""
        posterior = node.moment.snapshot.posterior
        return posterior is not None and posterior.resp is None

    def _remember(self, node: Node) -> None:
        """Count the node's responsibilities; beyond the budget the oldest are let go (never those shown)."""
        size = _bytes(node.moment)
        self._bytes += size - self._kept.pop(node.index, 0)
        self._kept[node.index] = size  # 0 for an M-step, which must let go of the E-step's, too
        while self._bytes > self.budget:
            index = next((i for i in self._kept if self.nodes[i] is not self.current), None)
            if index is None:
                break
            self._bytes -= self._kept.pop(index)
            self.nodes[index].moment = forget(self.nodes[index].moment)


def same_run(a: Moment, b: Moment) -> bool:
    """Whether two moments are of one run: the same data, model and start."""
    return a.data is b.data and a.model == b.model and (a.seed, a.number) == (b.seed, b.number)


def _bytes(moment: Moment) -> int:
    """The memory of a moment's own responsibilities: those after an M-step are the E-step's before it."""
    s = moment.snapshot
    if s.phase == "M" or s.resp is None:
        return 0
    return s.resp.nbytes if s.posterior is None else s.posterior.nbytes


def forget(moment: Moment) -> Moment:
    """The moment without its responsibilities: a visit makes them again from its parameters. Its objectives stay."""
    s = moment.snapshot
    posterior = None if s.posterior is None else s.posterior.lightened()
    ahead = None if moment.ahead is None else moment.ahead.lightened()
    return replace(moment, snapshot=replace(s, posterior=posterior, carried=None), ahead=ahead)


def restore(path: Sequence[Moment]) -> Moment:
    """The last moment of a node's `path` with its responsibilities, made again where they were let go."""
    moment = path[-1]
    posterior = moment.snapshot.posterior
    if posterior is None or posterior.resp is not None:
        return evaluate(moment)
    source = path[0]
    made = source.model.e_step(source.data, source.snapshot.params, source.how, source.rng())
    return evaluate(replace(moment, snapshot=replace(moment.snapshot, posterior=made)))
