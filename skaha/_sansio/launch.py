"""Launches: the request, the state of each replica, and the result.

A launch is not idempotent: if its response is lost, only the list of sessions shows whether the
platform executed it. A session of an older launch may have the same name, so the ids that existed
before the launch are needed to recognise the new session.
"""

from __future__ import annotations

import enum
import logging
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Self

from attrs import define, evolve, field, frozen

from skaha._sansio import validation
from skaha._sansio.progress import ProgressReporter
from skaha._sansio.retrying import (
    MAX_INTERNAL_ERRORS,
    is_internal_error,
    is_uncertain,
    was_not_executed,
)
from skaha.errors import ConnectionFailedError
from skaha.models import SecretText
from skaha.results import Launched, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from skaha.errors import SkahaError
    from skaha.models import Progress

# Seconds for which the list may lack a new session.
_LIST_DELAY = 60.0

log = logging.getLogger("skaha")


@frozen(eq=False)
class LaunchRequest:
    """The fields that all replicas share, and the names of the replicas to launch."""

    names: list[str]
    # Number of replicas of the whole launch; a second launch may have fewer names.
    count: int
    image: str
    kind: str
    cores: float | None
    ram: float | None
    gpus: int | None
    cmd: str | None
    args: str | None
    # The values may be secrets.
    variables: dict[str, str] = field(repr=False)
    # Ids that existed before the launch; `None` if they are not known.
    ids_before: frozenset[str] | None = field(default=None, repr=False)

    @classmethod
    def checked(
        cls,
        *,
        name: object,
        image: object,
        cores: float | None,
        ram: float | None,
        kind: str,
        gpu: object,
        cmd: object,
        args: object,
        env: dict[str, Any] | None,
        replicas: object,
    ) -> Self:
        """Return the launch request for the arguments of `create`.

        Raises:
            InvalidInputError: If an argument is wrong.
        """
        validation.check_launch_kind(kind)
        names = validation.replica_names(name, replicas)
        validation.check_amount("cores", cores)
        validation.check_amount("ram", ram)
        checked_cmd, checked_args, variables = validation.check_command(kind, cmd, args, env)
        return cls(
            names=names,
            count=len(names),
            image=validation.check_text("image", image),
            kind=kind,
            cores=cores,
            ram=ram,
            gpus=validation.check_gpus(gpu),
            cmd=checked_cmd,
            args=checked_args,
            variables=variables,
        )

    def environment_of(self, name: str) -> list[str]:
        """Return the environment of a replica, as `KEY=VALUE`."""
        number, count = name.rpartition("-")[2], str(self.count)
        variables = self.variables | {"REPLICA_ID": number, "REPLICA_COUNT": count}
        return [SecretText(f"{key}={value}") for key, value in variables.items()]

    def masked_environment_of(self, name: str) -> list[str]:
        """Return the environment of a replica with `...` in place of the values of the user."""
        return [
            f"{key}=..." if key in self.variables else str(pair)
            for pair in self.environment_of(name)
            for key in [pair.partition("=")[0]]
        ]


class State(enum.Enum):
    """State of the launch of one replica."""

    NOT_SENT = enum.auto()
    IN_FLIGHT = enum.auto()
    LAUNCHED = enum.auto()
    REFUSED = enum.auto()
    # The platform may have executed the launch although it failed.
    UNCERTAIN = enum.auto()
    # The platform did not execute the launch, but may do so next time.
    NOT_EXECUTED = enum.auto()


@define(eq=False)
class Replica:
    """Launch of one replica: its state, its session id or its error, and its attempts."""

    name: str
    state: State = State.NOT_SENT
    session_id: str = ""
    error: SkahaError | None = None
    launched_at: float = 0.0
    times_sent: int = 0
    times_uncertain: int = 0
    internal_errors: int = 0

    def start(self) -> None:
        """Note that the launch is about to be sent."""
        self.state = State.IN_FLIGHT
        self.times_sent += 1

    def succeed(self, session_id: str) -> None:
        """Note the id of the new session."""
        self.state, self.session_id, self.error = State.LAUNCHED, session_id, None
        self.launched_at = time.monotonic()

    def fail(self, error: SkahaError) -> None:
        """Note an error, and decide from it what happened to the launch."""
        self.error = error
        self.internal_errors += is_internal_error(error)
        self.times_uncertain += is_uncertain(error)
        if self.internal_errors >= MAX_INTERNAL_ERRORS:
            self.state = State.REFUSED
        elif was_not_executed(error):
            self.state = State.NOT_EXECUTED
        elif is_uncertain(error):
            self.state = State.UNCERTAIN
        else:
            self.state = State.REFUSED
            return
        log.debug("%s; it is looked up, and launched again if it is not there", error)

    def stop(self) -> None:
        """Note that the call stops and does not wait for the response."""
        if self.state is State.IN_FLIGHT:
            error = ConnectionFailedError(
                "stopped before the response came: it may have been launched"
            )
            error.subject = f"launch of {self.name}"
            self.fail(error)

    @property
    def outcome(self) -> str | SkahaError | None:
        """The session id or the error; `None` before the first attempt."""
        return self.session_id or self.error


