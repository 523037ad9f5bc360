"""Proxy rules: which proxy of the environment a server is reached through."""

from __future__ import annotations

import ipaddress
import urllib.request

import httpx

from skaha.errors import InvalidInputError


def proxy_of_environment(url: httpx.URL) -> tuple[str | None, tuple[str, str] | None]:
    """Return the URL of the proxy for a server and the credentials for the proxy.

    Raises:
        InvalidInputError: If the environment names a proxy of an unsupported kind.
    """
    proxies = urllib.request.getproxies()
    proxy_url = proxies.get(url.scheme) or proxies.get("all")
    # Plain http to this machine is allowed because it cannot be read on the way. A proxy could.
    if proxy_url is None or is_loopback(url.host) or urllib.request.proxy_bypass(url.host):
        return None, None
    # Like the standard library, accept a host without a scheme.
    proxy = httpx.URL(proxy_url if "://" in proxy_url else f"http://{proxy_url}")
    if proxy.scheme not in ("http", "https"):
        raise InvalidInputError(
            f"the environment names a proxy by {proxy.scheme}, which is not supported: use an http "
            "proxy, or no_proxy"
        )
    credentials = (proxy.username, proxy.password) if proxy.username else None
    return str(proxy.copy_with(username=None, password=None)), credentials


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
