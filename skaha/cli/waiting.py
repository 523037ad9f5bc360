"""Commands that wait for sessions or keep them alive: wait, open, renew."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from skaha.cli._call import Call, command
from skaha.cli._completion import complete_session
from skaha.cli._notes import progress
from skaha.cli._pending import Pending
from skaha.cli._sessions import STATUSES, find, item

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skaha.cli._sessions import Found
    from skaha.session import Session

_UNTIL = ("finished", "running", *STATUSES)
_BAD = ("Failed", "Error", "Gone")


@command("wait")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.option(
    "--until",
    type=click.Choice(_UNTIL),
    default="finished",
    show_default=True,
    help="What to wait for.",
)
@click.option("--timeout", type=click.FloatRange(min=0), help="Seconds to wait at most.")
@click.pass_obj
def wait_command(call: Call, sessions: tuple[str, ...], until: str, timeout: float | None) -> int:
    """Wait for SESSIONS, by id, name or pattern.

    Done are those that end well, or get where --until says; failed are those that end otherwise.
    """
    with call.session() as session:
        found = find(session, sessions)
        statuses, late = wait_for(session, found, until, timeout)
    failures = found.missing | late | ended_badly(statuses, late, until, found.name)
    done = {one: status for one, status in statuses.items() if one not in failures}
    items = [found.key(one) | {"status": status} for one, status in done.items()]
    return call.report(items, ("id", "name", "status"), failures=failures)


def wait_for(
    session: Session, found: Found, until: Any, timeout: float | None
) -> tuple[dict[str, str], dict[str, Exception]]:
    """Wait, and say how far it is; return the statuses, and the error of each that is late."""
    from skaha.errors import WaitTimeoutError

    ids = found.ids
    with progress(f"waiting for {len(ids)}") as shown, Pending(session, found) as pending:

        def tell(statuses: dict[str, str]) -> None:
            shown.say(counted(statuses))
            pending.hear(statuses)

        try:
            statuses = session.wait(ids, until, timeout, progress=tell)
        except WaitTimeoutError as error:
            late = [one for one, status in error.partial.items() if not _is_there(status, until)]
            return dict(error.partial), dict.fromkeys(late, error)
    return dict(statuses), {}


def counted(statuses: Mapping[str, str]) -> str:
    """Return how many sessions have which status."""
    numbers = Counter(statuses.values())
    return ", ".join(f"{number} {status}" for status, number in numbers.items())


def _is_there(status: str, until: str) -> bool:
    ended = (*_BAD, "Completed", "Succeeded")
    return status in ended or status.lower() == until.lower()


def ended_badly(
    statuses: Mapping[str, str],
    late: Mapping[str, Exception],
    until: str,
    name: Callable[[str], str],
) -> dict[str, Exception]:
    """Return what is to be said of each session that did not end well, nor as was waited for."""
    from skaha.errors import FailedSessionError

    wanted = {"finished": ("Completed", "Succeeded"), "running": ("Running",)}
    good = wanted.get(until, (until, *(wanted["finished"] if until in wanted["finished"] else ())))
    return {
        one: FailedSessionError(f"session {name(one)} ({one}) {_ended(status)}")
        for one, status in statuses.items()
        if one not in late and status not in good
    }


def _ended(status: str) -> str:
    if status == "Gone":
        return "is gone: the platform does not list it any more"
    return f"ended as {status}"


@command("open")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.option("--no-browser", is_flag=True, help="Only print the addresses.")
@click.option("--timeout", type=float, default=300, show_default=True, help="Seconds to wait.")
@click.pass_obj
def open_command(call: Call, sessions: tuple[str, ...], timeout: float, *, no_browser: bool) -> int:
    """Open interactive SESSIONS in the browser, by id or name, as soon as they answer.

    An address lets everybody in who has it: treat it like a password.
    """
    with call.session() as session:
        found = find(session, sessions, patterns=False)
        with progress("waiting for answers") as shown:
            urls = session.connect(found.ids, timeout, browser=not no_browser, progress=shown.count)
    items = [found.key(one) | {"url": url} for one, url in urls.items()]
    return call.report(items, ("url",), failures=found.missing | urls.failures)


@command("renew")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.pass_obj
def renew_command(call: Call, sessions: tuple[str, ...]) -> int:
    """Extend the life of SESSIONS, by id, name or pattern."""
    with call.session() as session:
        found = find(session, sessions)
        with progress("renewing") as shown:
            taken = session.renew(found.ids, progress=shown.count)
        records = session.info([one for one, yes in taken.items() if yes])
    items = [{key: item(one)[key] for key in ("id", "name", "expires")} for one in records]
    failures = found.missing | taken.failures | records.failures
    return call.report(items, ("id", "name", "expires"), failures=failures)