class Launch:
    """One launch, from the request to the result."""

    def __init__(
        self,
        request: LaunchRequest,
        *,
        at_most: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Start with replicas that were not sent.

        Args:
            request: The launch request.
            at_most: Largest number of active sessions of this kind; `None` for no limit.
            progress: The function that receives progress reports.
        """
        self.request = request
        self.at_most = at_most
        self.replicas = {name: Replica(name) for name in request.names}
        self.retries = 0
        self.progress = ProgressReporter(progress, len(self.replicas), retried=True)

    @classmethod
    def again(
        cls,
        launched: Launched,
        request: LaunchRequest,
        lost: AbstractSet[str],
        *,
        at_most: int | None,
        progress: Progress | None,
    ) -> Launch | None:
        """Return the launch of the replicas that are missing in a result, or `None` if none is.

        Args:
            launched: The result of an earlier launch.
            request: The launch request of that launch.
            lost: Ids in `launched` whose replicas are launched again.
            at_most: As for a launch.
            progress: As for a launch.
        """
        present = {name for name, session_id in launched.names.items() if session_id not in lost}
        names = [name for name in request.names if name not in present]
        if not names:
            return None
        ids_before = None if request.ids_before is None else request.ids_before | lost
        request = evolve(request, names=names, ids_before=ids_before)
        launch = cls(request, at_most=at_most, progress=progress)
        for name, error in launched.failures.items():
            if name in launch.replicas and is_uncertain(error):
                launch.replicas[name].fail(error)
        return launch

    def _in(self, *states: State) -> list[Replica]:
        return [replica for replica in self.replicas.values() if replica.state in states]

    @property
    def not_sent(self) -> list[str]:
        """Names of the replicas that were not sent yet."""
        return [replica.name for replica in self._in(State.NOT_SENT)]

    @property
    def uncertain(self) -> list[Replica]:
        """Replicas that the platform may have launched although the launch failed."""
        return self._in(State.UNCERTAIN)

    @property
    def open_failures(self) -> dict[str, SkahaError]:
        """Errors of the replicas to send again, unless the list shows that they are launched."""
        return {
            replica.name: replica.error
            for replica in self._in(State.UNCERTAIN, State.NOT_EXECUTED)
            if replica.error is not None
        }

    def forget_uncertainty(self) -> None:
        """Mark the uncertain replicas as not sent, because the list does not contain them."""
        for replica in self.uncertain:
            replica.state, replica.error = State.NOT_SENT, None

    def report_progress(self) -> None:
        """Report the number of replicas that are launched or refused."""
        self.progress.reach(len(self._in(State.LAUNCHED, State.REFUSED)))

    def unlisted(self, records: Iterable[dict[str, Any]]) -> int:
        """Return the number of new sessions that the list lacks because it lags behind."""
        listed = {record["id"] for record in records}
        earliest = time.monotonic() - _LIST_DELAY
        return sum(
            replica.session_id not in listed and replica.launched_at >= earliest
            for replica in self._in(State.LAUNCHED)
        )

    def find(self, records: Iterable[dict[str, Any]]) -> None:
        """Read a list of all sessions, and mark the uncertain replicas in it as launched."""
        new_ids = self._new_ids(records)
        for replica in self.replicas.values():
            candidates = new_ids[replica.name.lower()]
            if replica.state is not State.LAUNCHED and replica.times_uncertain and candidates:
                replica.succeed(candidates[0])

    def note_failed_look_up(self, error: SkahaError) -> None:
        """Add to the error of each uncertain replica that the look-up failed, too."""
        for replica in self.uncertain:
            if replica.error is not None and not hasattr(replica.error, "__notes__"):
                replica.error.add_note(
                    f"it may have been launched: looking for it failed, too: {error}"
                )

    @property
    def was_repeated(self) -> bool:
        """Whether a launch was sent again after an uncertain one."""
        return any(
            replica.times_sent > 1 and replica.times_uncertain for replica in self.replicas.values()
        )

    def surplus(self, records: Iterable[dict[str, Any]]) -> list[str]:
        """Return the ids of the sessions that uncertain launches made besides the counted one.

        There cannot be more of them than uncertain launches. If there are more, some belong to
        another program, and all sessions of that name are left alone.
        """
        new_ids = self._new_ids(records)
        counted = {replica.session_id for replica in self.replicas.values()}
        surplus = []
        for replica in self.replicas.values():
            extra = [one for one in new_ids[replica.name.lower()] if one not in counted]
            if len(extra) <= min(replica.times_uncertain, replica.times_sent - 1):
                surplus += extra
        return surplus

    def _new_ids(self, records: Iterable[dict[str, Any]]) -> defaultdict[str, list[str]]:
        new_ids = defaultdict[str, list[str]](list)
        for record in records:
            if record["id"] not in (self.request.ids_before or ()):
                new_ids[record["name"].lower()].append(record["id"])
        return new_ids

    def result(self) -> Launched:
        """Return the session ids and the failures, in replica order."""
        outcomes = {
            name: replica.outcome
            for name, replica in self.replicas.items()
            if replica.outcome is not None and replica.state is not State.IN_FLIGHT
        }
        repeats = sum(max(0, replica.times_sent - 1) for replica in self.replicas.values())
        retries = self.retries + repeats
        return Launched(self.request, Outcome.of(list(self.replicas), outcomes, retries))
