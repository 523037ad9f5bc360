"""Resources that a session may request."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from skaha._async._base_client import AsyncBaseClient
from skaha._sansio.responses import OBJECT, record_of
from skaha._sansio.tracebacks import short_tracebacks
from skaha.results import Outcome, ResultDict

if TYPE_CHECKING:
    from skaha.models import ContextRecord

__all__ = ["AsyncContext"]


@short_tracebacks
class AsyncContext(AsyncBaseClient):
    """The resources that a platform offers.

    The arguments are those of `skaha.client.SkahaClient`.

    Example:
        >>> from skaha import AsyncContext
        >>> async with AsyncContext(server="local") as context:
        ...     print(sorted(await context.resources()))
        ['cores', 'gpus', 'maxInteractiveSessions', 'memoryGB']
    """

    async def resources(self) -> ContextRecord:
        """Read the resources that a session may request.

        Returns:
            The record of the platform. For cores, memory (GiB) and GPUs it has the allowed
            `options` and the defaults.

        Example:
            >>> from skaha import AsyncContext
            >>> context = AsyncContext(server="local")
            >>> 2 in (await context.resources())["cores"]["options"]
            True
        """
        from skaha_api.api.context import get_context

        with self._request("resources", expected=OBJECT):
            record = record_of(await get_context.asyncio(client=self.api))
        return cast("ContextRecord", ResultDict(record, Outcome()))
