"""Excel, Parquet and .npy files, and what is no regular file, through `tables.read`."""

from __future__ import annotations

import base64
import datetime
import io
import os
import signal
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pytest

from emstudio import tables
from emstudio.core.data import Table, dataset
from emstudio.core.errors import UserError

ERROR = ('t="e"', "<f>1/0</f><v>#DIV/0!</v>")
DATE = ('s="1"', "<v>45000</v>")
# A workbook in the format of Excel 97: an empty sheet, and `Data` with length, width, kind and three rows.
XLS = zlib.decompress(
    base64.b85decode(
        "c-rk)O=uHA6#iy^+N30D5>ufSN+?)s?M3w9rCk+kPnPOMQ9(B**pQf(5RiJ%Y7L$Q!IR>p(2JL<7k^MeZytn-"
        "9t1&2_2@}Z@X%&`^L95)V}u53F|yw>Z{EC_H}CDto7tItvk)oGKImFR4ThkiZ28erB@>kVZXpb+w=BuJxsQ_Np{d~a(L}cBcp7}&D(6tn_aYSB"
        "*Ip6@K2ti0NsLb9Qt=JMe)ho>(uYBzQS2$WLn(w#_AAQt4AV_a?{V8_O!u<nI@3XFTN1~yV2t+fapL%x(!+Hjq5_Xt=L1W2q64pF9ACO2?6x}g"
        "<<n;N->m4?0+<8M+(;^y%A45|Vl;(w_+iC?@9tWC5%=U9D;FU7&(-"
        "qQI`W%}228^`Eo2}T5yU4|*60{MH(8h}B7mqa1sV>R1#<~~yh3$*rDjvPvxRXgoKGhU<J40ool8=Hn3NK2a<}Hy9bUD%gB<e#qDizfAK}Ok)Be"
        "45_uJb;i8138OQv~8x3N_^3JaH|1}TSXz8C$hv4iOq?sW_ET})%-G3C8u9S(DFhTB}_+Fr7=i}B9bR>k)bU;KLbad+{Hv7Pw&k;MzK`S-"
        ">wdgwcpBz^hJU_cCr+qWd17;Y|{9pWR?&fj*6Atj23lA*m~1?x9v;*VpdF;$yz%zR4N@!fI`1npSnF$0Z<gk6%OBPu1u87rwRYP6q|MZwx96iI"
        "DusV7)Zb@Y@PJyi*@EP~z6dtX%AoOua3mKE+nb9zwgSXQ}*YpSHtie<H8nPUX?V#I?74<0;t@Zh0&A^3!5pGUQon}xhm@_(IWN@edi$$yI@n4q"
        "UX*V19+D9>Z6q4?PhUATRTHR`zk3nh+{^*l02upgO*<CktMqWXQ-tQcOuCDf?>awC5JW&6JXdA|7L"
    )
)


def put(folder, data: bytes, name: str) -> str:
    path = folder / name
    path.write_bytes(data)
    return str(path)


def values(table: Table) -> dict[str, list]:
    return {c.name: c.values.tolist() for c in table.columns}


