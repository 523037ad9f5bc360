"""The command line program `skaha`. It needs the extra `cli`."""

from __future__ import annotations

import signal
import sys
from importlib.util import find_spec
from typing import NoReturn

__all__ = ["main"]

_INTERRUPTED = 130
# Modules of the extra `cli`, and their packages. Other extras install some of them, too.
_PACKAGES = {
    "click": "click",
    "filelock": "filelock",
    "yaml": "pyyaml",
    "tomlkit": "tomlkit",
    "tqdm": "tqdm",
}


def main() -> NoReturn:
    """Run the command line of this process and exit with its exit code."""
    for name in ("SIGTERM", "SIGHUP"):
        _interrupt_on(getattr(signal, name, None))
    if missing := [package for name, package in _PACKAGES.items() if find_spec(name) is None]:
        packages = ", ".join(missing)
        sys.exit(f"skaha: the command line needs {packages}: pip install 'skaha[cli]>=2'")
    try:
        from skaha.cli._app import run

        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _interrupt_on(number: signal.Signals | None) -> None:
    """Make a signal end the program like Ctrl-C, unless it is ignored, for example by `nohup`."""
    if number is not None and signal.getsignal(number) is signal.SIG_DFL:
        signal.signal(number, signal.default_int_handler)
