"""The command that shows what sessions print."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from skaha.cli._call import Call, command, say_failures
from skaha.cli._codes import code_of_all
from skaha.cli._completion import complete_session
from skaha.cli._notes import progress, say
from skaha.cli._sessions import Found, find

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skaha.results import ResultDict
    from skaha.session import Session


@command("logs")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.option("-f", "--follow", is_flag=True, help="Go on until all of them have ended.")
@click.option("-n", "--tail", type=click.IntRange(min=1), help="Only the last lines of each.")
@click.option("--save", metavar="DIR", help="Save each as a file in this directory instead.")
@click.pass_obj
def logs_command(
    call: Call, sessions: tuple[str, ...], tail: int | None, save: str | None, *, follow: bool
) -> int:
    """Show what SESSIONS have printed, by id, name or pattern.

    The text is shown as it is. Where there are several sessions, headings on standard error say
    whose it is.
    """
    if save is not None and (follow or tail):
        raise click.UsageError("--save takes whole logs: leave --follow and --tail out")
    if follow and call.output.wanted in ("json", "name"):
        raise click.UsageError("--follow has no end: its formats are table and ndjson")
    with call.session() as session:
        found = find(session, sessions)
        if save is not None:
            return _saved(call, session, found, save)
        if follow:
            return follow_logs(call, session, found, tail)
        logs = read_logs(session, found.ids, tail)
    show_logs(call, found, logs, failures=found.missing | logs.failures)
    return code_of_all([*found.missing.values(), *logs.failures.values()], any_done=bool(logs))


def read_logs(session: Session, ids: Sequence[str], tail: int | None = None) -> ResultDict[str]:
    """Read logs, and say how many are read."""
    with progress("reading logs") as shown:
        return session.logs(ids, tail=tail, progress=shown.count)


def _saved(call: Call, session: Session, found: Found, directory: str) -> int:
    with progress("saving logs") as shown:
        paths = session.save_logs(found.ids, directory, progress=shown.count)
    items = [found.key(one) | {"path": str(path)} for one, path in paths.items()]
    return call.report(items, ("name", "id", "path"), failures=found.missing | paths.failures)


def show_logs(
    call: Call, found: Found, logs: Mapping[str, str], failures: Mapping[str, Exception]
) -> None:
    """Show whole logs: as they are, or as a field of items."""
    if call.output.is_data:
        items = [found.key(one) | {"log": text} for one, text in logs.items()]
        call.report(items, (), failures=failures)
        return
    for session_id, text in logs.items():
        if len(found.ids) > 1:
            _head(found, session_id)
        ended = text if not text or text.endswith("\n") else f"{text}\n"
        call.output.write_bytes(ended.encode("utf-8", "surrogatepass"))
    say_failures(failures.values())


def follow_logs(call: Call, session: Session, found: Found, tail: int | None = None) -> int:
    """Show lines as they come, until all sessions have ended or nobody reads any more."""
    shown = ""
    for session_id, line in session.follow(found.ids, tail=tail):
        if call.output.wanted == "ndjson":
            text = json.dumps(found.key(session_id) | {"line": line}, ensure_ascii=False)
        else:
            text = line
            if session_id != shown and len(found.ids) > 1:
                _head(found, session_id)
        shown = session_id
        call.output.write_bytes(f"{text}\n".encode("utf-8", "surrogatepass"))
        if call.output.gone:
            break
    say_failures(found.missing.values())
    return code_of_all(found.missing.values(), any_done=bool(found.ids))


def _head(found: Found, session_id: str) -> None:
    say(f"==> {found.name(session_id)} ({session_id}) <==")
