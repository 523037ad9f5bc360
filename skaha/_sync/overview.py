# Made from skaha/_async/overview.py by scripts/regenerate.py: edit that one.
"""The health of the service itself."""

from __future__ import annotations

from skaha import _answers, _requests
from skaha._sync._service import Service

__all__ = ["Overview"]


class Overview(Service):
    """What the service says of itself; no credentials are needed.

    Constructed like `skaha.client.SkahaClient`; see there for the arguments.
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
        answer = self._send("availability", _requests.get_availability(), anonymous=True)
        return _answers.availability(answer)
