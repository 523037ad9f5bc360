"""The context of one command: global options, client, output."""

from __future__ import annotations

from contextlib import contextmanager
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import click

from skaha.cli._config_completion import complete_profile, complete_server
from skaha.cli._exit_codes import common_exit_code, json_code
from skaha.cli._stderr import (
    begin_errors_with,
    error_text,
    note,
    show_library_messages,
    write_line,
)
from skaha.cli._stdout import FORMATS, Column, Item, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from skaha.client import SkahaClient
    from skaha.config import Settings
    from skaha.session import Session

__all__ = [
    "AliasedOption",
    "CommandContext",
    "SkahaCommand",
    "SkahaGroup",
    "command",
    "read_shared_options",
    "report_also_if_interrupted",
    "suggestion",
    "timeout_option",
]

T = TypeVar("T", bound="SkahaClient")
R = TypeVar("R")


class CommandContext:
    """Values of the global options, and the output of the command."""

    def __init__(self) -> None:
        """Start without any option."""
        self.arguments: dict[str, Any] = {}
        self.profile: str | None = None
        self.verbose = False
        # Seconds that the command waits at most; `None` without the option.
        self.timeout: float | None = None
        self.output = Output()

    @cached_property
    def settings(self) -> Settings:
        """The settings of a client, from the options, the environment and the profile."""
        from skaha import config

        return config.settings(self.profile, **self.arguments)

    def client(self, client_class: type[T], **more: Any) -> T:
        """Construct a client with the settings and `more` arguments."""
        return client_class.from_settings(self.settings, **more)

    @contextmanager
    def session(self, **more: Any) -> Iterator[Session]:
        """Open a `Session` for the `with` block."""
        from skaha.session import Session

        with self.client(Session, **more) as session:
            yield session

    def arguments_of(self, *names: str) -> dict[str, Any]:
        """Return the client arguments with these names that the command line has."""
        return {name: self.arguments[name] for name in names if name in self.arguments}

    def report(
        self,
        items: Iterable[Item],
        columns: Iterable[Column],
        *,
        key: str = "id",
        failures: Mapping[str, Exception] | None = None,
        any_done: bool | None = None,
        failed_items: Mapping[str, Item] | None = None,
        empty: str = "",
    ) -> int:
        """Show the items and the failures; return the exit code.

        Args:
            items: The items that succeeded.
            columns: The columns of a table.
            key: The field that identifies an item. The format `name` shows only this field.
            failures: The errors of the items that failed, by `key`.
            any_done: Whether anything succeeded. By default, whether there are items.
            failed_items: Known fields of the items that failed, by `key`.
            empty: The sentence for a reader if there is no item.
        """
        failures = failures or {}
        failed_items = failed_items or {}
        done = list(items)
        failed = [
            failed_items.get(name, {key: name}) | {"error": error_item(error)}
            for name, error in failures.items()
        ]
        self.output.show([*done, *failed], columns, key)
        if empty and not (done or failed) and self.output.is_for_reader:
            write_line(empty)
        note_failures(failures.values())
        if any_done is None:
            any_done = bool(done)
        return common_exit_code(failures.values(), any_done=any_done)


def report_also_if_interrupted(call: Callable[[], R], report: Callable[[R], int]) -> int:
    """Report the result of a call, or after Ctrl-C the part that is done; return the exit code.

    Raises:
        KeyboardInterrupt: After the report of the part.
    """
    try:
        result = call()
    except KeyboardInterrupt as stop:
        part: R | None = getattr(stop, "partial", None)
        if part is not None:
            report(part)
        raise
    return report(result)


def note_failures(failures: Iterable[Exception]) -> None:
    """Write errors to standard error."""
    for error in failures:
        note(error_text(error), "error")


def error_item(error: Exception) -> Item:
    """Return the value of the key `error` for an item that failed."""
    return {
        "code": json_code(error),
        "message": str(error),
        "status": getattr(error, "status", None),
    }


