"""Delimited text through `tables.read`: what is read, and the sentence for what is not."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from emstudio import tables
from emstudio.core.data import Table, dataset
from emstudio.core.errors import UserError

NAN = math.nan


def put(folder: Path, data: bytes | str, name: str = "data.csv") -> str:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(path)


def contents(table: Table) -> dict[str, list]:
    """The table as plain lists; texts in place of codes."""
    found = {}
    for c in table.columns:
        texts = [c.levels[v] if v >= 0 else None for v in c.values.tolist()] if not c.numeric else None
        found[c.name] = c.values.tolist() if texts is None else texts
    return found


def same(found: dict[str, list], expected: dict[str, list]) -> bool:
    if list(found) != list(expected):
        return False
    return all(
        len(f) == len(e) and all(a == b or (a != a and b != b) for a, b in zip(f, e))
        for f, e in zip(found.values(), expected.values())
    )


AB = {"a": [1.0, 3.0], "b": [2.0, 4.0]}
READ = {
    "plain": ("a,b\n1,2\n3,4\n", AB),
    "no line end at the end": ("a,b\n1,2\n3,4", AB),
    "CR LF": ("a,b\r\n1,2\r\n3,4\r\n", AB),
    "CR": ("a,b\r1,2\r3,4\r", AB),
    "mixed line ends": ("a,b\n1,2\r\n3,4\r", AB),
    "DOS end of file": ("a,b\n1,2\n3,4\n\x1a", AB),
    "tabs": ("a\tb\n1\t2\n3\t4\n", AB),
    "semicolons": ("a;b\n1;2\n3;4\n", AB),
    "bars": ("a|b\n1|2\n3|4\n", AB),
    "blanks": ("a b\n1 2\n3 4\n", AB),
    "many blanks": ("  a   b\n 1.0    2  \n   3  4.\n", AB),
    "blanks around cells": (" a , b \n 1 ,\t2\n3 , 4\n", AB),
    "byte order mark": (b"\xef\xbb\xbfa,b\n1,2\n3,4\n", AB),
    "UTF-16": ("a,b\n1,2\n3,4\n".encode("utf-16"), AB),
    "UTF-16 big endian": (b"\xfe\xff" + "a,b\n1,2\n3,4\n".encode("utf-16-be"), AB),
    "UTF-16 without mark": ("a,b\n1,2\n3,4\n".encode("utf-16-le"), AB),
    "UTF-16 big endian without mark": ("a,b\n1,2\n3,4\n".encode("utf-16-be"), AB),
    "UTF-32": ("a,b\n1,2\n3,4\n".encode("utf-32"), AB),
    "Windows-1252": ("größe,b\n1,2\n".encode("cp1252"), {"größe": [1.0], "b": [2.0]}),
    "UTF-8": ("größe,b\n1,2\n", {"größe": [1.0], "b": [2.0]}),
    "comments": ("# by hand\na,b\n1,2\n# pause\n3,4\n", AB),
    "delimiter declared for Excel": ("sep=;\na;b\n1;2\n3;4\n", AB),
    "delimiter declared against appearance": ("SEP=;\r\na;b,c\r\n1;2\r\n", {"a": [1.0], "b,c": [2.0]}),
    "no delimiter declared": ("sep=\ta\n1\t2\n", {"sep=": [1.0], "a": [2.0]}),
    "a missing cell is no comment": ("a,b\n#N/A,2\n3,4\n", {"a": [NAN, 3.0], "b": [2.0, 4.0]}),
    "blank lines": ("\n\na,b\n1,2\n\n   \n3,4\n\n\n", AB),
    "empty rows of a spreadsheet above": (",\n,\na,b\n1,2\n3,4\n", AB),
    "delimiters at the ends of lines": ("a,b,\n1,2,\n3,4,\n", AB),
    "delimiters at the ends of rows only": ("a,b\n1,2,\n3,4,\n", AB),
    "quoted": ('"a","b"\n"1","2"\n"3","4"\n', AB),
    "no header": ("1,2\n3,4\n", {"x1": [1.0, 3.0], "x2": [2.0, 4.0]}),
    "years are no header": ("2019,2020\n1,2\n", {"x1": [2019.0, 1.0], "x2": [2020.0, 2.0]}),
    "no header, a cell missing": ("1,,3\n4,5,6\n", {"x1": [1.0, 4.0], "x2": [NAN, 5.0], "x3": [3.0, 6.0]}),
    "one number": ("5", {"x1": [5.0]}),
    "one column": ("a\n1\n2\n", {"a": [1.0, 2.0]}),
    "one column, a missing cell": ('a\n1\n""\n2\n', {"a": [1.0, NAN, 2.0]}),
    "one row": ("a,b\n1,2\n", {"a": [1.0], "b": [2.0]}),
    "missing cells": (
        "a,b\n1,NA\nn/a,2\n-,NaN\n?,null\n.,\nNone,#N/A\n5,nan\n",
        {"a": [1.0, NAN, NAN, NAN, NAN, NAN, 5.0], "b": [NAN, 2.0, NAN, NAN, NAN, NAN, NAN]},
    ),
    "none is a word among words": ("a,b\nnone,1\nsome,2\nNA,3\n", {"a": ["none", "some", None], "b": [1.0, 2.0, 3.0]}),
    "a row of missing cells": ("a,b\n1,2\n,\n3,4\n", {"a": [1.0, NAN, 3.0], "b": [2.0, NAN, 4.0]}),
    "column without values": ("a,b\n1,\n2,NA\n", {"a": [1.0, 2.0]}),
    "constant column": ("a,b\n1,2\n1,3\n", {"a": [1.0, 1.0], "b": [2.0, 3.0]}),
    "decimal commas": ("a;b\n1,5;2\n2,25;-,5\n", {"a": [1.5, 2.25], "b": [2.0, -0.5]}),
    "three digits after the comma": ("a;b\n3,600;79\n1,800;54\n", {"a": [3.6, 1.8], "b": [79.0, 54.0]}),
    "decimal commas in quotation marks": ('a,b\n"1,5",2\n"0,25",3\n', {"a": [1.5, 0.25], "b": [2.0, 3.0]}),
    "decimal commas, tabs": ("a\tb\n1,5\t2\n2,5\t3\n", {"a": [1.5, 2.5], "b": [2.0, 3.0]}),
    "decimal commas without header": ("1,5;2\n2,5;3\n", {"x1": [1.5, 2.5], "x2": [2.0, 3.0]}),
    "semicolons and decimal points": ("a;b\n1.5;2\n2.5;3\n", {"a": [1.5, 2.5], "b": [2.0, 3.0]}),
    "thousands": ('a,b\n"1,234,567.5",1\n"1,000",2\n7,3\n', {"a": [1234567.5, 1000.0, 7.0], "b": [1.0, 2.0, 3.0]}),
    "thousands, decimal commas": ("a;b\n1.234,5;1\n0,5;2\n", {"a": [1234.5, 0.5], "b": [1.0, 2.0]}),
    "exponents": ("a,b\n1e3,1E-3\n-1.5e+2,.5\n", {"a": [1000.0, -150.0], "b": [0.001, 0.5]}),
    "denormal and minus zero": ("a\n1e-320\n-0\n", {"a": [1e-320, 0.0]}),
    "typographic minus": ("a,b\n−5,1\n2,3\n", {"a": [-5.0, 2.0], "b": [1.0, 3.0]}),
    "seventeen digits": ("a\n0.30000000000000004\n", {"a": [0.1 + 0.2]}),
    "words": ("a,b\nred,1\nblue,2\n", {"a": ["red", "blue"], "b": [1.0, 2.0]}),
    "dates": ("d,b\n2020-01-01,1\n2020-01-02,2\n", {"d": ["2020-01-01", "2020-01-02"], "b": [1.0, 2.0]}),
    "truth values": ("t,b\ntrue,1\nfalse,2\n", {"t": ["true", "false"], "b": [1.0, 2.0]}),
    "hexadecimal": ("h,b\n0x1F,1\n0x20,2\n", {"h": ["0x1F", "0x20"], "b": [1.0, 2.0]}),
    "line break in a cell": ('a,b\n1,"x\ny"\n2,z\n', {"a": [1.0, 2.0], "b": ["x\ny", "z"]}),
    "delimiter and quotation mark in a cell": ('a,b\n1,"x, ""y"""\n', {"a": [1.0], "b": ['x, "y"']}),
    "quotation mark inside a word": ('a,b\n1,5" disk\n', {"a": [1.0], "b": ['5" disk']}),
    "comment sign inside a cell": ('a,b\n1,"x\n# y"\n', {"a": [1.0], "b": ["x\n# y"]}),
    "form feed is no line end": ("a,b\nx\x0cy,1\nz\u2028,2\n", {"a": ["x\x0cy", "z"], "b": [1.0, 2.0]}),
    "control characters in names": ("a\x1b[31m,=cmd\n1,2\n", {"a\x1b[31m": [1.0], "=cmd": [2.0]}),
    "HTML in names": ("<b>a</b>,b\n1,2\n", {"<b>a</b>": [1.0], "b": [2.0]}),
    "unit in brackets": ("[m],b\n1,2\n", {"[m]": [1.0], "b": [2.0]}),
    "header without a name": ("a,,c\n1,2,3\n", {"a": [1.0], "column 2": [2.0], "c": [3.0]}),
    "index of pandas": (",0,1\n0,5,6\n1,7,8\n", {"column 1": [0.0, 1.0], "0": [5.0, 7.0], "1": [6.0, 8.0]}),
    "begins like a zip archive": ("PK,x\n1,2\n", {"PK": [1.0], "x": [2.0]}),
    "words with blanks": ("name\nAnn Lee\nBo Ek\n", {"name": ["Ann Lee", "Bo Ek"]}),
}


