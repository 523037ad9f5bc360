"""Credentials: logins, their renewal, and the servers that accept them.

The names below are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skaha._lazy import importing

if TYPE_CHECKING:
    from skaha._credentials.jwt import token_expiry
    from skaha._credentials.oidc import DeviceCode
    from skaha._credentials.token import LoginToken
    from skaha.auth._device_login import show_code
    from skaha.auth._login import Login, login, logout
    from skaha.config._discovery import discover, server_url
    from skaha.config._sites import Server, known_servers

__all__ = [
    "DeviceCode",
    "Login",
    "LoginToken",
    "Server",
    "discover",
    "known_servers",
    "login",
    "logout",
    "server_url",
    "show_code",
    "token_expiry",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = importing(
        __name__,
        {
            "DeviceCode": "skaha._credentials.oidc",
            "Login": "skaha.auth._login",
            "LoginToken": "skaha._credentials.token",
            "Server": "skaha.config._sites",
            "discover": "skaha.config._discovery",
            "known_servers": "skaha.config._sites",
            "login": "skaha.auth._login",
            "logout": "skaha.auth._login",
            "server_url": "skaha.config._discovery",
            "show_code": "skaha.auth._device_login",
            "token_expiry": "skaha._credentials.jwt",
        },
    )
