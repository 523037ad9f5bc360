"""The fields of a launch, and the state of the launch of one replica."""

from __future__ import annotations

import enum
import logging
import time
from typing import TYPE_CHECKING, Any, Self

from attrs import define, field, frozen

from skaha._sansio import validation
from skaha._sansio.retrying import is_internal_error, is_uncertain, was_not_executed
from skaha.errors import ConnectionFailedError, SkahaError
from skaha.models import DEFAULT_CORES, DEFAULT_RAM, SecretText

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger("skaha")


@frozen(eq=False)
class Job:
    """The fields of a launch. All replicas of one job share them."""

    image: str
    kind: str
    cores: float | None
    ram: float | None
    gpus: int | None
    cmd: str | None
    args: str | None
    # The values may be secrets.
    variables: dict[str, str] = field(repr=False)
    # Number of replicas of the job.
    count: int = 1

    @classmethod
    def checked(
        cls,
        *,
        image: object,
        cores: float | None = DEFAULT_CORES,
        ram: float | None = DEFAULT_RAM,
        kind: str = "headless",
        gpu: object = None,
        cmd: object = None,
        args: object = None,
        env: Mapping[str, Any] | None = None,
        count: int = 1,
    ) -> Self:
        """Return the job for the arguments of `create`.

        Raises:
            InvalidInputError: If an argument is wrong.
        """
        kind = validation.check_launch_kind(kind)
        checked_cmd, checked_args, variables = validation.check_command(kind, cmd, args, env)
        return cls(
            image=validation.check_image(image),
            kind=kind,
            cores=validation.check_amount("cores", cores),
            ram=validation.check_ram(ram),
            gpus=validation.check_gpus(gpu),
            cmd=checked_cmd,
            args=checked_args,
            variables=variables,
            count=count,
        )

    def environment_of(self, number: int) -> list[str]:
        """Return the environment of a replica, as `KEY=VALUE`."""
        variables = self.variables | self._replica_variables(number)
        return [SecretText(f"{key}={value}") for key, value in variables.items()]

    def masked_environment_of(self, number: int) -> list[str]:
        """Return the environment of a replica with `...` in place of the values of the user."""
        masked = dict.fromkeys(self.variables, "...") | self._replica_variables(number)
        return [f"{key}={value}" for key, value in masked.items()]

    def _replica_variables(self, number: int) -> dict[str, str]:
        return {"REPLICA_ID": str(number), "REPLICA_COUNT": str(self.count)}


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
    job: Job = field(repr=False)
    number: int = 1
    state: State = State.NOT_SENT
    session_id: str = ""
    error: SkahaError | None = None
    # Times of the monotonic clock: the first attempt, and the last attempt and its end.
    first_sent_at: float = 0.0
    sent_at: float = 0.0
    ended_at: float = 0.0
    uncertain_since: float = 0.0
    times_sent: int = 0
    internal_errors: int = 0
    was_uncertain: bool = False
    # Whether the id in the response was checked, and whether the response was complete.
    is_checked: bool = False
    has_line_feed: bool = True
    # Looks at a complete list since the last attempt, without a session of this name.
    looks: int = 0
    # Whether more looks cannot tell whether the launch was executed.
    is_settled: bool = False

    def start(self) -> None:
        """Note that the launch is about to be sent."""
        self.state, self.sent_at = State.IN_FLIGHT, time.monotonic()
        self.is_checked, self.looks, self.is_settled = False, 0, False
        self.first_sent_at = self.first_sent_at or self.sent_at
        self.times_sent += 1

    def succeed(self, session_id: str, *, has_line_feed: bool = True) -> None:
        """Note the id of the new session.

        Args:
            session_id: The id.
            has_line_feed: Whether the response ended with a line feed; if not, it may be cut off.
        """
        self.has_line_feed = has_line_feed
        self.state, self.session_id, self.error = State.LAUNCHED, session_id, None
        self.ended_at = time.monotonic()

    def fail(self, error: SkahaError) -> None:
        """Note an error, and determine the new state from it."""
        self.session_id, self.error, self.ended_at = "", error, time.monotonic()
        self.internal_errors += is_internal_error(error)
        if was_not_executed(error):
            self.state = State.NOT_EXECUTED
            log.debug("%s; the launch was not executed and is sent again", error)
        elif is_uncertain(error):
            self.make_uncertain(error)
        else:
            self.state = State.REFUSED

    def make_uncertain(self, error: SkahaError) -> None:
        """Note that a session may exist although its id is not known."""
        self.session_id, self.error = "", error
        self.state, self.was_uncertain = State.UNCERTAIN, True
        self.uncertain_since = time.monotonic()
        log.debug("%s; the launch is looked up before it is sent again", error)

    def stop(self) -> None:
        """Note that the call stops and does not wait for the response."""
        if self.state is State.IN_FLIGHT:
            self.ended_at = time.monotonic()
            error = ConnectionFailedError("stopped before the response came")
            error.subject = f"launch of {self.name}"
            self.make_uncertain(error)

    @property
    def duration(self) -> float:
        """Seconds from the last attempt to its response or error."""
        return max(0.0, self.ended_at - self.sent_at)

    @property
    def outcome(self) -> str | SkahaError | None:
        """The session id or the error; `None` before the first attempt."""
        return self.session_id or self.error
