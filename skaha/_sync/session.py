# Made from skaha/_async/session.py by scripts/regenerate.py: edit that one.
"""Sessions: launch them, look at them, end them."""

from __future__ import annotations

from skaha._sync._launching import Launching
from skaha._sync._waiting import Waiting

__all__ = ["Session"]


class Session(Launching, Waiting):
    """The caller's sessions on a platform.

    Constructed like `skaha.client.SkahaClient`; see there for the arguments.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> ids = session.create("hello", "images.canfar.net/skaha/terminal:1.1.2", cmd="env")
        >>> len(ids)
        1
        >>> session.destroy(ids) == {ids[0]: True}
        True
        >>> session.close()
    """
