"""The container images that a platform offers."""

from skaha._async.images import AsyncImages
from skaha._sync.images import Images

__all__ = ["AsyncImages", "Images"]
