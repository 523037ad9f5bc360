# Made from skaha/_async/overview.py by scripts/regenerate.py: edit that one.
"""The health of the service itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skaha import _requests
from skaha._sansio import responses
from skaha._sync._base_client import Service

if TYPE_CHECKING:
    from skaha.models import Capability

__all__ = ["Overview"]


class Overview(Service):
    """What the service says of itself; no credentials are needed.

    Constructed like `skaha.client.SkahaClient`; see there for the arguments.

    Example:
        >>> from skaha import Overview
        >>> with Overview(server="local") as overview:
        ...     print(overview.availability())
        True
    """

    def availability(self) -> bool:
        """Ask whether the service is available.

        Returns:
            What the service says of itself.

        Raises:
            skaha.errors.AnswerError: If it says neither.

        Example:
            >>> from skaha import Overview
            >>> overview = Overview(server="local")
            >>> overview.availability()
            True
        """
        request = _requests.get_availability()
        return self._send("availability", request, responses.availability, anonymous=True)

    def capabilities(self) -> list[Capability]:
        """Read what the service can do, and where.

        Returns:
            Each capability with its interfaces, in the order of the service. It may name versions
            of the API that the service does not serve any more.

        Raises:
            skaha.errors.AnswerError: If the answer is no capabilities document.

        Example:
            >>> from skaha import Overview
            >>> overview = Overview(server="local")
            >>> standards = [one.standard for one in overview.capabilities()]
            >>> "ivo://ivoa.net/std/VOSI#availability" in standards
            True
        """
        request = _requests.get_capabilities()
        return self._send("capabilities", request, responses.capabilities, anonymous=True)
