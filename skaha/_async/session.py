"""Sessions of the caller: launch, inspect, wait, read, connect, delete, and desktop apps."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, cast, overload

from skaha._async._base_client import AsyncBaseClient, accepts_id_aliases
from skaha._async._read import (
    list_sessions,
    read_address,
    read_events,
    read_record,
    refuse_names,
)
from skaha._sansio import validation
from skaha._sansio.progress import ProgressReporter
from skaha._sansio.responses import (
    NEW_ID,
    OBJECT,
    OBJECTS,
    USER_HEADER,
    check_done,
    explain_missing_events,
    log_of,
    new_id,
    record_of,
    records_of,
)
from skaha._sansio.short_lists import short_list
from skaha._sansio.tracebacks import short_tracebacks
from skaha._transport._async.concurrency import sleep
from skaha.errors import (
    AuthenticationError,
    BadRequestError,
    FailedSessionError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    SkahaError,
    StillThereError,
)
from skaha.models import DEFAULT_CORES, DEFAULT_RAM
from skaha.records import (
    APP,
    FINISHED,
    GONE,
    SUCCESS,
    describe_end,
    matching,
    may_restart,
    parse_events,
    printable,
    record_id,
    session_name,
    sessions,
)
from skaha.results import (
    EVENTS,
    Launched,
    Outcome,
    ResultDict,
    ResultList,
    attach_partial,
    log_failures,
    names_by_id,
    raise_if_fatal,
)

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Callable,
        Collection,
        Iterable,
        Mapping,
    )
    from os import PathLike
    from pathlib import Path

    from skaha._sansio.name_filter import NameFilter
    from skaha._transport._async.concurrency import Method
    from skaha.models import (
        KINDS,
        STATUS,
        VIEW,
        LaunchOptions,
        Progress,
        PublicSessionRecord,
        SessionRecord,
        StatsRecord,
    )
    from skaha.records import Event

__all__ = ["AsyncSession"]

T = TypeVar("T")

log = logging.getLogger("skaha")

# Seconds between the two looks at a status that may change.
_SECONDS_BETWEEN_LOOKS = 2.0


@short_tracebacks
class AsyncSession(AsyncBaseClient):
    """The sessions of the caller on a platform.

    The arguments are those of `skaha.client.SkahaClient`.

    Example:
        >>> from skaha import AsyncSession
        >>> session = AsyncSession(server="local")
        >>> ids = await session.create("hello", "images.canfar.net/skaha/terminal:1.1.2", cmd="env")
        >>> len(ids)
        1
        >>> await session.destroy(ids) == {ids[0]: True}
        True
        >>> await session.aclose()
    """

    # Launch.

    async def create(
        self,
        name: str,
        image: str,
        cores: float | None = DEFAULT_CORES,
        ram: float | None = DEFAULT_RAM,
        kind: KINDS = "headless",
        gpu: int | None = None,
        cmd: str | None = None,
        args: str | None = None,
        env: dict[str, Any] | None = None,
        replicas: int = 1,
        *,
        at_most: int | None = None,
        progress: Progress | None = None,
    ) -> Launched:
        """Launch replicas of a session, many at once.

        Each replica is named `<name>-<n>`, n from 1. Its environment has the variables `REPLICA_ID`
        (the n) and `REPLICA_COUNT`.

        Args:
            name: Letters, digits and `-`; the platform stores it in lower case.
            image: Full reference of the image, `host/project/name:tag`.
            cores: CPU cores, one of the platform's options; `None` leaves it to the platform.
            ram: Memory in GiB, one of the platform's options; `None` leaves it to the platform.
            kind: Kind of session.
            gpu: GPUs, one of the platform's options; 0 or `None` for none.
            cmd: Program to run, one word; headless only. By default the program of the image.
            args: Arguments of the program, split at single blanks without any quoting; headless
                only.
            env: Environment variables: texts, numbers, dates or paths; headless only.
            replicas: Number of replicas, 1 or more.
            at_most: Launch in waves, so that at most this number of the caller's sessions of this
                kind is pending or running. The call then takes until the last launch. `None`
                launches all replicas at once.
            progress: Called with the number of replicas that are launched or refused, and with
                the number of all replicas.

        Returns:
            The ids of the launched sessions, in replica order. `failures` has the error of each
            replica that was not launched, by its name.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong; nothing was sent.
            skaha.errors.SkahaError: If no replica was launched, or if the connection or the
                credentials failed. The replicas that were launched are its `partial`. The same
                holds for any exception that stops the call: `KeyboardInterrupt`,
                `asyncio.CancelledError` (which `asyncio.run` and `asyncio.timeout` put into the
                `__context__` or `__cause__` of their own exception).

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> ids = await session.create(
            ...     "sweep", "images.canfar.net/skaha/terminal:1.1.2", cmd="env", replicas=3
            ... )
            >>> list(ids.names)
            ['sweep-1', 'sweep-2', 'sweep-3']
            >>> all((await session.destroy(ids)).values())
            True
        """
        from skaha._async._launch import AsyncLauncher
        from skaha._sansio.launch import Launch

        env = validation.hidden(env)
        launch = Launch.of_replicas(
            name,
            replicas,
            at_most=at_most,
            progress=progress,
            image=image,
            cores=cores,
            ram=ram,
            kind=kind,
            gpu=gpu,
            cmd=cmd,
            args=args,
            env=env,
        )
        return await AsyncLauncher(self, launch).run()

    async def create_many(
        self,
        jobs: Iterable[Mapping[str, Any]],
        *,
        at_most: int | None = None,
        progress: Progress | None = None,
    ) -> Launched:
        """Launch many different jobs, many at once.

        Each session has exactly the name of its job. Its environment has `REPLICA_ID` and
        `REPLICA_COUNT`, both 1. All jobs are checked before the first one is sent.

        Args:
            jobs: One mapping for each job, with the arguments of `create` except `replicas` as its
                keys. `name` and `image` are required, and each name may occur only once.
            at_most: As in `create`.
            progress: As in `create`.

        Returns:
            As `create`: the ids of the launched sessions, in the order of `jobs`. `failures` has
            the error of each job that was not launched, by its name.

        Raises:
            skaha.errors.InvalidInputError: If a job is wrong; nothing was sent. The `subject` of
                the error names the job, such as `jobs[3]`.
            skaha.errors.SkahaError: As `create`.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> image = "images.canfar.net/skaha/terminal:1.1.2"
            >>> ids = await session.create_many([
            ...     {"name": "bias", "image": image, "cmd": "echo", "args": "bias"},
            ...     {"name": "flat", "image": image, "cmd": "echo", "args": "flat", "ram": 2},
            ... ])
            >>> list(ids.names)
            ['bias', 'flat']
            >>> all((await session.destroy(ids)).values())
            True
        """
        from skaha._async._launch import AsyncLauncher
        from skaha._sansio.launch import Launch

        jobs = validation.hidden_jobs(jobs)
        launch = Launch.of_jobs(jobs, at_most=at_most, progress=progress)
        if not launch.replicas:
            return launch.result()
        return await AsyncLauncher(self, launch).run()

    async def relaunch(
        self,
        launched: Launched,
        *,
        failed: str | Iterable[str] = (),
        at_most: int | None = None,
        progress: Progress | None = None,
    ) -> Launched:
        """Launch exactly the missing replicas, with their names and numbers.

        Args:
            launched: The result of `create`, or the `partial` of its exception.
            failed: Ids in `launched` of sessions that ran and failed. Their replicas are launched
                again, and the failed sessions stay on the platform.
            at_most: As in `create`.
            progress: As in `create`, for the replicas that are launched now.

        Returns:
            As `create`, for the replicas that are launched now.

        Raises:
            skaha.errors.InvalidInputError: If `launched` was pickled, or if an id of `failed` is
                not in `launched`.
            skaha.errors.SkahaError: As `create`.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> ids = await session.create("all", "images.canfar.net/skaha/terminal:1.1.2",
            ...                            cmd="false", replicas=2)
            >>> await session.relaunch(ids)
            []
            >>> statuses = await session.wait(ids, timeout=60)
            >>> failed = [key for key, status in statuses.items() if status == "Failed"]
            >>> again = await session.relaunch(ids, failed=failed)
            >>> list(again.names)
            ['all-1', 'all-2']
            >>> all((await session.destroy([*ids, *again])).values())
            True
        """
        from skaha._async._launch import AsyncLauncher
        from skaha._sansio.launch import Launch

        at_most = validation.check_optional_count("at_most", at_most)
        if not isinstance(launched, Launched):
            raise InvalidInputError("relaunch takes the result of create, or its partial result")
        earlier = launched.order
        if not isinstance(earlier, Launch):
            raise InvalidInputError("a pickled result has no launch request: call create again")
        lost = validation.check_launched_ids(launched, failed)
        launch = earlier.again(launched, lost, at_most=at_most, progress=progress)
        if not launch.replicas:
            return launch.result()
        return await AsyncLauncher(self, launch).run()

    async def run(
        self,
        name: str,
        image: str,
        *,
        timeout: float | None = None,
        keep: bool = False,
        progress: Callable[[dict[str, str]], object] | None = None,
        **options: Unpack[LaunchOptions],
    ) -> ResultDict[str]:
        r"""Launch replicas, wait for their end, read their logs, and delete them.

        Args:
            name: As in `create`.
            image: As in `create`.
            timeout: Seconds to wait for the end; `None` for no limit.
            keep: Leave the sessions on the platform.
            progress: As in `wait`.
            **options: The other arguments of `create`. `kind` must be headless: other sessions do
                not end by themselves.

        Returns:
            The log of each launched replica by its name, in replica order. `failures` has the error
            of each replica that was not launched or did not end well. Only the sessions that
            were seen to end, and whose logs were read, are deleted.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong; nothing was sent.
            skaha.errors.SkahaError: As `create`, if no replica was launched.
            skaha.errors.WaitTimeoutError: If the sessions do not end in time. They stay on the
                platform, and the launched ids are its `partial`, as they are the `partial` of any
                exception that stops the call. During the deletion, the logs are its `partial`.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.run("say", "images.canfar.net/skaha/terminal:1.1.2",
            ...                   cmd="echo", args="hello", replicas=2)
            {'say-1': 'hello\n', 'say-2': 'hello\n'}
        """
        from skaha._async._poller import AsyncPoller

        options["env"] = validation.hidden(options.get("env"))
        validation.check_run_options(type(self).__name__, options)
        timeout = validation.check_optional_seconds("timeout", timeout)
        validation.check_function("progress", progress)
        launched = await self.create(name, image, **options)
        poller = AsyncPoller(self, "run", timeout)
        try:
            statuses = await self.wait(launched, timeout=timeout, progress=progress)

            async def read_logs() -> ResultDict[str]:
                return await self.logs(launched)

            logs = await poller.read(read_logs, repeats=True)
            ends = {
                session_id: await poller.describe_failure(session_id, statuses[session_id], text)
                for session_id, text in logs.items()
                if statuses[session_id] in FINISHED - SUCCESS
            }
        except BaseException as stop:
            attach_partial(stop, launched)
            raise
        failures: dict[str, SkahaError] = dict(launched.failures)
        for replica, session_id in launched.names.items():
            if session_id in logs.failures and statuses[session_id] != GONE:
                failures[replica] = logs.failures[session_id]
            elif (status := statuses[session_id]) not in SUCCESS:
                end = ends.get(session_id) or describe_end(status)
                failures[replica] = FailedSessionError(f"replica {replica} {end}")
        bad_ends = [error for error in failures.values() if isinstance(error, FailedSessionError)]
        log_failures(bad_ends)
        texts = {
            replica: logs[session_id]
            for replica, session_id in launched.names.items()
            if session_id in logs
        }
        outcome = Outcome(texts, failures, launched.retries + logs.retries)
        result = ResultDict(texts, outcome, ("replica", "log"))
        if not keep:
            ended = [session_id for session_id in logs if statuses[session_id] in FINISHED]
            try:
                await self._clean_up(launched, ended)
            except BaseException as stop:
                # The platform no longer has the logs of deleted sessions.
                attach_partial(stop, result)
                raise
        return result

    async def _clean_up(self, launched: Launched, ids: list[str]) -> None:
        # A session that was only found by its name may belong to another program.
        found_by_name = dict.fromkeys(launched.found_by_name.values())
        if found_by_name:
            log.warning(
                "left on the platform, because found by name: %s", short_list([*found_by_name])
            )
        # Return the logs even if cleaning up fails.
        try:
            await self.destroy([key for key in ids if key not in found_by_name])
        except SkahaError as error:
            log.warning("left on the platform: %s", error)

    async def preview(
        self,
        name: str,
        image: str,
        cores: float | None = DEFAULT_CORES,
        ram: float | None = DEFAULT_RAM,
        kind: KINDS = "headless",
        gpu: int | None = None,
        cmd: str | None = None,
        args: str | None = None,
        env: dict[str, Any] | None = None,
        replicas: int = 1,
    ) -> list[dict[str, Any]]:
        """Check the arguments of `create` and show the forms that it would send. Send nothing.

        Args:
            name: As in `create`.
            image: As in `create`.
            cores: As in `create`.
            ram: As in `create`.
            kind: As in `create`.
            gpu: As in `create`.
            cmd: As in `create`.
            args: As in `create`.
            env: As in `create`.
            replicas: As in `create`.

        Returns:
            The form fields of each replica, in replica order. The values in `env` may be secrets,
            so they are shown as `...`.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> forms = await session.preview("fit", "images.canfar.net/skaha/terminal:1.1.2",
            ...                               cmd="env", env={"BAND": "r"}, replicas=2)
            >>> forms[1]["name"], forms[1]["env"]
            ('fit-2', ['BAND=...', 'REPLICA_ID=2', 'REPLICA_COUNT=2'])
        """
        from skaha._async._launch import preview_of
        from skaha._sansio.launch import Launch

        env = validation.hidden(env)
        launch = Launch.of_replicas(
            name,
            replicas,
            image=image,
            cores=cores,
            ram=ram,
            kind=kind,
            gpu=gpu,
            cmd=cmd,
            args=args,
            env=env,
        )
        return preview_of(launch)

    async def preview_many(self, jobs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Check the jobs of `create_many` and show the forms that it would send. Send nothing.

        Args:
            jobs: As in `create_many`.

        Returns:
            The form fields of each job, in the order of `jobs`. The values in `env` may be
            secrets, so they are shown as `...`.

        Raises:
            skaha.errors.InvalidInputError: If a job is wrong. The `subject` of the error names
                the job, such as `jobs[3]`.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> image = "images.canfar.net/skaha/terminal:1.1.2"
            >>> forms = await session.preview_many([
            ...     {"name": "bias", "image": image, "cmd": "echo", "args": "bias"},
            ...     {"name": "flat", "image": image, "cmd": "echo", "args": "flat", "ram": 2},
            ... ])
            >>> [(form["name"], form["ram"]) for form in forms]
            [('bias', 4), ('flat', 2)]
        """
        from skaha._async._launch import preview_of
        from skaha._sansio.launch import Launch

        jobs = validation.hidden_jobs(jobs)
        return preview_of(Launch.of_jobs(jobs))

    # Inspect.

    @overload
    async def fetch(
        self,
        kind: KINDS | Collection[KINDS] | None = None,
        status: STATUS | Collection[STATUS] | None = None,
        view: Literal["interactive"] | None = None,
    ) -> ResultList[SessionRecord]: ...

    @overload
    async def fetch(
        self,
        kind: KINDS | Collection[KINDS] | None = None,
        status: STATUS | Collection[STATUS] | None = None,
        *,
        view: Literal["all"],
    ) -> ResultList[PublicSessionRecord]: ...

    @overload
    async def fetch(
        self,
        kind: KINDS | Collection[KINDS] | None,
        status: STATUS | Collection[STATUS] | None,
        view: Literal["all"],
    ) -> ResultList[PublicSessionRecord]: ...

    async def fetch(
        self,
        kind: KINDS | Collection[KINDS] | None = None,
        status: STATUS | Collection[STATUS] | None = None,
        view: VIEW | None = None,
    ) -> ResultList[SessionRecord] | ResultList[PublicSessionRecord]:
        """List sessions, with one request.

        Args:
            kind: Keep the sessions of this kind, or of one of these kinds.
            status: Keep the sessions with this status, or with one of these statuses. `Succeeded`
                and `Completed` mean the same.
            view: `"all"` for the sessions of all users, with their public fields only;
                `"interactive"` for the sessions of the caller that are not headless.

        Returns:
            The records of the platform, in no promised order.

        Raises:
            skaha.errors.InvalidInputError: If an argument is not one of the known words.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.fetch(kind=["carta", "firefly"], status="Running")
            []
        """
        kinds, statuses = validation.check_kinds(kind), validation.check_statuses(status)
        validation.check_view(view)
        return await list_sessions(self, kinds, statuses, view)

    @accepts_id_aliases
    async def info(
        self, ids: str | Iterable[str], *, progress: Progress | None = None
    ) -> ResultList[SessionRecord]:
        """Read the records of sessions.

        Args:
            ids: One id or several.
            progress: Called with the number of finished ids, and with the number of all ids.

        Returns:
            The records of the existing sessions, in the order of `ids`. `failures` has the error
            of each other id.

        Raises:
            skaha.errors.InvalidInputError: If a value in `ids` cannot be an id, or is the name of a
                replica.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.info("hjko98yg")
            []
        """

        async def read(session_id: str) -> SessionRecord:
            return await read_record(self, session_id, f"info of {session_id}")

        outcome = await self._for_each_id(read, ids, progress)
        return raise_if_fatal(ResultList(outcome.values.values(), outcome), outcome.values)

    async def _for_each_id(
        self,
        send: Method[[str], T],
        ids: str | Iterable[str],
        progress: Progress | None,
        names: Mapping[str, str] | None = None,
    ) -> Outcome[T]:
        checked, names = validation.check_ids(ids), names or names_by_id(ids)
        reporter = ProgressReporter(progress, len(checked))
        await refuse_names(self, checked, names)
        return await self._request_many(send, checked, reporter, names)

    async def stats(self) -> StatsRecord:
        """Read how busy the whole platform is.

        Returns:
            The record of the platform. Some sites have no statistics and answer 503. If the metrics
            of a site are in millicores, the platform answers with 0.0 cores, which is wrong.

        Raises:
            skaha.errors.ServerError: If the platform has no statistics.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> sorted(await session.stats())
            ['cores', 'ram']
        """
        from skaha_api.api.session import get_stats

        # A site without statistics always answers 503, so a retry would not help.
        with self._request("stats", expected=OBJECT, repeatable=False):
            record = record_of(await get_stats.asyncio(client=self.api))
        return cast("StatsRecord", ResultDict(record, Outcome()))

    async def whoami(self) -> str | None:
        """Read the user name of the caller, with one request.

        Returns:
            The user name that the platform states; `None` if the caller is anonymous.

        Raises:
            skaha.errors.AuthenticationError: If the platform refuses the credentials.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> isinstance(await session.whoami(), str)
            True
        """
        from skaha_api.api.context import get_context

        try:
            with self._request("whoami", expected=OBJECT, credentials="optional"):
                response = await get_context.asyncio_detailed(client=self.api)
        except AuthenticationError:
            if self._credentials_problem is None:
                raise
            return None
        return response.headers.get(USER_HEADER)

    # Wait.

    @accepts_id_aliases
    async def wait(
        self,
        ids: str | Iterable[str],
        until: STATUS | Collection[STATUS] | Literal["finished", "running"] = "finished",
        timeout: float | None = None,
        *,
        poll: float = 0.25,
        longest_poll: float = 15,
        appear: float = 60,
        restart: float = 30,
        progress: Callable[[dict[str, str]], object] | None = None,
    ) -> ResultDict[str]:
        """Wait until every session has a wanted status or has ended.

        Args:
            ids: One id or several.
            until: `"finished"` for the end, good or bad; `"running"`; or one or several statuses.
            timeout: Seconds to wait; `None` for no limit.
            poll: Seconds between the first two looks at the list. The pause grows by half each
                time.
            longest_poll: Largest number of seconds between two looks.
            appear: Seconds after which a session that was never listed is looked up by its id. If
                the platform does not know it, it counts as gone.
            restart: Seconds for which a failed session of another kind than headless must stay
                failed before it counts as finished: the platform may start it again.
            progress: Called with the status of each session by id, after every look that found a
                change.

        Returns:
            The last status of each session by id, in the order of `ids`. `"Gone"` means that the
            platform does not have the session any more: it was deleted, or it finished long ago.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong.
            skaha.errors.WaitTimeoutError: If the time is over. The statuses are its `partial`, as
                they are the `partial` of any exception that stops the wait. An outage of the
                platform does not stop it.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> ids = await session.create(
            ...     "short", "images.canfar.net/skaha/terminal:1.1.2", cmd="true", replicas=2
            ... )
            >>> list((await session.wait(ids, timeout=60)).values())
            ['Completed', 'Completed']
            >>> all((await session.destroy(ids)).values())
            True
        """
        from skaha._async._wait import wait_for

        checked, wanted = validation.check_ids(ids), validation.check_until(until)
        poll, longest_poll = validation.check_polls(poll, longest_poll)
        timeout = validation.check_optional_seconds("timeout", timeout)
        appear = validation.check_seconds("appear", appear)
        restart = validation.check_seconds("restart", restart)
        validation.check_function("progress", progress)
        return await wait_for(
            self,
            checked,
            wanted,
            timeout,
            poll=poll,
            longest_poll=longest_poll,
            appear=appear,
            restart=restart,
            progress=progress,
            names=names_by_id(ids),
        )

    # Read.

    @overload
    async def logs(
        self,
        ids: str | Iterable[str],
        verbose: Literal[False] = False,
        *,
        tail: int | None = None,
        progress: Progress | None = None,
    ) -> ResultDict[str]: ...

    @overload
    async def logs(
        self,
        ids: str | Iterable[str],
        verbose: Literal[True],
        *,
        tail: int | None = None,
        progress: Progress | None = None,
    ) -> None: ...

    @accepts_id_aliases
    async def logs(
        self,
        ids: str | Iterable[str],
        verbose: bool = False,
        *,
        tail: int | None = None,
        progress: Progress | None = None,
    ) -> ResultDict[str] | None:
        r"""Read the logs of sessions.

        Args:
            ids: One id or several.
            verbose: Print the logs instead of returning them.
            tail: Number of last lines of each log, 1 or more; `None` for all lines.
            progress: Called with the number of finished ids, and with the number of all ids.

        Returns:
            The log of each session by its id, in the order of `ids`. It is empty before the
            container starts. `failures` has the error of each session that does not exist. `None`
            when `verbose`.

        Raises:
            skaha.errors.InvalidInputError: If a value in `ids` cannot be an id, or is the name of a
                replica.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> ids = await session.create(
            ...     "count", "images.canfar.net/skaha/terminal:1.1.2", cmd="seq", args="3"
            ... )
            >>> _ = await session.wait(ids, timeout=60)
            >>> (await session.logs(ids, tail=2))[ids[0]]
            '2\n3\n'
            >>> all((await session.destroy(ids)).values())
            True
        """
        validation.check_verbose(verbose)
        tail = validation.check_optional_count("tail", tail)

        async def read(session_id: str) -> str:
            from skaha._async._logs import read_last_lines
            from skaha_api.api.session import get_session_logs

            subject = f"logs of {session_id}"
            with self._request(subject):
                if tail is None:
                    text = log_of(await get_session_logs.asyncio(session_id, client=self.api))
                else:
                    text = await read_last_lines(self.api, session_id, tail)
            if not text:
                # The platform also sends an empty log for an id that does not exist.
                await read_record(self, session_id, subject)
            return text

        outcome = await self._for_each_id(read, ids, progress)
        result = ResultDict(outcome.values, outcome, ("id", "log"))
        logs = raise_if_fatal(result, outcome.values)
        if not verbose:
            return logs
        _print_texts(logs)
        return None

    @accepts_id_aliases
    async def save_logs(
        self,
        ids: str | Iterable[str],
        directory: str | PathLike[str],
        *,
        progress: Progress | None = None,
    ) -> ResultDict[Path]:
        """Save the logs of sessions, one file for each session.

        The logs go to the disk part by part, so they may be larger than the memory.

        Args:
            ids: One id or several.
            directory: Directory for the files; it is created if it does not exist. A file of the
                same name is replaced when the new log is complete, unless the new log is shorter.
            progress: Called with the number of finished ids, and with the number of all ids.

        Returns:
            The path of each file by the session id, in the order of `ids`: `<name>-<id>.log`.
            `failures` has the error of each session that does not exist, and a `ShorterLogError`
            for each log that is shorter than its saved file.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong.
            OSError: If the directory or a file cannot be written.

        Example:
            >>> from skaha import AsyncSession
            >>> import tempfile
            >>> session = AsyncSession(server="local")
            >>> ids = await session.create(
            ...     "tale", "images.canfar.net/skaha/terminal:1.1.2", cmd="echo", args="a line"
            ... )
            >>> _ = await session.wait(ids, timeout=60)
            >>> with tempfile.TemporaryDirectory() as directory:
            ...     saved = await session.save_logs(ids, directory)
            ...     print(saved[ids[0]].read_text().strip())
            a line
            >>> all((await session.destroy(ids)).values())
            True
        """
        from skaha._async._logs import check_size, download_log, partial_path, paths_of_logs

        checked, folder = validation.check_ids(ids), validation.check_path("directory", directory)
        validation.check_function("progress", progress)
        records = sessions(await self.fetch()) if checked else []
        names = {record_id(record): session_name(record) for record in records}
        paths = paths_of_logs(folder, checked, names)

        async def save(session_id: str) -> Path:
            path, subject = paths[session_id], f"logs of {session_id}"
            partial = partial_path(path)
            try:
                with self._request(subject):
                    await download_log(self.api, session_id, partial)
                    size = check_size(partial, path)
                if not size:
                    # The platform also sends an empty log for an id that does not exist.
                    await read_record(self, session_id, subject)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
            return path

        outcome = await self._for_each_id(save, checked, progress, names)
        return raise_if_fatal(ResultDict(outcome.values, outcome, ("id", "file")), outcome.values)

    async def follow(
        self,
        ids: str | Iterable[str],
        *,
        tail: int | None = None,
        poll: float = 0.5,
        longest_poll: float = 10,
    ) -> AsyncIterator[tuple[str, str]]:
        """Follow the logs of sessions, line by line, until all of them have ended.

        Args:
            ids: One id or several.
            tail: Number of last lines of each log at the first look; `None` for all lines.
            poll: Seconds between two looks while new lines come. The pause grows by half each time
                that no line came.
            longest_poll: Largest number of seconds between two looks.

        Yields:
            The id of a session and one line of its log, without the line feed. Every line comes
            once, including the lines before the first look.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong.
            skaha.errors.SkahaError: If the platform refuses the credentials, or if no log can be
                read. A log that alone cannot be read ends with a warning.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> ids = await session.create(
            ...     "echo", "images.canfar.net/skaha/terminal:1.1.2", cmd="echo", args="a line"
            ... )
            >>> async for session_id, line in session.follow(ids):
            ...     print(line)
            a line
            >>> all((await session.destroy(ids)).values())
            True
        """
        from skaha._async._follow import follow_logs

        checked = validation.check_ids(ids)
        tail = validation.check_optional_count("tail", tail)
        poll, longest_poll = validation.check_polls(poll, longest_poll)
        async for line in follow_logs(self, checked, tail, poll=poll, longest_poll=longest_poll):
            yield line

    @overload
    async def events(
        self,
        ids: str | Iterable[str],
        verbose: Literal[False] = False,
        *,
        progress: Progress | None = None,
    ) -> ResultList[dict[str, str]]: ...

    @overload
    async def events(
        self, ids: str | Iterable[str], verbose: Literal[True], *, progress: Progress | None = None
    ) -> None: ...

    @accepts_id_aliases
    async def events(
        self, ids: str | Iterable[str], verbose: bool = False, *, progress: Progress | None = None
    ) -> ResultList[dict[str, str]] | None:
        """Read the events of sessions: the steps of the platform to start them.

        Args:
            ids: One id or several.
            verbose: Print the events instead of returning them.
            progress: Called with the number of finished ids, and with the number of all ids.

        Returns:
            One dictionary for each session, from its id to its table of events, in the order of
            `ids`. `failures` has the error of each session that does not exist, waits in a queue
            or has lost its container. `None` when `verbose`.

        Raises:
            skaha.errors.InvalidInputError: If a value in `ids` cannot be an id, or is the name of a
                replica.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.events("hjko98yg")
            []
        """
        validation.check_verbose(verbose)

        async def read(session_id: str) -> str:
            try:
                return await read_events(self, session_id)
            except NotFoundError as error:
                if not error.concerns_platform:
                    with contextlib.suppress(SkahaError):
                        record = await read_record(self, session_id, f"events of {session_id}")
                        explain_missing_events(error, record)
                raise

        outcome = await self._for_each_id(read, ids, progress)
        tables = [{session_id: table} for session_id, table in outcome.values.items()]
        events = raise_if_fatal(ResultList(tables, outcome), outcome.values)
        if not verbose:
            return events
        _print_texts({key: printable(table, keep="\n\t") for key, table in outcome.values.items()})
        return None

    @accepts_id_aliases
    async def parsed_events(
        self, ids: str | Iterable[str], *, progress: Progress | None = None
    ) -> ResultDict[list[Event]]:
        """Read the events of sessions, as objects.

        Args:
            ids: One id or several.
            progress: Called with the number of finished ids, and with the number of all ids.

        Returns:
            The events of each session by its id, in the order of `ids`. `failures` has the error
            of each session that does not exist, waits in a queue or has lost its container.

        Raises:
            skaha.errors.InvalidInputError: If a value in `ids` cannot be an id, or is the name of a
                replica.

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
        outcome = Outcome(parsed, tables.failures, tables.retries, names_by_id(tables))
        return ResultDict(parsed, outcome, EVENTS)

    # Connect.

    @accepts_id_aliases
    async def connect(
        self,
        ids: str | Iterable[str],
        timeout: float = 300,
        *,
        browser: bool = True,
        progress: Progress | None = None,
    ) -> ResultDict[str]:
        """Open interactive sessions in the browser as soon as they respond.

        Args:
            ids: One id or several, of interactive sessions.
            timeout: Seconds to wait until the sessions run and respond.
            browser: `False` to open nothing and only return the addresses.
            progress: Called with the number of sessions that respond or never will, and with the
                number of all sessions.

        Returns:
            The address of each session by its id, in the order of `ids`, even without a browser.
            `failures` has the error of each session that does not respond, with the reason.

        Raises:
            skaha.errors.InvalidInputError: If a value in `ids` cannot be an id, or is the name of a
                replica.
            skaha.errors.WaitTimeoutError: If no session responds in time. The statuses are its
                `partial`.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.connect([])
            {}
        """
        import webbrowser

        from skaha._async._connect import AsyncConnector

        checked = validation.check_ids(ids)
        timeout = validation.check_seconds("timeout", timeout)
        on_response = webbrowser.open if browser else None
        connector = AsyncConnector(self, checked, timeout, progress, on_response, names_by_id(ids))
        outcome = await connector.run()
        return raise_if_fatal(
            ResultDict(outcome.values, outcome, ("id", "address")), outcome.values
        )

    async def connect_url(self, session_id: str) -> str:
        """Return the address of an interactive session.

        Args:
            session_id: Id of an interactive session.

        Returns:
            The address. It gives access to the session, so treat it like a password.

        Raises:
            skaha.errors.InvalidInputError: If it cannot be an id, or the session has no address.
            skaha.errors.NotFoundError: If there is no such session.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> ids = await session.create("note", "images.canfar.net/skaha/astroml:24.07",
            ...                            kind="notebook")
            >>> (await session.connect_url(ids[0])).startswith("http")
            True
            >>> all((await session.destroy(ids)).values())
            True
        """
        return await read_address(self, validation.check_id(session_id))

    @accepts_id_aliases
    async def renew(
        self, ids: str | Iterable[str], *, progress: Progress | None = None
    ) -> ResultDict[bool]:
        """Extend the life of sessions to one full lifetime from now.

        The platform keeps an expiry that is already later, such as the expiry of a new headless
        session. `skaha.records.time_left` returns the remaining time.

        Args:
            ids: One id or several.
            progress: Called with the number of finished ids, and with the number of all ids.

        Returns:
            Whether the platform accepted the renewal of each session, by id, in the order of
            `ids`; `False` if the platform says that the session is not active. `failures` has the
            errors. A session that the platform did not answer about is only in `failures`.

        Raises:
            skaha.errors.InvalidInputError: If a value in `ids` cannot be an id, or is the name of a
                replica.
            skaha.errors.SkahaError: If the platform could not be reached or did not answer itself.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.renew("hjko98yg")
            {'hjko98yg': False}
        """

        async def extend(session_id: str) -> bool:
            from skaha_api.api.session import renew_session
            from skaha_api.models import SessionAction

            # A second renewal does no harm.
            with self._request(f"renewal of {session_id}", repeatable=True):
                body = SessionAction()
                check_done(await renew_session.asyncio(session_id, client=self.api, body=body))
            return True

        checked = validation.check_ids(ids)
        outcome = await self._for_each_id(extend, checked, progress, names_by_id(ids))
        refusals = (BadRequestError, NotFoundError)
        return raise_if_fatal(_answers(checked, outcome, refusals), outcome.values)

    # Delete.

    @accepts_id_aliases
    async def destroy(
        self, ids: str | Iterable[str], *, verify: bool = False, progress: Progress | None = None
    ) -> ResultDict[bool]:
        """Delete sessions.

        Args:
            ids: One id or several.
            verify: Also check for up to a minute that the sessions are gone: newer platforms
                accept the deletion of any id, even if nothing happens.
            progress: Called with the number of ids that the platform answered, and with the number
                of all ids.

        Returns:
            Whether the platform accepted each deletion, by id; `False` if the platform says that
            the session does not exist or belongs to another user, or, with `verify`, that it still
            exists. `failures` has the errors. A session whose deletion failed for another reason
            is only in `failures`: it may be deleted or not.

        Raises:
            skaha.errors.InvalidInputError: If a value in `ids` cannot be an id, or is the name of a
                replica.
            skaha.errors.SkahaError: If the platform could not be reached or did not answer itself.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.destroy(["hjko98yg", "ikvp1jtp"])
            {'hjko98yg': True, 'ikvp1jtp': True}
        """
        from skaha._async._verify import verify_deletions

        async def delete(session_id: str) -> bool:
            from skaha_api.api.session import delete_session

            try:
                with self._request(f"destroy of {session_id}"):
                    check_done(await delete_session.asyncio(session_id, client=self.api))
            except NotFoundError as error:
                # An earlier attempt may have deleted the session, and its response was lost.
                if not error.may_be_done or error.concerns_platform:
                    raise
            return True

        checked = validation.check_ids(ids)
        outcome = await self._for_each_id(delete, checked, progress, names_by_id(ids))
        if verify and outcome.values:
            outcome = await verify_deletions(self, outcome)
        refusals = (NotFoundError, PermissionDeniedError, StillThereError)
        return raise_if_fatal(_answers(checked, outcome, refusals), outcome.values)

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
        """Delete the sessions whose names start with a prefix.

        Args:
            prefix: Beginning of the names, taken literally. Capital letters do not matter: the
                platform stores names in lower case.
            kind: Only sessions of this kind, or of one of these kinds; `None` for any kind.
            status: Only sessions with this status, or with one of these statuses; `None` for any
                status. `Succeeded` and `Completed` mean the same.
            pattern: Use `prefix` as a pattern for whole names: `*` stands for any letters, `?` for
                one letter, and `[...]` for one of the letters in it.
            dry_run: Only return the sessions that would be deleted.
            verify: As in `destroy`.
            progress: As in `destroy`.

        Returns:
            As `destroy`, for the sessions that matched.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong, or `prefix` is empty (use
                `destroy_all` to delete all sessions) or has characters that no name has.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.destroy_with("nothing-like-this", status=["Failed", "Completed"])
            {}
        """
        from skaha._sansio.name_filter import NameFilter

        names = NameFilter.checked(prefix, pattern=pattern)
        validation.check_function("progress", progress)
        records = await self._deletable(kind, status, names)
        return await self._delete(records, dry_run=dry_run, verify=verify, progress=progress)

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
        """Delete all sessions of the caller, with any names.

        Args:
            kind: Only sessions of this kind, or of one of these kinds; `None` for any kind.
            status: Only sessions with this status, or with one of these statuses; `None` for any
                status.
            dry_run: Only return the sessions that would be deleted.
            verify: As in `destroy`.
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
        validation.check_function("progress", progress)
        records = await self._deletable(kind, status)
        return await self._delete(records, dry_run=dry_run, verify=verify, progress=progress)

    async def _deletable(
        self,
        kind: KINDS | Collection[KINDS] | None,
        status: STATUS | Collection[STATUS] | None,
        names: NameFilter | None = None,
    ) -> list[SessionRecord]:
        """Return the sessions to delete.

        A session that has just ended is `Pending` for a second, and a failed interactive session
        may be started again. So a status that may change is read twice.
        """
        kinds, statuses = validation.check_kinds(kind), validation.check_statuses(status)
        if kinds and APP in kinds:
            raise InvalidInputError("an app has the id of its desktop: destroy_app deletes an app")
        records = [
            record
            for record in sessions(await list_sessions(self, kinds, statuses))
            if validation.is_id(record.get("id"))
            and (names is None or names.matches(session_name(record)))
        ]
        if statuses is None or not any(map(_may_change, records)):
            return records
        await sleep(_SECONDS_BETWEEN_LOOKS)
        listed_again = {
            record_id(record) for record in sessions(await list_sessions(self, kinds, statuses))
        }
        return [
            record
            for record in records
            if not _may_change(record) or record_id(record) in listed_again
        ]

    async def _delete(
        self,
        records: list[SessionRecord],
        *,
        dry_run: bool,
        verify: bool,
        progress: Progress | None,
    ) -> ResultDict[bool] | ResultList[SessionRecord]:
        if dry_run:
            return ResultList(records, Outcome())
        # The ids with the names of the sessions, for the table of the result.
        names = {record["id"]: session_name(record) for record in records}
        ids = ResultList(names, Outcome(names=names))
        return await self.destroy(ids, verify=verify, progress=progress)

    # Desktop apps.

    async def apps(
        self, desktop: str | None = None, status: STATUS | Collection[STATUS] | None = None
    ) -> ResultList[SessionRecord]:
        """List the desktop apps of the caller.

        Args:
            desktop: Only the apps of the desktop with this id.
            status: Only apps with this status, or with one of these statuses.

        Returns:
            The records of the apps; `id` is the id of the desktop, `appid` the id of the app.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.apps()
            []
        """
        from skaha_api.api.desktop_app import list_desktop_apps

        statuses = validation.check_statuses(status)
        # The platform ignores the id in the request, and lists the apps of all desktops.
        session_id = "any" if desktop is None else validation.check_id(desktop)
        with self._request("apps", expected=OBJECTS):
            apps = records_of(await list_desktop_apps.asyncio(session_id, client=self.api))
        chosen = [
            app
            for app in matching(apps, None, statuses)
            if desktop is None or app.get("id") == desktop
        ]
        return ResultList(cast("list[SessionRecord]", chosen), Outcome())

    async def app_info(self, desktop: str, app: str) -> SessionRecord:
        """Read the record of one desktop app.

        Args:
            desktop: Id of the desktop session.
            app: Id of the app.

        Returns:
            The record of the app.

        Raises:
            skaha.errors.InvalidInputError: If an argument cannot be an id.
            skaha.errors.NotFoundError: If there is no such app.

        Example:
            >>> from skaha import AsyncSession, errors
            >>> session = AsyncSession(server="local")
            >>> try:
            ...     await session.app_info("hjko98yg", "k4b")
            ... except errors.NotFoundError as error:
            ...     print(error.status)
            404
        """
        from skaha_api.api.desktop_app import get_desktop_app

        session_id, app_id = validation.check_id(desktop), validation.check_id(app)
        with self._request(f"info of app {app_id} on {session_id}", expected=OBJECT):
            record = record_of(await get_desktop_app.asyncio(session_id, app_id, client=self.api))
        return cast("SessionRecord", record)

    async def attach_app(
        self, desktop: str, image: str, cores: float | None = None, ram: float | None = None
    ) -> str:
        """Start an app on a desktop.

        Args:
            desktop: Id of the desktop session, which must exist.
            image: Full reference of the image, `host/project/name:tag`.
            cores: CPU cores, one of the platform's options; `None` leaves it to the platform.
            ram: Memory in GiB, one of the platform's options; `None` leaves it to the platform.

        Returns:
            The id of the app.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong.
            skaha.errors.NotFoundError: If there is no such desktop.

        Example:
            >>> from skaha import AsyncSession, errors
            >>> session = AsyncSession(server="local")
            >>> try:
            ...     await session.attach_app("hjko98yg", "images.canfar.net/skaha/terminal:1.1.2")
            ... except errors.NotFoundError as error:
            ...     print(error.text.strip())
            session hjko98yg not found
        """
        from skaha_api.api.desktop_app import attach_desktop_app
        from skaha_api.models import NewDesktopApp
        from skaha_api.types import UNSET

        session_id = validation.check_id(desktop)
        cores, ram = validation.check_amount("cores", cores), validation.check_ram(ram)
        body = NewDesktopApp(
            image=validation.check_image(image),
            cores=UNSET if cores is None else cores,
            ram=UNSET if ram is None else ram,
        )
        with self._request(f"app on {session_id}", expected=NEW_ID):
            return new_id(await attach_desktop_app.asyncio(session_id, client=self.api, body=body))

    async def destroy_app(self, desktop: str, app: str) -> None:
        """Delete one desktop app. The platform accepts any id, even if there is no such app.

        Args:
            desktop: Id of the desktop session.
            app: Id of the app.

        Raises:
            skaha.errors.InvalidInputError: If an argument cannot be an id.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.destroy_app("hjko98yg", "k4b")
        """
        from skaha_api.api.desktop_app import delete_desktop_app

        session_id, app_id = validation.check_id(desktop), validation.check_id(app)
        with self._request(f"destroy of app {app_id} on {session_id}"):
            check_done(await delete_desktop_app.asyncio(session_id, app_id, client=self.api))


def _answers(
    ids: list[str], outcome: Outcome[bool], refusals: tuple[type[SkahaError], ...]
) -> ResultDict[bool]:
    """Return `True` for each success, and `False` for each refusal of one session."""
    answers = {}
    for session_id in ids:
        error = outcome.failures.get(session_id)
        if session_id in outcome.values:
            answers[session_id] = True
        elif isinstance(error, refusals) and not error.concerns_platform:
            answers[session_id] = False
    return ResultDict(answers, outcome, ("id", "done"))


def _may_change(record: Mapping[str, Any]) -> bool:
    """Return whether the status of a session may only be a passing one."""
    return record.get("status") == "Pending" or may_restart(record)


def _print_texts(texts: dict[str, str]) -> None:
    # Standard output may be unable to show every letter, for example in a job of cron.
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    for session_id, text in texts.items():
        shown = text.encode(encoding, "backslashreplace").decode(encoding)
        print(f"{session_id}:", shown, sep="\n")  # noqa: T201  (the purpose of `verbose`)
