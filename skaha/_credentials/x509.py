"""X.509 proxy certificates: period of validity, checks before use, and use in connections."""

from __future__ import annotations

import logging
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path


from skaha import _atomic_file
from skaha._sansio.user_warnings import warn_user
from skaha._transport.connection_settings import tls_context
from skaha.errors import CredentialsError
from skaha.models import SecretText

log = logging.getLogger("skaha")

_SOON = timedelta(days=1)
_WHAT_TO_DO = "get a new one with `skaha login`"
_SEQUENCE, _VERSION = 0x30, 0xA0


def default_path() -> Path:
    """Return the path where clients look for a certificate by default.

    Raises:
        CredentialsError: If there is no home directory.
    """
    try:
        return Path.home() / ".ssl" / "cadcproxy.pem"
    except RuntimeError:
        raise CredentialsError("there is no home directory: give the path of a file") from None


class CertificateFile:
    """A certificate file for one server, which is read again when it has changed."""

    def __init__(self, path: Path, server: str) -> None:
        """Keep the path and the URL of the server. Do not read the file yet."""
        self.path = path
        self._server = server
        self._signature: object = None
        self._context: ssl.SSLContext | None = None
        self._end = datetime.max.replace(tzinfo=UTC)

    def context(self) -> ssl.SSLContext:
        """Return the TLS context for a new connection.

        If the file cannot be read any more, return the last context: another program may be writing
        the file at this moment.

        Raises:
            CredentialsError: If there is no certificate that is valid now.
        """
        signature = _atomic_file.signature(self.path)
        context = self._context
        if context is None or signature != self._signature:
            try:
                context = self._load()
            except CredentialsError as error:
                if context is None or datetime.now(UTC) >= self._end:
                    raise
                log.warning("%s; the last certificate in this file is used", error)
            self._signature = signature
        if datetime.now(UTC) >= self._end:
            raise _expired(self.path, self._end)
        return context

    def _load(self) -> ssl.SSLContext:
        end = check_certificate(self.path)
        try:
            context = tls_context(self._server, self.path)
        except OSError as error:
            reason = str(error)
        else:
            self._context, self._end = context, end
            return context
        raise CredentialsError(f"the certificate {self.path} cannot be used: {reason}")


def check_certificate(path: Path) -> datetime:
    """Check a certificate. Warn if it expires soon, or if other users can read its file.

    Returns:
        The time when it expires.

    Raises:
        CredentialsError: If the file cannot be read, contains no certificate, or contains a
            certificate that is not valid now.
    """
    try:
        text = SecretText(_atomic_file.read_text(path))
        mode = path.stat().st_mode
    except OSError as error:
        raise CredentialsError(f"the certificate {path} cannot be read: {error.strerror}") from None
    begin, end = validity(path, text)
    now = datetime.now(UTC)
    if now >= end:
        raise _expired(path, end)
    if now < begin:
        raise CredentialsError(
            f"the certificate {path} is not valid before {begin:%Y-%m-%d %H:%M} UTC"
        )
    if end - now < _SOON:
        warn_user(f"the certificate {path} expires at {end:%Y-%m-%d %H:%M} UTC: {_WHAT_TO_DO}")
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        warn_user(f"others can read the certificate {path} and its key: chmod 600 {path}")
    return end


def _expired(path: Path, end: datetime) -> CredentialsError:
    return CredentialsError(
        f"the certificate {path} expired at {end:%Y-%m-%d %H:%M} UTC: {_WHAT_TO_DO}"
    )


def validity(path: Path, text: SecretText) -> tuple[datetime, datetime]:
    """Return the begin and the end of the validity of the first certificate in a text.

    Raises:
        CredentialsError: If the text contains no certificate. The message names the file.
    """
    begin = text.find(ssl.PEM_HEADER)
    end = text.find(ssl.PEM_FOOTER, begin)
    try:
        der = ssl.PEM_cert_to_DER_cert(text[begin : end + len(ssl.PEM_FOOTER)])
        return _validity_of_der(der)
    except (ValueError, IndexError):
        raise CredentialsError(f"{path} holds no certificate: {_WHAT_TO_DO}") from None


def _validity_of_der(der: bytes) -> tuple[datetime, datetime]:
    """Return the begin and the end of the validity of a certificate in DER.

    The validity is the fourth field of the signed part, not counting the optional version. The
    standard library can load a certificate file, but it does not return the validity.
    """
    (_, certificate), *_ = _parts(der)
    (_, to_be_signed), *_ = _parts(certificate)
    fields = _parts(to_be_signed)
    if fields[0][0] == _VERSION:
        fields = fields[1:]
    tag, validity = fields[3]
    if tag != _SEQUENCE:
        raise ValueError("no validity")
    begin, end = (_time(value) for _, value in _parts(validity))
    return begin, end


def _parts(der: bytes) -> list[tuple[int, bytes]]:
    """Return the tag and the value of each element of a DER sequence."""
    parts: list[tuple[int, bytes]] = []
    offset = 0
    while offset < len(der):
        tag, length, offset = der[offset], der[offset + 1], offset + 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(der[offset : offset + size], "big")
            offset += size
        parts.append((tag, der[offset : offset + length]))
        offset += length
    return parts


def _time(value: bytes) -> datetime:
    text = value.decode("ascii")
    # RFC 5280: a year of two digits belongs to this century up to 49, and else to the last one.
    century = "" if len(text) == len("20260702152041Z") else ("20" if text < "50" else "19")
    return datetime.fromisoformat(f"{century}{text[:-7]}T{text[-7:-1]}Z")
