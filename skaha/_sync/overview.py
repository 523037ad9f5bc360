# Generated from skaha/_async/overview.py by scripts/regenerate.py. Edit that file instead.
"""Health and capabilities of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skaha._sync._base_client import BaseClient

if TYPE_CHECKING:
    from skaha.models import Capability

__all__ = ["Overview"]


class Overview(BaseClient):
    """The health and the capabilities of the service; its methods need no credentials.

    The arguments are those of `skaha.client.SkahaClient`.

    Example:
        >>> from skaha import Overview
        >>> with Overview(server="local") as overview:
        ...     print(overview.availability())
        True
    """

    def availability(self) -> bool:
        """Ask whether the service is available.

        Returns:
            Whether the service says that it is available.

        Raises:
            skaha.errors.AnswerError: If the response does not say it.

        Example:
            >>> from skaha import Overview
            >>> overview = Overview(server="local")
            >>> overview.availability()
            True
        """
        from skaha._sansio.vosi import AVAILABILITY, availability_of
        from skaha_api.api.service import get_availability

        with self._request("availability", expected=AVAILABILITY, anonymous=True):
            response = get_availability.sync_detailed(client=self.api)
            return availability_of(response.content)

    def capabilities(self) -> list[Capability]:
        """Read the capabilities of the service and their addresses.

        Returns:
            The capabilities with their interfaces, in the order of the service. The list may name
            versions of the API that the service no longer has.

        Raises:
            skaha.errors.AnswerError: If the response is no capabilities document.

        Example:
            >>> from skaha import Overview
            >>> overview = Overview(server="local")
            >>> capabilities = overview.capabilities()
            >>> standards = [capability.standard for capability in capabilities]
            >>> "ivo://ivoa.net/std/VOSI#availability" in standards
            True
        """
        from skaha._sansio.vosi import CAPABILITIES, capabilities_of
        from skaha_api.api.service import get_capabilities

        with self._request("capabilities", expected=CAPABILITIES, anonymous=True):
            response = get_capabilities.sync_detailed(client=self.api)
            return capabilities_of(response.content)
