"""Run the embedded platform: ``python -m skaha.local serve|start|open|status|stop|reset``."""

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

from attrs import fields

from skaha.local import (
    Address,
    Options,
    PlatformError,
    check_installed,
    find_or_start,
    open_page,
    reset,
    status,
    stop,
)
from skaha.local._errors import platform_errors
from skaha.local._options import PROFILES, RUNTIMES

_NOT_RUNNING = 3


def main(words: list[str] | None = None, program: str = "python -m skaha.local") -> int:
    """Run a command; return the exit status.

    Args:
        words: The words of the command line; by default those of this process.
        program: The name of the program in messages.
    """
    arguments = _parser(program).parse_args(words)
    try:
        with platform_errors():
            return int(arguments.command(arguments))
    except PlatformError as error:
        sys.stderr.write(f"{program}: error: {error}\n")
        return 1


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(program, description="Run the embedded platform.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, text in (
        ("serve", _serve, "run the platform in the foreground"),
        ("start", _start, "start the platform in the background and print its URL"),
        ("open", _open, "open the page with the sessions in the browser"),
        ("status", _status, "print the platform's URL; the exit status is 3 if it does not run"),
        ("stop", _stop, "end the platform and its sessions"),
        ("reset", _reset, "end the platform and its sessions, and delete all records"),
    ):
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--state", type=Path, help="state directory (default: the user's own)")
        sub.set_defaults(command=command)
        if name == "open":
            sub.add_argument("--no-browser", action="store_true", help="only print the address")
        if name == "serve":
            _add_serve_options(sub)
        if name in {"serve", "start"}:
            _add_options(sub)
    return parser


def _add_serve_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--port", type=int, default=0, help="port on the loopback interface (default: a free one)")
    token = parser.add_mutually_exclusive_group()
    token.add_argument("--token", help="token of the platform; other users can see it here")
    token.add_argument("--token-file", type=Path, help="file with the token of the platform")
    add("--tether", action="store_true", help="end at the end of standard input")
    add("--idle", type=float, help="end after this time in seconds without work (default: never)")


def _add_options(parser: argparse.ArgumentParser) -> None:
    def add(name: str, text: str, **settings: Any) -> None:
        # `Options` has the defaults.
        parser.add_argument(name, help=text, default=argparse.SUPPRESS, **settings)

    add("--time-scale", "factor on lifetimes and retention times", type=float)
    add("--start-delay", "minimum time in seconds that a session is Pending", type=float)
    add("--grace", "seconds between the request to end and the kill", type=float)
    add("--cores", "cores to schedule on (default: the machine's)", type=float)
    add("--ram", "memory to schedule on, in GiB (default: the machine's)", type=float)
    add("--profile", "release of the server to imitate", choices=PROFILES)
    add("--runtime", "way to run sessions", choices=RUNTIMES)
    add("--faults", "JSON file with faults to inject; read again after a change", type=Path)
    add("--no-stats", "have no statistics, like many sites", dest="stats", action="store_false")


def _options(arguments: argparse.Namespace) -> Options | None:
    """Return the options on the command line, or `None` if there are none."""
    names = {attribute.name for attribute in fields(Options)}
    values = {name: value for name, value in vars(arguments).items() if name in names}
    return Options(**values) if values else None


def _serve(arguments: argparse.Namespace) -> int:
    check_installed()
    from skaha.local._server import serve
    from skaha.local._state_directory import StateDirectory

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    token = _read_token(arguments.token_file) if arguments.token_file else arguments.token
    serve(
        StateDirectory.open(arguments.state),
        _options(arguments) or Options(),
        port=arguments.port,
        token=token,
        tether=sys.stdin.fileno() if arguments.tether else None,
        ready=_print_url,
    )
    return 0


def _read_token(token_file: Path) -> str:
    try:
        return token_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PlatformError(f"cannot read the token: {error}") from error


def _print_url(address: Address) -> None:
    sys.stdout.write(f"{address.url}\n")
    sys.stdout.flush()


def _start(arguments: argparse.Namespace) -> int:
    _print_url(find_or_start(arguments.state, _options(arguments)))
    return 0


def _open(arguments: argparse.Namespace) -> int:
    page = open_page(arguments.state, browser=not arguments.no_browser)
    if not page.opened:
        sys.stdout.write(f"{page.url}\n")
        sys.stderr.write(f"open this address within {page.seconds:.0f} seconds; it works once\n")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    running = status(arguments.state)
    if running is None:
        sys.stdout.write("not running\n")
        return _NOT_RUNNING
    sys.stdout.write(f"{running.url} (process {running.pid})\n")
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    sys.stdout.write("stopped\n" if stop(arguments.state) else "not running\n")
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    reset(arguments.state)
    return 0


if __name__ == "__main__":
    sys.exit(main())
