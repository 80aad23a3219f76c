"""`emstudio` and `python -m emstudio`: a command of the command line, else the window."""

# Nothing is imported here that Python has not loaded already, so that no interrupt comes before `leave` can take it.
import os
import sys
from collections.abc import Sequence

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; the exit code. `emstudio [FILE]` opens the window.

    As a program, which takes its arguments from the command line, an interrupt ends the process at once and silently.
    """
    if arguments is not None:
        return _main(arguments)
    try:
        import signal

        signal.signal(signal.SIGINT, leave)
    except KeyboardInterrupt:
        leave()
    status = _main(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done and said, and Python is a moment in ending
    return status


def leave(*_: object) -> None:
    """An interrupt where no part of the program takes it otherwise: exit status 130, and nothing half written is left.

    No exception, which would be printed or swallowed wherever a library is being imported.
    """
    outputs = sys.modules.get("emstudio.storage.outputs")
    getattr(outputs, "abandon", int)()
    if sys.stderr is not None and sys.stderr.isatty():
        os.write(sys.stderr.fileno(), b"\r\x1b[K")  # a line of progress
    os._exit(_INTERRUPTED)


def _main(given: Sequence[str]) -> int:
    from emstudio import cli
    from emstudio.core.errors import UserError

    given = list(given)
    if given and given[0] != "--" and (given[0] in cli.COMMANDS or given[0].startswith("-")):
        return cli.main(given)
    try:
        return window(given[1:] if given[:1] == ["--"] else given)
    except UserError as error:
        print(f"emstudio: error: {error}", file=sys.stderr)
        return cli.WRONG


def window(files: Sequence[str]) -> int:
    """Open the window; without a display prove that it would work."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    for file in files:
        check(file)
    # Before Qt is loaded: it reads the platform from there.
    from emstudio.gui.display import has_display

    if has_display():
        from emstudio.gui.app import run

        return run(files)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from emstudio.gui.proof import prove

    return prove(files)


def check(file: str) -> None:
    """UserError for what is neither a file nor a data set: a mistyped command opens no window."""
    from emstudio.core.errors import UserError

    if not file.startswith("dataset:") and not os.path.lexists(file):
        raise UserError("there is no such file or command", "see emstudio --help", file=file)


if __name__ == "__main__":
    sys.exit(main())
