"""The command line program `skaha`. It needs the extra `cli`."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

__all__ = ["main"]

_INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line of this process and exit with its exit code."""
    for name in ("SIGTERM", "SIGHUP"):
        _interrupt_on(getattr(signal, name, None))
    try:
        from skaha.cli._app import run

        sys.exit(run(sys.argv[1:]))
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit("skaha: the command line needs click: pip install 'skaha[cli]'")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _interrupt_on(number: signal.Signals | None) -> None:
    """Make a signal end the program like Ctrl-C, unless it is ignored, for example by `nohup`."""
    if number is not None and signal.getsignal(number) is signal.SIG_DFL:
        signal.signal(number, signal.default_int_handler)
