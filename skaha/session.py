"""Sessions: launch them, look at them, end them.

Each variant is imported when it is first used.
"""

from typing import TYPE_CHECKING

from skaha._lazy import importing

if TYPE_CHECKING:
    from skaha._async.session import AsyncSession
    from skaha._sync.session import Session

__all__ = ["AsyncSession", "Session"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = importing(
        __name__, {"AsyncSession": "skaha._async.session", "Session": "skaha._sync.session"}
    )
