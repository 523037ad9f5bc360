"""The command `skaha wait`: wait until sessions have a status or have ended."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from skaha import records
from skaha.cli._completion import complete_session
from skaha.cli._context import CommandContext, command, timeout_option
from skaha.cli._selection import SelectedSessions, select_sessions
from skaha.cli._sessions import STATUSES, choice
from skaha.cli._stderr import muted_log, progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skaha.session import Session

_FINISHED = "finished"
# Each explanation costs a request.
_MAX_EXPLAINED = 10


@command("wait")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.option(
    "--until",
    type=choice((_FINISHED, *STATUSES)),
    default=_FINISHED,
    show_default=True,
    help="The status to wait for.",
)
@timeout_option("Seconds to wait for the sessions at most. Default: no limit.")
@click.pass_obj
def wait_command(context: CommandContext, sessions: tuple[str, ...], until: str) -> int:
    """Wait for SESSIONS, by id, name or pattern.

    A session succeeds if it reaches the status of --until, by default Completed. It fails if it
    ends with another status.
    """
    with context.session() as session:
        selected = select_sessions(session, sessions)
        statuses, failures = wait_for_sessions(session, selected, until, context.timeout)
    items = [
        selected.key(session_id) | {"status": status}
        for session_id, status in statuses.items()
        if session_id not in failures
    ]
    failures = selected.missing | failures
    known = selected.known_items()
    for session_id, status in statuses.items():
        known[session_id]["status"] = records.canonical_status(status)
    columns = ("id", "name", "status")
    return context.report(items, columns, failures=failures, failed_items=known)


def wait_for_sessions(
    session: Session, selected: SelectedSessions, until: Any, timeout: float | None
) -> tuple[dict[str, str], dict[str, Exception]]:
    """Wait for sessions and show the progress.

    Returns:
        The last status of each session, and the error of each session that failed, by id.
    """
    from skaha.errors import FailedSessionError, WaitTimeoutError

    timeout_error = None
    with progress("waiting", until) as bar:
        try:
            statuses = dict(session.wait(selected.ids, until, timeout, progress=bar))
        except WaitTimeoutError as error:
            timeout_error, statuses = error, dict(error.partial)

    target = "Completed" if until == _FINISHED else until
    other = {
        session_id: status
        for session_id, status in statuses.items()
        if records.canonical_status(status) != records.canonical_status(target)
    }
    failed_statuses = records.FINISHED - records.SUCCESS
    failed = [session_id for session_id, status in other.items() if status in failed_statuses]
    warnings = _warnings(session, failed)
    failures: dict[str, Exception] = {}
    for session_id, status in other.items():
        if status in records.ENDED:
            text = f"session {selected.name(session_id)} ({session_id})"
            text += f" {records.describe_end(status)}"
            if session_id in warnings:
                text += f": {warnings[session_id]}"
            failures[session_id] = FailedSessionError(text)
        elif timeout_error is not None:
            failures[session_id] = timeout_error
    return statuses, failures


def _warnings(session: Session, ids: Sequence[str]) -> dict[str, str]:
    """Return the platform's warnings about sessions that have any, by id."""
    from skaha.errors import SkahaError

    with muted_log(), suppress(SkahaError):
        events = session.parsed_events(ids[:_MAX_EXPLAINED])
        messages = {
            session_id: [event.message for event in listed if event.type == "Warning"]
            for session_id, listed in events.items()
        }
        return {key: "; ".join(dict.fromkeys(texts)) for key, texts in messages.items() if texts}
    return {}
