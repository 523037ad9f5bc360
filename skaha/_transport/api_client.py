"""The generated client, with this library's credentials, connections and errors."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self, TypeVar

import httpx
from attrs import define, field

from skaha_api import Client

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from skaha._transport.connection_settings import Wire

C = TypeVar("C", httpx.Client, httpx.AsyncClient)


@define(eq=False)
class Api(Client):
    """A generated client that any endpoint of `skaha_api` takes, in both colours.

    It serves many threads, many event loops one after another or at once, and child processes:
    each process and each loop gets connections of its own.
    """

    _wire: Wire = field(kw_only=True, alias="wire")
    _clients: dict[int, httpx.Client] = field(init=False, factory=dict, repr=False)
    _async_clients: dict[AbstractEventLoop, httpx.AsyncClient] = field(
        init=False, factory=dict, repr=False
    )

    def get_httpx_client(self) -> httpx.Client:
        """Return this process's client."""
        from skaha._transport._sync.client import HTTP

        # A connection inherited through a fork is shared with the parent, and must never be used.
        # What `setdefault` loses to another thread has not connected yet.
        client = self._clients.get(os.getpid())
        if client is None:
            client = self._clients.setdefault(os.getpid(), self._configured(HTTP(self._wire)))
        return client

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Return the running event loop's client."""
        from asyncio import get_running_loop

        from skaha._transport._async.client import AsyncHTTP

        loop = get_running_loop()
        client = self._async_clients.get(loop)
        if client is None:
            for ended in [known for known in list(self._async_clients) if known.is_closed()]:
                self._async_clients.pop(ended, None)
            client = self._async_clients[loop] = self._configured(AsyncHTTP(self._wire))
        return client

    def _configured(self, client: C) -> C:
        client.headers.update(self._headers)
        client.cookies.update(self._cookies)
        if self._timeout is not None:
            client.timeout = self._timeout
        return client

    def close(self) -> None:
        """Close this process's connections; a later request opens new ones."""
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Close the running event loop's connections; a later request opens new ones."""
        from asyncio import get_running_loop

        client = self._async_clients.pop(get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def __enter__(self) -> Self:
        """Return this client, whose connections close at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close this process's connections; a later request opens new ones."""
        self.close()

    async def __aenter__(self) -> Self:
        """Return this client, whose connections close at the end of the block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the running event loop's connections; a later request opens new ones."""
        await self.aclose()