def workbook(sheets: dict[str, dict]) -> bytes:
    """The smallest .xlsx that Excel would open: {sheet: {"B2": number, text, bool, None or (attributes, inner XML)}}."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rels = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-"
    links = [("rId1", "officeDocument", "xl/workbook.xml")]
    inner = [(f"rId{i}", "worksheet", f"worksheets/sheet{i}.xml") for i in range(1, len(sheets) + 1)]
    inner.append(("rIdS", "styles", "styles.xml"))

    def relations(items) -> str:
        rows = "".join(f'<Relationship Id="{i}" Type="{rels}/{t}" Target="{p}"/>' for i, t, p in items)
        return f'<Relationships xmlns="{package}/relationships">{rows}</Relationships>'

    names = "".join(f'<sheet name="{n}" sheetId="{i}" r:id="rId{i}"/>' for i, n in enumerate(sheets, 1))
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        f'<Default Extension="rels" ContentType="{kinds}package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" '
        f'ContentType="{kinds}officedocument.spreadsheetml.sheet.main+xml"/></Types>',
        "_rels/.rels": relations(links),
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{rels}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations(inner),
        "xl/styles.xml": f'<styleSheet xmlns="{main}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills>'
        '<borders count="1"><border/></borders><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>',
    }
    for i, cells in enumerate(sheets.values(), 1):
        rows: dict[int, str] = {}
        for name, value in cells.items():
            row = int(name.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
            rows[row] = rows.get(row, "") + cell(name, value)
        body = "".join(f'<row r="{r}">{rows[r]}</row>' for r in sorted(rows))
        parts[f"xl/worksheets/sheet{i}.xml"] = f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as z:
        for name, text in parts.items():
            z.writestr(name, '<?xml version="1.0"?>' + text)
    return stream.getvalue()


def cell(name: str, value) -> str:
    if isinstance(value, tuple):
        return f'<c r="{name}" {value[0]}>{value[1]}</c>'
    if isinstance(value, bool):
        return f'<c r="{name}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, str):
        return f'<c r="{name}" t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<c r="{name}"><v>{value!r}</v></c>'


SHEET = {"A1": "x", "B1": "y", "A2": 1.5, "B2": 2, "A3": 0.1 + 0.2, "B3": 1e300}


def test_a_workbook_keeps_every_digit(tmp_path):
    table = tables.read(put(tmp_path, workbook({"S": SHEET}), "a.xlsx"))
    assert values(table) == {"x": [1.5, 0.1 + 0.2], "y": [2.0, 1e300]}
    assert table.notices == () and tables.show(table)["sheet"] == "S"


def test_a_workbook_is_known_by_its_contents(tmp_path):
    assert values(tables.read(put(tmp_path, workbook({"S": SHEET}), "a.csv")))["x"] == [1.5, 0.1 + 0.2]


def test_the_first_filled_sheet_is_read_and_said(tmp_path):
    path = put(tmp_path, workbook({"Empty": {}, "One": SHEET, "Two": {"A1": "q", "A2": 5}}), "a.xlsx")
    table = tables.read(path)
    assert table.names == ("x", "y") and "'One'" in table.notices[0] and "Empty, Two" in table.notices[0]
    assert values(tables.read(path, sheet="Two")) == {"q": [5.0]}
    assert values(tables.read(path, sheet=2)) == {"q": [5.0]}
    for sheet, word in (("Three", "Three"), (7, "7"), ("Empty", "empty")):
        with pytest.raises(UserError, match=word):
            tables.read(path, sheet=sheet)


def test_cells_are_named_as_in_the_sheet(tmp_path):
    cells = {"C4": "x", "D4": "y", "C5": 1.5, "D5": 2, "C6": 2.5, "C7": 3, "D7": 4}
    table = tables.read(put(tmp_path, workbook({"S": cells}), "a.xlsx"))
    assert table.names == ("x", "y") and table.rows == 3
    with pytest.raises(UserError, match=r"a\.xlsx, cell D6, column y: the cell is missing"):
        dataset(table, missing="error")


def test_kinds_of_a_workbook(tmp_path):
    cells = {"A1": "t", "B1": "d", "C1": "n", "A2": True, "B2": DATE, "C2": "1.5", "A3": False, "B3": DATE, "C3": 2}
    table = tables.read(put(tmp_path, workbook({"S": cells}), "a.xlsx"))
    assert table.column("t").levels == ("false", "true") and table.column("d").levels[0].startswith("2023-03-15")
    assert values(table)["n"] == [1.5, 2.0]


def test_a_column_of_texts_with_decimal_commas_beside_one_of_numbers(tmp_path):
    table = tables.read(put(tmp_path, workbook({"S": SHEET | {"B2": "2,5", "B3": "3,25"}}), "a.xlsx"))
    assert values(table) == {"x": [1.5, 0.1 + 0.2], "y": [2.5, 3.25]}


def test_a_workbook_without_header(tmp_path):
    assert values(tables.read(put(tmp_path, workbook({"S": {"A1": 1, "A2": 2.5}}), "a.xlsx"))) == {"x1": [1.0, 2.5]}


def test_excel_97(tmp_path):
    table = tables.read(put(tmp_path, XLS, "a.xls"))
    assert values(table)["length"] == [1.5, 0.1 + 0.2, 2.25] and table.column("kind").levels == ("a", "b")


def encrypted() -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000) + "EncryptedPackage".encode("utf-16-le") + bytes(500)


def without_workbook() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as z:
        z.writestr("readme.txt", "no table")
    return stream.getvalue()


def npy(a, **options) -> bytes:
    stream = io.BytesIO()
    np.save(stream, a, **options)
    return stream.getvalue()


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.ones(3))
    return stream.getvalue()


BAD_BOOKS = {
    "formula error": (workbook({"S": SHEET | {"B3": ERROR}}), "cell B3", None, "#DIV/0!"),
    "stray text": (workbook({"S": SHEET | {"B3": "abc"}}), "cell B3", "y", "'abc'"),
    "decimal comma among numbers": (workbook({"S": SHEET | {"B3": "2,5"}}), "cell B3", "y", "'2,5' is not a number"),
    "infinity as text": (workbook({"S": SHEET | {"B3": "inf"}}), "cell B3", "y", "finite"),
    "same names": (workbook({"S": SHEET | {"B1": "x"}}), 1, None, "columns 1 and 2"),
    "only a header": (workbook({"S": {"A1": "x"}}), None, None, "no row"),
    "empty": (workbook({"S": {}}), None, None, "no filled sheet"),
    "cells far apart": (workbook({"S": SHEET | {"XFD1048576": 1}}), None, None, "too large"),
    "cut off": (workbook({"S": SHEET})[:-40], None, None, "damaged"),
    "bytes in the middle lost": (workbook({"S": SHEET})[:300] + workbook({"S": SHEET})[400:], None, None, "damaged"),
    "password": (encrypted(), None, None, "password"),
    "damaged Excel 97": (XLS[:2000], None, None, "damaged"),
    "text": (b"a,b\n1,2\n", None, None, "not an Excel workbook"),
    "zip": (without_workbook(), None, None, "zip archive"),
    "npz": (npz(), None, None, ".npz"),
}


@pytest.mark.parametrize("case", BAD_BOOKS)
def test_a_bad_workbook_is_refused(tmp_path, case, capfd):
    data, row, column, cause = BAD_BOOKS[case]
    refuse(put(tmp_path, data, "a.xlsx"), row, column, cause)
    assert capfd.readouterr() == ("", "")


def refuse(path: str, row, column, cause: str) -> None:
    with pytest.raises(UserError) as caught:
        tables.read(path)
    error = caught.value
    assert (error.file, error.row, error.column) == (path, row, column)
    assert cause in error.what and error.remedy and str(error).isprintable()


A = np.arange(6.0).reshape(3, 2) + 0.5
ARRAYS = {
    "matrix": (A, {"x1": [0.5, 2.5, 4.5], "x2": [1.5, 3.5, 5.5]}),
    "vector": (A[:, 0], {"x1": [0.5, 2.5, 4.5]}),
    "column order": (np.asfortranarray(A), {"x1": [0.5, 2.5, 4.5], "x2": [1.5, 3.5, 5.5]}),
    "big endian": (A.astype(">f4"), {"x1": [0.5, 2.5, 4.5], "x2": [1.5, 3.5, 5.5]}),
    "half precision": (A[:2].astype(np.float16), {"x1": [0.5, 2.5], "x2": [1.5, 3.5]}),
    "long double": (A[:2].astype(np.longdouble), {"x1": [0.5, 2.5], "x2": [1.5, 3.5]}),
    "integers": (np.array([[1, -2]], np.int8), {"x1": [1.0], "x2": [-2.0]}),
    "truth values": (A[:, 0] > 1, {"x1": [0.0, 1.0, 1.0]}),
    "records": (np.array([(1.5, 2), (2.5, 3)], [("x", "f8"), ("n", "i4")]), {"x": [1.5, 2.5], "n": [2.0, 3.0]}),
    "records of text": (np.array([("b", 1), ("a", 2)], [("s", "U1"), ("n", "i4")]), {"s": [1, 0], "n": [1.0, 2.0]}),
    "dates": (np.array(["2020-01-02", "2020-01-01", "NaT"], "M8[D]"), {"x1": [1, 0, -1]}),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays(tmp_path, case):
    data, expected = ARRAYS[case]
    assert values(tables.read(put(tmp_path, npy(data), "a.npy"))) == expected


def test_names_of_fields_beyond_latin_1(tmp_path):
    with pytest.warns(UserWarning, match="format 3.0"):  # numpy's own remark on what it writes
        data = npy(np.array([(1.5, 2)], [("имя", "f8"), ("n", "i4")]))
    assert values(tables.read(put(tmp_path, data, "a.npy"))) == {"имя": [1.5], "n": [2.0]}


def with_hole(value: float) -> bytes:
    a = A.copy()
    a[1, 1] = value
    return npy(a)


class Trap:
    def __reduce__(self):
        return os._exit, (99,)


BAD_ARRAYS = {
    "objects": (npy(np.array([Trap()], object), allow_pickle=True), None, None, "objects"),
    "complex": (npy(A + 1j), None, None, "complex"),
    "no dimension": (npy(np.array(1.0)), None, None, "0 dimensions"),
    "three dimensions": (npy(A.reshape(3, 2, 1)), None, None, "3 dimensions"),
    "no rows": (npy(np.zeros((0, 2))), None, None, "no rows"),
    "nested records": (npy(np.zeros(2, [("x", "f8", (2,))])), None, "x", "arrays or records"),
    "raw bytes": (npy(np.zeros(2, "V4")), None, None, "type"),
    "infinity": (with_hole(np.inf), "row 1 (counted from 0)", "x2", "infinite"),
    "cut off": (npy(A)[:-3], None, None, "damaged"),
    "header cut off": (npy(A)[:40], None, None, "damaged"),
    "more than announced": (npy(A) + b"x", None, None, "damaged"),
    "announces too much": (npy(A).replace(b"(3, 2), }    ", b"(99999999,2)}"), None, None, "announces"),
    "text": (b"1,2\n", None, None, "not a numpy array"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_a_bad_array_is_refused(tmp_path, case):
    data, row, column, cause = BAD_ARRAYS[case]
    refuse(put(tmp_path, data, "a.npy"), row, column, cause)


def test_a_missing_cell_of_an_array_is_counted_from_zero(tmp_path):
    table = tables.read(put(tmp_path, with_hole(np.nan), "a.npy"))
    with pytest.raises(UserError, match=r"row 1 \(counted from 0\), column x2: the cell is missing"):
        dataset(table, missing="error")


def parquet(columns: dict) -> bytes:
    import polars as pl

    stream = io.BytesIO()
    pl.DataFrame(columns).write_parquet(stream)
    return stream.getvalue()


def test_parquet(tmp_path):
    import polars as pl

    columns = {
        "x": [1.5, None, float("nan")],
        "n": pl.Series([1, 2, 3], dtype=pl.UInt8),
        "money": pl.Series(["1.25", "2", "3"]).cast(pl.Decimal(10, 2)),
        "digits": ["1.5", "2.5", "3"],
        "mixed": ["1", "2", "x"],
        "yes": [True, None, False],
        "when": [datetime.datetime(2020, 1, 1)] * 3,
        "long": [datetime.timedelta(1)] * 3,
        "kind": pl.Series(["b", "a", "b"], dtype=pl.Categorical),
        "list": [[1], [2], [3]],
        "record": [{"a": 1}] * 3,
        "bytes": [b"a"] * 3,
        "nothing": [None] * 3,
    }
    table = tables.read(put(tmp_path, parquet(columns), "a.parquet"))
    kinds = {c.name: c.kind for c in table.columns}
    assert kinds == {
        "x": "number", "n": "count", "money": "number", "digits": "number", "mixed": "category", "yes": "category",
        "when": "category", "long": "category", "kind": "category",
    }  # fmt: skip
    assert table.column("money").values.tolist() == [1.25, 2.0, 3.0] and table.column("x").missing.tolist() == [
        False,
        True,
        True,
    ]
    assert table.column("yes").levels == ("false", "true") and table.column("kind").values.tolist() == [1, 0, 1]
    assert any("list, record, bytes" in n for n in table.notices) and any("nothing" in n for n in table.notices)


BAD_PARQUET = {
    "cut off": (lambda: parquet({"x": [1.0, 2.0]})[:-9], None, None, "damaged"),
    "first half": (lambda: parquet({"x": [1.0, 2.0]})[:200], None, None, "damaged"),
    "zeros in the middle": (
        lambda: parquet({"x": [1.0] * 99})[:30] + bytes(60) + parquet({"x": [1.0] * 99})[90:],
        None,
        None,
        "damaged",
    ),
    "marks only": (lambda: b"PAR1PAR1", None, None, "damaged"),
    "text": (lambda: b"a,b\n1,2\n", None, None, "not a Parquet file"),
    "infinity": (lambda: parquet({"x": [1.0, np.inf]}), "row 1 (counted from 0)", "x", "infinite"),
    "lists only": (lambda: parquet({"x": [[1], [2]]}), None, None, "no column"),
    "no rows": (lambda: parquet({"x": np.zeros(0)}), None, None, "no row"),
}


@pytest.mark.parametrize("case", BAD_PARQUET)
def test_a_bad_parquet_file_is_refused(tmp_path, case, capfd):
    make, row, column, cause = BAD_PARQUET[case]
    refuse(put(tmp_path, make(), "a.parquet"), row, column, cause)
    assert capfd.readouterr() == ("", "")


def test_no_file(tmp_path):
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    os.mkfifo(tmp_path / "pipe.csv")
    empty = put(tmp_path, b"a\n1\n", "a.csv")
    cases = {
        str(tmp_path): "folder",
        str(tmp_path / "none.csv"): "no such file",
        f"{empty}/b.csv": "no such file",
        str(loop): "leads back to itself",
        str(tmp_path / "pipe.csv"): "pipe",
        "/dev/zero": "device",
        "x" * 300: "too long",
        "a\0b": "NUL",
        "": "no file is named",
    }
    for path, word in cases.items():
        with pytest.raises(UserError) as caught:
            tables.read(path)
        assert word in caught.value.what and caught.value.remedy and str(caught.value).isprintable()


def test_permission_denied(tmp_path, monkeypatch):
    def denied(*_):
        raise PermissionError(13, "Permission denied")

    path = put(tmp_path, b"a\n1\n", "a.csv")
    monkeypatch.setattr(os, "open", denied)  # the administrator, who may run the tests, is never denied
    with pytest.raises(UserError, match="may not be read"):
        tables.read(path)


def test_an_interrupt_reaches_the_caller(tmp_path):
    """Ctrl+C while a workbook is unpacked in its own process ends the reading, not with a wrong sentence."""
    path = put(tmp_path, workbook({"S": SHEET}), "a.xlsx")
    code = """
