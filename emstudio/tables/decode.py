"""From bytes to text: byte order marks, UTF-16 without one, Windows-1252, and what is no text at all."""

from __future__ import annotations

import codecs
import json

from emstudio.core.errors import UserError

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Not counted are those that occur in text files: tabs, line ends, form feed, DOS's end of file, escape.
CONTROLS = bytes(c for c in range(32) if c not in (9, 10, 11, 12, 13, 26, 27))
CHOOSE = "choose a CSV, TSV, Parquet, Excel or .npy file"


def decode(data: bytes, file: str) -> tuple[str, str]:
    """(text, the encoding's Python name). Raises UserError for what is not text."""
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), None) or wide(data)
    if encoding is None and 0 in data:
        raise UserError(
            "there is a NUL byte, so the file is not text or is damaged",
            CHOOSE,
            file=file,
            row=line_of(data, data.index(0)),
        )
    if encoding is None:
        encoding = "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as e:
        text, encoding = other(data, encoding, e, file)
    if encoding == "utf-16":
        encoding = "utf-16-le" if data.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    text = text.rstrip("\x1a")
    if "\0" in text:
        row = text.count("\n", 0, text.index("\0")) + 1
        raise UserError("there is a NUL character, so the file is not text or is damaged", CHOOSE, file=file, row=row)
    refuse_documents(text, file)
    return text, encoding


def other(data: bytes, encoding: str, error: UnicodeDecodeError, file: str) -> tuple[str, str]:
    """The text of bytes that are not valid `encoding`: Windows-1252 if they look like text at all."""
    if encoding != "utf-8":
        row = data[: error.start].decode(encoding, "ignore").count("\n") + 1
        raise UserError(
            f"the text is damaged: its bytes are not valid {encoding.upper()}",
            "save the file again as UTF-8",
            file=file,
            row=row,
        ) from None
    if data.translate(None, CONTROLS) != data:
        raise UserError("the file is not text", CHOOSE, file=file) from None
    try:
        return data.decode("cp1252"), "cp1252"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def wide(data: bytes) -> str | None:
    """UTF-16 without a byte order mark: every second byte of Western text is then zero, and only those."""
    head = data[:4096]
    low, high = head[0::2], head[1::2]
    if not high:
        return None
    if high.count(0) > 0.7 * len(high) and not low.count(0):
        return "utf-16-le"
    if low.count(0) > 0.7 * len(low) and not high.count(0):
        return "utf-16-be"
    return None


def line_of(data: bytes, position: int) -> int:
    """The line, from 1, of a byte."""
    return data.count(b"\n", 0, position) + 1


def refuse_documents(text: str, file: str) -> None:
    """UserError for web pages and JSON: text, but no table."""
    start = text[:256].lstrip().lower()
    if start.startswith(("<!doctype", "<html", "<?xml", "<table", "<svg")):
        raise UserError("this is a web page or an XML document, not a table", "save the table as CSV", file=file)
    if start.startswith(("{", "[")):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return
        raise UserError("this is a JSON document, not a table", "save the table as CSV", file=file)
