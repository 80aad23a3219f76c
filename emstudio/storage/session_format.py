"""What stands in `session.json`, version 1: the types that a file is checked against.

A session file (`.ems`) is a zip archive, none of whose entries is compressed: what it takes in memory is what it takes on
disk, and a person can unpack and read it. `session.json` is the document below, in UTF-8; `arrays/I.npy` are the arrays
that it names by their number I: float64, int64 or bool, of one or two dimensions, in the order of C, never objects.
Everything that moments share (tables, data, models, starts, parameters) stands there once and is named by its place in
its list. Responsibilities are left out: a moment's E-step is pure in its parameters and its seed, and makes them again.
Fields at their default are left out. A number that is not known is null.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

FORMAT, VERSION = "emstudio-session", 1
JSON = "session.json"  # the first entry

Place = Annotated[int, Meta(ge=0, lt=2**31)]  # in a list of the document, or an array's number
Count = Annotated[int, Meta(ge=0)]
Phase = Literal["data", "start", "E", "M", "edit"]


class Entry(Struct, omit_defaults=True):
    """Base of all parts: fields at their default are left out."""


class Facts(Struct):
    """The types of what the program itself looks up in a table's `info`, which may hold more."""

    first_line: int | None = None
    letters: dict[str, str] = {}
    painted: bool = False
    fit: list[str] | None = None
    truth: str | None = None
    model: dict[str, Any] | None = None
    start: str | dict[str, Any] | None = None
    sequence: str | None = None
    time: str | None = None
    weights: str | None = None
    guessed_order: bool = False
    title: str | None = None
    rows_are: str = ""


class ColumnEntry(Entry):
    name: str
    kind: Literal["number", "count", "category", "tosses"]
    values: Place
    unit: str = ""
    levels: list[str] = []
    fit: bool = True
    label: str = ""


class TableEntry(Entry):
    """`lines` is the array of the file's line of each row."""

    name: str
    columns: list[ColumnEntry]
    source: str = ""
    sha256: str = ""
    info: dict[str, Any] = {}
    notices: list[str] = []
    lines: Place | None = None


class DataEntry(Entry):
    """`x` null: the columns `names` of the table; `rows` null: all of them; `dropped` null: all that are not in `rows`.

    `weighing` is the column that `weights` are read from.
    """

    table: Place
    names: list[str]
    x: Place | None = None
    rows: Place | None = None
    dropped: Place | None = None
    weights: Place | None = None
    truth: str | None = None
    origin: list[str] = []
    mask: Place | None = None
    series: Place | None = None
    sequence: str | None = None
    time: str | None = None
    weighing: str | None = None


class ModelEntry(Entry):
    """`learned` is what the data decided, such as the names of their categories."""

    name: str
    parameters: dict[str, Any] = {}
    learned: dict[str, Any] = {}


class ParamsEntry(Entry):
    """Parameters as in a model file, which those of `model` can be read from."""

    model: Place
    values: dict[str, Any]


class StartEntry(Entry):
    method: str
    labels: Place | None = None
    params: Place | None = None


class HowEntry(Entry):
    kind: str = "soft"
    temperature: float = 1.0
    draws: int = 100
    sweeps: int = 75
    burn_in: int = 0
    alternate: bool = False


class AccelerationEntry(Entry):
    """What a cycle of SQUAREM leaves to the next; an estimate of null is infinite."""

    cap: float = 1.0
    lengths: list[float] = []
    levels: list[float] = []
    estimates: list[float | None] = []


class NodeEntry(Entry):
    """A moment of the history. `posterior`: whether it holds one, of the last E-step on the way to it.

    `carried` is the array of the responsibilities that colour the points after an edit of the data. `children` are the
    nodes that follow where there are several, in the order in which they were visited last.
    """

    data: Place
    model: Place
    start: Place
    parent: Place | None = None
    cause: Literal["load", "edit", "step"] = "step"
    title: str = ""
    gesture: int | None = None
    how: Place = 0
    seed: Count = 0
    number: Count = 0
    t: Count = 0
    phase: Phase = "data"
    params: Place | None = None
    log_likelihood: float | None = None
    bound: float | None = None
    cost: float | None = None
    posterior: bool = False
    carried: Place | None = None
    cast: list[Place] = []
    acceleration: AccelerationEntry | None = None
    children: list[Place] = []


class StoppingEntry(Entry):
    measure: Literal["aitken", "likelihood", "parameters"] = "aitken"
    tol: Annotated[float, Meta(ge=0)] = 1e-8
    max_iter: Count = 1000


class SettingsEntry(Entry):
    """What goes on from here. `speed` null: as fast as it goes; `brought`: the start came with the table."""

    start: Place
    how: HowEntry
    stopping: StoppingEntry
    speed: Annotated[float, Meta(gt=0)] | None = None
    accelerated: bool = False
    seed: Count = 0
    number: Count = 0
    brought: bool = False


class SessionEntry(Entry):
    format: str
    version: int
    current: Place
    settings: SettingsEntry
    tables: list[TableEntry]
    data: list[DataEntry]
    models: list[ModelEntry]
    starts: list[StartEntry]
    hows: list[HowEntry]
    params: list[ParamsEntry]
    nodes: list[NodeEntry]
