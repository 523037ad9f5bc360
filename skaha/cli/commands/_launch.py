"""A launch of `skaha create`: launch, wait, show logs, delete and report."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from attrs import frozen

from skaha import records
from skaha.cli._exit_codes import DONE, INTERRUPTED, PARTLY, common_exit_code
from skaha.cli._selection import SelectedSessions
from skaha.cli._stderr import error_text, note, progress
from skaha.cli.commands.delete import delete_sessions
from skaha.cli.commands.logs import follow_logs, read_logs, show_logs
from skaha.cli.commands.wait import wait_for_sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from skaha.cli._context import CommandContext
    from skaha.cli._stdout import Item
    from skaha.errors import SkahaError
    from skaha.results import Launched, ResultDict
    from skaha.session import Session

_COLUMNS = ("id", "name", "status")
# A list to read has no more sessions than these.
_MAX_LISTED = 20


@frozen
class LaunchRequest:
    """A launch: the call that launches, and the kind and image of each replica by its name."""

    launch: Callable[..., Launched]
    fields: Mapping[str, Item]
    # The command that lists all sessions of the launch.
    hint: str

    @property
    def until(self) -> str:
        """The status to wait for."""
        kinds = {field["kind"] for field in self.fields.values()}
        return "finished" if kinds == {"headless"} else "Running"


class CommandLaunch:
    """One launch of the command: from the request to the report."""

    def __init__(
        self,
        context: CommandContext,
        session: Session,
        request: LaunchRequest,
        options: Mapping[str, Any],
    ) -> None:
        """Keep the launch and the options of the command."""
        self._context = context
        self._session = session
        self._request = request
        self._options = options

    def run(self) -> int:
        """Launch, wait, show logs and delete, as the options say; return the exit code."""
        from skaha.errors import SkahaError

        try:
            with progress("launching") as bar:
                launched = self._request.launch(progress=bar)
        except (KeyboardInterrupt, SkahaError) as error:
            partial: Launched | None = getattr(error, "partial", None)
            if partial is None or not (partial or isinstance(error, KeyboardInterrupt)):
                raise
            return self._report_partial(partial, error)
        try:
            code, ids = self._accompany(launched)
        except BaseException:
            self._stop(launched)
            raise
        left = self._clean_up(launched, ids)
        return code or (PARTLY if left else DONE)

    def _report_partial(self, launched: Launched, error: KeyboardInterrupt | SkahaError) -> int:
        """Report the sessions of a launch that stopped too early; return the exit code."""
        is_interrupted = isinstance(error, KeyboardInterrupt)
        reason = "interrupted" if isinstance(error, KeyboardInterrupt) else error_text(error)
        note(f"{reason}: {len(launched)} of {len(self._request.fields)} launched", "error")
        try:
            self._report(launched)
        finally:
            self._stop(launched)
            note(f"to list all sessions of this launch: {self._request.hint}")
        return INTERRUPTED if is_interrupted else PARTLY

    def _accompany(self, launched: Launched) -> tuple[int, list[str]]:
        """Wait for the sessions and show their logs, as the options say; report the sessions.

        Returns:
            The exit code, and the ids of the sessions to delete.
        """
        context, session, options = self._context, self._session, self._options
        if not (options["wait"] or options["logs"] or options["rm"]):
            return self._report(launched), []
        note(_announcement(launched))
        selected = SelectedSessions(
            {
                session_id: {"id": session_id, "name": name.lower()}
                for name, session_id in launched.names.items()
            }
        )
        is_live = options["logs"] and not context.output.is_data and context.timeout is None
        if is_live:
            follow_logs(context, session, selected)
        until = self._request.until
        statuses, bad = wait_for_sessions(session, selected, until, context.timeout)
        logs = self._read_logs(launched) if options["logs"] and not is_live else None
        unread = {} if logs is None else logs.failures
        failed = unread | bad
        failures = {
            name: failed[session_id]
            for name, session_id in launched.names.items()
            if session_id in failed
        }
        if options["rm"]:
            # A session that is missing may still run, and the log of a session ends with it.
            kept = {session_id for session_id in launched if statuses[session_id] == records.GONE}
            ids = [session_id for session_id in launched if session_id not in kept | unread.keys()]
        else:
            ids = [key for key, error in bad.items() if isinstance(error, TimeoutError)]
        if context.output.is_data or not options["logs"]:
            return self._report(launched, statuses, failures, logs), ids
        failures = launched.failures | failures
        show_logs(context, selected, logs or {}, failures=failures)
        any_done = len(failed) < len(launched)
        return common_exit_code(failures.values(), any_done=any_done), ids

    def _read_logs(self, launched: Launched) -> ResultDict[str]:
        """Read the logs; keep those that were read if the rest cannot be read."""
        from skaha.errors import SkahaError

        try:
            return read_logs(self._session, launched)
        except SkahaError as error:
            if not error.partial:
                raise
            logs: ResultDict[str] = error.partial
            return logs

    def _stop(self, launched: Launched) -> None:
        """Clean up after an interruption or an error."""
        left = self._clean_up(launched, launched)
        if self._options["rm"] and launched:
            note(f"deleted {len(launched) - len(left)} of {len(launched)}")

    def _clean_up(self, launched: Launched, ids: Iterable[str]) -> list[str]:
        """Delete sessions if the options say so; show the command that deletes the others.

        Returns:
            The ids of the sessions that are left.
        """
        from skaha.errors import SkahaError

        # A name does not prove that a session belongs to this launch.
        foreign = [key for key in ids if key in launched.found_by_name.values()]
        own = [key for key in ids if key not in foreign]
        results: ResultDict[bool] | None = None
        try:
            if self._options["rm"]:
                results = delete_sessions(self._session, own)
        except (KeyboardInterrupt, SkahaError) as error:
            results = getattr(error, "partial", None)
            if isinstance(error, KeyboardInterrupt):
                raise
            note(error_text(error), "error")
        finally:
            left = [key for key in own if results is None or _may_exist(key, results)]
            # The whole commands, so that they can be pasted.
            if left:
                note(f"to delete the launched sessions: skaha delete {shlex.join(left)}")
            if foreign:
                note(
                    "sessions that were found by name only are not deleted, because another "
                    "program may have launched them; to delete them if they are yours: "
                    f"skaha delete {shlex.join(foreign)}",
                    "warning",
                )
        return left + foreign

    def _report(
        self,
        launched: Launched,
        statuses: Mapping[str, str] | None = None,
        failures: Mapping[str, Exception] | None = None,
        logs: Mapping[str, str] | None = None,
    ) -> int:
        """Report the replicas; return the exit code.

        Args:
            launched: The result of the launch.
            statuses: The last status of each session, by id.
            failures: The errors of sessions that did not end well, by replica name.
            logs: The log of each session, by id; `None` if the items have no logs.
        """
        items: dict[str, Item] = {}
        for name, session_id in launched.names.items():
            items[name] = {
                "id": session_id,
                "name": name.lower(),
                **self._request.fields[name],
                "status": (statuses or {}).get(session_id),
            }
            if name in launched.found_by_name:
                items[name]["found_by_name"] = True
            if name in launched.surplus:
                items[name]["surplus"] = launched.surplus[name]
            if logs is not None:
                items[name]["log"] = logs.get(session_id)
        all_failures = launched.failures | dict(failures or {})
        done = [item for name, item in items.items() if name not in all_failures]
        failed_items = {
            name: items.get(name)
            or {"id": None, "name": name.lower(), **self._request.fields[name], "status": None}
            for name in all_failures
        }
        for name in launched.uncertain:
            failed_items[name]["uncertain"] = True
        return self._context.report(
            done, _COLUMNS, failures=all_failures, failed_items=failed_items
        )


def _announcement(launched: Launched) -> str:
    sessions = [f"{name.lower()} ({session_id})" for name, session_id in launched.names.items()]
    more = f" and {len(sessions) - _MAX_LISTED} more" if len(sessions) > _MAX_LISTED else ""
    return f"launched {', '.join(sessions[:_MAX_LISTED])}{more}"


def _may_exist(session_id: str, deleted: ResultDict[bool]) -> bool:
    """Return whether a session may exist after its deletion was tried."""
    from skaha.errors import NotFoundError

    is_missing = isinstance(deleted.failures.get(session_id), NotFoundError)
    return not deleted.get(session_id) and not is_missing
