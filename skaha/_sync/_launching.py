# Made from skaha/_async/_launching.py by scripts/regenerate.py: edit that one.
"""Launching sessions: replicas of one, many at once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from skaha import _answers, _checks, _requests
from skaha._ledger import Ledger
from skaha._order import Order
from skaha._sync._service import Service
from skaha._sync._work import pause
from skaha.errors import (
    AnswerError,
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
    SkahaError,
)
from skaha.results import Launched, Outcome, ResultDict, keep, raise_with, settled
from skaha.retry import NEVER, Effort, effort

if TYPE_CHECKING:
    from skaha.models import KINDS

log = logging.getLogger("skaha")


class Launching(Service):
    """The part of a session class that makes sessions."""

    def create(
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

        Returns:
            The ids of what was launched, in replica order; `failures` says by replica name what
            was not, and why.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong; nothing was sent.
            skaha.errors.SkahaError: If nothing was launched, or the connection or the credentials
                failed on the way; what had been launched is its `partial`.

        Example:
            >>> from skaha import Session
            >>> session = Session(server="local")
            >>> ids = session.create(
            ...     "sweep", "images.canfar.net/skaha/terminal:1.1.2", cmd="env", replicas=3
            ... )
            >>> list(ids.names)
            ['sweep-1', 'sweep-2', 'sweep-3']
            >>> all((session.destroy(ids)).values())
            True
        """
        _checks.check_launch_kind(kind)
        names = _checks.replica_names(name, replicas)
        _checks.check_amount("cores", cores)
        _checks.check_amount("ram", ram)
        cmd, args, variables = _checks.check_command(kind, cmd, args, env)
        form = {
            "image": _checks.check_text("image", image),
            "type_": kind,
            "cores": cores,
            "ram": ram,
            "gpus": _checks.check_gpu(gpu),
            "cmd": cmd,
            "args": args,
        }

        return self._launch(Order(form, variables, replicas), names)

    def _launch(self, order: Order, names: list[str]) -> Launched:
        kind = order.form["type_"]
        with effort(self.retry) as made:
            ledger = Ledger(names, self._ids_before(kind))
            try:
                self._post(order, ledger, made)
                if ledger.was_repeated:
                    self._remove_surplus(kind, ledger)
            except BaseException as stop:
                if isinstance(so_far := getattr(stop, "partial", None), ResultDict):
                    ledger.note(Outcome(so_far, so_far.failures))
                keep(stop, Launched(order, ledger.outcome(made.retries)))
                raise
        outcome = ledger.outcome(made.retries)
        launched = Launched(order, outcome)
        if ledger.doubts or not launched:
            raise_with(next(iter((ledger.doubts or launched.failures).values())), launched)
        return settled(launched, outcome)

    def _ids_before(self, kind: str) -> set[str] | None:
        """Return the ids that exist before the launch; `None` if nothing is to be looked up."""
        if self.retry == NEVER:
            return None
        try:
            return {record["id"] for record in self._look_up(kind)}
        except (AnswerError, BadRequestError, NotFoundError, PermissionDeniedError, ServerError):
            return None

    def _look_up(self, kind: str) -> list[dict[str, Any]]:
        answer = self._send("look-up of sessions", _requests.list_sessions(kind, None, None))
        return [record for record in _answers.json_objects(answer) if record.get("id")]

    def _post(self, order: Order, ledger: Ledger, made: Effort) -> None:
        """Launch what is pending; whatever is doubtful is looked up before it is sent again."""

        def post(name: str) -> str:
            request = _requests.create_session(order.form_of(name), self.registry)
            return _answers.new_id(self._send(f"launch of {name}", request))

        attempt, in_time = 0, True
        while in_time:
            ledger.note(self._send_many(post, ledger.pending))
            if not ledger.doubts or ledger.before is None:
                return
            attempt += 1
            seconds = max(self.retry.pause(attempt, error) for error in ledger.doubts.values())
            in_time = made.allows(seconds)
            if in_time:
                pause(seconds)
            try:
                ledger.find(self._look_up(order.form["type_"]))
            except SkahaError as error:
                for doubt in ledger.doubts.values():
                    doubt.add_note(
                        f"it may have been launched: looking for it failed, too: {error}"
                    )
                return
            in_time = in_time and bool(ledger.doubts)

    def _remove_surplus(self, kind: str, ledger: Ledger) -> None:
        def delete(session_id: str) -> None:
            self._send(f"destroy of {session_id}", _requests.delete_session(session_id))

        try:
            surplus = ledger.surplus(self._look_up(kind))
            left = (self._send_many(delete, surplus)).failures
        except SkahaError as error:
            log.warning("whether a session was launched twice is not known: %s", error)
            return
        for left_over in left.values():
            log.warning("a session that was launched twice is left: %s", left_over)
