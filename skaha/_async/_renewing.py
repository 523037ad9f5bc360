"""Extending the life of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skaha import _requests
from skaha._async._base_client import AsyncService
from skaha._async._spelling import also_as_id
from skaha._sansio import responses, validation
from skaha._sansio.progress import Tally
from skaha.results import ResultDict, settled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skaha.models import Progress


class AsyncRenewing(AsyncService):
    """The part of a session class that extends lives."""

    @also_as_id
    async def renew(
        self, ids: str | Sequence[str], *, progress: Progress | None = None
    ) -> ResultDict[bool]:
        """Extend the life of sessions to one full lifetime from now.

        The platform leaves an expiry alone that is later already: that of a fresh headless session,
        for example. `skaha.records.time_left` tells what is left.

        Args:
            ids: One id or several.
            progress: Called with how many are done, and how many there are.

        Returns:
            Whether the platform took each, by id, in the order of `ids`; `False` for what is not
            active. `failures` says why.

        Raises:
            skaha.errors.InvalidInputError: If one of `ids` cannot be an id.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.renew("hjko98yg")
            {'hjko98yg': False}
        """
        wanted = validation.check_ids(ids)

        async def extend(session_id: str) -> bool:
            request = _requests.renew_session(session_id)
            subject = f"renewal of {session_id}"
            await self._send(subject, request, responses.plain_text, repeatable=True)
            return True

        done = await self._send_many(extend, wanted, Tally(progress, len(wanted)))
        return settled(ResultDict({key: key in done.values for key in wanted}, done), done)
