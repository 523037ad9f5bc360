# Made from skaha/_async/session.py by scripts/regenerate.py: edit that one.
"""Sessions: launch them, look at them, end them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Unpack

from skaha._sync._apps import Apps
from skaha._sync._connecting import Connecting
from skaha._sync._ending import Ending
from skaha._sync._launching import Launching
from skaha._sync._logs import Logs
from skaha._sync._renewing import Renewing
from skaha.errors import FailedSessionError, SkahaError
from skaha.records import SUCCESS
from skaha.results import Outcome, ResultDict, attach

if TYPE_CHECKING:
    from collections.abc import Callable

    from skaha.models import LaunchOptions

__all__ = ["Session"]

log = logging.getLogger("skaha")


class Session(Launching, Logs, Connecting, Ending, Renewing, Apps):
    """The caller's sessions on a platform.

    Constructed like `skaha.client.SkahaClient`; see there for the arguments.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> ids = session.create("hello", "images.canfar.net/skaha/terminal:1.1.2", cmd="env")
        >>> len(ids)
        1
        >>> session.destroy(ids) == {ids[0]: True}
        True
        >>> session.close()
    """

    def run(
        self,
        name: str,
        image: str,
        *,
        timeout: float | None = None,
        keep: bool = False,
        progress: Callable[[dict[str, str]], object] | None = None,
        **options: Unpack[LaunchOptions],
    ) -> ResultDict[str]:
        r"""Launch replicas, wait until all have ended, read their logs, and clean up.

        Args:
            name: As in `create`.
            image: As in `create`.
            timeout: Seconds to wait for the end at most; `None` for ever.
            keep: Leave the sessions on the platform.
            progress: As in `wait`.
            **options: The other arguments of `create`.

        Returns:
            The log of each launched replica by its name, in replica order; `failures` says which
            was not launched, or did not end well, and why. A session whose log could not be read
            is left on the platform.

        Raises:
            skaha.errors.SkahaError: As `create`, if nothing was launched.
            skaha.errors.WaitTimeoutError: If the time is over; the sessions are left, and what was
                launched is its `partial`.

        Example:
            >>> from skaha import Session
            >>> session = Session(server="local")
            >>> session.run("say", "images.canfar.net/skaha/terminal:1.1.2",
            ...                   cmd="echo", args="hello", replicas=2)
            {'say-1': 'hello\n', 'say-2': 'hello\n'}
        """
        launched = self.create(name, image, **options)
        try:
            statuses = self.wait(launched, timeout=timeout, progress=progress)
            logs = self.logs(launched)
        except BaseException as stop:
            attach(stop, launched)
            raise
        if not keep:
            self._cleaned_up(list(logs))
        failures: dict[str, SkahaError] = dict(launched.failures)
        for replica, session_id in launched.names.items():
            if session_id in logs.failures:
                failures[replica] = logs.failures[session_id]
            elif statuses[session_id] not in SUCCESS:
                ended = f"replica {replica} ended as {statuses[session_id]}"
                failures[replica] = FailedSessionError(ended)
                log.warning("%s", ended)
        texts = {one: logs[key] for one, key in launched.names.items() if key in logs}
        outcome = Outcome(texts, failures, launched.retries + logs.retries)
        return ResultDict(texts, outcome)

    def _cleaned_up(self, ids: list[str]) -> None:
        # What was read must not be lost because what was used up cannot be ended.
        try:
            self.destroy(ids)
        except SkahaError as error:
            log.warning("left on the platform: %s", error)
