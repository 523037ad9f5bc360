"""Health and capabilities of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skaha._async._base_client import AsyncBaseClient
from skaha._sansio.tracebacks import short_tracebacks

if TYPE_CHECKING:
    from skaha.models import Capability

__all__ = ["AsyncOverview"]


@short_tracebacks
class AsyncOverview(AsyncBaseClient):
    """The health and the capabilities of the service; its methods send no token.

    The arguments are those of `skaha.client.SkahaClient`.

    Example:
        >>> from skaha import AsyncOverview
        >>> async with AsyncOverview(server="local") as overview:
        ...     print(await overview.availability())
        True
    """

    async def availability(self) -> bool:
        """Ask whether the service is available.

        Returns:
            Whether the service says that it is available.

        Raises:
            skaha.errors.AnswerError: If the response does not say it.

        Example:
            >>> from skaha import AsyncOverview
            >>> overview = AsyncOverview(server="local")
            >>> await overview.availability()
            True
        """
        from skaha._sansio.vosi import AVAILABILITY, availability_of
        from skaha_api.api.service import get_availability

        with self._request("availability", expected=AVAILABILITY, credentials="none"):
            response = await get_availability.asyncio_detailed(client=self.api)
            return availability_of(response.content)

    async def capabilities(self) -> list[Capability]:
        """Read the capabilities of the service and their addresses.

        Returns:
            The capabilities with their interfaces, in the order of the service. The list may name
            versions of the API that the service no longer has.

        Raises:
            skaha.errors.AnswerError: If the response is no capabilities document.

        Example:
            >>> from skaha import AsyncOverview
            >>> overview = AsyncOverview(server="local")
            >>> capabilities = await overview.capabilities()
            >>> standards = [capability.standard for capability in capabilities]
            >>> "ivo://ivoa.net/std/VOSI#availability" in standards
            True
        """
        from skaha._sansio.vosi import CAPABILITIES, capabilities_of
        from skaha_api.api.service import get_capabilities

        with self._request("capabilities", expected=CAPABILITIES, credentials="none"):
            response = await get_capabilities.asyncio_detailed(client=self.api)
            return capabilities_of(response.content)