import subprocess, sys
from emstudio import tables
def interrupted(*_, **__):
    raise KeyboardInterrupt
subprocess.run = interrupted
tables.read(sys.argv[1])
"""
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGINT


def test_written_tables_read_back(tmp_path):
    text = 'x,n,"a, b",t\n0.30000000000000004,3,"q ""r""\n",HTT\n,,,\n1e-320,900719925474099100,é,T\n-1e300,0,=1,H\n'
    table = tables.read(put(tmp_path, text.encode(), "a.csv"))
    out = tmp_path / "out file.csv"
    tables.write_csv(table, str(out))
    again = tables.read(str(out))
    assert again.names == table.names
    for a, b in zip(table.columns, again.columns):
        assert np.array_equal(a.values, b.values, equal_nan=a.numeric) and (a.kind, a.levels) == (b.kind, b.levels)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "out file.csv"]


def test_writing_to_standard_output(capsys, tmp_path):
    tables.write_csv(tables.read(put(tmp_path, b"a,b\n1,x\n", "a.csv")), "-")
    assert capsys.readouterr().out == "a,b\n1,x\n"


def test_writing_leaves_nothing_behind_when_it_fails(tmp_path, monkeypatch):
    table = tables.read(put(tmp_path, b"a\n1\n", "a.csv"))
    target = put(tmp_path, b"kept", "old.csv")
    for path, word in ((str(tmp_path / "none" / "b.csv"), "folder"), (str(tmp_path), "folder")):
        with pytest.raises(UserError, match=word):
            tables.write_csv(table, path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="cannot be written"):
        tables.write_csv(table, target)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "old.csv"]
    assert (tmp_path / "old.csv").read_bytes() == b"kept"
