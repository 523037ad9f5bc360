"""The commands `skaha local start|open|status|stop|reset|serve` for the embedded platform."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from skaha.cli._context import CommandContext, SkahaGroup
from skaha.cli._exit_codes import DONE, FAILED, NOT_FOUND
from skaha.cli._stderr import note

if TYPE_CHECKING:
    from skaha.local import Page


@click.group("local", cls=SkahaGroup)
def local_command() -> None:
    """Manage the embedded platform on this machine (server 'local')."""


@local_command.command("start")
@click.pass_obj
def _start(context: CommandContext) -> int:
    """Start the platform in the background if it does not run."""
    from skaha import local

    local.find_or_start()
    _report_status(context)
    return DONE


@local_command.command("open")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.pass_obj
def _open(context: CommandContext, *, no_browser: bool) -> int:
    """Open the page with the sessions in the browser.

    The page shows the sessions live, with their logs and events, and can end them. The command
    starts the platform if it does not run. Without a display, it only prints the address of the
    page, with a code that is valid for 30 seconds and for one use.
    """
    from skaha import local

    page = local.open_page(browser=not no_browser)
    plain_url, _, _ = page.url.partition("#")
    # The browser uses the code: the address with the code would not work a second time.
    item = {"url": plain_url if page.opened else page.url, "opened": page.opened}
    context.report([item], ("url",), key="url")
    if page.opened:
        note("the page opens in your browser; if it does not, use --no-browser")
    else:
        note(_how_to_open(page))
    return DONE


def _how_to_open(page: Page) -> str:
    port = urlsplit(page.url).port
    return (
        f"open this address in a browser on this machine within {page.seconds:.0f} seconds; it"
        f" works once. From another machine, first run `ssh -L {port}:127.0.0.1:{port} HOST`"
    )


@local_command.command("status")
@click.pass_obj
def _status(context: CommandContext) -> int:
    """Show the URL of the platform.

    If the platform does not run, the exit code is 5.
    """
    return DONE if _report_status(context) else NOT_FOUND


@local_command.command("stop")
@click.pass_obj
def _stop(context: CommandContext) -> int:
    """End the platform and its sessions."""
    from skaha import local

    local.stop()
    _report_status(context)
    return DONE


@local_command.command("reset")
@click.option("-y", "--yes", is_flag=True, help="Reset without a question.")
@click.pass_obj
def _reset(context: CommandContext, *, yes: bool) -> int:
    """End the platform and delete all its records."""
    from skaha import local

    if not yes and not sys.stdin.isatty():
        raise click.UsageError("no terminal to ask on: pass --yes")
    if not yes and not click.confirm("End and delete all local sessions?", err=True):
        return FAILED
    local.reset()
    _report_status(context)
    return DONE


# All options belong to the program that runs the platform: no shared options.
@local_command.command(
    "serve",
    cls=click.Command,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    add_help_option=False,
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def _serve(options: tuple[str, ...]) -> int:
    """Run the platform in the foreground; --help shows its options."""
    from skaha.local.__main__ import main

    return main(["serve", *options], "skaha local")


def _report_status(context: CommandContext) -> bool:
    """Report where the platform listens; return whether it runs."""
    from skaha import local

    status = local.status()
    item = {
        "running": status is not None,
        "url": status.url if status else None,
        "pid": status.pid if status else None,
    }
    context.report([item], ("running", "url", "pid"), key="url")
    return status is not None
