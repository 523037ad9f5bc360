"""The command that tells who is asking."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skaha.cli._call import Call, command
from skaha.cli._sessions import stamp

if TYPE_CHECKING:
    from datetime import datetime

    from skaha.cli._output import Item
    from skaha.client import SkahaClient
    from skaha.config import Settings

_COLUMNS = ("user", "server", "method", "expires", "source")
_USER = "x-vo-authenticated"


@command("auth")
@click.pass_obj
def auth_command(call: Call) -> int:
    """Show who you are to the platform, by which credentials, and until when they are valid."""
    from skaha import Context, config

    settings = config.settings(call.profile, **call.given)
    with call.client(Context) as context:
        users: list[str | None] = []
        hooks = {"response": [lambda answer: users.append(answer.headers.get(_USER))]}
        context.api.get_httpx_client().event_hooks = hooks
        # Whatever needs credentials will do.
        context.resources()
        item = _item(context, settings, users[-1])
    return call.report([item], _COLUMNS, key="user")


def _item(client: SkahaClient, settings: Settings, user: str | None) -> Item:
    method, source = _method(client, settings)
    return {
        "user": user,
        "server": client.server,
        "method": method,
        "source": source,
        "expires": stamp(_expiry(client, method)),
    }


def _method(client: SkahaClient, settings: Settings) -> tuple[str, str]:
    if client.server == "local":
        return "token", "the embedded platform"
    if client.token is not None:
        from skaha.auth import LoginToken

        method = "login" if isinstance(client.token, LoginToken) else "token"
        return method, settings.sources["token"]
    # By now the platform has taken one of the two.
    return "certificate", settings.sources.get("certificate", f"default, {client.certificate}")


def _expiry(client: SkahaClient, method: str) -> datetime | None:
    from skaha import auth, config

    if method == "certificate" and client.certificate is not None:
        return config.valid_until(client.certificate)
    if isinstance(client.token, auth.LoginToken):
        return client.token.ends()
    return auth.token_expiry(client.token) if isinstance(client.token, str) else None
