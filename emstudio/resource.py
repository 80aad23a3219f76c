"""Finds the files that are not code: data sets, icons, fonts.

In a checkout they lie in `resources/` beside the package. A wheel carries a copy inside the package, and so does a
frozen application. Beside comes first: an editable install can leave an old copy inside.
"""

from __future__ import annotations

import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def roots() -> tuple[Path, ...]:
    """The folders that may hold resources, the first that has the file wins."""
    bundle = getattr(sys, "_MEIPASS", None)  # set by PyInstaller's start-up code
    frozen = (Path(bundle) / "emstudio" / "resources",) if bundle else ()
    # Beside an installed package a folder of that name is somebody else's: a checkout has the project file.
    beside = (PACKAGE.parent / "resources",) if (PACKAGE.parent / "pyproject.toml").is_file() else ()
    return (*beside, PACKAGE / "resources", *frozen)


def resource(name: str) -> Path:
    """The path of the file or folder `name`, written with slashes from `resources/`: `resource("app.svg")`.

    Raises FileNotFoundError if this installation does not have it.
    """
    tried = [root / name for root in roots()]
    for path in tried:
        if path.exists():
            return path
    places = ", ".join(str(path) for path in tried)
    raise FileNotFoundError(f"EM Studio's own file {name!r} is missing (looked at {places}); install EM Studio again")