def _store(click_context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Store a global option. The last one on the command line counts."""
    context = click_context.ensure_object(CommandContext)
    name = str(parameter.name)
    if value is None or value is False:
        return
    if name == "output":
        context.output.format = value
    elif name in FORMATS:
        context.output.format = name
    elif name in ("profile", "verbose", "timeout"):
        setattr(context, name, value)
    else:
        context.arguments[_ARGUMENTS.get(name, name)] = value


# The arguments of a client whose options have other names. The option `--version` shows versions.
_ARGUMENTS = {"api_version": "version", "request_timeout": "timeout"}


def _option(*names: str, **more: Any) -> click.Option:
    return AliasedOption(names, expose_value=False, callback=_store, **more)


class AliasedOption(click.Option):
    """An option that also has names of other clients. No help and no completion shows them."""

    def __init__(self, *args: Any, aliases: Sequence[str] = (), **more: Any) -> None:
        """Keep the names of other clients."""
        super().__init__(*args, **more)
        self.aliases = [*aliases]

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Make the parser read all names of the option."""
        shown = self.opts
        self.opts = [*shown, *self.aliases]
        super().add_to_parser(parser, ctx)
        self.opts = shown


def timeout_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the option `--timeout` to a command that waits for sessions.

    Args:
        text: The help of the option.
    """
    return click.option(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help=text,
        expose_value=False,
        callback=_store,
    )


def _shared_options() -> list[click.Option]:
    """Return the options that may stand before or after every command."""
    return [
        _option(
            "-o",
            "--output",
            type=click.Choice(FORMATS),
            help="Output format. Default: a table on a terminal, tab-separated rows in a pipe.",
        ),
        _option(
            "--server",
            metavar="SERVER",
            shell_complete=complete_server,
            help="URL or name of the platform, or 'local'.",
        ),
        _option(
            "--profile",
            metavar="NAME",
            shell_complete=complete_profile,
            help="Profile of the configuration.",
        ),
        _option("--api-version", metavar="VERSION", help="Version of the API, like v1."),
        _option(
            "--token-file",
            type=click.Path(),
            metavar="FILE",
            help="File that contains a token.",
        ),
        _option(
            "--certificate",
            type=click.Path(),
            metavar="FILE",
            help="Proxy certificate with its key (PEM).",
        ),
        _option(
            "--request-timeout",
            type=float,
            metavar="SECONDS",
            help="Seconds to wait for a connection and for each part of a response.",
        ),
        _option(
            "--timeout",
            type=float,
            metavar="SECONDS",
            help="Seconds to wait at most: for the sessions in create, wait and open, or else for "
            "each response.",
        ),
        _option(
            "--concurrency", type=int, metavar="N", help="Maximum number of requests in flight."
        ),
        _option(
            "-v",
            "--verbose",
            is_flag=True,
            aliases=["--debug"],
            help="Show more messages on standard error.",
        ),
        # Other clients have these options in place of `--output`.
        *(_option(f"--{name}", is_flag=True, hidden=True) for name in ("json", "yaml")),
    ]


def read_shared_options(words: Sequence[str], context: CommandContext) -> None:
    """Read the shared options of a command line that click refused before it read all options."""
    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    reader = click.Command("skaha", params=[*_shared_options()], context_settings=settings)
    reader.make_context("skaha", [*words], obj=context, resilient_parsing=True)


class _WithSharedOptions(click.Command):
    """A command or a group with the shared options, unless it has its own option of a name."""

    def __init__(self, *args: Any, **more: Any) -> None:
        """Add the shared options after the options of the command."""
        super().__init__(*args, **more)
        own_names = {parameter.name for parameter in self.params}
        self._shared = [option for option in _shared_options() if option.name not in own_names]
        self.params.extend(self._shared)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of a command line. All errors from now on begin with the command."""
        begin_errors_with(ctx.command_path)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, and after them the commands of a group and the shared options."""
        options = [item for item in self.get_params(ctx) if isinstance(item, click.Option)]
        own = [option for option in options if option not in self._shared]
        _write_options(ctx, formatter, "Options", own)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)
        _write_options(ctx, formatter, "Options of every command", self._shared)


def _write_options(
    ctx: click.Context, formatter: click.HelpFormatter, title: str, options: Iterable[click.Option]
) -> None:
    records = [option.get_help_record(ctx) for option in options]
    with formatter.section(title):
        formatter.write_dl([record for record in records if record is not None])


class SkahaCommand(_WithSharedOptions):
    """A command with the shared options."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; show warnings and log messages of the library."""
        context = ctx.ensure_object(CommandContext)
        show_library_messages(verbose=context.verbose)
        waits_for_sessions = "timeout" not in {option.name for option in self._shared}
        if context.timeout is not None and not waits_for_sessions:
            context.arguments.setdefault("timeout", context.timeout)
        return super().invoke(ctx)


class SkahaGroup(_WithSharedOptions, click.Group):
    """A group of commands with the shared options."""

    command_class = SkahaCommand
    # The command to suggest for a word that is not similar to it.
    suggestions: ClassVar[Mapping[str, str]] = {}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; the error of an unknown command suggests a similar one."""
        name = args[0]
        is_known = name.startswith("-") or self.get_command(ctx, name) is not None
        # A completion shows no errors.
        if not is_known and not ctx.resilient_parsing:
            others = [self.suggestions[name]] if name in self.suggestions else None
            similar = others or get_close_matches(name, self.list_commands(ctx))
            ctx.fail(f"no such command {name!r}{suggestion(similar)}")
        return super().resolve_command(ctx, args)


def suggestion(similar: Sequence[str] | None) -> str:
    """Return the end of an error about an unknown word.

    Args:
        similar: Known words, the most similar first.
    """
    return f"; did you mean {similar[0]}?" if similar else ""


def command(name: str, **more: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command from a function."""
    return click.command(name, cls=SkahaCommand, **more)
