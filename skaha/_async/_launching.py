"""Launching sessions: replicas of one, many at once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from skaha import _requests
from skaha._async._base_client import AsyncService
from skaha._sansio import responses, validation
from skaha._sansio.amounts import explain_amount, refused_amount
from skaha._sansio.launch_request import Order
from skaha._sansio.launch_tracker import Ledger
from skaha._sansio.progress import Tally
from skaha._sansio.retrying import effort
from skaha._transport._async.concurrency import pause
from skaha.errors import (
    AnswerError,
    BadRequestError,
    ConnectionFailedError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
    SkahaError,
    TooManyRequestsError,
)
from skaha.records import ACTIVE, matching
from skaha.results import Launched, Outcome, ResultDict, attach, raise_with, settled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skaha.models import KINDS, Progress

log = logging.getLogger("skaha")

# How often to ask for a list when what comes is none.
_LOOKS = 3
# Seconds from one look for room to the next: the first ones, and the longest.
_FIRST_LOOK, _LONGEST_LOOK = 0.25, 15.0


class AsyncLaunching(AsyncService):
    """The part of a session class that makes sessions."""

    async def create(
        self,
        name: str,
        image: str,
        cores: float | None = 2,
        ram: float | None = 4,
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

        Each replica is named `<name>-<n>`, n from 1, and is told its `REPLICA_ID` (the n) and the
        `REPLICA_COUNT` in its environment.

        Args:
            name: Letters, digits and `-`; the platform stores it in lower case.
            image: Full reference of the image, `host/project/name:tag`.
            cores: CPU cores, one of the platform's options; `None` leaves it to the platform.
            ram: Memory in GiB, one of the platform's options; `None` leaves it to the platform.
            kind: Kind of session.
            gpu: GPUs, one of the platform's options; 0 or `None` for none.
            cmd: Program to run, one word; headless only. By default the image's own.
            args: Its arguments, split at single blanks without any quoting; headless only.
            env: Environment variables; headless only.
            replicas: How many to launch, 1 or more.
            at_most: Launch in waves, so that never more of the caller's sessions of this kind are
                pending or running; the call then takes until the last one is launched. `None`
                launches all at once.
            progress: Called with how many are launched or refused, and how many there are.

        Returns:
            The ids of what was launched, in replica order; `failures` says by replica name what
            was not, and why.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong; nothing was sent.
            skaha.errors.SkahaError: If nothing was launched, or the connection or the credentials
                failed on the way; what had been launched is its `partial`. So it is with whatever
                stops the call: `KeyboardInterrupt`, `asyncio.CancelledError` (which `asyncio.run`
                and `asyncio.timeout` put into the `__context__` or `__cause__` of what they raise).

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
        validation.check_launch_kind(kind)
        validation.check_at_most(at_most)
        names = validation.replica_names(name, replicas)
        validation.check_amount("cores", cores)
        validation.check_amount("ram", ram)
        cmd, args, variables = validation.check_command(kind, cmd, args, env)
        form = {
            "image": validation.check_text("image", image),
            "kind": kind,
            "cores": cores,
            "ram": ram,
            "gpus": validation.check_gpu(gpu),
            "cmd": cmd,
            "args": args,
        }

        tally = Tally(progress, len(names), retried=True)
        before = await self._ids_before(kind)
        order = Order(form, variables, names, before)
        return await self._launch(order, Ledger(names, before), at_most, tally)

    async def relaunch(
        self,
        launched: Launched,
        *,
        failed: str | Sequence[str] = (),
        at_most: int | None = None,
        progress: Progress | None = None,
    ) -> Launched:
        """Launch exactly the replicas that are missing, under their names and numbers.

        Args:
            launched: What `create` returned, or the `partial` of what it raised.
            failed: Ids in `launched` of sessions that ran and failed: these replicas are launched
                again, too, and the sessions that failed are left as they are.
            at_most: As in `create`.
            progress: As in `create`, for the replicas that are launched now.

        Returns:
            As `create`, for these replicas alone.

        Raises:
            skaha.errors.InvalidInputError: If `launched` has been pickled on its way, or an id is
                none of its own.
            skaha.errors.SkahaError: As `create`.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> ids = await session.create("all", "images.canfar.net/skaha/terminal:1.1.2",
            ...                            cmd="false", replicas=2)
            >>> await session.relaunch(ids)
            []
            >>> statuses = await session.wait(ids, timeout=60)
            >>> failed = [one for one, status in statuses.items() if status == "Failed"]
            >>> again = await session.relaunch(ids, failed=failed)
            >>> list(again.names)
            ['all-1', 'all-2']
            >>> all((await session.destroy([*ids, *again])).values())
            True
        """
        validation.check_at_most(at_most)
        if not isinstance(launched, Launched):
            raise InvalidInputError("relaunch takes what create returned, or what it raised holds")
        order = launched.order
        if order is None:
            raise InvalidInputError("what was to be launched is not pickled: call create again")
        lost = validation.check_among(launched, failed)
        there = {name for name, one in launched.names.items() if one not in lost}
        names = [name for name in order.names if name not in there]
        if not names:
            return Launched(order, Outcome())
        tally = Tally(progress, len(names), retried=True)
        order = order.of(names, lost)
        ledger = Ledger(names, order.before)
        ledger.doubt(launched.failures)
        if ledger.doubts and ledger.before is not None:
            if not await self._looked_up(order.kind, ledger):
                raise_with(next(iter(ledger.doubts.values())), Launched(order, ledger.outcome()))
            ledger.doubts.clear()
        return await self._launch(order, ledger, at_most, tally)

    async def _launch(
        self, order: Order, ledger: Ledger, at_most: int | None, tally: Tally
    ) -> Launched:
        try:
            tally.reach(ledger.settled)
            while batch := await self._next_batch(ledger, order.kind, at_most):
                await self._post(order, ledger, batch, tally)
            if ledger.was_repeated:
                await self._settle(order.kind, ledger)
            outcome = ledger.outcome()
            await self._explain(outcome.failures)
        except BaseException as stop:
            if isinstance(so_far := getattr(stop, "partial", None), ResultDict):
                ledger.note(Outcome(so_far, so_far.failures, so_far.retries))
            ledger.stop()
            attach(stop, Launched(order, ledger.outcome()))
            raise
        launched = Launched(order, outcome)
        if ledger.open or not launched:
            raise_with(next(iter((ledger.open or launched.failures).values())), launched)
        return settled(launched, outcome)

    async def _explain(self, failures: dict[str, SkahaError]) -> None:
        """Add to refusals of an amount what this platform allows."""
        refused = [error for error in failures.values() if refused_amount(error)]
        if not refused:
            return
        try:
            request = _requests.get_context()
            context = await self._send("resources", request, responses.json_object)
        except SkahaError as error:
            log.debug("what is allowed is not known: %s", error)
            return
        for refusal in refused:
            explain_amount(refusal, context)

    async def _next_batch(self, ledger: Ledger, kind: str, at_most: int | None) -> list[str]:
        """Return the names to launch now: all that are left, or as many as there is room for."""
        left = [] if ledger.open else ledger.unsent
        if at_most is None or not left:
            return left
        seconds = _FIRST_LOOK
        while True:
            records = await self._look_up(kind)
            active = len(matching(records, None, ACTIVE)) + ledger.not_listed_yet(records)
            if active < at_most:
                return left[: at_most - active]
            await pause(seconds)
            seconds = min(seconds * 1.5, _LONGEST_LOOK)

    async def _ids_before(self, kind: str) -> set[str] | None:
        """Return the ids that exist before the launch; `None` if nothing is to be looked up."""
        if self.retry.attempts == 1:
            return None
        try:
            return {record["id"] for record in await self._look_up(kind)}
        except (AnswerError, BadRequestError, NotFoundError, PermissionDeniedError, ServerError):
            return None

    async def _look_up(self, kind: str) -> list[dict[str, Any]]:
        """List the sessions of a kind, and again when what comes is no list."""
        request = _requests.list_sessions(kind, None, None)
        attempt = 1
        while True:
            try:
                return await self._send("look-up of sessions", request, responses.identified)
            except AnswerError as error:
                if attempt == _LOOKS:
                    raise
                await pause(self.retry.pause(attempt, error))
            attempt += 1

    async def _post(self, order: Order, ledger: Ledger, batch: list[str], tally: Tally) -> None:
        """Launch a batch; whatever is doubtful is looked up before it is sent again."""

        async def post(name: str) -> str:
            request = _requests.create_session(**order.form_of(name), registry=self.registry)
            ledger.begin(name)
            return await self._send(f"launch of {name}", request, responses.new_id)

        attempt = 0
        with effort(self.retry) as made:
            while batch:
                ledger.note(await self._send_many(post, batch, tally))
                tally.reach(ledger.settled)
                batch = []
                while not batch and ledger.open and ledger.before is not None:
                    attempt += 1
                    seconds = max(self.retry.pause(attempt, one) for one in ledger.open.values())
                    in_time = made.allows(seconds)
                    if in_time:
                        await pause(seconds)
                    looked_up = await self._looked_up(order.kind, ledger)
                    tally.reach(ledger.settled)
                    if not in_time:
                        return
                    if looked_up:
                        batch = list(ledger.open)

    async def _looked_up(self, kind: str, ledger: Ledger) -> bool:
        """Settle doubts from the list; say whether there was one."""
        try:
            ledger.find(await self._look_up(kind))
        except (AnswerError, ConnectionFailedError, ServerError, TooManyRequestsError) as error:
            ledger.not_found(error)
            return False
        return True

    async def _settle(self, kind: str, ledger: Ledger) -> None:
        """Look once more for what took late: it counts, or it is one too many and is ended."""

        async def delete(session_id: str) -> None:
            request = _requests.delete_session(session_id)
            await self._send(f"destroy of {session_id}", request, responses.plain_text)

        try:
            records = await self._look_up(kind)
            ledger.find(records)
            surplus = ledger.surplus(records)
            left = (await self._send_many(delete, surplus)).failures
        except SkahaError as error:
            log.warning("whether a session was launched twice is not known: %s", error)
            return
        for left_over in left.values():
            log.warning("a session that was launched twice is left: %s", left_over)
