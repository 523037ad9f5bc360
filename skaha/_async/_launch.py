"""Launch of replicas: batches, look-ups after uncertain launches, and the result."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

from skaha._async._poller import AsyncPoller
from skaha._async._read import list_sessions
from skaha._sansio.call_context import call_context
from skaha._sansio.polling import PollingInterval
from skaha._sansio.responses import (
    NEW_ID,
    OBJECT,
    OBJECTS,
    add_allowed_amounts,
    new_id,
    record_of,
    records_of,
    refused_amount,
)
from skaha._sansio.status_tracker import StatusTracker
from skaha._transport._async.concurrency import run_with_limit, sleep
from skaha.errors import (
    AnswerError,
    ConnectionFailedError,
    ServerError,
    SkahaError,
    TooManyRequestsError,
)
from skaha.records import record_id, takes_room
from skaha.results import attach_partial, raise_if_fatal, raise_with_partial

if TYPE_CHECKING:
    from skaha._async._base_client import AsyncBaseClient
    from skaha._sansio.launch import Launch
    from skaha._sansio.replica import Replica
    from skaha.results import Launched
    from skaha_api.models import NewSession

log = logging.getLogger("skaha")

# Attempts to get a list, if the response is no list.
_LIST_ATTEMPTS = 3
# Looks in a row without a list, after which the call gives up.
_MAX_UNREADABLE_LISTS = 3
# Seconds between two looks: for room in a wave, and for an uncertain launch.
_FIRST_POLL, _LONGEST_POLL = 0.25, 15.0
_LONGEST_LOOK = 5.0


def form_of(replica: Replica) -> NewSession:
    """Return the form of one replica."""
    from skaha_api.models import NewSession
    from skaha_api.types import UNSET

    job = replica.job
    return NewSession(
        name=replica.name,
        image=job.image,
        type_=job.kind,
        cores=UNSET if job.cores is None else job.cores,
        ram=UNSET if job.ram is None else job.ram,
        gpus=UNSET if job.gpus is None else job.gpus,
        cmd=UNSET if job.cmd is None else job.cmd,
        args=UNSET if job.args is None else job.args,
        env=job.environment_of(replica.number),
    )


def preview_of(launch: Launch) -> list[dict[str, Any]]:
    """Return the form fields of each replica, with `...` in place of the values of the user."""
    return [
        form_of(replica).to_dict() | {"env": replica.job.masked_environment_of(replica.number)}
        for replica in launch.replicas.values()
    ]


class AsyncLauncher:
    """Carries out one launch."""

    def __init__(self, client: AsyncBaseClient, launch: Launch) -> None:
        """Keep the client and the launch."""
        self._client = client
        self._launch = launch
        launch.received_ids = client._received_ids
        self._unreadable_lists = 0
        # The sessions of this launch, for `at_most`, and the looks at them.
        self._tracker = StatusTracker([])
        self._poller = AsyncPoller(client, "create")

    async def run(self) -> Launched:
        """Launch all replicas.

        Raises:
            SkahaError: If no replica was launched, or if the outcome of some is still unknown at
                the deadline; the result is its `partial`.
        """
        launch = self._launch
        try:
            await self._list_before()
            launch.report_progress()
            await self._settle()
            while batch := await self._next_batch():
                await self._post(batch)
                await self._settle()
            await self._explain_refused_amounts()
        except BaseException as stop:
            launch.stop()
            launch.check_ids()
            if not isinstance(stop, SkahaError):
                await self._look_up_in_flight()
            attach_partial(stop, launch.result())
            raise
        launched = launch.result()
        unfinished = launch.uncertain or launch.not_executed
        if unfinished or not launched:
            errors = unfinished or launched.failures
            raise_with_partial(next(iter(errors.values())), launched)
        return raise_if_fatal(launched, launched)

    async def _list_before(self) -> None:
        """List the existing sessions if the platform does not send the time with its responses."""
        launch = self._launch
        if self._client._has_dates or self._client.retry.attempts == 1:
            return
        if launch.ids_before is None and not launch.uncertain:
            records, _ = await self._list()
            launch.ids_before = frozenset(map(record_id, records))

    async def _next_batch(self) -> list[str]:
        """Return the names to launch now: all names, or as many as there is room for."""
        launch = self._launch
        names = [] if launch.uncertain or launch.not_executed else launch.not_sent
        if launch.at_most is None or not names:
            return names
        room = await self._wait_for_room(launch.at_most)
        return names[:room]

    async def _wait_for_room(self, at_most: int) -> int:
        """Wait until fewer sessions are active; return how many more there may be."""
        tracker, poller = self._tracker, self._poller
        kinds = frozenset(self._launch.kinds)
        tracker.add(self._launch.ids)
        interval = PollingInterval(_FIRST_POLL, _LONGEST_POLL)
        while True:
            records = await poller.read(functools.partial(list_sessions, self._client, kinds))
            # One list without a new session does not prove that the session has ended.
            await poller.update(tracker, records)
            own = set(tracker.ids)
            others = [
                record for record in records if record_id(record) not in own and takes_room(record)
            ]
            active = len(tracker.pending) + len(others)
            if active < at_most:
                return at_most - active
            await sleep(interval.next())

    async def _post(self, names: list[str]) -> None:
        """Send the launches of these replicas, many at once."""
        client, launch = self._client, self._launch
        registry = client.registry

        async def post(name: str) -> None:
            from skaha_api.api.session import create_session
            from skaha_api.types import UNSET

            replica = launch.replicas[name]
            replica.start()
            try:
                with client._request(f"launch of {name}", expected=NEW_ID):
                    text = await create_session.asyncio(
                        client=client.api,
                        body=form_of(replica),
                        x_skaha_registry_auth=UNSET if registry is None else registry.encoded(),
                    )
                    session_id = new_id(text)
                    replica.succeed(session_id, has_line_feed=session_id != text)
            except SkahaError as error:
                replica.fail(error)
                raise

        outcome = await client._request_many(post, names, launch.progress)
        launch.retries += outcome.retries
        launch.check_ids()
        launch.report_progress()

    async def _settle(self) -> None:
        """Look up uncertain launches; send the launches again that were not executed."""
        launch, retry = self._launch, self._client.retry
        if retry.attempts == 1:
            return
        interval = PollingInterval(max(retry.first_pause, 0.001), _LONGEST_LOOK)
        attempt = 0
        with call_context(retry) as call:
            while launch.needs_look or launch.not_executed:
                attempt += 1
                errors = launch.not_executed.values()
                pauses = [retry.pause(attempt, error) for error in errors]
                pause = max([*pauses, interval.next() if launch.needs_look else 0.0])
                in_time = call.has_time_for(pause)
                if in_time:
                    await sleep(pause)
                if launch.needs_look:
                    await self._look_up()
                if not in_time:
                    return
                if names := list(launch.not_executed):
                    await self._post(names)
            if launch.was_repeated:
                await self._look_up()

    async def _look_up(self) -> None:
        """Look for the uncertain launches in the list. A list that fails proves nothing."""
        launch = self._launch
        try:
            records, date = await self._list()
        except AnswerError as error:
            launch.note_failed_look_up(error)
            self._unreadable_lists += 1
            # A sign-in page does not go away.
            if self._unreadable_lists == _MAX_UNREADABLE_LISTS:
                raise
        except (ConnectionFailedError, ServerError, TooManyRequestsError) as error:
            launch.note_failed_look_up(error)
        else:
            self._unreadable_lists = 0
            launch.read_list(records, date, self._client.retry.settle)
            launch.report_progress()

    async def _look_up_in_flight(self) -> None:
        """Look for the launches in flight for a limited time, after Ctrl-C or a cancellation."""
        launch, retry = self._launch, self._client.retry
        if not launch.uncertain or not retry.stop_look_up:
            return

        async def look_up() -> None:
            interval = PollingInterval(max(retry.first_pause, 0.001), 1.0)
            while launch.is_open:
                await self._look_up()
                await sleep(interval.next())

        try:
            await run_with_limit(look_up, retry.stop_look_up)
        except SkahaError as error:
            launch.note_failed_look_up(error)
        except BaseException as second:
            attach_partial(second, launch.result())
            raise

    async def _list(self) -> tuple[list[dict[str, Any]], str | None]:
        """List the sessions of the launched kinds; return them and the `Date` of the response.

        The platform filters by one kind only. If the response is no list, list them again.
        """
        from skaha_api.api.session import list_sessions
        from skaha_api.types import UNSET

        client, kinds = self._client, self._launch.kinds
        kind = next(iter(kinds)) if len(kinds) == 1 else UNSET
        attempt = 1
        while True:
            try:
                with client._request("look-up of sessions", expected=OBJECTS) as request:
                    models = await list_sessions.asyncio(client=client.api, type_=kind)
                    records = records_of(models)
            except AnswerError as error:
                if attempt == _LIST_ATTEMPTS:
                    raise
                await sleep(client.retry.pause(attempt, error))
                attempt += 1
            else:
                return records, request.date

    async def _explain_refused_amounts(self) -> None:
        """Add the allowed values to errors about cores, memory and GPUs."""
        from skaha_api.api.context import get_context

        client = self._client
        errors = [
            replica.error
            for replica in self._launch.replicas.values()
            if replica.error is not None and refused_amount(replica.error)
        ]
        if not errors:
            return
        try:
            with client._request("resources", expected=OBJECT):
                context = record_of(await get_context.asyncio(client=client.api))
        except SkahaError as error:
            log.debug("the allowed values are not known: %s", error)
            return
        for refused in errors:
            add_allowed_amounts(refused, context)
