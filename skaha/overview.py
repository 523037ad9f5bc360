"""The health of the service itself.

Each variant is imported when it is first used.
"""

from typing import TYPE_CHECKING

from skaha._lazy import importing

if TYPE_CHECKING:
    from skaha._async.overview import AsyncOverview
    from skaha._sync.overview import Overview

__all__ = ["AsyncOverview", "Overview"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = importing(
        __name__, {"AsyncOverview": "skaha._async.overview", "Overview": "skaha._sync.overview"}
    )
