"""The command `skaha` itself: its commands, and how it ends."""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import suppress
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

import click

from skaha._version import __version__
from skaha.cli._call import Call, SkahaGroup, connection_options, shared_options
from skaha.cli._codes import FAILED, INTERRUPTED, WORDS, code_of
from skaha.cli._output import abandon

# Where each command is defined, under the headings of the help.
_COMMANDS = {
    "Sessions": {
        "create": "launching",
        "ps": "looking",
        "info": "looking",
        "logs": "logs",
        "events": "looking",
        "wait": "waiting",
        "open": "waiting",
        "renew": "waiting",
        "delete": "ending",
        "prune": "ending",
        "apps": "looking",
    },
    "The platform": {
        "images": "platform",
        "repositories": "platform",
        "resources": "platform",
        "stats": "platform",
        "availability": "platform",
        "local": "local",
    },
    "You": {
        "login": "login",
        "logout": "login",
        "auth": "auth",
        "servers": "login",
        "config": "config",
        "completion": "completion",
        "version": "version",
    },
}
_HOMES = {name: home for section in _COMMANDS.values() for name, home in section.items()}
_ALIASES = {"run": "create", "ls": "ps", "rm": "delete"}


class _Program(SkahaGroup):
    """Imports a command when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's interface)
        return [*_HOMES, *_ALIASES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        name = _ALIASES.get(cmd_name, cmd_name)
        if name not in _HOMES:
            return None
        module = importlib.import_module(f"skaha.cli.{_HOMES[name]}")
        found: click.Command = getattr(module, f"{name}_command")
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _HOMES and name not in _ALIASES and not name.startswith("-"):
            close = get_close_matches(name, [*_HOMES, *_ALIASES], 1)
            meant = f"; did you mean {close[0]}?" if close else ""
            ctx.fail(f"no such command {name!r}{meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        aliases = {name: alias for alias, name in _ALIASES.items()}
        for section, homes in _COMMANDS.items():
            rows = []
            for name in homes:
                one = self.get_command(ctx, name)
                shown = f"{name}, {aliases[name]}" if name in aliases else name
                rows.append((shown, one.get_short_help_str(90) if one else ""))
            with formatter.section(section):
                formatter.write_dl(rows)


@click.group(
    "skaha",
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"]},
    params=[*shared_options(), *connection_options()],
    epilog="Exit codes: 0 all done, 1 failed, 2 usage, 3 partly done, 4 credentials, 5 not found, "
    "124 timed out, 130 interrupted.",
)
@click.version_option(__version__, prog_name="skaha", message="%(prog)s %(version)s")
def program() -> None:
    """Run containers on a Skaha science platform."""


def run(arguments: list[str]) -> int:
    """Run one command line; return the exit code."""
    call = Call()
    _prepare()
    try:
        code = program.main(arguments, "skaha", standalone_mode=False, obj=call)
    except click.ClickException as error:
        _show(error)
        return _shown(call, error.format_message(), error.exit_code)
    except click.Abort:
        return _said("interrupted", INTERRUPTED)
    except Exception as error:  # noqa: BLE001  (whatever it is, a person reads it)
        return _explained(error, call)
    return _flushed(code if isinstance(code, int) else 0)


def _prepare() -> None:
    """Put the bin where a standard stream is closed; make ready for the questions of a shell."""
    if "_SKAHA_COMPLETE" in os.environ:
        from skaha.cli import _bash

        _bash.register()
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            # It stays open until the end, as the streams do.
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def _show(error: click.ClickException) -> None:
    from skaha.cli._notes import say

    shown = StringIO()
    error.show(shown)
    say(shown.getvalue().rstrip("\n"))


def _said(text: str, code: int) -> int:
    from skaha.cli._notes import note

    note(text, "error")
    return code


def _explained(error: Exception, call: Call) -> int:
    code = code_of(error)
    if isinstance(error, OSError):
        _flushed(code)
    if call.verbose:
        import traceback

        traceback.print_exception(error)
    text = _text(error, known=code != FAILED)
    return _said(text, _shown(call, text, code, getattr(error, "status", None)))


def _shown(call: Call, message: str, code: int, status: int | None = None) -> int:
    """Show a failure of the whole command to a program that reads JSON."""
    word = WORDS.get(code, WORDS[FAILED])
    # If it cannot be written, that may be what has failed.
    with suppress(OSError):
        call.output.show_problem({"code": word, "message": message, "status": status})
    return code


def _text(error: Exception, *, known: bool) -> str:
    from skaha.errors import SkahaError

    expected = known or isinstance(error, SkahaError | OSError | RuntimeError)
    return str(error) if expected else f"{type(error).__name__}: {error} (-v shows more)"


def _flushed(code: int) -> int:
    try:
        sys.stdout.flush()
    except OSError as error:
        abandon(sys.stdout)
        return code if isinstance(error, BrokenPipeError) else _said(str(error), FAILED)
    return code
