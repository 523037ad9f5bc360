"""Launching sessions: replicas of one, many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skaha import _answers, _checks, _requests
from skaha._async._service import AsyncService
from skaha.results import Launched, raise_first, settled

if TYPE_CHECKING:
    from skaha.models import KINDS


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

        async def launch(replica: str) -> str:
            number = replica.rpartition("-")[2]
            told = variables | {"REPLICA_ID": number, "REPLICA_COUNT": str(replicas)}
            pairs = [f"{key}={value}" for key, value in told.items()]
            request = _requests.create_session(
                form | {"name": replica, "env": pairs}, self.registry
            )
            return _answers.new_id(await self._send(f"launch of {replica}", request))

        launched = Launched(*await self._send_many(launch, names))
        if not launched:
            raise_first(list(launched.failures.values()), launched)
        return settled(launched, len(launched))
