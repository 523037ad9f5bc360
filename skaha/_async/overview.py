"""The health of the service itself."""

from __future__ import annotations

from skaha import _answers, _requests
from skaha._async._service import AsyncService

__all__ = ["AsyncOverview"]


class AsyncOverview(AsyncService):
    """What the service says of itself; no credentials are needed.

    Constructed like `skaha.client.SkahaClient`; see there for the arguments.
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
        answer = await self._send("availability", _requests.get_availability(), anonymous=True)
        return _answers.availability(answer)
