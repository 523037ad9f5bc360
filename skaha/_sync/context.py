# Made from skaha/_async/context.py by scripts/regenerate.py: edit that one.
"""What one session may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from skaha import _requests
from skaha._sansio import responses
from skaha._sync._base_client import Service
from skaha.results import Outcome, ResultDict

if TYPE_CHECKING:
    from skaha.models import ContextRecord

__all__ = ["Context"]


class Context(Service):
    """The resources that a platform offers.

    Constructed like `skaha.client.SkahaClient`; see there for the arguments.

    Example:
        >>> from skaha import Context
        >>> with Context(server="local") as context:
        ...     print(sorted(context.resources()))
        ['cores', 'gpus', 'maxInteractiveSessions', 'memoryGB']
    """

    def resources(self) -> ContextRecord:
        """Read what one session may ask for.

        Returns:
            The platform's own JSON; for cores, memory (GiB) and GPUs, the `options` that may be
            asked for, and what a session gets that asks for nothing.

        Example:
            >>> from skaha import Context
            >>> context = Context(server="local")
            >>> 2 in (context.resources())["cores"]["options"]
            True
        """
        found = self._send("resources", _requests.get_context(), responses.json_object)
        return cast("ContextRecord", ResultDict(found, Outcome()))
