"""What is wrong with a proxy certificate, said before it is used."""

from __future__ import annotations

import ssl
import stat
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dateutil import parser

from skaha.errors import CredentialsError

if TYPE_CHECKING:
    from pathlib import Path

_SOON = timedelta(days=1)
_GET_ONE = "get a new one with `skaha login`"
# From here to whoever constructs a client.
_CALLER = 6
_SEQUENCE, _VERSION = 0x30, 0xA0


def check_certificate(path: Path) -> None:
    """Refuse a certificate that cannot be used; warn of one that soon cannot, or others can read.

    Raises:
        CredentialsError: If it is not there, not readable, no certificate, or not valid now.
    """
    try:
        text, mode = path.read_text(), path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise CredentialsError(f"the certificate {path} cannot be read: {reason}") from None
    begin, end = validity(path, text)
    now = datetime.now(UTC)
    if now >= end:
        raise CredentialsError(
            f"the certificate {path} expired at {end:%Y-%m-%d %H:%M} UTC: {_GET_ONE}"
        )
    if now < begin:
        raise CredentialsError(
            f"the certificate {path} is not valid before {begin:%Y-%m-%d %H:%M} UTC"
        )
    if end - now < _SOON:
        _warn(f"the certificate {path} expires at {end:%Y-%m-%d %H:%M} UTC: {_GET_ONE}")
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        _warn(f"others can read the certificate {path} and its key: chmod 600 {path}")


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=_CALLER)


def validity(path: Path, text: str) -> tuple[datetime, datetime]:
    """Return from when and until when the first certificate in a text is valid.

    Raises:
        CredentialsError: If there is none; it names the file.
    """
    begin = text.find(ssl.PEM_HEADER)
    end = text.find(ssl.PEM_FOOTER, begin)
    try:
        der = ssl.PEM_cert_to_DER_cert(text[begin : end + len(ssl.PEM_FOOTER)])
        return _validity_of_der(der)
    except (ValueError, IndexError):
        raise CredentialsError(f"{path} holds no certificate: {_GET_ONE}") from None


def _validity_of_der(der: bytes) -> tuple[datetime, datetime]:
    """Return the two times of a certificate: the fourth part of its first part, after the version.

    The standard library reads such a file, but does not tell what it read.
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
    """Return tag and value of each element of a DER sequence."""
    parts: list[tuple[int, bytes]] = []
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(der[at : at + size], "big"), at + size
        parts.append((tag, der[at : at + length]))
        at += length
    return parts


def _time(value: bytes) -> datetime:
    text = value.decode("ascii")
    # Two digits of a year are this century's up to 49, by the standard of certificates.
    century = "" if len(text) == len("20260702152041Z") else ("20" if text < "50" else "19")
    return parser.isoparse(f"{century}{text[:-7]}T{text[-7:-1]}Z")
