"""The command `skaha`: its list of commands, and its exit."""

from __future__ import annotations

import importlib
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

import click

from skaha import __version__
from skaha.cli._context import CommandContext, SkahaGroup, read_shared_options, suggestion
from skaha.cli._exit_codes import FAILED, INTERRUPTED, JSON_CODES, exit_code
from skaha.cli._stderr import error_text, note, note_help, write_line
from skaha.cli._stdout import discard

# The commands by section of the help. Each is in the module of its name in `skaha.cli.commands`.
_SECTIONS = {
    "Sessions": (
        "create",
        "ps",
        "top",
        "info",
        "describe",
        "logs",
        "events",
        "wait",
        "open",
        "renew",
        "delete",
        "prune",
        "apps",
    ),
    "The platform": (
        "images",
        "repositories",
        "resources",
        "stats",
        "availability",
        "local",
    ),
    "You": (
        "login",
        "logout",
        "auth",
        "servers",
        "config",
        "completion",
        "version",
        "help",
    ),
}
# click names the types of Python.
_NO_INTEGER = r"is not a valid integer( range)?"
_NO_FLOAT = r"is not a valid float( range)?"
_COMMANDS = [name for names in _SECTIONS.values() for name in names]
_ALIASES = {"run": "create", "ls": "ps", "rm": "delete"}
# The commands of other clients, of one or two words. The help does not show them.
_HIDDEN_ALIASES = {
    "launch": "create",
    "list": "ps",
    "del": "delete",
    "image ls": "images",
    "server list": "servers",
    "server ls": "servers",
    "auth login": "login",
    "auth rm": "logout",
    "auth show": "auth",
}
# The commands for words that a reader of the Python pages or a user of other tools would try.
_SUGGESTIONS = {
    "cancel": "delete",
    "connect": "open",
    "destroy": "delete",
    "fetch": "ps",
    "get": "info",
    "kill": "delete",
    "show": "info",
    "status": "ps",
    "stop": "delete",
    "submit": "create",
    "whoami": "auth",
}


class _App(SkahaGroup):
    """Import a command only when it is used."""

    suggestions = _SUGGESTIONS

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's interface)
        return [*_COMMANDS, *_ALIASES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        name = (_ALIASES | _HIDDEN_ALIASES).get(cmd_name, cmd_name)
        if name not in _COMMANDS:
            return None
        module = importlib.import_module(f"skaha.cli.commands.{name}")
        command: click.Command = getattr(module, f"{name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if " ".join(args[:2]) in _HIDDEN_ALIASES:
            args = [" ".join(args[:2]), *args[2:]]
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        aliases = {name: alias for alias, name in _ALIASES.items()}
        for section, names in _SECTIONS.items():
            rows = []
            for name in names:
                command = self.get_command(ctx, name)
                term = f"{name}, {aliases[name]}" if name in aliases else name
                rows.append((term, command.get_short_help_str(90) if command else ""))
            with formatter.section(section):
                formatter.write_dl(rows)


@click.group(
    "skaha",
    cls=_App,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 all done, 1 failed, 2 usage, 3 partly done, 4 credentials, 5 not found, "
    "124 timed out, 130 interrupted.",
)
@click.version_option(__version__, prog_name="skaha", message="%(prog)s %(version)s")
def app() -> None:
    """Run containers on a Skaha science platform."""


def run(arguments: list[str]) -> int:
    """Run a command line; return the exit code."""
    context = CommandContext()
    _replace_closed_streams()
    if "_SKAHA_COMPLETE" in os.environ:
        from skaha.cli import _bash_completion

        _bash_completion.register()
    try:
        code = app.main(arguments, "skaha", standalone_mode=False, obj=context)
    except click.exceptions.NoArgsIsHelpError as error:
        write_line(error.format_message())
        return _fail(context, "no command was given", error.exit_code)
    except click.ClickException as error:
        if context.output.format is None:
            read_shared_options(arguments, context)
        return _fail(context, _show_usage_error(error), error.exit_code)
    except click.Abort:
        note("interrupted", "error")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  (a user reads a message, not a traceback)
        return _explain(error, context)
    return _flush(code if isinstance(code, int) else 0)


def _replace_closed_streams() -> None:
    """Replace a closed standard stream by the null device."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            # It stays open until the process ends, as the standard streams do.
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def _show_usage_error(error: click.ClickException) -> str:
    """Show an error of a command line in the form of all other errors; return its text."""
    message = error.format_message()
    if isinstance(error, click.NoSuchOption):
        # All suggestions have the same form.
        message = error.message.removesuffix(".") + _advice_about(error)
    message = re.sub(_NO_INTEGER, "is not a whole number", message)
    message = re.sub(_NO_FLOAT, "is not a number", message)
    # The texts of click are sentences.
    if message[1:2].islower():
        message = message[0].lower() + message[1:].removesuffix(".")
    note(message, "error")
    if isinstance(error, click.UsageError):
        note_help()
    return message


def _advice_about(error: click.NoSuchOption) -> str:
    """Return the end of the error about an unknown option."""
    parameters = error.ctx.command.params if error.ctx else []
    if error.option_name == "--all" and "sessions" in {item.name for item in parameters}:
        return "; the pattern '*' selects all sessions"
    hidden = {
        name
        for item in parameters
        if isinstance(item, click.Option) and item.hidden
        for name in item.opts
    }
    return suggestion([name for name in error.possibilities or () if name not in hidden])


def _explain(error: Exception, context: CommandContext) -> int:
    """Show an error of the whole command; return the exit code."""
    code = exit_code(error)
    if isinstance(error, OSError):
        _flush(code)
    if context.verbose:
        import traceback

        traceback.print_exception(error)
    is_known = code != FAILED
    _fail(context, _message(error, str(error), is_known), code, getattr(error, "status", None))
    note(_message(error, error_text(error), is_known), "error")
    return code


def _fail(context: CommandContext, message: str, code: int, status: int | None = None) -> int:
    """Show an error of the whole command to a program that reads JSON; return the exit code."""
    json_code = JSON_CODES.get(code, JSON_CODES[FAILED])
    # The error itself may be that standard output cannot be written.
    with suppress(OSError):
        context.output.show_error({"code": json_code, "message": message, "status": status})
    return code


def _message(error: Exception, text: str, is_known: bool) -> str:
    from skaha.errors import SkahaError

    is_expected = is_known or isinstance(error, SkahaError | OSError | RuntimeError)
    return text if is_expected else f"{type(error).__name__}: {text} (-v shows more)"


def _flush(code: int) -> int:
    """Flush standard output; return the exit code, or that of a failure to write."""
    try:
        sys.stdout.flush()
    except OSError as error:
        discard(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            note(str(error), "error")
            return FAILED
    return code
