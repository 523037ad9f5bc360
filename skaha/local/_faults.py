"""What a test may have go wrong, read anew from a file whenever that changes."""

import json
from pathlib import Path
from typing import Any

from attrs import field, fields, frozen

from skaha.local._address import PlatformError


def _numbers(given: Any) -> tuple[int, ...]:
    return tuple(int(number) for number in given)


@frozen(kw_only=True)
class Faults:
    """The ways in which a platform can be a bad day's platform; by default it is a good day's.

    Attributes:
        delay: Seconds before every answer.
        create_delay: Further seconds that each create takes.
        unavailable: How many of the next requests are answered with 503.
        retry_after: What those say about when to come back, in seconds.
        broken: How many of the next requests are answered with 500 and a Java exception.
        refused_creates: Which creates (from 1, of the acceptable ones) are answered with 500.
        phantom_creates: Which creates answer with the id of a session that will never exist.
        log_rate: Bytes a second at which logs trickle; None means as fast as they can.
        stuck: Sessions whose name begins so stay `Pending` as their image cannot be pulled.
        flap: Seconds after which a running interactive session turns unready, and back; None
            means never.
    """

    delay: float = field(default=0.0, converter=float)
    create_delay: float = field(default=0.0, converter=float)
    unavailable: int = field(default=0, converter=int)
    retry_after: int = field(default=30, converter=int)
    broken: int = field(default=0, converter=int)
    refused_creates: tuple[int, ...] = field(default=(), converter=_numbers)
    phantom_creates: tuple[int, ...] = field(default=(), converter=_numbers)
    log_rate: float | None = None
    stuck: str | None = None
    flap: float | None = None

    @classmethod
    def read(cls, text: str) -> "Faults":
        """Read faults as JSON.

        Raises:
            PlatformError: They are none.
        """
        known = ", ".join(attribute.name for attribute in fields(cls))
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise PlatformError(f"these are no faults: {error}; there are {known}") from error


class Switches:
    """The faults that are switched on now, and how often each has struck since they were."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._stamp: object = None
        self._faults = Faults()
        self._struck: dict[str, int] = {}
        if file is not None:
            self._look(file)

    @property
    def faults(self) -> Faults:
        """The faults that the file asks for now."""
        if self._file is not None:
            self._look(self._file)
        return self._faults

    def strikes(self, name: str, times: int) -> bool:
        """Return whether a fault that strikes so many times strikes now."""
        return self.count(name) <= times

    def count(self, name: str) -> int:
        """Count an occasion; return how many there were since the switches were last set."""
        self._struck[name] = self._struck.get(name, 0) + 1
        return self._struck[name]

    def _look(self, file: Path) -> None:
        try:
            found = file.stat()
        except FileNotFoundError:
            found = None
        stamp = found and (found.st_ino, found.st_mtime_ns, found.st_size)
        if stamp != self._stamp:
            faults = Faults() if found is None else Faults.read(file.read_text())
            self._faults, self._stamp, self._struck = faults, stamp, {}
