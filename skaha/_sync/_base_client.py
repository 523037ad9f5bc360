# Made from skaha/_async/_base_client.py by scripts/regenerate.py: edit that one.
"""How every class of this colour talks to the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from skaha._sansio.responses import connection_failure
from skaha._sansio.retrying import effort
from skaha._transport._sync.concurrency import each
from skaha.client import SkahaClient
from skaha.errors import SkahaError
from skaha.results import Outcome, ResultDict, attach

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from skaha._sansio.progress import Tally
    from skaha._transport._sync.concurrency import Method

T = TypeVar("T")


class Service(SkahaClient):
    """Sends requests, one or many at once, and closes what it opened."""

    def _send(
        self,
        subject: str,
        request: dict[str, Any],
        read: Callable[[httpx.Response], T],
        *,
        anonymous: bool = False,
        **extensions: Any,
    ) -> T:
        """Send one request and read its answer; every error names `subject`."""
        try:
            if not anonymous:
                self._require_credentials()
            with effort(self.retry):
                client = self.api.get_httpx_client()
                return read(client.request(**request, extensions=extensions))
        except SkahaError as error:
            error.subject = subject
            raise
        except httpx.RequestError as error:
            failure = connection_failure(error)
            failure.subject = subject
            if self.server == "local" and isinstance(error, httpx.ConnectError):
                failure.add_note("the embedded platform has ended: a new session starts it again")
            raise failure from error

    def _send_many(
        self, send: Method[[str], T], keys: Sequence[str], tally: Tally | None = None
    ) -> Outcome[T]:
        """Send for every key, many at once; keep what succeeded and what failed, by key."""
        outcomes: dict[str, T | SkahaError] = {}
        tell = tally.add if tally is not None and tally.is_asked_for else None

        def outcome(key: str) -> T | SkahaError:
            try:
                return send(key)
            except SkahaError as error:
                return error

        with effort(self.retry) as shared:
            earlier = shared.retries
            try:
                each(outcome, keys, self.concurrency, outcomes.__setitem__, tell)
            except BaseException as stop:
                so_far = Outcome.of(keys, outcomes, shared.retries - earlier)
                attach(stop, ResultDict(so_far.values, so_far))
                raise
        return Outcome.of(keys, outcomes, shared.retries - earlier)

    def close(self) -> None:
        """Close the connections; a later call opens new ones.

        Example:
            >>> from skaha import Session
            >>> session = Session(server="local")
            >>> session.close()
            >>> with Session(server="local") as session:  # closes at its end
            ...     session.fetch(kind="firefly")
            []
        """
        self.api.close()

    def __enter__(self) -> Self:
        """Return this object, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()
