# Made from skaha/_async/_http.py by scripts/regenerate.py: edit that one.
"""The httpx client that every request of this colour goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from skaha._answers import is_page, refusal
from skaha._effort import pause_before_next
from skaha._sync._lanes import Lanes
from skaha._sync._work import pause
from skaha._wire import USER_AGENT
from skaha.errors import StatusError

if TYPE_CHECKING:
    from pathlib import Path

    from skaha._wire import Wire

_OVERLOADED = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)


class HTTP(httpx.Client):
    """An httpx client with lanes, that tries again what may be, and raises what was refused."""

    def __init__(self, wire: Wire) -> None:
        """Connect to nothing yet."""
        self._wire = wire
        self._lanes = Lanes(wire.concurrency, self._connect)
        super().__init__(
            base_url=wire.server,
            # The platform does not compress, and what somebody else did may unfold without end.
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            auth=wire.auth,
            timeout=wire.timeout,
            transport=self._lanes,
        )

    def _connect(self) -> httpx.HTTPTransport:
        return httpx.HTTPTransport(
            verify=self._wire.tls,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            proxy=self._wire.proxy,
            trust_env=False,
        )

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send until there is an answer that is a success, or no reason to try again.

        Raises:
            skaha.errors.StatusError: If the platform refused.
            httpx.RequestError: If there was no whole answer.
        """
        request.url = self._wire.at_version(request.url)
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._send_once(request, options)
            except (httpx.RequestError, StatusError) as error:
                seconds = pause_before_next(self._wire.retry, request, attempt, error)
                if seconds is None:
                    raise
            pause(seconds)

    def _send_once(self, request: httpx.Request, options: dict[str, Any]) -> httpx.Response:
        path: Path | None = request.extensions.get("save_to")
        if path is not None:
            options = options | {"stream": True}
        response = super().send(request, **options)
        if not response.is_success:
            response.read()
            if response.status_code in _OVERLOADED:
                self._lanes.narrow()
            # Here, and not where answers are parsed, so that no parser ever sees a refusal.
            raise refusal(response)
        self._lanes.widen()
        if path is not None:
            (response.read() if is_page(response) else _save(response, path))
        return response


def _save(response: httpx.Response, path: Path) -> None:
    """Write the answer to a file, which is replaced when the new one is complete."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            for part in response.iter_bytes():
                file.write(part)
        partial.replace(path)
    finally:
        response.close()
        partial.unlink(missing_ok=True)


def open_for_users(timeout: float) -> httpx.Client:
    """Return a client for the addresses that users open: it has no credentials."""
    return httpx.Client(timeout=timeout, follow_redirects=True)
