"""The command `skaha auth`: show the user name and the credentials in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skaha.cli._context import CommandContext, command
from skaha.cli._sessions import utc_text

if TYPE_CHECKING:
    from datetime import datetime

    from skaha.client import SkahaClient
    from skaha.config import Settings


@command("auth")
@click.pass_obj
def auth_command(context: CommandContext) -> int:
    """Show your user name on the platform, the credentials in use, and when they expire."""
    with context.session() as session:
        user = session.whoami()
        if user is None:
            # Without usable credentials, this raises the reason before it sends anything.
            session.fetch()
        method, source = _method_and_source(session, context.settings)
        item = {
            "user": user,
            "server": session.server,
            "method": method,
            "source": source,
            "expires": utc_text(_expiry(session, method)),
        }
    return context.report([item], ("user", "server", "method", "expires", "source"), key="user")


def _method_and_source(client: SkahaClient, settings: Settings) -> tuple[str, str]:
    if client.server == "local":
        return "token", "the embedded platform"
    if client.token is not None:
        from skaha.auth import LoginToken

        method = "login" if isinstance(client.token, LoginToken) else "token"
        return method, settings.sources["token"]
    # The platform accepted the request, so there is a certificate if there is no token.
    return "certificate", settings.sources.get("certificate", f"default, {client.certificate}")


def _expiry(client: SkahaClient, method: str) -> datetime | None:
    from skaha import auth, config

    if method == "certificate" and client.certificate is not None:
        return config.valid_until(client.certificate)
    if isinstance(client.token, auth.LoginToken):
        return client.token.ends()
    token = client.token() if callable(client.token) else client.token
    return None if token is None else auth.token_expiry(token)
