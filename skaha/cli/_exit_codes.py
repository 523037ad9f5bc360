"""Exit codes, and the exit code of each error."""

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

# The `code` of an error in JSON, by exit code.
JSON_CODES = {
    FAILED: "failed",
    USAGE: "usage",
    CREDENTIALS: "credentials",
    NOT_FOUND: "not_found",
    TIMED_OUT: "timed_out",
    INTERRUPTED: "interrupted",
}


def json_code(error: BaseException) -> str:
    """Return the `code` in JSON of an item that failed."""
    from skaha import errors

    if isinstance(error, errors.FailedSessionError):
        return "session_failed"
    return JSON_CODES[exit_code(error)]


def exit_code(error: BaseException) -> int:
    """Return the exit code of a command that failed with one error."""
    # A late import for the start-up time: it imports httpx.
    from skaha import errors

    # An ingress also answers 404, which says nothing about a session.
    if isinstance(error, errors.NotFoundError) and error.concerns_platform:
        return FAILED
    refusals = errors.CredentialsError, errors.AuthenticationError, errors.PermissionDeniedError
    classes: list[tuple[int, type[BaseException] | tuple[type[BaseException], ...]]] = [
        (INTERRUPTED, KeyboardInterrupt),
        # An unusable token file is an error of the configuration, too.
        (CREDENTIALS, refusals),
        (USAGE, errors.InvalidInputError),
        (NOT_FOUND, (errors.NotFoundError, errors.NoSuchSessionError)),
        (TIMED_OUT, TimeoutError),
    ]
    return next((code for code, error_class in classes if isinstance(error, error_class)), FAILED)


def common_exit_code(errors: Collection[BaseException], *, any_done: bool) -> int:
    """Return the exit code of a command with many items.

    Args:
        errors: The errors of the items that failed.
        any_done: Whether any item succeeded.
    """
    if not errors:
        return DONE
    codes = {exit_code(error) for error in errors}
    if any_done:
        return PARTLY
    return codes.pop() if len(codes) == 1 else FAILED
