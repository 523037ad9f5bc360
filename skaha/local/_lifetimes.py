"""Lifetimes of sessions and retention times of their records, in seconds."""

from skaha.local._options import Options

_HOUR = 3600.0
_DAY = 24 * _HOUR


def lifetime(options: Options, kind: str) -> float:
    """Return the time from the start of a session to its expiry."""
    return options.time_scale * (14 * _DAY if kind == "headless" else 4 * _DAY)


def renewed_lifetime(options: Options) -> float:
    """Return the time from a renewal to the expiry; it is the same for every kind of session."""
    return options.time_scale * 4 * _DAY


def retention(options: Options, kind: str) -> float:
    """Return the time that a finished session stays listed."""
    return options.time_scale * (_HOUR if kind == "headless" else _DAY)


def event_retention(options: Options) -> float:
    """Return the time that the platform keeps an event."""
    return options.time_scale * _HOUR
