"""The exit codes, and which error has which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
PARTLY: Final = 3
CREDENTIALS: Final = 4
NOT_FOUND: Final = 5
TIMED_OUT: Final = 124
INTERRUPTED: Final = 130

WORDS = {
    FAILED: "failed",
    USAGE: "usage",
    CREDENTIALS: "credentials",
    NOT_FOUND: "not_found",
    TIMED_OUT: "timed_out",
    INTERRUPTED: "interrupted",
}


def code_of(error: BaseException) -> int:
    """Return the exit code of a command that failed for this reason alone."""
    # Only now: a command that succeeds may never need it.
    from skaha import errors

    refused = errors.CredentialsError, errors.AuthenticationError, errors.PermissionDeniedError
    kinds: list[tuple[int, type[BaseException] | tuple[type[BaseException], ...]]] = [
        (INTERRUPTED, KeyboardInterrupt),
        (USAGE, errors.InvalidInputError),
        (CREDENTIALS, refused),
        (NOT_FOUND, (errors.NotFoundError, NoSuchSessionError)),
        (TIMED_OUT, TimeoutError),
    ]
    return next((code for code, kind in kinds if isinstance(error, kind)), FAILED)


def code_of_all(errors: Collection[BaseException], *, any_done: bool) -> int:
    """Return the exit code of a command with many items."""
    if not errors:
        return DONE
    codes = {code_of(error) for error in errors}
    if any_done:
        return PARTLY
    return codes.pop() if len(codes) == 1 else FAILED


class NoSuchSessionError(Exception):
    """No session has this name or id."""
