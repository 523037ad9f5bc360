"""Sessions of the workers of one cluster: launch them, look at them and end them.

This module does not use Dask. Its methods block, so the cluster calls them in threads. The sync
class works in threads, in any event loop and at the exit of Python, where no event loop works.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from skaha._sansio.call_context import call_context
from skaha._sansio.status_tracker import StatusTracker
from skaha._sync._poller import Poller
from skaha.errors import FailedSessionError, SkahaError
from skaha.records import GONE, describe_end, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from skaha.results import Launched
    from skaha.session import Session

log = logging.getLogger("skaha")

# Last lines of the log of a worker in a message, and letters in each of them.
_LOG_LINES, _LOG_WIDTH = 8, 300
# Failures that a cluster keeps: adaptive scaling at a platform that refuses adds more for ever.
_MAX_FAILURES = 100
# Seconds that the deletions at the exit of Python may take.
_EXIT_SECONDS = 20.0
# Looks in a row that failed, before a warning. A single lost connection is no outage.
_FAILURES_BEFORE_WARNING = 2

# All that have a session. They keep the exit of Python from forgetting a session.
_alive: set[WorkerSessions] = set()


class WorkerSessions:
    """The sessions of one cluster by the names of their workers.

    Only ids that the platform returned for a launch of this cluster are ever deleted.
    """

    def __init__(
        self, session: Session, cluster: str, job: Callable[[str, str], dict[str, Any]]
    ) -> None:
        """Start without a session.

        Args:
            session: The client for the platform.
            cluster: Name of the cluster, for messages.
            job: Returns the job for `create_many` from the name of a worker and the address of the
                scheduler.
        """
        self._session = session
        self._cluster = cluster
        self._job = job
        self._lock = threading.Lock()
        self._ids: dict[str, str] = {}
        # Ids that were found by their names. They may belong to another program.
        self._found_ids: dict[str, str] = {}
        # Workers that failed, but whose sessions may be running.
        self.uncertain: set[str] = set()
        self._not_ended: dict[str, SkahaError] = {}
        self._failures: dict[str, SkahaError] = {}
        # A new session may take a while to appear. The session of a worker that was connected does
        # not: if it is missing, it is looked up immediately.
        self._new = StatusTracker([])
        self._lost = StatusTracker([], appear=0)
        self._poller = Poller(session, f"cluster {cluster}")
        self._failed_looks = 0
        # One look at a time: each look changes the trackers.
        self._looking = threading.Lock()
        # A child process has no sessions of its own.
        self._process_id = os.getpid()

    @property
    def failures(self) -> dict[str, SkahaError]:
        """The error of each worker that failed, by its name."""
        return dict(self._failures)

    @property
    def ids(self) -> dict[str, str]:
        """The id of each session that has not ended, by the name of its worker."""
        with self._lock:
            return self._ids | self._found_ids

    @property
    def not_ended(self) -> dict[str, str]:
        """The id of each session whose deletion failed, by the name of its worker."""
        with self._lock:
            return {name: self._ids[name] for name in self._not_ended if name in self._ids}

    def add_failures(self, failures: dict[str, SkahaError]) -> None:
        """Keep the errors of workers, and forget the oldest ones of very many."""
        self._failures |= failures
        for name in list(self._failures)[:-_MAX_FAILURES]:
            del self._failures[name]

    def remove_failure(self, name: str) -> None:
        """Forget the error of a worker that works."""
        self._failures.pop(name, None)
        self.uncertain.discard(name)

    # Launch.

    def launch(self, names: Collection[str], address: str) -> dict[str, SkahaError]:
        """Launch the sessions of workers with one call.

        Args:
            names: Names of the workers.
            address: Address of the scheduler.

        Returns:
            The error of each worker that was not launched, by its name.
        """
        # A stop in the middle of the launch also leaves sessions.
        _alive.add(self)
        failure: SkahaError | None = None
        launched: Launched | None = None
        try:
            launched = self._session.create_many([self._job(name, address) for name in names])
        except SkahaError as error:
            launched, failure = error.partial, error
        except BaseException as stop:
            self._keep(getattr(stop, "partial", None))
            raise
        self._keep(launched)
        failures = {} if launched is None else dict(launched.failures)
        ids = self.ids
        reasons = {name: failures.get(name, failure) for name in names if name not in ids}
        return {name: reason for name, reason in reasons.items() if reason is not None}

    def _keep(self, launched: Launched | None) -> None:
        if launched is None:
            return
        with self._lock:
            self.uncertain.update(launched.uncertain)
            self._found_ids |= launched.found_by_name
            self._ids |= {
                name: session_id
                for name, session_id in launched.names.items()
                if name not in launched.found_by_name
            }

    # Look.

    def look(self, new: Iterable[str], lost: Iterable[str] = ()) -> dict[str, SkahaError]:
        """Look at the sessions of workers that are not connected to the scheduler.

        Args:
            new: Names of workers that were not connected yet.
            lost: Names of workers that have lost their connection.

        Returns:
            The reason for each worker whose session has ended, by its name.
        """
        with self._looking:
            if not self._update(new, lost):
                return {}
            names = {session_id: name for name, session_id in self.ids.items()}
            ended = {
                names[session_id]: self._end_of(names[session_id], session_id, status)
                for tracker in (self._new, self._lost)
                for session_id, status in tracker.ended().items()
                if session_id in names
            }
        with self._lock:
            for name in ended:
                # A session that has ended is left on the platform, with its log.
                self._ids.pop(name, None)
                self._found_ids.pop(name, None)
        return ended

    def _update(self, new: Iterable[str], lost: Iterable[str] = ()) -> bool:
        """Read the statuses of sessions; return whether the platform responds."""
        ids = self.ids
        for tracker, names in ((self._new, new), (self._lost, lost)):
            watched = [ids[name] for name in names if name in ids]
            tracker.add(watched)
            tracker.ids = watched
        try:
            with self._poller.single_requests():
                records = self._session.fetch()
                self._poller.update(self._new, records)
                self._poller.update(self._lost, records)
        except SkahaError as error:
            self._failed_looks += 1
            if self._failed_looks == _FAILURES_BEFORE_WARNING:
                text = "cluster %s: the platform does not respond: %s; trying again"
                log.warning(text, self._cluster, error)
            return False
        self._failed_looks = 0
        return True

    def _end_of(self, name: str, session_id: str, status: str) -> SkahaError:
        lines = None if status == GONE else self._last_lines(session_id)
        text = f"its session {session_id} {describe_end(status, lines)}"
        if status != GONE and (reason := self._poller.warnings_about(session_id)):
            text = f"{text}; the platform's warnings: {reason}"
        if lines:
            text = f"{text}; the end of its log:\n{lines}"
        error = FailedSessionError(text)
        error.subject = f"worker {name}"
        return error

    def _last_lines(self, session_id: str) -> str | None:
        try:
            with self._poller.single_requests():
                logs = self._session.logs(session_id, tail=_LOG_LINES)
        except SkahaError as error:
            log.debug("the log is not known: %s", error)
            return None
        lines = logs.get(session_id, "").splitlines()
        return "\n".join(f"    {printable(line[:_LOG_WIDTH])}" for line in lines)

    def describe(self, names: Iterable[str]) -> list[str]:
        """Return the reason for each worker that is not connected, as far as it is known."""
        ids = self.ids
        waiting = {name: ids[name] for name in names if name in ids}
        reasons = [str(error) for name, error in self.failures.items() if name not in waiting]
        with self._looking:
            if not waiting or not self._update(waiting):
                return reasons
            statuses = self._new.statuses()
            warnings = self._poller.reason_for_waiting(self._new)
        for name, session_id in waiting.items():
            text = f"worker {name}: its session {session_id} is {statuses[session_id]}"
            if statuses[session_id] == "Pending" and warnings:
                text = f"{text}; the platform's warnings: {warnings}"
            reasons.append(text)
        return reasons

    # End.

    def end(self, names: Iterable[str]) -> None:
        """Delete the sessions of workers, and report each session that could not be ended."""
        with self._lock:
            ids = {name: self._ids.pop(name) for name in names if name in self._ids}
            found_ids = {
                name: self._found_ids.pop(name) for name in names if name in self._found_ids
            }
        answered: Collection[str] = ()
        failures: dict[str, SkahaError] = {}
        try:
            if ids:
                outcome = self._session.destroy(list(ids.values()))
                answered, failures = outcome.keys(), outcome.failures
        except SkahaError as error:
            answered = () if error.partial is None else error.partial.keys()
            failures = dict.fromkeys(ids.values(), error)
        finally:
            left = {name: key for name, key in ids.items() if key not in answered}
            with self._lock:
                self._ids |= left
                self._not_ended |= {
                    name: failures[key] for name, key in left.items() if key in failures
                }
        self._report(left, failures, found_ids)

    def end_all(self) -> None:
        """Delete all sessions."""
        self.end(list(self.ids))
        if not self.ids:
            _alive.discard(self)

    def end_at_exit(self) -> None:
        """Delete all sessions in limited time, unless they belong to the parent process."""
        if self._process_id == os.getpid():
            end = time.monotonic() + _EXIT_SECONDS
            with call_context(self._session.retry, repeats=False, end=end):
                self.end_all()
            # Dask closes the cluster after this, and can start no thread.
            self._ids.clear()

    def _report(
        self, left: dict[str, str], failures: dict[str, SkahaError], found_ids: dict[str, str]
    ) -> None:
        if left:
            log.warning(
                "cluster %s could not end the sessions of %s: %s. Their workers end themselves "
                "without a scheduler",
                self._cluster,
                _named(left),
                next(iter(failures.values()), "stopped"),
            )
        if found_ids:
            log.warning(
                "cluster %s leaves these sessions on the platform, because they were found by "
                "their names: %s. Their workers end themselves without a scheduler",
                self._cluster,
                _named(found_ids),
            )


def _named(ids: dict[str, str]) -> str:
    return printable(", ".join(f"{name} ({session_id})" for name, session_id in ids.items()))


@atexit.register
def _end_all_at_exit() -> None:
    """End the sessions of all clusters that are still open."""
    for sessions in list(_alive):
        sessions.end_at_exit()
