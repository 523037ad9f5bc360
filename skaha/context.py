"""Resources that a session may have.

Each variant is imported when it is first used.
"""

from typing import TYPE_CHECKING

from skaha._lazy import importing

if TYPE_CHECKING:
    from skaha._async.context import AsyncContext
    from skaha._sync.context import Context

__all__ = ["AsyncContext", "Context"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = importing(
        __name__, {"AsyncContext": "skaha._async.context", "Context": "skaha._sync.context"}
    )
