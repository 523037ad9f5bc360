"""Launches: the jobs, the state of each replica, and the result.

A launch is not idempotent: if its response is lost, only the list of sessions shows whether the
platform executed it. A name does not prove that a session belongs to this launch, and a list may
lag behind. So a session that is found by its name is reported as such, and a launch is sent again
only after it had time to appear in the list.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Self

from skaha._sansio import validation
from skaha._sansio.progress import ProgressReporter
from skaha._sansio.replica import Job, Replica, State
from skaha._sansio.retrying import MAX_INTERNAL_ERRORS
from skaha._sansio.short_lists import short_list
from skaha.errors import InvalidInputError, SkahaError
from skaha.records import record_id, session_name, sessions, start_time
from skaha.results import Launched, Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from skaha.models import Progress

# A `Date` header and a `startTime` have whole seconds only.
_CLOCK_TOLERANCE = timedelta(seconds=2)
# Looks at the list without a session, after which the session does not exist.
_MIN_LOOKS = 2
_JOB_KEYWORDS = ("name", "image", "cores", "ram", "kind", "gpu", "cmd", "args", "env")

log = logging.getLogger("skaha")


class Launch:
    """One launch, from the jobs to the result."""

    def __init__(
        self,
        replicas: Iterable[Replica],
        *,
        at_most: int | None = None,
        progress: Progress | None = None,
        foreign_ids: Collection[str] = frozenset(),
    ) -> None:
        """Start with replicas that were not sent.

        Args:
            replicas: The replicas, in the order of the result.
            at_most: Largest number of active sessions; `None` for no limit.
            progress: The function that receives progress reports.
            foreign_ids: Ids of sessions that do not belong to this launch.
        """
        self.replicas = {replica.name: replica for replica in replicas}
        self.at_most = at_most
        self.progress = ProgressReporter(progress, len(self.replicas), retried=True)
        self.retries = 0
        self.surplus: dict[str, list[str]] = {}
        self.found_by_name: dict[str, str] = {}
        # Ids that existed before the launch; `None` if the start times must tell the new sessions.
        self.ids_before: frozenset[str] | None = None
        self._foreign_ids = set(foreign_ids)
        # Ids that this launch received, and all ids that the client received for its launches.
        self._own_ids: set[str] = set()
        self.received_ids: set[str] = set()
        # The largest observed delay between the response to a launch and its place in the list.
        self._list_lag = 0.0
        # The ids of the first complete list after the first attempt.
        self._first_ids: frozenset[str] | None = None

    @classmethod
    def of_replicas(
        cls,
        name: object,
        replicas: object,
        *,
        at_most: int | None = None,
        progress: Progress | None = None,
        **job: Any,
    ) -> Self:
        """Return the launch of equal replicas.

        Raises:
            InvalidInputError: If an argument is wrong.
        """
        at_most = validation.check_optional_count("at_most", at_most)
        names = validation.replica_names(name, replicas)
        shared_job = Job.checked(count=len(names), **job)
        members = (Replica(name, shared_job, number) for number, name in enumerate(names, 1))
        return cls(members, at_most=at_most, progress=progress)

    @classmethod
    def of_jobs(
        cls,
        jobs: Iterable[Mapping[str, Any]],
        *,
        at_most: int | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Return the launch of different jobs.

        Raises:
            InvalidInputError: If a job is wrong; its `subject` names the job.
        """
        at_most = validation.check_optional_count("at_most", at_most)
        members: dict[str, Replica] = {}
        for index, job in enumerate(jobs):
            try:
                keywords = validation.check_job(job, _JOB_KEYWORDS)
                name = validation.check_job_name(keywords.pop("name"), members)
                members[name.lower()] = Replica(name, Job.checked(**keywords))
            except InvalidInputError as error:
                error.subject = f"jobs[{index}]"
                raise
        return cls(members.values(), at_most=at_most, progress=progress)

    def again(
        self,
        launched: Launched,
        lost: Collection[str],
        *,
        at_most: int | None,
        progress: Progress | None,
    ) -> Launch:
        """Return the launch of the replicas that are missing in a result of this launch.

        Args:
            launched: The result.
            lost: Ids in `launched` whose replicas are launched again.
            at_most: As for a launch.
            progress: As for a launch.
        """
        present = {name for name, session_id in launched.names.items() if session_id not in lost}
        missing = []
        for name, old in self.replicas.items():
            if name in present:
                continue
            new = Replica(name, old.job, old.number)
            if old.state is State.UNCERTAIN and old.error is not None:
                new.first_sent_at, new.sent_at = old.first_sent_at, old.sent_at
                new.ended_at, new.times_sent = old.ended_at, old.times_sent
                new.make_uncertain(old.error)
            missing.append(new)
        foreign_ids = self._foreign_ids | set(launched)
        launch = Launch(missing, at_most=at_most, progress=progress, foreign_ids=foreign_ids)
        launch.ids_before = self.ids_before
        return launch

    # States of the replicas.

    def _in(self, *states: State) -> list[Replica]:
        return [replica for replica in self.replicas.values() if replica.state in states]

    @property
    def _acknowledged(self) -> list[Replica]:
        """Replicas whose ids the platform returned."""
        return [
            replica
            for replica in self._in(State.LAUNCHED)
            if replica.name not in self.found_by_name
        ]

    @property
    def kinds(self) -> set[str]:
        """Kinds of all replicas."""
        return {replica.job.kind for replica in self.replicas.values()}

    @property
    def ids(self) -> list[str]:
        """Ids of the launched replicas."""
        return [replica.session_id for replica in self._in(State.LAUNCHED)]

    @property
    def not_sent(self) -> list[str]:
        """Names of the replicas that were not sent yet."""
        return [replica.name for replica in self._in(State.NOT_SENT)]

    @property
    def not_executed(self) -> dict[str, SkahaError]:
        """Errors of the replicas that can be sent again."""
        return _errors(self._in(State.NOT_EXECUTED))

    @property
    def uncertain(self) -> dict[str, SkahaError]:
        """Errors of the replicas that the platform may have launched although they failed."""
        return _errors(self._in(State.UNCERTAIN))

    @property
    def is_open(self) -> bool:
        """Whether another look at the list may tell whether a launch was executed."""
        return any(not replica.is_settled for replica in self._in(State.UNCERTAIN))

    @property
    def needs_look(self) -> bool:
        """Whether another look may find a session.

        A session that was found by its name may belong to another program, so the own session of
        that replica may still appear.
        """
        found_replicas = (self.replicas[name] for name in self.found_by_name)
        return self.is_open or any(not replica.is_settled for replica in found_replicas)

    @property
    def was_repeated(self) -> bool:
        """Whether a launch was sent again after an uncertain one."""
        return any(
            replica.times_sent > 1 and replica.was_uncertain for replica in self.replicas.values()
        )

    def stop(self) -> None:
        """Note that the call stops and does not wait for the launches in flight."""
        for replica in self.replicas.values():
            replica.stop()

    def report_progress(self) -> None:
        """Report the number of replicas that are launched or refused."""
        self.progress.reach(len(self._in(State.LAUNCHED, State.REFUSED)))

    # Ids in responses.

    def check_ids(self) -> None:
        """Reject each new id that this client received before, that is cut off or not unique."""
        launched = self._in(State.LAUNCHED)
        counts = Counter(replica.session_id for replica in launched)
        have_line_feeds = any(replica.has_line_feed for replica in launched)
        for replica in launched:
            is_wrong = counts[replica.session_id] > 1
            if not replica.is_checked:
                is_wrong = is_wrong or self._is_foreign(replica.session_id)
                is_wrong = is_wrong or (have_line_feeds and not replica.has_line_feed)
            if is_wrong:
                self._reject_id(replica)
            else:
                self._keep_id(replica)

    def _is_foreign(self, session_id: str) -> bool:
        received_earlier = session_id in self.received_ids and session_id not in self._own_ids
        return received_earlier or session_id in self._foreign_ids

    def _keep_id(self, replica: Replica) -> None:
        replica.is_checked = True
        self._own_ids.add(replica.session_id)
        self.received_ids.add(replica.session_id)

    def _reject_id(self, replica: Replica) -> None:
        if replica.session_id in self._own_ids:
            self._own_ids.discard(replica.session_id)
            self.received_ids.discard(replica.session_id)
        error = SkahaError(f"the platform answered with {replica.session_id}, which is not its id")
        error.subject = f"launch of {replica.name}"
        replica.make_uncertain(error)

    # Lists of sessions.

    def read_list(
        self, records: Iterable[Mapping[str, Any]], date: str | None, settle: float
    ) -> None:
        """Look for the uncertain replicas in a list of all sessions.

        Args:
            records: The list.
            date: The `Date` header of the list.
            settle: Seconds that a launch gets to appear in the list, at least.
        """
        # An app has the id of its desktop, but another name.
        now, listed = time.monotonic(), sessions(records)
        self._check_names(listed)
        is_complete = self._is_complete(listed, now)
        server_time = _server_time(date)
        by_name = defaultdict[str, list[Any]](list)
        for record in listed:
            by_name[session_name(record).lower()].append(record)
        patience = self._patience(settle)
        is_first_run = self._is_first_run(by_name)
        for replica in self.replicas.values():
            if not replica.was_uncertain:
                continue
            namesakes = by_name[replica.name.lower()]
            new_ids, unclear_ids = self._new_among(namesakes, replica, server_time, now)
            if is_first_run and len(unclear_ids) == 1:
                new_ids, unclear_ids = [*new_ids, *unclear_ids], []
            self._take(replica, new_ids)
            waited = now - replica.uncertain_since >= max(patience, replica.duration)
            if replica.state is State.UNCERTAIN and is_complete:
                _count_look(replica, waited=waited, is_unclear=bool(unclear_ids))
            elif replica.state is State.LAUNCHED:
                replica.is_settled = waited
        if is_complete and self._first_ids is None:
            self._first_ids = frozenset(map(record_id, listed))

    def _patience(self, settle: float) -> float:
        """Return the seconds that a launch gets to appear in the list."""
        slowest = max((replica.duration for replica in self._acknowledged), default=0.0)
        return max(settle, 2 * slowest, 2 * self._list_lag)

    def _check_names(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Reject each id that the platform lists under the name of another replica."""
        names = {record_id(record): session_name(record).lower() for record in records}
        for replica in self._in(State.LAUNCHED):
            listed_name = names.get(replica.session_id)
            if listed_name and listed_name != replica.name.lower():
                self._reject_id(replica)

    def _is_complete(self, records: list[Mapping[str, Any]], now: float) -> bool:
        """Return whether the list has all launches that the platform acknowledged, with names."""
        listed = set(map(record_id, records))
        missing = [replica for replica in self._acknowledged if replica.session_id not in listed]
        lags = [now - replica.ended_at for replica in missing]
        self._list_lag = max([self._list_lag, *lags])
        return not missing and all(map(session_name, records))

    def _new_among(
        self,
        namesakes: Iterable[Mapping[str, Any]],
        replica: Replica,
        server_time: datetime | None,
        now: float,
    ) -> tuple[list[str], list[str]]:
        """Return the ids of the new sessions, and the ids of sessions that may be new or old."""
        new, unclear = [], []
        for record in namesakes:
            found_id = record_id(record)
            if self._is_foreign(found_id) or not found_id:
                continue
            is_new: bool | None = True
            if self.ids_before is not None:
                is_new = found_id not in self.ids_before
            elif self._first_ids is None or found_id in self._first_ids:
                is_new = _started_since(record, replica, server_time, now)
            if is_new:
                new.append(found_id)
            elif is_new is None:
                unclear.append(found_id)
        return new, unclear

    def _is_first_run(self, by_name: Mapping[str, list[Any]]) -> bool:
        """Return whether no other run has the same names, as far as the list shows.

        Without start times, this tells that a session with the name of an uncertain replica is new:
        an older run would also have sessions with the names of the acknowledged replicas.
        """
        acknowledged = self._acknowledged
        others = [
            record
            for replica in acknowledged
            for record in by_name[replica.name.lower()]
            if record_id(record) != replica.session_id
        ]
        return bool(acknowledged) and not others

    def _take(self, replica: Replica, new_ids: list[str]) -> None:
        """Take one of the new sessions if the replica has none; the others are surplus."""
        if replica.state is not State.LAUNCHED and new_ids:
            replica.succeed(new_ids[0])
            self._keep_id(replica)
            self.found_by_name[replica.name] = replica.session_id
        extra = [session_id for session_id in new_ids if session_id != replica.session_id]
        if replica.state is State.LAUNCHED and extra:
            self.surplus[replica.name] = extra

    def note_failed_look_up(self, error: SkahaError) -> None:
        """Add to the error of each uncertain replica that the look-up failed, too."""
        for failure in self.uncertain.values():
            if not hasattr(failure, "__notes__"):
                failure.add_note(f"it may have been launched: looking for it failed, too: {error}")

    # The result.

    def result(self) -> Launched:
        """Return the session ids and failures in replica order; warn about uncertain launches."""
        outcomes = {
            name: replica.outcome
            for name, replica in self.replicas.items()
            if replica.outcome is not None
        }
        repeats = sum(max(0, replica.times_sent - 1) for replica in self.replicas.values())
        outcome = Outcome.of(list(self.replicas), outcomes, self.retries + repeats)
        launched = Launched(
            self,
            outcome,
            uncertain=list(self.uncertain),
            surplus=self.surplus,
            found_by_name=self.found_by_name,
        )
        if launched.uncertain:
            log.warning(
                "it is uncertain whether these replicas were launched: %s. Sessions with these "
                "names may be running",
                short_list(launched.uncertain),
            )
        if self.surplus:
            ids = [session_id for ids in self.surplus.values() for session_id in ids]
            log.warning(
                "more sessions than requested have the names of %s: %s. They may belong to this "
                "launch or to another program, so they are not deleted",
                short_list(list(self.surplus)),
                short_list(ids),
            )
        return launched


def _errors(replicas: Iterable[Replica]) -> dict[str, SkahaError]:
    return {replica.name: replica.error for replica in replicas if replica.error is not None}


def _count_look(replica: Replica, *, waited: bool, is_unclear: bool) -> None:
    """Count a look without the session; decide after enough looks and enough time."""
    replica.looks += 1
    if replica.looks < _MIN_LOOKS or not waited:
        return
    if is_unclear:
        replica.is_settled = True
    elif replica.internal_errors >= MAX_INTERNAL_ERRORS:
        replica.state = State.REFUSED
    else:
        replica.state = State.NOT_EXECUTED


def _server_time(date: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(date or "")
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _started_since(
    record: Mapping[str, Any], replica: Replica, server_time: datetime | None, now: float
) -> bool | None:
    """Return whether a session started after the launch was first sent; `None` if unknown."""
    started = start_time(record)
    if started is None or server_time is None or server_time.tzinfo is None:
        return None
    launched = server_time - timedelta(seconds=now - replica.first_sent_at)
    return started >= launched - _CLOCK_TOLERANCE
