"""How every class of this colour talks to the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from skaha._answers import connection_failure
from skaha._async._work import each
from skaha.client import SkahaClient
from skaha.errors import SkahaError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from skaha._async._work import Method

T = TypeVar("T")


class AsyncService(SkahaClient):
    """Sends requests, one or many at once, and closes what it opened."""

    async def _send(
        self, subject: str, request: dict[str, Any], *, anonymous: bool = False
    ) -> httpx.Response:
        try:
            if not anonymous:
                self._require_credentials()
            return await self.api.get_async_httpx_client().request(**request)
        except SkahaError as error:
            error.subject = subject
            raise
        except httpx.RequestError as error:
            failure = connection_failure(error)
            failure.subject = subject
            raise failure from error

    async def _send_many(
        self, send: Method[[str], T], keys: Sequence[str]
    ) -> tuple[dict[str, T], dict[str, SkahaError]]:
        """Return what succeeded and what failed, by key, each in the order of `keys`."""
        outcomes: dict[str, T | SkahaError] = {}

        async def outcome(key: str) -> T | SkahaError:
            try:
                return await send(key)
            except SkahaError as error:
                return error

        await each(outcome, keys, self.concurrency, outcomes.__setitem__)
        values: dict[str, T] = {}
        failures: dict[str, SkahaError] = {}
        for key in keys:
            found = outcomes[key]
            if isinstance(found, SkahaError):
                failures[key] = found
            else:
                values[key] = found
        return values, failures

    async def aclose(self) -> None:
        """Close the connections; a later call opens new ones."""
        await self.api.aclose()

    async def __aenter__(self) -> Self:
        """Return this object, to be closed at the end of the block."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections."""
        await self.aclose()
