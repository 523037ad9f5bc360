"""The token in a file that another program may renew."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from skaha import _atomic_file
from skaha._sansio.user_warnings import warn_user
from skaha._sansio.validation import checked_token
from skaha._transport.connection_settings import RenewableToken
from skaha.errors import CredentialsError, InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

    from skaha.models import SecretText

log = logging.getLogger("skaha")


class TokenFile(RenewableToken):
    """The token in a file: a function that reads the file again when it has changed."""

    def __init__(self, path: Path) -> None:
        """Keep the path. Do not read the file yet."""
        self.path = path
        self._token: SecretText | None = None
        self._signature: object = None

    def __repr__(self) -> str:
        """Return the path, but not the token."""
        return f"TokenFile({str(self.path)!r})"

    def __call__(self) -> str:
        """Return the token.

        If the file cannot be read any more, return the last token: another program may be writing
        the file at this moment.

        Raises:
            CredentialsError: If the file contained no token from the beginning.
        """
        signature = _atomic_file.signature(self.path)
        token = self._token
        if token is None or signature != self._signature:
            try:
                token = self._token = self._read()
            except CredentialsError as error:
                if token is None:
                    raise
                log.warning("%s; the last token in this file is used", error)
            self._signature = signature
        return token

    def renew(self, refused: str) -> str:
        """Read the file again after the platform refused the token `refused`.

        Raises:
            CredentialsError: If the file contains no token.
        """
        del refused
        try:
            self._token = self._read()
        except CredentialsError as error:
            problem = f"the platform refuses the token: {error}"
        else:
            return self._token
        raise CredentialsError(problem)

    def _read(self) -> SecretText:
        try:
            token = checked_token(_atomic_file.read_text(self.path))
        except OSError as error:
            problem = f"{self.path} cannot be read: {error.strerror}"
        except InvalidInputError as error:
            problem = f"{self.path}: {error}"
        else:
            if _atomic_file.is_open_to_others(self.path):
                warn_user(f"others can read the token in {self.path}: chmod 600 {self.path}")
            return token
        raise CredentialsError(problem)