@pytest.mark.parametrize("case", READ)
def test_is_read(tmp_path, case):
    data, expected = READ[case]
    assert same(contents(tables.read(put(tmp_path, data))), expected)


# What the sentence must say: where it is, and a word of the cause.
REFUSED = {
    "empty": ("", None, None, "empty"),
    "blank": ("\n  \n\n", None, None, "blank"),
    "only comments": ("# a\n# b\n", None, None, "comments"),
    "only a header": ("a,b\n", None, None, "no row"),
    "header of blanks": ("   ,  \n", None, None, "blank"),
    "nothing but missing cells": ("a,b\n,NA\n", None, None, "no cell"),
    "too many cells": ("a,b\n1,2\n3,4,5\n", 3, None, "3 cells"),
    "too few cells": ("a,b\n1,2\n3\n", 3, None, "1 cell,"),
    "too few cells, blanks": ("a b\n1 2\n3\n", 3, None, "1 cell,"),
    "title above the header": ("My data\n\na,b\n1,2\n3,4\n", 3, None, "2 cells"),
    "rows counted through blank lines and comments": ("# c\n\na,b\n1,2\n\n# c\n3,x\n4,5\n", 7, "b", "'x'"),
    "rows counted through line breaks in cells": ('a,b\n1,"x\ny"\n2,z\n3\n', 5, None, "1 cell,"),
    "rows counted through CR": ("a,b\r1,2\r3,x\r4,5\r", 3, "b", "'x'"),
    "stray text": ("a,b\n1,2\n3,abc\n", 3, "b", "'abc' is not a number"),
    "stray text in the first row": ("a,b\nabc,2\n3,4\n", 2, "a", "'abc'"),
    "failed formula in the first cell": ("a,b\n#DIV/0!,2\n3,4\n5,6\n", 2, "a", "'#DIV/0!'"),
    "declared delimiter counted": ("sep=;\na;b\n1;2\n3;x\n5;6\n", 4, "b", "'x'"),
    "units below the header": ("a,b\ncm,kg\n1,2\n3,4\n", 2, "a", "'cm'"),
    "stray unit": ("a\n5 cm\n6\n", 2, "a", "unit"),
    "stray per cent": ("a\n5%\n6\n", 2, "a", "sign"),
    "stray date": ("a\n1.5\n2020-01-01\n", 3, "a", "'2020-01-01'"),
    "underscore": ("a\n1_000\n2\n", 2, "a", "'1_000'"),
    "Fortran's exponent": ("a\n1.0D+05\n2\n", 2, "a", "'1.0D+05'"),
    "infinity": ("a,b\n1,2\n3,inf\n", 3, "b", "finite"),
    "minus infinity": ("a,b\n1,-Infinity\n", 2, "b", "finite"),
    "infinity in the first line": ("inf,1\n2,3\n", 1, "x1", "finite"),
    "too large": ("a\n1\n1e999\n", 3, "a", "'1e999' is not a finite number"),
    "two columns alike": ("a,b,a\n1,2,3\n", 1, None, "columns 1 and 3"),
    "two columns alike but for blanks": ("a,a \n1,2\n", 1, None, "columns 1 and 2"),
    "comma of two meanings": ("a\tb\n1,234\t5\n", 2, "a", "'1,234'"),
    "comma of two uses": ('a,b\n"1,5",1\n"1,234,567",2\n', 3, "a", "thousands"),
    "two decimal marks": ("a;b\n1,5;2.5\n", 2, "b", "decimal"),
    "two decimal marks in a column": ("a;b\n1,5;1\n2.5;2\n", 3, "a", "decimal"),
    "quotation mark never closed": ('a,b\n1,2\n"3,4\n5,6\n', 3, None, "never closed"),
    "quotation mark never closed, second cell": ('a,b\n"x\ny","z\n3,4\n', 3, None, "never closed"),
    "text behind a quoted cell": ('a,b\n"1"x,2\n', 2, None, "closing quotation mark"),
    "cell without end": (b"1" * 200_000, 1, None, "131,072 characters"),
    "columns without end": (b",".join([b"1"] * 20_000), None, None, "20,000 columns"),
    "NUL": (b"a,b\n1,\x002\n", 2, None, "NUL"),
    "NUL in UTF-16": ("a,b\n1,\0\n".encode("utf-16"), 2, None, "NUL"),
    "half a character of UTF-16": ("a,b\n1,2\n".encode("utf-16") + b"x", 3, None, "damaged"),
    "all bytes": (bytes(range(1, 256)) * 9, None, None, "not text"),
    "NUL bytes only": (bytes(100_000), None, None, "NUL"),
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(99), None, None, "PNG"),
    "PDF": (b"%PDF-1.7\n1 0 obj", None, None, "PDF"),
    "gzip": (b"\x1f\x8b\x08\x00junk", None, None, "gzip"),
    "zip": (b"PK\x03\x04junk", None, None, "zip"),
    "empty zip": (b"PK\x05\x06" + bytes(18), None, None, "zip"),
    "program": (b"\x7fELF\x02", None, None, "program"),
    "web page": ("<!DOCTYPE html>\n<table>", None, None, "web page"),
    "JSON": ('{"a": [1, 2]}', None, None, "JSON"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused_with_one_sentence(tmp_path, case):
    data, row, column, cause = REFUSED[case]
    path = put(tmp_path, data)
    with pytest.raises(UserError) as caught:
        tables.read(path)
    error = caught.value
    assert (error.file, error.row, error.column) == (path, row, column)
    assert cause in error.what and error.remedy
    assert str(error).isprintable()


KINDS = {
    "1,2.5,x,HTT": ["count", "number", "category", "tosses"],
    "-1,1e2,true,h t": ["number", "count", "category", "tosses"],
    "0,1.0,H2,T": ["count", "count", "category", "tosses"],
}


@pytest.mark.parametrize("row", KINDS)
def test_kinds(tmp_path, row):
    assert [c.kind for c in tables.read(put(tmp_path, "a,b,c,d\n" + row + "\n")).columns] == KINDS[row]


def test_tosses_are_spelled_alike(tmp_path):
    column = tables.read(put(tmp_path, 'tosses\nH T T\nhtt\nTTTT\n""\n')).columns[0]
    assert column.kind == "tosses" and column.levels == ("HTT", "TTTT")
    assert column.values.tolist() == [0, 0, 1, -1]


@pytest.mark.parametrize(
    "text, fitted",
    [
        (",x\n0,5\n1,6\n", ["x"]),
        ("id,x\n1,5\n2,6\n3,7\n", ["x"]),
        ("id,x\n17,5\n4,6\n", ["id", "x"]),
        ("year,x\n2000,5\n2001,6\n", ["year", "x"]),
        ("1,5\n2,6\n", ["x1", "x2"]),
    ],
)
def test_a_column_that_only_numbers_the_rows_is_not_fitted(tmp_path, text, fitted):
    table = tables.read(put(tmp_path, text))
    assert [c.name for c in table.columns if c.fit] == fitted
    assert any("numbers the rows" in n for n in table.notices) == (len(fitted) < len(table.columns))


@pytest.mark.parametrize(
    "text, word",
    [
        ("a,b\n1,\n2,\n", "no values: b"),
        ("a,,c\n1,2,3\n", "column 2"),
        ("a,b\n5 cm,1\n6 cm,2\n", "'cm'"),
        ("a,b\n5%,1\n6%,2\n", "'%'"),
        ("a,b\n$5,1\n$7.50,2\n", "'$'"),
        ("a;b\n1 234,5;1\n12 345;2\n", "gaps between the digits"),
        ("a,b\n1'234.5,1\n0.5,2\n2'000,3\n", "gaps between the digits"),
        ("a;b\n1\u202f234,5;1\n1\xa0000;2\n", "gaps between the digits"),
        ("a\n12345678901234567890\n", "2^53"),
        ("setosa,5.1\nother,4.9\n", "header, though it holds numbers: 5.1"),
        ("a\n1\n\n2\n", "blank lines between rows were skipped: 1"),
        ("#x\na\n1\n", "comments: 1"),
        ('a,b\n"1,234.5",1\n', "separator of thousands"),
        ("ä\n1\n".encode("cp1252"), "cp1252"),
    ],
)
def test_what_a_person_should_know_is_said(tmp_path, text, word):
    notices = tables.read(put(tmp_path, text)).notices
    assert any(word in n for n in notices), notices


def test_a_clean_file_gives_no_notice(tmp_path):
    assert tables.read(put(tmp_path, "\na,b\n1,x\n2,y\n\n")).notices == ()


@pytest.mark.parametrize(
    "text, row",
    [("a,b\n1,2\n,4\n", 3), ("# c\n\na,b\n1,2\n\n,4\n", 6), ('a,b\n1,"2"\n\n"",4\n', 4), ("1,2\n,4\n", 2)],
)
def test_a_missing_cell_is_named_by_its_line(tmp_path, text, row):
    table = tables.read(put(tmp_path, text))
    with pytest.raises(UserError) as caught:
        dataset(table, missing="error")
    assert caught.value.row == row and caught.value.column == table.names[0]
    rest = table.take(np.array([1]))
    assert rest.where(0, table.names[0]) == {"row": row, "column": table.names[0]}


def test_a_wide_table(tmp_path):
    names = ",".join(f"c{j}" for j in range(5000))
    table = tables.read(put(tmp_path, names + "\n" + ",".join(["1.5"] * 5000) + "\n"))
    assert len(table.columns) == 5000 and table.column("c4999").values.tolist() == [1.5]


@pytest.mark.parametrize(
    "name", ["with blank.csv", "größe.csv", 'it\'s "it".csv', "two\nlines.csv", "-k.csv", "none", "a.txt"]
)
def test_odd_names_of_files(tmp_path, name, monkeypatch):
    put(tmp_path, "a\n1\n", name)
    monkeypatch.chdir(tmp_path)
    assert tables.read(name).source == name
    put(tmp_path, "a\n1\nx\n", name)
    with pytest.raises(UserError) as caught:
        tables.read(name)
    assert str(caught.value).isprintable()


def test_the_report(tmp_path):
    table = tables.read(put(tmp_path, "a;s\n1,5;x\n;y\n-2;x\n", "t.csv"))
    report = tables.show(table)
    assert (report["rows"], report["delimiter"], report["encoding"], report["decimal_mark"]) == (3, ";", "utf-8", ",")
    number, word = report["columns"]
    assert number | {"unit": None} == {
        "name": "a", "kind": "number", "unit": None, "fit": True, "count": 2, "missing": 1,
        "minimum": -2.0, "maximum": 1.5, "sum": -0.5, "distinct": None,
    }  # fmt: skip
    assert (word["kind"], word["count"], word["sum"], word["distinct"], word["fit"]) == ("category", 3, None, 2, False)
    assert tables.show(tables.read(put(tmp_path, "a\n1e308\n1e308\n")))["columns"][0]["sum"] is None
    assert tables.show(tables.read(put(tmp_path, "a\n0.1\n0.2\n0.3\n1e16\n-1e16\n")))["columns"][0]["sum"] == 0.6


@pytest.mark.parametrize(
    "text, expected",
    [
        ("a\tb\n1,5\t2\n2,5\t3\n", {"a": [1.5, 2.5], "b": [2.0, 3.0]}),
        ("1\t2\n3\t4\n", {"x1": [1.0, 3.0], "x2": [2.0, 4.0]}),
        ('a\tb\n"x\ny"\t2\n', {"a": ["x\ny"], "b": [2.0]}),
        ("a,b\n1,2\n", {"a": [1.0], "b": [2.0]}),
        ("3 4\n5 6", {"x1": [3.0, 5.0], "x2": [4.0, 6.0]}),
    ],
)
def test_pasted_text(text, expected):
    assert same(contents(tables.parse(text)), expected)


@pytest.mark.parametrize("text", ["", "  \n", "a\tb\n1\t2\n3\tx\n", "a\0b", "<html>", "\ud800,1\n2"])
def test_pasted_nonsense(text):
    with pytest.raises(UserError) as caught:
        tables.parse(text)
    assert caught.value.file == "Pasted table" and str(caught.value).isprintable()


def test_small_files_are_read_without_polars(tmp_path):
    import subprocess

    path = put(tmp_path, "a,b\n1,x\n")
    code = "import sys; from emstudio import tables; tables.read(sys.argv[1])"
    code += "; print([m for m in ('polars', 'fastexcel') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
