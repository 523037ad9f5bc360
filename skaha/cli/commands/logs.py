"""The command `skaha logs`: show, follow or save the logs of sessions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from skaha.cli._completion import complete_session
from skaha.cli._context import CommandContext, command, note_failures
from skaha.cli._exit_codes import common_exit_code
from skaha.cli._selection import SelectedSessions, select_sessions
from skaha.cli._stderr import progress, write_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skaha.results import ResultDict
    from skaha.session import Session


@command("logs")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.option("-f", "--follow", is_flag=True, help="Show new lines until all sessions have ended.")
@click.option("-n", "--tail", type=click.IntRange(min=1), help="Only the last lines of each log.")
@click.option("--save", metavar="DIR", help="Save each log as a file in this directory instead.")
@click.pass_obj
def logs_command(
    context: CommandContext,
    sessions: tuple[str, ...],
    tail: int | None,
    save: str | None,
    *,
    follow: bool,
) -> int:
    """Show the logs of SESSIONS, by id, name or pattern.

    The text is shown unchanged. With several sessions, headings on standard error name the session.
    """
    if save is not None and (follow or tail):
        raise click.UsageError("--save saves whole logs: leave --follow and --tail out")
    if follow and context.output.format in ("json", "name"):
        raise click.UsageError("--follow needs the format table or ndjson")
    with context.session() as session:
        selected = select_sessions(session, sessions)
        if save is not None:
            return _save_logs(context, session, selected, save)
        if follow:
            return follow_logs(context, session, selected, tail)
        logs = read_logs(session, selected.ids, tail)
    failures = selected.missing | logs.failures
    show_logs(context, selected, logs, failures=failures)
    return common_exit_code(failures.values(), any_done=bool(logs))


def read_logs(session: Session, ids: Sequence[str], tail: int | None = None) -> ResultDict[str]:
    """Read logs and show the progress."""
    with progress("reading logs") as bar:
        return session.logs(ids, tail=tail, progress=bar)


def _save_logs(
    context: CommandContext, session: Session, selected: SelectedSessions, directory: str
) -> int:
    with progress("saving logs") as bar:
        paths = session.save_logs(selected.ids, directory, progress=bar)
    items = [selected.key(session_id) | {"path": str(path)} for session_id, path in paths.items()]
    failures = selected.missing | paths.failures
    return context.report(items, ("id", "name", "path"), failures=failures)


def show_logs(
    context: CommandContext,
    selected: SelectedSessions,
    logs: Mapping[str, str],
    failures: Mapping[str, Exception],
) -> None:
    """Show whole logs: as text, or as a field of items."""
    if context.output.is_data:
        items = [selected.key(session_id) | {"log": text} for session_id, text in logs.items()]
        context.report(items, (), failures=failures)
        return
    for session_id, text in logs.items():
        if len(selected.ids) > 1:
            _show_heading(selected, session_id)
        _show_text(context, text if not text or text.endswith("\n") else f"{text}\n")
    note_failures(failures.values())


def follow_logs(
    context: CommandContext, session: Session, selected: SelectedSessions, tail: int | None = None
) -> int:
    """Show new lines until all sessions have ended or the reader closes the pipe."""
    previous_id = ""
    for session_id, line in session.follow(selected.ids, tail=tail):
        if context.output.format == "ndjson":
            item = selected.key(session_id) | {"line": line}
            _show_text(context, json.dumps(item, ensure_ascii=False) + "\n")
        else:
            if session_id != previous_id and len(selected.ids) > 1:
                _show_heading(selected, session_id)
            _show_text(context, f"{line}\n")
        previous_id = session_id
        if context.output.is_closed:
            break
    note_failures(selected.missing.values())
    return common_exit_code(selected.missing.values(), any_done=bool(selected.ids))


def _show_text(context: CommandContext, text: str) -> None:
    """Show a text in UTF-8, whatever the encoding of the terminal is."""
    context.output.write_bytes(text.encode("utf-8", "surrogatepass"))


def _show_heading(selected: SelectedSessions, session_id: str) -> None:
    write_line(f"==> {selected.name(session_id)} ({session_id}) <==")
