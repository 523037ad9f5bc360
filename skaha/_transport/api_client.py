"""The generated client with the credentials, connections and errors of this library."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Self, TypeVar

from attrs import define, field

from skaha_api import Client

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncGenerator

    import httpx

    from skaha._transport._async.client import AsyncPlatformClient
    from skaha._transport._sync.client import PlatformClient
    from skaha._transport.connection_settings import ConnectionSettings

C = TypeVar("C", bound="httpx.Client | httpx.AsyncClient")


@define(eq=False)
class Api(Client):
    """A generated client for any endpoint of `skaha_api`, sync or async.

    It can be used by several threads, by several event loops and in child processes: each process
    and each event loop gets its own connections.
    """

    _settings: ConnectionSettings = field(kw_only=True, alias="settings", repr=False)
    _clients: dict[int, PlatformClient] = field(init=False, factory=dict, repr=False)
    _async_clients: dict[
        AbstractEventLoop, tuple[AsyncPlatformClient, AsyncGenerator[None, None]]
    ] = field(init=False, factory=dict, repr=False)

    def get_httpx_client(self) -> PlatformClient:
        """Return the httpx client of this process."""
        from skaha._transport._sync.client import PlatformClient

        # A child process must never use a connection that it shares with its parent.
        # A client that `setdefault` drops, because another thread was faster, is not connected yet.
        client = self._clients.get(os.getpid())
        if client is None:
            new = self._configured(PlatformClient(self._settings))
            client = self._clients.setdefault(os.getpid(), new)
        return client

    def get_async_httpx_client(self) -> AsyncPlatformClient:
        """Return the httpx client of the running event loop.

        Raises:
            skaha.errors.EventLoopError: If no event loop of asyncio is running.
        """
        from skaha._transport._async.client import AsyncPlatformClient
        from skaha._transport._async.concurrency import running_loop

        loop = running_loop()
        client, _ = self._async_clients.get(loop, (None, None))
        if client is None:
            for known_loop in list(self._async_clients):
                if known_loop.is_closed():
                    self._async_clients.pop(known_loop, None)
            client = self._configured(AsyncPlatformClient(self._settings))
            closing = _close_with_loop(client)
            # Begin it. It does not wait for anything.
            with suppress(StopIteration):
                closing.asend(None).send(None)
            self._async_clients[loop] = client, closing
        return client

    @property
    def was_refused(self) -> bool:
        """Whether a connection was refused since the construction."""
        return self._settings.was_refused

    def _configured(self, client: C) -> C:
        client.headers.update(self._headers)
        client.cookies.update(self._cookies)
        if self._timeout is not None:
            client.timeout = self._timeout
        return client

    def close(self) -> None:
        """Close the connections of this process. A later request opens new ones."""
        client = self._clients.get(os.getpid())
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Close the connections of the running event loop. A later request opens new ones."""
        from skaha._transport._async.concurrency import running_loop

        # Without connections there may be no event loop, either.
        if self._async_clients and (known := self._async_clients.get(running_loop())):
            await known[0].aclose()

    def __enter__(self) -> Self:
        """Return this client. Its connections close at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections of this process."""
        self.close()

    async def __aenter__(self) -> Self:
        """Return this client. Its connections close at the end of the block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections of the running event loop."""
        await self.aclose()


async def _close_with_loop(client: AsyncPlatformClient) -> AsyncGenerator[None, None]:
    """Close the connections of an event loop at its end: a loop closes its async generators.

    Otherwise they stay open until the garbage collection, and a program that runs one loop after
    another could run out of file descriptors.
    """
    try:
        yield
    finally:
        await client.aclose()
