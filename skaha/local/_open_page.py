"""Open the page with the sessions in a browser of this machine."""

import http.client
import json
import os
import sys
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from skaha.local import _daemon
from skaha.local._errors import PlatformError
from skaha.local._models import Address, Page

_RESPONSE_TIMEOUT = 5.0


def open_page(root: Path | None, *, browser: bool) -> Page:
    """Start the platform if it does not run, and open its page.

    Args:
        root: The state directory.
        browser: Whether to open a browser.

    Raises:
        PlatformError: The platform does not start or does not respond, or it has no page.
    """
    address = _daemon.find_or_start(root, None)
    code, seconds = _request_code(address)
    url = f"http://{urlsplit(address.url).netloc}/page/#{code}"
    return Page(url, seconds, opened=browser and _open_browser(url))


def _request_code(address: Address) -> tuple[str, float]:
    """Return a one-time code, and the seconds of its validity."""
    response = _post(address, "/page/codes")
    # Raise outside of the handler: the frames of the inner error contain the token.
    if isinstance(response, str):
        raise PlatformError(f"the platform does not respond: {response}; try again")
    status, reason, content = response
    if status == HTTPStatus.NOT_FOUND:
        raise PlatformError(
            "the running platform has no page, because an older version of skaha started it: stop"
            " it with `python -m skaha.local stop`, which ends its sessions, and try again"
        )
    if status != HTTPStatus.CREATED:
        raise PlatformError(
            f"the platform gives no code for its page ({status} {reason}): try again"
        )
    code = json.loads(content)
    return code["code"], code["seconds"]


def _post(address: Address, path: str) -> tuple[int, str, bytes] | str:
    """Send the token; return the status, its reason and the content, or why there is none."""
    connection = http.client.HTTPConnection(urlsplit(address.url).netloc, timeout=_RESPONSE_TIMEOUT)
    try:
        connection.request("POST", path, headers={"Authorization": f"Bearer {address.token}"})
        response = connection.getresponse()
        return response.status, response.reason, response.read()
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    finally:
        connection.close()


def _open_browser(url: str) -> bool:
    """Open a URL in a graphical browser; return whether there is such a browser."""
    import webbrowser

    is_chosen = bool(os.environ.get("BROWSER"))
    if not is_chosen and not _has_display():
        return False
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    # Without a graphical browser, the standard library starts a browser for terminals: it would
    # take the terminal, and it runs no JavaScript.
    if not is_chosen and type(browser) is webbrowser.GenericBrowser:
        return False
    return browser.open(url)


def _has_display() -> bool:
    if sys.platform == "darwin":
        # Through ssh, the browser would open on a screen far away.
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
