"""What one session may ask for."""

from skaha._async.context import AsyncContext
from skaha._sync.context import Context

__all__ = ["AsyncContext", "Context"]
