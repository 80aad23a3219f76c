"""Session files: every model comes back bit for bit and goes on as if there had been no file."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from emstudio import tables
from emstudio.core import edits
from emstudio.core.data import dataset, frozen, painted
from emstudio.core.em import Moment, advance, blank, edited, evaluate
from emstudio.core.errors import UserError
from emstudio.core.history import History, restore
from emstudio.core.how import EStep
from emstudio.core.model import REGISTRY, Start, find
from emstudio.core.scaling import scale_of
from emstudio.core.stopping import Stopping
from emstudio.storage import session_file
from emstudio.storage.session_file import Document
from tests.models.test_properties import blobs, cases

CASES = {case.name: case for case in cases()}
SAMPLED = {"draws": 5, "sweeps": 2}


def equal(a: object, b: object, place: str = "") -> None:
    """The same to the last bit, whatever it is made of."""
    assert type(a) is type(b), (place, type(a), type(b))
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes(), place
    elif isinstance(a, float):
        assert np.float64(a).tobytes() == np.float64(b).tobytes(), (place, a, b)
    elif isinstance(a, dict):
        assert list(a) == list(b), place
        for key in a:
            equal(a[key], b[key], f"{place}.{key}")
    elif hasattr(a, "_fields"):
        equal(a._asdict(), b._asdict(), place)
    elif isinstance(a, (tuple, list)):
        assert len(a) == len(b), place
        for i, (u, v) in enumerate(zip(a, b, strict=True)):
            equal(u, v, f"{place}[{i}]")
    elif is_dataclass(a):
        for f in fields(a):
            if f.name not in ("_memo", "resp", "carried", "posterior", "ahead"):
                equal(getattr(a, f.name), getattr(b, f.name), f"{place}.{f.name}")
    else:
        assert a == b, (place, a, b)


def history_of(moment: Moment, half_steps: int) -> History:
    history = History()
    history.add(moment, "load", "Open")
    for _ in range(half_steps):
        moment = advance(moment)
        history.add(moment, "step")
    return history


def document(history: History) -> Document:
    m = history.current.moment
    return Document(history, m.start, Stopping("likelihood", 1e-6, 77), m.how, m.acceleration is not None, m.seed, 0)


def again(tmp_path, doc: Document) -> Document:
    path = tmp_path / "a.ems"
    session_file.save(str(path), doc)
    return session_file.read(str(path))


def check(tmp_path, history: History, onward: int = 5) -> Document:
    """The history comes back, and goes on as it would have done."""
    found = again(tmp_path, document(history))
    assert len(found.history.nodes) == len(history.nodes)
    assert found.current.index == history.current.index
    for a, b in zip(history.nodes, found.history.nodes, strict=True):
        assert (a.index, a.cause, a.title, a.gesture) == (b.index, b.cause, b.title, b.gesture)
        assert [c.index for c in a.children] == [c.index for c in b.children]
        equal(a.moment, b.moment, a.moment.label)
        equal(restore(a.path()).snapshot.resp, restore(b.path()).snapshot.resp, a.moment.label)
        assert a.moment.objective == b.moment.objective and a.moment.bound == b.moment.bound, a.moment.label
    one, two = history.current.moment, restore(found.current.path())
    for _ in range(onward):
        one, two = advance(one), advance(two)
        equal(one, two, one.label)
        equal(one.snapshot.resp, two.snapshot.resp)
    return found


def ways(model) -> list[tuple[str, EStep, bool]]:
    found = [(kind, EStep(kind, 1.5 if kind == "annealed" else 1.0, **SAMPLED), False) for kind in model.e_steps]
    return found + ([("squarem", EStep(), True)] if model.accelerates else [])


@pytest.mark.parametrize("name", CASES)
def test_every_model_comes_back_and_goes_on(tmp_path, name) -> None:
    case = CASES[name]
    for kind, how, fast in ways(case.model):
        moment = blank(case.data, case.model, Start(case.model.starts[-1]), 3, 2, how, fast)
        try:
            history = history_of(moment, 6)
        except Exception as error:  # some cases collapse under a hard or drawn E-step: nothing to keep
            if kind in ("soft", "squarem"):
                raise
            assert type(error).__name__ == "Degenerate"
            continue
        try:
            check(tmp_path, history, 3)
        except AssertionError as error:
            raise AssertionError(f"{kind}: {error}") from error


def test_every_registered_model_is_among_them() -> None:
    assert {case.model.name for case in CASES.values()} == set(REGISTRY)


@pytest.mark.parametrize(
    "values",
    [{"noise": True}, {"floor": 0.01}, {"prior_means": 0.5, "prior_covariances": 5.0, "prior_weights": 2.0}],
    ids=lambda v: next(iter(v)),
)
def test_a_gaussian_with_more_comes_back(tmp_path, values) -> None:
    x = blobs(2)
    data = dataset(painted(x))
    check(tmp_path, history_of(blank(data, find("gaussian").make(k=3, **values), Start("points"), 1), 7))


def test_missing_cells_weights_and_standardised_columns_come_back(tmp_path) -> None:
    x = blobs(2)
    x[[3, 50], [0, 1]] = np.nan
    table = painted(np.column_stack([x, np.arange(len(x)) % 3 + 1.0]), ["a", "b", "w"])
    model = find("gaussian").make(k=2)
    for missing in ("drop", "marginal"):
        data = model.dataset(table, ("a", "b"), missing=missing, weights="w")
        assert data.weighing == "w"
        check(tmp_path, history_of(blank(data, model, Start("points"), 1), 5))
        check(tmp_path, history_of(blank(scale_of(data).apply(data), model, Start("points"), 1), 5))


@pytest.mark.parametrize(
    "name", ["coin-flips", "single-flips", "loaded-dice", "cafe-guests", "iris", "lynx", "earthquakes"]
)
def test_bundled_tables_come_back_with_all_that_was_read(tmp_path, name) -> None:
    table = tables.read(f"dataset:{name}")
    about = dict(table.info.get("model") or {"name": "gaussian", "k": 2})
    model = find(about.pop("name")).make(**about)
    data = model.dataset(table, None, truth=table.info.get("truth"))
    check(tmp_path, history_of(blank(data, model.for_data(data), Start(model.starts[0]), 1), 4))


def test_a_table_of_text_with_all_its_facts_comes_back(tmp_path) -> None:
    text = 'name;a b;g\nx;1,5;u\n;2,5;\nä\u2028"z;-3,5;v\n'
    table = tables.parse(text, "na\udce9me")
    table = replace(
        table, info=table.info | {"fit": ("a b",), "letters": {"a b": "B"}}, lines=frozen(np.array([2, 5, 9]))
    )
    model = find("gaussian").make(k=1)
    data = model.dataset(table, ("a b",), truth="g")
    found = again(tmp_path, document(history_of(blank(data, model, Start("points"), 0), 2))).current.moment.data
    equal(replace(table, info={}), replace(found.table, info={}))
    assert found.table.info == table.info | {"fit": ["a b"]} and found.truth == "g"


def test_starts_that_are_given_come_back(tmp_path) -> None:
    data = dataset(painted(blobs(2)))
    model = find("gaussian").make(k=2, noise=True)
    labels = Start("labels", labels=np.arange(data.n) % 2)
    check(tmp_path, history_of(blank(data, model, labels, 0), 4))
    first = advance(blank(data, model, labels, 0)).snapshot.params
    check(tmp_path, history_of(blank(data, model, Start("params", params=first), 0), 4))
    unboxed = Start("params", params=first._replace(box=np.full((2, 2), np.nan)))  # the data will say
    check(tmp_path, history_of(blank(data, model, unboxed, 0), 4))


def test_the_tree_comes_back_with_its_branches_edits_and_colours(tmp_path) -> None:
    data = dataset(painted(blobs(2)))
    history = history_of(blank(data, find("gaussian").make(k=2), Start("points"), 0), 5)
    third = history.nodes[3]
    history.go_to(third)
    history.add(edits.add(third.moment, (0, 1), np.array([[1.0, 2.0], [3.0, 4.0]])), "edit", "Paint", 7)
    history.add(evaluate(edits.move(history.current.moment, np.array([0]), (0,), [0.5])), "edit", "Paint", 7)
    painted_at = history.current
    history.add(advance(history.current.moment), "step")
    moved = evaluate(edited(history.current.moment, how=EStep("annealed", 2.0)))
    history.add(replace(moved, cast=(1, 0)), "edit", "E-step: annealed")
    history.go_to(painted_at)
    found = check(tmp_path, history)
    assert found.history.undo_target().index == history.undo_target().index == 3
    assert found.history.redo_title() == history.redo_title() == "E-step: annealed"
    colours = found.current.moment.snapshot.carried
    equal(colours, painted_at.moment.snapshot.carried)
    assert np.isnan(colours[-2:]).all()
    assert [n.index for n in found.history.line()] == [n.index for n in history.line()]
    assert found.history.nodes[1].moment.data is found.history.nodes[3].moment.data, "shared data are read once"


def test_settings_come_back(tmp_path) -> None:
    doc = document(history_of(blank(dataset(painted(blobs(1), ["x"])), find("gaussian").make(k=2), Start(), 2**70), 1))
    doc = replace(doc, speed=np.inf, number=4, brought=True, how=EStep("hard"), seed=2**70)
    found = again(tmp_path, doc)
    for name in ("stopping", "speed", "number", "brought", "how", "seed", "accelerated"):
        assert getattr(found, name) == getattr(doc, name), name
    assert found.start is found.current.moment.start
    assert found.current.moment.seed == 2**70


def test_the_same_session_is_the_same_file(tmp_path) -> None:
    doc = document(history_of(blank(dataset(painted(blobs(2))), find("gaussian").make(k=2), Start(), 0), 4))
    assert session_file.contents(doc) == session_file.contents(doc)
    back = again(tmp_path, doc)
    assert session_file.contents(replace(back, stopping=doc.stopping)) == session_file.contents(doc)


# -- broken files ------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> bytes:
    table = tables.parse("a\tb\tg\n" + "\n".join(f"{i % 7}.5\t{i % 3}.25\t{'uv'[i % 2]}" for i in range(20)))
    model = find("gaussian").make(k=2)
    data = model.dataset(table, ("a", "b"), truth="g")
    history = history_of(blank(data, model, Start("points"), 0), 4)
    history.add(evaluate(edits.add(history.current.moment, (0, 1), np.array([[1.0, 2.0]]))), "edit", "Paint", 1)
    return session_file.contents(document(history))


def refused(tmp_path, data: bytes) -> str | None:
    """The sentence with which a file is refused; None where it is read."""
    path = tmp_path / "broken.ems"
    path.write_bytes(data)
    try:
        session_file.read(str(path))
    except UserError as error:
        sentence = str(error)
        assert sentence.startswith(f"{path}: ") and "\n" not in sentence and len(sentence) < 600, sentence
        return sentence
    return None


def test_truncated_files_are_refused_in_one_sentence(tmp_path, sound) -> None:
    for length in [*range(0, len(sound), 100), len(sound) - 1]:
        assert refused(tmp_path, sound[:length]), length


def test_a_byte_that_flipped_is_noticed_or_changes_nothing(tmp_path, sound) -> None:
    rng = np.random.default_rng(0)
    for at in rng.choice(len(sound), 400, replace=False).tolist():
        broken = bytearray(sound)
        broken[at] ^= 1 << int(rng.integers(8))
        if refused(tmp_path, bytes(broken)) is None:  # such as a date in the archive
            back = session_file.read(str(tmp_path / "broken.ems"))
            assert session_file.contents(back) == sound, at


def parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_every_entry_is_needed(tmp_path, sound) -> None:
    entries = parts(sound)
    assert refused(tmp_path, zipped(entries)) is None
    for name in entries:
        said = refused(tmp_path, zipped({n: c for n, c in entries.items() if n != name}))
        assert said and name in said


def test_arrays_of_another_kind_or_size_are_refused(tmp_path, sound) -> None:
    entries = parts(sound)
    wrong = [
        np.zeros((2, 2, 2)),
        np.zeros(3),
        np.zeros(20, np.float32),
        np.array(["x"] * 20),
        np.array([{}] * 20, object),
    ]
    for name in entries:
        if not name.endswith(".npy"):
            continue
        for array in wrong:
            buffer = io.BytesIO()
            np.save(buffer, array)
            assert refused(tmp_path, zipped(entries | {name: buffer.getvalue()})), (name, array.dtype)
        giant = entries[name].replace(b"(20,)", b"(99999999999,)").replace(b"(21,)", b"(99999999999,)")
        if giant != entries[name]:
            assert refused(tmp_path, zipped(entries | {name: giant}))


def wrongs(value: object) -> list[object]:
    """Other values of another type, or out of bounds."""
    found = [None, True, -1, 10**6, 1.5, "x", [], {}, [None], "\x00"]
    return [w for w in found if type(w) is not type(value) or w != value]


def places(value: object, at: tuple = ()):
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, v in inner:
        yield from places(v, (*at, key))


def changed(value: object, at: tuple, new: object, drop: bool) -> object:
    """A copy with another value at a place, or without it."""
    copy = json.loads(json.dumps(value))
    inside = copy
    for key in at[:-1]:
        inside = inside[key]
    if drop:
        del inside[at[-1]]
    else:
        inside[at[-1]] = new
    return copy


def test_a_document_with_something_else_in_a_place_is_refused_in_one_sentence_or_read(tmp_path, sound) -> None:
    entries = parts(sound)
    entry = json.loads(entries["session.json"])
    every = [at for at in places(entry) if at]
    rng = np.random.default_rng(1)
    said = read = 0
    for at in every:
        inside = entry
        for key in at:
            inside = inside[key]
        options = wrongs(inside)
        for new in [options[i] for i in rng.choice(len(options), 2, replace=False)]:
            broken = json.dumps(changed(entry, at, new, False)).encode()
            if refused(tmp_path, zipped(entries | {"session.json": broken})):
                said += 1
            else:
                read += 1
        if refused(tmp_path, zipped(entries | {"session.json": json.dumps(changed(entry, at, None, True)).encode()})):
            said += 1
    assert said > 3 * read, "a title may be another text, a place may not be another thing"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04 and no more", "not a session"),
        (b"a,b\n1,2\n", "not a session"),
        (zipped({"session.json": b"{"}), "session.json cannot be read"),
        (zipped({"session.json": b"[" * 100_000}), "session.json cannot be read"),
        (zipped({"session.json": b"[]"}), "not an object"),
        (zipped({"session.json": b'{"a": NaN}'}), "session.json cannot be read"),
        (zipped({"session.json": b'{"a": 1e999}'}), "session.json cannot be read"),
        (zipped({"session.json": b"{}"}), "not a session"),
        (zipped({"session.json": b'{"format": "emstudio-fit", "version": 1}'}), "not a session"),
        (zipped({"session.json": b'{"format": "emstudio-session", "version": 2}'}), "newer"),
        (zipped({"session.json": b'{"format": "emstudio-session", "version": "1"}'}), "version"),
        (zipped({"other": b"{}"}), "session.json is missing"),
        (zipped({"session.json": b"0" * 10_000_000}, zipfile.ZIP_DEFLATED), "compressed"),
    ],
)
def test_what_is_no_session_is_said(tmp_path, data, words) -> None:
    assert words in (refused(tmp_path, data) or "")


def test_a_model_that_is_not_known_is_said(tmp_path, sound) -> None:
    entries = parts(sound)
    other = entries["session.json"].replace(b'"name": "gaussian"', b'"name": "from-the-future"')
    assert "'from-the-future', which is not known; use a newer EM Studio" in refused(
        tmp_path, zipped(entries | {"session.json": other})
    )


def test_a_session_is_known_by_how_it_begins(tmp_path, sound) -> None:
    (tmp_path / "renamed.bin").write_bytes(sound)
    (tmp_path / "table.csv").write_text("a\n1\n")
    assert session_file.is_session_file(str(tmp_path / "renamed.bin"))
    assert not session_file.is_session_file(str(tmp_path / "table.csv"))
    assert session_file.is_session_file("nowhere.EMS") and not session_file.is_session_file("dataset:iris")
    with pytest.raises(UserError, match="session of EM Studio"):
        tables.read(str(tmp_path / "renamed.bin"))


def test_a_failed_save_leaves_the_old_file(tmp_path, sound) -> None:
    target = tmp_path / "kept.ems"
    target.write_bytes(sound)
    history = history_of(blank(dataset(painted(blobs(2))), find("gaussian").make(k=2), Start(), 0), 1)
    bad = history.current.moment.snapshot.params._replace(means=np.full((2, 2), np.inf))
    history.add(edited(history.current.moment, params=bad), "edit", "Beyond")
    with pytest.raises(UserError):
        session_file.save(str(target), document(history))
    assert target.read_bytes() == sound and [p.name for p in tmp_path.iterdir()] == ["kept.ems"]
