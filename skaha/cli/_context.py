"""The context of one command: global options, client, output."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import click

from skaha.cli._exit_codes import JSON_CODES, common_exit_code, exit_code
from skaha.cli._stderr import note, show_library_messages
from skaha.cli._stdout import FORMATS, Column, Item, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from skaha.client import SkahaClient
    from skaha.config import Settings
    from skaha.session import Session

__all__ = [
    "CommandContext",
    "SkahaCommand",
    "SkahaGroup",
    "command",
    "connection_options",
    "server_url",
    "shared_options",
]

T = TypeVar("T", bound="SkahaClient")


class CommandContext:
    """Values of the global options, and the output of the command."""

    def __init__(self) -> None:
        """Start without any option."""
        self.arguments: dict[str, Any] = {}
        self.profile: str | None = None
        self.verbose = False
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

    def resolve_server(self) -> None:
        """Replace the name of a server in the options by its URL."""
        if "server" in self.arguments:
            self.arguments["server"] = server_url(self.arguments["server"])

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
    ) -> int:
        """Show the items and the failures; return the exit code.

        Args:
            items: The items that succeeded.
            columns: The columns of a table.
            key: The field that identifies an item. The format `name` shows only this field.
            failures: The errors of the items that failed, by `key`.
            any_done: Whether anything succeeded. By default, whether there are items.
            failed_items: Known fields of the items that failed, by `key`.
        """
        failures = failures or {}
        failed_items = failed_items or {}
        done = list(items)
        failed = [
            failed_items.get(name, {key: name}) | {"error": error_item(error)}
            for name, error in failures.items()
        ]
        self.output.show([*done, *failed], columns, key)
        note_failures(failures.values())
        if any_done is None:
            any_done = bool(done)
        return common_exit_code(failures.values(), any_done=any_done)


def server_url(server: str) -> str:
    """Return the URL of a server that the user named by its URL or by its name."""
    if server == "local" or "://" in server:
        return server
    from skaha import auth

    return auth.server_url(server)


def note_failures(failures: Iterable[Exception]) -> None:
    """Write errors to standard error."""
    for error in failures:
        note(str(error), "error")


def error_item(error: Exception) -> Item:
    """Return the value of the key `error` for an item that failed."""
    return {
        "code": JSON_CODES[exit_code(error)],
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
    elif name in ("profile", "verbose"):
        setattr(context, name, value)
    else:
        context.arguments[name.removeprefix("connection_")] = value


def _option(*names: str, **more: Any) -> click.Option:
    return click.Option(names, expose_value=False, callback=_store, **more)


def shared_options() -> list[click.Option]:
    """Return the options that may stand before or after a command."""
    return [
        _option(
            "-o",
            "--output",
            type=click.Choice(FORMATS),
            help="Output format. Default: a table on a terminal, tab-separated rows in a pipe.",
        ),
        _option("--server", metavar="URL", help="URL or name of the platform, or 'local'."),
        _option("--profile", metavar="NAME", help="Profile of the configuration."),
        _option("-v", "--verbose", is_flag=True, help="Show more messages on standard error."),
    ]


def connection_options() -> list[click.Option]:
    """Return the options that may stand only before a command."""
    return [
        _option("--api-version", "version", metavar="V", help="Version of the API, like v1."),
        _option("--token-file", metavar="FILE", help="File that contains a token."),
        _option("--certificate", metavar="FILE", help="Proxy certificate with its key (PEM)."),
        _option(
            "--timeout",
            # Some commands have an option `--timeout` with another meaning.
            "connection_timeout",
            type=float,
            help="Seconds to wait for a connection and for each part of a response.",
        ),
        _option("--concurrency", type=int, help="Maximum number of requests in flight."),
    ]


class SkahaCommand(click.Command):
    """A command with the shared options."""

    def __init__(self, *args: Any, **more: Any) -> None:
        """Add the shared options after the options of the command."""
        super().__init__(*args, **more)
        self.params.extend(shared_options())

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; show warnings and log messages of the library."""
        context = ctx.ensure_object(CommandContext)
        show_library_messages(verbose=context.verbose)
        context.resolve_server()
        return super().invoke(ctx)


class SkahaGroup(click.Group):
    """A group of commands with the shared options."""

    command_class = SkahaCommand


def command(name: str, **more: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command from a function."""
    return click.command(name, cls=SkahaCommand, **more)
