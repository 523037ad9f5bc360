"""The response that a generated endpoint receives."""

from __future__ import annotations

from typing import Any

import httpx

# Bytes of JSON whose objects fit into memory: empty objects need 150 times as much. The record of a
# session has 700 bytes.
_MAX_JSON_BYTES = 32 * 2**20


class PlatformResponse(httpx.Response):
    """A response that parses its JSON once, because an endpoint and the facade both read it."""

    _value: Any
    _is_parsed = False

    def json(self, **options: Any) -> Any:
        """Return the parsed JSON.

        Raises:
            ValueError: If the body is no JSON, or has more than 32 MiB.
        """
        if len(self.content) > _MAX_JSON_BYTES:
            raise ValueError("the JSON is too large")
        if options or not self._is_parsed:
            self._value = super().json(**options)
            self._is_parsed = not options
        return self._value
