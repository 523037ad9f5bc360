"""Credentials of a cluster, and their way into the environment of its workers."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path

import cryptography  # noqa: F401  (Dask needs it for new credentials, and imports it late)
from distributed import Security

from skaha.errors import InvalidInputError
from skaha.models import SecretText

# A task can open a client, so a worker needs the credentials of a client, too.
_FIELDS = ("tls_ca_file", "tls_client_cert", "tls_client_key", "tls_worker_cert", "tls_worker_key")
_ENCRYPTED = ("tls", "wss")


def make_security(security: object) -> Security | None:
    """Return the security of a cluster: new credentials, those of the caller, or `None` for none.

    Raises:
        InvalidInputError: If it is something else.
    """
    if security is None or security is True:
        temporary: Security = Security.temporary()
        return temporary
    if security is False:
        return None
    if not isinstance(security, Security):
        raise InvalidInputError(
            "security must be a dask.distributed.Security, True for new credentials, or False for "
            f"an open cluster; not {type(security).__name__}"
        )
    return security


def check_protocol(protocol: str | None, security: Security | None) -> str:
    """Return the protocol of a cluster.

    Raises:
        InvalidInputError: If the protocol is encrypted and there are no credentials, or not
            encrypted although there are some.
    """
    if protocol is None:
        return "tls" if security is not None else "tcp"
    name = protocol.removesuffix("://")
    if security is not None and name not in _ENCRYPTED:
        raise InvalidInputError(
            f"protocol {name!r} is not encrypted: use 'tls' or 'wss', or security=False, which "
            "allows all users of the platform's network to run code on the cluster"
        )
    if security is None and name in _ENCRYPTED:
        raise InvalidInputError(f"protocol {name!r} needs credentials: leave out security=False")
    return name


def packed_credentials(security: Security) -> SecretText:
    """Return the credentials of a worker as one word that the platform carries in `env`.

    The credentials are sent themselves, because the container may not have their files.

    Raises:
        InvalidInputError: If a file cannot be read.
    """
    credentials: dict[str, str | bool] = {
        field: _content(field, value)
        for field in _FIELDS
        if (value := getattr(security, field)) is not None
    }
    credentials["require_encryption"] = bool(security.require_encryption)
    packed = zlib.compress(json.dumps(credentials).encode(), 9)
    # The platform drops a value with "=".
    return SecretText(base64.urlsafe_b64encode(packed).decode().rstrip("="))


def _content(field: str, value: str) -> SecretText:
    if "\n" in value:
        return SecretText(value)
    try:
        return SecretText(Path(value).read_text(encoding="ascii"))
    except (OSError, UnicodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is no PEM file"
        raise InvalidInputError(f"security: {field} {value!r} cannot be read: {problem}") from None
