"""Looking at sessions: what there is, how it is, what it said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast, overload

from skaha import _requests
from skaha._async._base_client import AsyncService
from skaha._async._spelling import also_as_id
from skaha._sansio import responses, validation
from skaha._sansio.progress import Tally
from skaha._sansio.retrying import effort
from skaha.records import Event, matching, parse_events
from skaha.results import Outcome, ResultDict, ResultList, settled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skaha.models import (
        KINDS,
        STATUS,
        VIEW,
        Progress,
        PublicSessionRecord,
        SessionRecord,
        StatsRecord,
    )


class AsyncReading(AsyncService):
    """The part of a session class that changes nothing."""

    @overload
    async def fetch(
        self,
        kind: KINDS | None = None,
        status: STATUS | None = None,
        view: Literal["interactive"] | None = None,
    ) -> ResultList[SessionRecord]: ...

    @overload
    async def fetch(
        self,
        kind: KINDS | None = None,
        status: STATUS | None = None,
        *,
        view: Literal["all"],
    ) -> ResultList[PublicSessionRecord]: ...

    @overload
    async def fetch(
        self, kind: KINDS | None, status: STATUS | None, view: Literal["all"]
    ) -> ResultList[PublicSessionRecord]: ...

    async def fetch(
        self,
        kind: KINDS | None = None,
        status: STATUS | None = None,
        view: VIEW | None = None,
    ) -> ResultList[SessionRecord] | ResultList[PublicSessionRecord]:
        """List sessions, with one request.

        Args:
            kind: Keep this kind only.
            status: Keep this status only; `Succeeded` and `Completed` mean the same.
            view: `"all"` for everybody's sessions, with their public fields alone;
                `"interactive"` for those of the caller that are not headless.

        Returns:
            The sessions as the platform tells them, in no promised order.

        Raises:
            skaha.errors.InvalidInputError: If an argument is not one of the known words.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.fetch(kind="carta", status="Running")
            []
        """
        kinds, statuses = validation.check_kinds(kind), validation.check_statuses(status)
        validation.check_view(view)
        return await self._listed(kinds, statuses, view)

    async def _listed(
        self,
        kinds: frozenset[str] | None,
        statuses: frozenset[str] | None,
        view: VIEW | None = None,
    ) -> ResultList[SessionRecord]:
        # The platform takes one word a filter, and has but one of the two for success. Everything
        # is filtered here again, as one of its views forgets the kind.
        kind = next(iter(kinds)) if kinds and len(kinds) == 1 else None
        status = next(iter(statuses)) if statuses and len(statuses) == 1 else None
        with effort(self.retry) as made:
            request = _requests.list_sessions(kind, status, view)
            found = await self._send("fetch", request, responses.json_objects)
        # Older platforms do not know this view.
        headless = {"headless"} if view == "interactive" else set()
        records = [
            one for one in matching(found, kinds, statuses) if str(one.get("type")) not in headless
        ]
        return ResultList(cast("list[SessionRecord]", records), Outcome(retries=made.retries))

    async def stats(self) -> StatsRecord:
        """Read how busy the whole platform is.

        Returns:
            The platform's own JSON; some sites have none and answer 503.

        Raises:
            skaha.errors.ServerError: If the platform has no statistics.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> sorted(await session.stats())
            ['cores', 'ram']
        """
        # A site without a metrics backend always answers 503: asking again would not help.
        request = _requests.get_stats()
        found = await self._send("stats", request, responses.json_object, repeatable=False)
        return cast("StatsRecord", ResultDict(found, Outcome()))

    @also_as_id
    async def info(
        self, ids: str | Sequence[str], *, progress: Progress | None = None
    ) -> ResultList[SessionRecord]:
        """Read sessions.

        Args:
            ids: One id or several.
            progress: Called with how many are done, and how many there are.

        Returns:
            The sessions that are there, in the order of `ids`; `failures` says what is not.

        Raises:
            skaha.errors.InvalidInputError: If one of `ids` cannot be an id.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.info("hjko98yg")
            []
        """

        async def read(session_id: str) -> SessionRecord:
            request = _requests.get_session(session_id)
            found = await self._send(f"info of {session_id}", request, responses.json_object)
            return cast("SessionRecord", found)

        wanted = validation.check_ids(ids)
        found = await self._send_many(read, wanted, Tally(progress, len(wanted)))
        return settled(ResultList(found.values.values(), found), found)

    @overload
    async def events(
        self,
        ids: str | Sequence[str],
        verbose: Literal[False] = False,
        *,
        progress: Progress | None = None,
    ) -> ResultList[dict[str, str]]: ...

    @overload
    async def events(
        self, ids: str | Sequence[str], verbose: Literal[True], *, progress: Progress | None = None
    ) -> None: ...

    @also_as_id
    async def events(
        self, ids: str | Sequence[str], verbose: bool = False, *, progress: Progress | None = None
    ) -> ResultList[dict[str, str]] | None:
        """Read what the platform did for sessions.

        Args:
            ids: One id or several.
            verbose: Print the events instead of returning them.
            progress: Called with how many are done, and how many there are.

        Returns:
            One dictionary a session, its id and its table of events, in the order of `ids`;
            `failures` says what is not there, or waits in a queue. `None` when `verbose`.

        Raises:
            skaha.errors.InvalidInputError: If one of `ids` cannot be an id.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.events("hjko98yg")
            []
        """

        async def read(session_id: str) -> str:
            request = _requests.get_session_events(session_id)
            return await self._send(f"events of {session_id}", request, responses.plain_text)

        wanted = validation.check_ids(ids)
        found = await self._send_many(read, wanted, Tally(progress, len(wanted)))
        tables = [{session_id: table} for session_id, table in found.values.items()]
        events = settled(ResultList(tables, found), found)
        if not verbose:
            return events
        for session_id, table in found.values.items():
            print(f"{session_id}:", table, sep="\n")  # noqa: T201  (what verbose asks for)
        return None

    @also_as_id
    async def parsed_events(
        self, ids: str | Sequence[str], *, progress: Progress | None = None
    ) -> ResultDict[list[Event]]:
        """Read what the platform did for sessions, as objects.

        Args:
            ids: One id or several.
            progress: Called with how many are done, and how many there are.

        Returns:
            The events of each session by its id, in the order of `ids`; `failures` says what is
            not there, or waits in a queue.

        Raises:
            skaha.errors.InvalidInputError: If one of `ids` cannot be an id.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> ids = await session.create(
            ...     "seen", "images.canfar.net/skaha/terminal:1.1.2", cmd="true"
            ... )
            >>> _ = await session.wait(ids, timeout=60)
            >>> [event.type for event in (await session.parsed_events(ids))[ids[0]]][0]
            'Normal'
            >>> all((await session.destroy(ids)).values())
            True
        """
        tables = await self.events(ids, progress=progress)
        parsed = {key: parse_events(text) for table in tables for key, text in table.items()}
        return ResultDict(parsed, Outcome(failures=tables.failures, retries=tables.retries))
