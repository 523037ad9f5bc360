"""The health of the service itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skaha import _requests
from skaha._async._base_client import AsyncService
from skaha._sansio import responses

if TYPE_CHECKING:
    from skaha.models import Capability

__all__ = ["AsyncOverview"]


class AsyncOverview(AsyncService):
    """What the service says of itself; no credentials are needed.

    Constructed like `skaha.client.SkahaClient`; see there for the arguments.

    Example:
        >>> from skaha import AsyncOverview
        >>> async with AsyncOverview(server="local") as overview:
        ...     print(await overview.availability())
        True
    """

    async def availability(self) -> bool:
        """Ask whether the service is available.

        Returns:
            What the service says of itself.

        Raises:
            skaha.errors.AnswerError: If it says neither.

        Example:
            >>> from skaha import AsyncOverview
            >>> overview = AsyncOverview(server="local")
            >>> await overview.availability()
            True
        """
        request = _requests.get_availability()
        return await self._send("availability", request, responses.availability, anonymous=True)

    async def capabilities(self) -> list[Capability]:
        """Read what the service can do, and where.

        Returns:
            Each capability with its interfaces, in the order of the service. It may name versions
            of the API that the service does not serve any more.

        Raises:
            skaha.errors.AnswerError: If the answer is no capabilities document.

        Example:
            >>> from skaha import AsyncOverview
            >>> overview = AsyncOverview(server="local")
            >>> standards = [one.standard for one in await overview.capabilities()]
            >>> "ivo://ivoa.net/std/VOSI#availability" in standards
            True
        """
        request = _requests.get_capabilities()
        return await self._send("capabilities", request, responses.capabilities, anonymous=True)
