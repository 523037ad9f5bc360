"""Warnings that point to the user's code."""

from __future__ import annotations

import inspect
import warnings

from skaha._sansio.tracebacks import is_own


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called this library.

    Python 3.12 can skip the files of a package by itself; Python 3.11 cannot.
    """
    level, frame = 1, inspect.currentframe()
    while frame is not None and is_own(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
