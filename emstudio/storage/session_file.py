"""Session files (`.ems`): the whole document with its history, complete or not at all, and back again bit for bit.

    save(path, document)      writes it
    contents(document)        its bytes
    read(path)                the document in a file; UserError where it is broken
    is_session_file(path)     whether a file is a session, by how it begins, or else by its name

The format is described in `session_format.py`.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, replace

from emstudio.core.em import Moment
from emstudio.core.errors import Degenerate, UserError
from emstudio.core.history import History, Node, restore
from emstudio.core.how import SOFT, EStep
from emstudio.core.model import Start
from emstudio.core.posterior import Posterior
from emstudio.core.stopping import Stopping
from emstudio.storage.outputs import write
from emstudio.storage.reading import named

SUFFIX = ".ems"
_HEAD = 64  # bytes that tell what a file is


@dataclass(eq=False)
class Document:
    """A history and the settings by which it goes on. `speed` in half-steps a second; `brought`: the start came with the
    table shown."""

    history: History
    start: Start
    stopping: Stopping = field(default_factory=Stopping)
    how: EStep = SOFT
    accelerated: bool = False
    seed: int = 0
    number: int = 0
    speed: float = 4.0
    brought: bool = False

    @property
    def current(self) -> Node:
        assert self.history.current is not None
        return self.history.current


def is_session_file(path: str) -> bool:
    """Whether the file `path` is a session; False for what cannot be looked at."""
    from emstudio.storage.archive import is_session

    if path.lower().endswith(SUFFIX):
        return True
    if not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            return is_session(file.read(_HEAD))
    except OSError:
        return False


def save(path: str, document: Document) -> None:
    """Write the session, complete or not at all, and never over the data shown. Raises UserError."""
    write(path, contents(document), document.current.moment.data.table.source)


def contents(document: Document) -> bytes:
    """The bytes of the session file. Raises UserError."""
    import msgspec

    from emstudio.storage import session_format as form
    from emstudio.storage.archive import packed
    from emstudio.storage.session_writer import Writer, how_entry

    writer = Writer()
    nodes = writer.nodes(document.history.nodes, document.current)
    stopping = document.stopping
    settings = form.SettingsEntry(
        start=writer.start(document.current.moment.model, document.start),
        how=how_entry(document.how),
        stopping=form.StoppingEntry(stopping.measure, stopping.tol, stopping.max_iter),  # type: ignore[arg-type]
        speed=None if math.isinf(document.speed) else document.speed,
        accelerated=document.accelerated,
        seed=document.seed,
        number=document.number,
        brought=document.brought,
    )
    entry = form.SessionEntry(
        form.FORMAT,
        form.VERSION,
        document.current.index,
        settings,
        writer.tables.entries,
        writer.data.entries,
        writer.models.entries,
        writer.starts.entries,
        writer.hows.entries,
        writer.params.entries,
        nodes,
    )
    return packed(msgspec.to_builtins(entry), writer.arrays.entries)


def read(path: str) -> Document:
    """The session in the file `path`, its current moment whole. Raises UserError."""
    from emstudio.storage.archive import Unpacked
    from emstudio.storage.session_reader import Builder, decoded, how_of, settings_start
    from emstudio.tables.files import load

    data = load(path)
    with named(path):
        try:
            unpacked = Unpacked(data)
            del data
            entry = decoded(unpacked.document())
            builder = Builder(entry, unpacked)
            history = builder.history()
            s = entry.settings
            document = Document(
                history,
                settings_start(builder, s.start),
                Stopping(s.stopping.measure, s.stopping.tol, s.stopping.max_iter),
                how_of(s.how),
                s.accelerated,
                s.seed,
                s.number,
                math.inf if s.speed is None else s.speed,
                s.brought,
            )
            _fill(history, {i for i, n in enumerate(entry.nodes) if n.posterior})
            node = document.current
            if node.moment.snapshot.params is not None:
                history.replace(node, restore(node.path()))
        except MemoryError:
            raise UserError("the session does not fit into memory", "close other programs") from None
        except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError):
            raise UserError(
                "the session is damaged: its parts contradict each other", "take another copy of it"
            ) from None
        except Degenerate as news:
            raise UserError(f"the session cannot be shown ({news.notice.text.rstrip('.')})") from None
    return document


def _fill(history: History, held: set[int]) -> None:
    """Give the moments what follows from their parameters, but for the responsibilities, which a visit makes.

    `held` are the nodes that hold a posterior: that of the E-step's node on their `path`. The same E-step is made once; its
    posterior is what an M-step's moment looked ahead to, too.
    """
    made: dict[tuple[object, ...], Posterior] = {}

    def posterior(moment: Moment) -> Posterior:
        s = moment.snapshot
        key = (id(moment.data), moment.model, id(s.params), moment.how, moment.seed, moment.number, s.t)
        if key not in made:
            q = moment.model.e_step(moment.data, s.params, moment.how, moment.rng(), resp=False)
            made[key] = q.lightened()
        return made[key]

    for node in history.nodes:
        m = node.moment
        if m.snapshot.params is None:
            continue
        source = node.path()[0]
        own = posterior(source) if node.index in held else None
        ahead = posterior(m) if m.snapshot.evaluated else None
        bound = m.snapshot.bound
        if bound is None and own is not None:
            bound = m.model.bound(m.data, m.snapshot.params, own)
        node.moment = replace(m, snapshot=replace(m.snapshot, posterior=own, bound=bound), ahead=ahead)
