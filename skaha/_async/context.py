"""What one session may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from skaha import _requests
from skaha._async._base_client import AsyncService
from skaha._sansio import responses
from skaha.results import Outcome, ResultDict

if TYPE_CHECKING:
    from skaha.models import ContextRecord

__all__ = ["AsyncContext"]


class AsyncContext(AsyncService):
    """The resources that a platform offers.

    Constructed like `skaha.client.SkahaClient`; see there for the arguments.

    Example:
        >>> from skaha import AsyncContext
        >>> async with AsyncContext(server="local") as context:
        ...     print(sorted(await context.resources()))
        ['cores', 'gpus', 'maxInteractiveSessions', 'memoryGB']
    """

    async def resources(self) -> ContextRecord:
        """Read what one session may ask for.

        Returns:
            The platform's own JSON; for cores, memory (GiB) and GPUs, the `options` that may be
            asked for, and what a session gets that asks for nothing.

        Example:
            >>> from skaha import AsyncContext
            >>> context = AsyncContext(server="local")
            >>> 2 in (await context.resources())["cores"]["options"]
            True
        """
        found = await self._send("resources", _requests.get_context(), responses.json_object)
        return cast("ContextRecord", ResultDict(found, Outcome()))
