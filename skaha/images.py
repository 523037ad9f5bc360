"""The container images that a platform offers.

Each variant is imported when it is first used.
"""

from typing import TYPE_CHECKING

from skaha._lazy import importing

if TYPE_CHECKING:
    from skaha._async.images import AsyncImages
    from skaha._sync.images import Images

__all__ = ["AsyncImages", "Images"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = importing(
        __name__, {"AsyncImages": "skaha._async.images", "Images": "skaha._sync.images"}
    )
