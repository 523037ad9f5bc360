"""Reading requests that several methods share: lists, records, events and addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from skaha._sansio.call_context import call_context
from skaha._sansio.responses import EVENTS, OBJECT, OBJECTS, events_of, record_of, records_of
from skaha._sansio.validation import check_not_names, possible_names
from skaha.errors import InvalidInputError, SkahaError
from skaha.records import known, matching, record_id, sessions
from skaha.results import Outcome, ResultList

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from skaha._async._base_client import AsyncBaseClient
    from skaha.models import VIEW, SessionRecord


async def list_sessions(
    client: AsyncBaseClient,
    kinds: frozenset[str] | None = None,
    statuses: frozenset[str] | None = None,
    view: VIEW | None = None,
) -> ResultList[SessionRecord]:
    """List the sessions with one of these kinds and statuses; `None` means any."""
    # The platform accepts one kind and one status, and each platform knows one of the two words
    # for success. One of its views ignores the kind. So filter everything here again.
    kind = next(iter(kinds)) if kinds and len(kinds) == 1 else None
    status = next(iter(statuses)) if statuses and len(statuses) == 1 else None
    with call_context(client.retry) as call, client._request("fetch", expected=OBJECTS):
        records = await _list_view(client, kind, status, view)
    # Older platforms do not know this view.
    excluded = {"headless"} if view == "interactive" else set()
    chosen = [
        record
        for record in matching(records, kinds, statuses)
        if str(record.get("type")) not in excluded
    ]
    return ResultList(cast("list[SessionRecord]", chosen), Outcome(retries=call.retries))


async def _list_view(
    client: AsyncBaseClient, kind: str | None, status: str | None, view: VIEW | None
) -> list[dict[str, Any]]:
    from skaha_api.api.session import (
        list_all_sessions,
        list_interactive_sessions,
        list_sessions,
    )
    from skaha_api.types import UNSET

    type_, status_ = kind or UNSET, status or UNSET
    if view == "all":
        return records_of(
            await list_all_sessions.asyncio(client=client.api, type_=type_, status=status_)
        )
    if view == "interactive":
        return records_of(
            await list_interactive_sessions.asyncio(client=client.api, status=status_)
        )
    return records_of(await list_sessions.asyncio(client=client.api, type_=type_, status=status_))


async def refuse_names(client: AsyncBaseClient, ids: Iterable[str], known: Container[str]) -> None:
    """Raise if an id is the name of a session; newer platforms would accept its deletion.

    This sends one list request, and only if an id contains `-`: no id of the platform does.

    Args:
        client: The client.
        ids: The ids of a call.
        known: The ids that certainly are no names.

    Raises:
        InvalidInputError: If an id is a name.
    """
    suspects = [session_id for session_id in possible_names(ids) if session_id not in known]
    if not suspects:
        return
    try:
        with call_context(client.retry, repeats=False):
            records = sessions(await list_sessions(client))
    except SkahaError:
        return  # The call itself reports the failure.
    listed = {record_id(record) for record in records}
    check_not_names([name for name in suspects if name not in listed], records)


async def read_record(client: AsyncBaseClient, session_id: str, subject: str) -> SessionRecord:
    """Return the record of one session; errors start with `subject`."""
    from skaha_api.api.session import get_session

    with client._request(subject, expected=OBJECT):
        record = record_of(await get_session.asyncio(session_id, client=client.api))
    return cast("SessionRecord", record)


async def read_events(client: AsyncBaseClient, session_id: str) -> str:
    """Return the table of the events of one session."""
    from skaha_api.api.session import get_session_events

    with client._request(f"events of {session_id}", expected=EVENTS):
        return events_of(await get_session_events.asyncio(session_id, client=client.api))


async def read_address(client: AsyncBaseClient, session_id: str) -> str:
    """Return the address of an interactive session.

    Raises:
        InvalidInputError: If the session has no address.
    """
    await refuse_names(client, [session_id], ())
    record = await read_record(client, session_id, f"info of {session_id}")
    url = known(record.get("connectURL"))
    if not isinstance(url, str):
        kind = record.get("type")
        raise InvalidInputError(f"session {session_id} has no address: it is {kind}")
    return url
