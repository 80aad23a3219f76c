"""The formats of pictures, by the name of their file."""

from __future__ import annotations

import os

from emstudio.core.errors import UserError
from emstudio.storage.outputs import STDOUT

PICTURES = {"png": "PNG picture", "svg": "SVG drawing", "pdf": "PDF document"}


def picture_kind(path: str) -> str:
    """`png`, `svg` or `pdf`, as the name ends; standard output takes a PNG. UserError where it ends otherwise."""
    if path == STDOUT:
        return "png"
    suffix = os.path.splitext(path)[1].lower().removeprefix(".")
    if suffix not in PICTURES:
        what = "a picture is written as PNG, SVG or PDF"
        raise UserError(what, "give a name that ends in .png, .svg or .pdf", file=path)
    return suffix
