"""The command `skaha logs`: show, follow or save the logs of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from attrs import frozen

from skaha.cli._completion import complete_session
from skaha.cli._context import (
    CommandContext,
    command,
    note_failures,
    report_also_if_interrupted,
)
from skaha.cli._exit_codes import common_exit_code
from skaha.cli._selection import SelectedSessions, select_sessions
from skaha.cli._sessions import utc_text
from skaha.cli._stderr import progress, write_line
from skaha.cli._stdout import json_text
from skaha.cli._table import format_cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from skaha.results import ResultDict
    from skaha.session import Session


@command("logs")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.option("-f", "--follow", is_flag=True, help="Show new lines until all sessions have ended.")
@click.option("-n", "--tail", type=click.IntRange(min=1), help="Only the last lines of each log.")
@click.option("--prefix", is_flag=True, help="Begin each line with the name of its session.")
@click.option(
    "-t",
    "--timestamps",
    is_flag=True,
    help="Begin each line with the time when it was read. Only with --follow: the platform sends "
    "no times.",
)
@click.option(
    "--since",
    metavar="TIME",
    help="Refused: the platform sends no times, so lines cannot be chosen by time. Use --tail.",
)
@click.option(
    "--save",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Save each log as a file in this directory instead.",
)
@click.pass_obj
def logs_command(
    context: CommandContext,
    sessions: tuple[str, ...],
    tail: int | None,
    since: str | None,
    save: str | None,
    *,
    follow: bool,
    prefix: bool,
    timestamps: bool,
) -> int:
    """Show the logs of SESSIONS, by id, name or pattern.

    The text is shown unchanged. With several sessions, headings on standard error name the session,
    unless you use --prefix.
    """
    if since is not None:
        raise click.UsageError(
            "--since is not possible, because the platform sends no times with logs: use --tail N"
        )
    if timestamps and not follow:
        raise click.UsageError(
            "the platform sends no times with logs: --timestamps needs --follow, and shows the "
            "time when each line was read"
        )
    if save is not None and (follow or tail or prefix):
        raise click.UsageError("--save saves whole logs: leave --follow, --tail and --prefix out")
    if follow and context.output.format in ("json", "yaml", "name"):
        raise click.UsageError("--follow needs the format table or ndjson")
    with context.session() as session:
        selected = select_sessions(session, sessions)
        if save is not None:
            return _save_logs(context, session, selected, save)
        style = LineStyle(has_prefix=prefix, has_time=timestamps)
        if follow:
            return follow_logs(context, session, selected, tail, style)
        logs = read_logs(session, selected.ids, tail)
    failures = selected.missing | logs.failures
    show_logs(context, selected, logs, failures, style)
    return common_exit_code(failures.values(), any_done=bool(logs))


@frozen
class LineStyle:
    """The text before each line of a log: a name, a time, both or nothing."""

    has_prefix: bool = False
    has_time: bool = False

    def begin(self, selected: SelectedSessions, session_id: str) -> str:
        """Return the text before a line that was read now."""
        time = f"{_now()} " if self.has_time else ""
        if not self.has_prefix:
            return time
        name = selected.name(session_id)
        is_only_one = [selected.name(other) for other in selected.ids].count(name) == 1
        label = name if name and is_only_one else f"{name} {session_id}".strip()
        return f"{time}[{format_cell(label)}] "


_PLAIN = LineStyle()


def _now() -> str:
    from datetime import UTC, datetime

    return str(utc_text(datetime.now(UTC)))


def read_logs(session: Session, ids: Sequence[str], tail: int | None = None) -> ResultDict[str]:
    """Read logs and show the progress."""
    with progress("reading logs") as bar:
        return session.logs(ids, tail=tail, progress=bar)


def _save_logs(
    context: CommandContext, session: Session, selected: SelectedSessions, directory: str
) -> int:
    def save() -> ResultDict[Path]:
        with progress("saving logs") as bar:
            return session.save_logs(selected.ids, directory, progress=bar)

    def report(paths: ResultDict[Path]) -> int:
        items = [selected.key(key) | {"path": str(path)} for key, path in paths.items()]
        failures = selected.missing | paths.failures
        columns, known = ("id", "name", "path"), selected.known_items()
        return context.report(items, columns, failures=failures, failed_items=known)

    return report_also_if_interrupted(save, report)


def show_logs(
    context: CommandContext,
    selected: SelectedSessions,
    logs: Mapping[str, str],
    failures: Mapping[str, Exception],
    style: LineStyle = _PLAIN,
) -> None:
    """Show whole logs: as text, or as a field of items."""
    if context.output.is_data:
        items = [selected.key(session_id) | {"log": text} for session_id, text in logs.items()]
        context.report(items, (), failures=failures, failed_items=selected.known_items())
        return
    for session_id, text in logs.items():
        if len(selected.ids) > 1 and not style.has_prefix:
            _show_heading(selected, session_id)
        whole = text if not text or text.endswith("\n") else f"{text}\n"
        if style.has_prefix and whole:
            prefix = style.begin(selected, session_id)
            whole = prefix + whole[:-1].replace("\n", f"\n{prefix}") + "\n"
        context.output.write(whole, "utf-8")
    note_failures(failures.values())


def follow_logs(
    context: CommandContext,
    session: Session,
    selected: SelectedSessions,
    tail: int | None = None,
    style: LineStyle = _PLAIN,
) -> int:
    """Show new lines until all sessions have ended or the reader closes the pipe."""
    previous_id = ""
    for session_id, line in session.follow(selected.ids, tail=tail):
        if context.output.format == "ndjson":
            item = selected.key(session_id) | {"line": line}
            if style.has_time:
                item["read"] = _now()
            text = json_text(item)
        else:
            if session_id != previous_id and len(selected.ids) > 1 and not style.has_prefix:
                _show_heading(selected, session_id)
            text = f"{style.begin(selected, session_id)}{line}"
        context.output.write(f"{text}\n", "utf-8")
        previous_id = session_id
        if context.output.is_closed:
            break
    note_failures(selected.missing.values())
    return common_exit_code(selected.missing.values(), any_done=bool(selected.ids))


def _show_heading(selected: SelectedSessions, session_id: str) -> None:
    write_line(f"==> {selected.name(session_id)} ({session_id}) <==")
