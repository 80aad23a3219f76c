"""Prints what EM Studio needs, one requirement a line: `python3 requirements.py [EXTRA ...]`.

A comment names Python and platform: packages installed for one of them do not fit another.

Runs before anything is installed, so it uses the standard library only. `pyproject.toml` stays the one list.
"""

import sys
import sysconfig
import tomllib
from pathlib import Path


def main(extras: list[str]) -> None:
    project = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text("utf-8"))["project"]
    lines = ["# Python {}.{}, {}".format(*sys.version_info[:2], sysconfig.get_platform()), *project["dependencies"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    print("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
