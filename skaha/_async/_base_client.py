"""Base of all clients of this variant: requests, fan-out and closing."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Self, TypeVar

import httpx

from skaha._sansio.call_context import call_context, request_context
from skaha._sansio.connection_errors import connection_error
from skaha._sansio.responses import TEXT, invalid_value
from skaha._sansio.tracebacks import remove_frames
from skaha._sansio.user_warnings import warn_user
from skaha._transport._async.concurrency import run_concurrently
from skaha.client import SkahaClient
from skaha.errors import SkahaError
from skaha.results import Outcome, ResultDict, attach_partial

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from skaha._sansio.call_context import RequestContext
    from skaha._sansio.progress import ProgressReporter
    from skaha._transport._async.concurrency import Method

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

# Errors that the generated code raises for a response of another form than the described one.
_PARSE_ERRORS = (AttributeError, KeyError, RecursionError, TypeError, ValueError)
_ID_ALIASES = ("id", "session_id")


class AsyncBaseClient(SkahaClient):
    """Sends single requests and fan-outs, and closes its connections."""

    @contextmanager
    def _request(
        self,
        subject: str,
        *,
        expected: str = TEXT,
        credentials: Literal["required", "optional", "none"] = "required",
        repeatable: bool | None = None,
    ) -> Iterator[RequestContext]:
        """Prepare the call of one endpoint in this block, and convert its errors to ours.

        Args:
            subject: The operation and its session or replica; each error starts with it.
            expected: Description of a valid response, for the error about any other response.
            credentials: Whether the request needs credentials, has them if there are some, or
                has no token.
            repeatable: Whether the request can be sent again safely; `None` decides by its method.

        Yields:
            The context of the request, which keeps the response.

        Raises:
            SkahaError: One of our errors, for any failure of the request.
        """
        try:
            if credentials == "required":
                self._require_credentials()
            options = request_context(
                expected=expected, anonymous=credentials == "none", repeatable=repeatable
            )
            with call_context(self.retry), options as request:
                try:
                    yield request
                except _PARSE_ERRORS as error:
                    if isinstance(error, SkahaError) or request.response is None:
                        raise
                    raise invalid_value() from None
                finally:
                    if request.response is not None and request.date is None:
                        self._has_dates = False
        except SkahaError as error:
            error.subject = subject
            raise
        except httpx.RequestError as error:
            certificate = self._certificate_file
            failure = connection_error(error, certificate.path if certificate else None)
            failure.subject = subject
            if self.server == "local" and isinstance(error, httpx.ConnectError):
                failure.add_note("the embedded platform has ended: the next call starts it again")
            # Its message names the reason, and its frames may hold credentials.
            error.__cause__ = error.__context__ = None
            raise failure from error.with_traceback(None)

    async def _request_many(
        self,
        send: Method[[str], T],
        keys: Sequence[str],
        progress: ProgressReporter | None = None,
        names: Mapping[str, str] | None = None,
    ) -> Outcome[T]:
        """Call `send` for every key, many at once, and keep each value or error by its key.

        Args:
            send: The method to call.
            keys: Session ids or other keys.
            progress: The reporter of the progress.
            names: The names of sessions by id, as far as they are known.
        """
        outcomes: dict[str, T | SkahaError] = {}
        report = progress.add if progress is not None and progress.is_active else None

        async def outcome_of(key: str) -> T | SkahaError:
            try:
                return await send(key)
            except SkahaError as error:
                # A failure is data: its frames would keep the objects of the request in memory.
                remove_frames(error)
                return error

        with call_context(self.retry) as call:
            earlier = call.retries
            try:
                await run_concurrently(
                    outcome_of, keys, self.concurrency, outcomes.__setitem__, report
                )
            except BaseException as stop:
                so_far = Outcome.of(keys, outcomes, call.retries - earlier, names)
                attach_partial(stop, ResultDict(so_far.values, so_far))
                raise
        return Outcome.of(keys, outcomes, call.retries - earlier, names)

    async def aclose(self) -> None:
        """Close the connections. A later call opens new ones.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.aclose()
            >>> async with AsyncSession(server="local") as session:  # closes at its end
            ...     await session.fetch(kind="firefly")
            []
        """
        if self._opened_api is not None:
            await self._opened_api.aclose()

    async def __aenter__(self) -> Self:
        """Return this object. Its connections close at the end of the block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.aclose()


def accepts_id_aliases(method: Method[P, R]) -> Method[P, R]:
    """Let `method` accept its `ids` under the deprecated names `id` and `session_id`."""

    @functools.wraps(method)
    async def wrapper(*args: Any, **kwargs: Any) -> R:
        for alias in _ID_ALIASES:
            if alias in kwargs:
                warn_user(f"{alias}= is deprecated: use ids=", DeprecationWarning)
                if "ids" in kwargs:
                    raise TypeError(f"{alias} and ids, or two aliases, at once")
                kwargs["ids"] = kwargs.pop(alias)
        return await method(*args, **kwargs)

    return wrapper
