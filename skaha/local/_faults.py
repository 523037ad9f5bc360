"""Faults that a test injects: their names, and the file that sets them."""

import json
import math
from pathlib import Path
from typing import Any

from attrs import converters, field, fields, frozen

from skaha.local._errors import PlatformError


def _number(value: Any) -> float:
    number = float(value)
    if not 0 <= number < math.inf:
        raise ValueError(f"{value} is not a number, 0 or more")
    return number


def _numbers(values: Any) -> tuple[int, ...]:
    return tuple(int(number) for number in values)


@frozen(kw_only=True)
class Faults:
    """The faults to inject; by default there are none.

    Attributes:
        delay: Seconds before every response.
        create_delay: Additional seconds for each create. Creates in this time do not see each
            other, so together they can exceed the limit of interactive sessions.
        end_delay: Seconds that each session is `Pending` between the end of its command and its
            final status. A real server counts the running and the finished pods at different times.
        unavailable: The number of next requests that get a 503.
        retry_after: The `Retry-After` header of these responses, in seconds.
        broken: The number of next requests that get a 500 with a Java exception.
        refused_creates: The numbers of the creates that get a 500. Only acceptable creates count,
            from 1.
        phantom_creates: The numbers of the creates that return the id of a session that never
            exists.
        log_rate: The speed of log responses in bytes per second; `None` means no limit.
        stuck: The beginning of the names of sessions that stay `Pending`: their image cannot be
            pulled.
        flap: The time in seconds after which a running interactive session changes between
            `Running` and `Pending`; `None` means never.
    """

    delay: float = field(default=0.0, converter=_number)
    create_delay: float = field(default=0.0, converter=_number)
    end_delay: float = field(default=0.0, converter=_number)
    unavailable: int = field(default=0, converter=int)
    retry_after: int = field(default=30, converter=int)
    broken: int = field(default=0, converter=int)
    refused_creates: tuple[int, ...] = field(default=(), converter=_numbers)
    phantom_creates: tuple[int, ...] = field(default=(), converter=_numbers)
    log_rate: float | None = field(default=None, converter=converters.optional(_number))
    stuck: str | None = field(default=None, converter=converters.optional(str))
    flap: float | None = field(default=None, converter=converters.optional(_number))

    @classmethod
    def from_json(cls, text: str) -> "Faults":
        """Read faults from JSON.

        Raises:
            PlatformError: The text is not JSON, or contains an unknown name or a wrong value.
        """
        names = ", ".join(attribute.name for attribute in fields(cls))
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError, OverflowError) as error:
            raise PlatformError(f"invalid faults: {error}; allowed are {names}") from error


class FaultInjector:
    """The current faults, and counters since they were set.

    The file of the faults is read again after each change, which also resets the counters.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._file_version: object = None
        self._faults = Faults()
        self._counts: dict[str, int] = {}
        if file is not None:
            self._reload(file)

    @property
    def faults(self) -> Faults:
        """The faults that the file sets now."""
        if self._file is not None:
            self._reload(self._file)
        return self._faults

    def should_inject(self, name: str, times: int) -> bool:
        """Count an occasion of a fault; return whether it is one of the first `times`."""
        return self.count(name) <= times

    def count(self, name: str) -> int:
        """Count an occasion; return the number of occasions since the faults were set."""
        self._counts[name] = self._counts.get(name, 0) + 1
        return self._counts[name]

    def _reload(self, file: Path) -> None:
        try:
            status = file.stat()
            version: object = (status.st_ino, status.st_mtime_ns, status.st_size)
            if version == self._file_version:
                return
            faults = Faults.from_json(file.read_text())
        except FileNotFoundError:
            faults, version = Faults(), None
        except (OSError, UnicodeDecodeError) as error:
            raise PlatformError(f"the file of the faults cannot be read: {error}") from error
        if version != self._file_version:
            self._faults, self._file_version, self._counts = faults, version, {}
