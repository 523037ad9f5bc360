"""Ending sessions: by id, or by the beginning of their names."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, overload

from skaha import _requests
from skaha._async._reading import AsyncReading
from skaha._async._spelling import also_as_id
from skaha._sansio import responses, validation
from skaha._sansio.name_filter import Selection
from skaha._sansio.progress import Tally
from skaha._transport._async.concurrency import pause
from skaha.errors import InvalidInputError, NotFoundError, SkahaError, StillThereError
from skaha.records import APP, sessions
from skaha.results import Outcome, ResultDict, ResultList, raise_with, settled

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from skaha.models import KINDS, STATUS, Progress, SessionRecord

# How long the platform may take to end what it was told to end, and to forget it.
_GRACE = 60


class AsyncEnding(AsyncReading):
    """The part of a session class that ends sessions."""

    @also_as_id
    async def destroy(
        self, ids: str | Sequence[str], *, verify: bool = False, progress: Progress | None = None
    ) -> ResultDict[bool]:
        """End sessions and forget them.

        Args:
            ids: One id or several.
            verify: Look whether they are gone, too, for up to a minute: newer platforms say yes to
                any id, whatever becomes of it.
            progress: Called with how many the platform has answered for, and how many there are.

        Returns:
            Whether the platform took each, by id; `False` for what is not there or not yours, as
            far as the platform says so. `failures` says why.

        Raises:
            skaha.errors.InvalidInputError: If one of `ids` cannot be an id.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.destroy(["hjko98yg", "ikvp1jtp"])
            {'hjko98yg': True, 'ikvp1jtp': True}
        """
        wanted = validation.check_ids(ids)

        async def delete(session_id: str) -> bool:
            request = _requests.delete_session(session_id)
            try:
                await self._send(f"destroy of {session_id}", request, responses.plain_text)
            except NotFoundError as error:
                # The first order was carried out, and its answer lost.
                if error.attempts == 1:
                    raise
            return True

        done = await self._send_many(delete, wanted, Tally(progress, len(wanted)))
        if verify and done.values:
            done = await self._verified(done)
        return settled(ResultDict({key: key in done.values for key in wanted}, done), done)

    async def _verified(self, done: Outcome[bool]) -> Outcome[bool]:
        end, seconds = time.monotonic() + _GRACE, 0.1
        while True:
            try:
                listed = {str(one.get("id")) for one in sessions(await self.fetch())}
            except SkahaError as error:
                raise_with(error, ResultDict(done.values, done))
            left = done.values.keys() & listed
            if not left or time.monotonic() > end:
                break
            await pause(seconds)
            seconds = min(seconds * 2, 5)
        message = f"the platform took the order, but lists the session still after {_GRACE} s"
        still = {one: StillThereError(f"destroy of {one}: {message}") for one in left}
        gone = {key: True for key in done.values if key not in left}
        return Outcome(gone, done.failures | still, done.retries)

    @overload
    async def destroy_with(
        self,
        prefix: str,
        kind: KINDS | Collection[KINDS] | None = "headless",
        status: STATUS | Collection[STATUS] | None = "Succeeded",
        *,
        pattern: bool = False,
        dry_run: Literal[False] = False,
        verify: bool = False,
        progress: Progress | None = None,
    ) -> ResultDict[bool]: ...

    @overload
    async def destroy_with(
        self,
        prefix: str,
        kind: KINDS | Collection[KINDS] | None = "headless",
        status: STATUS | Collection[STATUS] | None = "Succeeded",
        *,
        pattern: bool = False,
        dry_run: Literal[True],
        verify: bool = False,
        progress: Progress | None = None,
    ) -> ResultList[SessionRecord]: ...

    async def destroy_with(
        self,
        prefix: str,
        kind: KINDS | Collection[KINDS] | None = "headless",
        status: STATUS | Collection[STATUS] | None = "Succeeded",
        *,
        pattern: bool = False,
        dry_run: bool = False,
        verify: bool = False,
        progress: Progress | None = None,
    ) -> ResultDict[bool] | ResultList[SessionRecord]:
        """End the sessions whose names begin with a prefix.

        Args:
            prefix: Beginning of the names, letter by letter; never a pattern. The platform stores
                names in lower case.
            kind: Only sessions of this kind, or of one of these; `None` for any.
            status: Only sessions with this status, or one of these; `None` for any. `Succeeded`
                and `Completed` mean the same.
            pattern: Take `prefix` as a pattern that whole names must match: `*` is any letters,
                `?` is one, and `[...]` is one of these.
            dry_run: Only return the sessions that would be ended.
            verify: Look whether they are gone, too, as in `destroy`.
            progress: As in `destroy`.

        Returns:
            As `destroy`, for the sessions that matched.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong, or `prefix` is empty:
                `destroy_all` is the call for that.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.destroy_with("nothing-like-this", status=["Failed", "Completed"])
            {}
        """
        selection = Selection.of(prefix, pattern=pattern)
        records = await self._selected(selection, kind, status)
        if dry_run:
            return records
        ids = [record["id"] for record in records]
        return await self.destroy(ids, verify=verify, progress=progress)

    @overload
    async def destroy_all(
        self,
        kind: KINDS | Collection[KINDS] | None = None,
        status: STATUS | Collection[STATUS] | None = None,
        *,
        dry_run: Literal[False] = False,
        verify: bool = False,
        progress: Progress | None = None,
    ) -> ResultDict[bool]: ...

    @overload
    async def destroy_all(
        self,
        kind: KINDS | Collection[KINDS] | None = None,
        status: STATUS | Collection[STATUS] | None = None,
        *,
        dry_run: Literal[True],
        verify: bool = False,
        progress: Progress | None = None,
    ) -> ResultList[SessionRecord]: ...

    async def destroy_all(
        self,
        kind: KINDS | Collection[KINDS] | None = None,
        status: STATUS | Collection[STATUS] | None = None,
        *,
        dry_run: bool = False,
        verify: bool = False,
        progress: Progress | None = None,
    ) -> ResultDict[bool] | ResultList[SessionRecord]:
        """End all of the caller's sessions, whatever their names.

        Args:
            kind: Only sessions of this kind, or of one of these; `None` for any.
            status: Only sessions with this status, or one of these; `None` for any.
            dry_run: Only return the sessions that would be ended.
            verify: Look whether they are gone, too, as in `destroy`.
            progress: As in `destroy`.

        Returns:
            As `destroy`, for the sessions that matched.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.destroy_all(kind="firefly", dry_run=True)
            []
        """
        records = await self._selected(Selection(), kind, status)
        if dry_run:
            return records
        ids = [record["id"] for record in records]
        return await self.destroy(ids, verify=verify, progress=progress)

    async def _selected(
        self,
        selection: Selection,
        kind: KINDS | Collection[KINDS] | None,
        status: STATUS | Collection[STATUS] | None,
    ) -> ResultList[SessionRecord]:
        kinds, statuses = validation.check_kinds(kind), validation.check_statuses(status)
        if kinds and APP in kinds:
            raise InvalidInputError("the id of an app is its desktop's: destroy_app ends an app")
        records = await self._listed(kinds, statuses)
        chosen = [
            one
            for one in sessions(records)
            if validation.is_id(one.get("id")) and selection.takes(str(one.get("name", "")))
        ]
        return ResultList(chosen, Outcome(retries=records.retries))
