# Generated from skaha/_async/_launch.py by scripts/regenerate.py. Edit that file instead.
"""Launch of replicas: batches, look-ups after uncertain launches, and the result."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from attrs import evolve

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
    text_of,
)
from skaha._transport._sync.concurrency import sleep
from skaha.errors import (
    AnswerError,
    BadRequestError,
    ConnectionFailedError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
    SkahaError,
    TooManyRequestsError,
)
from skaha.records import ACTIVE, matching
from skaha.results import attach_partial, raise_if_fatal, raise_with_partial

if TYPE_CHECKING:
    from skaha._sansio.launch import Launch, LaunchRequest
    from skaha._sync._base_client import BaseClient
    from skaha.results import Launched
    from skaha_api.models import NewSession

log = logging.getLogger("skaha")

# Attempts to get a list, if the response is no list.
_LIST_ATTEMPTS = 3
# Seconds between two looks for room in a wave.
_FIRST_POLL, _LONGEST_POLL = 0.25, 15.0


def form_of(request: LaunchRequest, name: str) -> NewSession:
    """Return the form of one replica."""
    from skaha_api.models import NewSession
    from skaha_api.types import UNSET

    return NewSession(
        name=name,
        image=request.image,
        type_=request.kind,
        cores=UNSET if request.cores is None else request.cores,
        ram=UNSET if request.ram is None else request.ram,
        gpus=UNSET if request.gpus is None else request.gpus,
        cmd=UNSET if request.cmd is None else request.cmd,
        args=UNSET if request.args is None else request.args,
        env=request.environment_of(name),
    )


class Launcher:
    """Carries out one launch."""

    def __init__(self, client: BaseClient, launch: Launch) -> None:
        """Keep the client and the launch."""
        self._client = client
        self._launch = launch

    def run(self) -> Launched:
        """Launch all replicas that were not sent yet.

        Raises:
            SkahaError: If no replica was launched, or some are still open at the deadline; the
                result is its `partial`.
        """
        launch = self._launch
        try:
            launch.report_progress()
            while batch := self._next_batch():
                self._send(batch)
            if launch.was_repeated:
                self._delete_surplus()
            self._explain_refused_amounts()
        except BaseException as stop:
            for replica in launch.replicas.values():
                replica.stop()
            attach_partial(stop, launch.result())
            raise
        launched = launch.result()
        failures = launch.open_failures or launched.failures
        if launch.open_failures or not launched:
            raise_with_partial(next(iter(failures.values())), launched)
        return raise_if_fatal(launched, launched)

    def remember_existing_ids(self) -> None:
        """Note the ids that exist before the launch, unless nothing will be looked up."""
        if self._client.retry.attempts == 1:
            return
        try:
            records = self._list()
        except (AnswerError, BadRequestError, NotFoundError, PermissionDeniedError, ServerError):
            return
        ids = frozenset(record["id"] for record in records)
        self._launch.request = evolve(self._launch.request, ids_before=ids)

    def settle_earlier_failures(self) -> None:
        """Look for the launches that an earlier call left uncertain.

        Raises:
            SkahaError: If the look-up fails; the uncertain launches are its `partial`.
        """
        launch = self._launch
        if not launch.uncertain or launch.request.ids_before is None:
            return
        if not self._look_up():
            raise_with_partial(next(iter(launch.open_failures.values())), launch.result())
        launch.forget_uncertainty()

    def _next_batch(self) -> list[str]:
        """Return the names to launch now: all names, or as many as there is room for."""
        launch = self._launch
        names = [] if launch.open_failures else launch.not_sent
        if launch.at_most is None or not names:
            return names
        interval = PollingInterval(_FIRST_POLL, _LONGEST_POLL)
        while True:
            records = self._list()
            active = len(matching(records, None, ACTIVE)) + launch.unlisted(records)
            if active < launch.at_most:
                return names[: launch.at_most - active]
            sleep(interval.next())

    def _send(self, batch: list[str]) -> None:
        """Launch a batch. Look each uncertain launch up before it is sent again."""
        launch = self._launch
        attempt = 0
        with call_context(self._client.retry) as call:
            while batch:
                self._post(batch)
                launch.report_progress()
                batch = []
                while not batch and launch.open_failures and launch.request.ids_before is not None:
                    attempt += 1
                    errors = launch.open_failures.values()
                    pause = max(self._client.retry.pause(attempt, error) for error in errors)
                    in_time = call.has_time_for(pause)
                    if in_time:
                        sleep(pause)
                    is_listed = self._look_up()
                    launch.report_progress()
                    if not in_time:
                        return
                    if is_listed:
                        batch = list(launch.open_failures)

    def _post(self, batch: list[str]) -> None:
        client, launch = self._client, self._launch
        registry = client.registry

        def post(name: str) -> None:
            from skaha_api.api.session import create_session
            from skaha_api.types import UNSET

            replica = launch.replicas[name]
            replica.start()
            try:
                with client._request(f"launch of {name}", expected=NEW_ID):
                    session_id = create_session.sync(
                        client=client.api,
                        body=form_of(launch.request, name),
                        x_skaha_registry_auth=UNSET if registry is None else registry.encoded(),
                    )
                    replica.succeed(new_id(session_id))
            except SkahaError as error:
                replica.fail(error)
                raise

        outcome = client._request_many(post, batch, launch.progress)
        launch.retries += outcome.retries

    def _list(self) -> list[dict[str, Any]]:
        """List the sessions of the kind; list them again if the response is no list."""
        from skaha_api.api.session import list_sessions

        client, kind = self._client, self._launch.request.kind
        attempt = 1
        while True:
            try:
                with client._request("look-up of sessions", expected=OBJECTS):
                    records = records_of(list_sessions.sync(client=client.api, type_=kind))
            except AnswerError as error:
                if attempt == _LIST_ATTEMPTS:
                    raise
                sleep(client.retry.pause(attempt, error))
                attempt += 1
            else:
                return [record for record in records if _has_id_and_name(record)]

    def _look_up(self) -> bool:
        """Look the uncertain launches up in the list; return whether there was a list."""
        try:
            self._launch.find(self._list())
        except (AnswerError, ConnectionFailedError, ServerError, TooManyRequestsError) as error:
            self._launch.note_failed_look_up(error)
            return False
        return True

    def _delete_surplus(self) -> None:
        """Look once more for launches that took late: count them, or delete them as surplus."""
        client, launch = self._client, self._launch

        def delete(session_id: str) -> None:
            from skaha_api.api.session import delete_session

            with client._request(f"destroy of {session_id}"):
                text_of(delete_session.sync(session_id, client=client.api))

        try:
            records = self._list()
            launch.find(records)
            left = (client._request_many(delete, launch.surplus(records))).failures
        except SkahaError as error:
            log.warning("it is not known whether a session was launched twice: %s", error)
            return
        for failure in left.values():
            log.warning("a session that was launched twice is left: %s", failure)

    def _explain_refused_amounts(self) -> None:
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
                context = record_of(get_context.sync(client=client.api))
        except SkahaError as error:
            log.debug("the allowed values are not known: %s", error)
            return
        for refused in errors:
            add_allowed_amounts(refused, context)


def _has_id_and_name(record: dict[str, Any]) -> bool:
    return all(isinstance(record.get(key), str) for key in ("id", "name"))
