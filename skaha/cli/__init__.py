"""The command `skaha`. It needs the extra `cli`."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

__all__ = ["main"]

_INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line of this process, and exit with its code."""
    for one in ("SIGTERM", "SIGHUP"):
        _interrupt_on(getattr(signal, one, None))
    try:
        from skaha.cli._program import run

        sys.exit(run(sys.argv[1:]))
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit("skaha: the command line needs click: pip install 'skaha[cli]'")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _interrupt_on(number: signal.Signals | None) -> None:
    """Let a signal end the program as Ctrl-C does, unless it is to be ignored, as by `nohup`."""
    if number is not None and signal.getsignal(number) is signal.SIG_DFL:
        signal.signal(number, signal.default_int_handler)
