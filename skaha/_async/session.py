"""Sessions: launch them, look at them, end them."""

from __future__ import annotations

from skaha._async._launching import AsyncLaunching
from skaha._async._waiting import AsyncWaiting

__all__ = ["AsyncSession"]


class AsyncSession(AsyncLaunching, AsyncWaiting):
    """The caller's sessions on a platform.

    Constructed like `skaha.client.SkahaClient`; see there for the arguments.

    Example:
        >>> from skaha import AsyncSession
        >>> session = AsyncSession(server="local")
        >>> ids = await session.create("hello", "images.canfar.net/skaha/terminal:1.1.2", cmd="env")
        >>> len(ids)
        1
        >>> await session.destroy(ids) == {ids[0]: True}
        True
        >>> await session.aclose()
    """
