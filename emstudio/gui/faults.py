"""What nobody foresaw: the window stays open, says so in one sentence, and the traceback goes to a log file."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QStandardPaths

from emstudio.core.errors import printable


def log_file() -> Path:
    """Where tracebacks are kept."""
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppLocalDataLocation)
    return Path(folder or ".") / "emstudio.log"


def install(tell: Callable[[str], None], stop: Callable[[], object]) -> None:
    """From now on an uncaught exception is logged and told; Ctrl+C in the terminal stops the program."""

    def hook(kind: type[BaseException], error: BaseException, trace: object) -> None:
        if issubclass(kind, KeyboardInterrupt):
            stop()
            return
        sentence = record(kind, error, trace)
        print(f"emstudio: error: {sentence}", file=sys.stderr)
        tell(sentence)

    sys.excepthook = hook


def record(kind: type[BaseException], error: BaseException, trace: object) -> str:
    """Write the traceback to the log file; the sentence for the person."""
    what = f"Something went wrong inside EM Studio ({kind.__name__}: {printable(error)}); your data are still here"
    path = log_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(time.strftime("\n%Y-%m-%d %H:%M:%S\n"))
            traceback.print_exception(kind, error, trace, file=file)  # type: ignore[arg-type]
    except OSError:
        return f"{what}. The details could not be written to {printable(path)}."
    return f"{what}. The details are in {printable(path)}."
