"""The response that a generated endpoint receives."""

from __future__ import annotations

from typing import Any

import httpx


class PlatformResponse(httpx.Response):
    """A response that parses its JSON once, because an endpoint and the facade both read it."""

    _value: Any
    _is_parsed = False

    def json(self, **options: Any) -> Any:
        """Return the parsed JSON.

        Raises:
            ValueError: If the body is no JSON.
        """
        if options or not self._is_parsed:
            self._value = super().json(**options)
            self._is_parsed = not options
        return self._value
