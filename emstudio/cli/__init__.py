"""The command line: `emstudio COMMAND ...`, the same engine without the window.

`main` keeps the contract that holds for every command: exit status 0, 2 (one line on standard error), 3 (done, with a
warning) or 130 (interrupted); UTF-8; never a traceback. The commands are imported only when they are asked for.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module

DONE, WRONG, WARNED, INTERRUPTED = 0, 2, 3, 130

# name: (module of this package with `run(arguments) -> status`, what it does)
COMMANDS = {
    "fit": ("fit", "fit a mixture to a table"),
    "select": ("select", "fits over numbers of components and covariances, compared by BIC, AIC and ICL"),
    "predict": ("predict", "responsibilities of new rows under a fitted model"),
    "sample": ("sample", "rows drawn from a fitted model"),
    "show": ("look", "what was read from a table"),
    "datasets": ("look", "the bundled data sets"),
    "models": ("look", "the models and their parameters"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and answers its exit status; says everything there is to say itself."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _prepare()
        status = _dispatch(given)
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _silence()
        return DONE
    except Exception as error:
        return _refuse(error)


def _dispatch(given: list[str]) -> int:
    from emstudio.core.errors import UserError

    if not given or given[0] in ("-h", "--help"):
        print(overview())
        return DONE
    if given[0] == "--version":
        from emstudio import __version__

        print(f"emstudio {__version__}")
        return DONE
    name = given[0]
    if name not in COMMANDS:
        raise UserError(f"there is no command {name!r}", f"choose from: {', '.join(COMMANDS)}")
    module, _ = COMMANDS[name]
    return getattr(import_module(f"emstudio.cli.{module}"), name)(given[1:])


def overview() -> str:
    """The text of `emstudio --help`."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {what}" for name, (_, what) in COMMANDS.items()]
    head = "usage: emstudio [FILE]           opens the window\n       emstudio COMMAND ...     works without it\n\n"
    return head + "\n".join(lines) + "\n\nemstudio COMMAND --help says more."


def _prepare() -> None:
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # a library's remarks are not for the person; ours are sentences
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")


def _refuse(error: Exception) -> int:
    from emstudio.core.errors import UserError, printable

    if isinstance(error, UserError):
        text = str(error)
        try:  # a full standard output would be tried again when Python ends, and 120 be the exit status
            if sys.stdout is not None:
                sys.stdout.flush()
        except OSError:
            _silence()
    elif isinstance(error, MemoryError):
        text = "there is not enough memory; fit fewer rows, columns or components"
    elif isinstance(error, OSError) and error.filename is None:
        text = f"standard output cannot be written ({printable(error.strerror or error)}); make room or name a file"
        _silence()
    else:
        if os.environ.get("EMSTUDIO_TRACEBACK"):
            raise error
        text = f"a fault of EM Studio itself ({type(error).__name__}: {printable(error)}); please report it"
    _complain(f"emstudio: error: {text}")
    return WRONG


def _complain(line: str) -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError):  # there may be nowhere left to say it
            print(line, file=sys.stderr, flush=True)


def _silence() -> None:
    """Standard output is gone: what is still in its buffer must not be tried again when Python ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
