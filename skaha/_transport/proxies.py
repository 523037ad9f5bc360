"""Proxies of the environment: the same rules for every request of this library."""

from __future__ import annotations

import ipaddress
import os
import re
import urllib.request

import httpx
from attrs import field, frozen

from skaha.errors import InvalidInputError

_DEFAULT_PORTS = {"http": 80, "https": 443}


@frozen
class Proxy:
    """A proxy of the environment.

    Attributes:
        url: Its URL, without credentials.
        setting: The name of the environment variable, for messages.
        credentials: Its user and password.
    """

    url: str
    setting: str
    credentials: tuple[bytes, bytes] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Return the name of the proxy in messages."""
        return f"the proxy {self.url} of {self.setting}"


def proxy_of_environment(url: httpx.URL) -> Proxy | None:
    """Return the proxy for a server; `None` for a direct connection.

    Raises:
        InvalidInputError: If the environment names a proxy that cannot be used.
    """
    # The password of a proxy must not be in a frame of the traceback.
    proxy = _find_proxy(url)
    if isinstance(proxy, str):
        raise InvalidInputError(proxy)
    return proxy


def _find_proxy(url: httpx.URL) -> Proxy | str | None:
    """Return the proxy for a server, `None`, or the message about a proxy that cannot be used."""
    # If there are no variables, macOS and Windows have settings of the system.
    proxies = urllib.request.getproxies()
    kind = url.scheme if proxies.get(url.scheme) else "all"
    text = proxies.get(kind)
    # Plain http to this machine is allowed because nobody can read it on the way. A proxy could.
    if not text or is_loopback(url.host) or _is_excepted(url, proxies.get("no", "")):
        return None
    setting = _setting(kind)
    # Like the standard library, accept a host without a scheme.
    try:
        parsed = httpx.URL(text if "://" in text else f"http://{text}")
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme and parsed.host and parsed.scheme not in _DEFAULT_PORTS:
        return (
            f"{setting} names a proxy by {parsed.scheme}, which is not supported: name a proxy "
            f"like http://proxy.example.org:3128, or add {url.host} to NO_PROXY to connect without "
            "a proxy"
        )
    if not parsed.scheme or not parsed.host:
        return (
            f"{setting} is not the URL of a proxy, like http://proxy.example.org:3128; special "
            "characters in a user or password are written as %40"
        )
    credentials = None
    if parsed.userinfo:
        credentials = parsed.username.encode(), parsed.password.encode()
    return Proxy(str(parsed.copy_with(username=None, password=None)), setting, credentials)


def _setting(kind: str) -> str:
    for name in (f"{kind}_proxy", f"{kind}_proxy".upper()):
        if os.environ.get(name):
            return name
    return "the settings of the system"


def _is_excepted(url: httpx.URL, no_proxy: str) -> bool:
    """Return whether `NO_PROXY` contains a server.

    An entry is `*`, a host, a domain, an IP address or a network. It may end in a port.
    """
    host, port = url.host.lower().rstrip("."), url.port or _DEFAULT_PORTS.get(url.scheme)
    for entry in re.split(r"[\s,]+", no_proxy.lower()):
        name, entry_port = entry, ""
        # An IPv6 address with a port is in brackets.
        if entry.count(":") == 1 or "]:" in entry:
            name, _, entry_port = entry.rpartition(":")
        if entry_port in ("", str(port)) and _contains(re.sub(r"[\[\]]", "", name), host):
            return True
    # If there are no variables, the settings of the system contain the exceptions.
    return not no_proxy and bool(urllib.request.proxy_bypass(host))


def _contains(name: str, host: str) -> bool:
    """Return whether an entry of `NO_PROXY`, without its port and brackets, contains a host."""
    if name == "*":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        domain = name.removeprefix("*").strip(".")
        return bool(domain) and f".{host}".endswith(f".{domain}")
    try:
        return address in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
