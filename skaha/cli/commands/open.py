"""The command `skaha open`: open interactive sessions in the browser."""

from __future__ import annotations

import click

from skaha.cli._completion import complete_session
from skaha.cli._context import CommandContext, command, timeout_option
from skaha.cli._selection import select_sessions
from skaha.cli._stderr import progress

_TIMEOUT_SECONDS = 300


@command("open")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.option("--no-browser", is_flag=True, help="Only print the URLs.")
@timeout_option(f"Seconds to wait for the sessions at most. Default: {_TIMEOUT_SECONDS}.")
@click.pass_obj
def open_command(context: CommandContext, sessions: tuple[str, ...], *, no_browser: bool) -> int:
    """Open interactive SESSIONS in the browser when they respond.

    Everyone who has the URL of a session can use the session: treat the URL like a password.
    """
    timeout = _TIMEOUT_SECONDS if context.timeout is None else context.timeout
    with context.session() as session:
        selected = select_sessions(session, sessions)
        with progress("waiting for responses") as bar:
            urls = session.connect(selected.ids, timeout, browser=not no_browser, progress=bar)
    items = [selected.key(session_id) | {"url": url} for session_id, url in urls.items()]
    failures = selected.missing | urls.failures
    known = selected.known_items()
    return context.report(items, ("url",), failures=failures, failed_items=known)
