"""One run of a command: what was given with it, and what it has to say."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from skaha.cli._codes import WORDS, code_of, code_of_all
from skaha.cli._output import FORMATS, Column, Item, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from skaha.client import SkahaClient
    from skaha.session import Session

__all__ = ["Call", "SkahaCommand", "SkahaGroup", "command", "connection_options", "shared_options"]

T = TypeVar("T", bound="SkahaClient")


class Call:
    """What the options that all commands share say."""

    def __init__(self) -> None:
        """Begin with nothing given."""
        self.given: dict[str, Any] = {}
        self.profile: str | None = None
        self.verbose = False
        self.output = Output(None)

    def client(self, kind: type[T], **defaults: Any) -> T:
        """Construct a client as the arguments, the environment and the profile say."""
        from skaha import config
        from skaha.cli._notes import listen

        listen(verbose=self.verbose)
        return kind(**defaults, **config.settings(self.profile, **self.given))

    @contextmanager
    def session(self, **defaults: Any) -> Iterator[Session]:
        """Open a session client for as long as the block takes."""
        from skaha.session import Session

        with self.client(Session, **defaults) as session:
            yield session

    def report(
        self,
        items: Iterable[Item],
        columns: Iterable[Column],
        *,
        key: str = "id",
        failures: Mapping[str, Exception] | None = None,
        any_done: bool | None = None,
        about: Mapping[str, Item] | None = None,
    ) -> int:
        """Show what was done and what failed; return the exit code.

        Args:
            items: What was done.
            columns: What a table shows of it.
            key: What tells an item: the one field that the format `name` shows.
            failures: What failed, by that key.
            any_done: Whether anything was done, if that is not whether there are items.
            about: What else there is to say of what failed, with its key.
        """
        failures = failures or {}
        done = list(items)
        about = about or {}
        failed = [
            about.get(one, {key: one}) | {"error": problem(error)}
            for one, error in failures.items()
        ]
        self.output.show([*done, *failed], columns, key)
        say_failures(failures.values())
        return code_of_all(failures.values(), any_done=bool(done) if any_done is None else any_done)


def say_failures(failures: Iterable[Exception]) -> None:
    """Say what failed, on standard error."""
    from skaha.cli._notes import note

    for error in failures:
        note(str(error), "error")


def problem(error: Exception) -> Item:
    """Return an error as an item's `error`."""
    return {
        "code": WORDS[code_of(error)],
        "message": str(error),
        "status": getattr(error, "status", None),
    }


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep an option that all commands share; the one nearest to the end of the line counts."""
    call = context.ensure_object(Call)
    name = str(parameter.name)
    if value is None or value is False:
        return
    if name == "output":
        call.output.wanted = value
    elif name in ("profile", "verbose"):
        setattr(call, name, value)
    else:
        call.given[name.removeprefix("connection_")] = value


def _option(*names: str, **more: Any) -> click.Option:
    return click.Option(names, expose_value=False, callback=_remember, **more)


def shared_options() -> list[click.Option]:
    """Return the options that stand before or after a command."""
    return [
        _option(
            "-o",
            "--output",
            type=click.Choice(FORMATS),
            help="Format of the data; by default a table on a terminal, rows and tabs in a pipe.",
        ),
        _option("--server", metavar="URL", help="URL of the platform, or 'local'."),
        _option("--profile", metavar="NAME", help="Profile of the configuration."),
        _option("-v", "--verbose", is_flag=True, help="Say more, on standard error."),
    ]


def connection_options() -> list[click.Option]:
    """Return the options that stand before a command only."""
    return [
        _option("--api-version", "version", metavar="V", help="Version of the API, like v1."),
        _option("--token-file", metavar="FILE", help="File that holds a token."),
        _option("--certificate", metavar="FILE", help="Proxy certificate with its key, PEM."),
        _option(
            "--timeout", "connection_timeout", type=float, help="Seconds for a part of an answer."
        ),
        _option("--concurrency", type=int, help="Requests in flight at once."),
    ]


class SkahaCommand(click.Command):
    """A command with the options that all share."""

    def __init__(self, *args: Any, **more: Any) -> None:
        """Add the shared options at the end."""
        super().__init__(*args, **more)
        self.params.extend(shared_options())


class SkahaGroup(click.Group):
    """A group of commands with the options that all share."""

    command_class = SkahaCommand


def command(name: str, **more: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function."""
    return click.command(name, cls=SkahaCommand, **more)
