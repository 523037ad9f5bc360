"""Network backend of the sync variant: the blocking sockets of httpcore.

This file and its async counterpart are written by hand, because they hold the differences.
"""

from httpcore import SyncBackend as Backend

__all__ = ["Backend"]
