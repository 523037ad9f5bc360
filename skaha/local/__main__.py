"""The platform from the command line: ``python -m skaha.local serve|start|status|stop|reset``."""

import argparse
import logging
import sys
from pathlib import Path

from attrs import fields

from skaha.local._address import Address, PlatformError, check_system


def main() -> int:
    """Run one command; return the exit status."""
    arguments = _parser().parse_args()
    try:
        check_system()
        return int(arguments.command(arguments))
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
    return parser


def _add_serve_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--port", type=int, default=0, help="port on the loopback (default: a free one)")
    token = parser.add_mutually_exclusive_group()
    token.add_argument("--token", help="the token it wants; others on this machine can see it here")
    token.add_argument("--token-file", type=Path, help="a file with the token it wants")
    add("--time-scale", type=float, default=1.0, help="factor on lifetimes and retentions")
    add("--start-delay", type=float, default=0.0, help="seconds a session is Pending at least")
    add("--grace", type=float, default=10.0, help="seconds between asking to end and killing")
    add("--idle", type=float, help="end after so many seconds without work (default: never)")
    add("--cores", type=float, help="cores to schedule on (default: the machine's)")
    add("--ram", type=float, help="GiB of memory to schedule on (default: the machine's)")
    add("--profile", choices=("v1", "v0"), default="v1", help="which release of the server to be")
    add("--faults", type=Path, help="a file that says what shall go wrong; read when it changes")
    add("--no-stats", dest="stats", action="store_false", help="have no statistics, as many sites")


def _serve(arguments: argparse.Namespace) -> int:
    from skaha.local._options import Options  # noqa: PLC0415 - see _start
    from skaha.local._serve import serve  # noqa: PLC0415
    from skaha.local._state import State  # noqa: PLC0415

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    names = [attribute.name for attribute in fields(Options)]
    options = Options(**{name: getattr(arguments, name) for name in names})
    token = _read(arguments.token_file) if arguments.token_file else arguments.token
    serve(State.open(arguments.state), options, port=arguments.port, token=token, ready=_announce)
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
    from skaha.local import find_or_start  # noqa: PLC0415 - a command loads only what it needs

    _announce(find_or_start(arguments.state))
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from skaha.local import _daemon  # noqa: PLC0415

    running = _daemon.find(arguments.state)
    if running is None:
        sys.stdout.write("not running\n")
        return 3
    sys.stdout.write(f"{running.address.url} (process {running.pid})\n")
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    from skaha.local import _daemon  # noqa: PLC0415

    sys.stdout.write("stopped\n" if _daemon.stop(arguments.state) else "not running\n")
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    from skaha.local import _daemon  # noqa: PLC0415

    _daemon.reset(arguments.state)
    return 0


if __name__ == "__main__":
    sys.exit(main())
