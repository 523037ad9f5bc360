"""The health of the service itself."""

from skaha._async.overview import AsyncOverview
from skaha._sync.overview import Overview

__all__ = ["AsyncOverview", "Overview"]
