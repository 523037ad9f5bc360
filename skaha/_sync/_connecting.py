# Made from skaha/_async/_connecting.py by scripts/regenerate.py: edit that one.
"""Using interactive sessions in a browser."""

from __future__ import annotations

import time
import webbrowser
from typing import TYPE_CHECKING

import httpx

from skaha._sansio import validation
from skaha._sansio.progress import Tally
from skaha._sync._spelling import also_as_id
from skaha._sync._waiting import Waiting
from skaha._transport._sync.client import open_for_users
from skaha._transport._sync.concurrency import pause
from skaha.errors import FailedSessionError, InvalidInputError, SkahaError, WaitTimeoutError
from skaha.records import known
from skaha.results import ResultDict, settled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skaha.models import Progress

_SECONDS_BETWEEN_LOOKS = 1.0


class Connecting(Waiting):
    """The part of a session class that opens sessions in a browser."""

    def connect_url(self, session_id: str) -> str:
        """Return where a session is used in a browser.

        Args:
            session_id: Id of an interactive session.

        Returns:
            The address. It holds what lets its reader in, so treat it like a password.

        Raises:
            skaha.errors.InvalidInputError: If it cannot be an id, or the session has no address.
            skaha.errors.NotFoundError: If there is no such session.

        Example:
            >>> from skaha import Session
            >>> session = Session(server="local")
            >>> ids = session.create("note", "images.canfar.net/skaha/astroml:24.07",
            ...                            kind="notebook")
            >>> (session.connect_url(ids[0])).startswith("http")
            True
            >>> all((session.destroy(ids)).values())
            True
        """
        records = self.info(session_id)
        for error in records.failures.values():
            raise error
        url = known(records[0].get("connectURL"))
        if not isinstance(url, str):
            kind = records[0].get("type")
            raise InvalidInputError(f"session {session_id} has no address: it is {kind}")
        return url

    @also_as_id
    def connect(
        self,
        ids: str | Sequence[str],
        timeout: float = 300,
        *,
        browser: bool = True,
        progress: Progress | None = None,
    ) -> ResultDict[str]:
        """Open sessions in the browser as soon as they answer.

        Args:
            ids: One id or several, of interactive sessions.
            timeout: Seconds to wait until they run and answer.
            browser: `False` to open nothing, and only return where they are.
            progress: Called with how many answer or never will, and how many there are.

        Returns:
            The address of each session by its id, in the order of `ids`, whether there is a
            browser or not; `failures` says which do not answer, and why.

        Raises:
            skaha.errors.InvalidInputError: If one of `ids` cannot be an id.
            skaha.errors.WaitTimeoutError: If sessions do not run in time.

        Example:
            >>> from skaha import Session
            >>> session = Session(server="local")
            >>> session.connect([])
            {}
        """
        validation.check_seconds("timeout", timeout)
        end = time.monotonic() + timeout
        wanted = validation.check_ids(ids)
        tally = Tally(progress, len(wanted))
        statuses = self.wait(wanted, until="running", timeout=timeout)

        def reach(session_id: str) -> str:
            if statuses[session_id] != "Running":
                raise FailedSessionError(f"session {session_id} is {statuses[session_id]}")
            url = self.connect_url(session_id)
            self._answering(session_id, url, end)
            return url

        found = self._send_many(reach, wanted, tally)
        urls = settled(ResultDict(found.values, found), found)
        if browser:
            for url in urls.values():
                webbrowser.open(url)
        return urls

    def _answering(self, session_id: str, url: str, end: float) -> None:
        # A client of its own: the address is another server's, which must not see the token.
        with open_for_users() as client:
            while True:
                left = max(_SECONDS_BETWEEN_LOOKS, end - time.monotonic())
                try:
                    answer = client.get(url, timeout=min(self.timeout, left))
                    if answer.status_code < httpx.codes.BAD_REQUEST:
                        return
                except (httpx.RequestError, httpx.InvalidURL):
                    pass
                if time.monotonic() > end:
                    raise _silent(session_id)
                pause(_SECONDS_BETWEEN_LOOKS)


def _silent(session_id: str) -> SkahaError:
    return WaitTimeoutError(f"session {session_id} runs, but its address does not answer")
