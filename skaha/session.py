"""Sessions: launch them, look at them, end them."""

from skaha._async.session import AsyncSession
from skaha._sync.session import Session

__all__ = ["AsyncSession", "Session"]
