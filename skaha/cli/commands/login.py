"""The command `skaha login`: get credentials and store them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skaha.cli._config_completion import complete_login
from skaha.cli._context import CommandContext, command
from skaha.cli._sessions import utc_text

if TYPE_CHECKING:
    from skaha.cli._stdout import Item

_COLUMNS = ("user", "provider", "method", "expires", "place")


@command("login")
@click.argument("provider", required=False, shell_complete=complete_login)
@click.option("--user", metavar="NAME", help="User name, for a certificate.")
@click.option(
    "--days", type=float, default=10, show_default=True, help="Lifetime of a certificate in days."
)
@click.option(
    "--client-id",
    metavar="ID",
    help="Client id that the provider knows. Default: register a new client.",
)
@click.pass_obj
def login_command(
    context: CommandContext,
    provider: str | None,
    *,
    user: str | None,
    days: float,
    client_id: str | None,
) -> int:
    """Get a certificate or a token, and store it.

    PROVIDER is the name of a server (see `skaha servers`), the name of a provider (cadc, srcnet),
    or the URL of a provider of OpenID Connect. The default is the provider of the server in use.

    The password for a certificate comes from ~/.netrc, or the command asks for it. For OpenID
    Connect, the command shows an address and a code on standard error; any browser can open the
    address.
    """
    import skaha

    login = skaha.login(
        provider,
        user=user,
        days=days,
        client_id=client_id,
        profile=context.profile,
        **context.arguments_of("server", "certificate", "timeout"),
    )
    item: Item = {
        "user": login.user,
        "provider": login.provider,
        "method": login.method,
        "expires": utc_text(login.expires),
        "place": login.place,
        "server": login.server,
        "profile": login.profile,
    }
    return context.report([item], _COLUMNS, key="user")
