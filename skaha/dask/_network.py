"""Network of a cluster: an address of the scheduler that the workers can reach."""

from __future__ import annotations

import os

import httpx

from skaha._transport.proxies import is_loopback
from skaha.errors import InvalidInputError

_LOOPBACK = "127.0.0.1"
# The platform sets these variables in its sessions.
_SESSION_VARIABLE, _HOST_VARIABLE = "skaha_sessionid", "skaha_hostname"
_WAYS_OUT = (
    "Run this program in a session of that platform, for example in a notebook. If the workers can "
    "reach this machine, give its address to them with host= or interface="
)


def scheduler_host(server: str) -> str | None:
    """Return the address on which the scheduler listens by default.

    Args:
        server: URL of the platform, or `local`.

    Returns:
        The loopback for a platform on this machine; `None` for all interfaces in a session of the
        platform.

    Raises:
        InvalidInputError: If this program runs elsewhere: its workers could not reach it.
    """
    host = _LOOPBACK if server == "local" else httpx.URL(server).host
    if is_loopback(host):
        return _LOOPBACK
    if not os.environ.get(_SESSION_VARIABLE):
        raise InvalidInputError(
            f"this program does not run in a session of {host}, so the workers there could not "
            f"reach its scheduler. {_WAYS_OUT}"
        )
    own_host = os.environ.get(_HOST_VARIABLE) or host
    if own_host != host:
        raise InvalidInputError(
            f"this program runs in a session of {own_host}, so the workers on {host} could not "
            f"reach its scheduler. {_WAYS_OUT}"
        )
    return None
