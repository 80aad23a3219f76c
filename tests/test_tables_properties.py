"""What holds for every table: no bytes crash the reader, and its two ways of reading text agree."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from emstudio import tables
from emstudio.core.data import Table
from emstudio.core.errors import UserError
from emstudio.resource import resource
from emstudio.tables import quick, table_from_bytes

COINS = resource("datasets/coin_flips.csv").read_bytes()
SEEDS = (COINS, b'a;b\n"1,5";"x ""y"""\n2,5;\n', "ä b\n1 2\n".encode("cp1252"), "a\tb\n1\t\n".encode("utf-16"))
SCRAPS = (
    b",",
    b";",
    b"\t",
    b'"',
    b"\n",
    b"\r",
    b"\r\n",
    b"#",
    b"1",
    b"1.5",
    b"-",
    b"1,5",
    b"inf",
    b"NA",
    b"x",
    b"\xff",
    b"\0",
    b" ",
)


def attempt(data: bytes, name: str = "fuzz.csv") -> Table | UserError:
    """The table in `data`, or the UserError; anything else that is raised fails the test."""
    try:
        table = table_from_bytes(data, name, None)
    except UserError as e:
        assert str(e).isprintable()
        return e
    assert table.rows > 0
    assert all(len(c.values) == table.rows for c in table.columns)
    assert all(np.isfinite(c.values[~c.missing]).all() for c in table.columns)
    tables.show(table)
    assert table.row_label(table.rows - 1)
    return table


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=1, max_size=300))
def test_any_bytes(data):
    attempt(data)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(SCRAPS), min_size=1, max_size=40).map(b"".join))
@example(b'"')
@example(b'1,"')
@example(b",\n")
def test_any_scraps_of_tables(data):
    attempt(data)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SEEDS), st.data())
def test_any_damage_to_a_table(seed, data):
    damaged = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged)))
        damaged[at : at + data.draw(st.integers(0, 6))] = data.draw(st.binary(max_size=4))
    attempt(bytes(damaged) or b"x")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_to_an_array(data):
    stream = io.BytesIO()
    np.save(stream, np.arange(6.0).reshape(3, 2))
    damaged = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged)))
        damaged[at : at + data.draw(st.integers(0, 6))] = data.draw(st.binary(max_size=6))
    attempt(bytes(damaged) or b"x", "fuzz.npy")


CELL = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-1000, 1000).map(str),
    st.sampled_from(
        ("", "NA", "nan", "none", "-", ".", " 1", "2 ", "1.", ".5", "+3", "1e3", "inf", "x", "#", '"', "1_0", "١", "é")
    ),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from((",", ";", "\t")), st.sampled_from(("\n", "\r\n")), st.booleans())
def test_the_quick_way_reads_what_the_slow_way_reads(data, delimiter, end, last):
    width = data.draw(st.integers(1, 3))
    clean = st.floats(allow_nan=False, allow_infinity=False, width=32).map(repr)
    row = st.lists(st.one_of(clean, clean, clean, CELL), min_size=width, max_size=width)
    rows = data.draw(st.lists(row, min_size=1, max_size=6))
    if data.draw(st.integers(0, 4)) == 0:  # now and then a ragged row
        rows[data.draw(st.integers(0, len(rows) - 1))].append("7")
    head = data.draw(st.sampled_from((["a", "b", "c"][:width], None)))
    lines = [delimiter.join(r) for r in ([head] if head else []) + rows]
    content = (end.join(lines) + (end if last else "")).encode() or b"x"
    kept = quick.FROM
    try:
        quick.FROM = 0
        fast = attempt(content)
        quick.FROM = 1 << 60
        slow = attempt(content)
    finally:
        quick.FROM = kept
    assert type(fast) is type(slow)
    if isinstance(slow, UserError):
        assert str(fast) == str(slow)
        return
    assert (fast.names, fast.notices, fast.info) == (slow.names, slow.notices, slow.info)
    assert [fast.row_label(i) for i in range(fast.rows)] == [slow.row_label(i) for i in range(slow.rows)]
    for f, s in zip(fast.columns, slow.columns):
        assert (f.kind, f.levels, f.fit) == (s.kind, s.levels, s.fit)
        assert np.array_equal(f.values, s.values, equal_nan=f.numeric)


def test_the_quick_way_is_taken_for_a_large_clean_file():
    rows = "".join(f"{i}.5,{i % 7},k{i % 3}\n" for i in range(400_000))
    data = b"# c\n\na,b,c\n" + rows.encode()
    assert len(data) > quick.FROM
    found = quick.columns(data, ",", 3, ["a", "b", "c"])
    assert found is not None and found[0][-1] == 399_999.5 and found[2][-1] == "k0"
    table = attempt(data)
    assert table.rows == 400_000 and table.row_label(0) == 4
    for fault in (b'1,2,"k"\n', b"1,2\n", b"1,2,3,4\n", b"x,2,k\n", b"\n1,2,k\n", b"#,2,k\n1,2,k\n"):
        assert quick.columns(data + fault, ",", 3, ["a", "b", "c"]) is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
            st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_what_is_written_reads_back(rows):
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(
        [("x", "s"), *(("" if x is None else repr(x), s) for x, s in rows)]
    )
    table = attempt(stream.getvalue().encode())
    if isinstance(table, UserError):
        return
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "t.csv")
        tables.write_csv(table, path)
        again = tables.read(path)
    assert again.names == table.names
    for a, b in zip(table.columns, again.columns):
        assert (a.kind, a.levels) == (b.kind, b.levels)
        assert np.array_equal(a.values, b.values, equal_nan=a.numeric)
