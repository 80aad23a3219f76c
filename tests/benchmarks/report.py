"""A benchmark's table, printed and written as JSON."""

from __future__ import annotations

import json
import platform
from pathlib import Path


def report(title: str, rows: list[dict], out: str | None) -> None:
    """Print `rows` as a table; with `out` write them as JSON beside what machine they were taken on."""
    keys = list(rows[0])
    cells = [[_cell(row[key]) for key in keys] for row in rows]
    widths = [max(len(key), *(len(c[i]) for c in cells)) for i, key in enumerate(keys)]
    print(title)
    print("  ".join(key.rjust(w) for key, w in zip(keys, widths)))
    for line in cells:
        print("  ".join(text.rjust(w) for text, w in zip(line, widths)))
    if out:
        document = {"title": title, "python": platform.python_version(), "machine": platform.machine(), "rows": rows}
        Path(out).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
