"""The platform from the command line: ``python -m skaha.local serve|start|status|stop|reset``."""

import argparse
import errno
import logging
import sys
from pathlib import Path
from typing import Any

from attrs import fields

from skaha.local._address import Address, PlatformError, check_system


def main() -> int:
    """Run one command; return the exit status."""
    arguments = _parser().parse_args()
    try:
        check_system()
        return int(arguments.command(arguments))
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        sys.stderr.write(f"skaha.local: {error}: make room there and try again\n")
        return 1
    except PlatformError as error:
        sys.stderr.write(f"skaha.local: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m skaha.local", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, text in (
        ("serve", _serve, "run the platform in the foreground"),
        ("start", _start, "start it in the background, unless it runs, and print its URL"),
        ("status", _status, "print its URL; exit with 3 where it does not run"),
        ("stop", _stop, "end it, and what runs on it"),
        ("reset", _reset, "end it and forget every session"),
    ):
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--state", type=Path, help="state directory (default: the user's own)")
        sub.set_defaults(command=command)
        if name == "serve":
            _add_serve_options(sub)
        if name in {"serve", "start"}:
            _add_options(sub)
    return parser


def _add_serve_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--port", type=int, default=0, help="port on the loopback (default: a free one)")
    token = parser.add_mutually_exclusive_group()
    token.add_argument("--token", help="the token it wants; others on this machine can see it here")
    token.add_argument("--token-file", type=Path, help="a file with the token it wants")
    add("--tether", action="store_true", help="end when standard input does, as with its writer")
    add("--idle", type=float, help="end after so many seconds without work (default: never)")


def _add_options(parser: argparse.ArgumentParser) -> None:
    def add(name: str, text: str, **how: Any) -> None:
        # What is not given is left to the options' own defaults.
        parser.add_argument(name, help=text, default=argparse.SUPPRESS, **how)

    add("--time-scale", "factor on lifetimes and retentions", type=float)
    add("--start-delay", "seconds a session is Pending at least", type=float)
    add("--grace", "seconds between asking to end and killing", type=float)
    add("--cores", "cores to schedule on (default: the machine's)", type=float)
    add("--ram", "GiB of memory to schedule on (default: the machine's)", type=float)
    add("--profile", "which release of the server to be", choices=("v1", "v0"))
    add("--runtime", "how sessions run", choices=("process", "container"))
    add("--faults", "a file that says what shall go wrong; read when it changes", type=_absolute)
    add("--no-stats", "have no statistics, as many sites", dest="stats", action="store_false")


def _absolute(path: str) -> Path:
    return Path(path).absolute()


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    from skaha.local._options import Options

    names = {attribute.name for attribute in fields(Options)}
    return {name: value for name, value in vars(arguments).items() if name in names}


def _serve(arguments: argparse.Namespace) -> int:
    from skaha.local._options import Options
    from skaha.local._serve import serve
    from skaha.local._state import State

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    options = Options(**_given(arguments))
    token = _read(arguments.token_file) if arguments.token_file else arguments.token
    serve(
        State.open(arguments.state),
        options,
        port=arguments.port,
        token=token,
        tether=sys.stdin.fileno() if arguments.tether else None,
        ready=_announce,
    )
    return 0


def _read(token_file: Path) -> str:
    try:
        token = token_file.read_text().strip()
    except OSError as error:
        raise PlatformError(f"cannot read the token: {error}") from error
    if not token:
        raise PlatformError(f"there is no token in {token_file}")
    return token


def _announce(address: Address) -> None:
    sys.stdout.write(f"{address.url}\n")
    sys.stdout.flush()


def _start(arguments: argparse.Namespace) -> int:
    from skaha.local import _daemon

    given = _given(arguments)
    stats = [] if given.pop("stats", True) else ["--no-stats"]
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    _announce(_daemon.find_or_start(arguments.state, [*flags, *stats]))
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from skaha.local import _daemon

    running = _daemon.find(arguments.state)
    if running is None:
        sys.stdout.write("not running\n")
        return 3
    sys.stdout.write(f"{running.address.url} (process {running.pid})\n")
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    from skaha.local import _daemon

    sys.stdout.write("stopped\n" if _daemon.stop(arguments.state) else "not running\n")
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    from skaha.local import _daemon

    _daemon.reset(arguments.state)
    return 0


if __name__ == "__main__":
    sys.exit(main())
